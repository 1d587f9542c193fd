// SPDX-License-Identifier: EUPL-1.2
//
// HTTP/2 between our own server and client: what arrives, how streams end, back-pressure, losing and leaving
// connections.
#include "h2_testing.h"

#include "base/random.h"

// ---- one exchange -------------------------------------------------------------------------------------------------

static void check_request(struct world *world, struct h2_stream *stream)
{
	assert_true(slice_is(h2_stream_method(stream), "POST"));
	assert_true(slice_is(h2_stream_path(stream), "/a/b"));
	assert_true(slice_is(h2_stream_authority(stream), "besa.test"));
	assert_true(slice_is(h2_headers_get(h2_stream_headers(stream), "x-question"), "why"));
	assert_null(h2_headers_get(h2_stream_headers(stream), "x-other").data);
	assert_ptr_equal(h2_connection_context(h2_stream_connection(stream)), world);
	serve_echo(world, stream);
}

static void exchange_arrives_whole(void **state)
{
	struct world world = { .serve = check_request };
	world_open(&world, *(bool *)*state);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/a/b", false), OK);
	assert_int_equal(h2_stream_write_copy(exchange.stream, slice_text("hello")), OK);
	assert_int_equal(h2_stream_end(exchange.stream, NULL, 0), OK);
	assert_int_equal(h2_stream_end(exchange.stream, NULL, 0), ERR_STATE);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.status, 200);
	assert_string_equal(exchange.header, "because");
	assert_string_equal(exchange.trailer, "done");
	assert_int_equal(exchange.received, 5);
	assert_int_equal(exchange.checksum, checksum_of(0, slice_text("hello")));
	assert_int_equal(exchange.close.reason, H2_CLOSE_DONE);
	assert_int_equal(exchange.close.cause, OK);
	assert_int_equal(world.requests, 1);
	assert_int_equal(h2_client_state(world.client), H2_CLIENT_READY);
	world_close(&world);
}

static void empty_request_and_response(void **state)
{
	struct world world = { .serve = serve_echo };
	world_open(&world, *(bool *)*state);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.received, 0);
	assert_int_equal(exchange.close.reason, H2_CLOSE_DONE);
	world_close(&world);
}

// ---- many, large --------------------------------------------------------------------------------------------------

enum { MANY = 1000 };

static bool all_closed(void *context)
{
	struct exchange *exchanges = context;
	for (int i = 0; i < MANY; i++) {
		if (!exchanges[i].closed) {
			return false;
		}
	}
	return true;
}

static void thousand_at_once_over_a_limit_of_hundred(void **state)
{
	struct world world = { .serve = serve_echo, .server_settings = { .streams_max = 100 } };
	world_open(&world, *(bool *)*state);
	static struct exchange exchanges[MANY];
	memset(exchanges, 0, sizeof exchanges);
	for (int i = 0; i < MANY; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		assert_int_equal(exchange_start(&world, &exchanges[i], "/", false), OK);
		assert_int_equal(h2_stream_write_copy(exchanges[i].stream, slice_text(text)), OK);
		assert_int_equal(h2_stream_end(exchanges[i].stream, NULL, 0), OK);
	}
	assert_int_equal(h2_client_load(world.client), MANY);
	assert_true(spin_for(world.loop, all_closed, exchanges, 30000));
	for (int i = 0; i < MANY; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		assert_int_equal(exchanges[i].close.reason, H2_CLOSE_DONE);
		assert_int_equal(exchanges[i].checksum, checksum_of(0, slice_text(text)));
	}
	assert_int_equal(world.requests, MANY);
	assert_int_equal(world.connections, 1);
	world_close(&world);
}

static void count_release(void *context)
{
	(*(unsigned *)context)++;
}

