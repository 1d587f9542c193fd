// SPDX-License-Identifier: EUPL-1.2
//
// Time, behind a seam: programs link clock.c (the operating system), seeded tests link the
// simulated twin tests/sim/clock_sim.c.
#ifndef BESA_BASE_CLOCK_H
#define BESA_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

// UTC in microseconds since 1970-01-01 (CLOCK_REALTIME). The unit of every time in a statement.
int64_t clock_wall_us(void);

// A clock that never goes back, in microseconds, for limits and durations (CLOCK_MONOTONIC).
int64_t clock_monotonic_us(void);

// RFC 3339 in UTC with microseconds, "2026-11-21T09:30:00.000000Z". `text` has CLOCK_TEXT_SIZE bytes.
enum { CLOCK_TEXT_SIZE = 32 };
void clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);

#endif
