// SPDX-License-Identifier: EUPL-1.2
#include "adapters/host/echo.h"

#include <stdlib.h>

#include "contract/prescan.h"

struct engine_binding {
	const struct contract_service *service;
};

struct engine_backend {
	struct loop *loop;
};

struct engine_call {
	struct loop_call deferred;
	uint8_t *message;
	size_t size;
	const struct contract_method *method;
	engine_done *done;
	void *context;
};

// Whether bytes of the one type are bytes of the other: the same numbers with the same types.
static bool same_fields(const ProtobufCMessageDescriptor *a, const ProtobufCMessageDescriptor *b)
{
	if (a == b) {
		return true;
	}
	if (a->n_fields != b->n_fields) {
		return false;
	}
	for (unsigned i = 0; i < a->n_fields; i++) {
		const ProtobufCFieldDescriptor *x = &a->fields[i], *y = &b->fields[i];
		if (x->id != y->id || x->type != y->type || x->label != y->label || x->descriptor != y->descriptor) {
			return false;
		}
	}
	return true;
}

static result check(struct yaml *yaml, const struct contract_service *service, struct engine_binding **ret_binding)
{
	for (size_t i = 0; i < service->method_count; i++) {
		const struct contract_method *method = &service->methods[i];
		if (method->client_streaming || method->server_streaming) {
			yaml_error(yaml, yaml_root(yaml), "%s is a streaming method; this engine answers unary ones",
				   method->name);
		}
		if (!same_fields(method->input, method->output)) {
			yaml_error(yaml, yaml_root(yaml), "%s cannot be echoed: %s and %s have different fields",
				   method->name, method->input->name, method->output->name);
		}
	}
	if (yaml_error_count(yaml) > 0) {
		return OK;
	}
	struct engine_binding *binding = calloc(1, sizeof *binding);
	if (!binding) {
		return ERR_MEMORY;
	}
	binding->service = service;
	*ret_binding = binding;
	return OK;
}

static void release(struct engine_binding *binding)
{
	free(binding);
}

static result open_backend(const struct engine_binding *binding, struct loop *loop, unsigned workers,
			   struct engine_backend **ret_backend, struct fault *fault)
{
	(void)binding, (void)workers;
	struct engine_backend *backend = calloc(1, sizeof *backend);
	if (!backend) {
		return fault_set(fault, ERR_MEMORY, "no memory");
	}
	backend->loop = loop;
	*ret_backend = backend;
	return OK;
}

static void close_backend(struct engine_backend *backend)
{
	free(backend);
}

static bool is_serving(const struct engine_backend *backend)
{
	return backend;
}

static void finish(void *context)
{
	struct engine_call *call = context;
	struct fault fault = { 0 };
	struct engine_answer answer = { .message = call->message, .size = call->size };
	answer.code = prescan_check(call->method->input, slice_of(call->message, call->size), &prescan_default_limits,
				    NULL, &fault);
	if (answer.code != OK) {
		free(call->message);
		answer = (struct engine_answer){ .code = answer.code, .text = fault.text };
	}
	call->done(call->context, &answer);
	free(call);
}

static result start(struct engine_backend *backend, const struct contract_method *method, uint8_t *request, size_t size,
		    int64_t deadline_us, engine_done *done, void *context, struct engine_call **ret_call)
{
	(void)deadline_us;
	struct engine_call *call = malloc(sizeof *call);
	if (!call) {
		free(request);
		return ERR_MEMORY;
	}
	*call = (struct engine_call){
		.message = request, .size = size, .method = method, .done = done, .context = context
	};
	loop_defer_init(&call->deferred, backend->loop, finish, call);
	loop_defer(&call->deferred);
	*ret_call = call;
	return OK;
}

static void cancel(struct engine_call *call)
{
	loop_call_cancel(&call->deferred);
	free(call->message);
	free(call);
}

const struct engine echo_engine = {
	.name = "echo",
	.check = check,
	.release = release,
	.open = open_backend,
	.close = close_backend,
	.is_serving = is_serving,
	.start = start,
	.cancel = cancel,
};
