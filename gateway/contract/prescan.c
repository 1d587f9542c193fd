// SPDX-License-Identifier: EUPL-1.2
//
// Follows protobuf_c_message_unpack (protobuf-c 1.4 and 1.5) allocation by allocation. Where the exact size is not
// known in one pass the estimate is above it: packed bools (the library reserves an element a byte) are exact, the
// array of unknown fields is rounded up. tests/unit/contract/prescan_test.c holds the estimate against a counting
// allocator.
#include "contract/prescan.h"

#include <limits.h>

#include "base/text.h"
#include "contract/field.h"
#include "contract/wireformat.h"

const struct prescan_limits prescan_default_limits = { .depth = PRESCAN_DEPTH_MAX,
						       .fields = 1000000,
						       .memory = 64 * 1024 * 1024 };

enum {
	ARENA_ALIGN = 16,             // what base/arena.c rounds to
	TAG_SIZE_MAX = 5,             // bytes; longer spellings of tags and lengths are refused by protobuf-c too
	FIRST_SLAB = 16,              // fields that protobuf-c notes on its stack; slabs of twice the size follow
	SLAB_ENTRY_SIZE = 32,         // sizeof(ScannedMember)
	REQUIRED_BITMAP_FIELDS = 128, // above, protobuf-c allocates a bitmap
	UNKNOWN_SIZE = 32,            // sizeof(ProtobufCMessageUnknownField), rounded up
	SEEN_WORDS = 8,               // fields of a message of which we note one by one whether they occurred
};

struct frame {
	const ProtobufCMessageDescriptor *descriptor;
	const uint8_t *end;
	size_t members;
	size_t slab_end;
	size_t slab_size;
	uint32_t last_late; // highest number seen among fields beyond the bitmap
	uint64_t seen[SEEN_WORDS];
};

struct scan {
	struct prescan_limits limits;
	struct prescan_cost cost;
	unsigned depth; // frames in use
	struct fault *fault;
	struct frame frames[PRESCAN_DEPTH_MAX];
};

static result refuse(const struct scan *scan, const struct frame *frame, uint32_t number, const char *what)
{
	if (number == 0) {
		return fault_set(scan->fault, ERR_PAYLOAD_INVALID, "message %s: %s", frame->descriptor->name, what);
	}
	return fault_set(scan->fault, ERR_PAYLOAD_INVALID, "message %s, field %u: %s", frame->descriptor->name, number,
			 what);
}

static result exceed(const struct scan *scan, const char *what, size_t limit)
{
	return fault_set(scan->fault, ERR_LIMIT, "the message exceeds the limit of %zu %s", limit, what);
}

static inline size_t rounded(size_t size)
{
	return (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

static inline bool spend(struct scan *scan, size_t size)
{
	scan->cost.memory += size; // sizes are below 2^31 each and checked one by one: no overflow
	return scan->cost.memory <= scan->limits.memory;
}

static inline bool count(struct scan *scan, size_t fields)
{
	scan->cost.fields += fields;
	return scan->cost.fields <= scan->limits.fields;
}

static result enter(struct scan *scan, const ProtobufCMessageDescriptor *descriptor, struct slice bytes)
{
	if (scan->depth == scan->limits.depth) {
		return exceed(scan, "levels of depth", scan->limits.depth);
	}
	struct frame *frame = &scan->frames[scan->depth++];
	*frame = (struct frame){ .descriptor = descriptor,
				 .end = bytes.data + bytes.size,
				 .slab_end = FIRST_SLAB,
				 .slab_size = FIRST_SLAB };
	if (scan->depth > scan->cost.depth) {
		scan->cost.depth = scan->depth;
	}
	size_t size = rounded(descriptor->sizeof_message);
	if (descriptor->n_fields > REQUIRED_BITMAP_FIELDS) {
		size += rounded((descriptor->n_fields + 7) / 8);
	}
	return spend(scan, size) ? OK : exceed(scan, "bytes of memory", scan->limits.memory);
}

// Whether the field occurred before in this message; notes that it did.
static bool seen_before(struct frame *frame, const ProtobufCFieldDescriptor *field)
{
	size_t index = (size_t)(field - frame->descriptor->fields);
	if (index < SEEN_WORDS * 64) {
		uint64_t bit = (uint64_t)1 << (index % 64);
		bool seen = frame->seen[index / 64] & bit;
		frame->seen[index / 64] |= bit;
		return seen;
	}
	// Beyond the bitmap fields must come in the order of numbers, as serialisers write them.
	bool late = field->id <= frame->last_late;
	if (!late) {
		frame->last_late = field->id;
	}
	return late;
}

// UTF-8 without NUL. Most text is ASCII: eight bytes at a time.
static bool is_text(struct slice text)
{
	const uint64_t high = 0x8080808080808080;
	const uint64_t ones = 0x0101010101010101;
	while (text.size >= sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, text.data, sizeof word);
		if ((word & high) != 0 || ((word - ones) & ~word & high) != 0) {
			break;
		}
		text = slice_skip(text, sizeof word);
	}
	return text.size == 0 || (!memchr(text.data, 0, text.size) && text_is_utf8(text));
}

static inline bool is_packable(ProtobufCType type)
{
	return type != PROTOBUF_C_TYPE_STRING && type != PROTOBUF_C_TYPE_BYTES && type != PROTOBUF_C_TYPE_MESSAGE;
}

static enum wireformat_type wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIREFORMAT_FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIREFORMAT_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIREFORMAT_LENGTH;
	default:
		return WIREFORMAT_VARINT;
	}
}

