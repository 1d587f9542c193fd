// SPDX-License-Identifier: EUPL-1.2
#include "contract/json.h"

#include "contract/json_parts.h"

static const struct json_options no_options;

result json_read(const ProtobufCMessageDescriptor *descriptor, struct slice text, const struct json_options *options,
		 struct arena *arena, ProtobufCMessage **ret_message, struct fault *fault)
{
	assert_always(contract_message_of(descriptor));
	struct arena scratch; // the tree is dropped when the message stands
	arena_init(&scratch, arena->limit);
	struct json_node *node = NULL;
	result r = json_text_parse(text, &scratch, &node, fault);
	if (r == OK) {
		r = json_read_tree(descriptor, node, options ? options : &no_options, arena, &scratch, ret_message,
				   fault);
	}
	arena_release(&scratch);
	return r;
}

result json_write(const ProtobufCMessage *message, const struct json_options *options, struct buffer *buffer,
		  struct fault *fault)
{
	assert_always(contract_message_of(message->descriptor));
	size_t before = buffer->size;
	result r = json_write_text(message, options ? options : &no_options, buffer, fault);
	if (r == OK && buffer_result(buffer) != OK) {
		r = fault_set(fault, buffer_result(buffer), "the JSON text is larger than %zu bytes", buffer->limit);
	}
	if (r != OK) {
		buffer->size = before;
	}
	return r;
}

static int append_dump(const char *text, size_t size, void *buffer)
{
	buffer_append(buffer, text, size);
	return buffer_result(buffer) == OK ? 0 : -1;
}

result json_read_value(const ProtobufCMessageDescriptor *descriptor, const json_t *value,
		       const struct json_options *options, struct arena *arena, ProtobufCMessage **ret_message,
		       struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, JSON_TEXT_MAX);
	result r = OK;
	if (json_dump_callback(value, append_dump, &text, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
		r = buffer_result(&text) != OK ? buffer_result(&text) : ERR_FORMAT;
		r = fault_set(fault, r, "the JSON value cannot be written as text");
	} else {
		r = json_read(descriptor, buffer_slice(&text), options, arena, ret_message, fault);
	}
	buffer_release(&text);
	return r;
}

result json_write_value(const ProtobufCMessage *message, const struct json_options *options, json_t **ret_value,
			struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, JSON_TEXT_MAX);
	result r = json_write(message, options, &text, fault);
	if (r == OK) {
		json_error_t error;
		json_t *value = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, &error);
		r = value ? OK
			  : fault_set(fault, ERR_FORMAT, "the JSON text cannot be held as a value: %s", error.text);
		if (value) {
			*ret_value = value;
		}
	}
	buffer_release(&text);
	return r;
}
