// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_binding.h"

#include <stdlib.h>

#include "adapters/sql/sql_check.h"
#include "base/buffer.h"

// All that a binding holds. SQL_QUERIES_MAX statements of the usual length need a small part of it.
enum { BINDING_MEMORY_MAX = 64 * 1024 * 1024 };

static const int64_t second_us = 1000000;

void *sql_check_alloc(struct sql_check *check, size_t count, size_t size)
{
	void *memory = arena_zalloc(&check->binding->arena, count * size);
	check->out_of_memory |= !memory;
	return memory;
}

const char *sql_check_text(struct sql_check *check, const char *text)
{
	const char *copy = arena_copy(&check->binding->arena, slice_text(text));
	check->out_of_memory |= !copy;
	return copy;
}

// `one_of`: parameters of which a caller must give at least one.
static void read_one_of(struct sql_check *check, struct sql_method *method, const struct yaml_node *list)
{
	if (!list) {
		return;
	}
	struct buffer words;
	buffer_init(&words, 64 * 1024);
	size_t count = yaml_count(list);
	method->one_of = sql_check_alloc(check, count, sizeof *method->one_of);
	for (size_t i = 0; method->one_of && i < count; i++) {
		const char *name = yaml_text(yaml_item(list, i));
		size_t at = 0;
		while (name && at < method->parameter_count && strcmp(method->parameters[at].name, name) != 0) {
			at++;
		}
		if (!name || at == method->parameter_count) {
			yaml_error(check->yaml, yaml_item(list, i), "one_of: there is no parameter \"%s\"",
				   name ? name : "?");
			continue;
		}
		const char *glue = method->one_of_count == 0 ? "" : i + 1 == count ? " or " : ", ";
		buffer_append_format(&words, "%s%s", glue, method->parameters[at].field_text);
		method->one_of[method->one_of_count++] = (unsigned)at;
	}
	method->one_of_text = sql_check_text(check, buffer_text(&words));
	buffer_release(&words);
}

static void read_method(struct sql_check *check, struct sql_method *method, const struct yaml_node *node,
			int64_t timeout_us)
{
	struct yaml *yaml = check->yaml;
	method->node = node;
	method->timeout_us =
	    yaml_take_duration_us(yaml, node, "timeout", YAML_OPTIONAL, 1000, 600 * second_us, timeout_us);
	sql_parameter_read(check, method, yaml_take_mapping(yaml, node, "parameters", YAML_OPTIONAL));
	read_one_of(check, method, yaml_take_sequence(yaml, node, "one_of", YAML_OPTIONAL));
	const struct yaml_node *queries = yaml_take_sequence(yaml, node, "queries", YAML_REQUIRED);
	if (queries && !check->out_of_memory) {
		sql_query_read(check, method, queries);
	}
	// Taken here, so that they are known keys; looked at when the statements are known.
	(void)yaml_take_sequence(yaml, node, "ignores", YAML_OPTIONAL);
	(void)yaml_take_sequence(yaml, node, "leaves_out", YAML_OPTIONAL);
}

// Every method of the service is bound, and nothing else.
static void read_methods(struct sql_check *check, const struct yaml_node *methods, int64_t timeout_us)
{
	struct sql_binding *binding = check->binding;
	const struct contract_service *service = binding->service;
	binding->methods = sql_check_alloc(check, service->method_count, sizeof *binding->methods);
	for (size_t i = 0; binding->methods && i < service->method_count && !check->out_of_memory; i++) {
		const struct contract_method *method = &service->methods[i];
		const struct yaml_node *node = yaml_take_mapping(check->yaml, methods, method->name, YAML_REQUIRED);
		if (!node) {
			continue;
		}
		if (method->client_streaming || method->server_streaming) {
			yaml_error(check->yaml, node, "%s is a streaming method; this engine answers unary ones",
				   method->name);
		}
		struct sql_method *bound = &binding->methods[binding->method_count++];
		bound->contract = method;
		read_method(check, bound, node, timeout_us);
	}
}

static void read_binding(struct sql_check *check)
{
	struct yaml *yaml = check->yaml;
	struct sql_binding *binding = check->binding;
	const struct yaml_node *root = yaml_root(yaml);
	const struct yaml_node *database = yaml_take_mapping(yaml, root, "database", YAML_REQUIRED);
	const char *path = yaml_take_path(yaml, database, "sqlite", YAML_REQUIRED, NULL);
	binding->database = path ? sql_check_text(check, path) : NULL;
	binding->busy_us =
	    yaml_take_duration_us(yaml, database, "busy_timeout", YAML_OPTIONAL, 0, 60 * second_us, second_us / 2);
	int64_t timeout_us =
	    yaml_take_duration_us(yaml, root, "timeout", YAML_OPTIONAL, 1000, 600 * second_us, 5 * second_us);
	const struct yaml_node *methods = yaml_take_mapping(yaml, root, "methods", YAML_REQUIRED);
	if (methods) {
		read_methods(check, methods, timeout_us);
	}
}

static void check_coverage(struct sql_check *check)
{
	for (size_t i = 0; i < check->binding->method_count && !check->out_of_memory; i++) {
		const struct sql_method *method = &check->binding->methods[i];
		sql_coverage_check(check, method, yaml_take(check->yaml, method->node, "ignores", YAML_OPTIONAL),
				   yaml_take(check->yaml, method->node, "leaves_out", YAML_OPTIONAL));
	}
}

result sql_binding_check(struct yaml *yaml, const struct contract_service *service, struct sql_binding **ret_binding)
{
	struct sql_binding *binding = calloc(1, sizeof *binding);
	if (!binding) {
		return ERR_MEMORY;
	}
	arena_init(&binding->arena, BINDING_MEMORY_MAX);
	binding->service = service;
	struct sql_check check = { .yaml = yaml, .binding = binding };
	read_binding(&check);
	if (!check.out_of_memory && binding->database) {
		sql_schema_check(&check);
	}
	// Statements that did not even prepare fill nothing: the errors about that would only hide the cause.
	if (!check.out_of_memory && yaml_error_count(yaml) == 0) {
		check_coverage(&check);
	}
	if (check.out_of_memory || yaml_error_count(yaml) > 0) {
		sql_binding_free(binding);
		return check.out_of_memory ? ERR_MEMORY : OK;
	}
	*ret_binding = binding;
	return OK;
}

void sql_binding_free(struct sql_binding *binding)
{
	if (!binding) {
		return;
	}
	for (size_t i = 0; i < binding->method_count; i++) {
		for (size_t j = 0; j < binding->methods[i].parameter_count; j++) {
			sql_parameter_release(&binding->methods[i].parameters[j]);
		}
	}
	arena_release(&binding->arena);
	free(binding);
}

const struct sql_method *sql_binding_method(const struct sql_binding *binding, const struct contract_method *method)
{
	for (size_t i = 0; i < binding->method_count; i++) {
		if (binding->methods[i].contract == method) {
			return &binding->methods[i];
		}
	}
	return NULL;
}
