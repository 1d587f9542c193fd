// SPDX-License-Identifier: EUPL-1.2
//
// A contract: the FileDescriptorSet of one or more services, as `protoc --include_imports
// --descriptor_set_out` writes it, loaded at run time into protobuf-c descriptors. So a service is
// published by handing in a file, and no gateway is recompiled (blueprint 2.6).
//
// The bytes are hostile: whoever may publish a service may send them. Loading is bounded in size, count,
// depth and memory (CONTRACT_*_MAX), refuses what it does not understand, and never trusts protoc to have checked.
//
// Loaded: proto3 files with implicit and explicit (`optional`) presence, oneofs, maps, enums with aliases, nested and
// recursive types, packed and unpacked repeated fields, every scalar type, services. Types of proto2 files (in practice
// google/protobuf/descriptor.proto, imported to declare options) are known by name only: a proto3 message that uses one
// is refused. Groups and editions are refused. Options are not interpreted but kept as bytes, see contract_option().
//
// A contract does not change after loading and may be shared by any number of readers.
#ifndef BESA_CONTRACT_CONTRACT_H
#define BESA_CONTRACT_CONTRACT_H

#include <protobuf-c/protobuf-c.h>

#include "base/result.h"
#include "base/slice.h"

enum {
	CONTRACT_DIGEST_SIZE = 32,              // SHA-256
	CONTRACT_SET_MAX = 16 * 1024 * 1024,    // bytes of a descriptor set: stops a publisher filling the memory
	CONTRACT_MEMORY_MAX = 64 * 1024 * 1024, // bytes of one loaded contract, its set included: the same, amplified
	CONTRACT_FILES_MAX = 4096,              // files of a set
	CONTRACT_TYPES_MAX = 65536,             // messages and enums of a set
	CONTRACT_FIELDS_MAX = 4096,             // fields of one message: bounds the size of its struct, which one
						// two-byte empty sub-message on the wire makes us allocate
	CONTRACT_VALUES_MAX = 16384,            // values of one enum
	CONTRACT_METHODS_MAX = 4096,            // methods of one service
	CONTRACT_NESTING_MAX = 32,              // message declarations inside message declarations
	CONTRACT_NAME_MAX = 512,                // bytes of a full name
};

struct contract;

// google.protobuf types that JSON spells in a way of their own. A file may declare them only with
// exactly the fields they have.
enum contract_known_type {
	CONTRACT_ORDINARY, // every other message
	CONTRACT_ANY,
	CONTRACT_TIMESTAMP,
	CONTRACT_DURATION,
	CONTRACT_FIELD_MASK,
	CONTRACT_STRUCT,
	CONTRACT_VALUE,
	CONTRACT_LIST_VALUE,
	CONTRACT_EMPTY,
	CONTRACT_WRAPPER, // BoolValue, Int32Value, … : one field `value`, number 1
};

// What the contract knows about a field beyond its ProtobufCFieldDescriptor.
struct contract_field {
	const char *json_name;
	bool is_map;          // repeated entry messages with fields 1 `key` and 2 `value`
	bool has_presence;    // whether "unset" and "set to the default" differ (message, optional, oneof)
	const char *oneof;    // name of the oneof it belongs to; NULL outside one and for proto3 `optional`
	struct slice options; // FieldOptions as serialised in the set; empty if there are none
};

// What the contract knows about a message beyond its ProtobufCMessageDescriptor.
struct contract_message {
	const ProtobufCMessageDescriptor *descriptor;
	const struct contract *contract;
	enum contract_known_type known_type;
	bool is_map_entry;
	const struct contract_field *fields; // parallel to descriptor->fields
	struct slice options;                // MessageOptions as serialised
	const struct contract_name *names;   // internal: JSON and original names, sorted
	unsigned name_count;
};

enum contract_idempotency {
	CONTRACT_IDEMPOTENCY_UNKNOWN = 0,
	CONTRACT_NO_SIDE_EFFECTS = 1,
	CONTRACT_IDEMPOTENT = 2,
};

struct contract_service;

