// SPDX-License-Identifier: EUPL-1.2
//
// Makes the ProtobufCMessageDescriptor of a DescriptorProto, and lays out the struct that protobuf-c fills: the base,
// then all that needs eight-byte alignment (pointers, counts, 64-bit values, oneofs), then all that needs four.
#include <stdlib.h>

#include "contract/field.h"
#include "contract/load.h"

enum {
	MESSAGE_FIELD = 2,
	MESSAGE_OPTIONS = 7,
	MESSAGE_ONEOF = 8,
	MESSAGE_OPTION_SET_WIRE_FORMAT = 1,
	MESSAGE_OPTION_MAP_ENTRY = 7,
	ONEOF_NAME = 1,
	FIELD_NAME = 1,
	FIELD_NUMBER = 3,
	FIELD_LABEL = 4,
	FIELD_TYPE = 5,
	FIELD_TYPE_NAME = 6,
	FIELD_OPTIONS = 8,
	FIELD_ONEOF_INDEX = 9,
	FIELD_JSON_NAME = 10,
	FIELD_PROTO3_OPTIONAL = 17,
	FIELD_OPTION_PACKED = 2,
	FIELD_OPTION_DEPRECATED = 3,
	LABEL_REQUIRED = 2,
	LABEL_REPEATED = 3,
};

// Types of FieldDescriptorProto, by number.
static const struct {
	bool known;
	ProtobufCType type;
} types[] = {
	[1] = { true, PROTOBUF_C_TYPE_DOUBLE },    [2] = { true, PROTOBUF_C_TYPE_FLOAT },
	[3] = { true, PROTOBUF_C_TYPE_INT64 },     [4] = { true, PROTOBUF_C_TYPE_UINT64 },
	[5] = { true, PROTOBUF_C_TYPE_INT32 },     [6] = { true, PROTOBUF_C_TYPE_FIXED64 },
	[7] = { true, PROTOBUF_C_TYPE_FIXED32 },   [8] = { true, PROTOBUF_C_TYPE_BOOL },
	[9] = { true, PROTOBUF_C_TYPE_STRING },    [11] = { true, PROTOBUF_C_TYPE_MESSAGE },
	[12] = { true, PROTOBUF_C_TYPE_BYTES },    [13] = { true, PROTOBUF_C_TYPE_UINT32 },
	[14] = { true, PROTOBUF_C_TYPE_ENUM },     [15] = { true, PROTOBUF_C_TYPE_SFIXED32 },
	[16] = { true, PROTOBUF_C_TYPE_SFIXED64 }, [17] = { true, PROTOBUF_C_TYPE_SINT32 },
	[18] = { true, PROTOBUF_C_TYPE_SINT64 },
};

// A FieldDescriptorProto as read.
struct declared_field {
	struct slice name;
	struct slice type_name;
	struct slice json_name;
	struct slice options;
	uint64_t number;
	uint64_t label;
	uint64_t type;
	uint64_t oneof;
	bool in_oneof;
	bool optional; // proto3 `optional`: its oneof is synthetic
};

struct oneof {
	const char *name;
	unsigned case_offset;
	unsigned value_offset;
	size_t members;
};

// A message while it is built.
struct building {
	struct contract *contract;
	struct symbol *symbol;
	ProtobufCFieldDescriptor *fields;
	struct contract_field *about;
	struct declared_field *declared; // parallel to fields until they are sorted
	size_t field_count;
	struct oneof *oneofs;
	size_t oneof_count;
	struct slice options;
	struct fault *fault;
};

static result refuse(const struct building *b, const struct declared_field *field, result code, const char *what)
{
	int size = field && field->name.size < 100 ? (int)field->name.size : 0;
	return fault_set(b->fault, code, "%s: field \"%s.%.*s\": %s", b->symbol->file->name, b->symbol->name, size,
			 size ? (const char *)field->name.data : "", what);
}

static result broken(const struct building *b)
{
	return fault_set(b->fault, ERR_FORMAT, "%s: message \"%s\": truncated or not well-formed",
			 b->symbol->file->name, b->symbol->name);
}

