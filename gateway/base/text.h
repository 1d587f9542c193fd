// SPDX-License-Identifier: EUPL-1.2
//
// Text forms of bytes and numbers: hexadecimal, base64 (RFC 4648 section 4, strict), decimal, UTF-8.
#ifndef BESA_BASE_TEXT_H
#define BESA_BASE_TEXT_H

#include "base/buffer.h"

// Lower-case hexadecimal; `text` has 2 * size + 1 bytes and is terminated.
void text_hex(const void *bytes, size_t size, char *text);

// Exactly `size` bytes from 2 * size hexadecimal digits of either case; ERR_FORMAT otherwise.
result text_unhex(struct slice text, uint8_t *bytes, size_t size);

// Appends padded base64.
void text_base64_append(struct buffer *buffer, struct slice bytes);

// Appends the bytes of canonical base64: the padding complete and the unused bits zero (C2SP
// notes demand it), no white space. ERR_FORMAT otherwise, the buffer unchanged.
result text_unbase64_append(struct buffer *buffer, struct slice text);

// A decimal number without sign or leading zeroes, at most `most`; ERR_FORMAT or ERR_LIMIT.
result text_decimal(struct slice text, uint64_t most, uint64_t *ret_value);

// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool text_is_utf8(struct slice text);

#endif
