// SPDX-License-Identifier: EUPL-1.2
//
// Worker processes: many calls, cancellation of queued and running ones, processes that die or hang.
#include "adapters/sql/sql_pool.h"

#include <signal.h>

#include "adapters/sql/sql_worker.h"
#include "library.h"

static struct library library;
static struct sql_binding *binding;
static struct loop *loop;
static struct sql_pool *pool;

enum { WORKERS = 3 };

static int set_up(void **state)
{
	(void)state;
	struct fault fault;
	library_set_up(&library);
	// Two statements without end: GetBook of any ISBN but 1, and that only within its timeout.
	char *slow = library_replaced(
	    library_binding, "FROM book WHERE isbn = :isbn",
	    "FROM book WHERE isbn = :isbn AND (isbn = '1' OR (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
	    "SELECT i + 1 FROM n) SELECT count(*) FROM n) = 0)");
	char *text = library_replaced(slow, "timeout: 2s", "timeout: 60s");
	binding = library_bind(&library, text);
	free(text);
	free(slow);
	assert_int_equal(loop_new(&loop, &fault), OK);
	assert_int_equal(sql_pool_new(loop, binding, WORKERS, &pool, &fault), OK);
	assert_true(sql_pool_is_alive(pool));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sql_pool_free(pool);
	loop_free(loop);
	sql_binding_free(binding);
	library_tear_down(&library);
	return 0;
}

struct expectation {
	result code;
	unsigned *open; // calls not answered yet; the loop stops at 0
	unsigned answered;
	char isbn[8];
};

static void on_done(void *context, const struct engine_answer *answer)
{
	struct expectation *expected = context;
	if (answer->code != expected->code) {
		print_error("got %s \"%s\"\n", result_wire_name(answer->code), answer->text ? answer->text : "");
	}
	assert_int_equal(answer->code, expected->code);
	expected->answered++;
	if (answer->code == OK) {
		// Field 1 of the answer is the ISBN that was asked for: answers are not mixed up.
		assert_true(answer->size > 2 && answer->message[1] == strlen(expected->isbn));
		assert_memory_equal(answer->message + 2, expected->isbn, strlen(expected->isbn));
	} else {
		assert_non_null(answer->text);
	}
	free(answer->message);
	if (--*expected->open == 0) {
		loop_stop(loop);
	}
}

static struct sql_call *start(struct expectation *expected, const char *isbn, int64_t deadline_us)
{
	size_t size = strlen(isbn);
	uint8_t *request = malloc(size + 2);
	assert_non_null(request);
	request[0] = 0x0a;
	request[1] = (uint8_t)size;
	memcpy(request + 2, isbn, size);
	snprintf(expected->isbn, sizeof expected->isbn, "%s", isbn);
	struct sql_call *call = NULL;
	assert_int_equal(
	    sql_pool_start(pool, library.get_book, request, size + 2, deadline_us, on_done, expected, &call), OK);
	assert_non_null(call);
	return call;
}

static void stop_loop(void *context)
{
	(void)context;
	loop_stop(loop);
}

static void run_for(int64_t us)
{
	struct loop_timer timer;
	loop_timer_init(&timer, loop, stop_loop, NULL);
	loop_timer_start(&timer, us, 0);
	loop_run(loop);
	loop_timer_stop(&timer);
}

// Processes that are children of this one.
static size_t find_workers(pid_t workers[16])
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t count = 0;
	while (count < 16 && fscanf(file, "%d", &workers[count]) == 1) {
		count++;
	}
	fclose(file);
	return count;
}

static void test_many_calls(void **state)
{
	(void)state;
	enum { CALLS = 1000 };
	unsigned open = CALLS;
	static struct expectation expected[CALLS];
	for (size_t i = 0; i < CALLS; i++) {
		expected[i] = (struct expectation){ .code = i % 10 == 9 ? ERR_NOT_FOUND : OK, .open = &open };
		start(&expected[i], i % 10 == 9 ? "99" : "1", INT64_MAX);
	}
	loop_run(loop);
	for (size_t i = 0; i < CALLS; i++) {
		assert_int_equal(expected[i].answered, 1);
	}
}

