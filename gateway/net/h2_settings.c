// SPDX-License-Identifier: EUPL-1.2
//
// Settings of a connection: defaults for what the owner leaves open, and how often its time limits are looked at.
#include "net/h2_internal.h"

// How many times a limit is looked at before it strikes, and the bounds of a tick.
enum { TICKS_PER_LIMIT = 4, TICK_LEAST_US = 20000, TICK_MOST_US = 10000000 };

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value != 0 ? value : fallback;
}

static int64_t time_or_default(int64_t value, int64_t fallback)
{
	return value < 0 ? INT64_MAX : value != 0 ? value : fallback;
}

struct h2_settings h2_settings_resolve(struct h2_settings settings)
{
	settings.streams_max = or_default(settings.streams_max, H2_STREAMS_MAX);
	settings.stream_window = or_default(settings.stream_window, H2_STREAM_WINDOW);
	settings.connection_window = or_default(settings.connection_window, H2_CONNECTION_WINDOW);
	settings.header_count_max = or_default(settings.header_count_max, H2_HEADER_COUNT_MAX);
	settings.header_bytes_max = or_default(settings.header_bytes_max, H2_HEADER_BYTES_MAX);
	settings.resets_burst = or_default(settings.resets_burst, H2_RESETS_BURST);
	settings.resets_per_second = or_default(settings.resets_per_second, H2_RESETS_PER_SECOND);
	settings.memory_max = settings.memory_max != 0 ? settings.memory_max : H2_CONNECTION_MEMORY_MAX;
	settings.handshake_us = time_or_default(settings.handshake_us, H2_HANDSHAKE_US);
	settings.idle_us = time_or_default(settings.idle_us, H2_IDLE_US);
	settings.stall_us = time_or_default(settings.stall_us, H2_STALL_US);
	settings.keepalive_us = time_or_default(settings.keepalive_us, H2_KEEPALIVE_US);
	return settings;
}

int64_t h2_settings_tick_us(const struct h2_settings *settings)
{
	const int64_t limits[] = { settings->handshake_us, settings->idle_us, settings->stall_us,
				   settings->keepalive_us };
	int64_t least = TICK_MOST_US;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (limits[i] / TICKS_PER_LIMIT < least) {
			least = limits[i] / TICKS_PER_LIMIT;
		}
	}
	return least > TICK_LEAST_US ? least : TICK_LEAST_US;
}
