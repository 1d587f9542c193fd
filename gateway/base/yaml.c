// SPDX-License-Identifier: EUPL-1.2
//
// The accessors of base/yaml.h: walking, typed reading, and the collected errors.
#include "base/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"

const char *yaml_path(const struct yaml *yaml)
{
	return yaml->path;
}

const struct yaml_node *yaml_root(const struct yaml *yaml)
{
	return yaml->root;
}

enum yaml_kind yaml_kind_of(const struct yaml_node *node)
{
	return node->kind;
}

int yaml_line(const struct yaml_node *node)
{
	return node->line;
}

const char *yaml_text(const struct yaml_node *node)
{
	return node->text;
}

size_t yaml_count(const struct yaml_node *node)
{
	return node->count;
}

const struct yaml_node *yaml_item(const struct yaml_node *sequence, size_t i)
{
	assert_always(i < sequence->count);
	return sequence->values[i];
}

const char *yaml_key(const struct yaml_node *mapping, size_t i)
{
	assert_always(mapping->kind == YAML_MAPPING && i < mapping->count);
	return mapping->keys[i];
}

const struct yaml_node *yaml_value(const struct yaml_node *mapping, size_t i)
{
	return yaml_item(mapping, i);
}

void yaml_take_all(const struct yaml_node *mapping)
{
	mapping->use->all_taken = true;
}

// --- errors

const char *yaml_shown(const char *text, char shown[YAML_SHOWN_SIZE])
{
	size_t most = YAML_SHOWN_SIZE - sizeof "…";
	size_t size = strlen(text);
	bool cut = size > most;
	if (cut) {
		size = most;
		while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
			size--; // not in the middle of a character
		}
	}
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		shown[i] = c < ' ' || c == 0x7f ? ' ' : text[i];
	}
	strncpy(shown + size, cut ? "…" : "", YAML_SHOWN_SIZE - size);
	return shown;
}

// Keeps the problems in order of line; those of one line in the order they were found.
static void insert_problem(struct yaml *yaml, int line, const char *text)
{
	size_t at = yaml->problem_count++;
	while (at > 0 && yaml->problems[at - 1].line > line) {
		yaml->problems[at] = yaml->problems[at - 1];
		at--;
	}
	yaml->problems[at] = (struct yaml_problem){ .line = line, .text = text };
}

void yaml_problem_add(struct yaml *yaml, int line, const char *format, va_list arguments)
{
	if (yaml->problem_count == YAML_ERRORS_MAX) {
		yaml->dropped++;
		snprintf(yaml->more, sizeof yaml->more, "and %zu more errors", yaml->dropped);
		return;
	}
	char words[YAML_ERROR_TEXT_MAX];
	int used = vsnprintf(words, sizeof words, format, arguments);
	struct buffer message;
	buffer_init(&message, sizeof words + 4096);
	buffer_append_format(&message, "%s:%d: %s", yaml->path, line, used < 0 ? "an error" : words);
	const char *text = arena_copy(&yaml->arena, buffer_slice(&message));
	buffer_release(&message);
	insert_problem(yaml, line, text ? text : "out of memory while noting an error");
}

void yaml_error(struct yaml *yaml, const struct yaml_node *node, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	yaml_problem_add(yaml, node ? node->line : 1, format, arguments);
	va_end(arguments);
}

void yaml_error_line(struct yaml *yaml, int line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	yaml_problem_add(yaml, line, format, arguments);
	va_end(arguments);
}

size_t yaml_error_count(const struct yaml *yaml)
{
	return yaml->problem_count + (yaml->dropped > 0 ? 1 : 0);
}

const char *yaml_error_text(const struct yaml *yaml, size_t i)
{
	assert_always(i < yaml_error_count(yaml));
	return i < yaml->problem_count ? yaml->problems[i].text : yaml->more;
}

// --- keys that nobody took

// "; known here: listen, members" in the order they were asked for.
static void append_known(struct buffer *words, const struct yaml_use *use)
{
	const char *keys[YAML_ASKED_MAX];
	size_t count = 0;
	for (const struct yaml_asked *asked = use->asked; asked; asked = asked->next) {
		keys[count++] = asked->key;
	}
	for (size_t i = 0; i < count; i++) {
		buffer_append_format(words, "%s%s", i == 0 ? "; known here: " : ", ", keys[count - 1 - i]);
	}
}

static void report_untaken(struct yaml *yaml, const struct yaml_node *mapping, size_t i)
{
	char shown[YAML_SHOWN_SIZE];
	struct buffer known;
	buffer_init(&known, YAML_ERROR_TEXT_MAX / 2);
	append_known(&known, mapping->use);
	yaml_error_line(yaml, mapping->key_lines[i], "unknown key \"%s\"%s", yaml_shown(mapping->keys[i], shown),
			buffer_text(&known));
	buffer_release(&known);
}

