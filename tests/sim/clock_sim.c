// SPDX-License-Identifier: EUPL-1.2
//
// Time that stands still unless the test moves it.
#include "base/clock.h"

#include "tests/sim/sim.h"

static int64_t wall_us = 1795000000000000; // 2026-11-18
static int64_t monotonic_us = 1000000;

int64_t clock_wall_us(void)
{
	return wall_us;
}

int64_t clock_monotonic_us(void)
{
	return monotonic_us;
}

void sim_clock_set(int64_t us)
{
	wall_us = us;
}

void sim_clock_advance(int64_t us)
{
	wall_us += us;
	monotonic_us += us;
}
