// SPDX-License-Identifier: EUPL-1.2
//
// Reads the tree of queries of a method: what each fills, and how many rows it may have.
#include "adapters/sql/sql_check.h"

// Where a query hangs: below the method or below another query.
struct place {
	struct sql_query *parent;               // NULL: the method
	const ProtobufCMessageDescriptor *type; // of the message that the parent's row fills
	unsigned depth;
};

static void read_list(struct sql_check *check, const struct yaml_node *list, const struct place *place,
		      size_t *ret_count, struct sql_query **ret_queries);

// The message or repeated field that the rows fill.
static void read_into(struct sql_check *check, struct sql_query *query, const struct place *place)
{
	struct yaml *yaml = check->yaml;
	const char *into = yaml_take_text(yaml, query->node, "into", YAML_OPTIONAL, NULL);
	query->row_type = place->type;
	if (!into) {
		if (place->parent) {
			yaml_error(yaml, query->node,
				   "\"into\" is missing: a query inside a query needs a field of %s to fill",
				   place->type->name);
		}
		return;
	}
	struct fault fault;
	if (sql_path_parse(place->type, into, &query->into, &fault) != OK) {
		yaml_error(yaml, query->node, "into \"%s\": %s", into, fault.text);
		query->row_type = NULL;
		return;
	}
	const ProtobufCFieldDescriptor *field = sql_path_last(&query->into);
	query->many = field->label == PROTOBUF_C_LABEL_REPEATED;
	query->row_type = sql_path_message_type(field);
	if (!query->many && !query->row_type) {
		yaml_error(yaml, query->node, "into \"%s\": it is %s, a single value; name a column so instead", into,
			   sql_path_type_name(field));
	}
}

static void read_outcome(struct sql_check *check, struct sql_query *query)
{
	struct yaml *yaml = check->yaml;
	const char *not_found = yaml_take_text(yaml, query->node, "not_found", YAML_OPTIONAL, NULL);
	query->not_found = not_found ? sql_check_text(check, not_found) : NULL;
	query->rows_max = 1;
	if (query->many) {
		query->rows_max = (unsigned)yaml_take_integer(yaml, query->node, "rows", YAML_OPTIONAL, 1, SQL_ROWS_MAX,
							      SQL_ROWS_DEFAULT);
	}
}

static void read_one(struct sql_check *check, struct sql_query *query, const struct yaml_node *node,
		     const struct place *place)
{
	query->node = node;
	query->parent = place->parent;
	query->id = (unsigned)check->binding->query_count++;
	if (query->id == SQL_QUERIES_MAX) {
		yaml_error(check->yaml, node, "more than %d queries in one binding", SQL_QUERIES_MAX);
	}
	read_into(check, query, place);
	read_outcome(check, query);
	query->sql_node = yaml_take(check->yaml, node, "sql", YAML_REQUIRED);
	query->line = yaml_line(query->sql_node ? query->sql_node : node);
	const char *sql = query->sql_node ? yaml_text(query->sql_node) : NULL;
	if (query->sql_node && (!sql || !sql[0])) {
		yaml_error(check->yaml, query->sql_node, "\"sql\" must be the text of one statement");
	} else if (sql && strlen(sql) > SQL_STATEMENT_MAX) {
		yaml_error(check->yaml, query->sql_node, "\"sql\" is longer than %d bytes", SQL_STATEMENT_MAX);
	} else if (sql) {
		query->sql = sql_check_text(check, sql);
	}
	const struct yaml_node *children = yaml_take_sequence(check->yaml, node, "queries", YAML_OPTIONAL);
	if (!children || !query->row_type) {
		return; // a repeated scalar has no fields that a nested query could fill
	}
	if (place->depth == SQL_NESTING_MAX) {
		yaml_error(check->yaml, children, "queries nested deeper than %d", SQL_NESTING_MAX);
		return;
	}
	struct place below = { .parent = query, .type = query->row_type, .depth = place->depth + 1 };
	read_list(check, children, &below, &query->child_count, &query->children);
}

static void read_list(struct sql_check *check, const struct yaml_node *list, const struct place *place,
		      size_t *ret_count, struct sql_query **ret_queries)
{
	size_t count = yaml_count(list);
	if (count == 0 || count > SQL_QUERIES_MAX) {
		yaml_error(check->yaml, list, "\"queries\" needs 1 to %d entries", SQL_QUERIES_MAX);
		return;
	}
	struct sql_query *queries = sql_check_alloc(check, count, sizeof *queries);
	if (!queries) {
		return;
	}
	for (size_t i = 0; i < count && !check->out_of_memory; i++) {
		read_one(check, &queries[i], yaml_item(list, i), place);
	}
	*ret_queries = queries;
	*ret_count = count;
}

void sql_query_read(struct sql_check *check, struct sql_method *method, const struct yaml_node *queries)
{
	struct place top = { .type = method->contract->output, .depth = 1 };
	read_list(check, queries, &top, &method->query_count, &method->queries);
}
