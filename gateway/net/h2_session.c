// SPDX-License-Identifier: EUPL-1.2
//
// libnghttp2 behind a connection: its callbacks, bytes in, bytes out. No sockets and no timers here, so a fuzzer drives
// it whole.
//
// The library parses frames, keeps windows and the compression tables, and checks messages (RFC 9113 section 8). It
// leaves to us what it calls the application's job: how many and how large header fields are, resets and other frames
// that cost work and carry none (h2_limits.h), reused stream ids.
//
// After h2_connection_fail() nothing more is fed in: callbacks still due from the same input see `failing` and do
// nothing.
#include "net/h2_internal.h"

#include <stdlib.h>

// Debian 12 has this function by a security backport under an old version number, other systems may lack it: then the
// address is NULL. Ours are the limits that count (h2_limits.h); the library's own, 33 a second, would end connections
// of gateways on which many calls are cancelled.
void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option *option, uint64_t burst, uint64_t rate)
    __attribute__((weak));

// Largest DATA frame: with its head it fits a TLS record of 16 KiB but for a few bytes, and is what peers accept
// unasked.
enum { DATA_FRAME_MAX = 16384, FRAME_HEAD_SIZE = 9 };

static struct h2_stream *find(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

// ---- flood control ------------------------------------------------------------------------------------------------

static void count_reset(struct h2_connection *connection)
{
	if (!h2_bucket_take(&connection->resets, loop_now_us(connection->loop), connection->settings.resets_burst,
			    connection->settings.resets_per_second)) {
		h2_connection_fail(connection, H2_ENHANCE_YOUR_CALM, ERR_LIMIT, "the peer resets too many streams");
	}
}

static void count_fault(struct h2_connection *connection)
{
	if (!h2_bucket_take(&connection->faults, loop_now_us(connection->loop), H2_FAULTS_BURST,
			    H2_FAULTS_PER_SECOND)) {
		h2_connection_fail(connection, H2_ENHANCE_YOUR_CALM, ERR_LIMIT,
				   "the peer breaks the protocol too often");
	}
}

static void count_idle_frame(struct h2_connection *connection)
{
	if (!h2_bucket_take(&connection->idle_frames, loop_now_us(connection->loop), H2_IDLE_FRAMES_BURST,
			    H2_IDLE_FRAMES_PER_SECOND)) {
		h2_connection_fail(connection, H2_ENHANCE_YOUR_CALM, ERR_LIMIT,
				   "the peer sends too many frames without content");
	}
}

// A client's stream ids rise; those it skipped are closed for good (RFC 9113 section 5.1.1), which the library does not
// enforce.
static void check_id(struct h2_connection *connection, int32_t id)
{
	if (id > connection->last_id) {
		if (id > connection->last_id + 2) {
			int32_t first = connection->last_id == 0 ? 1 : connection->last_id + 2;
			connection->gaps[connection->gap_count++ % H2_ID_GAPS_MAX] =
			    (struct h2_gap){ .first = first, .last = id - 2 };
		}
		connection->last_id = id;
		return;
	}
	for (unsigned i = 0; i < connection->gap_count && i < H2_ID_GAPS_MAX; i++) {
		if (id >= connection->gaps[i].first && id <= connection->gaps[i].last) {
			h2_connection_fail(connection, H2_PROTOCOL_ERROR, ERR_PROTOCOL,
					   "the peer opened a stream below its last one");
		}
	}
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *context)
{
	(void)session;
	struct h2_connection *connection = context;
	switch (head->type) {
	case NGHTTP2_HEADERS:
		if (connection->server && head->stream_id % 2 == 1) {
			check_id(connection, head->stream_id);
		}
		break;
	case NGHTTP2_DATA:
		if (head->length == 0 && !(head->flags & NGHTTP2_FLAG_END_STREAM)) {
			count_idle_frame(connection);
		}
		break;
	case NGHTTP2_RST_STREAM:
	case NGHTTP2_WINDOW_UPDATE:
	case NGHTTP2_CONTINUATION:
	case NGHTTP2_GOAWAY:
		break;
	default:
		count_idle_frame(connection);
	}
	return 0;
}

// ---- headers in ---------------------------------------------------------------------------------------------------

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct h2_connection *connection = context;
	struct h2_stream *stream = find(session, frame->hd.stream_id);
	if (stream) {
		stream->in_trailers = connection->server || stream->final;
		if (!stream->in_trailers) {
			// A client's response, after interim ones perhaps: each block on its own.
			h2_block_release(&stream->head, connection);
		}
		return 0;
	}
	if (!connection->server || frame->headers.cat != NGHTTP2_HCAT_REQUEST || connection->failing) {
		return 0;
	}
	stream = h2_stream_new(connection->pool);
	if (!stream) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	stream->connection = connection;
	stream->id = frame->hd.stream_id;
	h2_stream_link(stream, &connection->streams);
	connection->stream_count++;
	nghttp2_session_set_stream_user_data(session, stream->id, stream);
	return 0;
}

