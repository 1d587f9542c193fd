// SPDX-License-Identifier: EUPL-1.2
//
// The checks on an evidence file, in the order in which the report lists them. Each is a function of its own that adds
// one line to the report; none stops the others, except where there is nothing to look at.
//
// What is verified here stands on three things only: the trust roots, SHA-256 and ECDSA. The certificates in the
// file are a supply to build the chain from, and prove nothing by being there.
#include "ledger/evidence.h"

#include "crypto/checkpoint.h"
#include "ledger/evidence_engine.h"
#include "ledger/evidence_report.h"
#include "wire/content.h"

#include <stdlib.h>

enum {
	// Facts, lists of statements and certificates of one report.
	EVIDENCE_ARENA_MAX = 2 * 1024 * 1024,
	// Remembered by the verifier of one file: request, response or unanswered, edition.
	EVIDENCE_CHECKPOINTS = 4,
};

// ---- the file ---------------------------------------------------------------------------------------------------

static bool check_file(struct evidence_engine *engine, struct slice file)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, NULL, "file");
	result r = envelope_decode_evidence(file, &engine->report->arena, &engine->evidence, &fault);
	if (r == OK && !engine->evidence.has_request) {
		r = fault_set(&fault, ERR_FORMAT, "the file holds no request");
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_number(engine->report, check, "size", file.size);
	return r == OK;
}

static result take_certificates(struct evidence_engine *engine, struct fault *fault)
{
	const struct slice_list *list = &engine->evidence.certificates;
	if (list->count == 0) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "the file carries no certificate");
	}
	for (size_t i = 0; i < list->count; i++) {
		struct certificate **place = &engine->certificates[engine->certificate_count];
		result r = certificate_parse(list->items[i], place, fault);
		if (r != OK) {
			return r;
		}
		engine->certificate_count++;
		if (certificate_uri(*place).size) {
			continue;
		}
		if (engine->authority_count == CERTIFICATE_CHAIN_MAX) {
			return fault_set(fault, ERR_LIMIT, "more than %d issuing certificates", CERTIFICATE_CHAIN_MAX);
		}
		engine->authorities[engine->authority_count++] = *place;
	}
	return OK;
}

static result verify_certificate(const struct evidence_engine *engine, const struct certificate *certificate,
				 int64_t at_us, struct certificate_verified *ret_verified, struct fault *fault)
{
	bool is_seal = certificate_uri(certificate).size > 0;
	return certificate_verify(certificate, is_seal ? CERTIFICATE_SEAL : CERTIFICATE_ISSUING, engine->authorities,
				  engine->authority_count, (const struct certificate *const *)engine->roots,
				  engine->root_count, at_us, ret_verified, fault);
}

