// SPDX-License-Identifier: EUPL-1.2
//
// One member's ledger: the append-only Merkle log that a notary keeps (DESIGN.md beside this file: format, recovery).
//
// The directory of a ledger holds one directory per shard, named as the shard (`<directory>/2026/`), and `shards`, the
// names of those opened so far. A shard's directory holds the journal (segment-*), `nodes` (hashes for old proofs),
// `checkpoint` (the published head) and, once it takes no more records, `closed`.
//
// Promises:
//   - What ledger_commit() has answered OK is on disk and stays; a seal exists only for such records.
//   - Two checkpoints of one shard that left this process are always consistent, whatever the disk does.
//   - Failing to write or sync stops the ledger at once and closed: every later commit fails. After ERR_LEDGER_CLOSED
//   or
//     ERR_DISK_FULL as state, free the ledger and open it again (later): opening decides what became of the disk.
//   - A request id is taken once per (client member, id) in a window of time; older ids are refused. Survives restarts
//   and shards.
//   - A taken request has at most one response; one left open by a worker or notary that ended is sealed as
//   interrupted. An own
//     request left open likewise is sealed as unanswered.
//
// Layer: ledger. Single-threaded. Uses base/disk.h, base/clock.h, base/random.h only through their seams.
#ifndef BESA_LEDGER_LEDGER_H
#define BESA_LEDGER_LEDGER_H

#include "base/buffer.h"
#include "base/identifier.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "wire/statement.h"

struct ledger;

enum {
	LEDGER_SHARDS_MAX = 32,         // listed ahead; damage that eats them all stops the ledger
	LEDGER_BATCH_MAX = 4096,        // records of one commit
	LEDGER_OWNERS_MAX = 64,         // workers
	LEDGER_CHAIN_MAX = 8,           // certificates above the seal certificate
	LEDGER_OWNER_NONE = 255,        // a record made by the notary itself
	LEDGER_REPORT_MAX = 100 * 1024, // an OutcomeReport handed back
};

// Window of request ids when none is configured: deadlines up to a minute, clocks up to two minutes apart.
static const int64_t LEDGER_WINDOW_DEFAULT_US = 300 * INT64_C(1000000);
static const int64_t LEDGER_SKEW_DEFAULT_US = 60 * INT64_C(1000000);

struct ledger_config {
	const char *directory;
	const char *ledger;        // origin without shard: "besa/XK/GOV/ARC/gw1"
	const char *const *shards; // to be used, in this order; the first is the one wanted at present
	size_t shard_count;
	struct key_private *seal_key;    // P-256; borrowed
	struct key_private *ed25519_key; // for published checkpoints; borrowed
	uint8_t seal_certificate_digest[DIGEST_SIZE];
	uint8_t chain_digests[LEDGER_CHAIN_MAX][DIGEST_SIZE]; // issuing CA … root, for the key statement
	size_t chain_count;
	int64_t window_us; // longer than the longest deadline and twice the skew; 0: default
	int64_t skew_us;   // how far an id's time may lie in the future; 0: default
	uint32_t
	    more_types; // bits (1 << type) of types accepted beside those of a gateway (central: EDITION, CERTIFICATE)
	// What ledger_failed_shard() of the ledger before said, NULL or "" for none: closed for good before anything
	// else.
	const char *failed_shard;
	uint32_t segment_size; // bytes of a journal segment, multiple of 4 KiB; 0: 16 MiB. Smaller ones are for tests
};

// One record to append. The caller fills the first part; ledger_commit() the second.
struct ledger_record {
	enum statement_type type;
	uint8_t owner;  // 0 … LEDGER_OWNERS_MAX - 1: whose open exchanges it starts; or LEDGER_OWNER_NONE
	bool want_seal; // of any record: the batch is signed
	struct slice body;
	struct slice attachment; // besa.evidence.v1.SealedStatement with statement and seal; kept
	struct slice private_part;
	struct slice salt;

	result code; // OK: on record. Otherwise why not; the other records of the batch stand for themselves
	uint64_t index;
	int64_t time_us;
	uint8_t blinder[STATEMENT_BLINDER_SIZE];
	struct slice leaf; // the finished leaf, borrowed until the next commit
	size_t ordinal;    // among the leaves of the batch, for ledger_lower_path()
	uint64_t existing; // ERR_REPLAYED, ERR_EXISTS: where the record it collides with stands, for
			   // ledger_report_existing()
};

// What a commit came to.
struct ledger_batch {
	size_t leaves; // records that are on record
	uint64_t size; // of the tree after them
	uint8_t root[DIGEST_SIZE];
	struct slice note;  // the tick checkpoint; empty if no record wanted a seal. Borrowed until the next call
	struct slice upper; // common upper part of the audit paths in that checkpoint's tree. Borrowed
};

// ---- life (ledger_open.c) ----

// Opens, recovering what a crash left; opens the next listed shard if the present one is closed or damaged; makes the
// first one if there is none. Seals what was left open (with the first commit or tick). `ret_ledger` is written only on
// OK. ERR_LEDGER_CLOSED: no shard is left that takes records; ERR_DISK_FULL, ERR_IO, ERR_BUSY (another process has it),
// ERR_ARGUMENT, ERR_CONFIG.
result ledger_open(const struct ledger_config *config, struct ledger **ret_ledger, struct fault *fault);

