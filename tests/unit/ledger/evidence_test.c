// SPDX-License-Identifier: EUPL-1.2
//
// Evidence files are built in memory, with a PKI and ledgers of their own, and then spoilt in every way: each byte
// altered, the file cut at each length, parts taken out and exchanged. What is spoilt must be found, under the right
// name.
#include "ledger/evidence.h"

#include "base/random.h"
#include "crypto/certificate.h"
#include "crypto/checkpoint.h"
#include "wire/content.h"

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

// ---- verifying --------------------------------------------------------------------------------------------------

static struct listing {
	const struct party *client; // the directory's word on the client's ledger
	bool without_ledgers, without_subsystems;
} listing;

static result list_ledger(void *context, struct slice origin, struct evidence_listing *ret_listing)
{
	const struct listing *lists = context;
	const struct party *party = NULL;
	if (slice_is(origin, CLIENT_LEDGER "/2026")) {
		party = lists->client ? lists->client : &pki.client;
	} else if (slice_is(origin, PROVIDER_LEDGER "/2026") || slice_is(origin, PROVIDER_LEDGER "/2026-2")) {
		party = &pki.provider;
	} else if (slice_is(origin, "besa/XK/GOV/ARC/gw2/2026")) {
		party = &pki.provider2;
	} else if (slice_is(origin, CENTRAL "/2026")) {
		party = &pki.central;
	}
	if (!party || lists->without_ledgers) {
		return ERR_NOT_FOUND;
	}
	ret_listing->certificate = certificate_der(party->certificate);
	return OK;
}

static bool list_subsystem(void *context, struct slice subsystem)
{
	const struct listing *lists = context;
	return !lists->without_subsystems &&
	       (slice_is(subsystem, "XK/GOV/ASHI/ekosova") || slice_is(subsystem, "XK/GOV/ARC/population") ||
		slice_is(subsystem, "XK/GOV/ARC/documents"));
}

static struct evidence_report *verify(struct slice file, bool with_directory, const struct party *root)
{
	struct evidence_report *report = NULL;
	struct slice der = certificate_der((root ? root : &pki.root)->certificate);
	struct evidence_directory directory = { .context = &listing,
						.ledger = list_ledger,
						.subsystem = list_subsystem };
	struct evidence_context context = { .roots = &der,
					    .root_count = 1,
					    .central = slice_text(CENTRAL),
					    .directory = with_directory ? &directory : NULL,
					    .clock_skew_us = 2 * SECOND_US };
	assert_int_equal(evidence_verify(file, &context, &report), OK);
	return report;
}

static void encode(const struct parts *parts, struct buffer *file)
{
	struct fault fault = { 0 };
	buffer_init(file, FILE_MAX);
	if (envelope_encode_evidence(&parts->evidence, file, &fault) != OK) {
		fail_msg("envelope_encode_evidence: %s", fault.text);
	}
}

static struct evidence_report *verify_parts(const struct parts *parts, struct buffer *file)
{
	encode(parts, file);
	return verify(buffer_slice(file), true, NULL);
}

static void print_report(const struct evidence_report *report)
{
	for (size_t i = 0; i < report->check_count; i++) {
		const struct evidence_check *check = &report->checks[i];
		print_message("%-7s %-22s %s\n", evidence_mark_name(check->mark), check->name,
			      check->text  ? check->text
			      : check->why ? check->why
					   : "");
	}
}

static void expect_mark(const struct evidence_report *report, const char *name, enum evidence_mark mark,
			const char *why)
{
	const struct evidence_check *check = evidence_find(report, name);
	if (!check || check->mark != mark || (why && strcmp(check->why, why) != 0)) {
		print_report(report);
		fail_msg("%s should be %s", name, evidence_mark_name(mark));
	}
}

