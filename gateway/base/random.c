// SPDX-License-Identifier: EUPL-1.2
#include "base/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/result.h"

enum { POOL_SIZE = 4096 };

static uint8_t pool[POOL_SIZE];
static size_t pool_left;
static bool fork_is_watched;

static void draw(uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = getrandom(bytes, size, 0);
		if (got < 0) {
			assert_always(errno == EINTR);
			continue;
		}
		bytes += got;
		size -= (size_t)got;
	}
}

// A fork must not repeat its parent's bytes.
static void empty_pool(void)
{
	pool_left = 0;
}

void random_bytes(void *bytes, size_t size)
{
	if (size > POOL_SIZE / 4) {
		draw(bytes, size);
		return;
	}
	if (pool_left < size) {
		if (!fork_is_watched) {
			assert_always(pthread_atfork(NULL, NULL, empty_pool) == 0);
			fork_is_watched = true;
		}
		draw(pool, sizeof pool);
		pool_left = sizeof pool;
	}
	pool_left -= size;
	memcpy(bytes, pool + pool_left, size);
	explicit_bzero(pool + pool_left, size);
}