// Publishes, marks the journal cleanly closed if the ledger is in order, frees. NULL is fine.
void ledger_close(struct ledger *ledger);

// Frees without writing anything: after a failure, or where a test ends the process.
void ledger_abandon(struct ledger *ledger);

// OK, ERR_LEDGER_CLOSED or ERR_DISK_FULL (see the promises above), and why in words ("" when OK).
// While space for the next segment is lacking, the state is ERR_DISK_FULL but ledger_must_reopen() says no: records
// that end an exchange are still taken as long as there is room, others answer ERR_DISK_FULL, and it goes on by itself
// (ledger_tick).
result ledger_state(const struct ledger *ledger);
const char *ledger_state_text(const struct ledger *ledger);

// Whether the ledger has stopped for good and only opening it again can help.
bool ledger_must_reopen(const struct ledger *ledger);

// The shard that a failed write ended, if that could not be marked on the disk; "" otherwise. For the next
// ledger_config.
const char *ledger_failed_shard(const struct ledger *ledger);

// The shard's origin, "besa/XK/GOV/ARC/gw1/2026"; its directory; its leaves; the member.
struct slice ledger_origin(const struct ledger *ledger);
const char *ledger_shard_path(const struct ledger *ledger);
// The directory of the shard before, "" if there is none.
const char *ledger_previous_path(struct ledger *ledger);
uint64_t ledger_size(const struct ledger *ledger);
struct slice ledger_member(const struct ledger *ledger);

// Takes the shard out of use for good ("rotation", "restored", "damage"): marks it closed; the state is
// ERR_LEDGER_CLOSED, the next open goes on to the next shard. After a restored backup: a peer has seen a later head
// than ours.
result ledger_retire(struct ledger *ledger, const char *reason);

// ---- appending (ledger_commit.c) ----

// Checks each record (strict body, the member's own, rules of the exchange), appends those that pass as one batch: one
// write, one sync, at most one signature. Returns OK when what passed is durable (also when nothing passed). Otherwise
// nothing of the batch is acknowledged and every record that had passed has the same code: ERR_LEDGER_CLOSED,
// ERR_DISK_FULL, ERR_LIMIT (more than fits one batch: LEDGER_BATCH_MAX records, JOURNAL_BATCH_MAX bytes), ERR_MEMORY,
// ERR_CRYPTO. Codes of records: ERR_STATEMENT_INVALID, ERR_MEMBER_MISMATCH, ERR_REPLAYED (request taken before),
// ERR_EXISTS (second outcome, second answer), ERR_NOT_FOUND (no such open request), ERR_EXPIRED (id older than the
// window), ERR_CLOCK_SKEW (id from the future), ERR_PERMISSION (a type that is not the caller's), ERR_BUSY (window's
// table full), ERR_LIMIT.
result ledger_commit(struct ledger *ledger, struct ledger_record *records, size_t count,
		     struct ledger_batch *ret_batch);

// The leaf's own, lower part of the audit path in the last commit; room for MERKLE_PATH_MAX hashes; returns how many.
size_t ledger_lower_path(const struct ledger *ledger, const struct ledger_record *record, uint8_t path[][DIGEST_SIZE]);

// Appends the Seal bytes of a record of the last commit (which must have been signed).
result ledger_append_seal(const struct ledger *ledger, const struct ledger_record *record, struct buffer *seal);

// What is due by time: publishing (once a second when leaves were added; a settle mark in the journal), closing what
// was left open, making the next segment ready. Call after each batch and when the time it returns has passed:
// microseconds until the next call is due, -1: not before the next commit.
int64_t ledger_tick(struct ledger *ledger);

// The worker ended: what it left open is sealed with the next commit or tick.
void ledger_orphan(struct ledger *ledger, uint8_t owner);

// ---- looking back (ledger_report.c) ----

// Appends the OutcomeReport of an exchange with fresh seals: by the member that asked and the exchange id; an empty
// client is an own request. Beyond the window the journal is scanned, within bounds. ERR_NOT_FOUND, ERR_BUSY (scans are
// rationed), ERR_LIMIT.
result ledger_report(struct ledger *ledger, const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client,
		     struct buffer *report);

// The report of the exchange that a refused record of the last commit collided with.
result ledger_report_existing(struct ledger *ledger, const struct ledger_record *record, struct buffer *report);

// Erases the private parts (LEDGER_ERASE_PRIVATE) or salts (LEDGER_ERASE_SALT) beside the records of an exchange.
// Durable when it returns OK. Erasing what is erased or was never there is no error. ERR_NOT_FOUND: no such exchange.
enum { LEDGER_ERASE_PRIVATE = 1, LEDGER_ERASE_SALT = 2 };
result ledger_erase(struct ledger *ledger, const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client,
		    unsigned parts, uint32_t *ret_erased);

// Proofs for any leaf and any two sizes of the present shard (crypto/merkle.h); ERR_ARGUMENT beyond it,
// ERR_LEDGER_DAMAGED if the stored nodes do not lead to the root.
result ledger_prove_inclusion(struct ledger *ledger, uint64_t index, uint64_t size, struct buffer *path);
result ledger_prove_consistency(struct ledger *ledger, uint64_t first, uint64_t second, struct buffer *proof);

#endif
