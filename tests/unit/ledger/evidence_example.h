// SPDX-License-Identifier: EUPL-1.2
//
// Evidence of an exchange, built in memory: a PKI, three ledgers, statements, seals and content; as it should be, or
// with what a test wishes different.
#ifndef BESA_TESTS_EVIDENCE_EXAMPLE_H
#define BESA_TESTS_EVIDENCE_EXAMPLE_H

#include "base/random.h"
#include "crypto/certificate.h"
#include "crypto/checkpoint.h"
#include "wire/content.h"
#include "wire/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CENTRAL "besa/XK/GOV/ASHI/central"
#define CLIENT_LEDGER "besa/XK/GOV/ASHI/gw1"
#define PROVIDER_LEDGER "besa/XK/GOV/ARC/gw1"

static const int64_t NOW_US = 1763719800LL * 1000000;
static const int64_t DAY_US = 86400LL * 1000000;
static const int64_t SECOND_US = 1000000;

enum { LEAVES = 13, FILE_MAX = 256 * 1024, LEAF_MAX = 8192 };

// ---- keys -------------------------------------------------------------------------------------------------------

struct party {
	struct key_private *key;
	struct certificate *certificate;
};

static struct pki {
	struct party root, issuing, client, provider, provider2, central, stranger, expired, foreign_root;
} pki;

static struct party make_party(const struct certificate_order *wish, const struct party *issuer)
{
	struct certificate_order order = *wish;
	struct party party = { 0 };
	struct fault fault = { 0 };
	assert_int_equal(key_generate(KEY_P256, &party.key), OK);
	order.key = key_public_of(party.key);
	order.not_before_us = order.not_before_us ? order.not_before_us : NOW_US - DAY_US;
	order.not_after_us = order.not_after_us ? order.not_after_us : NOW_US + 365 * DAY_US;
	result r = certificate_issue(&order, issuer ? issuer->certificate : NULL, issuer ? issuer->key : party.key,
				     &party.certificate, &fault);
	if (r != OK) {
		fail_msg("certificate_issue: %s", fault.text);
	}
	return party;
}

static struct party make_seal(const char *ledger)
{
	struct certificate_order order = { .profile = CERTIFICATE_SEAL, .ledger = ledger };
	return make_party(&order, &pki.issuing);
}

static int make_pki(void **state)
{
	(void)state;
	struct certificate_order root = { .profile = CERTIFICATE_ROOT,
					  .organisation = "XK/GOV/ASHI",
					  .common_name = "Test root" };
	struct certificate_order issuing = { .profile = CERTIFICATE_ISSUING,
					     .organisation = "XK/GOV/ASHI",
					     .common_name = "Test issuing" };
	struct certificate_order expired = { .profile = CERTIFICATE_SEAL,
					     .ledger = CLIENT_LEDGER,
					     .not_after_us = NOW_US - DAY_US / 2 };
	pki.root = make_party(&root, NULL);
	pki.foreign_root = make_party(&root, NULL);
	pki.issuing = make_party(&issuing, &pki.root);
	pki.client = make_seal(CLIENT_LEDGER);
	pki.provider = make_seal(PROVIDER_LEDGER);
	pki.provider2 = make_seal("besa/XK/GOV/ARC/gw2");
	pki.central = make_seal(CENTRAL);
	pki.stranger = make_seal("besa/XK/MUN/PEJA/gw1");
	pki.expired = make_party(&expired, &pki.issuing);
	return 0;
}

static int free_pki(void **state)
{
	(void)state;
	struct party *parties = (struct party *)&pki;
	for (size_t i = 0; i < sizeof pki / sizeof *parties; i++) {
		key_private_free(parties[i].key);
		certificate_free(parties[i].certificate);
	}
	return 0;
}

// ---- ledgers ----------------------------------------------------------------------------------------------------

// RFC 6962 by its definition, to be independent of the batch prover.
static void subtree(const uint8_t (*hashes)[DIGEST_SIZE], size_t count, uint8_t root[DIGEST_SIZE])
{
	uint8_t left[DIGEST_SIZE], right[DIGEST_SIZE];
	size_t half = 1;
	if (count == 1) {
		memcpy(root, hashes[0], DIGEST_SIZE);
		return;
	}
	while (2 * half < count) {
		half *= 2;
	}
	subtree(hashes, half, left);
	subtree(hashes + half, count - half, right);
	merkle_node_hash(left, right, root);
}

static void path_of(const uint8_t (*hashes)[DIGEST_SIZE], size_t count, size_t index, struct buffer *path)
{
	uint8_t sibling[DIGEST_SIZE];
	size_t half = 1;
	if (count == 1) {
		return;
	}
	while (2 * half < count) {
		half *= 2;
	}
	if (index < half) {
		path_of(hashes, half, index, path);
		subtree(hashes + half, count - half, sibling);
	} else {
		path_of(hashes + half, count - half, index - half, path);
		subtree(hashes, half, sibling);
	}
	buffer_append(path, sibling, DIGEST_SIZE);
}

