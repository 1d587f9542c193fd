// SPDX-License-Identifier: EUPL-1.2
//
// Internal to the JSON mapping: what json*.c share.
//
//   json_text.c    text → tree of nodes; knows JSON, nothing of messages
//   json_number.c  numbers and base64 as the mapping spells them
//   json_read.c    tree → message
//   json_known.c   Timestamp, Duration, FieldMask in both directions
//   json_write.c   message → text
//   json.c         the public functions, and the way to and from jansson's values
//
// Why not jansson's parser: it cannot hold an unsigned 64-bit number, refuses integers of more than 63 bits that a
// double field may have, bounds neither memory nor count, and forgets where in the text a value stood.
#ifndef BESA_CONTRACT_JSON_PARTS_H
#define BESA_CONTRACT_JSON_PARTS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "contract/contract.h"
#include "contract/json.h"

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_FALSE,
	JSON_KIND_TRUE,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT
};

// A value. Texts lie in the source or, where they had escapes, in the arena.
struct json_node {
	enum json_kind kind;
	uint32_t count;          // children of an array or object
	struct slice key;        // of a member of an object
	struct slice text;       // content of a string; a number as written
	struct json_node *first; // children
	struct json_node *next;  // sibling
};

// A node's place, for the words of an error: "$.persons[2].birthDate". Lies on the stack of the recursion.
struct json_place {
	const struct json_place *up; // NULL at the top
	const char *member;          // name of a field of the contract, or NULL
	size_t index;                // else position in an array or map
};

// Parses a whole text. ERR_FORMAT, ERR_LIMIT; words with line and column. Keys of an object are distinct afterwards.
result json_text_parse(struct slice text, struct arena *arena, struct json_node **ret_node, struct fault *fault);

// ERR `code` with "<path>: <words>".
result json_refuse(struct fault *fault, const struct json_place *place, result code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Whether text is a number in JSON's grammar.
bool json_number_is(struct slice text);

// An integer, also if written with a fraction or exponent that leaves one (1.0, 1e3). ERR_FORMAT: no integer;
// ERR_LIMIT: beyond `most`, or below -`least`.
result json_number_integer(struct slice text, uint64_t least, uint64_t most, bool *ret_negative, uint64_t *ret_size);

// A floating-point number. ERR_FORMAT; ERR_LIMIT if it is too large for the type.
result json_number_double(struct slice text, double *ret_value);
result json_number_float(struct slice text, float *ret_value);

// Appends the shortest decimal that reads back as the same value; "NaN", "Infinity", "-Infinity" with their quotes.
void json_number_append_double(struct buffer *buffer, double value);
void json_number_append_float(struct buffer *buffer, float value);

// Decodes base64 or base64url, padded or not, into the arena. ERR_FORMAT, ERR_LIMIT.
result json_number_base64(struct slice text, struct arena *arena, ProtobufCBinaryData *ret_bytes);

// The mapping's text forms. Reading: ERR_FORMAT (not of the form), ERR_LIMIT (out of range).
result json_known_read_timestamp(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos);
result json_known_read_duration(struct slice text, int64_t *ret_seconds, int32_t *ret_nanos);
// Writing, without quotes: ERR_FORMAT if out of range.
result json_known_write_timestamp(struct buffer *buffer, int64_t seconds, int32_t nanos);
result json_known_write_duration(struct buffer *buffer, int64_t seconds, int32_t nanos);
// One path of a field mask, snake_case to lowerCamelCase and back; ERR_FORMAT if it would not survive the way back.
result json_known_write_path(struct buffer *buffer, struct slice path);
result json_known_read_path(struct slice path, struct arena *arena, char **ret_path);

// The type a type URL names: what follows the last stroke. NULL if the contract has none, or there is no stroke.
const ProtobufCMessageDescriptor *json_known_any_type(const struct contract *contract, struct slice url);

// Whether an Any holds the type's JSON under "value" rather than as members of its own.
bool json_known_has_own_form(const ProtobufCMessageDescriptor *descriptor);

// The steps behind json_read() and json_write().
result json_read_tree(const ProtobufCMessageDescriptor *descriptor, const struct json_node *node,
		      const struct json_options *options, struct arena *arena, struct arena *scratch,
		      ProtobufCMessage **ret_message, struct fault *fault);
result json_write_text(const ProtobufCMessage *message, const struct json_options *options, struct buffer *buffer,
		       struct fault *fault);

#endif
