// SPDX-License-Identifier: EUPL-1.2
#include "ledger/journal_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char name_prefix[] = "segment-";

void journal_segment_name(uint64_t number, char name[JOURNAL_NAME_SIZE])
{
	snprintf(name, JOURNAL_NAME_SIZE, "%s%08" PRIx64, name_prefix, number);
}

// ---- segments ----

struct listing {
	uint64_t count;
	uint64_t greatest;
};

static result list_name(void *context, const char *name)
{
	struct listing *listing = context;
	char *end = NULL;
	if (strncmp(name, name_prefix, sizeof name_prefix - 1) != 0) {
		return OK;
	}
	uint64_t number = strtoull(name + sizeof name_prefix - 1, &end, 16);
	char canonical[JOURNAL_NAME_SIZE];
	journal_segment_name(number, canonical);
	if (strcmp(canonical, name) != 0 || number == 0) {
		return OK;
	}
	listing->count++;
	if (number > listing->greatest) {
		listing->greatest = number;
	}
	return OK;
}

result journal_walk_open(struct journal_walk *walk, struct disk *disk, struct fault *fault)
{
	*walk = (struct journal_walk){ .disk = disk };
	struct listing listing = { 0 };
	result code = disk_list(disk, list_name, &listing);
	if (code != OK) {
		return fault_set(fault, code, "cannot list the journal: %s", result_text(code));
	}
	if (listing.count != listing.greatest) {
		return fault_set(fault, ERR_LEDGER_DAMAGED,
				 "the journal has %" PRIu64 " segments, the last is number %" PRIu64, listing.count,
				 listing.greatest);
	}
	walk->segments = listing.greatest;
	walk->memory = malloc(JOURNAL_BATCH_MAX);
	return walk->memory ? OK : fault_set(fault, ERR_MEMORY, "out of memory");
}

void journal_walk_close(struct journal_walk *walk)
{
	disk_close_file(walk->file);
	free(walk->memory);
	walk->file = NULL;
	walk->memory = NULL;
}

// Reads whole blocks; what a short file lacks counts as zeros (a segment being prewritten).
static result read_blocks(struct disk_file *file, uint64_t offset, uint8_t *data, size_t size)
{
	size_t got = 0;
	result code = disk_read(file, offset, data, size, &got);
	if (code == OK) {
		memset(data + got, 0, size - got);
	}
	return code;
}

static result open_segment(struct journal_walk *walk, uint64_t number, struct disk_file **ret_file,
			   struct journal_segment_head *ret_head)
{
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(number, name);
	struct disk_file *file = NULL;
	uint8_t block[JOURNAL_BLOCK];
	struct journal_segment_head head;
	result code = disk_open_file(walk->disk, name, DISK_READ, &file);
	if (code == OK) {
		code = read_blocks(file, 0, block, sizeof block);
	}
	if (code == OK) {
		code = journal_parse_segment(block, &head);
	}
	if (code == OK && head.number != number) {
		code = ERR_LEDGER_DAMAGED;
	}
	if (code != OK) {
		disk_close_file(file);
		return code;
	}
	// A live ledger adds segments.
	walk->segments = number > walk->segments ? number : walk->segments;
	*ret_file = file;
	*ret_head = head;
	return OK;
}

result journal_walk_head(struct journal_walk *walk, uint64_t number, struct journal_segment_head *ret_head)
{
	struct disk_file *file = NULL;
	result code = open_segment(walk, number, &file, ret_head);
	if (code == OK) {
		disk_close_file(file);
	}
	return code;
}

// Makes `file` the present segment.
static void enter(struct journal_walk *walk, uint64_t number, struct disk_file *file,
		  const struct journal_segment_head *head)
{
	disk_close_file(walk->file);
	walk->file = file;
	walk->number = number;
	walk->head = *head;
	walk->offset = JOURNAL_BLOCK;
	walk->entered = true;
}

// ---- what lies behind the last batch ----

