// SPDX-License-Identifier: EUPL-1.2
//
// An HTTP/2 session on a transport: reading, flushing, timers, draining and the end.
//
// Output. Whoever submits something wakes the connection; once per turn of the loop flush() lets nghttp2 fill the
// loop's shared output memory and writes it in one piece. Only what the socket refuses is copied and kept, so a quiet
// connection owns no buffers.
//
// Time. One periodic timer per connection compares timestamps that the hot path merely sets; limits are kept to within
// a tick.
#include "net/h2_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Reads per turn, so that one busy peer does not keep the others waiting.
enum { READS_PER_TURN = 8 };

// Output collected before a write; the rest of the scratch memory is room for one more DATA frame.
enum { OUTPUT_MAX = LOOP_SCRATCH_SIZE };

// How long the first GOAWAY of a drain stands before the second, if no PING answer comes first.
enum { DRAIN_NOTICE_US = 1000000 };

static const uint8_t PING_DRAIN[8] = "drained?";
static const uint8_t PING_ALIVE[8] = "present?";

// ---- looking ------------------------------------------------------------------------------------------------------

const struct h2_peer *h2_connection_peer(const struct h2_connection *connection)
{
	return &connection->peer;
}

void h2_connection_set_user(struct h2_connection *connection, void *user)
{
	connection->user = user;
}

void *h2_connection_user(const struct h2_connection *connection)
{
	return connection->user;
}

void *h2_connection_context(const struct h2_connection *connection)
{
	return connection->context;
}

size_t h2_connection_streams(const struct h2_connection *connection)
{
	return connection->stream_count;
}

bool h2_connection_charge(struct h2_connection *connection, size_t bytes)
{
	if (bytes > connection->settings.memory_max - connection->memory) {
		return false;
	}
	connection->memory += bytes;
	return true;
}

void h2_connection_discharge(struct h2_connection *connection, size_t bytes)
{
	assert_always(bytes <= connection->memory);
	connection->memory -= bytes;
}

// ---- the end ------------------------------------------------------------------------------------------------------

static void note_cause(struct h2_connection *connection, result cause, const char *text)
{
	if (connection->cause == OK && connection->text[0] == '\0') {
		connection->cause = cause;
		snprintf(connection->text, sizeof connection->text, "%s", text);
	}
}

void h2_connection_kill(struct h2_connection *connection, result cause, const char *text)
{
	if (connection->phase == H2_DEAD) {
		return;
	}
	note_cause(connection, cause, text);
	connection->phase = H2_DEAD;
	loop_call_cancel(&connection->flush);
	loop_call_cancel(&connection->more);
	loop_timer_stop(&connection->tick);
	loop_defer(&connection->reap);
}

void h2_connection_fail(struct h2_connection *connection, enum h2_error code, result cause, const char *text)
{
	if (connection->phase == H2_DEAD || connection->failing) {
		return;
	}
	if (connection->phase == H2_OPENING) {
		h2_connection_kill(connection, cause, text);
		return;
	}
	note_cause(connection, cause, text);
	connection->failing = true;
	connection->fail_code = code;
	h2_connection_wake(connection);
}

void h2_connection_abort(struct h2_connection *connection, enum h2_error code)
{
	h2_connection_fail(connection, code, ERR_CLOSED, "closed by this side");
}

static void end_streams(struct h2_connection *connection)
{
	while (connection->streams) {
		struct h2_stream *stream = connection->streams;
		h2_stream_unlink(stream);
		connection->stream_count--;
		bool untouched = stream->client && !stream->sent;
		const struct h2_close close = {
			.reason = untouched ? H2_CLOSE_NOT_PROCESSED : H2_CLOSE_LOST,
			.cause = connection->cause != OK ? connection->cause : ERR_CLOSED,
			.text = connection->text[0] != '\0' ? connection->text : "the connection was closed",
		};
		h2_stream_report(stream, &close);
		h2_stream_free(stream);
	}
}

void h2_connection_end(struct h2_connection *connection)
{
	h2_connection_kill(connection, ERR_CLOSED, "closed by this side");
	loop_call_cancel(&connection->reap);
	end_streams(connection);
	*connection->link = connection->next;
	if (connection->next) {
		connection->next->link = connection->link;
	}
	connection->hooks->on_gone(connection->owner, connection, connection->cause, connection->text);
	nghttp2_session_del(connection->session);
	transport_free(connection->transport);
	free(connection->certificate);
	free(connection->pending);
	free(connection);
}

static void on_reap(void *context)
{
	h2_connection_end(context);
}

// ---- output -------------------------------------------------------------------------------------------------------

