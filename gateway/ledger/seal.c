// SPDX-License-Identifier: EUPL-1.2
//
// Invariant: an entry is made only after the signature of its checkpoint held under its key, and is found only by the
// same key, origin and bytes. So a hit proves what a fresh check would prove.
#include "ledger/seal.h"

#include <stdlib.h>

#include "crypto/checkpoint.h"

// One remembered checkpoint.
struct entry {
	struct entry *next; // in its bucket
	uint64_t used;      // when last, by the verifier's count
	uint8_t fingerprint[SEAL_HASH_SIZE];
	struct merkle_path_cache cache;
	size_t origin_size; // the checkpoint begins with the origin
	size_t size;
	uint8_t checkpoint[];
};

struct seal_verifier {
	size_t limit;
	size_t count;
	struct entry **entries; // count of them, in no order
	size_t bucket_count;    // a power of two
	struct entry **buckets; // by origin
	uint64_t clock;
	struct seal_statistics statistics;
};

// ---- keys ----

result seal_key_init(struct seal_key *key, struct slice origin, struct key_public *public_key)
{
	if (!identifier_is_origin(origin) || key_public_type(public_key) != KEY_P256) {
		return ERR_ARGUMENT;
	}
	struct seal_key made = { 0 };
	result code = note_key_init(&made.note, origin, NOTE_ECDSA, public_key);
	if (code != OK) {
		return code;
	}
	digest_sha256(key_public_spki(public_key), made.fingerprint);
	*key = made;
	return OK;
}

void seal_key_release(struct seal_key *key)
{
	note_key_release(&key->note);
	*key = (struct seal_key){ 0 };
}

// ---- the verifier's memory ----

result seal_verifier_new(size_t checkpoints_max, struct seal_verifier **ret_verifier)
{
	if (checkpoints_max == 0 || checkpoints_max > SEAL_CHECKPOINTS_MAX) {
		return ERR_ARGUMENT;
	}
	struct seal_verifier *verifier = calloc(1, sizeof *verifier);
	if (!verifier) {
		return ERR_MEMORY;
	}
	verifier->limit = checkpoints_max;
	verifier->bucket_count = 1;
	while (verifier->bucket_count < checkpoints_max) {
		verifier->bucket_count *= 2;
	}
	verifier->entries = calloc(checkpoints_max, sizeof(struct entry *));
	verifier->buckets = calloc(verifier->bucket_count, sizeof(struct entry *));
	if (!verifier->entries || !verifier->buckets) {
		seal_verifier_free(verifier);
		return ERR_MEMORY;
	}
	*ret_verifier = verifier;
	return OK;
}

void seal_verifier_clear(struct seal_verifier *verifier)
{
	for (size_t i = 0; i < verifier->count; i++) {
		free(verifier->entries[i]);
	}
	verifier->count = 0;
	memset(verifier->buckets, 0, verifier->bucket_count * sizeof(struct entry *));
}

void seal_verifier_free(struct seal_verifier *verifier)
{
	if (!verifier) {
		return;
	}
	for (size_t i = 0; i < verifier->count; i++) {
		free(verifier->entries[i]);
	}
	free(verifier->buckets);
	free(verifier->entries);
	free(verifier);
}

struct seal_statistics seal_verifier_statistics(const struct seal_verifier *verifier)
{
	return verifier->statistics;
}

// FNV-1a. Origins are those the directory lists, so nobody chooses them to collide.
static struct entry **bucket_of(struct seal_verifier *verifier, struct slice origin)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < origin.size; i++) {
		hash = (hash ^ origin.data[i]) * 0x100000001b3u;
	}
	return &verifier->buckets[(hash ^ hash >> 32) & (verifier->bucket_count - 1)];
}

static bool is_of_origin(const struct entry *entry, struct slice origin)
{
	return slice_equal(slice_of(entry->checkpoint, entry->origin_size), origin);
}

static struct entry *find(struct seal_verifier *verifier, const struct seal_key *key, struct slice origin,
			  struct slice checkpoint)
{
	for (struct entry *entry = *bucket_of(verifier, origin); entry; entry = entry->next) {
		if (slice_equal(slice_of(entry->checkpoint, entry->size), checkpoint) && is_of_origin(entry, origin) &&
		    memcmp(entry->fingerprint, key->fingerprint, SEAL_HASH_SIZE) == 0) {
			entry->used = ++verifier->clock;
			return entry;
		}
	}
	return NULL;
}

static void drop(struct seal_verifier *verifier, struct entry *entry)
{
	struct entry **link = bucket_of(verifier, slice_of(entry->checkpoint, entry->origin_size));
	while (*link != entry) {
		link = &(*link)->next;
	}
	*link = entry->next;
	size_t i = 0;
	while (verifier->entries[i] != entry) {
		i++;
	}
	verifier->entries[i] = verifier->entries[--verifier->count];
	free(entry);
}

