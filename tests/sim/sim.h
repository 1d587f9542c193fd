// SPDX-License-Identifier: EUPL-1.2
//
// Controls of the simulated twins of base/clock.h, base/random.h and base/disk.h. One seed reproduces one run.
#ifndef BESA_TESTS_SIM_H
#define BESA_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- clock ----

// Sets the wall clock (microseconds of UTC); the monotonic one goes on.
void sim_clock_set(int64_t wall_us);
void sim_clock_advance(int64_t us);

// ---- randomness ----

void sim_random_seed(uint64_t seed);

// A number below `below`, from a stream of its own: the test's dice do not change what the program draws.
uint64_t sim_dice(uint64_t below);

// ---- disk ----

// What happens at an operation that changes the disk.
enum sim_fault {
	SIM_NONE,
	SIM_POWER_CUT,  // in the middle of it; everything fails from then on
	SIM_SYNC_FAILS, // if it syncs: what it should have made durable may or may not be
	SIM_WRITE_FAILS,
};

// An empty disk of unlimited space without faults.
void sim_disk_reset(void);

// The fault happens at the n-th changing operation from now (1: the next).
void sim_disk_fault(enum sim_fault fault, uint64_t n);

// Changing operations so far.
uint64_t sim_disk_operations(void);

// Whether the fault has happened.
bool sim_disk_faulted(void);

// The machine comes back after a power cut: unsynced sectors and names are kept or lost by the dice, each for itself;
// then it works.
void sim_disk_power_on(void);

// The process ended, the machine did not: everything written stays visible.
void sim_disk_process_ended(void);

// Bytes that all files may have together; UINT64_MAX: no limit.
void sim_disk_space(uint64_t bytes);
uint64_t sim_disk_used(void);

// Whether durable writes bypass the cache (cover just their range), or are write and sync.
void sim_disk_direct(bool direct);

// A file's content as a reader would see it; NULL if there is none. The caller may change it: what a tamperer does.
uint8_t *sim_disk_file(const char *path, const char *name, size_t *ret_size);

#endif
