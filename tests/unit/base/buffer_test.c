// SPDX-License-Identifier: EUPL-1.2
//
// base/buffer.h and base/arena.h: limits hold, failures stick, contents stay.
#include "base/buffer.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_limit_sticks(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 8);
	buffer_append_text(&buffer, "12345678");
	assert_int_equal(buffer_result(&buffer), OK);
	buffer_append_byte(&buffer, '9');
	assert_int_equal(buffer_result(&buffer), ERR_LIMIT);
	assert_int_equal(buffer.size, 8);
	buffer_append_text(&buffer, "");
	assert_int_equal(buffer_result(&buffer), ERR_LIMIT);
	assert_null(buffer_reserve(&buffer, 1));
	assert_string_equal(buffer_text(&buffer), "");
	buffer_clear(&buffer);
	assert_int_equal(buffer_result(&buffer), OK);
	buffer_append_text(&buffer, "again");
	assert_string_equal(buffer_text(&buffer), "again");
	buffer_release(&buffer);
	buffer_release(&buffer);
}

// A size near SIZE_MAX must not wrap round to a small sum.
static void test_huge_sizes(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, SIZE_MAX / 2);
	buffer_append_byte(&buffer, 1);
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_int_equal(buffer_result(&buffer), ERR_LIMIT);
	buffer_release(&buffer);
	struct arena arena;
	arena_init(&arena, 1 << 20);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 8));
	assert_non_null(arena_alloc(&arena, 16));
	arena_release(&arena);
}

static void test_encodings(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 64);
	buffer_append_be32(&buffer, 0x01020304);
	buffer_append_be64(&buffer, 0x0506);
	buffer_append_le16(&buffer, 0x0102);
	buffer_append_le32(&buffer, 0x01020304);
	buffer_append_le64(&buffer, 0x0506);
	buffer_append_varint(&buffer, 0);
	buffer_append_varint(&buffer, 300);
	buffer_append_varint(&buffer, UINT64_MAX);
	static const uint8_t expected[] = { 1, 2,    3,    4,    0,    0,    0,    0,    0,    0,    5,    6,    2,
					    1, 4,    3,    2,    1,    6,    5,    0,    0,    0,    0,    0,    0,
					    0, 0xac, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	assert_int_equal(buffer.size, sizeof expected);
	assert_memory_equal(buffer.data, expected, sizeof expected);
	buffer_release(&buffer);
}

static void test_consume(void **state)
{
	(void)state;
	struct buffer buffer;
	buffer_init(&buffer, 64);
	buffer_append_format(&buffer, "%s-%d", "abc", 42);
	buffer_consume(&buffer, 4);
	assert_string_equal(buffer_text(&buffer), "42");
	buffer_consume(&buffer, 2);
	assert_int_equal(buffer.size, 0);
	buffer_release(&buffer);
}

// What an arena handed out stays apart, aligned and unchanged until it is cleared.
static void test_arena(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	struct arena arena;
	arena_init(&arena, 1 << 20);
	uint8_t *pieces[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		pieces[i] = arena_alloc(&arena, i % 97);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)(i & 0xff), i % 97);
	}
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < i % 97; j++) {
			assert_int_equal(pieces[i][j], i & 0xff);
		}
	}
	arena_clear(&arena);
	const uint8_t *zeroed = arena_zalloc(&arena, 4096);
	for (size_t i = 0; i < 4096; i++) {
		assert_int_equal(zeroed[i], 0);
	}
	assert_string_equal(arena_copy(&arena, slice_of("abcdef", 3)), "abc");
	arena_release(&arena);
}

static void test_arena_limit(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1000);
	size_t granted = 0;
	while (arena_alloc(&arena, 10)) {
		granted += 10;
		assert_true(granted <= 1000);
	}
	assert_true(granted >= 500); // alignment costs some, not most
	arena_clear(&arena);
	assert_non_null(arena_alloc(&arena, 900));
	assert_null(arena_alloc(&arena, 900));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit_sticks), cmocka_unit_test(test_huge_sizes),
		cmocka_unit_test(test_encodings),    cmocka_unit_test(test_consume),
		cmocka_unit_test(test_arena),        cmocka_unit_test(test_arena_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
