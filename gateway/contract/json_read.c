// SPDX-License-Identifier: EUPL-1.2
//
// A tree of JSON as a message. Recursion follows the tree, whose depth json_text_parse() bounded.
#include "contract/field.h"
#include "contract/json_parts.h"
#include "contract/message.h"

struct reading {
	const struct json_options *options;
	struct arena *arena;
	struct arena *scratch; // what is packed into an Any, dropped afterwards
	struct fault *fault;
};

static result read_message(const struct reading *reading, const struct json_place *place,
			   const ProtobufCMessageDescriptor *descriptor, const struct json_node *node,
			   ProtobufCMessage **ret_message);
static result read_members(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			   const struct json_node *object, bool in_any);

static result exhausted(const struct reading *reading)
{
	return fault_set(reading->fault, ERR_LIMIT, "the message takes more memory than it may");
}

static result expected(const struct reading *reading, const struct json_place *place, const char *what)
{
	return json_refuse(reading->fault, place, ERR_FORMAT, "expected %s", what);
}

// Numbers may be written as text.
static bool is_numeric(const struct json_node *node)
{
	return node->kind == JSON_KIND_NUMBER || node->kind == JSON_KIND_STRING;
}

static result read_integer(const struct reading *reading, const struct json_place *place, const struct json_node *node,
			   ProtobufCType type, void *value)
{
	bool wide = field_value_size(type) == 8;
	bool is_unsigned = type == PROTOBUF_C_TYPE_UINT32 || type == PROTOBUF_C_TYPE_FIXED32 ||
			   type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_FIXED64;
	uint64_t most = wide ? UINT64_MAX : UINT32_MAX;
	uint64_t least = 0;
	if (!is_unsigned) {
		most /= 2;
		least = most + 1;
	}
	bool negative;
	uint64_t size;
	result r = is_numeric(node) ? json_number_integer(node->text, least, most, &negative, &size) : ERR_FORMAT;
	if (r == ERR_LIMIT) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "the number is out of the range of %s%d bits",
				   is_unsigned ? "unsigned " : "", wide ? 64 : 32);
	}
	if (r != OK) {
		return expected(reading, place, "a whole number");
	}
	uint64_t bits = negative ? -size : size;
	if (wide) {
		*(uint64_t *)value = bits;
	} else {
		*(uint32_t *)value = (uint32_t)bits;
	}
	return OK;
}

static result read_floating(const struct reading *reading, const struct json_place *place, const struct json_node *node,
			    ProtobufCType type, void *value)
{
	double special = 0;
	bool is_special = true;
	if (node->kind == JSON_KIND_STRING && slice_is(node->text, "NaN")) {
		special = (double)__builtin_nan("");
	} else if (node->kind == JSON_KIND_STRING && slice_is(node->text, "Infinity")) {
		special = (double)__builtin_inf();
	} else if (node->kind == JSON_KIND_STRING && slice_is(node->text, "-Infinity")) {
		special = (double)-__builtin_inf();
	} else {
		is_special = false;
	}
	result r = OK;
	if (!is_numeric(node)) {
		r = ERR_FORMAT;
	} else if (type == PROTOBUF_C_TYPE_DOUBLE) {
		r = is_special ? OK : json_number_double(node->text, &special);
		*(double *)value = special;
	} else {
		float narrow = (float)special;
		r = is_special ? OK : json_number_float(node->text, &narrow);
		*(float *)value = narrow;
	}
	if (r == ERR_LIMIT) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "the number is out of the range of the type");
	}
	return r == OK ? OK : expected(reading, place, "a number");
}

