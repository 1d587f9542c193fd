// SPDX-License-Identifier: EUPL-1.2
//
// Why comparing is enough: every node of the cache is known to hash up to the checkpoint's root along the siblings
// cached above it. A path that reaches the same node at the same place and then names the same siblings makes the
// plain verification repeat those very hashes; one that names other siblings would have to reach the same root by other
// input, a collision of SHA-256. Half of the leaves that follow each other in a batch meet the cache without a hash.
#include "crypto/merkle.h"

void merkle_path_cache_init(struct merkle_path_cache *cache, uint64_t size, const uint8_t root[DIGEST_SIZE])
{
	cache->size = size;
	cache->filled = false;
	memcpy(cache->root, root, DIGEST_SIZE);
}

// A climb from a leaf towards the root.
struct climb {
	uint64_t index; // of the node reached, at its level
	uint64_t last;  // of the tree's last node at that level
	unsigned level;
	const uint8_t *at; // the sibling that comes next in the path
	const uint8_t *end;
};

static bool has_sibling(const struct climb *climb)
{
	return (climb->index & 1) || climb->index < climb->last;
}

static void step_up(struct climb *climb)
{
	climb->index >>= 1;
	climb->last >>= 1;
	climb->level++;
}

// Whether the rest of the path names the cached siblings from the climb's level on. Its length was checked before.
static bool rest_is_cached(const struct merkle_path_cache *cache, struct climb climb)
{
	for (; climb.at < climb.end; step_up(&climb)) {
		if (!has_sibling(&climb)) {
			continue;
		}
		if (memcmp(climb.at, cache->siblings[climb.level], DIGEST_SIZE) != 0) {
			return false;
		}
		climb.at += DIGEST_SIZE;
	}
	return true;
}

// What a climbed node says at its place.
enum meeting { MEETS_NOTHING, MEETS_AND_FITS, MEETS_AND_CONTRADICTS };

static enum meeting meet(const struct merkle_path_cache *cache, struct climb climb, const uint8_t hash[DIGEST_SIZE])
{
	if (!cache->filled) {
		return MEETS_NOTHING;
	}
	uint64_t cached = cache->index >> climb.level;
	if (climb.index == cached) {
		bool fits = memcmp(hash, cache->nodes[climb.level], DIGEST_SIZE) == 0 && rest_is_cached(cache, climb);
		return fits ? MEETS_AND_FITS : MEETS_AND_CONTRADICTS;
	}
	if ((climb.index ^ 1) != cached) {
		return MEETS_NOTHING;
	}
	// The cached path's sibling: then its node must be ours, and above both are one.
	if (memcmp(hash, cache->siblings[climb.level], DIGEST_SIZE) != 0 ||
	    memcmp(climb.at, cache->nodes[climb.level], DIGEST_SIZE) != 0) {
		return MEETS_AND_CONTRADICTS;
	}
	climb.at += DIGEST_SIZE;
	step_up(&climb);
	return rest_is_cached(cache, climb) ? MEETS_AND_FITS : MEETS_AND_CONTRADICTS;
}

// Takes over the path up to and including `top`, the level at which it met the cache; what is above stays.
static void remember(struct merkle_path_cache *cache, uint64_t index, struct slice path, unsigned top,
		     const uint8_t nodes[][DIGEST_SIZE])
{
	struct climb climb = { .index = index, .last = cache->size - 1, .at = path.data, .end = path.data + path.size };
	for (; climb.level <= top; step_up(&climb)) {
		memcpy(cache->nodes[climb.level], nodes[climb.level], DIGEST_SIZE);
		if (climb.at < climb.end && has_sibling(&climb)) {
			memcpy(cache->siblings[climb.level], climb.at, DIGEST_SIZE);
			climb.at += DIGEST_SIZE;
		}
	}
	cache->index = index;
	cache->filled = true;
}

result merkle_path_cache_verify(struct merkle_path_cache *cache, uint64_t index, const uint8_t leaf_hash[DIGEST_SIZE],
				struct slice path)
{
	if (index >= cache->size || cache->size > MERKLE_SIZE_MAX ||
	    path.size != (size_t)merkle_path_length(index, cache->size) * DIGEST_SIZE) {
		return ERR_FORMAT;
	}
	uint8_t nodes[MERKLE_LEVELS + 1][DIGEST_SIZE];
	memcpy(nodes[0], leaf_hash, DIGEST_SIZE);
	struct climb climb = { .index = index, .last = cache->size - 1, .at = path.data, .end = path.data + path.size };
	for (;; step_up(&climb)) {
		const uint8_t *hash = nodes[climb.level];
		enum meeting meeting = meet(cache, climb, hash);
		if (meeting == MEETS_AND_CONTRADICTS) {
			return ERR_DIGEST_MISMATCH;
		}
		if (meeting == MEETS_AND_FITS) {
			break;
		}
		if (climb.at == climb.end) { // the root, met by no cached path
			if (memcmp(hash, cache->root, DIGEST_SIZE) != 0) {
				return ERR_DIGEST_MISMATCH;
			}
			break;
		}
		uint8_t *parent = nodes[climb.level + 1];
		if (!has_sibling(&climb)) {
			memcpy(parent, hash, DIGEST_SIZE);
			continue;
		}
		if (climb.index & 1) {
			merkle_node_hash(climb.at, hash, parent);
		} else {
			merkle_node_hash(hash, climb.at, parent);
		}
		climb.at += DIGEST_SIZE;
	}
	remember(cache, index, path, climb.level, nodes);
	return OK;
}
