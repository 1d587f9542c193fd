// SPDX-License-Identifier: EUPL-1.2
//
// A server and a client in one loop, and exchanges that note everything that happens to them.
#ifndef BESA_TESTS_H2_TESTING_H
#define BESA_TESTS_H2_TESTING_H

#include "net_testing.h"

struct world {
	struct loop *loop;
	struct address address;
	struct h2_listener *listener;
	struct h2_client *client;
	struct tls_context *server_tls, *client_tls;
	struct credential server_credential, client_credential;
	void (*serve)(struct world *world, struct h2_stream *stream);
	struct h2_settings server_settings, client_settings;
	bool refuse_connections;
	unsigned connections, disconnections, requests;
	struct h2_connection *connection; // the server's latest
	struct h2_peer peer;              // its peer
	result last_cause;                // of the client's last change of state
	char last_text[200];
	unsigned state_changes;
	char last_goodbye[200]; // why the server's last connection ended
	bool drained;
};

static inline bool world_on_connection(void *context, struct h2_connection *connection)
{
	struct world *world = context;
	world->connections += !world->refuse_connections;
	world->connection = connection;
	world->peer = *h2_connection_peer(connection);
	return !world->refuse_connections;
}

static inline void world_on_disconnect(void *context, struct h2_connection *connection, result cause, const char *text)
{
	(void)cause;
	struct world *world = context;
	snprintf(world->last_goodbye, sizeof world->last_goodbye, "%s", text);
	assert_int_equal(h2_connection_streams(connection), 0);
	world->disconnections++;
}

static inline void world_on_request(void *context, struct h2_stream *stream)
{
	struct world *world = context;
	world->requests++;
	world->serve(world, stream);
}

static inline void world_on_state(void *context, struct h2_client *client, enum h2_client_state state, result cause,
				  const char *text)
{
	(void)client, (void)state;
	struct world *world = context;
	world->state_changes++;
	world->last_cause = cause;
	snprintf(world->last_text, sizeof world->last_text, "%s", text);
}

static const struct h2_server_handlers WORLD_HANDLERS = {
	.on_connection = world_on_connection,
	.on_disconnect = world_on_disconnect,
	.on_request = world_on_request,
};

static inline void world_listen(struct world *world, int fd)
{
	const struct h2_listener_config config = {
		.fd = fd,
		.tls = world->server_tls,
		.check = { accept_pin, world->client_credential.fingerprint },
		.settings = world->server_settings,
		.handlers = &WORLD_HANDLERS,
		.context = world,
	};
	assert_int_equal(h2_listener_start(world->loop, &config, &world->listener, NULL), OK);
}

static inline void world_connect(struct world *world)
{
	const struct h2_client_config config = {
		.address = world->address,
		.tls = world->client_tls,
		.check = { accept_pin, world->server_credential.fingerprint },
		.server_name = "localhost",
		.settings = world->client_settings,
		.on_state = world_on_state,
		.context = world,
	};
	assert_int_equal(h2_client_new(world->loop, &config, &world->client), OK);
}

static inline void world_open(struct world *world, bool tls)
{
	world->loop = new_loop();
	if (tls) {
		world->server_credential = make_credential("server");
		world->client_credential = make_credential("client");
		world->server_tls = make_tls(TLS_SERVER, &world->server_credential);
		world->client_tls = make_tls(TLS_CLIENT, &world->client_credential);
	}
	world_listen(world, listen_anywhere(&world->address));
	world_connect(world);
}

static inline void world_close(struct world *world)
{
	h2_client_free(world->client);
	h2_listener_free(world->listener);
	assert_int_equal(world->connections, world->disconnections);
	tls_context_free(world->server_tls);
	tls_context_free(world->client_tls);
	loop_free(world->loop);
}

