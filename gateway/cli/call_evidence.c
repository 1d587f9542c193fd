// SPDX-License-Identifier: EUPL-1.2
//
// The gateway leaves the payloads out: the caller has them, and a trailer is no place for megabytes.
#include "cli/call_evidence.h"

#include "net/grpc.h"

enum { CERTIFICATES_ARENA_MAX = 16 * 1024 };

result call_evidence_complete(struct slice trailer, struct slice request, const struct slice *response,
			      struct buffer *file, struct fault *fault)
{
	struct envelope_evidence evidence;
	struct buffer bytes;
	struct arena arena;
	if (trailer.size == 0) {
		return fault_set(fault, ERR_NOT_FOUND, "the gateway handed out no evidence");
	}
	buffer_init(&bytes, ENVELOPE_EVIDENCE_MAX);
	arena_init(&arena, CERTIFICATES_ARENA_MAX);
	result r = grpc_bin_decode(&bytes, trailer);
	if (r == OK) {
		r = envelope_decode_evidence(buffer_slice(&bytes), &arena, &evidence, fault);
	}
	if (r == OK && !evidence.has_request) {
		r = fault_set(fault, ERR_FORMAT, "there is no request in it");
	}
	if (r == OK) {
		evidence.request.payload = request;
		evidence.request.has_payload = true;
		if (response && evidence.has_response) {
			evidence.response.payload = *response;
			evidence.response.has_payload = true;
		}
		r = envelope_encode_evidence(&evidence, file, fault);
	}
	arena_release(&arena);
	buffer_release(&bytes);
	return r;
}