static void eight_mebibytes_each_way_through_small_windows(void **state)
{
	enum { SIZE = 8 * 1024 * 1024, PARTS = 7 };
	struct world world = {
		.serve = serve_echo,
		.server_settings = { .stream_window = 70000, .connection_window = 100000 },
		.client_settings = { .stream_window = 65535 },
	};
	world_open(&world, *(bool *)*state);
	uint8_t *bytes = malloc(SIZE);
	random_bytes(bytes, SIZE);
	struct exchange exchange = { 0 };
	unsigned released = 0;
	assert_int_equal(exchange_start(&world, &exchange, "/", false), OK);
	for (int i = 0; i < PARTS; i++) {
		size_t from = (size_t)SIZE / PARTS * i, to = i + 1 < PARTS ? (size_t)SIZE / PARTS * (i + 1) : SIZE;
		struct h2_chunk chunk = { slice_of(bytes + from, to - from), count_release, &released };
		assert_int_equal(h2_stream_write(exchange.stream, &chunk, 1), OK);
	}
	assert_int_equal(h2_stream_queued(exchange.stream), SIZE);
	assert_int_equal(h2_stream_end(exchange.stream, NULL, 0), OK);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.received, SIZE);
	assert_int_equal(exchange.checksum, checksum_of(0, slice_of(bytes, SIZE)));
	assert_int_equal(released, PARTS);
	free(bytes);
	world_close(&world);
}

// ---- back-pressure ------------------------------------------------------------------------------------------------

struct sink {
	struct h2_stream *stream;
	size_t received;
	bool closed;
	struct h2_close close;
};

static struct sink sink;

static void sink_on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	(void)user, (void)stream;
	sink.received += bytes.size;
}

static void sink_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)user, (void)stream;
	sink.closed = true;
	sink.close = *close;
	sink.stream = NULL;
}

static const struct h2_stream_handlers SINK_HANDLERS = { .on_data = sink_on_data, .on_close = sink_on_close };

static void serve_sink(struct world *world, struct h2_stream *stream)
{
	if (slice_is(h2_stream_path(stream), "/echo")) {
		serve_echo(world, stream);
		return;
	}
	sink = (struct sink){ .stream = stream };
	h2_stream_attach(stream, &SINK_HANDLERS, NULL);
}

static bool sink_is_full(void *context)
{
	return sink.received >= *(size_t *)context;
}

static void owner_that_does_not_consume_holds_only_its_stream(void **state)
{
	(void)state;
	enum { SIZE = 1024 * 1024 };
	size_t window = 100000;
	struct world world = { .serve = serve_sink, .server_settings = { .stream_window = (uint32_t)window } };
	world_open(&world, false);
	uint8_t *bytes = calloc(1, SIZE);
	struct exchange held = { 0 }, free_one = { 0 };
	assert_int_equal(exchange_start(&world, &held, "/hold", false), OK);
	struct h2_chunk chunk = { .bytes = slice_of(bytes, SIZE) };
	assert_int_equal(h2_stream_write(held.stream, &chunk, 1), OK);
	assert_true(spin_for(world.loop, sink_is_full, &window, 5000));
	spin_ms(world.loop, 20);
	assert_int_equal(sink.received, window); // not a byte more
	assert_int_equal(h2_stream_queued(held.stream), SIZE - window);

	assert_int_equal(exchange_start(&world, &free_one, "/echo", false), OK);
	assert_int_equal(h2_stream_write_copy(free_one.stream, slice_text("ok")), OK);
	assert_int_equal(h2_stream_end(free_one.stream, NULL, 0), OK);
	spin_until(world.loop, &free_one.closed);

	h2_stream_consume(sink.stream, window);
	size_t second = 2 * window;
	assert_true(spin_for(world.loop, sink_is_full, &second, 5000));
	h2_stream_reset(sink.stream, H2_CANCEL);
	spin_until(world.loop, &held.closed);
	assert_int_equal(held.close.reason, H2_CLOSE_RESET);
	assert_int_equal(held.close.code, H2_CANCEL);
	assert_int_equal(held.close.cause, ERR_CANCELLED);
	free(bytes);
	world_close(&world);
}

