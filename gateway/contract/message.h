// SPDX-License-Identifier: EUPL-1.2
//
// Messages of a contract: made, unpacked and packed. The only way from foreign bytes to a message goes through the
// pre-scan.
#ifndef BESA_CONTRACT_MESSAGE_H
#define BESA_CONTRACT_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "contract/prescan.h"

// An empty message of the type; NULL when the arena is exhausted. (protobuf_c_message_init does not work on run-time
// descriptors: they have no generated initialiser.)
ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *descriptor, struct arena *arena);

// Pre-scans and unpacks into the arena. The errors of prescan_check(); ERR_LIMIT if the arena has no room.
// `limits` may be NULL for the default ones. `bytes` are not needed afterwards.
result message_unpack(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
		      const struct prescan_limits *limits, struct arena *arena, ProtobufCMessage **ret_message,
		      struct fault *fault);

// Appends the serialised message. ERR_LIMIT, ERR_MEMORY of the buffer. Map entries come in the order they are held in.
result message_pack(const ProtobufCMessage *message, struct buffer *buffer);

#endif
