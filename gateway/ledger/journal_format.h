// SPDX-License-Identifier: EUPL-1.2
//
// The bytes of the journal (DESIGN.md, "Journal format"; a contract): making and reading of segment heads, batches and
// records. No files here: parsers take bytes of a disk and trust nothing in them.
//
// All integers are little-endian; a CRC is CRC-32C.
//
//   segment   head (one block), batches, zeros up to the segment's size
//   head      "besa-journal/v1\n", u32 crc of the block with this field zero, u32 segment size, u64 number, 16 bytes
//   salt,
//             u64 sequence of the first batch, i64 time of the last record before, u64 leaves whose nodes were synced,
//             u32 crc of the last batch of the segment before, u16 origin size, u16 frontier size, origin, frontier,
//             zeros
//   batch     whole blocks: head (128 bytes), records (each at a multiple of 8), note, at the next multiple of 8 the
//             erasable parts one after another, zeros
//   batch head  "besabat1", u32 crc, u32 crc of the batch before, 16 bytes salt of the segment, u64 sequence, u64
//   leaves before,
//             u32 leaves, u32 records, u32 flags, u32 size, u32 fixed size (head, records, note), u32 note size, i64
//             time, 32 bytes root of the tree after, u32 erasable size, 12 zeros. The crc covers each record's crc, the
//             head from the second crc on, the note
//   record    u32 crc of the rest up to the attachment's end, u8 kind, u8 parts, u16 0, u64 index (erasure: position of
//   the record),
//             u32 leaf size, u32 attachment size, u32 private size, u32 private crc, u32 salt size, u32 salt crc,
//             u32 offset of its parts in the erasable area, u32 offset of the record in the batch, u64 sequence; leaf,
//             attachment
//
// An erasable part is all zeros (erased) or has its crc. It lies outside every other crc, so that erasing changes
// nothing else.
#ifndef BESA_LEDGER_JOURNAL_FORMAT_H
#define BESA_LEDGER_JOURNAL_FORMAT_H

#include "base/disk.h"
#include "base/identifier.h"
#include "crypto/merkle.h"

enum {
	JOURNAL_BLOCK = DISK_BLOCK_SIZE,
	JOURNAL_SEGMENT_SIZE = 16 * 1024 * 1024,
	JOURNAL_SEGMENT_MIN = 64 * 1024,
	JOURNAL_SEGMENT_MAX = 256 * 1024 * 1024,
	JOURNAL_BATCH_MAX = 2 * 1024 * 1024, // one write; bounds what a torn one can leave
	JOURNAL_BATCH_HEAD = 128,
	JOURNAL_RECORD_HEAD = 56,
	JOURNAL_SALT_SIZE = 16,
	JOURNAL_RECORDS_MAX = 8192, // of one batch, erasures included
	JOURNAL_LEAF_MAX = 65535,
	JOURNAL_ATTACHMENT_MAX = 128 * 1024,
	JOURNAL_ERASABLE_MAX = 64 * 1024, // one part
	JOURNAL_NOTE_MAX = 16 * 1024,
};

// Flags of a batch.
enum {
	JOURNAL_SETTLE = 1, // holds a published checkpoint and no leaf: all before it was synced
	JOURNAL_CLEAN = 2,  // last of a session that ended in order
};

struct journal_segment_head {
	uint32_t segment_size;
	uint64_t number; // from 1
	uint8_t salt[JOURNAL_SALT_SIZE];
	uint64_t sequence;
	int64_t time_us;
	uint64_t nodes_synced;
	uint32_t previous_crc;
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	struct merkle_frontier frontier;
};

// Writes the block.
void journal_format_segment(const struct journal_segment_head *head, uint8_t block[JOURNAL_BLOCK]);

// ERR_NOT_FOUND: the block is all zeros (not used yet); ERR_LEDGER_DAMAGED.
result journal_parse_segment(const uint8_t block[JOURNAL_BLOCK], struct journal_segment_head *ret_head);

// ---- batches ----

struct journal_batch {
	uint32_t crc;
	uint32_t previous_crc;
	uint64_t sequence;
	uint64_t first_index;
	uint32_t leaf_count;
	uint32_t record_count;
	uint32_t flags;
	uint32_t size;
	uint32_t fixed_size;
	uint32_t note_size;
	uint32_t erasable_size;
	int64_t time_us;
	uint8_t root[DIGEST_SIZE];
	const uint8_t *bytes; // `size` bytes
};

