// SPDX-License-Identifier: EUPL-1.2
//
// One batch: check, stage, hash, sign, write, answer. The order is the promise: rules before anything is staged, the
// signature inside the write, nothing acknowledged before the write is durable.
#include "base/clock.h"
#include "base/random.h"
#include "ledger/ledger_state.h"
#include "wire/envelope.h"

enum {
	LEAF_OVERHEAD = 256, // prefix, member, time, blinder, tags: see STATEMENT_BODY_MAX
	NOTE_ROOM = 1024,    // a tick checkpoint with one signature
	// A gateway's workers may say these; certificates and editions are the central node's, key statements the
	// notary's own.
	TYPES_OF_A_GATEWAY = 1 << STATEMENT_REQUEST | 1 << STATEMENT_RESPONSE | 1 << STATEMENT_RECEIVED |
			     1 << STATEMENT_UNANSWERED | 1 << STATEMENT_REFUSAL_SUMMARY | 1 << STATEMENT_GRANT |
			     1 << STATEMENT_OPERATOR | 1 << STATEMENT_EVENT | 1 << STATEMENT_HOUSEKEEPING,
};

static void advance_time(struct ledger *ledger)
{
	int64_t now_us = clock_wall_us();
	if (now_us > ledger->time_us) {
		ledger->time_us = now_us;
	}
}

// ---- staging ----

// The batch under construction.
struct staging {
	uint8_t (*hashes)[DIGEST_SIZE]; // of the leaves
	size_t leaves;
	size_t orphans; // that are planned for
	bool want_seal;
	result failure; // of the ledger, not of a record
};

// Whose word a record is: the notary's own statements are outside the rules for workers.
enum speaker { WORKER, NOTARY };

static result check_record(struct ledger *ledger, struct ledger_record *record, enum speaker speaker,
			   union statement_body *ret_body)
{
	uint32_t allowed = TYPES_OF_A_GATEWAY | ledger->allowed_types;
	bool known = record->type > STATEMENT_NONE && record->type < STATEMENT_TYPE_COUNT;
	if (!known || (speaker == WORKER && (allowed & UINT32_C(1) << record->type) == 0)) {
		return ERR_PERMISSION;
	}
	if (statement_leaf_size(ledger->member, record->body) > STATEMENT_LEAF_MAX ||
	    record->attachment.size > JOURNAL_ATTACHMENT_MAX || record->private_part.size > CONTENT_PRIVATE_MAX ||
	    record->salt.size > CONTENT_SALT_SIZE) {
		return ERR_LIMIT;
	}
	// Zeros mean "erased" in the journal.
	if ((record->private_part.size > 0 && journal_is_zero(record->private_part.data, record->private_part.size)) ||
	    (record->salt.size > 0 && journal_is_zero(record->salt.data, record->salt.size))) {
		return ERR_ARGUMENT;
	}
	arena_clear(&ledger->arena);
	result code = statement_check_body(record->type, record->body, ledger->member, &ledger->arena, ret_body, NULL);
	return code == OK && speaker == WORKER ? ledger_rules_check(ledger, record, ret_body, &record->existing) : code;
}

// Whether a record begins an exchange: the first to be refused when space runs out, so that what is under way can end.
static bool begins_exchange(const struct ledger_record *record, const union statement_body *body)
{
	return record->type == STATEMENT_REQUEST ||
	       (record->type == STATEMENT_RECEIVED && body->received.type == STATEMENT_REQUEST);
}

