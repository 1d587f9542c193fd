// SPDX-License-Identifier: EUPL-1.2
#include "contract/field.h"

#include "contract/name.h"

size_t field_value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	}
	assert_always(false);
	return 0;
}

const ProtobufCFieldDescriptor *field_by_name(const ProtobufCMessageDescriptor *descriptor, struct slice name)
{
	unsigned low = 0;
	unsigned high = descriptor->n_fields;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const ProtobufCFieldDescriptor *field = &descriptor->fields[descriptor->fields_sorted_by_name[middle]];
		int order = name_order(field->name, name);
		if (order == 0) {
			return field;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const ProtobufCFieldDescriptor *field_by_number(const ProtobufCMessageDescriptor *descriptor, uint32_t number)
{
	// Most messages number their fields from 1 without gaps.
	if (number - 1 < descriptor->n_fields && descriptor->fields[number - 1].id == number) {
		return &descriptor->fields[number - 1];
	}
	unsigned low = 0;
	unsigned high = descriptor->n_fields;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (descriptor->fields[middle].id == number) {
			return &descriptor->fields[middle];
		}
		if (descriptor->fields[middle].id < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const ProtobufCEnumValue *field_enum_by_number(const ProtobufCEnumDescriptor *enumeration, int32_t number)
{
	unsigned low = 0;
	unsigned high = enumeration->n_values;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const ProtobufCEnumValue *value = &enumeration->values[middle];
		if (value->value == number) {
			return value;
		}
		if (value->value < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const ProtobufCEnumValue *field_enum_by_name(const ProtobufCEnumDescriptor *enumeration, struct slice name)
{
	unsigned low = 0;
	unsigned high = enumeration->n_value_names;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const ProtobufCEnumValueIndex *entry = &enumeration->values_by_name[middle];
		int order = name_order(entry->name, name);
		if (order == 0) {
			return &enumeration->values[entry->index];
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

static const void *place_of(const ProtobufCMessage *message, size_t offset)
{
	return (const uint8_t *)message + offset;
}

static void *place_in(ProtobufCMessage *message, size_t offset)
{
	return (uint8_t *)message + offset;
}

// Whether a value is the default of implicit presence. Floats go by their bits: -0.0 is no default.
static bool is_zero(const ProtobufCFieldDescriptor *field, const void *place)
{
	static const uint8_t zero[sizeof(uint64_t)];
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING: {
		const char *text = *(const char *const *)place;
		return !text || text[0] == '\0';
	}
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)place)->len == 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(const ProtobufCMessage *const *)place == NULL;
	default:
		return memcmp(place, zero, field_value_size(field->type)) == 0;
	}
}

size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *quantifier = place_of(message, field->quantifier_offset);
	const void *place = place_of(message, field->offset);
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		return *(const size_t *)quantifier;
	}
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		return *(const uint32_t *)quantifier == field->id ? 1 : 0;
	}
	if (field->label == PROTOBUF_C_LABEL_NONE) {
		return is_zero(field, place) ? 0 : 1;
	}
	if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *pointer = *(const void *const *)place;
		return pointer && pointer != field->default_value ? 1 : 0;
	}
	return field->label == PROTOBUF_C_LABEL_REQUIRED || *(const protobuf_c_boolean *)quantifier ? 1 : 0;
}

const void *field_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i)
{
	const void *place = place_of(message, field->offset);
	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		return place;
	}
	return *(const uint8_t *const *)place + i * field_value_size(field->type);
}

void *field_set(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *place = place_in(message, field->offset);
	void *quantifier = place_in(message, field->quantifier_offset);
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
		*(uint32_t *)quantifier = field->id;
		memset(place, 0, field_value_size(field->type));
	} else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset != 0) {
		*(protobuf_c_boolean *)quantifier = true;
	}
	return place;
}

void *field_resize(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count, struct arena *arena)
{
	size_t size = field_value_size(field->type);
	if (count > SIZE_MAX / size) {
		return NULL;
	}
	void *values = arena_zalloc(arena, count * size);
	if (values) {
		*(size_t *)place_in(message, field->quantifier_offset) = count;
		*(void **)place_in(message, field->offset) = values;
	}
	return values;
}