static void keep_pseudo(struct h2_stream *stream, struct slice name, struct slice value)
{
	if (slice_is(name, ":path")) {
		stream->path = value;
	} else if (slice_is(name, ":method")) {
		stream->method = value;
	} else if (slice_is(name, ":authority")) {
		stream->authority = value;
	} else if (slice_is(name, ":status")) {
		// nghttp2 has checked that these are three digits.
		stream->status = (unsigned)(value.data[0] - '0') * 100 + (unsigned)(value.data[1] - '0') * 10 +
				 (unsigned)(value.data[2] - '0');
	}
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
		     const uint8_t *value, size_t value_size, uint8_t flags, void *context)
{
	struct h2_connection *connection = context;
	struct h2_stream *stream = find(session, frame->hd.stream_id);
	if (!stream || stream->detached || connection->failing) {
		return 0;
	}
	struct h2_header field = {
		.name = slice_of(name, name_size),
		.value = slice_of(value, value_size),
		.flags = flags & NGHTTP2_NV_FLAG_NO_INDEX ? H2_HEADER_SECRET : 0,
	};
	bool is_pseudo = name_size > 0 && name[0] == ':';
	struct slice kept = { 0 };
	struct h2_block *block = stream->in_trailers ? &stream->tail : &stream->head;
	if (h2_block_add(block, connection, field, is_pseudo, &kept) && is_pseudo) {
		keep_pseudo(stream, field.name, kept);
	}
	return 0;
}

// RFC 6585 section 5: says so to honest clients, and keeps nothing.
static void refuse_large_request(struct h2_stream *stream)
{
	count_fault(stream->connection);
	result_ignore(h2_stream_respond(stream, 431, NULL, 0, true));
	stream->detached = true;
	h2_block_release(&stream->head, stream->connection);
}

static void on_request(struct h2_stream *stream)
{
	struct h2_connection *connection = stream->connection;
	if (stream->head.over) {
		refuse_large_request(stream);
		return;
	}
	connection->hooks->on_request(connection->owner, stream);
	if (!stream->handlers && !stream->detached) {
		stream->detached = true;
		(void)nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, stream->id, H2_INTERNAL_ERROR);
	}
}

static void on_response(struct h2_stream *stream)
{
	if (stream->head.over) {
		h2_stream_break(stream, H2_CANCEL, ERR_LIMIT, "the response headers are larger than the limit");
		return;
	}
	if (stream->status < 200) {
		return;
	}
	stream->final = true;
	if (stream->handlers && stream->handlers->on_response) {
		stream->handlers->on_response(stream->user, stream, stream->status, h2_block_headers(&stream->head));
	}
}

static void on_end(struct h2_stream *stream)
{
	stream->remote_ended = true;
	if (stream->tail.over) {
		stream->remote_ended = false; // incomplete: no DONE
		h2_stream_break(stream, H2_CANCEL, ERR_LIMIT, "the trailers are larger than the limit");
		return;
	}
	if (!stream->detached && stream->handlers && stream->handlers->on_end) {
		stream->handlers->on_end(stream->user, stream, h2_block_headers(&stream->tail));
	}
	// A client has its answer: the rest of its request is of no use to anyone.
	if (stream->client && !stream->detached && !stream->end_sent) {
		(void)nghttp2_submit_rst_stream(stream->connection->session, NGHTTP2_FLAG_NONE, stream->id,
						H2_NO_ERROR);
	}
}

static void on_headers_complete(struct h2_connection *connection, const nghttp2_frame *frame)
{
	struct h2_stream *stream = find(connection->session, frame->hd.stream_id);
	if (!stream || stream->detached) {
		return;
	}
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	if (!stream->in_trailers) {
		if (connection->server) {
			stream->remote_ended = ends;
			on_request(stream);
			stream->in_trailers = true;
		} else {
			on_response(stream);
		}
	}
	if (ends && !stream->detached && stream->verdict == OK) {
		on_end(stream);
	}
}

