// SPDX-License-Identifier: EUPL-1.2
#include "adapters/host/binding.h"

#include <stdlib.h>

static const struct engine *find_engine(struct yaml *yaml, const struct yaml_node *root)
{
	const char *name = yaml_take_text(yaml, root, "engine", YAML_REQUIRED, NULL);
	for (size_t i = 0; name && engines[i]; i++) {
		if (strcmp(engines[i]->name, name) == 0) {
			return engines[i];
		}
	}
	if (name) {
		struct buffer known;
		buffer_init(&known, 1024);
		for (size_t i = 0; engines[i]; i++) {
			buffer_append_format(&known, "%s%s", i ? ", " : "", engines[i]->name);
		}
		yaml_error(yaml, yaml_take(yaml, root, "engine", YAML_OPTIONAL),
			   "there is no engine \"%s\"; there are: %s", name, buffer_text(&known));
		buffer_release(&known);
	}
	return NULL;
}

static const struct contract_service *find_service(struct yaml *yaml, const struct yaml_node *root,
						   const struct contract *contract)
{
	const char *name = yaml_take_text(yaml, root, "service", YAML_REQUIRED, NULL);
	const struct contract_service *service = name ? contract_find_service(contract, slice_text(name)) : NULL;
	if (name && !service) {
		struct buffer known;
		buffer_init(&known, 1024);
		for (size_t i = 0; i < contract_service_count(contract); i++) {
			buffer_append_format(&known, "%s%s",
					     i ? ", " : "; it has: ", contract_service_at(contract, i)->name);
		}
		yaml_error(yaml, yaml_take(yaml, root, "service", YAML_OPTIONAL),
			   "the contract has no service \"%s\"%s", name, buffer_text(&known));
		buffer_release(&known);
	}
	return service;
}

static result check(struct binding *binding, struct yaml *yaml)
{
	const struct yaml_node *root = yaml_root(yaml);
	if (!root) {
		return OK; // the reader has said why
	}
	binding->engine = find_engine(yaml, root);
	binding->service = find_service(yaml, root, binding->contract);
	result code = OK;
	if (binding->engine && binding->service) {
		code = binding->engine->check(yaml, binding->service, &binding->engine_binding);
		yaml_finish(yaml);
	}
	return code;
}

static void report(const struct yaml *yaml, struct buffer *problems)
{
	for (size_t i = 0; i < yaml_error_count(yaml); i++) {
		buffer_append_format(problems, "%s\n", yaml_error_text(yaml, i));
	}
}

result binding_load(const char *binding_path, const char *contract_path, struct binding **ret_binding,
		    struct buffer *problems)
{
	struct yaml *yaml = NULL;
	struct fault fault;
	struct binding *binding = calloc(1, sizeof *binding);
	result code = binding ? OK : ERR_MEMORY;
	if (code == OK && contract_load_file(contract_path, &binding->contract, &fault) != OK) {
		buffer_append_format(problems, "%s: %s\n", contract_path, fault.text);
		code = ERR_CONFIG;
	}
	if (code == OK) {
		code = yaml_load_file(binding_path, &yaml);
	}
	if (code == OK) {
		code = check(binding, yaml);
	}
	if (code == OK && yaml_error_count(yaml) > 0) {
		report(yaml, problems);
		code = ERR_CONFIG;
	}
	if (code == ERR_MEMORY) {
		buffer_append_text(problems, "out of memory\n");
	}
	yaml_free(yaml);
	if (code != OK) {
		binding_free(binding);
		return code;
	}
	*ret_binding = binding;
	return OK;
}

void binding_free(struct binding *binding)
{
	if (!binding) {
		return;
	}
	if (binding->engine_binding) {
		binding->engine->release(binding->engine_binding);
	}
	contract_free(binding->contract);
	free(binding);
}
