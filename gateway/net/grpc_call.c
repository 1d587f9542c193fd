// SPDX-License-Identifier: EUPL-1.2
//
// See grpc_call.h.
//
// A call ends with its answer: the stream goes on without it until everything is sent, watched by h2's own stall limit.
#include "net/grpc_call.h"

#include <stdlib.h>

// For streams whose call is over.
static const struct h2_stream_handlers UNHEARD = { 0 };

static const int64_t RECEIVE_US = INT64_C(60) * 1000000;

struct grpc_call {
	struct loop *loop;
	struct h2_stream *stream;
	const struct grpc_call_config *config;
	void *user;
	struct loop_timer timer;
	int64_t deadline_us; // INT64_MAX: none
	int64_t receive_us;  // when the message must be complete; INT64_MAX once it is
	struct grpc_deframer deframer;
	uint8_t *message;
	size_t message_size;
	size_t charged;
	bool begun; // the owner knows of it
};

// ---- looking ------------------------------------------------------------------------------------------------------

void grpc_call_set_user(struct grpc_call *call, void *user)
{
	call->user = user;
}

void *grpc_call_user(const struct grpc_call *call)
{
	return call->user;
}

struct slice grpc_call_path(const struct grpc_call *call)
{
	return h2_stream_path(call->stream);
}

struct slice grpc_call_authority(const struct grpc_call *call)
{
	return h2_stream_authority(call->stream);
}

struct h2_headers grpc_call_headers(const struct grpc_call *call)
{
	return h2_stream_headers(call->stream);
}

struct slice grpc_call_header(const struct grpc_call *call, const char *name)
{
	return h2_headers_get(h2_stream_headers(call->stream), name);
}

struct h2_connection *grpc_call_connection(const struct grpc_call *call)
{
	return h2_stream_connection(call->stream);
}

int64_t grpc_call_deadline_us(const struct grpc_call *call)
{
	return call->deadline_us;
}

void grpc_call_set_limit(struct grpc_call *call, size_t message_max)
{
	call->deframer.limit = message_max;
}

struct slice grpc_call_message(const struct grpc_call *call)
{
	return slice_of(call->message, call->message_size);
}

static void discharge(struct grpc_call *call)
{
	h2_connection_discharge(h2_stream_connection(call->stream), call->charged);
	call->charged = 0;
}

uint8_t *grpc_call_take_message(struct grpc_call *call, size_t *ret_size)
{
	uint8_t *message = call->message;
	*ret_size = call->message_size;
	call->message = NULL;
	call->message_size = 0;
	discharge(call);
	return message;
}

// ---- the end ------------------------------------------------------------------------------------------------------

static void free_call(struct grpc_call *call)
{
	loop_timer_stop(&call->timer);
	discharge(call);
	grpc_deframer_release(&call->deframer);
	free(call->message);
	free(call);
}

static void tell_owner(struct grpc_call *call, result why)
{
	if (call->begun && call->config->handlers->on_cancel) {
		call->config->handlers->on_cancel(call->config->context, call, why);
	}
}

// Answers by itself and tells the owner. The call is gone afterwards.
static void refuse(struct grpc_call *call, result why, const char *text)
{
	static const struct h2_header accepted = {
		.name = { (const uint8_t *)"grpc-accept-encoding", 20 },
		.value = { (const uint8_t *)"identity", 8 },
		.flags = H2_HEADER_STATIC,
	};
	struct h2_stream *stream = call->stream;
	tell_owner(call, why);
	h2_stream_attach(stream, &UNHEARD, NULL);
	free_call(call);
	grpc_finish(stream, false, result_grpc_status(why), slice_text(text), &accepted, why == ERR_UNSUPPORTED);
}

void grpc_call_fail(struct grpc_call *call, enum grpc_status status, struct slice message,
		    const struct h2_header *trailers, size_t trailer_count)
{
	assert_always(status != GRPC_OK);
	struct h2_stream *stream = call->stream;
	h2_stream_attach(stream, &UNHEARD, NULL);
	grpc_finish(stream, false, status, message, trailers, trailer_count);
	free_call(call);
}

static void release_parts(const struct grpc_reply *reply)
{
	for (size_t i = 0; i < reply->part_count; i++) {
		if (reply->parts[i].release) {
			reply->parts[i].release(reply->parts[i].context);
		}
	}
}

void grpc_call_reply(struct grpc_call *call, const struct grpc_reply *reply)
{
	assert_always(reply->part_count <= GRPC_PARTS_MAX);
	struct h2_stream *stream = call->stream;
	size_t size = 0;
	for (size_t i = 0; i < reply->part_count; i++) {
		size += reply->parts[i].bytes.size;
	}
	uint8_t head[GRPC_FRAME_HEAD_SIZE];
	grpc_frame_head(head, (uint32_t)size);
	h2_stream_attach(stream, &UNHEARD, NULL);
	result code = size <= UINT32_MAX ? grpc_respond(stream, reply->metadata, reply->metadata_count) : ERR_LIMIT;
	bool parts_taken = false;
	if (code == OK) {
		code = h2_stream_write_copy(stream, slice_of(head, sizeof head));
	}
	if (code == OK) {
		code = h2_stream_write(stream, reply->parts, reply->part_count);
		parts_taken = code == OK;
	}
	if (!parts_taken) {
		release_parts(reply);
	}
	if (code == OK) {
		grpc_finish(stream, true, GRPC_OK, (struct slice){ 0 }, reply->trailers, reply->trailer_count);
	} else {
		h2_stream_reset(stream, H2_INTERNAL_ERROR);
	}
	free_call(call);
}

