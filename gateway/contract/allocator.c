// SPDX-License-Identifier: EUPL-1.2
#include "contract/allocator.h"

static void *allocate(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void keep(void *arena, void *pointer)
{
	(void)arena;
	(void)pointer; // everything in an arena dies with it
}

ProtobufCAllocator allocator_of(struct arena *arena)
{
	return (ProtobufCAllocator){ .alloc = allocate, .free = keep, .allocator_data = arena };
}