static void window_of_dropped_streams_returns_to_the_connection(void **state)
{
	(void)state;
	enum { ROUNDS = 30, SIZE = 60000 };
	struct world world = { .serve = serve_sink, .server_settings = { .connection_window = 100000 } };
	world_open(&world, false);
	uint8_t *bytes = calloc(1, SIZE);
	size_t all = SIZE;
	for (int i = 0; i < ROUNDS; i++) {
		struct exchange exchange = { 0 };
		assert_int_equal(exchange_start(&world, &exchange, "/hold", false), OK);
		struct h2_chunk chunk = { .bytes = slice_of(bytes, SIZE) };
		sink.received = 0;
		assert_int_equal(h2_stream_write(exchange.stream, &chunk, 1), OK);
		assert_true(spin_for(world.loop, sink_is_full, &all, 5000)); // stuck here if the window leaked
		if (i % 2) {
			h2_stream_reset(sink.stream, H2_CANCEL);
			spin_until(world.loop, &exchange.closed);
		} else {
			h2_stream_reset(exchange.stream, H2_CANCEL);
			spin_until(world.loop, &sink.closed);
			assert_int_equal(sink.close.reason, H2_CLOSE_RESET);
			assert_int_equal(sink.close.cause, ERR_CANCELLED);
		}
	}
	free(bytes);
	world_close(&world);
}

// ---- streaming ----------------------------------------------------------------------------------------------------

enum { MESSAGES = 100, MESSAGE_SIZE = 10000 };

static void stream_next(void *user, struct h2_stream *stream)
{
	unsigned *sent = user;
	static uint8_t message[MESSAGE_SIZE];
	if (*sent == MESSAGES) {
		assert_int_equal(h2_stream_end(stream, NULL, 0), OK);
		return;
	}
	(*sent)++;
	struct h2_chunk chunk = { .bytes = slice_of(message, sizeof message) };
	assert_int_equal(h2_stream_write(stream, &chunk, 1), OK);
}

static void streamer_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream;
	assert_int_equal(close->reason, H2_CLOSE_DONE);
	free(user);
}

static const struct h2_stream_handlers STREAMER_HANDLERS = { .on_writable = stream_next,
							     .on_close = streamer_on_close };

static void serve_stream(struct world *world, struct h2_stream *stream)
{
	(void)world;
	unsigned *sent = calloc(1, sizeof *sent);
	h2_stream_attach(stream, &STREAMER_HANDLERS, sent);
	assert_int_equal(h2_stream_respond(stream, 200, NULL, 0, false), OK);
	stream_next(sent, stream);
}

static void writer_is_told_when_to_write_more(void **state)
{
	struct world world = { .serve = serve_stream };
	world_open(&world, *(bool *)*state);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.received, MESSAGES * MESSAGE_SIZE);
	assert_int_equal(exchange.close.reason, H2_CLOSE_DONE);
	world_close(&world);
}

// ---- ends ---------------------------------------------------------------------------------------------------------

static const struct h2_stream_handlers DEAF_HANDLERS = { 0 };

static void serve_refusal(struct world *world, struct h2_stream *stream)
{
	(void)world;
	struct slice path = h2_stream_path(stream);
	h2_stream_attach(stream, &DEAF_HANDLERS, NULL);
	if (slice_is(path, "/early")) {
		const struct h2_header header = { slice_text("x-answer"), slice_text("no"), 0 };
		assert_int_equal(h2_stream_respond(stream, 413, &header, 1, true), OK);
		assert_int_equal(h2_stream_respond(stream, 200, NULL, 0, true), ERR_STATE);
	} else {
		h2_stream_reset(stream, slice_is(path, "/refused") ? H2_REFUSED_STREAM : H2_ENHANCE_YOUR_CALM);
	}
}

