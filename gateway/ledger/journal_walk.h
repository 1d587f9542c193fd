// SPDX-License-Identifier: EUPL-1.2
//
// A walk over the batches of a shard's journal, in order: recovery, readers and verification all go this way, so all of
// them judge the same bytes alike.
//
// The walk checks frames, crcs, the chain of batches and what lies between and behind them. It does not hash leaves:
// whoever walks compares roots. At the end it tells a torn tail (the last write was cut off; nothing after it) from
// damage (something valid, or anything that one torn write cannot explain, lies after it).
#ifndef BESA_LEDGER_JOURNAL_WALK_H
#define BESA_LEDGER_JOURNAL_WALK_H

#include "ledger/journal_format.h"

enum { JOURNAL_NAME_SIZE = 32 };

struct journal_walk {
	struct disk *disk; // borrowed
	uint64_t segments; // files, numbered from 1
	uint64_t number;   // where the walk is; 0: not begun
	struct disk_file *file;
	struct journal_segment_head head;
	bool entered;      // the batch that was just given is the first of its segment: compare head.frontier
	uint64_t offset;   // after the last batch
	uint64_t sequence; // the next batch has
	uint64_t leaves;   // before the next batch
	uint32_t crc;      // of the last batch
	int64_t time_us;   // of the last batch
	uint8_t *memory;   // the batch
	// At the end:
	bool torn;             // something lies there that is no batch
	uint64_t torn_segment; // where
	uint64_t torn_from, torn_to;
};

// The file name of a segment.
void journal_segment_name(uint64_t number, char name[JOURNAL_NAME_SIZE]);

// Lists the segments. ERR_LEDGER_DAMAGED with words if one is missing; ERR_IO, ERR_MEMORY.
result journal_walk_open(struct journal_walk *walk, struct disk *disk, struct fault *fault);
void journal_walk_close(struct journal_walk *walk);

// Reads the head of a segment. ERR_NOT_FOUND: not used yet (or no such segment); ERR_LEDGER_DAMAGED.
result journal_walk_head(struct journal_walk *walk, uint64_t number, struct journal_segment_head *ret_head);

// Goes to the start of a segment and believes its head. As journal_walk_head, with words. ERR_NOT_FOUND for segment 1:
// nothing was ever recorded (see `torn`).
result journal_walk_seek(struct journal_walk *walk, uint64_t number, struct fault *fault);

// The next batch, good until the next call. ERR_NOT_FOUND at the end of the journal (see `torn`); ERR_LEDGER_DAMAGED
// with words (the walk stays where it is); ERR_IO, ERR_MEMORY.
result journal_walk_next(struct journal_walk *walk, struct journal_batch *ret_batch, struct fault *fault);

#endif
