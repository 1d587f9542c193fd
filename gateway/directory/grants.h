// SPDX-License-Identifier: EUPL-1.2
//
// The provider's grants: who may call which of its services. Only the provider says so; each grant is a statement in
// its own ledger, and this is their sum: added ones that were not removed.
//
// The notary keeps the set beside the ledger as a file, so that nobody reads a ledger from its beginning to answer a
// call. The file is no source of truth: it says which leaf comes next (next_index), the rest is
// applied from the ledger, and deleting it costs only a scan.
//
//     "besa-grants/v1\n"  next_index le64  count le32
//     count times, ascending: index le64, size le32, leaf bytes
//     SHA-256 of everything before
#ifndef BESA_DIRECTORY_GRANTS_H
#define BESA_DIRECTORY_GRANTS_H

#include "base/buffer.h"
#include "wire/statement.h"

enum {
	GRANTS_MAX = 20000, // of one member: bounds memory and the file
	GRANTS_FILE_MAX = 64 * 1024 * 1024,
};

struct grants;

// One grant as it stands. Slices live until the set is next changed.
struct grants_entry {
	struct statement_grant grant;
	struct slice leaf;
	uint64_t index; // of the leaf in the member's ledger
};

// An empty set of one member's grants (id copied).
result grants_new(struct slice member, struct grants **ret_grants);
void grants_free(struct grants *grants);

// Applies a leaf of the member's ledger: adds or removes a grant; other statements only move the next index. Leaves
// come in ascending order of index; one below the next index is skipped, so applying twice is harmless. Adding an id
// that stands replaces it; removing one that does not is no error.
// ERR_STATEMENT_INVALID, ERR_MEMBER_MISMATCH, ERR_LIMIT (GRANTS_MAX), ERR_MEMORY; the set is unchanged then.
result grants_apply(struct grants *grants, uint64_t index, struct slice leaf, struct fault *fault);

// Notes that the ledger up to and including this index has been looked at (leaves that are no grants need not be
// shown).
void grants_note_index(struct grants *grants, uint64_t index);

// The least index not yet applied: 0 for a new set.
uint64_t grants_next_index(const struct grants *grants);

size_t grants_count(const struct grants *grants);
// Entries in ascending order of index, i < grants_count().
const struct grants_entry *grants_at(const struct grants *grants, size_t i);
// NULL if there is none.
const struct grants_entry *grants_find(const struct grants *grants, struct slice id);

struct grants_question {
	struct slice client;   // subsystem
	struct slice provider; // subsystem
	struct slice service;
	struct slice method;
	struct slice purpose; // may be empty
	int64_t now_us;
};

// The grant that allows the call: one for the method before one for the whole service, the oldest first.
// ERR_GRANT_MISSING with words that say why: no grant, not this method, not yet, no longer, not for this purpose.
result grants_evaluate(const struct grants *grants, const struct grants_question *question,
		       const struct grants_entry **ret_entry, struct fault *fault);

// The file form. grants_decode checks everything (SHA-256, strict leaves, member) and makes a new set;
// ERR_TAMPERED for a file that was altered, ERR_FORMAT, ERR_MEMBER_MISMATCH, ERR_LIMIT.
result grants_encode(const struct grants *grants, struct buffer *buffer);
result grants_decode(struct slice bytes, struct slice member, struct grants **ret_grants, struct fault *fault);

// Whole files: replaced in one step; loading a file that does not exist gives ERR_NOT_FOUND.
result grants_save(const struct grants *grants, const char *path, struct fault *fault);
result grants_load(const char *path, struct slice member, struct grants **ret_grants, struct fault *fault);

#endif
