// SPDX-License-Identifier: EUPL-1.2
//
// The process in which statements run, and what passes between it and the adapter's loop (sql_pool.c).
//
// One call at a time: the pool writes a request, the worker answers it. Both ends are the same program on one machine,
// so the frames are structs; the pool checks every length all the same, because the worker is the one that parses. A
// call is stopped through `stop` in shared memory: no message could reach a process that is busy.
#ifndef BESA_ADAPTERS_SQL_SQL_WORKER_H
#define BESA_ADAPTERS_SQL_SQL_WORKER_H

#include <stdatomic.h>

#include "adapters/sql/sql_binding.h"

struct sql_worker_request {
	uint64_t serial;     // counts up for each worker
	int64_t deadline_us; // monotonic
	uint32_t method;     // index in the binding
	uint32_t size;       // of the request message that follows
};

struct sql_worker_reply {
	uint64_t serial;
	uint32_t code; // enum result
	uint32_t size; // of the answer (code OK) or of the words for the caller (any other) that follow
};

enum {
	SQL_WORKER_REQUEST_MAX = 4 * 1024 * 1024, // bytes of a request message
	SQL_WORKER_REPLY_MAX = 4 * 1024 * 1024,   // bytes of an answer: what gRPC clients accept by default
};

// Serves calls from `fd` (blocking) until the other end closes it. Never returns. The process must be a fresh child of
// the adapter; this leaves it no other descriptor than `fd` and the standard ones, and no signal handler.
_Noreturn void sql_worker_run(int fd, const struct sql_binding *binding, const _Atomic uint64_t *stopped);

#endif