// Makes room for one more of this origin. The scan is cheap beside the signature check that brought us here.
static void make_room(struct seal_verifier *verifier, struct slice origin)
{
	size_t of_origin = 0;
	struct entry *oldest_of_origin = NULL;
	for (struct entry *entry = *bucket_of(verifier, origin); entry; entry = entry->next) {
		if (is_of_origin(entry, origin)) {
			of_origin++;
			if (!oldest_of_origin || entry->used < oldest_of_origin->used) {
				oldest_of_origin = entry;
			}
		}
	}
	if (of_origin >= SEAL_CHECKPOINTS_PER_ORIGIN) {
		drop(verifier, oldest_of_origin);
	} else if (verifier->count == verifier->limit) {
		struct entry *oldest = verifier->entries[0];
		for (size_t i = 1; i < verifier->count; i++) {
			if (verifier->entries[i]->used < oldest->used) {
				oldest = verifier->entries[i];
			}
		}
		drop(verifier, oldest);
	}
}

static struct entry *remember(struct seal_verifier *verifier, const struct seal_key *key, struct slice origin,
			      struct slice note, const struct checkpoint *checkpoint)
{
	make_room(verifier, origin);
	struct entry *entry = malloc(sizeof *entry + note.size);
	if (!entry) {
		return NULL;
	}
	struct entry **bucket = bucket_of(verifier, origin);
	*entry =
	    (struct entry){ .next = *bucket, .used = ++verifier->clock, .origin_size = origin.size, .size = note.size };
	memcpy(entry->fingerprint, key->fingerprint, SEAL_HASH_SIZE);
	memcpy(entry->checkpoint, note.data, note.size);
	merkle_path_cache_init(&entry->cache, checkpoint->size, checkpoint->root);
	*bucket = entry;
	verifier->entries[verifier->count++] = entry;
	return entry;
}

// ---- verification ----

// The entry of the seal's checkpoint: found, or made after its signature held.
static result take_checkpoint(struct seal_verifier *verifier, const struct seal_key *key, struct slice origin,
			      struct slice note, struct entry **ret_entry, struct fault *fault)
{
	struct entry *entry = find(verifier, key, origin, note);
	if (!entry) {
		const struct note_key *const keys[] = { &key->note };
		struct checkpoint_verified opened;
		verifier->statistics.signatures++;
		result code = checkpoint_open(note, origin, keys, 1, &opened, fault);
		if (code != OK) {
			return code;
		}
		entry = remember(verifier, key, origin, note, &opened.checkpoint);
		if (!entry) {
			return fault_set(fault, ERR_MEMORY, "no memory for a checkpoint");
		}
	}
	*ret_entry = entry;
	return OK;
}

static result verify(struct seal_verifier *verifier, const struct seal_key *key, struct slice leaf,
		     const struct envelope_seal *seal, struct seal_verified *ret_verified, struct fault *fault)
{
	struct slice origin = slice_text(key->note.name);
	if (!slice_equal(seal->origin, origin)) {
		return fault_set(fault, ERR_SEAL_INVALID, "the seal is of ledger %.*s, expected %s",
				 (int)seal->origin.size, seal->origin.data, key->note.name);
	}
	struct entry *entry = NULL;
	result code = take_checkpoint(verifier, key, origin, seal->checkpoint, &entry, fault);
	if (code != OK) {
		return code;
	}
	struct seal_verified verified = {
		.origin = origin,
		.member = identifier_member_of_origin(origin),
		.index = seal->index,
		.size = entry->cache.size,
	};
	merkle_leaf_hash(leaf, verified.leaf_hash);
	code = merkle_path_cache_verify(&entry->cache, seal->index, verified.leaf_hash, seal->path);
	if (code != OK) {
		return fault_set(fault, ERR_SEAL_INVALID,
				 "the path does not lead from the statement to the checkpoint's root");
	}
	memcpy(verified.root, entry->cache.root, SEAL_HASH_SIZE);
	*ret_verified = verified;
	return OK;
}

result seal_verify(struct seal_verifier *verifier, const struct seal_key *key, struct slice leaf,
		   const struct envelope_seal *seal, struct seal_verified *ret_verified, struct fault *fault)
{
	result code = verify(verifier, key, leaf, seal, ret_verified, fault);
	if (code == OK) {
		verifier->statistics.verified++;
	} else {
		verifier->statistics.refused++;
	}
	return code;
}

result seal_check_member(const struct seal_verified *verified, const struct statement *statement, struct fault *fault)
{
	if (slice_equal(verified->member, statement->member)) {
		return OK;
	}
	return fault_set(fault, ERR_MEMBER_MISMATCH, "the statement is of member %.*s, its ledger of %.*s",
			 (int)statement->member.size, statement->member.data, (int)verified->member.size,
			 verified->member.data);
}
