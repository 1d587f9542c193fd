// SPDX-License-Identifier: EUPL-1.2
//
// Random messages of any type of a contract, for property tests. They have a JSON form: times in range, known types in
// an Any, paths that survive. A seed reproduces a message.
#ifndef BESA_TESTS_CONTRACT_GENERATE_H
#define BESA_TESTS_CONTRACT_GENERATE_H

#include <stdio.h>

#include "contract/contract.h"
#include "contract/field.h"
#include "contract/message.h"

struct generate {
	uint64_t state;
	struct arena *arena;
	const struct contract *contract;
	unsigned depth;
};

// splitmix64
static inline uint64_t generate_number(struct generate *g)
{
	uint64_t z = g->state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline uint64_t generate_below(struct generate *g, uint64_t limit)
{
	return generate_number(g) % limit;
}

// Numbers of every length, the extremes among them.
static inline uint64_t generate_bits(struct generate *g)
{
	switch (generate_below(g, 8)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return (uint64_t)INT64_MAX + generate_below(g, 2);
	case 3:
		return (uint64_t)INT32_MAX + generate_below(g, 2);
	default:
		return generate_number(g) >> generate_below(g, 64);
	}
}

static inline char *generate_text(struct generate *g)
{
	static const char *const parts[] = {
		"a", "Zyra", "\"", "\\", "\n", "\t",           "\x01", "\x7f",       "é", "ë",
		"Њ", "中",   "𐍈",  "/",  "<",  "\xe2\x80\xa8", "  ",   "1234567890", "ç", "\xef\xbf\xbf"
	};
	char text[256];
	size_t size = 0;
	uint64_t count = generate_below(g, 12);
	for (uint64_t i = 0; i < count; i++) {
		const char *part = parts[generate_below(g, sizeof parts / sizeof parts[0])];
		memcpy(text + size, part, strlen(part));
		size += strlen(part);
	}
	char *copy = arena_copy(g->arena, slice_of(text, size));
	assert_always(copy);
	return copy;
}

static inline ProtobufCBinaryData generate_bytes(struct generate *g)
{
	size_t size = generate_below(g, 20);
	uint8_t *bytes = arena_alloc(g->arena, size);
	assert_always(bytes);
	for (size_t i = 0; i < size; i++) {
		bytes[i] = (uint8_t)generate_number(g);
	}
	return (ProtobufCBinaryData){ .len = size, .data = size ? bytes : NULL };
}

static inline double generate_double(struct generate *g, bool finite)
{
	uint64_t bits = generate_number(g);
	double value;
	switch (generate_below(g, 6)) {
	case 0:
		return (double)(int64_t)generate_below(g, 2000) - 1000;
	case 1:
		return finite ? 0.1 : __builtin_inf();
	case 2:
		return finite ? -0.5 : -__builtin_inf();
	default:
		memcpy(&value, &bits, sizeof value);
		// Only the one NaN that JSON can spell, so that messages compare.
		return __builtin_isfinite(value) ? value : finite ? 1e300 : (double)__builtin_nan("");
	}
}

static inline float generate_float(struct generate *g)
{
	uint32_t bits = (uint32_t)generate_number(g);
	float value;
	memcpy(&value, &bits, sizeof value);
	return __builtin_isfinite(value) ? value
	       : generate_below(g, 2)    ? (float)__builtin_nan("")
					 : (float)__builtin_inf();
}

static inline ProtobufCMessage *generate_message(struct generate *g, const ProtobufCMessageDescriptor *type);

static inline void generate_value(struct generate *g, const ProtobufCFieldDescriptor *field, void *place)
{
	uint64_t bits = generate_bits(g);
	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)place = bits & 1;
		break;
	case PROTOBUF_C_TYPE_ENUM: {
		const ProtobufCEnumDescriptor *type = field->descriptor;
		bool known = generate_below(g, 5) > 0 || strcmp(type->short_name, "NullValue") == 0;
		*(int32_t *)place = known ? type->values[generate_below(g, type->n_values)].value : (int32_t)bits;
		break;
	}
	case PROTOBUF_C_TYPE_FLOAT:
		*(float *)place = generate_float(g);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		*(double *)place = generate_double(g, strcmp(field->name, "number_value") == 0);
		break;
	case PROTOBUF_C_TYPE_STRING:
		*(char **)place = generate_text(g);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)place = generate_bytes(g);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)place = generate_message(g, field->descriptor);
		break;
	default:
		if (field_value_size(field->type) == 4) {
			*(uint32_t *)place = (uint32_t)bits;
		} else {
			*(uint64_t *)place = bits;
		}
	}
}

