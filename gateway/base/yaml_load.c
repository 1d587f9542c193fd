// SPDX-License-Identifier: EUPL-1.2
//
// Reads YAML with libyaml's event parser into the tree of yaml_tree.h.
//
// The tree is built with a stack of bounded depth, never by recursion. Aliases are what turns a kilobyte into
// gigabytes ("billion laughs"), and tags are what turns data into types: both are refused, so a tree is never larger
// than the text it came from.
#include <stdlib.h>
#include <yaml.h>

#include "base/file.h"
#include "base/yaml_tree.h"

struct builder {
	struct yaml *yaml;
	struct yaml_node *stack[YAML_DEPTH_MAX]; // open sequences and mappings, outermost first
	size_t depth;
	const char *key; // of the innermost mapping: read, its value not yet
	int key_line;
	bool failed;
};

__attribute__((format(printf, 3, 4))) static void problem(struct builder *builder, int line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	yaml_problem_add(builder->yaml, line, format, arguments);
	va_end(arguments);
	builder->failed = true;
}

static void memory_failed(struct builder *builder)
{
	builder->yaml->out_of_memory = true;
	builder->failed = true;
}

static int line_of(const yaml_mark_t *mark)
{
	return mark->line < INT32_MAX ? (int)mark->line + 1 : INT32_MAX;
}

static struct yaml_node *new_node(struct builder *builder, enum yaml_kind kind, int line)
{
	struct yaml *yaml = builder->yaml;
	if (++yaml->node_count > YAML_NODES_MAX) {
		problem(builder, line, "more than %d values in one file", YAML_NODES_MAX);
		return NULL;
	}
	struct yaml_node *node = arena_zalloc(&yaml->arena, sizeof *node);
	struct yaml_use *use = arena_zalloc(&yaml->arena, sizeof *use);
	if (!node || !use) {
		memory_failed(builder);
		return NULL;
	}
	node->kind = kind;
	node->line = line;
	node->use = use;
	return node;
}

static void *grown(struct arena *arena, const void *old, size_t count, size_t capacity, size_t size)
{
	void *grown = arena_zalloc(arena, capacity * size);
	if (grown && count) {
		memcpy(grown, old, count * size);
	}
	return grown;
}

// Room for one more entry. What an outgrown array leaves in the arena is less than the array itself.
static bool make_room(struct arena *arena, struct yaml_node *node)
{
	if (node->count < node->capacity) {
		return true;
	}
	size_t capacity = node->capacity ? 2 * node->capacity : 4;
	node->values = grown(arena, node->values, node->count, capacity, sizeof(struct yaml_node *));
	if (!node->values) {
		return false;
	}
	if (node->kind == YAML_MAPPING) {
		node->keys = grown(arena, node->keys, node->count, capacity, sizeof(char *));
		node->key_lines = grown(arena, node->key_lines, node->count, capacity, sizeof(int));
		node->taken = grown(arena, node->taken, node->count, capacity, sizeof(bool));
		if (!node->keys || !node->key_lines || !node->taken) {
			return false;
		}
	}
	node->capacity = capacity;
	return true;
}

// Hangs a node under the innermost open one, or makes it the root.
static void attach(struct builder *builder, struct yaml_node *node)
{
	if (builder->depth == 0) {
		builder->yaml->root = node;
		return;
	}
	struct yaml_node *parent = builder->stack[builder->depth - 1];
	if (!make_room(&builder->yaml->arena, parent)) {
		memory_failed(builder);
		return;
	}
	if (parent->kind == YAML_MAPPING) {
		parent->keys[parent->count] = builder->key;
		parent->key_lines[parent->count] = builder->key_line;
		builder->key = NULL;
	}
	parent->values[parent->count++] = node;
}

static bool awaits_key(const struct builder *builder)
{
	return builder->depth > 0 && builder->stack[builder->depth - 1]->kind == YAML_MAPPING && !builder->key;
}

static void check_properties(struct builder *builder, int line, const void *anchor, const void *tag)
{
	if (anchor) {
		problem(builder, line, "anchors (&name) are not allowed: write the value out");
	}
	if (tag) {
		problem(builder, line, "tags (!name) are not allowed: values have the type their key demands");
	}
}

static void take_scalar(struct builder *builder, const yaml_event_t *event)
{
	int line = line_of(&event->start_mark);
	const char *value = (const char *)event->data.scalar.value;
	size_t size = event->data.scalar.length;
	check_properties(builder, line, event->data.scalar.anchor, event->data.scalar.tag);
	if (memchr(value, '\0', size)) {
		problem(builder, line, "a NUL character is not allowed in text");
	}
	if (builder->failed) {
		return;
	}
	char *text = arena_copy(&builder->yaml->arena, slice_of(value, size));
	if (!text) {
		memory_failed(builder);
		return;
	}
	if (awaits_key(builder)) {
		builder->key = text;
		builder->key_line = line;
		return;
	}
	struct yaml_node *node = new_node(builder, YAML_SCALAR, line);
	if (node) {
		node->text = text;
		node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		attach(builder, node);
	}
}