// Builds evidence as wished and expects this check to fail first; NULL: proven.
static void expect_failure(const struct wish *wish, const char *name)
{
	struct parts parts;
	struct buffer file;
	make_parts(&parts, wish);
	struct evidence_report *report = verify_parts(&parts, &file);
	bool as_expected = name ? report->failed && strcmp(report->failed, name) == 0 && !report->proven
				: report->proven && !report->failed;
	if (!as_expected) {
		print_report(report);
		fail_msg("expected %s, got %s", name ? name : "proven", report->failed ? report->failed : "proven");
	}
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

// ---- tests ------------------------------------------------------------------------------------------------------

static void test_whole(void **state)
{
	(void)state;
	static const char *const names[] = {
		"file",
		"certificates",
		"request.statement",
		"request.inclusion",
		"request.signature",
		"request.certificate",
		"request.member",
		"request.directory",
		"request.private",
		"request.payload",
		"request.metadata",
		"response.statement",
		"response.inclusion",
		"response.signature",
		"response.certificate",
		"response.member",
		"response.directory",
		"response.payload",
		"response.metadata",
		"edition.statement",
		"edition.inclusion",
		"edition.signature",
		"edition.certificate",
		"edition.member",
		"edition.directory",
		"exchange.match",
		"exchange.addressee",
		"exchange.time",
		"edition.reference",
		"received",
	};
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ .received = true });
	struct evidence_report *report = verify_parts(&parts, &file);
	assert_int_equal(report->check_count, sizeof names / sizeof names[0]);
	for (size_t i = 0; i < report->check_count; i++) {
		assert_string_equal(report->checks[i].name, names[i]);
		bool absent = strcmp(names[i], "received") == 0 || strcmp(names[i], "response.metadata") == 0;
		expect_mark(report, names[i], absent ? EVIDENCE_ABSENT : EVIDENCE_OK, NULL);
	}
	assert_true(report->proven);
	assert_string_equal(evidence_fact(evidence_find(report, "request.statement"), "client"), "XK/GOV/ASHI/ekosova");
	assert_string_equal(evidence_fact(evidence_find(report, "request.inclusion"), "index"), "5");
	assert_string_equal(evidence_fact(evidence_find(report, "request.inclusion"), "size"), "13");
	assert_string_equal(evidence_fact(evidence_find(report, "request.certificate"), "root"), "Test root");
	assert_string_equal(evidence_fact(evidence_find(report, "request.private"), "user"), "officer-17");
	assert_string_equal(evidence_fact(evidence_find(report, "received"), "index"), "6");
	assert_true(slice_is(report->response_payload, response_payload));
	assert_true(slice_is(report->method, "GetPerson"));
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

static void test_without_directory(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	encode(&parts, &file);
	struct evidence_report *report = verify(buffer_slice(&file), false, NULL);
	assert_true(report->proven);
	expect_mark(report, "request.directory", EVIDENCE_ABSENT, "no_directory");
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

static void test_erased_content_leaves_the_proof(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ .no_payloads = true, .no_private = true, .no_metadata = true });
	parts.evidence.request.salt = parts.evidence.response.salt = (struct slice){ 0 };
	struct evidence_report *report = verify_parts(&parts, &file);
	assert_true(report->proven);
	expect_mark(report, "request.private", EVIDENCE_ABSENT, "erased");
	expect_mark(report, "request.payload", EVIDENCE_ABSENT, "erased");
	expect_mark(report, "request.metadata", EVIDENCE_ABSENT, "erased");
	expect_mark(report, "response.payload", EVIDENCE_ABSENT, "erased");
	assert_false(report->has_request_payload);
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

static void test_other_shapes(void **state)
{
	(void)state;
	expect_failure(&(struct wish){ .no_response = true }, NULL);
	expect_failure(&(struct wish){ .no_response = true, .unanswered = true }, NULL);
	expect_failure(&(struct wish){ .unanswered = true }, NULL); // an answer that came too late
	expect_failure(&(struct wish){ .no_edition = true }, NULL);
	expect_failure(&(struct wish){ .refused = true }, NULL);
	// The provider's shard may change between question and answer.
	expect_failure(&(struct wish){ .provider_origin = PROVIDER_LEDGER "/2026-2" }, NULL);
}

static void test_what_does_not_belong_together(void **state)
{
	(void)state;
	expect_failure(&(struct wish){ .other_request_hash = true }, "exchange.match");
	expect_failure(&(struct wish){ .other_exchange = true }, "exchange.match");
	expect_failure(&(struct wish){ .answering = "XK/GOV/ARC/documents" }, "exchange.addressee");
	expect_failure(&(struct wish){ .answering = "XK/GOV/ARC/unlisted" }, "response.directory");
	expect_failure(&(struct wish){ .provider_key = &pki.provider2, .provider_origin = "besa/XK/GOV/ARC/gw2/2026" },
		       "exchange.addressee");
	expect_failure(&(struct wish){ .no_response = true, .unanswered = true, .other_request_hash = true },
		       "exchange.unanswered");
	expect_failure(&(struct wish){ .other_edition = true }, "edition.reference");
	expect_failure(&(struct wish){ .edition_origin = "besa/XK/MUN/PEJA/gw1/2026", .edition_key = &pki.stranger },
		       "edition.member");
	expect_failure(&(struct wish){ .no_certificates = true }, "certificates");
}