// Every certificate must be of use: whatever travels along unchecked could be taken for proven.
static void check_certificates(struct evidence_engine *engine)
{
	struct fault fault = { 0 };
	struct certificate_verified verified;
	struct evidence_check *check = evidence_report_add(engine->report, NULL, "certificates");
	result r = take_certificates(engine, &fault);
	for (size_t i = 0; r == OK && i < engine->certificate_count; i++) {
		const struct certificate *certificate = engine->certificates[i];
		r = verify_certificate(engine, certificate, certificate_not_before_us(certificate), &verified, &fault);
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_number(engine->report, check, "count", engine->evidence.certificates.count);
}

// ---- one statement ----------------------------------------------------------------------------------------------

static void describe_request(struct evidence_report *report, struct evidence_check *check,
			     const struct statement_request *request)
{
	evidence_report_uuid(report, check, "exchange", request->exchange_id);
	evidence_report_text(report, check, "client", request->client);
	evidence_report_text(report, check, "provider", request->provider);
	evidence_report_text(report, check, "service", request->service);
	evidence_report_text(report, check, "method", request->method);
	evidence_report_text(report, check, "purpose", request->purpose);
	evidence_report_text(report, check, "legal_basis", request->legal_basis);
	evidence_report_number(report, check, "attempt", request->attempt);
}

static void describe_response(struct evidence_report *report, struct evidence_check *check,
			      const struct statement_response *response)
{
	evidence_report_uuid(report, check, "exchange", response->exchange_id);
	evidence_report_text(report, check, "provider", response->provider);
	evidence_report_text(report, check, "outcome", slice_text(statement_outcome_name(response->outcome)));
	evidence_report_text(report, check, "status", slice_text(result_grpc_name((int)response->grpc_status)));
	evidence_report_text(report, check, "reason", response->reason);
	evidence_report_text(report, check, "grant", response->grant_id);
	if (response->withheld_paths.count) {
		evidence_report_number(report, check, "withheld", response->withheld_paths.count);
	}
}

static void describe(struct evidence_report *report, struct evidence_check *check, const struct statement *statement)
{
	switch (statement->type) {
	case STATEMENT_REQUEST:
		describe_request(report, check, &statement->body.request);
		break;
	case STATEMENT_RESPONSE:
		describe_response(report, check, &statement->body.response);
		break;
	case STATEMENT_UNANSWERED:
		evidence_report_uuid(report, check, "exchange", statement->body.unanswered.exchange_id);
		evidence_report_text(report, check, "client", statement->body.unanswered.client);
		evidence_report_text(report, check, "status",
				     slice_text(result_grpc_name((int)statement->body.unanswered.grpc_status)));
		evidence_report_text(report, check, "reason", statement->body.unanswered.reason);
		break;
	case STATEMENT_EDITION:
		evidence_report_text(report, check, "instance", statement->body.edition.instance);
		evidence_report_number(report, check, "version", statement->body.edition.version);
		evidence_report_time(report, check, "issued", statement->body.edition.issued_at_us);
		evidence_report_time(report, check, "valid_until", statement->body.edition.valid_until_us);
		break;
	default:
		break;
	}
	evidence_report_time(report, check, "time", statement->ledger_time_us);
}

static void check_statement(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "statement");
	result r = statement_parse(side->sealed->statement, &engine->report->arena, &side->statement, &fault);
	if (r == OK && side->statement.type != side->type) {
		r = fault_set(&fault, ERR_STATEMENT_INVALID, "it is a statement of type %s",
			      statement_type_name(side->statement.type));
	}
	evidence_report_result(engine->report, check, r, &fault);
	if (r == OK) {
		side->parsed = true;
		statement_leaf_hash(side->sealed->statement, side->leaf_hash);
		describe(engine->report, check, &side->statement);
	}
}

// The Merkle proof alone: leaf and path give the root that the checkpoint states. Whether the checkpoint is
// genuine is the next check.
static result prove_inclusion(struct evidence_side *side, struct checkpoint *ret_checkpoint, struct fault *fault)
{
	struct note_view view;
	uint8_t root[DIGEST_SIZE];
	result r = envelope_decode_seal(side->sealed->seal, &side->seal, fault);
	if (r != OK) {
		return r;
	}
	side->has_seal = true;
	r = note_parse(side->seal.checkpoint, &view, fault);
	if (r == OK) {
		r = checkpoint_parse(view.text, ret_checkpoint, fault);
	}
	if (r != OK) {
		return r;
	}
	if (!slice_equal(ret_checkpoint->origin, side->seal.origin)) {
		return fault_set(fault, ERR_SEAL_INVALID, "seal and checkpoint name different ledgers");
	}
	r = merkle_path_root(side->seal.index, ret_checkpoint->size, side->leaf_hash, side->seal.path, root);
	if (r != OK || !digest_equal(root, ret_checkpoint->root)) {
		return fault_set(fault, ERR_SEAL_INVALID,
				 "the audit path does not lead from the statement to the checkpoint's root");
	}
	return OK;
}

static void check_inclusion(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct checkpoint checkpoint = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "inclusion");
	if (!side->parsed) {
		evidence_report_absent(check, "blocked");
		return;
	}
	result r = prove_inclusion(side, &checkpoint, &fault);
	evidence_report_result(engine->report, check, r, &fault);
	side->included = r == OK;
	if (side->included) {
		evidence_report_number(engine->report, check, "index", side->seal.index);
		evidence_report_number(engine->report, check, "size", checkpoint.size);
		evidence_report_text(engine->report, check, "origin", side->seal.origin);
		evidence_report_hex(engine->report, check, "root", slice_of(checkpoint.root, DIGEST_SIZE));
	}
}

