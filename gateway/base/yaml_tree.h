// SPDX-License-Identifier: EUPL-1.2
//
// The tree behind base/yaml.h, shared by its reader (yaml_load.c) and its accessors (yaml.c).
// Nobody else includes this.
#ifndef BESA_BASE_YAML_TREE_H
#define BESA_BASE_YAML_TREE_H

#include <stdarg.h>

#include "base/yaml.h"

enum {
	// Keys that a program asked one mapping for, kept to say "known here: …".
	YAML_ASKED_MAX = 48,
	// A file of YAML_FILE_MAX bytes in YAML_NODES_MAX nodes needs well under this.
	YAML_ARENA_MAX = 128 * 1024 * 1024,
	YAML_ERROR_TEXT_MAX = 1024,
};

struct yaml_asked {
	struct yaml_asked *next;
	const char *key;
};

// What the program has done with a mapping so far.
struct yaml_use {
	struct yaml_asked *asked; // newest first
	size_t asked_count;
	bool all_taken;
	bool complained; // "not a mapping" is said once
};

struct yaml_node {
	enum yaml_kind kind;
	bool plain; // a scalar without quotes: only these are booleans and numbers
	int line;
	const char *text; // scalar
	size_t count;     // entries
	size_t capacity;
	struct yaml_node **values; // sequence and mapping
	const char **keys;         // mapping
	int *key_lines;
	bool *taken;
	struct yaml_use *use; // every node has one: any may be asked for keys
};

struct yaml_problem {
	int line;
	const char *text;
};

struct yaml {
	char *path;
	struct arena arena;
	struct yaml_node *root;
	size_t node_count;
	bool out_of_memory;
	struct yaml_problem problems[YAML_ERRORS_MAX];
	size_t problem_count;
	size_t dropped; // problems beyond YAML_ERRORS_MAX
	char more[128]; // "… and 12 more", when some were dropped
};

// Notes a problem at a line.
void yaml_problem_add(struct yaml *yaml, int line, const char *format, va_list arguments);

// Text fit for a message: cut short, without control characters.
enum { YAML_SHOWN_SIZE = 72 };
const char *yaml_shown(const char *text, char shown[YAML_SHOWN_SIZE]);

#endif
