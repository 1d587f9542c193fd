// SPDX-License-Identifier: EUPL-1.2
//
// See grpc_unary.h.
#include "net/grpc_unary.h"

#include <stdlib.h>

// Longest status message taken over from a peer.
enum { STATUS_TEXT_MAX = 8192 };

// Beside the caller's metadata.
enum { OWN_FIELDS = 4 };

struct grpc_unary {
	struct loop *loop;
	struct h2_stream *stream; // NULL if the request could not be made
	void (*done)(void *context, const struct grpc_unary_result *answer, bool *keep_message);
	void *context;
	struct loop_timer deadline;
	struct loop_call failure;
	result failure_code;
	struct grpc_deframer deframer;
	unsigned http_status;
	struct h2_headers metadata;
};

// For streams whose call is over.
static const struct h2_stream_handlers UNHEARD = { 0 };

static void free_unary(struct grpc_unary *unary)
{
	loop_timer_stop(&unary->deadline);
	loop_call_cancel(&unary->failure);
	grpc_deframer_release(&unary->deframer);
	free(unary);
}

static void finish(struct grpc_unary *unary, const struct grpc_unary_result *answer)
{
	bool keep = false;
	unary->done(unary->context, answer, &keep);
	if (!keep) {
		free(answer->message);
	}
	free_unary(unary);
}

static void finish_locally(struct grpc_unary *unary, result cause, enum grpc_status status, bool not_processed,
			   const char *text)
{
	const struct grpc_unary_result answer = {
		.status = status,
		.status_message = slice_text(text),
		.not_processed = not_processed,
		.cause = cause,
	};
	finish(unary, &answer);
}

// Resets the stream first: the request's parts are the caller's again once `done` is called.
static void break_off(struct grpc_unary *unary, result cause, enum grpc_status status, const char *text)
{
	bool sent = h2_stream_sent(unary->stream);
	h2_stream_reset(unary->stream, H2_CANCEL);
	finish_locally(unary, cause, status, !sent, text);
}

// ---- events of the stream -----------------------------------------------------------------------------------------

static void on_response(void *user, struct h2_stream *stream, unsigned status, struct h2_headers headers)
{
	(void)stream;
	struct grpc_unary *unary = user;
	unary->http_status = status;
	unary->metadata = headers;
}

static void on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	struct grpc_unary *unary = user;
	h2_stream_consume(stream, bytes.size);
	if (unary->http_status != 200) {
		return; // an error page of some proxy
	}
	result code = unary->deframer.complete ? ERR_PROTOCOL : grpc_deframer_push(&unary->deframer, &bytes);
	if (code == OK && bytes.size > 0) {
		code = ERR_PROTOCOL;
	}
	if (code == ERR_PAYLOAD_TOO_LARGE) {
		break_off(unary, code, GRPC_RESOURCE_EXHAUSTED, "the answer is larger than the limit");
	} else if (code == ERR_MEMORY) {
		break_off(unary, code, GRPC_RESOURCE_EXHAUSTED, result_text(code));
	} else if (code != OK) {
		break_off(unary, code, GRPC_INTERNAL, "the answer's message is malformed");
	}
}

static enum grpc_status status_of(const struct grpc_unary *unary, struct h2_headers fields, bool *ret_from_peer)
{
	struct slice text = h2_headers_get(fields, "grpc-status");
	*ret_from_peer = text.data != NULL;
	if (text.data) {
		return grpc_status_parse(text);
	}
	return unary->http_status == 200 ? GRPC_UNKNOWN : grpc_status_of_http(unary->http_status);
}

static void on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	struct grpc_unary *unary = user;
	bool only_trailers = trailers.count == 0;
	struct h2_headers fields = only_trailers ? unary->metadata : trailers;
	struct grpc_unary_result answer = { .metadata = unary->metadata, .trailers = fields };
	if (only_trailers) {
		answer.metadata = (struct h2_headers){ 0 };
	}
	answer.status = status_of(unary, fields, &answer.from_peer);
	answer.cause = answer.from_peer ? OK : ERR_PROTOCOL;
	struct buffer text;
	buffer_init(&text, STATUS_TEXT_MAX);
	grpc_message_decode(&text, h2_headers_get(fields, "grpc-message"));
	answer.status_message = answer.from_peer ? buffer_slice(&text) : slice_text("the peer's answer is not gRPC");
	if (answer.status == GRPC_OK && !unary->deframer.complete) {
		answer.status = GRPC_INTERNAL;
		answer.cause = ERR_PROTOCOL;
		answer.from_peer = false;
		answer.status_message = slice_text("the peer said OK without a message");
	}
	if (answer.status == GRPC_OK) {
		answer.message = grpc_deframer_take(&unary->deframer, &answer.message_size);
	}
	h2_stream_attach(stream, &UNHEARD, NULL);
	finish(unary, &answer);
	buffer_release(&text);
	if (h2_stream_queued(stream) > 0) {
		// Answered early: the rest of the request is the caller's again.
		h2_stream_reset(stream, H2_NO_ERROR);
	}
}

