// SPDX-License-Identifier: EUPL-1.2
//
// Statements for tests of the ledger: member XK/GOV/ARC keeps the ledger; XK/GOV/ASHI is on the other side.
#ifndef BESA_TESTS_LEDGER_MAKE_H
#define BESA_TESTS_LEDGER_MAKE_H

#include "base/clock.h"
#include "base/identifier.h"
#include "base/random.h"
#include "crypto/merkle.h"
#include "ledger/ledger.h"
#include "wire/content.h"
#include "wire/envelope.h"
#include "wire/statement.h"

#include <stdio.h>
#include <stdlib.h>

#define MAKE_LEDGER "besa/XK/GOV/ARC/gw1"
#define MAKE_MEMBER "XK/GOV/ARC"
#define MAKE_SUBSYSTEM "XK/GOV/ARC/population"
#define MAKE_PEER "XK/GOV/ASHI"
#define MAKE_PEER_SUBSYSTEM "XK/GOV/ASHI/ekosova"
#define MAKE_PEER_ORIGIN "besa/XK/GOV/ASHI/gw1/2026"

static const uint8_t make_digest_bytes[32] = "a digest of thirty-two bytes !!!";

static inline struct slice make_digest(void)
{
	return slice_of(make_digest_bytes, sizeof make_digest_bytes);
}

// The bytes of one record; lives as long as the record is needed.
struct made {
	uint8_t id[IDENTIFIER_UUID_SIZE];
	uint8_t request_hash[DIGEST_SIZE]; // of the foreign or own request
	struct buffer body;
	struct buffer attachment;
	struct buffer private_part;
	struct ledger_record record;
};

static inline void made_init(struct made *made)
{
	*made = (struct made){ 0 };
	buffer_init(&made->body, STATEMENT_BODY_MAX);
	buffer_init(&made->attachment, 128 * 1024);
	buffer_init(&made->private_part, CONTENT_PRIVATE_MAX);
}

static inline void made_release(struct made *made)
{
	buffer_release(&made->body);
	buffer_release(&made->attachment);
	buffer_release(&made->private_part);
}

static inline void made_encode(struct made *made, enum statement_type type, const union statement_body *body)
{
	struct fault fault;
	buffer_clear(&made->body);
	result code = statement_encode_body(type, body, &made->body, &fault);
	if (code != OK) {
		fprintf(stderr, "cannot make a statement: %s\n", fault.text);
		abort();
	}
	made->record = (struct ledger_record){
		.type = type,
		.want_seal = true,
		.body = buffer_slice(&made->body),
		.attachment = buffer_slice(&made->attachment),
		.private_part = buffer_slice(&made->private_part),
	};
}

static inline union statement_body make_request_body(const uint8_t *id, const char *client, const char *provider,
						     const char *origin, uint32_t attempt)
{
	return (union statement_body){ .request = {
					   .exchange_id = slice_of(id, IDENTIFIER_UUID_SIZE),
					   .client = slice_text(client),
					   .purpose = slice_text("a test"),
					   .provider = slice_text(provider),
					   .provider_ledger = slice_text(origin),
					   .service = slice_text("rks.civil.v1.CivilRegistry"),
					   .method = slice_text("GetPerson"),
					   .contract_digest = make_digest(),
					   .attempt = attempt,
					   .previous_attempt = attempt > 1 ? make_digest() : slice_of(NULL, 0),
					   .issued_at_us = clock_wall_us(),
					   .deadline_us = clock_wall_us() + 5000000,
					   .payload_digest = make_digest(),
					   .payload_size = 200,
					   .directory_size = 7,
					   .directory_root = make_digest(),
				       } };
}

// An own request with the id in made->id.
static inline void make_request(struct made *made, uint32_t attempt)
{
	union statement_body body =
	    make_request_body(made->id, MAKE_SUBSYSTEM, MAKE_PEER_SUBSYSTEM, MAKE_PEER_ORIGIN, attempt);
	buffer_clear(&made->attachment);
	made_encode(made, STATEMENT_REQUEST, &body);
}

// The same with a private part beside it.
static inline void make_private_request(struct made *made)
{
	static const uint8_t salt[32] = "a salt of thirty-two bytes......";
	union statement_body body =
	    make_request_body(made->id, MAKE_SUBSYSTEM, MAKE_PEER_SUBSYSTEM, MAKE_PEER_ORIGIN, 1);
	struct content_private part = { .salt = slice_of(salt, 32), .user = slice_text("1234567890") };
	uint8_t commitment[CONTENT_DIGEST_SIZE];
	buffer_clear(&made->private_part);
	if (content_encode_private(&part, &made->private_part, NULL) != OK) {
		abort();
	}
	content_private_commitment(buffer_slice(&made->private_part), commitment);
	body.request.private_commitment = slice_of(commitment, sizeof commitment);
	made_encode(made, STATEMENT_REQUEST, &body);
	made->record.salt = slice_of(salt, 32);
}