// Tries each certificate in the file that names the ledger: there may be several after a change of keys.
static result verify_signature(struct evidence_engine *engine, struct evidence_side *side, struct fault *fault)
{
	result r = fault_set(fault, ERR_CERTIFICATE_INVALID, "no certificate in the file names this ledger");
	for (size_t i = 0; i < engine->certificate_count; i++) {
		const struct certificate *certificate = engine->certificates[i];
		struct seal_key key = { 0 };
		if (!certificate_names_ledger(certificate, side->seal.origin)) {
			continue;
		}
		r = seal_key_init(&key, side->seal.origin, certificate_key(certificate));
		if (r != OK) {
			return fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate's key is of the wrong kind");
		}
		r = seal_verify(engine->verifier, &key, side->sealed->statement, &side->seal, &side->verified, fault);
		seal_key_release(&key);
		if (r == OK || r == ERR_MEMORY) {
			side->certificate = certificate;
			return r;
		}
	}
	return r;
}

static void check_signature(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "signature");
	if (!side->included) {
		evidence_report_absent(check, "blocked");
		return;
	}
	result r = verify_signature(engine, side, &fault);
	evidence_report_result(engine->report, check, r, &fault);
	side->signed_by = r == OK;
	if (side->signed_by) {
		// verified.origin points into the key, which is gone; the seal's own is the same text.
		side->verified.origin = side->seal.origin;
		side->verified.member = identifier_member_of_origin(side->seal.origin);
		evidence_report_text(engine->report, check, "subject", certificate_common_name(side->certificate));
		evidence_report_hex(engine->report, check, "fingerprint",
				    slice_of(certificate_fingerprint(side->certificate), DIGEST_SIZE));
	}
}

static void check_certificate(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct certificate_verified verified;
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "certificate");
	if (!side->signed_by) {
		evidence_report_absent(check, "blocked");
		return;
	}
	result r = verify_certificate(engine, side->certificate, side->statement.ledger_time_us, &verified, &fault);
	evidence_report_result(engine->report, check, r, &fault);
	side->certified = r == OK;
	evidence_report_text(engine->report, check, "uri", certificate_uri(side->certificate));
	evidence_report_text(engine->report, check, "origin", side->seal.origin);
	evidence_report_time(engine->report, check, "not_after", certificate_not_after_us(side->certificate));
	for (size_t i = 0; side->certified && i < engine->root_count; i++) {
		struct slice root = slice_of(verified.chain[verified.chain_count - 1], DIGEST_SIZE);
		if (slice_equal(root, slice_of(certificate_fingerprint(engine->roots[i]), DIGEST_SIZE))) {
			evidence_report_text(engine->report, check, "root", certificate_common_name(engine->roots[i]));
			break;
		}
	}
}

// Statement, ledger and certificate speak for one member; an edition, moreover, counts only from the central ledger.
static void check_member(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "member");
	if (!side->signed_by) {
		evidence_report_absent(check, "blocked");
		return;
	}
	result r = seal_check_member(&side->verified, &side->statement, &fault);
	if (r == OK && side->type == STATEMENT_EDITION &&
	    !slice_equal(identifier_ledger_of_origin(side->seal.origin), engine->context->central)) {
		r = fault_set(&fault, ERR_MEMBER_MISMATCH, "the edition does not stand in the central ledger");
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_text(engine->report, check, "member", side->statement.member);
}

static struct slice speaker_of(const struct statement *statement)
{
	switch (statement->type) {
	case STATEMENT_REQUEST:
		return statement->body.request.client;
	case STATEMENT_RESPONSE:
		return statement->body.response.provider;
	case STATEMENT_UNANSWERED:
		return statement->body.unanswered.client;
	default:
		return (struct slice){ 0 };
	}
}

static void check_directory(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct evidence_listing listing = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "directory");
	const struct evidence_directory *directory = engine->context->directory;
	if (!directory || !side->signed_by) {
		evidence_report_absent(check, directory ? "blocked" : "no_directory");
		return;
	}
	struct slice speaker = speaker_of(&side->statement);
	result r = directory->ledger(directory->context, side->seal.origin, &listing);
	if (r == ERR_NOT_FOUND) {
		r = fault_set(&fault, ERR_CERTIFICATE_INVALID, "the directory does not list this ledger");
	} else if (r == OK && !slice_equal(listing.certificate, certificate_der(side->certificate))) {
		r = fault_set(&fault, ERR_CERTIFICATE_INVALID, "the directory lists another certificate");
	} else if (r == OK && speaker.size && !directory->subsystem(directory->context, speaker)) {
		r = fault_set(&fault, ERR_CLIENT_UNKNOWN, "the directory does not list the subsystem");
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_text(engine->report, check, "origin", side->seal.origin);
	evidence_report_text(engine->report, check, "subsystem", speaker);
}