// A name the enum does not have is skipped where unknown fields are.
static result read_enum(const struct reading *reading, const struct json_place *place, const struct json_node *node,
			const ProtobufCEnumDescriptor *enumeration, int32_t *value, bool *skip)
{
	bool null_value = strcmp(enumeration->name, "google.protobuf.NullValue") == 0;
	if (node->kind == JSON_KIND_NULL && null_value) {
		*value = 0;
		return OK;
	}
	if (node->kind == JSON_KIND_NUMBER) {
		return read_integer(reading, place, node, PROTOBUF_C_TYPE_INT32, value);
	}
	if (node->kind != JSON_KIND_STRING) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "expected a value of %s", enumeration->name);
	}
	const ProtobufCEnumValue *found = field_enum_by_name(enumeration, node->text);
	if (found) {
		*value = found->value;
		return OK;
	}
	if (reading->options->ignore_unknown) {
		*skip = true;
		return OK;
	}
	return json_refuse(reading->fault, place, ERR_FORMAT, "%s has no value of this name", enumeration->name);
}

// One value of a field, which is not null unless the type has a null.
static result read_value(const struct reading *reading, const struct json_place *place,
			 const ProtobufCFieldDescriptor *field, const struct json_node *node, void *value, bool *skip)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (node->kind != JSON_KIND_TRUE && node->kind != JSON_KIND_FALSE) {
			return expected(reading, place, "true or false");
		}
		*(protobuf_c_boolean *)value = node->kind == JSON_KIND_TRUE;
		return OK;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return read_floating(reading, place, node, field->type, value);
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(reading, place, node, field->descriptor, value, skip);
	case PROTOBUF_C_TYPE_STRING: {
		if (node->kind != JSON_KIND_STRING) {
			return expected(reading, place, "text");
		}
		char *text = arena_copy(reading->arena, node->text);
		*(char **)value = text;
		return text ? OK : exhausted(reading);
	}
	case PROTOBUF_C_TYPE_BYTES: {
		result r =
		    node->kind == JSON_KIND_STRING ? json_number_base64(node->text, reading->arena, value) : ERR_FORMAT;
		return r == OK          ? OK
		       : r == ERR_LIMIT ? exhausted(reading)
					: expected(reading, place, "bytes as base64 text");
	}
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(reading, place, field->descriptor, node, value);
	default:
		return read_integer(reading, place, node, field->type, value);
	}
}

// Whether null is a value of the field's type rather than the word for "unset".
static bool takes_null(const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
		return contract_message_of(field->descriptor)->known_type == CONTRACT_VALUE;
	}
	return field->type == PROTOBUF_C_TYPE_ENUM &&
	       strcmp(((const ProtobufCEnumDescriptor *)field->descriptor)->name, "google.protobuf.NullValue") == 0;
}

// Keys of maps are texts in JSON: integers only in their one plain spelling, so that two keys cannot mean the same.
static result read_key(const struct reading *reading, const struct json_place *place,
		       const ProtobufCFieldDescriptor *key, struct slice text, void *value)
{
	if (key->type == PROTOBUF_C_TYPE_STRING) {
		*(char **)value = arena_copy(reading->arena, text);
		return *(char **)value ? OK : exhausted(reading);
	}
	if (key->type == PROTOBUF_C_TYPE_BOOL) {
		if (!slice_is(text, "true") && !slice_is(text, "false")) {
			return expected(reading, place, "a key \"true\" or \"false\"");
		}
		*(protobuf_c_boolean *)value = slice_is(text, "true");
		return OK;
	}
	struct slice digits = text.size > 0 && text.data[0] == '-' ? slice_skip(text, 1) : text;
	for (size_t i = 0; i < digits.size; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9') {
			return expected(reading, place, "a key that is a whole number");
		}
	}
	if (slice_is(text, "-0")) {
		return expected(reading, place, "a key that is a whole number");
	}
	struct json_node node = { .kind = JSON_KIND_STRING, .text = text };
	return read_integer(reading, place, &node, key->type, value);
}

