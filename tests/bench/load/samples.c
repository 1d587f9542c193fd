// SPDX-License-Identifier: EUPL-1.2
//
// Exact percentiles over all samples of a run.
#include "tests/bench/load/samples.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>

enum { SAMPLES_FIRST_CAPACITY = 1 << 20 };

void samples_add(struct samples *samples, int64_t nanoseconds)
{
	if (samples->count == samples->capacity) {
		size_t capacity = samples->capacity ? 2 * samples->capacity : SAMPLES_FIRST_CAPACITY;
		uint32_t *grown = realloc(samples->tenths, capacity * sizeof(*grown));
		if (!grown) {
			err(1, "memory for %zu samples", capacity);
		}
		samples->tenths = grown;
		samples->capacity = capacity;
	}
	int64_t tenths = nanoseconds < 0 ? 0 : nanoseconds / 100;
	samples->tenths[samples->count++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static int compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	return (a > b) - (a < b);
}

void samples_sort(struct samples *samples)
{
	if (samples->count > 0) {
		qsort(samples->tenths, samples->count, sizeof(*samples->tenths), compare);
	}
}

double samples_percentile_us(const struct samples *samples, double percent)
{
	if (samples->count == 0) {
		return 0;
	}
	double rank = ceil(percent / 100 * (double)samples->count);
	size_t index = rank < 1 ? 0 : (size_t)rank - 1;
	if (index >= samples->count) {
		index = samples->count - 1;
	}
	return samples->tenths[index] / 10.0;
}

double samples_mean_us(const struct samples *samples)
{
	if (samples->count == 0) {
		return 0;
	}
	double sum = 0;
	for (size_t i = 0; i < samples->count; i++) {
		sum += samples->tenths[i];
	}
	return sum / 10.0 / (double)samples->count;
}
