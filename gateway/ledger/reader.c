// SPDX-License-Identifier: EUPL-1.2
#include "ledger/reader.h"

#include "ledger/journal_walk.h"

#include <inttypes.h>
#include <stdlib.h>

struct ledger_reader {
	struct disk *disk;
	struct journal_walk walk;
	struct journal_batch batch; // records left in it if cursor is not at its end
	bool has_batch;
	uint32_t cursor;
	uint64_t from; // leaves before it are passed over
	uint8_t note[JOURNAL_NOTE_MAX];
	size_t note_size;
};

// The last segment that begins at or before a leaf. Damaged heads are passed over: the walk will find them.
static uint64_t segment_of(struct journal_walk *walk, uint64_t leaf)
{
	for (uint64_t number = walk->segments; number > 1; number--) {
		struct journal_segment_head head;
		if (journal_walk_head(walk, number, &head) == OK && head.frontier.size <= leaf) {
			return number;
		}
	}
	return 1;
}

result ledger_reader_open(const char *shard_path, uint64_t from, struct ledger_reader **ret_reader, struct fault *fault)
{
	struct ledger_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	reader->from = from;
	result code = disk_open(shard_path, false, &reader->disk, fault);
	if (code == OK) {
		code = journal_walk_open(&reader->walk, reader->disk, fault);
	}
	if (code == OK && reader->walk.segments == 0) {
		code = fault_set(fault, ERR_NOT_FOUND, "%s holds no journal", shard_path);
	}
	if (code == OK) {
		code = journal_walk_seek(&reader->walk, segment_of(&reader->walk, from), fault);
	}
	if (code != OK) {
		ledger_reader_close(reader);
		return code;
	}
	*ret_reader = reader;
	return OK;
}

void ledger_reader_close(struct ledger_reader *reader)
{
	if (reader) {
		journal_walk_close(&reader->walk);
		disk_close(reader->disk);
		free(reader);
	}
}

struct slice ledger_reader_origin(const struct ledger_reader *reader)
{
	return slice_text(reader->walk.head.origin);
}

struct slice ledger_reader_checkpoint(const struct ledger_reader *reader)
{
	return slice_of(reader->note, reader->note_size);
}

static result next_batch(struct ledger_reader *reader, struct fault *fault)
{
	result code = journal_walk_next(&reader->walk, &reader->batch, fault);
	if (code == ERR_LEDGER_DAMAGED) {
		// Between reading a batch and what follows it, a live ledger may have written both: look once more.
		code = journal_walk_next(&reader->walk, &reader->batch, fault);
	}
	if (code != OK) {
		return code;
	}
	struct slice note = journal_batch_note(&reader->batch);
	if (note.size > 0) {
		memcpy(reader->note, note.data, note.size);
		reader->note_size = note.size;
	}
	reader->has_batch = true;
	reader->cursor = 0;
	return OK;
}

static result take_part(struct slice bytes, uint32_t crc, enum ledger_part *ret_state, struct slice *ret_part,
			uint64_t index, struct fault *fault)
{
	*ret_part = slice_of(NULL, 0);
	switch (journal_part_state(bytes, crc)) {
	case JOURNAL_PART_NONE:
		*ret_state = LEDGER_PART_NONE;
		return OK;
	case JOURNAL_PART_ERASED:
		*ret_state = LEDGER_PART_ERASED;
		return OK;
	case JOURNAL_PART_KEPT:
		*ret_state = LEDGER_PART_KEPT;
		*ret_part = bytes;
		return OK;
	case JOURNAL_PART_BROKEN:
		break;
	}
	return fault_set(fault, ERR_LEDGER_DAMAGED, "leaf %" PRIu64 ": a part beside it is damaged", index);
}

static result take_entry(const struct ledger_reader *reader, const struct journal_record *record,
			 struct ledger_entry *ret_entry, struct fault *fault)
{
	const struct journal_batch *batch = &reader->batch;
	const uint8_t *parts = batch->bytes + ((size_t)batch->fixed_size + 7) / 8 * 8 + record->erasable_offset;
	struct ledger_entry entry = {
		.index = record->index,
		.leaf = record->leaf,
		.attachment = record->attachment,
		.segment = reader->walk.number,
		.offset = reader->walk.offset - batch->size + record->offset,
	};
	result code = take_part(slice_of(parts, record->private_size), record->private_crc, &entry.private_state,
				&entry.private_part, record->index, fault);
	if (code == OK) {
		code = take_part(slice_of(parts + record->private_size, record->salt_size), record->salt_crc,
				 &entry.salt_state, &entry.salt, record->index, fault);
	}
	if (code == OK) {
		*ret_entry = entry;
	}
	return code;
}

result ledger_reader_next(struct ledger_reader *reader, struct ledger_entry *ret_entry, struct fault *fault)
{
	for (;;) {
		struct journal_record record;
		while (reader->has_batch && journal_next_record(&reader->batch, &reader->cursor, &record)) {
			if (record.kind == JOURNAL_LEAF && record.index >= reader->from) {
				return take_entry(reader, &record, ret_entry, fault);
			}
		}
		reader->has_batch = false;
		result code = next_batch(reader, fault);
		if (code != OK) {
			return code;
		}
	}
}
