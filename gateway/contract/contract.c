// SPDX-License-Identifier: EUPL-1.2
#include "contract/contract.h"

#include <stdlib.h>

#include "base/file.h"
#include "contract/load.h"
#include "contract/name.h"
#include "crypto/digest.h"

_Static_assert((int)CONTRACT_DIGEST_SIZE == (int)DIGEST_SIZE, "a contract digest is a SHA-256");

// Fields of map type are known only when their entry messages are.
static void mark_maps(struct contract *contract)
{
	for (struct symbol *symbol = contract->first; symbol; symbol = symbol->next) {
		if (symbol->kind != SYMBOL_MESSAGE) {
			continue;
		}
		const ProtobufCMessageDescriptor *message = symbol->message;
		for (unsigned i = 0; i < message->n_fields; i++) {
			const ProtobufCFieldDescriptor *field = &message->fields[i];
			if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label == PROTOBUF_C_LABEL_REPEATED) {
				// The contract's own table, handed out as read-only.
				struct contract_field *about =
				    (struct contract_field *)&symbol->about_message->fields[i];
				about->is_map = contract_message_of(field->descriptor)->is_map_entry;
			}
		}
	}
}

static result list_services(struct contract *contract)
{
	contract->services = arena_alloc(&contract->arena, contract->service_count * sizeof *contract->services);
	if (!contract->services) {
		return ERR_LIMIT;
	}
	size_t count = 0;
	for (struct symbol *symbol = contract->first; symbol; symbol = symbol->next) {
		if (symbol->kind == SYMBOL_SERVICE) {
			contract->services[count++] = symbol->service;
		}
	}
	return OK;
}

static result build(struct contract *contract, struct fault *fault)
{
	result r = load_files(contract, fault);
	for (struct symbol *symbol = contract->first; r == OK && symbol; symbol = symbol->next) {
		if (symbol->kind == SYMBOL_MESSAGE) {
			r = build_message(contract, symbol, fault);
		} else if (symbol->kind == SYMBOL_ENUM) {
			r = build_enum(contract, symbol, fault);
		} else if (symbol->kind == SYMBOL_SERVICE) {
			r = build_service(contract, symbol, fault);
		}
	}
	if (r != OK) {
		return r;
	}
	mark_maps(contract);
	return list_services(contract);
}

result contract_load(struct slice descriptor_set, struct contract **ret_contract, struct fault *fault)
{
	if (descriptor_set.size > CONTRACT_SET_MAX) {
		return fault_set(fault, ERR_LIMIT, "the descriptor set is larger than %d bytes", CONTRACT_SET_MAX);
	}
	struct contract *contract = calloc(1, sizeof *contract);
	if (!contract) {
		return ERR_MEMORY;
	}
	arena_init(&contract->arena, CONTRACT_MEMORY_MAX);
	// What an exhausted arena says, unless a step finds more precise words.
	result r = fault_set(fault, ERR_LIMIT, "the contract takes more than %d bytes of memory", CONTRACT_MEMORY_MAX);
	char *copy = arena_copy(&contract->arena, descriptor_set);
	if (copy) {
		contract->bytes = slice_of(copy, descriptor_set.size);
		r = build(contract, fault);
	}
	if (r != OK) {
		contract_free(contract);
		return r;
	}
	digest_sha256(contract->bytes, contract->digest);
	*ret_contract = contract;
	return OK;
}

result contract_load_file(const char *path, struct contract **ret_contract, struct fault *fault)
{
	struct buffer content;
	buffer_init(&content, CONTRACT_SET_MAX);
	result r = file_read(path, &content, fault);
	if (r == OK) {
		r = contract_load(buffer_slice(&content), ret_contract, fault);
		if (r != OK) {
			r = fault_prefix(fault, r, "%s", path);
		}
	}
	buffer_release(&content);
	return r;
}

void contract_free(struct contract *contract)
{
	if (contract) {
		arena_release(&contract->arena);
		free(contract);
	}
}

struct slice contract_bytes(const struct contract *contract)
{
	return contract->bytes;
}