// Recursion is bounded by YAML_DEPTH_MAX. What hangs under an unknown key is not worth a second error.
static void find_untaken(struct yaml *yaml, const struct yaml_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		bool taken = node->kind == YAML_SEQUENCE || node->use->all_taken || node->taken[i];
		if (taken) {
			find_untaken(yaml, node->values[i]);
		} else {
			report_untaken(yaml, node, i);
		}
	}
}

void yaml_finish(struct yaml *yaml)
{
	if (yaml->root) {
		find_untaken(yaml, yaml->root);
	}
}

// --- taking values

static void remember_asked(struct yaml *yaml, struct yaml_use *use, const char *key)
{
	for (const struct yaml_asked *asked = use->asked; asked; asked = asked->next) {
		if (strcmp(asked->key, key) == 0) {
			return;
		}
	}
	if (use->asked_count == YAML_ASKED_MAX) {
		return;
	}
	struct yaml_asked *asked = arena_alloc(&yaml->arena, sizeof *asked);
	const char *copy = arena_copy(&yaml->arena, slice_text(key));
	if (asked && copy) {
		*asked = (struct yaml_asked){ .next = use->asked, .key = copy };
		use->asked = asked;
		use->asked_count++;
	}
}

const struct yaml_node *yaml_take(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
				  enum yaml_need need)
{
	if (!mapping) {
		return NULL;
	}
	if (mapping->kind != YAML_MAPPING) {
		if (!mapping->use->complained) {
			yaml_error(yaml, mapping, "expected a mapping (key: value) here");
			mapping->use->complained = true;
		}
		return NULL;
	}
	remember_asked(yaml, mapping->use, key);
	for (size_t i = 0; i < mapping->count; i++) {
		if (strcmp(mapping->keys[i], key) == 0) {
			mapping->taken[i] = true;
			return mapping->values[i];
		}
	}
	if (need == YAML_REQUIRED) {
		yaml_error(yaml, mapping, "\"%s\" is missing", key);
	}
	return NULL;
}

// A scalar with something in it, or NULL with an error noted that says what `expected` is.
static const struct yaml_node *take_scalar(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
					   enum yaml_need need, const char *expected)
{
	const struct yaml_node *node = yaml_take(yaml, mapping, key, need);
	if (!node) {
		return NULL;
	}
	if (node->kind != YAML_SCALAR) {
		yaml_error(yaml, node, "\"%s\" must be %s, not a %s", key, expected,
			   node->kind == YAML_SEQUENCE ? "list" : "mapping");
		return NULL;
	}
	if (node->text[0] == '\0') {
		yaml_error(yaml, node, "\"%s\" is empty; expected %s", key, expected);
		return NULL;
	}
	return node;
}

const char *yaml_take_text(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			   const char *fallback)
{
	const struct yaml_node *node = take_scalar(yaml, mapping, key, need, "text");
	return node ? node->text : fallback;
}

static bool parse_integer(const char *text, int64_t *value)
{
	bool negative = text[0] == '-';
	uint64_t magnitude;
	if (text_decimal(slice_text(text + negative), INT64_MAX, &magnitude) != OK || (negative && magnitude == 0)) {
		return false;
	}
	*value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	return true;
}

int64_t yaml_take_integer(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			  int64_t least, int64_t most, int64_t fallback)
{
	const struct yaml_node *node = take_scalar(yaml, mapping, key, need, "a whole number");
	if (!node) {
		return fallback;
	}
	int64_t value;
	if (!node->plain || !parse_integer(node->text, &value) || value < least || value > most) {
		char shown[YAML_SHOWN_SIZE];
		yaml_error(yaml, node, "\"%s\": \"%s\" is no whole number from %lld to %lld", key,
			   yaml_shown(node->text, shown), (long long)least, (long long)most);
		return fallback;
	}
	return value;
}

bool yaml_take_bool(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
		    bool fallback)
{
	const struct yaml_node *node = take_scalar(yaml, mapping, key, need, "true or false");
	if (!node) {
		return fallback;
	}
	bool yes = strcmp(node->text, "true") == 0;
	if (!node->plain || (!yes && strcmp(node->text, "false") != 0)) {
		char shown[YAML_SHOWN_SIZE];
		yaml_error(yaml, node, "\"%s\": \"%s\" is neither true nor false", key, yaml_shown(node->text, shown));
		return fallback;
	}
	return yes;
}

