// SPDX-License-Identifier: EUPL-1.2
//
// A binding of a service to a database, read from YAML and checked against the contract and the database's schema:
// every statement prepared, every parameter and column accounted for, every field of requests and answers too. What
// passed the check needs no further interpretation per call.
//
// A binding does not change once it is checked.
#ifndef BESA_ADAPTERS_SQL_SQL_BINDING_H
#define BESA_ADAPTERS_SQL_SQL_BINDING_H

#include <regex.h>

#include "adapters/sql/sql_path.h"
#include "base/yaml.h"
#include "contract/contract.h"

enum {
	SQL_PARAMETERS_MAX = 64,    // of one method
	SQL_QUERIES_MAX = 256,      // of one binding: each is a prepared statement in every worker
	SQL_NESTING_MAX = 4,        // queries inside queries: each level multiplies the rows
	SQL_COLUMNS_MAX = 200,      // of one query
	SQL_SLOTS_MAX = 100,        // parameters of one statement
	SQL_STATEMENT_MAX = 100000, // bytes of one statement
	SQL_ROWS_MAX = 10000,       // of one query for one parent row; stops a slip from emptying a register
	SQL_ROWS_DEFAULT = 1000,
	SQL_CHARACTERS_MAX = 4000, // of a text parameter that says nothing else; stops matching time spent on megabytes
	SQL_CALL_ROWS_MAX = 50000, // of all queries of one call together
};

enum sql_value_type { SQL_NULL, SQL_INTEGER, SQL_REAL, SQL_TEXT, SQL_BLOB };

// What is bound to a parameter of a statement.
struct sql_value {
	enum sql_value_type type;
	int64_t integer;
	double real;
	struct slice bytes; // borrowed
};

// A named parameter `:name` of a method's statements, and what a caller may put into it.
struct sql_parameter {
	const char *name;
	const char *field_text; // as the caller knows it: "born.from"
	struct sql_path field;  // of the request
	bool required;
	bool fold; // text is compared without marks and case (sql_fold.h)
	bool has_pattern;
	regex_t pattern;
	const char *expected; // words for the caller, "10 digits"
	int64_t least, most;  // of whole numbers; of characters for text
	struct sql_value fallback;
	bool used; // by some statement
};

// Where the value of one parameter of a prepared statement comes from.
enum sql_slot_kind { SQL_SLOT_PARAMETER, SQL_SLOT_ROW, SQL_SLOT_CALL_SECONDS };
struct sql_slot {
	enum sql_slot_kind kind;
	unsigned index; // of the method's parameter; of the parent row's column
};

// A column of a query's rows.
struct sql_column {
	const char *name;
	bool fills;           // a field; otherwise it is only there for nested queries
	bool used;            // by a field or a nested query
	struct sql_path path; // from the row's message
};

struct sql_query {
	unsigned id; // its place among all statements of the binding
	const char *sql;
	int line;                                   // of the statement in the binding, for logs
	struct sql_path into;                       // from the parent row's message; empty: fills that message itself
	const ProtobufCMessageDescriptor *row_type; // message that a row fills; NULL for a repeated scalar
	bool many;                                  // a repeated field: as many rows as there are; else at most one
	unsigned rows_max;
	const char *not_found; // no row: NOT_FOUND with this text; NULL: the field stays absent
	size_t child_count;
	struct sql_query *children;
	struct sql_query *parent;

	// From the statement prepared against the schema.
	size_t column_count;
	struct sql_column *columns;
	size_t slot_count;
	struct sql_slot *slots;

	const struct yaml_node *node, *sql_node; // while the binding is checked
};

struct sql_method {
	const struct contract_method *contract;
	size_t parameter_count;
	struct sql_parameter *parameters;
	size_t one_of_count;
	unsigned *one_of;        // parameters of which at least one must be given
	const char *one_of_text; // "family_name, born.from or born.to"
	size_t query_count;
	struct sql_query *queries;
	int64_t timeout_us;           // of one call at the database
	const struct yaml_node *node; // while the binding is checked
};

struct sql_binding {
	struct arena arena;
	const struct contract_service *service;
	const char *database; // path
	int64_t busy_us;      // how long to wait for a locked database
	size_t method_count;
	struct sql_method *methods;
	size_t query_count; // statements
};

// Reads and checks; problems are noted in the document (see struct engine, check). ERR_MEMORY.
result sql_binding_check(struct yaml *yaml, const struct contract_service *service, struct sql_binding **ret_binding);

void sql_binding_free(struct sql_binding *binding); // NULL is fine

// The binding of a method; NULL if there is none.
const struct sql_method *sql_binding_method(const struct sql_binding *binding, const struct contract_method *method);

#endif
