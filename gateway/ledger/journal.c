// SPDX-License-Identifier: EUPL-1.2
#include "ledger/journal.h"

#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { ZEROS = 256 * 1024 };

// Never written, so it is the kernel's one page of zeros and costs no memory.
static const _Alignas(JOURNAL_BLOCK) uint8_t zeros[ZEROS];

result journal_init(struct journal *journal, struct disk *disk, const char *origin, uint32_t segment_size)
{
	*journal = (struct journal){ .disk = disk, .segment_size = segment_size, .sequence = 1 };
	snprintf(journal->origin, sizeof journal->origin, "%s", origin);
	journal->capacity =
	    segment_size - JOURNAL_BLOCK < JOURNAL_BATCH_MAX ? segment_size - JOURNAL_BLOCK : JOURNAL_BATCH_MAX;
	journal->memory = aligned_alloc(JOURNAL_BLOCK, JOURNAL_BLOCK + journal->capacity);
	return journal->memory ? OK : ERR_MEMORY;
}

void journal_release(struct journal *journal)
{
	disk_close_file(journal->file);
	disk_close_file(journal->spare);
	disk_close_file(journal->reading);
	free(journal->memory);
	*journal = (struct journal){ 0 };
}

// ---- segments ----

static result write_zeros(struct disk_file *file, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t size = to - from < ZEROS ? to - from : ZEROS;
		result code = disk_write_durable(file, from, zeros, size);
		if (code != OK) {
			return code;
		}
		from += size;
	}
	return OK;
}

// Zeros over what a torn write left, so that nothing of a batch that was never acknowledged can be read again.
static result cut_torn_tail(struct journal *journal, const struct journal_walk *walk)
{
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(walk->torn_segment, name);
	struct disk_file *file = NULL;
	result code = disk_open_file(journal->disk, name, DISK_DURABLE, &file);
	if (code == OK) {
		code = write_zeros(file, walk->torn_from, walk->torn_to);
	}
	disk_close_file(file);
	return code;
}

result journal_resume(struct journal *journal, const struct journal_walk *walk)
{
	result code = walk->torn ? cut_torn_tail(journal, walk) : OK;
	journal->sequence = walk->number > 0 ? walk->sequence : 1;
	if (code != OK || walk->number == 0) {
		return code;
	}
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(walk->number, name);
	code = disk_open_file(journal->disk, name, DISK_DURABLE, &journal->file);
	if (code == OK) {
		// What was read may have been in the page cache only: the next batch must not stand on it before it is
		// durable.
		code = disk_sync(journal->file);
	}
	if (code == OK) {
		code = disk_sync_names(journal->disk);
	}
	journal->head = walk->head;
	journal->offset = walk->offset;
	journal->crc = walk->crc;
	return code;
}

uint64_t journal_left(const struct journal *journal)
{
	return journal->file ? journal->head.segment_size - journal->offset : 0;
}

bool journal_has_room(const struct journal *journal, size_t bytes)
{
	return journal_left(journal) >= bytes || journal->spare_ready;
}

// Opens or makes the file of the spare segment.
static result open_spare(struct journal *journal)
{
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(journal->head.number + 1, name);
	result code = disk_open_file(journal->disk, name, DISK_DURABLE, &journal->spare);
	if (code == ERR_NOT_FOUND) {
		code = disk_create(journal->disk, name, DISK_DURABLE, &journal->spare);
	}
	if (code == OK) {
		code = disk_size(journal->spare, &journal->spare_filled);
	}
	if (code == OK) {
		journal->spare_filled -= journal->spare_filled % JOURNAL_BLOCK;
	}
	return code;
}