void h2_connection_wake(struct h2_connection *connection)
{
	if (connection->phase == H2_OPEN) {
		loop_flush_register(&connection->flush);
	}
}

// Writes; false if the socket is full or gone. What it refuses is kept.
static bool write_output(struct h2_connection *connection, struct slice bytes, bool *ret_refused, size_t *ret_written)
{
	*ret_refused = false;
	*ret_written = bytes.size;
	if (!connection->transport) {
		return true;
	}
	struct fault fault = { 0 };
	result code = transport_write(connection->transport, bytes, ret_written, &fault);
	if (code != OK) {
		h2_connection_kill(connection, code, fault.text);
		return false;
	}
	if (*ret_written > 0) {
		connection->written_us = loop_now_us(connection->loop);
	}
	*ret_refused = *ret_written < bytes.size;
	return !*ret_refused;
}

static bool write_pending(struct h2_connection *connection)
{
	if (connection->pending_size == 0) {
		return true;
	}
	struct slice left = slice_of(connection->pending + connection->pending_offset,
				     connection->pending_size - connection->pending_offset);
	bool refused = false;
	size_t written = 0;
	if (!write_output(connection, left, &refused, &written)) {
		connection->pending_offset += refused ? written : 0;
		return false;
	}
	free(connection->pending);
	connection->pending = NULL;
	connection->pending_size = connection->pending_offset = 0;
	return true;
}

static bool write_fresh(struct h2_connection *connection, struct slice bytes)
{
	bool refused = false;
	size_t written = 0;
	if (write_output(connection, bytes, &refused, &written)) {
		return true;
	}
	if (refused) {
		struct slice left = slice_skip(bytes, written);
		connection->pending = malloc(left.size);
		if (!connection->pending) {
			h2_connection_kill(connection, ERR_MEMORY, "no memory for output");
			return false;
		}
		memcpy(connection->pending, left.data, left.size);
		connection->pending_size = left.size;
		connection->written_us = loop_now_us(connection->loop);
	}
	return false;
}

static void send_all(struct h2_connection *connection)
{
	bool more = true;
	while (more && connection->phase == H2_OPEN) {
		struct h2_output output = { .data = loop_scratch_out(connection->loop), .capacity = OUTPUT_MAX };
		more = h2_session_fill(connection, &output);
		if (output.size > 0 && connection->phase == H2_OPEN &&
		    !write_fresh(connection, slice_of(output.data, output.size))) {
			return;
		}
	}
}

static void tell_writable(struct h2_connection *connection)
{
	connection->writable_due = false;
	for (struct h2_stream *stream = connection->streams, *next; stream; stream = next) {
		next = stream->next;
		bool due = stream->was_queued && stream->queued == 0 && !stream->ended && !stream->detached &&
			   stream->handlers && stream->handlers->on_writable;
		if (due) {
			// A stream leaves the list only in nghttp2's callbacks or with the connection, never in here.
			stream->was_queued = false;
			stream->handlers->on_writable(stream->user, stream);
		}
	}
}

static void flush(void *context)
{
	struct h2_connection *connection = context;
	if (connection->phase != H2_OPEN) {
		return;
	}
	bool ready = write_pending(connection);
	if (connection->phase != H2_OPEN) {
		return;
	}
	if (connection->failing) {
		if (ready) {
			(void)nghttp2_session_terminate_session(connection->session, connection->fail_code);
			send_all(connection);
		}
		h2_connection_kill(connection, connection->cause, connection->text);
		return;
	}
	if (!ready) {
		return;
	}
	send_all(connection);
	if (connection->phase == H2_OPEN && connection->writable_due && connection->pending_size == 0) {
		tell_writable(connection);
	}
	if (connection->phase == H2_OPEN && connection->pending_size == 0 && h2_session_is_over(connection)) {
		h2_connection_kill(connection, OK, connection->goaway ? "closed by the peer" : "closed");
	}
}

// ---- input --------------------------------------------------------------------------------------------------------

static void read_input(void *context)
{
	struct h2_connection *connection = context;
	uint8_t *bytes = loop_scratch_in(connection->loop);
	for (int i = 0; i < READS_PER_TURN; i++) {
		size_t size = 0;
		struct fault fault = { 0 };
		result code = transport_read(connection->transport, bytes, LOOP_SCRATCH_SIZE, &size, &fault);
		if (code != OK) {
			h2_connection_kill(connection, code, fault.text);
			return;
		}
		if (size == 0) {
			return;
		}
		connection->received_us = loop_now_us(connection->loop);
		h2_session_receive(connection, slice_of(bytes, size));
		h2_connection_wake(connection);
		if (connection->failing || connection->phase != H2_OPEN) {
			return;
		}
	}
	loop_defer(&connection->more);
}

