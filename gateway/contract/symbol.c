// SPDX-License-Identifier: EUPL-1.2
//
// Names a descriptor set declares: kept as a list in the order of the set, then sorted once. Sorting rather than
// hashing: no choice of names makes it slow.
#include <stdlib.h>

#include "base/text.h"
#include "contract/load.h"
#include "contract/name.h"

bool symbol_is_identifier(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
		bool digit = c >= '0' && c <= '9';
		if (!letter && !(digit && i > 0)) {
			return false;
		}
	}
	return text.size > 0;
}

bool symbol_is_printable(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
			return false;
		}
	}
	return text_is_utf8(text);
}

result symbol_add(struct contract *contract, enum symbol_kind kind, const char *scope, struct slice name,
		  struct symbol **ret_symbol, struct fault *fault)
{
	if (!symbol_is_identifier(name)) {
		return fault_set(fault, ERR_FORMAT, "in \"%s\": a declared name is not an identifier", scope);
	}
	size_t scope_size = strlen(scope);
	if (scope_size + 1 + name.size > CONTRACT_NAME_MAX) {
		return fault_set(fault, ERR_LIMIT, "in \"%.100s…\": a name is longer than %d bytes", scope,
				 CONTRACT_NAME_MAX);
	}
	struct symbol *symbol = arena_zalloc(&contract->arena, sizeof *symbol);
	char *full = arena_alloc(&contract->arena, scope_size + 1 + name.size + 1);
	if (!symbol || !full) {
		return ERR_LIMIT;
	}
	size_t at = 0;
	if (scope_size) {
		memcpy(full, scope, scope_size);
		at = scope_size;
		full[at++] = '.';
	}
	memcpy(full + at, name.data, name.size);
	full[at + name.size] = '\0';
	symbol->name = full;
	symbol->kind = kind;
	if (contract->last) {
		contract->last->next = symbol;
	} else {
		contract->first = symbol;
	}
	contract->last = symbol;
	contract->symbol_count++;
	*ret_symbol = symbol;
	return OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct symbol *const *)a)->name, (*(struct symbol *const *)b)->name);
}

result symbol_sort(struct contract *contract, struct fault *fault)
{
	contract->symbols = arena_alloc(&contract->arena, contract->symbol_count * sizeof(struct symbol *));
	if (!contract->symbols) {
		return ERR_LIMIT;
	}
	size_t count = 0;
	for (struct symbol *symbol = contract->first; symbol; symbol = symbol->next) {
		contract->symbols[count++] = symbol;
	}
	if (count > 0) {
		qsort(contract->symbols, count, sizeof(struct symbol *), by_name);
	}
	for (size_t i = 1; i < count; i++) {
		if (strcmp(contract->symbols[i - 1]->name, contract->symbols[i]->name) == 0) {
			return fault_set(fault, ERR_FORMAT, "\"%s\" is declared twice", contract->symbols[i]->name);
		}
	}
	return OK;
}

struct symbol *symbol_find(const struct contract *contract, struct slice name)
{
	size_t low = 0;
	size_t high = contract->symbol_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct symbol *symbol = contract->symbols[middle];
		int order = name_order(symbol->name, name);
		if (order == 0) {
			return symbol;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

result symbol_resolve(const struct contract *contract, struct slice reference, struct symbol **ret_symbol,
		      struct fault *fault)
{
	if (reference.size < 2 || reference.size > CONTRACT_NAME_MAX || reference.data[0] != '.') {
		return fault_set(fault, ERR_FORMAT, "a type reference is not a full name with a leading dot");
	}
	struct symbol *symbol = symbol_find(contract, slice_skip(reference, 1));
	if (!symbol) {
		return fault_set(fault, ERR_FORMAT, "refers to a type that the set does not declare");
	}
	if (symbol->kind == SYMBOL_FOREIGN) {
		return fault_set(fault, ERR_UNSUPPORTED, "uses \"%s\", a type of a proto2 file", symbol->name);
	}
	*ret_symbol = symbol;
	return OK;
}
