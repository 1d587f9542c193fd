// SPDX-License-Identifier: EUPL-1.2
//
// Two reproducible streams (splitmix64): the program's randomness and the test's dice.
#include "base/random.h"

#include "tests/sim/sim.h"

#include <string.h>

static uint64_t program;
static uint64_t dice;

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void sim_random_seed(uint64_t seed)
{
	program = seed * 2;
	dice = seed * 2 + 1;
}

uint64_t sim_dice(uint64_t below)
{
	return next(&dice) % below;
}

void random_bytes(void *bytes, size_t size)
{
	uint8_t *to = bytes;
	while (size > 0) {
		uint64_t value = next(&program);
		size_t part = size < sizeof value ? size : sizeof value;
		memcpy(to, &value, part);
		to += part;
		size -= part;
	}
}
