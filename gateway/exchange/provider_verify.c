// SPDX-License-Identifier: EUPL-1.2
//
// What another gateway sent, checked before anything of it is used.
#include "base/clock.h"
#include "exchange/provider_state.h"

// The seal: the statement stands in the ledger of the member that speaks, and came from a gateway that hosts it.
static result verify_seal(struct provider *provider, struct fault *fault)
{
	const struct seal_key *key = NULL;
	result code = envelope_decode_seal(provider->envelope.seal, &provider->seal, fault);
	if (code == OK) {
		code = directory_seal_key(provider->directory, provider->seal.origin, clock_wall_us(), &key, fault);
		code = code == ERR_NOT_FOUND ? ERR_SEAL_INVALID : code;
	}
	if (code == OK) {
		code = seal_verify(provider->node->seals, key, provider->envelope.statement, &provider->seal,
				   &provider->verified, fault);
	}
	if (code == OK) {
		code = seal_check_member(&provider->verified, &provider->statement, fault);
	}
	if (code == OK &&
	    !directory_peer_hosts(provider->directory, provider->fingerprint, provider->statement.member)) {
		code = fault_set(fault, ERR_MEMBER_MISMATCH, "the calling gateway does not host %.*s",
				 (int)provider->statement.member.size, (const char *)provider->statement.member.data);
	}
	return code;
}

// No other gateway and no other shard may take the request.
static result verify_addressee(const struct provider *provider, struct fault *fault)
{
	struct slice addressed = provider->request->provider_ledger;
	struct slice own = notary_client_origin(provider->node->notary);
	if (slice_equal(addressed, own)) {
		return OK;
	}
	if (slice_equal(identifier_ledger_of_origin(addressed), identifier_ledger_of_origin(own))) {
		// The words are read by the calling gateway: the origin alone.
		return fault_set(fault, ERR_LEDGER_MOVED, "%.*s", (int)own.size, (const char *)own.data);
	}
	return fault_set(fault, ERR_ADDRESSEE_MISMATCH, "addressed to the ledger %.*s, this is %.*s",
			 (int)addressed.size, (const char *)addressed.data, (int)own.size, (const char *)own.data);
}

static result verify_time(struct provider *provider, struct fault *fault)
{
	int64_t now = clock_wall_us();
	int64_t skew = (int64_t)directory_document(provider->directory)->parameters.clock_skew_us;
	int64_t issued = provider->request->issued_at_us;
	if (issued > now + skew) {
		return fault_set(fault, ERR_CLOCK_SKEW, "issued %lld s in the future by this gateway's clock",
				 (long long)((issued - now) / 1000000));
	}
	if (provider->request->deadline_us + skew < now) {
		return fault_set(fault, issued + skew < now - 600 * INT64_C(1000000) ? ERR_CLOCK_SKEW : ERR_EXPIRED,
				 "the deadline passed %lld s ago by this gateway's clock",
				 (long long)((now - provider->request->deadline_us) / 1000000));
	}
	// The memory of request ids spans the longest deadline: a longer one could be replayed after it.
	int64_t longest = (int64_t)directory_document(provider->directory)->parameters.longest_deadline_us;
	if (provider->request->deadline_us - issued > longest) {
		return fault_set(fault, ERR_ARGUMENT, "a deadline of %lld s is longer than the directory allows",
				 (long long)((provider->request->deadline_us - issued) / 1000000));
	}
	int64_t left = provider->request->deadline_us + skew - now;
	int64_t latest = loop_now_us(provider->node->loop) + left;
	if (latest < provider->deadline_us) {
		provider->deadline_us = latest;
	}
	return OK;
}

static result verify_content(const struct provider *provider, struct fault *fault)
{
	const struct envelope_request *envelope = &provider->envelope;
	const struct statement_request *request = provider->request;
	result code = content_check_payload(envelope->salt, envelope->payload, request->payload_digest,
					    request->payload_size, fault);
	if (code == OK) {
		code = content_check_metadata(envelope->salt, envelope->metadata, request->metadata_digest, fault);
	}
	if (code == OK) {
		code = content_check_private(request->private_commitment, envelope->private_part, fault);
	}
	return code;
}

result provider_verify_request(struct provider *provider, struct fault *fault)
{
	result code = verify_seal(provider, fault);
	provider->is_authentic = code == OK;
	if (code == OK) {
		code = verify_addressee(provider, fault);
	}
	if (code == OK) {
		code = verify_time(provider, fault);
	}
	if (code == OK) {
		code = verify_content(provider, fault);
	}
	return code;
}
