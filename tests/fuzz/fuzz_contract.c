// SPDX-License-Identifier: EUPL-1.2
//
// Descriptor sets from outside. What loads is usable: every method is found by its path, every input and output can be
// made, packed, unpacked and written as JSON.
#include "contract/contract.h"
#include "contract/json.h"
#include "contract/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 4 * 1024 * 1024 };

static void use_message(const ProtobufCMessageDescriptor *type)
{
	struct arena arena;
	struct buffer wire;
	struct buffer text;
	arena_init(&arena, MEMORY);
	buffer_init(&wire, MEMORY);
	buffer_init(&text, MEMORY);
	ProtobufCMessage *message = message_new(type, &arena);
	assert_always(message && protobuf_c_message_check(message));
	assert_always(message_pack(message, &wire) == OK && wire.size == 0);
	assert_always(message_unpack(type, buffer_slice(&wire), NULL, &arena, &message, NULL) == OK);
	assert_always(json_write(message, &(struct json_options){ .emit_defaults = true }, &text, NULL) == OK);
	assert_always(json_read(type, buffer_slice(&text), NULL, &arena, &message, NULL) == OK);
	buffer_release(&text);
	buffer_release(&wire);
	arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct contract *contract;
	struct fault fault;
	if (contract_load(slice_of(data, size), &contract, &fault) != OK) {
		assert_always(memchr(fault.text, 0, sizeof fault.text));
		return 0;
	}
	for (size_t i = 0; i < contract_service_count(contract); i++) {
		const struct contract_service *service = contract_service_at(contract, i);
		assert_always(contract_find_service(contract, slice_text(service->name)) == service);
		for (size_t m = 0; m < service->method_count; m++) {
			const struct contract_method *method = &service->methods[m];
			assert_always(contract_find_path(contract, slice_text(method->path)) == method);
			use_message(method->input);
			use_message(method->output);
		}
	}
	contract_free(contract);
	return 0;
}
