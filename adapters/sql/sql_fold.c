// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_fold.h"

enum { TABLE_FIRST = 0xc0, TABLE_LAST = 0x17f };

// The base letters of U+00C0 to U+017F (Latin-1 and Latin Extended-A); × and ÷ are no letters and stay.
static const char table[TABLE_LAST - TABLE_FIRST + 1][3] = {
	// clang-format off
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", // U+00C0
	"d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "ss", // U+00D0
	"a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", // U+00E0
	"d", "n", "o", "o", "o", "o", "o", "", "o", "u", "u", "u", "u", "y", "th", "y", // U+00F0
	"a", "a", "a", "a", "a", "a", "c", "c", "c", "c", "c", "c", "c", "c", "d", "d", // U+0100
	"d", "d", "e", "e", "e", "e", "e", "e", "e", "e", "e", "e", "g", "g", "g", "g", // U+0110
	"g", "g", "g", "g", "h", "h", "h", "h", "i", "i", "i", "i", "i", "i", "i", "i", // U+0120
	"i", "i", "ij", "ij", "j", "j", "k", "k", "k", "l", "l", "l", "l", "l", "l", "", // U+0130
	"", "l", "l", "n", "n", "n", "n", "n", "n", "n", "n", "n", "o", "o", "o", "o", // U+0140
	"o", "o", "oe", "oe", "r", "r", "r", "r", "r", "r", "s", "s", "s", "s", "s", "s", // U+0150
	"s", "s", "t", "t", "t", "t", "t", "t", "u", "u", "u", "u", "u", "u", "u", "u", // U+0160
	"u", "u", "u", "u", "w", "w", "y", "y", "y", "z", "z", "z", "z", "z", "z", "s", // U+0170
	// clang-format on
};

struct slice sql_fold(struct slice text, struct arena *arena)
{
	uint8_t *folded = arena_alloc(arena, text.size + 1);
	if (!folded) {
		return (struct slice){ 0 };
	}
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		// Two bytes of UTF-8, 110xxxxx 10xxxxxx, reach to U+07FF.
		bool two = (byte & 0xe0) == 0xc0 && i + 1 < text.size;
		unsigned letter = two ? (byte & 0x1fu) << 6 | (text.data[i + 1] & 0x3fu) : 0;
		const char *base = letter >= TABLE_FIRST && letter <= TABLE_LAST ? table[letter - TABLE_FIRST] : "";
		if (*base) {
			while (*base) {
				folded[size++] = (uint8_t)*base++;
			}
			i++;
		} else {
			folded[size++] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
		}
	}
	folded[size] = '\0';
	return slice_of(folded, size);
}