static result stage(struct ledger *ledger, struct ledger_record *record, enum speaker speaker, struct staging *staging)
{
	union statement_body body;
	result code = check_record(ledger, record, speaker, &body);
	if (code == OK && ledger->full && begins_exchange(record, &body)) {
		code = ERR_DISK_FULL;
	}
	if (code != OK) {
		return code;
	}
	record->time_us = ledger->time_us;
	memcpy(record->blinder, ledger->blinders[staging->leaves], sizeof record->blinder);
	buffer_clear(&ledger->scratch);
	statement_append_leaf(&ledger->scratch, record->type, ledger->member, record->time_us, record->blinder,
			      record->body);
	code = buffer_result(&ledger->scratch);
	if (code != OK) {
		return code;
	}
	uint64_t index = ledger->frontier.size + staging->leaves;
	uint8_t *hash = staging->hashes[staging->leaves];
	merkle_leaf_hash(buffer_slice(&ledger->scratch), hash);
	struct journal *journal = &ledger->journal;
	uint64_t position = ledger_position(ledger, journal_staged_position(journal, (uint32_t)journal->builder.size));
	// The table first: it may be full, and then the record must not be on its way.
	code = ledger_rules_apply(ledger, record->type, &body, hash, position, record->owner);
	if (code != OK) {
		return code;
	}
	uint32_t offset = 0;
	code = journal_builder_leaf(&journal->builder, index, journal->sequence, buffer_slice(&ledger->scratch),
				    record->attachment, record->private_part, record->salt, &offset);
	if (code != OK) {
		// Planned for, so it cannot be; and the table holds what is not on record.
		staging->failure = ledger_stop(ledger, ERR_INTERNAL, "a batch exceeded its plan");
		return staging->failure;
	}
	record->leaf = slice_of(journal->builder.data + offset + JOURNAL_RECORD_HEAD, ledger->scratch.size);
	record->index = index;
	record->ordinal = staging->leaves++;
	staging->want_seal |= record->want_seal;
	return OK;
}

// ---- statements for what was left open ----

// Builds the statement that closes an orphan. ERR_NOT_FOUND: nothing to close.
static result closing_statement(struct ledger *ledger, const struct exchange *orphan, enum statement_type *ret_type,
				struct buffer *body)
{
	struct journal_record record;
	struct statement statement;
	result code = ledger_read_record(ledger, orphan->request, &record);
	if (code == OK) {
		arena_clear(&ledger->arena);
		code = statement_parse(record.leaf, &ledger->arena, &statement, NULL);
	}
	if (code != OK) {
		return code;
	}
	union statement_body made = { 0 };
	struct slice reason = slice_text(result_wire_name(ERR_INTERRUPTED));
	uint8_t leaf_hash[DIGEST_SIZE];
	if (statement.type == STATEMENT_RECEIVED) {
		*ret_type = STATEMENT_RESPONSE;
		made.response = (struct statement_response){
			.exchange_id = statement.body.received.exchange_id,
			.provider = statement.body.received.subsystem,
			.request_hash = statement.body.received.statement_hash,
			.outcome = STATEMENT_OUTCOME_INTERRUPTED,
			.grpc_status = GRPC_UNAVAILABLE,
			.reason = reason,
		};
	} else if (statement.type == STATEMENT_REQUEST) {
		*ret_type = STATEMENT_UNANSWERED;
		merkle_leaf_hash(record.leaf, leaf_hash);
		made.unanswered = (struct statement_unanswered){
			.exchange_id = statement.body.request.exchange_id,
			.client = statement.body.request.client,
			.request_hash = slice_of(leaf_hash, sizeof leaf_hash),
			.grpc_status = GRPC_UNAVAILABLE,
			.reason = reason,
		};
	} else {
		return ERR_NOT_FOUND;
	}
	return statement_encode_body(*ret_type, &made, body, NULL);
}

static result stage_orphan(struct ledger *ledger, const struct exchange *orphan, struct buffer *body,
			   struct staging *staging)
{
	struct ledger_record record = { .owner = LEDGER_OWNER_NONE };
	buffer_clear(body);
	result code = closing_statement(ledger, orphan, &record.type, body);
	if (code == OK) {
		record.body = buffer_slice(body);
		code = stage(ledger, &record, NOTARY, staging);
	}
	return code;
}

static void stage_orphans(struct ledger *ledger, struct staging *staging)
{
	struct exchange orphan;
	struct buffer body;
	buffer_init(&body, STATEMENT_BODY_MAX);
	for (size_t i = 0; i < staging->orphans && exchanges_next_orphan(&ledger->exchanges, &orphan); i++) {
		result code = stage_orphan(ledger, &orphan, &body, staging);
		bool present = orphan.request >> 56 == ledger->shard_count - 1;
		if (code == ERR_LEDGER_DAMAGED && present) {
			// What was on record a moment ago cannot be read: nothing more may be built on it.
			staging->failure = ledger_stop(ledger, code, "a record of an open exchange cannot be read");
			break;
		}
		if (code == ERR_MEMORY || code == ERR_IO) {
			exchanges_return_orphan(&ledger->exchanges, &orphan);
			break;
		}
	}
	buffer_release(&body);
}

// ---- the batch ----