// Seals a leaf as number `index` of LEAVES in a ledger; the other leaves are invented. Appends the Seal bytes.
static void seal(const char *origin, struct key_private *key, size_t index, struct slice leaf, struct buffer *bytes,
		 struct checkpoint *ret_checkpoint)
{
	uint8_t hashes[LEAVES][DIGEST_SIZE];
	struct note_signer signer;
	struct note_signer *signers[] = { &signer };
	struct buffer path, note;
	buffer_init(&path, 4096);
	buffer_init(&note, 4096);
	for (size_t i = 0; i < LEAVES; i++) {
		char other[32];
		snprintf(other, sizeof other, "leaf %zu", i);
		merkle_leaf_hash(i == index ? leaf : slice_text(other), hashes[i]);
	}
	struct checkpoint checkpoint = { .origin = slice_text(origin), .size = LEAVES };
	subtree((const uint8_t(*)[DIGEST_SIZE])hashes, LEAVES, checkpoint.root);
	path_of((const uint8_t(*)[DIGEST_SIZE])hashes, LEAVES, index, &path);
	assert_int_equal(note_signer_init(&signer, slice_text(origin), NOTE_ECDSA, key), OK);
	assert_int_equal(checkpoint_sign(&checkpoint, signers, 1, 0, &note), OK);
	struct envelope_seal sealed = { .origin = slice_text(origin),
					.index = index,
					.path = buffer_slice(&path),
					.checkpoint = buffer_slice(&note) };
	assert_int_equal(envelope_encode_seal(&sealed, bytes, NULL), OK);
	if (ret_checkpoint) {
		*ret_checkpoint = checkpoint;
	}
	note_signer_release(&signer);
	buffer_release(&path);
	buffer_release(&note);
}

// ---- evidence ---------------------------------------------------------------------------------------------------

// What one test wants different. Zero everywhere: a proper exchange.
struct wish {
	const struct party *client_key; // that signs the client's ledger
	const char *client_origin;      // of the request's seal
	const char *provider_origin;    // of the response's seal
	const struct party *provider_key;
	const char *answering; // subsystem in the response
	bool other_request_hash;
	bool other_exchange;
	int64_t answered_us; // after NOW_US
	int64_t sealed_us;   // of the request, after NOW_US
	bool no_response, unanswered, no_edition, received;
	bool no_payloads, no_private, no_metadata;
	bool other_edition; // than the request refers to
	const char *edition_origin;
	const struct party *edition_key;
	bool no_certificates;
	bool refused;
};

struct parts {
	uint8_t exchange[16], salt[32], response_salt[32];
	struct buffer request, response, unanswered, edition, received;
	struct buffer request_seal, response_seal, unanswered_seal, edition_seal;
	struct buffer private_part, metadata;
	struct checkpoint edition_head;
	struct envelope_evidence evidence;
	struct slice certificates[8];
};

static const char request_payload[] = "\x0a\x0a"
				      "1234567890";
static const char response_payload[] = "\x0a\x06"
				       "Arbana";
static const uint8_t some_hash[32] = { 1, 2, 3 };

static void leaf(struct buffer *to, enum statement_type type, const union statement_body *body, const char *member,
		 int64_t time_us)
{
	uint8_t blinder[STATEMENT_BLINDER_SIZE];
	struct buffer bytes;
	struct fault fault = { 0 };
	buffer_init(&bytes, LEAF_MAX);
	random_bytes(blinder, sizeof blinder);
	if (statement_encode_body(type, body, &bytes, &fault) != OK) {
		fail_msg("statement_encode_body: %s", fault.text);
	}
	statement_append_leaf(to, type, slice_text(member), time_us, blinder, buffer_slice(&bytes));
	buffer_release(&bytes);
}

static void make_edition(struct parts *parts, const struct wish *wish)
{
	const char *origin = wish->edition_origin ? wish->edition_origin : CENTRAL "/2026";
	const struct party *key = wish->edition_key ? wish->edition_key : &pki.central;
	const char *member = wish->edition_origin ? "XK/MUN/PEJA" : "XK/GOV/ASHI";
	union statement_body body = { .edition = { .instance = slice_text("XK"),
						   .version = 7,
						   .issued_at_us = NOW_US - DAY_US,
						   .valid_until_us = NOW_US + DAY_US,
						   .digest = slice_of(some_hash, 32),
						   .size = 4711 } };
	leaf(&parts->edition, STATEMENT_EDITION, &body, member, NOW_US - DAY_US);
	seal(origin, key->key, 2, buffer_slice(&parts->edition), &parts->edition_seal, &parts->edition_head);
}