static void resets_of_the_server_tell_their_reason(void **state)
{
	struct world world = { .serve = serve_refusal };
	world_open(&world, *(bool *)*state);
	struct exchange refused = { 0 }, calm = { 0 }, early = { 0 };
	unsigned released = 0;
	static uint8_t body[1024 * 1024];
	struct h2_chunk chunk = { slice_of(body, sizeof body), count_release, &released };
	assert_int_equal(exchange_start(&world, &refused, "/refused", true), OK);
	assert_int_equal(exchange_start(&world, &calm, "/calm", true), OK);
	assert_int_equal(exchange_start(&world, &early, "/early", false), OK);
	assert_int_equal(h2_stream_write(early.stream, &chunk, 1), OK);
	spin_until(world.loop, &refused.closed);
	spin_until(world.loop, &calm.closed);
	spin_until(world.loop, &early.closed);
	assert_int_equal(refused.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_int_equal(calm.close.reason, H2_CLOSE_RESET);
	assert_int_equal(calm.close.cause, ERR_BUSY);
	assert_int_equal(early.close.reason, H2_CLOSE_DONE); // answered before the request was over
	assert_int_equal(early.status, 413);
	assert_int_equal(released, 1);
	assert_int_equal(h2_client_state(world.client), H2_CLIENT_READY);
	world_close(&world);
}

static void queued_request_can_be_reset(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, false);
	struct exchange one = { 0 }, two = { 0 };
	unsigned released = 0;
	assert_int_equal(exchange_start(&world, &one, "/", false), OK);
	assert_int_equal(exchange_start(&world, &two, "/", true), OK);
	struct h2_chunk chunk = { slice_text("x"), count_release, &released };
	assert_int_equal(h2_stream_write(one.stream, &chunk, 1), OK);
	h2_stream_reset(one.stream, H2_CANCEL);
	assert_int_equal(released, 1);
	spin_until(world.loop, &two.closed);
	assert_int_equal(one.closes, 0);
	assert_int_equal(world.requests, 1);
	// Opened, but reset before the turn's flush: nothing leaves.
	assert_int_equal(exchange_start(&world, &one, "/", false), OK);
	assert_false(h2_stream_sent(one.stream));
	h2_stream_reset(one.stream, H2_CANCEL);
	spin_ms(world.loop, 20);
	assert_int_equal(world.requests, 1);
	assert_int_equal(h2_client_load(world.client), 0);
	world_close(&world);
}

// ---- connections --------------------------------------------------------------------------------------------------

static void nobody_listens(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo, .loop = new_loop() };
	close(listen_anywhere(&world.address));
	world_connect(&world);
	struct exchange exchange = { 0 }, second = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	assert_int_equal(h2_client_state(world.client), H2_CLIENT_CONNECTING);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_int_equal(exchange.close.cause, ERR_CLOSED);
	assert_int_equal(h2_client_state(world.client), H2_CLIENT_WAITING);
	assert_non_null(strstr(world.last_text, "nobody listens"));
	assert_int_equal(exchange_start(&world, &second, "/", true), ERR_CLOSED); // while pausing

	// Somebody listens: after the pause it works by itself.
	const struct address_listen options = { 0 };
	int fd = -1;
	assert_int_equal(address_listen(&world.address, &options, &fd, NULL), OK);
	world_listen(&world, fd);
	spin_ms(world.loop, 70);
	assert_int_equal(h2_client_state(world.client), H2_CLIENT_IDLE);
	assert_int_equal(exchange_start(&world, &second, "/", true), OK);
	spin_until(world.loop, &second.closed);
	assert_int_equal(second.close.reason, H2_CLOSE_DONE);
	world_close(&world);
}

static void lost_connection_tells_lost_from_not_processed(void **state)
{
	struct world world = { .serve = serve_sink, .server_settings = { .streams_max = 1 } };
	world_open(&world, *(bool *)*state);
	struct exchange sent = { 0 }, waiting = { 0 };
	assert_int_equal(exchange_start(&world, &sent, "/hold", false), OK);
	size_t none = 0;
	assert_true(spin_for(world.loop, sink_is_full, &none, 1000));
	while (world.requests == 0) {
		spin_ms(world.loop, 1);
	}
	assert_int_equal(exchange_start(&world, &waiting, "/hold", false), OK); // no stream is free
	assert_true(h2_stream_sent(sent.stream));
	assert_false(h2_stream_sent(waiting.stream));
	h2_connection_abort(world.connection, H2_INTERNAL_ERROR);
	spin_until(world.loop, &sent.closed);
	assert_int_equal(sent.close.reason, H2_CLOSE_LOST);
	// What waited was never sent: it fails as such, or goes out on the next connection.
	if (waiting.closed) {
		assert_int_equal(waiting.close.reason, H2_CLOSE_NOT_PROCESSED);
	}
	world_close(&world);
	assert_int_equal(waiting.closes, 1);
}

