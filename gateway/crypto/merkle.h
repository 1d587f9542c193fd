// SPDX-License-Identifier: EUPL-1.2
//
// The Merkle tree of a ledger: RFC 6962 section 2.1 hashing (the same as RFC 9162 section 2.1, C2SP tlog-tiles).
//
// Nobody holds the tree. A writer holds the frontier: the roots of the complete subtrees that make up the tree, one
// per set bit of its size. A batch of leaves is appended and proven from the frontier alone; proofs of old leaves are
// made from stored nodes through a reader. "Node (level, index)" is the root of the complete subtree over the leaves
// index * 2^level to (index + 1) * 2^level - 1; level 0 are the leaf hashes.
//
// Audit paths and consistency proofs are plain bytes: 32-byte hashes one after another, from the leaves upwards.
#ifndef BESA_CRYPTO_MERKLE_H
#define BESA_CRYPTO_MERKLE_H

#include "base/buffer.h"
#include "crypto/digest.h"

enum {
	// Levels of the largest tree. A ledger of a million leaves a second takes nine years to reach it.
	MERKLE_LEVELS = 48,
	// Hashes of the longest audit path, bytes of it; a consistency proof has one hash more at most.
	MERKLE_PATH_MAX = MERKLE_LEVELS,
	MERKLE_PATH_SIZE_MAX = MERKLE_PATH_MAX * DIGEST_SIZE,
	MERKLE_PROOF_SIZE_MAX = (MERKLE_PATH_MAX + 1) * DIGEST_SIZE,
	MERKLE_FRONTIER_SIZE_MAX = 8 + MERKLE_LEVELS * DIGEST_SIZE, // serialised
};

// The largest tree, in leaves. A larger size from outside is refused, so no level runs over an array.
static const uint64_t MERKLE_SIZE_MAX = (UINT64_C(1) << MERKLE_LEVELS) - 1;

// ---- hashes (merkle.c) ----

// SHA-256(0x00 ‖ leaf).
void merkle_leaf_hash(struct slice leaf, uint8_t hash[DIGEST_SIZE]);

// SHA-256(0x01 ‖ left ‖ right). `hash` may be one of the two.
void merkle_node_hash(const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE], uint8_t hash[DIGEST_SIZE]);

// The root of the tree without leaves: SHA-256 of nothing.
void merkle_empty_root(uint8_t root[DIGEST_SIZE]);

// ---- frontier (merkle.c) ----

struct merkle_frontier {
	uint64_t size;                             // leaves
	uint8_t nodes[MERKLE_LEVELS][DIGEST_SIZE]; // nodes[l] counts when bit l of size is set
};

void merkle_frontier_init(struct merkle_frontier *frontier);

// Adds one leaf. The size must be below MERKLE_SIZE_MAX.
void merkle_frontier_append(struct merkle_frontier *frontier, const uint8_t leaf_hash[DIGEST_SIZE]);

// The root of the tree the frontier stands for.
void merkle_frontier_root(const struct merkle_frontier *frontier, uint8_t root[DIGEST_SIZE]);

// Appends size (8 bytes, big-endian) and the nodes from the highest level down.
void merkle_frontier_serialise(const struct merkle_frontier *frontier, struct buffer *bytes);

// The whole of `bytes`; ERR_FORMAT if its length does not follow from its size.
result merkle_frontier_parse(struct slice bytes, struct merkle_frontier *ret_frontier);

// ---- verification (merkle.c, merkle_cache.c) ----

// Hashes in the audit path of leaf `index` in a tree of `size` leaves; 0 if index >= size.
unsigned merkle_path_length(uint64_t index, uint64_t size);

// The root that an audit path leads to (RFC 9162 section 2.1.3.2). ERR_FORMAT when index or size are impossible or
// the path has not exactly the hashes it must have. The caller compares the root with a signed one.
result merkle_path_root(uint64_t index, uint64_t size, const uint8_t leaf_hash[DIGEST_SIZE], struct slice path,
			uint8_t ret_root[DIGEST_SIZE]);

// Whether the tree of `second` leaves begins with the tree of `first` leaves (RFC 9162 section 2.1.4.2). OK;
// ERR_FORMAT for a proof of the wrong shape, ERR_DIGEST_MISMATCH when hashes do not fit. The empty tree is
// consistent with every tree by the empty proof.
result merkle_consistency_verify(uint64_t first, const uint8_t first_root[DIGEST_SIZE], uint64_t second,
				 const uint8_t second_root[DIGEST_SIZE], struct slice proof);

