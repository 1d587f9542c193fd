// SPDX-License-Identifier: EUPL-1.2
//
// base/identifier.h: what is a name and what is not, who owns what, and ids that sort by time.
#include "base/identifier.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PART_64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static void test_parts(void **state)
{
	(void)state;
	static const char *const good[] = { "XK", "gw1", "a.b", "A-b_c.9", "-", "_", PART_64 };
	static const char *const bad[] = { "",    ".",    "..", ".a",  "a b",   "a/b",
					   "a+b", "a%20", "ë",  "a\n", "a\x7f", PART_64 "e" };
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(identifier_is_part(slice_text(good[i])));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(identifier_is_part(slice_text(bad[i])));
	}
	assert_false(identifier_is_part(slice_of("a\0b", 3)));
}

static void test_kinds(void **state)
{
	(void)state;
	assert_true(identifier_is_member(slice_text("XK/GOV/ARC")));
	assert_true(identifier_is_subsystem(slice_text("XK/GOV/ARC/population")));
	assert_true(identifier_is_origin(slice_text("besa/XK/GOV/ARC/gw1/2026")));
	static const char *const none[] = { "",
					    "XK",
					    "XK/GOV",
					    "/XK/GOV/ARC",
					    "XK//ARC",
					    "XK/GOV/ARC/",
					    "XK/GOV/ARC/a/b",
					    "besa/XK/GOV/ARC/gw1",
					    "besa/XK/GOV/ARC/gw1/2026/x",
					    "BESA/XK/GOV/ARC/gw1/2026",
					    "besa/XK/GOV/ARC//2026" };
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		assert_false(identifier_is_member(slice_text(none[i])));
		assert_false(identifier_is_subsystem(slice_text(none[i])));
		assert_false(identifier_is_origin(slice_text(none[i])));
	}
}

static void test_ownership(void **state)
{
	(void)state;
	struct slice origin = slice_text("besa/XK/GOV/ARC/gw1/2026");
	assert_true(slice_is(identifier_member_of_subsystem(slice_text("XK/GOV/ARC/population")), "XK/GOV/ARC"));
	assert_true(slice_is(identifier_member_of_origin(origin), "XK/GOV/ARC"));
	assert_true(slice_is(identifier_ledger_of_origin(origin), "besa/XK/GOV/ARC/gw1"));
	assert_int_equal(identifier_member_of_subsystem(slice_text("XK/GOV/ARC")).size, 0);
	assert_int_equal(identifier_member_of_origin(slice_text("XK/GOV/ARC")).size, 0);
	assert_int_equal(identifier_ledger_of_origin(slice_text("besa/XK/GOV/ARC/gw1")).size, 0);
	assert_true(identifier_subsystem_belongs(slice_text("XK/GOV/ARC/population"), slice_text("XK/GOV/ARC")));
	// A member whose name begins with another's owns nothing of it.
	assert_false(identifier_subsystem_belongs(slice_text("XK/GOV/ARC2/population"), slice_text("XK/GOV/ARC")));
	assert_false(identifier_subsystem_belongs(slice_text("XK/GOV/ARC/population"), slice_text("XK/GOV/AR")));
	assert_false(identifier_subsystem_belongs(slice_text("XK/GOV/ARC"), slice_text("XK/GOV")));
}

static void test_uuid(void **state)
{
	(void)state;
	uint8_t uuid[IDENTIFIER_UUID_SIZE], same[IDENTIFIER_UUID_SIZE], other[IDENTIFIER_UUID_SIZE];
	char text[IDENTIFIER_UUID_TEXT_SIZE];
	int64_t before = clock_wall_us();
	identifier_new_uuid(uuid);
	identifier_new_uuid(other);
	assert_memory_not_equal(uuid, other, sizeof uuid);
	assert_true(identifier_is_uuid7(slice_of(uuid, sizeof uuid)));
	assert_true(identifier_uuid_time_us(uuid) >= before - 1000);
	assert_true(identifier_uuid_time_us(uuid) <= clock_wall_us());
	identifier_uuid_text(uuid, text);
	assert_int_equal(strlen(text), 36);
	assert_int_equal(identifier_parse_uuid(slice_text(text), same), OK);
	assert_memory_equal(uuid, same, sizeof uuid);
	assert_false(identifier_is_uuid7(slice_of(uuid, 15)));
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); // version 4
	assert_false(identifier_is_uuid7(slice_of(uuid, sizeof uuid)));
	same[8] = (uint8_t)((same[8] & 0x3f) | 0xc0); // another variant
	assert_false(identifier_is_uuid7(slice_of(same, sizeof same)));
}

static void test_uuid_vector(void **state)
{
	(void)state;
	// RFC 9562 appendix A.6: 2022-02-22 14:22:22.000 UTC-05:00.
	uint8_t uuid[IDENTIFIER_UUID_SIZE];
	char text[IDENTIFIER_UUID_TEXT_SIZE];
	assert_int_equal(identifier_parse_uuid(slice_text("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), uuid), OK);
	assert_true(identifier_is_uuid7(slice_of(uuid, sizeof uuid)));
	assert_true(identifier_uuid_time_us(uuid) == INT64_C(1645557742000000));
	identifier_uuid_text(uuid, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
	static const char *const refused[] = { "",
					       "017f22e279b07cc398c4dc0c0c07398f",
					       "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
					       "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
					       "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
					       "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}" };
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		assert_int_equal(identifier_parse_uuid(slice_text(refused[i]), uuid), ERR_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts), cmocka_unit_test(test_kinds),       cmocka_unit_test(test_ownership),
		cmocka_unit_test(test_uuid),  cmocka_unit_test(test_uuid_vector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
