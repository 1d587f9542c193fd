// SPDX-License-Identifier: EUPL-1.2
//
// Proofs from stored complete nodes (RFC 6962 sections 2.1.1 and 2.1.2).
#include "crypto/merkle.h"

static unsigned height_of(uint64_t leaves)
{
	return leaves > 1 ? 64 - (unsigned)__builtin_clzll(leaves - 1) : 0;
}

// The root over the leaves from `start` to `end` of the tree, where `start` is a multiple of the least power of two
// that is not below their number: a fold, from the right, of one complete node for each set bit of their number.
static result range_root(const struct merkle_reader *reader, uint64_t start, uint64_t end, uint8_t hash[DIGEST_SIZE])
{
	uint64_t count = end - start;
	bool started = false;
	for (unsigned level = 0; count >> level != 0; level++) {
		if (!(count >> level & 1)) {
			continue;
		}
		// The complete nodes of the range stand in falling order of size: this one ends where the bits below it
		// begin.
		uint64_t node_end = start + (count >> level << level);
		uint8_t node[DIGEST_SIZE];
		result code = reader->read(reader->context, level, (node_end >> level) - 1, node);
		if (code != OK) {
			return code;
		}
		if (started) {
			merkle_node_hash(node, hash, hash);
		} else {
			memcpy(hash, node, DIGEST_SIZE);
			started = true;
		}
	}
	return OK;
}

static result append_range(const struct merkle_reader *reader, uint64_t start, uint64_t end, struct buffer *proof)
{
	uint8_t hash[DIGEST_SIZE];
	result code = range_root(reader, start, end, hash);
	if (code == OK) {
		buffer_append(proof, hash, sizeof hash);
		code = buffer_result(proof);
	}
	return code;
}

result merkle_prove_inclusion(const struct merkle_reader *reader, uint64_t index, uint64_t size, struct buffer *path)
{
	if (index >= size || size > MERKLE_SIZE_MAX) {
		return ERR_ARGUMENT;
	}
	unsigned height = height_of(size);
	for (unsigned level = 0; level < height; level++) {
		uint64_t start = (index >> level ^ 1) << level;
		uint64_t end = start + (UINT64_C(1) << level);
		if (start >= size) {
			continue; // the right edge, without a sibling at this level
		}
		result code = append_range(reader, start, end < size ? end : size, path);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

result merkle_prove_consistency(const struct merkle_reader *reader, uint64_t first, uint64_t second,
				struct buffer *proof)
{
	if (first > second || second > MERKLE_SIZE_MAX) {
		return ERR_ARGUMENT;
	}
	if (first == 0 || first == second) {
		return OK;
	}
	// SUBPROOF of RFC 6962 from the top: each step goes into the half in which the first tree ends and leaves the
	// other half as a hash of the proof. Hashes come out root first and are wanted leaf first.
	struct {
		uint64_t start, end;
	} halves[MERKLE_LEVELS];
	size_t count = 0;
	uint64_t start = 0;
	uint64_t end = second;
	while (end != first && end - start > 1) { // the second never fails: start < first <= end
		uint64_t middle = start + (UINT64_C(1) << (height_of(end - start) - 1));
		if (first <= middle) {
			halves[count].start = middle;
			halves[count++].end = end;
			end = middle;
		} else {
			halves[count].start = start;
			halves[count++].end = middle;
			start = middle;
		}
	}
	// What is left is the last complete subtree of the first tree; if that is all of it, its root is known.
	result code = start == 0 ? OK : append_range(reader, start, end, proof);
	while (code == OK && count > 0) {
		count--;
		code = append_range(reader, halves[count].start, halves[count].end, proof);
	}
	return code;
}

result merkle_read_frontier(const struct merkle_reader *reader, uint64_t size, struct merkle_frontier *ret_frontier)
{
	if (size > MERKLE_SIZE_MAX) {
		return ERR_ARGUMENT;
	}
	for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
		if (!(size >> level & 1)) {
			continue;
		}
		result code = reader->read(reader->context, level, (size >> level) - 1, ret_frontier->nodes[level]);
		if (code != OK) {
			return code;
		}
	}
	ret_frontier->size = size;
	return OK;
}
