# SPDX-License-Identifier: EUPL-1.2
#
# The second opinion on the JSON mapping: Google's own json_format. Reads from standard input frames of
#   type name, serialised message, our JSON of it        (each: 4-byte little-endian length, bytes)
# checks that our JSON parses to the message, and answers with its JSON of the message, framed the same. Exits 1 with words at the
# first difference.
import struct
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def read_frame():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        return None
    return sys.stdin.buffer.read(struct.unpack("<I", head)[0])


def load(path):
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as source:
        files.ParseFromString(source.read())
    for file in files.file:
        pool.Add(file)
    return pool


def same(left, right, pool):
    if left.SerializeToString(deterministic=True) == right.SerializeToString(deterministic=True):
        return True
    # The bytes inside an Any may list a map in another order.
    return json_format.MessageToDict(left, descriptor_pool=pool) == json_format.MessageToDict(right, descriptor_pool=pool)


def normal(message, factory):
    """Through the wire once: NaN and empty values then lie the same way in both."""
    return factory.FromString(message.SerializeToString(deterministic=True))


def main():
    pool = load(sys.argv[1])
    types = {}
    while True:
        name = read_frame()
        if name is None:
            return 0
        name = name.decode()
        wire, ours = read_frame(), read_frame().decode()
        if name not in types:
            types[name] = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))
        message = types[name].FromString(wire)
        parsed = json_format.Parse(ours, types[name](), descriptor_pool=pool)
        if not same(normal(message, types[name]), normal(parsed, types[name]), pool):
            print("our JSON means something else:", ours, file=sys.stderr)
            return 1
        theirs = json_format.MessageToJson(message, descriptor_pool=pool).encode()
        sys.stdout.buffer.write(struct.pack("<I", len(theirs)) + theirs)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
