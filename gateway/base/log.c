// SPDX-License-Identifier: EUPL-1.2
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_MAX_SIZE = 2048, EVENT_SLOTS = 64, EVENT_NAME_MAX = 40 };

static char process_name[160] = "besa";
static enum log_level least_level = LOG_LEVEL_INFO;

// How often an event was written in the present second.
struct burst {
	char event[EVENT_NAME_MAX];
	int64_t second;
	unsigned written;
	unsigned dropped;
};
static struct burst bursts[EVENT_SLOTS];

void log_open(const char *process, enum log_level least)
{
	snprintf(process_name, sizeof process_name, "%s", process);
	least_level = least;
}

static void write_line(enum log_level level, const char *event, const char *text)
{
	static const char *const level_names[] = { "debug", "info", "warning", "error" };
	char when[CLOCK_TEXT_SIZE];
	clock_format(clock_wall_us(), when);
	char line[LINE_MAX_SIZE];
	int size = snprintf(line, sizeof line, "%s %s %s %s %s", when, level_names[level], process_name, event, text);
	if (size < 0) {
		return;
	}
	size_t used = (size_t)size < sizeof line - 1 ? (size_t)size : sizeof line - 2;
	for (size_t i = 0; i < used; i++) {
		if ((unsigned char)line[i] < ' ') {
			line[i] = ' '; // a peer's text must not forge a second line
		}
	}
	line[used++] = '\n';
	// A log that cannot be written must not stop an exchange.
	ssize_t ignored = write(STDERR_FILENO, line, used);
	(void)ignored;
}

// The event's slot; if it has none yet, the one that was used longest ago.
static struct burst *burst_of(const char *event)
{
	struct burst *oldest = &bursts[0];
	for (size_t i = 0; i < EVENT_SLOTS; i++) {
		if (strncmp(bursts[i].event, event, sizeof bursts[i].event - 1) == 0) {
			return &bursts[i];
		}
		if (bursts[i].second < oldest->second) {
			oldest = &bursts[i];
		}
	}
	return oldest;
}

// Whether the event may be written now; reports what an earlier second dropped.
static bool allowed(enum log_level level, const char *event)
{
	struct burst *burst = burst_of(event);
	int64_t second = clock_monotonic_us() / 1000000;
	if (burst->second != second || strncmp(burst->event, event, sizeof burst->event - 1) != 0) {
		if (burst->dropped) {
			char text[64];
			snprintf(text, sizeof text, "dropped=%u", burst->dropped);
			write_line(LOG_LEVEL_WARNING, burst->event, text);
		}
		*burst = (struct burst){ .second = second };
		snprintf(burst->event, sizeof burst->event, "%s", event);
	}
	if (burst->written >= LOG_BURST && level < LOG_LEVEL_ERROR) {
		burst->dropped++;
		return false;
	}
	burst->written++;
	return true;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	if (level < least_level || !allowed(level, event)) {
		return;
	}
	char text[LINE_MAX_SIZE - 256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	write_line(level, event, text);
}
