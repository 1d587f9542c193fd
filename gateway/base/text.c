// SPDX-License-Identifier: EUPL-1.2
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_hex(const void *bytes, size_t size, char *text)
{
	const uint8_t *from = bytes;
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = hex_digits[from[i] >> 4];
		text[2 * i + 1] = hex_digits[from[i] & 15];
	}
	text[2 * size] = '\0';
}

static int hex_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9') {
		return digit - '0';
	}
	if (digit >= 'a' && digit <= 'f') {
		return digit - 'a' + 10;
	}
	if (digit >= 'A' && digit <= 'F') {
		return digit - 'A' + 10;
	}
	return -1;
}

result text_unhex(struct slice text, uint8_t *bytes, size_t size)
{
	if (text.size != 2 * size) {
		return ERR_FORMAT;
	}
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text.data[2 * i]);
		int low = hex_value(text.data[2 * i + 1]);
		if (high < 0 || low < 0) {
			return ERR_FORMAT;
		}
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return OK;
}

void text_base64_append(struct buffer *buffer, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		uint32_t group = (uint32_t)bytes.data[i] << 16;
		group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
		group |= left > 2 ? bytes.data[i + 2] : 0;
		char out[4] = {
			base64_digits[group >> 18],
			base64_digits[group >> 12 & 63],
			left > 1 ? base64_digits[group >> 6 & 63] : '=',
			left > 2 ? base64_digits[group & 63] : '=',
		};
		buffer_append(buffer, out, sizeof out);
	}
}

static int base64_value(uint8_t digit)
{
	if (digit >= 'A' && digit <= 'Z') {
		return digit - 'A';
	}
	if (digit >= 'a' && digit <= 'z') {
		return digit - 'a' + 26;
	}
	if (digit >= '0' && digit <= '9') {
		return digit - '0' + 52;
	}
	if (digit == '+') {
		return 62;
	}
	return digit == '/' ? 63 : -1;
}

// One group of four digits of which the last `padding` are '='.
static result decode_group(const uint8_t *digits, size_t padding, uint8_t out[3])
{
	uint32_t group = 0;
	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? base64_value(digits[i]) : 0;
		if (value < 0) {
			return ERR_FORMAT;
		}
		group = group << 6 | (uint32_t)value;
	}
	if ((padding == 1 && (group & 0xff) != 0) || (padding == 2 && (group & 0xffff) != 0)) {
		return ERR_FORMAT; // bits that no encoder sets: a second spelling of the same bytes
	}
	out[0] = (uint8_t)(group >> 16);
	out[1] = (uint8_t)(group >> 8);
	out[2] = (uint8_t)group;
	return OK;
}

result text_unbase64_append(struct buffer *buffer, struct slice text)
{
	if (text.size % 4 != 0) {
		return ERR_FORMAT;
	}
	size_t before = buffer->size;
	for (size_t i = 0; i < text.size; i += 4) {
		size_t padding = 0;
		if (i + 4 == text.size && text.data[i + 3] == '=') {
			padding = text.data[i + 2] == '=' ? 2 : 1;
		}
		uint8_t out[3];
		if (decode_group(text.data + i, padding, out) != OK) {
			buffer->size = before;
			return ERR_FORMAT;
		}
		buffer_append(buffer, out, 3 - padding);
	}
	return buffer_result(buffer);
}

result text_decimal(struct slice text, uint64_t most, uint64_t *ret_value)
{
	if (text.size == 0 || (text.size > 1 && text.data[0] == '0')) {
		return ERR_FORMAT;
	}
	uint64_t value = 0;
	for (size_t i = 0; i < text.size; i++) {
		unsigned digit = (unsigned)text.data[i] - '0';
		if (digit > 9) {
			return ERR_FORMAT;
		}
		if (value > (UINT64_MAX - digit) / 10) {
			return ERR_LIMIT;
		}
		value = value * 10 + digit;
	}
	if (value > most) {
		return ERR_LIMIT;
	}
	*ret_value = value;
	return OK;
}

// The length of the well-formed sequence at `at`, 0 if there is none.
static size_t utf8_sequence(const uint8_t *at, size_t left)
{
	uint8_t first = at[0];
	if (first < 0x80) {
		return 1;
	}
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || length > left) {
		return 0;
	}
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	bool overlong = (first == 0xe0 && at[1] < 0xa0) || (first == 0xf0 && at[1] < 0x90);
	bool surrogate = first == 0xed && at[1] > 0x9f;
	bool beyond = first == 0xf4 && at[1] > 0x8f;
	return overlong || surrogate || beyond ? 0 : length;
}

bool text_is_utf8(struct slice text)
{
	size_t i = 0;
	while (i < text.size) {
		size_t length = utf8_sequence(text.data + i, text.size - i);
		if (length == 0) {
			return false;
		}
		i += length;
	}
	return true;
}