static void on_ready(void *context, unsigned events)
{
	struct h2_connection *connection = context;
	if (connection->phase != H2_OPEN) {
		return;
	}
	if (events & LOOP_WRITABLE) {
		loop_flush_register(&connection->flush);
	}
	if (events & LOOP_READABLE) {
		read_input(connection);
	}
}

// ---- beginning ----------------------------------------------------------------------------------------------------

static void note_peer(struct h2_connection *connection)
{
	struct h2_peer *peer = &connection->peer;
	int fd = transport_fd(connection->transport);
	struct sockaddr_storage storage = { 0 };
	socklen_t size = sizeof storage;
	struct address address;
	if (getpeername(fd, (struct sockaddr *)&storage, &size) == 0 &&
	    address_from_socket(&storage, size, &address) == OK) {
		address_format(&address, peer->address);
	}
	struct ucred credentials;
	socklen_t credentials_size = sizeof credentials;
	if (storage.ss_family == AF_UNIX &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_size) == 0) {
		peer->has_credentials = true;
		peer->uid = credentials.uid;
		peer->gid = credentials.gid;
		peer->pid = credentials.pid;
	}
	const struct tls_link *link = transport_link(connection->transport);
	if (link) {
		size_t certificate_size = 0;
		peer->tls = true;
		peer->resumed = tls_link_resumed(link);
		peer->has_certificate =
		    tls_link_peer(link, peer->fingerprint, &connection->certificate, &certificate_size);
		peer->certificate = slice_of(connection->certificate, certificate_size);
	}
}

static void on_open(void *context)
{
	struct h2_connection *connection = context;
	if (connection->phase != H2_OPENING) {
		return;
	}
	note_peer(connection);
	connection->phase = H2_OPEN;
	connection->received_us = connection->active_us = loop_now_us(connection->loop);
	if (!connection->hooks->on_open(connection->owner, connection)) {
		h2_connection_fail(connection, H2_NO_ERROR, ERR_PERMISSION, "the connection was refused");
	}
	h2_connection_wake(connection);
}

static void on_failed(void *context, result code, const char *text)
{
	h2_connection_kill(context, code, text);
}

void h2_connection_on_settings(struct h2_connection *connection)
{
	if (!connection->ready) {
		connection->ready = true;
		connection->hooks->on_ready(connection->owner, connection);
	} else if (connection->hooks->on_room) {
		connection->hooks->on_room(connection->owner, connection); // more streams may be allowed
	}
}

// ---- draining -----------------------------------------------------------------------------------------------------

static void drain_last(struct h2_connection *connection)
{
	connection->drain = H2_DRAIN_LAST;
	(void)nghttp2_submit_goaway(connection->session, NGHTTP2_FLAG_NONE,
				    nghttp2_session_get_last_proc_stream_id(connection->session), NGHTTP2_NO_ERROR,
				    NULL, 0);
	h2_connection_wake(connection);
}

void h2_connection_drain(struct h2_connection *connection)
{
	if (connection->phase == H2_DEAD || connection->failing || connection->drain != H2_DRAIN_NONE) {
		return;
	}
	if (connection->phase == H2_OPENING) {
		h2_connection_kill(connection, ERR_CLOSED, "closed by this side");
		return;
	}
	if (!connection->ready) {
		// It has not said a word of HTTP/2 yet: nothing of it can be under way.
		h2_connection_fail(connection, H2_NO_ERROR, ERR_CLOSED, "closed by this side");
		return;
	}
	connection->drained_us = loop_now_us(connection->loop);
	if (!connection->server) {
		drain_last(connection); // a client opens no more streams, so there is nothing to wait for
		return;
	}
	// Requests on their way when the first GOAWAY arrives are still taken; the answer to the PING tells that the
	// client has read it.
	connection->drain = H2_DRAIN_NOTICED;
	(void)nghttp2_submit_shutdown_notice(connection->session);
	(void)nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, PING_DRAIN);
	h2_connection_wake(connection);
}

void h2_connection_on_pong(struct h2_connection *connection)
{
	connection->pinged_us = 0;
	if (connection->drain == H2_DRAIN_NOTICED) {
		drain_last(connection);
	}
}

// ---- time ---------------------------------------------------------------------------------------------------------

static bool has_passed(int64_t since_us, int64_t limit_us, int64_t now_us)
{
	return limit_us != INT64_MAX && now_us - since_us >= limit_us;
}

