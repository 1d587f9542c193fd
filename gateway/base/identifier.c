// SPDX-License-Identifier: EUPL-1.2
#include "base/identifier.h"

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

static const char origin_prefix[] = "besa/";

// The characters of a part, a bit each: every statement's names are checked, several times on the way.
static const uint64_t part_characters[4] = {
	UINT64_C(3) << ('-' - 0) | UINT64_C(0x3ff) << ('0' - 0), // - . and digits
	UINT64_C(0x3ffffff) << ('A' - 64) | UINT64_C(1) << ('_' - 64) | UINT64_C(0x3ffffff) << ('a' - 64),
};

static bool is_part_character(uint8_t c)
{
	return part_characters[c >> 6] >> (c & 63) & 1;
}

bool identifier_is_part(struct slice text)
{
	if (text.size == 0 || text.size > IDENTIFIER_PART_MAX || text.data[0] == '.') {
		return false;
	}
	for (size_t i = 0; i < text.size; i++) {
		if (!is_part_character(text.data[i])) {
			return false;
		}
	}
	return true;
}

// The size of the first `count` parts with the slashes between them, if the text has exactly
// `total` legal parts; 0 otherwise.
static size_t size_of_parts(struct slice text, size_t total, size_t count)
{
	size_t start = 0;
	size_t size = 0;
	for (size_t part = 0; part < total; part++) {
		size_t end = start;
		while (end < text.size && text.data[end] != '/') {
			end++;
		}
		bool last = part + 1 == total;
		if (last != (end == text.size) || !identifier_is_part(slice_of(text.data + start, end - start))) {
			return 0;
		}
		if (part + 1 == count) {
			size = end;
		}
		start = end + 1;
	}
	return size;
}

bool identifier_is_member(struct slice text)
{
	return size_of_parts(text, 3, 3) != 0;
}

bool identifier_is_subsystem(struct slice text)
{
	return size_of_parts(text, 4, 4) != 0;
}

static size_t origin_parts(struct slice origin, size_t count)
{
	struct slice prefix = slice_text(origin_prefix);
	if (!slice_starts_with(origin, prefix)) {
		return 0;
	}
	return size_of_parts(slice_skip(origin, prefix.size), 5, count);
}

bool identifier_is_origin(struct slice text)
{
	return origin_parts(text, 5) != 0;
}

struct slice identifier_member_of_subsystem(struct slice subsystem)
{
	return slice_of(subsystem.data, size_of_parts(subsystem, 4, 3));
}

struct slice identifier_member_of_origin(struct slice origin)
{
	size_t size = origin_parts(origin, 3);
	return size ? slice_of(origin.data + sizeof origin_prefix - 1, size) : slice_of(NULL, 0);
}

struct slice identifier_ledger_of_origin(struct slice origin)
{
	size_t size = origin_parts(origin, 4);
	return size ? slice_of(origin.data, sizeof origin_prefix - 1 + size) : slice_of(NULL, 0);
}

bool identifier_subsystem_belongs(struct slice subsystem, struct slice member)
{
	return member.size != 0 && slice_equal(identifier_member_of_subsystem(subsystem), member);
}

void identifier_new_uuid(uint8_t uuid[IDENTIFIER_UUID_SIZE])
{
	random_bytes(uuid + 6, 10);
	uint64_t millis = (uint64_t)clock_wall_us() / 1000;
	for (int i = 0; i < 6; i++) {
		uuid[i] = (uint8_t)(millis >> (8 * (5 - i)));
	}
	uuid[6] = (uint8_t)(0x70 | (uuid[6] & 0x0f));
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
}

bool identifier_is_uuid7(struct slice uuid)
{
	return uuid.size == IDENTIFIER_UUID_SIZE && uuid.data[6] >> 4 == 7 && uuid.data[8] >> 6 == 2;
}

int64_t identifier_uuid_time_us(const uint8_t uuid[IDENTIFIER_UUID_SIZE])
{
	int64_t millis = 0;
	for (int i = 0; i < 6; i++) {
		millis = millis << 8 | uuid[i];
	}
	return millis * 1000;
}

void identifier_uuid_text(const uint8_t uuid[IDENTIFIER_UUID_SIZE], char text[IDENTIFIER_UUID_TEXT_SIZE])
{
	char hex[2 * IDENTIFIER_UUID_SIZE + 1];
	text_hex(uuid, IDENTIFIER_UUID_SIZE, hex);
	static const size_t group_ends[] = { 8, 12, 16, 20, 32 };
	size_t from = 0;
	size_t to = 0;
	for (size_t group = 0; group < 5; group++) {
		while (from < group_ends[group]) {
			text[to++] = hex[from++];
		}
		text[to++] = group < 4 ? '-' : '\0';
	}
}

result identifier_parse_uuid(struct slice text, uint8_t uuid[IDENTIFIER_UUID_SIZE])
{
	if (text.size != IDENTIFIER_UUID_TEXT_SIZE - 1) {
		return ERR_FORMAT;
	}
	uint8_t hex[2 * IDENTIFIER_UUID_SIZE];
	size_t digits = 0;
	for (size_t i = 0; i < text.size; i++) {
		bool dash_here = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash_here != (text.data[i] == '-')) {
			return ERR_FORMAT;
		}
		if (!dash_here) {
			hex[digits++] = text.data[i];
		}
	}
	return text_unhex(slice_of(hex, digits), uuid, IDENTIFIER_UUID_SIZE);
}
