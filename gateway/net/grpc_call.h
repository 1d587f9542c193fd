// SPDX-License-Identifier: EUPL-1.2
//
// The server's side of a unary gRPC call: checks the request's headers, keeps its deadline, collects exactly one
// message and hands it to the owner, who replies once.
//
//   Life of a call. It begins with on_begin or, without that, on_message; it ends in exactly one of two ways: the owner
//   calls grpc_call_reply() or grpc_call_fail(), or on_cancel is called (the caller cancelled, the deadline passed, the
//   connection broke, the message was malformed: the caller has its status already). After either, the pointer is dead.
#ifndef BESA_NET_GRPC_CALL_H
#define BESA_NET_GRPC_CALL_H

#include "net/grpc.h"

struct grpc_call;

struct grpc_call_handlers {
	// Headers are here and legal, the message is not. The owner may refuse at once (grpc_call_fail), so that nobody
	// uploads to a method that does not exist, and may set a limit or its user pointer. May be NULL.
	void (*on_begin)(void *context, struct grpc_call *call);
	// The request is complete.
	void (*on_message)(void *context, struct grpc_call *call);
	// The call is over without the owner; `why` is ERR_CANCELLED, ERR_TIMEOUT, ERR_CLOSED, ERR_FORMAT … Called if
	// on_begin was called (or on_message, without on_begin). May be NULL.
	void (*on_cancel)(void *context, struct grpc_call *call, result why);
};

struct grpc_call_config {
	const struct grpc_call_handlers *handlers;
	void *context;
	size_t message_max; // bytes; 0: GRPC_MESSAGE_MAX
	int64_t receive_us; // for the message to arrive, whatever deadline the caller set; 0: 60 s. Stops slow senders.
	int64_t deadline_default_us; // for callers that send no grpc-timeout; 0: none
	int64_t deadline_max_us;     // longer ones are cut to this; 0: none
};

// Takes a stream over, from on_request. Requests that are no gRPC get their HTTP status (405, 415) here and reach no
// handler. `config` must outlive the call.
void grpc_call_accept(struct loop *loop, struct h2_stream *stream, const struct grpc_call_config *config);

void grpc_call_set_user(struct grpc_call *call, void *user);
void *grpc_call_user(const struct grpc_call *call);

// Good until the call's end.
struct slice grpc_call_path(const struct grpc_call *call); // "/package.Service/Method"
struct slice grpc_call_authority(const struct grpc_call *call);
struct h2_headers grpc_call_headers(
    const struct grpc_call *call); // all, in order; grpc_is_reserved() tells metadata apart
struct slice grpc_call_header(const struct grpc_call *call, const char *name);
struct h2_connection *grpc_call_connection(const struct grpc_call *call);

// Monotonic time (loop_now_us) by which the caller wants the answer; INT64_MAX if it set none.
int64_t grpc_call_deadline_us(const struct grpc_call *call);

// A stricter or wider bound for this call's message; only in on_begin.
void grpc_call_set_limit(struct grpc_call *call, size_t message_max);

// The message, from on_message on: borrowed until the call's end, or taken over (then freed with free()).
struct slice grpc_call_message(const struct grpc_call *call);
uint8_t *grpc_call_take_message(struct grpc_call *call, size_t *ret_size);

struct grpc_reply {
	const struct h2_header *metadata; // initial
	size_t metadata_count;
	const struct h2_chunk *parts; // the message, in parts that are not copied; released as h2_chunk says
	size_t part_count;            // at most GRPC_PARTS_MAX; 0 is an empty message
	const struct h2_header *trailers;
	size_t trailer_count;
};
enum { GRPC_PARTS_MAX = 8 };

// Answers with OK. Every part is released in the end, whatever happens. Parts without a release function must lie in
// static memory.
void grpc_call_reply(struct grpc_call *call, const struct grpc_reply *reply);

// Answers with a status other than OK. `message` and trailers are copied.
void grpc_call_fail(struct grpc_call *call, enum grpc_status status, struct slice message,
		    const struct h2_header *trailers, size_t trailer_count);

#endif
