// SPDX-License-Identifier: EUPL-1.2
//
// The consumer half; see consumer.h. The steps stand in the order in which they happen.
#include <stddef.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "contract/contract.h"
#include "exchange/caller.h"
#include "exchange/consumer.h"
#include "exchange/handout.h"
#include "exchange/metadata.h"
#include "exchange/peers.h"
#include "exchange/record.h"
#include "exchange/services.h"
#include "exchange/step.h"
#include "net/grpc_unary.h"

enum {
	// Everything that one exchange keeps beside its payload: stops a caller from making one exchange large.
	CONSUMER_ARENA_MAX = 256 * 1024,
	CONSUMER_BODY_MAX = STATEMENT_BODY_MAX,
	// Gateways of the provider that one exchange tries.
	CONSUMER_ATTEMPTS_MAX = 3,
	// Exchanges kept for reuse: bounds idle memory.
	CONSUMER_IDLE_MAX = 64,
};

// The provider gets a tenth less time, at most this, so that its sealed word about a missed deadline still arrives.
static const int64_t deadline_margin_us = 100000;

struct consumer {
	struct step_run run; // first: the steps get a pointer to it
	struct consumer *next_idle;
	struct node *node;
	const struct consumer_caller *caller;
	struct grpc_call *call; // NULL once the caller is gone
	struct directory *directory;
	uint8_t exchange_id[IDENTIFIER_UUID_SIZE];
	char exchange_text[IDENTIFIER_UUID_TEXT_SIZE];
	int64_t deadline_us; // monotonic
	bool wants_evidence;

	// identify, resolve
	struct slice client;  // our subsystem
	struct slice service; // names and headers are copied into the arena: the caller may leave
	struct slice method;
	struct slice purpose;
	struct slice legal_basis;
	struct directory_provider provider;
	bool retryable; // at another gateway, even if the first may have taken it

	// the content
	uint8_t *message; // the payload, taken over from the call
	struct slice payload;
	uint8_t salt[CONTENT_SALT_SIZE];

	// the request
	uint32_t attempt;
	size_t gateway; // which of the provider's gateways, from 1
	uint8_t previous_hash[STATEMENT_HASH_SIZE];
	struct peer *peer; // good while a call to it is under way
	char peer_member[IDENTIFIER_MAX + 1];
	char peer_ledger[IDENTIFIER_ORIGIN_MAX + 1];
	char peer_origin[IDENTIFIER_ORIGIN_MAX + 1];
	struct notary_call notary;
	struct grpc_unary *unary;
	bool again; // this attempt was provably not taken: try the next gateway

	// the answer
	uint8_t *answer_bytes; // the response envelope, into which the slices point
	struct envelope_response envelope;
	struct statement response;
	struct seal_verified verified;

	// memory that one exchange leaves to the next; `arena` stays the first of it
	struct arena arena;
	struct buffer metadata;
	struct buffer private_part;
	struct buffer body;
	struct buffer head; // of the envelope, before the payload
	struct record request;
	struct record received;
};

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
static enum step_next reply_fault(struct step_run *run);

// Nothing can fail here: the caller hears what happened.
static const struct step fault_answered[] = {
	{ .name = "reply_fault", .run = reply_fault },
	{ 0 },
};

// The request is on record: so is that it stays without a valid answer.
static const struct step fault_sealed[] = {
	{ .name = "record_unanswered", .run = record_unanswered, .waits_for = WAITS_NOTARY, .fault = fault_answered },
	{ .name = "reply_fault", .run = reply_fault },
	{ 0 },
};

static const struct step consumer_steps[] = {
	{ "accept", accept_call, WAITS_NOT, LIMIT_NONE, fault_answered },
	{ "identify", identify, WAITS_NOT, LIMIT_NONE, fault_answered },
	{ "resolve", resolve, WAITS_NOT, LIMIT_NONE, fault_answered },
	{ "seal", seal, WAITS_NOTARY, LIMIT_DEADLINE, fault_answered },
	{ "send", send_request, WAITS_NOT, LIMIT_DEADLINE, fault_sealed },
	{ "await", await, WAITS_PEER, LIMIT_DEADLINE, fault_sealed },
	{ "verify", verify, WAITS_NOT, LIMIT_DEADLINE, fault_sealed },
	{ "record", record_response, WAITS_NOTARY, LIMIT_DEADLINE, fault_sealed },
	{ "reply", reply, WAITS_NOT, LIMIT_NONE, fault_answered },
	{ 0 },
};

