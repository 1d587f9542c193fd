// SPDX-License-Identifier: EUPL-1.2
#include "exchange/outcomes.h"

#include <stdlib.h>

#include "base/clock.h"
#include "exchange/caller.h"
#include "exchange/metadata.h"
#include "exchange/peers.h"
#include "exchange/reply.h"
#include "net/grpc_unary.h"

// A report with its fresh seals and certificates stays below the notary's bound; a peer's is bounded by it too.
enum {
	OUTCOMES_ARENA_MAX = 2 * STATEMENT_ARENA_MAX,
	// Questions under way in one worker: look-ups read the journal, which must not hold the notary up.
	OUTCOMES_MAX = 64,
};

static const int64_t peer_patience_us = 5 * INT64_C(1000000);

struct query {
	struct node *node;
	struct grpc_call *call;               // NULL once the caller is gone
	const struct consumer_caller *caller; // NULL: a peer asks
	struct h2_peer peer;
	struct directory *directory;
	uint8_t exchange_id[IDENTIFIER_UUID_SIZE];
	size_t hosted; // which of the peer's members is looked up
	struct notary_call notary;
	struct arena arena;
	struct buffer report; // OutcomeReport bytes of our notary
	struct buffer question;
	struct grpc_unary *unary;
};

static void look_up(struct query *query);

// ---- answering -----------------------------------------------------------------------------------------------------

static void free_query(struct query *query)
{
	query->node->queries--;
	arena_release(&query->arena);
	buffer_release(&query->report);
	buffer_release(&query->question);
	directory_unref(query->directory);
	free(query);
}

static void fail(struct query *query, result code, const char *words)
{
	if (query->call) {
		reply_fault(query->call, query->node->ledger, NULL, code, words);
	}
	free_query(query);
}

static void succeed(struct query *query)
{
	if (query->call) {
		reply_buffer(query->call, &query->report);
	}
	free_query(query);
}

// ---- the provider's word, where we have none -----------------------------------------------------------------------

// Only a statement of the provider about this very request, sealed in its ledger, is handed on.
static bool holds(struct query *query, const struct statement *request, const struct envelope_sealed *sealed)
{
	struct envelope_seal seal;
	struct statement statement;
	struct seal_verified verified;
	const struct seal_key *key = NULL;
	uint8_t request_hash[STATEMENT_HASH_SIZE];
	struct fault fault;
	statement_leaf_hash(request->leaf, request_hash);
	return statement_parse(sealed->statement, &query->arena, &statement, &fault) == OK &&
	       envelope_decode_seal(sealed->seal, &seal, &fault) == OK &&
	       directory_seal_key(query->directory, seal.origin, clock_wall_us(), &key, &fault) == OK &&
	       seal_verify(query->node->seals, key, sealed->statement, &seal, &verified, &fault) == OK &&
	       seal_check_member(&verified, &statement, &fault) == OK && statement.type == STATEMENT_RESPONSE &&
	       slice_equal(statement.body.response.request_hash, slice_of(request_hash, sizeof request_hash));
}

static void peer_answered(void *context, const struct grpc_unary_result *answer, bool *keep_message)
{
	(void)keep_message;
	struct query *query = context;
	query->unary = NULL;
	struct envelope_outcome_report own;
	struct envelope_outcome_report foreign;
	struct statement request;
	struct fault fault;
	bool usable =
	    answer->status == GRPC_OK &&
	    envelope_decode_outcome_report(slice_of(answer->message, answer->message_size), &foreign, &fault) == OK &&
	    foreign.has_outcome && envelope_decode_outcome_report(buffer_slice(&query->report), &own, &fault) == OK &&
	    statement_parse(own.request.statement, &query->arena, &request, &fault) == OK &&
	    holds(query, &request, &foreign.outcome);
	if (usable) {
		own.has_foreign_outcome = true;
		own.foreign_outcome = foreign.outcome;
		struct buffer both;
		buffer_init(&both, query->report.limit);
		if (envelope_encode_outcome_report(&own, &both, &fault) == OK) {
			struct buffer first = query->report;
			query->report = both;
			both = first;
		}
		buffer_release(&both);
	}
	succeed(query);
}

// Whether our record ends with the word that no answer came; then its request, to know whom to ask.
static bool is_unanswered(struct query *query, struct statement *ret_request)
{
	struct envelope_outcome_report report;
	struct fault fault;
	return envelope_decode_outcome_report(buffer_slice(&query->report), &report, &fault) == OK &&
	       report.has_request && !report.has_foreign_outcome &&
	       (!report.has_outcome || statement_peek_type(report.outcome.statement) == STATEMENT_UNANSWERED) &&
	       statement_parse(report.request.statement, &query->arena, ret_request, &fault) == OK;
}

