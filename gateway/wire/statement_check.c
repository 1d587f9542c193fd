// SPDX-License-Identifier: EUPL-1.2
//
// What the tables cannot say: who may make a statement, and which of its fields go together. Everything here is
// part of the contract: a statement that breaks a rule is none, for every reader.
#include "wire/statement.h"

static result refuse(struct fault *fault, const char *words)
{
	return fault_set(fault, ERR_STATEMENT_INVALID, "%s", words);
}

// Identifiers have passed their tables, so a name belongs to a member if it goes on after it with a slash: no part
// needs to be looked at again.
static bool is_within(struct slice name, struct slice member)
{
	return slice_starts_with(name, member) && name.size > member.size && name.data[member.size] == '/';
}

static struct slice after_besa(struct slice origin)
{
	return slice_skip(origin, sizeof "besa/" - 1);
}

// The member of a legal subsystem id: all but the last part.
static struct slice member_of(struct slice subsystem)
{
	size_t size = subsystem.size;
	while (size > 0 && subsystem.data[size - 1] != '/') {
		size--;
	}
	return slice_of(subsystem.data, size > 0 ? size - 1 : 0);
}

// The subsystem that speaks must belong to the member whose ledger it is; an empty member means that
// the caller does not know it yet.
static result check_speaker(struct slice subsystem, struct slice member, struct fault *fault)
{
	if (member.size == 0 || is_within(subsystem, member)) {
		return OK;
	}
	return fault_set(fault, ERR_MEMBER_MISMATCH, "subsystem %.*s does not belong to member %.*s",
			 (int)subsystem.size, subsystem.data, (int)member.size, member.data);
}

static result check_request(const struct statement_request *request, struct fault *fault)
{
	if (!is_within(after_besa(request->provider_ledger), member_of(request->provider))) {
		return refuse(fault, "Request: provider_ledger is not a ledger of the provider's member");
	}
	if ((request->attempt > 1) != (request->previous_attempt.size != 0)) {
		return refuse(fault, "Request: previous_attempt goes with every attempt but the first");
	}
	if (request->deadline_us <= request->issued_at_us) {
		return refuse(fault, "Request: the deadline is not after the time of issue");
	}
	return OK;
}

static result check_response(const struct statement_response *response, struct fault *fault)
{
	bool answered = response->outcome == STATEMENT_OUTCOME_ANSWERED;
	if (answered != (response->reason.size == 0)) {
		return refuse(fault, "Response: a reason goes with every outcome but `answered`");
	}
	if (!answered && response->grpc_status == GRPC_OK) {
		return refuse(fault, "Response: status OK without an answer");
	}
	if (!answered && response->payload_digest.size != 0) {
		return refuse(fault, "Response: a payload without an answer");
	}
	if (response->payload_size != 0 && response->payload_digest.size == 0) {
		return refuse(fault, "Response: payload_size without payload_digest");
	}
	return OK;
}

static result check_key(const struct statement_key *key, struct slice member, struct fault *fault)
{
	struct slice owner = identifier_member_of_origin(key->origin);
	if (member.size != 0 && !slice_equal(owner, member)) {
		return fault_set(fault, ERR_MEMBER_MISMATCH, "ledger %.*s does not belong to member %.*s",
				 (int)key->origin.size, key->origin.data, (int)member.size, member.data);
	}
	if (key->previous_origin.size == 0) {
		if (key->previous_size != 0 || key->previous_root.size != 0) {
			return refuse(fault, "Key: previous_size or previous_root without previous_origin");
		}
		return OK;
	}
	if (key->previous_root.size == 0) {
		return refuse(fault, "Key: previous_origin without previous_root");
	}
	if (!slice_equal(identifier_member_of_origin(key->previous_origin), owner)) {
		return refuse(fault, "Key: previous_origin is another member's ledger");
	}
	return OK;
}

static result check_grant(const struct statement_grant *grant, struct fault *fault)
{
	if (grant->action == 0 || grant->id.size == 0 || grant->provider.size == 0) {
		return refuse(fault, "Grant: action, id or provider is missing");
	}
	if (grant->action == STATEMENT_GRANT_ADD && (grant->client.size == 0 || grant->service.size == 0)) {
		return refuse(fault, "Grant: client or service is missing");
	}
	if (grant->until_us != 0 && grant->until_us <= grant->from_us) {
		return refuse(fault, "Grant: until_us is not after from_us");
	}
	return OK;
}

result statement_check(enum statement_type type, const union statement_body *body, struct slice member,
		       struct fault *fault)
{
	result code = OK;
	switch (type) {
	case STATEMENT_REQUEST:
		code = check_request(&body->request, fault);
		return code == OK ? check_speaker(body->request.client, member, fault) : code;
	case STATEMENT_RESPONSE:
		code = check_response(&body->response, fault);
		return code == OK ? check_speaker(body->response.provider, member, fault) : code;
	case STATEMENT_RECEIVED:
		return check_speaker(body->received.subsystem, member, fault);
	case STATEMENT_UNANSWERED:
		return check_speaker(body->unanswered.client, member, fault);
	case STATEMENT_REFUSAL_SUMMARY:
		return body->refusal_summary.until_us >= body->refusal_summary.since_us
			   ? OK
			   : refuse(fault, "RefusalSummary: until_us is before since_us");
	case STATEMENT_KEY:
		return check_key(&body->key, member, fault);
	case STATEMENT_EDITION:
		return body->edition.valid_until_us > body->edition.issued_at_us
			   ? OK
			   : refuse(fault, "Edition: valid_until_us is not after issued_at_us");
	case STATEMENT_CERTIFICATE:
		return body->certificate.not_after_us > body->certificate.not_before_us
			   ? OK
			   : refuse(fault, "Certificate: not_after_us is not after not_before_us");
	case STATEMENT_GRANT:
		code = check_grant(&body->grant, fault);
		return code == OK ? check_speaker(body->grant.provider, member, fault) : code;
	case STATEMENT_EVENT:
		return check_speaker(body->event.publisher, member, fault);
	case STATEMENT_OPERATOR:
	case STATEMENT_HOUSEKEEPING:
		return OK;
	case STATEMENT_NONE:
	case STATEMENT_TYPE_COUNT:
		break;
	}
	return refuse(fault, "unknown statement type");
}
