// SPDX-License-Identifier: EUPL-1.2
//
// Verification of a whole shard from its files alone: what `besa log verify` runs. Nothing is changed.
//
// Checked: segment and batch frames, every CRC, the chain of batches, padding; private parts and salts whole, or erased
// with a mark that says so; each leaf a legal statement of the ledger's member (strict); time never going back; the
// first leaf and only key statements naming keys; the tree recomputed and compared with the root of every batch, with
// every checkpoint in the journal and with the published one, and these checkpoints' signatures; a foreign statement
// and seal matching its `received`; private parts matching their commitments; no request taken twice, no second
// response, each response answering a request on record.
#ifndef BESA_LEDGER_VERIFY_H
#define BESA_LEDGER_VERIFY_H

#include "crypto/digest.h"
#include "crypto/note.h"
#include "wire/statement.h"

struct ledger_verify_options {
	// Keys of the ledger under its origin: the seal key (ECDSA) and the Ed25519 key. None: signatures are not
	// checked.
	const struct note_key *const *keys;
	size_t key_count;
	struct slice
	    expected_checkpoint; // a checkpoint seen elsewhere (witness, peer): must lie in this ledger; empty: none
	size_t findings_max;     // stop after so many; 0: 20
};

// One thing that is wrong. `code` as a rule ERR_TAMPERED or ERR_LEDGER_DAMAGED.
struct ledger_finding {
	result code;
	uint64_t index;   // leaf, or UINT64_MAX if it is not about one
	uint64_t segment; // 0 if not about one
	uint64_t offset;
	char text[FAULT_TEXT_MAX];
};

struct ledger_verify_report {
	char origin[NOTE_NAME_MAX + 1];
	uint64_t leaves;
	uint64_t batches;
	uint64_t segments;
	uint64_t checkpoints; // found, root equal to the recomputed one
	uint64_t signatures;  // of these, signature checked
	uint64_t signed_size; // tree size of the newest checkpoint with a good signature
	uint64_t private_kept, private_erased;
	uint64_t salts_kept, salts_erased;
	uint64_t requests, received, responses, unanswered, open; // open: without outcome at the end
	uint64_t types[STATEMENT_TYPE_COUNT];
	int64_t first_time_us, last_time_us;
	uint8_t root[DIGEST_SIZE];
	bool torn_tail; // the last batch is incomplete: a crash while it was written; it counts for nothing
	bool closed;    // the shard takes no more records; why:
	char closed_reason[64];
	size_t finding_count; // also those beyond findings_max, if it went on
};

// Verifies the shard in `shard_path`. `found` is called for each finding. OK: nothing was found; ERR_TAMPERED:
// something was; otherwise it could not be checked: ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_MEMORY with words.
result ledger_verify(const char *shard_path, const struct ledger_verify_options *options,
		     void (*found)(void *context, const struct ledger_finding *finding), void *context,
		     struct ledger_verify_report *ret_report, struct fault *fault);

#endif
