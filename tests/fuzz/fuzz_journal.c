// SPDX-License-Identifier: EUPL-1.2
//
// Blocks of a journal as a damaged or hostile disk holds them: a segment's head, then a batch. The crcs are made right
// first, because chance does not find them and a tamperer would; so everything behind them is reached.
#include "ledger/bytes.h"
#include "ledger/crc32c.h"
#include "ledger/journal_format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_segment(const uint8_t *bytes, size_t size)
{
	uint8_t block[JOURNAL_BLOCK] = { 0 };
	uint8_t again[JOURNAL_BLOCK];
	struct journal_segment_head head;
	memcpy(block, bytes, size < sizeof block ? size : sizeof block);
	memset(block + 16, 0, 4);
	bytes_put32(block + 16, crc32c(0, block, sizeof block));
	if (journal_parse_segment(block, &head) == OK) {
		journal_format_segment(&head, again);
		struct journal_segment_head same;
		assert_always(journal_parse_segment(again, &same) == OK && same.number == head.number);
	}
}

// Makes right every crc that can be found by following the sizes.
static void repair(uint8_t *bytes, const struct journal_batch *batch)
{
	size_t end = batch->fixed_size - batch->note_size;
	size_t offset = JOURNAL_BATCH_HEAD;
	uint32_t crc = 0;
	for (uint32_t i = 0; i < batch->record_count && offset + JOURNAL_RECORD_HEAD <= end; i++) {
		struct journal_record record;
		if (journal_parse_record_head(bytes + offset, &record) != OK) {
			break;
		}
		size_t size = JOURNAL_RECORD_HEAD + record.leaf.size + record.attachment.size;
		if (size > end - offset) {
			break;
		}
		bytes_put32(bytes + offset, crc32c(0, bytes + offset + 4, size - 4));
		crc = crc32c(crc, bytes + offset, 4);
		offset += (size + 7) / 8 * 8;
	}
	crc = crc32c(crc, bytes + 12, JOURNAL_BATCH_HEAD - 12);
	bytes_put32(bytes + 8, crc32c(crc, bytes + end, batch->note_size));
}

static void read_records(const struct journal_batch *batch)
{
	uint32_t cursor = 0;
	uint32_t count = 0;
	struct journal_record record;
	while (journal_next_record(batch, &cursor, &record)) {
		const uint8_t *end = batch->bytes + batch->size;
		size_t area = ((size_t)batch->fixed_size + 7) / 8 * 8 + record.erasable_offset;
		count++;
		assert_always(record.leaf.data + record.leaf.size <= end);
		assert_always(record.attachment.data + record.attachment.size <= end);
		if (record.kind == JOURNAL_LEAF) {
			assert_always(area + record.private_size + record.salt_size <= batch->size);
			journal_part_state(slice_of(batch->bytes + area, record.private_size), record.private_crc);
		}
	}
	assert_always(count == batch->record_count);
}

static void try_batch(const uint8_t *data, size_t size)
{
	struct journal_batch batch;
	uint8_t block[JOURNAL_BLOCK] = { 0 };
	memcpy(block, data, size < sizeof block ? size : sizeof block);
	if (journal_parse_batch_head(block, block + 16, &batch) != OK) {
		return;
	}
	// Exactly as large as it says: reading beyond shows.
	uint8_t *bytes = calloc(1, batch.size);
	assert_always(bytes);
	memcpy(bytes, data, size < batch.size ? size : batch.size);
	batch.bytes = bytes;
	repair(bytes, &batch);
	batch.crc = bytes_get32(bytes + 8);
	if (journal_check_batch(&batch) == OK) {
		read_records(&batch);
		assert_always(journal_batch_note(&batch).size == batch.note_size);
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_segment(data, size);
	try_batch(data, size);
	return 0;
}
