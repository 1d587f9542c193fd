// SPDX-License-Identifier: EUPL-1.2
//
// Owned, growing bytes with a mandatory maximum.
//
// Appending never returns an error one by one: the first failure (limit or memory) sticks, later
// appends do nothing, and buffer_result() tells once at the end. So a run of puts needs one check.
#ifndef BESA_BASE_BUFFER_H
#define BESA_BASE_BUFFER_H

#include "base/result.h"
#include "base/slice.h"

struct buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	size_t limit;
	result sticky;
};

// An empty buffer that will never hold more than `limit` bytes. Allocates nothing.
void buffer_init(struct buffer *buffer, size_t limit);

// Gives the memory back; safe on a zeroed struct; the buffer may be used again with the same limit.
void buffer_release(struct buffer *buffer);

// Empties, keeps the memory, forgets a sticky failure.
void buffer_clear(struct buffer *buffer);

// OK, or the first failure since init or clear: ERR_LIMIT, ERR_MEMORY.
result buffer_result(const struct buffer *buffer);

void buffer_append(struct buffer *buffer, const void *data, size_t size);
void buffer_append_slice(struct buffer *buffer, struct slice slice);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, uint8_t byte);
void buffer_append_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Fixed-width integers. `be` is network order (formats of the outside), `le` the host's of all
// machines Besa runs on (own framing).
void buffer_append_be32(struct buffer *buffer, uint32_t value);
void buffer_append_be64(struct buffer *buffer, uint64_t value);
void buffer_append_le16(struct buffer *buffer, uint16_t value);
void buffer_append_le32(struct buffer *buffer, uint32_t value);
void buffer_append_le64(struct buffer *buffer, uint64_t value);

// Protobuf base-128 varint (minimal form).
void buffer_append_varint(struct buffer *buffer, uint64_t value);

// Room for `size` bytes at the end, already counted in; NULL (and sticky) if there is none. The
// pointer is good until the next append.
uint8_t *buffer_reserve(struct buffer *buffer, size_t size);

// Makes room for `size` bytes in all at once, where the final size is about known: growing step by step copies.
void buffer_expect(struct buffer *buffer, size_t size);

// Drops `count` bytes from the front, moving the rest down.
void buffer_consume(struct buffer *buffer, size_t count);

// A terminated string of the content, borrowed from the buffer until the next change; the
// terminator is not counted. "" when the buffer has failed.
const char *buffer_text(struct buffer *buffer);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
	return slice_of(buffer->data, buffer->size);
}

#endif