// Number of varints the bytes consist of, SIZE_MAX if the last one is cut off or one is too long.
static size_t count_varints(struct slice bytes)
{
	size_t varints = 0;
	size_t length = 0;
	for (size_t i = 0; i < bytes.size; i++) {
		if (++length > WIREFORMAT_VARINT_MAX) {
			return SIZE_MAX;
		}
		if (bytes.data[i] < 0x80) {
			varints++;
			length = 0;
		}
	}
	return length == 0 ? varints : SIZE_MAX;
}

static result take_packed(struct scan *scan, struct frame *frame, const ProtobufCFieldDescriptor *field,
			  struct slice bytes)
{
	size_t elements;
	size_t reserved;
	enum wireformat_type type = wire_type_of(field->type);
	if (type == WIREFORMAT_VARINT) {
		elements = count_varints(bytes);
		reserved = field->type == PROTOBUF_C_TYPE_BOOL ? bytes.size : elements;
		if (elements == SIZE_MAX) {
			return refuse(scan, frame, field->id, "packed values are cut off");
		}
	} else {
		size_t width = type == WIREFORMAT_FIXED32 ? 4 : 8;
		if (bytes.size % width != 0) {
			return refuse(scan, frame, field->id, "packed values are cut off");
		}
		elements = reserved = bytes.size / width;
	}
	size_t rounding = seen_before(frame, field) ? 0 : ARENA_ALIGN;
	if (!count(scan, elements)) {
		return exceed(scan, "fields", scan->limits.fields);
	}
	if (!spend(scan, reserved * field_value_size(field->type) + rounding)) {
		return exceed(scan, "bytes of memory", scan->limits.memory);
	}
	return OK;
}

// A field the type has. `bytes` is the content of a length-delimited one.
static result take_known(struct scan *scan, struct frame *frame, const ProtobufCFieldDescriptor *field,
			 enum wireformat_type type, struct slice bytes)
{
	bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
	if (type != wire_type_of(field->type)) {
		if (repeated && type == WIREFORMAT_LENGTH && is_packable(field->type)) {
			return take_packed(scan, frame, field, bytes);
		}
		return refuse(scan, frame, field->id, "its wire type is not that of the contract");
	}
	size_t size = 0;
	if (repeated) {
		size = field_value_size(field->type) + (seen_before(frame, field) ? 0 : ARENA_ALIGN);
	} else if (field->type == PROTOBUF_C_TYPE_MESSAGE && seen_before(frame, field)) {
		return refuse(scan, frame, field->id, "a message that may occur once occurs again");
	}
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		if (!is_text(bytes)) {
			return refuse(scan, frame, field->id, "text is not UTF-8, or holds a NUL");
		}
		size += rounded(bytes.size + 1);
	} else if (field->type == PROTOBUF_C_TYPE_BYTES) {
		size += rounded(bytes.size);
	}
	if (!spend(scan, size)) {
		return exceed(scan, "bytes of memory", scan->limits.memory);
	}
	return field->type == PROTOBUF_C_TYPE_MESSAGE ? enter(scan, field->descriptor, bytes) : OK;
}