static void open_collection(struct builder *builder, const yaml_event_t *event, enum yaml_kind kind)
{
	int line = line_of(&event->start_mark);
	if (kind == YAML_MAPPING) {
		check_properties(builder, line, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	} else {
		check_properties(builder, line, event->data.sequence_start.anchor, event->data.sequence_start.tag);
	}
	if (awaits_key(builder)) {
		problem(builder, line, "a key must be plain text, not a list or a mapping");
	}
	if (builder->depth == YAML_DEPTH_MAX) {
		problem(builder, line, "nested deeper than %d levels", YAML_DEPTH_MAX);
	}
	struct yaml_node *node = builder->failed ? NULL : new_node(builder, kind, line);
	if (!node) {
		return;
	}
	attach(builder, node);
	builder->stack[builder->depth++] = node;
}

struct key_place {
	const char *key;
	size_t place;
};

static int compare_keys(const void *a, const void *b)
{
	const struct key_place *left = a;
	const struct key_place *right = b;
	int order = strcmp(left->key, right->key);
	return order != 0 ? order : (left->place > right->place) - (left->place < right->place);
}

// Sorting keeps this cheap for a mapping of any size.
static void check_duplicates(struct builder *builder, const struct yaml_node *mapping)
{
	if (mapping->count < 2) {
		return;
	}
	struct key_place *sorted = calloc(mapping->count, sizeof *sorted);
	if (!sorted) {
		memory_failed(builder);
		return;
	}
	for (size_t i = 0; i < mapping->count; i++) {
		sorted[i] = (struct key_place){ mapping->keys[i], i };
	}
	qsort(sorted, mapping->count, sizeof *sorted, compare_keys);
	for (size_t i = 1; i < mapping->count; i++) {
		if (strcmp(sorted[i - 1].key, sorted[i].key) == 0) {
			char shown[YAML_SHOWN_SIZE];
			problem(builder, mapping->key_lines[sorted[i].place],
				"the key \"%s\" stands already in line %d", yaml_shown(sorted[i].key, shown),
				mapping->key_lines[sorted[i - 1].place]);
		}
	}
	free(sorted);
}

static void close_collection(struct builder *builder)
{
	struct yaml_node *node = builder->stack[--builder->depth];
	if (node->kind == YAML_MAPPING) {
		bool failed = builder->failed;
		check_duplicates(builder, node);
		// A duplicate key spoils the document, but reading on shows further ones.
		builder->failed = failed || builder->yaml->out_of_memory;
	}
}

static void take_event(struct builder *builder, const yaml_event_t *event)
{
	int line = line_of(&event->start_mark);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (builder->yaml->root) {
			problem(builder, line, "a second document begins; one file holds one");
		}
		if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end) {
			problem(builder, line, "%%TAG directives are not allowed");
		}
		return;
	case YAML_ALIAS_EVENT:
		problem(builder, line, "aliases (*name) are not allowed: write the value out");
		return;
	case YAML_SCALAR_EVENT:
		take_scalar(builder, event);
		return;
	case YAML_SEQUENCE_START_EVENT:
		open_collection(builder, event, YAML_SEQUENCE);
		return;
	case YAML_MAPPING_START_EVENT:
		open_collection(builder, event, YAML_MAPPING);
		return;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(builder);
		return;
	default:
		return;
	}
}

static void syntax_problem(struct builder *builder, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR) {
		memory_failed(builder);
		return;
	}
	const char *words = parser->problem ? parser->problem : "not YAML";
	if (parser->error == YAML_READER_ERROR) {
		// The reader knows a byte offset only; the scanner's mark is close to it.
		problem(builder, line_of(&parser->mark), "%s (byte %zu)", words, parser->problem_offset);
		return;
	}
	problem(builder, line_of(&parser->problem_mark), "%s%s%s", words, parser->context ? " " : "",
		parser->context ? parser->context : "");
}

static void parse(struct builder *builder, struct slice text)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) {
		memory_failed(builder);
		return;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, text.data ? text.data : (const uint8_t *)"", text.size);
	bool ended = false;
	while (!ended && !builder->failed) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			syntax_problem(builder, &parser);
			break;
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		take_event(builder, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (!builder->failed && !builder->yaml->root) {
		problem(builder, 1, "the file is empty");
	}
}

static struct yaml *new_document(const char *name)
{
	struct yaml *yaml = calloc(1, sizeof *yaml);
	if (!yaml) {
		return NULL;
	}
	arena_init(&yaml->arena, YAML_ARENA_MAX);
	yaml->path = strdup(name);
	if (!yaml->path) {
		yaml_free(yaml);
		return NULL;
	}
	return yaml;
}

static result fill(struct yaml *yaml, struct slice text, struct yaml **ret_yaml)
{
	struct builder builder = { .yaml = yaml };
	if (text.size > YAML_FILE_MAX) {
		problem(&builder, 1, "larger than %d bytes", YAML_FILE_MAX);
	} else {
		parse(&builder, text);
	}
	if (yaml->out_of_memory) {
		yaml_free(yaml);
		return ERR_MEMORY;
	}
	if (yaml->problem_count > 0) {
		yaml->root = NULL; // half a configuration is none
	}
	*ret_yaml = yaml;
	return OK;
}

result yaml_load_text(const char *name, struct slice text, struct yaml **ret_yaml)
{
	struct yaml *yaml = new_document(name);
	return yaml ? fill(yaml, text, ret_yaml) : ERR_MEMORY;
}

result yaml_load_file(const char *path, struct yaml **ret_yaml)
{
	struct yaml *yaml = new_document(path);
	if (!yaml) {
		return ERR_MEMORY;
	}
	struct buffer content;
	struct fault fault = { 0 };
	buffer_init(&content, YAML_FILE_MAX);
	result code = file_read(path, &content, &fault);
	if (code == OK) {
		code = fill(yaml, buffer_slice(&content), ret_yaml);
	} else if (code == ERR_MEMORY) {
		yaml_free(yaml);
	} else {
		struct builder builder = { .yaml = yaml };
		problem(&builder, 1, "%s", fault.text);
		*ret_yaml = yaml;
		code = OK;
	}
	buffer_release(&content);
	return code;
}

void yaml_unload(struct yaml *yaml)
{
	if (yaml) {
		arena_release(&yaml->arena);
		free(yaml->path);
		free(yaml);
	}
}
