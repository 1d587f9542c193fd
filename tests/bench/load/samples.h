// SPDX-License-Identifier: EUPL-1.2
//
// Latencies of a run, every one kept, so that percentiles are exact: 4 bytes a sample, in tenths of a microsecond.
#ifndef BESA_BENCH_LOAD_SAMPLES_H
#define BESA_BENCH_LOAD_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
	uint32_t *tenths; // 0.1 µs each; beyond 429 s a sample is cut to that
	size_t count;
	size_t capacity;
};

// Adds one latency. Ends the process when memory is out.
void samples_add(struct samples *samples, int64_t nanoseconds);

// Sorts; needed once before samples_percentile_us.
void samples_sort(struct samples *samples);

// The least latency in microseconds that `percent` of all samples do not exceed; 0 when there is none.
double samples_percentile_us(const struct samples *samples, double percent);

// The mean in microseconds; 0 when there is none.
double samples_mean_us(const struct samples *samples);

#endif
