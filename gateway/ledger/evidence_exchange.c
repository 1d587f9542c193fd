// SPDX-License-Identifier: EUPL-1.2
//
// Whether the statements of an evidence file belong together: answer to question, in time, by whom was asked, and going
// by the directory edition that travels along.
#include "ledger/evidence_engine.h"
#include "ledger/evidence_report.h"

static result match(const struct evidence_side *request, struct slice exchange_id, struct slice request_hash,
		    struct fault *fault)
{
	if (!slice_equal(exchange_id, request->statement.body.request.exchange_id)) {
		return fault_set(fault, ERR_ADDRESSEE_MISMATCH, "it is about another exchange");
	}
	if (!slice_equal(request_hash, slice_of(request->leaf_hash, STATEMENT_HASH_SIZE))) {
		return fault_set(fault, ERR_ADDRESSEE_MISMATCH, "it answers another request statement");
	}
	return OK;
}

static void check_match(struct evidence_engine *engine, const struct evidence_side *request,
			const struct evidence_side *response)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, "exchange", "match");
	if (!response->there) {
		evidence_report_absent(check, "no_answer");
	} else if (!request->parsed || !response->parsed) {
		evidence_report_absent(check, "blocked");
	} else {
		const struct statement_response *body = &response->statement.body.response;
		evidence_report_result(engine->report, check,
				       match(request, body->exchange_id, body->request_hash, &fault), &fault);
		evidence_report_hex(engine->report, check, "request_hash",
				    slice_of(request->leaf_hash, STATEMENT_HASH_SIZE));
	}
}

// The shard may have changed between question and answer, the ledger not.
static void check_addressee(struct evidence_engine *engine, const struct evidence_side *request,
			    const struct evidence_side *response)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, "exchange", "addressee");
	if (!response->there) {
		evidence_report_absent(check, "no_answer");
		return;
	}
	if (!request->parsed || !response->parsed || !response->has_seal) {
		evidence_report_absent(check, "blocked");
		return;
	}
	const struct statement_request *asked = &request->statement.body.request;
	struct slice provider = response->statement.body.response.provider;
	result r = OK;
	if (!slice_equal(provider, asked->provider)) {
		r = fault_set(&fault, ERR_ADDRESSEE_MISMATCH, "another subsystem answered than was asked");
	} else if (!slice_equal(identifier_ledger_of_origin(response->seal.origin),
				identifier_ledger_of_origin(asked->provider_ledger))) {
		r = fault_set(&fault, ERR_ADDRESSEE_MISMATCH, "the answer stands in another ledger than was asked");
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_text(engine->report, check, "provider", provider);
	evidence_report_text(engine->report, check, "origin", response->seal.origin);
}

