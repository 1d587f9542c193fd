// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_session.h"

#include <stdlib.h>

#include "adapters/sql/sql_fill.h"
#include "adapters/sql/sql_parameter.h"
#include "base/clock.h"
#include "base/log.h"
#include "contract/field.h"
#include "contract/message.h"

struct sql_session {
	const struct sql_binding *binding;
	struct sql_database database;
	bool open;
	sqlite3_stmt **statements; // by query id
	struct arena request;
	struct arena answer;
};

// One call under way.
struct run {
	struct sql_session *session;
	const struct sql_method *method;
	struct sql_value values[SQL_PARAMETERS_MAX];
	int64_t call_seconds; // UTC
	unsigned rows_left;
	struct fault *words;
};

// --- the session's life

result sql_session_new(const struct sql_binding *binding, struct sql_session **ret_session)
{
	struct sql_session *session = calloc(1, sizeof *session);
	if (!session) {
		return ERR_MEMORY;
	}
	session->binding = binding;
	session->statements = calloc(binding->query_count + 1, sizeof *session->statements);
	if (!session->statements) {
		free(session);
		return ERR_MEMORY;
	}
	arena_init(&session->request, SQL_CALL_MEMORY_MAX);
	arena_init(&session->answer, SQL_CALL_MEMORY_MAX);
	*ret_session = session;
	return OK;
}

static void close_database(struct sql_session *session)
{
	for (size_t i = 0; i < session->binding->query_count; i++) {
		sqlite3_finalize(session->statements[i]);
		session->statements[i] = NULL;
	}
	sql_database_close(&session->database);
	session->open = false;
}

void sql_session_free(struct sql_session *session)
{
	if (!session) {
		return;
	}
	close_database(session);
	arena_release(&session->request);
	arena_release(&session->answer);
	free(session->statements);
	free(session);
}

// The checked binding relies on the columns it saw; a database that changed since must not be read by their old
// numbers.
static result prepare(struct sql_session *session, const struct sql_query *query, struct fault *fault)
{
	sqlite3_stmt **statement = &session->statements[query->id];
	result code = sql_database_prepare(&session->database, query->sql, statement, NULL, fault);
	if (code != OK) {
		return code;
	}
	if ((size_t)sqlite3_column_count(*statement) != query->column_count ||
	    (size_t)sqlite3_bind_parameter_count(*statement) != query->slot_count) {
		return fault_set(fault, ERR_STATE, "the statement has other columns than when the binding was checked");
	}
	return OK;
}

static result prepare_all(struct sql_session *session, const struct sql_query *queries, size_t count,
			  struct fault *fault)
{
	for (size_t i = 0; i < count; i++) {
		result code = prepare(session, &queries[i], fault);
		if (code == OK) {
			code = prepare_all(session, queries[i].children, queries[i].child_count, fault);
		}
		if (code != OK) {
			return fault_prefix(fault, code, "line %d", queries[i].line);
		}
	}
	return OK;
}

result sql_session_open(struct sql_session *session, struct fault *fault)
{
	if (session->open) {
		return OK;
	}
	const struct sql_binding *binding = session->binding;
	result code = sql_database_open(&session->database, binding->database, binding->busy_us, fault);
	for (size_t i = 0; code == OK && i < binding->method_count; i++) {
		code = prepare_all(session, binding->methods[i].queries, binding->methods[i].query_count, fault);
	}
	if (code != OK) {
		close_database(session);
		return ERR_ADAPTER_UNAVAILABLE;
	}
	session->open = true;
	return OK;
}

// --- failing

// What the caller hears about a failure whose detail is for operators.
static result tell(struct run *run, result code)
{
	switch (code) {
	case ERR_TIMEOUT:
		return fault_set(run->words, code, "the register did not answer in time");
	case ERR_CANCELLED:
		return fault_set(run->words, code, "the call was cancelled");
	case ERR_BUSY:
		return fault_set(run->words, code, "the register is busy");
	case ERR_LIMIT:
		return fault_set(run->words, code, "the answer would be larger than allowed");
	case ERR_IO:
	case ERR_NOT_FOUND:
	case ERR_PERMISSION:
	case ERR_ADAPTER_UNAVAILABLE:
		return fault_set(run->words, ERR_ADAPTER_UNAVAILABLE, "the register cannot be read at present");
	default:
		return fault_set(run->words, ERR_INTERNAL, "the register's answer does not fit its contract");
	}
}

static result fail(struct run *run, const struct sql_query *query, result code, const struct fault *detail)
{
	enum log_level level = code == ERR_TIMEOUT || code == ERR_CANCELLED ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
	log_event(level, "query_failed", "method=%s line=%d reason=%s text=\"%s\"", run->method->contract->name,
		  query ? query->line : 0, result_wire_name(code), detail->text);
	if (code == ERR_IO) {
		run->session->open = false; // a file replaced or gone: opened afresh with the next call
	}
	return tell(run, code);
}

// --- running a query