// A foreign leaf with a seal that only looks like one, as the attachment; its hashes go to the two digests.
static inline void make_attachment(struct made *made, enum statement_type type, const union statement_body *body,
				   uint8_t leaf_hash[DIGEST_SIZE], uint8_t seal_hash[DIGEST_SIZE])
{
	static const uint8_t blinder[STATEMENT_BLINDER_SIZE] = "a blinder of 16";
	struct buffer bytes;
	struct buffer leaf;
	struct buffer seal;
	buffer_init(&bytes, STATEMENT_BODY_MAX);
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	buffer_init(&seal, ENVELOPE_SEAL_MAX);
	struct envelope_seal made_seal = {
		.origin = slice_text(MAKE_PEER_ORIGIN),
		.index = 3,
		.path = make_digest(),
		.checkpoint = slice_text(MAKE_PEER_ORIGIN "\n4\nAAAA\n\n"),
	};
	if (statement_encode_body(type, body, &bytes, NULL) != OK ||
	    envelope_encode_seal(&made_seal, &seal, NULL) != OK) {
		abort();
	}
	statement_append_leaf(&leaf, type, slice_text(MAKE_PEER), clock_wall_us(), blinder, buffer_slice(&bytes));
	merkle_leaf_hash(buffer_slice(&leaf), leaf_hash);
	digest_sha256(buffer_slice(&seal), seal_hash);
	struct envelope_sealed sealed = { .statement = buffer_slice(&leaf), .seal = buffer_slice(&seal) };
	buffer_clear(&made->attachment);
	if (envelope_encode_sealed(&sealed, &made->attachment, NULL) != OK) {
		abort();
	}
	buffer_release(&bytes);
	buffer_release(&leaf);
	buffer_release(&seal);
}

static inline void make_received(struct made *made, enum statement_type type, const uint8_t *leaf_hash,
				 const uint8_t *seal_hash, const char *origin)
{
	union statement_body body = { .received = {
					  .exchange_id = slice_of(made->id, IDENTIFIER_UUID_SIZE),
					  .type = type,
					  .statement_hash = slice_of(leaf_hash, DIGEST_SIZE),
					  .seal_hash = slice_of(seal_hash, DIGEST_SIZE),
					  .origin = slice_text(origin),
					  .index = 3,
					  .subsystem = slice_text(MAKE_SUBSYSTEM),
					  .checks = STATEMENT_CHECKED_ALL,
				      } };
	made_encode(made, STATEMENT_RECEIVED, &body);
}

// That a request of the peer was taken: id in made->id, addressed to `shard` of our ledger.
static inline void make_taken_attempt(struct made *made, const char *shard, uint32_t attempt)
{
	uint8_t seal_hash[DIGEST_SIZE];
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	snprintf(origin, sizeof origin, MAKE_LEDGER "/%s", shard);
	union statement_body body = make_request_body(made->id, MAKE_PEER_SUBSYSTEM, MAKE_SUBSYSTEM, origin, attempt);
	make_attachment(made, STATEMENT_REQUEST, &body, made->request_hash, seal_hash);
	make_received(made, STATEMENT_REQUEST, made->request_hash, seal_hash, MAKE_PEER_ORIGIN);
}

static inline void make_taken(struct made *made)
{
	make_taken_attempt(made, "2026", 1);
}

// Our response to the request whose hash is in made->request_hash.
static inline void make_response(struct made *made, enum statement_outcome outcome)
{
	bool answered = outcome == STATEMENT_OUTCOME_ANSWERED;
	union statement_body body = { .response = {
					  .exchange_id = slice_of(made->id, IDENTIFIER_UUID_SIZE),
					  .provider = slice_text(MAKE_SUBSYSTEM),
					  .request_hash = slice_of(made->request_hash, DIGEST_SIZE),
					  .outcome = outcome,
					  .grpc_status = answered ? GRPC_OK : GRPC_PERMISSION_DENIED,
					  .reason = answered ? slice_of(NULL, 0) : slice_text("grant_missing"),
					  .payload_digest = answered ? make_digest() : slice_of(NULL, 0),
					  .payload_size = answered ? 200 : 0,
				      } };
	buffer_clear(&made->attachment);
	made_encode(made, STATEMENT_RESPONSE, &body);
}

// That the peer's response to our request came.
static inline void make_answer(struct made *made)
{
	uint8_t leaf_hash[DIGEST_SIZE];
	uint8_t seal_hash[DIGEST_SIZE];
	union statement_body body = { .response = {
					  .exchange_id = slice_of(made->id, IDENTIFIER_UUID_SIZE),
					  .provider = slice_text(MAKE_PEER_SUBSYSTEM),
					  .request_hash = make_digest(),
					  .outcome = STATEMENT_OUTCOME_ANSWERED,
					  .payload_digest = make_digest(),
					  .payload_size = 200,
				      } };
	make_attachment(made, STATEMENT_RESPONSE, &body, leaf_hash, seal_hash);
	make_received(made, STATEMENT_RESPONSE, leaf_hash, seal_hash, MAKE_PEER_ORIGIN);
}

static inline void make_unanswered(struct made *made)
{
	union statement_body body = { .unanswered = {
					  .exchange_id = slice_of(made->id, IDENTIFIER_UUID_SIZE),
					  .client = slice_text(MAKE_SUBSYSTEM),
					  .request_hash = slice_of(made->request_hash, DIGEST_SIZE),
					  .grpc_status = GRPC_DEADLINE_EXCEEDED,
					  .reason = slice_text("timeout"),
				      } };
	buffer_clear(&made->attachment);
	made_encode(made, STATEMENT_UNANSWERED, &body);
}

#endif