static bool ask_provider(struct query *query, const struct statement *request)
{
	struct peer *peer = peers_of_ledger(query->node->peers, request->body.request.provider_ledger);
	const struct envelope_outcome_query question = {
		.exchange_id = slice_of(query->exchange_id, sizeof query->exchange_id),
	};
	if (!peer || envelope_encode_outcome_query(&question, &query->question, NULL) != OK) {
		return false;
	}
	const struct grpc_unary_request call = {
		.path = slice_text(OUTCOMES_PEER_PATH),
		.authority = slice_text(peer->address),
		.deadline_us = loop_now_us(query->node->loop) + peer_patience_us,
		.payload = buffer_slice(&query->question),
		.response_max = NOTARY_REPORT_MAX,
	};
	query->unary = grpc_unary_start(query->node->loop, peer->client, &call, peer_answered, query);
	return query->unary != NULL;
}

// ---- our own record ------------------------------------------------------------------------------------------------

// A subsystem sees its own exchanges only.
static bool may_see(const struct query *query, const struct statement *request)
{
	const char *subsystem = NULL;
	return caller_identify(query->caller->listener, &query->peer, request->body.request.client, &subsystem, NULL) ==
	       OK;
}

static void answer_client(struct query *query)
{
	struct envelope_outcome_report report;
	struct statement request;
	struct fault fault = { "" };
	if (envelope_decode_outcome_report(buffer_slice(&query->report), &report, &fault) != OK ||
	    !report.has_request || statement_parse(report.request.statement, &query->arena, &request, &fault) != OK) {
		fail(query, ERR_INTERNAL, fault.text);
		return;
	}
	if (!may_see(query, &request)) {
		fail(query, ERR_NOT_FOUND, NULL);
		return;
	}
	if (!is_unanswered(query, &request) || !ask_provider(query, &request)) {
		succeed(query);
	}
}

static void looked_up(void *context, const struct notary_answer *answer)
{
	struct query *query = context;
	if (answer->code == ERR_NOT_FOUND && !query->caller) {
		query->hosted++;
		look_up(query);
		return;
	}
	if (answer->code != OK) {
		fail(query, answer->code, NULL);
		return;
	}
	buffer_append_slice(&query->report, answer->report);
	if (buffer_result(&query->report) != OK) {
		fail(query, ERR_MEMORY, NULL);
	} else if (query->caller) {
		answer_client(query);
	} else {
		succeed(query);
	}
}

static void look_up(struct query *query)
{
	struct slice member = slice_of(NULL, 0);
	if (!query->caller) {
		const struct directory_gateway *listed = NULL;
		size_t count = directory_peers(query->directory, query->peer.fingerprint, &listed);
		if (query->hosted >= count) {
			fail(query, ERR_NOT_FOUND, NULL);
			return;
		}
		member = listed[query->hosted].member->id;
	}
	notary_client_lookup(query->node->notary, &query->notary, query->exchange_id, member, looked_up, query);
}

// ---- life ----------------------------------------------------------------------------------------------------------

static void answer(struct node *node, const struct consumer_caller *caller, struct grpc_call *call)
{
	if (node->queries >= OUTCOMES_MAX) {
		reply_fault(call, node->ledger, NULL, ERR_OVERLOADED, NULL);
		return;
	}
	struct query *query = calloc(1, sizeof *query);
	if (!query) {
		grpc_call_fail(call, GRPC_RESOURCE_EXHAUSTED, slice_text(result_text(ERR_MEMORY)), NULL, 0);
		return;
	}
	query->node = node;
	node->queries++;
	query->call = call;
	query->caller = caller;
	query->peer = *h2_connection_peer(grpc_call_connection(call));
	query->directory = directory_ref(node->directory);
	arena_init(&query->arena, OUTCOMES_ARENA_MAX);
	buffer_init(&query->report, 2 * NOTARY_REPORT_MAX);
	buffer_init(&query->question, 64);
	grpc_call_set_user(call, query);
	struct envelope_outcome_query question;
	struct fault fault = { "" };
	result code = envelope_decode_outcome_query(grpc_call_message(call), &question, &fault);
	if (code != OK || question.exchange_id.size != IDENTIFIER_UUID_SIZE) {
		fail(query, ERR_ARGUMENT, "expected an exchange id of 16 bytes");
		return;
	}
	memcpy(query->exchange_id, question.exchange_id.data, sizeof query->exchange_id);
	look_up(query);
}

void outcomes_answer_client(const struct consumer_caller *caller, struct grpc_call *call)
{
	answer(caller->node, caller, call);
}

void outcomes_answer_peer(struct node *node, struct grpc_call *call)
{
	answer(node, NULL, call);
}

void outcomes_caller_gone(struct grpc_call *call)
{
	struct query *query = grpc_call_user(call);
	if (!query) {
		return;
	}
	query->call = NULL;
	if (query->unary) {
		grpc_unary_cancel(query->unary);
		free_query(query);
	}
}
