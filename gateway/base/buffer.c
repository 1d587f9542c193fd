// SPDX-License-Identifier: EUPL-1.2
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, size_t limit)
{
	*buffer = (struct buffer){ .limit = limit };
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ .limit = buffer->limit };
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->sticky = OK;
}

result buffer_result(const struct buffer *buffer)
{
	return buffer->sticky;
}

// Makes room for `more` bytes beyond the present size, and one for a terminator.
static bool make_room(struct buffer *buffer, size_t more)
{
	if (buffer->sticky != OK) {
		return false;
	}
	if (more > buffer->limit || buffer->size > buffer->limit - more) {
		buffer->sticky = ERR_LIMIT;
		return false;
	}
	size_t needed = buffer->size + more + 1;
	if (needed <= buffer->capacity) {
		return true;
	}
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_CAPACITY;
	while (capacity < needed) {
		capacity *= 2;
	}
	uint8_t *data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->sticky = ERR_MEMORY;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void buffer_expect(struct buffer *buffer, size_t size)
{
	size = size < buffer->limit ? size : buffer->limit; // an estimate is no failure
	if (size > buffer->size) {
		make_room(buffer, size - buffer->size);
	}
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t size)
{
	if (!make_room(buffer, size)) {
		return NULL;
	}
	uint8_t *place = buffer->data + buffer->size;
	buffer->size += size;
	return place;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	if (size == 0) {
		return;
	}
	uint8_t *place = buffer_reserve(buffer, size);
	if (place) {
		memcpy(place, data, size);
	}
}

void buffer_append_slice(struct buffer *buffer, struct slice slice)
{
	buffer_append(buffer, slice.data, slice.size);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append_slice(buffer, slice_text(text));
}

void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
	buffer_append(buffer, &byte, 1);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	va_list again;
	va_copy(again, arguments);
	int size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size < 0) {
		buffer->sticky = buffer->sticky == OK ? ERR_INTERNAL : buffer->sticky;
	} else if (make_room(buffer, (size_t)size)) {
		vsnprintf((char *)buffer->data + buffer->size, (size_t)size + 1, format, again);
		buffer->size += (size_t)size;
	}
	va_end(again);
}

static void append_bigendian(struct buffer *buffer, uint64_t value, size_t width)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < width; i++) {
		bytes[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
	}
	buffer_append(buffer, bytes, width);
}

static void append_littleendian(struct buffer *buffer, uint64_t value, size_t width)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < width; i++) {
		bytes[i] = (uint8_t)(value >> (8 * i));
	}
	buffer_append(buffer, bytes, width);
}

void buffer_append_be32(struct buffer *buffer, uint32_t value)
{
	append_bigendian(buffer, value, 4);
}

void buffer_append_be64(struct buffer *buffer, uint64_t value)
{
	append_bigendian(buffer, value, 8);
}

void buffer_append_le16(struct buffer *buffer, uint16_t value)
{
	append_littleendian(buffer, value, 2);
}

void buffer_append_le32(struct buffer *buffer, uint32_t value)
{
	append_littleendian(buffer, value, 4);
}

void buffer_append_le64(struct buffer *buffer, uint64_t value)
{
	append_littleendian(buffer, value, 8);
}

void buffer_append_varint(struct buffer *buffer, uint64_t value)
{
	uint8_t bytes[10];
	size_t size = 0;
	while (value >= 0x80) {
		bytes[size++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	bytes[size++] = (uint8_t)value;
	buffer_append(buffer, bytes, size);
}

void buffer_consume(struct buffer *buffer, size_t count)
{
	assert_always(count <= buffer->size);
	if (count == 0) {
		return;
	}
	memmove(buffer->data, buffer->data + count, buffer->size - count);
	buffer->size -= count;
}

const char *buffer_text(struct buffer *buffer)
{
	if (!make_room(buffer, 0)) {
		return "";
	}
	buffer->data[buffer->size] = '\0';
	return (const char *)buffer->data;
}
