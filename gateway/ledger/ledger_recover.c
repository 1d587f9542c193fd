// SPDX-License-Identifier: EUPL-1.2
//
// Recovery of a shard: what is on the disk, what it proves, and whether anything may be built on it (DESIGN.md,
// "Recovery").
//
// Everything complete is kept. Only a torn tail is cut, and only if nothing shows that a sync had covered it: no stored
// node of a lost leaf, no published checkpoint beyond the end. Anything else is damage, and the shard is closed by the
// caller.
#include "ledger/ledger_state.h"

#include <inttypes.h>

// ---- one batch ----

// The leaves of a batch: hashed, parsed, noted in the table of exchanges.
static result replay_leaf(struct ledger *ledger, const struct journal_record *record, uint64_t position,
			  uint8_t hash[DIGEST_SIZE], struct fault *fault)
{
	struct statement statement;
	merkle_leaf_hash(record->leaf, hash);
	arena_clear(&ledger->arena);
	result code = statement_parse(record->leaf, &ledger->arena, &statement, fault);
	if (code != OK) {
		return fault_prefix(fault, ERR_LEDGER_DAMAGED, "leaf %" PRIu64, record->index);
	}
	if (!slice_equal(statement.member, ledger->member) || statement.ledger_time_us < ledger->time_us) {
		return fault_set(fault, ERR_LEDGER_DAMAGED, "leaf %" PRIu64 ": another member, or time goes back",
				 record->index);
	}
	ledger->time_us = statement.ledger_time_us;
	return ledger_rules_replay(ledger, statement.type, &statement.body, hash, position);
}