static bool varint_option(struct slice options, uint32_t number, bool absent)
{
	struct wireformat_item item;
	while (wireformat_next(&options, &item) == WIREFORMAT_ITEM) {
		if (item.number == number && item.type == WIREFORMAT_VARINT) {
			absent = item.value != 0;
		}
	}
	return absent;
}

static result read_field(const struct building *b, struct slice bytes, struct declared_field *field)
{
	struct wireformat_item item;
	enum wireformat_step step;
	while ((step = wireformat_next(&bytes, &item)) == WIREFORMAT_ITEM) {
		if (item.type == WIREFORMAT_LENGTH) {
			struct slice *text = item.number == FIELD_NAME        ? &field->name
					     : item.number == FIELD_TYPE_NAME ? &field->type_name
					     : item.number == FIELD_JSON_NAME ? &field->json_name
					     : item.number == FIELD_OPTIONS   ? &field->options
									      : NULL;
			if (text) {
				*text = item.bytes;
			}
		} else if (item.type == WIREFORMAT_VARINT) {
			uint64_t *number = item.number == FIELD_NUMBER        ? &field->number
					   : item.number == FIELD_LABEL       ? &field->label
					   : item.number == FIELD_TYPE        ? &field->type
					   : item.number == FIELD_ONEOF_INDEX ? &field->oneof
									      : NULL;
			if (number) {
				*number = item.value;
			}
			field->in_oneof |= item.number == FIELD_ONEOF_INDEX;
			field->optional |= item.number == FIELD_PROTO3_OPTIONAL && item.value != 0;
		}
	}
	return step == WIREFORMAT_BROKEN ? broken(b) : OK;
}

static result check_field(const struct building *b, const struct declared_field *field)
{
	if (!symbol_is_identifier(field->name) || field->name.size > CONTRACT_NAME_MAX) {
		return refuse(b, NULL, ERR_FORMAT, "a field has no usable name");
	}
	if (field->number == 0 || field->number > WIREFORMAT_NUMBER_MAX) {
		return refuse(b, field, ERR_FORMAT, "the number is not in 1 to 536870911");
	}
	if (field->type == 10) {
		return refuse(b, field, ERR_UNSUPPORTED, "groups are not supported");
	}
	if (field->type >= sizeof types / sizeof types[0] || !types[field->type].known) {
		return refuse(b, field, ERR_FORMAT, "an unknown type");
	}
	if (field->label == LABEL_REQUIRED) {
		return refuse(b, field, ERR_FORMAT, "proto3 has no required fields");
	}
	if (field->in_oneof && (field->oneof >= b->oneof_count || field->label == LABEL_REPEATED)) {
		return refuse(b, field, ERR_FORMAT, "a oneof that does not exist, or a repeated field in one");
	}
	if (field->optional && !field->in_oneof) {
		return refuse(b, field, ERR_FORMAT, "proto3 optional without its synthetic oneof");
	}
	if (field->json_name.size > CONTRACT_NAME_MAX || !symbol_is_printable(field->json_name)) {
		return refuse(b, field, ERR_FORMAT, "the JSON name is not usable");
	}
	return OK;
}

// lowerCamelCase as protoc makes it: underscores vanish and raise the letter after them.
static const char *camel_case(struct arena *arena, struct slice name)
{
	char *text = arena_alloc(arena, name.size + 1);
	if (!text) {
		return NULL;
	}
	size_t size = 0;
	bool raise = false;
	for (size_t i = 0; i < name.size; i++) {
		uint8_t c = name.data[i];
		if (c == '_') {
			raise = true;
			continue;
		}
		text[size++] = (char)(raise && c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
		raise = false;
	}
	text[size] = '\0';
	return text;
}

static result resolve_type(const struct building *b, const struct declared_field *declared,
			   ProtobufCFieldDescriptor *field)
{
	if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_ENUM) {
		return OK;
	}
	struct symbol *symbol;
	result r = symbol_resolve(b->contract, declared->type_name, &symbol, b->fault);
	if (r != OK) {
		return fault_prefix(b->fault, r, "field \"%s.%s\"", b->symbol->name, field->name);
	}
	if (field->type == PROTOBUF_C_TYPE_MESSAGE && symbol->kind == SYMBOL_MESSAGE) {
		field->descriptor = symbol->message;
		return OK;
	}
	if (field->type == PROTOBUF_C_TYPE_ENUM && symbol->kind == SYMBOL_ENUM) {
		field->descriptor = symbol->enumeration;
		return OK;
	}
	return refuse(b, declared, ERR_FORMAT, "the type it refers to is of another kind");
}

