// SPDX-License-Identifier: EUPL-1.2
//
// Reads a shard once from its first byte to its last. Where the journal itself is broken it stops: nothing behind the
// break can be placed. What is wrong in a whole record is noted, and it goes on.
#include "ledger/verify.h"

#include "crypto/checkpoint.h"
#include "ledger/journal_walk.h"
#include "ledger/nodes.h"
#include "ledger/verify_exchanges.h"
#include "wire/content.h"
#include "wire/envelope.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FINDINGS_MAX_DEFAULT = 20, SMALL_FILE_MAX = 64 * 1024 };

// A part that is zeros, or a mark that says why.
struct erasure {
	uint64_t position;
	unsigned parts;
};

struct erasures {
	struct erasure *items;
	size_t count, capacity;
};

struct verification {
	const struct ledger_verify_options *options;
	void (*found)(void *context, const struct ledger_finding *finding);
	void *context;
	struct ledger_verify_report *report;
	size_t findings_max;
	struct disk *disk;
	struct journal_walk walk;
	struct merkle_frontier frontier;
	struct merkle_batch tree;
	struct verify_exchanges exchanges;
	struct erasures erased, marks;
	struct arena arena;
	bool has_earlier_shard;
	// Checkpoints that must be met on the way.
	struct buffer published;
	struct checkpoint published_head, expected_head;
	bool has_published, met_published, has_expected, met_expected;
	uint64_t stored_nodes;  // hashes in the file of nodes
	uint64_t record_offset; // of the record under examination, for findings
};

