// SPDX-License-Identifier: EUPL-1.2
//
// The check of serialised messages before protobuf-c sees them.
//
// protobuf-c has no limits of its own: it recurses once per level, allocates the whole struct for each two-byte empty
// sub-message, and copies everything once more when a sub-message field arrives twice. The pre-scan reads the bytes
// once, without allocating and without recursion, and refuses
//   - truncated data, lengths and varints beyond their container, field number 0, groups, unknown wire types;
//   - a known field with a wire type that is not its own (packed and unpacked are both right);
//   - text that is not UTF-8 or holds a NUL, which a C string would hide the rest behind;
//   - a second occurrence of a singular sub-message field: serialisers never write it, and merging is quadratic;
//   - depth, number of fields and elements, or memory beyond the limits.
// What it accepts, protobuf-c unpacks, within the memory reported (measured as an arena counts it).
#ifndef BESA_CONTRACT_PRESCAN_H
#define BESA_CONTRACT_PRESCAN_H

#include <protobuf-c/protobuf-c.h>

#include "base/result.h"
#include "base/slice.h"

enum { PRESCAN_DEPTH_MAX = 100 }; // levels the explicit stack has; protobuf's own customary limit

struct prescan_limits {
	unsigned depth; // messages inside messages, the outermost counts 1; stops exhausting the stack
	size_t fields;  // fields, elements of packed fields and unknown fields in total; stops time spent on trifles
	size_t memory;  // bytes that unpacking may take; stops small messages that grow large
};

// 100 levels, 1,000,000 fields, 64 MiB: for callers without a better number.
extern const struct prescan_limits prescan_default_limits;

// What unpacking will take, for sizing an arena and for accounting.
struct prescan_cost {
	unsigned depth;
	size_t fields;
	size_t memory; // an arena with this limit suffices
};

// Checks `bytes` as a message of the type. ERR_PAYLOAD_INVALID for malformed bytes, ERR_LIMIT beyond a limit; the fault
// says which message type and field number, never content. `ret_cost` may be NULL. Works for descriptors of a contract
// and for those that protoc-c generated (proto3).
result prescan_check(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
		     const struct prescan_limits *limits, struct prescan_cost *ret_cost, struct fault *fault);

#endif
