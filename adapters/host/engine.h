// SPDX-License-Identifier: EUPL-1.2
//
// What stands between the adapter host and a kind of back end: SQL, echo, and whatever else comes (REST, SOAP).
//
// The host speaks gRPC, knows deadlines and cancellation, and reads `engine:` and `service:` of the binding. An engine
// reads the rest of the binding, checks all of it before anything is served, and answers calls. It runs on the
// host's loop and must not block it: work that blocks belongs into processes of the engine's own (sql_pool.h).
//
//   Life of an engine's things: check → binding; open(binding) → backend; start(backend) → call. A call ends in exactly
//   one of two ways: `done`, or cancel(). A backend is closed after its last call has ended; a binding is released
//   after its backends.
#ifndef BESA_ADAPTERS_HOST_ENGINE_H
#define BESA_ADAPTERS_HOST_ENGINE_H

#include "base/result.h"
#include "base/yaml.h"
#include "contract/contract.h"
#include "net/loop.h"

struct engine_binding; // the engine's part of a binding, checked
struct engine_backend; // open connections, processes
struct engine_call;

// How a call ended. `text` goes to the caller of the register: it never holds SQL, paths, hosts or data of the
// register. Detail for operators goes to the log.
struct engine_answer {
	result code;
	const char *text; // if code is not OK; good until `done` returns
	uint8_t *message; // if OK: serialised, malloced, the receiver's from here on; may be NULL if size is 0
	size_t size;
};

typedef void engine_done(void *context, const struct engine_answer *answer);

struct engine {
	const char *name; // as `engine:` names it

	// Reads and checks the engine's part of the binding against the contract and, as far as it can be reached, the
	// back end. Problems are noted in the document, each at its line. *ret_binding is set if there was none (the
	// caller looks at yaml_error_count). The contract outlives the binding; the document need not. ERR_MEMORY.
	result (*check)(struct yaml *yaml, const struct contract_service *service, struct engine_binding **ret_binding);
	void (*release)(struct engine_binding *binding); // NULL is fine

	// Gets ready to answer with at most `workers` processes of its own, if it uses any.
	result (*open)(const struct engine_binding *binding, struct loop *loop, unsigned workers,
		       struct engine_backend **ret_backend, struct fault *fault);
	void (*close)(struct engine_backend *backend); // NULL is fine

	// Whether calls can be answered at present, for the health service.
	bool (*is_serving)(const struct engine_backend *backend);

	// Begins a call. `request` (malloced, of the method's input type, not checked yet) is the engine's from here
	// on, also on failure. `deadline_us` is monotonic, INT64_MAX for none. `done` is called from the loop, never
	// before start returns. ERR_BUSY when too many calls wait, ERR_MEMORY.
	result (*start)(struct engine_backend *backend, const struct contract_method *method, uint8_t *request,
			size_t size, int64_t deadline_us, engine_done *done, void *context,
			struct engine_call **ret_call);
	// Ends a call without `done`; what it started at the back end is stopped as soon as possible.
	void (*cancel)(struct engine_call *call);
};

// The engines there are: sql (adapters/sql), echo.
extern const struct engine *const engines[]; // ends with NULL

#endif
