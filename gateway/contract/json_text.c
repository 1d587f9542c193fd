// SPDX-License-Identifier: EUPL-1.2
//
// JSON text (RFC 8259) to a tree. Strict: UTF-8, no duplicate keys, no lone surrogates, no NUL in texts (a C string
// would end there), nothing after the value. Recursion is bounded by JSON_DEPTH_MAX, memory by the arena.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "contract/json_parts.h"

enum { FEW_KEYS = 8 }; // up to here comparing every pair is faster than sorting

struct parser {
	struct slice text;
	size_t at;
	struct arena *arena;
	struct fault *fault;
};

static result syntax(const struct parser *parser, const char *what)
{
	size_t line = 1;
	size_t column = 1;
	for (size_t i = 0; i < parser->at && i < parser->text.size; i++) {
		column++;
		if (parser->text.data[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return fault_set(parser->fault, ERR_FORMAT, "line %zu, column %zu: %s", line, column, what);
}

static result exhausted(const struct parser *parser)
{
	return fault_set(parser->fault, ERR_LIMIT, "the JSON text takes more memory than it may");
}

static int peek(const struct parser *parser)
{
	return parser->at < parser->text.size ? parser->text.data[parser->at] : -1;
}

static void skip_space(struct parser *parser)
{
	int c;
	while ((c = peek(parser)) == ' ' || c == '\t' || c == '\n' || c == '\r') {
		parser->at++;
	}
}

static bool accept(struct parser *parser, char wanted)
{
	skip_space(parser);
	if (peek(parser) != wanted) {
		return false;
	}
	parser->at++;
	return true;
}

static result parse_hex(struct parser *parser, uint32_t *ret_unit)
{
	uint8_t bytes[2];
	if (parser->text.size - parser->at < 4 ||
	    text_unhex(slice_of(parser->text.data + parser->at, 4), bytes, sizeof bytes) != OK) {
		return syntax(parser, "expected four hexadecimal digits after \\u");
	}
	parser->at += 4;
	*ret_unit = (uint32_t)bytes[0] << 8 | bytes[1];
	return OK;
}

static size_t put_utf8(uint32_t c, uint8_t *out)
{
	if (c < 0x80) {
		out[0] = (uint8_t)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (uint8_t)(0xc0 | c >> 6);
		out[1] = (uint8_t)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (uint8_t)(0xe0 | c >> 12);
		out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | c >> 18);
	out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (c & 0x3f));
	return 4;
}

// After "\u": one character, from one unit or a surrogate pair.
static result parse_unicode(struct parser *parser, uint8_t *out, size_t *size)
{
	uint32_t unit;
	result r = parse_hex(parser, &unit);
	if (r != OK) {
		return r;
	}
	if (unit >= 0xd800 && unit < 0xdc00) {
		uint32_t low = 0;
		if (parser->text.size - parser->at < 2 || parser->text.data[parser->at] != '\\' ||
		    parser->text.data[parser->at + 1] != 'u') {
			return syntax(parser, "a lone surrogate");
		}
		parser->at += 2;
		r = parse_hex(parser, &low);
		if (r != OK) {
			return r;
		}
		if (low < 0xdc00 || low > 0xdfff) {
			return syntax(parser, "a lone surrogate");
		}
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	} else if (unit >= 0xdc00 && unit < 0xe000) {
		return syntax(parser, "a lone surrogate");
	} else if (unit == 0) {
		return syntax(parser, "text may not hold a NUL");
	}
	*size += put_utf8(unit, out + *size);
	return OK;
}

static result parse_escape(struct parser *parser, uint8_t *out, size_t *size)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	int c = peek(parser);
	if (c == 'u') {
		parser->at++;
		return parse_unicode(parser, out, size);
	}
	const char *found = c > 0 ? strchr(from, c) : NULL;
	if (!found) {
		return syntax(parser, "an unknown escape");
	}
	parser->at++;
	out[(*size)++] = (uint8_t)to[found - from];
	return OK;
}

// From the first escape on: the text is copied. An escape is never shorter than what it stands for.
static result parse_escaped(struct parser *parser, size_t start, size_t end, struct slice *ret_text)
{
	uint8_t *out = arena_alloc(parser->arena, end - start);
	if (!out) {
		return exhausted(parser);
	}
	size_t size = 0;
	parser->at = start;
	while (parser->at < end) {
		uint8_t c = parser->text.data[parser->at++];
		if (c != '\\') {
			out[size++] = c;
			continue;
		}
		result r = parse_escape(parser, out, &size);
		if (r != OK) {
			return r;
		}
	}
	*ret_text = slice_of(out, size);
	return OK;
}

// At the opening quote.
static result parse_string(struct parser *parser, struct slice *ret_text)
{
	size_t start = ++parser->at;
	bool escaped = false;
	for (;; parser->at++) {
		int c = peek(parser);
		if (c < 0) {
			return syntax(parser, "the text ends inside a string");
		}
		if (c < 0x20) {
			return syntax(parser, "a control character inside a string");
		}
		if (c == '"') {
			break;
		}
		if (c == '\\') {
			escaped = true;
			parser->at++; // whatever follows is part of the escape, a quote too
		}
	}
	size_t end = parser->at;
	*ret_text = slice_of(parser->text.data + start, end - start);
	result r = escaped ? parse_escaped(parser, start, end, ret_text) : OK;
	if (r == OK) {
		parser->at = end + 1;
	}
	return r;
}

static result parse_word(struct parser *parser, struct json_node *node)
{
	static const struct {
		const char *word;
		enum json_kind kind;
	} words[] = { { "null", JSON_KIND_NULL }, { "true", JSON_KIND_TRUE }, { "false", JSON_KIND_FALSE } };
	struct slice rest = slice_skip(parser->text, parser->at);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (slice_starts_with(rest, slice_text(words[i].word))) {
			node->kind = words[i].kind;
			parser->at += strlen(words[i].word);
			return OK;
		}
	}
	return syntax(parser, "expected a value");
}

