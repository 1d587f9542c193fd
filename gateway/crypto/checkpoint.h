// SPDX-License-Identifier: EUPL-1.2
//
// Checkpoints: the signed head of a ledger, a note whose text is exactly (c2sp.org/tlog-checkpoint v1.0.0)
//
//     <origin>\n<size>\n<base64 root>\n
//
// Extension lines, which the standard discourages because nobody can audit them, are refused.
#ifndef BESA_CRYPTO_CHECKPOINT_H
#define BESA_CRYPTO_CHECKPOINT_H

#include "crypto/merkle.h"
#include "crypto/note.h"

enum { CHECKPOINT_TEXT_MAX = NOTE_NAME_MAX + 1 + 20 + 1 + 44 + 1 };

// What the text of a checkpoint says. Not verified.
struct checkpoint {
	struct slice origin; // borrowed
	uint64_t size;       // leaves, at most MERKLE_SIZE_MAX
	uint8_t root[DIGEST_SIZE];
};

// A checkpoint that keys known to the caller have signed, of the origin it asked for.
struct checkpoint_verified {
	struct checkpoint checkpoint; // the origin is borrowed from the note's bytes
	struct note_verified note;    // who has signed, by the order of the keys
};

// Appends the text. ERR_ARGUMENT if the origin is no key name.
result checkpoint_format(const struct checkpoint *checkpoint, struct buffer *text);

// Takes the whole text apart. ERR_CHECKPOINT_INVALID with words. A tree without leaves must have the root of such a
// tree.
result checkpoint_parse(struct slice text, struct checkpoint *ret_checkpoint, struct fault *fault);

// Appends the checkpoint as a note signed by the signers.
result checkpoint_sign(const struct checkpoint *checkpoint, struct note_signer *const signers[], size_t count,
		       int64_t time_s, struct buffer *note);

// Parses and verifies a whole note: its origin is `origin`, at least one of the keys has signed it, none of
// them wrongly. ERR_CHECKPOINT_INVALID with words for everything that is wrong with it.
result checkpoint_open(struct slice note, struct slice origin, const struct note_key *const keys[], size_t count,
		       struct checkpoint_verified *ret_checkpoint, struct fault *fault);

#endif
