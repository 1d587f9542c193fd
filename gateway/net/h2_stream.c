// SPDX-License-Identifier: EUPL-1.2
//
// Streams: see h2.h for their life, h2_internal.h for who frees them.
//
// Output. The owner's chunks form a ring; nghttp2 asks for data when windows and its scheduler allow (h2_session.c) and
// is told to wait when the ring is empty (`starved`), until the next write resumes it.
#include "net/h2_internal.h"

#include <stdlib.h>

// ---- memory -------------------------------------------------------------------------------------------------------

struct h2_stream *h2_stream_new(struct h2_pool *pool)
{
	struct h2_stream *stream = pool->first;
	if (stream) {
		pool->first = stream->next;
		pool->count--;
	} else {
		stream = malloc(sizeof *stream);
		if (!stream) {
			return NULL;
		}
	}
	// Field by field in effect: everything up to the large arrays is set, those are written before they are read.
	memset(stream, 0, offsetof(struct h2_stream, head));
	h2_block_init(&stream->head);
	h2_block_init(&stream->tail);
	stream->pool = pool;
	stream->unconsumed = 0;
	stream->chunks = stream->chunks_inline;
	stream->chunk_capacity = H2_CHUNKS_INLINE;
	stream->chunk_first = stream->chunk_count = 0;
	stream->chunk_offset = stream->queued = stream->small_used = 0;
	stream->progress_us = 0;
	stream->trailers = stream->request = NULL;
	stream->request_ends = false;
	stream->verdict = OK;
	stream->verdict_text = NULL;
	return stream;
}

void h2_stream_free(struct h2_stream *stream)
{
	h2_stream_drop_chunks(stream);
	h2_block_release(&stream->head, stream->connection);
	h2_block_release(&stream->tail, stream->connection);
	free(stream->trailers);
	free(stream->request);
	struct h2_pool *pool = stream->pool;
	if (pool->count >= H2_POOL_MAX) {
		free(stream);
		return;
	}
	stream->next = pool->first;
	pool->first = stream;
	pool->count++;
}

void h2_pool_release(struct h2_pool *pool)
{
	while (pool->first) {
		struct h2_stream *stream = pool->first;
		pool->first = stream->next;
		free(stream);
	}
	pool->count = 0;
}

void h2_stream_link(struct h2_stream *stream, struct h2_stream **list)
{
	stream->next = *list;
	stream->link = list;
	if (*list) {
		(*list)->link = &stream->next;
	}
	*list = stream;
}

void h2_stream_unlink(struct h2_stream *stream)
{
	*stream->link = stream->next;
	if (stream->next) {
		stream->next->link = stream->link;
	}
	stream->next = NULL;
	stream->link = NULL;
}

// ---- looking ------------------------------------------------------------------------------------------------------

void h2_stream_attach(struct h2_stream *stream, const struct h2_stream_handlers *handlers, void *user)
{
	stream->handlers = handlers;
	stream->user = user;
}

void *h2_stream_user(const struct h2_stream *stream)
{
	return stream->user;
}

struct h2_connection *h2_stream_connection(const struct h2_stream *stream)
{
	return stream->connection;
}

int32_t h2_stream_id(const struct h2_stream *stream)
{
	return stream->id;
}

struct slice h2_stream_method(const struct h2_stream *stream)
{
	return stream->method;
}

struct slice h2_stream_path(const struct h2_stream *stream)
{
	return stream->path;
}

struct slice h2_stream_authority(const struct h2_stream *stream)
{
	return stream->authority;
}

struct h2_headers h2_stream_headers(const struct h2_stream *stream)
{
	return h2_block_headers(&stream->head);
}

bool h2_stream_request_ended(const struct h2_stream *stream)
{
	return stream->remote_ended;
}

size_t h2_stream_queued(const struct h2_stream *stream)
{
	return stream->queued;
}

bool h2_stream_sent(const struct h2_stream *stream)
{
	return stream->sent;
}

// ---- output -------------------------------------------------------------------------------------------------------

static bool is_alive(const struct h2_stream *stream)
{
	return !stream->connection || stream->connection->phase != H2_DEAD;
}

static bool reserve_chunks(struct h2_stream *stream, size_t count)
{
	size_t needed = stream->chunk_count + count;
	if (needed <= stream->chunk_capacity) {
		return true;
	}
	uint32_t capacity = stream->chunk_capacity;
	while (capacity < needed) {
		capacity *= 2;
	}
	struct h2_chunk *chunks = malloc(capacity * sizeof *chunks);
	if (!chunks) {
		return false;
	}
	for (uint32_t i = 0; i < stream->chunk_count; i++) {
		chunks[i] = stream->chunks[(stream->chunk_first + i) % stream->chunk_capacity];
	}
	if (stream->chunks != stream->chunks_inline) {
		free(stream->chunks);
	}
	stream->chunks = chunks;
	stream->chunk_first = 0;
	stream->chunk_capacity = capacity;
	return true;
}