static result parse_number(struct parser *parser, struct json_node *node)
{
	size_t start = parser->at;
	int c;
	while ((c = peek(parser)) > 0 && strchr("0123456789+-.eE", c)) {
		parser->at++;
	}
	node->kind = JSON_KIND_NUMBER;
	node->text = slice_of(parser->text.data + start, parser->at - start);
	return json_number_is(node->text) ? OK : syntax(parser, "before here: not a number");
}

static result parse_value(struct parser *parser, struct json_node *node, unsigned depth);

static struct json_node *add_child(struct parser *parser, struct json_node *parent, struct json_node **last)
{
	struct json_node *child = arena_zalloc(parser->arena, sizeof *child);
	if (child) {
		*(*last ? &(*last)->next : &parent->first) = child;
		*last = child;
		parent->count++;
	}
	return child;
}

static int by_key(const void *a, const void *b)
{
	struct slice left = (*(struct json_node *const *)a)->key;
	struct slice right = (*(struct json_node *const *)b)->key;
	size_t common = left.size < right.size ? left.size : right.size;
	int order = common ? memcmp(left.data, right.data, common) : 0;
	return order ? order : (left.size > right.size) - (left.size < right.size);
}

static result check_keys(struct parser *parser, const struct json_node *object)
{
	if (object->count <= FEW_KEYS) {
		for (const struct json_node *a = object->first; a; a = a->next) {
			for (const struct json_node *b = a->next; b; b = b->next) {
				if (slice_equal(a->key, b->key)) {
					return syntax(parser, "the object that ends here has a key twice");
				}
			}
		}
		return OK;
	}
	struct json_node **sorted = arena_alloc(parser->arena, object->count * sizeof(struct json_node *));
	if (!sorted) {
		return exhausted(parser);
	}
	size_t count = 0;
	for (struct json_node *child = object->first; child; child = child->next) {
		sorted[count++] = child;
	}
	qsort(sorted, count, sizeof(struct json_node *), by_key);
	for (size_t i = 1; i < count; i++) {
		if (slice_equal(sorted[i - 1]->key, sorted[i]->key)) {
			return syntax(parser, "the object that ends here has a key twice");
		}
	}
	return OK;
}

static result parse_member(struct parser *parser, struct json_node *child, unsigned depth)
{
	skip_space(parser);
	if (peek(parser) != '"') {
		return syntax(parser, "expected a key in quotes");
	}
	result r = parse_string(parser, &child->key);
	if (r != OK) {
		return r;
	}
	if (!accept(parser, ':')) {
		return syntax(parser, "expected \":\"");
	}
	return parse_value(parser, child, depth + 1);
}

