// SPDX-License-Identifier: EUPL-1.2
//
// The processor's instruction where there is one (8 bytes in 3 cycles), a table otherwise.
#include "ledger/crc32c.h"

static uint32_t table[256];

static void make_table(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0); // the polynomial, reflected
		}
		table[byte] = crc;
	}
}

static uint32_t by_table(uint32_t crc, const uint8_t *data, size_t size)
{
	if (table[1] == 0) {
		make_table();
	}
	for (size_t i = 0; i < size; i++) {
		crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
	}
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *data, size_t size)
{
	uint64_t wide = crc;
	while (size >= 8) {
		uint64_t word;
		memcpy(&word, data, 8);
		wide = __builtin_ia32_crc32di(wide, word);
		data += 8;
		size -= 8;
	}
	crc = (uint32_t)wide;
	while (size-- > 0) {
		crc = __builtin_ia32_crc32qi(crc, *data++);
	}
	return crc;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *data, size_t size)
{
	return by_table(crc, data, size);
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	return ~(has_instruction() ? by_instruction(~crc, data, size) : by_table(~crc, data, size));
}