static void test_who_seals(void **state)
{
	(void)state;
	// Another member's key under this ledger's name, and this ledger's statement in another's ledger.
	expect_failure(&(struct wish){ .client_key = &pki.stranger }, "request.signature");
	expect_failure(&(struct wish){ .client_key = &pki.stranger, .client_origin = "besa/XK/MUN/PEJA/gw1/2026" },
		       "request.member");
	expect_failure(&(struct wish){ .provider_key = &pki.client, .provider_origin = CLIENT_LEDGER "/2026" },
		       "response.member");
	// A shard that the directory does not list.
	expect_failure(&(struct wish){ .client_origin = CLIENT_LEDGER "/2027" }, "request.directory");
	expect_failure(&(struct wish){ .client_key = &pki.expired }, "request.certificate");
}

static void test_times(void **state)
{
	(void)state;
	expect_failure(&(struct wish){ .sealed_us = -SECOND_US }, NULL); // within the skew
	expect_failure(&(struct wish){ .sealed_us = -3 * SECOND_US }, "exchange.time");
	expect_failure(&(struct wish){ .sealed_us = 8 * SECOND_US }, "exchange.time");
	expect_failure(&(struct wish){ .answered_us = -4 * SECOND_US }, "exchange.time");
	expect_failure(&(struct wish){ .answered_us = 5 * SECOND_US }, NULL);
	expect_failure(&(struct wish){ .answered_us = 7 * SECOND_US }, "exchange.time");
	// A refusal may come when the deadline has long passed: that is its reason.
	expect_failure(&(struct wish){ .answered_us = 7 * SECOND_US, .refused = true }, NULL);
}

static void test_directory_says_otherwise(void **state)
{
	(void)state;
	listing.client = &pki.stranger;
	expect_failure(&(struct wish){ 0 }, "request.directory");
	listing.client = NULL;
	listing.without_ledgers = true;
	expect_failure(&(struct wish){ 0 }, "request.directory");
	listing.without_ledgers = false;
	listing.without_subsystems = true;
	expect_failure(&(struct wish){ 0 }, "request.directory");
	listing.without_subsystems = false;
}

static void test_foreign_root(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	encode(&parts, &file);
	struct evidence_report *report = verify(buffer_slice(&file), true, &pki.foreign_root);
	assert_false(report->proven);
	assert_string_equal(report->failed, "certificates");
	expect_mark(report, "request.certificate", EVIDENCE_FAILED, NULL);
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

// Two exchanges, and a part of one put into the other.
static void test_swapped_parts(void **state)
{
	(void)state;
	struct parts own, other;
	struct buffer file;
	static const char *const expected[] = { "request.inclusion",  "request.payload",
						"request.private",    "request.metadata",
						"response.inclusion", "exchange.match",
						"edition.inclusion",  "received" };
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		make_parts(&own, &(struct wish){ .received = true });
		make_parts(&other, &(struct wish){ .received = true });
		struct envelope_evidence *e = &own.evidence;
		const struct envelope_evidence *o = &other.evidence;
		switch (i) {
		case 0:
			e->request.seal = o->request.seal;
			break;
		case 1:
			e->request.salt = o->request.salt;
			break;
		case 2:
			e->request.private_part = o->request.private_part;
			break;
		case 3:
			e->request.metadata = slice_text("\x0a\x02"
							 "xx");
			break;
		case 4:
			e->response.seal = o->response.seal;
			break;
		case 5:
			e->response = o->response;
			break;
		case 6:
			e->edition.seal = o->edition.seal;
			break;
		case 7:
			e->received = o->received;
			break;
		}
		struct evidence_report *report = verify_parts(&own, &file);
		if (!report->failed || strcmp(report->failed, expected[i]) != 0) {
			print_report(report);
			fail_msg("case %zu: expected %s", i, expected[i]);
		}
		evidence_report_free(report);
		buffer_release(&file);
		release_parts(&own);
		release_parts(&other);
	}
}