// After the opening bracket.
static result parse_children(struct parser *parser, struct json_node *node, unsigned depth)
{
	bool object = node->kind == JSON_KIND_OBJECT;
	char close = object ? '}' : ']';
	if (depth >= JSON_DEPTH_MAX) {
		return fault_set(parser->fault, ERR_LIMIT, "more than %d objects and arrays inside each other",
				 JSON_DEPTH_MAX);
	}
	if (accept(parser, close)) {
		return OK;
	}
	struct json_node *last = NULL;
	do {
		struct json_node *child = add_child(parser, node, &last);
		if (!child) {
			return exhausted(parser);
		}
		result r = object ? parse_member(parser, child, depth) : parse_value(parser, child, depth + 1);
		if (r != OK) {
			return r;
		}
	} while (accept(parser, ','));
	if (!accept(parser, close)) {
		return syntax(parser, object ? "expected \",\" or \"}\"" : "expected \",\" or \"]\"");
	}
	return object ? check_keys(parser, node) : OK;
}

static result parse_value(struct parser *parser, struct json_node *node, unsigned depth)
{
	skip_space(parser);
	int c = peek(parser);
	if (c == '{' || c == '[') {
		parser->at++;
		node->kind = c == '{' ? JSON_KIND_OBJECT : JSON_KIND_ARRAY;
		return parse_children(parser, node, depth);
	}
	if (c == '"') {
		node->kind = JSON_KIND_STRING;
		return parse_string(parser, &node->text);
	}
	if (c == '-' || (c >= '0' && c <= '9')) {
		return parse_number(parser, node);
	}
	return parse_word(parser, node);
}

result json_text_parse(struct slice text, struct arena *arena, struct json_node **ret_node, struct fault *fault)
{
	struct parser parser = { .text = text, .arena = arena, .fault = fault };
	if (text.size > JSON_TEXT_MAX) {
		return fault_set(fault, ERR_LIMIT, "the JSON text is larger than %d bytes", JSON_TEXT_MAX);
	}
	if (!text_is_utf8(text)) {
		return fault_set(fault, ERR_FORMAT, "the JSON text is not UTF-8");
	}
	struct json_node *node = arena_zalloc(arena, sizeof *node);
	if (!node) {
		return exhausted(&parser);
	}
	result r = parse_value(&parser, node, 0);
	if (r != OK) {
		return r;
	}
	skip_space(&parser);
	if (parser.at < text.size) {
		return syntax(&parser, "expected nothing after the value");
	}
	*ret_node = node;
	return OK;
}

// The path from the top, cut at the front if it does not fit.
static void write_place(const struct json_place *place, struct buffer *path)
{
	const struct json_place *chain[JSON_DEPTH_MAX * 4];
	size_t count = 0;
	while (place && place->up && count < sizeof chain / sizeof chain[0]) {
		chain[count++] = place;
		place = place->up;
	}
	buffer_append_text(path, "$");
	while (count-- > 0) {
		if (chain[count]->member) {
			buffer_append_format(path, ".%s", chain[count]->member);
		} else {
			buffer_append_format(path, "[%zu]", chain[count]->index);
		}
	}
}

// Drops a character that was cut at the end.
static void trim_text(char *text)
{
	size_t size = strlen(text);
	while (size > 0 && !text_is_utf8(slice_of(text, size))) {
		text[--size] = '\0';
	}
}

result json_refuse(struct fault *fault, const struct json_place *place, result code, const char *format, ...)
{
	if (!fault) {
		return code;
	}
	char words[200];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);
	trim_text(words);
	struct buffer path;
	buffer_init(&path, JSON_DEPTH_MAX * 4 * CONTRACT_NAME_MAX);
	write_place(place, &path);
	const char *text = buffer_text(&path);
	size_t room = sizeof fault->text - sizeof words - 8;
	size_t size = strlen(text);
	bool cut = size > room;
	text += cut ? size - room : 0;
	while ((*text & 0xc0) == 0x80) {
		text++; // not into the middle of a character
	}
	result r = fault_set(fault, code, "%s%s: %s", cut ? "…" : "", text, words);
	buffer_release(&path);
	return r;
}