static void note_drained(void *context)
{
	((struct world *)context)->drained = true;
}

static void draining_lets_open_exchanges_finish(void **state)
{
	struct world world = { .serve = serve_echo };
	world_open(&world, *(bool *)*state);
	struct exchange open = { 0 }, late = { 0 };
	assert_int_equal(exchange_start(&world, &open, "/", false), OK);
	while (world.requests == 0) {
		spin_ms(world.loop, 1);
	}
	h2_listener_drain(world.listener, 0, note_drained, &world);
	while (h2_client_state(world.client) == H2_CLIENT_READY) {
		spin_ms(world.loop, 1);
	}
	assert_false(world.drained);
	result code = exchange_start(&world, &late, "/", true); // finds nobody any more
	if (code == OK) {
		spin_until(world.loop, &late.closed);
		assert_int_equal(late.close.reason, H2_CLOSE_NOT_PROCESSED);
	}
	assert_int_equal(h2_stream_write_copy(open.stream, slice_text("still here")), OK);
	assert_int_equal(h2_stream_end(open.stream, NULL, 0), OK);
	spin_until(world.loop, &open.closed);
	assert_int_equal(open.close.reason, H2_CLOSE_DONE);
	assert_int_equal(open.received, 10);
	spin_until(world.loop, &world.drained);
	assert_int_equal(h2_listener_connections(world.listener), 0);
	world_close(&world);
}

static void request_on_its_way_when_draining_begins_is_served(void **state)
{
	struct world world = { .serve = serve_echo };
	world_open(&world, *(bool *)*state);
	struct exchange first = { 0 }, crossing = { 0 };
	assert_int_equal(exchange_start(&world, &first, "/", true), OK);
	spin_until(world.loop, &first.closed);
	// Both leave in the same turn, so the request crosses the first GOAWAY.
	assert_int_equal(exchange_start(&world, &crossing, "/", true), OK);
	h2_listener_drain(world.listener, 0, note_drained, &world);
	spin_until(world.loop, &crossing.closed);
	assert_int_equal(crossing.close.reason, H2_CLOSE_DONE);
	spin_until(world.loop, &world.drained);
	world_close(&world);
}

static void draining_cuts_off_after_the_grace(void **state)
{
	(void)state;
	struct world world = { .serve = serve_sink };
	world_open(&world, false);
	struct exchange open = { 0 };
	assert_int_equal(exchange_start(&world, &open, "/hold", false), OK);
	while (world.requests == 0) {
		spin_ms(world.loop, 1);
	}
	h2_listener_drain(world.listener, 50000, note_drained, &world);
	spin_until(world.loop, &world.drained);
	spin_until(world.loop, &open.closed);
	assert_int_equal(open.close.reason, H2_CLOSE_LOST);
	world_close(&world);
}

static void draining_client_finishes_and_refuses(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, false);
	struct exchange one = { 0 }, two = { 0 };
	assert_int_equal(exchange_start(&world, &one, "/", true), OK);
	h2_client_drain(world.client, note_drained, &world);
	assert_int_equal(exchange_start(&world, &two, "/", true), ERR_CLOSED);
	spin_until(world.loop, &world.drained);
	assert_int_equal(one.close.reason, H2_CLOSE_DONE);
	world_close(&world);
}