// Reads a whole batch at an offset of a file and judges everything but its place in the chain.
static result read_batch(struct disk_file *file, uint64_t offset, uint32_t segment_size,
			 const uint8_t salt[JOURNAL_SALT_SIZE], uint8_t *memory, struct journal_batch *ret_batch)
{
	if (offset + JOURNAL_BLOCK > segment_size) {
		return ERR_NOT_FOUND;
	}
	result code = read_blocks(file, offset, memory, JOURNAL_BLOCK);
	if (code == OK) {
		// Without a salt to compare with, the batch's own.
		code = journal_parse_batch_head(memory, salt ? salt : memory + 16, ret_batch);
	}
	if (code == OK && ret_batch->size > segment_size - offset) {
		code = ERR_LEDGER_DAMAGED;
	}
	if (code == OK && ret_batch->size > JOURNAL_BLOCK) {
		code =
		    read_blocks(file, offset + JOURNAL_BLOCK, memory + JOURNAL_BLOCK, ret_batch->size - JOURNAL_BLOCK);
	}
	if (code == OK) {
		ret_batch->bytes = memory;
		code = journal_check_batch(ret_batch);
	}
	return code;
}

// Where bytes other than zero lie from an offset to the end of a segment's file; empty range: none.
static result find_remains(struct disk_file *file, uint64_t from, uint8_t *memory, uint64_t *ret_first,
			   uint64_t *ret_end)
{
	*ret_first = 0;
	*ret_end = 0;
	size_t got = 0;
	for (uint64_t offset = from;; offset += got) {
		result code = disk_read(file, offset, memory, JOURNAL_BATCH_MAX, &got);
		if (code != OK || got == 0) {
			return code;
		}
		if (journal_is_zero(memory, got)) {
			continue;
		}
		for (size_t at = 0; at < got; at += JOURNAL_BLOCK) {
			size_t size = got - at < JOURNAL_BLOCK ? got - at : JOURNAL_BLOCK;
			if (!journal_is_zero(memory + at, size)) {
				*ret_first = *ret_end == 0 ? offset + at : *ret_first;
				*ret_end = offset + at + JOURNAL_BLOCK;
			}
		}
	}
}

// Whether the remains after the last batch are what one torn write leaves: within its reach, and nothing valid after
// the place where it began.
static result judge_remains(struct journal_walk *walk, struct disk_file *file, uint64_t number, uint64_t from,
			    uint32_t segment_size, const uint8_t *salt, struct fault *fault)
{
	uint64_t first = 0;
	uint64_t end = 0;
	result code = find_remains(file, from, walk->memory, &first, &end);
	if (code != OK || end == 0) {
		return code;
	}
	uint64_t reach = from + JOURNAL_BATCH_MAX + (from == 0 ? JOURNAL_BLOCK : 0);
	if (end > reach || end > segment_size) {
		return fault_set(fault, ERR_LEDGER_DAMAGED,
				 "segment %" PRIu64 ": what lies at %" PRIu64
				 " is too far from the last batch at %" PRIu64,
				 number, end - JOURNAL_BLOCK, from);
	}
	// A torn first write of a segment may have left its batch whole, but not its head: that batch is the torn one.
	for (uint64_t offset = from + (from == 0 ? 2 : 1) * JOURNAL_BLOCK; offset < end; offset += JOURNAL_BLOCK) {
		struct journal_batch batch;
		code = read_batch(file, offset, segment_size, salt, walk->memory, &batch);
		if (code == OK && batch.sequence >= walk->sequence) {
			return fault_set(fault, ERR_LEDGER_DAMAGED,
					 "segment %" PRIu64 ": a batch before offset %" PRIu64
					 " is damaged, a later one stands",
					 number, offset);
		}
		if (code == ERR_IO) {
			return code;
		}
	}
	walk->torn = true;
	walk->torn_segment = number;
	walk->torn_from = from;
	walk->torn_to = end;
	return OK;
}

// Whether every segment from `number` on is unused.
static result rest_is_unused(struct journal_walk *walk, uint64_t number, bool *ret_unused)
{
	*ret_unused = true;
	for (; number <= walk->segments && *ret_unused; number++) {
		char name[JOURNAL_NAME_SIZE];
		journal_segment_name(number, name);
		struct disk_file *file = NULL;
		result code = disk_open_file(walk->disk, name, DISK_READ, &file);
		uint64_t first = 0;
		uint64_t end = 0;
		if (code == OK) {
			code = find_remains(file, 0, walk->memory, &first, &end);
		}
		disk_close_file(file);
		if (code != OK) {
			return code;
		}
		*ret_unused = end == 0;
	}
	return OK;
}

