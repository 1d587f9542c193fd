// SPDX-License-Identifier: EUPL-1.2
//
// The state of one exchange in its consumer half, and the parts of its steps that build and check statements. Internal
// to the half: consumer.c (the steps), consumer_state.c (life), consumer_request.c, consumer_verify.c,
// consumer_reply.c.
#ifndef BESA_EXCHANGE_CONSUMER_STATE_H
#define BESA_EXCHANGE_CONSUMER_STATE_H

#include "exchange/consumer.h"
#include "exchange/peers.h"
#include "exchange/record.h"
#include "exchange/step.h"
#include "net/grpc_unary.h"

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
	size_t held; // node_hold()
	uint8_t salt[CONTENT_SALT_SIZE];

	// the request
	uint32_t attempt;
	size_t start;   // where among the provider's gateways the exchange began
	size_t gateway; // which of the ways to it from there, from 1
	uint8_t previous_hash[STATEMENT_HASH_SIZE];
	char peer_ledger[IDENTIFIER_ORIGIN_MAX + 1];
	char peer_origin[IDENTIFIER_ORIGIN_MAX + 1];
	struct notary_call notary;
	struct grpc_unary *unary;
	bool again;     // this attempt was provably not taken: try the next gateway
	bool on_record; // `request` stands in our ledger without an outcome

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

// A consumer of the node, everything zero but its memory; NULL when out of memory. Used ones are taken first.
struct consumer *consumer_new(struct node *node);

// Gives what the exchange owns back and keeps the consumer for reuse, or frees it.
void consumer_recycle(struct consumer *consumer);

void consumer_new_exchange_id(struct consumer *consumer);

// Takes the call's message, path and headers over, so that nothing refers to the call any more: it may be cancelled.
// ERR_METHOD_UNKNOWN, ERR_LIMIT, ERR_FORMAT, ERR_MEMORY.
result consumer_take_request(struct consumer *consumer, struct fault *fault);

// Builds the body of the request statement for the present attempt. ERR_ARGUMENT when the caller's words do not fit
// one.
result consumer_encode_request(struct consumer *consumer, struct fault *fault);

// Verifies the answer whole: a response statement of the subsystem that was asked, about this request, sealed in the
// ledger of the gateway that was asked, with content that matches. ERR_REPLAYED when the provider has the request
// on record and no outcome yet.
result consumer_verify_answer(struct consumer *consumer, struct fault *fault);

// Ends the call with the verified answer: the adapter's message, or the outcome's status with its reason; evidence in a
// trailer if it was asked for. ERR_PROTOCOL (the call is open still) if the answer's metadata cannot be read.
result consumer_reply(struct consumer *consumer, struct fault *fault);

#endif
