// SPDX-License-Identifier: EUPL-1.2
//
// A message as JSON text. Fields come in the order of their numbers, map entries in the order of their keys, so that
// equal messages give equal text.
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "contract/field.h"
#include "contract/json_parts.h"
#include "contract/message.h"

enum { LEVELS_MAX = 4 * JSON_DEPTH_MAX }; // braces and brackets: at most two a message, and what Any adds

struct writing {
	const struct json_options *options;
	struct buffer *out;
	struct arena *scratch; // unpacked contents of Any, orders of maps
	struct fault *fault;
	unsigned depth;               // messages inside each other
	unsigned level;               // open braces and brackets
	bool started[LEVELS_MAX + 1]; // whether the level has a member already
};

static result write_message(struct writing *w, const struct json_place *place, const ProtobufCMessage *message);

static result open_level(struct writing *w, char bracket)
{
	if (w->level == LEVELS_MAX) {
		return fault_set(w->fault, ERR_LIMIT, "the message is too deep for JSON");
	}
	w->started[++w->level] = false;
	buffer_append_byte(w->out, (uint8_t)bracket);
	return OK;
}

static void break_line(struct writing *w)
{
	if (w->options->indent) {
		buffer_append_byte(w->out, '\n');
		for (unsigned i = 0; i < w->level; i++) {
			buffer_append_text(w->out, "  ");
		}
	}
}

static void next_member(struct writing *w)
{
	if (w->started[w->level]) {
		buffer_append_byte(w->out, ',');
	}
	w->started[w->level] = true;
	break_line(w);
}

static void close_level(struct writing *w, char bracket)
{
	bool empty = !w->started[w->level--];
	if (!empty) {
		break_line(w);
	}
	buffer_append_byte(w->out, (uint8_t)bracket);
}

static void colon(struct writing *w)
{
	buffer_append_text(w->out, w->options->indent ? ": " : ":");
}

// Quoted, escaped where JSON demands it. U+2028 and U+2029 too, which end a line in scripts that embed the text.
static void write_text(struct writing *w, struct slice text)
{
	static const char special[] = "\"\\\b\f\n\r\t";
	static const char names[] = "\"\\bfnrt";
	buffer_append_byte(w->out, '"');
	size_t start = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		bool line_end =
		    c == 0xe2 && text.size - i >= 3 && text.data[i + 1] == 0x80 && (text.data[i + 2] & 0xfe) == 0xa8;
		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && !line_end) {
			continue;
		}
		buffer_append(w->out, text.data + start, i - start);
		const char *named = strchr(special, c);
		if (line_end) {
			buffer_append_format(w->out, "\\u20%02x", text.data[i + 2] & 0x29);
			i += 2;
		} else if (c != 0 && named) {
			buffer_append_byte(w->out, '\\');
			buffer_append_byte(w->out, (uint8_t)names[named - special]);
		} else {
			buffer_append_format(w->out, "\\u%04x", c);
		}
		start = i + 1;
	}
	buffer_append(w->out, text.data + start, text.size - start);
	buffer_append_byte(w->out, '"');
}

static void write_key(struct writing *w, const char *name)
{
	next_member(w);
	write_text(w, slice_text(name));
	colon(w);
}

static void write_enum(struct writing *w, const ProtobufCEnumDescriptor *enumeration, int32_t number)
{
	if (strcmp(enumeration->name, "google.protobuf.NullValue") == 0) {
		buffer_append_text(w->out, "null");
		return;
	}
	const ProtobufCEnumValue *value = w->options->enum_numbers ? NULL : field_enum_by_number(enumeration, number);
	if (value) {
		write_text(w, slice_text(value->name));
	} else {
		buffer_append_format(w->out, "%d", number);
	}
}

static result write_string(struct writing *w, const struct json_place *place, const char *text)
{
	struct slice bytes = slice_text(text);
	if (!text_is_utf8(bytes)) {
		return json_refuse(w->fault, place, ERR_FORMAT, "text is not UTF-8");
	}
	write_text(w, bytes);
	return OK;
}

