// SPDX-License-Identifier: EUPL-1.2
//
// A database opened for reading, and its statements. The one place that knows SQLite; PostgreSQL would be its twin.
//
// Invariants: the file is opened read-only, and an authoriser lets statements only read; a statement is one statement,
// prepared once; whatever runs can be stopped: by time, by the caller, while it computes and while it waits for a lock.
#ifndef BESA_ADAPTERS_SQL_SQL_DATABASE_H
#define BESA_ADAPTERS_SQL_SQL_DATABASE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/result.h"

enum {
	// Bytes of memory SQLite may use in one process: a statement that sorts the whole register in memory ends, not
	// the host.
	SQL_HEAP_MAX = 64 * 1024 * 1024,
	// Bytes of one value: stops randomblob(1e9) and its like.
	SQL_VALUE_MAX = 4 * 1024 * 1024,
};

// What stops a running statement.
struct sql_stop {
	int64_t deadline_us;             // monotonic; INT64_MAX for none
	const _Atomic uint64_t *stopped; // serial of the last call its caller gave up; NULL for none
	uint64_t serial;                 // of the present call
};

struct sql_database {
	sqlite3 *handle;
	int64_t busy_us; // patience with locks
	struct sql_stop stop;
	result interrupted; // why the present statement was stopped; OK if it was not
	int64_t busy_since_us;
};

// Opens a file read-only. ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_MEMORY; the fault is for operators.
result sql_database_open(struct sql_database *database, const char *path, int64_t busy_us, struct fault *fault);

void sql_database_close(struct sql_database *database); // harmless on a zeroed struct

// Sets what stops statements from here on, and forgets an earlier stop.
void sql_database_set_stop(struct sql_database *database, const struct sql_stop *stop);

// Prepares one reading statement. ERR_CONFIG, ERR_IO, ERR_BUSY …; the fault says what is wrong, *ret_offset (may be
// NULL) where in the text, -1 if that is not known.
result sql_database_prepare(struct sql_database *database, const char *sql, sqlite3_stmt **ret_statement,
			    int *ret_offset, struct fault *fault);

// The next row: *ret_row says whether there is one. ERR_TIMEOUT, ERR_CANCELLED, ERR_BUSY (locked), ERR_LIMIT (a value
// or the heap), ERR_IO, ERR_INTERNAL; the fault is for operators.
result sql_database_step(struct sql_database *database, sqlite3_stmt *statement, bool *ret_row, struct fault *fault);

// One consistent view of the register for all statements until the end of the call. ERR_… as for step.
result sql_database_begin(struct sql_database *database, struct fault *fault);
void sql_database_end(struct sql_database *database);

#endif
