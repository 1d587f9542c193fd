// SPDX-License-Identifier: EUPL-1.2
//
// Decoding and checking. Encoding is codec_encode.c. The rules are in the header; each refusal below names one.
#include "wire/codec.h"

#include <inttypes.h>

#include "base/text.h"
#include "wire/codec_internal.h"

struct decoder {
	enum codec_mode mode;
	struct arena *arena;
	struct fault *fault;
};

static result decode_message(const struct decoder *decoder, const struct codec_message *message, struct slice rest,
			     void *into);

bool codec_take_varint(struct slice *rest, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 10 && i < rest->size; i++) {
		uint8_t byte = rest->data[i];
		if (i == 9 && byte > 1) {
			return false; // beyond 64 bits
		}
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			if (byte == 0 && i > 0) {
				return false; // a longer spelling of the same number
			}
			*rest = slice_skip(*rest, i + 1);
			*ret_value = value;
			return true;
		}
	}
	return false;
}

// Most tags, lengths and numbers are one byte.
static inline bool take_varint(struct slice *rest, uint64_t *ret_value)
{
	if (rest->size != 0 && rest->data[0] < 0x80) {
		*ret_value = rest->data[0];
		rest->data++;
		rest->size--;
		return true;
	}
	return codec_take_varint(rest, ret_value);
}

static bool take_bytes(struct slice *rest, struct slice *ret_bytes)
{
	uint64_t size;
	if (!take_varint(rest, &size) || size > rest->size) {
		return false;
	}
	*ret_bytes = slice_of(rest->data, (size_t)size);
	*rest = slice_skip(*rest, (size_t)size);
	return true;
}

// ---- values ----

static result refuse(struct fault *fault, const struct codec_message *message, const struct codec_field *field,
		     const char *words)
{
	return fault_set(fault, ERR_FORMAT, "%s.%s: %s", message->name, field->name, words);
}

// Nearly all text is ASCII, which is UTF-8 as it stands: eight bytes at a time.
static bool is_ascii(struct slice text)
{
	uint64_t word;
	uint64_t seen = 0;
	size_t i = 0;
	for (; text.size - i >= sizeof word; i += sizeof word) {
		memcpy(&word, text.data + i, sizeof word);
		seen |= word;
	}
	for (; i < text.size; i++) {
		seen |= text.data[i];
	}
	return (seen & 0x8080808080808080u) == 0;
}

result codec_check_text(const struct codec_message *message, const struct codec_field *field, struct slice text,
			struct fault *fault)
{
	if (text.size < field->least || (field->most != 0 && text.size > field->most)) {
		return fault_set(fault, ERR_FORMAT, "%s.%s: %zu bytes, expected %" PRIu64 " to %" PRIu64, message->name,
				 field->name, text.size, field->least, field->most);
	}
	if (field->kind == CODEC_TEXT && !is_ascii(text) && !text_is_utf8(text)) {
		return refuse(fault, message, field, "not valid UTF-8");
	}
	if (field->legal && !field->legal(text)) {
		return refuse(fault, message, field, "not in its legal form");
	}
	return OK;
}

// For a number that is there, so not 0.
result codec_check_number(const struct codec_message *message, const struct codec_field *field, uint64_t value,
			  struct fault *fault)
{
	uint64_t most = field->most;
	if (field->kind == CODEC_TIME) {
		most = (uint64_t)CODEC_TIME_MAX;
	} else if (field->kind == CODEC_BOOL) {
		most = 1;
	} else if (most == 0) {
		most = field->kind == CODEC_UINT64 ? UINT64_MAX : UINT32_MAX;
	}
	if (value < field->least || value > most) {
		return fault_set(fault, ERR_FORMAT, "%s.%s: %" PRIu64 " is out of range", message->name, field->name,
				 value);
	}
	return OK;
}

