// SPDX-License-Identifier: EUPL-1.2
//
// The check of everything a configuration points to, before a process is started or reloaded: trust bundle and
// directory edition, each member's certificates and keys (that they belong together, and that the directory lists
// them), the contracts of its services.
//
// It reads keys, so it runs in a child process that ends with the answer: the supervisor itself never holds one.
#ifndef BESA_SUPERVISOR_PREFLIGHT_H
#define BESA_SUPERVISOR_PREFLIGHT_H

#include "exchange/settings.h"

// Before a start the addresses must be free too: workers share a port among themselves, so a second gateway that was
// given the same one would otherwise go unnoticed.
enum preflight_occasion { PREFLIGHT_START, PREFLIGHT_RELOAD };

// What the directory says of times, for the notaries: how long a request id must be remembered.
struct preflight_times {
	int64_t longest_deadline_us;
	int64_t clock_skew_us;
};

// OK and the times, or the first thing that is wrong, in words that say what, where and what was expected.
result preflight_check(const struct settings *settings, enum preflight_occasion occasion,
		       struct preflight_times *ret_times, struct fault *fault);

#endif
