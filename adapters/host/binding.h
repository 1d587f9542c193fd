// SPDX-License-Identifier: EUPL-1.2
//
// A contract and the binding that answers one of its services: loaded and checked together, as a whole.
#ifndef BESA_ADAPTERS_HOST_BINDING_H
#define BESA_ADAPTERS_HOST_BINDING_H

#include "adapters/host/engine.h"
#include "base/buffer.h"

struct binding {
	struct contract *contract;
	const struct contract_service *service;
	const struct engine *engine;
	struct engine_binding *engine_binding;
};

enum { BINDING_PROBLEMS_MAX = 256 * 1024 }; // bytes of all problems together

// Loads both files. If anything is wrong, *ret_binding is untouched, the result is ERR_CONFIG (ERR_MEMORY) and
// `problems` has one line for each problem: "file:line: what, and what was expected".
result binding_load(const char *binding_path, const char *contract_path, struct binding **ret_binding,
		    struct buffer *problems);

void binding_free(struct binding *binding); // NULL is fine

#endif