static void freeing_with_open_exchanges_ends_each_once(void **state)
{
	for (int server_first = 0; server_first < 2; server_first++) {
		struct world world = { .serve = serve_sink };
		world_open(&world, *(bool *)*state);
		struct exchange open = { 0 }, queued = { 0 };
		assert_int_equal(exchange_start(&world, &open, "/hold", false), OK);
		while (world.requests == 0) {
			spin_ms(world.loop, 1);
		}
		assert_int_equal(exchange_start(&world, &queued, "/hold", false), OK);
		if (server_first) {
			h2_listener_free(world.listener);
			world.listener = NULL;
			assert_true(sink.closed);
			assert_int_equal(sink.close.reason, H2_CLOSE_LOST);
		}
		world_close(&world);
		assert_int_equal(open.closes, 1);
		assert_int_equal(open.close.reason, H2_CLOSE_LOST);
		assert_int_equal(queued.closes, 1);
		assert_int_equal(queued.close.reason, H2_CLOSE_NOT_PROCESSED);
	}
}

static void refused_connection_fails_without_a_request(void **state)
{
	struct world world = { .serve = serve_echo, .refuse_connections = true };
	world_open(&world, *(bool *)*state);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(world.requests, 0);
	assert_int_equal(world.connections, 0);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	world_close(&world);
}

// ---- time ---------------------------------------------------------------------------------------------------------

static void idle_connection_is_closed_and_opened_again(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo, .server_settings = { .idle_us = 80000 } };
	world_open(&world, false);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	while (world.disconnections == 0) {
		spin_ms(world.loop, 5);
	}
	spin_ms(world.loop, 10);
	if (h2_client_state(world.client) == H2_CLIENT_WAITING) {
		spin_ms(world.loop, 100);
	}
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.close.reason, H2_CLOSE_DONE);
	assert_int_equal(world.connections, 2);
	world_close(&world);
}

static void silent_peer_that_answers_pings_is_kept(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo, .client_settings = { .keepalive_us = 80000 } };
	world_open(&world, false);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	spin_ms(world.loop, 500); // several PINGs
	assert_int_equal(h2_client_state(world.client), H2_CLIENT_READY);
	assert_int_equal(world.connections, 1);
	world_close(&world);
}

static void peer_that_takes_no_output_loses_the_stream(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo,
			       .server_settings = { .stall_us = 100000 },
			       .client_settings = { .stream_window = 65535 } };
	world_open(&world, false);
	struct exchange exchange = { .hold = true };
	static uint8_t body[300000];
	struct h2_chunk chunk = { .bytes = slice_of(body, sizeof body) };
	assert_int_equal(exchange_start(&world, &exchange, "/", false), OK);
	assert_int_equal(h2_stream_write(exchange.stream, &chunk, 1), OK);
	spin_until(world.loop, &exchange.closed); // held its window shut
	assert_int_equal(exchange.close.reason, H2_CLOSE_RESET);
	assert_int_equal(exchange.received, 65535);
	world_close(&world);
}

static bool plain = false, secure = true;

#define both(test) cmocka_unit_test_prestate(test, &plain), cmocka_unit_test_prestate(test, &secure)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(exchange_arrives_whole),
		both(empty_request_and_response),
		both(thousand_at_once_over_a_limit_of_hundred),
		both(eight_mebibytes_each_way_through_small_windows),
		cmocka_unit_test(owner_that_does_not_consume_holds_only_its_stream),
		cmocka_unit_test(window_of_dropped_streams_returns_to_the_connection),
		both(writer_is_told_when_to_write_more),
		both(resets_of_the_server_tell_their_reason),
		cmocka_unit_test(queued_request_can_be_reset),
		cmocka_unit_test(nobody_listens),
		both(lost_connection_tells_lost_from_not_processed),
		both(draining_lets_open_exchanges_finish),
		both(request_on_its_way_when_draining_begins_is_served),
		cmocka_unit_test(draining_cuts_off_after_the_grace),
		cmocka_unit_test(draining_client_finishes_and_refuses),
		both(freeing_with_open_exchanges_ends_each_once),
		both(refused_connection_fails_without_a_request),
		cmocka_unit_test(idle_connection_is_closed_and_opened_again),
		cmocka_unit_test(silent_peer_that_answers_pings_is_kept),
		cmocka_unit_test(peer_that_takes_no_output_loses_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