static bool is_packable(ProtobufCType type)
{
	return type != PROTOBUF_C_TYPE_STRING && type != PROTOBUF_C_TYPE_BYTES && type != PROTOBUF_C_TYPE_MESSAGE;
}

static void label_field(struct building *b, const struct declared_field *declared, ProtobufCFieldDescriptor *field,
			struct contract_field *about)
{
	if (declared->label == LABEL_REPEATED) {
		field->label = PROTOBUF_C_LABEL_REPEATED;
		if (is_packable(field->type) && varint_option(declared->options, FIELD_OPTION_PACKED, true)) {
			field->flags |= PROTOBUF_C_FIELD_FLAG_PACKED;
		}
	} else if (declared->in_oneof && !declared->optional) {
		field->label = PROTOBUF_C_LABEL_OPTIONAL;
		field->flags |= PROTOBUF_C_FIELD_FLAG_ONEOF;
		about->oneof = b->oneofs[declared->oneof].name;
		about->has_presence = true;
		b->oneofs[declared->oneof].members++;
	} else if (declared->optional || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		field->label = PROTOBUF_C_LABEL_OPTIONAL;
		about->has_presence = true;
	} else {
		field->label = PROTOBUF_C_LABEL_NONE;
		if (field->type == PROTOBUF_C_TYPE_STRING) {
			// As generated code has it: an unset text reads as "", never NULL.
			field->default_value = protobuf_c_empty_string;
		}
	}
	if (varint_option(declared->options, FIELD_OPTION_DEPRECATED, false)) {
		field->flags |= PROTOBUF_C_FIELD_FLAG_DEPRECATED;
	}
}

static result make_field(struct building *b, size_t i)
{
	const struct declared_field *declared = &b->declared[i];
	ProtobufCFieldDescriptor *field = &b->fields[i];
	struct contract_field *about = &b->about[i];
	result r = check_field(b, declared);
	if (r != OK) {
		return r;
	}
	field->name = arena_copy(&b->contract->arena, declared->name);
	field->id = (uint32_t)declared->number;
	field->type = types[declared->type].type;
	about->options = declared->options;
	about->json_name = declared->json_name.size ? arena_copy(&b->contract->arena, declared->json_name)
						    : camel_case(&b->contract->arena, declared->name);
	if (!field->name || !about->json_name) {
		return ERR_LIMIT;
	}
	label_field(b, declared, field, about);
	return resolve_type(b, declared, field);
}

// Whether the quantifier of a field is of its own (not a oneof's) and how large.
static size_t quantifier_size(const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		return sizeof(size_t);
	}
	bool flagged = field->label == PROTOBUF_C_LABEL_OPTIONAL && !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		       field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE;
	return flagged ? sizeof(protobuf_c_boolean) : 0;
}

static size_t place_size(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED ? sizeof(void *) : field_value_size(field->type);
}

static unsigned take(size_t *offset, size_t size)
{
	unsigned at = (unsigned)*offset;
	*offset += size;
	return at;
}

// Gives every place its offset. At most CONTRACT_FIELDS_MAX fields of 24 bytes: no overflow.
static size_t lay_out(struct building *b)
{
	size_t offset = sizeof(ProtobufCMessage);
	for (size_t i = 0; i < b->oneof_count; i++) {
		if (b->oneofs[i].members > 0) {
			b->oneofs[i].value_offset = take(&offset, sizeof(ProtobufCBinaryData));
		}
	}
	for (size_t wide = 2; wide-- > 0;) {
		for (size_t i = 0; i < b->field_count; i++) {
			ProtobufCFieldDescriptor *field = &b->fields[i];
			size_t quantifier = quantifier_size(field);
			if (quantifier > 0 && (quantifier >= 8) == (wide == 1)) {
				field->quantifier_offset = take(&offset, quantifier);
			}
			if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && (place_size(field) >= 8) == (wide == 1)) {
				field->offset = take(&offset, place_size(field));
			}
		}
	}
	for (size_t i = 0; i < b->oneof_count; i++) {
		if (b->oneofs[i].members > 0) {
			b->oneofs[i].case_offset = take(&offset, sizeof(uint32_t));
		}
	}
	for (size_t i = 0; i < b->field_count; i++) {
		if (b->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			const struct oneof *oneof = &b->oneofs[b->declared[i].oneof];
			b->fields[i].quantifier_offset = oneof->case_offset;
			b->fields[i].offset = oneof->value_offset;
		}
	}
	return (offset + 7) / 8 * 8;
}