static void find(struct verification *verification, result code, uint64_t index, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void find(struct verification *verification, result code, uint64_t index, const char *format, ...)
{
	struct ledger_finding finding = {
		.code = code,
		.index = index,
		.segment = verification->walk.number,
		.offset = verification->record_offset,
	};
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(finding.text, sizeof finding.text, format, arguments);
	va_end(arguments);
	if (verification->report->finding_count++ < verification->findings_max && verification->found) {
		verification->found(verification->context, &finding);
	}
}

static bool had_enough(const struct verification *verification)
{
	return verification->report->finding_count >= verification->findings_max;
}

static result add_erasure(struct erasures *erasures, uint64_t position, unsigned parts)
{
	if (erasures->count == erasures->capacity) {
		size_t capacity = erasures->capacity > 0 ? erasures->capacity * 2 : 256;
		struct erasure *items = realloc(erasures->items, capacity * sizeof *items);
		if (!items) {
			return ERR_MEMORY;
		}
		erasures->items = items;
		erasures->capacity = capacity;
	}
	erasures->items[erasures->count++] = (struct erasure){ position, parts };
	return OK;
}

// ---- checkpoints ----

static void check_signatures(struct verification *verification, const struct note_view *view, uint64_t size)
{
	const struct ledger_verify_options *options = verification->options;
	struct note_verified verified;
	struct fault fault = { "" };
	if (options->key_count == 0) {
		return;
	}
	if (note_verify(view, options->keys, options->key_count, &verified, &fault) != OK) {
		find(verification, ERR_SIGNATURE_INVALID, UINT64_MAX, "the checkpoint of %" PRIu64 " leaves: %s", size,
		     fault.text);
		return;
	}
	verification->report->signatures++;
	if (size > verification->report->signed_size) {
		verification->report->signed_size = size;
	}
}

// A note in the journal must say what the tree says at its place.
static void check_note(struct verification *verification, struct slice note)
{
	struct note_view view;
	struct checkpoint checkpoint;
	struct fault fault = { "" };
	result code = note_parse(note, &view, &fault);
	if (code == OK) {
		code = checkpoint_parse(view.text, &checkpoint, &fault);
	}
	if (code != OK) {
		find(verification, ERR_CHECKPOINT_INVALID, UINT64_MAX, "a checkpoint in the journal: %s", fault.text);
		return;
	}
	if (!slice_is(checkpoint.origin, verification->report->origin) || checkpoint.size != verification->tree.size ||
	    memcmp(checkpoint.root, verification->tree.root, DIGEST_SIZE) != 0) {
		find(verification, ERR_TAMPERED, UINT64_MAX,
		     "a checkpoint of %" PRIu64 " leaves does not fit the tree of %" PRIu64, checkpoint.size,
		     verification->tree.size);
		return;
	}
	verification->report->checkpoints++;
	check_signatures(verification, &view, checkpoint.size);
}

static void meet(struct verification *verification, const struct checkpoint *head, const char *which, bool *met)
{
	if (head->size != verification->tree.size || *met) {
		return;
	}
	*met = true;
	if (memcmp(head->root, verification->tree.root, DIGEST_SIZE) != 0) {
		find(verification, ERR_TAMPERED, UINT64_MAX,
		     "%s checkpoint of %" PRIu64 " leaves has another root than the ledger", which, head->size);
	}
}

static void meet_heads(struct verification *verification)
{
	if (verification->has_published) {
		meet(verification, &verification->published_head, "the published", &verification->met_published);
	}
	if (verification->has_expected) {
		meet(verification, &verification->expected_head, "the expected", &verification->met_expected);
	}
}

// ---- records ----

static void check_received(struct verification *verification, const struct journal_record *record,
			   const struct statement_received *received)
{
	struct envelope_sealed sealed;
	struct fault fault = { "" };
	uint8_t hash[DIGEST_SIZE];
	if (envelope_decode_sealed(record->attachment, &sealed, &fault) != OK) {
		find(verification, ERR_TAMPERED, record->index, "the foreign statement is not beside its record: %s",
		     fault.text);
		return;
	}
	merkle_leaf_hash(sealed.statement, hash);
	if (!slice_equal(received->statement_hash, slice_of(hash, sizeof hash))) {
		find(verification, ERR_TAMPERED, record->index,
		     "the foreign statement is not the one that was received");
	}
	digest_sha256(sealed.seal, hash);
	if (!slice_equal(received->seal_hash, slice_of(hash, sizeof hash))) {
		find(verification, ERR_TAMPERED, record->index, "the foreign seal is not the one that was received");
	}
}

// The commitment that a private part beside this record must match; empty: none.
static struct slice commitment_of(struct verification *verification, const struct journal_record *record,
				  const struct statement *statement)
{
	struct envelope_sealed sealed;
	struct statement foreign;
	if (statement->type == STATEMENT_REQUEST) {
		return statement->body.request.private_commitment;
	}
	if (statement->type == STATEMENT_EVENT) {
		return statement->body.event.private_commitment;
	}
	if (statement->type == STATEMENT_RECEIVED && statement->body.received.type == STATEMENT_REQUEST &&
	    envelope_decode_sealed(record->attachment, &sealed, NULL) == OK &&
	    statement_parse(sealed.statement, &verification->arena, &foreign, NULL) == OK &&
	    foreign.type == STATEMENT_REQUEST) {
		return foreign.body.request.private_commitment;
	}
	return slice_of(NULL, 0);
}

static result check_parts(struct verification *verification, const struct journal_batch *batch,
			  const struct journal_record *record, struct slice commitment)
{
	const uint8_t *at = batch->bytes + ((size_t)batch->fixed_size + 7) / 8 * 8 + record->erasable_offset;
	struct slice private_part = slice_of(at, record->private_size);
	struct slice salt = slice_of(at + record->private_size, record->salt_size);
	enum journal_part_state states[2] = {
		journal_part_state(private_part, record->private_crc),
		journal_part_state(salt, record->salt_crc),
	};
	struct ledger_verify_report *report = verification->report;
	unsigned erased = 0;
	for (int i = 0; i < 2; i++) {
		*(i == 0 ? &report->private_kept : &report->salts_kept) += states[i] == JOURNAL_PART_KEPT;
		*(i == 0 ? &report->private_erased : &report->salts_erased) += states[i] == JOURNAL_PART_ERASED;
		erased |= states[i] == JOURNAL_PART_ERASED ? (i == 0 ? JOURNAL_PRIVATE : JOURNAL_SALT) : 0u;
		if (states[i] == JOURNAL_PART_BROKEN) {
			find(verification, ERR_TAMPERED, record->index, "its %s was altered",
			     i == 0 ? "private part" : "salt");
		}
	}
	if (states[0] == JOURNAL_PART_KEPT && content_check_private(commitment, private_part, NULL) != OK) {
		find(verification, ERR_TAMPERED, record->index, "its private part does not match the commitment");
	}
	uint64_t position =
	    journal_position(verification->walk.number, verification->walk.offset - batch->size + record->offset);
	return erased != 0 ? add_erasure(&verification->erased, position, erased) : OK;
}

static void check_first_leaf(struct verification *verification, const struct statement *statement)
{
	if (statement->type != STATEMENT_KEY) {
		find(verification, ERR_TAMPERED, 0, "the first leaf is no key statement");
		return;
	}
	const struct statement_key *key = &statement->body.key;
	verification->has_earlier_shard = key->previous_origin.size > 0;
	if (!slice_is(key->origin, verification->report->origin)) {
		find(verification, ERR_TAMPERED, 0, "the first leaf is of another ledger");
	}
	for (size_t i = 0; i < verification->options->key_count; i++) {
		const struct note_key *known = verification->options->keys[i];
		if (known->type == NOTE_ED25519 && !slice_equal(key_public_ed25519(known->key), key->ed25519_key)) {
			find(verification, ERR_TAMPERED, 0, "the first leaf names another Ed25519 key");
		}
	}
}

static result check_leaf(struct verification *verification, const struct journal_batch *batch,
			 const struct journal_record *record, uint8_t hash[DIGEST_SIZE])
{
	struct ledger_verify_report *report = verification->report;
	struct statement statement;
	struct fault fault = { "" };
	verification->record_offset = verification->walk.offset - batch->size + record->offset;
	merkle_leaf_hash(record->leaf, hash);
	arena_clear(&verification->arena);
	result code = statement_parse(record->leaf, &verification->arena, &statement, &fault);
	if (code != OK) {
		find(verification, code, record->index, "no legal statement: %s", fault.text);
		return OK;
	}
	report->types[statement.type]++;
	if (!slice_equal(statement.member, identifier_member_of_origin(slice_text(report->origin)))) {
		find(verification, ERR_MEMBER_MISMATCH, record->index, "a statement of another member");
	}
	if (statement.ledger_time_us < report->last_time_us || statement.ledger_time_us != batch->time_us) {
		find(verification, ERR_TAMPERED, record->index, "its time goes back, or is not its batch's");
	}
	report->first_time_us = record->index == 0 ? statement.ledger_time_us : report->first_time_us;
	report->last_time_us = statement.ledger_time_us;
	if (record->index == 0) {
		check_first_leaf(verification, &statement);
	}
	code = verify_exchanges_note(&verification->exchanges, &statement, hash, record->index);
	if (code == OK && statement.type == STATEMENT_RECEIVED) {
		check_received(verification, record, &statement.body.received);
	}
	struct slice commitment = commitment_of(verification, record, &statement);
	return code == OK ? check_parts(verification, batch, record, commitment) : code;
}

static result check_batch(struct verification *verification, const struct journal_batch *batch)
{
	uint8_t(*hashes)[DIGEST_SIZE];
	size_t leaf = 0;
	uint32_t cursor = 0;
	struct journal_record record;
	const struct merkle_frontier *head = &verification->walk.head.frontier;
	uint8_t roots[2][DIGEST_SIZE];
	if (verification->walk.entered) {
		verification->report->segments++;
		merkle_frontier_root(head, roots[0]);
		merkle_frontier_root(&verification->frontier, roots[1]);
		if (head->size != verification->frontier.size || memcmp(roots[0], roots[1], DIGEST_SIZE) != 0) {
			find(verification, ERR_TAMPERED, UINT64_MAX, "the segment's head names another tree");
		}
	}
	result code = merkle_batch_begin(&verification->tree, batch->leaf_count, &hashes);
	while (code == OK && journal_next_record(batch, &cursor, &record)) {
		code =
		    record.kind == JOURNAL_LEAF
			? check_leaf(verification, batch, &record, hashes[leaf++])
			: add_erasure(&verification->marks, record.position & ((UINT64_C(1) << 56) - 1), record.parts);
	}
	if (code != OK) {
		return code;
	}
	merkle_batch_run(&verification->tree, &verification->frontier, &verification->frontier);
	verification->report->batches++;
	verification->report->leaves = verification->tree.size;
	memcpy(verification->report->root, verification->tree.root, DIGEST_SIZE);
	verification->record_offset = verification->walk.offset - batch->size;
	if (memcmp(batch->root, verification->tree.root, DIGEST_SIZE) != 0) {
		find(verification, ERR_TAMPERED, UINT64_MAX,
		     "the tree of %" PRIu64 " leaves has another root than its batch says", verification->tree.size);
	}
	if (batch->note_size > 0) {
		check_note(verification, journal_batch_note(batch));
	}
	meet_heads(verification);
	return OK;
}

// ---- the files around the journal ----

static result read_small(struct disk *disk, const char *name, struct buffer *content)
{
	struct disk_file *file = NULL;
	uint64_t size = 0;
	size_t got = 0;
	result code = disk_open_file(disk, name, DISK_READ, &file);
	if (code == OK) {
		code = disk_size(file, &size);
	}
	if (code == OK && size > 0) {
		uint8_t *to = buffer_reserve(content, size);
		code = to ? disk_read(file, 0, to, size, &got) : ERR_LIMIT;
	}
	disk_close_file(file);
	return code;
}

static void read_closed(struct verification *verification)
{
	struct buffer text;
	buffer_init(&text, SMALL_FILE_MAX);
	struct ledger_verify_report *report = verification->report;
	if (read_small(verification->disk, "closed", &text) == OK) {
		report->closed = true;
		size_t size = 0;
		while (size < text.size && size < sizeof report->closed_reason - 1 && text.data[size] > ' ') {
			size++;
		}
		memcpy(report->closed_reason, text.data, size);
	}
	buffer_release(&text);
}

// The published checkpoint and the expected one are looked for on the way.
static result read_heads(struct verification *verification)
{
	struct note_view view;
	struct fault fault = { "" };
	result code = read_small(verification->disk, "checkpoint", &verification->published);
	if (code == OK) {
		code = note_parse(buffer_slice(&verification->published), &view, &fault);
		code = code == OK ? checkpoint_parse(view.text, &verification->published_head, &fault) : code;
		if (code == OK && slice_is(verification->published_head.origin, verification->report->origin)) {
			verification->has_published = true;
			check_signatures(verification, &view, verification->published_head.size);
		} else {
			find(verification, ERR_CHECKPOINT_INVALID, UINT64_MAX, "the published checkpoint: %s",
			     fault.text);
		}
	} else if (code != ERR_NOT_FOUND) {
		return code;
	}
	struct slice expected = verification->options->expected_checkpoint;
	if (expected.size == 0) {
		return OK;
	}
	code = note_parse(expected, &view, &fault);
	code = code == OK ? checkpoint_parse(view.text, &verification->expected_head, &fault) : code;
	if (code != OK || !slice_is(verification->expected_head.origin, verification->report->origin)) {
		find(verification, ERR_CHECKPOINT_INVALID, UINT64_MAX,
		     "the expected checkpoint is none of this ledger: %s", fault.text);
		return OK;
	}
	verification->has_expected = true;
	check_signatures(verification, &view, verification->expected_head.size);
	return OK;
}

// The stored nodes know of every leaf that was on record. Looked at before the journal is read: a live ledger adds to
// both, to the journal first.
static result read_nodes(struct verification *verification)
{
	struct disk_file *file = NULL;
	uint64_t size = 0;
	result code = disk_open_file(verification->disk, "nodes", DISK_READ, &file);
	if (code == OK) {
		code = disk_size(file, &size);
	}
	disk_close_file(file);
	verification->stored_nodes = size / DIGEST_SIZE;
	return code == ERR_NOT_FOUND ? OK : code;
}

// ---- the end ----

static int by_position(const void *a, const void *b)
{
	const struct erasure *x = a;
	const struct erasure *y = b;
	return x->position < y->position ? -1 : x->position > y->position;
}

// Zeros without a mark are no erasure. Parts of a closed shard are erased by marks in the shard that follows it.
static void judge_erasures(struct verification *verification)
{
	struct erasures *erased = &verification->erased;
	struct erasures *marks = &verification->marks;
	if (verification->report->closed || erased->count == 0) {
		return;
	}
	if (marks->count > 0) {
		qsort(marks->items, marks->count, sizeof *marks->items, by_position);
	}
	size_t mark = 0;
	for (size_t i = 0; i < erased->count; i++) {
		unsigned allowed = 0;
		while (mark < marks->count && marks->items[mark].position < erased->items[i].position) {
			mark++;
		}
		for (size_t j = mark; j < marks->count && marks->items[j].position == erased->items[i].position; j++) {
			allowed |= marks->items[j].parts;
		}
		if ((erased->items[i].parts & ~allowed) != 0) {
			verification->record_offset = erased->items[i].position & UINT32_MAX;
			find(verification, ERR_TAMPERED, UINT64_MAX,
			     "segment %" PRIu64
			     ": a part was overwritten with zeros, and no mark says that it was erased",
			     erased->items[i].position >> 32);
		}
	}
}

static void found_in_exchange(void *context, uint64_t index, const char *words)
{
	struct verification *verification = context;
	verification->record_offset = 0;
	find(verification, ERR_TAMPERED, index, "%s", words);
}

static void judge_whole(struct verification *verification)
{
	struct ledger_verify_report *report = verification->report;
	struct verify_counts counts;
	if (verification->has_published && !verification->met_published) {
		find(verification, ERR_TAMPERED, UINT64_MAX,
		     "the published checkpoint of %" PRIu64 " leaves is no head of this ledger",
		     verification->published_head.size);
	}
	if (verification->has_expected && !verification->met_expected) {
		find(verification, ERR_TAMPERED, UINT64_MAX,
		     "the expected checkpoint of %" PRIu64 " leaves is no head of this ledger",
		     verification->expected_head.size);
	}
	verify_exchanges_judge(&verification->exchanges, verification->has_earlier_shard, found_in_exchange,
			       verification, &counts);
	report->requests = counts.requests;
	report->received = counts.received;
	report->responses = counts.responses;
	report->unanswered = counts.unanswered;
	report->open = counts.open;
	judge_erasures(verification);
	verification->record_offset = 0;
	if (verification->stored_nodes > nodes_count(report->leaves)) {
		find(verification, ERR_TAMPERED, report->leaves, "was on record, but the journal ends before it");
	}
}

static result verify_journal(struct verification *verification, struct fault *fault)
{
	struct journal_walk *walk = &verification->walk;
	struct fault words = { "" };
	result code = journal_walk_open(walk, verification->disk, &words);
	if (code == OK && walk->segments == 0) {
		return fault_set(fault, ERR_NOT_FOUND, "there is no journal");
	}
	if (code == OK) {
		code = journal_walk_seek(walk, 1, &words);
	}
	if (code == OK) {
		snprintf(verification->report->origin, sizeof verification->report->origin, "%s", walk->head.origin);
		code = read_heads(verification);
	}
	if (code == OK) {
		code = read_nodes(verification);
	}
	while (code == OK && !had_enough(verification)) {
		struct journal_batch batch;
		code = journal_walk_next(walk, &batch, &words);
		if (code == ERR_LEDGER_DAMAGED || (code == ERR_NOT_FOUND && walk->torn)) {
			// A live ledger may have been writing just there: what is still so now is so.
			walk->torn = false;
			code = journal_walk_next(walk, &batch, &words);
		}
		if (code == OK) {
			code = check_batch(verification, &batch);
		}
	}
	verification->report->torn_tail = walk->torn;
	if (code == ERR_LEDGER_DAMAGED) {
		verification->record_offset = walk->offset;
		find(verification, code, UINT64_MAX, "%s", words.text);
		return OK;
	}
	if (code == ERR_NOT_FOUND && verification->report->leaves > 0) {
		judge_whole(verification);
		return OK;
	}
	if (code == ERR_NOT_FOUND) {
		find(verification, ERR_TAMPERED, UINT64_MAX, "the journal holds no record");
		return OK;
	}
	return code == OK ? OK : fault_set(fault, code, "%s", words.text[0] ? words.text : result_text(code));
}

result ledger_verify(const char *shard_path, const struct ledger_verify_options *options,
		     void (*found)(void *context, const struct ledger_finding *finding), void *context,
		     struct ledger_verify_report *ret_report, struct fault *fault)
{
	static const struct ledger_verify_options no_options;
	struct verification verification = {
		.options = options ? options : &no_options,
		.found = found,
		.context = context,
		.report = ret_report,
	};
	size_t most = verification.options->findings_max;
	verification.findings_max = most > 0 ? most : FINDINGS_MAX_DEFAULT;
	*ret_report = (struct ledger_verify_report){ 0 };
	merkle_frontier_init(&verification.frontier);
	merkle_batch_init(&verification.tree);
	arena_init(&verification.arena, 2 * STATEMENT_ARENA_MAX);
	buffer_init(&verification.published, SMALL_FILE_MAX);
	result code = disk_open(shard_path, false, &verification.disk, fault);
	if (code == OK) {
		read_closed(&verification);
		code = verify_journal(&verification, fault);
	}
	journal_walk_close(&verification.walk);
	verify_exchanges_release(&verification.exchanges);
	merkle_batch_release(&verification.tree);
	arena_release(&verification.arena);
	buffer_release(&verification.published);
	free(verification.erased.items);
	free(verification.marks.items);
	disk_close(verification.disk);
	if (code != OK) {
		return code;
	}
	return ret_report->finding_count == 0 ? OK : ERR_TAMPERED;
}
