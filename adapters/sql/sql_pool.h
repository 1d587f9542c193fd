// SPDX-License-Identifier: EUPL-1.2
//
// Worker processes for blocking calls, driven from the adapter's loop.
//
// Why processes and not threads: the house keeps every process single-threaded (log, randomness and arenas count on
// it); a statement that cannot be interrupted (a hanging disk, a bug in the library) can be ended for certain only with
// its process; and a fault in the SQL library takes neither the listening socket nor other calls down. The price is two
// copies of small messages over a socket, some 10 µs beside a statement of 50.
//
// Invariants: a worker has at most one call; a call is in the queue or with one worker; a worker whose call was
// cancelled takes no other until it has answered, and is killed if it does not within SQL_POOL_GRACE_US; a worker that
// ends is replaced.
#ifndef BESA_ADAPTERS_SQL_SQL_POOL_H
#define BESA_ADAPTERS_SQL_SQL_POOL_H

#include "adapters/host/engine.h"
#include "adapters/sql/sql_binding.h"

enum {
	SQL_POOL_WORKERS_MAX = 64,
	SQL_POOL_QUEUE_MAX = 1024,         // calls waiting for a worker; stops a slow register from collecting memory
	SQL_POOL_GRACE_US = 1000000,       // for a stopped statement to end before its process is killed
	SQL_POOL_RESPAWN_LEAST_US = 50000, // pause before a worker is replaced; doubles up to the most
	SQL_POOL_RESPAWN_MOST_US = 5000000,
};

struct sql_pool;
struct sql_call;

// Starts `workers` processes. The binding must outlive the pool. ERR_MEMORY, ERR_IO.
result sql_pool_new(struct loop *loop, const struct sql_binding *binding, unsigned workers, struct sql_pool **ret_pool,
		    struct fault *fault);

// Ends the workers; there must be no calls left. NULL is fine.
void sql_pool_free(struct sql_pool *pool);

// Whether at least one worker is alive.
bool sql_pool_is_alive(const struct sql_pool *pool);

// As start and cancel of struct engine.
result sql_pool_start(struct sql_pool *pool, const struct contract_method *method, uint8_t *request, size_t size,
		      int64_t deadline_us, engine_done *done, void *context, struct sql_call **ret_call);
void sql_pool_cancel(struct sql_call *call);

#endif