// ---- other frames in ----------------------------------------------------------------------------------------------

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t size, void *context)
{
	(void)flags;
	struct h2_connection *connection = context;
	struct h2_stream *stream = find(session, id);
	if (!stream || stream->detached || connection->failing || !stream->handlers || !stream->handlers->on_data) {
		(void)nghttp2_session_consume(session, id, size);
		return 0;
	}
	stream->unconsumed += size;
	stream->handlers->on_data(stream->user, stream, slice_of(data, size));
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct h2_connection *connection = context;
	if (connection->failing) {
		return 0;
	}
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		on_headers_complete(connection, frame);
		break;
	case NGHTTP2_DATA:
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
			struct h2_stream *stream = find(session, frame->hd.stream_id);
			if (stream && !stream->detached) {
				on_end(stream);
			}
		}
		break;
	case NGHTTP2_RST_STREAM:
		if (connection->server) {
			count_reset(connection);
		}
		break;
	case NGHTTP2_SETTINGS:
		if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
			h2_connection_on_settings(connection);
		}
		break;
	case NGHTTP2_PING:
		if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
			h2_connection_on_pong(connection);
		}
		break;
	case NGHTTP2_GOAWAY:
		connection->goaway = true;
		if (connection->hooks->on_goaway) {
			connection->hooks->on_goaway(connection->owner, connection);
		}
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *context)
{
	(void)context;
	struct h2_stream *stream = find(session, id);
	if (stream) {
		nghttp2_session_set_stream_user_data(session, id, NULL);
		h2_stream_closed(stream, code);
	}
	return 0;
}

// ---- frames out ---------------------------------------------------------------------------------------------------

static bool is_our_word(uint32_t code)
{
	return code == NGHTTP2_NO_ERROR || code == NGHTTP2_CANCEL;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	struct h2_connection *connection = context;
	struct h2_stream *stream = find(session, frame->hd.stream_id);
	if (frame->hd.type == NGHTTP2_RST_STREAM && !(stream && stream->detached) &&
	    !is_our_word(frame->rst_stream.error_code)) {
		// MadeYouReset: the peer provokes resets of ours, and the work behind them, at no cost. Streams above
		// its limit may come honestly, before it has read our SETTINGS.
		frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM ? count_reset(connection)
								       : count_fault(connection);
	}
	if (!stream || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) {
		return 0;
	}
	stream->sent = true;
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
		stream->end_sent = true;
		if (connection->server && !stream->remote_ended) {
			// Answered before the request was over: the client may stop sending (RFC 9113 section 8.1).
			(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id, H2_NO_ERROR);
		}
	}
	return 0;
}

static ssize_t end_data(nghttp2_session *session, struct h2_stream *stream, size_t size, uint32_t *flags)
{
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (stream->trailers) {
		nghttp2_nv nv[H2_HEADER_SEND_MAX];
		h2_fields_convert(stream->trailers->items, stream->trailers->count, nv);
		if (nghttp2_submit_trailer(session, stream->id, nv, stream->trailers->count) != 0) {
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		}
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	}
	return (ssize_t)size;
}

