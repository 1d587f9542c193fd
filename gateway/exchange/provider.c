// SPDX-License-Identifier: EUPL-1.2
//
// The provider half; see provider.h. The steps stand in the order in which they happen.
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "exchange/metadata.h"
#include "exchange/provider_state.h"
#include "exchange/record.h"
#include "exchange/refusals.h"
#include "exchange/reply.h"
#include "exchange/services.h"
#include "exchange/step.h"
#include "net/grpc_unary.h"

// The adapter gets a tenth less time, at most this, so that our sealed word about a missed deadline still arrives.
static const int64_t deadline_margin_us = 50000;

static enum step_next accept_call(struct step_run *run);
static enum step_next verify(struct step_run *run);
static enum step_next authorise(struct step_run *run);
static enum step_next record_request(struct step_run *run);
static enum step_next dispatch(struct step_run *run);
static enum step_next await_adapter(struct step_run *run);
static enum step_next seal_response(struct step_run *run);
static enum step_next reply(struct step_run *run);
static enum step_next seal_refusal(struct step_run *run);
static enum step_next seal_failure(struct step_run *run);
static enum step_next tell_fault(struct step_run *run);

// Nothing can fail here: the calling gateway hears what happened, without a seal.
static const struct step fault_answered[] = {
	{ .name = "tell_fault", .run = tell_fault },
	{ 0 },
};

// Nothing was executed: the refusal is evidence.
static const struct step fault_refused[] = {
	{ .name = "seal_refusal", .run = seal_refusal, .waits_for = WAITS_NOTARY, .fault = fault_answered },
	{ .name = "reply", .run = reply, .fault = fault_answered },
	{ 0 },
};

// On record and perhaps executed: the outcome is that there is no answer.
static const struct step fault_failed[] = {
	{ .name = "seal_failure", .run = seal_failure, .waits_for = WAITS_NOTARY, .fault = fault_answered },
	{ .name = "reply", .run = reply, .fault = fault_answered },
	{ 0 },
};

enum { ROW_ACCEPT, ROW_VERIFY, ROW_AUTHORISE, ROW_RECORD, ROW_DISPATCH, ROW_AWAIT, ROW_SEAL, ROW_REPLY, ROW_END };

static const struct step provider_steps[] = {
	[ROW_ACCEPT] = { "accept", accept_call, WAITS_NOT, LIMIT_NONE, fault_answered },
	[ROW_VERIFY] = { "verify", verify, WAITS_NOT, LIMIT_NONE, fault_refused },
	[ROW_AUTHORISE] = { "authorise", authorise, WAITS_NOT, LIMIT_NONE, fault_refused },
	[ROW_RECORD] = { "record", record_request, WAITS_NOTARY, LIMIT_DEADLINE, fault_refused },
	[ROW_DISPATCH] = { "dispatch", dispatch, WAITS_NOT, LIMIT_DEADLINE, fault_failed },
	[ROW_AWAIT] = { "await", await_adapter, WAITS_ADAPTER, LIMIT_DEADLINE, fault_failed },
	[ROW_SEAL] = { "seal", seal_response, WAITS_NOTARY, LIMIT_NONE, fault_answered },
	[ROW_REPLY] = { "reply", reply, WAITS_NOT, LIMIT_NONE, fault_answered },
	[ROW_END] = { 0 },
};

static struct provider *of(struct step_run *run)
{
	return (struct provider *)run;
}

// ---- accept --------------------------------------------------------------------------------------------------------