const uint8_t *contract_digest(const struct contract *contract)
{
	return contract->digest;
}

size_t contract_memory(const struct contract *contract)
{
	return sizeof *contract + contract->arena.used;
}

size_t contract_service_count(const struct contract *contract)
{
	return contract->service_count;
}

const struct contract_service *contract_service_at(const struct contract *contract, size_t i)
{
	assert_always(i < contract->service_count);
	return contract->services[i];
}

static const struct symbol *find_kind(const struct contract *contract, enum symbol_kind kind, struct slice name)
{
	const struct symbol *symbol = symbol_find(contract, name);
	return symbol && symbol->kind == kind ? symbol : NULL;
}

const struct contract_service *contract_find_service(const struct contract *contract, struct slice full_name)
{
	const struct symbol *symbol = find_kind(contract, SYMBOL_SERVICE, full_name);
	return symbol ? symbol->service : NULL;
}

const ProtobufCMessageDescriptor *contract_find_message(const struct contract *contract, struct slice full_name)
{
	const struct symbol *symbol = find_kind(contract, SYMBOL_MESSAGE, full_name);
	return symbol ? symbol->message : NULL;
}

const ProtobufCEnumDescriptor *contract_find_enum(const struct contract *contract, struct slice full_name)
{
	const struct symbol *symbol = find_kind(contract, SYMBOL_ENUM, full_name);
	return symbol ? symbol->enumeration : NULL;
}

const struct contract_method *contract_find_method(const struct contract_service *service, struct slice name)
{
	const ProtobufCServiceDescriptor *descriptor = service->descriptor;
	size_t low = 0;
	size_t high = service->method_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct contract_method *method = &service->methods[descriptor->method_indices_by_name[middle]];
		int order = name_order(method->name, name);
		if (order == 0) {
			return method;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const struct contract_method *contract_find_path(const struct contract *contract, struct slice path)
{
	if (path.size == 0 || path.data[0] != '/') {
		return NULL;
	}
	struct slice rest = slice_skip(path, 1);
	const uint8_t *stroke = rest.size ? memchr(rest.data, '/', rest.size) : NULL;
	if (!stroke) {
		return NULL;
	}
	size_t size = (size_t)(stroke - rest.data);
	const struct contract_service *service = contract_find_service(contract, slice_of(rest.data, size));
	return service ? contract_find_method(service, slice_skip(rest, size + 1)) : NULL;
}

size_t contract_file_count(const struct contract *contract)
{
	return contract->file_count;
}

const struct contract_file *contract_file_at(const struct contract *contract, size_t i)
{
	assert_always(i < contract->file_count);
	return &contract->files[i];
}

const struct contract_file *contract_find_file(const struct contract *contract, struct slice name)
{
	size_t low = 0;
	size_t high = contract->file_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct contract_file *file = contract->files_by_name[middle];
		int order = name_order(file->name, name);
		if (order == 0) {
			return file;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

const struct contract_file *contract_file_of_symbol(const struct contract *contract, struct slice name)
{
	const struct symbol *symbol = symbol_find(contract, name);
	return symbol ? symbol->file : NULL;
}

const struct contract_message *contract_message_of(const ProtobufCMessageDescriptor *descriptor)
{
	// Generated descriptors have an initialiser and nothing in the reserved pointers.
	return descriptor->message_init ? NULL : descriptor->reserved1;
}

const struct contract_field *contract_field_of(const ProtobufCMessageDescriptor *descriptor,
					       const ProtobufCFieldDescriptor *field)
{
	const struct contract_message *about = contract_message_of(descriptor);
	return about ? &about->fields[field - descriptor->fields] : NULL;
}

bool contract_option(struct slice options, uint32_t number, struct slice *ret_value)
{
	struct wireformat_item item;
	bool found = false;
	while (wireformat_next(&options, &item) == WIREFORMAT_ITEM) {
		if (item.number == number) {
			*ret_value = item.bytes;
			found = true;
		}
	}
	return found;
}
