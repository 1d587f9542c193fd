// SPDX-License-Identifier: EUPL-1.2
//
// Dotted paths to fields, "residence.municipality.name.sq": how bindings name fields of requests and answers.
#ifndef BESA_ADAPTERS_SQL_SQL_PATH_H
#define BESA_ADAPTERS_SQL_SQL_PATH_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/result.h"

// Steps of one path: deeper messages are a contract's mistake, and the limit keeps paths in place.
enum { SQL_PATH_MAX = 8 };

struct sql_path {
	unsigned count; // 0: the message itself
	const ProtobufCFieldDescriptor *steps[SQL_PATH_MAX];
};

// Finds the path's fields, all but the last singular messages. ERR_CONFIG; the fault says which step is wrong.
result sql_path_parse(const ProtobufCMessageDescriptor *message, const char *text, struct sql_path *ret_path,
		      struct fault *fault);

// The last field; NULL for the empty path.
static inline const ProtobufCFieldDescriptor *sql_path_last(const struct sql_path *path)
{
	return path->count ? path->steps[path->count - 1] : NULL;
}

static inline const ProtobufCMessageDescriptor *sql_path_message_type(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

// The message that holds the last field, for reading: NULL if a message on the way is not set.
const ProtobufCMessage *sql_path_find(const ProtobufCMessage *message, const struct sql_path *path);

// The message that `steps` steps lead to, made where it is not set; NULL when the arena is exhausted.
ProtobufCMessage *sql_path_make(ProtobufCMessage *message, const struct sql_path *path, unsigned steps,
				struct arena *arena);

// What a value of the field is called in an error message: "text", "a whole number", …
const char *sql_path_type_name(const ProtobufCFieldDescriptor *field);

#endif