// The bytes that a batch of these records takes at most; orphans fill up what room there is.
static size_t plan(const struct ledger *ledger, const struct ledger_record *records, size_t count, enum speaker speaker,
		   struct staging *staging)
{
	size_t room = JOURNAL_BATCH_HEAD + NOTE_ROOM;
	for (size_t i = 0; i < count; i++) {
		room += journal_record_room(records[i].body.size + LEAF_OVERHEAD, records[i].attachment.size,
					    records[i].private_part.size + records[i].salt.size);
	}
	size_t capacity = ledger->journal.capacity;
	// Nothing comes before a key statement.
	size_t orphans = speaker == WORKER ? ledger->exchanges.orphan_count : 0;
	orphans = orphans < LEDGER_ORPHANS_PER_BATCH ? orphans : LEDGER_ORPHANS_PER_BATCH;
	size_t fitting = room < capacity ? (capacity - room) / LEDGER_ORPHAN_ROOM : 0;
	staging->orphans = orphans < fitting ? orphans : fitting;
	room += staging->orphans * LEDGER_ORPHAN_ROOM;
	return (room + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
}

// Hashes, signs and writes what is staged.
static result write_batch(struct ledger *ledger, const struct staging *staging)
{
	struct merkle_frontier after;
	uint8_t(*hashes)[DIGEST_SIZE];
	ledger->batch_signed = false;
	ledger->batch_leaves = staging->leaves;
	// Fewer than planned: the hashes stay where they are.
	result begun = merkle_batch_begin(&ledger->batch, staging->leaves, &hashes);
	assert_always(begun == OK && hashes == staging->hashes);
	merkle_batch_run(&ledger->batch, &ledger->frontier, &after);
	struct journal_batch batch = { .first_index = ledger->frontier.size, .time_us = ledger->time_us };
	memcpy(batch.root, ledger->batch.root, DIGEST_SIZE);
	struct slice note = slice_of(NULL, 0);
	if (staging->want_seal) {
		result code = ledger_sign(ledger, ledger->batch.size, ledger->batch.root);
		if (code != OK) {
			return ledger_stop(ledger, code, "cannot sign a checkpoint");
		}
		note = buffer_slice(&ledger->note);
	}
	result code = journal_write(&ledger->journal, &batch, note);
	if (code != OK) {
		ledger->note_size = 0; // this head is not ours: it must never leave
		buffer_clear(&ledger->note);
		return ledger_stop(ledger, code, "cannot write the journal");
	}
	ledger->frontier = after;
	memcpy(ledger->root_hash, ledger->batch.root, DIGEST_SIZE);
	ledger->batch_signed = staging->want_seal;
	ledger->clean = false;
	code = nodes_add(&ledger->nodes, &ledger->batch);
	if (code != OK) {
		// On record all the same; what cannot be kept up is the proofs.
		result_ignore(ledger_stop(ledger, code, "cannot keep the tree's nodes"));
	}
	return OK;
}

static void fill_batch(const struct ledger *ledger, size_t leaves, struct ledger_batch *batch)
{
	*batch = (struct ledger_batch){ .leaves = leaves, .size = ledger->frontier.size };
	memcpy(batch->root, ledger->root_hash, DIGEST_SIZE);
	if (leaves > 0 && ledger->batch_signed) {
		batch->note = buffer_slice(&ledger->note);
		batch->upper = merkle_batch_upper(&ledger->batch);
	}
}

static result begin(struct ledger *ledger, const struct ledger_record *records, size_t count, enum speaker speaker,
		    struct staging *staging)
{
	if (ledger->state != OK) {
		return ledger->state;
	}
	if (count > LEDGER_BATCH_MAX) {
		return ERR_LIMIT;
	}
	advance_time(ledger);
	result code = exchanges_advance(&ledger->exchanges, ledger->time_us);
	size_t room = plan(ledger, records, count, speaker, staging);
	if (code == OK) {
		code = merkle_batch_begin(&ledger->batch, count + staging->orphans, &staging->hashes);
	}
	if (code != OK) {
		return code;
	}
	// One draw for the batch: each costs a system call that sees to forked children.
	random_bytes(ledger->blinders, (count + staging->orphans) * sizeof *ledger->blinders);
	code = journal_begin(&ledger->journal, room, &ledger->frontier, ledger->time_us, ledger->nodes.synced);
	if (code == ERR_IO) {
		return ledger_stop(ledger, code, "cannot open the next segment of the journal");
	}
	ledger->full |= code == ERR_DISK_FULL;
	return code;
}

static result commit(struct ledger *ledger, struct ledger_record *records, size_t count, enum speaker speaker,
		     struct ledger_batch *ret_batch)
{
	struct staging staging = { 0 };
	for (size_t i = 0; i < count; i++) {
		records[i].code = OK;
	}
	result code = begin(ledger, records, count, speaker, &staging);
	if (code == OK) {
		stage_orphans(ledger, &staging);
		for (size_t i = 0; i < count && staging.failure == OK; i++) {
			records[i].code = stage(ledger, &records[i], speaker, &staging);
		}
		code = staging.failure;
	}
	if (code == OK && staging.leaves > 0) {
		code = write_batch(ledger, &staging);
	}
	if (code != OK) {
		for (size_t i = 0; i < count; i++) {
			records[i].code = records[i].code == OK ? code : records[i].code;
		}
		return code;
	}
	fill_batch(ledger, staging.leaves, ret_batch);
	return OK;
}

result ledger_commit(struct ledger *ledger, struct ledger_record *records, size_t count, struct ledger_batch *ret_batch)
{
	return commit(ledger, records, count, WORKER, ret_batch);
}

result ledger_append_own(struct ledger *ledger, enum statement_type type, const union statement_body *body,
			 struct fault *fault)
{
	struct buffer bytes;
	buffer_init(&bytes, STATEMENT_BODY_MAX);
	struct ledger_batch batch;
	result code = statement_encode_body(type, body, &bytes, fault);
	if (code == OK) {
		struct ledger_record record = { .type = type,
						.owner = LEDGER_OWNER_NONE,
						.body = buffer_slice(&bytes) };
		code = commit(ledger, &record, 1, NOTARY, &batch);
		code = code == OK ? record.code : code;
		if (code != OK) {
			code = fault_set(fault, code, "cannot record a %s statement: %s", statement_type_name(type),
					 result_text(code));
		}
	}
	buffer_release(&bytes);
	return code;
}

result ledger_write_mark(struct ledger *ledger, uint32_t flags, struct slice note, uint64_t erased_position,
			 unsigned erased_parts)
{
	if (ledger->state != OK) {
		return ledger->state;
	}
	struct journal *journal = &ledger->journal;
	size_t room = JOURNAL_BATCH_HEAD + journal_record_room(0, 0, 0) + note.size;
	room = (room + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
	result code = journal_begin(journal, room, &ledger->frontier, ledger->time_us, ledger->nodes.synced);
	if (code == OK && erased_parts != 0) {
		code = journal_builder_erasure(&journal->builder, erased_position, erased_parts, journal->sequence);
	}
	if (code == ERR_DISK_FULL) {
		ledger->full = true; // nothing was written: the next segment is missing
		return code;
	}
	struct journal_batch batch = {
		.first_index = ledger->frontier.size,
		.flags = flags,
		.time_us = ledger->time_us,
	};
	memcpy(batch.root, ledger->root_hash, DIGEST_SIZE);
	if (code == OK) {
		code = journal_write(journal, &batch, note);
	}
	return code == OK ? OK : ledger_stop(ledger, code, "cannot write the journal");
}

// ---- what the caller asks about its batch ----

size_t ledger_lower_path(const struct ledger *ledger, const struct ledger_record *record, uint8_t path[][DIGEST_SIZE])
{
	return merkle_batch_lower(&ledger->batch, record->ordinal, path);
}

result ledger_append_seal(const struct ledger *ledger, const struct ledger_record *record, struct buffer *seal)
{
	if (record->code != OK || !ledger->batch_signed) {
		return ERR_STATE;
	}
	uint8_t path[2 * MERKLE_PATH_MAX][DIGEST_SIZE];
	size_t lower = ledger_lower_path(ledger, record, path);
	struct slice upper = merkle_batch_upper(&ledger->batch);
	memcpy(path[lower], upper.data, upper.size);
	struct envelope_seal made = {
		.origin = slice_text(ledger->origin),
		.index = record->index,
		.path = slice_of(path, lower * DIGEST_SIZE + upper.size),
		.checkpoint = buffer_slice(&ledger->note),
	};
	return envelope_encode_seal(&made, seal, NULL);
}

void ledger_orphan(struct ledger *ledger, uint8_t owner)
{
	// Without memory some stay open until their time is over: they are sealed then.
	result_ignore(exchanges_orphan(&ledger->exchanges, owner));
}
