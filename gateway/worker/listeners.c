// SPDX-License-Identifier: EUPL-1.2
#include "worker/listeners.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "exchange/admin.h"
#include "exchange/caller.h"
#include "exchange/consumer.h"
#include "exchange/metadata.h"
#include "exchange/outcomes.h"
#include "exchange/peer_certificate.h"
#include "exchange/provider.h"
#include "net/grpc_call.h"
#include "wire/admin.h"

enum listener_kind { LISTENER_CLIENT, LISTENER_PEER, LISTENER_ADMIN };

enum {
	// One connection carries all exchanges of one peer's worker.
	LISTENER_PEER_STREAMS_MAX = 4096,
	LISTENER_CLIENT_STREAMS_MAX = 1024,
	// The socket's mode is the operator's access control: owner and group.
	LISTENER_ADMIN_MODE = 0660,
	// Callers known by user id may be anybody; where all speak for one subsystem, the mode decides too.
	LISTENER_BY_UID_MODE = 0666,
	LISTENER_BY_PATH_MODE = 0660,
};

struct listener {
	struct listeners *all;
	enum listener_kind kind;
	size_t number; // among the member's client listeners
	struct consumer_caller caller;
	struct grpc_call_config calls;
	struct h2_listener *h2;
};

struct listeners {
	struct node *node;
	struct listener *list;
	size_t count;
	size_t draining;
	void (*drained)(void *context);
	void *context;
};

// ---- calls ---------------------------------------------------------------------------------------------------------

// Who is no client of the listener is told so before it sends a message: strangers take no memory.
static void client_begin(void *context, struct grpc_call *call)
{
	const struct listener *listener = context;
	const struct h2_peer *peer = h2_connection_peer(grpc_call_connection(call));
	const char *subsystem = NULL;
	struct fault fault = { "" };
	result code = caller_identify(listener->caller.listener, peer, slice_of(NULL, 0), &subsystem, &fault);
	if (code == OK) {
		return;
	}
	log_event(LOG_LEVEL_WARNING, "client_refused", "address=%s reason=%s", peer->address, result_wire_name(code));
	const struct h2_header trailers[] = {
		{ .name = slice_text(METADATA_REASON), .value = slice_text(result_wire_name(code)) },
		{ .name = slice_text(METADATA_NODE), .value = slice_text(listener->all->node->ledger) },
	};
	grpc_call_fail(call, result_grpc_status(code), slice_text(fault.text), trailers, 2);
}

// Each call is handed over with its message complete; what ends it is told to whoever took it.
static void client_message(void *context, struct grpc_call *call)
{
	struct listener *listener = context;
	if (slice_is(grpc_call_path(call), OUTCOMES_PATH)) {
		outcomes_answer_client(&listener->caller, call);
	} else {
		consumer_start(&listener->caller, call);
	}
}

static void client_gone(void *context, struct grpc_call *call, result why)
{
	(void)context;
	if (slice_is(grpc_call_path(call), OUTCOMES_PATH)) {
		outcomes_caller_gone(call);
	} else {
		consumer_caller_gone(call, why);
	}
}

static void peer_message(void *context, struct grpc_call *call)
{
	struct listener *listener = context;
	struct slice path = grpc_call_path(call);
	if (slice_is(path, "/besa.exchange.v1.Exchange/Call")) {
		provider_start(listener->all->node, call);
	} else if (slice_is(path, OUTCOMES_PEER_PATH)) {
		outcomes_answer_peer(listener->all->node, call);
	} else {
		grpc_call_fail(call, GRPC_UNIMPLEMENTED, slice_text(result_text(ERR_METHOD_UNKNOWN)), NULL, 0);
	}
}

static void peer_gone(void *context, struct grpc_call *call, result why)
{
	(void)context;
	if (slice_is(grpc_call_path(call), OUTCOMES_PEER_PATH)) {
		outcomes_caller_gone(call);
	} else {
		provider_caller_gone(call, why);
	}
}

