// SPDX-License-Identifier: EUPL-1.2
//
// Clients: one connection for new requests, the queue before it, reconnecting. See h2.h.
//
//            request, stay_connected                  SETTINGS received
//     IDLE ───────────────────────────▶ CONNECTING ────────────────────▶ READY
//      ▲ ▲                                   │ failed                      │ GOAWAY, lost
//      │ └────────── pause over ── WAITING ◀─┴─────────── lost at once ────┤
//      └───────────────────────────────────────────────────────────────────┘
//
// READY waits for the peer's SETTINGS although requests could go out earlier: in TLS 1.3 a client is done before the
// server has looked at its certificate. So a request that was sent reached a peer that had accepted us, and a refusal
// costs none.
#include "base/random.h"
#include "net/connect.h"
#include "net/h2_internal.h"
#include "net/tls_internal.h"

#include <stdlib.h>

enum { CONNECT_US = 5000000 };

// A connection lost sooner than this after it became ready counts as a failure, so that a peer that accepts and closes
// is not called without pause.
enum { SHORT_LIFE_US = 1000000 };

struct h2_client {
	struct loop *loop;
	struct h2_client_config config;
	char *server_name;
	struct h2_settings settings;
	struct tls_ticket ticket;
	enum h2_client_state state;
	struct connect *connecting;
	struct h2_connection *current;     // CONNECTING (past the socket) or READY
	struct h2_connection *connections; // with those draining
	int64_t ready_us;
	struct h2_stream *queue; // in order
	struct h2_stream **queue_end;
	size_t queue_count;
	int64_t backoff_us; // of the next failure
	struct loop_timer pause;
	struct loop_call dispatch; // sends what is queued
	struct loop_call drained;
	struct h2_pool pool;
	bool draining;
	bool ending; // inside h2_client_free
	void (*on_drained)(void *context);
	void *drained_context;
};

static void start_connecting(struct h2_client *client);

static void set_state(struct h2_client *client, enum h2_client_state state, result cause, const char *text)
{
	if (client->state == state) {
		return;
	}
	client->state = state;
	// CONNECTING is entered inside the owner's own call, so it is not told.
	if (state != H2_CLIENT_CONNECTING && client->config.on_state && !client->ending) {
		client->config.on_state(client->config.context, client, state, cause, text);
	}
}

// ---- the queue ----------------------------------------------------------------------------------------------------

static void push_queue(struct h2_client *client, struct h2_stream *stream)
{
	stream->next = NULL;
	stream->link = client->queue_end;
	*client->queue_end = stream;
	client->queue_end = &stream->next;
	client->queue_count++;
}

static void leave_queue(struct h2_client *client, struct h2_stream *stream)
{
	if (stream->next) {
		stream->next->link = stream->link;
	} else {
		client->queue_end = stream->link;
	}
	*stream->link = stream->next;
	stream->next = NULL;
	stream->link = NULL;
	client->queue_count--;
}

static void check_drained(struct h2_client *client)
{
	if (client->draining && !client->connections && !client->connecting && client->queue_count == 0) {
		loop_defer(&client->drained);
	}
}

void h2_client_forget(struct h2_stream *stream)
{
	struct h2_client *client = stream->client;
	leave_queue(client, stream);
	h2_stream_free(stream);
	check_drained(client);
}

static void end_queued(struct h2_client *client, struct h2_stream *stream, result cause, const char *text)
{
	const struct h2_close close = { .reason = H2_CLOSE_NOT_PROCESSED, .cause = cause, .text = text };
	leave_queue(client, stream);
	h2_stream_report(stream, &close);
	h2_stream_free(stream);
}

// Only those that wait now: an owner told of a failure may queue anew.
static void fail_queue(struct h2_client *client, result cause, const char *text)
{
	for (size_t left = client->queue_count; left > 0 && client->queue; left--) {
		end_queued(client, client->queue, cause, text);
	}
}

