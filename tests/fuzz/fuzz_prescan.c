// SPDX-License-Identifier: EUPL-1.2
//
// Serialised messages from outside. The first byte chooses the type. What the pre-scan accepts, protobuf-c unpacks in
// an arena of just the size the pre-scan named; the message packs to bytes that are accepted again, and JSON is written
// or refused.
#include "contract/allocator.h"
#include "contract/contract.h"
#include "contract/json.h"
#include "contract/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 64 * 1024 * 1024 };

static const char *const types[] = { "besa.test.rich.Everything", "besa.test.rich.Scalars", "besa.test.rich.Optionals",
				     "besa.test.rich.Repeateds",  "besa.test.rich.Maps",    "besa.test.rich.Choice",
				     "besa.test.rich.Known",      "besa.test.rich.Person" };

static const ProtobufCMessageDescriptor *choose(uint8_t byte)
{
	static struct contract *contract;
	if (!contract) {
		assert_always(contract_load_file("build/vectors/contract/rich.binpb", &contract, NULL) == OK);
	}
	return contract_find_message(contract, slice_text(types[byte % 8]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	const ProtobufCMessageDescriptor *type = choose(data[0]);
	struct slice bytes = slice_of(data + 1, size - 1);
	struct prescan_cost cost;
	struct fault fault;
	if (prescan_check(type, bytes, &prescan_default_limits, &cost, &fault) != OK) {
		return 0;
	}
	struct arena arena;
	struct buffer out;
	arena_init(&arena, cost.memory);
	buffer_init(&out, MEMORY);
	ProtobufCAllocator allocator = allocator_of(&arena);
	ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.size, bytes.data);
	assert_always(message);
	assert_always(message_pack(message, &out) == OK);
	assert_always(prescan_check(type, buffer_slice(&out), &prescan_default_limits, NULL, &fault) == OK);
	buffer_clear(&out);
	result_ignore(json_write(message, NULL, &out, &fault));
	buffer_release(&out);
	arena_release(&arena);
	return 0;
}
