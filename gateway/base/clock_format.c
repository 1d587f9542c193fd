// SPDX-License-Identifier: EUPL-1.2
//
// The part of clock.h that reads no clock, so that the simulated twin shares it.
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

void clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
	int64_t seconds = wall_us / 1000000;
	int64_t micros = wall_us % 1000000;
	if (micros < 0) {
		micros += 1000000;
		seconds--;
	}
	time_t when = (time_t)seconds;
	struct tm parts;
	if (!gmtime_r(&when, &parts) || parts.tm_year < -1900 || parts.tm_year > 8099) {
		snprintf(text, CLOCK_TEXT_SIZE, "(time out of range)");
		return;
	}
	char whole[24];
	strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text, CLOCK_TEXT_SIZE, "%s.%06dZ", whole, (int)micros);
}