static struct consumer *of(struct step_run *run)
{
	return (struct consumer *)run;
}

static void new_exchange_id(struct consumer *consumer)
{
	identifier_new_uuid(consumer->exchange_id);
	identifier_uuid_text(consumer->exchange_id, consumer->exchange_text);
}

// ---- accept --------------------------------------------------------------------------------------------------------

// "/rks.civil.v1.CivilRegistry/GetPerson" into its two names, copied.
static result split_path(struct consumer *consumer, struct slice path)
{
	const uint8_t *slash = path.size > 1 ? memrchr(path.data + 1, '/', path.size - 1) : NULL;
	if (!slash || path.data[0] != '/') {
		return ERR_METHOD_UNKNOWN;
	}
	size_t service_size = (size_t)(slash - path.data) - 1;
	size_t method_size = path.size - service_size - 2;
	const char *service = arena_copy(&consumer->arena, slice_of(path.data + 1, service_size));
	const char *method = arena_copy(&consumer->arena, slice_of(slash + 1, method_size));
	if (!service || !method) {
		return ERR_MEMORY;
	}
	consumer->service = slice_of(service, service_size);
	consumer->method = slice_of(method, method_size);
	return OK;
}

static result copy_header(struct consumer *consumer, const char *name, struct slice *ret_value)
{
	struct slice value = grpc_call_header(consumer->call, name);
	if (value.size > STATEMENT_TEXT_MAX) {
		return ERR_LIMIT;
	}
	const char *copy = arena_copy(&consumer->arena, value);
	*ret_value = slice_of(copy, value.size);
	return copy ? OK : ERR_MEMORY;
}

// The private part: personal data of the request, beside the leaf, never in it.
static result collect_private(struct consumer *consumer, struct fault *fault)
{
	uint8_t salt[CONTENT_SALT_SIZE];
	const struct content_private part = {
		.salt = slice_of(salt, sizeof salt),
		.user = grpc_call_header(consumer->call, METADATA_USER),
		.represented_party = grpc_call_header(consumer->call, METADATA_PARTY),
		.issue = grpc_call_header(consumer->call, METADATA_ISSUE),
	};
	if (part.user.size == 0 && part.represented_party.size == 0 && part.issue.size == 0) {
		return OK;
	}
	random_bytes(salt, sizeof salt);
	return content_encode_private(&part, &consumer->private_part, fault);
}

static enum step_next accept_call(struct step_run *run)
{
	struct consumer *consumer = of(run);
	result code = node_ready(consumer->node, consumer->node->consumers, &run->fault);
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	size_t size = 0;
	consumer->message = grpc_call_take_message(consumer->call, &size);
	consumer->payload = slice_of(consumer->message, size);
	consumer->deadline_us = grpc_call_deadline_us(consumer->call);
	consumer->wants_evidence = slice_is(grpc_call_header(consumer->call, METADATA_EVIDENCE), "1");
	code = split_path(consumer, grpc_call_path(consumer->call));
	if (code == OK) {
		code = copy_header(consumer, METADATA_PURPOSE, &consumer->purpose);
	}
	if (code == OK) {
		code = copy_header(consumer, METADATA_LEGAL_BASIS, &consumer->legal_basis);
	}
	if (code != OK) {
		return step_fault(run, code, NULL);
	}
	code = collect_private(consumer, &run->fault);
	if (code == OK) {
		code = metadata_encode_request(grpc_call_headers(consumer->call), &consumer->metadata, &run->fault);
	}
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
	random_bytes(consumer->salt, sizeof consumer->salt);
	return STEP_NEXT;
}

// ---- seal ----------------------------------------------------------------------------------------------------------

static bool choose_peer(struct consumer *consumer)
{
	struct peer *peer = peers_choose(consumer->node->peers, consumer->provider.subsystem->id, consumer->gateway);
	consumer->peer = peer;
	if (!peer) {
		return false;
	}
	memcpy(consumer->peer_member, peer->member, sizeof peer->member);
	memcpy(consumer->peer_ledger, peer->ledger, sizeof peer->ledger);
	memcpy(consumer->peer_origin, peer->origin, sizeof peer->origin);
	return true;
}

