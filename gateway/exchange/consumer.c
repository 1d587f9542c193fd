// SPDX-License-Identifier: EUPL-1.2
//
// The consumer half; see consumer.h. The steps stand in the order in which they happen.
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "contract/contract.h"
#include "exchange/caller.h"
#include "exchange/consumer_state.h"
#include "exchange/metadata.h"
#include "exchange/peers.h"
#include "exchange/record.h"
#include "exchange/reply.h"
#include "exchange/services.h"
#include "exchange/step.h"
#include "net/grpc_unary.h"

enum {
	// Gateways of the provider that one exchange tries.
	CONSUMER_ATTEMPTS_MAX = 3,
};

// The provider gets a tenth less time, at most this, so that its sealed word about a missed deadline still arrives.
static const int64_t deadline_margin_us = 100000;

static enum step_next accept_call(struct step_run *run);
static enum step_next identify(struct step_run *run);
static enum step_next resolve(struct step_run *run);
static enum step_next seal(struct step_run *run);
static enum step_next send_request(struct step_run *run);
static enum step_next await(struct step_run *run);
static enum step_next verify(struct step_run *run);
static enum step_next record_response(struct step_run *run);
static enum step_next reply(struct step_run *run);
static enum step_next record_unanswered(struct step_run *run);
static enum step_next tell_fault(struct step_run *run);

// Nothing can fail here: the caller hears what happened.
static const struct step fault_answered[] = {
	{ .name = "tell_fault", .run = tell_fault },
	{ 0 },
};

// If a request is on record: so is that it stays without a valid answer.
static const struct step fault_sealed[] = {
	{ .name = "record_unanswered", .run = record_unanswered, .waits_for = WAITS_NOTARY, .fault = fault_answered },
	{ .name = "tell_fault", .run = tell_fault },
	{ 0 },
};

enum {
	ROW_ACCEPT,
	ROW_IDENTIFY,
	ROW_RESOLVE,
	ROW_SEAL,
	ROW_SEND,
	ROW_AWAIT,
	ROW_VERIFY,
	ROW_RECORD,
	ROW_REPLY,
	ROW_END
};

static const struct step consumer_steps[] = {
	[ROW_ACCEPT] = { "accept", accept_call, WAITS_NOT, LIMIT_NONE, fault_answered },
	[ROW_IDENTIFY] = { "identify", identify, WAITS_NOT, LIMIT_NONE, fault_answered },
	[ROW_RESOLVE] = { "resolve", resolve, WAITS_NOT, LIMIT_NONE, fault_answered },
	[ROW_SEAL] = { "seal", seal, WAITS_NOTARY, LIMIT_DEADLINE,
		       fault_sealed }, // an attempt before this one is on record
	[ROW_SEND] = { "send", send_request, WAITS_NOT, LIMIT_DEADLINE, fault_sealed },
	[ROW_AWAIT] = { "await", await, WAITS_PEER, LIMIT_DEADLINE, fault_sealed },
	[ROW_VERIFY] = { "verify", verify, WAITS_NOT, LIMIT_DEADLINE, fault_sealed },
	[ROW_RECORD] = { "record", record_response, WAITS_NOTARY, LIMIT_DEADLINE, fault_sealed },
	[ROW_REPLY] = { "reply", reply, WAITS_NOT, LIMIT_NONE, fault_answered },
	[ROW_END] = { 0 },
};

static struct consumer *of(struct step_run *run)
{
	return (struct consumer *)run;
}

// ---- accept --------------------------------------------------------------------------------------------------------