void h2_stream_drop_chunks(struct h2_stream *stream)
{
	while (stream->chunk_count > 0) {
		struct h2_chunk chunk = stream->chunks[stream->chunk_first];
		stream->chunk_first = (stream->chunk_first + 1) % stream->chunk_capacity;
		stream->chunk_count--;
		if (chunk.release) {
			chunk.release(chunk.context);
		}
	}
	if (stream->chunks != stream->chunks_inline) {
		free(stream->chunks);
		stream->chunks = stream->chunks_inline;
		stream->chunk_capacity = H2_CHUNKS_INLINE;
	}
	stream->chunk_first = 0;
	stream->chunk_offset = stream->queued = 0;
}

// Lets nghttp2 ask again, and the connection flush.
static void resume(struct h2_stream *stream)
{
	if (stream->connection && is_alive(stream) && stream->id > 0) {
		if (stream->starved) {
			stream->starved = false;
			// It fails only when the stream is about to close, which is reported in its own way.
			(void)nghttp2_session_resume_data(stream->connection->session, stream->id);
		}
		h2_connection_wake(stream->connection);
	}
}

static bool may_write(const struct h2_stream *stream)
{
	return !stream->ended && !stream->detached && (stream->client || stream->responded);
}

result h2_stream_write(struct h2_stream *stream, const struct h2_chunk *chunks, size_t count)
{
	if (!may_write(stream)) {
		return ERR_STATE;
	}
	if (stream->chunk_count + count > H2_STREAM_CHUNKS_MAX) {
		return ERR_BUSY;
	}
	if (!reserve_chunks(stream, count)) {
		return ERR_MEMORY;
	}
	if (stream->queued == 0 && stream->connection) {
		stream->progress_us = loop_now_us(stream->connection->loop);
	}
	for (size_t i = 0; i < count; i++) {
		if (chunks[i].bytes.size == 0) {
			if (chunks[i].release) {
				chunks[i].release(chunks[i].context);
			}
			continue;
		}
		stream->chunks[(stream->chunk_first + stream->chunk_count) % stream->chunk_capacity] = chunks[i];
		stream->chunk_count++;
		stream->queued += chunks[i].bytes.size;
	}
	stream->was_queued = true;
	resume(stream);
	return OK;
}

result h2_stream_write_copy(struct h2_stream *stream, struct slice bytes)
{
	if (!may_write(stream)) {
		return ERR_STATE;
	}
	if (stream->chunk_count == 0) {
		stream->small_used = 0;
	}
	if (bytes.size <= H2_SMALL_BYTES - stream->small_used) {
		uint8_t *copy = stream->small + stream->small_used;
		if (bytes.size > 0) {
			memcpy(copy, bytes.data, bytes.size);
		}
		struct h2_chunk chunk = { .bytes = slice_of(copy, bytes.size) };
		result code = h2_stream_write(stream, &chunk, 1);
		if (code == OK) {
			stream->small_used += bytes.size;
		}
		return code;
	}
	uint8_t *copy = malloc(bytes.size);
	if (!copy) {
		return ERR_MEMORY;
	}
	memcpy(copy, bytes.data, bytes.size);
	struct h2_chunk chunk = { .bytes = slice_of(copy, bytes.size), .release = free, .context = copy };
	result code = h2_stream_write(stream, &chunk, 1);
	if (code != OK) {
		free(copy);
	}
	return code;
}

result h2_stream_end(struct h2_stream *stream, const struct h2_header *trailers, size_t count)
{
	if (!may_write(stream)) {
		return ERR_STATE;
	}
	if (count > H2_HEADER_SEND_MAX) {
		return ERR_LIMIT;
	}
	if (count > 0) {
		stream->trailers = h2_fields_copy(trailers, count);
		if (!stream->trailers) {
			return ERR_MEMORY;
		}
	}
	stream->ended = true;
	resume(stream);
	return OK;
}

static result submit_result(int error)
{
	return error == NGHTTP2_ERR_NOMEM ? ERR_MEMORY : ERR_CLOSED;
}

result h2_stream_respond(struct h2_stream *stream, unsigned status, const struct h2_header *headers, size_t count,
			 bool end)
{
	if (stream->client || stream->responded || stream->detached) {
		return ERR_STATE;
	}
	if (count > H2_HEADER_SEND_MAX) {
		return ERR_LIMIT;
	}
	assert_always(status >= 200 && status <= 599);
	const uint8_t digits[] = { (uint8_t)('0' + status / 100), (uint8_t)('0' + status / 10 % 10),
				   (uint8_t)('0' + status % 10) };
	nghttp2_nv nv[1 + H2_HEADER_SEND_MAX];
	struct h2_header first = { .name = slice_text(":status"), .value = slice_of(digits, sizeof digits) };
	h2_fields_convert(&first, 1, nv);
	h2_fields_convert(headers, count, nv + 1);
	nghttp2_data_provider provider = h2_session_provider(stream);
	stream->responded = true;
	stream->ended = end;
	if (!is_alive(stream)) {
		return OK; // the owner hears of the end in its turn
	}
	int error =
	    nghttp2_submit_response(stream->connection->session, stream->id, nv, count + 1, end ? NULL : &provider);
	h2_connection_wake(stream->connection);
	return error == 0 ? OK : submit_result(error);
}

