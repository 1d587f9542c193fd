// SPDX-License-Identifier: EUPL-1.2
//
// See loop.h. One uv_prepare handle does the whole turn (timers, deferred calls, flushes) right before libuv polls; one
// uv_timer only wakes the poll up for the earliest timer; one uv_idle keeps it from sleeping while calls are left over.
#include "net/loop.h"

#include "base/clock.h"
#include "net/loop_internal.h"
#include "net/loop_timer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <uv.h>

// Rounds of deferred calls and flushes per turn. What they queue for each other settles in two or three; more than this
// is a pair that feeds itself, and must not keep the loop from its events.
enum { ROUNDS_MAX = 8 };

// Longest sleep: bounds the arithmetic of far deadlines.
enum { SLEEP_MAX_MS = 3600 * 1000 };

struct call_queue {
	struct loop_call *first;
	struct loop_call **last;
	size_t count;
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_timer_t wake;
	uv_idle_t awake;
	struct loop_timer *timers;
	struct call_queue deferred;
	struct call_queue flushes;
	int64_t now_us;   // 0: not read in this turn
	int64_t armed_us; // what `wake` is set for; INT64_MAX: not set
	uint8_t *scratch;
};

struct loop_watch {
	uv_poll_t poll;
	void (*on_ready)(void *context, unsigned events);
	void *context;
	unsigned events;
};

struct loop_signal {
	uv_signal_t signal;
	void (*on_signal)(void *context, int signal_number);
	void *context;
};

struct uv_loop_s *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

int64_t loop_now_us(struct loop *loop)
{
	if (loop->now_us == 0) {
		loop->now_us = clock_monotonic_us();
	}
	return loop->now_us;
}

uint8_t *loop_scratch_in(struct loop *loop)
{
	return loop->scratch;
}

uint8_t *loop_scratch_out(struct loop *loop)
{
	return loop->scratch + LOOP_SCRATCH_SIZE;
}

// ---- timers -------------------------------------------------------------------------------------------------------

void loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*on_expiry)(void *context), void *context)
{
	*timer = (struct loop_timer){ .loop = loop, .on_expiry = on_expiry, .context = context };
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_us, int64_t period_us)
{
	loop_timer_stop(timer);
	// Never due within the same turn, so that a timer that restarts itself with 0 leaves room for events.
	timer->due_us = loop_now_us(timer->loop) + (delay_us > 0 ? delay_us : 1);
	timer->period_us = period_us;
	loop_timer_insert(&timer->loop->timers, timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
	if (timer->active) {
		loop_timer_remove(&timer->loop->timers, timer);
	}
}

static void run_timers(struct loop *loop)
{
	int64_t now = loop_now_us(loop);
	while (loop->timers && loop->timers->due_us <= now) {
		struct loop_timer *timer = loop->timers;
		loop_timer_remove(&loop->timers, timer);
		if (timer->period_us > 0) {
			// Skips what was missed instead of catching up in a burst.
			timer->due_us += timer->period_us;
			if (timer->due_us <= now) {
				timer->due_us = now + timer->period_us;
			}
			loop_timer_insert(&loop->timers, timer);
		}
		timer->on_expiry(timer->context);
	}
}

static void on_wake(uv_timer_t *handle)
{
	// The work is done in the prepare handle; this only ended the poll.
	struct loop *loop = handle->data;
	loop->armed_us = INT64_MAX;
}

static void arm(struct loop *loop)
{
	int64_t due = loop->timers ? loop->timers->due_us : INT64_MAX;
	if (due == loop->armed_us) {
		return;
	}
	loop->armed_us = due;
	if (due == INT64_MAX) {
		uv_timer_stop(&loop->wake);
		return;
	}
	int64_t delay_ms = (due - loop_now_us(loop) + 999) / 1000;
	delay_ms = delay_ms < 0 ? 0 : delay_ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : delay_ms;
	uv_timer_start(&loop->wake, on_wake, (uint64_t)delay_ms, 0);
}

// ---- deferred calls and flushes -----------------------------------------------------------------------------------

void loop_defer_init(struct loop_call *call, struct loop *loop, void (*function)(void *context), void *context)
{
	*call = (struct loop_call){ .loop = loop, .function = function, .context = context };
}

void loop_flush_init(struct loop_call *call, struct loop *loop, void (*function)(void *context), void *context)
{
	*call = (struct loop_call){ .loop = loop, .function = function, .context = context, .is_flush = true };
}

static struct call_queue *queue_of(struct loop_call *call)
{
	return call->is_flush ? &call->loop->flushes : &call->loop->deferred;
}

static void queue_call(struct loop_call *call)
{
	if (call->queued) {
		return;
	}
	struct call_queue *queue = queue_of(call);
	call->queued = true;
	call->next = NULL;
	call->link = queue->last;
	*queue->last = call;
	queue->last = &call->next;
	queue->count++;
}

void loop_defer(struct loop_call *call)
{
	assert_always(!call->is_flush);
	queue_call(call);
}

void loop_flush_register(struct loop_call *call)
{
	assert_always(call->is_flush);
	queue_call(call);
}

void loop_call_cancel(struct loop_call *call)
{
	if (!call->queued) {
		return;
	}
	struct call_queue *queue = queue_of(call);
	*call->link = call->next;
	if (call->next) {
		call->next->link = call->link;
	} else {
		queue->last = call->link;
	}
	call->queued = false;
	queue->count--;
}

// Calls what was queued at the start; what the calls add waits for the next round.
static void run_queue(struct call_queue *queue)
{
	for (size_t left = queue->count; left > 0 && queue->first; left--) {
		struct loop_call *call = queue->first;
		loop_call_cancel(call);
		call->function(call->context);
	}
}

static void on_awake(uv_idle_t *handle)
{
	(void)handle;
}

static void on_prepare(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;
	loop->now_us = 0;
	run_timers(loop);
	for (int round = 0; round < ROUNDS_MAX && (loop->deferred.count > 0 || loop->flushes.count > 0); round++) {
		run_queue(&loop->deferred);
		run_queue(&loop->flushes);
	}
	if (loop->deferred.count > 0 || loop->flushes.count > 0) {
		uv_idle_start(&loop->awake, on_awake);
	} else if (uv_is_active((uv_handle_t *)&loop->awake)) {
		uv_idle_stop(&loop->awake);
	}
	arm(loop);
	loop->now_us = 0;
}

// ---- the loop -----------------------------------------------------------------------------------------------------

result loop_new(struct loop **ret_loop, struct fault *fault)
{
	struct loop *loop = calloc(1, sizeof *loop);
	uint8_t *scratch = malloc(2 * (size_t)LOOP_SCRATCH_SIZE);
	if (!loop || !scratch) {
		free(scratch);
		free(loop);
		return fault_set(fault, ERR_MEMORY, "no memory for an event loop");
	}
	int error = uv_loop_init(&loop->uv);
	if (error != 0) {
		free(scratch);
		free(loop);
		return fault_set(fault, ERR_IO, "the event loop cannot start: %s", uv_strerror(error));
	}
	loop->scratch = scratch;
	loop->armed_us = INT64_MAX;
	loop->deferred.last = &loop->deferred.first;
	loop->flushes.last = &loop->flushes.first;
	// These three cannot fail: they only link the handle into the loop.
	uv_prepare_init(&loop->uv, &loop->prepare);
	uv_timer_init(&loop->uv, &loop->wake);
	uv_idle_init(&loop->uv, &loop->awake);
	loop->prepare.data = loop->wake.data = loop->awake.data = loop;
	uv_prepare_start(&loop->prepare, on_prepare);
	// A peer that is gone is told by the write that fails; OpenSSL's socket writes know no MSG_NOSIGNAL.
	signal(SIGPIPE, SIG_IGN);
	*ret_loop = loop;
	return OK;
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

static void free_handle(uv_handle_t *handle)
{
	// Every handle but the loop's own three is the first member of its malloced struct.
	free(handle);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	struct loop *loop = context;
	if (uv_is_closing(handle)) {
		return;
	}
	bool own = handle == (uv_handle_t *)&loop->prepare || handle == (uv_handle_t *)&loop->wake ||
		   handle == (uv_handle_t *)&loop->awake;
	uv_close(handle, own ? NULL : free_handle);
}

void loop_free(struct loop *loop)
{
	if (!loop) {
		return;
	}
	uv_walk(&loop->uv, close_handle, loop);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	int error = uv_loop_close(&loop->uv);
	assert_always(error == 0);
	free(loop->scratch);
	free(loop);
}

// ---- file descriptors ---------------------------------------------------------------------------------------------

static void on_poll(uv_poll_t *poll, int status, int uv_events)
{
	struct loop_watch *watch = (struct loop_watch *)poll;
	unsigned events = 0;
	if (status < 0) {
		// libuv has stopped the handle; a read or write of the owner finds the reason.
		events = watch->events;
		watch->events = 0;
	} else {
		events |= uv_events & (UV_READABLE | UV_DISCONNECT) ? LOOP_READABLE : 0;
		events |= uv_events & UV_WRITABLE ? LOOP_WRITABLE : 0;
	}
	watch->on_ready(watch->context, events);
}

result loop_watch_new(struct loop *loop, int fd, void (*on_ready)(void *context, unsigned events), void *context,
		      struct loop_watch **ret_watch)
{
	struct loop_watch *watch = calloc(1, sizeof *watch);
	if (!watch) {
		return ERR_MEMORY;
	}
	int error = uv_poll_init(&loop->uv, &watch->poll, fd);
	if (error != 0) {
		free(watch);
		return error == UV_ENOMEM ? ERR_MEMORY : ERR_IO;
	}
	watch->on_ready = on_ready;
	watch->context = context;
	*ret_watch = watch;
	return OK;
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
	if (watch->events == events) {
		return;
	}
	watch->events = events;
	if (events == 0) {
		uv_poll_stop(&watch->poll);
		return;
	}
	int uv_events = (events & LOOP_READABLE ? UV_READABLE : 0) | (events & LOOP_WRITABLE ? UV_WRITABLE : 0);
	int error = uv_poll_start(&watch->poll, uv_events, on_poll);
	assert_always(error == 0);
}

void loop_watch_free(struct loop_watch *watch)
{
	if (watch) {
		// Closing stops the poll at once, so the descriptor is free to go.
		uv_close((uv_handle_t *)&watch->poll, free_handle);
	}
}

// ---- signals ------------------------------------------------------------------------------------------------------

static void on_uv_signal(uv_signal_t *handle, int signal_number)
{
	struct loop_signal *watch = (struct loop_signal *)handle;
	watch->on_signal(watch->context, signal_number);
}

result loop_signal_add(struct loop *loop, int signal_number, void (*on_signal)(void *context, int signal_number),
		       void *context)
{
	struct loop_signal *watch = calloc(1, sizeof *watch);
	if (!watch) {
		return ERR_MEMORY;
	}
	watch->on_signal = on_signal;
	watch->context = context;
	if (uv_signal_init(&loop->uv, &watch->signal) != 0) {
		free(watch);
		return ERR_IO;
	}
	if (uv_signal_start(&watch->signal, on_uv_signal, signal_number) != 0) {
		uv_close((uv_handle_t *)&watch->signal, free_handle);
		return ERR_IO;
	}
	return OK;
}