static result encode_request(struct consumer *consumer, struct fault *fault)
{
	uint8_t payload_digest[CONTENT_DIGEST_SIZE];
	uint8_t metadata_digest[CONTENT_DIGEST_SIZE];
	uint8_t commitment[CONTENT_DIGEST_SIZE];
	struct slice metadata = buffer_slice(&consumer->metadata);
	struct slice private_part = buffer_slice(&consumer->private_part);
	content_payload_digest(consumer->salt, consumer->payload, payload_digest);
	if (metadata.size) {
		content_metadata_digest(consumer->salt, metadata, metadata_digest);
	}
	if (private_part.size) {
		content_private_commitment(private_part, commitment);
	}
	const struct directory_head *edition = directory_head(consumer->directory);
	int64_t now = clock_wall_us();
	const union statement_body
	    body = { .request = {
			 .exchange_id = slice_of(consumer->exchange_id, IDENTIFIER_UUID_SIZE),
			 .client = consumer->client,
			 .purpose = consumer->purpose,
			 .legal_basis = consumer->legal_basis,
			 .provider = consumer->provider.subsystem->id,
			 .provider_ledger = slice_text(consumer->peer_origin),
			 .service = consumer->service,
			 .method = consumer->method,
			 .contract_digest = consumer->provider.service->contract_digest,
			 .attempt = consumer->attempt,
			 .previous_attempt =
			     slice_of(consumer->previous_hash, consumer->attempt > 1 ? STATEMENT_HASH_SIZE : 0),
			 .issued_at_us = now,
			 .deadline_us = now + (consumer->deadline_us - loop_now_us(consumer->node->loop)),
			 .payload_digest = slice_of(payload_digest, sizeof payload_digest),
			 .payload_size = consumer->payload.size,
			 .metadata_digest = slice_of(metadata_digest, metadata.size ? sizeof metadata_digest : 0),
			 .directory_size = edition->size,
			 .directory_root = slice_of(edition->root, sizeof edition->root),
			 .private_commitment = slice_of(commitment, private_part.size ? sizeof commitment : 0),
		     } };
	buffer_clear(&consumer->body);
	return statement_encode_body(STATEMENT_REQUEST, &body, &consumer->body, fault);
}

