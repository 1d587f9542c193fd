// SPDX-License-Identifier: EUPL-1.2
//
// A capped memory arena: many small allocations that live and die together (one exchange, one
// contract). Nothing is freed singly; arena_clear() drops everything at once.
#ifndef BESA_BASE_ARENA_H
#define BESA_BASE_ARENA_H

#include "base/result.h"
#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; // newest first
	size_t used;                // bytes handed out, alignment included
	size_t limit;               // the most that may be handed out
};

// An empty arena that never hands out more than `limit` bytes. Allocates nothing yet.
void arena_init(struct arena *arena, size_t limit);

// `size` bytes aligned for any type, not zeroed; NULL when the limit or memory is exhausted. A
// size of 0 gives a valid pointer.
void *arena_alloc(struct arena *arena, size_t size);

// The same, zeroed.
void *arena_zalloc(struct arena *arena, size_t size);

// A copy of the bytes, terminated by a NUL that is not counted; NULL when exhausted.
char *arena_copy(struct arena *arena, struct slice bytes);

// Drops every allocation; keeps one block for reuse.
void arena_clear(struct arena *arena);

// Drops everything and gives all memory back; safe on a zeroed struct.
void arena_release(struct arena *arena);

#endif
