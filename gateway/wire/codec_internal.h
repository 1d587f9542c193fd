// SPDX-License-Identifier: EUPL-1.2
//
// What codec.c (decoding) and codec_encode.c share: how a field lies in its struct, and the checks of one value. For
// those two files only.
#ifndef BESA_WIRE_CODEC_INTERNAL_H
#define BESA_WIRE_CODEC_INTERNAL_H

#include "wire/codec.h"

enum {
	CODEC_WIRE_VARINT = 0,
	CODEC_WIRE_FIXED64 = 1,
	CODEC_WIRE_BYTES = 2,
	CODEC_WIRE_FIXED32 = 5,
};

// Checks of a value that is there. ERR_FORMAT with words.
result codec_check_text(const struct codec_message *message, const struct codec_field *field, struct slice text,
			struct fault *fault);
result codec_check_number(const struct codec_message *message, const struct codec_field *field, uint64_t value,
			  struct fault *fault);

// The size of one element of a repeated field.
static inline size_t codec_stride(const struct codec_field *field)
{
	return field->message ? field->message->size : sizeof(struct slice);
}

// Numbers and lists are copied in and out by memcpy: their types in the structs differ (int64_t, typed pointers), their
// representation does not.
static inline void codec_store_number(const struct codec_field *field, uint8_t *into, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;
	bool truth = value != 0;
	switch (field->kind) {
	case CODEC_UINT32:
	case CODEC_ENUM:
		memcpy(into + field->offset, &narrow, sizeof narrow);
		break;
	case CODEC_BOOL:
		memcpy(into + field->offset, &truth, sizeof truth);
		break;
	default:
		memcpy(into + field->offset, &value, sizeof value);
		break;
	}
}

static inline uint64_t codec_load_number(const struct codec_field *field, const uint8_t *from)
{
	uint64_t value = 0;
	uint32_t narrow = 0;
	bool truth = false;
	switch (field->kind) {
	case CODEC_UINT32:
	case CODEC_ENUM:
		memcpy(&narrow, from + field->offset, sizeof narrow);
		return narrow;
	case CODEC_BOOL:
		memcpy(&truth, from + field->offset, sizeof truth);
		return truth;
	default:
		memcpy(&value, from + field->offset, sizeof value);
		return value;
	}
}

static inline void codec_store_list(const struct codec_field *field, uint8_t *into, void *items, size_t count)
{
	struct codec_list list = { .items = items, .count = count };
	memcpy(into + field->offset, &list, sizeof list);
}

static inline struct codec_list codec_load_list(const struct codec_field *field, const uint8_t *from)
{
	struct codec_list list;
	memcpy(&list, from + field->offset, sizeof list);
	return list;
}

static inline struct slice codec_load_slice(const struct codec_field *field, const uint8_t *from)
{
	struct slice slice;
	memcpy(&slice, from + field->offset, sizeof slice);
	return slice;
}

// An element of repeated bytes or text.
static inline struct slice codec_item_text(const uint8_t *item)
{
	struct slice text;
	memcpy(&text, item, sizeof text);
	return text;
}

// Whether an embedded message is there.
static inline bool codec_has_message(const struct codec_field *field, const uint8_t *from)
{
	if (field->kind == CODEC_CHOICE) {
		uint32_t choice;
		memcpy(&choice, from + field->presence, sizeof choice);
		return choice == field->number;
	}
	bool has;
	memcpy(&has, from + field->presence, sizeof has);
	return has;
}

#endif