static bool has_room(const struct h2_client *client)
{
	return client->state == H2_CLIENT_READY && client->current->phase == H2_OPEN && !client->current->failing &&
	       h2_session_room(client->current) > 0;
}

static void dispatch(void *context)
{
	struct h2_client *client = context;
	while (client->queue && has_room(client)) {
		struct h2_stream *stream = client->queue;
		leave_queue(client, stream);
		struct h2_fields *request = stream->request;
		result code =
		    h2_stream_submit(stream, client->current, request->items, request->count, stream->request_ends);
		if (code != OK) {
			const struct h2_close close = { .reason = H2_CLOSE_NOT_PROCESSED,
							.cause = code,
							.text = "the request could not be opened" };
			h2_stream_report(stream, &close);
			h2_stream_free(stream);
			continue;
		}
		free(request);
		stream->request = NULL;
	}
	if (client->draining && !client->queue && client->current) {
		h2_connection_drain(client->current);
	}
}

// ---- connecting ---------------------------------------------------------------------------------------------------

static bool wants_connection(const struct h2_client *client)
{
	return !client->ending && !client->draining && (client->queue_count > 0 || client->config.stay_connected);
}

static void on_pause_over(void *context)
{
	struct h2_client *client = context;
	set_state(client, H2_CLIENT_IDLE, OK, "");
	if (client->state == H2_CLIENT_IDLE && wants_connection(client)) {
		start_connecting(client);
	}
}

// Pauses grow by half to whole of the previous, at random, so that clients of one dead peer do not come back together.
static int64_t next_pause(struct h2_client *client)
{
	uint32_t dice = 0;
	random_bytes(&dice, sizeof dice);
	int64_t pause = client->backoff_us / 2 + (int64_t)(dice % 1024) * (client->backoff_us / 2) / 1024;
	client->backoff_us =
	    client->backoff_us * 2 < H2_CLIENT_BACKOFF_MOST_US ? client->backoff_us * 2 : H2_CLIENT_BACKOFF_MOST_US;
	return pause;
}

static void on_failure(struct h2_client *client, result cause, const char *text)
{
	loop_timer_start(&client->pause, next_pause(client), 0);
	set_state(client, H2_CLIENT_WAITING, cause, text);
	fail_queue(client, cause, text);
	check_drained(client);
}

static bool on_open(void *owner, struct h2_connection *connection)
{
	(void)owner, (void)connection;
	return true;
}

static void on_ready(void *owner, struct h2_connection *connection)
{
	struct h2_client *client = owner;
	if (connection != client->current) {
		return;
	}
	client->ready_us = loop_now_us(client->loop);
	set_state(client, H2_CLIENT_READY, OK, "");
	loop_defer(&client->dispatch);
}

static void on_room(void *owner, struct h2_connection *connection)
{
	struct h2_client *client = owner;
	if (connection == client->current && client->queue) {
		loop_defer(&client->dispatch);
	}
	if (connection->drain == H2_DRAIN_LAST && connection->stream_count == 0) {
		h2_connection_wake(connection);
	}
}

// The connection serves no new requests; the next one gets a new connection, at once if this one was of use.
static void retire(struct h2_client *client, result cause, const char *text)
{
	client->current = NULL;
	if (loop_now_us(client->loop) - client->ready_us < SHORT_LIFE_US && cause != OK) {
		on_failure(client, cause, text);
		return;
	}
	client->backoff_us = H2_CLIENT_BACKOFF_LEAST_US;
	set_state(client, H2_CLIENT_IDLE, cause, text);
	if (client->state == H2_CLIENT_IDLE && wants_connection(client)) {
		start_connecting(client);
	}
}

static void on_goaway(void *owner, struct h2_connection *connection)
{
	struct h2_client *client = owner;
	if (connection == client->current && client->state == H2_CLIENT_READY) {
		retire(client, ERR_CLOSED, "the peer is closing the connection");
	}
}

