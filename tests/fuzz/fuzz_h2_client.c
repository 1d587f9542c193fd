// SPDX-License-Identifier: EUPL-1.2
//
// Bytes of a hostile server into a client's HTTP/2 session with three requests open, in memory. The first byte picks
// how the input is cut.
#include "net/h2_internal.h"

static struct loop *loop;
static struct h2_pool pool;

struct run {
	bool gone;
	int open;
};

static void on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	(void)user;
	h2_stream_consume(stream, bytes.size / 2);
}

static void on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	struct run *run = user;
	if (trailers.count == 2) {
		h2_stream_reset(stream, H2_CANCEL);
		run->open--;
	}
}

static void on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream;
	assert_always(close->text);
	((struct run *)user)->open--;
}

static const struct h2_stream_handlers HANDLERS = { .on_data = on_data, .on_end = on_end, .on_close = on_close };

static bool on_open(void *owner, struct h2_connection *connection)
{
	(void)owner, (void)connection;
	return true;
}

static void ignore(void *owner, struct h2_connection *connection)
{
	(void)owner, (void)connection;
}

static void on_gone(void *owner, struct h2_connection *connection, result cause, const char *text)
{
	(void)connection, (void)cause, (void)text;
	((struct run *)owner)->gone = true;
}

static const struct h2_hooks HOOKS = {
	.on_open = on_open,
	.on_ready = ignore,
	.on_room = ignore,
	.on_goaway = ignore,
	.on_gone = on_gone,
};

static void stop(void *context)
{
	loop_stop(context);
}

static void run_turn(void)
{
	struct loop_call call;
	loop_defer_init(&call, loop, stop, loop);
	loop_defer(&call);
	loop_run(loop);
}

static void open_stream(struct run *run, struct h2_connection *connection, bool end)
{
	const struct h2_header headers[] = {
		{ slice_text(":method"), slice_text("POST"), H2_HEADER_STATIC },
		{ slice_text(":scheme"), slice_text("http"), H2_HEADER_STATIC },
		{ slice_text(":path"), slice_text("/"), H2_HEADER_STATIC },
		{ slice_text(":authority"), slice_text("a"), H2_HEADER_STATIC },
	};
	struct h2_stream *stream = h2_stream_new(&pool);
	assert_always(stream);
	// Only ever compared with NULL while there is a connection.
	stream->client = (struct h2_client *)run;
	h2_stream_attach(stream, &HANDLERS, run);
	assert_always(h2_stream_submit(stream, connection, headers, 4, end) == OK);
	run->open++;
	if (!end) {
		assert_always(h2_stream_write_copy(stream, slice_text("body")) == OK);
	}
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
	struct run run = { 0 };
	struct h2_connection *list = NULL, *connection = NULL;
	const struct h2_settings settings = { .stream_window = 65535, .connection_window = 65535 };
	const struct h2_connection_config config = {
		.fd = -1,
		.settings = h2_settings_resolve(settings),
		.hooks = &HOOKS,
		.owner = &run,
		.list = &list,
		.pool = &pool,
	};
	assert_always(h2_connection_new(loop, &config, &connection) == OK);
	open_stream(&run, connection, true);
	open_stream(&run, connection, false);
	open_stream(&run, connection, true);
	run_turn();
	struct slice input = slice_of(data + 1, size - 1);
	size_t step = data[0] == 0 ? input.size : data[0];
	while (input.size > 0 && !run.gone) {
		size_t part = step < input.size ? step : input.size;
		h2_session_receive(connection, slice_of(input.data, part));
		h2_connection_wake(connection);
		input = slice_skip(input, part);
		run_turn();
	}
	if (!run.gone) {
		h2_connection_end(connection);
	}
	assert_always(run.gone && run.open == 0 && !list);
	return 0;
}
