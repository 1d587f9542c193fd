// SPDX-License-Identifier: EUPL-1.2
//
// The window's table against a plain list, and the crc against its published check value.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "ledger/crc32c.h"
#include "ledger/exchanges.h"

#include <stdlib.h>

enum { ENTRIES = 20000 };

static const int64_t second = 1000000;
static const int64_t start_us = 1795000000 * INT64_C(1000000);

static struct exchange make(int64_t time_us, uint64_t client)
{
	struct exchange entry = { .client = client, .request = 1, .open = true };
	random_bytes(entry.id, sizeof entry.id);
	random_bytes(entry.request_hash, sizeof entry.request_hash);
	for (int i = 0; i < 6; i++) {
		entry.id[i] = (uint8_t)((uint64_t)(time_us / 1000) >> (8 * (5 - i)));
	}
	entry.id[6] = (uint8_t)(0x70 | (entry.id[6] & 0x0f));
	entry.id[8] = (uint8_t)(0x80 | (entry.id[8] & 0x3f));
	return entry;
}

static void test_found_until_the_window_has_passed(void **state)
{
	(void)state;
	struct exchanges exchanges;
	struct exchange *list = calloc(ENTRIES, sizeof *list);
	struct exchange orphan;
	size_t orphans = 0;
	assert_int_equal(exchanges_init(&exchanges, 60 * second, 10 * second), OK);
	int64_t now_us = start_us;
	for (int i = 0; i < ENTRIES; i++) {
		uint32_t dice = 0;
		random_bytes(&dice, sizeof dice);
		now_us += dice % 20000;
		list[i] = make(now_us + (int64_t)(dice % 15) * second - 6 * second, 2 + dice % 3);
		list[i].owner = (uint8_t)(dice % 2);
		assert_int_equal(exchanges_advance(&exchanges, now_us), OK);
		assert_int_equal(exchanges_insert(&exchanges, &list[i]), OK);
	}
	size_t kept = 0;
	for (int i = 0; i < ENTRIES; i++) {
		const struct exchange *found = exchanges_find(&exchanges, list[i].id, list[i].client);
		bool inside = exchanges_in_window(&exchanges, list[i].id, now_us) == OK;
		assert_true(found || !inside);
		if (found) {
			kept++;
			assert_memory_equal(found->request_hash, list[i].request_hash, EXCHANGES_HASH_SIZE);
			assert_ptr_equal(exchanges_find_request(&exchanges, list[i].id, list[i].request_hash), found);
			assert_null(exchanges_find(&exchanges, list[i].id, 99));
		}
	}
	assert_int_equal(kept, exchanges.count);
	assert_true(kept < ENTRIES); // some have left, and each of them is to be sealed
	while (exchanges_next_orphan(&exchanges, &orphan)) {
		orphans++;
	}
	assert_int_equal(orphans, ENTRIES - kept);
	assert_int_equal(exchanges_orphan(&exchanges, 1), OK);
	size_t of_owner = 0;
	while (exchanges_next_orphan(&exchanges, &orphan)) {
		assert_int_equal(orphan.owner, 1);
		of_owner++;
	}
	assert_true(of_owner > 0 && of_owner < kept);
	exchanges_release(&exchanges);
	free(list);
}

static void test_limits_of_time(void **state)
{
	(void)state;
	struct exchanges exchanges;
	assert_int_equal(exchanges_init(&exchanges, 60 * second, 31 * second), ERR_CONFIG);
	assert_int_equal(exchanges_init(&exchanges, 60 * second, 10 * second), OK);
	struct exchange entry = make(start_us, 2);
	assert_int_equal(exchanges_in_window(&exchanges, entry.id, start_us + 60 * second), OK);
	assert_int_equal(exchanges_in_window(&exchanges, entry.id, start_us + 60 * second + 1), ERR_EXPIRED);
	assert_int_equal(exchanges_in_window(&exchanges, entry.id, start_us - 10 * second), OK);
	assert_int_equal(exchanges_in_window(&exchanges, entry.id, start_us - 10 * second - 1), ERR_CLOCK_SKEW);
	// One that was closed in the meantime is no orphan.
	assert_int_equal(exchanges_insert(&exchanges, &entry), OK);
	assert_int_equal(exchanges_orphan(&exchanges, EXCHANGES_OWNER_NONE), OK);
	exchanges_find(&exchanges, entry.id, 2)->open = false;
	assert_false(exchanges_next_orphan(&exchanges, &entry));
	exchanges_release(&exchanges);
}

static void test_clients_differ(void **state)
{
	(void)state;
	struct exchanges exchanges;
	assert_int_equal(exchanges_init(&exchanges, 60 * second, 10 * second), OK);
	uint64_t arc = exchanges_client(&exchanges, slice_text("XK/GOV/ARC"));
	assert_true(arc == exchanges_client(&exchanges, slice_text("XK/GOV/ARC")));
	assert_true(arc != exchanges_client(&exchanges, slice_text("XK/GOV/ARD")));
	assert_true(arc != exchanges_client(&exchanges, slice_text("XK/GOV/ARC1")));
	assert_true(arc != EXCHANGES_OWN && arc != EXCHANGES_REFUSED);
	exchanges_release(&exchanges);
}

static void test_crc32c(void **state)
{
	(void)state;
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	uint8_t zeros[32] = { 0 };
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa); // RFC 3720 appendix B.4
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_until_the_window_has_passed),
		cmocka_unit_test(test_limits_of_time),
		cmocka_unit_test(test_clients_differ),
		cmocka_unit_test(test_crc32c),
	};
	return cmocka_run_group_tests_name("exchanges of the window", tests, NULL, NULL);
}