static enum step_next accept_call(struct step_run *run)
{
	struct consumer *consumer = of(run);
	result code = node_ready(consumer->node, consumer->node->consumers, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	code = consumer_take_request(consumer, &run->fault);
	return code == OK ? STEP_NEXT : step_fault(run, code, NULL);
}

// ---- identify ------------------------------------------------------------------------------------------------------

static enum step_next identify(struct step_run *run)
{
	struct consumer *consumer = of(run);
	const struct h2_peer *peer = h2_connection_peer(grpc_call_connection(consumer->call));
	struct slice named = grpc_call_header(consumer->call, METADATA_CLIENT);
	const char *subsystem = NULL;
	result code = caller_identify(consumer->caller->listener, peer, named, &subsystem, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	consumer->client = slice_text(arena_copy(&consumer->arena, slice_text(subsystem)));
	return consumer->client.data ? STEP_NEXT : step_fault(run, ERR_MEMORY, NULL);
}

// ---- resolve -------------------------------------------------------------------------------------------------------

// Which subsystem shall answer: the one named, or the only one that offers the service.
static result choose_provider(struct consumer *consumer, struct fault *fault)
{
	const struct directory_provider *providers = NULL;
	size_t count = directory_providers(consumer->directory, consumer->service, &providers);
	if (count == 0) {
		return fault_set(fault, ERR_SERVICE_UNKNOWN, "no subsystem offers the service %.*s",
				 (int)consumer->service.size, (const char *)consumer->service.data);
	}
	struct slice named = grpc_call_header(consumer->call, METADATA_SERVICE);
	if (named.size == 0) {
		if (count > 1) {
			return fault_set(fault, ERR_SERVICE_AMBIGUOUS, "%zu subsystems offer %.*s; name one in %s",
					 count, (int)consumer->service.size, (const char *)consumer->service.data,
					 METADATA_SERVICE);
		}
		consumer->provider = providers[0];
		return OK;
	}
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(providers[i].subsystem->id, named)) {
			consumer->provider = providers[i];
			return OK;
		}
	}
	return fault_set(fault, ERR_SERVICE_UNKNOWN, "the subsystem named in %s does not offer %.*s", METADATA_SERVICE,
			 (int)consumer->service.size, (const char *)consumer->service.data);
}

// What the contract says of the method and the message, if the contract is at hand; the provider checks again.
static result check_against_contract(struct consumer *consumer, struct fault *fault)
{
	const struct contract *contract =
	    services_contract(consumer->node->services, consumer->provider.service->contract_digest);
	const struct contract_service *service = contract ? contract_find_service(contract, consumer->service) : NULL;
	if (!service) {
		return OK;
	}
	const struct contract_method *method = contract_find_method(service, consumer->method);
	if (!method) {
		return fault_set(fault, ERR_METHOD_UNKNOWN, "%s has no method %.*s", service->name,
				 (int)consumer->method.size, (const char *)consumer->method.data);
	}
	return services_check_payload(method, consumer->payload, fault);
}

static enum step_next resolve(struct step_run *run)
{
	struct consumer *consumer = of(run);
	result code = choose_provider(consumer, &run->fault);
	if (code == OK) {
		code = check_against_contract(consumer, &run->fault);
	}
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	consumer->retryable = directory_method_is_idempotent(consumer->provider.service, consumer->method);
	consumer->attempt = 1;
	consumer->gateway = 1;
	consumer->start = peers_start(consumer->node->peers, consumer->provider.subsystem->id);
	random_bytes(consumer->salt, sizeof consumer->salt);
	return STEP_NEXT;
}

// ---- seal ----------------------------------------------------------------------------------------------------------

static struct peer *peer_at(const struct consumer *consumer, size_t number)
{
	return peers_choose(consumer->node->peers, consumer->provider.subsystem->id, consumer->start, number);
}

static bool choose_peer(struct consumer *consumer)
{
	const struct peer *peer = peer_at(consumer, consumer->gateway);
	if (!peer) {
		return false;
	}
	memcpy(consumer->peer_ledger, peer->ledger, sizeof peer->ledger);
	memcpy(consumer->peer_origin, peer->origin, sizeof peer->origin);
	return true;
}

static void sealed(void *context, const struct notary_answer *answer)
{
	struct consumer *consumer = context;
	result code = answer->code;
	if (code == OK) {
		consumer->on_record = true;
		code = record_take(&consumer->request, STATEMENT_REQUEST, consumer->node->member_id,
				   buffer_slice(&consumer->body), answer);
	}
	step_resume(&consumer->run, code);
}