static void on_gone(void *owner, struct h2_connection *connection, result cause, const char *text)
{
	struct h2_client *client = owner;
	result why = cause != OK ? cause : ERR_CLOSED;
	if (connection == client->current && !client->ending) {
		client->current = NULL;
		if (client->state == H2_CLIENT_READY) {
			retire(client, why, text);
		} else {
			on_failure(client, why, text);
		}
	}
	check_drained(client);
}

static const struct h2_hooks HOOKS = {
	.on_open = on_open,
	.on_ready = on_ready,
	.on_room = on_room,
	.on_goaway = on_goaway,
	.on_gone = on_gone,
};

static void on_connected(void *context, result code, int fd, const struct fault *fault)
{
	struct h2_client *client = context;
	client->connecting = NULL;
	if (code != OK) {
		on_failure(client, code, fault->text);
		return;
	}
	const struct h2_connection_config config = {
		.fd = fd,
		.tls = client->config.tls,
		.check = client->config.check,
		.server_name = client->server_name,
		.ticket = &client->ticket,
		.settings = client->settings,
		.hooks = &HOOKS,
		.owner = client,
		.context = client->config.context,
		.list = &client->connections,
		.pool = &client->pool,
	};
	code = h2_connection_new(client->loop, &config, &client->current);
	if (code != OK) {
		on_failure(client, code, result_text(code));
	}
}

static void start_connecting(struct h2_client *client)
{
	int64_t limit = client->config.connect_us > 0 ? client->config.connect_us : CONNECT_US;
	loop_timer_stop(&client->pause);
	client->connecting = connect_start(client->loop, &client->config.address, limit, on_connected, client);
	if (!client->connecting) {
		// Rare enough to wait for the pause; what is queued waits too.
		loop_timer_start(&client->pause, H2_CLIENT_BACKOFF_MOST_US, 0);
		client->state = H2_CLIENT_WAITING;
		return;
	}
	set_state(client, H2_CLIENT_CONNECTING, OK, "");
}

// ---- requests -----------------------------------------------------------------------------------------------------

static size_t request_fields(const struct h2_client *client, const struct h2_request *request, struct h2_header *fields)
{
	const char *scheme = request->scheme ? request->scheme : client->config.tls ? "https" : "http";
	size_t count = 0;
	fields[count++] = (struct h2_header){ slice_text(":method"), slice_text(request->method), H2_HEADER_STATIC };
	fields[count++] = (struct h2_header){ slice_text(":scheme"), slice_text(scheme), H2_HEADER_STATIC };
	fields[count++] = (struct h2_header){ slice_text(":path"), request->path, 0 };
	fields[count++] = (struct h2_header){ slice_text(":authority"), request->authority, 0 };
	for (size_t i = 0; i < request->header_count; i++) {
		fields[count++] = request->headers[i];
	}
	return count;
}

static result enqueue(struct h2_client *client, struct h2_stream *stream, const struct h2_header *fields, size_t count)
{
	size_t most = client->config.queue_max != 0 ? client->config.queue_max : H2_CLIENT_QUEUE_MAX;
	if (client->queue_count >= most) {
		return ERR_BUSY;
	}
	stream->request = h2_fields_copy(fields, count);
	if (!stream->request) {
		return ERR_MEMORY;
	}
	push_queue(client, stream);
	if (client->state == H2_CLIENT_IDLE) {
		start_connecting(client);
	}
	return OK;
}

result h2_client_request(struct h2_client *client, const struct h2_request *request,
			 const struct h2_stream_handlers *handlers, void *user, struct h2_stream **ret_stream)
{
	if (client->draining || client->ending || client->state == H2_CLIENT_WAITING) {
		return ERR_CLOSED;
	}
	if (request->header_count > H2_HEADER_SEND_MAX) {
		return ERR_LIMIT;
	}
	struct h2_stream *stream = h2_stream_new(&client->pool);
	if (!stream) {
		return ERR_MEMORY;
	}
	stream->client = client;
	stream->request_ends = request->end;
	h2_stream_attach(stream, handlers, user);
	struct h2_header fields[H2_REQUEST_FIELDS + H2_HEADER_SEND_MAX];
	size_t count = request_fields(client, request, fields);
	result code = !client->queue && has_room(client)
			  ? h2_stream_submit(stream, client->current, fields, count, request->end)
			  : enqueue(client, stream, fields, count);
	if (code != OK) {
		h2_stream_free(stream);
		return code;
	}
	*ret_stream = stream;
	return OK;
}

