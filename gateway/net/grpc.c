// SPDX-License-Identifier: EUPL-1.2
//
// See grpc.h.
#include "net/grpc.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

// ---- messages -----------------------------------------------------------------------------------------------------

void grpc_frame_head(uint8_t head[GRPC_FRAME_HEAD_SIZE], uint32_t size)
{
	head[0] = 0;
	head[1] = (uint8_t)(size >> 24);
	head[2] = (uint8_t)(size >> 16);
	head[3] = (uint8_t)(size >> 8);
	head[4] = (uint8_t)size;
}

void grpc_deframer_init(struct grpc_deframer *deframer, size_t limit)
{
	*deframer = (struct grpc_deframer){ .limit = limit };
}

static result start_message(struct grpc_deframer *deframer)
{
	const uint8_t *head = deframer->head;
	size_t size = (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
	if (head[0] > 1) {
		return ERR_FORMAT;
	}
	if (head[0] == 1) {
		return ERR_UNSUPPORTED;
	}
	if (size > deframer->limit) {
		return ERR_PAYLOAD_TOO_LARGE;
	}
	deframer->message = malloc(size > 0 ? size : 1);
	if (!deframer->message) {
		return ERR_MEMORY;
	}
	deframer->size = size;
	deframer->filled = 0;
	deframer->complete = size == 0;
	return OK;
}

result grpc_deframer_push(struct grpc_deframer *deframer, struct slice *bytes)
{
	while (bytes->size > 0 && deframer->head_size < GRPC_FRAME_HEAD_SIZE) {
		deframer->head[deframer->head_size++] = bytes->data[0];
		*bytes = slice_skip(*bytes, 1);
		if (deframer->head_size == GRPC_FRAME_HEAD_SIZE) {
			result code = start_message(deframer);
			if (code != OK) {
				return code;
			}
		}
	}
	if (!deframer->message || deframer->complete || bytes->size == 0) {
		return OK;
	}
	size_t part = deframer->size - deframer->filled;
	part = part < bytes->size ? part : bytes->size;
	memcpy(deframer->message + deframer->filled, bytes->data, part);
	deframer->filled += part;
	*bytes = slice_skip(*bytes, part);
	deframer->complete = deframer->filled == deframer->size;
	return OK;
}

bool grpc_deframer_at_boundary(const struct grpc_deframer *deframer)
{
	return deframer->head_size == 0;
}

uint8_t *grpc_deframer_take(struct grpc_deframer *deframer, size_t *ret_size)
{
	assert_always(deframer->complete);
	uint8_t *message = deframer->message;
	*ret_size = deframer->size;
	grpc_deframer_init(deframer, deframer->limit);
	return message;
}

void grpc_deframer_release(struct grpc_deframer *deframer)
{
	free(deframer->message);
	grpc_deframer_init(deframer, deframer->limit);
}

// ---- deadlines ----------------------------------------------------------------------------------------------------

static const struct timeout_unit {
	char letter;
	int64_t nanoseconds;
} TIMEOUT_UNITS[] = {
	{ 'n', 1 },
	{ 'u', 1000 },
	{ 'm', 1000000 },
	{ 'S', 1000000000 },
	{ 'M', INT64_C(60) * 1000000000 },
	{ 'H', INT64_C(3600) * 1000000000 },
};

enum { TIMEOUT_DIGITS_MAX = 8 };
static const int64_t TIMEOUT_MOST_US = INT64_C(365) * 24 * 3600 * 1000000;

result grpc_timeout_parse(struct slice text, int64_t *ret_us)
{
	if (text.size < 2 || text.size > TIMEOUT_DIGITS_MAX + 1) {
		return ERR_FORMAT;
	}
	int64_t value = 0;
	for (size_t i = 0; i + 1 < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9') {
			return ERR_FORMAT;
		}
		value = value * 10 + (text.data[i] - '0');
	}
	for (size_t i = 0; i < sizeof TIMEOUT_UNITS / sizeof *TIMEOUT_UNITS; i++) {
		const struct timeout_unit *unit = &TIMEOUT_UNITS[i];
		if (text.data[text.size - 1] != (uint8_t)unit->letter) {
			continue;
		}
		// Eight digits of hours overflow nanoseconds; microseconds hold them.
		int64_t us = unit->nanoseconds < 1000 ? (value + 999) / 1000 : value * (unit->nanoseconds / 1000);
		*ret_us = us < TIMEOUT_MOST_US ? us : TIMEOUT_MOST_US;
		return OK;
	}
	return ERR_FORMAT;
}

void grpc_timeout_format(int64_t us, char text[GRPC_TIMEOUT_TEXT_SIZE])
{
	static const int64_t most = 99999999;
	int64_t value = us > 0 ? us : 1;
	char unit = 'u';
	if (value > most) {
		value /= 1000;
		unit = 'm';
	}
	if (value > most) {
		value /= 1000;
		unit = 'S';
	}
	if (value > most) {
		value = most;
	}
	snprintf(text, GRPC_TIMEOUT_TEXT_SIZE, "%d%c", (int)value, unit);
}

// ---- text and binary metadata -------------------------------------------------------------------------------------

static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte <= 0x7e && byte != '%';
}

void grpc_message_encode(struct buffer *out, struct slice text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (is_plain(byte)) {
			buffer_append_byte(out, byte);
		} else {
			const char code[3] = { '%', digits[byte >> 4], digits[byte & 15] };
			buffer_append(out, code, sizeof code);
		}
	}
}

