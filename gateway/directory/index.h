// SPDX-License-Identifier: EUPL-1.2
//
// A hash index from names to positions in an array that the caller holds. It stores hash and position only; the
// caller compares the names. Built once with a known number of entries, then only read. For directory/ only.
#ifndef BESA_DIRECTORY_INDEX_H
#define BESA_DIRECTORY_INDEX_H

#include "base/result.h"
#include "base/slice.h"

struct index_slot {
	uint64_t hash;
	uint32_t position; // INDEX_NONE: empty
};

struct index {
	struct index_slot *slots;
	size_t size; // a power of two, more than the entries
};

static const uint32_t INDEX_NONE = UINT32_MAX;

// Room for `count` entries. ERR_MEMORY. Release is safe on a zeroed struct.
result index_init(struct index *index, size_t count);
void index_release(struct index *index);

// A name's hash, and the hash of a pair of names.
uint64_t index_hash(struct slice name);
uint64_t index_hash_pair(struct slice first, struct slice second);

// Adds an entry; never more than index_init() was told.
void index_add(struct index *index, uint64_t hash, uint32_t position);

// The positions with this hash, one after another: start with *cursor = SIZE_MAX, INDEX_NONE ends.
uint32_t index_next(const struct index *index, uint64_t hash, size_t *cursor);

#endif