static void write_bytes(struct writing *w, const ProtobufCBinaryData *bytes)
{
	buffer_append_byte(w->out, '"');
	text_base64_append(w->out, slice_of(bytes->data, bytes->len));
	buffer_append_byte(w->out, '"');
}

static result write_value(struct writing *w, const struct json_place *place, const ProtobufCFieldDescriptor *field,
			  const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		buffer_append_format(w->out, "%d", *(const int32_t *)value);
		return OK;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		buffer_append_format(w->out, "%u", *(const uint32_t *)value);
		return OK;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		buffer_append_format(w->out, "\"%lld\"", (long long)*(const int64_t *)value);
		return OK;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		buffer_append_format(w->out, "\"%llu\"", (unsigned long long)*(const uint64_t *)value);
		return OK;
	case PROTOBUF_C_TYPE_FLOAT:
		json_number_append_float(w->out, *(const float *)value);
		return OK;
	case PROTOBUF_C_TYPE_DOUBLE:
		json_number_append_double(w->out, *(const double *)value);
		return OK;
	case PROTOBUF_C_TYPE_BOOL:
		buffer_append_text(w->out, *(const protobuf_c_boolean *)value ? "true" : "false");
		return OK;
	case PROTOBUF_C_TYPE_ENUM:
		write_enum(w, field->descriptor, *(const int32_t *)value);
		return OK;
	case PROTOBUF_C_TYPE_STRING:
		return write_string(w, place, *(const char *const *)value);
	case PROTOBUF_C_TYPE_BYTES:
		write_bytes(w, value);
		return OK;
	case PROTOBUF_C_TYPE_MESSAGE: {
		const ProtobufCMessage *message = *(const ProtobufCMessage *const *)value;
		if (!message) {
			message = message_new(field->descriptor, w->scratch); // an entry of a map without its value
		}
		return message ? write_message(w, place, message) : ERR_LIMIT;
	}
	}
	assert_always(false);
	return ERR_INTERNAL;
}

// An entry of a map, and where it stood: of two with one key the later counts.
struct entry {
	const ProtobufCMessage *message;
	size_t position;
};

static int compare_keys(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	const ProtobufCFieldDescriptor *key = &a->descriptor->fields[0];
	const void *left = field_value(a, key, 0);
	const void *right = field_value(b, key, 0);
	switch (key->type) {
	case PROTOBUF_C_TYPE_STRING: {
		const char *left_text = *(const char *const *)left;
		const char *right_text = *(const char *const *)right;
		return strcmp(left_text ? left_text : "", right_text ? right_text : "");
	}
	case PROTOBUF_C_TYPE_BOOL: {
		bool left_bool = *(const protobuf_c_boolean *)left;
		bool right_bool = *(const protobuf_c_boolean *)right;
		return left_bool - right_bool;
	}
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return (*(const int32_t *)left > *(const int32_t *)right) -
		       (*(const int32_t *)left < *(const int32_t *)right);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return (*(const uint32_t *)left > *(const uint32_t *)right) -
		       (*(const uint32_t *)left < *(const uint32_t *)right);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return (*(const uint64_t *)left > *(const uint64_t *)right) -
		       (*(const uint64_t *)left < *(const uint64_t *)right);
	default:
		return (*(const int64_t *)left > *(const int64_t *)right) -
		       (*(const int64_t *)left < *(const int64_t *)right);
	}
}

static int by_key(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;
	int order = compare_keys(left->message, right->message);
	return order ? order : (left->position > right->position) - (left->position < right->position);
}

static result write_entry(struct writing *w, const struct json_place *place, const ProtobufCMessage *entry)
{
	const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
	const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
	next_member(w);
	// Text and 64-bit keys bring their quotes.
	bool quoted = key->type == PROTOBUF_C_TYPE_STRING ||
		      (key->type != PROTOBUF_C_TYPE_BOOL && field_value_size(key->type) == 8);
	if (!quoted) {
		buffer_append_byte(w->out, '"');
	}
	result r = write_value(w, place, key, field_value(entry, key, 0));
	if (!quoted) {
		buffer_append_byte(w->out, '"');
	}
	colon(w);
	return r == OK ? write_value(w, place, value, field_value(entry, value, 0)) : r;
}