// Segment 1 without a head: nothing was ever written, or the very first write was torn.
static result judge_beginning(struct journal_walk *walk, struct fault *fault)
{
	bool unused = false;
	result code = rest_is_unused(walk, 2, &unused);
	if (code == OK && !unused) {
		return fault_set(fault, ERR_LEDGER_DAMAGED, "the head of the first segment is damaged");
	}
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(1, name);
	struct disk_file *file = NULL;
	walk->sequence = 1;
	if (code == OK) {
		code = disk_open_file(walk->disk, name, DISK_READ, &file);
	}
	if (code == OK) {
		code = judge_remains(walk, file, 1, 0, JOURNAL_SEGMENT_MAX, NULL, fault);
	}
	disk_close_file(file);
	return code == OK ? ERR_NOT_FOUND : code;
}

result journal_walk_seek(struct journal_walk *walk, uint64_t number, struct fault *fault)
{
	struct disk_file *file = NULL;
	struct journal_segment_head head;
	walk->torn = false;
	result code = open_segment(walk, number, &file, &head);
	if (number == 1 && walk->segments > 0 && (code == ERR_NOT_FOUND || code == ERR_LEDGER_DAMAGED)) {
		return judge_beginning(walk, fault);
	}
	if (code != OK) {
		return fault_set(fault, code, "segment %" PRIu64 ": its head cannot be used: %s", number,
				 result_text(code));
	}
	enter(walk, number, file, &head);
	walk->sequence = head.sequence;
	walk->leaves = head.frontier.size;
	walk->crc = head.previous_crc;
	walk->time_us = head.time_us;
	return OK;
}

// The journal ends in this segment, or in a first write to the next one that was torn.
static result at_end(struct journal_walk *walk, bool next_is_torn, struct fault *fault)
{
	bool unused = false;
	result code = rest_is_unused(walk, walk->number + (next_is_torn ? 2 : 1), &unused);
	if (code != OK) {
		return code;
	}
	if (!unused) {
		return fault_set(fault, ERR_LEDGER_DAMAGED,
				 "segment %" PRIu64 ": records end here, but a later segment has some", walk->number);
	}
	if (!next_is_torn) {
		code = judge_remains(walk, walk->file, walk->number, walk->offset, walk->head.segment_size,
				     walk->head.salt, fault);
		return code == OK ? ERR_NOT_FOUND : code;
	}
	char name[JOURNAL_NAME_SIZE];
	journal_segment_name(walk->number + 1, name);
	struct disk_file *file = NULL;
	code = disk_open_file(walk->disk, name, DISK_READ, &file);
	if (code == OK) {
		code = judge_remains(walk, file, walk->number + 1, 0, walk->head.segment_size, NULL, fault);
	}
	disk_close_file(file);
	return code == OK ? ERR_NOT_FOUND : code;
}

// No batch at the present offset: go on in the next segment, or end.
static result next_segment(struct journal_walk *walk, struct fault *fault)
{
	struct disk_file *file = NULL;
	struct journal_segment_head head;
	result code = open_segment(walk, walk->number + 1, &file, &head);
	if (code == ERR_NOT_FOUND) {
		// An unused segment, or one whose head alone did not reach the disk.
		bool unused = false;
		code = rest_is_unused(walk, walk->number + 1, &unused);
		return code == OK ? at_end(walk, !unused, fault) : code;
	}
	if (code != OK && code != ERR_LEDGER_DAMAGED) {
		return code;
	}
	uint64_t first = 0;
	uint64_t end = 0;
	result scanned = find_remains(walk->file, walk->offset, walk->memory, &first, &end);
	if (scanned != OK || end != 0) {
		disk_close_file(file);
		return scanned != OK
			   ? scanned
			   : fault_set(fault, ERR_LEDGER_DAMAGED,
				       "segment %" PRIu64 ": damaged at offset %" PRIu64 ", later segments stand",
				       walk->number, first);
	}
	if (code == ERR_LEDGER_DAMAGED) {
		return at_end(walk, true, fault);
	}
	if (head.sequence != walk->sequence || head.previous_crc != walk->crc || head.frontier.size != walk->leaves ||
	    strcmp(head.origin, walk->head.origin) != 0) {
		disk_close_file(file);
		return fault_set(fault, ERR_LEDGER_DAMAGED, "segment %" PRIu64 " does not follow from the one before",
				 walk->number + 1);
	}
	enter(walk, walk->number + 1, file, &head);
	return OK;
}

