// SPDX-License-Identifier: EUPL-1.2
//
// Writing a shard's journal: the present segment, the spare one that is being made ready, and the batch under
// construction.
//
// Invariants: a batch is written once, with one durable write, behind the last one; after a failed write the journal
// takes nothing more (what of it reached the disk is for recovery to find out). A segment's head is part of its first
// batch's write.
#ifndef BESA_LEDGER_JOURNAL_H
#define BESA_LEDGER_JOURNAL_H

#include "base/buffer.h"
#include "ledger/journal_walk.h"

struct journal {
	struct disk *disk; // borrowed
	struct disk_file *file;
	struct journal_segment_head head; // of the present segment
	bool head_pending;                // goes out with the next batch
	uint64_t offset;
	uint64_t sequence; // of the next batch
	uint32_t crc;      // of the last batch
	uint8_t *memory;   // a block for a head, then the batch
	size_t capacity;   // of a batch
	struct journal_builder builder;
	uint32_t segment_size; // of segments to come
	char origin[IDENTIFIER_ORIGIN_MAX + 1];

	struct disk_file *spare; // number: head.number + 1
	uint64_t spare_filled;
	bool spare_ready;
	uint64_t appended; // bytes since the last journal_prepare

	struct disk_file *reading; // the last segment that a record was read from
	uint64_t reading_number;
};

// A journal without a segment yet. ERR_MEMORY.
result journal_init(struct journal *journal, struct disk *disk, const char *origin, uint32_t segment_size);
void journal_release(struct journal *journal);

// Goes on where a walk has ended: cuts a torn tail (zeros, durable) and makes durable what was read. For a walk that
// found no segment: starts the first one. ERR_DISK_FULL, ERR_IO.
result journal_resume(struct journal *journal, const struct journal_walk *walk);

// Whether a batch of `bytes` fits without a new segment, or the spare is ready.
bool journal_has_room(const struct journal *journal, size_t bytes);

// Bytes left in the present segment.
uint64_t journal_left(const struct journal *journal);

// Starts a batch that will take at most `bytes`; opens the next segment if the present one is too full, making the
// spare ready on the spot if it is not. `frontier`, `time_us`: of the tree before; `nodes_synced`: see nodes.h.
// ERR_LIMIT: more than a batch may have; ERR_DISK_FULL; ERR_IO.
result journal_begin(struct journal *journal, size_t bytes, const struct merkle_frontier *frontier, int64_t time_us,
		     uint64_t nodes_synced);

// The position of the record that the builder gave this offset, in the batch under construction.
static inline uint64_t journal_staged_position(const struct journal *journal, uint32_t offset)
{
	return journal_position(journal->head.number, journal->offset + offset);
}

// Ends the batch and writes it. first_index, flags, time_us and root of `batch` are the caller's. On failure nothing is
// acknowledged: ERR_DISK_FULL, ERR_IO (see disk_write_durable), ERR_LIMIT.
result journal_write(struct journal *journal, struct journal_batch *batch, struct slice note);

// Makes the spare segment ready step by step: at least `least` bytes, and twice what was appended since the last call.
// *ret_ready: nothing is left to do. ERR_DISK_FULL: try again later, nothing is harmed; ERR_IO.
result journal_prepare(struct journal *journal, size_t least, bool *ret_ready);

// Reads a leaf record into `memory` (cleared) and checks it; the slices of `record` point there. Its private part and
// salt go to the slices, empty if erased or none (NULL: not wanted). ERR_LEDGER_DAMAGED, ERR_IO, ERR_LIMIT, ERR_MEMORY.
result journal_read(struct journal *journal, uint64_t position, struct buffer *memory,
		    struct journal_record *ret_record, struct slice *ret_private, struct slice *ret_salt);

// Overwrites erasable parts (JOURNAL_PRIVATE, JOURNAL_SALT) of a record with zeros, durable. *ret_erased: how many held
// anything. The mark that says so must be on disk before. ERR_LEDGER_DAMAGED, ERR_IO.
result journal_erase(struct journal *journal, uint64_t position, unsigned parts, uint32_t *ret_erased);

#endif