enum journal_kind { JOURNAL_LEAF = 1, JOURNAL_ERASURE = 2 };

// Which erasable parts an erasure is about.
enum { JOURNAL_PRIVATE = 1, JOURNAL_SALT = 2 };

enum journal_part_state { JOURNAL_PART_NONE, JOURNAL_PART_KEPT, JOURNAL_PART_ERASED, JOURNAL_PART_BROKEN };

struct journal_record {
	enum journal_kind kind;
	uint8_t parts;     // of an erasure
	uint64_t index;    // of a leaf
	uint64_t position; // of the record that an erasure is about
	struct slice leaf;
	struct slice attachment;
	uint32_t private_size, private_crc;
	uint32_t salt_size, salt_crc;
	uint32_t erasable_offset; // in the erasable area: private part, then salt
	uint32_t offset;          // of the record in its batch
	uint64_t sequence;        // of its batch
};

// Where a record stands in a shard: segment number, offset in the segment.
static inline uint64_t journal_position(uint64_t segment, uint64_t offset)
{
	return segment << 32 | offset;
}

// Building one batch in memory of `capacity` bytes (multiple of the block).
struct journal_builder {
	uint8_t *data;
	size_t capacity;
	size_t size; // of head and records so far
	uint32_t crc_of_records;
	uint32_t record_count, leaf_count;
	size_t erasable_size;
	struct {
		struct slice private_part, salt;
	} erasable[JOURNAL_RECORDS_MAX];
};

// The bytes that a record takes at most, for planning.
size_t journal_record_room(size_t leaf, size_t attachment, size_t erasable);

void journal_builder_begin(struct journal_builder *builder, uint8_t *data, size_t capacity);

// Adds a leaf record and gives its offset in the batch. `leaf` and `attachment` are copied, the erasable parts borrowed
// until the end. ERR_LIMIT.
result journal_builder_leaf(struct journal_builder *builder, uint64_t index, uint64_t sequence, struct slice leaf,
			    struct slice attachment, struct slice private_part, struct slice salt,
			    uint32_t *ret_offset);

// Adds an erasure mark. ERR_LIMIT.
result journal_builder_erasure(struct journal_builder *builder, uint64_t position, unsigned parts, uint64_t sequence);

// Closes the batch; counts, sizes and crc of `batch` are filled in. ERR_LIMIT.
result journal_builder_end(struct journal_builder *builder, struct journal_batch *batch,
			   const uint8_t salt[JOURNAL_SALT_SIZE], struct slice note);

// Reads a batch's head from `block`, judging all but its crc: whether it can be one, and its size. ERR_NOT_FOUND: all
// zeros; ERR_LEDGER_DAMAGED.
result journal_parse_batch_head(const uint8_t block[JOURNAL_BLOCK], const uint8_t salt[JOURNAL_SALT_SIZE],
				struct journal_batch *ret_batch);

// Checks the whole batch whose head was parsed and whose `bytes` are set: crcs, layout, padding; not the erasable
// parts. ERR_LEDGER_DAMAGED.
result journal_check_batch(const struct journal_batch *batch);

// The records of a checked batch, one after another; *cursor starts at 0. False after the last.
bool journal_next_record(const struct journal_batch *batch, uint32_t *cursor, struct journal_record *ret_record);

// Parses one record's head from its first bytes (JOURNAL_RECORD_HEAD), without its crc: to learn its size.
result journal_parse_record_head(const uint8_t head[JOURNAL_RECORD_HEAD], struct journal_record *ret_record);

// Checks the crc of a record whose bytes (head, leaf, attachment) are all there and sets its slices.
// ERR_LEDGER_DAMAGED.
result journal_check_record(struct slice bytes, struct journal_record *record);

// What a part is: `bytes` has its size.
enum journal_part_state journal_part_state(struct slice bytes, uint32_t crc);

// The fixed size that a batch's head says, of a batch that was checked before.
uint32_t journal_batch_fixed_size(const uint8_t head[JOURNAL_BATCH_HEAD]);

struct slice journal_batch_note(const struct journal_batch *batch);

bool journal_is_zero(const uint8_t *data, size_t size);

#endif
