// SPDX-License-Identifier: EUPL-1.2
//
// Serialised descriptor sets, built by hand with the numbers of descriptor.proto: what no protoc would write.
#ifndef BESA_TESTS_CONTRACT_BUILD_SET_H
#define BESA_TESTS_CONTRACT_BUILD_SET_H

#include "base/buffer.h"
#include "contract/contract.h"

static inline void put_bytes(struct buffer *out, unsigned number, struct slice bytes)
{
	buffer_append_varint(out, number << 3 | 2);
	buffer_append_varint(out, bytes.size);
	buffer_append_slice(out, bytes);
}

static inline void put_text(struct buffer *out, unsigned number, const char *text)
{
	put_bytes(out, number, slice_text(text));
}

static inline void put_number(struct buffer *out, unsigned number, uint64_t value)
{
	buffer_append_varint(out, number << 3);
	buffer_append_varint(out, value);
}

// Puts what `inner` holds into `out` as field `number`, and empties it.
static inline void put_inner(struct buffer *out, unsigned number, struct buffer *inner)
{
	put_bytes(out, number, buffer_slice(inner));
	buffer_clear(inner);
}

struct parts {
	struct buffer set;
	struct buffer file;
	struct buffer type;
	struct buffer inner;
};

static inline void parts_init(struct parts *parts)
{
	buffer_init(&parts->set, CONTRACT_SET_MAX + 1024);
	buffer_init(&parts->file, CONTRACT_SET_MAX + 1024);
	buffer_init(&parts->type, CONTRACT_SET_MAX + 1024);
	buffer_init(&parts->inner, CONTRACT_SET_MAX + 1024);
}

static inline void parts_release(struct parts *parts)
{
	buffer_release(&parts->set);
	buffer_release(&parts->file);
	buffer_release(&parts->type);
	buffer_release(&parts->inner);
}

static inline void begin_file(struct parts *parts, const char *name)
{
	put_text(&parts->file, 1, name);
	put_text(&parts->file, 2, "p");
	put_text(&parts->file, 12, "proto3");
}

static inline void end_file(struct parts *parts)
{
	put_inner(&parts->set, 1, &parts->file);
}

static inline void add_field(struct parts *parts, const char *name, uint64_t number, uint64_t label, uint64_t type,
			     const char *type_name)
{
	put_text(&parts->inner, 1, name);
	put_number(&parts->inner, 3, number);
	put_number(&parts->inner, 4, label);
	put_number(&parts->inner, 5, type);
	if (type_name) {
		put_text(&parts->inner, 6, type_name);
	}
	put_inner(&parts->type, 2, &parts->inner);
}

#endif
