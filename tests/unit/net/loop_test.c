// SPDX-License-Identifier: EUPL-1.2
//
// The loop: timers in order whatever is started and stopped, turns, watches, signals.
#include "net_testing.h"

#include "base/clock.h"
#include "base/random.h"

#include <signal.h>
#include <sys/socket.h>

enum { TIMERS = 3000 };

struct probe {
	struct loop *loop;
	struct loop_timer timer;
	int64_t due_us;
	int fired;
	bool stopped;
	int *fired_total;
	int64_t *last_due_us;
};

static void on_probe(void *context)
{
	struct probe *probe = context;
	assert_false(probe->stopped);
	assert_true(clock_monotonic_us() >= probe->due_us);
	assert_true(probe->due_us >= *probe->last_due_us); // in the order of their deadlines
	*probe->last_due_us = probe->due_us;
	probe->fired++;
	(*probe->fired_total)++;
}

static unsigned dice(unsigned sides)
{
	unsigned value = 0;
	random_bytes(&value, sizeof value);
	return value % sides;
}

static void timers_fire_in_order_and_stopped_ones_never(void **state)
{
	(void)state;
	struct loop *loop = new_loop();
	static struct probe probes[TIMERS];
	int fired_total = 0, expected = 0;
	int64_t last_due_us = 0;
	for (int i = 0; i < TIMERS; i++) {
		struct probe *probe = &probes[i];
		*probe = (struct probe){ .loop = loop, .fired_total = &fired_total, .last_due_us = &last_due_us };
		loop_timer_init(&probe->timer, loop, on_probe, probe);
	}
	for (int i = 0; i < 5 * TIMERS; i++) {
		struct probe *probe = &probes[dice(TIMERS)];
		if (dice(3) == 0) {
			loop_timer_stop(&probe->timer);
		} else {
			loop_timer_start(&probe->timer, 1 + dice(50000), 0);
		}
		probe->stopped = !loop_timer_is_active(&probe->timer);
		probe->due_us = probe->timer.due_us;
	}
	for (int i = 0; i < TIMERS; i++) {
		expected += loop_timer_is_active(&probes[i].timer);
	}
	spin_ms(loop, 80);
	assert_int_equal(fired_total, expected);
	for (int i = 0; i < TIMERS; i++) {
		assert_true(probes[i].fired <= 1);
	}
	loop_free(loop);
}

static void count(void *context)
{
	(*(int *)context)++;
}

static void repeating_timer_repeats_and_does_not_catch_up(void **state)
{
	(void)state;
	struct loop *loop = new_loop();
	int fired = 0;
	struct loop_timer timer;
	loop_timer_init(&timer, loop, count, &fired);
	loop_timer_start(&timer, 5000, 5000);
	usleep(60000); // twelve periods pass before the loop runs
	spin_ms(loop, 1);
	assert_true(fired <= 2);
	spin_ms(loop, 40);
	assert_true(fired >= 4);
	loop_timer_stop(&timer);
	int before = fired;
	spin_ms(loop, 15);
	assert_int_equal(fired, before);
	loop_free(loop);
}

struct restarter {
	struct loop_timer timer;
	int fired;
};

static void on_restart(void *context)
{
	struct restarter *restarter = context;
	restarter->fired++;
	loop_timer_start(&restarter->timer, 0, 0);
}

static void timer_that_restarts_itself_leaves_room_for_others(void **state)
{
	(void)state;
	struct loop *loop = new_loop();
	struct restarter restarter = { 0 };
	loop_timer_init(&restarter.timer, loop, on_restart, &restarter);
	loop_timer_start(&restarter.timer, 0, 0);
	spin_ms(loop, 200); // would hang otherwise
	assert_true(restarter.fired > 1);
	loop_free(loop);
}

struct turn {
	struct loop *loop;
	struct loop_call defer, flush, cancelled;
	char order[16];
	size_t used;
	bool done;
};

static void on_flush(void *context)
{
	struct turn *turn = context;
	turn->order[turn->used++] = 'f';
	turn->done = true;
}

