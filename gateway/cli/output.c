// SPDX-License-Identifier: EUPL-1.2
//
// Printing for people and for programs.
//
// Whatever came from a peer or a file is shown with its control characters replaced: a name in a ledger must not
// be able to move the cursor of the auditor who reads it.
#include "cli/output.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct output_row {
	struct output_row *next;
	const char *cells[];
};

const char *output_style(bool colour, enum output_style style)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_CAUTION] = "\033[33m",
	};
	return colour ? sequences[style] : "";
}

size_t output_width(const char *text)
{
	size_t width = 0;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool continuation = (*c & 0xc0) == 0x80;
		// U+0300 to U+036F, the combining marks of Latin script, are the lead bytes cc and the first half of
		// cd.
		bool combining = *c == 0xcc || (*c == 0xcd && c[1] < 0xb0);
		width += !continuation && !combining;
	}
	return width;
}

// Whether a control character starts here: C0, DEL, and C1 (U+0080 to U+009F, two bytes in UTF-8).
static size_t control_size(const uint8_t *c, size_t left)
{
	if (*c < 0x20 || *c == 0x7f) {
		return 1;
	}
	return left > 1 && c[0] == 0xc2 && c[1] < 0xa0 ? 2 : 0;
}

const char *output_safe(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.size + 1);
	if (!copy) {
		return NULL;
	}
	bool utf8 = text_is_utf8(text);
	size_t used = 0;
	for (size_t i = 0; i < text.size;) {
		size_t control = control_size(text.data + i, text.size - i);
		if (control) {
			copy[used++] = '?';
			i += control;
		} else {
			copy[used++] = utf8 || text.data[i] < 0x80 ? (char)text.data[i] : '?';
			i++;
		}
	}
	copy[used] = '\0';
	return copy;
}

void output_table_init(struct output_table *table, const char *const *headings)
{
	*table = (struct output_table){ 0 };
	arena_init(&table->arena, OUTPUT_TABLE_BYTES_MAX);
	for (; headings[table->columns]; table->columns++) {
		assert_always(table->columns < OUTPUT_COLUMNS_MAX);
		table->headings[table->columns] = headings[table->columns];
		table->width[table->columns] = output_width(headings[table->columns]);
	}
}

void output_table_row(struct output_table *table, const char *const *cells)
{
	struct output_row *row = arena_zalloc(&table->arena, sizeof *row + table->columns * sizeof row->cells[0]);
	if (!row) {
		table->failed = true;
		return;
	}
	for (size_t i = 0; i < table->columns; i++) {
		row->cells[i] = output_safe(&table->arena, slice_text(cells[i]));
		if (!row->cells[i]) {
			table->failed = true;
			return;
		}
		size_t width = output_width(row->cells[i]);
		if (width > table->width[i]) {
			table->width[i] = width;
		}
	}
	if (table->last) {
		table->last->next = row;
	} else {
		table->first = row;
	}
	table->last = row;
}

static void print_cells(const struct output_table *table, FILE *out, const char *const *cells)
{
	size_t last = table->columns;
	while (last > 0 && cells[last - 1][0] == '\0') {
		last--; // no blanks at the end of a line
	}
	for (size_t i = 0; i < last; i++) {
		fputs(cells[i], out);
		if (i + 1 < last) {
			fprintf(out, "%*s", (int)(table->width[i] - output_width(cells[i]) + 2), "");
		}
	}
}

result output_table_print(struct output_table *table, const struct cli *cli)
{
	fputs(output_style(cli->colour, STYLE_BOLD), cli->out);
	print_cells(table, cli->out, table->headings);
	fprintf(cli->out, "%s\n", output_style(cli->colour, STYLE_PLAIN));
	for (const struct output_row *row = table->first; row; row = row->next) {
		print_cells(table, cli->out, row->cells);
		fputc('\n', cli->out);
	}
	if (table->failed) {
		return ERR_MEMORY;
	}
	return ferror(cli->out) ? ERR_IO : OK;
}

void output_table_release(struct output_table *table)
{
	arena_release(&table->arena);
	*table = (struct output_table){ 0 };
}

result output_json(const struct cli *cli, json_t *document)
{
	if (!document) {
		return ERR_MEMORY;
	}
	int failed = json_dumpf(document, cli->out, JSON_INDENT(2));
	json_decref(document);
	if (failed || fputc('\n', cli->out) == EOF || fflush(cli->out) == EOF) {
		return ERR_IO;
	}
	return OK;
}

json_t *output_json_text(struct slice text)
{
	if (text.size == 0) {
		return json_string("");
	}
	if (!text_is_utf8(text)) {
		return output_json_hex(text);
	}
	return json_stringn((const char *)text.data, text.size);
}

json_t *output_json_hex(struct slice bytes)
{
	char *text = malloc(2 * bytes.size + 1);
	if (!text) {
		return NULL;
	}
	text_hex(bytes.data, bytes.size, text);
	json_t *value = json_string(text);
	free(text);
	return value;
}

enum cli_exit output_error(const struct cli *cli, enum cli_exit exit, const char *format, ...)
{
	char text[FAULT_TEXT_MAX + 128];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	fprintf(cli->err, "%sbesa:%s %s\n", output_style(cli->err_colour, STYLE_BAD),
		output_style(cli->err_colour, STYLE_PLAIN), text);
	if (cli->json) {
		result_ignore(output_json(cli, json_pack("{s:o}", "error", output_json_text(slice_text(text)))));
	}
	return exit;
}

enum cli_exit output_exit_of(result code)
{
	switch (code) {
	case OK:
		return CLI_OK;
	case ERR_ARGUMENT:
	case ERR_CONFIG:
	case ERR_FORMAT:
	case ERR_EXISTS:
		return CLI_USAGE;
	case ERR_NOT_FOUND:
	case ERR_IO:
	case ERR_DISK_FULL:
	case ERR_PERMISSION:
	case ERR_CLOSED:
	case ERR_TIMEOUT:
	case ERR_TLS:
	case ERR_PROTOCOL:
	case ERR_MEMORY:
	case ERR_INTERNAL:
		return CLI_UNREACHABLE;
	default:
		return CLI_NEGATIVE;
	}
}

enum cli_exit output_fault(const struct cli *cli, result code, const struct fault *fault)
{
	const char *words = fault && fault->text[0] ? fault->text : result_text(code);
	return output_error(cli, output_exit_of(code), "%s", words);
}