// One request as its client sees it.
struct exchange {
	struct world *world;
	struct h2_stream *stream;
	unsigned status;
	size_t received;
	uint32_t checksum;
	char header[64];  // value of x-answer
	char trailer[64]; // value of x-trailer
	bool ended;
	unsigned closes;
	bool closed;
	struct h2_close close;
	char text[200]; // its words
	bool hold;      // consume nothing
};

static inline uint32_t checksum_of(uint32_t sum, struct slice bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		sum = sum * 31 + bytes.data[i];
	}
	return sum;
}

static inline void copy_value(struct h2_headers headers, const char *name, char text[64])
{
	struct slice value = h2_headers_get(headers, name);
	snprintf(text, 64, "%.*s", (int)value.size, value.data ? (const char *)value.data : "");
}

static inline void exchange_on_response(void *user, struct h2_stream *stream, unsigned status,
					struct h2_headers headers)
{
	struct exchange *exchange = user;
	assert_ptr_equal(stream, exchange->stream);
	assert_int_equal(exchange->status, 0);
	exchange->status = status;
	copy_value(headers, "x-answer", exchange->header);
}

static inline void exchange_on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	struct exchange *exchange = user;
	assert_true(bytes.size > 0);
	exchange->received += bytes.size;
	exchange->checksum = checksum_of(exchange->checksum, bytes);
	if (!exchange->hold) {
		h2_stream_consume(stream, bytes.size);
	}
}

static inline void exchange_on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	(void)stream;
	struct exchange *exchange = user;
	assert_false(exchange->ended);
	exchange->ended = true;
	copy_value(trailers, "x-trailer", exchange->trailer);
}

static inline void exchange_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	struct exchange *exchange = user;
	assert_ptr_equal(stream, exchange->stream);
	assert_non_null(close->text);
	exchange->closes++;
	exchange->closed = true;
	exchange->close = *close;
	exchange->close.text = NULL;
	snprintf(exchange->text, sizeof exchange->text, "%s", close->text);
	exchange->stream = NULL;
}

static const struct h2_stream_handlers EXCHANGE_HANDLERS = {
	.on_response = exchange_on_response,
	.on_data = exchange_on_data,
	.on_end = exchange_on_end,
	.on_close = exchange_on_close,
};

static inline result exchange_start(struct world *world, struct exchange *exchange, const char *path, bool end)
{
	*exchange = (struct exchange){ .world = world, .hold = exchange->hold };
	const struct h2_header header = { slice_text("x-question"), slice_text("why"), 0 };
	const struct h2_request request = {
		.method = "POST",
		.path = slice_text(path),
		.authority = slice_text("besa.test"),
		.headers = &header,
		.header_count = 1,
		.end = end,
	};
	return h2_client_request(world->client, &request, &EXCHANGE_HANDLERS, exchange, &exchange->stream);
}

// A server's stream that sends back what it gets.
struct echo {
	struct world *world;
	struct h2_stream *stream;
	bool closed;
	struct h2_close close;
};

static inline void echo_on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	(void)user;
	assert_int_equal(h2_stream_write_copy(stream, bytes), OK);
	h2_stream_consume(stream, bytes.size);
}

static inline void echo_on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	(void)user, (void)trailers;
	const struct h2_header trailer = { slice_text("x-trailer"), slice_text("done"), 0 };
	assert_int_equal(h2_stream_end(stream, &trailer, 1), OK);
}

static inline void echo_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream, (void)close;
	free(user);
}

static const struct h2_stream_handlers ECHO_HANDLERS = {
	.on_data = echo_on_data,
	.on_end = echo_on_end,
	.on_close = echo_on_close,
};

static inline void serve_echo(struct world *world, struct h2_stream *stream)
{
	(void)world;
	const struct h2_header header = { slice_text("x-answer"), slice_text("because"), 0 };
	h2_stream_attach(stream, &ECHO_HANDLERS, malloc(1));
	assert_int_equal(h2_stream_respond(stream, 200, &header, 1, false), OK);
	if (h2_stream_request_ended(stream)) {
		return; // on_end follows
	}
}

#endif