static result write_map(struct writing *w, const struct json_place *place, const ProtobufCMessage *message,
			const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	struct entry *entries = arena_alloc(w->scratch, count * sizeof *entries);
	if (!entries) {
		return ERR_LIMIT;
	}
	for (size_t i = 0; i < count; i++) {
		entries[i].message = *(const ProtobufCMessage *const *)field_value(message, field, i);
		entries[i].position = i;
	}
	if (count > 0) {
		qsort(entries, count, sizeof *entries, by_key);
	}
	result r = open_level(w, '{');
	for (size_t i = 0; r == OK && i < count; i++) {
		if (i + 1 < count && compare_keys(entries[i].message, entries[i + 1].message) == 0) {
			continue;
		}
		struct json_place inner = { .up = place, .index = entries[i].position };
		r = write_entry(w, &inner, entries[i].message);
	}
	if (r == OK) {
		close_level(w, '}');
	}
	return r;
}

static result write_array(struct writing *w, const struct json_place *place, const ProtobufCMessage *message,
			  const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	result r = open_level(w, '[');
	for (size_t i = 0; r == OK && i < count; i++) {
		struct json_place inner = { .up = place, .index = i };
		next_member(w);
		r = write_value(w, &inner, field, field_value(message, field, i));
	}
	if (r == OK) {
		close_level(w, ']');
	}
	return r;
}

static result write_field(struct writing *w, const struct json_place *place, const ProtobufCMessage *message,
			  const ProtobufCFieldDescriptor *field)
{
	const struct contract_field *about = contract_field_of(message->descriptor, field);
	bool unset = field_count(message, field) == 0;
	if (unset && (about->has_presence || !w->options->emit_defaults)) {
		return OK;
	}
	struct json_place inner = { .up = place, .member = about->json_name };
	write_key(w, w->options->original_names ? field->name : about->json_name);
	if (about->is_map) {
		return write_map(w, &inner, message, field);
	}
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		return write_array(w, &inner, message, field);
	}
	return write_value(w, &inner, field, field_value(message, field, 0));
}

static result write_fields(struct writing *w, const struct json_place *place, const ProtobufCMessage *message)
{
	result r = OK;
	for (unsigned i = 0; r == OK && i < message->descriptor->n_fields; i++) {
		r = write_field(w, place, message, &message->descriptor->fields[i]);
	}
	return r;
}

static const void *value_at(const ProtobufCMessage *message, unsigned i)
{
	return field_value(message, &message->descriptor->fields[i], 0);
}

static result write_time(struct writing *w, const struct json_place *place, const ProtobufCMessage *message,
			 bool is_timestamp)
{
	int64_t seconds = *(const int64_t *)value_at(message, 0);
	int32_t nanos = *(const int32_t *)value_at(message, 1);
	buffer_append_byte(w->out, '"');
	result r = is_timestamp ? json_known_write_timestamp(w->out, seconds, nanos)
				: json_known_write_duration(w->out, seconds, nanos);
	if (r != OK) {
		return json_refuse(w->fault, place, r, "the time is out of the range that JSON has a form for");
	}
	buffer_append_byte(w->out, '"');
	return OK;
}

static result write_mask(struct writing *w, const struct json_place *place, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *paths = &message->descriptor->fields[0];
	size_t count = field_count(message, paths);
	buffer_append_byte(w->out, '"');
	for (size_t i = 0; i < count; i++) {
		if (i > 0) {
			buffer_append_byte(w->out, ',');
		}
		const char *path = *(const char *const *)field_value(message, paths, i);
		if (json_known_write_path(w->out, slice_text(path)) != OK) {
			return json_refuse(w->fault, place, ERR_FORMAT, "a path has no lowerCamelCase form");
		}
	}
	buffer_append_byte(w->out, '"');
	return OK;
}

static result write_any_value(struct writing *w, const struct json_place *place, const ProtobufCMessage *message)
{
	// Null value, number, text, bool, struct, list: the oneof of google.protobuf.Value.
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (field_count(message, field) == 0) {
			continue;
		}
		if (field->type == PROTOBUF_C_TYPE_DOUBLE && !isfinite(*(const double *)value_at(message, i))) {
			return json_refuse(w->fault, place, ERR_FORMAT, "the number has no JSON form");
		}
		return write_value(w, place, field, value_at(message, i));
	}
	buffer_append_text(w->out, "null");
	return OK;
}