// ---- life ---------------------------------------------------------------------------------------------------------

static void on_drained(void *context)
{
	struct h2_client *client = context;
	if (client->on_drained) {
		client->on_drained(client->drained_context);
	}
}

result h2_client_new(struct loop *loop, const struct h2_client_config *config, struct h2_client **ret_client)
{
	assert_always(!config->tls || config->check.accept);
	struct h2_client *client = calloc(1, sizeof *client);
	char *server_name = config->server_name ? strdup(config->server_name) : NULL;
	if (!client || (config->server_name && !server_name)) {
		free(server_name);
		free(client);
		return ERR_MEMORY;
	}
	client->loop = loop;
	client->config = *config;
	client->config.tls = tls_context_ref(config->tls);
	client->server_name = server_name;
	client->settings = h2_settings_resolve(config->settings);
	client->queue_end = &client->queue;
	client->backoff_us = H2_CLIENT_BACKOFF_LEAST_US;
	loop_timer_init(&client->pause, loop, on_pause_over, client);
	loop_defer_init(&client->dispatch, loop, dispatch, client);
	loop_defer_init(&client->drained, loop, on_drained, client);
	if (config->stay_connected) {
		start_connecting(client);
	}
	*ret_client = client;
	return OK;
}

void h2_client_set_tls(struct h2_client *client, struct tls_context *tls)
{
	assert_always(tls && client->config.tls);
	tls_context_ref(tls);
	tls_context_free(client->config.tls);
	client->config.tls = tls;
	tls_ticket_clear(&client->ticket);
	if (client->state == H2_CLIENT_READY) {
		struct h2_connection *old = client->current;
		retire(client, OK, "new credentials");
		h2_connection_drain(old);
	}
}

void h2_client_connect(struct h2_client *client)
{
	if (!client->draining && (client->state == H2_CLIENT_IDLE || client->state == H2_CLIENT_WAITING)) {
		start_connecting(client);
	}
}

enum h2_client_state h2_client_state(const struct h2_client *client)
{
	return client->state;
}

size_t h2_client_load(const struct h2_client *client)
{
	size_t load = client->queue_count;
	for (const struct h2_connection *connection = client->connections; connection; connection = connection->next) {
		load += connection->stream_count;
	}
	return load;
}

const struct h2_peer *h2_client_peer(const struct h2_client *client)
{
	return client->state == H2_CLIENT_READY ? &client->current->peer : NULL;
}

void h2_client_drain(struct h2_client *client, void (*done)(void *context), void *context)
{
	assert_always(!client->draining);
	client->on_drained = done;
	client->drained_context = context;
	client->draining = true;
	// What waits for a connection still gets it; one that serves nobody goes at once.
	if (client->current && client->queue_count == 0) {
		h2_connection_drain(client->current);
	}
	if (client->connecting && client->queue_count == 0) {
		connect_cancel(client->connecting);
		client->connecting = NULL;
	}
	check_drained(client);
}

void h2_client_free(struct h2_client *client)
{
	if (!client) {
		return;
	}
	client->ending = true;
	connect_cancel(client->connecting);
	while (client->connections) {
		h2_connection_end(client->connections);
	}
	fail_queue(client, ERR_CLOSED, "the client was closed");
	loop_timer_stop(&client->pause);
	loop_call_cancel(&client->dispatch);
	loop_call_cancel(&client->drained);
	h2_pool_release(&client->pool);
	tls_ticket_clear(&client->ticket);
	tls_context_free(client->config.tls);
	free(client->server_name);
	free(client);
}