static result read_entry(const struct reading *reading, const struct json_place *place,
			 const ProtobufCMessageDescriptor *type, const struct json_node *node,
			 ProtobufCMessage **ret_entry, bool *skip)
{
	ProtobufCMessage *entry = message_new(type, reading->arena);
	if (!entry) {
		return exhausted(reading);
	}
	result r = read_key(reading, place, &type->fields[0], node->key, field_set(entry, &type->fields[0]));
	if (r != OK) {
		return r;
	}
	const ProtobufCFieldDescriptor *value = &type->fields[1];
	if (node->kind == JSON_KIND_NULL && !takes_null(value)) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "a map holds no null");
	}
	r = read_value(reading, place, value, node, field_set(entry, value), skip);
	*ret_entry = entry;
	return r;
}

static result read_repeated(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			    const ProtobufCFieldDescriptor *field, const struct json_node *node)
{
	bool is_map = contract_field_of(message->descriptor, field)->is_map;
	if (node->kind != (is_map ? JSON_KIND_OBJECT : JSON_KIND_ARRAY)) {
		return expected(reading, place, is_map ? "an object" : "an array");
	}
	if (node->count == 0) {
		return OK;
	}
	uint8_t *values = field_resize(message, field, node->count, reading->arena);
	if (!values) {
		return exhausted(reading);
	}
	size_t kept = 0;
	struct json_place inner = { .up = place };
	for (const struct json_node *child = node->first; child; child = child->next, inner.index++) {
		void *value = values + kept * field_value_size(field->type);
		bool skip = false;
		result r;
		if (is_map) {
			r = read_entry(reading, &inner, field->descriptor, child, value, &skip);
		} else if (child->kind == JSON_KIND_NULL && !takes_null(field)) {
			r = json_refuse(reading->fault, &inner, ERR_FORMAT, "an array holds no null");
		} else {
			r = read_value(reading, &inner, field, child, value, &skip);
		}
		if (r != OK) {
			return r;
		}
		kept += !skip;
	}
	*(size_t *)((uint8_t *)message + field->quantifier_offset) = kept;
	return OK;
}

static result read_single(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			  const ProtobufCFieldDescriptor *field, const struct json_node *node)
{
	const char *oneof = contract_field_of(message->descriptor, field)->oneof;
	if (oneof && *(const uint32_t *)((const uint8_t *)message + field->quantifier_offset) != 0) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "another member of \"%.100s\" is set already",
				   oneof);
	}
	// Read beside the struct: a skipped name must leave the field unset.
	union {
		uint64_t number;
		void *pointer;
		ProtobufCBinaryData bytes;
	} value = { 0 };
	bool skip = false;
	result r = read_value(reading, place, field, node, &value, &skip);
	if (r == OK && !skip) {
		memcpy(field_set(message, field), &value, field_value_size(field->type));
	}
	return r;
}

static bool is_plain(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
			return false;
		}
	}
	return true;
}

static result read_member(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			  const struct json_node *node, uint64_t *seen)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	const ProtobufCFieldDescriptor *field = contract_field_by_json_name(descriptor, node->key);
	if (!field) {
		if (reading->options->ignore_unknown) {
			return OK;
		}
		// A misspelt name helps its writer; a long or strange one might be anything.
		int size = node->key.size < 64 && is_plain(node->key) ? (int)node->key.size : 0;
		return json_refuse(reading->fault, place, ERR_FORMAT, "%s has no field%s%.*s%s", descriptor->name,
				   size ? " \"" : " of this name", size, (const char *)node->key.data,
				   size ? "\"" : "");
	}
	struct json_place inner = { .up = place, .member = contract_field_of(descriptor, field)->json_name };
	size_t index = (size_t)(field - descriptor->fields);
	if (seen[index / 64] >> (index % 64) & 1) {
		return json_refuse(reading->fault, &inner, ERR_FORMAT, "is there twice, under both its names");
	}
	seen[index / 64] |= (uint64_t)1 << (index % 64);
	if (node->kind == JSON_KIND_NULL && (field->label == PROTOBUF_C_LABEL_REPEATED || !takes_null(field))) {
		return OK;
	}
	return field->label == PROTOBUF_C_LABEL_REPEATED ? read_repeated(reading, &inner, message, field, node)
							 : read_single(reading, &inner, message, field, node);
}

