// SPDX-License-Identifier: EUPL-1.2
//
// Messages of a service to and from JSON, by its contract.
#ifndef BESA_CLI_PAYLOAD_H
#define BESA_CLI_PAYLOAD_H

#include "base/buffer.h"
#include "contract/contract.h"

#include <jansson.h>

enum { PAYLOAD_SIDE_REQUEST, PAYLOAD_SIDE_RESPONSE };

// The contract with this digest from a directory of <digest>.binpb files; a file with another content is refused.
// ERR_NOT_FOUND, ERR_TAMPERED, errors of contract_load().
result payload_contract_by_digest(const char *directory, struct slice digest, struct contract **ret_contract,
				  struct fault *fault);

// The first contract of a directory that has the service. ERR_NOT_FOUND.
result payload_contract_by_service(const char *directory, struct slice service, struct contract **ret_contract,
				   struct fault *fault);

// JSON text to the bytes of a method's request, appended.
result payload_encode(const struct contract_method *method, struct slice json, struct buffer *bytes,
		      struct fault *fault);

// Bytes of a method's request or response to a JSON value.
result payload_decode(const struct contract_method *method, int side, struct slice bytes, json_t **ret_json,
		      struct fault *fault);

#endif