static void check_unanswered(struct evidence_engine *engine, const struct evidence_side *request,
			     const struct evidence_side *unanswered)
{
	struct fault fault = { 0 };
	if (!unanswered->there) {
		return;
	}
	struct evidence_check *check = evidence_report_add(engine->report, "exchange", "unanswered");
	if (!request->parsed || !unanswered->parsed) {
		evidence_report_absent(check, "blocked");
		return;
	}
	const struct statement_unanswered *body = &unanswered->statement.body.unanswered;
	result r = match(request, body->exchange_id, body->request_hash, &fault);
	if (r == OK && !slice_equal(body->client, request->statement.body.request.client)) {
		r = fault_set(&fault, ERR_ADDRESSEE_MISMATCH, "another subsystem says it than the one that asked");
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_text(engine->report, check, "client", body->client);
}

static result order_of_times(const struct evidence_engine *engine, const struct evidence_side *request,
			     const struct evidence_side *response, struct fault *fault)
{
	int64_t skew = engine->context->clock_skew_us;
	const struct statement_request *asked = &request->statement.body.request;
	int64_t sealed_us = request->statement.ledger_time_us;
	if (asked->issued_at_us > sealed_us + skew) {
		return fault_set(fault, ERR_CLOCK_SKEW, "the request was sealed before it was issued");
	}
	if (sealed_us > asked->deadline_us + skew) {
		return fault_set(fault, ERR_EXPIRED, "the request was sealed after its deadline");
	}
	if (!response->parsed) {
		return OK;
	}
	int64_t answered_us = response->statement.ledger_time_us;
	if (answered_us < sealed_us - skew) {
		return fault_set(fault, ERR_CLOCK_SKEW, "the answer was sealed before the request");
	}
	if (response->statement.body.response.outcome == STATEMENT_OUTCOME_ANSWERED &&
	    answered_us > asked->deadline_us + skew) {
		return fault_set(fault, ERR_EXPIRED, "the answer was sealed after the deadline");
	}
	return OK;
}

static void check_time(struct evidence_engine *engine, const struct evidence_side *request,
		       const struct evidence_side *response)
{
	struct fault fault = { 0 };
	struct evidence_report *report = engine->report;
	struct evidence_check *check = evidence_report_add(report, "exchange", "time");
	if (!request->parsed) {
		evidence_report_absent(check, "blocked");
		return;
	}
	evidence_report_result(report, check, order_of_times(engine, request, response, &fault), &fault);
	evidence_report_time(report, check, "issued", request->statement.body.request.issued_at_us);
	evidence_report_time(report, check, "asked", request->statement.ledger_time_us);
	evidence_report_time(report, check, "deadline", request->statement.body.request.deadline_us);
	if (response->parsed) {
		evidence_report_time(report, check, "answered", response->statement.ledger_time_us);
	}
}

static void check_reference(struct evidence_engine *engine, const struct evidence_side *request,
			    const struct evidence_side *edition)
{
	struct fault fault = { 0 };
	struct evidence_check *check = evidence_report_add(engine->report, "edition", "reference");
	if (!edition->there) {
		evidence_report_absent(check, "no_edition");
		return;
	}
	if (!request->parsed || !edition->signed_by) {
		evidence_report_absent(check, "blocked");
		return;
	}
	const struct statement_request *asked = &request->statement.body.request;
	result r = OK;
	if (asked->directory_size != edition->verified.size ||
	    !slice_equal(asked->directory_root, slice_of(edition->verified.root, SEAL_HASH_SIZE))) {
		r = fault_set(&fault, ERR_EDITION_INVALID, "the request goes by another edition");
	}
	evidence_report_result(engine->report, check, r, &fault);
	evidence_report_number(engine->report, check, "version", edition->statement.body.edition.version);
	evidence_report_number(engine->report, check, "size", edition->verified.size);
}

static result compare_received(const struct evidence_side *response, const struct statement *received,
			       struct fault *fault)
{
	const struct statement_received *body = &received->body.received;
	uint8_t seal_hash[DIGEST_SIZE];
	if (received->type != STATEMENT_RECEIVED) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "it is a statement of type %s",
				 statement_type_name(received->type));
	}
	digest_sha256(response->sealed->seal, seal_hash);
	if (!slice_equal(body->exchange_id, response->statement.body.response.exchange_id) ||
	    body->type != STATEMENT_RESPONSE ||
	    !slice_equal(body->statement_hash, slice_of(response->leaf_hash, STATEMENT_HASH_SIZE)) ||
	    !slice_equal(body->seal_hash, slice_of(seal_hash, DIGEST_SIZE)) ||
	    !slice_equal(body->origin, response->seal.origin) || body->index != response->seal.index) {
		return fault_set(fault, ERR_DIGEST_MISMATCH, "the note is about another answer");
	}
	return OK;
}

// The client's note that it took the answer. It is handed out before a seal covers it, so it proves nothing yet, but it
// must fit.
static void check_received(struct evidence_engine *engine, const struct evidence_side *response)
{
	struct fault fault = { 0 };
	struct statement received;
	struct evidence_report *report = engine->report;
	struct evidence_check *check = evidence_report_add(report, NULL, "received");
	if (engine->evidence.received.size == 0) {
		evidence_report_absent(check, "none");
		return;
	}
	if (!response->parsed || !response->has_seal) {
		evidence_report_absent(check, "blocked");
		return;
	}
	result r = statement_parse(engine->evidence.received, &report->arena, &received, &fault);
	if (r == OK) {
		r = compare_received(response, &received, &fault);
	}
	if (r == OK) {
		evidence_report_absent(check, "unsealed");
		evidence_report_text(report, check, "member", received.member);
		evidence_report_time(report, check, "time", received.ledger_time_us);
	}
	evidence_report_result(report, check, r, &fault);
	evidence_report_number(report, check, "index", engine->evidence.received_index);
}

void evidence_exchange_check(struct evidence_engine *engine, const struct evidence_side *request,
			     const struct evidence_side *response, const struct evidence_side *unanswered,
			     const struct evidence_side *edition)
{
	check_match(engine, request, response);
	check_addressee(engine, request, response);
	check_unanswered(engine, request, unanswered);
	check_time(engine, request, response);
	check_reference(engine, request, edition);
	check_received(engine, response);
}