struct unit {
	const char *name;
	int64_t factor;
};

// Largest first, so that a quantity is printed in its largest whole unit.
static const struct unit durations[] = {
	{ "d", 86400LL * 1000000 },
	{ "h", 3600LL * 1000000 },
	{ "m", 60LL * 1000000 },
	{ "s", 1000000 },
	{ "ms", 1000 },
	{ NULL, 0 },
};
static const struct unit sizes[] = {
	{ "GiB", 1LL << 30 }, { "MiB", 1LL << 20 }, { "KiB", 1LL << 10 }, { "", 1 }, { NULL, 0 },
};

static bool parse_quantity(const char *text, const struct unit *units, int64_t *ret_value)
{
	size_t digits = strspn(text, "0123456789");
	for (const struct unit *unit = units; unit->name; unit++) {
		uint64_t value;
		if (strcmp(text + digits, unit->name) == 0) {
			uint64_t most = (uint64_t)(INT64_MAX / unit->factor);
			if (text_decimal(slice_of(text, digits), most, &value) != OK) {
				return false;
			}
			*ret_value = (int64_t)value * unit->factor;
			return true;
		}
	}
	return false;
}

enum { QUANTITY_TEXT_SIZE = 32 };
static const char *quantity_text(int64_t value, const struct unit *units, char text[QUANTITY_TEXT_SIZE])
{
	const struct unit *unit = units;
	while (unit[1].name && (value < unit->factor || value % unit->factor != 0)) {
		unit++;
	}
	snprintf(text, QUANTITY_TEXT_SIZE, "%lld%s", (long long)(value / unit->factor), unit->name);
	return text;
}

// What a kind of quantity is called, its units, and how the units are listed for people.
struct quantity {
	const struct unit *units;
	const char *noun;
	const char *examples;
};
static const struct quantity duration = { durations, "a duration", "250ms, 30s, 5m, 24h or 7d" };
static const struct quantity size = { sizes, "a size", "512, 64KiB, 16MiB or 1GiB" };

static int64_t take_quantity(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			     const struct quantity *quantity, int64_t least, int64_t most, int64_t fallback)
{
	const struct yaml_node *node = take_scalar(yaml, mapping, key, need, quantity->noun);
	if (!node) {
		return fallback;
	}
	int64_t value;
	char shown[YAML_SHOWN_SIZE];
	if (!parse_quantity(node->text, quantity->units, &value)) {
		yaml_error(yaml, node, "\"%s\": \"%s\" is not %s such as %s", key, yaml_shown(node->text, shown),
			   quantity->noun, quantity->examples);
		return fallback;
	}
	if (value < least || value > most) {
		char from[QUANTITY_TEXT_SIZE], to[QUANTITY_TEXT_SIZE];
		yaml_error(yaml, node, "\"%s\": %s is not from %s to %s", key, yaml_shown(node->text, shown),
			   quantity_text(least, quantity->units, from), quantity_text(most, quantity->units, to));
		return fallback;
	}
	return value;
}

int64_t yaml_take_duration_us(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			      int64_t least_us, int64_t most_us, int64_t fallback_us)
{
	return take_quantity(yaml, mapping, key, need, &duration, least_us, most_us, fallback_us);
}

int64_t yaml_take_size(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
		       int64_t least, int64_t most, int64_t fallback)
{
	return take_quantity(yaml, mapping, key, need, &size, least, most, fallback);
}

const char *yaml_take_path(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			   const char *fallback)
{
	const struct yaml_node *node = take_scalar(yaml, mapping, key, need, "a path");
	if (!node) {
		return fallback;
	}
	char *path = file_beside(yaml->path, node->text);
	const char *kept = path ? arena_copy(&yaml->arena, slice_text(path)) : NULL;
	free(path);
	if (!kept) {
		yaml_error(yaml, node, "out of memory");
		return fallback;
	}
	return kept;
}

static const struct yaml_node *take_kind(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
					 enum yaml_need need, enum yaml_kind kind)
{
	const struct yaml_node *node = yaml_take(yaml, mapping, key, need);
	if (node && node->kind != kind) {
		yaml_error(yaml, node, "\"%s\" must be a %s", key,
			   kind == YAML_SEQUENCE ? "list (- item)" : "mapping (key: value)");
		return NULL;
	}
	return node;
}

const struct yaml_node *yaml_take_sequence(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
					   enum yaml_need need)
{
	return take_kind(yaml, mapping, key, need, YAML_SEQUENCE);
}

const struct yaml_node *yaml_take_mapping(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
					  enum yaml_need need)
{
	return take_kind(yaml, mapping, key, need, YAML_MAPPING);
}