struct contract_method {
	const char *name; // "GetPerson"
	const char *path; // "/rks.civil.v1.CivilRegistry/GetPerson", the :path of gRPC
	const struct contract_service *service;
	const ProtobufCMessageDescriptor *input;
	const ProtobufCMessageDescriptor *output;
	bool client_streaming;
	bool server_streaming;
	bool deprecated;
	enum contract_idempotency idempotency;
	struct slice options; // MethodOptions as serialised (google.api.http and the like)
};

struct contract_service {
	const char *name; // "rks.civil.v1.CivilRegistry"
	const struct contract *contract;
	size_t method_count;
	const struct contract_method *methods; // in the order of the file
	const ProtobufCServiceDescriptor *descriptor;
	struct slice options; // ServiceOptions as serialised
};

// One .proto file of the set, for server reflection.
struct contract_file {
	const char *name;        // "rks/civil/v1/civil.proto"
	struct slice descriptor; // its FileDescriptorProto as serialised in the set
};

// Loads a descriptor set; the bytes are copied. The caller frees the contract.
// ERR_FORMAT: not a well-formed set, or one that no protoc makes; ERR_UNSUPPORTED: proto2 types in use, groups,
// editions; ERR_LIMIT: a CONTRACT_*_MAX is exceeded; ERR_MEMORY. The fault names file, type and field.
result contract_load(struct slice descriptor_set, struct contract **ret_contract, struct fault *fault);

// The same from a file; also the errors of file_read().
result contract_load_file(const char *path, struct contract **ret_contract, struct fault *fault);

// Frees a contract and every descriptor in it; NULL-safe. Messages made with it must be gone.
void contract_free(struct contract *contract);

// The set as it was handed in, and its SHA-256, the `contract_digest` of statements and directory.
struct slice contract_bytes(const struct contract *contract);
const uint8_t *contract_digest(const struct contract *contract); // CONTRACT_DIGEST_SIZE bytes

// Bytes of memory the contract holds.
size_t contract_memory(const struct contract *contract);

// Services, in the order of the set. NULL if there is none of that full name.
size_t contract_service_count(const struct contract *contract);
const struct contract_service *contract_service_at(const struct contract *contract, size_t i);
const struct contract_service *contract_find_service(const struct contract *contract, struct slice full_name);

// A method by its short name; NULL if the service has none.
const struct contract_method *contract_find_method(const struct contract_service *service, struct slice name);

// A method by gRPC path, "/package.Service/Method"; NULL if there is none.
const struct contract_method *contract_find_path(const struct contract *contract, struct slice path);

// A message or enum by full name, without leading dot; NULL if there is none.
const ProtobufCMessageDescriptor *contract_find_message(const struct contract *contract, struct slice full_name);
const ProtobufCEnumDescriptor *contract_find_enum(const struct contract *contract, struct slice full_name);

// Files of the set, in its order; by name; by any symbol a file declares (message, enum, service, method
// as "package.Service.Method").
size_t contract_file_count(const struct contract *contract);
const struct contract_file *contract_file_at(const struct contract *contract, size_t i);
const struct contract_file *contract_find_file(const struct contract *contract, struct slice name);
const struct contract_file *contract_file_of_symbol(const struct contract *contract, struct slice symbol);

// The contract's knowledge of a descriptor; NULL for a descriptor that protoc-c generated.
const struct contract_message *contract_message_of(const ProtobufCMessageDescriptor *descriptor);
const struct contract_field *contract_field_of(const ProtobufCMessageDescriptor *descriptor,
					       const ProtobufCFieldDescriptor *field);

// The field that JSON calls `name`: its JSON name, else its original name; NULL if there is none. Only for
// descriptors of a contract.
const ProtobufCFieldDescriptor *contract_field_by_json_name(const ProtobufCMessageDescriptor *descriptor,
							    struct slice name);

// One field of serialised options, such as an extension: the content of a length-delimited one, else its
// undecoded bytes. Of several the last counts. False if it is not there.
bool contract_option(struct slice options, uint32_t number, struct slice *ret_value);

#endif