static void test_queue_is_bounded(void **state)
{
	(void)state;
	enum { CALLS = WORKERS + SQL_POOL_QUEUE_MAX };
	unsigned open = CALLS + 1;
	struct expectation expected = { .code = OK, .open = &open };
	static struct sql_call *calls[CALLS];
	for (size_t i = 0; i < CALLS; i++) {
		calls[i] = start(&expected, "2", INT64_MAX);
	}
	struct sql_call *call = NULL;
	uint8_t *request = calloc(1, 1);
	assert_int_equal(sql_pool_start(pool, library.get_book, request, 0, INT64_MAX, on_done, &expected, &call),
			 ERR_BUSY);
	for (size_t i = 0; i < CALLS; i++) {
		sql_pool_cancel(calls[i]);
	}
	run_for(50000);
	assert_int_equal(expected.answered, 0); // cancelled calls are not called back
	unsigned one = 1;
	struct expectation last = { .code = OK, .open = &one };
	start(&last, "1", INT64_MAX);
	loop_run(loop);
	assert_int_equal(last.answered, 1);
}

static void test_deadline(void **state)
{
	(void)state;
	unsigned open = 2;
	struct expectation late = { .code = ERR_TIMEOUT, .open = &open };
	start(&late, "2", loop_now_us(loop) + 50000);
	start(&late, "2", 0);
	loop_run(loop);
	assert_int_equal(late.answered, 2);
}

static void test_too_large_a_request(void **state)
{
	(void)state;
	struct sql_call *call = NULL;
	size_t size = SQL_WORKER_REQUEST_MAX + 1;
	assert_int_equal(sql_pool_start(pool, library.get_book, malloc(size), size, INT64_MAX, on_done, NULL, &call),
			 ERR_PAYLOAD_TOO_LARGE);
	// One of the largest size allowed takes many writes; it is malformed, and said to be.
	unsigned open = 1;
	struct expectation expected = { .code = ERR_PAYLOAD_INVALID, .open = &open };
	assert_int_equal(
	    sql_pool_start(pool, library.get_book, calloc(1, size - 1), size - 1, INT64_MAX, on_done, &expected, &call),
	    OK);
	loop_run(loop);
}

static void test_killed_workers_are_replaced(void **state)
{
	(void)state;
	pid_t workers[16];
	for (int round = 0; round < 3; round++) {
		unsigned open = WORKERS;
		struct expectation lost = { .code = ERR_ADAPTER_FAILED, .open = &open };
		for (int i = 0; i < WORKERS; i++) {
			start(&lost, "2", INT64_MAX);
		}
		run_for(20000);
		assert_int_equal(find_workers(workers), WORKERS);
		for (int i = 0; i < WORKERS; i++) {
			assert_int_equal(kill(workers[i], SIGKILL), 0);
		}
		loop_run(loop);
		unsigned one = 1;
		struct expectation next = { .code = OK, .open = &one };
		start(&next, "1", INT64_MAX); // waits for a new process
		loop_run(loop);
		for (int wait = 0; wait < 1000 && find_workers(workers) < WORKERS; wait++) {
			run_for(10000);
		}
	}
}

// A process beyond the reach of the interrupt is killed when its call is given up.
static void test_hanging_worker_is_killed(void **state)
{
	(void)state;
	pid_t workers[16];
	assert_int_equal(find_workers(workers), WORKERS);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(kill(workers[i], SIGSTOP), 0);
	}
	unsigned open = 1;
	struct expectation never = { .code = OK, .open = &open };
	struct sql_call *calls[WORKERS];
	for (int i = 0; i < WORKERS; i++) {
		calls[i] = start(&never, "1", INT64_MAX);
	}
	run_for(10000);
	for (int i = 0; i < WORKERS; i++) {
		sql_pool_cancel(calls[i]);
	}
	start(&never, "1", INT64_MAX);
	loop_run(loop);
	assert_int_equal(never.answered, 1);
}

static void test_none_left_behind(void **state)
{
	(void)state;
	pid_t workers[16];
	assert_int_equal(find_workers(workers), WORKERS);
	sql_pool_free(pool);
	pool = NULL;
	assert_int_equal(find_workers(workers), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many_calls),
		TEST(test_queue_is_bounded),
		TEST(test_deadline),
		TEST(test_too_large_a_request),
		TEST(test_killed_workers_are_replaced),
		TEST(test_hanging_worker_is_killed),
		TEST(test_none_left_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
