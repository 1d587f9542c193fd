// SPDX-License-Identifier: EUPL-1.2
//
// Folding of names: what it takes away, what it leaves, and that it never makes text longer.
#include "adapters/sql/sql_fold.h"

#include "base/text.h"
#include "library.h"

static void expect(const char *text, const char *expected)
{
	struct arena arena;
	arena_init(&arena, 4096);
	struct slice folded = sql_fold(slice_text(text), &arena);
	assert_non_null(folded.data);
	assert_int_equal(folded.size, strlen(expected));
	assert_string_equal((const char *)folded.data, expected);
	arena_release(&arena);
}

static void test_names(void **state)
{
	(void)state;
	expect("", "");
	expect("Skënder", "skender");
	expect("ÇELË", "cele");
	expect("Đorđević", "dordevic");
	expect("Žarko Šćepanović", "zarko scepanovic");
	expect("Yılmaz Şahin Öğüt İnci", "yilmaz sahin ogut inci");
	expect("Groß Œuvre", "gross oeuvre");
	expect("O'Hara-Smith 2", "o'hara-smith 2");
}

static void test_other_letters_stay(void **state)
{
	(void)state;
	expect("Петровић", "Петровић");
	expect("3 × 4 ÷ 2 €", "3 × 4 ÷ 2 €");
	expect("語😀", "語😀");
}

static void test_never_longer_and_still_utf8(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1 << 20);
	for (unsigned letter = 0x80; letter < 0x800; letter++) {
		const uint8_t text[] = { (uint8_t)(0xc0 | letter >> 6), (uint8_t)(0x80 | (letter & 0x3f)) };
		struct slice folded = sql_fold(slice_of(text, 2), &arena);
		assert_true(folded.size >= 1 && folded.size <= 2);
		assert_true(text_is_utf8(folded));
	}
	arena_release(&arena);
}

static void test_no_room(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 4);
	assert_null(sql_fold(slice_text("more than four bytes"), &arena).data);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_letters_stay),
		cmocka_unit_test(test_never_longer_and_still_utf8),
		cmocka_unit_test(test_no_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
