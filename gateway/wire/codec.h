// SPDX-License-Identifier: EUPL-1.2
//
// A table-driven protobuf codec over plain C structs.
//
// Statements are read by courts, and no two readers may read one differently; so Besa's own messages do not go through
// a general protobuf library, which accepts many spellings of one message. Here each message has exactly one spelling:
// decoding refuses every other, hence encode(decode(x)) == x for whatever decodes.
//
// The rules (proto/besa/statement/v1): fields in ascending order, elements of a repeated field side by side, singular
// fields once, varints minimal (tags and lengths too), proto3 default values of implicit presence never
// written, text valid UTF-8, enum values known, sizes within bounds, nothing left over.
//
// Decoding copies nothing: slices point into the input, which must outlive the struct. Elements of
// repeated fields go to an arena. Tables nest without recursion, so depth is bounded by the tables.
// Wire format: protobuf.dev/programming-guides/encoding.
#ifndef BESA_WIRE_CODEC_H
#define BESA_WIRE_CODEC_H

#include "base/arena.h"
#include "base/buffer.h"

enum codec_kind {
	CODEC_BYTES,   // struct slice; empty = absent
	CODEC_TEXT,    // struct slice, UTF-8; empty = absent
	CODEC_UINT32,  // uint32_t
	CODEC_UINT64,  // uint64_t
	CODEC_ENUM,    // uint32_t; 0 = absent, `most` = greatest known value
	CODEC_BOOL,    // bool
	CODEC_TIME,    // int64_t, fixed64 on the wire: microseconds of UTC, 0 = absent, at most CODEC_TIME_MAX
	CODEC_MESSAGE, // an embedded struct; `presence` is the offset of a bool that says whether it is there
	CODEC_CHOICE,  // member of a oneof: an embedded struct (of a union); `presence` is the offset of a uint32_t
		       // that holds the number of the field that is there
};

// The last microsecond that RFC 3339 can write (9999-12-31T23:59:59.999999Z). Stops overflow when
// durations are added to a time that a peer chose.
static const int64_t CODEC_TIME_MAX = 253402300799999999;

// One field of a message. A repeated field (bytes, text, message) is a struct codec_list in the struct, or any struct
// of the same two members with a typed pointer.
struct codec_field {
	uint32_t number;
	enum codec_kind kind;
	bool repeated;
	bool required; // must not be absent
	size_t offset;
	size_t presence;
	uint64_t least;                   // size of bytes and text, value of numbers; checked when present
	uint64_t most;                    // 0: no bound beyond the type's
	uint32_t count;                   // of a repeated field: the most elements
	bool (*legal)(struct slice text); // extra check of bytes and text when present, NULL: none
	const struct codec_message *message;
	const char *name; // as in the .proto, for words
};

// A message: its fields in ascending order of number, and the size of its struct.
struct codec_message {
	const char *name;
	size_t size;
	const struct codec_field *fields;
	size_t count;
};

// The layout of a repeated field.
struct codec_list {
	void *items;
	size_t count;
};

// Repeated bytes or text.
struct slice_list {
	struct slice *items;
	size_t count;
};

enum codec_mode {
	CODEC_STRICT,
	CODEC_LENIENT, // unknown fields are skipped, for messages between versions; otherwise the same
};

// Decodes `bytes` into `ret_struct` (message->size bytes, set whole, also on failure, when its content means nothing).
// `arena` takes the elements of repeated fields; NULL is allowed for messages that have none.
// ERR_FORMAT with words naming message and field; ERR_LIMIT when the arena is exhausted.
result codec_decode(const struct codec_message *message, enum codec_mode mode, struct slice bytes, struct arena *arena,
		    void *ret_struct, struct fault *fault);

// Whether the struct obeys the table (required, bounds, legal, UTF-8, known enum values). ERR_FORMAT with words.
result codec_check(const struct codec_message *message, const void *from, struct fault *fault);

// Appends the one spelling of the struct. Checks first (codec_check), so what it writes decodes again.
// ERR_FORMAT, or the buffer's failure; the buffer is unchanged after ERR_FORMAT.
result codec_encode(const struct codec_message *message, const void *from, struct buffer *buffer, struct fault *fault);

// The same for a struct that codec_check() has passed: no second check. See buffer_result().
void codec_append(const struct codec_message *message, const void *from, struct buffer *buffer);

// The size codec_encode would append.
size_t codec_size(const struct codec_message *message, const void *from);

// A varint at the front of `*rest`, which is moved past it. False if truncated, longer than 64
// bits or not minimal.
bool codec_take_varint(struct slice *rest, uint64_t *ret_value);

// Appends a length-delimited field's tag and length: the bytes follow.
void codec_append_head(struct buffer *buffer, uint32_t number, size_t size);

#endif
