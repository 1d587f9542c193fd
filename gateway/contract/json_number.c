// SPDX-License-Identifier: EUPL-1.2
//
// Numbers and bytes as the JSON mapping spells them. Programs never set a locale, so the C library's point is ".".
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract/json_parts.h"

enum {
	NUMBER_MAX = 1100, // characters of a number: the longest exact double has 1,077
	EXPONENT_MAX = 100000,
};

static size_t digits_at(struct slice text, size_t at)
{
	size_t end = at;
	while (end < text.size && text.data[end] >= '0' && text.data[end] <= '9') {
		end++;
	}
	return end - at;
}

// A number in its parts: whole and fraction are runs of digits.
struct parts {
	bool negative;
	struct slice whole;
	struct slice fraction;
	int32_t exponent; // capped at EXPONENT_MAX: far beyond what NUMBER_MAX digits can make up for
};

static bool split_exponent(struct slice text, size_t at, struct parts *parts)
{
	bool negative = at < text.size && text.data[at] == '-';
	if (at < text.size && (text.data[at] == '-' || text.data[at] == '+')) {
		at++;
	}
	size_t size = digits_at(text, at);
	if (size == 0 || at + size != text.size) {
		return false;
	}
	int32_t exponent = 0;
	for (size_t i = 0; i < size && exponent < EXPONENT_MAX; i++) {
		exponent = exponent * 10 + (text.data[at + i] - '0');
	}
	parts->exponent = negative ? -exponent : exponent;
	return true;
}

static bool split(struct slice text, struct parts *parts)
{
	*parts = (struct parts){ 0 };
	size_t at = 0;
	if (text.size > 0 && text.data[0] == '-') {
		parts->negative = true;
		at++;
	}
	size_t size = digits_at(text, at);
	if (size == 0 || (size > 1 && text.data[at] == '0')) {
		return false;
	}
	parts->whole = slice_of(text.data + at, size);
	at += size;
	if (at < text.size && text.data[at] == '.') {
		size = digits_at(text, at + 1);
		if (size == 0) {
			return false;
		}
		parts->fraction = slice_of(text.data + at + 1, size);
		at += 1 + size;
	}
	if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
		return split_exponent(text, at + 1, parts);
	}
	return at == text.size;
}

bool json_number_is(struct slice text)
{
	struct parts parts;
	return split(text, &parts);
}

// Takes one more digit; false on overflow.
static bool push_digit(uint64_t *value, unsigned digit)
{
	if (*value > (UINT64_MAX - digit) / 10) {
		return false;
	}
	*value = *value * 10 + digit;
	return true;
}

result json_number_integer(struct slice text, uint64_t least, uint64_t most, bool *ret_negative, uint64_t *ret_size)
{
	struct parts parts;
	if (text.size > NUMBER_MAX || !split(text, &parts)) {
		return ERR_FORMAT;
	}
	// The digit at place i of whole ‖ fraction counts as long as i < point; all digits after must be zero.
	int64_t point = (int64_t)parts.whole.size + parts.exponent;
	int64_t count = (int64_t)(parts.whole.size + parts.fraction.size);
	uint64_t value = 0;
	for (int64_t i = 0; i < count; i++) {
		const struct slice *run = i < (int64_t)parts.whole.size ? &parts.whole : &parts.fraction;
		size_t at = (size_t)(run == &parts.whole ? i : i - (int64_t)parts.whole.size);
		unsigned digit = run->data[at] - '0';
		if (i >= point && digit != 0) {
			return ERR_FORMAT;
		}
		if (i < point && !push_digit(&value, digit)) {
			return ERR_LIMIT;
		}
	}
	for (int64_t i = count; i < point && value != 0; i++) {
		if (!push_digit(&value, 0)) {
			return ERR_LIMIT;
		}
	}
	if (value > (parts.negative ? least : most)) {
		return ERR_LIMIT;
	}
	*ret_negative = parts.negative && value != 0;
	*ret_size = value;
	return OK;
}

// A terminated copy of a well-formed number, for the C library.
static bool copy_number(struct slice text, char copy[NUMBER_MAX + 1])
{
	if (text.size > NUMBER_MAX || !json_number_is(text)) {
		return false;
	}
	memcpy(copy, text.data, text.size);
	copy[text.size] = '\0';
	return true;
}

result json_number_double(struct slice text, double *ret_value)
{
	char copy[NUMBER_MAX + 1];
	if (!copy_number(text, copy)) {
		return ERR_FORMAT;
	}
	double value = strtod(copy, NULL);
	if (isinf(value)) {
		return ERR_LIMIT;
	}
	*ret_value = value;
	return OK;
}

result json_number_float(struct slice text, float *ret_value)
{
	char copy[NUMBER_MAX + 1];
	if (!copy_number(text, copy)) {
		return ERR_FORMAT;
	}
	float value = strtof(copy, NULL);
	if (isinf(value)) {
		return ERR_LIMIT;
	}
	*ret_value = value;
	return OK;
}

// True if the value was one of those that JSON has no number for.
static bool append_special(struct buffer *buffer, double value)
{
	if (isnan(value)) {
		buffer_append_text(buffer, "\"NaN\"");
	} else if (isinf(value)) {
		buffer_append_text(buffer, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	} else {
		return false;
	}
	return true;
}

void json_number_append_double(struct buffer *buffer, double value)
{
	if (append_special(buffer, value)) {
		return;
	}
	char text[40];
	for (int precision = DBL_DIG; precision <= DBL_DIG + 2; precision++) {
		snprintf(text, sizeof text, "%.*g", precision, value);
		if (strtod(text, NULL) == value) {
			break;
		}
	}
	buffer_append_text(buffer, text);
}

void json_number_append_float(struct buffer *buffer, float value)
{
	if (append_special(buffer, (double)value)) {
		return;
	}
	char text[40];
	for (int precision = FLT_DIG; precision <= FLT_DIG + 3; precision++) {
		snprintf(text, sizeof text, "%.*g", precision, (double)value);
		if (strtof(text, NULL) == value) {
			break;
		}
	}
	buffer_append_text(buffer, text);
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	if (c == '+' || c == '-') {
		return 62;
	}
	return c == '/' || c == '_' ? 63 : -1;
}

result json_number_base64(struct slice text, struct arena *arena, ProtobufCBinaryData *ret_bytes)
{
	size_t size = text.size;
	while (size > 0 && text.size - size < 2 && text.data[size - 1] == '=') {
		size--;
	}
	bool padded = size < text.size;
	if (size % 4 == 1 || (padded && text.size % 4 != 0)) {
		return ERR_FORMAT;
	}
	uint8_t *bytes = arena_alloc(arena, size / 4 * 3 + 3);
	if (!bytes) {
		return ERR_LIMIT;
	}
	size_t used = 0;
	uint32_t bits = 0;
	unsigned held = 0;
	for (size_t i = 0; i < size; i++) {
		int value = base64_value(text.data[i]);
		if (value < 0) {
			return ERR_FORMAT;
		}
		bits = (bits << 6 | (uint32_t)value) & 0xffffff;
		held += 6;
		if (held >= 8) {
			held -= 8;
			bytes[used++] = (uint8_t)(bits >> held);
		}
	}
	// protobuf-c holds empty bytes without a pointer.
	*ret_bytes = (ProtobufCBinaryData){ .len = used, .data = used ? bytes : NULL };
	return OK;
}