static void on_defer(void *context)
{
	struct turn *turn = context;
	turn->order[turn->used++] = 'd';
	loop_flush_register(&turn->flush);
	loop_flush_register(&turn->flush);
	loop_call_cancel(&turn->cancelled);
}

static void on_cancelled(void *context)
{
	(void)context;
	fail();
}

static void flushes_come_once_and_after_deferred_calls(void **state)
{
	(void)state;
	struct turn turn = { .loop = new_loop() };
	loop_defer_init(&turn.defer, turn.loop, on_defer, &turn);
	loop_defer_init(&turn.cancelled, turn.loop, on_cancelled, &turn);
	loop_flush_init(&turn.flush, turn.loop, on_flush, &turn);
	loop_flush_register(&turn.flush);
	loop_defer(&turn.defer);
	loop_defer(&turn.cancelled);
	loop_defer(&turn.defer);
	spin_until(turn.loop, &turn.done);
	assert_string_equal(turn.order, "df");
	loop_free(turn.loop);
}

struct self_feeder {
	struct loop_call call;
	int calls;
};

static void on_feed(void *context)
{
	struct self_feeder *feeder = context;
	feeder->calls++;
	loop_defer(&feeder->call);
}

static void call_that_defers_itself_does_not_stop_timers(void **state)
{
	(void)state;
	struct loop *loop = new_loop();
	struct self_feeder feeder = { 0 };
	loop_defer_init(&feeder.call, loop, on_feed, &feeder);
	loop_defer(&feeder.call);
	spin_ms(loop, 10);
	assert_true(feeder.calls > 8);
	loop_call_cancel(&feeder.call);
	int before = feeder.calls;
	spin_ms(loop, 3);
	assert_int_equal(feeder.calls, before);
	loop_free(loop);
}

struct pair {
	struct loop *loop;
	int fds[2];
	struct loop_watch *watch;
	unsigned seen;
	bool done;
};

static void on_pair(void *context, unsigned events)
{
	struct pair *pair = context;
	pair->seen |= events;
	char byte;
	if (events & LOOP_READABLE && read(pair->fds[0], &byte, 1) == 0) {
		loop_watch_free(pair->watch);
		close(pair->fds[0]);
		pair->done = true;
	}
	if (events & LOOP_WRITABLE && !pair->done) {
		loop_watch_set(pair->watch, LOOP_READABLE);
	}
}

static void watch_tells_and_may_be_freed_inside(void **state)
{
	(void)state;
	struct pair pair = { .loop = new_loop() };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.fds), 0);
	assert_int_equal(loop_watch_new(pair.loop, pair.fds[0], on_pair, &pair, &pair.watch), OK);
	spin_ms(pair.loop, 5);
	assert_int_equal(pair.seen, 0); // watches for nothing at first
	loop_watch_set(pair.watch, LOOP_READABLE | LOOP_WRITABLE);
	spin_ms(pair.loop, 5);
	assert_int_equal(pair.seen, LOOP_WRITABLE);
	close(pair.fds[1]);
	spin_until(pair.loop, &pair.done);
	loop_free(pair.loop);
}

static void on_signal(void *context, int signal_number)
{
	assert_int_equal(signal_number, SIGUSR1);
	*(bool *)context = true;
}

static void signal_arrives_in_the_loop(void **state)
{
	(void)state;
	struct loop *loop = new_loop();
	bool arrived = false;
	assert_int_equal(loop_signal_add(loop, SIGUSR1, on_signal, &arrived), OK);
	raise(SIGUSR1);
	spin_until(loop, &arrived);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_and_stopped_ones_never),
		cmocka_unit_test(repeating_timer_repeats_and_does_not_catch_up),
		cmocka_unit_test(timer_that_restarts_itself_leaves_room_for_others),
		cmocka_unit_test(flushes_come_once_and_after_deferred_calls),
		cmocka_unit_test(call_that_defers_itself_does_not_stop_timers),
		cmocka_unit_test(watch_tells_and_may_be_freed_inside),
		cmocka_unit_test(signal_arrives_in_the_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
