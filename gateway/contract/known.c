// SPDX-License-Identifier: EUPL-1.2
//
// Recognises the google.protobuf types with a JSON form of their own. The JSON code reads their structs by field
// number, so a descriptor set that gives such a name to something else is refused.
#include "contract/load.h"

struct known_field {
	uint32_t number;
	ProtobufCType type;
	ProtobufCLabel label;
	bool oneof;
};

enum { KNOWN_FIELDS_MAX = 6 };

struct known {
	const char *name;
	enum contract_known_type type;
	struct known_field fields[KNOWN_FIELDS_MAX];
};

#define SINGLE(number, type)                                                 \
	{                                                                    \
		number, PROTOBUF_C_TYPE_##type, PROTOBUF_C_LABEL_NONE, false \
	}
#define REPEATED(number, type)                                                   \
	{                                                                        \
		number, PROTOBUF_C_TYPE_##type, PROTOBUF_C_LABEL_REPEATED, false \
	}
#define ONEOF(number, type)                                                     \
	{                                                                       \
		number, PROTOBUF_C_TYPE_##type, PROTOBUF_C_LABEL_OPTIONAL, true \
	}

static const struct known table[] = {
	{ "google.protobuf.Any", CONTRACT_ANY, { SINGLE(1, STRING), SINGLE(2, BYTES) } },
	{ "google.protobuf.Timestamp", CONTRACT_TIMESTAMP, { SINGLE(1, INT64), SINGLE(2, INT32) } },
	{ "google.protobuf.Duration", CONTRACT_DURATION, { SINGLE(1, INT64), SINGLE(2, INT32) } },
	{ "google.protobuf.FieldMask", CONTRACT_FIELD_MASK, { REPEATED(1, STRING) } },
	{ "google.protobuf.Struct", CONTRACT_STRUCT, { REPEATED(1, MESSAGE) } },
	{ "google.protobuf.Value",
	  CONTRACT_VALUE,
	  { ONEOF(1, ENUM), ONEOF(2, DOUBLE), ONEOF(3, STRING), ONEOF(4, BOOL), ONEOF(5, MESSAGE),
	    ONEOF(6, MESSAGE) } },
	{ "google.protobuf.ListValue", CONTRACT_LIST_VALUE, { REPEATED(1, MESSAGE) } },
	{ "google.protobuf.Empty", CONTRACT_EMPTY, { { 0 } } },
	{ "google.protobuf.DoubleValue", CONTRACT_WRAPPER, { SINGLE(1, DOUBLE) } },
	{ "google.protobuf.FloatValue", CONTRACT_WRAPPER, { SINGLE(1, FLOAT) } },
	{ "google.protobuf.Int64Value", CONTRACT_WRAPPER, { SINGLE(1, INT64) } },
	{ "google.protobuf.UInt64Value", CONTRACT_WRAPPER, { SINGLE(1, UINT64) } },
	{ "google.protobuf.Int32Value", CONTRACT_WRAPPER, { SINGLE(1, INT32) } },
	{ "google.protobuf.UInt32Value", CONTRACT_WRAPPER, { SINGLE(1, UINT32) } },
	{ "google.protobuf.BoolValue", CONTRACT_WRAPPER, { SINGLE(1, BOOL) } },
	{ "google.protobuf.StringValue", CONTRACT_WRAPPER, { SINGLE(1, STRING) } },
	{ "google.protobuf.BytesValue", CONTRACT_WRAPPER, { SINGLE(1, BYTES) } },
};

// The types that fields of these types must refer to.
static const struct {
	const char *message;
	uint32_t field;
	const char *refers_to;
} references[] = {
	{ "google.protobuf.Struct", 1, "google.protobuf.Struct.FieldsEntry" },
	{ "google.protobuf.Struct.FieldsEntry", 2, "google.protobuf.Value" },
	{ "google.protobuf.Value", 1, "google.protobuf.NullValue" },
	{ "google.protobuf.Value", 5, "google.protobuf.Struct" },
	{ "google.protobuf.Value", 6, "google.protobuf.ListValue" },
	{ "google.protobuf.ListValue", 1, "google.protobuf.Value" },
};

static bool has_fields(const ProtobufCMessageDescriptor *message, const struct known *known)
{
	unsigned count = 0;
	while (count < KNOWN_FIELDS_MAX && known->fields[count].number != 0) {
		count++;
	}
	if (message->n_fields != count) {
		return false;
	}
	for (unsigned i = 0; i < count; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		bool oneof = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
		if (field->id != known->fields[i].number || field->type != known->fields[i].type ||
		    field->label != known->fields[i].label || oneof != known->fields[i].oneof) {
			return false;
		}
	}
	return true;
}

// The referred type may not be built yet: its symbol tells the name.
static bool has_references(const struct contract_message *about)
{
	const ProtobufCMessageDescriptor *message = about->descriptor;
	for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
		if (strcmp(message->name, references[i].message) != 0) {
			continue;
		}
		const struct symbol *wanted = symbol_find(about->contract, slice_text(references[i].refers_to));
		const void *descriptor = message->fields[references[i].field - 1].descriptor;
		if (!wanted || !descriptor || (const void *)wanted->message != descriptor) {
			return false;
		}
	}
	return true;
}

result known_check(struct contract_message *about, struct fault *fault)
{
	const char *name = about->descriptor->name;
	bool entry = strcmp(name, "google.protobuf.Struct.FieldsEntry") == 0;
	const struct known *known = NULL;
	for (size_t i = 0; !known && i < sizeof table / sizeof table[0]; i++) {
		if (strcmp(table[i].name, name) == 0) {
			known = &table[i];
		}
	}
	if (!known && !entry) {
		return OK;
	}
	bool shaped = known ? has_fields(about->descriptor, known)
			    : about->is_map_entry && about->descriptor->fields[0].type == PROTOBUF_C_TYPE_STRING;
	if (!shaped || !has_references(about)) {
		return fault_set(fault, ERR_FORMAT, "\"%s\" has not the fields that a type of this name has", name);
	}
	about->known_type = known ? known->type : CONTRACT_ORDINARY;
	return OK;
}
