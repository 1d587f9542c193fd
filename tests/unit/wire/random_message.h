// SPDX-License-Identifier: EUPL-1.2
//
// For tests of messages: random structs that obey a table, from a seed.
#ifndef BESA_TESTS_WIRE_RANDOM_MESSAGE_H
#define BESA_TESTS_WIRE_RANDOM_MESSAGE_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#include "wire/codec_internal.h"
#include "wire/envelope.h"

struct random_message {
	uint64_t state;
	struct arena *arena; // takes every slice
};

static inline uint64_t random_message_next(struct random_message *random)
{
	random->state += 0x9e3779b97f4a7c15u; // splitmix64
	uint64_t z = random->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t random_message_below(struct random_message *random, uint64_t limit)
{
	return random_message_next(random) % limit;
}

static inline void random_message_fill(struct random_message *random, const struct codec_message *message, void *into);

// Texts of every form that a table demands.
static const char *const random_message_texts[] = {
	"XK/GOV/ARC/population",
	"XK/GOV/ASHI/ekosova",
	"XK/GOV/ARC",
	"XK/MUN/Prizren.1",
	"besa/XK/GOV/ARC/gw1/2026",
	"besa/XK/GOV/ASHI/central/2026-2",
	"besa/XK/GOV/ASHI/gw1",
	"rks.civil.v1.CivilRegistry",
	"GetPerson",
	"besa-p256-ed25519-sha256/1",
	"first",
	"rotation",
	"timestamp",
	"ocsp",
	"grant_missing",
	"gw1",
	"qëndra e regjistrit civil",
	"Општина Призрен",
};

static inline struct slice random_message_bytes(struct random_message *random, const struct codec_field *field)
{
	size_t least = field->least ? (size_t)field->least : 1;
	size_t most = field->most && field->most < 300 ? (size_t)field->most : 300;
	for (int attempt = 0; attempt < 10000; attempt++) {
		struct slice bytes;
		if (field->kind == CODEC_TEXT) {
			size_t count = sizeof random_message_texts / sizeof random_message_texts[0];
			bytes = slice_text(random_message_texts[random_message_below(random, count)]);
		} else {
			size_t size = least + (size_t)random_message_below(random, most - least + 1);
			uint8_t *data = arena_alloc(random->arena, size + 16);
			assert_non_null(data);
			for (size_t i = 0; i < size; i++) {
				data[i] = (uint8_t)random_message_next(random);
			}
			if (size == 16) { // may have to be a UUIDv7
				data[6] = (uint8_t)(0x70 | (data[6] & 15));
				data[8] = (uint8_t)(0x80 | (data[8] & 63));
			}
			bytes = slice_of(data, size);
		}
		if (codec_check_text(&(struct codec_message){ .name = "random" }, field, bytes, NULL) == OK) {
			return bytes;
		}
	}
	fail_msg("no random content for field %s", field->name);
	return slice_of(NULL, 0);
}

// A field that holds a seal holds the bytes of one: others read it as a message.
static inline struct slice random_message_seal(struct random_message *random)
{
	struct envelope_seal seal;
	random_message_fill(random, envelope_messages[0], &seal);
	struct buffer buffer;
	buffer_init(&buffer, ENVELOPE_SEAL_MAX);
	assert_int_equal(envelope_encode_seal(&seal, &buffer, NULL), OK);
	struct slice bytes = slice_of(arena_copy(random->arena, buffer_slice(&buffer)), buffer.size);
	buffer_release(&buffer);
	return bytes;
}

static inline uint64_t random_message_number(struct random_message *random, const struct codec_field *field)
{
	uint64_t most = field->most;
	if (field->kind == CODEC_TIME) {
		most = (uint64_t)CODEC_TIME_MAX;
	} else if (field->kind == CODEC_BOOL) {
		most = 1;
	} else if (most == 0) {
		most = field->kind == CODEC_UINT64 ? UINT64_MAX - 1 : UINT32_MAX;
	}
	uint64_t value = random_message_next(random) >> random_message_below(random, 64);
	return 1 + value % most;
}

static inline void random_message_value(struct random_message *random, const struct codec_field *field, uint8_t *into)
{
	struct slice bytes;
	switch (field->kind) {
	case CODEC_BYTES:
	case CODEC_TEXT:
		bytes = strcmp(field->name, "seal") == 0 ? random_message_seal(random)
							 : random_message_bytes(random, field);
		memcpy(into + field->offset, &bytes, sizeof bytes);
		break;
	case CODEC_MESSAGE:
		*(bool *)(into + field->presence) = true;
		random_message_fill(random, field->message, into + field->offset);
		break;
	case CODEC_CHOICE:
		memcpy(into + field->presence, &field->number, sizeof field->number);
		random_message_fill(random, field->message, into + field->offset);
		break;
	default:
		codec_store_number(field, into, random_message_number(random, field));
		break;
	}
}

static inline void random_message_list(struct random_message *random, const struct codec_field *field, uint8_t *into)
{
	size_t count = 1 + (size_t)random_message_below(random, field->count < 4 ? field->count : 4);
	size_t stride = codec_stride(field);
	uint8_t *items = arena_zalloc(random->arena, count * stride);
	assert_non_null(items);
	for (size_t i = 0; i < count; i++) {
		if (field->message) {
			random_message_fill(random, field->message, items + i * stride);
		} else {
			struct slice bytes = random_message_bytes(random, field);
			memcpy(items + i * stride, &bytes, sizeof bytes);
		}
	}
	codec_store_list(field, into, items, count);
}

// A random struct that obeys the table: required fields always, one of a oneof, the rest by chance.
static inline void random_message_fill(struct random_message *random, const struct codec_message *message, void *into)
{
	memset(into, 0, message->size);
	size_t choices = 0;
	for (size_t i = 0; i < message->count; i++) {
		choices += message->fields[i].kind == CODEC_CHOICE;
	}
	size_t chosen = choices ? (size_t)random_message_below(random, choices) : 0;
	for (size_t i = 0; i < message->count; i++) {
		const struct codec_field *field = &message->fields[i];
		if (field->kind == CODEC_CHOICE) {
			if (chosen-- == 0) {
				random_message_value(random, field, into);
			}
		} else if (field->required || random_message_below(random, 2)) {
			if (field->repeated) {
				random_message_list(random, field, into);
			} else {
				random_message_value(random, field, into);
			}
		}
	}
}

// Whether two structs of one table say the same.
static inline bool random_message_equal(const struct codec_message *message, const uint8_t *a, const uint8_t *b);

static inline bool random_message_equal_lists(const struct codec_field *field, const uint8_t *a, const uint8_t *b)
{
	struct codec_list left = codec_load_list(field, a);
	struct codec_list right = codec_load_list(field, b);
	if (left.count != right.count) {
		return false;
	}
	size_t stride = codec_stride(field);
	for (size_t i = 0; i < left.count; i++) {
		const uint8_t *x = (const uint8_t *)left.items + i * stride;
		const uint8_t *y = (const uint8_t *)right.items + i * stride;
		if (field->message ? !random_message_equal(field->message, x, y)
				   : !slice_equal(codec_item_text(x), codec_item_text(y))) {
			return false;
		}
	}
	return true;
}

static inline bool random_message_equal(const struct codec_message *message, const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 0; i < message->count; i++) {
		const struct codec_field *field = &message->fields[i];
		bool same;
		if (field->repeated) {
			same = random_message_equal_lists(field, a, b);
		} else if (field->message) {
			bool has = codec_has_message(field, a);
			same = has == codec_has_message(field, b) &&
			       (!has || random_message_equal(field->message, a + field->offset, b + field->offset));
		} else if (field->kind == CODEC_BYTES || field->kind == CODEC_TEXT) {
			same = slice_equal(codec_load_slice(field, a), codec_load_slice(field, b));
		} else {
			same = codec_load_number(field, a) == codec_load_number(field, b);
		}
		if (!same) {
			return false;
		}
	}
	return true;
}

#endif
