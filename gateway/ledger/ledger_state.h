// SPDX-License-Identifier: EUPL-1.2
//
// The inside of struct ledger, shared by the files ledger_*.c and nobody else.
#ifndef BESA_LEDGER_LEDGER_STATE_H
#define BESA_LEDGER_LEDGER_STATE_H

#include "crypto/checkpoint.h"
#include "ledger/exchanges.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "ledger/nodes.h"

enum {
	LEDGER_SHARDS_USED_MAX = 200, // shards of one ledger over its life; stands in the top byte of a position
	LEDGER_PATH_SIZE = 4096,
	LEDGER_ORPHANS_PER_BATCH =
	    256,                   // sealed at once: a restart with thousands open does not hold up the first answer
	LEDGER_ORPHAN_ROOM = 1024, // bytes in the journal that the statement closing one takes at most
	LEDGER_CLOSING_RESERVE = 1024 * 1024, // of a full disk: kept for outcomes of what is under way
	LEDGER_PUBLISH_INTERVAL_US = 1000000,
	LEDGER_SPACE_INTERVAL_US = 100000, // a full disk is asked again
	LEDGER_PREPARE_LEAST = 256 * 1024,
	LEDGER_SCAN_SEGMENTS = 4,          // read at most when looking back beyond the window,
	LEDGER_SCAN_INTERVAL_US = 1000000, // so often
};

struct ledger {
	// As configured.
	char root_path[LEDGER_PATH_SIZE];
	char name[IDENTIFIER_ORIGIN_MAX - IDENTIFIER_PART_MAX]; // the ledger, without shard
	struct slice member;                                    // in name
	uint32_t allowed_types;
	uint32_t segment_size;
	struct key_private *seal_key, *ed25519_key;     // borrowed
	struct note_signer seal_signer, ed25519_signer; // under the shard's origin

	// The shard.
	struct disk *root; // locked
	struct disk *disk;
	char shards[LEDGER_SHARDS_USED_MAX][IDENTIFIER_PART_MAX + 1]; // opened so far, the present one last
	size_t shard_count;
	char shard_path[LEDGER_PATH_SIZE + IDENTIFIER_PART_MAX + 1];
	char previous_path[LEDGER_PATH_SIZE + IDENTIFIER_PART_MAX + 1]; // of the shard before
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	struct journal journal;
	struct nodes nodes;
	struct merkle_frontier frontier;
	uint8_t root_hash[DIGEST_SIZE]; // of the frontier
	int64_t time_us;                // of the last record
	int64_t floor_us;               // see ledger_rules.c; 0: none

	// Work.
	struct merkle_batch batch;
	uint8_t blinders[LEDGER_BATCH_MAX + LEDGER_ORPHANS_PER_BATCH][STATEMENT_BLINDER_SIZE];
	struct arena arena; // of one body
	struct buffer scratch;
	struct buffer record_memory;
	struct buffer note; // the newest tick checkpoint,
	uint64_t note_size; // for this size; 0: none
	size_t batch_leaves;
	bool batch_signed;

	// Publishing.
	uint64_t published_size;
	int64_t published_at_us; // monotonic; 0: never by this process
	struct buffer published;

	struct exchanges exchanges;
	int64_t scanned_at_us; // monotonic

	result state;
	char state_text[FAULT_TEXT_MAX];
	bool full; // space is lacking for the next segment or for nodes: no new exchanges
	bool must_reopen;
	char failed_shard[IDENTIFIER_PART_MAX + 1];
	bool clean; // the last batch is a clean-close mark or the journal is as recovered
};

static inline uint64_t ledger_position(const struct ledger *ledger, uint64_t journal_position)
{
	return (uint64_t)(ledger->shard_count - 1) << 56 | journal_position;
}

// Stops the ledger: every later call answers `code` until it is opened again. Returns `code`.
result ledger_stop(struct ledger *ledger, result code, const char *words);

// ---- shards (ledger_shard.c) ----

// Writes `closed` into the present shard: it takes no more records.
result ledger_mark_closed(struct ledger *ledger, const char *reason);

// The path of a shard by its number among those opened.
void ledger_shard_path_of(const struct ledger *ledger, size_t ordinal,
			  char path[LEDGER_PATH_SIZE + IDENTIFIER_PART_MAX + 1]);

// Closes the present shard's files.
void ledger_leave_shard(struct ledger *ledger);

// Replaces a small file of a disk in one step, durable.
result ledger_replace_file(struct disk *disk, const char *name, struct slice content);

// Reads a small file. ERR_NOT_FOUND.
result ledger_read_file(struct disk *disk, const char *name, struct buffer *content);

// ---- recovery (ledger_recover.c) ----

// Brings the present shard (disk open) up: ERR_LEDGER_DAMAGED with words if it must be closed.
result ledger_recover(struct ledger *ledger, struct fault *fault);

// An earlier shard.
struct ledger_earlier {
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	struct note_key seal_key, ed25519_key; // set by the caller: our keys under its origin
	uint64_t size;
	uint8_t root[DIGEST_SIZE];
	bool whole; // read to its end, and not closed by loss
};

// Fills the table from an earlier shard, as far as it can be read, and finds its head.
result ledger_load_earlier(struct ledger *ledger, size_t ordinal, struct ledger_earlier *earlier);

// ---- rules (ledger_rules.c) ----

// Whether the rules of the exchange allow the record; ERR_REPLAYED, ERR_EXISTS: *ret_existing is where the other
// stands.
result ledger_rules_check(struct ledger *ledger, const struct ledger_record *record, const union statement_body *body,
			  uint64_t *ret_existing);

// Notes a record that is staged (or met in recovery) at a position.
result ledger_rules_apply(struct ledger *ledger, enum statement_type type, const union statement_body *body,
			  const uint8_t leaf_hash[DIGEST_SIZE], uint64_t position, uint8_t owner);

// The same in recovery, where what closed an orphan may follow.
result ledger_rules_replay(struct ledger *ledger, enum statement_type type, const union statement_body *body,
			   const uint8_t leaf_hash[DIGEST_SIZE], uint64_t position);

// ---- commit (ledger_commit.c) ----

// Writes a batch without leaves: a settle mark with the note, or an erasure.
result ledger_write_mark(struct ledger *ledger, uint32_t flags, struct slice note, uint64_t erased_position,
			 unsigned erased_parts);

// Appends a statement of the notary itself (key statement), whatever its type.
result ledger_append_own(struct ledger *ledger, enum statement_type type, const union statement_body *body,
			 struct fault *fault);

// ---- publishing (ledger_publish.c) ----

// Makes the tick checkpoint of a tree with the seal key into `note`, if it is not there yet.
result ledger_sign(struct ledger *ledger, uint64_t size, const uint8_t root[DIGEST_SIZE]);

// Publishes the present size if it is not published yet.
result ledger_publish(struct ledger *ledger, uint32_t flags);

// ---- records (ledger_report.c) ----

// Reads the record at a position of any shard into record_memory.
result ledger_read_record(struct ledger *ledger, uint64_t position, struct journal_record *ret_record);

// Erases parts of the record at a position of any shard, without a mark.
result ledger_erase_record(struct ledger *ledger, uint64_t position, unsigned parts, uint32_t *ret_erased);

#endif
