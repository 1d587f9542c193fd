// SPDX-License-Identifier: EUPL-1.2
//
// Stored tree nodes of a shard, for proofs of old leaves: the file `nodes`, 32-byte hashes in the order in which they
// come into being (a leaf, then each subtree it completes), so the file only grows and a batch is one write.
//
// The file is derived: it is not synced with the batch, and recovery writes again what the journal has and the file may
// have lost. Because it is written only after a batch was synced, it is also a witness: a node of a leaf that the
// journal does not have shows that the journal lost something it had promised.
#ifndef BESA_LEDGER_NODES_H
#define BESA_LEDGER_NODES_H

#include "base/buffer.h"
#include "base/disk.h"
#include "crypto/merkle.h"

enum {
	// What is waiting to be written. A disk that stays full this long stops the ledger anyway.
	NODES_PENDING_MAX = 8 * 1024 * 1024,
};

struct nodes {
	struct disk_file *file;
	uint64_t size;         // leaves whose nodes are in the file or pending
	uint64_t written;      // hashes in the file
	uint64_t synced;       // leaves whose nodes a completed sync covers
	struct buffer pending; // hashes after those
};

// Hashes stored for a tree of `size` leaves.
uint64_t nodes_count(uint64_t size);

// Opens or makes the file. *ret_covered: leaves that its length covers. ERR_DISK_FULL, ERR_IO, ERR_MEMORY.
result nodes_open(struct nodes *nodes, struct disk *disk, uint64_t *ret_covered);

void nodes_close(struct nodes *nodes);

// Goes on from a tree of `size` leaves, which the file covers; what is after it counts no more (and is cut by
// nodes_cut).
void nodes_continue(struct nodes *nodes, uint64_t size);

// Whether the file holds anything but zeros for a leaf at or after `size`.
result nodes_reach_beyond(struct nodes *nodes, uint64_t size, bool *ret_beyond);

// Cuts the file after what is written.
result nodes_cut(struct nodes *nodes);

// Takes over the nodes of a batch that follows (batch->first == nodes->size). ERR_LIMIT: too much is waiting;
// ERR_MEMORY.
result nodes_add(struct nodes *nodes, const struct merkle_batch *batch);

// Writes what is waiting. ERR_DISK_FULL and ERR_IO leave it waiting.
result nodes_flush(struct nodes *nodes);

// Flushes and syncs. Failing harms nothing: `synced` stays.
result nodes_sync(struct nodes *nodes);

// A reader for crypto/merkle.h; fails with ERR_NOT_FOUND beyond the tree.
struct merkle_reader nodes_reader(struct nodes *nodes);

#endif
