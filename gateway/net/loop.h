// SPDX-License-Identifier: EUPL-1.2
//
// The event loop of a single-threaded process: readiness of file descriptors, timers, signals,
// deferred calls, and one flush of output per turn. A wrapper around libuv, which stays inside loop.c.
//
// One turn: expired timers, deferred calls, flushes, then wait for events and call their watchers. What a
// turn's events produced is therefore written once, before the next wait, and not after each event
// (measured on a gateway: 43 % more exchanges per second).
//
// Embedded structs (timer, deferred, flush) need no memory of their own: starting them cannot fail.
// They must be stopped before their memory goes. Inside any callback, everything may be started, stopped and freed,
// the calling object included.
#ifndef BESA_NET_LOOP_H
#define BESA_NET_LOOP_H

#include "base/result.h"

#include <stdint.h>

struct loop;

// A loop of its own. ERR_MEMORY, ERR_IO.
result loop_new(struct loop **ret_loop, struct fault *fault);

// Runs until loop_stop(). Not reentrant.
void loop_run(struct loop *loop);

// Makes loop_run() return at the end of the present turn. Callable from callbacks only.
void loop_stop(struct loop *loop);

// Closes what is left (watches, signals), runs the last closes and frees. NULL is fine. Timers, deferred calls and
// flushes that are still started are forgotten without a call.
void loop_free(struct loop *loop);

// The monotonic time of this turn in microseconds: read once per turn, so it costs nothing to ask.
int64_t loop_now_us(struct loop *loop);

// Scratch memory shared by everything on the loop, for bytes that live no longer than one call: LOOP_SCRATCH_SIZE bytes
// each.
enum { LOOP_SCRATCH_SIZE = 96 * 1024 };
uint8_t *loop_scratch_in(struct loop *loop);
uint8_t *loop_scratch_out(struct loop *loop);

// ---- timers -------------------------------------------------------------------------------------------------------

// A deadline. Thousands cost little: starting one later than all others and stopping one are O(1).
struct loop_timer {
	struct loop *loop;
	void (*on_expiry)(void *context);
	void *context;
	int64_t due_us;    // monotonic
	int64_t period_us; // 0: once
	bool active;
	struct loop_timer *child, *next, *before; // pairing heap, see loop_timer.c
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*on_expiry)(void *context), void *context);

// (Re)starts: first expiry `delay_us` from this turn's time (negative counts as 0, never within this call), then every
// `period_us`, or once if that is 0. Expiries are never early, and late by up to a millisecond when the loop is idle.
void loop_timer_start(struct loop_timer *timer, int64_t delay_us, int64_t period_us);

// No call after this; harmless if not started or zeroed.
void loop_timer_stop(struct loop_timer *timer);

static inline bool loop_timer_is_active(const struct loop_timer *timer)
{
	return timer->active;
}

// ---- file descriptors ---------------------------------------------------------------------------------------------

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };

struct loop_watch;

// Watches a descriptor that the caller owns; at first for nothing. `on_ready` gets the events that hold (an error or
// hang-up counts as both, so that a read or write tells). ERR_MEMORY, ERR_IO.
result loop_watch_new(struct loop *loop, int fd, void (*on_ready)(void *context, unsigned events), void *context,
		      struct loop_watch **ret_watch);

// Which events to wait for (level-triggered); 0 for none. Cheap if nothing changes.
void loop_watch_set(struct loop_watch *watch, unsigned events);

// No call after this; the descriptor may be closed at once. NULL is fine.
void loop_watch_free(struct loop_watch *watch);

// ---- signals ------------------------------------------------------------------------------------------------------

// Calls `on_signal` in the loop for each arrival (several may fold into one), until the loop is freed. ERR_MEMORY,
// ERR_IO.
result loop_signal_add(struct loop *loop, int signal_number, void (*on_signal)(void *context, int signal_number),
		       void *context);

// ---- deferred calls and flushes -----------------------------------------------------------------------------------

struct loop_call {
	struct loop *loop;
	void (*function)(void *context);
	void *context;
	bool queued;
	bool is_flush;
	struct loop_call *next, **link;
};

// A call made once, after the present callback has returned and before the loop waits again.
void loop_defer_init(struct loop_call *call, struct loop *loop, void (*function)(void *context), void *context);
void loop_defer(struct loop_call *call); // nothing if it is queued already

// A flush: the same, but after all deferred calls of the turn, so that everything a turn wrote goes out in one piece.
void loop_flush_init(struct loop_call *call, struct loop *loop, void (*function)(void *context), void *context);
void loop_flush_register(struct loop_call *call); // nothing if it is queued already

// Takes a call of either kind back; harmless if it is not queued or zeroed.
void loop_call_cancel(struct loop_call *call);

#endif
