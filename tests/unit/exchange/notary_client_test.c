// SPDX-License-Identifier: EUPL-1.2
//
// The worker's end of the notary's socket, against a notary played by the test: who is speaking, what a death means.
#include "exchange/notary_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_NOTARY = 1001, SECOND_NOTARY = 1002, CALLS = 1000 };

struct stage {
	struct loop *loop;
	struct notary_client *client;
	int notary; // our end
	uint64_t worker_epoch;
	int statuses;
	int grants;
	uint8_t packet[NOTARY_PACKET_MAX];
};

static void on_status(void *context)
{
	((struct stage *)context)->statuses++;
}

static void on_grants(void *context)
{
	((struct stage *)context)->grants++;
}

static int set_up(void **state)
{
	static struct stage stage;
	memset(&stage, 0, sizeof stage);
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) != 0 || loop_new(&stage.loop, NULL) != OK) {
		return -1;
	}
	stage.notary = pair[0];
	const struct notary_client_events events = {
		.on_status = on_status,
		.on_grants = on_grants,
		.context = &stage,
	};
	*state = &stage;
	return notary_client_new(stage.loop, pair[1], &events, &stage.client, NULL) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
	struct stage *stage = *state;
	notary_client_free(stage->client);
	loop_free(stage->loop);
	close(stage->notary);
	return 0;
}

static void stop(void *context)
{
	loop_stop(context);
}

// Lets the loop turn for a moment.
static void turn(struct stage *stage)
{
	struct loop_timer timer;
	loop_timer_init(&timer, stage->loop, stop, stage->loop);
	loop_timer_start(&timer, 3000, 0);
	loop_run(stage->loop);
	loop_timer_stop(&timer);
}

// The next packet of the worker; its frames are read with *reader. False if there is none.
static bool take_packet(struct stage *stage, struct notary_packet *packet, struct notary_reader *reader)
{
	ssize_t size = recv(stage->notary, stage->packet, sizeof stage->packet, 0);
	if (size <= 0) {
		return false;
	}
	assert_int_equal(notary_packet_parse(slice_of(stage->packet, (size_t)size), NOTARY_FROM_WORKER, packet, reader),
			 OK);
	stage->worker_epoch = packet->epoch;
	return true;
}

static void send_frames(struct stage *stage, uint64_t epoch, uint64_t to_epoch, const struct notary_frame *frames,
			size_t count)
{
	static uint8_t memory[NOTARY_PACKET_MAX];
	struct notary_writer writer;
	const struct notary_packet head = { .sender = NOTARY_FROM_NOTARY, .epoch = epoch, .to_epoch = to_epoch };
	notary_writer_begin(&writer, memory, &head);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(notary_writer_put(&writer, &frames[i]), OK);
	}
	struct slice packet = notary_writer_end(&writer);
	assert_int_equal(send(stage->notary, packet.data, packet.size, 0), packet.size);
}

static void hello(struct stage *stage, uint64_t epoch)
{
	const struct notary_frame frame = {
		.kind = NOTARY_HELLO,
		.version = NOTARY_FRAME_VERSION,
		.origin = slice_text("besa/XK/GOV/ARC/gw1/2026"),
		.size = 7,
	};
	send_frames(stage, epoch, stage->worker_epoch, &frame, 1);
	turn(stage);
}

// Reads the worker's hello and answers as a notary that has just come up.
static void come_up(struct stage *stage, uint64_t epoch)
{
	struct notary_packet packet;
	struct notary_reader reader;
	turn(stage);
	assert_true(take_packet(stage, &packet, &reader));
	hello(stage, epoch);
}

struct expectation {
	struct notary_call call;
	int answers;
	result code;
	uint64_t index;
};

static void note(void *context, const struct notary_answer *answer)
{
	struct expectation *expectation = context;
	expectation->answers++;
	expectation->code = answer->code;
	expectation->index = answer->index;
}

static void append(struct stage *stage, struct expectation *expectation)
{
	const struct notary_record record = { .type = STATEMENT_REQUEST,
					      .want_seal = true,
					      .body = slice_text("body") };
	notary_client_append(stage->client, &expectation->call, &record, note, expectation);
}

static void calls_before_the_notary_is_up_fail_at_once(void **state)
{
	struct stage *stage = *state;
	struct expectation early = { 0 };
	append(stage, &early);
	assert_int_equal(early.answers, 1);
	assert_int_equal(early.code, ERR_NOTARY_UNAVAILABLE);
	assert_int_equal(notary_client_state(stage->client), ERR_NOTARY_UNAVAILABLE);
	come_up(stage, FIRST_NOTARY);
	assert_int_equal(notary_client_state(stage->client), OK);
	assert_true(slice_is(notary_client_origin(stage->client), "besa/XK/GOV/ARC/gw1/2026"));
	assert_int_equal(stage->statuses, 1);
}

