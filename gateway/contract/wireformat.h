// SPDX-License-Identifier: EUPL-1.2
//
// Reading the protobuf wire format (protobuf.dev/programming-guides/encoding) in place: bounded, no allocation, no
// recursion. Used where the bytes cannot go through protobuf-c: descriptor sets, options, the pre-scan.
#ifndef BESA_CONTRACT_WIREFORMAT_H
#define BESA_CONTRACT_WIREFORMAT_H

#include "base/slice.h"

enum wireformat_type {
	WIREFORMAT_VARINT = 0,
	WIREFORMAT_FIXED64 = 1,
	WIREFORMAT_LENGTH = 2,
	WIREFORMAT_FIXED32 = 5,
};

enum {
	WIREFORMAT_NUMBER_MAX = 536870911, // field numbers have 29 bits
	WIREFORMAT_VARINT_MAX = 10,        // bytes
};

// One field as it lies in the bytes.
struct wireformat_item {
	uint32_t number;
	enum wireformat_type type;
	uint64_t value;     // of a varint or fixed-width field
	struct slice bytes; // of a length-delimited field: its content; else the value as encoded
};

enum wireformat_step { WIREFORMAT_ITEM, WIREFORMAT_END, WIREFORMAT_BROKEN };

// Length of the varint at `at`, 0 if it does not end within `left` bytes or within 10.
static inline size_t wireformat_varint(const uint8_t *at, size_t left, uint64_t *ret_value)
{
	if (left > 0 && at[0] < 0x80) { // most tags and lengths
		*ret_value = at[0];
		return 1;
	}
	size_t most = left < WIREFORMAT_VARINT_MAX ? left : WIREFORMAT_VARINT_MAX;
	uint64_t value = 0;
	for (size_t i = 0; i < most; i++) {
		value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
		if (at[i] < 0x80) {
			*ret_value = value;
			return i + 1;
		}
	}
	return 0;
}

// Takes the next field off the front of `bytes`. BROKEN: truncated, field number 0 or too large, a group
// or an unknown wire type; `bytes` is then at the broken field.
enum wireformat_step wireformat_next(struct slice *bytes, struct wireformat_item *ret_item);

#endif