static result read_members(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			   const struct json_node *object, bool in_any)
{
	uint64_t seen[CONTRACT_FIELDS_MAX / 64];
	memset(seen, 0, (message->descriptor->n_fields + 63) / 64 * sizeof seen[0]);
	for (const struct json_node *child = object->first; child; child = child->next) {
		if (in_any && slice_is(child->key, "@type")) {
			continue;
		}
		result r = read_member(reading, place, message, child, seen);
		if (r != OK) {
			return r;
		}
	}
	return OK;
}

static const ProtobufCFieldDescriptor *field_at(const ProtobufCMessage *message, unsigned i)
{
	return &message->descriptor->fields[i];
}

static result read_time(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			const struct json_node *node, bool is_timestamp)
{
	int64_t seconds;
	int32_t nanos;
	result r = node->kind != JSON_KIND_STRING ? ERR_FORMAT
		   : is_timestamp                 ? json_known_read_timestamp(node->text, &seconds, &nanos)
						  : json_known_read_duration(node->text, &seconds, &nanos);
	if (r == ERR_LIMIT) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "the time is out of range");
	}
	if (r != OK) {
		return expected(reading, place,
				is_timestamp ? "a time like \"2026-11-21T09:30:00Z\"" : "a duration like \"1.5s\"");
	}
	*(int64_t *)field_set(message, field_at(message, 0)) = seconds;
	*(int32_t *)field_set(message, field_at(message, 1)) = nanos;
	return OK;
}

static result read_mask(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			const struct json_node *node)
{
	if (node->kind != JSON_KIND_STRING) {
		return expected(reading, place, "field names with commas between them");
	}
	if (node->text.size == 0) {
		return OK;
	}
	size_t count = 1;
	for (size_t i = 0; i < node->text.size; i++) {
		count += node->text.data[i] == ',';
	}
	char **paths = field_resize(message, field_at(message, 0), count, reading->arena);
	if (!paths) {
		return exhausted(reading);
	}
	struct slice rest = node->text;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *comma = rest.size ? memchr(rest.data, ',', rest.size) : NULL;
		size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
		result r = json_known_read_path(slice_of(rest.data, size), reading->arena, &paths[i]);
		if (r != OK) {
			return r == ERR_LIMIT ? exhausted(reading)
					      : expected(reading, place, "field names in lowerCamelCase");
		}
		rest = slice_skip(rest, size + 1);
	}
	return OK;
}

// The member of google.protobuf.Value's oneof that a node goes into.
static unsigned value_member(enum json_kind kind)
{
	switch (kind) {
	case JSON_KIND_NULL:
		return 0;
	case JSON_KIND_NUMBER:
		return 1;
	case JSON_KIND_STRING:
		return 2;
	case JSON_KIND_FALSE:
	case JSON_KIND_TRUE:
		return 3;
	case JSON_KIND_OBJECT:
		return 4;
	case JSON_KIND_ARRAY:
		return 5;
	}
	assert_always(false);
	return 0;
}

static const struct json_node *find_member(const struct json_node *object, const char *key)
{
	for (const struct json_node *child = object->first; child; child = child->next) {
		if (slice_is(child->key, key)) {
			return child;
		}
	}
	return NULL;
}

// The message inside an Any: under "value" if its JSON is not an object of its fields.
static result read_packed(const struct reading *reading, const struct json_place *place,
			  const ProtobufCMessageDescriptor *type, const struct json_node *object,
			  ProtobufCMessage **ret_message)
{
	struct reading inner = *reading;
	inner.arena = reading->scratch;
	if (!json_known_has_own_form(type)) {
		ProtobufCMessage *message = message_new(type, inner.arena);
		*ret_message = message;
		return message ? read_members(&inner, place, message, object, true) : exhausted(reading);
	}
	const struct json_node *value = find_member(object, "value");
	if (!value || (object->count != 2 && !reading->options->ignore_unknown)) {
		return expected(reading, place, "\"@type\" and \"value\"");
	}
	struct json_place member = { .up = place, .member = "value" };
	return read_message(&inner, &member, type, value, ret_message);
}

