// SPDX-License-Identifier: EUPL-1.2
//
// One HTTP/2 connection of the load program: socket, TLS if asked for, nghttp2. Connecting and the handshake block,
// which is before anything is measured; afterwards the socket is non-blocking and driven by epoll events.
#ifndef BESA_BENCH_LOAD_CONNECTION_H
#define BESA_BENCH_LOAD_CONNECTION_H

#include "tests/bench/load/request.h"

#include <openssl/ssl.h>

enum {
	CALL_ID_MAX = 64,       // longest besa-exchange-id that is kept
	CALL_STATUS_NONE = -1,  // the answer had no such status
	CONNECTION_OUT = 65536, // bytes gathered before one write
};

// One request under way and what came back. Owned by the run; lent to the connection from submit to finished.
struct call {
	int64_t intended_ns; // when it was to be sent; latency counts from here
	struct call *next;   // free list
	size_t sent;         // bytes of the frame handed to nghttp2
	size_t received;     // body bytes of the answer
	int http_status;
	int grpc_status;
	bool wrong; // a byte differed from the request
	bool closed_well;
	uint8_t id_size;
	char id[CALL_ID_MAX];
};

// Called when a call's stream has closed; closed_well is false when it was reset. Calls that are open when their
// connection is lost are never finished.
typedef void connection_finished(void *context, struct call *call);

struct connection {
	int fd;
	int epoll;
	SSL *tls;
	nghttp2_session *session;
	const struct request *request;
	connection_finished *finished;
	void *context;
	uint32_t open; // streams under way
	bool lost;
	bool wants_write; // EPOLLOUT is set
	bool echo;
	size_t out_start;
	size_t out_end;
	uint8_t out[CONNECTION_OUT];
};

// A TLS context for the options: TLS 1.3, AES-128-GCM first, ALPN h2. Ends the process on unreadable files.
SSL_CTX *connection_tls_new(const struct options *options);

// Connects, shakes hands, exchanges settings and registers with epoll. Ends the process when that fails.
struct connection *connection_new(const struct options *options, SSL_CTX *tls, int epoll, const struct request *request,
				  connection_finished *finished, void *context);

void connection_free(struct connection *connection);

// Whether the peer takes another stream now.
bool connection_has_room(const struct connection *connection);

// Starts a call; connection_flush sends it. False when the connection takes no more; then the call stays the caller's.
bool connection_submit(struct connection *connection, struct call *call);

// Reads what has arrived. May call finished.
void connection_read(struct connection *connection);

// Sends what is waiting, in writes of up to 64 KiB. Call once per turn of the loop.
void connection_flush(struct connection *connection);

#endif
