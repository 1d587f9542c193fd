// SPDX-License-Identifier: EUPL-1.2
//
// The parts of checking a binding, in the order sql_binding.c calls them. Each notes problems in the document and goes
// on, so that an operator sees all of them at once.
#ifndef BESA_ADAPTERS_SQL_SQL_CHECK_H
#define BESA_ADAPTERS_SQL_SQL_CHECK_H

#include "adapters/sql/sql_binding.h"

struct sql_check {
	struct yaml *yaml;
	struct sql_binding *binding;
	bool out_of_memory;
};

// Memory and text that live as long as the binding. NULL and out_of_memory when there is none.
void *sql_check_alloc(struct sql_check *check, size_t count, size_t size);
const char *sql_check_text(struct sql_check *check, const char *text);

// Reads `parameters:` of a method (sql_parameter.c), and frees what is in it that does not lie in the arena.
void sql_parameter_read(struct sql_check *check, struct sql_method *method, const struct yaml_node *parameters);
void sql_parameter_release(struct sql_parameter *parameter);

// Reads `queries:` of a method (sql_query.c).
void sql_query_read(struct sql_check *check, struct sql_method *method, const struct yaml_node *queries);

// Prepares every statement against the database, and ties columns to fields and parameters to their sources
// (sql_schema.c).
void sql_schema_check(struct sql_check *check);

// Whether every field of a method's request is a parameter, and every field of its answer filled (sql_coverage.c).
void sql_coverage_check(struct sql_check *check, const struct sql_method *method, const struct yaml_node *ignores,
			const struct yaml_node *leaves_out);

#endif