static void admin_message(void *context, struct grpc_call *call)
{
	struct listener *listener = context;
	admin_answer(listener->all->node, call);
}

static void admin_gone(void *context, struct grpc_call *call, result why)
{
	(void)context;
	(void)why;
	admin_caller_gone(call);
}

static const struct grpc_call_handlers call_handlers[] = {
	[LISTENER_CLIENT] = { .on_begin = client_begin, .on_message = client_message, .on_cancel = client_gone },
	[LISTENER_PEER] = { .on_message = peer_message, .on_cancel = peer_gone },
	[LISTENER_ADMIN] = { .on_message = admin_message, .on_cancel = admin_gone },
};

// ---- connections ---------------------------------------------------------------------------------------------------

static bool peer_is_listed(void *context, const struct h2_peer *peer)
{
	const struct listener *listener = context;
	const struct directory_gateway *listed = NULL;
	return peer->has_certificate && directory_peers(listener->all->node->directory, peer->fingerprint, &listed) > 0;
}

// Whether a connection stays after a reload. One that is still in its handshake does: who it is shows later.
static bool keep_peer(void *context, const struct h2_peer *peer)
{
	return !peer->has_certificate || peer_is_listed(context, peer);
}

static bool keep_client(void *context, const struct h2_peer *peer)
{
	const struct listener *listener = context;
	const char *subsystem = NULL;
	return (listener->caller.listener->tls && !peer->has_certificate) ||
	       caller_identify(listener->caller.listener, peer, slice_of(NULL, 0), &subsystem, NULL) == OK;
}

static bool on_connection(void *context, struct h2_connection *connection)
{
	struct listener *listener = context;
	const struct h2_peer *peer = h2_connection_peer(connection);
	if (listener->kind != LISTENER_PEER) {
		return true; // an unknown client is told so, call by call
	}
	result code = peer_is_listed(listener, peer) ? peer_certificate_check(peer->certificate, clock_wall_us())
						     : ERR_PEER_UNKNOWN;
	if (code != OK) {
		log_event(LOG_LEVEL_WARNING, "peer_refused", "address=%s reason=%s", peer->address,
			  result_wire_name(code));
	}
	return code == OK;
}

static void on_request(void *context, struct h2_stream *stream)
{
	struct listener *listener = context;
	grpc_call_accept(listener->all->node->loop, stream, &listener->calls);
}

static const struct h2_server_handlers server_handlers = {
	.on_connection = on_connection,
	.on_request = on_request,
};

// ---- life ----------------------------------------------------------------------------------------------------------

static void set_call_limits(struct listener *listener)
{
	const struct settings_limits *limits = &listener->all->node->settings->limits;
	listener->calls = (struct grpc_call_config){
		.handlers = &call_handlers[listener->kind],
		.context = listener,
		.deadline_default_us = limits->deadline_default_us,
		.deadline_max_us = limits->deadline_max_us,
	};
	switch (listener->kind) {
	case LISTENER_CLIENT:
		listener->calls.message_max = (size_t)limits->payload_max;
		break;
	case LISTENER_PEER:
		listener->calls.message_max = (size_t)limits->payload_max + ENVELOPE_HEAD_MAX;
		break;
	case LISTENER_ADMIN:
		listener->calls.message_max = ADMIN_MESSAGE_MAX;
		break;
	}
}

static unsigned unix_mode(const struct listener *listener)
{
	if (listener->kind == LISTENER_ADMIN) {
		return LISTENER_ADMIN_MODE;
	}
	return listener->caller.listener->subsystem ? LISTENER_BY_PATH_MODE : LISTENER_BY_UID_MODE;
}

