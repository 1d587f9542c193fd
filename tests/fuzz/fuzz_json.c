// SPDX-License-Identifier: EUPL-1.2
//
// JSON from outside. The first byte chooses the message type, the rest is the text. What is read can be written, and
// what is written reads back as the same text.
#include "contract/contract.h"
#include "contract/json.h"
#include "contract/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 16 * 1024 * 1024 };

static const char *const types[] = { "besa.test.rich.Everything", "besa.test.rich.Scalars", "besa.test.rich.Repeateds",
				     "besa.test.rich.Maps",       "besa.test.rich.Choice",  "besa.test.rich.Known",
				     "google.protobuf.Value",     "google.protobuf.Any",    "google.protobuf.Timestamp",
				     "google.protobuf.FieldMask" };

static const ProtobufCMessageDescriptor *choose(uint8_t byte)
{
	static struct contract *contract;
	if (!contract) {
		assert_always(contract_load_file("build/vectors/contract/rich.binpb", &contract, NULL) == OK);
	}
	const char *name = types[byte % 10];
	return contract_find_message(contract, slice_text(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	const ProtobufCMessageDescriptor *type = choose(data[0]);
	struct json_options options = { .ignore_unknown = data[0] & 64, .emit_defaults = data[0] & 128 };
	struct arena arena;
	struct buffer first;
	struct buffer second;
	struct fault fault;
	ProtobufCMessage *message;
	arena_init(&arena, MEMORY);
	buffer_init(&first, MEMORY);
	buffer_init(&second, MEMORY);
	if (json_read(type, slice_of(data + 1, size - 1), &options, &arena, &message, &fault) == OK &&
	    json_write(message, &options, &first, &fault) == OK &&
	    json_read(type, buffer_slice(&first), &options, &arena, &message, &fault) == OK) {
		assert_always(json_write(message, &options, &second, &fault) == OK);
		assert_always(slice_equal(buffer_slice(&first), buffer_slice(&second)));
	}
	buffer_release(&second);
	buffer_release(&first);
	arena_release(&arena);
	return 0;
}
