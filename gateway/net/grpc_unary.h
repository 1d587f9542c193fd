// SPDX-License-Identifier: EUPL-1.2
//
// The client's side of a unary gRPC call.
#ifndef BESA_NET_GRPC_UNARY_H
#define BESA_NET_GRPC_UNARY_H

#include "net/grpc.h"

struct grpc_unary;

struct grpc_unary_request {
	struct slice path;                // "/package.Service/Method"; copied
	struct slice authority;           // copied
	const struct h2_header *metadata; // copied
	size_t metadata_count;
	int64_t deadline_us;  // monotonic; INT64_MAX or 0: none. Sent as grpc-timeout, and kept here.
	struct slice head;    // the message is head followed by payload; neither is copied: both must stay until
	struct slice payload; // `done` or cancel
	size_t response_max;  // bytes; 0: GRPC_MESSAGE_MAX
};

struct grpc_unary_result {
	enum grpc_status status;
	struct slice status_message; // decoded; ours if the peer sent none
	bool from_peer;              // the status is the peer's word; otherwise it was made here from `cause`
	bool not_processed;          // the peer provably did not take the request: it may be made again elsewhere
	result cause; // OK if from_peer; else ERR_CLOSED, ERR_TIMEOUT, ERR_TLS, ERR_PROTOCOL, ERR_PAYLOAD_TOO_LARGE …
	struct h2_headers metadata; // initial; empty for Trailers-Only
	struct h2_headers trailers;
	uint8_t
	    *message; // NULL unless status is OK. A receiver that keeps it sets *keep_message and frees it with free().
	size_t message_size;
};

// Ends with one call of `done`, from the loop, never before this returns. Everything in the result is good until `done`
// returns; the handle is dead by then. Sets *keep_message to true to take the message over. NULL if out of memory.
struct grpc_unary *grpc_unary_start(
    struct loop *loop, struct h2_client *client, const struct grpc_unary_request *request,
    void (*done)(void *context, const struct grpc_unary_result *answer, bool *keep_message), void *context);

// Cancels: resets the stream (the peer learns it), `done` is not called. NULL is fine.
void grpc_unary_cancel(struct grpc_unary *unary);

// Whether the request has left for the peer (so that cancelling leaves its outcome unknown).
bool grpc_unary_sent(const struct grpc_unary *unary);

#endif
