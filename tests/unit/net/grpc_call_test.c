// SPDX-License-Identifier: EUPL-1.2
//
// Unary gRPC calls, our client against our server, and raw requests against the server: answers, errors, deadlines,
// cancellation, limits, malformed bodies.
#include "h2_testing.h"

#include "net/grpc_call.h"
#include "net/grpc_unary.h"

// ---- the server: behaviour by path --------------------------------------------------------------------------------

struct service {
	struct world *world;
	struct grpc_call_config config;
	unsigned begun, messages, cancels;
	result why;
	bool cancelled;
	struct grpc_call *held;
	int64_t deadline_in_us;
};

static struct service service;

static void release_count(void *context)
{
	(*(unsigned *)context)++;
}

static unsigned released;

static void reply_echo(struct grpc_call *call)
{
	static uint8_t head[] = { '<' }, tail[] = { '>' };
	size_t size = 0;
	uint8_t *message = grpc_call_take_message(call, &size);
	const struct h2_chunk parts[] = { { slice_of(head, 1), release_count, &released },
					  { slice_of(message, size), free, message },
					  { slice_of(tail, 1), release_count, &released } };
	const struct h2_header initial = { slice_text("x-initial"), slice_text("first"), 0 };
	const struct h2_header trailer = { slice_text("besa-exchange-id"), slice_text("0198"), 0 };
	const struct grpc_reply reply = { &initial, 1, parts, 3, &trailer, 1 };
	grpc_call_reply(call, &reply);
}

static void on_begin(void *context, struct grpc_call *call)
{
	(void)context;
	service.begun++;
	service.deadline_in_us = grpc_call_deadline_us(call) == INT64_MAX
				     ? INT64_MAX
				     : grpc_call_deadline_us(call) - loop_now_us(service.world->loop);
	if (slice_is(grpc_call_path(call), "/s/Unknown")) {
		grpc_call_fail(call, GRPC_UNIMPLEMENTED, slice_text("no such method"), NULL, 0);
	} else if (slice_is(grpc_call_path(call), "/s/Small")) {
		grpc_call_set_limit(call, 10);
	}
}

static void on_message(void *context, struct grpc_call *call)
{
	(void)context;
	service.messages++;
	struct slice path = grpc_call_path(call);
	if (slice_is(path, "/s/Hold")) {
		service.held = call;
	} else if (slice_is(path, "/s/Fail")) {
		const struct h2_header trailer = { slice_text("besa-reason"), slice_text("grant_missing"), 0 };
		grpc_call_fail(call, GRPC_PERMISSION_DENIED, slice_text("jo, nuk lejohet: 100% ë"), &trailer, 1);
	} else {
		reply_echo(call);
	}
}

static void on_cancel(void *context, struct grpc_call *call, result why)
{
	(void)context;
	service.cancels++;
	service.cancelled = true;
	service.why = why;
	if (call == service.held) {
		service.held = NULL;
	}
}

static const struct grpc_call_handlers CALL_HANDLERS = { on_begin, on_message, on_cancel };

static void serve_calls(struct world *world, struct h2_stream *stream)
{
	grpc_call_accept(world->loop, stream, &service.config);
}

static void open_service(struct world *world, bool tls)
{
	world->serve = serve_calls;
	service = (struct service){ .world = world, .config = { .handlers = &CALL_HANDLERS, .message_max = 100000 } };
	released = 0;
	world_open(world, tls);
}

// ---- the client ---------------------------------------------------------------------------------------------------

struct call {
	struct grpc_unary *unary;
	unsigned dones;
	bool done;
	enum grpc_status status;
	result cause;
	bool from_peer, not_processed;
	char message[200], text[200];
	size_t size;
	char initial[64], exchange_id[64], reason[64];
};

static void on_done(void *context, const struct grpc_unary_result *answer, bool *keep_message)
{
	struct call *call = context;
	call->dones++;
	call->done = true;
	call->status = answer->status;
	call->cause = answer->cause;
	call->from_peer = answer->from_peer;
	call->not_processed = answer->not_processed;
	call->size = answer->message_size;
	snprintf(call->text, sizeof call->text, "%.*s", (int)answer->status_message.size,
		 answer->status_message.data ? (const char *)answer->status_message.data : "");
	snprintf(call->message, sizeof call->message, "%.*s", (int)answer->message_size,
		 answer->message ? (const char *)answer->message : "");
	copy_value(answer->metadata, "x-initial", call->initial);
	copy_value(answer->trailers, "besa-exchange-id", call->exchange_id);
	copy_value(answer->trailers, "besa-reason", call->reason);
	if (answer->message && answer->message_size % 2) {
		*keep_message = true;
		free(answer->message);
	}
}

