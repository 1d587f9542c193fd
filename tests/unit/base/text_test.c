// SPDX-License-Identifier: EUPL-1.2
//
// base/text.h: known values, and that every value has exactly one accepted spelling.
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static result unbase64(const char *text, struct buffer *ret_bytes)
{
	buffer_clear(ret_bytes);
	return text_unbase64_append(ret_bytes, slice_text(text));
}

static void test_base64_vectors(void **state)
{
	(void)state;
	// RFC 4648 section 10.
	static const char *const vectors[][2] = { { "", "" },
						  { "f", "Zg==" },
						  { "fo", "Zm8=" },
						  { "foo", "Zm9v" },
						  { "foob", "Zm9vYg==" },
						  { "fooba", "Zm9vYmE=" },
						  { "foobar", "Zm9vYmFy" } };
	struct buffer text, bytes;
	buffer_init(&text, 64);
	buffer_init(&bytes, 64);
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		buffer_clear(&text);
		text_base64_append(&text, slice_text(vectors[i][0]));
		assert_string_equal(buffer_text(&text), vectors[i][1]);
		assert_int_equal(unbase64(vectors[i][1], &bytes), OK);
		assert_string_equal(buffer_text(&bytes), vectors[i][0]);
	}
	buffer_release(&text);
	buffer_release(&bytes);
}

static void test_base64_strict(void **state)
{
	(void)state;
	static const char *const refused[] = { "Zg",   "Zg=",  "Zh==", "Zm9=",     "Zm9v\n", " Zm9v",   "Zm-v",
					       "====", "=m9v", "Z===", "Zg==Zg==", "Z=9v",   "Zm9vYg=Y" };
	struct buffer bytes;
	buffer_init(&bytes, 64);
	buffer_append_text(&bytes, "kept");
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		assert_int_equal(text_unbase64_append(&bytes, slice_text(refused[i])), ERR_FORMAT);
		assert_string_equal(buffer_text(&bytes), "kept");
	}
	buffer_release(&bytes);
}

// Of all 64^2 endings of a two-digit group only those with zero bits to spare are one byte's spelling.
static void test_base64_one_spelling(void **state)
{
	(void)state;
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buffer bytes;
	buffer_init(&bytes, 64);
	int accepted = 0;
	for (int i = 0; i < 64; i++) {
		for (int j = 0; j < 64; j++) {
			const char text[] = { digits[i], digits[j], '=', '=', '\0' };
			accepted += unbase64(text, &bytes) == OK;
		}
	}
	assert_int_equal(accepted, 256);
	buffer_release(&bytes);
}

static void test_base64_limit(void **state)
{
	(void)state;
	struct buffer bytes;
	buffer_init(&bytes, 2);
	assert_int_equal(text_unbase64_append(&bytes, slice_text("Zm9v")), ERR_LIMIT);
	buffer_release(&bytes);
}

static void test_hex(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 0x00, 0x7f, 0xab, 0xff };
	char text[9];
	uint8_t back[4];
	text_hex(bytes, sizeof bytes, text);
	assert_string_equal(text, "007fabff");
	assert_int_equal(text_unhex(slice_text("007FABff"), back, sizeof back), OK);
	assert_memory_equal(back, bytes, sizeof bytes);
	static const char *const refused[] = {
		"", "007fab", "007fabf", "007fabfff", "007fabfg", "007fab f", "+07fabff"
	};
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		assert_int_equal(text_unhex(slice_text(refused[i]), back, sizeof back), ERR_FORMAT);
	}
}

static void test_decimal(void **state)
{
	(void)state;
	uint64_t value = 7;
	assert_int_equal(text_decimal(slice_text("0"), 0, &value), OK);
	assert_true(value == 0);
	assert_int_equal(text_decimal(slice_text("18446744073709551615"), UINT64_MAX, &value), OK);
	assert_true(value == UINT64_MAX);
	assert_int_equal(text_decimal(slice_text("18446744073709551616"), UINT64_MAX, &value), ERR_LIMIT);
	assert_int_equal(text_decimal(slice_text("99999999999999999999999"), UINT64_MAX, &value), ERR_LIMIT);
	assert_int_equal(text_decimal(slice_text("65536"), 65535, &value), ERR_LIMIT);
	static const char *const refused[] = { "", "00", "01", "-1", "+1", " 1", "1 ", "0x1", "1e3" };
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		assert_int_equal(text_decimal(slice_text(refused[i]), UINT64_MAX, &value), ERR_FORMAT);
	}
	assert_true(value == UINT64_MAX); // written only on success
}

static void test_utf8(void **state)
{
	(void)state;
	static const char *const good[] = {
		"", "Prishtinë", "Ђаковица", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"
	};
	static const char *const bad[] = {
		"\x80",         "\xc3",         "\xc0\xaf",         "\xc1\xbf",         "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xff",         "a\xe2\x82",    "\xe2\x28\xa1"
	};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(text_is_utf8(slice_text(good[i])));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(text_is_utf8(slice_text(bad[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_base64_strict),
		cmocka_unit_test(test_base64_one_spelling),
		cmocka_unit_test(test_base64_limit),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_decimal),
		cmocka_unit_test(test_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