result journal_prepare(struct journal *journal, size_t least, bool *ret_ready)
{
	*ret_ready = journal->spare_ready;
	if (journal->spare_ready) {
		journal->appended = 0;
		return OK;
	}
	result code = journal->spare ? OK : open_spare(journal);
	uint64_t budget = least > 2 * journal->appended ? least : 2 * journal->appended;
	journal->appended = 0;
	while (code == OK && journal->spare_filled < journal->segment_size && budget > 0) {
		uint64_t size = journal->segment_size - journal->spare_filled;
		size = size < ZEROS ? size : ZEROS;
		size = size < budget ? size : (budget + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
		code = disk_write(journal->spare, journal->spare_filled, zeros, size);
		if (code == OK) {
			journal->spare_filled += size;
			budget -= size < budget ? size : budget;
		}
	}
	if (code == OK && journal->spare_filled >= journal->segment_size) {
		code = disk_sync(journal->spare);
		if (code == OK) {
			code = disk_sync_names(journal->disk);
		}
		journal->spare_ready = code == OK;
	}
	*ret_ready = journal->spare_ready;
	return code;
}

static result next_segment(struct journal *journal, const struct merkle_frontier *frontier, int64_t time_us,
			   uint64_t nodes_synced)
{
	bool ready = false;
	result code = journal_prepare(journal, journal->segment_size, &ready);
	if (code != OK) {
		return code;
	}
	struct journal_segment_head head = {
		.segment_size = journal->segment_size,
		.number = journal->head.number + 1,
		.sequence = journal->sequence,
		.time_us = time_us,
		.nodes_synced = nodes_synced,
		.previous_crc = journal->crc,
		.frontier = *frontier,
	};
	memcpy(head.origin, journal->origin, sizeof head.origin);
	random_bytes(head.salt, sizeof head.salt);
	disk_close_file(journal->file);
	journal->file = journal->spare;
	journal->spare = NULL;
	journal->spare_ready = false;
	journal->spare_filled = 0;
	journal->head = head;
	journal->head_pending = true;
	journal->offset = JOURNAL_BLOCK;
	return OK;
}

// ---- batches ----

result journal_begin(struct journal *journal, size_t bytes, const struct merkle_frontier *frontier, int64_t time_us,
		     uint64_t nodes_synced)
{
	if (bytes > journal->capacity) {
		return ERR_LIMIT;
	}
	if (journal_left(journal) < bytes) {
		result code = next_segment(journal, frontier, time_us, nodes_synced);
		if (code != OK) {
			return code;
		}
	}
	journal_builder_begin(&journal->builder, journal->memory + JOURNAL_BLOCK, journal->capacity);
	return OK;
}

result journal_write(struct journal *journal, struct journal_batch *batch, struct slice note)
{
	batch->previous_crc = journal->crc;
	batch->sequence = journal->sequence;
	result code = journal_builder_end(&journal->builder, batch, journal->head.salt, note);
	if (code != OK || batch->size > journal_left(journal)) {
		return ERR_LIMIT;
	}
	uint64_t offset = journal->offset;
	const uint8_t *from = batch->bytes;
	size_t size = batch->size;
	if (journal->head_pending) {
		journal_format_segment(&journal->head, journal->memory);
		from = journal->memory;
		offset = 0;
		size += JOURNAL_BLOCK;
	}
	code = disk_write_durable(journal->file, offset, from, size);
	if (code != OK) {
		return code;
	}
	journal->head_pending = false;
	journal->offset += batch->size;
	journal->appended += batch->size;
	journal->sequence++;
	journal->crc = batch->crc;
	return OK;
}

// ---- single records ----

static result open_for_reading(struct journal *journal, uint64_t number)
{
	if (journal->reading && journal->reading_number == number) {
		return OK;
	}
	disk_close_file(journal->reading);
	journal->reading = NULL;
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(number, name);
	result code = disk_open_file(journal->disk, name, DISK_DURABLE, &journal->reading);
	journal->reading_number = number;
	return code == ERR_NOT_FOUND ? ERR_LEDGER_DAMAGED : code;
}

static result read_exactly(struct journal *journal, uint64_t offset, uint8_t *data, size_t size)
{
	size_t got = 0;
	result code = disk_read(journal->reading, offset, data, size, &got);
	return code == OK && got < size ? ERR_LEDGER_DAMAGED : code;
}

// Reads a record's fixed bytes into memory and finds where its erasable parts lie in the segment.
static result read_fixed(struct journal *journal, uint64_t position, struct buffer *memory,
			 struct journal_record *ret_record, uint64_t *ret_erasable)
{
	uint64_t offset = position & UINT32_MAX;
	uint8_t head[JOURNAL_RECORD_HEAD];
	struct journal_record record;
	result code = open_for_reading(journal, position >> 32);
	if (code == OK) {
		code = read_exactly(journal, offset, head, sizeof head);
	}
	if (code == OK) {
		code = journal_parse_record_head(head, &record);
	}
	if (code != OK) {
		return code;
	}
	if (record.kind != JOURNAL_LEAF || record.offset > offset) {
		return ERR_LEDGER_DAMAGED;
	}
	buffer_clear(memory);
	size_t size = JOURNAL_RECORD_HEAD + record.leaf.size + record.attachment.size;
	uint8_t *bytes = buffer_reserve(memory, size + record.private_size + record.salt_size);
	if (!bytes) {
		return buffer_result(memory);
	}
	uint8_t batch_head[JOURNAL_BATCH_HEAD];
	code = read_exactly(journal, offset, bytes, size);
	if (code == OK) {
		code = journal_check_record(slice_of(bytes, size), &record);
	}
	if (code == OK) {
		code = read_exactly(journal, offset - record.offset, batch_head, sizeof batch_head);
	}
	if (code != OK) {
		return code;
	}
	uint64_t fixed_size = journal_batch_fixed_size(batch_head);
	*ret_erasable = offset - record.offset + (fixed_size + 7) / 8 * 8 + record.erasable_offset;
	*ret_record = record;
	return OK;
}

result journal_read(struct journal *journal, uint64_t position, struct buffer *memory,
		    struct journal_record *ret_record, struct slice *ret_private, struct slice *ret_salt)
{
	struct journal_record record;
	uint64_t erasable = 0;
	result code = read_fixed(journal, position, memory, &record, &erasable);
	if (code != OK) {
		return code;
	}
	size_t parts = record.private_size + record.salt_size;
	uint8_t *to = memory->data + memory->size - parts;
	code = parts > 0 ? read_exactly(journal, erasable, to, parts) : OK;
	if (code != OK) {
		return code;
	}
	struct slice private_part = slice_of(to, record.private_size);
	struct slice salt = slice_of(to + record.private_size, record.salt_size);
	enum journal_part_state private_state = journal_part_state(private_part, record.private_crc);
	enum journal_part_state salt_state = journal_part_state(salt, record.salt_crc);
	if ((ret_private && private_state == JOURNAL_PART_BROKEN) || (ret_salt && salt_state == JOURNAL_PART_BROKEN)) {
		return ERR_LEDGER_DAMAGED;
	}
	if (ret_private) {
		*ret_private = private_state == JOURNAL_PART_KEPT ? private_part : slice_of(NULL, 0);
	}
	if (ret_salt) {
		*ret_salt = salt_state == JOURNAL_PART_KEPT ? salt : slice_of(NULL, 0);
	}
	*ret_record = record;
	return OK;
}

// Zeros in place. The blocks around are read and written again as they are: a torn write leaves them so.
static result erase_range(struct journal *journal, uint64_t offset, size_t size, bool *ret_held)
{
	uint64_t from = offset / JOURNAL_BLOCK * JOURNAL_BLOCK;
	uint64_t to = (offset + size + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK * JOURNAL_BLOCK;
	uint8_t *blocks = aligned_alloc(JOURNAL_BLOCK, to - from);
	if (!blocks) {
		return ERR_MEMORY;
	}
	result code = read_exactly(journal, from, blocks, to - from);
	*ret_held = code == OK && !journal_is_zero(blocks + (offset - from), size);
	if (*ret_held) {
		memset(blocks + (offset - from), 0, size);
		code = disk_write_durable(journal->reading, from, blocks, to - from);
	}
	free(blocks);
	return code;
}

result journal_erase(struct journal *journal, uint64_t position, unsigned parts, uint32_t *ret_erased)
{
	struct buffer memory;
	buffer_init(&memory, JOURNAL_BATCH_MAX);
	struct journal_record record;
	uint64_t erasable = 0;
	uint32_t erased = 0;
	bool held = false;
	result code = read_fixed(journal, position, &memory, &record, &erasable);
	if (code == OK && (parts & JOURNAL_PRIVATE) && record.private_size > 0) {
		code = erase_range(journal, erasable, record.private_size, &held);
		erased += held;
	}
	if (code == OK && (parts & JOURNAL_SALT) && record.salt_size > 0) {
		code = erase_range(journal, erasable + record.private_size, record.salt_size, &held);
		erased += held;
	}
	buffer_release(&memory);
	if (code == OK) {
		*ret_erased = erased;
	}
	return code;
}