// Finds where the value at `at` ends: `ret_content` is what follows a length, or the value itself. False if it does not
// lie within the frame.
static bool delimit(const uint8_t *at, const uint8_t *end, enum wireformat_type type, struct slice *ret_content)
{
	size_t left = (size_t)(end - at);
	uint64_t value;
	size_t size;
	switch (type) {
	case WIREFORMAT_VARINT:
		size = wireformat_varint(at, left, &value);
		*ret_content = slice_of(at, size);
		return size > 0;
	case WIREFORMAT_FIXED64:
	case WIREFORMAT_FIXED32:
		size = type == WIREFORMAT_FIXED64 ? 8 : 4;
		*ret_content = slice_of(at, size);
		return size <= left;
	case WIREFORMAT_LENGTH:
		size = wireformat_varint(at, left, &value);
		if (size == 0 || size > TAG_SIZE_MAX || value > left - size) {
			return false;
		}
		*ret_content = slice_of(at + size, (size_t)value);
		return true;
	}
	return false;
}

// What protobuf-c notes about each field before it unpacks any.
static bool note_member(struct scan *scan, struct frame *frame)
{
	if (++frame->members <= frame->slab_end) {
		return true;
	}
	frame->slab_size *= 2;
	frame->slab_end += frame->slab_size;
	return spend(scan, frame->slab_size * SLAB_ENTRY_SIZE);
}

// Takes the field at `*at`; on a sub-message the innermost frame is then that message's and `*at` its start.
static result take_field(struct scan *scan, struct frame *frame, const uint8_t **at)
{
	uint64_t tag;
	size_t used = wireformat_varint(*at, (size_t)(frame->end - *at), &tag);
	if (used == 0 || used > TAG_SIZE_MAX || tag > UINT32_MAX) {
		return refuse(scan, frame, 0, "a field's tag is malformed");
	}
	uint32_t number = (uint32_t)tag >> 3;
	enum wireformat_type type = (enum wireformat_type)(tag & 7);
	if (number == 0) {
		return refuse(scan, frame, 0, "field number 0");
	}
	struct slice content;
	const uint8_t *value = *at + used;
	if (!delimit(value, frame->end, type, &content)) {
		return refuse(scan, frame, number, "its value is cut off or of an unknown wire type");
	}
	if (!count(scan, 1)) {
		return exceed(scan, "fields", scan->limits.fields);
	}
	if (!note_member(scan, frame)) {
		return exceed(scan, "bytes of memory", scan->limits.memory);
	}
	const uint8_t *next = content.data + content.size;
	const ProtobufCFieldDescriptor *field = field_by_number(frame->descriptor, number);
	if (!field) {
		*at = next;
		bool room = spend(scan, UNKNOWN_SIZE + rounded((size_t)(next - value)));
		return room ? OK : exceed(scan, "bytes of memory", scan->limits.memory);
	}
	// A packed field of messages does not exist: the content of a message is always entered.
	*at = field->type == PROTOBUF_C_TYPE_MESSAGE ? content.data : next;
	return take_known(scan, frame, field, type, content);
}

result prescan_check(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
		     const struct prescan_limits *limits, struct prescan_cost *ret_cost, struct fault *fault)
{
	struct scan scan;
	scan.limits = *limits;
	if (scan.limits.depth > PRESCAN_DEPTH_MAX) {
		scan.limits.depth = PRESCAN_DEPTH_MAX;
	}
	scan.cost = (struct prescan_cost){ 0 };
	scan.depth = 0;
	scan.fault = fault;
	if (bytes.size > INT_MAX / 16) {
		// Also keeps every sum below from overflowing.
		return exceed(&scan, "bytes of data", INT_MAX / 16);
	}
	static const uint8_t nothing;
	const uint8_t *at = bytes.data ? bytes.data : &nothing;
	result r = enter(&scan, descriptor, slice_of(at, bytes.size));
	while (r == OK && scan.depth > 0) {
		struct frame *frame = &scan.frames[scan.depth - 1];
		if (at == frame->end) {
			scan.depth--;
		} else {
			r = take_field(&scan, frame, &at);
		}
	}
	if (r == OK && ret_cost) {
		*ret_cost = scan.cost;
	}
	return r;
}
