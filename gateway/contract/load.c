// SPDX-License-Identifier: EUPL-1.2
//
// First pass over a FileDescriptorSet: files, imports and every declared name. Numbers are those of
// google/protobuf/descriptor.proto.
#include "contract/load.h"

#include <stdlib.h>

enum {
	SET_FILE = 1,
	FILE_NAME = 1,
	FILE_PACKAGE = 2,
	FILE_DEPENDENCY = 3,
	FILE_MESSAGE = 4,
	FILE_ENUM = 5,
	FILE_SERVICE = 6,
	FILE_SYNTAX = 12,
	MESSAGE_NAME = 1,
	MESSAGE_NESTED = 3,
	MESSAGE_ENUM = 4,
	ENUM_NAME = 1,
	SERVICE_NAME = 1,
	SERVICE_METHOD = 2,
	METHOD_NAME = 1,
};

// What declares: its place and the words for an error in it.
struct scope {
	struct contract *contract;
	const struct contract_file *file;
	const char *package;
	bool foreign; // a proto2 file
	struct fault *fault;
};

static result broken(const struct scope *scope)
{
	return fault_set(scope->fault, ERR_FORMAT, "%s: the descriptor is truncated or not well-formed",
			 scope->file->name);
}

// The last length-delimited field of that number, empty if there is none; false if the bytes are broken.
static bool find_text(struct slice bytes, uint32_t number, struct slice *ret_text)
{
	struct wireformat_item item;
	enum wireformat_step step;
	struct slice text = { 0 };
	while ((step = wireformat_next(&bytes, &item)) == WIREFORMAT_ITEM) {
		if (item.number == number && item.type == WIREFORMAT_LENGTH) {
			text = item.bytes;
		}
	}
	*ret_text = text;
	return step == WIREFORMAT_END;
}

static result declare(const struct scope *scope, enum symbol_kind kind, const char *parent, struct slice declaration,
		      uint32_t name_number, struct symbol **ret_symbol)
{
	struct slice name;
	if (!find_text(declaration, name_number, &name)) {
		return broken(scope);
	}
	struct symbol *symbol;
	result r =
	    symbol_add(scope->contract, scope->foreign ? SYMBOL_FOREIGN : kind, parent, name, &symbol, scope->fault);
	if (r != OK) {
		return r;
	}
	symbol->declaration = declaration;
	symbol->file = scope->file;
	symbol->package = scope->package;
	*ret_symbol = symbol;
	return OK;
}

static result count_type(const struct scope *scope)
{
	if (++scope->contract->type_count > CONTRACT_TYPES_MAX) {
		return fault_set(scope->fault, ERR_LIMIT, "more than %d types", CONTRACT_TYPES_MAX);
	}
	return OK;
}

static result declare_enum(const struct scope *scope, const char *parent, struct slice declaration)
{
	struct symbol *symbol;
	result r = count_type(scope);
	if (r == OK) {
		r = declare(scope, SYMBOL_ENUM, parent, declaration, ENUM_NAME, &symbol);
	}
	if (r == OK && symbol->kind == SYMBOL_ENUM) {
		symbol->enumeration = arena_zalloc(&scope->contract->arena, sizeof *symbol->enumeration);
		r = symbol->enumeration ? OK : ERR_LIMIT;
	}
	return r;
}

