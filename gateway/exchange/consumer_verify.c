// SPDX-License-Identifier: EUPL-1.2
//
// What the provider's gateway answered, checked whole before anything of it is used.
#include "base/clock.h"
#include "exchange/consumer_state.h"

// That the response is the answer to our request, by whom we asked.
static result check_answers(const struct consumer *consumer, struct fault *fault)
{
	const struct statement_response *response = &consumer->response.body.response;
	if (!slice_equal(response->exchange_id, slice_of(consumer->exchange_id, IDENTIFIER_UUID_SIZE)) ||
	    !slice_equal(response->request_hash, slice_of(consumer->request.leaf_hash, STATEMENT_HASH_SIZE))) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "the response answers another request");
	}
	if (!slice_equal(response->provider, consumer->provider.subsystem->id)) {
		return fault_set(fault, ERR_MEMBER_MISMATCH, "the response is by another subsystem than was asked");
	}
	return OK;
}

static result check_content(const struct consumer *consumer, struct fault *fault)
{
	const struct statement_response *response = &consumer->response.body.response;
	const struct envelope_response *envelope = &consumer->envelope;
	if (envelope->repeated_request) {
		// Content is not kept: there is none to check, so there may be none.
		return envelope->payload.size || envelope->metadata.size
			   ? fault_set(fault, ERR_DIGEST_MISMATCH, "content came with the answer to a repeated request")
			   : OK;
	}
	result code = content_check_metadata(envelope->salt, envelope->metadata, response->metadata_digest, fault);
	if (code == OK && response->payload_digest.size) {
		code = content_check_payload(envelope->salt, envelope->payload, response->payload_digest,
					     response->payload_size, fault);
	} else if (code == OK && envelope->payload.size) {
		code = fault_set(fault, ERR_DIGEST_MISMATCH, "a payload came that the response does not know of");
	}
	return code;
}

static result verify_seal(struct consumer *consumer, struct fault *fault)
{
	struct envelope_response *envelope = &consumer->envelope;
	struct envelope_seal foreign_seal;
	const struct seal_key *key = NULL;
	result code = envelope_decode_response(envelope->payload, envelope, fault);
	if (code == OK) {
		code = statement_parse(envelope->statement, &consumer->arena, &consumer->response, fault);
	}
	if (code == OK) {
		code = envelope_decode_seal(envelope->seal, &foreign_seal, fault);
	}
	if (code == OK &&
	    !slice_equal(identifier_ledger_of_origin(foreign_seal.origin), slice_text(consumer->peer_ledger))) {
		code = fault_set(fault, ERR_SEAL_INVALID, "sealed in %.*s, not by the gateway that was asked",
				 (int)foreign_seal.origin.size, (const char *)foreign_seal.origin.data);
	}
	if (code == OK) {
		code = directory_seal_key(consumer->directory, foreign_seal.origin, clock_wall_us(), &key, fault);
	}
	if (code == OK) {
		code = seal_verify(consumer->node->seals, key, envelope->statement, &foreign_seal, &consumer->verified,
				   fault);
	}
	if (code == OK) {
		code = seal_check_member(&consumer->verified, &consumer->response, fault);
	}
	return code;
}

result consumer_verify_answer(struct consumer *consumer, struct fault *fault)
{
	result code = verify_seal(consumer, fault);
	if (code == OK && consumer->response.type == STATEMENT_RECEIVED && consumer->envelope.repeated_request) {
		return fault_set(fault, ERR_REPLAYED, "the request is on record and not answered yet");
	}
	if (code == OK && consumer->response.type != STATEMENT_RESPONSE) {
		code = fault_set(fault, ERR_STATEMENT_INVALID, "the answer is no response statement");
	}
	if (code == OK) {
		code = check_answers(consumer, fault);
	}
	if (code == OK) {
		code = check_content(consumer, fault);
	}
	return code;
}
