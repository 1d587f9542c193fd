// SPDX-License-Identifier: EUPL-1.2
//
// Internal to the contract layer: the steps of contract_load().
//
//   load_files()     walks the set, checks files and their imports, collects every declared symbol
//   symbol_*         finds symbols by full name
//   build_message()  makes the protobuf-c descriptor of one message, its struct layout included
//   build_enum()     of an enum
//   build_service()  of a service
//   known_check()    recognises google.protobuf types and refuses impostors
//
// Everything is allocated in the contract's arena and dies with it, after a failure too.
#ifndef BESA_CONTRACT_LOAD_H
#define BESA_CONTRACT_LOAD_H

#include "base/arena.h"
#include "contract/contract.h"
#include "contract/wireformat.h"

enum symbol_kind {
	SYMBOL_MESSAGE,
	SYMBOL_ENUM,
	SYMBOL_SERVICE,
	SYMBOL_METHOD,
	SYMBOL_FOREIGN, // a message or enum of a proto2 file: known to exist, not loaded
};

// One declared name. Its declaration stays in the set; what it becomes is allocated at once, so that types
// may refer to each other in any order, and filled in by build_*().
struct symbol {
	const char *name; // full, without leading dot
	const char *package;
	enum symbol_kind kind;
	struct slice declaration;
	const struct contract_file *file;
	union {
		ProtobufCMessageDescriptor *message;
		ProtobufCEnumDescriptor *enumeration;
		struct contract_service *service;
	};
	struct contract_message *about_message;
	struct symbol *next; // in the order of the set
};

// A key under which JSON finds a field.
struct contract_name {
	const char *name;
	unsigned field; // index into fields
};

struct contract {
	struct arena arena;
	struct slice bytes;
	uint8_t digest[CONTRACT_DIGEST_SIZE];
	struct contract_file *files; // in the order of the set
	size_t file_count;
	const struct contract_file **files_by_name; // the same, sorted
	struct symbol *first;
	struct symbol *last;
	size_t symbol_count;
	size_t type_count;
	struct symbol **symbols; // sorted by name
	const struct contract_service **services;
	size_t service_count;
};

// Walks the set; fills files and symbols, sorted.
result load_files(struct contract *contract, struct fault *fault);

// A symbol by full name; NULL if there is none.
struct symbol *symbol_find(const struct contract *contract, struct slice name);

// The symbol a type reference (".package.Type") means. ERR_FORMAT, ERR_UNSUPPORTED.
result symbol_resolve(const struct contract *contract, struct slice reference, struct symbol **ret_symbol,
		      struct fault *fault);

// Sorts the symbols; ERR_FORMAT if a name is declared twice.
result symbol_sort(struct contract *contract, struct fault *fault);

// Adds a symbol `scope`.`name` (scope may be empty). ERR_FORMAT for a name that is no identifier.
result symbol_add(struct contract *contract, enum symbol_kind kind, const char *scope, struct slice name,
		  struct symbol **ret_symbol, struct fault *fault);

// Whether text is [A-Za-z_][A-Za-z0-9_]*.
bool symbol_is_identifier(struct slice text);

// Whether text is UTF-8 without control characters: such names may stand in a log line.
bool symbol_is_printable(struct slice text);

result build_message(struct contract *contract, struct symbol *symbol, struct fault *fault);
result build_enum(struct contract *contract, struct symbol *symbol, struct fault *fault);
result build_service(struct contract *contract, struct symbol *symbol, struct fault *fault);

// The sorted index of JSON names of a built message.
result build_names(struct contract *contract, struct contract_message *about, struct fault *fault);

// Sets about->known_type. ERR_FORMAT if a type of that name has not the fields it must have.
result known_check(struct contract_message *about, struct fault *fault);

#endif
