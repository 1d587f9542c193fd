// SPDX-License-Identifier: EUPL-1.2
//
// A *generation* is a binding with its open back end. Calls hold the one they began with; a replaced one is closed when
// its last call has ended.
#include "adapters/host/server.h"

#include <stdlib.h>
#include <unistd.h>

#include "adapters/host/health.h"
#include "base/log.h"
#include "net/grpc_call.h"

struct generation {
	struct binding *binding;
	struct engine_backend *backend;
	size_t calls;
	bool replaced;
};

struct server {
	struct loop *loop;
	unsigned workers;
	struct generation *current;
	struct h2_listener *listener;
	struct grpc_call_config calls;
	struct address address;
};

struct call {
	struct grpc_call *grpc;
	struct generation *generation;
	const struct contract_method *method;
	struct engine_call *engine;
};

// --- generations

static void free_generation(struct generation *generation)
{
	if (generation) {
		generation->binding->engine->close(generation->backend);
		binding_free(generation->binding);
		free(generation);
	}
}

static result new_generation(struct server *server, struct binding *binding, struct generation **ret_generation,
			     struct fault *fault)
{
	struct generation *generation = calloc(1, sizeof *generation);
	if (!generation) {
		return fault_set(fault, ERR_MEMORY, "no memory");
	}
	result code =
	    binding->engine->open(binding->engine_binding, server->loop, server->workers, &generation->backend, fault);
	if (code != OK) {
		free(generation);
		return code;
	}
	generation->binding = binding;
	*ret_generation = generation;
	return OK;
}

static void leave_generation(struct generation *generation)
{
	generation->calls--;
	if (generation->replaced && generation->calls == 0) {
		free_generation(generation);
	}
}

// --- answering

static void fail(struct grpc_call *call, result code, const char *text)
{
	// The reason code is for the gateway, which puts it on record.
	const struct h2_header reason = {
		.name = slice_text("besa-reason"),
		.value = slice_text(result_wire_name(code)),
		.flags = H2_HEADER_STATIC,
	};
	grpc_call_fail(call, result_grpc_status(code), slice_text(text), &reason, 1);
}

static void reply(struct grpc_call *call, struct slice message, void *owned)
{
	const struct h2_chunk part = { .bytes = message, .release = owned ? free : NULL, .context = owned };
	grpc_call_reply(call, &(struct grpc_reply){ .parts = &part, .part_count = message.size || owned ? 1 : 0 });
}

static void on_answer(void *context, const struct engine_answer *answer)
{
	struct call *call = context;
	if (answer->code == OK) {
		reply(call->grpc, slice_of(answer->message, answer->size), answer->message);
	} else {
		fail(call->grpc, answer->code, answer->text);
	}
	leave_generation(call->generation);
	free(call);
}

static void answer_health(struct server *server, struct grpc_call *grpc)
{
	const struct generation *generation = server->current;
	struct slice service;
	if (health_parse_request(grpc_call_message(grpc), &service) != OK) {
		fail(grpc, ERR_FORMAT, "malformed HealthCheckRequest");
	} else if (service.size && !slice_is(service, generation->binding->service->name)) {
		fail(grpc, ERR_NOT_FOUND, "this adapter does not serve that service");
	} else {
		reply(grpc, health_response(generation->binding->engine->is_serving(generation->backend)), NULL);
	}
}

// --- calls

static const struct contract_method *find_method(const struct server *server, struct slice path)
{
	const struct binding *binding = server->current->binding;
	const struct contract_method *method = contract_find_path(binding->contract, path);
	return method && method->service == binding->service ? method : NULL;
}

static void on_begin(void *context, struct grpc_call *grpc)
{
	struct server *server = context;
	struct slice path = grpc_call_path(grpc);
	if (!slice_is(path, HEALTH_CHECK_PATH) && !find_method(server, path)) {
		fail(grpc, ERR_METHOD_UNKNOWN, "this adapter has no such method");
	}
}