static void call_start(struct world *world, struct call *call, const char *path, const char *head, struct slice payload,
		       int64_t timeout_us)
{
	const struct h2_header metadata = { slice_text("besa-user"), slice_text("XK1"), 0 };
	const struct grpc_unary_request request = {
		.path = slice_text(path),
		.authority = slice_text("s"),
		.metadata = &metadata,
		.metadata_count = 1,
		.deadline_us = timeout_us ? loop_now_us(world->loop) + timeout_us : 0,
		.head = slice_text(head),
		.payload = payload,
	};
	*call = (struct call){ 0 };
	call->unary = grpc_unary_start(world->loop, world->client, &request, on_done, call);
	assert_non_null(call->unary);
	assert_false(call->done);
}

static struct call call_wait(struct world *world, const char *path, const char *text, int64_t timeout_us)
{
	struct call call;
	call_start(world, &call, path, "", slice_text(text), timeout_us);
	spin_until(world->loop, &call.done);
	assert_int_equal(call.dones, 1);
	return call;
}

// ---- tests --------------------------------------------------------------------------------------------------------

static void call_is_answered(void **state)
{
	struct world world = { 0 };
	open_service(&world, *(bool *)*state);
	struct call call;
	call_start(&world, &call, "/s/Echo", "head ", slice_text("payload"), 5000000);
	spin_until(world.loop, &call.done);
	assert_int_equal(call.status, GRPC_OK);
	assert_true(call.from_peer);
	assert_string_equal(call.message, "<head payload>");
	assert_string_equal(call.initial, "first");
	assert_string_equal(call.exchange_id, "0198");
	assert_string_equal(call.text, "");
	assert_true(service.deadline_in_us > 4000000 && service.deadline_in_us <= 5000000);
	call = call_wait(&world, "/s/Echo", "", 0);
	assert_string_equal(call.message, "<>");
	assert_int_equal(service.deadline_in_us, INT64_MAX);
	spin_ms(world.loop, 5);
	assert_int_equal(released, 4);
	world_close(&world);
}