static ssize_t read_data(nghttp2_session *session, int32_t id, uint8_t *unused, size_t room, uint32_t *flags,
			 nghttp2_data_source *source, void *context)
{
	(void)id, (void)unused, (void)context;
	struct h2_stream *stream = source->ptr;
	if (stream->detached) {
		return NGHTTP2_ERR_DEFERRED;
	}
	size_t size = stream->queued < room ? stream->queued : room;
	if (size == 0 && !stream->ended) {
		stream->starved = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (size > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	}
	return stream->ended && size == stream->queued ? end_data(session, stream, size, flags) : (ssize_t)size;
}

nghttp2_data_provider h2_session_provider(struct h2_stream *stream)
{
	return (nghttp2_data_provider){ .source.ptr = stream, .read_callback = read_data };
}

static void append(struct h2_output *output, const void *data, size_t size)
{
	memcpy(output->data + output->size, data, size);
	output->size += size;
}

// Moves `size` bytes of the stream's chunks into the output: the only copy they see before the socket.
static void take_chunks(struct h2_stream *stream, struct h2_output *output, size_t size)
{
	stream->queued -= size;
	while (size > 0) {
		struct h2_chunk *chunk = &stream->chunks[stream->chunk_first];
		size_t part = chunk->bytes.size - stream->chunk_offset;
		part = part < size ? part : size;
		append(output, chunk->bytes.data + stream->chunk_offset, part);
		stream->chunk_offset += part;
		size -= part;
		if (stream->chunk_offset == chunk->bytes.size) {
			struct h2_chunk done = *chunk;
			stream->chunk_offset = 0;
			stream->chunk_first = (stream->chunk_first + 1) % stream->chunk_capacity;
			stream->chunk_count--;
			if (done.release) {
				done.release(done.context);
			}
		}
	}
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t size,
		     nghttp2_data_source *source, void *context)
{
	(void)session, (void)frame;
	struct h2_connection *connection = context;
	struct h2_stream *stream = source->ptr;
	struct h2_output *output = connection->output;
	if (stream->detached || stream->queued < size) {
		// Reset between the asking and the sending.
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (output->capacity - output->size < FRAME_HEAD_SIZE + size) {
		connection->blocked = true;
		return NGHTTP2_ERR_WOULDBLOCK;
	}
	append(output, head, FRAME_HEAD_SIZE);
	take_chunks(stream, output, size);
	stream->progress_us = loop_now_us(connection->loop);
	connection->writable_due |= stream->queued == 0 && !stream->ended;
	return 0;
}

bool h2_session_fill(struct h2_connection *connection, struct h2_output *output)
{
	connection->output = output;
	connection->blocked = false;
	bool more = true;
	for (;;) {
		size_t room = output->capacity - output->size;
		size_t part = connection->rest.size < room ? connection->rest.size : room;
		if (part > 0) {
			append(output, connection->rest.data, part);
			connection->rest = slice_skip(connection->rest, part);
		}
		// nghttp2's bytes are good only until its next call, so none is made before they are copied.
		if (connection->rest.size > 0 || connection->blocked) {
			break;
		}
		const uint8_t *data = NULL;
		ssize_t size = nghttp2_session_mem_send(connection->session, &data);
		if (size < 0) {
			h2_connection_kill(connection, size == NGHTTP2_ERR_NOMEM ? ERR_MEMORY : ERR_INTERNAL,
					   nghttp2_strerror((int)size));
			more = false;
			break;
		}
		if (size == 0) {
			more = connection->blocked;
			break;
		}
		connection->rest = slice_of(data, (size_t)size);
	}
	connection->output = NULL;
	return more;
}

// ---- bytes in -----------------------------------------------------------------------------------------------------

void h2_session_receive(struct h2_connection *connection, struct slice bytes)
{
	if (connection->failing || connection->phase == H2_DEAD) {
		return;
	}
	ssize_t taken = nghttp2_session_mem_recv(connection->session, bytes.data, bytes.size);
	if (taken < 0) {
		enum h2_error code = taken == NGHTTP2_ERR_FLOODED ? H2_ENHANCE_YOUR_CALM : H2_PROTOCOL_ERROR;
		h2_connection_fail(connection, code, taken == NGHTTP2_ERR_NOMEM ? ERR_MEMORY : ERR_PROTOCOL,
				   nghttp2_strerror((int)taken));
		return;
	}
	// Frames we owe because of what came in; an owner's own output is bounded by its streams.
	size_t queued = nghttp2_session_get_outbound_queue_size(connection->session);
	if (queued > H2_OUTBOUND_FRAMES_MAX + 4 * connection->stream_count) {
		h2_connection_fail(connection, H2_ENHANCE_YOUR_CALM, ERR_LIMIT,
				   "the peer makes us queue too many frames");
	}
}

bool h2_session_is_over(const struct h2_connection *connection)
{
	return connection->rest.size == 0 && !nghttp2_session_want_read(connection->session) &&
	       !nghttp2_session_want_write(connection->session);
}

size_t h2_session_room(const struct h2_connection *connection)
{
	size_t most = nghttp2_session_get_remote_settings(connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	return most > connection->stream_count ? most - connection->stream_count : 0;
}

// ---- setting up ---------------------------------------------------------------------------------------------------

static int submit_settings(struct h2_connection *connection)
{
	const struct h2_settings *settings = &connection->settings;
	nghttp2_settings_entry entries[5];
	size_t count = 0;
	entries[count++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings->stream_window };
	entries[count++] =
	    (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings->header_bytes_max };
	// The old priority tree (RFC 7540) costs work on every stream and nobody uses it here.
	entries[count++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 };
	if (connection->server) {
		entries[count++] =
		    (nghttp2_settings_entry){ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings->streams_max };
	} else {
		entries[count++] = (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
	}
	int error = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, entries, count);
	if (error == 0) {
		error = nghttp2_session_set_local_window_size(connection->session, NGHTTP2_FLAG_NONE, 0,
							      (int32_t)settings->connection_window);
	}
	return error;
}

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
}

static void set_options(nghttp2_option *option)
{
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	if (nghttp2_option_set_stream_reset_rate_limit) {
		nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
	}
}

result h2_session_new(struct h2_connection *connection)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_option *option = NULL;
	int error = nghttp2_session_callbacks_new(&callbacks);
	if (error == 0) {
		error = nghttp2_option_new(&option);
	}
	if (error == 0) {
		set_callbacks(callbacks);
		set_options(option);
		error = connection->server
			    ? nghttp2_session_server_new2(&connection->session, callbacks, connection, option)
			    : nghttp2_session_client_new2(&connection->session, callbacks, connection, option);
	}
	if (error == 0) {
		error = submit_settings(connection);
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	return error == 0 ? OK : ERR_MEMORY;
}
