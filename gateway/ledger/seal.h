// SPDX-License-Identifier: EUPL-1.2
//
// Verification of a seal: that a statement stands in a member's signed ledger (blueprint 2.2, RFC 6962 section 2.1.1,
// C2SP tlog-checkpoint and signed-note).
//
// A seal holds if its origin is the key's, its checkpoint is a well-formed note of that origin signed by the
// ledger's seal key, its index lies inside the checkpoint's tree, and the audit path leads from the leaf to
// the checkpoint's root. Nothing else: who may say what is in the statement (wire/statement.h), which key belongs to
// which ledger is in the directory.
//
// A busy pair of gateways sees one checkpoint many times. The verifier remembers checkpoints whose signature held,
// compared as whole bytes and only under the same key, each with the path verified last; so one message costs 2 to 3
// hashes and one checkpoint one signature check. It holds SEAL_CHECKPOINTS_MAX checkpoints, at most
// SEAL_CHECKPOINTS_PER_ORIGIN of one ledger, and drops those unused longest.
#ifndef BESA_LEDGER_SEAL_H
#define BESA_LEDGER_SEAL_H

#include "crypto/note.h"
#include "wire/envelope.h"

enum {
	SEAL_HASH_SIZE = 32,
	// Checkpoints remembered by one verifier, some 3 KB each: bounds memory whoever sends.
	SEAL_CHECKPOINTS_MAX = 1024,
	// Of one ledger: keeps one peer from pushing out all others. Answers of two or three ticks are under way at
	// once.
	SEAL_CHECKPOINTS_PER_ORIGIN = 4,
};

// The key a ledger seals with, as the directory (or a certificate) gives it.
struct seal_key {
	struct note_key note;                // its name is the origin, "besa/XK/GOV/ARC/gw1/2026"
	uint8_t fingerprint[SEAL_HASH_SIZE]; // SHA-256 of the key's SubjectPublicKeyInfo
};

// Names a public key (held) for an origin. ERR_ARGUMENT unless it is a legal origin and a P-256 key.
result seal_key_init(struct seal_key *key, struct slice origin, struct key_public *public_key);

// Drops the hold; safe on a zeroed struct.
void seal_key_release(struct seal_key *key);

// Proof that a verification took place. Only seal_verify() makes one; whoever needs a sealed statement asks for
// this type.
struct seal_verified {
	struct slice origin; // borrowed from the seal_key
	struct slice member; // that the origin names, part of `origin`
	uint64_t index;
	uint64_t size; // of the checkpoint's tree
	uint8_t root[SEAL_HASH_SIZE];
	uint8_t leaf_hash[SEAL_HASH_SIZE];
};

struct seal_verifier;

// A verifier that remembers at most `checkpoints_max` checkpoints (1 to SEAL_CHECKPOINTS_MAX). Memory is taken as it
// fills.
result seal_verifier_new(size_t checkpoints_max, struct seal_verifier **ret_verifier);
void seal_verifier_free(struct seal_verifier *verifier);

// Forgets everything: after a change of keys that is more than an addition (revocation).
void seal_verifier_clear(struct seal_verifier *verifier);

// Verifies a seal over a leaf. ERR_SEAL_INVALID (origin, index, path), ERR_CHECKPOINT_INVALID (note, signature),
// ERR_MEMORY; with words.
result seal_verify(struct seal_verifier *verifier, const struct seal_key *key, struct slice leaf,
		   const struct envelope_seal *seal, struct seal_verified *ret_verified, struct fault *fault);

// Whether what was verified speaks for its member: the statement's member is the one the origin names.
// ERR_MEMBER_MISMATCH.
result seal_check_member(const struct seal_verified *verified, const struct statement *statement, struct fault *fault);

// What the verifier did, for statistics and tests.
struct seal_statistics {
	uint64_t verified;   // seals that held
	uint64_t refused;    // seals that did not
	uint64_t signatures; // signature checks made
};
struct seal_statistics seal_verifier_statistics(const struct seal_verifier *verifier);

#endif