static void sealed(void *context, const struct notary_answer *answer)
{
	struct consumer *consumer = context;
	result code = answer->code;
	if (code == OK) {
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
	result code = encode_request(consumer, &run->fault);
	if (code != OK) {
		return step_fault(run, code == ERR_STATEMENT_INVALID ? ERR_ARGUMENT : code, NULL);
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
		.authority = slice_text(consumer->peer->address),
		.deadline_us = peer_deadline_us(consumer),
		.head = buffer_slice(&consumer->head),
		.payload = consumer->payload,
		.response_max = ENVELOPE_HEAD_MAX + (size_t)consumer->node->settings->limits.payload_max,
	};
	consumer->unary = grpc_unary_start(consumer->node->loop, consumer->peer->client, &request, answered, consumer);
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

// Another gateway of the provider may be asked if this one provably did not take the request, or the method may run
// twice.
static bool may_go_elsewhere(const struct consumer *consumer, const struct grpc_unary_result *answer)
{
	return (answer->not_processed || consumer->retryable) && answer->cause != ERR_TIMEOUT &&
	       consumer->attempt < CONSUMER_ATTEMPTS_MAX &&
	       peers_choose(consumer->node->peers, consumer->provider.subsystem->id, consumer->gateway + 1);
}

static void answered(void *context, const struct grpc_unary_result *answer, bool *keep_message)
{
	struct consumer *consumer = context;
	consumer->unary = NULL;
	consumer->peer = NULL; // a reload may drop it from here on
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

static const struct step *row_named_seal(void)
{
	return &consumer_steps[3];
}

// The request was not taken: the next attempt is a request of its own that names this one.
static enum step_next try_again(struct consumer *consumer)
{
	consumer->again = false;
	consumer->attempt++;
	memcpy(consumer->previous_hash, consumer->request.leaf_hash, STATEMENT_HASH_SIZE);
	free(consumer->answer_bytes);
	consumer->answer_bytes = NULL;
	return step_jump(&consumer->run, row_named_seal());
}

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
		return OK; // content is not kept: there is none to check
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

static result verify_answer(struct consumer *consumer, struct fault *fault)
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

static enum step_next verify(struct step_run *run)
{
	struct consumer *consumer = of(run);
	if (consumer->again) {
		return try_again(consumer);
	}
	result code = verify_answer(consumer, &run->fault);
	if (code == OK && consumer->response.type == STATEMENT_RECEIVED && consumer->envelope.repeated_request) {
		return step_fault(run, ERR_REPLAYED, "the request is on record and not answered yet");
	}
	if (code == OK && consumer->response.type != STATEMENT_RESPONSE) {
		code = fault_set(&run->fault, ERR_STATEMENT_INVALID, "the answer is no response statement");
	}
	if (code == OK) {
		code = check_answers(consumer, &run->fault);
	}
	if (code == OK) {
		code = check_content(consumer, &run->fault);
	}
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
	struct peer *peer = peers_choose(consumer->node->peers, consumer->provider.subsystem->id, consumer->gateway);
	return peer && peers_moved(peer, consumer->envelope.detail);
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

static result append_evidence(struct consumer *consumer, struct buffer *text)
{
	const struct handout handout = {
		.directory = consumer->directory,
		.own_origin = notary_client_origin(consumer->node->notary),
		.request = { .statement = buffer_slice(&consumer->request.leaf),
			     .seal = buffer_slice(&consumer->request.seal),
			     .private_part = buffer_slice(&consumer->private_part),
			     .salt = slice_of(consumer->salt, sizeof consumer->salt),
			     .metadata = buffer_slice(&consumer->metadata) },
		.response = { .statement = consumer->envelope.statement,
			      .seal = consumer->envelope.seal,
			      .salt = consumer->envelope.salt,
			      .metadata = consumer->envelope.metadata },
		.response_origin = consumer->verified.origin,
		.received = buffer_slice(&consumer->received.leaf),
		.received_index = consumer->received.index,
	};
	return handout_encode(&handout, text);
}

static void release_bytes(void *context)
{
	free(context);
}

// The adapter's answer, as if the caller had called it directly.
static void reply_answer(struct consumer *consumer, const struct content_response_metadata *metadata,
			 struct h2_header *trailers, size_t trailer_count)
{
	struct h2_header initial[CONTENT_ENTRIES_MAX];
	size_t initial_count = metadata_headers(&metadata->initial, initial, CONTENT_ENTRIES_MAX);
	const struct h2_chunk part = {
		.bytes = consumer->envelope.payload,
		.release = release_bytes,
		.context = consumer->answer_bytes,
	};
	const struct grpc_reply answer = {
		.metadata = initial,
		.metadata_count = initial_count,
		.parts = &part,
		.part_count = 1,
		.trailers = trailers,
		.trailer_count = trailer_count,
	};
	consumer->answer_bytes = NULL; // the reply's now
	grpc_call_reply(consumer->call, &answer);
}

static size_t add_trailer(struct h2_header *trailers, size_t count, const char *name, struct slice value)
{
	trailers[count] = (struct h2_header){ .name = slice_text(name), .value = value };
	return count + 1;
}

static enum step_next reply(struct step_run *run)
{
	struct consumer *consumer = of(run);
	if (moved(consumer)) {
		// Its refusal is on record as this exchange's outcome: the next attempt is an exchange of its own.
		new_exchange_id(consumer);
		return try_again(consumer);
	}
	if (!consumer->call) {
		return STEP_NEXT;
	}
	const struct statement_response *response = &consumer->response.body.response;
	struct content_response_metadata metadata = { 0 };
	if (consumer->envelope.metadata.size &&
	    content_decode_response_metadata(consumer->envelope.metadata, &consumer->arena, &metadata, &run->fault) !=
		OK) {
		return step_fault(run, ERR_PROTOCOL, NULL);
	}
	struct h2_header trailers[H2_HEADER_SEND_MAX];
	size_t count = metadata_headers(&metadata.trailing, trailers, H2_HEADER_SEND_MAX - 4);
	count = add_trailer(trailers, count, METADATA_EXCHANGE_ID, slice_text(consumer->exchange_text));
	struct buffer evidence;
	buffer_init(&evidence, HANDOUT_TEXT_MAX);
	if (consumer->wants_evidence && append_evidence(consumer, &evidence) == OK) {
		count = add_trailer(trailers, count, METADATA_EVIDENCE_OUT, buffer_slice(&evidence));
	}
	if (response->outcome == STATEMENT_OUTCOME_ANSWERED && response->grpc_status == GRPC_OK &&
	    !consumer->envelope.repeated_request) {
		reply_answer(consumer, &metadata, trailers, count);
	} else {
		struct slice message = metadata.grpc_message.size ? metadata.grpc_message : consumer->envelope.detail;
		if (response->reason.size) {
			count = add_trailer(trailers, count, METADATA_REASON, response->reason);
			count = add_trailer(trailers, count, METADATA_NODE, slice_text(consumer->peer_ledger));
		}
		enum grpc_status status =
		    response->grpc_status ? (enum grpc_status)response->grpc_status : GRPC_ALREADY_EXISTS;
		grpc_call_fail(consumer->call, status, message, trailers, count);
	}
	consumer->call = NULL;
	buffer_release(&evidence);
	return STEP_NEXT;
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

static enum step_next reply_fault(struct step_run *run)
{
	struct consumer *consumer = of(run);
	log_event(LOG_LEVEL_INFO, "exchange_failed", "half=consumer exchange=%s reason=%s text=\"%s\"",
		  consumer->exchange_text, result_wire_name(run->failure), run->fault.text);
	if (!consumer->call) {
		return STEP_NEXT;
	}
	struct h2_header trailers[3];
	size_t count = add_trailer(trailers, 0, METADATA_EXCHANGE_ID, slice_text(consumer->exchange_text));
	count = add_trailer(trailers, count, METADATA_REASON, slice_text(result_wire_name(run->failure)));
	count = add_trailer(trailers, count, METADATA_NODE, slice_text(consumer->node->ledger));
	grpc_call_fail(consumer->call, result_grpc_status(run->failure), slice_text(run->fault.text), trailers, count);
	consumer->call = NULL;
	return STEP_NEXT;
}

// ---- life ----------------------------------------------------------------------------------------------------------

static void cancel_wait(struct step_run *run)
{
	struct consumer *consumer = of(run);
	grpc_unary_cancel(consumer->unary);
	consumer->unary = NULL;
	consumer->peer = NULL;
}

static void free_consumer(struct consumer *consumer)
{
	arena_release(&consumer->arena);
	buffer_release(&consumer->metadata);
	buffer_release(&consumer->private_part);
	buffer_release(&consumer->body);
	buffer_release(&consumer->head);
	record_release(&consumer->request);
	record_release(&consumer->received);
	free(consumer);
}

static void finished(struct step_run *run)
{
	struct consumer *consumer = of(run);
	struct node *node = consumer->node;
	free(consumer->message);
	free(consumer->answer_bytes);
	directory_unref(consumer->directory);
	node->consumers--;
	if (node->consumers >= CONSUMER_IDLE_MAX) {
		free_consumer(consumer);
		return;
	}
	consumer->next_idle = node->idle_consumers;
	node->idle_consumers = consumer;
}

// A consumer with its buffers, fresh or used before.
static struct consumer *take_idle(struct node *node)
{
	struct consumer *consumer = node->idle_consumers;
	if (consumer) {
		node->idle_consumers = consumer->next_idle;
		memset(consumer, 0, offsetof(struct consumer, arena));
		arena_clear(&consumer->arena);
		buffer_clear(&consumer->metadata);
		buffer_clear(&consumer->private_part);
		buffer_clear(&consumer->received.leaf);
		return consumer;
	}
	consumer = calloc(1, sizeof *consumer);
	if (consumer) {
		arena_init(&consumer->arena, CONSUMER_ARENA_MAX);
		buffer_init(&consumer->metadata, CONTENT_METADATA_MAX);
		buffer_init(&consumer->private_part, CONTENT_PRIVATE_MAX);
		buffer_init(&consumer->body, CONSUMER_BODY_MAX);
		buffer_init(&consumer->head, ENVELOPE_HEAD_MAX);
		record_init(&consumer->request);
		record_init(&consumer->received);
	}
	return consumer;
}

void consumer_start(const struct consumer_caller *caller, struct grpc_call *call)
{
	struct node *node = caller->node;
	struct consumer *consumer = take_idle(node);
	if (!consumer) {
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, slice_text(result_text(ERR_MEMORY)), NULL, 0);
		return;
	}
	node->consumers++;
	consumer->node = node;
	consumer->caller = caller;
	consumer->call = call;
	consumer->directory = directory_ref(node->directory);
	consumer->run.cancel = cancel_wait;
	consumer->run.finished = finished;
	new_exchange_id(consumer);
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

void consumer_free_idle(struct node *node)
{
	while (node->idle_consumers) {
		struct consumer *next = node->idle_consumers->next_idle;
		free_consumer(node->idle_consumers);
		node->idle_consumers = next;
	}
}
