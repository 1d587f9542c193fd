// SPDX-License-Identifier: EUPL-1.2
//
// For tests: a small ledger in memory that seals leaves as a notary does.
#ifndef BESA_TESTS_DIRECTORY_SEALED_LEDGER_H
#define BESA_TESTS_DIRECTORY_SEALED_LEDGER_H

#include "tests/unit/wire/example.h"

#include <stdlib.h>

#include "crypto/checkpoint.h"
#include "wire/envelope.h"

enum { SEALED_LEDGER_MAX = 4096 };

struct sealed_ledger {
	const char *origin;
	struct key_private *key;
	struct note_signer signer;
	size_t count;
	uint8_t leaves[SEALED_LEDGER_MAX][32]; // leaf hashes
};

static inline struct sealed_ledger *sealed_ledger_new(const char *origin)
{
	struct sealed_ledger *ledger = calloc(1, sizeof *ledger);
	assert_non_null(ledger);
	ledger->origin = origin;
	assert_int_equal(key_generate(KEY_P256, &ledger->key), OK);
	assert_int_equal(note_signer_init(&ledger->signer, slice_text(origin), NOTE_ECDSA, ledger->key), OK);
	return ledger;
}

static inline void sealed_ledger_free(struct sealed_ledger *ledger)
{
	note_signer_release(&ledger->signer);
	key_private_free(ledger->key);
	free(ledger);
}

static inline uint64_t sealed_ledger_add(struct sealed_ledger *ledger, struct slice leaf)
{
	assert_true(ledger->count < SEALED_LEDGER_MAX);
	statement_leaf_hash(leaf, ledger->leaves[ledger->count]);
	return ledger->count++;
}

static inline result sealed_ledger_read(void *context, unsigned level, uint64_t index, uint8_t hash[32])
{
	const struct sealed_ledger *ledger = context;
	if (level == 0) {
		memcpy(hash, ledger->leaves[index], 32);
		return OK;
	}
	uint8_t left[32];
	uint8_t right[32];
	result_ignore(sealed_ledger_read(context, level - 1, 2 * index, left));
	result_ignore(sealed_ledger_read(context, level - 1, 2 * index + 1, right));
	merkle_node_hash(left, right, hash);
	return OK;
}

// Appends the signed checkpoint of the first `size` leaves.
static inline void sealed_ledger_checkpoint(struct sealed_ledger *ledger, uint64_t size, struct buffer *note)
{
	struct checkpoint checkpoint = { .origin = slice_text(ledger->origin), .size = size };
	struct merkle_frontier frontier;
	merkle_frontier_init(&frontier);
	for (uint64_t i = 0; i < size; i++) {
		merkle_frontier_append(&frontier, ledger->leaves[i]);
	}
	merkle_frontier_root(&frontier, checkpoint.root);
	struct note_signer *const signers[] = { &ledger->signer };
	assert_int_equal(checkpoint_sign(&checkpoint, signers, 1, 0, note), OK);
}

// A seal over leaf `index` under a given checkpoint of `size` leaves; slices point into `path` and `note`.
static inline struct envelope_seal sealed_ledger_prove(struct sealed_ledger *ledger, uint64_t index, uint64_t size,
						       struct buffer *path, const struct buffer *note)
{
	const struct merkle_reader reader = { sealed_ledger_read, ledger };
	assert_int_equal(merkle_prove_inclusion(&reader, index, size, path), OK);
	return (struct envelope_seal){ .origin = slice_text(ledger->origin),
				       .index = index,
				       .path = buffer_slice(path),
				       .checkpoint = buffer_slice(note) };
}

// Appends the Seal bytes over leaf `index` with a fresh checkpoint of all leaves.
static inline void sealed_ledger_seal(struct sealed_ledger *ledger, uint64_t index, struct buffer *bytes)
{
	struct buffer path;
	struct buffer note;
	buffer_init(&path, ENVELOPE_PATH_MAX);
	buffer_init(&note, ENVELOPE_CHECKPOINT_MAX);
	sealed_ledger_checkpoint(ledger, ledger->count, &note);
	struct envelope_seal seal = sealed_ledger_prove(ledger, index, ledger->count, &path, &note);
	assert_int_equal(envelope_encode_seal(&seal, bytes, NULL), OK);
	buffer_release(&note);
	buffer_release(&path);
}

#endif
