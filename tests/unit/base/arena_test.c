// SPDX-License-Identifier: EUPL-1.2
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void allocations_are_aligned_and_apart(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1 << 20);
	uint8_t *last = NULL;
	for (size_t size = 0; size < 300; size++) {
		uint8_t *place = arena_alloc(&arena, size);
		assert_non_null(place);
		assert_int_equal((uintptr_t)place % _Alignof(max_align_t), 0);
		assert_true(place != last || size == 1);
		memset(place, 0xaa, size);
		last = place;
	}
	arena_release(&arena);
}

static void the_limit_holds_for_any_size(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 10000);
	assert_null(arena_alloc(&arena, 10001));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 8));
	assert_non_null(arena_alloc(&arena, 9000));
	assert_null(arena_alloc(&arena, 2000));
	assert_non_null(arena_alloc(&arena, 900));
	arena_clear(&arena);
	assert_non_null(arena_alloc(&arena, 9000));
	arena_release(&arena);
	arena_release(&arena);
}

static void copies_are_terminated(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1000);
	assert_string_equal(arena_copy(&arena, slice_of("besa-more", 4)), "besa");
	assert_string_equal(arena_copy(&arena, slice_of(NULL, 0)), "");
	const uint8_t *zeroed = arena_zalloc(&arena, 64);
	for (size_t i = 0; i < 64; i++) {
		assert_int_equal(zeroed[i], 0);
	}
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_aligned_and_apart),
		cmocka_unit_test(the_limit_holds_for_any_size),
		cmocka_unit_test(copies_are_terminated),
	};
	return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
