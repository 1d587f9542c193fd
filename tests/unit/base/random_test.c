// SPDX-License-Identifier: EUPL-1.2
//
// A forked child draws bytes of its own; a pool is never handed out twice.
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void draws_differ(void **state)
{
	(void)state;
	static uint8_t drawn[2000][16];
	for (size_t i = 0; i < 2000; i++) {
		random_bytes(drawn[i], sizeof drawn[i]);
		for (size_t j = 0; j < i; j++) {
			assert_memory_not_equal(drawn[i], drawn[j], sizeof drawn[i]);
		}
	}
	uint8_t large[5000] = { 0 };
	random_bytes(large, sizeof large);
	assert_memory_not_equal(large, large + 2500, 2500);
}

static void a_child_does_not_repeat_its_parent(void **state)
{
	(void)state;
	uint8_t first[16];
	uint8_t mine[16];
	uint8_t childs[16];
	random_bytes(first, sizeof first); // the pool is filled
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		random_bytes(childs, sizeof childs);
		_exit(write(ends[1], childs, sizeof childs) == sizeof childs ? 0 : 1);
	}
	random_bytes(mine, sizeof mine);
	assert_int_equal(read(ends[0], childs, sizeof childs), sizeof childs);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
	assert_memory_not_equal(mine, childs, sizeof mine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_differ),
		cmocka_unit_test(a_child_does_not_repeat_its_parent),
	};
	return cmocka_run_group_tests_name("base/random", tests, NULL, NULL);
}
