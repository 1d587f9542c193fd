// SPDX-License-Identifier: EUPL-1.2
//
// Our client against servers nobody here wrote: GOAWAY in the middle, interim responses, oversized headers, proxies'
// error pages, frames out of order. The server is a thread that waits for a number of requests and then writes a script
// of raw frames.
#include "h2_testing.h"

#include "net/grpc_unary.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, GOAWAY = 7 };
enum { END_STREAM = 1, END_HEADERS = 4 };

struct server {
	pthread_t thread;
	int fd;
	unsigned requests; // to wait for
	struct buffer script;
	bool stay; // until the client closes
};

static void frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
	const uint8_t head[] = { (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags };
	buffer_append(out, head, sizeof head);
	buffer_append_be32(out, stream);
	buffer_append(out, payload, size);
}

static unsigned count_requests(struct slice bytes)
{
	unsigned count = 0;
	for (size_t at = 24; at + 9 <= bytes.size;) {
		const uint8_t *head = bytes.data + at;
		at += 9 + ((size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]);
		count += head[3] == HEADERS && at <= bytes.size;
	}
	return count;
}

static void *run_server(void *context)
{
	struct server *server = context;
	static const uint8_t settings[9] = { 0, 0, 0, SETTINGS, 0, 0, 0, 0, 0 };
	static uint8_t bytes[1024 * 1024];
	size_t size = 0;
	int fd = accept(server->fd, NULL, NULL);
	(void)!send(fd, settings, sizeof settings, MSG_NOSIGNAL);
	while (count_requests(slice_of(bytes, size)) < server->requests) {
		ssize_t got = read(fd, bytes + size, sizeof bytes - size);
		if (got <= 0) {
			break;
		}
		size += (size_t)got;
	}
	(void)!send(fd, server->script.data, server->script.size, MSG_NOSIGNAL);
	while (server->stay && read(fd, bytes, sizeof bytes) > 0) {
	}
	close(fd);
	return NULL;
}

static void open_server(struct world *world, struct server *server, unsigned requests, bool stay)
{
	world->loop = new_loop();
	int fd = listen_anywhere(&world->address);
	struct server fresh = { .requests = requests, .stay = stay, .fd = fd };
	int flags = fcntl(fd, F_GETFL);
	assert_int_equal(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
	*server = fresh;
	buffer_init(&server->script, 1024 * 1024);
	world_connect(world);
}

static void start_server(struct server *server)
{
	assert_int_equal(pthread_create(&server->thread, NULL, run_server, server), 0);
}

static void close_server(struct world *world, struct server *server)
{
	h2_client_free(world->client);
	pthread_join(server->thread, NULL);
	close(server->fd);
	buffer_release(&server->script);
	loop_free(world->loop);
}

static const uint8_t STATUS_200[] = { 0x88 };

static void goaway_tells_untouched_requests_from_open_ones(void **state)
{
	(void)state;
	struct world world = { 0 };
	struct server server;
	open_server(&world, &server, 3, false);
	frame(&server.script, HEADERS, END_HEADERS | END_STREAM, 1, STATUS_200, 1);
	frame(&server.script, GOAWAY, 0, 0, "\0\0\0\3\0\0\0\0", 8);
	start_server(&server);
	struct exchange answered = { 0 }, open = { 0 }, above = { 0 };
	assert_int_equal(exchange_start(&world, &answered, "/", true), OK);
	assert_int_equal(exchange_start(&world, &open, "/", true), OK);
	assert_int_equal(exchange_start(&world, &above, "/", true), OK);
	spin_until(world.loop, &answered.closed);
	spin_until(world.loop, &open.closed);
	spin_until(world.loop, &above.closed);
	assert_int_equal(answered.close.reason, H2_CLOSE_DONE);
	assert_int_equal(open.close.reason, H2_CLOSE_LOST); // taken, and nobody knows
	assert_int_equal(above.close.reason, H2_CLOSE_NOT_PROCESSED);
	close_server(&world, &server);
}

static void interim_responses_are_passed_over(void **state)
{
	(void)state;
	struct world world = { 0 };
	struct server server;
	open_server(&world, &server, 1, true);
	frame(&server.script, HEADERS, END_HEADERS, 1,
	      "\x08\x03"
	      "103"
	      "\x00\x04link\x01x",
	      13);
	frame(&server.script, HEADERS, END_HEADERS, 1,
	      "\x08\x03"
	      "100",
	      5);
	frame(&server.script, HEADERS, END_HEADERS, 1, "\x88\x00\x08x-answer\x03yes", 15);
	frame(&server.script, DATA, 0, 1, "abc", 3);
	frame(&server.script, HEADERS, END_HEADERS | END_STREAM, 1, "\x00\x09x-trailer\x02zz", 14);
	start_server(&server);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed);
	assert_int_equal(exchange.status, 200);
	assert_string_equal(exchange.header, "yes");
	assert_string_equal(exchange.trailer, "zz");
	assert_int_equal(exchange.received, 3);
	assert_int_equal(exchange.close.reason, H2_CLOSE_DONE);
	close_server(&world, &server);
}

static void oversized_response_headers_end_the_stream_alone(void **state)
{
	(void)state;
	struct world world = { .client_settings = { .header_bytes_max = 1000 } };
	struct server server;
	open_server(&world, &server, 2, true);
	uint8_t block[1200] = { 0x88, 0x00, 0x01, 'x', 0x7f, 0x81, 0x08 }; // a value of 127 + 1025 bytes
	memset(block + 7, 'v', 1152);
	frame(&server.script, HEADERS, END_HEADERS | END_STREAM, 1, block, 7 + 1152);
	frame(&server.script, HEADERS, END_HEADERS | END_STREAM, 3, STATUS_200, 1);
	start_server(&server);
	struct exchange large = { 0 }, small = { 0 };
	assert_int_equal(exchange_start(&world, &large, "/", true), OK);
	assert_int_equal(exchange_start(&world, &small, "/", true), OK);
	spin_until(world.loop, &large.closed);
	spin_until(world.loop, &small.closed);
	assert_int_equal(large.close.reason, H2_CLOSE_RESET);
	assert_int_equal(large.close.cause, ERR_LIMIT);
	assert_int_equal(large.status, 0);
	assert_int_equal(small.close.reason, H2_CLOSE_DONE);
	close_server(&world, &server);
}

