// SPDX-License-Identifier: EUPL-1.2
//
// Checkpoints, and what is due by time.
//
// Publishing writes the note with both signatures to the journal first (a settle mark: all before it was synced), then
// to the file `checkpoint`. So a published head is always one that the journal holds.
#include "base/clock.h"
#include "ledger/ledger_state.h"

#include <stdio.h>

static const char checkpoint_name[] = "checkpoint";

result ledger_sign(struct ledger *ledger, uint64_t size, const uint8_t root[DIGEST_SIZE])
{
	if (ledger->note_size == size && ledger->note.size > 0) {
		return OK;
	}
	struct checkpoint checkpoint = { .origin = slice_text(ledger->origin), .size = size };
	memcpy(checkpoint.root, root, DIGEST_SIZE);
	struct note_signer *signer = &ledger->seal_signer;
	ledger->note_size = 0;
	buffer_clear(&ledger->note);
	result code = checkpoint_sign(&checkpoint, &signer, 1, 0, &ledger->note);
	if (code == OK) {
		ledger->note_size = size;
	}
	return code;
}

result ledger_publish(struct ledger *ledger, uint32_t flags)
{
	uint64_t size = ledger->frontier.size;
	struct checkpoint checkpoint = { .origin = slice_text(ledger->origin), .size = size };
	memcpy(checkpoint.root, ledger->root_hash, DIGEST_SIZE);
	struct note_signer *signers[] = { &ledger->seal_signer, &ledger->ed25519_signer };
	buffer_clear(&ledger->published);
	result code = checkpoint_sign(&checkpoint, signers, 2, 0, &ledger->published);
	if (code != OK) {
		return code;
	}
	code = ledger_write_mark(ledger, JOURNAL_SETTLE | flags, buffer_slice(&ledger->published), 0, 0);
	if (code != OK) {
		return code;
	}
	ledger->clean = (flags & JOURNAL_CLEAN) != 0;
	code = ledger_replace_file(ledger->disk, checkpoint_name, buffer_slice(&ledger->published));
	if (code == OK) {
		ledger->published_size = size;
	}
	return code;
}

// Microseconds until the next publication is due; 0: now; -1: there is nothing to publish.
static int64_t publication_due(const struct ledger *ledger, int64_t now_us)
{
	if (ledger->published_size == ledger->frontier.size) {
		return -1;
	}
	int64_t due_us = ledger->published_at_us + LEDGER_PUBLISH_INTERVAL_US;
	return ledger->published_at_us == 0 || due_us <= now_us ? 0 : due_us - now_us;
}

enum prepared { PREPARED, MORE_TO_PREPARE, NO_SPACE };

// Makes the next segment ready and writes the tree's nodes; notes when space is lacking.
static enum prepared prepare(struct ledger *ledger)
{
	bool ready = false;
	result nodes = nodes_flush(&ledger->nodes);
	bool was_ready = ledger->journal.spare_ready;
	result spare = journal_prepare(&ledger->journal, LEDGER_PREPARE_LEAST, &ready);
	if (nodes == ERR_IO || spare == ERR_IO) {
		result_ignore(ledger_stop(ledger, ERR_IO, "cannot prepare the journal"));
		return PREPARED;
	}
	if (ready && !was_ready) {
		// Now and then, at a time when a sync is being waited for anyway; see recovery.
		result_ignore(nodes_sync(&ledger->nodes));
	}
	bool was_full = ledger->full;
	uint64_t reserve = ledger->segment_size / 4;
	reserve = reserve < LEDGER_CLOSING_RESERVE ? reserve : LEDGER_CLOSING_RESERVE;
	bool tight = spare == ERR_DISK_FULL && journal_left(&ledger->journal) < reserve;
	ledger->full = tight || nodes == ERR_DISK_FULL;
	if (ledger->full && !was_full) {
		snprintf(ledger->state_text, sizeof ledger->state_text, "no space is left for %s",
			 nodes == ERR_DISK_FULL ? "the nodes of the tree" : "the next segment of the journal");
	}
	if (nodes == ERR_DISK_FULL || spare == ERR_DISK_FULL) {
		return NO_SPACE;
	}
	return ready ? PREPARED : MORE_TO_PREPARE;
}

int64_t ledger_tick(struct ledger *ledger)
{
	if (ledger->state != OK) {
		return -1;
	}
	enum prepared prepared = prepare(ledger);
	int64_t now_us = clock_monotonic_us();
	if (ledger->state == OK && clock_wall_us() > ledger->time_us) {
		result_ignore(exchanges_advance(&ledger->exchanges, clock_wall_us()));
	}
	if (ledger->state == OK && ledger->exchanges.orphan_count > 0) {
		struct ledger_batch batch;
		result_ignore(ledger_commit(ledger, NULL, 0, &batch));
	}
	if (ledger->state == OK && publication_due(ledger, now_us) == 0) {
		// What fails here is tried again in a second, or has stopped the ledger.
		ledger->published_at_us = now_us;
		result_ignore(ledger_publish(ledger, 0));
	}
	if (ledger->state != OK) {
		return -1;
	}
	if (prepared == NO_SPACE) {
		return LEDGER_SPACE_INTERVAL_US;
	}
	if (prepared == MORE_TO_PREPARE || ledger->exchanges.orphan_count > 0) {
		return 0;
	}
	int64_t due_us = publication_due(ledger, now_us);
	bool busy = ledger->exchanges.count > 0;
	return due_us >= 0 ? due_us : busy ? LEDGER_PUBLISH_INTERVAL_US : -1;
}
