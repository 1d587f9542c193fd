// SPDX-License-Identifier: EUPL-1.2
//
// See connect.h.
//
// A cancelled resolution may already run in libuv's thread; then the struct lives on, marked, until libuv gives it
// back.
#include "net/connect.h"

#include "base/file.h"
#include "net/loop_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct connect {
	uv_getaddrinfo_t resolve;
	struct loop *loop;
	struct address address;
	void (*done)(void *context, result code, int fd, const struct fault *fault);
	void *context;
	struct loop_timer timeout;
	struct loop_call start;
	struct addrinfo *infos;
	struct addrinfo *next; // to be tried
	struct loop_watch *watch;
	int fd;
	bool resolving;
	bool cancelled;
	struct fault fault; // of the last try
	result code;
};

static void try_next(struct connect *attempt);

static void stop_try(struct connect *attempt)
{
	loop_watch_free(attempt->watch);
	attempt->watch = NULL;
	if (attempt->fd >= 0) {
		close(attempt->fd);
		attempt->fd = -1;
	}
}

static void destroy(struct connect *attempt)
{
	stop_try(attempt);
	loop_timer_stop(&attempt->timeout);
	loop_call_cancel(&attempt->start);
	uv_freeaddrinfo(attempt->infos);
	attempt->infos = attempt->next = NULL;
	if (attempt->resolving) {
		attempt->cancelled = true;
		uv_cancel((uv_req_t *)&attempt->resolve);
		return;
	}
	free(attempt);
}

static void finish(struct connect *attempt, result code, int fd)
{
	void (*done)(void *, result, int, const struct fault *) = attempt->done;
	void *context = attempt->context;
	struct fault fault = attempt->fault;
	destroy(attempt);
	done(context, code, fd, &fault);
}

static void note_failure(struct connect *attempt, int error)
{
	char text[ADDRESS_TEXT_SIZE];
	address_format(&attempt->address, text);
	switch (error) {
	case EACCES:
	case EPERM:
		attempt->code = fault_set(&attempt->fault, ERR_PERMISSION, "no permission to connect to %s", text);
		break;
	case ECONNREFUSED:
	case ENOENT:
		attempt->code = fault_set(&attempt->fault, ERR_CLOSED, "nobody listens on %s", text);
		break;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		attempt->code = fault_set(&attempt->fault, ERR_IO, "cannot connect to %s: %s", text, strerror(error));
		break;
	default:
		attempt->code =
		    fault_set(&attempt->fault, ERR_CLOSED, "%s cannot be reached: %s", text, strerror(error));
	}
}

static void on_writable(void *context, unsigned events)
{
	(void)events;
	struct connect *attempt = context;
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
		error = errno;
	}
	if (error == 0) {
		int fd = attempt->fd;
		attempt->fd = -1;
		finish(attempt, OK, fd);
		return;
	}
	note_failure(attempt, error);
	try_next(attempt);
}

// One try. False, with the failure noted, if it failed at once.
static bool try_socket(struct connect *attempt, int family, const struct sockaddr *address, socklen_t size)
{
	stop_try(attempt);
	attempt->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (attempt->fd < 0) {
		note_failure(attempt, errno);
		return false;
	}
	int connected;
	do {
		connected = connect(attempt->fd, address, size);
	} while (connected != 0 && errno == EINTR);
	if (connected != 0 && errno != EINPROGRESS) {
		note_failure(attempt, errno);
		return false;
	}
	if (loop_watch_new(attempt->loop, attempt->fd, on_writable, attempt, &attempt->watch) != OK) {
		note_failure(attempt, ENOMEM);
		return false;
	}
	loop_watch_set(attempt->watch, LOOP_WRITABLE);
	return true;
}

static void try_next(struct connect *attempt)
{
	while (attempt->next) {
		const struct addrinfo *info = attempt->next;
		attempt->next = info->ai_next;
		if (try_socket(attempt, info->ai_family, info->ai_addr, info->ai_addrlen)) {
			return;
		}
	}
	finish(attempt, attempt->code, -1);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *infos)
{
	struct connect *attempt = request->data;
	attempt->resolving = false;
	if (attempt->cancelled) {
		uv_freeaddrinfo(infos);
		free(attempt);
		return;
	}
	if (status != 0) {
		attempt->code = fault_set(&attempt->fault, ERR_NOT_FOUND, "the host name %s cannot be resolved: %s",
					  attempt->address.host, uv_strerror(status));
		finish(attempt, attempt->code, -1);
		return;
	}
	attempt->infos = attempt->next = infos;
	try_next(attempt);
}

static void start_tcp(struct connect *attempt)
{
	char port[8];
	snprintf(port, sizeof port, "%u", attempt->address.port);
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
	attempt->resolve.data = attempt;
	int error =
	    uv_getaddrinfo(loop_uv(attempt->loop), &attempt->resolve, on_resolved, attempt->address.host, port, &hints);
	if (error != 0) {
		note_failure(attempt, ENOMEM);
		finish(attempt, attempt->code, -1);
		return;
	}
	attempt->resolving = true;
}

// An IP address needs no thread: the system's parser answers at once.
static void start_numeric(struct connect *attempt)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t size = sizeof(struct sockaddr_in);
	if (uv_ip4_addr(attempt->address.host, attempt->address.port, (struct sockaddr_in *)&storage) != 0) {
		size = sizeof(struct sockaddr_in6);
		if (uv_ip6_addr(attempt->address.host, attempt->address.port, (struct sockaddr_in6 *)&storage) != 0) {
			note_failure(attempt, EINVAL);
			finish(attempt, attempt->code, -1);
			return;
		}
	}
	if (!try_socket(attempt, storage.ss_family, (const struct sockaddr *)&storage, size)) {
		finish(attempt, attempt->code, -1);
	}
}

static void start_unix(struct connect *attempt)
{
	struct sockaddr_un socket_address = { .sun_family = AF_UNIX };
	memcpy(socket_address.sun_path, attempt->address.host, strlen(attempt->address.host));
	if (!try_socket(attempt, AF_UNIX, (const struct sockaddr *)&socket_address, sizeof socket_address)) {
		finish(attempt, attempt->code, -1);
	}
}

static void on_start(void *context)
{
	struct connect *attempt = context;
	if (attempt->address.kind == ADDRESS_UNIX) {
		start_unix(attempt);
	} else if (attempt->address.numeric) {
		start_numeric(attempt);
	} else {
		start_tcp(attempt);
	}
}

static void on_timeout(void *context)
{
	struct connect *attempt = context;
	char text[ADDRESS_TEXT_SIZE];
	address_format(&attempt->address, text);
	finish(attempt, fault_set(&attempt->fault, ERR_TIMEOUT, "%s did not answer in time", text), -1);
}

struct connect *connect_start(struct loop *loop, const struct address *address, int64_t timeout_us,
			      void (*done)(void *context, result code, int fd, const struct fault *fault),
			      void *context)
{
	struct connect *attempt = calloc(1, sizeof *attempt);
	if (!attempt) {
		return NULL;
	}
	attempt->loop = loop;
	attempt->address = *address;
	attempt->done = done;
	attempt->context = context;
	attempt->fd = -1;
	attempt->code = ERR_CLOSED;
	loop_timer_init(&attempt->timeout, loop, on_timeout, attempt);
	loop_timer_start(&attempt->timeout, timeout_us, 0);
	loop_defer_init(&attempt->start, loop, on_start, attempt);
	loop_defer(&attempt->start);
	return attempt;
}

void connect_cancel(struct connect *attempt)
{
	if (attempt) {
		destroy(attempt);
	}
}