static void errors_carry_text_and_metadata(void **state)
{
	struct world world = { 0 };
	open_service(&world, *(bool *)*state);
	struct call call = call_wait(&world, "/s/Fail", "x", 0);
	assert_int_equal(call.status, GRPC_PERMISSION_DENIED);
	assert_true(call.from_peer);
	assert_int_equal(call.cause, OK);
	assert_string_equal(call.text, "jo, nuk lejohet: 100% ë");
	assert_string_equal(call.reason, "grant_missing");
	assert_string_equal(call.message, "");
	call = call_wait(&world, "/s/Unknown", "x", 0);
	assert_int_equal(call.status, GRPC_UNIMPLEMENTED);
	call = call_wait(&world, "/s/Small", "12345678901", 0);
	assert_int_equal(call.status, GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(service.why, ERR_PAYLOAD_TOO_LARGE);
	assert_int_equal(service.messages, 1);
	world_close(&world);
}

static void large_message_to_a_refusing_method_is_not_uploaded(void **state)
{
	(void)state;
	enum { SIZE = 4 * 1024 * 1024 };
	struct world world = { 0 };
	open_service(&world, false);
	uint8_t *payload = malloc(SIZE);
	memset(payload, 'p', SIZE);
	struct call call;
	call_start(&world, &call, "/s/Unknown", "", slice_of(payload, SIZE), 0);
	spin_until(world.loop, &call.done);
	memset(payload, 0, SIZE);
	free(payload); // ours again as soon as done was called
	assert_int_equal(call.status, GRPC_UNIMPLEMENTED);
	spin_ms(world.loop, 20);
	assert_int_equal(call_wait(&world, "/s/Echo", "y", 0).status, GRPC_OK);
	world_close(&world);
}

static void deadline_passes_on_both_sides(void **state)
{
	struct world world = { 0 };
	open_service(&world, *(bool *)*state);
	struct call call = call_wait(&world, "/s/Hold", "x", 60000);
	assert_int_equal(call.status, GRPC_DEADLINE_EXCEEDED);
	spin_until(world.loop, &service.cancelled);
	assert_true(service.why == ERR_TIMEOUT || service.why == ERR_CANCELLED);
	assert_int_equal(service.cancels, 1);
	// One that has passed already is not even sent.
	unsigned begun = service.begun;
	call = call_wait(&world, "/s/Echo", "x", -1000);
	assert_int_equal(call.status, GRPC_DEADLINE_EXCEEDED);
	assert_true(call.not_processed);
	assert_int_equal(service.begun, begun);
	world_close(&world);
}

static void cancelling_tells_the_server_and_nobody_here(void **state)
{
	struct world world = { 0 };
	open_service(&world, *(bool *)*state);
	struct call call;
	call_start(&world, &call, "/s/Hold", "", slice_text("x"), 0);
	while (!service.held) {
		spin_ms(world.loop, 1);
	}
	assert_true(grpc_unary_sent(call.unary));
	grpc_unary_cancel(call.unary);
	spin_until(world.loop, &service.cancelled);
	assert_int_equal(service.why, ERR_CANCELLED);
	assert_int_equal(call.dones, 0);
	// Before it left: the server hears nothing.
	unsigned begun = service.begun;
	call_start(&world, &call, "/s/Hold", "", slice_text("x"), 0);
	assert_false(grpc_unary_sent(call.unary));
	grpc_unary_cancel(call.unary);
	spin_ms(world.loop, 20);
	assert_int_equal(service.begun, begun);
	assert_int_equal(call.dones, 0);
	world_close(&world);
}

static void lost_peer_leaves_the_outcome_unknown(void **state)
{
	struct world world = { 0 };
	open_service(&world, *(bool *)*state);
	struct call call;
	call_start(&world, &call, "/s/Hold", "", slice_text("x"), 0);
	while (!service.held) {
		spin_ms(world.loop, 1);
	}
	h2_connection_abort(world.connection, H2_INTERNAL_ERROR);
	spin_until(world.loop, &call.done);
	assert_int_equal(call.status, GRPC_UNAVAILABLE);
	assert_false(call.not_processed);
	assert_false(call.from_peer);
	spin_until(world.loop, &service.cancelled);
	assert_int_equal(service.why, ERR_CLOSED);
	world_close(&world);
}

static void unreachable_peer_is_safe_to_retry(void **state)
{
	(void)state;
	struct world world = { .loop = new_loop() };
	close(listen_anywhere(&world.address));
	world_connect(&world);
	for (int i = 0; i < 2; i++) { // the second fails in the pause, without a try
		struct call call = call_wait(&world, "/s/Echo", "x", 0);
		assert_int_equal(call.status, GRPC_UNAVAILABLE);
		assert_true(call.not_processed);
		assert_int_equal(call.cause, ERR_CLOSED);
	}
	world_close(&world);
}

// ---- raw requests -------------------------------------------------------------------------------------------------

struct raw {
	bool closed;
	unsigned status;
	int grpc_status;
	struct h2_close close;
};

static void raw_note(struct raw *raw, struct h2_headers headers)
{
	struct slice text = h2_headers_get(headers, "grpc-status");
	if (text.data) {
		raw->grpc_status = grpc_status_parse(text);
	}
}

static void raw_on_response(void *user, struct h2_stream *stream, unsigned status, struct h2_headers headers)
{
	(void)stream;
	((struct raw *)user)->status = status;
	raw_note(user, headers);
}

static void raw_on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	(void)stream;
	raw_note(user, trailers);
}

static void raw_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream;
	struct raw *raw = user;
	raw->closed = true;
	raw->close = *close;
}

static const struct h2_stream_handlers RAW_HANDLERS = {
	.on_response = raw_on_response,
	.on_end = raw_on_end,
	.on_close = raw_on_close,
};

static struct raw raw_call(struct world *world, const char *method, const char *type, const char *timeout,
			   struct slice body)
{
	struct raw raw = { .grpc_status = -1 };
	struct h2_header headers[2];
	size_t count = 0;
	headers[count++] = (struct h2_header){ slice_text("content-type"), slice_text(type), 0 };
	if (timeout) {
		headers[count++] = (struct h2_header){ slice_text("grpc-timeout"), slice_text(timeout), 0 };
	}
	const struct h2_request request = { .method = method,
					    .path = slice_text("/s/Echo"),
					    .authority = slice_text("s"),
					    .headers = headers,
					    .header_count = count };
	struct h2_stream *stream = NULL;
	assert_int_equal(h2_client_request(world->client, &request, &RAW_HANDLERS, &raw, &stream), OK);
	assert_int_equal(h2_stream_write_copy(stream, body), OK);
	assert_int_equal(h2_stream_end(stream, NULL, 0), OK);
	spin_until(world->loop, &raw.closed);
	return raw;
}

