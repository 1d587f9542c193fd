// SPDX-License-Identifier: EUPL-1.2
//
// The state of one exchange in its provider half, and the check of what arrives. Internal to the half: provider.c (the
// steps), provider_state.c (life), provider_verify.c.
#ifndef BESA_EXCHANGE_PROVIDER_STATE_H
#define BESA_EXCHANGE_PROVIDER_STATE_H

#include "contract/contract.h"
#include "exchange/provider.h"
#include "exchange/record.h"
#include "exchange/step.h"
#include "net/grpc_unary.h"

struct service;

struct provider {
	struct step_run run; // first: the steps get a pointer to it
	struct provider *next_idle;
	struct node *node;
	struct grpc_call *call; // NULL once the calling gateway is gone
	struct directory *directory;
	uint8_t fingerprint[TLS_FINGERPRINT_SIZE]; // of the calling gateway

	// the request
	uint8_t *message; // the envelope, taken over from the call; the slices point into it
	size_t held;      // node_hold()
	struct envelope_request envelope;
	struct envelope_seal seal;
	struct statement statement;
	const struct statement_request *request; // the statement's body, once it is parsed
	struct seal_verified verified;
	uint8_t request_hash[STATEMENT_HASH_SIZE];
	char exchange_text[IDENTIFIER_UUID_TEXT_SIZE];
	int64_t deadline_us; // monotonic
	struct slice grant_id;
	struct service *service;
	const struct contract_method *method;

	// the answer
	struct notary_call notary;
	struct grpc_unary *unary;
	enum statement_outcome outcome;
	enum grpc_status status;
	uint8_t *payload_bytes; // of the adapter, taken over
	struct slice payload;
	uint8_t salt[CONTENT_SALT_SIZE];
	bool is_authentic; // the seal holds and the calling gateway speaks for its member
	bool is_repeated;
	bool is_sealed; // `response` holds a statement to send

	// memory that one exchange leaves to the next; `arena` stays the first of it
	struct arena arena;
	struct buffer body;
	struct buffer metadata; // ResponseMetadata bytes
	struct record response;
};

// A provider of the node, everything zero but its memory; NULL when out of memory. Used ones are taken first.
struct provider *provider_new(struct node *node);

// Gives what the exchange owns back and keeps the provider for reuse, or frees it.
void provider_recycle(struct provider *provider);

// Verifies what accept has read: the seal and who speaks, that it is addressed to this subsystem and ledger, the times
// (shortening the deadline to the statement's), and that the content is what the statement commits to.
result provider_verify_request(struct provider *provider, struct fault *fault);

#endif
