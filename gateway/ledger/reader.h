// SPDX-License-Identifier: EUPL-1.2
//
// Reads a shard's journal from the outside: `besa log`, verification, the archivist. Needs only read access to the
// directory, takes no lock, and sees what is complete at that moment; a ledger may be writing meanwhile.
//
// What it hands out has passed the journal's own checks (frames, CRCs, chain), nothing more: whether a leaf is a
// legal statement, and the head signed, is for ledger/verify.h.
#ifndef BESA_LEDGER_READER_H
#define BESA_LEDGER_READER_H

#include "base/result.h"
#include "base/slice.h"

struct ledger_reader;

// State of a part that may be erased.
enum ledger_part { LEDGER_PART_NONE, LEDGER_PART_KEPT, LEDGER_PART_ERASED };

// A record. Slices are good until the next call.
struct ledger_entry {
	uint64_t index;
	struct slice leaf;
	struct slice attachment;
	enum ledger_part private_state;
	struct slice private_part; // if kept
	enum ledger_part salt_state;
	struct slice salt; // if kept
	uint64_t segment;  // where it stands: for people
	uint64_t offset;
};

// Opens a shard's directory (`<ledger>/2026`) at leaf `from`. ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO,
// ERR_LEDGER_DAMAGED.
result ledger_reader_open(const char *shard_path, uint64_t from, struct ledger_reader **ret_reader,
			  struct fault *fault);
void ledger_reader_close(struct ledger_reader *reader); // NULL is fine

// The origin that the journal's segments name. Borrowed.
struct slice ledger_reader_origin(const struct ledger_reader *reader);

// The next record; ERR_NOT_FOUND at the end of what is complete (call again later to follow a live ledger);
// ERR_LEDGER_DAMAGED with words.
result ledger_reader_next(struct ledger_reader *reader, struct ledger_entry *ret_entry, struct fault *fault);

// The newest checkpoint note seen in the journal so far, empty if none. Borrowed until the next call.
struct slice ledger_reader_checkpoint(const struct ledger_reader *reader);

#endif
