// SPDX-License-Identifier: EUPL-1.2
//
// Appending m leaves to n with all audit paths, from the frontier of n alone.
//
// At level l the complete nodes that hold a leaf of the batch have the indexes (n >> l) to ((n + m) >> l) - 1: one run,
// about m / 2^l long. A sibling that a path needs is either in that run; or it is the node just left of it, which
// is complete, holds old leaves only, and so is the frontier's node of level l; or it is what hangs over at the right
// end of the tree, a fold of the lower nodes of the frontier after the batch. No other node is ever needed.
#include "crypto/merkle.h"

#include <stdlib.h>

void merkle_batch_init(struct merkle_batch *batch)
{
	*batch = (struct merkle_batch){ 0 };
}

void merkle_batch_release(struct merkle_batch *batch)
{
	free(batch->hashes);
	merkle_batch_init(batch);
}

result merkle_batch_begin(struct merkle_batch *batch, size_t count, uint8_t (**ret_leaves)[DIGEST_SIZE])
{
	// The runs of all levels: count + (count/2 + 1) + (count/4 + 1) + …
	size_t needed = 2 * count + MERKLE_LEVELS;
	if (count > (SIZE_MAX / DIGEST_SIZE - MERKLE_LEVELS) / 2) {
		return ERR_MEMORY;
	}
	if (needed > batch->capacity) {
		uint8_t(*hashes)[DIGEST_SIZE] = realloc(batch->hashes, needed * DIGEST_SIZE);
		if (!hashes) {
			return ERR_MEMORY;
		}
		batch->hashes = hashes;
		batch->capacity = needed;
	}
	batch->size = batch->first = 0;
	batch->offsets[0] = 0;
	batch->offsets[1] = count;
	*ret_leaves = batch->hashes;
	return OK;
}

// The index of the first node of a level's run.
static uint64_t run_start(const struct merkle_batch *batch, unsigned level)
{
	return batch->first >> level;
}

// A complete node that is in a level's run or just left of it.
static const uint8_t *complete_node(const struct merkle_batch *batch, unsigned level, uint64_t index)
{
	uint64_t start = run_start(batch, level);
	return index < start ? batch->left[level] : batch->hashes[batch->offsets[level] + (index - start)];
}

static void hash_level(struct merkle_batch *batch, unsigned level)
{
	uint64_t end = batch->size >> level;
	size_t at = batch->offsets[level];
	for (uint64_t index = run_start(batch, level); index < end; index++) {
		const uint8_t *left = complete_node(batch, level - 1, 2 * index);
		const uint8_t *right = complete_node(batch, level - 1, 2 * index + 1);
		merkle_node_hash(left, right, batch->hashes[at++]);
	}
	batch->offsets[level + 1] = at;
}

// The frontier after the batch: its node of level l is the last complete one of that level.
static void take_frontier(const struct merkle_batch *batch, struct merkle_frontier *after)
{
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		if (batch->size >> level & 1) {
			const uint8_t *node = complete_node(batch, level, (batch->size >> level) - 1);
			memcpy(after->nodes[level], node, DIGEST_SIZE);
		}
	}
	after->size = batch->size;
}

// edge[l] is the root over the leaves that the complete nodes of level l leave over at the right; it counts if
// there are any.
static void fold_edge(struct merkle_batch *batch, const struct merkle_frontier *after)
{
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		bool over = (batch->size & ((UINT64_C(1) << level) - 1)) != 0;
		bool node = batch->size >> level & 1;
		uint8_t *next = batch->edge[level + 1];
		if (node && over) {
			merkle_node_hash(after->nodes[level], batch->edge[level], next);
		} else if (node) {
			memcpy(next, after->nodes[level], DIGEST_SIZE);
		} else if (over) {
			memcpy(next, batch->edge[level], DIGEST_SIZE);
		}
	}
	if (batch->size != 0) {
		memcpy(batch->root, batch->edge[MERKLE_LEVELS], DIGEST_SIZE);
	} else {
		merkle_empty_root(batch->root);
	}
}

// The sibling of a node in the tree after the batch; NULL if it has none.
static const uint8_t *sibling_of(const struct merkle_batch *batch, unsigned level, uint64_t index)
{
	uint64_t sibling = index ^ 1;
	uint64_t complete = batch->size >> level;
	if (sibling < complete) {
		return complete_node(batch, level, sibling);
	}
	bool over = (batch->size & ((UINT64_C(1) << level) - 1)) != 0;
	return sibling == complete && over ? batch->edge[level] : NULL;
}

static size_t collect(const struct merkle_batch *batch, uint64_t leaf, unsigned from, unsigned to,
		      uint8_t path[][DIGEST_SIZE])
{
	size_t count = 0;
	for (unsigned level = from; level < to; level++) {
		const uint8_t *sibling = sibling_of(batch, level, leaf >> level);
		if (sibling) {
			memcpy(path[count++], sibling, DIGEST_SIZE);
		}
	}
	return count;
}

// Levels of the tree: the number of bits of its last index.
static unsigned height_of(uint64_t size)
{
	return size > 1 ? 64 - (unsigned)__builtin_clzll(size - 1) : 0;
}

static void split_paths(struct merkle_batch *batch)
{
	batch->split = 0;
	batch->upper_count = 0;
	if (batch->size == batch->first) {
		return;
	}
	uint64_t apart = batch->first ^ (batch->size - 1);
	batch->split = apart ? 64 - (unsigned)__builtin_clzll(apart) : 0;
	batch->upper_count = (unsigned)collect(batch, batch->first, batch->split, height_of(batch->size), batch->upper);
}

void merkle_batch_run(struct merkle_batch *batch, const struct merkle_frontier *before,
		      struct merkle_frontier *ret_after)
{
	size_t count = batch->offsets[1];
	assert_always(count <= MERKLE_SIZE_MAX - before->size);
	batch->first = before->size;
	batch->size = before->size + count;
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		if (before->size >> level & 1) {
			memcpy(batch->left[level], before->nodes[level], DIGEST_SIZE);
		}
	}
	for (unsigned level = 1; level < MERKLE_LEVELS; level++) {
		hash_level(batch, level);
	}
	take_frontier(batch, ret_after);
	fold_edge(batch, ret_after);
	split_paths(batch);
}

size_t merkle_batch_lower(const struct merkle_batch *batch, size_t i, uint8_t path[][DIGEST_SIZE])
{
	assert_always(i < batch->size - batch->first);
	return collect(batch, batch->first + i, 0, batch->split, path);
}

struct slice merkle_batch_upper(const struct merkle_batch *batch)
{
	return slice_of(batch->upper, (size_t)batch->upper_count * DIGEST_SIZE);
}

size_t merkle_batch_level(const struct merkle_batch *batch, unsigned level, uint64_t *ret_index,
			  const uint8_t (**ret_hashes)[DIGEST_SIZE])
{
	assert_always(level < MERKLE_LEVELS);
	*ret_index = run_start(batch, level);
	*ret_hashes = (const uint8_t(*)[DIGEST_SIZE])(batch->hashes + batch->offsets[level]);
	return batch->offsets[level + 1] - batch->offsets[level];
}
