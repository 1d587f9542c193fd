// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_path.h"

#include "contract/field.h"
#include "contract/message.h"

static result check_step(const ProtobufCFieldDescriptor *field, bool last, struct fault *fault)
{
	if (last) {
		return OK;
	}
	if (!sql_path_message_type(field)) {
		return fault_set(fault, ERR_CONFIG, "\"%s\" is %s, it has no fields", field->name,
				 sql_path_type_name(field));
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		return fault_set(fault, ERR_CONFIG, "\"%s\" is a repeated field: fill it with a query of its own",
				 field->name);
	}
	return OK;
}

result sql_path_parse(const ProtobufCMessageDescriptor *message, const char *text, struct sql_path *ret_path,
		      struct fault *fault)
{
	struct sql_path path = { 0 };
	struct slice rest = slice_text(text);
	for (;;) {
		const uint8_t *dot = rest.size ? memchr(rest.data, '.', rest.size) : NULL;
		struct slice name = { rest.data, dot ? (size_t)(dot - rest.data) : rest.size };
		const ProtobufCFieldDescriptor *field = field_by_name(message, name);
		if (!field) {
			return fault_set(fault, ERR_CONFIG, "%s has no field \"%.*s\"", message->name, (int)name.size,
					 (const char *)name.data);
		}
		if (path.count == SQL_PATH_MAX) {
			return fault_set(fault, ERR_CONFIG, "more than %d steps", SQL_PATH_MAX);
		}
		path.steps[path.count++] = field;
		result code = check_step(field, !dot, fault);
		if (code != OK) {
			return code;
		}
		if (!dot) {
			*ret_path = path;
			return OK;
		}
		message = sql_path_message_type(field);
		rest = slice_skip(rest, name.size + 1);
	}
}

const ProtobufCMessage *sql_path_find(const ProtobufCMessage *message, const struct sql_path *path)
{
	for (unsigned i = 0; message && i + 1 < path->count; i++) {
		const ProtobufCFieldDescriptor *field = path->steps[i];
		message =
		    field_count(message, field) ? *(ProtobufCMessage *const *)field_value(message, field, 0) : NULL;
	}
	return message;
}

ProtobufCMessage *sql_path_make(ProtobufCMessage *message, const struct sql_path *path, unsigned steps,
				struct arena *arena)
{
	for (unsigned i = 0; i < steps; i++) {
		const ProtobufCFieldDescriptor *field = path->steps[i];
		if (field_count(message, field)) {
			message = *(ProtobufCMessage *const *)field_value(message, field, 0);
			continue;
		}
		ProtobufCMessage *made = message_new(sql_path_message_type(field), arena);
		if (!made) {
			return NULL;
		}
		*(ProtobufCMessage **)field_set(message, field) = made;
		message = made;
	}
	return message;
}

const char *sql_path_type_name(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return "text";
	case PROTOBUF_C_TYPE_BYTES:
		return "bytes";
	case PROTOBUF_C_TYPE_BOOL:
		return "a truth value";
	case PROTOBUF_C_TYPE_ENUM:
		return "an enum value";
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return "a floating-point number";
	case PROTOBUF_C_TYPE_MESSAGE:
		return "a message";
	default:
		return "a whole number";
	}
}
