// SPDX-License-Identifier: EUPL-1.2
//
// Lets protobuf-c allocate from an arena, so that a message is bounded by the arena's limit and dies with it.
// Such messages are never freed singly (protobuf_c_message_free_unpacked would do nothing).
#ifndef BESA_CONTRACT_ALLOCATOR_H
#define BESA_CONTRACT_ALLOCATOR_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

// An allocator over `arena`, which must outlive it. When the arena is exhausted protobuf_c_message_unpack gives NULL.
ProtobufCAllocator allocator_of(struct arena *arena);

#endif
