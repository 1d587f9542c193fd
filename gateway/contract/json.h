// SPDX-License-Identifier: EUPL-1.2
//
// Messages to and from JSON by the proto3 JSON mapping (protobuf.dev/programming-guides/json), complete: well-known
// types, maps with every key type, 64-bit integers as text, Any over the types of the contract.
//
// Reading is strict: unknown fields, duplicate keys, two members of one oneof, numbers out of range, lone surrogates
// and NUL in text are errors. Field names may be lowerCamelCase (json_name) or original; integers may be numbers or
// text; bytes may be base64 or base64url, padded or not. Errors name the place: "$.persons[2].birthDate: expected …"
// and never repeat a value, as values are payload. Only for descriptors of a contract (contract/contract.h).
#ifndef BESA_CONTRACT_JSON_H
#define BESA_CONTRACT_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/result.h"

enum {
	JSON_DEPTH_MAX = 100,             // objects and arrays inside each other: reading recurses once a level
	JSON_TEXT_MAX = 64 * 1024 * 1024, // bytes of a text, read or written
};

struct json_options {
	bool ignore_unknown; // reading: skip fields and enum names the contract does not know
	bool emit_defaults;  // writing: also fields without presence that hold their default
	bool original_names; // writing: birth_date instead of birthDate
	bool enum_numbers;   // writing: 1 instead of "FEMALE"
	bool indent;         // writing: two spaces a level, one member a line
};

// Reads a text as a message of the type, into the arena. ERR_FORMAT: not JSON, or not of this type; ERR_LIMIT: too
// deep, or the arena's limit (about 100 bytes for each value of the text suffice beyond the message itself). `options`
// may be NULL.
result json_read(const ProtobufCMessageDescriptor *descriptor, struct slice text, const struct json_options *options,
		 struct arena *arena, ProtobufCMessage **ret_message, struct fault *fault);

// The same from a jansson value, which stays the caller's.
result json_read_value(const ProtobufCMessageDescriptor *descriptor, const json_t *value,
		       const struct json_options *options, struct arena *arena, ProtobufCMessage **ret_message,
		       struct fault *fault);

// Appends a message as JSON text. ERR_FORMAT: the message has no JSON form (a timestamp out of range, an Any of an
// unknown type or with bytes that are no such message, a path in a field mask that does not survive); ERR_LIMIT,
// ERR_MEMORY of the buffer. After an error the buffer holds what it held before. `options` may be NULL.
result json_write(const ProtobufCMessage *message, const struct json_options *options, struct buffer *buffer,
		  struct fault *fault);

// The same as a jansson value, which the caller gives back with json_decref.
result json_write_value(const ProtobufCMessage *message, const struct json_options *options, json_t **ret_value,
			struct fault *fault);

#endif