static unsigned wire_type_of(enum codec_kind kind)
{
	switch (kind) {
	case CODEC_BYTES:
	case CODEC_TEXT:
	case CODEC_MESSAGE:
	case CODEC_CHOICE:
		return CODEC_WIRE_BYTES;
	case CODEC_TIME:
		return CODEC_WIRE_FIXED64;
	case CODEC_UINT32:
	case CODEC_UINT64:
	case CODEC_ENUM:
	case CODEC_BOOL:
		break;
	}
	return CODEC_WIRE_VARINT;
}

static result take_number(const struct decoder *decoder, const struct codec_message *message,
			  const struct codec_field *field, struct slice *rest, uint8_t *into)
{
	uint64_t value = 0;
	if (field->kind == CODEC_TIME) {
		if (rest->size < 8) {
			return refuse(decoder->fault, message, field, "truncated");
		}
		for (size_t i = 0; i < 8; i++) {
			value |= (uint64_t)rest->data[i] << (8 * i);
		}
		*rest = slice_skip(*rest, 8);
	} else if (!take_varint(rest, &value)) {
		return refuse(decoder->fault, message, field, "truncated or not the shortest varint");
	}
	if (value == 0) {
		return refuse(decoder->fault, message, field, "a default value is written");
	}
	result code = codec_check_number(message, field, value, decoder->fault);
	if (code == OK) {
		codec_store_number(field, into, value);
	}
	return code;
}

static result take_embedded(const struct decoder *decoder, const struct codec_message *message,
			    const struct codec_field *field, struct slice bytes, uint8_t *into)
{
	if (field->kind == CODEC_CHOICE) {
		uint32_t *choice = (uint32_t *)(void *)(into + field->presence);
		if (*choice != 0) {
			return refuse(decoder->fault, message, field, "a second field of a oneof");
		}
		*choice = field->number;
	} else {
		*(bool *)(into + field->presence) = true;
	}
	return decode_message(decoder, field->message, bytes, into + field->offset);
}

// ---- repeated fields ----

// How many elements of the same tag stand side by side; `rest` begins after the first one's tag. Truncation shows
// later, when the elements are read.
static size_t count_elements(struct slice rest, struct slice tag)
{
	size_t count = 0;
	struct slice skipped;
	do {
		count++;
		if (!take_bytes(&rest, &skipped) || !slice_starts_with(rest, tag)) {
			return count;
		}
		rest = slice_skip(rest, tag.size);
	} while (rest.size != 0);
	return count;
}

static result take_repeated(const struct decoder *decoder, const struct codec_message *message,
			    const struct codec_field *field, struct slice tag, struct slice *rest, uint8_t *into)
{
	size_t count = count_elements(*rest, tag);
	if (count > field->count) {
		return fault_set(decoder->fault, ERR_FORMAT, "%s.%s: more than %" PRIu32 " elements", message->name,
				 field->name, field->count);
	}
	size_t stride = codec_stride(field);
	uint8_t *items = decoder->arena ? arena_zalloc(decoder->arena, count * stride) : NULL;
	if (!items) {
		return fault_set(decoder->fault, ERR_LIMIT, "%s.%s: no room for %zu elements", message->name,
				 field->name, count);
	}
	for (size_t i = 0; i < count; i++) {
		struct slice bytes;
		if (i > 0) {
			*rest = slice_skip(*rest, tag.size);
		}
		if (!take_bytes(rest, &bytes)) {
			return refuse(decoder->fault, message, field, "truncated");
		}
		result code = OK;
		if (field->message) {
			code = decode_message(decoder, field->message, bytes, items + i * stride);
		} else {
			code = codec_check_text(message, field, bytes, decoder->fault);
			memcpy(items + i * stride, &bytes, sizeof bytes);
		}
		if (code != OK) {
			return code;
		}
	}
	codec_store_list(field, into, items, count);
	return OK;
}

// ---- messages ----

