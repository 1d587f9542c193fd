// SPDX-License-Identifier: EUPL-1.2
//
// One line per event on standard error, `key=value` pairs after a fixed head:
//
//     2026-11-21T09:30:00.000000Z warning worker/XK/GOV/ARC peer_lost peer=besa/… text="…"
//
// Programs log; libraries return results. Never a payload, a key or a personal number.
// A burst of one event cannot fill a disk: after LOG_BURST lines of one event in a second the
// rest are counted and reported as one line.
#ifndef BESA_BASE_LOG_H
#define BESA_BASE_LOG_H

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum { LOG_BURST = 20 };

// Names the process in every line, e.g. "notary/XK/GOV/ARC", and the least level that is
// written. Before the first call: "besa", LOG_LEVEL_INFO. The name is copied.
void log_open(const char *process, enum log_level least);

// One event. `event` is a stable word_with_underscores; the format makes `key=value` text.
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
