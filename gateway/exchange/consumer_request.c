// SPDX-License-Identifier: EUPL-1.2
//
// What the caller said, as the request statement says it.
#include "base/clock.h"
#include "base/random.h"
#include "exchange/consumer_state.h"
#include "exchange/metadata.h"

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

// The caller's deadline, cut to the longest that the directory allows.
static int64_t deadline_of(const struct consumer *consumer)
{
	int64_t longest = loop_now_us(consumer->node->loop) +
			  (int64_t)directory_document(consumer->directory)->parameters.longest_deadline_us;
	int64_t deadline = grpc_call_deadline_us(consumer->call);
	return deadline < longest ? deadline : longest;
}

result consumer_take_request(struct consumer *consumer, struct fault *fault)
{
	size_t size = 0;
	consumer->message = grpc_call_take_message(consumer->call, &size);
	consumer->payload = slice_of(consumer->message, size);
	consumer->deadline_us = deadline_of(consumer);
	consumer->wants_evidence = slice_is(grpc_call_header(consumer->call, METADATA_EVIDENCE), "1");
	result code = node_hold(consumer->node, size);
	if (code == OK) {
		consumer->held = size;
		code = split_path(consumer, grpc_call_path(consumer->call));
	}
	if (code == OK) {
		code = copy_header(consumer, METADATA_PURPOSE, &consumer->purpose);
	}
	if (code == OK) {
		code = copy_header(consumer, METADATA_LEGAL_BASIS, &consumer->legal_basis);
	}
	if (code == OK) {
		code = collect_private(consumer, fault);
	}
	if (code == OK) {
		code = metadata_encode_request(grpc_call_headers(consumer->call), &consumer->metadata, fault);
	}
	return code;
}

result consumer_encode_request(struct consumer *consumer, struct fault *fault)
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
	result code = statement_encode_body(STATEMENT_REQUEST, &body, &consumer->body, fault);
	return code == ERR_STATEMENT_INVALID ? ERR_ARGUMENT : code;
}
