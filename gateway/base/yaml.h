// SPDX-License-Identifier: EUPL-1.2
//
// Configuration files: YAML (libyaml) read into a small tree that remembers lines, and a
// reader that collects every error instead of stopping at the first.
//
// A program checks its file as a whole: it walks the tree with the yaml_take_* functions, which
// note each problem as `file:line: what is wrong, what was expected`, and calls yaml_finish(),
// which adds every key that nobody took (a misspelt key is an error, never ignored).
//
// Anchors, aliases, tags and duplicate keys are refused; depth, nodes and size are bounded (YAML_*_MAX).
#ifndef BESA_BASE_YAML_H
#define BESA_BASE_YAML_H

#include "base/arena.h"
#include "base/result.h"
#include "base/slice.h"

enum {
	YAML_FILE_MAX = 4 * 1024 * 1024,
	YAML_DEPTH_MAX = 32,
	YAML_NODES_MAX = 200000,
	YAML_ERRORS_MAX = 100, // collected at most; one further text says how many more
};

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

// A node of the tree. Read with the functions below.
struct yaml_node;
struct yaml;

// Reads a file. On a syntax error or an unreadable file the document has errors and no root; only
// memory failure returns an error. The caller frees it in every case.
result yaml_load_file(const char *path, struct yaml **ret_yaml);

// The same from memory; `name` stands for the path in messages.
result yaml_load_text(const char *name, struct slice text, struct yaml **ret_yaml);

// Frees the document; NULL is allowed. Inline because libyaml exports a function of the same name: an exported one here
// would take its place inside libyaml.
void yaml_unload(struct yaml *yaml);
static inline void yaml_free(struct yaml *yaml)
{
	yaml_unload(yaml);
}

// The path (name) the document was loaded under.
const char *yaml_path(const struct yaml *yaml);

// The top node, NULL if the document did not parse or is empty.
const struct yaml_node *yaml_root(const struct yaml *yaml);

enum yaml_kind yaml_kind_of(const struct yaml_node *node);
int yaml_line(const struct yaml_node *node); // from 1

// A scalar's text, terminated, owned by the document; NULL for the other kinds.
const char *yaml_text(const struct yaml_node *node);

// Entries of a sequence or mapping, in the order of the file.
size_t yaml_count(const struct yaml_node *node);
const struct yaml_node *yaml_item(const struct yaml_node *sequence, size_t i);
const char *yaml_key(const struct yaml_node *mapping, size_t i);
const struct yaml_node *yaml_value(const struct yaml_node *mapping, size_t i);

// Marks every key of the mapping as taken: for maps whose keys are data (parameter names).
void yaml_take_all(const struct yaml_node *mapping);

// Whether a key must be there.
enum yaml_need { YAML_OPTIONAL, YAML_REQUIRED };

// The value under a key, marked as taken, NULL if absent (an error is noted if required).
// `mapping` may be NULL (then NULL) or not a mapping (error noted once).
const struct yaml_node *yaml_take(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
				  enum yaml_need need);

// The same for typed scalars; `fallback` is the value when the key is absent or wrong.
// Text is owned by the document and never empty.
const char *yaml_take_text(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			   const char *fallback);
int64_t yaml_take_integer(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			  int64_t least, int64_t most, int64_t fallback);
bool yaml_take_bool(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
		    bool fallback);
// "250ms", "30s", "5m", "24h", "7d" to microseconds.
int64_t yaml_take_duration_us(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			      int64_t least_us, int64_t most_us, int64_t fallback_us);
// "512", "64KiB", "16MiB", "1GiB" to bytes.
int64_t yaml_take_size(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
		       int64_t least, int64_t most, int64_t fallback);
// A path, seen from the file's directory; malloced into the document (owned by it).
const char *yaml_take_path(struct yaml *yaml, const struct yaml_node *mapping, const char *key, enum yaml_need need,
			   const char *fallback);
// A sequence or mapping under a key; NULL if absent or of the wrong kind (error noted).
const struct yaml_node *yaml_take_sequence(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
					   enum yaml_need need);
const struct yaml_node *yaml_take_mapping(struct yaml *yaml, const struct yaml_node *mapping, const char *key,
					  enum yaml_need need);

// Notes an error at a node (NULL: at line 1), as "<path>:<line>: <text>".
void yaml_error(struct yaml *yaml, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same at a line, for places inside a long text (a statement of SQL).
void yaml_error_line(struct yaml *yaml, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Adds an error for every key not taken, in file order. Call once, last.
void yaml_finish(struct yaml *yaml);

// The errors noted so far, in order of line; at most YAML_ERRORS_MAX and one that counts the rest.
size_t yaml_error_count(const struct yaml *yaml);
const char *yaml_error_text(const struct yaml *yaml, size_t i);

#endif
