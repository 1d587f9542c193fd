// SPDX-License-Identifier: EUPL-1.2
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

// Most exchanges fit one block.
enum { ARENA_BLOCK_SIZE = 4096 };

struct arena_block {
	struct arena_block *next;
	size_t size; // of data
	size_t used;
	alignas(max_align_t) uint8_t data[];
};

void arena_init(struct arena *arena, size_t limit)
{
	*arena = (struct arena){ .limit = limit };
}

static struct arena_block *add_block(struct arena *arena, size_t least)
{
	size_t size = ARENA_BLOCK_SIZE - sizeof(struct arena_block);
	if (size < least) {
		size = least;
	}
	struct arena_block *block = malloc(sizeof *block + size);
	if (!block) {
		return NULL;
	}
	*block = (struct arena_block){ .next = arena->blocks, .size = size };
	arena->blocks = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > arena->limit) {
		return NULL;
	}
	size = (size + align - 1) / align * align;
	if (arena->used + size > arena->limit) {
		return NULL;
	}
	struct arena_block *block = arena->blocks;
	if (!block || block->size - block->used < size) {
		block = add_block(arena, size);
		if (!block) {
			return NULL;
		}
	}
	void *place = block->data + block->used;
	block->used += size;
	arena->used += size;
	return place;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	void *place = arena_alloc(arena, size);
	if (place) {
		memset(place, 0, size);
	}
	return place;
}

char *arena_copy(struct arena *arena, struct slice bytes)
{
	char *copy = arena_alloc(arena, bytes.size + 1);
	if (copy) {
		if (bytes.size) {
			memcpy(copy, bytes.data, bytes.size);
		}
		copy[bytes.size] = '\0';
	}
	return copy;
}

void arena_clear(struct arena *arena)
{
	if (!arena->blocks) {
		return;
	}
	struct arena_block *kept = arena->blocks;
	while (kept->next) {
		struct arena_block *next = kept->next;
		free(kept);
		kept = next;
	}
	kept->used = 0;
	arena->blocks = kept;
	arena->used = 0;
}

void arena_release(struct arena *arena)
{
	struct arena_block *block = arena->blocks;
	while (block) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
	arena->blocks = NULL;
	arena->used = 0;
}