static void on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream;
	struct grpc_unary *unary = user;
	enum grpc_status status = GRPC_UNAVAILABLE;
	if (close->reason == H2_CLOSE_RESET) {
		status = close->cause == ERR_LIMIT ? GRPC_RESOURCE_EXHAUSTED : grpc_status_of_reset(close->code);
	}
	finish_locally(unary, close->cause != OK ? close->cause : ERR_PROTOCOL, status,
		       close->reason == H2_CLOSE_NOT_PROCESSED, close->text);
}

static const struct h2_stream_handlers HANDLERS = {
	.on_response = on_response,
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
};

// ---- beginning ----------------------------------------------------------------------------------------------------

static void on_deadline(void *context)
{
	struct grpc_unary *unary = context;
	break_off(unary, ERR_TIMEOUT, GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
}

static void on_failure(void *context)
{
	struct grpc_unary *unary = context;
	result code = unary->failure_code;
	finish_locally(unary, code, result_grpc_status(code), true,
		       code == ERR_CLOSED ? "the peer cannot be reached" : result_text(code));
}

static bool has_deadline(const struct grpc_unary_request *request)
{
	return request->deadline_us != 0 && request->deadline_us != INT64_MAX;
}

static result make_request(struct grpc_unary *unary, struct h2_client *client, const struct grpc_unary_request *request)
{
	struct h2_header fields[H2_HEADER_SEND_MAX];
	size_t count = 0;
	if (request->metadata_count + OWN_FIELDS > H2_HEADER_SEND_MAX) {
		return ERR_LIMIT;
	}
	fields[count++] = (struct h2_header){ slice_text("te"), slice_text("trailers"), H2_HEADER_STATIC };
	fields[count++] =
	    (struct h2_header){ slice_text("content-type"), slice_text("application/grpc"), H2_HEADER_STATIC };
	fields[count++] = (struct h2_header){ slice_text("user-agent"), slice_text("besa"), H2_HEADER_STATIC };
	char timeout[GRPC_TIMEOUT_TEXT_SIZE];
	if (has_deadline(request)) {
		grpc_timeout_format(request->deadline_us - loop_now_us(unary->loop), timeout);
		// Ever different: kept out of the compression table, which it would only churn.
		fields[count++] =
		    (struct h2_header){ slice_text("grpc-timeout"), slice_text(timeout), H2_HEADER_SECRET };
	}
	for (size_t i = 0; i < request->metadata_count; i++) {
		fields[count++] = request->metadata[i];
	}
	const struct h2_request h2 = {
		.method = "POST",
		.path = request->path,
		.authority = request->authority,
		.headers = fields,
		.header_count = count,
	};
	return h2_client_request(client, &h2, &HANDLERS, unary, &unary->stream);
}

static result send_message(struct grpc_unary *unary, const struct grpc_unary_request *request)
{
	uint8_t head[GRPC_FRAME_HEAD_SIZE];
	grpc_frame_head(head, (uint32_t)(request->head.size + request->payload.size));
	const struct h2_chunk parts[] = { { .bytes = request->head }, { .bytes = request->payload } };
	result code = h2_stream_write_copy(unary->stream, slice_of(head, sizeof head));
	if (code == OK) {
		code = h2_stream_write(unary->stream, parts, sizeof parts / sizeof *parts);
	}
	if (code == OK) {
		code = h2_stream_end(unary->stream, NULL, 0);
	}
	return code;
}

static result start(struct grpc_unary *unary, struct h2_client *client, const struct grpc_unary_request *request)
{
	if (request->head.size > UINT32_MAX || request->payload.size > UINT32_MAX - request->head.size) {
		return ERR_PAYLOAD_TOO_LARGE;
	}
	if (has_deadline(request) && request->deadline_us <= loop_now_us(unary->loop)) {
		return ERR_TIMEOUT;
	}
	result code = make_request(unary, client, request);
	if (code != OK) {
		return code;
	}
	code = send_message(unary, request);
	if (code != OK) {
		h2_stream_reset(unary->stream, H2_CANCEL);
		unary->stream = NULL;
	}
	return code;
}

struct grpc_unary *grpc_unary_start(
    struct loop *loop, struct h2_client *client, const struct grpc_unary_request *request,
    void (*done)(void *context, const struct grpc_unary_result *answer, bool *keep_message), void *context)
{
	struct grpc_unary *unary = calloc(1, sizeof *unary);
	if (!unary) {
		return NULL;
	}
	unary->loop = loop;
	unary->done = done;
	unary->context = context;
	grpc_deframer_init(&unary->deframer, request->response_max > 0 ? request->response_max : GRPC_MESSAGE_MAX);
	loop_timer_init(&unary->deadline, loop, on_deadline, unary);
	loop_defer_init(&unary->failure, loop, on_failure, unary);
	unary->failure_code = start(unary, client, request);
	if (unary->failure_code != OK) {
		loop_defer(&unary->failure);
	} else if (has_deadline(request)) {
		loop_timer_start(&unary->deadline, request->deadline_us - loop_now_us(loop), 0);
	}
	return unary;
}

void grpc_unary_cancel(struct grpc_unary *unary)
{
	if (!unary) {
		return;
	}
	if (unary->stream) {
		h2_stream_reset(unary->stream, H2_CANCEL);
	}
	free_unary(unary);
}

bool grpc_unary_sent(const struct grpc_unary *unary)
{
	return unary->stream && h2_stream_sent(unary->stream);
}
