// SPDX-License-Identifier: EUPL-1.2
#include "contract/wireformat.h"

static uint64_t read_fixed(const uint8_t *at, size_t width)
{
	uint64_t value = 0;
	for (size_t i = 0; i < width; i++) {
		value |= (uint64_t)at[i] << (8 * i);
	}
	return value;
}

enum wireformat_step wireformat_next(struct slice *bytes, struct wireformat_item *ret_item)
{
	struct slice rest = *bytes;
	if (rest.size == 0) {
		return WIREFORMAT_END;
	}
	uint64_t tag;
	size_t used = wireformat_varint(rest.data, rest.size, &tag);
	if (used == 0 || tag >> 3 == 0 || tag >> 3 > WIREFORMAT_NUMBER_MAX) {
		return WIREFORMAT_BROKEN;
	}
	rest = slice_skip(rest, used);
	struct wireformat_item item = { .number = (uint32_t)(tag >> 3), .type = (enum wireformat_type)(tag & 7) };
	size_t size;
	switch (item.type) {
	case WIREFORMAT_VARINT:
		size = wireformat_varint(rest.data, rest.size, &item.value);
		if (size == 0) {
			return WIREFORMAT_BROKEN;
		}
		break;
	case WIREFORMAT_FIXED64:
	case WIREFORMAT_FIXED32:
		size = item.type == WIREFORMAT_FIXED64 ? 8 : 4;
		if (size > rest.size) {
			return WIREFORMAT_BROKEN;
		}
		item.value = read_fixed(rest.data, size);
		break;
	case WIREFORMAT_LENGTH: {
		uint64_t length;
		used = wireformat_varint(rest.data, rest.size, &length);
		if (used == 0 || length > rest.size - used) {
			return WIREFORMAT_BROKEN;
		}
		rest = slice_skip(rest, used);
		size = (size_t)length;
		break;
	}
	default:
		return WIREFORMAT_BROKEN;
	}
	item.bytes = slice_of(rest.data, size);
	*bytes = slice_skip(rest, size);
	*ret_item = item;
	return WIREFORMAT_ITEM;
}
