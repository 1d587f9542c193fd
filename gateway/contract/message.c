// SPDX-License-Identifier: EUPL-1.2
#include "contract/message.h"

#include "contract/allocator.h"
#include "contract/field.h"

// Writes the default of a field that has one (generated descriptors of proto2 have; in proto3 only text: "").
static void set_default(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	uint8_t *place = (uint8_t *)message + field->offset;
	if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
		*(const void **)place = field->default_value;
	} else {
		memcpy(place, field->default_value, field_value_size(field->type));
	}
}

ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *descriptor, struct arena *arena)
{
	ProtobufCMessage *message = arena_zalloc(arena, descriptor->sizeof_message);
	if (!message) {
		return NULL;
	}
	message->descriptor = descriptor;
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		if (field->default_value && field->label != PROTOBUF_C_LABEL_REPEATED &&
		    !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) {
			set_default(message, field);
		}
	}
	return message;
}

result message_unpack(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
		      const struct prescan_limits *limits, struct arena *arena, ProtobufCMessage **ret_message,
		      struct fault *fault)
{
	struct prescan_cost cost;
	result r = prescan_check(descriptor, bytes, limits ? limits : &prescan_default_limits, &cost, fault);
	if (r != OK) {
		return r;
	}
	if (cost.memory > arena->limit - arena->used) {
		return fault_set(fault, ERR_LIMIT, "the message takes %zu bytes of memory, more than there are",
				 cost.memory);
	}
	ProtobufCAllocator allocator = allocator_of(arena);
	ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data);
	if (!message) {
		// The pre-scan accepts nothing that protobuf-c refuses: what is left is memory.
		return fault_set(fault, ERR_MEMORY, "no memory to unpack the message");
	}
	*ret_message = message;
	return OK;
}

result message_pack(const ProtobufCMessage *message, struct buffer *buffer)
{
	uint8_t *place = buffer_reserve(buffer, protobuf_c_message_get_packed_size(message));
	if (place) {
		protobuf_c_message_pack(message, place);
	}
	return buffer_result(buffer);
}