// What can be read at all; without it there is nobody to seal a refusal for.
static enum step_next accept_call(struct step_run *run)
{
	struct provider *provider = of(run);
	result code = node_ready(provider->node, provider->node->providers, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct h2_peer *peer = h2_connection_peer(grpc_call_connection(provider->call));
	memcpy(provider->fingerprint, peer->fingerprint, sizeof provider->fingerprint);
	provider->deadline_us = grpc_call_deadline_us(provider->call);
	size_t size = 0;
	provider->message = grpc_call_take_message(provider->call, &size);
	code = node_hold(provider->node, size);
	if (code == OK) {
		provider->held = size;
		code = envelope_decode_request(slice_of(provider->message, size), &provider->envelope, &run->fault);
	}
	if (code == OK) {
		code =
		    statement_parse(provider->envelope.statement, &provider->arena, &provider->statement, &run->fault);
	}
	if (code == OK && provider->statement.type != STATEMENT_REQUEST) {
		code = fault_set(&run->fault, ERR_STATEMENT_INVALID, "the statement is no request");
	}
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	provider->request = &provider->statement.body.request;
	statement_leaf_hash(provider->envelope.statement, provider->request_hash);
	identifier_uuid_text(provider->request->exchange_id.data, provider->exchange_text);
	if (!identifier_subsystem_belongs(provider->request->provider, provider->node->member_id)) {
		return step_fault(run, ERR_ADDRESSEE_MISMATCH, "addressed to %.*s, which is no subsystem of %.*s",
				  (int)provider->request->provider.size, (const char *)provider->request->provider.data,
				  (int)provider->node->member_id.size, (const char *)provider->node->member_id.data);
	}
	return STEP_NEXT;
}

// ---- verify --------------------------------------------------------------------------------------------------------

static enum step_next verify(struct step_run *run)
{
	result code = provider_verify_request(of(run), &run->fault);
	return code == OK ? STEP_NEXT : step_fault(run, code, NULL);
}

// ---- authorise -----------------------------------------------------------------------------------------------------

static result find_method(struct provider *provider, struct fault *fault)
{
	const struct statement_request *request = provider->request;
	struct service *service = services_find(provider->node->services, request->provider, request->service);
	if (!service) {
		return fault_set(fault, ERR_SERVICE_UNKNOWN, "%.*s does not offer %.*s", (int)request->provider.size,
				 (const char *)request->provider.data, (int)request->service.size,
				 (const char *)request->service.data);
	}
	provider->service = services_hold(service);
	provider->method =
	    contract_find_method(contract_find_service(service->contract, request->service), request->method);
	if (!provider->method) {
		return fault_set(fault, ERR_METHOD_UNKNOWN, "%s has no method %.*s", service->name,
				 (int)request->method.size, (const char *)request->method.data);
	}
	if (!slice_equal(request->contract_digest,
			 slice_of(contract_digest(service->contract), CONTRACT_DIGEST_SIZE))) {
		return fault_set(fault, ERR_CONTRACT_MISMATCH, "the caller goes by another contract of %s",
				 service->name);
	}
	return OK;
}

static result find_grant(struct provider *provider, struct fault *fault)
{
	const struct statement_request *request = provider->request;
	const struct grants_question question = {
		.client = request->client,
		.provider = request->provider,
		.service = request->service,
		.method = request->method,
		.purpose = request->purpose,
		.now_us = clock_wall_us(),
	};
	const struct grants_entry *grant = NULL;
	result code = grants_evaluate(provider->node->grants, &question, &grant, fault);
	if (code != OK) {
		return code;
	}
	const char *id = arena_copy(&provider->arena, grant->grant.id);
	provider->grant_id = slice_of(id, grant->grant.id.size);
	return id ? OK : ERR_MEMORY;
}

static enum step_next authorise(struct step_run *run)
{
	struct provider *provider = of(run);
	result code = find_method(provider, &run->fault);
	if (code == OK) {
		code = find_grant(provider, &run->fault);
	}
	if (code == OK) {
		code = services_check_payload(provider->method, provider->envelope.payload, &run->fault);
	}
	return code == OK ? STEP_NEXT : step_fault(run, code, NULL);
}

// ---- record --------------------------------------------------------------------------------------------------------

// The request id was taken before: the stored outcome, or that it is still open, is the answer.
static result take_report(struct provider *provider, struct slice report)
{
	struct envelope_outcome_report stored;
	result code = envelope_decode_outcome_report(report, &stored, NULL);
	const struct envelope_sealed *sealed = stored.has_outcome ? &stored.outcome : &stored.received;
	if (code != OK || !(stored.has_outcome || stored.has_received)) {
		return code == OK ? ERR_NOT_FOUND : code;
	}
	buffer_clear(&provider->response.leaf);
	buffer_clear(&provider->response.seal);
	buffer_append_slice(&provider->response.leaf, sealed->statement);
	buffer_append_slice(&provider->response.seal, sealed->seal);
	provider->is_repeated = true;
	provider->is_sealed = true;
	return buffer_result(&provider->response.leaf) == OK ? buffer_result(&provider->response.seal) : ERR_LIMIT;
}

static void request_recorded(void *context, const struct notary_answer *answer)
{
	struct provider *provider = context;
	bool is_ours = answer->code == ERR_REPLAYED || answer->code == ERR_EXISTS;
	if (is_ours && take_report(provider, answer->report) == OK) {
		step_jump(&provider->run, &provider_steps[ROW_REPLY]);
		step_resume(&provider->run, OK);
		return;
	}
	step_resume(&provider->run, answer->code == ERR_EXISTS ? ERR_REPLAYED : answer->code);
}

static enum step_next record_request(struct step_run *run)
{
	struct provider *provider = of(run);
	uint8_t seal_hash[DIGEST_SIZE];
	digest_sha256(provider->envelope.seal, seal_hash);
	const union statement_body body = { .received = {
						.exchange_id = provider->request->exchange_id,
						.type = STATEMENT_REQUEST,
						.statement_hash = slice_of(provider->request_hash, STATEMENT_HASH_SIZE),
						.seal_hash = slice_of(seal_hash, sizeof seal_hash),
						.origin = provider->verified.origin,
						.index = provider->verified.index,
						.subsystem = provider->request->provider,
						.checks = STATEMENT_CHECKED_ALL,
					    } };
	buffer_clear(&provider->body);
	result code = statement_encode_body(STATEMENT_RECEIVED, &body, &provider->body, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct notary_record record = {
		.type = STATEMENT_RECEIVED,
		.body = buffer_slice(&provider->body),
		.attachment = record_attachment(provider->envelope.statement, provider->envelope.seal),
		.private_part = provider->envelope.private_part,
	};
	notary_client_append(provider->node->notary, &provider->notary, &record, request_recorded, provider);
	return STEP_WAIT;
}

// ---- dispatch ------------------------------------------------------------------------------------------------------

static int64_t adapter_deadline_us(const struct provider *provider)
{
	int64_t now = loop_now_us(provider->node->loop);
	int64_t left = provider->deadline_us - now;
	int64_t margin = left / 10 < deadline_margin_us ? left / 10 : deadline_margin_us;
	int64_t deadline = provider->deadline_us - margin;
	return deadline < now + provider->service->timeout_us ? deadline : now + provider->service->timeout_us;
}

// What the adapter is told beside the message: the forwarded metadata, and who asks.
static result adapter_metadata(struct provider *provider, struct h2_header *headers, size_t room, size_t *ret_count,
			       struct fault *fault)
{
	struct content_metadata metadata = { 0 };
	struct content_private private_part = { 0 };
	result code = OK;
	if (provider->envelope.metadata.size) {
		code = content_decode_metadata(provider->envelope.metadata, &provider->arena, &metadata, fault);
	}
	if (code == OK && provider->envelope.private_part.size) {
		code = content_decode_private(provider->envelope.private_part, &provider->arena, &private_part, fault);
	}
	const struct h2_header own[] = {
		{ .name = slice_text(METADATA_EXCHANGE_ID),
		  .value = slice_text(provider->exchange_text),
		  .flags = H2_HEADER_SECRET },
		{ .name = slice_text(METADATA_CLIENT), .value = provider->request->client },
		{ .name = slice_text(METADATA_PURPOSE), .value = provider->request->purpose },
		{ .name = slice_text(METADATA_LEGAL_BASIS), .value = provider->request->legal_basis },
		{ .name = slice_text(METADATA_USER), .value = private_part.user, .flags = H2_HEADER_SECRET },
		{ .name = slice_text(METADATA_PARTY),
		  .value = private_part.represented_party,
		  .flags = H2_HEADER_SECRET },
		{ .name = slice_text(METADATA_ISSUE), .value = private_part.issue, .flags = H2_HEADER_SECRET },
	};
	size_t own_count = sizeof own / sizeof own[0];
	size_t count = metadata_headers(&metadata.entries, headers, room - own_count);
	for (size_t i = 0; i < own_count; i++) {
		if (own[i].value.size) {
			headers[count++] = own[i];
		}
	}
	*ret_count = count;
	return code;
}

static void adapter_answered(void *context, const struct grpc_unary_result *answer, bool *keep_message);

static enum step_next dispatch(struct step_run *run)
{
	struct provider *provider = of(run);
	struct h2_header headers[H2_HEADER_SEND_MAX - 8]; // the call adds headers of its own
	size_t count = 0;
	result code = adapter_metadata(provider, headers, sizeof headers / sizeof headers[0], &count, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct grpc_unary_request request = {
		.path = slice_text(provider->method->path),
		.authority = slice_text("adapter"),
		.metadata = headers,
		.metadata_count = count,
		.deadline_us = adapter_deadline_us(provider),
		.payload = provider->envelope.payload,
		.response_max = (size_t)provider->node->settings->limits.payload_max,
	};
	provider->unary =
	    grpc_unary_start(provider->node->loop, provider->service->adapter, &request, adapter_answered, provider);
	return provider->unary ? STEP_NEXT : step_fault(run, ERR_MEMORY, NULL);
}

static result adapter_reason(const struct grpc_unary_result *answer)
{
	switch (answer->cause) {
	case ERR_TIMEOUT:
		return ERR_TIMEOUT;
	case ERR_PAYLOAD_TOO_LARGE:
		return ERR_PAYLOAD_TOO_LARGE;
	default:
		return answer->not_processed ? ERR_ADAPTER_UNAVAILABLE : ERR_ADAPTER_FAILED;
	}
}

static void adapter_answered(void *context, const struct grpc_unary_result *answer, bool *keep_message)
{
	struct provider *provider = context;
	provider->unary = NULL;
	if (!answer->from_peer) {
		result code = adapter_reason(answer);
		log_event(LOG_LEVEL_WARNING, "adapter_failed", "service=%s exchange=%s reason=%s text=\"%.*s\"",
			  provider->service->name, provider->exchange_text, result_wire_name(code),
			  (int)answer->status_message.size, (const char *)answer->status_message.data);
		step_resume(&provider->run, code);
		return;
	}
	provider->outcome = STATEMENT_OUTCOME_ANSWERED;
	provider->status = answer->status;
	if (answer->status == GRPC_OK) {
		*keep_message = true;
		provider->payload_bytes = answer->message;
		provider->payload = slice_of(answer->message, answer->message_size);
	}
	buffer_clear(&provider->metadata);
	result code = metadata_encode_response(answer->metadata, answer->trailers, answer->status_message,
					       &provider->metadata, &provider->run.fault);
	step_resume(&provider->run, code == OK ? OK : ERR_ADAPTER_FAILED);
}

static enum step_next await_adapter(struct step_run *run)
{
	(void)run; // adapter_answered() comes from the loop
	return STEP_WAIT;
}

// ---- seal ----------------------------------------------------------------------------------------------------------

static result fault_reason(const struct step_run *run)
{
	return run->failure == OK ? ERR_INTERNAL : run->failure;
}

static void response_sealed(void *context, const struct notary_answer *answer)
{
	struct provider *provider = context;
	result code = answer->code;
	if (code == OK) {
		code = record_take(&provider->response, STATEMENT_RESPONSE, provider->node->member_id,
				   buffer_slice(&provider->body), answer);
		provider->is_sealed = code == OK;
	} else if (code == ERR_EXISTS && provider->is_authentic) {
		code = take_report(provider, answer->report); // sealed meanwhile, or a refusal repeated
	}
	// A fault that cannot be sealed is answered as what it is.
	step_resume(&provider->run, code != OK && provider->run.in_fault_table ? fault_reason(&provider->run) : code);
}

// Puts a response statement on record; `attachment` is the foreign request where no RECEIVED record holds it.
static enum step_next append_response(struct provider *provider, const struct statement_response *response,
				      struct slice attachment)
{
	const union statement_body body = { .response = *response };
	buffer_clear(&provider->body);
	result code = statement_encode_body(STATEMENT_RESPONSE, &body, &provider->body, &provider->run.fault);
	if (code != OK) {
		return step_fault(&provider->run, code, NULL);
	}
	const struct notary_record record = {
		.type = STATEMENT_RESPONSE,
		.want_seal = true,
		.body = buffer_slice(&provider->body),
		.attachment = attachment,
	};
	notary_client_append(provider->node->notary, &provider->notary, &record, response_sealed, provider);
	return STEP_WAIT;
}

static enum step_next seal_response(struct step_run *run)
{
	struct provider *provider = of(run);
	uint8_t payload_digest[CONTENT_DIGEST_SIZE];
	uint8_t metadata_digest[CONTENT_DIGEST_SIZE];
	struct slice metadata = buffer_slice(&provider->metadata);
	bool has_payload = provider->status == GRPC_OK;
	random_bytes(provider->salt, sizeof provider->salt);
	if (has_payload) {
		content_payload_digest(provider->salt, provider->payload, payload_digest);
	}
	if (metadata.size) {
		content_metadata_digest(provider->salt, metadata, metadata_digest);
	}
	const struct statement_response response = {
		.exchange_id = provider->request->exchange_id,
		.provider = provider->request->provider,
		.request_hash = slice_of(provider->request_hash, STATEMENT_HASH_SIZE),
		.outcome = provider->outcome,
		.grpc_status = provider->status,
		.grant_id = provider->grant_id,
		.payload_digest = slice_of(payload_digest, has_payload ? sizeof payload_digest : 0),
		.payload_size = has_payload ? provider->payload.size : 0,
		.metadata_digest = slice_of(metadata_digest, metadata.size ? sizeof metadata_digest : 0),
	};
	return append_response(provider, &response, slice_of(NULL, 0));
}

// ---- reply ---------------------------------------------------------------------------------------------------------

// Tags, lengths and the salt of an envelope's head.
enum { REPLY_MARGIN = 128 };

static enum step_next reply(struct step_run *run)
{
	struct provider *provider = of(run);
	if (!provider->call) {
		return STEP_NEXT;
	}
	bool has_content = !provider->is_repeated && provider->outcome == STATEMENT_OUTCOME_ANSWERED;
	const struct envelope_response envelope = {
		.statement = buffer_slice(&provider->response.leaf),
		.seal = buffer_slice(&provider->response.seal),
		.salt = slice_of(provider->salt, has_content ? sizeof provider->salt : 0),
		.metadata = has_content ? buffer_slice(&provider->metadata) : slice_of(NULL, 0),
		.repeated_request = provider->is_repeated,
		.detail = slice_text(run->in_fault_table ? run->fault.text : ""),
	};
	struct buffer head;
	buffer_init(&head, ENVELOPE_HEAD_MAX);
	buffer_expect(&head, envelope.statement.size + envelope.seal.size + envelope.metadata.size +
				 envelope.detail.size + REPLY_MARGIN);
	result code = envelope_response_head(&envelope, has_content ? provider->payload.size : 0, &head, &run->fault);
	if (code != OK) {
		buffer_release(&head);
		return step_fault(run, code, NULL);
	}
	const struct h2_chunk parts[] = {
		{ .bytes = buffer_slice(&head), .release = reply_release, .context = head.data },
		{ .bytes = provider->payload, .release = reply_release, .context = provider->payload_bytes },
	};
	// Where the outcome on record is another one, what the adapter said does not leave.
	const struct grpc_reply answer = { .parts = parts,
					   .part_count = has_content && provider->payload_bytes ? 2 : 1 };
	if (answer.part_count == 2) {
		provider->payload_bytes = NULL; // the reply's now
	}
	grpc_call_reply(provider->call, &answer);
	provider->call = NULL;
	return STEP_NEXT;
}

// ---- faults --------------------------------------------------------------------------------------------------------

static struct statement_response fault_response(const struct provider *provider, enum statement_outcome outcome)
{
	result reason = fault_reason(&provider->run);
	return (struct statement_response){
		.exchange_id = provider->request->exchange_id,
		.provider = provider->request->provider,
		.request_hash = slice_of(provider->request_hash, STATEMENT_HASH_SIZE),
		.outcome = outcome,
		.grpc_status = result_grpc_status(reason),
		.reason = slice_text(result_wire_name(reason)),
		.grant_id = provider->grant_id,
	};
}

// Whose refusals are counted together: the calling gateway's ledger.
static struct slice refused_peer(const struct provider *provider)
{
	const struct directory_gateway *listed = NULL;
	size_t count = directory_peers(provider->directory, provider->fingerprint, &listed);
	if (count == 0 || listed[0].gateway->ledgers.count == 0) {
		return slice_of(NULL, 0);
	}
	return identifier_ledger_of_origin(listed[0].gateway->ledgers.items[0].origin);
}

static enum step_next seal_refusal(struct step_run *run)
{
	struct provider *provider = of(run);
	result reason = fault_reason(run);
	bool notary_failed = notary_client_state(provider->node->notary) != OK;
	struct slice peer = refused_peer(provider);
	log_event(LOG_LEVEL_INFO, "request_refused", "exchange=%s client=%.*s reason=%s text=\"%s\"",
		  provider->exchange_text, (int)provider->request->client.size,
		  (const char *)provider->request->client.data, result_wire_name(reason), run->fault.text);
	if (notary_failed || peer.size == 0 || !refusals_may_seal(provider->node->refusals, peer, reason)) {
		return step_fault(run, reason, NULL);
	}
	provider->outcome = STATEMENT_OUTCOME_REFUSED;
	const struct statement_response response = fault_response(provider, STATEMENT_OUTCOME_REFUSED);
	return append_response(provider, &response,
			       record_attachment(provider->envelope.statement, provider->envelope.seal));
}

static enum step_next seal_failure(struct step_run *run)
{
	struct provider *provider = of(run);
	provider->outcome = STATEMENT_OUTCOME_FAILED;
	const struct statement_response response = fault_response(provider, STATEMENT_OUTCOME_FAILED);
	return append_response(provider, &response, slice_of(NULL, 0));
}

static enum step_next tell_fault(struct step_run *run)
{
	struct provider *provider = of(run);
	if (!provider->call) {
		return STEP_NEXT;
	}
	result reason = fault_reason(run);
	reply_fault(provider->call, provider->node->ledger, NULL, reason, run->fault.text);
	provider->call = NULL;
	return STEP_NEXT;
}

// ---- life ----------------------------------------------------------------------------------------------------------

static void cancel_wait(struct step_run *run)
{
	struct provider *provider = of(run);
	grpc_unary_cancel(provider->unary);
	provider->unary = NULL;
}

static void finished(struct step_run *run)
{
	struct provider *provider = of(run);
	struct node *node = provider->node;
	node->providers--;
	provider_recycle(provider);
}

void provider_start(struct node *node, struct grpc_call *call)
{
	struct provider *provider = provider_new(node);
	if (!provider) {
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, slice_text(result_text(ERR_MEMORY)), NULL, 0);
		return;
	}
	node->providers++;
	provider->call = call;
	provider->directory = directory_ref(node->directory);
	provider->run.cancel = cancel_wait;
	provider->run.finished = finished;
	grpc_call_set_user(call, provider);
	step_start(&provider->run, provider_steps);
}

void provider_caller_gone(struct grpc_call *call, result why)
{
	struct provider *provider = grpc_call_user(call);
	if (provider) {
		provider->call = NULL;
		step_abort(&provider->run, why);
	}
}
