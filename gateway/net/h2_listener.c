// SPDX-License-Identifier: EUPL-1.2
//
// Servers: accepting, and the connections that came of it. See h2.h.
#include "net/h2_internal.h"
#include "net/tls_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// Connections taken per readiness, so that a burst of them does not hold up those that are open.
enum { ACCEPTS_PER_TURN = 32 };

// Pause after accept fails for want of descriptors or memory: trying at once would only spin.
enum { ACCEPT_PAUSE_US = 100000 };

struct h2_listener {
	struct loop *loop;
	int fd; // -1 when draining
	struct loop_watch *watch;
	struct tls_context *tls;
	struct tls_check check;
	struct h2_settings settings;
	uint32_t connections_max;
	const struct h2_server_handlers *handlers;
	void *context;
	struct h2_connection *connections;
	size_t connection_count;
	struct h2_pool pool;
	struct loop_timer pause;
	struct loop_timer grace;
	struct loop_call drained;
	bool draining;
	void (*on_drained)(void *context);
	void *drained_context;
};

static void watch_accepts(struct h2_listener *listener)
{
	bool room = listener->connection_count < listener->connections_max;
	if (listener->watch) {
		loop_watch_set(listener->watch, room && !loop_timer_is_active(&listener->pause) ? LOOP_READABLE : 0);
	}
}

// ---- hooks of connections -----------------------------------------------------------------------------------------

static bool on_open(void *owner, struct h2_connection *connection)
{
	struct h2_listener *listener = owner;
	const struct h2_server_handlers *handlers = listener->handlers;
	bool accepted = !handlers->on_connection || handlers->on_connection(listener->context, connection);
	connection->accepted = accepted;
	return accepted;
}

static void on_ready(void *owner, struct h2_connection *connection)
{
	(void)owner, (void)connection;
}

static void on_request(void *owner, struct h2_stream *stream)
{
	struct h2_listener *listener = owner;
	listener->handlers->on_request(listener->context, stream);
}

static void on_gone(void *owner, struct h2_connection *connection, result cause, const char *text)
{
	struct h2_listener *listener = owner;
	if (connection->accepted && listener->handlers->on_disconnect) {
		listener->handlers->on_disconnect(listener->context, connection, cause, text);
	}
	listener->connection_count--;
	watch_accepts(listener);
	if (listener->draining && listener->connection_count == 0) {
		loop_defer(&listener->drained);
	}
}

static const struct h2_hooks HOOKS = {
	.on_open = on_open,
	.on_ready = on_ready,
	.on_request = on_request,
	.on_gone = on_gone,
};

// ---- accepting ----------------------------------------------------------------------------------------------------

static void adopt(struct h2_listener *listener, int fd)
{
	const struct h2_connection_config config = {
		.server = true,
		.fd = fd,
		.tls = listener->tls,
		.check = listener->check,
		.settings = listener->settings,
		.hooks = &HOOKS,
		.owner = listener,
		.context = listener->context,
		.list = &listener->connections,
		.pool = &listener->pool,
	};
	struct h2_connection *connection = NULL;
	if (h2_connection_new(listener->loop, &config, &connection) == OK) {
		listener->connection_count++;
	}
}

static void on_accept(void *context, unsigned events)
{
	(void)events;
	struct h2_listener *listener = context;
	for (int i = 0; i < ACCEPTS_PER_TURN && listener->connection_count < listener->connections_max; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			adopt(listener, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			loop_timer_start(&listener->pause, ACCEPT_PAUSE_US, 0);
			break;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			break;
		}
	}
	watch_accepts(listener);
}

static void on_pause_over(void *context)
{
	watch_accepts(context);
}

// ---- life ---------------------------------------------------------------------------------------------------------

static void stop_accepting(struct h2_listener *listener)
{
	loop_timer_stop(&listener->pause);
	loop_watch_free(listener->watch);
	listener->watch = NULL;
	if (listener->fd >= 0) {
		close(listener->fd);
		listener->fd = -1;
	}
}

static void on_grace_over(void *context)
{
	struct h2_listener *listener = context;
	for (struct h2_connection *connection = listener->connections; connection; connection = connection->next) {
		h2_connection_fail(connection, H2_NO_ERROR, ERR_CLOSED, "cut off while shutting down");
	}
}

static void on_drained(void *context)
{
	struct h2_listener *listener = context;
	loop_timer_stop(&listener->grace);
	if (listener->on_drained) {
		listener->on_drained(listener->drained_context);
	}
}

result h2_listener_start(struct loop *loop, const struct h2_listener_config *config, struct h2_listener **ret_listener,
			 struct fault *fault)
{
	struct h2_listener *listener = calloc(1, sizeof *listener);
	if (!listener) {
		return fault_set(fault, ERR_MEMORY, "no memory for a listener");
	}
	*listener = (struct h2_listener){
		.loop = loop,
		.fd = config->fd,
		.check = config->check,
		.settings = h2_settings_resolve(config->settings),
		.connections_max = config->connections_max != 0 ? config->connections_max : H2_CONNECTIONS_MAX,
		.handlers = config->handlers,
		.context = config->context,
	};
	result code = loop_watch_new(loop, config->fd, on_accept, listener, &listener->watch);
	if (code != OK) {
		free(listener);
		return fault_set(fault, code, "the listening socket cannot be watched");
	}
	listener->tls = tls_context_ref(config->tls);
	loop_timer_init(&listener->pause, loop, on_pause_over, listener);
	loop_timer_init(&listener->grace, loop, on_grace_over, listener);
	loop_defer_init(&listener->drained, loop, on_drained, listener);
	watch_accepts(listener);
	*ret_listener = listener;
	return OK;
}

void h2_listener_set_tls(struct h2_listener *listener, struct tls_context *tls)
{
	assert_always(tls && listener->tls);
	tls_context_ref(tls);
	tls_context_free(listener->tls);
	listener->tls = tls;
}

void h2_listener_drain_connections(struct h2_listener *listener,
				   bool (*keep)(void *context, const struct h2_peer *peer), void *context)
{
	for (struct h2_connection *connection = listener->connections; connection; connection = connection->next) {
		if (!keep || !keep(context, &connection->peer)) {
			h2_connection_drain(connection);
		}
	}
}

void h2_listener_drain(struct h2_listener *listener, int64_t grace_us, void (*done)(void *context), void *context)
{
	assert_always(!listener->draining);
	listener->draining = true;
	listener->on_drained = done;
	listener->drained_context = context;
	stop_accepting(listener);
	h2_listener_drain_connections(listener, NULL, NULL);
	loop_timer_start(&listener->grace, grace_us > 0 ? grace_us : H2_GRACE_US, 0);
	if (listener->connection_count == 0) {
		loop_defer(&listener->drained);
	}
}

size_t h2_listener_connections(const struct h2_listener *listener)
{
	return listener->connection_count;
}

void h2_listener_free(struct h2_listener *listener)
{
	if (!listener) {
		return;
	}
	stop_accepting(listener);
	listener->draining = false;
	while (listener->connections) {
		h2_connection_end(listener->connections);
	}
	loop_timer_stop(&listener->grace);
	loop_call_cancel(&listener->drained);
	h2_pool_release(&listener->pool);
	tls_context_free(listener->tls);
	free(listener);
}