static void make_request(struct parts *parts, const struct wish *wish)
{
	uint8_t digest[32], metadata_digest[32], commitment[32];
	struct content_entry entry = { .key = slice_text("x-case"), .value = slice_text("17/2026") };
	struct content_metadata metadata = { .entries = { .items = &entry, .count = 1 } };
	struct content_private private_part = { .salt = slice_of(parts->salt, 32),
						.user = slice_text("officer-17"),
						.issue = slice_text("A-2026-11") };
	uint8_t head[32];
	memcpy(head, parts->edition_head.root, 32);
	head[0] ^= wish->other_edition;
	assert_int_equal(content_encode_private(&private_part, &parts->private_part, NULL), OK);
	assert_int_equal(content_encode_metadata(&metadata, &parts->metadata, NULL), OK);
	content_private_commitment(buffer_slice(&parts->private_part), commitment);
	content_payload_digest(parts->salt, slice_text(request_payload), digest);
	content_metadata_digest(parts->salt, buffer_slice(&parts->metadata), metadata_digest);
	union statement_body body = { .request = { .exchange_id = slice_of(parts->exchange, 16),
						   .client = slice_text("XK/GOV/ASHI/ekosova"),
						   .purpose = slice_text("residence certificate"),
						   .legal_basis = slice_text("Law 08/L-063"),
						   .provider = slice_text("XK/GOV/ARC/population"),
						   .provider_ledger = slice_text(PROVIDER_LEDGER "/2026"),
						   .service = slice_text("rks.civil.v1.CivilRegistry"),
						   .method = slice_text("GetPerson"),
						   .contract_digest = slice_of(some_hash, 32),
						   .attempt = 1,
						   .issued_at_us = NOW_US,
						   .deadline_us = NOW_US + 5 * SECOND_US,
						   .payload_digest = slice_of(digest, 32),
						   .payload_size = sizeof request_payload - 1,
						   .metadata_digest = slice_of(metadata_digest, 32),
						   .directory_size = LEAVES,
						   .directory_root = slice_of(head, 32),
						   .private_commitment = slice_of(commitment, 32) } };
	leaf(&parts->request, STATEMENT_REQUEST, &body, "XK/GOV/ASHI", NOW_US + wish->sealed_us);
	seal(wish->client_origin ? wish->client_origin : CLIENT_LEDGER "/2026",
	     (wish->client_key ? wish->client_key : &pki.client)->key, 5, buffer_slice(&parts->request),
	     &parts->request_seal, NULL);
}

static void make_response(struct parts *parts, const struct wish *wish)
{
	uint8_t digest[32], request_hash[32], exchange[16];
	statement_leaf_hash(buffer_slice(&parts->request), request_hash);
	request_hash[3] ^= wish->other_request_hash;
	memcpy(exchange, parts->exchange, 16);
	exchange[15] ^= wish->other_exchange;
	content_payload_digest(parts->response_salt, slice_text(response_payload), digest);
	const char *answering = wish->answering ? wish->answering : "XK/GOV/ARC/population";
	bool other_member = strncmp(answering, "XK/GOV/ARC", 10) != 0;
	union statement_body body = { .response = { .exchange_id = slice_of(exchange, 16),
						    .provider = slice_text(answering),
						    .request_hash = slice_of(request_hash, 32),
						    .outcome = STATEMENT_OUTCOME_ANSWERED,
						    .grant_id = slice_text("g-1"),
						    .payload_digest = slice_of(digest, 32),
						    .payload_size = sizeof response_payload - 1 } };
	if (wish->refused) {
		body.response.outcome = STATEMENT_OUTCOME_REFUSED;
		body.response.grpc_status = GRPC_PERMISSION_DENIED;
		body.response.reason = slice_text("grant_missing");
		body.response.grant_id = body.response.payload_digest = (struct slice){ 0 };
		body.response.payload_size = 0;
	}
	leaf(&parts->response, STATEMENT_RESPONSE, &body, other_member ? "XK/MUN/PEJA" : "XK/GOV/ARC",
	     NOW_US + SECOND_US + wish->answered_us);
	seal(wish->provider_origin ? wish->provider_origin : PROVIDER_LEDGER "/2026",
	     (wish->provider_key ? wish->provider_key : &pki.provider)->key, 9, buffer_slice(&parts->response),
	     &parts->response_seal, NULL);
}