static enum step_next seal(struct step_run *run)
{
	struct consumer *consumer = of(run);
	if (!choose_peer(consumer)) {
		return step_fault(run, ERR_PEER_UNREACHABLE, "no further gateway of %.*s can be reached",
				  (int)consumer->provider.member->id.size,
				  (const char *)consumer->provider.member->id.data);
	}
	if (consumer->deadline_us <= loop_now_us(consumer->node->loop)) {
		return step_fault(run, ERR_TIMEOUT, NULL);
	}
	result code = consumer_encode_request(consumer, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct notary_record record = {
		.type = STATEMENT_REQUEST,
		.want_seal = true,
		.body = buffer_slice(&consumer->body),
		.private_part = buffer_slice(&consumer->private_part),
	};
	notary_client_append(consumer->node->notary, &consumer->notary, &record, sealed, consumer);
	return STEP_WAIT;
}

// ---- send ----------------------------------------------------------------------------------------------------------

static int64_t peer_deadline_us(const struct consumer *consumer)
{
	int64_t left = consumer->deadline_us - loop_now_us(consumer->node->loop);
	int64_t margin = left / 10 < deadline_margin_us ? left / 10 : deadline_margin_us;
	return consumer->deadline_us - margin;
}

static void answered(void *context, const struct grpc_unary_result *answer, bool *keep_message);

static enum step_next send_request(struct step_run *run)
{
	struct consumer *consumer = of(run);
	// Not kept while the notary worked: a reload may have dropped it.
	const struct peer *peer = peers_find(consumer->node->peers, consumer->peer_ledger);
	if (!peer) {
		return step_fault(run, ERR_PEER_UNREACHABLE, "%s is no longer in the directory", consumer->peer_ledger);
	}
	const struct envelope_request envelope = {
		.statement = buffer_slice(&consumer->request.leaf),
		.seal = buffer_slice(&consumer->request.seal),
		.private_part = buffer_slice(&consumer->private_part),
		.salt = slice_of(consumer->salt, sizeof consumer->salt),
		.metadata = buffer_slice(&consumer->metadata),
	};
	buffer_clear(&consumer->head);
	result code = envelope_request_head(&envelope, consumer->payload.size, &consumer->head, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct grpc_unary_request request = {
		.path = slice_text("/besa.exchange.v1.Exchange/Call"),
		.authority = slice_text(peer->address),
		.deadline_us = peer_deadline_us(consumer),
		.head = buffer_slice(&consumer->head),
		.payload = consumer->payload,
		.response_max = ENVELOPE_HEAD_MAX + (size_t)consumer->node->settings->limits.payload_max,
	};
	consumer->unary = grpc_unary_start(consumer->node->loop, peer->client, &request, answered, consumer);
	return consumer->unary ? STEP_NEXT : step_fault(run, ERR_MEMORY, NULL);
}

// ---- await ---------------------------------------------------------------------------------------------------------

// The peer's own reason, from its trailer, else what the transport says.
static result reason_of(const struct grpc_unary_result *answer)
{
	struct slice named = h2_headers_get(answer->trailers, METADATA_REASON);
	if (answer->from_peer && named.size) {
		result code = result_from_wire_name((const char *)named.data, named.size);
		return code == OK ? ERR_PROTOCOL : code;
	}
	switch (answer->cause) {
	case OK:
	case ERR_CLOSED:
	case ERR_IO:
	case ERR_NOT_FOUND:
		return answer->not_processed ? ERR_PEER_UNREACHABLE : ERR_PEER_LOST;
	default:
		return answer->cause;
	}
}

// The provider may be asked again if this gateway provably did not take the request: another one, or this one at
// another address. If the method may run twice, another one also when this one may have taken it.
static bool may_go_elsewhere(const struct consumer *consumer, const struct grpc_unary_result *answer)
{
	if (answer->cause == ERR_TIMEOUT || consumer->attempt >= CONSUMER_ATTEMPTS_MAX) {
		return false;
	}
	const struct peer *next = peer_at(consumer, consumer->gateway + 1);
	return next &&
	       (answer->not_processed || (consumer->retryable && strcmp(next->ledger, consumer->peer_ledger) != 0));
}

static void answered(void *context, const struct grpc_unary_result *answer, bool *keep_message)
{
	struct consumer *consumer = context;
	consumer->unary = NULL;
	if (answer->status == GRPC_OK) {
		*keep_message = true;
		consumer->answer_bytes = answer->message;
		consumer->envelope.payload = slice_of(answer->message, answer->message_size);
		step_resume(&consumer->run, OK);
		return;
	}
	if (may_go_elsewhere(consumer, answer)) {
		consumer->again = true;
		consumer->gateway++;
		step_resume(&consumer->run, OK);
		return;
	}
	result code = reason_of(answer);
	result_ignore(fault_set(&consumer->run.fault, code, "%s: %.*s", consumer->peer_ledger,
				(int)answer->status_message.size, (const char *)answer->status_message.data));
	step_resume(&consumer->run, code);
}

static enum step_next await(struct step_run *run)
{
	(void)run; // answered() comes from the loop
	return STEP_WAIT;
}

// ---- verify --------------------------------------------------------------------------------------------------------

// The request was not taken: the next attempt is a request of its own that names this one.
static enum step_next try_again(struct consumer *consumer)
{
	consumer->again = false;
	consumer->attempt++;
	memcpy(consumer->previous_hash, consumer->request.leaf_hash, STATEMENT_HASH_SIZE);
	free(consumer->answer_bytes);
	consumer->answer_bytes = NULL;
	return step_jump(&consumer->run, &consumer_steps[ROW_SEAL]);
}

static enum step_next verify(struct step_run *run)
{
	struct consumer *consumer = of(run);
	if (consumer->again) {
		return try_again(consumer);
	}
	result code = consumer_verify_answer(consumer, &run->fault);
	return code == OK ? STEP_NEXT
			  : step_fault(run, code, "answer of %s: %s", consumer->peer_ledger, run->fault.text);
}

// ---- record --------------------------------------------------------------------------------------------------------

// The provider's ledger went on to another shard: nothing was executed, the next attempt names that shard.
static bool moved(struct consumer *consumer)
{
	const struct statement_response *response = &consumer->response.body.response;
	if (!slice_is(response->reason, result_wire_name(ERR_LEDGER_MOVED)) ||
	    consumer->attempt >= CONSUMER_ATTEMPTS_MAX) {
		return false;
	}
	struct peer *peer = peers_find(consumer->node->peers, consumer->peer_ledger);
	return peer && !slice_is(consumer->envelope.detail, consumer->peer_origin) &&
	       peers_moved(peer, consumer->envelope.detail);
}

static void recorded(void *context, const struct notary_answer *answer)
{
	struct consumer *consumer = context;
	result code = answer->code;
	if (code == OK) {
		code = record_take(&consumer->received, STATEMENT_RECEIVED, consumer->node->member_id,
				   buffer_slice(&consumer->body), answer);
	}
	step_resume(&consumer->run, code);
}

static enum step_next record_response(struct step_run *run)
{
	struct consumer *consumer = of(run);
	uint8_t seal_hash[DIGEST_SIZE];
	digest_sha256(consumer->envelope.seal, seal_hash);
	const union statement_body body = { .received = {
						.exchange_id = slice_of(consumer->exchange_id, IDENTIFIER_UUID_SIZE),
						.type = STATEMENT_RESPONSE,
						.statement_hash =
						    slice_of(consumer->verified.leaf_hash, STATEMENT_HASH_SIZE),
						.seal_hash = slice_of(seal_hash, sizeof seal_hash),
						.origin = consumer->verified.origin,
						.index = consumer->verified.index,
						.subsystem = consumer->client,
						.checks = STATEMENT_CHECKED_ALL & ~STATEMENT_CHECKED_PRIVATE,
					    } };
	buffer_clear(&consumer->body);
	result code = statement_encode_body(STATEMENT_RECEIVED, &body, &consumer->body, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct notary_record record = {
		.type = STATEMENT_RECEIVED,
		.body = buffer_slice(&consumer->body),
		.attachment = record_attachment(consumer->envelope.statement, consumer->envelope.seal),
	};
	notary_client_append(consumer->node->notary, &consumer->notary, &record, recorded, consumer);
	return STEP_WAIT;
}

// ---- reply ---------------------------------------------------------------------------------------------------------

static enum step_next reply(struct step_run *run)
{
	struct consumer *consumer = of(run);
	if (moved(consumer)) {
		// Its refusal is on record as this exchange's outcome: the next attempt is an exchange of its own.
		consumer->on_record = false;
		consumer_new_exchange_id(consumer);
		return try_again(consumer);
	}
	if (!consumer->call) {
		return STEP_NEXT;
	}
	result code = consumer_reply(consumer, &run->fault);
	return code == OK ? STEP_NEXT : step_fault(run, code, NULL);
}

// ---- faults --------------------------------------------------------------------------------------------------------

static void unanswered_recorded(void *context, const struct notary_answer *answer)
{
	struct consumer *consumer = context;
	result code = answer->code;
	if (code == OK) {
		code = record_take(&consumer->received, STATEMENT_UNANSWERED, consumer->node->member_id,
				   buffer_slice(&consumer->body), answer);
	}
	step_resume(&consumer->run, code);
}

static enum step_next record_unanswered(struct step_run *run)
{
	struct consumer *consumer = of(run);
	if (!consumer->on_record) {
		return STEP_NEXT;
	}
	const union statement_body body = { .unanswered = {
						.exchange_id = slice_of(consumer->exchange_id, IDENTIFIER_UUID_SIZE),
						.client = consumer->client,
						.request_hash =
						    slice_of(consumer->request.leaf_hash, STATEMENT_HASH_SIZE),
						.grpc_status = result_grpc_status(run->failure),
						.reason = slice_text(result_wire_name(run->failure)),
					    } };
	buffer_clear(&consumer->body);
	result code = statement_encode_body(STATEMENT_UNANSWERED, &body, &consumer->body, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	const struct notary_record record = {
		.type = STATEMENT_UNANSWERED,
		.body = buffer_slice(&consumer->body),
	};
	notary_client_append(consumer->node->notary, &consumer->notary, &record, unanswered_recorded, consumer);
	return STEP_WAIT;
}

static enum step_next tell_fault(struct step_run *run)
{
	struct consumer *consumer = of(run);
	log_event(LOG_LEVEL_INFO, "exchange_failed", "half=consumer exchange=%s reason=%s text=\"%s\"",
		  consumer->exchange_text, result_wire_name(run->failure), run->fault.text);
	if (!consumer->call) {
		return STEP_NEXT;
	}
	reply_fault(consumer->call, consumer->node->ledger, consumer->exchange_text, run->failure, run->fault.text);
	consumer->call = NULL;
	return STEP_NEXT;
}

// ---- life ----------------------------------------------------------------------------------------------------------

static void cancel_wait(struct step_run *run)
{
	struct consumer *consumer = of(run);
	grpc_unary_cancel(consumer->unary);
	consumer->unary = NULL;
}

static void finished(struct step_run *run)
{
	struct consumer *consumer = of(run);
	struct node *node = consumer->node;
	node->consumers--;
	consumer_recycle(consumer);
}

void consumer_start(const struct consumer_caller *caller, struct grpc_call *call)
{
	struct node *node = caller->node;
	struct consumer *consumer = consumer_new(node);
	if (!consumer) {
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, slice_text(result_text(ERR_MEMORY)), NULL, 0);
		return;
	}
	node->consumers++;
	consumer->caller = caller;
	consumer->call = call;
	consumer->directory = directory_ref(node->directory);
	consumer->run.cancel = cancel_wait;
	consumer->run.finished = finished;
	consumer_new_exchange_id(consumer);
	grpc_call_set_user(call, consumer);
	step_start(&consumer->run, consumer_steps);
}

void consumer_caller_gone(struct grpc_call *call, result why)
{
	struct consumer *consumer = grpc_call_user(call);
	if (consumer) {
		consumer->call = NULL;
		step_abort(&consumer->run, why);
	}
}