// Keys must differ, or reading keeps only the last of two.
static inline void generate_map_key(struct generate *g, ProtobufCMessage *entry, unsigned position)
{
	const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
	void *place = field_set(entry, key);
	if (key->type == PROTOBUF_C_TYPE_STRING) {
		char *text = generate_text(g);
		char whole[300];
		snprintf(whole, sizeof whole, "%u%s", position, text);
		*(char **)place = arena_copy(g->arena, slice_text(whole));
	} else if (key->type == PROTOBUF_C_TYPE_BOOL) {
		*(protobuf_c_boolean *)place = position == 0;
	} else {
		generate_value(g, key, place);
		*(uint8_t *)place = (uint8_t)position;
	}
}

static inline void generate_repeated(struct generate *g, ProtobufCMessage *message,
				     const ProtobufCFieldDescriptor *field)
{
	bool is_map = contract_field_of(message->descriptor, field)->is_map;
	size_t count = generate_below(g, is_map ? 3 : 6);
	uint8_t *values = count > 0 ? field_resize(message, field, count, g->arena) : NULL;
	for (size_t i = 0; i < count; i++) {
		void *place = values + i * field_value_size(field->type);
		generate_value(g, field, place);
		if (is_map) {
			generate_map_key(g, *(ProtobufCMessage **)place, (unsigned)i);
		}
	}
}

static inline const ProtobufCMessageDescriptor *generate_type(struct generate *g)
{
	static const char *const types[] = { "besa.test.rich.Person",      "besa.test.rich.Scalars",
					     "besa.test.rich.Choice",      "google.protobuf.Duration",
					     "google.protobuf.Int64Value", "google.protobuf.Value",
					     "google.protobuf.Any" };
	const char *name = types[generate_below(g, sizeof types / sizeof types[0])];
	return contract_find_message(g->contract, slice_text(name));
}

// True if the type was one whose fields are not free.
static inline bool generate_known(struct generate *g, ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *fields = message->descriptor->fields;
	switch (contract_message_of(message->descriptor)->known_type) {
	case CONTRACT_TIMESTAMP:
		*(int64_t *)field_set(message, &fields[0]) = (int64_t)generate_below(g, 315537897600) - 62135596800;
		*(int32_t *)field_set(message, &fields[1]) = (int32_t)generate_below(g, 1000000000);
		return true;
	case CONTRACT_DURATION: {
		int sign = generate_below(g, 2) ? 1 : -1;
		*(int64_t *)field_set(message, &fields[0]) = sign * (int64_t)generate_below(g, 315576000000);
		*(int32_t *)field_set(message, &fields[1]) = sign * (int32_t)generate_below(g, 1000000000);
		return true;
	}
	case CONTRACT_FIELD_MASK: {
		char **paths = field_resize(message, &fields[0], 2, g->arena);
		paths[0] = arena_copy(g->arena, slice_text("given_name"));
		paths[1] = arena_copy(g->arena, slice_text("address.street_x.b1"));
		return true;
	}
	case CONTRACT_ANY: {
		const ProtobufCMessageDescriptor *type = generate_type(g);
		char url[200];
		snprintf(url, sizeof url, "type.googleapis.com/%s", type->name);
		const ProtobufCMessage *packed = generate_message(g, type);
		size_t size = protobuf_c_message_get_packed_size(packed);
		uint8_t *bytes = arena_alloc(g->arena, size);
		protobuf_c_message_pack(packed, bytes);
		*(char **)field_set(message, &fields[0]) = arena_copy(g->arena, slice_text(url));
		*(ProtobufCBinaryData *)field_set(message, &fields[1]) =
		    (ProtobufCBinaryData){ .len = size, .data = size ? bytes : NULL };
		return true;
	}
	case CONTRACT_VALUE: {
		// Deep in, only what ends: null, number, text, bool.
		const ProtobufCFieldDescriptor *field = &fields[generate_below(g, g->depth > 8 ? 4 : 6)];
		uint64_t value[2] = { 0 };
		generate_value(g, field, value);
		memcpy(field_set(message, field), value, field_value_size(field->type));
		return true;
	}
	default:
		return false;
	}
}

static inline void generate_field(struct generate *g, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	bool message_field = field->type == PROTOBUF_C_TYPE_MESSAGE;
	bool value_entry = contract_message_of(message->descriptor)->is_map_entry;
	if (!value_entry && (generate_below(g, 3) == 0 || (message_field && g->depth > 5))) {
		return;
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		generate_repeated(g, message, field);
		return;
	}
	const char *oneof = contract_field_of(message->descriptor, field)->oneof;
	if (oneof && *(const uint32_t *)((const uint8_t *)message + field->quantifier_offset) != 0) {
		return;
	}
	uint64_t value[2] = { 0 };
	generate_value(g, field, value);
	memcpy(field_set(message, field), value, field_value_size(field->type));
}

static inline ProtobufCMessage *generate_message(struct generate *g, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = message_new(type, g->arena);
	assert_always(message);
	g->depth++;
	if (!generate_known(g, message)) {
		for (unsigned i = 0; i < type->n_fields; i++) {
			generate_field(g, message, &type->fields[i]);
		}
	}
	g->depth--;
	return message;
}

#endif
