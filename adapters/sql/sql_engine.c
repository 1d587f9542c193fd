// SPDX-License-Identifier: EUPL-1.2
//
// The engine's face to the host: the host's opaque types are this engine's own.
#include "adapters/sql/sql_engine.h"

#include "adapters/sql/sql_binding.h"
#include "adapters/sql/sql_pool.h"

static result check(struct yaml *yaml, const struct contract_service *service, struct engine_binding **ret_binding)
{
	return sql_binding_check(yaml, service, (struct sql_binding **)ret_binding);
}

static void release(struct engine_binding *binding)
{
	sql_binding_free((struct sql_binding *)binding);
}

static result open_backend(const struct engine_binding *binding, struct loop *loop, unsigned workers,
			   struct engine_backend **ret_backend, struct fault *fault)
{
	return sql_pool_new(loop, (const struct sql_binding *)binding, workers, (struct sql_pool **)ret_backend, fault);
}

static void close_backend(struct engine_backend *backend)
{
	sql_pool_free((struct sql_pool *)backend);
}

static bool is_serving(const struct engine_backend *backend)
{
	return sql_pool_is_alive((const struct sql_pool *)backend);
}

static result start(struct engine_backend *backend, const struct contract_method *method, uint8_t *request, size_t size,
		    int64_t deadline_us, engine_done *done, void *context, struct engine_call **ret_call)
{
	return sql_pool_start((struct sql_pool *)backend, method, request, size, deadline_us, done, context,
			      (struct sql_call **)ret_call);
}

static void cancel(struct engine_call *call)
{
	sql_pool_cancel((struct sql_call *)call);
}

const struct engine sql_engine = {
	.name = "sql",
	.check = check,
	.release = release,
	.open = open_backend,
	.close = close_backend,
	.is_serving = is_serving,
	.start = start,
	.cancel = cancel,
};
