// SPDX-License-Identifier: EUPL-1.2
//
// The binding against the database: every statement is prepared, every column tied to a field (or to a nested query),
// every parameter to its source.
#include <stdio.h>
#include <string.h>

#include "adapters/sql/sql_check.h"
#include "adapters/sql/sql_database.h"

struct schema {
	struct sql_check *check;
	struct sql_method *method;
	struct sql_database *database;
	bool incomplete; // a statement of this method could not be prepared
};

// The line in the file of an offset in a statement's text. A text of several lines is a block that begins below its
// key.
static int line_of(const struct yaml_node *node, const char *sql, int offset)
{
	int line = yaml_line(node) + (strchr(sql, '\n') ? 1 : 0);
	for (int i = 0; i < offset && sql[i]; i++) {
		line += sql[i] == '\n';
	}
	return line;
}

// --- parameters

static struct sql_parameter *find_parameter(struct sql_method *method, const char *name, unsigned *ret_index)
{
	for (size_t i = 0; i < method->parameter_count; i++) {
		if (strcmp(method->parameters[i].name, name) == 0) {
			*ret_index = (unsigned)i;
			return &method->parameters[i];
		}
	}
	return NULL;
}

static struct sql_column *find_column(const struct sql_query *query, const char *name, unsigned *ret_index)
{
	for (size_t i = 0; query && i < query->column_count; i++) {
		if (strcmp(query->columns[i].name, name) == 0) {
			*ret_index = (unsigned)i;
			return &query->columns[i];
		}
	}
	return NULL;
}

// What a parameter of a statement stands for; false with the error noted.
static bool tie_slot(struct schema *schema, const struct sql_query *query, const char *name, struct sql_slot *slot)
{
	struct yaml *yaml = schema->check->yaml;
	if (!name || name[0] != ':') {
		yaml_error(yaml, query->sql_node, "parameter \"%s\": parameters are written :name", name ? name : "?");
		return false;
	}
	name++;
	if (strcmp(name, "call_seconds") == 0) {
		*slot = (struct sql_slot){ .kind = SQL_SLOT_CALL_SECONDS };
		return true;
	}
	unsigned index = 0;
	if (strncmp(name, "row_", 4) == 0) {
		struct sql_column *column = find_column(query->parent, name + 4, &index);
		if (!column) {
			yaml_error(yaml, query->sql_node,
				   "parameter :%s: the query around this one has no column \"%s\"", name, name + 4);
			return false;
		}
		column->used = true;
		*slot = (struct sql_slot){ .kind = SQL_SLOT_ROW, .index = index };
		return true;
	}
	struct sql_parameter *parameter = find_parameter(schema->method, name, &index);
	if (!parameter) {
		yaml_error(yaml, query->sql_node, "parameter :%s is not listed under \"parameters\" of %s", name,
			   schema->method->contract->name);
		return false;
	}
	parameter->used = true;
	*slot = (struct sql_slot){ .kind = SQL_SLOT_PARAMETER, .index = index };
	return true;
}

static void tie_slots(struct schema *schema, struct sql_query *query, sqlite3_stmt *statement)
{
	int count = sqlite3_bind_parameter_count(statement);
	if (count > SQL_SLOTS_MAX) {
		yaml_error(schema->check->yaml, query->sql_node, "more than %d parameters in one statement",
			   SQL_SLOTS_MAX);
		return;
	}
	query->slots = sql_check_alloc(schema->check, (size_t)count, sizeof *query->slots);
	for (int i = 0; query->slots && i < count; i++) {
		if (tie_slot(schema, query, sqlite3_bind_parameter_name(statement, i + 1), &query->slots[i])) {
			query->slot_count = (size_t)i + 1;
		}
	}
}

// --- columns

// SQLite's rules of affinity (datatype3.html section 3.1), as far as they decide what a column can hold.
enum affinity { AFFINITY_ANY, AFFINITY_INTEGER, AFFINITY_TEXT, AFFINITY_BLOB, AFFINITY_REAL };

static enum affinity affinity_of(const char *declared)
{
	if (strcasestr(declared, "INT")) {
		return AFFINITY_INTEGER;
	}
	if (strcasestr(declared, "CHAR") || strcasestr(declared, "CLOB") || strcasestr(declared, "TEXT")) {
		return AFFINITY_TEXT;
	}
	if (strcasestr(declared, "BLOB")) {
		return AFFINITY_BLOB;
	}
	if (strcasestr(declared, "REAL") || strcasestr(declared, "FLOA") || strcasestr(declared, "DOUB")) {
		return AFFINITY_REAL;
	}
	return AFFINITY_ANY;
}

static bool holds(enum affinity affinity, ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
		return affinity == AFFINITY_TEXT;
	case PROTOBUF_C_TYPE_BYTES:
		return affinity == AFFINITY_BLOB || affinity == AFFINITY_TEXT;
	case PROTOBUF_C_TYPE_ENUM: // by number or by name
		return affinity == AFFINITY_INTEGER || affinity == AFFINITY_TEXT;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return affinity == AFFINITY_REAL || affinity == AFFINITY_INTEGER;
	default:
		return affinity == AFFINITY_INTEGER;
	}
}

static void check_type(struct schema *schema, const struct sql_query *query, sqlite3_stmt *statement, int i,
		       const ProtobufCFieldDescriptor *field)
{
	const char *declared = sqlite3_column_decltype(statement, i); // NULL: an expression, known only by its values
	enum affinity affinity = declared ? affinity_of(declared) : AFFINITY_ANY;
	if (affinity != AFFINITY_ANY && !holds(affinity, field->type)) {
		yaml_error(schema->check->yaml, query->sql_node,
			   "column \"%s\" holds %s by the schema, and the field \"%s\" is %s", query->columns[i].name,
			   declared, field->name, sql_path_type_name(field));
	}
}