static bool same_marks(const struct evidence_report *a, const struct evidence_report *b)
{
	if (a->check_count != b->check_count) {
		return false;
	}
	for (size_t i = 0; i < a->check_count; i++) {
		if (a->checks[i].mark != b->checks[i].mark || strcmp(a->checks[i].name, b->checks[i].name) != 0) {
			return false;
		}
	}
	return true;
}

// A step of 1 to 4: over the runs every position comes up.
static size_t step(void)
{
	uint8_t random;
	random_bytes(&random, 1);
	return 1 + random % 4;
}

// A byte altered: found as failed, or reported as gone. Never the same report as before.
static void test_altered_bytes(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ .unanswered = true });
	struct evidence_report *whole = verify_parts(&parts, &file);
	assert_true(whole->proven);
	for (size_t i = 0; i < file.size; i += step()) {
		uint8_t mask = 0;
		while (mask == 0) {
			random_bytes(&mask, 1);
		}
		file.data[i] ^= mask;
		struct evidence_report *report = verify(buffer_slice(&file), true, NULL);
		if (report->proven && same_marks(whole, report)) {
			fail_msg("byte %zu altered by %02x goes unnoticed", i, mask);
		}
		evidence_report_free(report);
		file.data[i] ^= mask;
	}
	evidence_report_free(whole);
	buffer_release(&file);
	release_parts(&parts);
}

// Altered within one part: the check that is responsible says so.
static void test_byte_of_a_part(void **state)
{
	(void)state;
	static const struct {
		const char *names; // of checks that may say it first
		size_t buffer;     // offset in struct parts
	} cases[] = {
		{ "request.statement request.inclusion", offsetof(struct parts, request) },
		{ "request.inclusion request.signature", offsetof(struct parts, request_seal) },
		{ "response.statement response.inclusion", offsetof(struct parts, response) },
		{ "response.inclusion response.signature", offsetof(struct parts, response_seal) },
		{ "edition.statement edition.inclusion", offsetof(struct parts, edition) },
		{ "edition.inclusion edition.signature", offsetof(struct parts, edition_seal) },
		{ "request.private", offsetof(struct parts, private_part) },
		{ "request.metadata", offsetof(struct parts, metadata) },
	};
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct buffer *part = (struct buffer *)(void *)((char *)&parts + cases[c].buffer);
		for (size_t round = 0; round < 60; round++) {
			uint32_t random;
			random_bytes(&random, sizeof random);
			size_t at = random % part->size;
			uint8_t mask = (uint8_t)(1u << (random >> 29));
			part->data[at] ^= mask;
			buffer_init(&file, FILE_MAX);
			// A seal that no longer decodes cannot be encoded either: then the file itself is refused.
			if (envelope_encode_evidence(&parts.evidence, &file, NULL) == OK) {
				struct evidence_report *report = verify(buffer_slice(&file), true, NULL);
				bool responsible = report->failed && (strstr(cases[c].names, report->failed) ||
								      strcmp(report->failed, "file") == 0);
				if (!responsible) {
					print_report(report);
					fail_msg("%s: byte %zu: %s", cases[c].names, at,
						 report->failed ? report->failed : "proven");
				}
				evidence_report_free(report);
			}
			buffer_release(&file);
			part->data[at] ^= mask;
		}
	}
	release_parts(&parts);
}

static void test_cut_off(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	struct evidence_report *whole = verify_parts(&parts, &file);
	for (size_t size = step() - 1; size < file.size; size += step()) {
		struct evidence_report *report = verify(slice_of(file.data, size), true, NULL);
		// Cutting between fields leaves a file without its last part: reported as such.
		if (report->proven && same_marks(whole, report)) {
			fail_msg("cut at %zu goes unnoticed", size);
		}
		evidence_report_free(report);
	}
	evidence_report_free(whole);
	buffer_release(&file);
	release_parts(&parts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_without_directory),
		cmocka_unit_test(test_erased_content_leaves_the_proof),
		cmocka_unit_test(test_other_shapes),
		cmocka_unit_test(test_what_does_not_belong_together),
		cmocka_unit_test(test_who_seals),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_directory_says_otherwise),
		cmocka_unit_test(test_foreign_root),
		cmocka_unit_test(test_swapped_parts),
		cmocka_unit_test(test_altered_bytes),
		cmocka_unit_test(test_byte_of_a_part),
		cmocka_unit_test(test_cut_off),
	};
	return cmocka_run_group_tests(tests, make_pki, free_pki);
}