static void malformed_requests_are_refused(void **state)
{
	(void)state;
	struct world world = { 0 };
	open_service(&world, false);
	static const struct {
		const char *method, *type, *timeout;
		uint8_t body[16];
		size_t size;
		unsigned http;
		int status;
	} cases[] = {
		{ "GET", "application/grpc", NULL, { 0 }, 5, 405, -1 },
		{ "POST", "application/json", NULL, { 0 }, 5, 415, -1 },
		{ "POST", "application/grpc", NULL, { 0 }, 0, 200, GRPC_UNIMPLEMENTED },          // no message
		{ "POST", "application/grpc", NULL, { 0, 0, 0 }, 3, 200, GRPC_INVALID_ARGUMENT }, // cut in the head
		{ "POST", "application/grpc", NULL, { 0, 0, 0, 0, 9, 1 }, 6, 200, GRPC_INVALID_ARGUMENT }, // cut in the
													   // message
		{ "POST", "application/grpc", NULL, { 0, 0, 0, 0, 1, 1, 0 }, 7, 200, GRPC_UNIMPLEMENTED }, // a second
													   // one begins
		{ "POST", "application/grpc", NULL, { 1, 0, 0, 0, 1, 1 }, 6, 200, GRPC_UNIMPLEMENTED },    // compressed
		{ "POST", "application/grpc", NULL, { 7, 0, 0, 0, 1, 1 }, 6, 200, GRPC_INVALID_ARGUMENT }, // no flag
		{ "POST", "application/grpc", NULL, { 0, 1, 0, 0, 0 }, 5, 200, GRPC_RESOURCE_EXHAUSTED },
		{ "POST", "application/grpc", "5x", { 0 }, 5, 200, GRPC_INVALID_ARGUMENT },
		{ "POST", "application/grpc+proto", "1H", { 0 }, 5, 200, GRPC_OK },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct raw raw = raw_call(&world, cases[i].method, cases[i].type, cases[i].timeout,
					  slice_of(cases[i].body, cases[i].size));
		assert_int_equal(raw.status, cases[i].http);
		assert_int_equal(raw.grpc_status, cases[i].status);
	}
	assert_int_equal(service.messages, 1);
	assert_int_equal(world.connections, 1);
	world_close(&world);
}

static void message_that_never_comes_times_out(void **state)
{
	(void)state;
	struct world world = { 0 };
	open_service(&world, false);
	service.config.receive_us = 50000;
	struct raw raw = { .grpc_status = -1 };
	const struct h2_header type = { slice_text("content-type"), slice_text("application/grpc"), 0 };
	const struct h2_request request = { .method = "POST",
					    .path = slice_text("/s/Echo"),
					    .authority = slice_text("s"),
					    .headers = &type,
					    .header_count = 1 };
	struct h2_stream *stream = NULL;
	assert_int_equal(h2_client_request(world.client, &request, &RAW_HANDLERS, &raw, &stream), OK);
	assert_int_equal(h2_stream_write_copy(stream, slice_of("\0\0\0\0", 4)), OK);
	spin_until(world.loop, &raw.closed);
	assert_int_equal(raw.grpc_status, GRPC_DEADLINE_EXCEEDED);
	assert_int_equal(service.why, ERR_TIMEOUT);
	world_close(&world);
}

static void announced_messages_are_held_to_the_connections_budget(void **state)
{
	(void)state;
	enum { STREAMS = 20 };
	struct world world = { .server_settings = { .memory_max = 1000000 } };
	open_service(&world, false);
	static struct raw raws[STREAMS];
	for (int i = 0; i < STREAMS; i++) {
		const struct h2_header type = { slice_text("content-type"), slice_text("application/grpc"), 0 };
		const struct h2_request request = { .method = "POST",
						    .path = slice_text("/s/Echo"),
						    .authority = slice_text("s"),
						    .headers = &type,
						    .header_count = 1 };
		struct h2_stream *stream = NULL;
		raws[i] = (struct raw){ .grpc_status = -1 };
		assert_int_equal(h2_client_request(world.client, &request, &RAW_HANDLERS, &raws[i], &stream), OK);
		assert_int_equal(h2_stream_write_copy(stream, slice_of("\0\0\1\206\240x", 6)), OK); // 100,000 bytes
	}
	spin_ms(world.loop, 50);
	int refused = 0;
	for (int i = 0; i < STREAMS; i++) {
		refused += raws[i].closed && raws[i].grpc_status == GRPC_RESOURCE_EXHAUSTED;
	}
	assert_int_equal(refused, STREAMS - 10);
	world_close(&world);
}

static bool plain = false, secure = true;

#define both(test) cmocka_unit_test_prestate(test, &plain), cmocka_unit_test_prestate(test, &secure)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(call_is_answered),
		both(errors_carry_text_and_metadata),
		cmocka_unit_test(large_message_to_a_refusing_method_is_not_uploaded),
		both(deadline_passes_on_both_sides),
		both(cancelling_tells_the_server_and_nobody_here),
		both(lost_peer_leaves_the_outcome_unknown),
		cmocka_unit_test(unreachable_peer_is_safe_to_retry),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(message_that_never_comes_times_out),
		cmocka_unit_test(announced_messages_are_held_to_the_connections_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
