// SPDX-License-Identifier: EUPL-1.2
//
// Makes the descriptors of a ServiceDescriptorProto.
#include <stdlib.h>

#include "contract/load.h"

enum {
	SERVICE_METHOD = 2,
	SERVICE_OPTIONS = 3,
	METHOD_NAME = 1,
	METHOD_INPUT = 2,
	METHOD_OUTPUT = 3,
	METHOD_OPTIONS = 4,
	METHOD_CLIENT_STREAMING = 5,
	METHOD_SERVER_STREAMING = 6,
	METHOD_OPTION_DEPRECATED = 33,
	METHOD_OPTION_IDEMPOTENCY = 34,
};

static result resolve(struct contract *contract, const struct symbol *service, struct slice name, struct slice type,
		      const ProtobufCMessageDescriptor **ret_message, struct fault *fault)
{
	struct symbol *symbol = NULL;
	result r = symbol_resolve(contract, type, &symbol, fault);
	if (r == OK && symbol->kind != SYMBOL_MESSAGE) {
		r = fault_set(fault, ERR_FORMAT, "input or output is not a message");
	}
	if (r != OK) {
		return fault_prefix(fault, r, "method \"%s.%.*s\"", service->name, (int)name.size,
				    (const char *)name.data);
	}
	*ret_message = symbol->message;
	return OK;
}

static void read_options(struct contract_method *method)
{
	struct slice rest = method->options;
	struct wireformat_item item;
	while (wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		if (item.type != WIREFORMAT_VARINT) {
			continue;
		}
		if (item.number == METHOD_OPTION_DEPRECATED) {
			method->deprecated = item.value != 0;
		} else if (item.number == METHOD_OPTION_IDEMPOTENCY) {
			// A level of a later protobuf promises nothing that we know of.
			method->idempotency = item.value <= CONTRACT_IDEMPOTENT ? (enum contract_idempotency)item.value
										: CONTRACT_IDEMPOTENCY_UNKNOWN;
		}
	}
}

static const char *make_path(struct arena *arena, const char *service, struct slice method)
{
	size_t size = strlen(service);
	char *path = arena_alloc(arena, 1 + size + 1 + method.size + 1);
	if (path) {
		path[0] = '/';
		memcpy(path + 1, service, size);
		path[1 + size] = '/';
		memcpy(path + 2 + size, method.data, method.size);
		path[2 + size + method.size] = '\0';
	}
	return path;
}

static result build_method(struct contract *contract, const struct symbol *service, struct slice bytes,
			   struct contract_method *method, struct fault *fault)
{
	struct wireformat_item item;
	struct slice name = { 0 };
	struct slice input = { 0 };
	struct slice output = { 0 };
	while (wireformat_next(&bytes, &item) == WIREFORMAT_ITEM) {
		if (item.type == WIREFORMAT_LENGTH) {
			struct slice *text = item.number == METHOD_NAME      ? &name
					     : item.number == METHOD_INPUT   ? &input
					     : item.number == METHOD_OUTPUT  ? &output
					     : item.number == METHOD_OPTIONS ? &method->options
									     : NULL;
			if (text) {
				*text = item.bytes;
			}
		} else if (item.type == WIREFORMAT_VARINT) {
			if (item.number == METHOD_CLIENT_STREAMING) {
				method->client_streaming = item.value != 0;
			} else if (item.number == METHOD_SERVER_STREAMING) {
				method->server_streaming = item.value != 0;
			}
		}
	}
	// That the name is an identifier and the declaration whole was checked when it was declared.
	method->name = arena_copy(&contract->arena, name);
	method->path = make_path(&contract->arena, service->name, name);
	method->service = service->service;
	if (!method->name || !method->path) {
		return ERR_LIMIT;
	}
	read_options(method);
	result r = resolve(contract, service, name, input, &method->input, fault);
	return r == OK ? resolve(contract, service, name, output, &method->output, fault) : r;
}

static int by_method_name(const void *a, const void *b, void *methods)
{
	const ProtobufCMethodDescriptor *all = methods;
	return strcmp(all[*(const unsigned *)a].name, all[*(const unsigned *)b].name);
}

static result describe(struct contract *contract, const struct symbol *symbol)
{
	struct contract_service *service = symbol->service;
	ProtobufCServiceDescriptor *descriptor = arena_zalloc(&contract->arena, sizeof *descriptor);
	ProtobufCMethodDescriptor *methods = arena_zalloc(&contract->arena, service->method_count * sizeof *methods);
	unsigned *names = arena_alloc(&contract->arena, service->method_count * sizeof *names);
	if (!descriptor || !methods || !names) {
		return ERR_LIMIT;
	}
	for (unsigned i = 0; i < service->method_count; i++) {
		const struct contract_method *method = &service->methods[i];
		methods[i] = (ProtobufCMethodDescriptor){ .name = method->name,
							  .input = method->input,
							  .output = method->output };
		names[i] = i;
	}
	qsort_r(names, service->method_count, sizeof *names, by_method_name, methods);
	const char *dot = strrchr(symbol->name, '.');
	*descriptor = (ProtobufCServiceDescriptor){
		.magic = PROTOBUF_C__SERVICE_DESCRIPTOR_MAGIC,
		.name = symbol->name,
		.short_name = dot ? dot + 1 : symbol->name,
		.c_name = symbol->name,
		.package = symbol->package,
		.n_methods = (unsigned)service->method_count,
		.methods = methods,
		.method_indices_by_name = names,
	};
	service->descriptor = descriptor;
	return OK;
}

result build_service(struct contract *contract, struct symbol *symbol, struct fault *fault)
{
	struct contract_service *service = symbol->service;
	struct slice rest = symbol->declaration;
	struct wireformat_item item;
	size_t count = 0;
	while (wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		count += item.number == SERVICE_METHOD && item.type == WIREFORMAT_LENGTH;
		if (item.number == SERVICE_OPTIONS && item.type == WIREFORMAT_LENGTH) {
			service->options = item.bytes;
		}
	}
	if (count > CONTRACT_METHODS_MAX) {
		return fault_set(fault, ERR_LIMIT, "service \"%s\": more than %d methods", symbol->name,
				 CONTRACT_METHODS_MAX);
	}
	struct contract_method *methods = arena_zalloc(&contract->arena, count * sizeof *methods);
	if (!methods) {
		return ERR_LIMIT;
	}
	service->name = symbol->name;
	service->contract = contract;
	service->methods = methods;
	result r = OK;
	rest = symbol->declaration;
	while (r == OK && wireformat_next(&rest, &item) == WIREFORMAT_ITEM) {
		if (item.number == SERVICE_METHOD && item.type == WIREFORMAT_LENGTH) {
			r = build_method(contract, symbol, item.bytes, &methods[service->method_count++], fault);
		}
	}
	return r == OK ? describe(contract, symbol) : r;
}
