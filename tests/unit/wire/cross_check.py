#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Holds Besa's own message tables against the .proto files, with the reference implementation of protobuf.

usage: cross_check.py GENERATED_DIRECTORY < LINES

Lines (made by cross_test.c):
  field ROOT PATH NAME KIND LABEL   a row of a table; PATH are field numbers from the root message
  bytes ROOT HEX                    a message as Besa encodes it
Every field of a .proto must have a row and the other way round; every message must be, byte for byte, what the reference
implementation writes, also after a way through its JSON form, which forgets everything but the fields it knows.
"""

import sys

sys.path.insert(0, sys.argv[1])

from google.protobuf import descriptor_pool, json_format, message_factory  # noqa: E402
from google.protobuf.descriptor import FieldDescriptor as F  # noqa: E402

import besa.directory.v1.directory_pb2  # noqa: E402,F401
import besa.evidence.v1.evidence_pb2  # noqa: E402,F401
import besa.exchange.v1.exchange_pb2  # noqa: E402,F401
import besa.gateway.v1.gateway_pb2  # noqa: E402,F401
import besa.statement.v1.statement_pb2  # noqa: E402,F401

KINDS = {
    F.TYPE_BYTES: "bytes",
    F.TYPE_STRING: "text",
    F.TYPE_UINT32: "uint32",
    F.TYPE_UINT64: "uint64",
    F.TYPE_ENUM: "enum",
    F.TYPE_BOOL: "bool",
    F.TYPE_FIXED64: "time",
    F.TYPE_MESSAGE: "message",
}

pool = descriptor_pool.Default()
factory = message_factory.MessageFactory(pool)
seen = {}  # (root, path of the parent) -> numbers
failures = 0


def fail(text):
    global failures
    failures += 1
    print(text)


def parent_of(root, path):
    descriptor = pool.FindMessageTypeByName(root)
    for number in path:
        descriptor = descriptor.fields_by_number[number].message_type
    return descriptor


def check_field(root, path, name, kind, label):
    path = tuple(int(number) for number in path.split("."))
    parent = parent_of(root, path[:-1])
    seen.setdefault((root, path[:-1]), set()).add(path[-1])
    field = parent.fields_by_number.get(path[-1])
    if field is None:
        fail(f"{root} {path}: no such field in the .proto")
        return
    if field.name != name:
        fail(f"{root} {path}: {name}, in the .proto {field.name}")
    if (field.label == F.LABEL_REPEATED) != (label == "repeated"):
        fail(f"{root} {path}: {label}")
    expected = KINDS[field.type]
    # A seal is kept as the bytes it came in: the same on the wire.
    if kind != expected and not (kind == "bytes" and expected == "message" and name == "seal"):
        fail(f"{root} {path}: {kind}, in the .proto {expected}")
    if kind == "enum":
        known = [value.number for value in field.enum_type.values]
        most = int(sys.stdin.readline().split()[1])
        if known != list(range(most + 1)):
            fail(f"{root} {path}: enum values 0 to {most}, in the .proto {known}")


def check_bytes(root, text):
    data = bytes.fromhex(text)
    kind = factory.GetPrototype(pool.FindMessageTypeByName(root))
    message = kind()
    message.ParseFromString(data)
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != data:
        fail(f"{root}: written differently: {text}")
    again = kind()
    json_format.Parse(json_format.MessageToJson(message), again)
    if again.SerializeToString(deterministic=True) != data:
        fail(f"{root}: different after JSON: {text}")


count = 0
for line in sys.stdin:
    word, *rest = line.split()
    if word == "field":
        check_field(*rest)
    elif word == "bytes":
        check_bytes(rest[0], rest[1] if len(rest) > 1 else "")
        count += 1
for (root, path), numbers in seen.items():
    missing = set(parent_of(root, path).fields_by_number) - numbers
    if missing:
        fail(f"{root} {path}: fields {sorted(missing)} of the .proto have no row")
if count == 0:
    fail("no messages")
sys.exit(1 if failures else 0)