// Whether every erasable part of a batch is as it was written.
static bool parts_are_whole(const struct journal_batch *batch)
{
	const uint8_t *area = batch->bytes + ((size_t)batch->fixed_size + 7) / 8 * 8;
	uint32_t cursor = 0;
	struct journal_record record;
	while (journal_next_record(batch, &cursor, &record)) {
		const uint8_t *at = area + record.erasable_offset;
		enum journal_part_state states[] = {
			journal_part_state(slice_of(at, record.private_size), record.private_crc),
			journal_part_state(slice_of(at + record.private_size, record.salt_size), record.salt_crc),
		};
		for (int i = 0; i < 2; i++) {
			if (states[i] != JOURNAL_PART_NONE && states[i] != JOURNAL_PART_KEPT) {
				return false;
			}
		}
	}
	return true;
}

// Whether another batch was begun after this one, which is done only when this one was synced.
static result is_followed(struct journal_walk *walk, const struct journal_batch *batch, bool *ret_followed)
{
	uint8_t block[JOURNAL_BLOCK];
	struct journal_batch next;
	struct journal_segment_head head;
	uint64_t offset = walk->offset + batch->size;
	*ret_followed = false;
	if (offset + JOURNAL_BLOCK <= walk->head.segment_size) {
		result code = read_blocks(walk->file, offset, block, sizeof block);
		if (code != OK) {
			return code;
		}
		*ret_followed = journal_parse_batch_head(block, walk->head.salt, &next) == OK &&
				next.sequence == batch->sequence + 1 && next.previous_crc == batch->crc;
	}
	if (!*ret_followed && journal_walk_head(walk, walk->number + 1, &head) == OK) {
		*ret_followed = head.sequence == batch->sequence + 1 && head.previous_crc == batch->crc;
	}
	return OK;
}

// The crc of a batch leaves its erasable parts out, so a torn write may look whole but for them. They are erased only
// after a mark in a later batch: in the last batch, parts that are not whole mean a torn write.
static result is_torn(struct journal_walk *walk, const struct journal_batch *batch, bool *ret_torn)
{
	bool followed = true;
	result code = OK;
	if (batch->erasable_size > 0 && !parts_are_whole(batch)) {
		code = is_followed(walk, batch, &followed);
	}
	*ret_torn = !followed;
	return code;
}

result journal_walk_next(struct journal_walk *walk, struct journal_batch *ret_batch, struct fault *fault)
{
	for (;;) {
		walk->entered = walk->offset == JOURNAL_BLOCK;
		struct journal_batch batch;
		result code = read_batch(walk->file, walk->offset, walk->head.segment_size, walk->head.salt,
					 walk->memory, &batch);
		if (code == ERR_IO || code == ERR_MEMORY) {
			return fault_set(fault, code, "segment %" PRIu64 ": cannot be read", walk->number);
		}
		if (code == OK) {
			if (batch.sequence != walk->sequence || batch.previous_crc != walk->crc ||
			    batch.first_index != walk->leaves || batch.time_us < walk->time_us) {
				return fault_set(fault, ERR_LEDGER_DAMAGED,
						 "segment %" PRIu64 ": the batch at %" PRIu64
						 " does not follow from the one before",
						 walk->number, walk->offset);
			}
			bool torn = false;
			code = is_torn(walk, &batch, &torn);
			if (code != OK || torn) {
				return code != OK ? code : at_end(walk, false, fault);
			}
			walk->offset += batch.size;
			walk->sequence++;
			walk->leaves += batch.leaf_count;
			walk->crc = batch.crc;
			walk->time_us = batch.time_us;
			*ret_batch = batch;
			return OK;
		}
		uint64_t number = walk->number;
		code = next_segment(walk, fault);
		if (code != OK) {
			return code;
		}
		assert_always(walk->number == number + 1);
	}
}