static result take_field(const struct decoder *decoder, const struct codec_message *message,
			 const struct codec_field *field, struct slice tag, struct slice *rest, uint8_t *into)
{
	if (field->repeated) {
		return take_repeated(decoder, message, field, tag, rest, into);
	}
	if (wire_type_of(field->kind) != CODEC_WIRE_BYTES) {
		return take_number(decoder, message, field, rest, into);
	}
	struct slice bytes;
	if (!take_bytes(rest, &bytes)) {
		return refuse(decoder->fault, message, field, "truncated");
	}
	if (field->message) {
		return take_embedded(decoder, message, field, bytes, into);
	}
	if (bytes.size == 0) {
		return refuse(decoder->fault, message, field, "a default value is written");
	}
	memcpy(into + field->offset, &bytes, sizeof bytes);
	return codec_check_text(message, field, bytes, decoder->fault);
}

// Only lenient readers come here.
static bool skip_unknown(unsigned wire_type, struct slice *rest)
{
	uint64_t number;
	struct slice bytes;
	size_t fixed = 4;
	switch (wire_type) {
	case CODEC_WIRE_VARINT:
		return take_varint(rest, &number);
	case CODEC_WIRE_BYTES:
		return take_bytes(rest, &bytes);
	case CODEC_WIRE_FIXED64:
		fixed = 8;
		break;
	case CODEC_WIRE_FIXED32:
		break;
	default:
		return false; // groups: nobody writes them, and they nest
	}
	if (rest->size < fixed) {
		return false;
	}
	*rest = slice_skip(*rest, fixed);
	return true;
}

// The table's fields from `*next` on that come before `number` are absent: none may be required.
static inline result pass_absent(const struct decoder *decoder, const struct codec_message *message, uint64_t number,
				 size_t *next)
{
	while (*next < message->count && message->fields[*next].number < number) {
		if (message->fields[*next].required) {
			return refuse(decoder->fault, message, &message->fields[*next], "missing");
		}
		(*next)++;
	}
	return OK;
}

static result decode_message(const struct decoder *decoder, const struct codec_message *message, struct slice rest,
			     void *into)
{
	size_t next = 0;
	uint64_t last = 0;
	bool repeated = false; // elements of a repeated field come one by one only in take_repeated()
	while (rest.size != 0) {
		struct slice start = rest;
		uint64_t key;
		if (!take_varint(&rest, &key) || key > UINT32_MAX) {
			return fault_set(decoder->fault, ERR_FORMAT, "%s: a tag is malformed", message->name);
		}
		uint64_t number = key >> 3;
		unsigned wire_type = key & 7;
		if (number <= last) {
			bool same = number == last && !repeated && number != 0;
			return fault_set(decoder->fault, ERR_FORMAT, "%s: field %" PRIu64 " %s", message->name, number,
					 same ? "stands twice" : "is out of order");
		}
		result code = pass_absent(decoder, message, number, &next);
		if (code != OK) {
			return code;
		}
		last = number;
		if (next < message->count && message->fields[next].number == number) {
			const struct codec_field *field = &message->fields[next++];
			if (wire_type != wire_type_of(field->kind)) {
				return refuse(decoder->fault, message, field, "wrong wire type");
			}
			repeated = field->repeated;
			struct slice tag = slice_of(start.data, (size_t)(rest.data - start.data));
			code = take_field(decoder, message, field, tag, &rest, into);
			if (code != OK) {
				return code;
			}
		} else if (decoder->mode == CODEC_STRICT || !skip_unknown(wire_type, &rest)) {
			return fault_set(decoder->fault, ERR_FORMAT, "%s: field %" PRIu64 " is unknown", message->name,
					 number);
		}
	}
	return pass_absent(decoder, message, UINT64_MAX, &next);
}

result codec_decode(const struct codec_message *message, enum codec_mode mode, struct slice bytes, struct arena *arena,
		    void *ret_struct, struct fault *fault)
{
	const struct decoder decoder = { .mode = mode, .arena = arena, .fault = fault };
	memset(ret_struct, 0, message->size);
	return decode_message(&decoder, message, bytes, ret_struct);
}
