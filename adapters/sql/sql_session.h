// SPDX-License-Identifier: EUPL-1.2
//
// One open database with all statements of a binding prepared, and the answering of one call after another with them.
// Plain blocking code: it runs in a process of its own (sql_worker.c).
#ifndef BESA_ADAPTERS_SQL_SQL_SESSION_H
#define BESA_ADAPTERS_SQL_SQL_SESSION_H

#include "adapters/sql/sql_binding.h"
#include "adapters/sql/sql_database.h"
#include "base/buffer.h"

enum {
	// Bytes of memory the messages of one call may take, request and answer each. Stops a small request that
	// unpacks to much, and an answer that nobody could receive.
	SQL_CALL_MEMORY_MAX = 16 * 1024 * 1024,
	SQL_REQUEST_DEPTH_MAX = 32,     // messages in messages
	SQL_REQUEST_FIELDS_MAX = 10000, // fields and elements
};

struct sql_session;

// A session; the database is opened with the first call. ERR_MEMORY.
result sql_session_new(const struct sql_binding *binding, struct sql_session **ret_session);
void sql_session_free(struct sql_session *session); // NULL is fine

// Opens the database and prepares all statements, unless that is done. ERR_ADAPTER_UNAVAILABLE; the fault is for
// operators.
result sql_session_open(struct sql_session *session, struct fault *fault);

// Answers one call: appends the serialised answer. `stop->deadline_us` is the caller's; the binding's timeout may end
// it earlier. The fault's words are for the caller: they hold neither SQL nor paths nor values; detail is logged.
//
// ERR_ARGUMENT, ERR_PAYLOAD_INVALID   the request is not as the binding wants it
// ERR_NOT_FOUND                       no row where one was wanted
// ERR_LIMIT                           more rows, or a larger answer, than allowed
// ERR_TIMEOUT, ERR_CANCELLED          stopped
// ERR_BUSY                            the database is locked for longer than busy_timeout
// ERR_ADAPTER_UNAVAILABLE             the database cannot be read
// ERR_INTERNAL                        the database's answer does not fit the contract
result sql_session_answer(struct sql_session *session, const struct sql_method *method, struct slice request,
			  const struct sql_stop *stop, struct buffer *answer, struct fault *words);

#endif
