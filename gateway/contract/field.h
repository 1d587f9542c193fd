// SPDX-License-Identifier: EUPL-1.2
//
// Access to the fields of a message whose type is only known at run time (JSON, adapters' bindings, subject marks).
//
// protobuf-c's layout: scalars lie in the struct (bool as int, enum as int32_t), string is `char *`, bytes is
// ProtobufCBinaryData, message is `ProtobufCMessage *`. A repeated field is a count (size_t, at quantifier_offset) and
// a pointer to that many elements. `optional` scalars and bytes have a flag, a oneof the number of its set field (int)
// at quantifier_offset.
#ifndef BESA_CONTRACT_FIELD_H
#define BESA_CONTRACT_FIELD_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/slice.h"

// Bytes one value of the type takes in a struct or array.
size_t field_value_size(ProtobufCType type);

// A field by its number or original name; NULL if there is none.
const ProtobufCFieldDescriptor *field_by_name(const ProtobufCMessageDescriptor *descriptor, struct slice name);
const ProtobufCFieldDescriptor *field_by_number(const ProtobufCMessageDescriptor *descriptor, uint32_t number);

// A value of an enum by its number or by one of its names; NULL if there is none.
const ProtobufCEnumValue *field_enum_by_number(const ProtobufCEnumDescriptor *enumeration, int32_t number);
const ProtobufCEnumValue *field_enum_by_name(const ProtobufCEnumDescriptor *enumeration, struct slice name);

// Number of values a message holds of the field: elements of a repeated one; else 1 if it is set, and 0 if not. A field
// with implicit presence is set if it differs from its default.
size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

// The place of value `i` (0 for a singular field), to be read as the field's C type. For a singular field it may be
// asked whether set or not; an unset field of a oneof must not be.
const void *field_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i);

// Place for a value of a singular field, marked as set (oneof: chosen; what another member held is forgotten). The
// caller writes the value there. A string or message pointer must not stay NULL.
void *field_set(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

// Makes a repeated field hold `count` zeroed values, which replace those it had; the place of the first, NULL when the
// arena is exhausted.
void *field_resize(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count, struct arena *arena);

#endif
