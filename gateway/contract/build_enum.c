// SPDX-License-Identifier: EUPL-1.2
//
// Makes the ProtobufCEnumDescriptor of an EnumDescriptorProto.
#include <limits.h>
#include <stdlib.h>

#include "contract/load.h"

enum {
	ENUM_VALUE = 2,
	ENUM_OPTIONS = 3,
	ENUM_OPTION_ALLOW_ALIAS = 2,
	VALUE_NAME = 1,
	VALUE_NUMBER = 2,
};

// One name of the enum while it is built; its place in the file decides which alias stands for the number.
struct named_value {
	const char *name;
	int32_t number;
	unsigned position;
	unsigned index; // into the distinct values
};

static int by_number(const void *a, const void *b)
{
	const struct named_value *left = a;
	const struct named_value *right = b;
	if (left->number != right->number) {
		return left->number < right->number ? -1 : 1;
	}
	return (left->position > right->position) - (left->position < right->position);
}

static int by_value_name(const void *a, const void *b)
{
	return strcmp(((const struct named_value *)a)->name, ((const struct named_value *)b)->name);
}

static result read_value(struct contract *contract, const struct symbol *symbol, struct slice bytes,
			 struct named_value *value, struct fault *fault)
{
	struct wireformat_item item;
	enum wireformat_step step;
	struct slice name = { 0 };
	while ((step = wireformat_next(&bytes, &item)) == WIREFORMAT_ITEM) {
		if (item.number == VALUE_NAME && item.type == WIREFORMAT_LENGTH) {
			name = item.bytes;
		} else if (item.number == VALUE_NUMBER && item.type == WIREFORMAT_VARINT) {
			value->number = (int32_t)(uint32_t)item.value;
		}
	}
	if (step == WIREFORMAT_BROKEN || !symbol_is_identifier(name) || name.size > CONTRACT_NAME_MAX) {
		return fault_set(fault, ERR_FORMAT, "enum \"%s\": a value has no usable name", symbol->name);
	}
	value->name = arena_copy(&contract->arena, name);
	return value->name ? OK : ERR_LIMIT;
}

static bool allows_alias(struct slice options)
{
	struct wireformat_item item;
	bool allowed = false;
	while (wireformat_next(&options, &item) == WIREFORMAT_ITEM) {
		if (item.number == ENUM_OPTION_ALLOW_ALIAS && item.type == WIREFORMAT_VARINT) {
			allowed = item.value != 0;
		}
	}
	return allowed;
}

// Counts the values and finds the options.
static result survey(const struct symbol *symbol, size_t *ret_count, struct slice *ret_options, struct fault *fault)
{
	struct slice rest = symbol->declaration;
	struct wireformat_item item;
	enum wireformat_step step;
	size_t count = 0;
	struct slice options = { 0 };
	while ((step = wireformat_next(&rest, &item)) == WIREFORMAT_ITEM) {
		if (item.number == ENUM_VALUE && item.type == WIREFORMAT_LENGTH) {
			count++;
		} else if (item.number == ENUM_OPTIONS && item.type == WIREFORMAT_LENGTH) {
			options = item.bytes;
		}
	}
	if (step == WIREFORMAT_BROKEN || count == 0) {
		return fault_set(fault, ERR_FORMAT, "enum \"%s\": truncated, or without a value", symbol->name);
	}
	if (count > CONTRACT_VALUES_MAX) {
		return fault_set(fault, ERR_LIMIT, "enum \"%s\": more than %d values", symbol->name,
				 CONTRACT_VALUES_MAX);
	}
	*ret_count = count;
	*ret_options = options;
	return OK;
}