// Recurses once per level of declarations, at most CONTRACT_NESTING_MAX.
static result declare_message(const struct scope *scope, const char *parent, struct slice declaration, unsigned level)
{
	if (level > CONTRACT_NESTING_MAX) {
		return fault_set(scope->fault, ERR_LIMIT, "%s: more than %d messages declared inside each other",
				 scope->file->name, CONTRACT_NESTING_MAX);
	}
	struct symbol *symbol;
	result r = count_type(scope);
	if (r == OK) {
		r = declare(scope, SYMBOL_MESSAGE, parent, declaration, MESSAGE_NAME, &symbol);
	}
	if (r == OK && symbol->kind == SYMBOL_MESSAGE) {
		symbol->message = arena_zalloc(&scope->contract->arena, sizeof *symbol->message);
		symbol->about_message = arena_zalloc(&scope->contract->arena, sizeof *symbol->about_message);
		r = symbol->message && symbol->about_message ? OK : ERR_LIMIT;
	}
	struct wireformat_item item;
	enum wireformat_step step = WIREFORMAT_END;
	while (r == OK && (step = wireformat_next(&declaration, &item)) == WIREFORMAT_ITEM) {
		if (item.type != WIREFORMAT_LENGTH) {
			continue;
		}
		if (item.number == MESSAGE_NESTED) {
			r = declare_message(scope, symbol->name, item.bytes, level + 1);
		} else if (item.number == MESSAGE_ENUM) {
			r = declare_enum(scope, symbol->name, item.bytes);
		}
	}
	return r == OK && step == WIREFORMAT_BROKEN ? broken(scope) : r;
}

static result declare_service(struct scope *scope, struct slice declaration)
{
	struct symbol *symbol;
	result r = declare(scope, SYMBOL_SERVICE, scope->package, declaration, SERVICE_NAME, &symbol);
	if (r != OK || symbol->kind != SYMBOL_SERVICE) {
		return r;
	}
	symbol->service = arena_zalloc(&scope->contract->arena, sizeof *symbol->service);
	if (!symbol->service) {
		return ERR_LIMIT;
	}
	scope->contract->service_count++;
	struct wireformat_item item;
	enum wireformat_step step = WIREFORMAT_END;
	while (r == OK && (step = wireformat_next(&declaration, &item)) == WIREFORMAT_ITEM) {
		if (item.number == SERVICE_METHOD && item.type == WIREFORMAT_LENGTH) {
			struct symbol *method;
			r = declare(scope, SYMBOL_METHOD, symbol->name, item.bytes, METHOD_NAME, &method);
		}
	}
	return r == OK && step == WIREFORMAT_BROKEN ? broken(scope) : r;
}

static int by_file_name(const void *a, const void *b)
{
	return strcmp((*(const struct contract_file *const *)a)->name, (*(const struct contract_file *const *)b)->name);
}

// protoc writes a file after those it imports. So an import that is missing, or part of a cycle, shows as one that does
// not stand before.
static result check_import(struct contract *contract, size_t before, struct slice import, struct fault *fault)
{
	const struct contract_file *file = contract_find_file(contract, import);
	if (file && file < &contract->files[before]) {
		return OK;
	}
	return fault_set(fault, ERR_FORMAT,
			 "%s: an import is not in the set before it (protoc --include_imports writes such sets)",
			 contract->files[before].name);
}

static result name_file(struct contract *contract, struct contract_file *file, struct fault *fault)
{
	struct slice name;
	if (!find_text(file->descriptor, FILE_NAME, &name)) {
		return fault_set(fault, ERR_FORMAT, "the set is truncated or not well-formed");
	}
	if (name.size == 0 || name.size > CONTRACT_NAME_MAX || !symbol_is_printable(name)) {
		return fault_set(fault, ERR_FORMAT, "a file of the set has no usable name");
	}
	file->name = arena_copy(&contract->arena, name);
	return file->name ? OK : ERR_LIMIT;
}

static result check_package(const struct scope *scope, struct slice package)
{
	struct slice rest = package;
	while (rest.size > 0) {
		const uint8_t *dot = memchr(rest.data, '.', rest.size);
		size_t size = dot ? (size_t)(dot - rest.data) : rest.size;
		if (!symbol_is_identifier(slice_of(rest.data, size)) || (dot && size + 1 == rest.size)) {
			return fault_set(scope->fault, ERR_FORMAT, "%s: the package is not a dotted name",
					 scope->file->name);
		}
		rest = slice_skip(rest, dot ? size + 1 : size);
	}
	if (package.size > CONTRACT_NAME_MAX) {
		return fault_set(scope->fault, ERR_LIMIT, "%s: the package name is too long", scope->file->name);
	}
	return OK;
}