static void peer_that_stops_answering_is_given_up(void **state)
{
	(void)state;
	struct world world = { .client_settings = { .keepalive_us = 80000 } };
	struct server server;
	open_server(&world, &server, 1, true);
	start_server(&server);
	struct exchange exchange = { 0 };
	assert_int_equal(exchange_start(&world, &exchange, "/", true), OK);
	spin_until(world.loop, &exchange.closed); // the PING stays unanswered
	assert_int_equal(exchange.close.reason, H2_CLOSE_LOST);
	assert_int_equal(exchange.close.cause, ERR_TIMEOUT);
	assert_string_equal(exchange.text, "the peer does not answer");
	close_server(&world, &server);
}

// ---- gRPC ---------------------------------------------------------------------------------------------------------

struct answer {
	bool done;
	enum grpc_status status;
	result cause;
	bool from_peer;
};

static void on_done(void *context, const struct grpc_unary_result *got, bool *keep_message)
{
	(void)keep_message;
	*(struct answer *)context = (struct answer){ true, got->status, got->cause, got->from_peer };
}

#define GRPC_HEADERS       \
	"\x88\x00\x0c"     \
	"content-type\x10" \
	"application/grpc"
#define STATUS_ZERO               \
	"\x00\x0bgrpc-status\x01" \
	"0"

static void answers_that_are_no_grpc_become_statuses(void **state)
{
	(void)state;
	static const struct {
		const char *headers;
		size_t headers_size;
		bool headers_end;
		const char *data;
		size_t data_size;
		const char *trailers; // NULL: END_STREAM on the data, or a reset if there is none
		size_t trailers_size;
		enum grpc_status status;
		bool from_peer;
	} cases[] = {
		{ "\x08\x03"
		  "503",
		  5, true, NULL, 0, NULL, 0, GRPC_UNAVAILABLE, false },
		{ "\x08\x03"
		  "404",
		  5, false, "<html>", 6, NULL, 0, GRPC_UNIMPLEMENTED, false },
		{ "\x88", 1, true, NULL, 0, NULL, 0, GRPC_UNKNOWN, false },
		{ GRPC_HEADERS, 32, false, "\0\0\0\0\1x", 6, NULL, 0, GRPC_UNKNOWN, false }, // no status
		{ GRPC_HEADERS, 32, false, "\0\0\0\0\1x", 6, STATUS_ZERO, 15, GRPC_OK, true },
		{ GRPC_HEADERS, 32, false, "\0\0\0\0\2x", 6, STATUS_ZERO, 15, GRPC_INTERNAL, false },           // cut
		{ GRPC_HEADERS, 32, false, "\0\0\0\0\0\0\0\0\0\0", 10, STATUS_ZERO, 15, GRPC_INTERNAL, false }, // two
		{ GRPC_HEADERS, 32, false, "\1\0\0\0\1x", 6, STATUS_ZERO, 15, GRPC_INTERNAL, false }, // compressed
		{ GRPC_HEADERS, 32, false, "\0\x7f\0\0\0", 5, STATUS_ZERO, 15, GRPC_RESOURCE_EXHAUSTED, false },
		{ GRPC_HEADERS STATUS_ZERO, 47, true, NULL, 0, NULL, 0, GRPC_INTERNAL, false }, // OK without a message
		{ GRPC_HEADERS, 32, false, NULL, 0, NULL, 0, GRPC_RESOURCE_EXHAUSTED,
		  false }, // reset ENHANCE_YOUR_CALM
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct world world = { 0 };
		struct server server;
		open_server(&world, &server, 1, true);
		bool trailers = cases[i].trailers != NULL;
		frame(&server.script, HEADERS, END_HEADERS | (cases[i].headers_end ? END_STREAM : 0), 1,
		      cases[i].headers, cases[i].headers_size);
		if (cases[i].data) {
			frame(&server.script, DATA, trailers ? 0 : END_STREAM, 1, cases[i].data, cases[i].data_size);
		}
		if (trailers) {
			frame(&server.script, HEADERS, END_HEADERS | END_STREAM, 1, cases[i].trailers,
			      cases[i].trailers_size);
		} else if (!cases[i].data && !cases[i].headers_end) {
			frame(&server.script, RST_STREAM, 0, 1, "\0\0\0\x0b", 4);
		}
		start_server(&server);
		const struct grpc_unary_request request = { .path = slice_text("/s/M"),
							    .authority = slice_text("s"),
							    .payload = slice_text("hello") };
		struct answer answer = { 0 };
		assert_non_null(grpc_unary_start(world.loop, world.client, &request, on_done, &answer));
		spin_until(world.loop, &answer.done);
		assert_int_equal(answer.status, cases[i].status);
		assert_int_equal(answer.from_peer, cases[i].from_peer);
		assert_int_equal(answer.cause == OK, answer.from_peer);
		close_server(&world, &server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goaway_tells_untouched_requests_from_open_ones),
		cmocka_unit_test(interim_responses_are_passed_over),
		cmocka_unit_test(oversized_response_headers_end_the_stream_alone),
		cmocka_unit_test(peer_that_stops_answering_is_given_up),
		cmocka_unit_test(answers_that_are_no_grpc_become_statuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