static void make_unanswered(struct parts *parts, const struct wish *wish)
{
	uint8_t request_hash[32];
	statement_leaf_hash(buffer_slice(&parts->request), request_hash);
	request_hash[3] ^= wish->other_request_hash;
	union statement_body body = { .unanswered = { .exchange_id = slice_of(parts->exchange, 16),
						      .client = slice_text("XK/GOV/ASHI/ekosova"),
						      .request_hash = slice_of(request_hash, 32),
						      .grpc_status = GRPC_UNAVAILABLE,
						      .reason = slice_text("peer_lost") } };
	leaf(&parts->unanswered, STATEMENT_UNANSWERED, &body, "XK/GOV/ASHI", NOW_US + 6 * SECOND_US);
	seal(CLIENT_LEDGER "/2026", pki.client.key, 7, buffer_slice(&parts->unanswered), &parts->unanswered_seal, NULL);
}

static void make_received(struct parts *parts)
{
	uint8_t hash[32], seal_hash[32];
	statement_leaf_hash(buffer_slice(&parts->response), hash);
	digest_sha256(buffer_slice(&parts->response_seal), seal_hash);
	union statement_body body = { .received = { .exchange_id = slice_of(parts->exchange, 16),
						    .type = STATEMENT_RESPONSE,
						    .statement_hash = slice_of(hash, 32),
						    .seal_hash = slice_of(seal_hash, 32),
						    .origin = slice_text(PROVIDER_LEDGER "/2026"),
						    .index = 9,
						    .subsystem = slice_text("XK/GOV/ASHI/ekosova"),
						    .checks = STATEMENT_CHECKED_ALL } };
	leaf(&parts->received, STATEMENT_RECEIVED, &body, "XK/GOV/ASHI", NOW_US + 2 * SECOND_US);
}

static void assemble(struct parts *parts, const struct wish *wish)
{
	struct envelope_evidence *e = &parts->evidence;
	e->has_request = true;
	e->request = (struct envelope_sealed){ .statement = buffer_slice(&parts->request),
					       .seal = buffer_slice(&parts->request_seal),
					       .salt = slice_of(parts->salt, 32) };
	if (!wish->no_private) {
		e->request.private_part = buffer_slice(&parts->private_part);
	}
	if (!wish->no_metadata) {
		e->request.metadata = buffer_slice(&parts->metadata);
	}
	if (!wish->no_response) {
		e->has_response = true;
		e->response = (struct envelope_sealed){ .statement = buffer_slice(&parts->response),
							.seal = buffer_slice(&parts->response_seal),
							.salt = slice_of(parts->response_salt, 32) };
	}
	if (!wish->no_payloads) {
		e->request.payload = slice_text(request_payload);
		e->request.has_payload = true;
		e->response.payload = slice_text(wish->refused ? "" : response_payload);
		e->response.has_payload = !wish->refused;
	}
	if (wish->unanswered) {
		e->has_unanswered = true;
		e->unanswered = (struct envelope_sealed){ .statement = buffer_slice(&parts->unanswered),
							  .seal = buffer_slice(&parts->unanswered_seal) };
	}
	if (!wish->no_edition) {
		e->has_edition = true;
		e->edition = (struct envelope_sealed){ .statement = buffer_slice(&parts->edition),
						       .seal = buffer_slice(&parts->edition_seal) };
	}
	if (wish->received) {
		e->received = buffer_slice(&parts->received);
		e->received_index = 6;
	}
	const struct party *carried[] = { wish->client_key ? wish->client_key : &pki.client,
					  wish->provider_key ? wish->provider_key : &pki.provider,
					  wish->edition_key ? wish->edition_key : &pki.central, &pki.issuing };
	for (size_t i = 0; i < 4; i++) {
		parts->certificates[i] = certificate_der(carried[i]->certificate);
	}
	e->certificates = (struct slice_list){ .items = parts->certificates, .count = wish->no_certificates ? 0 : 4 };
}

static void make_parts(struct parts *parts, const struct wish *wish)
{
	struct buffer *buffers[] = { &parts->request,       &parts->response,        &parts->unanswered,
				     &parts->edition,       &parts->received,        &parts->request_seal,
				     &parts->response_seal, &parts->unanswered_seal, &parts->edition_seal,
				     &parts->private_part,  &parts->metadata };
	memset(parts, 0, sizeof *parts);
	for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
		buffer_init(buffers[i], LEAF_MAX);
	}
	identifier_new_uuid(parts->exchange);
	random_bytes(parts->salt, 32);
	random_bytes(parts->response_salt, 32);
	make_edition(parts, wish);
	make_request(parts, wish);
	make_response(parts, wish);
	make_unanswered(parts, wish);
	make_received(parts);
	assemble(parts, wish);
}

static void release_parts(struct parts *parts)
{
	struct buffer *buffers[] = { &parts->request,       &parts->response,        &parts->unanswered,
				     &parts->edition,       &parts->received,        &parts->request_seal,
				     &parts->response_seal, &parts->unanswered_seal, &parts->edition_seal,
				     &parts->private_part,  &parts->metadata };
	for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
		buffer_release(buffers[i]);
	}
}

#endif
