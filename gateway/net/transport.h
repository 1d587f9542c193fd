// SPDX-License-Identifier: EUPL-1.2
//
// A byte stream over a connected socket, with TLS or without: TCP, unix sockets, socket pairs.
//
//   Life. transport_new() → on_open once, when the handshake is over (for a plain socket at the next turn) → on_ready
//   as events come; or on_failed, once and last. transport_free() at any time, from callbacks too.
#ifndef BESA_NET_TRANSPORT_H
#define BESA_NET_TRANSPORT_H

#include "net/loop.h"
#include "net/tls_link.h"

struct transport;

struct transport_handlers {
	void (*on_open)(void *context);
	// Readable: read until nothing comes. Writable: only when transport_write took less than all.
	void (*on_ready)(void *context, unsigned events);
	// The handshake failed.
	void (*on_failed)(void *context, result code, const char *text);
};

struct transport_config {
	int fd;                  // non-blocking; the transport's from the call on, even if it fails
	struct tls_context *tls; // NULL: plain
	struct tls_check check;
	const char *server_name;   // client, may be NULL
	struct tls_ticket *ticket; // client, may be NULL
	const struct transport_handlers *handlers;
	void *context;
};

// ERR_MEMORY, ERR_IO.
result transport_new(struct loop *loop, const struct transport_config *config, struct transport **ret_transport);

// Reads what is there. OK with *ret_size 0 if nothing more is to be read before the next on_ready. ERR_CLOSED at the
// end, ERR_IO, ERR_TLS; the fault has words.
result transport_read(struct transport *transport, uint8_t *bytes, size_t size, size_t *ret_size, struct fault *fault);

// Writes what the socket takes; *ret_size may be less than the size: then on_ready(LOOP_WRITABLE) follows, and the
// next write must begin with the same bytes. ERR_CLOSED, ERR_IO, ERR_TLS.
result transport_write(struct transport *transport, struct slice bytes, size_t *ret_size, struct fault *fault);

// The link of a TLS transport, NULL for a plain one.
const struct tls_link *transport_link(const struct transport *transport);
int transport_fd(const struct transport *transport);

// Closes the socket. NULL is fine.
void transport_free(struct transport *transport);

#endif