static int by_id(const void *a, const void *b)
{
	const struct declared_field *left = a;
	const struct declared_field *right = b;
	return (left->number > right->number) - (left->number < right->number);
}

static int by_field_name(const void *a, const void *b, void *fields)
{
	const ProtobufCFieldDescriptor *all = fields;
	return strcmp(all[*(const unsigned *)a].name, all[*(const unsigned *)b].name);
}

// The two indexes protobuf-c searches fields with.
static result index_fields(struct building *b, ProtobufCMessageDescriptor *message)
{
	unsigned *names = arena_alloc(&b->contract->arena, b->field_count * sizeof *names);
	ProtobufCIntRange *ranges = arena_zalloc(&b->contract->arena, (b->field_count + 1) * sizeof *ranges);
	if (!names || !ranges) {
		return ERR_LIMIT;
	}
	unsigned range_count = 0;
	for (unsigned i = 0; i < b->field_count; i++) {
		names[i] = i;
		if (i > 0 && b->fields[i].id == b->fields[i - 1].id) {
			return refuse(b, &b->declared[i], ERR_FORMAT, "its number is taken");
		}
		if (i == 0 || b->fields[i].id != b->fields[i - 1].id + 1) {
			ranges[range_count++] =
			    (ProtobufCIntRange){ .start_value = (int)b->fields[i].id, .orig_index = i };
		}
	}
	ranges[range_count] = (ProtobufCIntRange){ .orig_index = (unsigned)b->field_count };
	qsort_r(names, b->field_count, sizeof *names, by_field_name, b->fields);
	for (size_t i = 1; i < b->field_count; i++) {
		if (strcmp(b->fields[names[i - 1]].name, b->fields[names[i]].name) == 0) {
			return refuse(b, &b->declared[names[i]], ERR_FORMAT, "its name is taken");
		}
	}
	message->fields_sorted_by_name = names;
	message->field_ranges = ranges;
	message->n_field_ranges = range_count;
	return OK;
}

// Counts the parts and reads oneofs, options and fields.
static result read_parts(struct building *b, struct arena *scratch)
{
	struct wireformat_item item;
	enum wireformat_step step;
	struct slice rest = b->symbol->declaration;
	while ((step = wireformat_next(&rest, &item)) == WIREFORMAT_ITEM) {
		b->field_count += item.number == MESSAGE_FIELD && item.type == WIREFORMAT_LENGTH;
		b->oneof_count += item.number == MESSAGE_ONEOF && item.type == WIREFORMAT_LENGTH;
		if (item.number == MESSAGE_OPTIONS && item.type == WIREFORMAT_LENGTH) {
			b->options = item.bytes;
		}
	}
	if (step == WIREFORMAT_BROKEN) {
		return broken(b);
	}
	if (b->field_count > CONTRACT_FIELDS_MAX || b->oneof_count > CONTRACT_FIELDS_MAX) {
		return fault_set(b->fault, ERR_LIMIT, "message \"%s\": more than %d fields or oneofs", b->symbol->name,
				 CONTRACT_FIELDS_MAX);
	}
	b->fields = arena_zalloc(&b->contract->arena, b->field_count * sizeof *b->fields);
	b->about = arena_zalloc(&b->contract->arena, b->field_count * sizeof *b->about);
	b->declared = arena_zalloc(scratch, b->field_count * sizeof *b->declared);
	b->oneofs = arena_zalloc(scratch, b->oneof_count * sizeof *b->oneofs);
	if (!b->fields || !b->about || !b->declared || !b->oneofs) {
		return ERR_LIMIT;
	}
	size_t field = 0;
	size_t oneof = 0;
	result r = OK;
	rest = b->symbol->declaration;
	while (r == OK && wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		if (item.number == MESSAGE_FIELD && item.type == WIREFORMAT_LENGTH) {
			r = read_field(b, item.bytes, &b->declared[field++]);
		} else if (item.number == MESSAGE_ONEOF && item.type == WIREFORMAT_LENGTH) {
			struct slice name = { 0 };
			if (!contract_option(item.bytes, ONEOF_NAME, &name) || !symbol_is_identifier(name) ||
			    name.size > CONTRACT_NAME_MAX) {
				return refuse(b, NULL, ERR_FORMAT, "a oneof has no usable name");
			}
			b->oneofs[oneof].name = arena_copy(&b->contract->arena, name);
			r = b->oneofs[oneof++].name ? OK : ERR_LIMIT;
		}
	}
	return r;
}

