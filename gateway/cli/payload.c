// SPDX-License-Identifier: EUPL-1.2
//
// The pre-scan goes before protobuf-c here too: what a gateway answers is foreign bytes.
#include "cli/payload.h"

#include "base/file.h"
#include "base/text.h"
#include "contract/allocator.h"
#include "contract/json.h"
#include "contract/prescan.h"
#include "crypto/digest.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum {
	PATH_SIZE = 4096,
	PAYLOAD_ARENA_MAX = 512 * 1024 * 1024, // of a message as a tree; JSON of 64 MiB stays within
};

result payload_contract_by_digest(const char *directory, struct slice digest, struct contract **ret_contract,
				  struct fault *fault)
{
	char hex[2 * CONTRACT_DIGEST_SIZE + 1];
	char path[PATH_SIZE];
	struct contract *contract = NULL;
	if (digest.size != CONTRACT_DIGEST_SIZE) {
		return fault_set(fault, ERR_FORMAT, "the contract's digest has the wrong size");
	}
	text_hex(digest.data, digest.size, hex);
	int size = snprintf(path, sizeof path, "%s/%s.binpb", directory, hex);
	if (size < 0 || (size_t)size >= sizeof path) {
		return fault_set(fault, ERR_LIMIT, "the path %s is too long", directory);
	}
	result r = contract_load_file(path, &contract, fault);
	if (r != OK) {
		return r;
	}
	if (!digest_equal(contract_digest(contract), digest.data)) {
		contract_free(contract);
		return fault_set(fault, ERR_TAMPERED, "%s does not have the content its name says", path);
	}
	*ret_contract = contract;
	return OK;
}

result payload_contract_by_service(const char *directory, struct slice service, struct contract **ret_contract,
				   struct fault *fault)
{
	char path[PATH_SIZE];
	DIR *listing = opendir(directory);
	if (!listing) {
		return fault_set(fault, ERR_NOT_FOUND, "the contracts directory %s cannot be read", directory);
	}
	struct contract *found = NULL;
	for (struct dirent *entry = readdir(listing); entry && !found; entry = readdir(listing)) {
		const char *suffix = strrchr(entry->d_name, '.');
		int size = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		struct contract *contract = NULL;
		if (!suffix || strcmp(suffix, ".binpb") != 0 || size < 0 || (size_t)size >= sizeof path ||
		    contract_load_file(path, &contract, NULL) != OK) {
			continue; // a file that is no contract cannot be the one
		}
		if (contract_find_service(contract, service)) {
			found = contract;
		} else {
			contract_free(contract);
		}
	}
	closedir(listing);
	if (!found) {
		return fault_set(fault, ERR_NOT_FOUND, "no contract in %s has the service %.*s", directory,
				 (int)service.size, (const char *)service.data);
	}
	*ret_contract = found;
	return OK;
}

result payload_encode(const struct contract_method *method, struct slice json, struct buffer *bytes,
		      struct fault *fault)
{
	struct arena arena;
	ProtobufCMessage *message = NULL;
	arena_init(&arena, PAYLOAD_ARENA_MAX);
	result r = json_read(method->input, json, NULL, &arena, &message, fault);
	if (r == OK) {
		size_t size = protobuf_c_message_get_packed_size(message);
		uint8_t *room = size ? buffer_reserve(bytes, size) : NULL;
		if (room) {
			protobuf_c_message_pack(message, room);
		}
		r = buffer_result(bytes);
	}
	arena_release(&arena);
	return r;
}

result payload_decode(const struct contract_method *method, int side, struct slice bytes, json_t **ret_json,
		      struct fault *fault)
{
	const ProtobufCMessageDescriptor *type = side == PAYLOAD_SIDE_REQUEST ? method->input : method->output;
	static const struct json_options options = { .emit_defaults = false };
	struct prescan_cost cost;
	struct arena arena;
	arena_init(&arena, PAYLOAD_ARENA_MAX);
	result r = prescan_check(type, bytes, &prescan_default_limits, &cost, fault);
	if (r == OK) {
		ProtobufCAllocator allocator = allocator_of(&arena);
		ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.size, bytes.data);
		r = message ? json_write_value(message, &options, ret_json, fault) : ERR_MEMORY;
	}
	arena_release(&arena);
	return r;
}