// ---- content ----------------------------------------------------------------------------------------------------

static void check_private(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct content_private part;
	struct evidence_report *report = engine->report;
	struct evidence_check *check = evidence_report_add(report, side->name, "private");
	struct slice bytes = side->sealed->private_part;
	if (!side->parsed) {
		evidence_report_absent(check, "blocked");
		return;
	}
	struct slice commitment = { 0 };
	if (side->type == STATEMENT_REQUEST) {
		commitment = side->statement.body.request.private_commitment;
	}
	if (bytes.size == 0) {
		evidence_report_absent(check, commitment.size ? "erased" : "none");
		return;
	}
	result r = content_check_private(commitment, bytes, &fault);
	if (r == OK) {
		r = content_decode_private(bytes, &report->arena, &part, &fault);
	}
	evidence_report_result(report, check, r, &fault);
	if (r == OK) {
		evidence_report_text(report, check, "user", part.user);
		evidence_report_text(report, check, "represented_party", part.represented_party);
		evidence_report_text(report, check, "issue", part.issue);
	}
}

// What a request or response commits to.
struct commitment {
	struct slice payload_digest;
	uint64_t payload_size;
	struct slice metadata_digest;
};

static struct commitment commitment_of(const struct statement *statement)
{
	if (statement->type == STATEMENT_REQUEST) {
		const struct statement_request *request = &statement->body.request;
		return (struct commitment){ request->payload_digest, request->payload_size, request->metadata_digest };
	}
	const struct statement_response *response = &statement->body.response;
	return (struct commitment){ response->payload_digest, response->payload_size, response->metadata_digest };
}

static void check_payload(struct evidence_engine *engine, struct evidence_side *side, bool *ret_has,
			  struct slice *ret_payload)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "payload");
	if (!side->parsed) {
		evidence_report_absent(check, "blocked");
		return;
	}
	struct commitment commitment = commitment_of(&side->statement);
	if (!side->sealed->has_payload && side->sealed->payload.size == 0) {
		evidence_report_absent(check, commitment.payload_digest.size ? "erased" : "none");
	} else {
		result r = content_check_payload(side->sealed->salt, side->sealed->payload, commitment.payload_digest,
						 commitment.payload_size, &fault);
		evidence_report_result(engine->report, check, r, &fault);
		if (r == OK) {
			*ret_has = true;
			*ret_payload = side->sealed->payload;
		}
	}
	if (commitment.payload_digest.size) {
		evidence_report_number(engine->report, check, "size", commitment.payload_size);
	}
}

static void check_metadata(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, side->name, "metadata");
	if (!side->parsed) {
		evidence_report_absent(check, "blocked");
		return;
	}
	struct slice digest = commitment_of(&side->statement).metadata_digest;
	struct slice metadata = side->sealed->metadata;
	if (metadata.size == 0) {
		evidence_report_absent(check, digest.size ? "erased" : "none");
		return;
	}
	evidence_report_result(engine->report, check,
			       content_check_metadata(side->sealed->salt, metadata, digest, &fault), &fault);
}

// What has no place beside a statement that commits to no content must not travel along as if it were proven.
static void check_no_content(struct evidence_engine *engine, struct evidence_side *side)
{
	struct fault fault = { 0 };
	const struct envelope_sealed *sealed = side->sealed;
	if (sealed->private_part.size || sealed->salt.size || sealed->metadata.size || sealed->payload.size ||
	    sealed->has_payload) {
		struct evidence_check *check = evidence_report_add(engine->report, side->name, "payload");
		result r =
		    fault_set(&fault, ERR_DIGEST_MISMATCH, "content stands beside a statement that commits to none");
		evidence_report_result(engine->report, check, r, &fault);
	}
}