// A map is a repeated field of an entry message; the entry must have the one shape that JSON and callers count on.
static bool is_map_entry_shape(const ProtobufCMessageDescriptor *message)
{
	if (message->n_fields != 2 || message->fields[0].id != 1 || message->fields[1].id != 2) {
		return false;
	}
	const ProtobufCFieldDescriptor *key = &message->fields[0];
	const ProtobufCFieldDescriptor *value = &message->fields[1];
	bool key_type = key->type != PROTOBUF_C_TYPE_FLOAT && key->type != PROTOBUF_C_TYPE_DOUBLE &&
			key->type != PROTOBUF_C_TYPE_BYTES && key->type != PROTOBUF_C_TYPE_MESSAGE &&
			key->type != PROTOBUF_C_TYPE_ENUM;
	bool value_label = value->label == PROTOBUF_C_LABEL_NONE || value->type == PROTOBUF_C_TYPE_MESSAGE;
	return key_type && key->label == PROTOBUF_C_LABEL_NONE && value_label &&
	       value->label != PROTOBUF_C_LABEL_REPEATED && !(value->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
}

static const char *short_name(const char *full)
{
	const char *dot = strrchr(full, '.');
	return dot ? dot + 1 : full;
}

static result finish(struct building *b)
{
	ProtobufCMessageDescriptor *message = b->symbol->message;
	struct contract_message *about = b->symbol->about_message;
	*message = (ProtobufCMessageDescriptor){
		.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
		.name = b->symbol->name,
		.short_name = short_name(b->symbol->name),
		.c_name = b->symbol->name,
		.package_name = b->symbol->package,
		.sizeof_message = lay_out(b),
		.n_fields = (unsigned)b->field_count,
		.fields = b->field_count ? b->fields : NULL, // protobuf-c looks at the first field if there is a table
		.reserved1 = about,
	};
	*about = (struct contract_message){
		.descriptor = message,
		.contract = b->contract,
		.is_map_entry = varint_option(b->options, MESSAGE_OPTION_MAP_ENTRY, false),
		.fields = b->about,
		.options = b->options,
	};
	result r = index_fields(b, message);
	if (r != OK) {
		return r;
	}
	if (varint_option(b->options, MESSAGE_OPTION_SET_WIRE_FORMAT, false)) {
		return refuse(b, NULL, ERR_UNSUPPORTED, "message sets are not supported");
	}
	if (about->is_map_entry && !is_map_entry_shape(message)) {
		return refuse(b, NULL, ERR_FORMAT, "a map entry without a proper key and value");
	}
	r = build_names(b->contract, about, b->fault);
	return r == OK ? known_check(about, b->fault) : r;
}

result build_message(struct contract *contract, struct symbol *symbol, struct fault *fault)
{
	struct arena scratch;
	arena_init(&scratch, CONTRACT_MEMORY_MAX);
	struct building b = { .contract = contract, .symbol = symbol, .fault = fault };
	result r = read_parts(&b, &scratch);
	if (r == OK && b.field_count > 0) {
		// Declarations first: everything made from them is then in the order of numbers.
		qsort(b.declared, b.field_count, sizeof *b.declared, by_id);
	}
	for (size_t i = 0; r == OK && i < b.field_count; i++) {
		r = make_field(&b, i);
	}
	if (r == OK) {
		r = finish(&b);
	}
	arena_release(&scratch);
	return r;
}
