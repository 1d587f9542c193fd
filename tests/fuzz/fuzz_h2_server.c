// SPDX-License-Identifier: EUPL-1.2
//
// Bytes of a hostile client into a server's HTTP/2 session and the gRPC calls on it, in memory. The preface is ours, so
// that the fuzzer spends itself on frames. The first byte of the input picks how it is cut.
#include "net/grpc_call.h"
#include "net/h2_internal.h"

#include <stdlib.h>

static struct loop *loop;
static struct h2_pool pool;

// ---- an owner that does a little of everything --------------------------------------------------------------------

static void on_message(void *context, struct grpc_call *call)
{
	(void)context;
	if (grpc_call_message(call).size % 3 == 0) {
		grpc_call_fail(call, GRPC_NOT_FOUND, slice_text("no"), NULL, 0);
		return;
	}
	size_t size = 0;
	uint8_t *message = grpc_call_take_message(call, &size);
	const struct h2_chunk part = { slice_of(message, size), free, message };
	const struct grpc_reply reply = { .parts = &part, .part_count = 1 };
	grpc_call_reply(call, &reply);
}

static const struct grpc_call_handlers CALL_HANDLERS = { .on_message = on_message };
static const struct grpc_call_config CALLS = { .handlers = &CALL_HANDLERS, .message_max = 65536 };

static void on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	(void)user;
	if (bytes.data[0] == 'r') {
		h2_stream_reset(stream, H2_CANCEL);
		return;
	}
	result_ignore(h2_stream_write_copy(stream, bytes));
	h2_stream_consume(stream, bytes.size / 2);
}

static void on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	(void)user;
	result_ignore(h2_stream_end(stream, trailers.items, trailers.count < 8 ? trailers.count : 8));
}

static const struct h2_stream_handlers HANDLERS = { .on_data = on_data, .on_end = on_end };

static void on_request(void *owner, struct h2_stream *stream)
{
	(void)owner;
	if (slice_is(h2_stream_method(stream), "POST")) {
		grpc_call_accept(loop, stream, &CALLS);
		return;
	}
	h2_stream_attach(stream, &HANDLERS, NULL);
	struct h2_headers headers = h2_stream_headers(stream);
	size_t count = headers.count < 8 ? headers.count : 8;
	result_ignore(h2_stream_respond(stream, 200, headers.items, count, false));
}

// ---- the session --------------------------------------------------------------------------------------------------

static bool on_open(void *owner, struct h2_connection *connection)
{
	(void)owner, (void)connection;
	return true;
}

static void on_ready(void *owner, struct h2_connection *connection)
{
	(void)owner, (void)connection;
}

static void on_gone(void *owner, struct h2_connection *connection, result cause, const char *text)
{
	(void)connection, (void)cause, (void)text;
	*(bool *)owner = true;
}

static const struct h2_hooks HOOKS = {
	.on_open = on_open,
	.on_ready = on_ready,
	.on_request = on_request,
	.on_gone = on_gone,
};

static void stop(void *context)
{
	loop_stop(context);
}

// Lets flushes and ends take place.
static void run_turn(void)
{
	struct loop_call call;
	loop_defer_init(&call, loop, stop, loop);
	loop_defer(&call);
	loop_run(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	if (!loop) {
		assert_always(loop_new(&loop, NULL) == OK);
	}
	bool gone = false;
	struct h2_connection *list = NULL, *connection = NULL;
	const struct h2_settings settings = { .streams_max = 10, .stream_window = 65535, .connection_window = 65535 };
	const struct h2_connection_config config = {
		.server = true,
		.fd = -1,
		.settings = h2_settings_resolve(settings),
		.hooks = &HOOKS,
		.owner = &gone,
		.list = &list,
		.pool = &pool,
	};
	assert_always(h2_connection_new(loop, &config, &connection) == OK);
	h2_session_receive(connection, slice_text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
	struct slice input = slice_of(data + 1, size - 1);
	size_t step = data[0] == 0 ? input.size : data[0];
	while (input.size > 0 && !gone) {
		size_t part = step < input.size ? step : input.size;
		h2_session_receive(connection, slice_of(input.data, part));
		h2_connection_wake(connection);
		input = slice_skip(input, part);
		run_turn();
	}
	if (!gone) {
		h2_connection_end(connection);
	}
	assert_always(gone && !list);
	return 0;
}
