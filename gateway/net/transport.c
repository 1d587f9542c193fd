// SPDX-License-Identifier: EUPL-1.2
//
// See transport.h.
#include "net/transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// A host that vanished without a word is noticed by the kernel: data unacknowledged for this long, or silence probed.
enum {
	TCP_UNACKNOWLEDGED_MS = 20000,
	TCP_PROBE_AFTER_S = 60,
	TCP_PROBE_EVERY_S = 10,
	TCP_PROBES = 3,
};

struct transport {
	struct loop *loop;
	int fd;
	bool tls;
	bool open;
	bool drained; // a plain read came back short: the socket was empty then
	struct tls_link link;
	struct loop_watch *watch;
	struct loop_call start;
	const struct transport_handlers *handlers;
	void *context;
};

static void set_tcp_options(int fd)
{
	// These fail on unix sockets and are no loss there.
	const int on = 1, unacknowledged = TCP_UNACKNOWLEDGED_MS, after = TCP_PROBE_AFTER_S, every = TCP_PROBE_EVERY_S,
		  probes = TCP_PROBES;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof unacknowledged);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after, sizeof after);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void advance_handshake(struct transport *transport)
{
	struct fault fault = { 0 };
	switch (tls_link_handshake(&transport->link, &fault)) {
	case TLS_DONE:
		transport->open = true;
		loop_watch_set(transport->watch, LOOP_READABLE);
		transport->handlers->on_open(transport->context);
		return;
	case TLS_WANT_WRITE:
		loop_watch_set(transport->watch, LOOP_WRITABLE);
		return;
	case TLS_WANT_READ:
		loop_watch_set(transport->watch, LOOP_READABLE);
		return;
	default:
		loop_watch_set(transport->watch, 0);
		transport->handlers->on_failed(transport->context, ERR_TLS, fault.text);
	}
}

static void on_start(void *context)
{
	struct transport *transport = context;
	if (transport->tls) {
		advance_handshake(transport);
		return;
	}
	transport->open = true;
	loop_watch_set(transport->watch, LOOP_READABLE);
	transport->handlers->on_open(transport->context);
}

static void on_events(void *context, unsigned events)
{
	struct transport *transport = context;
	if (!transport->open) {
		advance_handshake(transport);
		return;
	}
	if (events & LOOP_WRITABLE) {
		loop_watch_set(transport->watch, LOOP_READABLE);
		if (transport->tls) {
			// A TLS read may have been what waited for room to write.
			events |= LOOP_READABLE;
		}
	}
	transport->drained = false;
	transport->handlers->on_ready(transport->context, events);
}

result transport_new(struct loop *loop, const struct transport_config *config, struct transport **ret_transport)
{
	struct transport *transport = calloc(1, sizeof *transport);
	if (!transport) {
		close(config->fd);
		return ERR_MEMORY;
	}
	*transport = (struct transport){
		.loop = loop,
		.fd = config->fd,
		.tls = config->tls != NULL,
		.handlers = config->handlers,
		.context = config->context,
	};
	loop_defer_init(&transport->start, loop, on_start, transport);
	set_tcp_options(transport->fd);
	result code = loop_watch_new(loop, transport->fd, on_events, transport, &transport->watch);
	if (code == OK && transport->tls) {
		code = tls_link_init(&transport->link, config->tls, transport->fd, config->check, config->server_name,
				     config->ticket);
	}
	if (code != OK) {
		transport_free(transport);
		return code;
	}
	loop_defer(&transport->start);
	*ret_transport = transport;
	return OK;
}

static result read_plain(struct transport *transport, uint8_t *bytes, size_t size, size_t *ret_size,
			 struct fault *fault)
{
	if (transport->drained) {
		*ret_size = 0;
		return OK;
	}
	ssize_t got;
	do {
		got = recv(transport->fd, bytes, size, 0);
	} while (got < 0 && errno == EINTR);
	if (got > 0) {
		*ret_size = (size_t)got;
		transport->drained = (size_t)got < size;
		return OK;
	}
	if (got == 0) {
		return fault_set(fault, ERR_CLOSED, "the peer closed the connection");
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		*ret_size = 0;
		return OK;
	}
	return fault_set(fault, ERR_CLOSED, "the connection broke: %s", strerror(errno));
}

static result link_result(enum tls_progress progress, struct fault *fault)
{
	if (progress == TLS_CLOSED) {
		return fault_set(fault, ERR_CLOSED, "the peer closed the connection");
	}
	return progress == TLS_FAILED ? ERR_TLS : OK;
}

static result read_link(struct transport *transport, uint8_t *bytes, size_t size, size_t *ret_size, struct fault *fault)
{
	// With nothing left inside after a record, asking again would only cost a system call: the loop tells.
	if (transport->drained) {
		*ret_size = 0;
		return OK;
	}
	size_t got = 0;
	enum tls_progress progress = tls_link_read(&transport->link, bytes, size, &got, fault);
	result code = link_result(progress, fault);
	if (code != OK) {
		return code;
	}
	if (progress == TLS_WANT_WRITE) {
		loop_watch_set(transport->watch, LOOP_READABLE | LOOP_WRITABLE);
	}
	transport->drained = progress == TLS_DONE && !tls_link_has_pending(&transport->link);
	*ret_size = got;
	return OK;
}

result transport_read(struct transport *transport, uint8_t *bytes, size_t size, size_t *ret_size, struct fault *fault)
{
	return transport->tls ? read_link(transport, bytes, size, ret_size, fault)
			      : read_plain(transport, bytes, size, ret_size, fault);
}

static result write_once(struct transport *transport, struct slice bytes, size_t *ret_size, struct fault *fault)
{
	*ret_size = 0;
	if (transport->tls) {
		return link_result(tls_link_write(&transport->link, bytes, ret_size, fault), fault);
	}
	ssize_t sent;
	do {
		sent = send(transport->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0) {
		*ret_size = (size_t)sent;
		return OK;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		return OK;
	}
	return fault_set(fault, ERR_CLOSED, "the connection broke: %s", strerror(errno));
}

result transport_write(struct transport *transport, struct slice bytes, size_t *ret_size, struct fault *fault)
{
	size_t total = 0;
	while (total < bytes.size) {
		size_t sent = 0;
		result code = write_once(transport, slice_skip(bytes, total), &sent, fault);
		if (code != OK) {
			return code;
		}
		if (sent == 0) {
			loop_watch_set(transport->watch, LOOP_READABLE | LOOP_WRITABLE);
			break;
		}
		total += sent;
	}
	*ret_size = total;
	return OK;
}

const struct tls_link *transport_link(const struct transport *transport)
{
	return transport->tls ? &transport->link : NULL;
}

int transport_fd(const struct transport *transport)
{
	return transport->fd;
}

void transport_free(struct transport *transport)
{
	if (!transport) {
		return;
	}
	loop_call_cancel(&transport->start);
	loop_watch_free(transport->watch);
	tls_link_release(&transport->link);
	// Half-close first: the last frames (GOAWAY) leave before unread input could make the kernel reset the
	// connection.
	shutdown(transport->fd, SHUT_WR);
	close(transport->fd);
	free(transport);
}
