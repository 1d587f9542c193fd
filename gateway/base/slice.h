// SPDX-License-Identifier: EUPL-1.2
//
// Borrowed bytes: a pointer and a size, never freed through. Text in slices is not terminated.
#ifndef BESA_BASE_SLICE_H
#define BESA_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data;
	size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
	return (struct slice){ .data = data, .size = size };
}

// The characters of a terminated string, without the terminator; empty for NULL.
static inline struct slice slice_text(const char *text)
{
	return (struct slice){ .data = (const uint8_t *)text, .size = text ? strlen(text) : 0 };
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_text(text));
}

static inline bool slice_starts_with(struct slice a, struct slice prefix)
{
	return a.size >= prefix.size && (prefix.size == 0 || memcmp(a.data, prefix.data, prefix.size) == 0);
}

// Drops the first `count` bytes (at most all of them).
static inline struct slice slice_skip(struct slice a, size_t count)
{
	if (count > a.size) {
		count = a.size;
	}
	if (count == 0) {
		return a; // also without data: adding to NULL is not defined
	}
	return (struct slice){ .data = a.data + count, .size = a.size - count };
}

#endif