static int bind_value(sqlite3_stmt *statement, int place, const struct sql_value *value)
{
	// SQLITE_STATIC: the bytes stay until the bindings are cleared at the query's end.
	switch (value->type) {
	case SQL_INTEGER:
		return sqlite3_bind_int64(statement, place, value->integer);
	case SQL_REAL:
		return sqlite3_bind_double(statement, place, value->real);
	case SQL_TEXT:
		return sqlite3_bind_text(statement, place, (const char *)value->bytes.data, (int)value->bytes.size,
					 SQLITE_STATIC);
	case SQL_BLOB:
		return sqlite3_bind_blob(statement, place, value->bytes.size ? (const void *)value->bytes.data : "",
					 (int)value->bytes.size, SQLITE_STATIC);
	case SQL_NULL:
		break;
	}
	return sqlite3_bind_null(statement, place);
}

static result bind_slots(struct run *run, const struct sql_query *query, sqlite3_stmt *statement)
{
	sqlite3_stmt *outer = query->parent ? run->session->statements[query->parent->id] : NULL;
	for (size_t i = 0; i < query->slot_count; i++) {
		const struct sql_slot *slot = &query->slots[i];
		int place = (int)i + 1;
		int code = SQLITE_OK;
		switch (slot->kind) {
		case SQL_SLOT_PARAMETER:
			code = bind_value(statement, place, &run->values[slot->index]);
			break;
		case SQL_SLOT_ROW:
			code = sqlite3_bind_value(statement, place, sqlite3_column_value(outer, (int)slot->index));
			break;
		case SQL_SLOT_CALL_SECONDS:
			code = sqlite3_bind_int64(statement, place, run->call_seconds);
			break;
		}
		if (code != SQLITE_OK) {
			struct fault detail;
			result bound = code == SQLITE_NOMEM || code == SQLITE_TOOBIG ? ERR_LIMIT : ERR_INTERNAL;
			return fail(run, query, fault_set(&detail, bound, "%s", sqlite3_errstr(code)), &detail);
		}
	}
	return OK;
}

// Values of a repeated field while rows come: their number is known at the end only.
struct values {
	uint8_t *data;
	size_t size; // of one
	size_t count;
	size_t capacity;
};

static void *add_value(struct arena *arena, struct values *values)
{
	if (values->count == values->capacity) {
		size_t capacity = values->capacity ? 2 * values->capacity : 8;
		uint8_t *data = arena_alloc(arena, capacity * values->size);
		if (!data) {
			return NULL;
		}
		if (values->count) {
			memcpy(data, values->data, values->count * values->size);
		}
		values->data = data;
		values->capacity = capacity;
	}
	return values->data + values->count++ * values->size;
}

static result run_queries(struct run *run, const struct sql_query *queries, size_t count, ProtobufCMessage *message);

// One row: its message's fields, then the nested queries, which look at the row while it stands.
static result take_row(struct run *run, const struct sql_query *query, sqlite3_stmt *statement, ProtobufCMessage *row)
{
	struct fault detail;
	result code = sql_fill_row(query, statement, row, &run->session->answer, &detail);
	if (code != OK) {
		return fail(run, query, code, &detail);
	}
	return run_queries(run, query->children, query->child_count, row);
}

static result take_element(struct run *run, const struct sql_query *query, sqlite3_stmt *statement,
			   struct values *values)
{
	struct arena *arena = &run->session->answer;
	struct fault detail;
	const ProtobufCFieldDescriptor *field = sql_path_last(&query->into);
	if (!query->row_type && sqlite3_column_type(statement, 0) == SQLITE_NULL) {
		return OK; // a list has no gaps
	}
	if (values->count == query->rows_max) {
		log_event(LOG_LEVEL_WARNING, "too_many_rows", "method=%s line=%d most=%u", run->method->contract->name,
			  query->line, query->rows_max);
		return fault_set(run->words, ERR_LIMIT, "more than %u rows; narrow the request", query->rows_max);
	}
	void *place = add_value(arena, values);
	if (place && !query->row_type) {
		result code = sql_fill_value(&query->columns[0], field, statement, 0, place, arena, &detail);
		return code == OK ? OK : fail(run, query, code, &detail);
	}
	ProtobufCMessage *row = place ? message_new(query->row_type, arena) : NULL;
	if (!row) {
		return fail(run, query, fault_set(&detail, ERR_LIMIT, "no room for another row"), &detail);
	}
	*(ProtobufCMessage **)place = row;
	return take_row(run, query, statement, row);
}

static result count_row(struct run *run, const struct sql_query *query)
{
	if (run->rows_left == 0) {
		struct fault detail;
		result code = fault_set(&detail, ERR_LIMIT, "more than %d rows in one call", SQL_CALL_ROWS_MAX);
		return fail(run, query, code, &detail);
	}
	run->rows_left--;
	return OK;
}

static result next_row(struct run *run, const struct sql_query *query, sqlite3_stmt *statement, bool *row)
{
	struct fault detail;
	result code = sql_database_step(&run->session->database, statement, row, &detail);
	if (code != OK) {
		return fail(run, query, code, &detail);
	}
	return *row ? count_row(run, query) : OK;
}