// ---- receiving ----------------------------------------------------------------------------------------------------

static void arm(struct grpc_call *call)
{
	int64_t due = call->deadline_us < call->receive_us ? call->deadline_us : call->receive_us;
	if (due == INT64_MAX) {
		loop_timer_stop(&call->timer);
	} else {
		loop_timer_start(&call->timer, due - loop_now_us(call->loop), 0);
	}
}

static void on_timer(void *context)
{
	struct grpc_call *call = context;
	bool expired = call->deadline_us <= loop_now_us(call->loop);
	refuse(call, ERR_TIMEOUT, expired ? "the deadline has passed" : "the message did not arrive in time");
}

static const char *deframer_text(result code)
{
	switch (code) {
	case ERR_UNSUPPORTED:
		return "compressed messages are not supported";
	case ERR_PAYLOAD_TOO_LARGE:
		return result_text(code);
	default:
		return "the message's frame is malformed";
	}
}

static void on_data(void *user, struct h2_stream *stream, struct slice bytes)
{
	struct grpc_call *call = user;
	h2_stream_consume(stream, bytes.size);
	result code = call->deframer.complete ? ERR_UNSUPPORTED : grpc_deframer_push(&call->deframer, &bytes);
	if (code != OK) {
		bool second = call->deframer.complete;
		refuse(call, code, second ? "more than one message in a unary call" : deframer_text(code));
		return;
	}
	if (call->deframer.message && call->charged == 0 && call->deframer.size > 0) {
		if (!h2_connection_charge(h2_stream_connection(stream), call->deframer.size)) {
			refuse(call, ERR_BUSY, "too much is being received on this connection");
			return;
		}
		call->charged = call->deframer.size;
	}
	if (bytes.size > 0) {
		refuse(call, ERR_UNSUPPORTED, "more than one message in a unary call");
	}
}

static void on_end(void *user, struct h2_stream *stream, struct h2_headers trailers)
{
	(void)stream, (void)trailers;
	struct grpc_call *call = user;
	if (!call->deframer.complete) {
		bool none = grpc_deframer_at_boundary(&call->deframer);
		refuse(call, none ? ERR_UNSUPPORTED : ERR_FORMAT,
		       none ? "a unary call needs one message" : "the message is cut short");
		return;
	}
	call->message = grpc_deframer_take(&call->deframer, &call->message_size);
	call->receive_us = INT64_MAX;
	call->begun = true;
	arm(call);
	call->config->handlers->on_message(call->config->context, call);
}

static void on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)stream;
	struct grpc_call *call = user;
	tell_owner(call, close->reason == H2_CLOSE_LOST ? ERR_CLOSED : close->cause);
	free_call(call);
}

static const struct h2_stream_handlers HANDLERS = {
	.on_data = on_data,
	.on_end = on_end,
	.on_close = on_close,
};

// ---- beginning ----------------------------------------------------------------------------------------------------

// What is no gRPC request is answered in HTTP. `te: trailers` is not demanded: proxies drop it, and nghttp2 refuses
// other values.
static unsigned http_refusal(struct h2_stream *stream)
{
	if (!slice_is(h2_stream_method(stream), "POST")) {
		return 405;
	}
	return grpc_is_content_type(h2_headers_get(h2_stream_headers(stream), "content-type")) ? 0 : 415;
}

static bool set_times(struct grpc_call *call)
{
	const struct grpc_call_config *config = call->config;
	int64_t now = loop_now_us(call->loop);
	int64_t limit = config->deadline_default_us;
	struct slice text = grpc_call_header(call, "grpc-timeout");
	if (text.data && grpc_timeout_parse(text, &limit) != OK) {
		return false;
	}
	bool limited = text.data || limit > 0;
	if (config->deadline_max_us > 0 && (!limited || limit > config->deadline_max_us)) {
		limit = config->deadline_max_us;
		limited = true;
	}
	call->deadline_us = limited ? now + limit : INT64_MAX;
	call->receive_us = now + (config->receive_us > 0 ? config->receive_us : RECEIVE_US);
	return true;
}

void grpc_call_accept(struct loop *loop, struct h2_stream *stream, const struct grpc_call_config *config)
{
	unsigned refusal = http_refusal(stream);
	if (refusal != 0) {
		h2_stream_attach(stream, &UNHEARD, NULL);
		if (h2_stream_respond(stream, refusal, NULL, 0, true) != OK) {
			h2_stream_reset(stream, H2_INTERNAL_ERROR);
		}
		return;
	}
	struct grpc_call *call = calloc(1, sizeof *call);
	if (!call) {
		h2_stream_reset(stream, H2_ENHANCE_YOUR_CALM);
		return;
	}
	call->loop = loop;
	call->stream = stream;
	call->config = config;
	grpc_deframer_init(&call->deframer, config->message_max > 0 ? config->message_max : GRPC_MESSAGE_MAX);
	loop_timer_init(&call->timer, loop, on_timer, call);
	h2_stream_attach(stream, &HANDLERS, call);
	if (!set_times(call)) {
		refuse(call, ERR_FORMAT, "grpc-timeout is malformed");
		return;
	}
	arm(call);
	if (config->handlers->on_begin) {
		call->begun = true;
		config->handlers->on_begin(config->context, call);
	}
}
