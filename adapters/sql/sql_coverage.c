// SPDX-License-Identifier: EUPL-1.2
//
// Whether a binding accounts for the whole contract. A request field that no statement looks at would be a filter that
// is silently ignored; an answer's field that no column fills would be a gap that nobody chose. Both are errors unless
// the binding says so (`ignores`, `leaves_out`).
#include <stdio.h>
#include <stdlib.h>

#include "adapters/sql/sql_check.h"
#include "base/buffer.h"

enum { PATH_TEXT_MAX = 600 };

struct paths {
	char **items;
	size_t count;
};

// One direction: what is accounted for, and what the binding excuses.
struct coverage {
	struct sql_check *check;
	const struct yaml_node *node;
	const char *complaint; // with one %s
	const char *advice;
	struct paths covered;
	const struct yaml_node *excused;
	bool *excuse_used;
};

static void add_path(struct coverage *coverage, const char *prefix, const struct sql_path *path)
{
	struct buffer text;
	buffer_init(&text, PATH_TEXT_MAX * SQL_PATH_MAX);
	buffer_append_text(&text, prefix);
	for (unsigned i = 0; i < path->count; i++) {
		buffer_append_format(&text, "%s%s", text.size ? "." : "", path->steps[i]->name);
	}
	struct paths *covered = &coverage->covered;
	char **grown = realloc(covered->items, (covered->count + 1) * sizeof *grown);
	char *copy = strdup(buffer_text(&text));
	buffer_release(&text);
	if (grown) {
		covered->items = grown;
	}
	if (!grown || !copy) {
		free(copy);
		coverage->check->out_of_memory = true;
		return;
	}
	covered->items[covered->count++] = copy;
}

enum how { NOT_COVERED, COVERED, COVERED_IN_PART };

// COVERED_IN_PART: some of the fields below the path are there.
static enum how how_covered(const struct paths *covered, const char *path)
{
	size_t size = strlen(path);
	enum how how = NOT_COVERED;
	for (size_t i = 0; i < covered->count; i++) {
		const char *item = covered->items[i];
		if (strncmp(item, path, size) != 0) {
			continue;
		}
		if (item[size] == '.') {
			return COVERED_IN_PART;
		}
		if (item[size] == '\0') {
			how = COVERED;
		}
	}
	return how;
}

static bool is_excused(struct coverage *coverage, const char *path)
{
	size_t count = coverage->excused ? yaml_count(coverage->excused) : 0;
	for (size_t i = 0; i < count; i++) {
		const char *text = yaml_text(yaml_item(coverage->excused, i));
		if (text && strcmp(text, path) == 0) {
			coverage->excuse_used[i] = true;
			return true;
		}
	}
	return false;
}

// Descends only where something is covered, so recursive message types end.
static void walk(struct coverage *coverage, const ProtobufCMessageDescriptor *message, const char *prefix)
{
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		char path[PATH_TEXT_MAX];
		if (snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", field->name) >=
		    (int)sizeof path) {
			continue;
		}
		switch (how_covered(&coverage->covered, path)) {
		case COVERED:
			break;
		case COVERED_IN_PART:
			walk(coverage, sql_path_message_type(field), path);
			break;
		case NOT_COVERED:
			if (!is_excused(coverage, path)) {
				yaml_error(coverage->check->yaml, coverage->node, "%s \"%s\" %s", coverage->complaint,
					   path, coverage->advice);
			}
			break;
		}
	}
}

static void report_idle_excuses(struct coverage *coverage, const char *list)
{
	size_t count = coverage->excused ? yaml_count(coverage->excused) : 0;
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = yaml_item(coverage->excused, i);
		const char *text = yaml_text(item);
		if (!coverage->excuse_used[i]) {
			yaml_error(coverage->check->yaml, item, "%s: \"%s\" is no field that is left", list,
				   text ? text : "?");
		}
	}
}

static void run(struct coverage *coverage, const ProtobufCMessageDescriptor *message, const char *list)
{
	coverage->excuse_used = calloc(coverage->excused ? yaml_count(coverage->excused) + 1 : 1, sizeof(bool));
	if (!coverage->excuse_used) {
		coverage->check->out_of_memory = true;
	}
	if (!coverage->check->out_of_memory) {
		walk(coverage, message, "");
		report_idle_excuses(coverage, list);
	}
	for (size_t i = 0; i < coverage->covered.count; i++) {
		free(coverage->covered.items[i]);
	}
	free(coverage->covered.items);
	free(coverage->excuse_used);
}

// Recursion is bounded by SQL_NESTING_MAX.
static void add_queries(struct coverage *coverage, const char *prefix, const struct sql_query *queries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct sql_query *query = &queries[i];
		size_t before = coverage->covered.count;
		add_path(coverage, prefix, &query->into);
		if (coverage->check->out_of_memory || !query->row_type) {
			continue; // a repeated scalar: `into` is all there is
		}
		// What was added was the row's own path; it counts only with the fields below it.
		char *here = coverage->covered.items[before];
		coverage->covered.count = before;
		for (size_t j = 0; j < query->column_count; j++) {
			if (query->columns[j].fills) {
				add_path(coverage, here, &query->columns[j].path);
			}
		}
		add_queries(coverage, here, query->children, query->child_count);
		free(here);
	}
}

void sql_coverage_check(struct sql_check *check, const struct sql_method *method, const struct yaml_node *ignores,
			const struct yaml_node *leaves_out)
{
	struct coverage request = {
		.check = check,
		.node = method->node,
		.complaint = "request field",
		.advice = "is no parameter: callers' values would be ignored (list it under \"ignores\" if so meant)",
		.excused = ignores,
	};
	for (size_t i = 0; i < method->parameter_count; i++) {
		if (method->parameters[i].field.count) {
			add_path(&request, "", &method->parameters[i].field);
		}
	}
	run(&request, method->contract->input, "ignores");
	struct coverage answer = {
		.check = check,
		.node = method->node,
		.complaint = "answer field",
		.advice = "is filled by no column (list it under \"leaves_out\" if so meant)",
		.excused = leaves_out,
	};
	add_queries(&answer, "", method->queries, method->query_count);
	run(&answer, method->contract->output, "leaves_out");
}
