// SPDX-License-Identifier: EUPL-1.2
#include "ledger/journal_format.h"

#include "ledger/bytes.h"
#include "ledger/crc32c.h"

static const char segment_magic[] = "besa-journal/v1\n";
static const char batch_magic[] = "besabat1";

enum { SEGMENT_MAGIC_SIZE = 16, SEGMENT_FIXED = 92, CRC_AT = 8, CRC_FROM = 12 };

static size_t align(size_t size, size_t to)
{
	return (size + to - 1) / to * to;
}

bool journal_is_zero(const uint8_t *data, size_t size)
{
	// Comparing the bytes with themselves one further on is as fast as memcmp.
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

// ---- segment heads ----

static uint32_t segment_crc(const uint8_t block[JOURNAL_BLOCK])
{
	static const uint8_t nothing[4];
	uint32_t crc = crc32c(0, block, SEGMENT_MAGIC_SIZE);
	crc = crc32c(crc, nothing, sizeof nothing);
	return crc32c(crc, block + SEGMENT_MAGIC_SIZE + 4, JOURNAL_BLOCK - SEGMENT_MAGIC_SIZE - 4);
}

void journal_format_segment(const struct journal_segment_head *head, uint8_t block[JOURNAL_BLOCK])
{
	memset(block, 0, JOURNAL_BLOCK);
	memcpy(block, segment_magic, SEGMENT_MAGIC_SIZE);
	bytes_put32(block + 20, head->segment_size);
	bytes_put64(block + 24, head->number);
	memcpy(block + 32, head->salt, JOURNAL_SALT_SIZE);
	bytes_put64(block + 48, head->sequence);
	bytes_put64(block + 56, (uint64_t)head->time_us);
	bytes_put64(block + 64, head->nodes_synced);
	bytes_put32(block + 72, head->previous_crc);
	struct buffer frontier;
	buffer_init(&frontier, MERKLE_FRONTIER_SIZE_MAX);
	merkle_frontier_serialise(&head->frontier, &frontier);
	assert_always(buffer_result(&frontier) == OK);
	size_t origin = strlen(head->origin);
	bytes_put16(block + 76, (uint16_t)origin);
	bytes_put16(block + 78, (uint16_t)frontier.size);
	memcpy(block + SEGMENT_FIXED, head->origin, origin);
	memcpy(block + SEGMENT_FIXED + origin, frontier.data, frontier.size);
	buffer_release(&frontier);
	bytes_put32(block + SEGMENT_MAGIC_SIZE, segment_crc(block));
}

result journal_parse_segment(const uint8_t block[JOURNAL_BLOCK], struct journal_segment_head *ret_head)
{
	if (journal_is_zero(block, JOURNAL_BLOCK)) {
		return ERR_NOT_FOUND;
	}
	struct journal_segment_head head = {
		.segment_size = bytes_get32(block + 20),
		.number = bytes_get64(block + 24),
		.sequence = bytes_get64(block + 48),
		.time_us = (int64_t)bytes_get64(block + 56),
		.nodes_synced = bytes_get64(block + 64),
		.previous_crc = bytes_get32(block + 72),
	};
	size_t origin = bytes_get16(block + 76);
	size_t frontier = bytes_get16(block + 78);
	if (memcmp(block, segment_magic, SEGMENT_MAGIC_SIZE) != 0 ||
	    bytes_get32(block + SEGMENT_MAGIC_SIZE) != segment_crc(block) || origin > IDENTIFIER_ORIGIN_MAX ||
	    frontier > MERKLE_FRONTIER_SIZE_MAX || head.segment_size < JOURNAL_SEGMENT_MIN ||
	    head.segment_size > JOURNAL_SEGMENT_MAX || head.segment_size % JOURNAL_BLOCK != 0 || head.number == 0 ||
	    head.number > UINT32_MAX) {
		return ERR_LEDGER_DAMAGED;
	}
	memcpy(head.salt, block + 32, JOURNAL_SALT_SIZE);
	memcpy(head.origin, block + SEGMENT_FIXED, origin);
	if (!identifier_is_origin(slice_text(head.origin)) ||
	    merkle_frontier_parse(slice_of(block + SEGMENT_FIXED + origin, frontier), &head.frontier) != OK) {
		return ERR_LEDGER_DAMAGED;
	}
	*ret_head = head;
	return OK;
}

// ---- building ----

size_t journal_record_room(size_t leaf, size_t attachment, size_t erasable)
{
	return JOURNAL_RECORD_HEAD + leaf + attachment + 8 + erasable;
}

void journal_builder_begin(struct journal_builder *builder, uint8_t *data, size_t capacity)
{
	builder->data = data;
	builder->capacity = capacity;
	builder->size = JOURNAL_BATCH_HEAD;
	builder->crc_of_records = 0;
	builder->record_count = 0;
	builder->leaf_count = 0;
	builder->erasable_size = 0;
}

static void put_part(uint8_t *at, struct slice part)
{
	bytes_put32(at, (uint32_t)part.size);
	bytes_put32(at + 4, part.size > 0 ? crc32c(0, part.data, part.size) : 0);
}

// Fills the last two fields that every record has, its crc, and counts it in.
static void finish_record(struct journal_builder *builder, uint8_t *head, size_t size, uint64_t sequence)
{
	bytes_put32(head + 44, (uint32_t)(head - builder->data));
	bytes_put64(head + 48, sequence);
	bytes_put32(head, crc32c(0, head + 4, size - 4));
	builder->crc_of_records = crc32c(builder->crc_of_records, head, 4);
	size_t padded = align(size, 8);
	memset(head + size, 0, padded - size);
	builder->size += padded;
	builder->record_count++;
}

static bool has_room(const struct journal_builder *builder, size_t more)
{
	size_t used = builder->size + builder->erasable_size;
	return builder->record_count < JOURNAL_RECORDS_MAX && more <= builder->capacity &&
	       used <= builder->capacity - more;
}

result journal_builder_leaf(struct journal_builder *builder, uint64_t index, uint64_t sequence, struct slice leaf,
			    struct slice attachment, struct slice private_part, struct slice salt, uint32_t *ret_offset)
{
	size_t erasable = private_part.size + salt.size;
	if (leaf.size > JOURNAL_LEAF_MAX || attachment.size > JOURNAL_ATTACHMENT_MAX ||
	    private_part.size > JOURNAL_ERASABLE_MAX || salt.size > JOURNAL_ERASABLE_MAX ||
	    !has_room(builder, journal_record_room(leaf.size, attachment.size, erasable))) {
		return ERR_LIMIT;
	}
	uint8_t *head = builder->data + builder->size;
	bytes_put32(head + 4, JOURNAL_LEAF);
	bytes_put64(head + 8, index);
	bytes_put32(head + 16, (uint32_t)leaf.size);
	bytes_put32(head + 20, (uint32_t)attachment.size);
	put_part(head + 24, private_part);
	put_part(head + 32, salt);
	// Relative to the erasable area, whose place is known only at the end: the parts follow one another.
	bytes_put32(head + 40, (uint32_t)builder->erasable_size);
	memcpy(head + JOURNAL_RECORD_HEAD, leaf.data, leaf.size);
	if (attachment.size > 0) {
		memcpy(head + JOURNAL_RECORD_HEAD + leaf.size, attachment.data, attachment.size);
	}
	builder->erasable[builder->record_count].private_part = private_part;
	builder->erasable[builder->record_count].salt = salt;
	builder->erasable_size += erasable;
	builder->leaf_count++;
	*ret_offset = (uint32_t)builder->size;
	finish_record(builder, head, JOURNAL_RECORD_HEAD + leaf.size + attachment.size, sequence);
	return OK;
}

result journal_builder_erasure(struct journal_builder *builder, uint64_t position, unsigned parts, uint64_t sequence)
{
	if (!has_room(builder, journal_record_room(0, 0, 0))) {
		return ERR_LIMIT;
	}
	uint8_t *head = builder->data + builder->size;
	memset(head, 0, JOURNAL_RECORD_HEAD);
	head[4] = JOURNAL_ERASURE;
	head[5] = (uint8_t)parts;
	bytes_put64(head + 8, position);
	builder->erasable[builder->record_count].private_part = slice_of(NULL, 0);
	builder->erasable[builder->record_count].salt = slice_of(NULL, 0);
	finish_record(builder, head, JOURNAL_RECORD_HEAD, sequence);
	return OK;
}

static uint8_t *put_slice(uint8_t *at, struct slice bytes)
{
	if (bytes.size > 0) {
		memcpy(at, bytes.data, bytes.size);
	}
	return at + bytes.size;
}

static void format_batch_head(const struct journal_batch *batch, const uint8_t salt[JOURNAL_SALT_SIZE], uint8_t *head)
{
	memset(head, 0, JOURNAL_BATCH_HEAD);
	memcpy(head, batch_magic, 8);
	bytes_put32(head + 12, batch->previous_crc);
	memcpy(head + 16, salt, JOURNAL_SALT_SIZE);
	bytes_put64(head + 32, batch->sequence);
	bytes_put64(head + 40, batch->first_index);
	bytes_put32(head + 48, batch->leaf_count);
	bytes_put32(head + 52, batch->record_count);
	bytes_put32(head + 56, batch->flags);
	bytes_put32(head + 60, batch->size);
	bytes_put32(head + 64, batch->fixed_size);
	bytes_put32(head + 68, batch->note_size);
	bytes_put64(head + 72, (uint64_t)batch->time_us);
	memcpy(head + 80, batch->root, DIGEST_SIZE);
	bytes_put32(head + 112, batch->erasable_size);
}

static uint32_t batch_crc(uint32_t crc_of_records, const uint8_t *head, struct slice note)
{
	uint32_t crc = crc32c(crc_of_records, head + CRC_FROM, JOURNAL_BATCH_HEAD - CRC_FROM);
	return crc32c(crc, note.data, note.size);
}

result journal_builder_end(struct journal_builder *builder, struct journal_batch *batch,
			   const uint8_t salt[JOURNAL_SALT_SIZE], struct slice note)
{
	size_t fixed = builder->size + note.size;
	size_t size = align(align(fixed, 8) + builder->erasable_size, JOURNAL_BLOCK);
	if (note.size > JOURNAL_NOTE_MAX || size > builder->capacity) {
		return ERR_LIMIT;
	}
	uint8_t *at = put_slice(builder->data + builder->size, note);
	memset(at, 0, align(fixed, 8) - fixed);
	at = builder->data + align(fixed, 8);
	for (uint32_t i = 0; builder->erasable_size > 0 && i < builder->record_count; i++) {
		at = put_slice(at, builder->erasable[i].private_part);
		at = put_slice(at, builder->erasable[i].salt);
	}
	memset(at, 0, size - (size_t)(at - builder->data));

	batch->leaf_count = builder->leaf_count;
	batch->record_count = builder->record_count;
	batch->size = (uint32_t)size;
	batch->fixed_size = (uint32_t)fixed;
	batch->note_size = (uint32_t)note.size;
	batch->erasable_size = (uint32_t)builder->erasable_size;
	batch->bytes = builder->data;
	format_batch_head(batch, salt, builder->data);
	batch->crc = batch_crc(builder->crc_of_records, builder->data, note);
	bytes_put32(builder->data + CRC_AT, batch->crc);
	return OK;
}

// ---- reading ----

result journal_parse_batch_head(const uint8_t block[JOURNAL_BLOCK], const uint8_t salt[JOURNAL_SALT_SIZE],
				struct journal_batch *ret_batch)
{
	if (journal_is_zero(block, JOURNAL_BLOCK)) {
		return ERR_NOT_FOUND;
	}
	struct journal_batch batch = {
		.crc = bytes_get32(block + CRC_AT),
		.previous_crc = bytes_get32(block + 12),
		.sequence = bytes_get64(block + 32),
		.first_index = bytes_get64(block + 40),
		.leaf_count = bytes_get32(block + 48),
		.record_count = bytes_get32(block + 52),
		.flags = bytes_get32(block + 56),
		.size = bytes_get32(block + 60),
		.fixed_size = bytes_get32(block + 64),
		.note_size = bytes_get32(block + 68),
		.time_us = (int64_t)bytes_get64(block + 72),
		.erasable_size = bytes_get32(block + 112),
	};
	memcpy(batch.root, block + 80, DIGEST_SIZE);
	bool sized = batch.size % JOURNAL_BLOCK == 0 && batch.size <= JOURNAL_BATCH_MAX &&
		     batch.fixed_size <= batch.size && batch.erasable_size <= batch.size &&
		     align(align((size_t)batch.fixed_size, 8) + batch.erasable_size, JOURNAL_BLOCK) == batch.size &&
		     batch.fixed_size >= JOURNAL_BATCH_HEAD && batch.note_size <= JOURNAL_NOTE_MAX &&
		     batch.note_size <= batch.fixed_size - JOURNAL_BATCH_HEAD;
	if (memcmp(block, batch_magic, 8) != 0 || memcmp(block + 16, salt, JOURNAL_SALT_SIZE) != 0 || !sized ||
	    batch.record_count > JOURNAL_RECORDS_MAX || batch.leaf_count > batch.record_count ||
	    batch.first_index > MERKLE_SIZE_MAX - JOURNAL_RECORDS_MAX ||
	    !journal_is_zero(block + 116, JOURNAL_BATCH_HEAD - 116)) {
		return ERR_LEDGER_DAMAGED;
	}
	*ret_batch = batch;
	return OK;
}

result journal_parse_record_head(const uint8_t head[JOURNAL_RECORD_HEAD], struct journal_record *ret_record)
{
	struct journal_record record = {
		.kind = head[4],
		.parts = head[5],
		.leaf.size = bytes_get32(head + 16),
		.attachment.size = bytes_get32(head + 20),
		.private_size = bytes_get32(head + 24),
		.private_crc = bytes_get32(head + 28),
		.salt_size = bytes_get32(head + 32),
		.salt_crc = bytes_get32(head + 36),
		.erasable_offset = bytes_get32(head + 40),
		.offset = bytes_get32(head + 44),
		.sequence = bytes_get64(head + 48),
	};
	bool leaf = record.kind == JOURNAL_LEAF;
	*(leaf ? &record.index : &record.position) = bytes_get64(head + 8);
	size_t sizes = record.leaf.size | record.attachment.size | record.private_size | record.salt_size;
	if ((!leaf && record.kind != JOURNAL_ERASURE) || (leaf ? record.parts != 0 : sizes != 0) || head[6] != 0 ||
	    head[7] != 0 || record.leaf.size > JOURNAL_LEAF_MAX || record.attachment.size > JOURNAL_ATTACHMENT_MAX ||
	    record.private_size > JOURNAL_ERASABLE_MAX || record.salt_size > JOURNAL_ERASABLE_MAX) {
		return ERR_LEDGER_DAMAGED;
	}
	*ret_record = record;
	return OK;
}

static size_t record_size(const struct journal_record *record)
{
	return JOURNAL_RECORD_HEAD + record->leaf.size + record->attachment.size;
}

result journal_check_record(struct slice bytes, struct journal_record *record)
{
	size_t size = record_size(record);
	if (bytes.size < size || bytes_get32(bytes.data) != crc32c(0, bytes.data + 4, size - 4)) {
		return ERR_LEDGER_DAMAGED;
	}
	record->leaf.data = bytes.data + JOURNAL_RECORD_HEAD;
	record->attachment.data = record->leaf.data + record->leaf.size;
	return OK;
}

// A record at an offset below `end`, checked against its own crc and its place.
static result check_at(const struct journal_batch *batch, size_t offset, size_t end, struct journal_record *ret_record)
{
	if (end - offset < JOURNAL_RECORD_HEAD || journal_parse_record_head(batch->bytes + offset, ret_record) != OK ||
	    record_size(ret_record) > end - offset) {
		return ERR_LEDGER_DAMAGED;
	}
	result code = journal_check_record(slice_of(batch->bytes + offset, end - offset), ret_record);
	bool placed = ret_record->offset == offset && ret_record->sequence == batch->sequence;
	return code == OK && placed ? OK : ERR_LEDGER_DAMAGED;
}

result journal_check_batch(const struct journal_batch *batch)
{
	size_t end = batch->fixed_size - batch->note_size;
	size_t offset = JOURNAL_BATCH_HEAD;
	size_t erasable = 0;
	uint32_t crc = 0;
	uint32_t leaves = 0;
	for (uint32_t i = 0; i < batch->record_count; i++) {
		struct journal_record record;
		if (offset > end || check_at(batch, offset, end, &record) != OK) {
			return ERR_LEDGER_DAMAGED;
		}
		if (record.kind == JOURNAL_LEAF &&
		    (record.index != batch->first_index + leaves++ || record.erasable_offset != erasable)) {
			return ERR_LEDGER_DAMAGED;
		}
		erasable += record.private_size + record.salt_size;
		crc = crc32c(crc, batch->bytes + offset, 4);
		size_t size = record_size(&record);
		size_t padded = align(size, 8);
		if (padded > end - offset || !journal_is_zero(batch->bytes + offset + size, padded - size)) {
			return ERR_LEDGER_DAMAGED;
		}
		offset += padded;
	}
	size_t area = align(batch->fixed_size, 8);
	bool whole = offset == end && leaves == batch->leaf_count && erasable == batch->erasable_size &&
		     journal_is_zero(batch->bytes + batch->fixed_size, area - batch->fixed_size) &&
		     journal_is_zero(batch->bytes + area + erasable, batch->size - area - erasable) &&
		     batch_crc(crc, batch->bytes, journal_batch_note(batch)) == batch->crc;
	return whole ? OK : ERR_LEDGER_DAMAGED;
}

bool journal_next_record(const struct journal_batch *batch, uint32_t *cursor, struct journal_record *ret_record)
{
	size_t offset = *cursor == 0 ? JOURNAL_BATCH_HEAD : *cursor;
	if (offset >= batch->fixed_size - batch->note_size) {
		return false;
	}
	const uint8_t *head = batch->bytes + offset;
	if (journal_parse_record_head(head, ret_record) != OK) {
		return false;
	}
	ret_record->leaf.data = head + JOURNAL_RECORD_HEAD;
	ret_record->attachment.data = ret_record->leaf.data + ret_record->leaf.size;
	*cursor = (uint32_t)(offset + align(record_size(ret_record), 8));
	return true;
}

enum journal_part_state journal_part_state(struct slice bytes, uint32_t crc)
{
	if (bytes.size == 0) {
		return JOURNAL_PART_NONE;
	}
	if (journal_is_zero(bytes.data, bytes.size)) {
		return JOURNAL_PART_ERASED;
	}
	return crc32c(0, bytes.data, bytes.size) == crc ? JOURNAL_PART_KEPT : JOURNAL_PART_BROKEN;
}

uint32_t journal_batch_fixed_size(const uint8_t head[JOURNAL_BATCH_HEAD])
{
	return bytes_get32(head + 64);
}

struct slice journal_batch_note(const struct journal_batch *batch)
{
	return slice_of(batch->bytes + batch->fixed_size - batch->note_size, batch->note_size);
}