static result read_any(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
		       const struct json_node *node)
{
	if (node->kind != JSON_KIND_OBJECT) {
		return expected(reading, place, "an object with \"@type\"");
	}
	if (node->count == 0) {
		return OK;
	}
	const struct json_node *url = find_member(node, "@type");
	if (!url || url->kind != JSON_KIND_STRING) {
		return expected(reading, place, "an object with \"@type\"");
	}
	const struct contract *contract = contract_message_of(message->descriptor)->contract;
	const ProtobufCMessageDescriptor *type = json_known_any_type(contract, url->text);
	if (!type) {
		return json_refuse(reading->fault, place, ERR_FORMAT, "the contract has no message of this \"@type\"");
	}
	ProtobufCMessage *packed;
	result r = read_packed(reading, place, type, node, &packed);
	if (r != OK) {
		return r;
	}
	size_t size = protobuf_c_message_get_packed_size(packed);
	uint8_t *bytes = arena_alloc(reading->arena, size);
	char *name = arena_copy(reading->arena, url->text);
	if (!bytes || !name) {
		return exhausted(reading);
	}
	protobuf_c_message_pack(packed, bytes);
	*(char **)field_set(message, field_at(message, 0)) = name;
	*(ProtobufCBinaryData *)field_set(message, field_at(message, 1)) =
	    (ProtobufCBinaryData){ .len = size, .data = size ? bytes : NULL };
	return OK;
}

static result read_known(const struct reading *reading, const struct json_place *place, ProtobufCMessage *message,
			 const struct json_node *node, enum contract_known_type type)
{
	switch (type) {
	case CONTRACT_ANY:
		return read_any(reading, place, message, node);
	case CONTRACT_TIMESTAMP:
	case CONTRACT_DURATION:
		return read_time(reading, place, message, node, type == CONTRACT_TIMESTAMP);
	case CONTRACT_FIELD_MASK:
		return read_mask(reading, place, message, node);
	case CONTRACT_STRUCT:
	case CONTRACT_LIST_VALUE:
		return read_repeated(reading, place, message, field_at(message, 0), node);
	case CONTRACT_VALUE:
		return read_single(reading, place, message, field_at(message, value_member(node->kind)), node);
	case CONTRACT_WRAPPER:
		return read_single(reading, place, message, field_at(message, 0), node);
	case CONTRACT_ORDINARY:
	case CONTRACT_EMPTY:
		break;
	}
	if (node->kind != JSON_KIND_OBJECT) {
		return expected(reading, place, "an object");
	}
	return read_members(reading, place, message, node, false);
}

static result read_message(const struct reading *reading, const struct json_place *place,
			   const ProtobufCMessageDescriptor *descriptor, const struct json_node *node,
			   ProtobufCMessage **ret_message)
{
	ProtobufCMessage *message = message_new(descriptor, reading->arena);
	if (!message) {
		return exhausted(reading);
	}
	result r = read_known(reading, place, message, node, contract_message_of(descriptor)->known_type);
	if (r == OK) {
		*ret_message = message;
	}
	return r;
}

result json_read_tree(const ProtobufCMessageDescriptor *descriptor, const struct json_node *node,
		      const struct json_options *options, struct arena *arena, struct arena *scratch,
		      ProtobufCMessage **ret_message, struct fault *fault)
{
	struct reading reading = { .options = options, .arena = arena, .scratch = scratch, .fault = fault };
	struct json_place top = { 0 };
	return read_message(&reading, &top, descriptor, node, ret_message);
}
