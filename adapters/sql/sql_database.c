// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_database.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum {
	PROGRESS_STEPS = 1000, // virtual machine instructions between looks at the clock: some 20 µs
	BUSY_PAUSE_US = 2000,
};

// --- stopping

static result must_stop(const struct sql_database *database)
{
	const struct sql_stop *stop = &database->stop;
	if (stop->stopped && atomic_load_explicit(stop->stopped, memory_order_relaxed) >= stop->serial) {
		return ERR_CANCELLED;
	}
	return clock_monotonic_us() >= stop->deadline_us ? ERR_TIMEOUT : OK;
}

static int on_progress(void *context)
{
	struct sql_database *database = context;
	database->interrupted = must_stop(database);
	return database->interrupted != OK;
}

// Waits for a lock in short steps, so that a deadline is noticed.
static int on_busy(void *context, int tries)
{
	struct sql_database *database = context;
	int64_t now = clock_monotonic_us();
	if (tries == 0) {
		database->busy_since_us = now;
	}
	database->interrupted = must_stop(database);
	if (database->interrupted != OK || now - database->busy_since_us >= database->busy_us) {
		return 0;
	}
	struct timespec pause = { .tv_nsec = BUSY_PAUSE_US * 1000L };
	nanosleep(&pause, NULL);
	return 1;
}

// The second lock, after the read-only open: reading, calling functions, nothing else. PRAGMA and ATTACH are what could
// otherwise reach other files.
static int authorise(void *context, int action, const char *first, const char *second, const char *database,
		     const char *trigger)
{
	(void)context, (void)first, (void)second, (void)database, (void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_FUNCTION:
	case SQLITE_RECURSIVE:
	case SQLITE_TRANSACTION:
		return SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

// --- errors

static result result_of(const struct sql_database *database, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return OK;
	case SQLITE_INTERRUPT:
		return database->interrupted != OK ? database->interrupted : ERR_CANCELLED;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return database->interrupted != OK ? database->interrupted : ERR_BUSY;
	case SQLITE_NOMEM: // the heap limit of this process, before it is the machine's
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FULL:
	case SQLITE_PROTOCOL:
		return ERR_IO;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_PERMISSION;
	default:
		return ERR_INTERNAL;
	}
}

static result failed(const struct sql_database *database, int code, struct fault *fault)
{
	result mapped = result_of(database, code);
	return fault_set(fault, mapped, "%s",
			 database->handle ? sqlite3_errmsg(database->handle) : sqlite3_errstr(code));
}

// --- opening

static void set_limits(sqlite3 *handle)
{
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, SQL_VALUE_MAX);
	sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(handle, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
}

result sql_database_open(struct sql_database *database, const char *path, int64_t busy_us, struct fault *fault)
{
	*database = (struct sql_database){ .busy_us = busy_us, .stop = { .deadline_us = INT64_MAX } };
	if (access(path, R_OK) != 0) { // SQLite says no more than "unable to open database file"
		result code = file_errno_result(errno);
		return fault_set(fault, code, "cannot read %s: %s", path,
				 code == ERR_NOT_FOUND ? "there is no such file" : result_text(code));
	}
	int code = sqlite3_open_v2(path, &database->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK) {
		goto out;
	}
	set_limits(database->handle);
	sqlite3_extended_result_codes(database->handle, 1);
	sqlite3_progress_handler(database->handle, PROGRESS_STEPS, on_progress, database);
	sqlite3_busy_handler(database->handle, on_busy, database);
	// Sorting in memory, within SQL_HEAP_MAX, rather than in files of persons' data under /tmp. The first statement
	// also tells whether the file is a database at all.
	code = sqlite3_exec(database->handle, "PRAGMA temp_store = MEMORY; SELECT count(*) FROM sqlite_schema", NULL,
			    NULL, NULL);
	if (code == SQLITE_OK) {
		code = sqlite3_set_authorizer(database->handle, authorise, NULL);
	}
out:
	if (code != SQLITE_OK) {
		result mapped = failed(database, code, fault);
		result_ignore(fault_prefix(fault, mapped, "cannot read %s", path));
		sql_database_close(database);
		return mapped;
	}
	return OK;
}

void sql_database_close(struct sql_database *database)
{
	sqlite3_close(database->handle);
	database->handle = NULL;
}

void sql_database_set_stop(struct sql_database *database, const struct sql_stop *stop)
{
	database->stop = *stop;
	database->interrupted = OK;
}

// --- statements

static bool only_space_or_comment(const char *tail)
{
	for (;;) {
		tail += strspn(tail, " \t\r\n;");
		if (strncmp(tail, "--", 2) == 0) {
			tail += strcspn(tail, "\n");
		} else {
			return *tail == '\0';
		}
	}
}

result sql_database_prepare(struct sql_database *database, const char *sql, sqlite3_stmt **ret_statement,
			    int *ret_offset, struct fault *fault)
{
	sqlite3_stmt *statement = NULL;
	const char *tail = NULL;
	if (ret_offset) {
		*ret_offset = -1;
	}
	int code = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &tail);
	if (code != SQLITE_OK) {
#if SQLITE_VERSION_NUMBER >= 3038000
		if (ret_offset) {
			*ret_offset = sqlite3_error_offset(database->handle);
		}
#endif
		result mapped = failed(database, code, fault);
		if (mapped == ERR_PERMISSION) {
			return fault_set(fault, ERR_CONFIG, "the statement does more than read");
		}
		return mapped == ERR_INTERNAL ? ERR_CONFIG : mapped;
	}
	const char *wrong = NULL;
	if (!statement) {
		wrong = "there is no statement";
	} else if (!only_space_or_comment(tail)) {
		wrong = "more than one statement";
	} else if (!sqlite3_stmt_readonly(statement) || sqlite3_column_count(statement) == 0) {
		wrong = "the statement does not read rows";
	}
	if (wrong) {
		sqlite3_finalize(statement);
		return fault_set(fault, ERR_CONFIG, "%s", wrong);
	}
	*ret_statement = statement;
	return OK;
}

result sql_database_step(struct sql_database *database, sqlite3_stmt *statement, bool *ret_row, struct fault *fault)
{
	// The handler counts instructions over many statements, so a short one may never be asked.
	result code = must_stop(database);
	if (code != OK) {
		return fault_set(fault, code, "%s", result_text(code));
	}
	int stepped = sqlite3_step(statement);
	if (stepped != SQLITE_ROW && stepped != SQLITE_DONE) {
		return failed(database, stepped, fault);
	}
	*ret_row = stepped == SQLITE_ROW;
	return OK;
}

result sql_database_begin(struct sql_database *database, struct fault *fault)
{
	int code = sqlite3_exec(database->handle, "BEGIN", NULL, NULL, NULL);
	return code == SQLITE_OK ? OK : failed(database, code, fault);
}

void sql_database_end(struct sql_database *database)
{
	// A rollback of what only read cannot fail in a way that matters: the locks go with it.
	if (!sqlite3_get_autocommit(database->handle)) {
		sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
	}
}