static void answers_find_their_calls_in_any_order(void **state)
{
	struct stage *stage = *state;
	come_up(stage, FIRST_NOTARY);
	static struct expectation calls[CALLS];
	memset(calls, 0, sizeof calls);
	for (size_t i = 0; i < CALLS; i++) {
		append(stage, &calls[i]);
	}
	turn(stage);
	static const uint8_t blinder[NOTARY_BLINDER_SIZE];
	struct notary_packet packet;
	struct notary_reader reader;
	size_t seen = 0;
	while (take_packet(stage, &packet, &reader)) {
		assert_int_equal(packet.to_epoch, FIRST_NOTARY);
		struct notary_frame frame;
		struct notary_frame replies[CALLS];
		size_t count = 0;
		while (notary_frame_next(&reader, &frame) == OK) {
			if (frame.kind == NOTARY_APPEND) {
				replies[count++] = (struct notary_frame){
					.kind = NOTARY_APPENDED,
					.token = frame.token,
					.index = frame.token + 5,
					.blinder = blinder,
				};
			}
		}
		seen += count;
		for (size_t i = count; i > 0; i--) { // backwards
			send_frames(stage, FIRST_NOTARY, stage->worker_epoch, &replies[i - 1], 1);
			if (i % 50 == 0) {
				turn(stage);
			}
		}
		turn(stage);
	}
	assert_int_equal(seen, CALLS);
	bool taken[CALLS] = { false };
	for (size_t i = 0; i < CALLS; i++) {
		assert_int_equal(calls[i].answers, 1);
		assert_int_equal(calls[i].code, OK);
		assert_in_range(calls[i].index, 5, 5 + 2 * CALLS);
		size_t slot = (size_t)calls[i].index - 5;
		assert_true(slot >= CALLS || !taken[slot]);
		if (slot < CALLS) {
			taken[slot] = true;
		}
	}
}

static void a_new_notary_voids_open_calls(void **state)
{
	struct stage *stage = *state;
	come_up(stage, FIRST_NOTARY);
	struct expectation open = { 0 };
	append(stage, &open);
	turn(stage);
	assert_int_equal(open.answers, 0);
	hello(stage, SECOND_NOTARY);
	assert_int_equal(open.answers, 1);
	assert_int_equal(open.code, ERR_NOTARY_UNAVAILABLE);
	assert_int_equal(notary_client_state(stage->client), OK);

	// What the dead notary had still said reaches nobody, whoever has the slot now.
	struct expectation later = { 0 };
	append(stage, &later);
	static const uint8_t blinder[NOTARY_BLINDER_SIZE];
	const struct notary_frame stale = { .kind = NOTARY_APPENDED, .token = later.call.slot, .blinder = blinder };
	send_frames(stage, SECOND_NOTARY, stage->worker_epoch + 1, &stale, 1);
	turn(stage);
	assert_int_equal(later.answers, 0);
	send_frames(stage, SECOND_NOTARY, stage->worker_epoch, &stale, 1);
	turn(stage);
	assert_int_equal(later.answers, 1);
	assert_int_equal(later.code, OK);
}

static void a_closed_ledger_is_told(void **state)
{
	struct stage *stage = *state;
	come_up(stage, FIRST_NOTARY);
	const struct notary_frame full = {
		.kind = NOTARY_STATUS,
		.code = ERR_DISK_FULL,
		.version = NOTARY_FRAME_VERSION,
		.origin = slice_text("besa/XK/GOV/ARC/gw1/2026-2"),
	};
	send_frames(stage, FIRST_NOTARY, stage->worker_epoch, &full, 1);
	const struct notary_frame grants = { .kind = NOTARY_GRANTS_CHANGED, .size = 8 };
	send_frames(stage, FIRST_NOTARY, stage->worker_epoch, &grants, 1);
	turn(stage);
	assert_int_equal(notary_client_state(stage->client), ERR_DISK_FULL);
	assert_true(slice_is(notary_client_origin(stage->client), "besa/XK/GOV/ARC/gw1/2026-2"));
	assert_int_equal(stage->grants, 1);
}

// A notary that does not read: what no longer fits is refused at once, what was taken reaches it in the end.
static void a_notary_that_does_not_read_costs_no_call(void **state)
{
	enum { MANY = 2 * NOTARY_CLIENT_QUEUE_MAX + 100, LARGE = 60000 };
	struct stage *stage = *state;
	come_up(stage, FIRST_NOTARY);
	static struct expectation calls[MANY];
	static uint8_t body[LARGE];
	memset(calls, 0, sizeof calls);
	const struct notary_record record = { .type = STATEMENT_REQUEST, .body = slice_of(body, sizeof body) };
	size_t refused = 0;
	for (size_t i = 0; i < MANY; i++) {
		notary_client_append(stage->client, &calls[i].call, &record, note, &calls[i]);
		refused += calls[i].answers == 1 && calls[i].code == ERR_BUSY;
	}
	assert_in_range(refused, 1, MANY - NOTARY_CLIENT_QUEUE_MAX);
	size_t arrived = 0;
	for (int quiet = 0; quiet < 3; quiet++) {
		struct notary_packet packet;
		struct notary_reader reader;
		struct notary_frame frame;
		turn(stage);
		while (take_packet(stage, &packet, &reader)) {
			quiet = 0;
			while (notary_frame_next(&reader, &frame) == OK) {
				arrived += frame.kind == NOTARY_APPEND;
			}
		}
	}
	assert_int_equal(arrived + refused, MANY);
	struct expectation later = { 0 };
	append(stage, &later);
	assert_int_equal(later.answers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(calls_before_the_notary_is_up_fail_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answers_find_their_calls_in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_notary_voids_open_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_closed_ledger_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_notary_that_does_not_read_costs_no_call, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("exchange/notary_client", tests, NULL, NULL);
}
