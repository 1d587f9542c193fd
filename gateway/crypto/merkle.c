// SPDX-License-Identifier: EUPL-1.2
//
// Hashes, the frontier, and the checks of RFC 9162 sections 2.1.3.2 and 2.1.4.2.
#include "crypto/merkle.h"

enum { LEAF_PREFIX = 0x00, NODE_PREFIX = 0x01 };

void merkle_leaf_hash(struct slice leaf, uint8_t hash[DIGEST_SIZE])
{
	static const uint8_t prefix[] = { LEAF_PREFIX };
	struct digest digest;
	digest_init(&digest);
	digest_update(&digest, slice_of(prefix, sizeof prefix));
	digest_update(&digest, leaf);
	digest_final(&digest, hash);
}

void merkle_node_hash(const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE], uint8_t hash[DIGEST_SIZE])
{
	digest_prefixed_pair(NODE_PREFIX, left, right, hash);
}

void merkle_empty_root(uint8_t root[DIGEST_SIZE])
{
	digest_sha256(slice_of(NULL, 0), root);
}

void merkle_frontier_init(struct merkle_frontier *frontier)
{
	frontier->size = 0;
}

void merkle_frontier_append(struct merkle_frontier *frontier, const uint8_t leaf_hash[DIGEST_SIZE])
{
	assert_always(frontier->size < MERKLE_SIZE_MAX);
	uint8_t hash[DIGEST_SIZE];
	memcpy(hash, leaf_hash, DIGEST_SIZE);
	unsigned level = 0;
	for (; frontier->size >> level & 1; level++) {
		merkle_node_hash(frontier->nodes[level], hash, hash);
	}
	memcpy(frontier->nodes[level], hash, DIGEST_SIZE);
	frontier->size++;
}

void merkle_frontier_root(const struct merkle_frontier *frontier, uint8_t root[DIGEST_SIZE])
{
	bool started = false;
	uint8_t hash[DIGEST_SIZE];
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		if (!(frontier->size >> level & 1)) {
			continue;
		}
		if (started) {
			merkle_node_hash(frontier->nodes[level], hash, hash);
		} else {
			memcpy(hash, frontier->nodes[level], DIGEST_SIZE);
			started = true;
		}
	}
	if (started) {
		memcpy(root, hash, DIGEST_SIZE);
	} else {
		merkle_empty_root(root);
	}
}

void merkle_frontier_serialise(const struct merkle_frontier *frontier, struct buffer *bytes)
{
	buffer_append_be64(bytes, frontier->size);
	for (unsigned level = MERKLE_LEVELS; level-- > 0;) {
		if (frontier->size >> level & 1) {
			buffer_append(bytes, frontier->nodes[level], DIGEST_SIZE);
		}
	}
}

result merkle_frontier_parse(struct slice bytes, struct merkle_frontier *ret_frontier)
{
	if (bytes.size < 8) {
		return ERR_FORMAT;
	}
	uint64_t size = 0;
	for (size_t i = 0; i < 8; i++) {
		size = size << 8 | bytes.data[i];
	}
	size_t nodes = (size_t)__builtin_popcountll(size);
	if (size > MERKLE_SIZE_MAX || bytes.size != 8 + nodes * DIGEST_SIZE) {
		return ERR_FORMAT;
	}
	const uint8_t *at = bytes.data + 8;
	ret_frontier->size = size;
	for (unsigned level = MERKLE_LEVELS; level-- > 0;) {
		if (size >> level & 1) {
			memcpy(ret_frontier->nodes[level], at, DIGEST_SIZE);
			at += DIGEST_SIZE;
		}
	}
	return OK;
}