static void on_message(void *context, struct grpc_call *grpc)
{
	struct server *server = context;
	struct generation *generation = server->current;
	if (slice_is(grpc_call_path(grpc), HEALTH_CHECK_PATH)) {
		answer_health(server, grpc);
		return;
	}
	// Looked up again: the binding may have been replaced since the headers came.
	const struct contract_method *method = find_method(server, grpc_call_path(grpc));
	if (!method) {
		fail(grpc, ERR_METHOD_UNKNOWN, "this adapter has no such method");
		return;
	}
	struct call *call = calloc(1, sizeof *call);
	if (!call) {
		fail(grpc, ERR_MEMORY, result_text(ERR_MEMORY));
		return;
	}
	*call = (struct call){ .grpc = grpc, .generation = generation, .method = method };
	size_t size;
	uint8_t *message = grpc_call_take_message(grpc, &size);
	result code = generation->binding->engine->start(generation->backend, method, message, size,
							 grpc_call_deadline_us(grpc), on_answer, call, &call->engine);
	if (code != OK) {
		free(call);
		fail(grpc, code, result_text(code));
		return;
	}
	generation->calls++;
	grpc_call_set_user(grpc, call);
}

static void on_cancel(void *context, struct grpc_call *grpc, result why)
{
	(void)context;
	struct call *call = grpc_call_user(grpc);
	if (!call) {
		return; // the message was not there yet
	}
	log_event(LOG_LEVEL_DEBUG, "call_ended_early", "method=%s reason=%s", call->method->name,
		  result_wire_name(why));
	call->generation->binding->engine->cancel(call->engine);
	leave_generation(call->generation);
	free(call);
}

static void on_request(void *context, struct h2_stream *stream)
{
	struct server *server = context;
	grpc_call_accept(server->loop, stream, &server->calls);
}

// --- the server's life

static result check_address(const struct address *address, struct fault *fault)
{
	bool loopback = address->kind == ADDRESS_UNIX || strncmp(address->host, "127.", 4) == 0 ||
			strcmp(address->host, "::1") == 0;
	return loopback
		   ? OK
		   : fault_set(fault, ERR_ARGUMENT,
			       "an adapter listens on a unix socket or a loopback address, not on %s", address->host);
}

static result listen_on(struct server *server, const struct address *address, struct fault *fault)
{
	static const struct h2_server_handlers handlers = { .on_request = on_request };
	struct h2_listener_config config = {
		.handlers = &handlers,
		.context = server,
		// The gateway is one peer with many calls: what it may have open is the gateway's own limit.
		.settings = { .streams_max = 4096, .idle_us = -1 },
	};
	result code = check_address(address, fault);
	if (code == OK) {
		code = address_listen(address, &(struct address_listen){ .unix_mode = SERVER_SOCKET_MODE }, &config.fd,
				      fault);
	}
	if (code != OK) {
		return code;
	}
	server->address = *address;
	code = h2_listener_start(server->loop, &config, &server->listener, fault);
	if (code != OK) {
		close(config.fd);
	}
	return code;
}

result server_start(struct loop *loop, struct binding *binding, unsigned workers, const struct address *address,
		    struct server **ret_server, struct fault *fault)
{
	static const struct grpc_call_handlers handlers = {
		.on_begin = on_begin,
		.on_message = on_message,
		.on_cancel = on_cancel,
	};
	struct server *server = calloc(1, sizeof *server);
	if (!server) {
		return fault_set(fault, ERR_MEMORY, "no memory");
	}
	server->loop = loop;
	server->workers = workers;
	server->calls = (struct grpc_call_config){
		.handlers = &handlers,
		.context = server,
		.message_max = SERVER_MESSAGE_MAX,
		.deadline_default_us = SERVER_DEADLINE_DEFAULT_US,
		.deadline_max_us = SERVER_DEADLINE_MAX_US,
	};
	// The back end first: its processes are started while there is no socket for them to inherit.
	result code = new_generation(server, binding, &server->current, fault);
	if (code == OK) {
		code = listen_on(server, address, fault);
	}
	if (code != OK) {
		if (server->current) {
			server->current->binding = NULL; // stays the caller's
			binding->engine->close(server->current->backend);
			free(server->current);
		}
		free(server);
		return code;
	}
	*ret_server = server;
	return OK;
}

result server_replace(struct server *server, struct binding *binding, struct fault *fault)
{
	struct generation *fresh = NULL;
	result code = new_generation(server, binding, &fresh, fault);
	if (code != OK) {
		return code;
	}
	struct generation *old = server->current;
	server->current = fresh;
	old->replaced = true;
	if (old->calls == 0) {
		free_generation(old);
	}
	return OK;
}

void server_drain(struct server *server, void (*done)(void *context), void *context)
{
	if (server->address.kind == ADDRESS_UNIX) {
		unlink(server->address.host); // whoever connects from here on is told at once
	}
	h2_listener_drain(server->listener, 0, done, context);
}

void server_free(struct server *server)
{
	if (server) {
		h2_listener_free(server->listener);
		free_generation(server->current);
		free(server);
	}
}