static result not_found(struct run *run, const struct sql_query *query)
{
	return query->not_found ? fault_set(run->words, ERR_NOT_FOUND, "%s", query->not_found) : OK;
}

// A query whose rows are the values of a repeated field.
static result run_many(struct run *run, const struct sql_query *query, sqlite3_stmt *statement,
		       ProtobufCMessage *message)
{
	struct arena *arena = &run->session->answer;
	const ProtobufCFieldDescriptor *field = sql_path_last(&query->into);
	struct values values = { .size = field_value_size(field->type) };
	bool row = false;
	result code = next_row(run, query, statement, &row);
	while (code == OK && row) {
		code = take_element(run, query, statement, &values);
		if (code == OK) {
			code = next_row(run, query, statement, &row);
		}
	}
	if (code != OK) {
		return code;
	}
	if (values.count == 0) {
		return not_found(run, query);
	}
	ProtobufCMessage *holder = sql_path_make(message, &query->into, query->into.count - 1, arena);
	void *place = holder ? field_resize(holder, field, values.count, arena) : NULL;
	if (!place) {
		struct fault detail;
		return fail(run, query, fault_set(&detail, ERR_LIMIT, "no room for the rows"), &detail);
	}
	memcpy(place, values.data, values.count * values.size);
	return OK;
}

// A query of at most one row: fills `message`, or one below it.
static result run_single(struct run *run, const struct sql_query *query, sqlite3_stmt *statement,
			 ProtobufCMessage *message)
{
	struct fault detail;
	bool row = false;
	result code = next_row(run, query, statement, &row);
	if (code != OK || !row) {
		return code != OK ? code : not_found(run, query);
	}
	ProtobufCMessage *target = sql_path_make(message, &query->into, query->into.count, &run->session->answer);
	if (!target) {
		return fail(run, query, fault_set(&detail, ERR_LIMIT, "no room for the row"), &detail);
	}
	code = take_row(run, query, statement, target);
	if (code == OK) {
		code = next_row(run, query, statement, &row);
	}
	if (code == OK && row) {
		return fail(run, query, fault_set(&detail, ERR_INTERNAL, "more than one row"), &detail);
	}
	return code;
}

static result run_queries(struct run *run, const struct sql_query *queries, size_t count, ProtobufCMessage *message)
{
	result code = OK;
	for (size_t i = 0; i < count && code == OK; i++) {
		const struct sql_query *query = &queries[i];
		sqlite3_stmt *statement = run->session->statements[query->id];
		code = bind_slots(run, query, statement);
		if (code == OK) {
			code = query->many ? run_many(run, query, statement, message)
					   : run_single(run, query, statement, message);
		}
		sqlite3_reset(statement);
		sqlite3_clear_bindings(statement);
	}
	return code;
}

// --- one call

static result read_request(struct run *run, struct slice request)
{
	static const struct prescan_limits limits = {
		.depth = SQL_REQUEST_DEPTH_MAX,
		.fields = SQL_REQUEST_FIELDS_MAX,
		.memory = SQL_CALL_MEMORY_MAX,
	};
	ProtobufCMessage *message = NULL;
	result code = message_unpack(run->method->contract->input, request, &limits, &run->session->request, &message,
				     run->words);
	return code == OK ? sql_parameter_values(run->method, message, &run->session->request, run->values, run->words)
			  : code;
}

static result read_database(struct run *run, const struct sql_stop *stop, struct buffer *answer)
{
	struct sql_session *session = run->session;
	struct fault detail;
	if (!session->open) {
		close_database(session);
	}
	result code = sql_session_open(session, &detail);
	if (code != OK) {
		return fail(run, NULL, code, &detail);
	}
	struct sql_stop both = *stop;
	int64_t until = clock_monotonic_us() + run->method->timeout_us;
	both.deadline_us = until < stop->deadline_us ? until : stop->deadline_us;
	sql_database_set_stop(&session->database, &both);
	ProtobufCMessage *message = message_new(run->method->contract->output, &session->answer);
	if (!message) {
		return tell(run, ERR_LIMIT);
	}
	code = sql_database_begin(&session->database, &detail);
	if (code != OK) {
		return fail(run, NULL, code, &detail);
	}
	code = run_queries(run, run->method->queries, run->method->query_count, message);
	sql_database_end(&session->database);
	if (code == OK && message_pack(message, answer) != OK) {
		code = tell(run, ERR_LIMIT);
	}
	return code;
}

result sql_session_answer(struct sql_session *session, const struct sql_method *method, struct slice request,
			  const struct sql_stop *stop, struct buffer *answer, struct fault *words)
{
	struct run run = {
		.session = session,
		.method = method,
		.call_seconds = clock_wall_us() / 1000000,
		.rows_left = SQL_CALL_ROWS_MAX,
		.words = words,
	};
	result code = read_request(&run, request);
	if (code == OK) {
		code = read_database(&run, stop, answer);
	}
	arena_clear(&session->request);
	arena_clear(&session->answer);
	return code;
}