result h2_stream_submit(struct h2_stream *stream, struct h2_connection *connection, const struct h2_header *headers,
			size_t count, bool end)
{
	nghttp2_nv nv[H2_REQUEST_FIELDS + H2_HEADER_SEND_MAX];
	assert_always(count <= sizeof nv / sizeof *nv);
	h2_fields_convert(headers, count, nv);
	nghttp2_data_provider provider = h2_session_provider(stream);
	stream->ended = stream->ended || end;
	int32_t id = nghttp2_submit_request(connection->session, NULL, nv, count, end ? NULL : &provider, stream);
	if (id < 0) {
		return submit_result(id);
	}
	stream->id = id;
	stream->connection = connection;
	stream->progress_us = loop_now_us(connection->loop);
	h2_stream_link(stream, &connection->streams);
	connection->stream_count++;
	h2_connection_wake(connection);
	return OK;
}

void h2_stream_consume(struct h2_stream *stream, size_t size)
{
	assert_always(size <= stream->unconsumed);
	stream->unconsumed -= size;
	if (size > 0 && is_alive(stream)) {
		// A stream that has ended needs no room of its own, only the connection does.
		nghttp2_session *session = stream->connection->session;
		(void)(stream->remote_ended ? nghttp2_session_consume_connection(session, size)
					    : nghttp2_session_consume(session, stream->id, size));
		h2_connection_wake(stream->connection);
	}
}

// ---- the end ------------------------------------------------------------------------------------------------------

void h2_stream_report(struct h2_stream *stream, const struct h2_close *close)
{
	if (stream->detached) {
		return;
	}
	stream->detached = true;
	h2_stream_drop_chunks(stream);
	if (stream->handlers && stream->handlers->on_close) {
		stream->handlers->on_close(stream->user, stream, close);
	}
}

static void submit_reset(struct h2_stream *stream, enum h2_error code)
{
	if (is_alive(stream)) {
		(void)nghttp2_submit_rst_stream(stream->connection->session, NGHTTP2_FLAG_NONE, stream->id, code);
		h2_connection_wake(stream->connection);
	}
}

static void return_window(struct h2_stream *stream)
{
	if (stream->unconsumed > 0) {
		size_t size = stream->unconsumed;
		stream->unconsumed = 0;
		if (is_alive(stream)) {
			(void)nghttp2_session_consume_connection(stream->connection->session, size);
			h2_connection_wake(stream->connection);
		}
	}
}

void h2_stream_reset(struct h2_stream *stream, enum h2_error code)
{
	assert_always(!stream->detached);
	stream->detached = true;
	h2_stream_drop_chunks(stream);
	if (!stream->connection) {
		h2_client_forget(stream);
		return;
	}
	return_window(stream);
	submit_reset(stream, code);
}

void h2_stream_break(struct h2_stream *stream, enum h2_error code, result cause, const char *text)
{
	if (stream->verdict == OK) {
		stream->verdict = cause;
		stream->verdict_text = text;
	}
	submit_reset(stream, code);
}

static result cause_of_code(enum h2_error code)
{
	switch (code) {
	case H2_CANCEL:
		return ERR_CANCELLED;
	case H2_ENHANCE_YOUR_CALM:
		return ERR_BUSY;
	case H2_REFUSED_STREAM:
	case H2_NO_ERROR:
		return ERR_CLOSED;
	default:
		return ERR_PROTOCOL;
	}
}

static struct h2_close close_of(const struct h2_stream *stream, enum h2_error code)
{
	bool done = stream->client ? stream->remote_ended : stream->end_sent;
	if (done && stream->verdict == OK) {
		return (struct h2_close){ .reason = H2_CLOSE_DONE, .text = "done" };
	}
	struct h2_close close = { .reason = H2_CLOSE_RESET, .code = code };
	if (stream->client && (!stream->sent || code == H2_REFUSED_STREAM)) {
		close.reason = H2_CLOSE_NOT_PROCESSED;
	}
	close.cause = stream->verdict != OK ? stream->verdict : cause_of_code(code);
	close.text = stream->verdict != OK ? stream->verdict_text : nghttp2_http2_strerror(code);
	return close;
}

void h2_stream_closed(struct h2_stream *stream, enum h2_error code)
{
	struct h2_connection *connection = stream->connection;
	struct h2_close close = close_of(stream, code);
	return_window(stream);
	h2_stream_unlink(stream);
	connection->stream_count--;
	connection->active_us = loop_now_us(connection->loop);
	h2_stream_report(stream, &close);
	h2_stream_free(stream);
	if (connection->hooks->on_room) {
		connection->hooks->on_room(connection->owner, connection);
	}
}
