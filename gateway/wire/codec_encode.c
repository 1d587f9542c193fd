// SPDX-License-Identifier: EUPL-1.2
//
// Encoding: the checks a reader will make, the size, the bytes. Every message is small or flat, so sizes of nested
// messages are computed anew at each level rather than remembered.
#include "wire/codec.h"
#include "wire/codec_internal.h"

static size_t varint_size(uint64_t value)
{
	size_t size = 1;
	while (value >= 0x80) {
		value >>= 7;
		size++;
	}
	return size;
}

static size_t head_size(uint32_t number, size_t size)
{
	return varint_size((uint64_t)number << 3) + varint_size(size);
}

void codec_append_head(struct buffer *buffer, uint32_t number, size_t size)
{
	buffer_append_varint(buffer, (uint64_t)number << 3 | CODEC_WIRE_BYTES);
	buffer_append_varint(buffer, size);
}

// ---- checks ----

static result refuse(struct fault *fault, const struct codec_message *message, const struct codec_field *field,
		     const char *words)
{
	return fault_set(fault, ERR_FORMAT, "%s.%s: %s", message->name, field->name, words);
}

static result check_list(const struct codec_message *message, const struct codec_field *field, const uint8_t *from,
			 struct fault *fault)
{
	struct codec_list list = codec_load_list(field, from);
	if (list.count > field->count) {
		return refuse(fault, message, field, "too many elements");
	}
	const uint8_t *item = list.items;
	for (size_t i = 0; i < list.count; i++, item += codec_stride(field)) {
		result code = field->message ? codec_check(field->message, item, fault)
					     : codec_check_text(message, field, codec_item_text(item), fault);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

static inline bool is_absent(const struct codec_field *field, const uint8_t *from)
{
	if (field->repeated) {
		return codec_load_list(field, from).count == 0;
	}
	switch (field->kind) {
	case CODEC_BYTES:
	case CODEC_TEXT:
		return codec_load_slice(field, from).size == 0;
	case CODEC_MESSAGE:
	case CODEC_CHOICE:
		return !codec_has_message(field, from);
	default:
		return codec_load_number(field, from) == 0;
	}
}

result codec_check(const struct codec_message *message, const void *from, struct fault *fault)
{
	for (size_t i = 0; i < message->count; i++) {
		const struct codec_field *field = &message->fields[i];
		result code = OK;
		if (is_absent(field, from)) {
			code = field->required ? refuse(fault, message, field, "missing") : OK;
		} else if (field->repeated) {
			code = check_list(message, field, from, fault);
		} else if (field->message) {
			code = codec_check(field->message, (const uint8_t *)from + field->offset, fault);
		} else if (field->kind == CODEC_BYTES || field->kind == CODEC_TEXT) {
			code = codec_check_text(message, field, codec_load_slice(field, from), fault);
		} else {
			code = codec_check_number(message, field, codec_load_number(field, from), fault);
		}
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

// ---- sizes ----

static size_t delimited_size(const struct codec_field *field, size_t size)
{
	return head_size(field->number, size) + size;
}

static size_t list_size(const struct codec_field *field, const uint8_t *from)
{
	struct codec_list list = codec_load_list(field, from);
	const uint8_t *item = list.items;
	size_t size = 0;
	for (size_t i = 0; i < list.count; i++, item += codec_stride(field)) {
		size_t item_size = field->message ? codec_size(field->message, item) : codec_item_text(item).size;
		size += delimited_size(field, item_size);
	}
	return size;
}

size_t codec_size(const struct codec_message *message, const void *from)
{
	size_t size = 0;
	for (size_t i = 0; i < message->count; i++) {
		const struct codec_field *field = &message->fields[i];
		if (is_absent(field, from)) {
			continue;
		}
		if (field->repeated) {
			size += list_size(field, from);
		} else if (field->message) {
			size +=
			    delimited_size(field, codec_size(field->message, (const uint8_t *)from + field->offset));
		} else if (field->kind == CODEC_BYTES || field->kind == CODEC_TEXT) {
			size += delimited_size(field, codec_load_slice(field, from).size);
		} else {
			size += varint_size((uint64_t)field->number << 3);
			size += field->kind == CODEC_TIME ? 8 : varint_size(codec_load_number(field, from));
		}
	}
	return size;
}

// ---- bytes ----
//
// Room is made once for the whole message; the writers below move a pointer. Each returns where it stopped.

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put_head(uint8_t *at, const struct codec_field *field, size_t size)
{
	at = put_varint(at, (uint64_t)field->number << 3 | CODEC_WIRE_BYTES);
	return put_varint(at, size);
}

static uint8_t *put_message(uint8_t *at, const struct codec_message *message, const uint8_t *from);

static uint8_t *put_embedded(uint8_t *at, const struct codec_field *field, const uint8_t *item)
{
	at = put_head(at, field, codec_size(field->message, item));
	return put_message(at, field->message, item);
}

static uint8_t *put_text(uint8_t *at, const struct codec_field *field, struct slice text)
{
	at = put_head(at, field, text.size);
	if (text.size != 0) {
		memcpy(at, text.data, text.size);
	}
	return at + text.size;
}

static uint8_t *put_list(uint8_t *at, const struct codec_field *field, const uint8_t *from)
{
	struct codec_list list = codec_load_list(field, from);
	const uint8_t *item = list.items;
	for (size_t i = 0; i < list.count; i++, item += codec_stride(field)) {
		at = field->message ? put_embedded(at, field, item) : put_text(at, field, codec_item_text(item));
	}
	return at;
}

static uint8_t *put_number(uint8_t *at, const struct codec_field *field, uint64_t value)
{
	if (field->kind != CODEC_TIME) {
		at = put_varint(at, (uint64_t)field->number << 3 | CODEC_WIRE_VARINT);
		return put_varint(at, value);
	}
	at = put_varint(at, (uint64_t)field->number << 3 | CODEC_WIRE_FIXED64);
	for (size_t i = 0; i < 8; i++) {
		*at++ = (uint8_t)(value >> (8 * i));
	}
	return at;
}

static uint8_t *put_message(uint8_t *at, const struct codec_message *message, const uint8_t *from)
{
	for (size_t i = 0; i < message->count; i++) {
		const struct codec_field *field = &message->fields[i];
		if (is_absent(field, from)) {
			continue;
		}
		if (field->repeated) {
			at = put_list(at, field, from);
		} else if (field->message) {
			at = put_embedded(at, field, from + field->offset);
		} else if (field->kind == CODEC_BYTES || field->kind == CODEC_TEXT) {
			at = put_text(at, field, codec_load_slice(field, from));
		} else {
			at = put_number(at, field, codec_load_number(field, from));
		}
	}
	return at;
}

void codec_append(const struct codec_message *message, const void *from, struct buffer *buffer)
{
	size_t size = codec_size(message, from);
	uint8_t *at = buffer_reserve(buffer, size);
	if (at) {
		assert_always(put_message(at, message, from) == at + size);
	}
}

result codec_encode(const struct codec_message *message, const void *from, struct buffer *buffer, struct fault *fault)
{
	result code = codec_check(message, from, fault);
	if (code != OK) {
		return code;
	}
	codec_append(message, from, buffer);
	code = buffer_result(buffer);
	return code == OK ? OK : fault_set(fault, code, "%s: %s", message->name, result_text(code));
}