static void check_side(struct evidence_engine *engine, struct evidence_side *side)
{
	struct evidence_report *report = engine->report;
	check_statement(engine, side);
	check_inclusion(engine, side);
	check_signature(engine, side);
	check_certificate(engine, side);
	check_member(engine, side);
	check_directory(engine, side);
	if (side->type == STATEMENT_REQUEST) {
		check_private(engine, side);
		check_payload(engine, side, &report->has_request_payload, &report->request_payload);
		check_metadata(engine, side);
	} else if (side->type == STATEMENT_RESPONSE) {
		check_payload(engine, side, &report->has_response_payload, &report->response_payload);
		check_metadata(engine, side);
	} else {
		check_no_content(engine, side);
	}
}

// ---- the whole --------------------------------------------------------------------------------------------------

static void conclude(struct evidence_report *report, const struct evidence_side *request)
{
	for (size_t i = 0; i < report->check_count && !report->failed; i++) {
		if (report->checks[i].mark == EVIDENCE_FAILED) {
			report->failed = report->checks[i].name;
		}
	}
	report->proven = !report->failed && request->certified;
	if (request->parsed) {
		report->contract_digest = request->statement.body.request.contract_digest;
		report->service = request->statement.body.request.service;
		report->method = request->statement.body.request.method;
	}
}

static void check_all(struct evidence_engine *engine)
{
	const struct envelope_evidence *evidence = &engine->evidence;
	struct evidence_side request = {
		.name = "request", .type = STATEMENT_REQUEST, .there = true, .sealed = &evidence->request
	};
	struct evidence_side response = { .name = "response",
					  .type = STATEMENT_RESPONSE,
					  .there = evidence->has_response,
					  .sealed = &evidence->response };
	struct evidence_side unanswered = { .name = "unanswered",
					    .type = STATEMENT_UNANSWERED,
					    .there = evidence->has_unanswered,
					    .sealed = &evidence->unanswered };
	struct evidence_side edition = { .name = "edition",
					 .type = STATEMENT_EDITION,
					 .there = evidence->has_edition,
					 .sealed = &evidence->edition };
	struct evidence_side *const sides[] = { &request, &response, &unanswered, &edition };

	check_certificates(engine);
	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
		if (sides[i]->there) {
			check_side(engine, sides[i]);
		}
	}
	evidence_exchange_check(engine, &request, &response, &unanswered, &edition);
	engine->report->has_request = true;
	engine->report->has_response = response.there;
	engine->report->has_unanswered = unanswered.there;
	conclude(engine->report, &request);
}

static result take_roots(struct evidence_engine *engine)
{
	if (engine->context->root_count > EVIDENCE_ROOTS_MAX) {
		return ERR_LIMIT;
	}
	for (size_t i = 0; i < engine->context->root_count; i++) {
		result r = certificate_parse(engine->context->roots[i], &engine->roots[i], NULL);
		if (r != OK) {
			return r;
		}
		engine->root_count++;
	}
	return OK;
}

result evidence_verify(struct slice file, const struct evidence_context *context, struct evidence_report **ret_report)
{
	struct evidence_engine engine = { .context = context, .report = calloc(1, sizeof *engine.report) };
	result r = ERR_MEMORY;
	if (!engine.report) {
		return r;
	}
	arena_init(&engine.report->arena, EVIDENCE_ARENA_MAX);
	r = seal_verifier_new(EVIDENCE_CHECKPOINTS, &engine.verifier);
	if (r != OK) {
		goto out;
	}
	r = take_roots(&engine);
	if (r != OK) {
		goto out;
	}
	if (check_file(&engine, file)) {
		check_all(&engine);
	} else {
		engine.report->failed = engine.report->checks[0].name;
	}
	if (engine.report->out_of_memory) {
		r = ERR_MEMORY;
		goto out;
	}
	*ret_report = engine.report;
	engine.report = NULL;
out:
	for (size_t i = 0; i < engine.certificate_count; i++) {
		certificate_free(engine.certificates[i]);
	}
	for (size_t i = 0; i < engine.root_count; i++) {
		certificate_free(engine.roots[i]);
	}
	seal_verifier_free(engine.verifier);
	evidence_report_free(engine.report);
	return r;
}