static bool same_path(const struct sql_path *a, const struct sql_path *b)
{
	return a->count == b->count && memcmp(a->steps, b->steps, a->count * sizeof a->steps[0]) == 0;
}

// Whether nested queries use the column; what names no field and is not used here is an error.
static bool is_for_nested(const struct sql_query *query, const char *name)
{
	char parameter[512];
	if (snprintf(parameter, sizeof parameter, ":row_%s", name) >= (int)sizeof parameter) {
		return false;
	}
	for (size_t i = 0; i < query->child_count; i++) {
		if (query->children[i].sql && strstr(query->children[i].sql, parameter)) {
			return true; // tie_slot finds out exactly
		}
	}
	return false;
}

static void tie_column(struct schema *schema, struct sql_query *query, sqlite3_stmt *statement, int i)
{
	struct yaml *yaml = schema->check->yaml;
	struct sql_column *column = &query->columns[i];
	struct fault fault;
	if (sql_path_parse(query->row_type, column->name, &column->path, &fault) != OK) {
		if (!is_for_nested(query, column->name)) {
			yaml_error(yaml, query->sql_node,
				   "column %d \"%s\" fills nothing: %s (name it with AS \"field\")", i + 1,
				   column->name, fault.text);
		}
		return;
	}
	const ProtobufCFieldDescriptor *field = sql_path_last(&column->path);
	if (field->label == PROTOBUF_C_LABEL_REPEATED || sql_path_message_type(field)) {
		yaml_error(yaml, query->sql_node, "column %d \"%s\": the field is a %s; %s", i + 1, column->name,
			   field->label == PROTOBUF_C_LABEL_REPEATED ? "repeated field" : "message",
			   field->label == PROTOBUF_C_LABEL_REPEATED ? "fill it with a query inside \"queries\""
								     : "name a field in it");
		return;
	}
	for (int j = 0; j < i; j++) {
		if (query->columns[j].fills && same_path(&query->columns[j].path, &column->path)) {
			yaml_error(yaml, query->sql_node, "columns %d and %d both fill \"%s\"", j + 1, i + 1,
				   column->name);
		}
	}
	column->fills = column->used = true;
	check_type(schema, query, statement, i, field);
}

static void tie_columns(struct schema *schema, struct sql_query *query, sqlite3_stmt *statement)
{
	int count = sqlite3_column_count(statement);
	struct yaml *yaml = schema->check->yaml;
	if (count > SQL_COLUMNS_MAX) {
		yaml_error(yaml, query->sql_node, "more than %d columns", SQL_COLUMNS_MAX);
		return;
	}
	query->columns = sql_check_alloc(schema->check, (size_t)count, sizeof *query->columns);
	if (!query->columns) {
		return;
	}
	query->column_count = (size_t)count;
	for (int i = 0; i < count; i++) {
		query->columns[i].name = sql_check_text(schema->check, sqlite3_column_name(statement, i));
	}
	if (schema->check->out_of_memory) {
		return;
	}
	const ProtobufCFieldDescriptor *list = sql_path_last(&query->into);
	if (!query->row_type && list) {
		if (count != 1) {
			yaml_error(yaml, query->sql_node,
				   "\"%s\" is a list of single values: expected one column, not %d", list->name, count);
		}
		check_type(schema, query, statement, 0, list);
		query->columns[0].used = true;
		return;
	}
	for (int i = 0; query->row_type && i < count; i++) {
		tie_column(schema, query, statement, i);
	}
}

// --- queries

static void check_statement(struct schema *schema, struct sql_query *query)
{
	sqlite3_stmt *statement = NULL;
	int offset;
	struct fault fault;
	result code = sql_database_prepare(schema->database, query->sql, &statement, &offset, &fault);
	if (code != OK) {
		yaml_error_line(schema->check->yaml, line_of(query->sql_node, query->sql, offset), "sql: %s",
				fault.text);
		schema->incomplete = true;
		return;
	}
	tie_slots(schema, query, statement);
	tie_columns(schema, query, statement);
	sqlite3_finalize(statement);
}

// The outer query first: inner ones take parameters from its columns. Recursion is bounded by SQL_NESTING_MAX.
static void check_queries(struct schema *schema, struct sql_query *queries, size_t count)
{
	for (size_t i = 0; i < count && !schema->check->out_of_memory; i++) {
		if (queries[i].sql) {
			check_statement(schema, &queries[i]);
		}
		if (queries[i].column_count) { // otherwise nested ones would only complain about missing columns
			check_queries(schema, queries[i].children, queries[i].child_count);
		}
	}
}

static void check_all_used(struct schema *schema)
{
	for (size_t i = 0; i < schema->method->parameter_count && !schema->incomplete; i++) {
		const struct sql_parameter *parameter = &schema->method->parameters[i];
		if (!parameter->used) {
			yaml_error(schema->check->yaml, schema->method->node,
				   "parameter %s is used by no statement of %s", parameter->name,
				   schema->method->contract->name);
		}
	}
}

void sql_schema_check(struct sql_check *check)
{
	struct sql_database database;
	struct fault fault;
	result code = sql_database_open(&database, check->binding->database, check->binding->busy_us, &fault);
	if (code != OK) {
		yaml_error(check->yaml, yaml_take(check->yaml, yaml_root(check->yaml), "database", YAML_OPTIONAL), "%s",
			   fault.text);
		return;
	}
	for (size_t i = 0; i < check->binding->method_count; i++) {
		struct schema schema = { .check = check, .method = &check->binding->methods[i], .database = &database };
		check_queries(&schema, schema.method->queries, schema.method->query_count);
		check_all_used(&schema);
	}
	sql_database_close(&database);
}
