// SPDX-License-Identifier: EUPL-1.2
//
// Random bytes fit for keys, salts and blinders, behind a seam: programs link random.c (the
// operating system's generator, drawn in blocks because one small draw costs as much as a large
// one), seeded tests link tests/sim/random_sim.c. Not thread-safe: processes are single-threaded.
#ifndef BESA_BASE_RANDOM_H
#define BESA_BASE_RANDOM_H

#include <stddef.h>

// Fills `bytes`. Never fails: a machine without randomness cannot run Besa, the process ends.
// Forked children draw bytes of their own.
void random_bytes(void *bytes, size_t size);

#endif