static result replay_records(struct ledger *ledger, const struct journal_batch *batch, uint64_t base,
			     uint8_t (*hashes)[DIGEST_SIZE], struct fault *fault)
{
	uint32_t cursor = 0;
	size_t leaf = 0;
	struct journal_record record;
	while (journal_next_record(batch, &cursor, &record)) {
		if (record.kind != JOURNAL_LEAF) {
			continue;
		}
		result code = replay_leaf(ledger, &record, base + record.offset, hashes[leaf++], fault);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

// Whether a checkpoint in the journal says what the tree says. Its signature is for the full verification: a changed
// note would have failed the batch's crc.
static result compare_note(const struct ledger *ledger, const struct journal_batch *batch, struct fault *fault)
{
	struct note_view view;
	struct checkpoint checkpoint;
	struct slice note = journal_batch_note(batch);
	if (note.size == 0) {
		return OK;
	}
	result code = note_parse(note, &view, fault);
	if (code == OK) {
		code = checkpoint_parse(view.text, &checkpoint, fault);
	}
	bool same = code == OK && slice_is(checkpoint.origin, ledger->origin) &&
		    checkpoint.size == ledger->batch.size &&
		    memcmp(checkpoint.root, ledger->batch.root, DIGEST_SIZE) == 0;
	return same ? OK
		    : fault_set(fault, ERR_LEDGER_DAMAGED,
				"a checkpoint in the journal does not fit its tree of %" PRIu64, ledger->batch.size);
}

static result replay_batch(struct ledger *ledger, const struct journal_walk *walk, const struct journal_batch *batch,
			   struct fault *fault)
{
	uint8_t(*hashes)[DIGEST_SIZE];
	if (walk->entered && (walk->head.frontier.size != ledger->frontier.size)) {
		return fault_set(fault, ERR_LEDGER_DAMAGED, "segment %" PRIu64 " begins with another tree",
				 walk->number);
	}
	result code = merkle_batch_begin(&ledger->batch, batch->leaf_count, &hashes);
	if (code != OK) {
		return fault_set(fault, code, "out of memory");
	}
	uint64_t base = ledger_position(ledger, journal_position(walk->number, walk->offset - batch->size));
	code = replay_records(ledger, batch, base, hashes, fault);
	if (code != OK) {
		return code;
	}
	merkle_batch_run(&ledger->batch, &ledger->frontier, &ledger->frontier);
	memcpy(ledger->root_hash, ledger->batch.root, DIGEST_SIZE);
	if (memcmp(batch->root, ledger->batch.root, DIGEST_SIZE) != 0) {
		return fault_set(fault, ERR_LEDGER_DAMAGED,
				 "the tree of %" PRIu64 " leaves has another root than its batch says",
				 ledger->batch.size);
	}
	code = compare_note(ledger, batch, fault);
	if (code != OK) {
		return code;
	}
	code = exchanges_advance(&ledger->exchanges, ledger->time_us);
	if (code == OK) {
		code = nodes_add(&ledger->nodes, &ledger->batch);
	}
	if (code == OK && ledger->nodes.pending.size > NODES_PENDING_MAX / 8) {
		code = nodes_flush(&ledger->nodes);
	}
	return code == OK ? OK : fault_set(fault, code, "cannot rebuild the nodes of the tree: %s", result_text(code));
}

// ---- where to begin ----

// The last segment that is in use; 0: none.
static result last_used(struct journal_walk *walk, struct journal_segment_head *ret_head, uint64_t *ret_number)
{
	for (uint64_t number = walk->segments; number > 0; number--) {
		result code = journal_walk_head(walk, number, ret_head);
		// A head that cannot be read may be a torn first write, or damage: the walk will tell.
		if (code == OK || (code != ERR_NOT_FOUND && code != ERR_LEDGER_DAMAGED)) {
			*ret_number = number;
			return code;
		}
	}
	*ret_number = 0;
	return OK;
}

// The latest segment from which the walk meets everything that the window needs and the node file may have lost.
// Damaged heads on the way are left to the walk.
static result choose_start(const struct ledger *ledger, struct journal_walk *walk, uint64_t nodes_covered,
			   uint64_t *ret_number)
{
	struct journal_segment_head last = { 0 };
	uint64_t number = 0;
	result code = last_used(walk, &last, &number);
	if (code != OK) {
		return code;
	}
	uint64_t nodes = last.nodes_synced < nodes_covered ? last.nodes_synced : nodes_covered;
	const struct exchanges *exchanges = &ledger->exchanges;
	int64_t since_us = last.time_us - exchanges->window_us - exchanges->span_us - exchanges->skew_us;
	while (number > 1) {
		struct journal_segment_head head;
		code = journal_walk_head(walk, number, &head);
		if (code == OK && head.frontier.size <= nodes && head.time_us < since_us) {
			break;
		}
		if (code != OK && code != ERR_LEDGER_DAMAGED && code != ERR_NOT_FOUND) {
			return code;
		}
		number--;
	}
	*ret_number = number > 0 ? number : 1;
	return OK;
}

// ---- what shows that a sync had covered more than the journal has ----

// The published checkpoint: signed by us, so its tree must lie in this one.
static result check_published(struct ledger *ledger, struct fault *fault)
{
	const struct note_key *keys[] = { &ledger->seal_signer.key, &ledger->ed25519_signer.key };
	struct checkpoint_verified verified;
	buffer_clear(&ledger->published);
	result code = ledger_read_file(ledger->disk, "checkpoint", &ledger->published);
	if (code == ERR_IO || code == ERR_MEMORY) {
		return fault_set(fault, code, "cannot read the published checkpoint");
	}
	if (code != OK || checkpoint_open(buffer_slice(&ledger->published), slice_text(ledger->origin), keys, 2,
					  &verified, NULL) != OK) {
		// None, or none of ours: it says nothing about this tree, and is published again.
		return OK;
	}
	const struct checkpoint *checkpoint = &verified.checkpoint;
	if (checkpoint->size > ledger->frontier.size) {
		return fault_set(fault, ERR_LEDGER_DAMAGED,
				 "the journal has %" PRIu64 " leaves, the published checkpoint %" PRIu64,
				 ledger->frontier.size, checkpoint->size);
	}
	struct merkle_reader reader = nodes_reader(&ledger->nodes);
	struct merkle_frontier frontier;
	uint8_t root[DIGEST_SIZE];
	code = merkle_read_frontier(&reader, checkpoint->size, &frontier);
	if (code == OK) {
		merkle_frontier_root(&frontier, root);
		code = memcmp(root, checkpoint->root, DIGEST_SIZE) == 0 ? OK : ERR_LEDGER_DAMAGED;
	}
	if (code != OK) {
		return fault_set(fault, code, "the published checkpoint of %" PRIu64 " leaves does not lie in the tree",
				 checkpoint->size);
	}
	ledger->published_size = checkpoint->size;
	return OK;
}

static result check_witnesses(struct ledger *ledger, const struct journal_walk *walk, struct fault *fault)
{
	bool beyond = false;
	result code = nodes_reach_beyond(&ledger->nodes, ledger->frontier.size, &beyond);
	if (code != OK) {
		return fault_set(fault, code, "cannot read the nodes of the tree");
	}
	if (beyond) {
		return fault_set(fault, ERR_LEDGER_DAMAGED,
				 "leaf %" PRIu64 " was on record, but the journal ends before it%s",
				 ledger->frontier.size, walk->torn ? " with a damaged batch" : "");
	}
	return check_published(ledger, fault);
}

// ---- erasures ----

// An erasure whose mark is in the journal may not have reached its record: it is done again.
static result repeat_erasures(struct ledger *ledger, uint64_t from, struct fault *fault)
{
	struct journal_walk walk;
	struct journal_batch batch;
	result code = journal_walk_open(&walk, ledger->disk, fault);
	if (code == OK) {
		code = journal_walk_seek(&walk, from, fault);
	}
	while (code == OK && (code = journal_walk_next(&walk, &batch, fault)) == OK) {
		uint32_t cursor = 0;
		struct journal_record record;
		while (code == OK && journal_next_record(&batch, &cursor, &record)) {
			uint32_t erased = 0;
			if (record.kind == JOURNAL_ERASURE) {
				code = ledger_erase_record(ledger, record.position, record.parts, &erased);
			}
		}
	}
	journal_walk_close(&walk);
	return code == ERR_NOT_FOUND ? OK : code;
}

// ---- the whole ----

static result replay(struct ledger *ledger, struct journal_walk *walk, bool *ret_erasures, struct fault *fault)
{
	for (;;) {
		struct journal_batch batch;
		result code = journal_walk_next(walk, &batch, fault);
		if (code == ERR_NOT_FOUND) {
			return nodes_flush(&ledger->nodes);
		}
		if (code == OK) {
			*ret_erasures |= batch.record_count > batch.leaf_count;
			code = replay_batch(ledger, walk, &batch, fault);
		}
		if (code != OK) {
			return code;
		}
		ledger->clean = (batch.flags & JOURNAL_CLEAN) != 0;
	}
}

result ledger_recover(struct ledger *ledger, struct fault *fault)
{
	struct journal_walk walk;
	uint64_t covered = 0;
	uint64_t start = 1;
	bool erasures = false;
	merkle_frontier_init(&ledger->frontier);
	merkle_frontier_root(&ledger->frontier, ledger->root_hash);
	ledger->published_size = 0;
	ledger->clean = true;
	result code = journal_walk_open(&walk, ledger->disk, fault);
	if (code == OK) {
		code = journal_init(&ledger->journal, ledger->disk, ledger->origin, ledger->segment_size);
	}
	if (code == OK) {
		code = nodes_open(&ledger->nodes, ledger->disk, &covered);
	}
	if (code != OK) {
		code = fault_set(fault, code, "cannot open the files of %s: %s", ledger->shard_path, result_text(code));
		goto out;
	}
	if (walk.segments > 0) {
		code = choose_start(ledger, &walk, covered, &start);
		if (code == OK) {
			code = journal_walk_seek(&walk, start, fault);
		}
		if (code == OK) {
			ledger->frontier = walk.head.frontier;
			merkle_frontier_root(&ledger->frontier, ledger->root_hash);
			ledger->time_us = ledger->time_us > walk.time_us ? ledger->time_us : walk.time_us;
			nodes_continue(&ledger->nodes, ledger->frontier.size);
			ledger->nodes.synced = walk.head.nodes_synced;
			code = strcmp(walk.head.origin, ledger->origin) == 0
				   ? replay(ledger, &walk, &erasures, fault)
				   : fault_set(fault, ERR_LEDGER_DAMAGED, "the journal is of %s", walk.head.origin);
		} else if (code == ERR_NOT_FOUND) {
			code = OK; // nothing was ever recorded
		}
	}
	if (code == OK) {
		code = check_witnesses(ledger, &walk, fault);
	}
	if (code == OK) {
		code = nodes_cut(&ledger->nodes);
	}
	if (code == OK) {
		code = journal_resume(&ledger->journal, &walk);
		if (code != OK) {
			code = fault_set(fault, code, "cannot go on in the journal: %s", result_text(code));
		}
	}
	if (code == OK && erasures) {
		code = repeat_erasures(ledger, start, fault);
	}
out:
	journal_walk_close(&walk);
	return code;
}

// ---- earlier shards ----

// The leaves of an earlier shard fill the table; its tree is only followed, to name its head.
static result follow_batch(struct ledger *ledger, const struct journal_walk *walk, const struct journal_batch *batch,
			   size_t ordinal, struct merkle_frontier *frontier)
{
	uint32_t cursor = 0;
	struct journal_record record;
	uint64_t base = (uint64_t)ordinal << 56 | journal_position(walk->number, walk->offset - batch->size);
	while (journal_next_record(batch, &cursor, &record)) {
		uint8_t hash[DIGEST_SIZE];
		if (record.kind != JOURNAL_LEAF) {
			continue;
		}
		result code = replay_leaf(ledger, &record, base + record.offset, hash, NULL);
		if (code != OK) {
			return code;
		}
		merkle_frontier_append(frontier, hash);
	}
	return exchanges_advance(&ledger->exchanges, ledger->time_us);
}

// The head of an earlier shard: what its journal comes to, or a longer one that it has published.
static void find_head(struct ledger *ledger, struct disk *disk, const struct merkle_frontier *frontier,
		      struct ledger_earlier *earlier)
{
	const struct note_key *keys[] = { &earlier->seal_key, &earlier->ed25519_key };
	struct checkpoint_verified verified;
	earlier->size = frontier->size;
	merkle_frontier_root(frontier, earlier->root);
	buffer_clear(&ledger->published);
	if (ledger_read_file(disk, "checkpoint", &ledger->published) == OK &&
	    checkpoint_open(buffer_slice(&ledger->published), slice_text(earlier->origin), keys, 2, &verified, NULL) ==
		OK &&
	    verified.checkpoint.size > earlier->size) {
		earlier->size = verified.checkpoint.size;
		memcpy(earlier->root, verified.checkpoint.root, DIGEST_SIZE);
	}
}

// Whether a shard was closed because records of it may be lost.
static bool closed_by_loss(struct disk *disk)
{
	struct buffer text;
	buffer_init(&text, 1024);
	bool lost = ledger_read_file(disk, "closed", &text) == OK &&
		    (slice_starts_with(buffer_slice(&text), slice_text("damage")) ||
		     slice_starts_with(buffer_slice(&text), slice_text("restored")));
	buffer_release(&text);
	return lost;
}

result ledger_load_earlier(struct ledger *ledger, size_t ordinal, struct ledger_earlier *earlier)
{
	char path[sizeof ledger->shard_path];
	struct disk *disk = NULL;
	struct journal_walk walk = { 0 };
	uint64_t start = 1;
	struct merkle_frontier frontier;
	merkle_frontier_init(&frontier);
	ledger_shard_path_of(ledger, ordinal, path);
	result code = disk_open(path, false, &disk, NULL);
	if (code == OK) {
		code = journal_walk_open(&walk, disk, NULL);
	}
	if (code == OK) {
		code = choose_start(ledger, &walk, UINT64_MAX, &start);
	}
	if (code == OK) {
		code = journal_walk_seek(&walk, start, NULL);
	}
	if (code == OK) {
		frontier = walk.head.frontier;
	}
	while (code == OK) {
		struct journal_batch batch;
		code = journal_walk_next(&walk, &batch, NULL);
		if (code == OK) {
			code = follow_batch(ledger, &walk, &batch, ordinal, &frontier);
		}
	}
	earlier->whole = code == ERR_NOT_FOUND && !walk.torn && !closed_by_loss(disk);
	if (disk) {
		find_head(ledger, disk, &frontier, earlier);
	}
	journal_walk_close(&walk);
	disk_close(disk);
	// What cannot be read is lost to the table: the floor stands in for it (ledger_rules.c).
	return code == ERR_MEMORY ? code : OK;
}