static void check_stalls(struct h2_connection *connection, int64_t now)
{
	int64_t limit = connection->settings.stall_us;
	if (connection->pending_size > 0 && has_passed(connection->written_us, limit, now)) {
		h2_connection_kill(connection, ERR_TIMEOUT, "the peer takes no output");
		return;
	}
	for (struct h2_stream *stream = connection->streams; stream; stream = stream->next) {
		// Frames are taken from a stream only when the peer's windows allow, so this is a peer holding them
		// shut.
		if (stream->queued > 0 && !stream->detached && stream->verdict == OK &&
		    has_passed(stream->progress_us, limit, now)) {
			h2_stream_break(stream, H2_CANCEL, ERR_TIMEOUT, "the peer takes no output on this stream");
		}
	}
}

static void check_alive(struct h2_connection *connection, int64_t now)
{
	int64_t silence = connection->settings.keepalive_us;
	int64_t patience = silence < H2_PING_TIMEOUT_US ? silence : H2_PING_TIMEOUT_US;
	if (connection->received_us >= connection->pinged_us) {
		connection->pinged_us = 0; // whatever came since shows life
	}
	if (connection->pinged_us != 0) {
		if (has_passed(connection->pinged_us, patience, now)) {
			h2_connection_kill(connection, ERR_TIMEOUT, "the peer does not answer");
		}
	} else if (has_passed(connection->received_us, silence, now)) {
		connection->pinged_us = now;
		(void)nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, PING_ALIVE);
		h2_connection_wake(connection);
	}
}

static void on_tick(void *context)
{
	struct h2_connection *connection = context;
	int64_t now = loop_now_us(connection->loop);
	if (!connection->ready && has_passed(connection->opened_us, connection->settings.handshake_us, now)) {
		h2_connection_fail(connection, H2_SETTINGS_TIMEOUT, ERR_TIMEOUT, "the handshake took too long");
		return;
	}
	if (connection->phase != H2_OPEN || connection->failing) {
		return;
	}
	if (connection->drain == H2_DRAIN_NOTICED && has_passed(connection->drained_us, DRAIN_NOTICE_US, now)) {
		drain_last(connection);
	}
	if (connection->stream_count == 0 && connection->drain == H2_DRAIN_NONE &&
	    has_passed(connection->active_us, connection->settings.idle_us, now)) {
		h2_connection_drain(connection);
		return;
	}
	check_stalls(connection, now);
	if (connection->phase == H2_OPEN) {
		check_alive(connection, now);
	}
}

// ---- life ---------------------------------------------------------------------------------------------------------

static const struct transport_handlers TRANSPORT_HANDLERS = {
	.on_open = on_open,
	.on_ready = on_ready,
	.on_failed = on_failed,
};

static void link_connection(struct h2_connection *connection, struct h2_connection **list)
{
	connection->next = *list;
	connection->link = list;
	if (*list) {
		(*list)->link = &connection->next;
	}
	*list = connection;
}

static result open_transport(struct h2_connection *connection, const struct h2_connection_config *config)
{
	if (config->fd < 0) {
		connection->phase = H2_OPEN;
		return OK;
	}
	const struct transport_config transport = {
		.fd = config->fd,
		.tls = config->tls,
		.check = config->check,
		.server_name = config->server_name,
		.ticket = config->ticket,
		.handlers = &TRANSPORT_HANDLERS,
		.context = connection,
	};
	return transport_new(connection->loop, &transport, &connection->transport);
}

result h2_connection_new(struct loop *loop, const struct h2_connection_config *config,
			 struct h2_connection **ret_connection)
{
	struct h2_connection *connection = calloc(1, sizeof *connection);
	if (!connection) {
		if (config->fd >= 0) {
			close(config->fd);
		}
		return ERR_MEMORY;
	}
	*connection = (struct h2_connection){
		.loop = loop,
		.server = config->server,
		.hooks = config->hooks,
		.owner = config->owner,
		.context = config->context,
		.pool = config->pool,
		.settings = config->settings,
		.opened_us = loop_now_us(loop),
	};
	loop_flush_init(&connection->flush, loop, flush, connection);
	loop_defer_init(&connection->more, loop, read_input, connection);
	loop_defer_init(&connection->reap, loop, on_reap, connection);
	loop_timer_init(&connection->tick, loop, on_tick, connection);
	result code = open_transport(connection, config);
	if (code == OK) {
		code = h2_session_new(connection);
	}
	if (code != OK) {
		nghttp2_session_del(connection->session);
		transport_free(connection->transport);
		free(connection);
		return code;
	}
	int64_t tick = h2_settings_tick_us(&connection->settings);
	loop_timer_start(&connection->tick, tick, tick);
	link_connection(connection, config->list);
	*ret_connection = connection;
	return OK;
}