// The parts of a file's head that decide how the rest is read.
static result open_file(struct scope *scope, size_t index)
{
	struct slice syntax;
	struct slice package;
	if (!find_text(scope->file->descriptor, FILE_SYNTAX, &syntax) ||
	    !find_text(scope->file->descriptor, FILE_PACKAGE, &package)) {
		return broken(scope);
	}
	// protoc leaves the syntax out for proto2.
	scope->foreign = syntax.size == 0 || slice_is(syntax, "proto2");
	if (!scope->foreign && !slice_is(syntax, "proto3")) {
		return fault_set(scope->fault, ERR_UNSUPPORTED, "%s: neither proto3 nor proto2", scope->file->name);
	}
	result r = check_package(scope, package);
	if (r != OK) {
		return r;
	}
	scope->package = arena_copy(&scope->contract->arena, package);
	if (!scope->package) {
		return ERR_LIMIT;
	}
	struct slice rest = scope->file->descriptor;
	struct wireformat_item item;
	while (r == OK && wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		if (item.number == FILE_DEPENDENCY && item.type == WIREFORMAT_LENGTH) {
			r = check_import(scope->contract, index, item.bytes, scope->fault);
		}
	}
	return r;
}

static result load_file(struct contract *contract, size_t index, struct fault *fault)
{
	struct scope scope = { .contract = contract, .file = &contract->files[index], .fault = fault };
	result r = open_file(&scope, index);
	struct slice rest = scope.file->descriptor;
	struct wireformat_item item;
	enum wireformat_step step = WIREFORMAT_END;
	while (r == OK && (step = wireformat_next(&rest, &item)) == WIREFORMAT_ITEM) {
		if (item.type != WIREFORMAT_LENGTH) {
			continue;
		}
		if (item.number == FILE_MESSAGE) {
			r = declare_message(&scope, scope.package, item.bytes, 1);
		} else if (item.number == FILE_ENUM) {
			r = declare_enum(&scope, scope.package, item.bytes);
		} else if (item.number == FILE_SERVICE) {
			r = declare_service(&scope, item.bytes);
		}
	}
	return r == OK && step == WIREFORMAT_BROKEN ? broken(&scope) : r;
}

static result find_files(struct contract *contract, struct fault *fault)
{
	struct wireformat_item item;
	enum wireformat_step step;
	size_t count = 0;
	struct slice rest = contract->bytes;
	while ((step = wireformat_next(&rest, &item)) == WIREFORMAT_ITEM) {
		if (item.number != SET_FILE || item.type != WIREFORMAT_LENGTH) {
			return fault_set(fault, ERR_FORMAT, "not a FileDescriptorSet");
		}
		count++;
	}
	if (step == WIREFORMAT_BROKEN || count == 0) {
		return fault_set(fault, ERR_FORMAT, "not a FileDescriptorSet, or truncated");
	}
	if (count > CONTRACT_FILES_MAX) {
		return fault_set(fault, ERR_LIMIT, "more than %d files in the set", CONTRACT_FILES_MAX);
	}
	contract->files = arena_zalloc(&contract->arena, count * sizeof *contract->files);
	contract->files_by_name = arena_alloc(&contract->arena, count * sizeof *contract->files_by_name);
	if (!contract->files || !contract->files_by_name) {
		return ERR_LIMIT;
	}
	result r = OK;
	rest = contract->bytes;
	while (r == OK && wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		struct contract_file *file = &contract->files[contract->file_count];
		file->descriptor = item.bytes;
		contract->files_by_name[contract->file_count++] = file;
		r = name_file(contract, file, fault);
	}
	return r;
}

result load_files(struct contract *contract, struct fault *fault)
{
	result r = find_files(contract, fault);
	if (r != OK) {
		return r;
	}
	const struct contract_file **sorted = contract->files_by_name;
	qsort(sorted, contract->file_count, sizeof *sorted, by_file_name);
	for (size_t i = 1; i < contract->file_count; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
			return fault_set(fault, ERR_FORMAT, "%s: is in the set twice", sorted[i]->name);
		}
	}
	for (size_t i = 0; i < contract->file_count; i++) {
		r = load_file(contract, i, fault);
		if (r != OK) {
			return r;
		}
	}
	return symbol_sort(contract, fault);
}
