// SPDX-License-Identifier: EUPL-1.2
//
// Open addressing with linear probing, at most half full. The centre chooses the names, and an edition is verified
// before it is asked anything, so the hash need not withstand an attacker.
#include "directory/index.h"

#include <stdlib.h>

result index_init(struct index *index, size_t count)
{
	size_t size = 8;
	while (size < 2 * count) {
		size *= 2;
	}
	struct index_slot *slots = malloc(size * sizeof *slots);
	if (!slots) {
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < size; i++) {
		slots[i] = (struct index_slot){ .position = INDEX_NONE };
	}
	*index = (struct index){ .slots = slots, .size = size };
	return OK;
}

void index_release(struct index *index)
{
	free(index->slots);
	*index = (struct index){ 0 };
}

static uint64_t mix(uint64_t hash, struct slice name)
{
	for (size_t i = 0; i < name.size; i++) {
		hash = (hash ^ name.data[i]) * 0x100000001b3u; // FNV-1a
	}
	return hash;
}

uint64_t index_hash(struct slice name)
{
	return mix(0xcbf29ce484222325u, name);
}

uint64_t index_hash_pair(struct slice first, struct slice second)
{
	return mix(mix(index_hash(first), slice_of("\n", 1)), second);
}

static size_t first_slot(const struct index *index, uint64_t hash)
{
	return (hash ^ hash >> 32) & (index->size - 1);
}

void index_add(struct index *index, uint64_t hash, uint32_t position)
{
	size_t i = first_slot(index, hash);
	while (index->slots[i].position != INDEX_NONE) {
		i = (i + 1) & (index->size - 1);
	}
	index->slots[i] = (struct index_slot){ .hash = hash, .position = position };
}

uint32_t index_next(const struct index *index, uint64_t hash, size_t *cursor)
{
	if (index->size == 0) {
		return INDEX_NONE;
	}
	size_t i = *cursor == SIZE_MAX ? first_slot(index, hash) : (*cursor + 1) & (index->size - 1);
	while (index->slots[i].position != INDEX_NONE && index->slots[i].hash != hash) {
		i = (i + 1) & (index->size - 1);
	}
	*cursor = i;
	return index->slots[i].position;
}
