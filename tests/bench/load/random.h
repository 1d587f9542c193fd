// SPDX-License-Identifier: EUPL-1.2
//
// Repeatable random numbers for a measurement (xorshift64*, Vigna 2016): fast and of no use for secrets.
#ifndef BESA_BENCH_LOAD_RANDOM_H
#define BESA_BENCH_LOAD_RANDOM_H

#include <math.h>
#include <stdint.h>

// The next number; *state must not be 0.
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

// The gap to the next arrival of a Poisson process, in nanoseconds.
static inline int64_t random_gap_ns(uint64_t *state, double rate)
{
	// 53 bits in (0, 1]: the logarithm of 0 must not be asked for.
	double uniform = ((double)(random_next(state) >> 11) + 1) / 9007199254740992.0;
	return (int64_t)(-log(uniform) / rate * 1e9);
}

#endif
