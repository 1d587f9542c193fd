// SPDX-License-Identifier: EUPL-1.2
//
// Printing for people and for programs: colours, tables with aligned columns, JSON, errors.
#ifndef BESA_CLI_OUTPUT_H
#define BESA_CLI_OUTPUT_H

#include "base/arena.h"
#include "base/slice.h"
#include "cli/cli.h"

#include <jansson.h>

enum output_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_CAUTION };

// The escape sequence of a style, "" if colour is off. End with STYLE_PLAIN.
const char *output_style(bool colour, enum output_style style);

// Columns on a terminal that the text takes: UTF-8 characters, without combining marks.
size_t output_width(const char *text);

// A table of text cells that is collected, then printed with aligned columns.
enum { OUTPUT_COLUMNS_MAX = 12, OUTPUT_TABLE_BYTES_MAX = 64 * 1024 * 1024 };
struct output_table {
	struct arena arena;
	const char *headings[OUTPUT_COLUMNS_MAX];
	size_t columns;
	size_t width[OUTPUT_COLUMNS_MAX];
	struct output_row *first, *last;
	bool failed; // memory or OUTPUT_TABLE_BYTES_MAX; output_table_print says so
};

// Headings are borrowed; the array ends with NULL.
void output_table_init(struct output_table *table, const char *const *headings);

// Adds a row of `columns` cells, copied; a NULL cell is empty. Control characters are shown as "?".
void output_table_row(struct output_table *table, const char *const *cells);

// Prints heading and rows. The last column is not padded. ERR_MEMORY, ERR_IO.
result output_table_print(struct output_table *table, const struct cli *cli);

void output_table_release(struct output_table *table);

// A copy of foreign text that is safe on a terminal: control characters become "?".
const char *output_safe(struct arena *arena, struct slice text);

// Prints a JSON document and a line end, takes over the reference. NULL is lack of memory. ERR_MEMORY, ERR_IO.
result output_json(const struct cli *cli, json_t *document);

// json_string for bytes that may not be UTF-8 (shown as hexadecimal then); NULL-safe.
json_t *output_json_text(struct slice text);
json_t *output_json_hex(struct slice bytes);

// One line on standard error: "besa: <words>"; with --json also {"error": …} on standard output. Returns `exit`.
enum cli_exit output_error(const struct cli *cli, enum cli_exit exit, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same for a failed call: words of the fault, or of the code if there are none. The exit code is the code's:
// missing and unreadable files and unreachable peers CLI_UNREACHABLE, malformed input CLI_USAGE, else CLI_NEGATIVE.
enum cli_exit output_fault(const struct cli *cli, result code, const struct fault *fault);
enum cli_exit output_exit_of(result code);

#endif