// Bits needed to write the value: 0 for 0.
static unsigned bit_length(uint64_t value)
{
	return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

unsigned merkle_path_length(uint64_t index, uint64_t size)
{
	if (index >= size) {
		return 0;
	}
	// Below the level at which the leaf and the tree's last leaf have one ancestor, every level gives a
	// sibling; above it, the leaf is on the right edge and only the set bits of its index do.
	unsigned inner = bit_length(index ^ (size - 1));
	return inner + (unsigned)__builtin_popcountll(index >> inner);
}

result merkle_path_root(uint64_t index, uint64_t size, const uint8_t leaf_hash[DIGEST_SIZE], struct slice path,
			uint8_t ret_root[DIGEST_SIZE])
{
	if (index >= size || size > MERKLE_SIZE_MAX ||
	    path.size != (size_t)merkle_path_length(index, size) * DIGEST_SIZE) {
		return ERR_FORMAT;
	}
	uint8_t hash[DIGEST_SIZE];
	memcpy(hash, leaf_hash, DIGEST_SIZE);
	uint64_t last = size - 1;
	for (const uint8_t *sibling = path.data; path.size > 0; index >>= 1, last >>= 1) {
		if (index & 1) {
			merkle_node_hash(sibling, hash, hash);
		} else if (index < last) {
			merkle_node_hash(hash, sibling, hash);
		} else {
			continue; // the right edge, without a sibling at this level
		}
		sibling += DIGEST_SIZE;
		path.size -= DIGEST_SIZE;
	}
	memcpy(ret_root, hash, DIGEST_SIZE);
	return OK;
}

// The general case of a consistency check: 0 < first < second.
static result check_consistency(uint64_t first, const uint8_t first_root[DIGEST_SIZE], uint64_t second,
				const uint8_t second_root[DIGEST_SIZE], struct slice proof)
{
	uint64_t node = first - 1;
	uint64_t last = second - 1;
	while (node & 1) { // up to the root of the last complete subtree of the first tree
		node >>= 1;
		last >>= 1;
	}
	const uint8_t *at = proof.data;
	const uint8_t *end = proof.data + proof.size;
	const uint8_t *start = first_root; // a power of two is one complete subtree, the proof leaves it out
	if (node != 0) {
		if (at == end) {
			return ERR_FORMAT;
		}
		start = at;
		at += DIGEST_SIZE;
	}
	uint8_t from_first[DIGEST_SIZE];
	uint8_t from_second[DIGEST_SIZE];
	memcpy(from_first, start, DIGEST_SIZE);
	memcpy(from_second, start, DIGEST_SIZE);
	for (; last != 0; node >>= 1, last >>= 1) {
		if (!(node & 1) && node == last) {
			continue; // both on the right edge, without a sibling
		}
		if (at == end) {
			return ERR_FORMAT;
		}
		if (node & 1) {
			merkle_node_hash(at, from_first, from_first);
			merkle_node_hash(at, from_second, from_second);
		} else {
			merkle_node_hash(from_second, at, from_second); // leaves the first tree did not have
		}
		at += DIGEST_SIZE;
	}
	if (at != end) {
		return ERR_FORMAT;
	}
	bool equal = digest_equal(from_first, first_root) && digest_equal(from_second, second_root);
	return equal ? OK : ERR_DIGEST_MISMATCH;
}

result merkle_consistency_verify(uint64_t first, const uint8_t first_root[DIGEST_SIZE], uint64_t second,
				 const uint8_t second_root[DIGEST_SIZE], struct slice proof)
{
	if (first > second || second > MERKLE_SIZE_MAX || proof.size % DIGEST_SIZE != 0) {
		return ERR_FORMAT;
	}
	if (first != 0 && first != second) {
		return check_consistency(first, first_root, second, second_root, proof);
	}
	if (proof.size != 0) {
		return ERR_FORMAT;
	}
	if (first == second) {
		return digest_equal(first_root, second_root) ? OK : ERR_DIGEST_MISMATCH;
	}
	uint8_t empty[DIGEST_SIZE];
	merkle_empty_root(empty);
	return digest_equal(first_root, empty) ? OK : ERR_DIGEST_MISMATCH;
}
