// SPDX-License-Identifier: EUPL-1.2
//
// Any bytes as a configuration file: read, walked and taken from in every typed way. Invariants: a document with syntax
// errors has no root; every error names the file; what was taken twice is the same.
#include <stdlib.h>

#include "base/yaml.h"

static void take_everything(struct yaml *yaml, const struct yaml_node *mapping, const char *key)
{
	const char *once = yaml_take_text(yaml, mapping, key, YAML_OPTIONAL, NULL);
	const char *twice = yaml_take_text(yaml, mapping, key, YAML_REQUIRED, NULL);
	assert_always(once == twice);
	(void)yaml_take_integer(yaml, mapping, key, YAML_OPTIONAL, -1000, 1000, 0);
	(void)yaml_take_bool(yaml, mapping, key, YAML_OPTIONAL, false);
	(void)yaml_take_duration_us(yaml, mapping, key, YAML_OPTIONAL, 0, INT64_MAX, 0);
	(void)yaml_take_size(yaml, mapping, key, YAML_OPTIONAL, 0, INT64_MAX, 0);
	(void)yaml_take_path(yaml, mapping, key, YAML_OPTIONAL, NULL);
	(void)yaml_take_sequence(yaml, mapping, key, YAML_OPTIONAL);
	(void)yaml_take_mapping(yaml, mapping, key, YAML_OPTIONAL);
}

// Every other mapping is taken from, the rest is left for yaml_finish to find.
static void walk(struct yaml *yaml, const struct yaml_node *node)
{
	assert_always(yaml_line(node) >= 1);
	switch (yaml_kind_of(node)) {
	case YAML_SCALAR:
		assert_always(yaml_text(node) && yaml_count(node) == 0);
		return;
	case YAML_SEQUENCE:
		for (size_t i = 0; i < yaml_count(node); i++) {
			walk(yaml, yaml_item(node, i));
		}
		return;
	case YAML_MAPPING:
		for (size_t i = 0; i < yaml_count(node); i++) {
			if (i % 2 == 0) {
				take_everything(yaml, node, yaml_key(node, i));
			}
			walk(yaml, yaml_value(node, i));
		}
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml *yaml = NULL;
	if (yaml_load_text("f.yaml", slice_of(data, size), &yaml) != OK) {
		return 0;
	}
	assert_always(!yaml_root(yaml) == (yaml_error_count(yaml) > 0));
	if (yaml_root(yaml)) {
		walk(yaml, yaml_root(yaml));
		yaml_finish(yaml);
	}
	for (size_t i = 0; i < yaml_error_count(yaml); i++) {
		const char *text = yaml_error_text(yaml, i);
		assert_always(strncmp(text, "f.yaml:", 7) == 0 ||
			      (i == YAML_ERRORS_MAX && strncmp(text, "and ", 4) == 0));
	}
	yaml_free(yaml);
	return 0;
}