// The last path verified under one checkpoint. The next leaf climbs only until it meets a node that is known; what
// is above is compared, not hashed. Says OK exactly when the plain verification would.
struct merkle_path_cache {
	uint64_t size;
	uint8_t root[DIGEST_SIZE];
	bool filled;                                   // the rest counts
	uint64_t index;                                // of the last leaf
	uint8_t nodes[MERKLE_LEVELS + 1][DIGEST_SIZE]; // it and its ancestors, by level
	uint8_t siblings[MERKLE_LEVELS][DIGEST_SIZE];  // theirs, where they have one
};

// An empty cache for a checkpoint whose signature the caller has verified.
void merkle_path_cache_init(struct merkle_path_cache *cache, uint64_t size, const uint8_t root[DIGEST_SIZE]);

// OK if the leaf stands at `index` in the checkpoint's tree. ERR_FORMAT for an impossible index or path length,
// ERR_DIGEST_MISMATCH otherwise. Only success changes the cache.
result merkle_path_cache_verify(struct merkle_path_cache *cache, uint64_t index, const uint8_t leaf_hash[DIGEST_SIZE],
				struct slice path);

// ---- appending a batch with proofs (merkle_batch.c) ----
//
//     merkle_batch_begin(&batch, count, &leaves);  write count leaf hashes to leaves[0..]
//     merkle_batch_run(&batch, &frontier, &after); batch.root, batch.size, paths
//
// The path of each leaf in the tree after the batch is a lower part of its own, then an upper part that the whole batch
// shares. Nothing is allocated per leaf; the memory of the largest batch is kept for the next one.
struct merkle_batch {
	uint64_t first;            // leaves before the batch = index of its first leaf
	uint64_t size;             // leaves after it
	uint8_t root[DIGEST_SIZE]; // of the tree after it
	// the rest belongs to merkle_batch.c
	uint8_t (*hashes)[DIGEST_SIZE]; // complete nodes that hold a leaf of the batch, level by level
	size_t capacity;
	size_t offsets[MERKLE_LEVELS + 1];        // of each level in hashes
	uint8_t left[MERKLE_LEVELS][DIGEST_SIZE]; // the frontier before
	uint8_t edge[MERKLE_LEVELS + 1]
		    [DIGEST_SIZE]; // right edge of the tree after: root over what level l leaves over
	unsigned split;            // the first level at which the batch has one ancestor only
	unsigned upper_count;
	uint8_t upper[MERKLE_PATH_MAX][DIGEST_SIZE];
};

void merkle_batch_init(struct merkle_batch *batch);
void merkle_batch_release(struct merkle_batch *batch);

// Starts a batch of `count` leaves and gives the place for their hashes. ERR_MEMORY.
result merkle_batch_begin(struct merkle_batch *batch, size_t count, uint8_t (**ret_leaves)[DIGEST_SIZE]);

// Hashes the batch onto the frontier before it. `ret_after` may be `before`; a caller that may have to give the batch
// up (the write failed) passes another. before->size + count must not exceed MERKLE_SIZE_MAX.
void merkle_batch_run(struct merkle_batch *batch, const struct merkle_frontier *before,
		      struct merkle_frontier *ret_after);

// The part of the path of the batch's leaf i (from 0) that is its own, the hashes nearest the leaf: writes to
// `path` (room for MERKLE_PATH_MAX hashes) and returns how many.
size_t merkle_batch_lower(const struct merkle_batch *batch, size_t i, uint8_t path[][DIGEST_SIZE]);

// The rest of every leaf's path, borrowed from the batch until it begins again.
struct slice merkle_batch_upper(const struct merkle_batch *batch);

// The complete nodes of one level that came into being with this batch, for storing: borrowed, their number returned,
// the index of the first of them in *ret_index.
size_t merkle_batch_level(const struct merkle_batch *batch, unsigned level, uint64_t *ret_index,
			  const uint8_t (**ret_hashes)[DIGEST_SIZE]);

// ---- proofs from stored nodes (merkle_proof.c) ----

// Fetches a complete node. Its failures are passed on unchanged.
struct merkle_reader {
	result (*read)(void *context, unsigned level, uint64_t index, uint8_t hash[DIGEST_SIZE]);
	void *context;
};

// Appends the audit path of leaf `index` in the tree of the first `size` leaves. ERR_ARGUMENT if index >= size.
result merkle_prove_inclusion(const struct merkle_reader *reader, uint64_t index, uint64_t size, struct buffer *path);

// Appends the proof that the tree of `second` leaves begins with that of `first` (RFC 6962 section 2.1.2): empty if
// first is 0 or equal to second. ERR_ARGUMENT if first > second.
result merkle_prove_consistency(const struct merkle_reader *reader, uint64_t first, uint64_t second,
				struct buffer *proof);

// The frontier and so the root of the tree of the first `size` leaves.
result merkle_read_frontier(const struct merkle_reader *reader, uint64_t size, struct merkle_frontier *ret_frontier);

#endif