static result open_listener(struct listener *listener, const char *address_text, bool tls, struct fault *fault)
{
	struct node *node = listener->all->node;
	struct address address;
	const struct address_listen options = {
		.share_port = true,
		.unix_mode = listener->kind == LISTENER_PEER ? 0 : unix_mode(listener),
	};
	struct h2_listener_config config = {
		.fd = -1,
		.tls = tls ? node->tls_server : NULL,
		.settings = { .streams_max = listener->kind == LISTENER_PEER ? LISTENER_PEER_STREAMS_MAX
									     : LISTENER_CLIENT_STREAMS_MAX },
		.handlers = &server_handlers,
		.context = listener,
	};
	set_call_limits(listener);
	result code = address_parse(slice_text(address_text), &address, fault);
	if (code == OK) {
		code = address_listen(&address, &options, &config.fd, fault);
	}
	if (code == OK) {
		code = h2_listener_start(node->loop, &config, &listener->h2, fault);
	}
	return code;
}

// A unix socket cannot be shared as a port can: the first worker has it.
static bool is_unix(const char *address)
{
	return strncmp(address, "unix:", 5) == 0;
}

static result open_all(struct listeners *listeners, struct fault *fault)
{
	const struct settings_member *member = listeners->node->member;
	result code = OK;
	for (size_t i = 0; code == OK && i < member->listener_count; i++) {
		if (is_unix(member->listeners[i].address) && listeners->node->worker != 0) {
			continue;
		}
		struct listener *listener = &listeners->list[listeners->count++];
		*listener = (struct listener){ .all = listeners, .kind = LISTENER_CLIENT, .number = i };
		listener->caller =
		    (struct consumer_caller){ .node = listeners->node, .listener = &member->listeners[i] };
		code = open_listener(listener, member->listeners[i].address, member->listeners[i].tls, fault);
	}
	if (code == OK && member->peer) {
		struct listener *listener = &listeners->list[listeners->count++];
		*listener = (struct listener){ .all = listeners, .kind = LISTENER_PEER };
		code = open_listener(listener, member->peer, true, fault);
	}
	if (code == OK && member->admin && listeners->node->worker == 0) {
		struct listener *listener = &listeners->list[listeners->count++];
		*listener = (struct listener){ .all = listeners, .kind = LISTENER_ADMIN };
		code = open_listener(listener, member->admin, false, fault);
	}
	return code;
}

result listeners_open(struct node *node, struct listeners **ret_listeners, struct fault *fault)
{
	struct listeners *listeners = calloc(1, sizeof *listeners);
	if (!listeners) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	listeners->node = node;
	listeners->list = calloc(node->member->listener_count + 2, sizeof *listeners->list);
	result code = listeners->list ? open_all(listeners, fault) : fault_set(fault, ERR_MEMORY, "out of memory");
	if (code != OK) {
		listeners_free(listeners);
		return code;
	}
	*ret_listeners = listeners;
	return OK;
}

void listeners_refresh(struct listeners *listeners)
{
	struct node *node = listeners->node;
	for (size_t i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->list[i];
		set_call_limits(listener);
		if (listener->kind == LISTENER_CLIENT) {
			listener->caller.listener = &node->member->listeners[listener->number];
			if (listener->caller.listener->tls) {
				h2_listener_set_tls(listener->h2, node->tls_server);
			}
			h2_listener_drain_connections(listener->h2, keep_client, listener);
		} else if (listener->kind == LISTENER_PEER) {
			h2_listener_set_tls(listener->h2, node->tls_server);
			h2_listener_drain_connections(listener->h2, keep_peer, listener);
		}
	}
}

static void one_drained(void *context)
{
	struct listeners *listeners = context;
	if (--listeners->draining == 0) {
		listeners->drained(listeners->context);
	}
}

void listeners_drain(struct listeners *listeners, int64_t grace_us, void (*done)(void *context), void *context)
{
	listeners->drained = done;
	listeners->context = context;
	listeners->draining = listeners->count;
	if (listeners->count == 0) {
		done(context);
		return;
	}
	for (size_t i = 0; i < listeners->count; i++) {
		h2_listener_drain(listeners->list[i].h2, grace_us, one_drained, listeners);
	}
}

void listeners_free(struct listeners *listeners)
{
	if (!listeners) {
		return;
	}
	for (size_t i = 0; i < listeners->count; i++) {
		h2_listener_free(listeners->list[i].h2);
	}
	free(listeners->list);
	free(listeners);
}