void grpc_message_decode(struct buffer *out, struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		if (byte == '%' && i + 2 < text.size && text_unhex(slice_of(text.data + i + 1, 2), &byte, 1) == OK) {
			i += 2;
		}
		buffer_append_byte(out, byte);
	}
}

void grpc_bin_encode(struct buffer *out, struct slice bytes)
{
	text_base64_append(out, bytes);
	if (buffer_result(out) == OK) {
		while (out->size > 0 && out->data[out->size - 1] == '=') {
			out->size--;
		}
	}
}

result grpc_bin_decode(struct buffer *out, struct slice text)
{
	size_t given = 0;
	while (text.size > 0 && text.data[text.size - 1] == '=') {
		text.size--;
		given++;
	}
	size_t padding = (4 - text.size % 4) % 4;
	if (padding == 3 || (given > 0 && given != padding) || (text.size > 0 && memchr(text.data, '=', text.size))) {
		return ERR_FORMAT;
	}
	// Whole quads as they are, the last one with its padding restored.
	size_t whole = text.size / 4 * 4;
	uint8_t last[4] = { '=', '=', '=', '=' };
	size_t before = out->size;
	result code = text_unbase64_append(out, slice_of(text.data, whole));
	if (code == OK && padding > 0) {
		memcpy(last, text.data + whole, text.size - whole);
		code = text_unbase64_append(out, slice_of(last, sizeof last));
	}
	if (code != OK) {
		out->size = before;
	}
	return code;
}

bool grpc_is_content_type(struct slice value)
{
	struct slice prefix = slice_text("application/grpc");
	if (!slice_starts_with(value, prefix)) {
		return false;
	}
	return value.size == prefix.size || value.data[prefix.size] == '+' || value.data[prefix.size] == ';';
}

bool grpc_is_reserved(struct slice name)
{
	if (slice_starts_with(name, slice_text("grpc-")) || slice_starts_with(name, slice_text(":"))) {
		return true;
	}
	static const char *const names[] = {
		"te", "content-type", "user-agent", "content-length", "host", "connection"
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (slice_is(name, names[i])) {
			return true;
		}
	}
	return false;
}

// ---- statuses -----------------------------------------------------------------------------------------------------

enum grpc_status grpc_status_parse(struct slice text)
{
	uint64_t value = 0;
	return text_decimal(text, GRPC_UNAUTHENTICATED, &value) == OK ? (enum grpc_status)value : GRPC_UNKNOWN;
}

enum grpc_status grpc_status_of_http(unsigned status)
{
	switch (status) {
	case 400:
	case 431:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_status_of_reset(enum h2_error code)
{
	switch (code) {
	case H2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case H2_CANCEL:
		return GRPC_CANCELLED;
	case H2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case H2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

// ---- sending ------------------------------------------------------------------------------------------------------

// Longest grpc-message sent: half of what peers accept in trailers by default (8 KiB), percent-encoded.
enum { STATUS_TEXT_MAX = 4096 };

static const struct h2_header CONTENT_TYPE = {
	.name = { (const uint8_t *)"content-type", 12 },
	.value = { (const uint8_t *)"application/grpc", 16 },
	.flags = H2_HEADER_STATIC,
};

static struct h2_header status_field(enum grpc_status status)
{
	static const char texts[][3] = { "0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
					 "9", "10", "11", "12", "13", "14", "15", "16" };
	assert_always((unsigned)status < sizeof texts / sizeof *texts);
	return (struct h2_header){ slice_text("grpc-status"), slice_text(texts[status]), H2_HEADER_STATIC };
}

result grpc_respond(struct h2_stream *stream, const struct h2_header *metadata, size_t count)
{
	struct h2_header fields[H2_HEADER_SEND_MAX];
	if (count + 1 > H2_HEADER_SEND_MAX) {
		return ERR_LIMIT;
	}
	fields[0] = CONTENT_TYPE;
	for (size_t i = 0; i < count; i++) {
		fields[i + 1] = metadata[i];
	}
	return h2_stream_respond(stream, 200, fields, count + 1, false);
}

void grpc_finish(struct h2_stream *stream, bool response_begun, enum grpc_status status, struct slice message,
		 const struct h2_header *trailers, size_t count)
{
	struct h2_header fields[H2_HEADER_SEND_MAX];
	struct buffer text;
	size_t used = 0;
	buffer_init(&text, STATUS_TEXT_MAX);
	if (!response_begun) {
		fields[used++] = CONTENT_TYPE;
	}
	fields[used++] = status_field(status);
	grpc_message_encode(
	    &text, slice_of(message.data, message.size < STATUS_TEXT_MAX / 3 ? message.size : STATUS_TEXT_MAX / 3));
	if (message.size > 0 && buffer_result(&text) == OK) {
		fields[used++] = (struct h2_header){ slice_text("grpc-message"), buffer_slice(&text), 0 };
	}
	for (size_t i = 0; i < count && used < H2_HEADER_SEND_MAX; i++) {
		fields[used++] = trailers[i];
	}
	result code =
	    response_begun ? h2_stream_end(stream, fields, used) : h2_stream_respond(stream, 200, fields, used, true);
	buffer_release(&text);
	if (code != OK) {
		h2_stream_reset(stream, H2_INTERNAL_ERROR);
	}
}