static result write_packed(struct writing *w, const struct json_place *place, const char *url,
			   const ProtobufCMessage *packed)
{
	result r = open_level(w, '{');
	if (r != OK) {
		return r;
	}
	write_key(w, "@type");
	r = write_string(w, place, url);
	if (r == OK && json_known_has_own_form(packed->descriptor)) {
		write_key(w, "value");
		r = write_message(w, place, packed);
	} else if (r == OK) {
		r = write_fields(w, place, packed);
	}
	if (r == OK) {
		close_level(w, '}');
	}
	return r;
}

static result write_any(struct writing *w, const struct json_place *place, const ProtobufCMessage *message)
{
	const char *url = *(const char *const *)value_at(message, 0);
	const ProtobufCBinaryData *bytes = value_at(message, 1);
	if (url[0] == '\0' && bytes->len == 0) {
		buffer_append_text(w->out, "{}");
		return OK;
	}
	const struct contract *contract = contract_message_of(message->descriptor)->contract;
	const ProtobufCMessageDescriptor *type = json_known_any_type(contract, slice_text(url));
	if (!type) {
		return json_refuse(w->fault, place, ERR_FORMAT, "the contract has no message of this Any's type");
	}
	ProtobufCMessage *packed;
	struct fault inner;
	result r = message_unpack(type, slice_of(bytes->data, bytes->len), NULL, w->scratch, &packed, &inner);
	if (r != OK) {
		return json_refuse(w->fault, place, r == ERR_PAYLOAD_INVALID ? ERR_FORMAT : r,
				   "the Any does not hold a message of its type");
	}
	return write_packed(w, place, url, packed);
}

static result write_by_type(struct writing *w, const struct json_place *place, const ProtobufCMessage *message)
{
	switch (contract_message_of(message->descriptor)->known_type) {
	case CONTRACT_ANY:
		return write_any(w, place, message);
	case CONTRACT_TIMESTAMP:
		return write_time(w, place, message, true);
	case CONTRACT_DURATION:
		return write_time(w, place, message, false);
	case CONTRACT_FIELD_MASK:
		return write_mask(w, place, message);
	case CONTRACT_STRUCT:
		return write_map(w, place, message, &message->descriptor->fields[0]);
	case CONTRACT_LIST_VALUE:
		return write_array(w, place, message, &message->descriptor->fields[0]);
	case CONTRACT_VALUE:
		return write_any_value(w, place, message);
	case CONTRACT_WRAPPER:
		return write_value(w, place, &message->descriptor->fields[0], value_at(message, 0));
	case CONTRACT_ORDINARY:
	case CONTRACT_EMPTY:
		break;
	}
	result r = open_level(w, '{');
	if (r == OK) {
		r = write_fields(w, place, message);
	}
	if (r == OK) {
		close_level(w, '}');
	}
	return r;
}

static result write_message(struct writing *w, const struct json_place *place, const ProtobufCMessage *message)
{
	// Any can nest deeper than the message around it: each has an allowance of its own on the wire.
	if (w->depth == 2 * JSON_DEPTH_MAX) {
		return fault_set(w->fault, ERR_LIMIT, "the message is too deep for JSON");
	}
	w->depth++;
	result r = write_by_type(w, place, message);
	w->depth--;
	return r;
}

result json_write_text(const ProtobufCMessage *message, const struct json_options *options, struct buffer *buffer,
		       struct fault *fault)
{
	struct arena scratch;
	arena_init(&scratch, prescan_default_limits.memory);
	struct writing writing = { .options = options, .out = buffer, .scratch = &scratch, .fault = fault };
	struct json_place top = { 0 };
	// What an exhausted arena says, unless a step finds more precise words.
	result_ignore(fault_set(fault, ERR_LIMIT, "writing the message takes more memory than it may"));
	result r = write_message(&writing, &top, message);
	arena_release(&scratch);
	return r;
}
