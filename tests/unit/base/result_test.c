// SPDX-License-Identifier: EUPL-1.2
//
// The table of results is complete and without doubles; words are bounded.
#include "base/clock.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void every_code_has_a_row_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < RESULT_COUNT; i++) {
		result code = (result)i;
		const char *name = result_wire_name(code);
		assert_true(strlen(name) > 1 && strlen(result_text(code)) > 3);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		assert_int_equal(result_from_wire_name(name, strlen(name)), i);
		assert_true((code == OK) == (result_grpc_status(code) == GRPC_OK));
		assert_string_not_equal(result_grpc_name((int)result_grpc_status(code)), "UNKNOWN");
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(name, result_wire_name((result)j));
		}
	}
}

static void unknown_codes_and_names_are_internal(void **state)
{
	(void)state;
	assert_string_equal(result_wire_name((result)9999), "internal");
	assert_int_equal(result_from_wire_name("of_the_future", 13), ERR_INTERNAL);
	assert_int_equal(result_from_wire_name("o", 1), ERR_INTERNAL);
	assert_string_equal(result_grpc_name(-1), "UNKNOWN");
	assert_string_equal(result_grpc_name(17), "UNKNOWN");
	assert_string_equal(result_grpc_name(7), "PERMISSION_DENIED");
}

static void words_are_cut_never_overrun(void **state)
{
	(void)state;
	char longer[2 * FAULT_TEXT_MAX];
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	struct fault fault;
	assert_int_equal(fault_set(&fault, ERR_FORMAT, "%s", longer), ERR_FORMAT);
	assert_int_equal(strlen(fault.text), FAULT_TEXT_MAX - 1);
	assert_int_equal(fault_prefix(&fault, ERR_LIMIT, "file %d", 7), ERR_LIMIT);
	assert_int_equal(strncmp(fault.text, "file 7: xxx", 11), 0);
	assert_int_equal(fault_set(NULL, ERR_IO, "nobody listens"), ERR_IO);
}

static void times_are_written_in_utc(void **state)
{
	(void)state;
	char text[CLOCK_TEXT_SIZE];
	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	clock_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
	clock_format(1795253400123456, text);
	assert_string_equal(text, "2026-11-21T09:30:00.123456Z");
	clock_format(INT64_MAX, text);
	assert_string_equal(text, "(time out of range)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_row_of_its_own),
		cmocka_unit_test(unknown_codes_and_names_are_internal),
		cmocka_unit_test(words_are_cut_never_overrun),
		cmocka_unit_test(times_are_written_in_utc),
	};
	return cmocka_run_group_tests_name("base/result", tests, NULL, NULL);
}