// From values sorted by number: the distinct ones, and the ranges that protobuf-c searches numbers in.
static result fill_numbers(struct contract *contract, const struct symbol *symbol, struct named_value *values,
			   size_t count, bool aliases, struct fault *fault)
{
	ProtobufCEnumValue *distinct = arena_zalloc(&contract->arena, count * sizeof *distinct);
	ProtobufCIntRange *ranges = arena_zalloc(&contract->arena, (count + 1) * sizeof *ranges);
	if (!distinct || !ranges) {
		return ERR_LIMIT;
	}
	unsigned distinct_count = 0;
	unsigned range_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (distinct_count > 0 && distinct[distinct_count - 1].value == values[i].number) {
			if (!aliases) {
				return fault_set(fault, ERR_FORMAT,
						 "enum \"%s\": number %d has two names without allow_alias",
						 symbol->name, values[i].number);
			}
		} else {
			int before = distinct_count > 0 ? distinct[distinct_count - 1].value : INT_MAX;
			if (before == INT_MAX || values[i].number != before + 1) {
				ranges[range_count++] = (ProtobufCIntRange){ .start_value = values[i].number,
									     .orig_index = distinct_count };
			}
			distinct[distinct_count++] = (ProtobufCEnumValue){ .name = values[i].name,
									   .c_name = values[i].name,
									   .value = values[i].number };
		}
		values[i].index = distinct_count - 1;
	}
	ranges[range_count] = (ProtobufCIntRange){ .orig_index = distinct_count };
	symbol->enumeration->n_values = distinct_count;
	symbol->enumeration->values = distinct;
	symbol->enumeration->n_value_ranges = range_count;
	symbol->enumeration->value_ranges = ranges;
	return OK;
}

static result fill_names(struct contract *contract, const struct symbol *symbol, struct named_value *values,
			 size_t count, struct fault *fault)
{
	ProtobufCEnumValueIndex *names = arena_zalloc(&contract->arena, count * sizeof *names);
	if (!names) {
		return ERR_LIMIT;
	}
	qsort(values, count, sizeof *values, by_value_name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && strcmp(values[i - 1].name, values[i].name) == 0) {
			return fault_set(fault, ERR_FORMAT, "enum \"%s\": \"%.100s\" is declared twice", symbol->name,
					 values[i].name);
		}
		names[i] = (ProtobufCEnumValueIndex){ .name = values[i].name, .index = values[i].index };
	}
	symbol->enumeration->n_value_names = (unsigned)count;
	symbol->enumeration->values_by_name = names;
	return OK;
}

static const char *short_name(const char *full)
{
	const char *dot = strrchr(full, '.');
	return dot ? dot + 1 : full;
}

result build_enum(struct contract *contract, struct symbol *symbol, struct fault *fault)
{
	size_t count = 0;
	struct slice options = { 0 };
	result r = survey(symbol, &count, &options, fault);
	if (r != OK) {
		return r;
	}
	struct named_value *values = arena_zalloc(&contract->arena, count * sizeof *values);
	if (!values) {
		return ERR_LIMIT;
	}
	struct slice rest = symbol->declaration;
	struct wireformat_item item;
	unsigned position = 0;
	while (r == OK && wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		if (item.number == ENUM_VALUE && item.type == WIREFORMAT_LENGTH) {
			values[position].position = position;
			r = read_value(contract, symbol, item.bytes, &values[position], fault);
			position++;
		}
	}
	if (r == OK && values[0].number != 0) {
		// proto3's default is 0: without that first value an unset field would hold a number without a name.
		r = fault_set(fault, ERR_FORMAT, "enum \"%s\": the first value is not 0", symbol->name);
	}
	if (r != OK) {
		return r;
	}
	qsort(values, count, sizeof *values, by_number);
	*symbol->enumeration = (ProtobufCEnumDescriptor){
		.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
		.name = symbol->name,
		.short_name = short_name(symbol->name),
		.c_name = symbol->name,
		.package_name = symbol->package,
	};
	r = fill_numbers(contract, symbol, values, count, allows_alias(options), fault);
	return r == OK ? fill_names(contract, symbol, values, count, fault) : r;
}
