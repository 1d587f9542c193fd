// SPDX-License-Identifier: EUPL-1.2
//
// One switch for words, one for JSON. A new statement type shows itself as its name until it gets words here.
#include "cli/describe.h"

#include "base/clock.h"
#include "base/result.h"
#include "cli/output.h"

enum { SAFE_ARENA_MAX = 64 * 1024 };

// ---- words ------------------------------------------------------------------------------------------------------

// Appends foreign text with control characters replaced.
static void put(struct buffer *text, struct slice value)
{
	struct arena arena;
	arena_init(&arena, SAFE_ARENA_MAX);
	const char *safe = output_safe(&arena, value);
	buffer_append_text(text, safe ? safe : "?");
	arena_release(&arena);
}

// "label value" with a blank before, if there is a value.
static void put_labelled(struct buffer *text, const char *label, struct slice value)
{
	if (value.size) {
		buffer_append_text(text, label);
		put(text, value);
	}
}

static void put_request(struct buffer *text, const struct statement_request *request)
{
	put(text, request->client);
	buffer_append_text(text, " asks ");
	put(text, request->provider);
	buffer_append_text(text, ": ");
	put(text, request->service);
	buffer_append_byte(text, '/');
	put(text, request->method);
	put_labelled(text, ", purpose ", request->purpose);
	if (request->attempt > 1) {
		buffer_append_format(text, ", attempt %u", request->attempt);
	}
}

static void put_response(struct buffer *text, const struct statement_response *response)
{
	static const char *const verbs[] = {
		[STATEMENT_OUTCOME_ANSWERED] = " answers",
		[STATEMENT_OUTCOME_REFUSED] = " refuses",
		[STATEMENT_OUTCOME_FAILED] = " asked its register in vain",
		[STATEMENT_OUTCOME_INTERRUPTED] = " was interrupted",
	};
	put(text, response->provider);
	bool known = response->outcome > 0 && response->outcome < sizeof verbs / sizeof verbs[0];
	buffer_append_text(text, known ? verbs[response->outcome] : " answers");
	put_labelled(text, ", by grant ", response->grant_id);
}

static void put_received(struct buffer *text, const struct statement_received *received)
{
	put(text, received->subsystem);
	buffer_append_format(text, " takes the %s from ", statement_type_name((enum statement_type)received->type));
	put(text, received->origin);
	buffer_append_format(text, " leaf %llu", (unsigned long long)received->index);
}

static void put_grant(struct buffer *text, const struct statement_grant *grant)
{
	buffer_append_text(text, grant->action == STATEMENT_GRANT_REMOVE ? "removes grant " : "grants ");
	if (grant->action == STATEMENT_GRANT_REMOVE) {
		put(text, grant->id);
	} else {
		put(text, grant->client);
		buffer_append_text(text, " on ");
		put(text, grant->provider);
		buffer_append_text(text, ": ");
		put(text, grant->service);
		put_labelled(text, "/", grant->method);
		put_labelled(text, ", grant ", grant->id);
	}
	put_labelled(text, ", by ", grant->operator_name);
}

static void put_refusals(struct buffer *text, const struct statement_refusal_summary *summary)
{
	put(text, summary->peer);
	buffer_append_text(text, " was refused");
	for (size_t i = 0; i < summary->counts.count; i++) {
		buffer_append_format(text, "%s %llu times ", i ? "," : "",
				     (unsigned long long)summary->counts.items[i].count);
		put(text, summary->counts.items[i].reason);
	}
}

void describe_words(const struct statement *statement, struct buffer *text)
{
	const union statement_body *body = &statement->body;
	switch (statement->type) {
	case STATEMENT_REQUEST:
		put_request(text, &body->request);
		break;
	case STATEMENT_RESPONSE:
		put_response(text, &body->response);
		break;
	case STATEMENT_RECEIVED:
		put_received(text, &body->received);
		break;
	case STATEMENT_UNANSWERED:
		put(text, body->unanswered.client);
		buffer_append_text(text, " got no valid answer");
		break;
	case STATEMENT_REFUSAL_SUMMARY:
		put_refusals(text, &body->refusal_summary);
		break;
	case STATEMENT_KEY:
		buffer_append_text(text, "keys of ");
		put(text, body->key.origin);
		put_labelled(text, ", ", body->key.reason);
		put_labelled(text, ", after ", body->key.previous_origin);
		break;
	case STATEMENT_EDITION:
		buffer_append_format(text, "directory edition %llu of ", (unsigned long long)body->edition.version);
		put(text, body->edition.instance);
		break;
	case STATEMENT_CERTIFICATE:
		buffer_append_text(text,
				   body->certificate.action == STATEMENT_CERTIFICATE_REVOKED ? "revokes " : "issues ");
		put(text, body->certificate.profile);
		put_labelled(text, " for ", body->certificate.subject);
		break;
	case STATEMENT_GRANT:
		put_grant(text, &body->grant);
		break;
	case STATEMENT_OPERATOR:
		put(text, body->operator_action.operator_name);
		put_labelled(text, ": ", body->operator_action.action);
		put_labelled(text, " ", body->operator_action.object);
		break;
	case STATEMENT_EVENT:
		put(text, body->event.publisher);
		put_labelled(text, " publishes ", body->event.type);
		break;
	case STATEMENT_HOUSEKEEPING:
		put(text, body->housekeeping.kind);
		buffer_append_format(text, " for the head at %llu",
				     (unsigned long long)body->housekeeping.checkpoint_size);
		break;
	default:
		buffer_append_text(text, statement_type_name(statement->type));
		break;
	}
}

void describe_outcome(const struct statement *statement, struct buffer *text)
{
	if (statement->type == STATEMENT_RESPONSE) {
		const struct statement_response *response = &statement->body.response;
		buffer_append_format(text, "%s %s", statement_outcome_name(response->outcome),
				     result_grpc_name((int)response->grpc_status));
		put_labelled(text, " ", response->reason);
	} else if (statement->type == STATEMENT_UNANSWERED) {
		const struct statement_unanswered *unanswered = &statement->body.unanswered;
		buffer_append_format(text, "unanswered %s", result_grpc_name((int)unanswered->grpc_status));
		put_labelled(text, " ", unanswered->reason);
	}
}

struct slice describe_exchange(const struct statement *statement)
{
	switch (statement->type) {
	case STATEMENT_REQUEST:
		return statement->body.request.exchange_id;
	case STATEMENT_RESPONSE:
		return statement->body.response.exchange_id;
	case STATEMENT_RECEIVED:
		return statement->body.received.exchange_id;
	case STATEMENT_UNANSWERED:
		return statement->body.unanswered.exchange_id;
	default:
		return (struct slice){ 0 };
	}
}

// ---- JSON -------------------------------------------------------------------------------------------------------

static void set_text(json_t *object, const char *key, struct slice value)
{
	if (value.size) {
		json_object_set_new(object, key, output_json_text(value));
	}
}

static void set_hex(json_t *object, const char *key, struct slice value)
{
	if (value.size) {
		json_object_set_new(object, key, output_json_hex(value));
	}
}

static void set_uuid(json_t *object, const char *key, struct slice value)
{
	char text[IDENTIFIER_UUID_TEXT_SIZE];
	if (value.size == IDENTIFIER_UUID_SIZE) {
		identifier_uuid_text(value.data, text);
		json_object_set_new(object, key, json_string(text));
	}
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_time(json_t *object, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];
	if (us) {
		clock_format(us, text);
		json_object_set_new(object, key, json_string(text));
	}
}

static void set_texts(json_t *object, const char *key, const struct slice_list *list)
{
	if (list->count == 0) {
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->count; i++) {
		json_array_append_new(array, output_json_text(list->items[i]));
	}
	json_object_set_new(object, key, array);
}

static void fill_request(json_t *o, const struct statement_request *r)
{
	set_uuid(o, "exchange_id", r->exchange_id);
	set_text(o, "client", r->client);
	set_text(o, "purpose", r->purpose);
	set_text(o, "legal_basis", r->legal_basis);
	set_text(o, "provider", r->provider);
	set_text(o, "provider_ledger", r->provider_ledger);
	set_text(o, "service", r->service);
	set_text(o, "method", r->method);
	set_hex(o, "contract_digest", r->contract_digest);
	set_number(o, "attempt", r->attempt);
	set_hex(o, "previous_attempt", r->previous_attempt);
	set_time(o, "issued_at", r->issued_at_us);
	set_time(o, "deadline", r->deadline_us);
	set_hex(o, "payload_digest", r->payload_digest);
	set_number(o, "payload_size", r->payload_size);
	set_hex(o, "metadata_digest", r->metadata_digest);
	set_number(o, "directory_size", r->directory_size);
	set_hex(o, "directory_root", r->directory_root);
	set_hex(o, "private_commitment", r->private_commitment);
}

static void fill_response(json_t *o, const struct statement_response *r)
{
	set_uuid(o, "exchange_id", r->exchange_id);
	set_text(o, "provider", r->provider);
	set_hex(o, "request_hash", r->request_hash);
	set_text(o, "outcome", slice_text(statement_outcome_name(r->outcome)));
	set_text(o, "grpc_status", slice_text(result_grpc_name((int)r->grpc_status)));
	set_text(o, "reason", r->reason);
	set_text(o, "grant_id", r->grant_id);
	set_hex(o, "payload_digest", r->payload_digest);
	set_number(o, "payload_size", r->payload_size);
	set_hex(o, "metadata_digest", r->metadata_digest);
	set_texts(o, "withheld_paths", &r->withheld_paths);
}

static void fill_received(json_t *o, const struct statement_received *r)
{
	set_uuid(o, "exchange_id", r->exchange_id);
	set_text(o, "type", slice_text(statement_type_name((enum statement_type)r->type)));
	set_hex(o, "statement_hash", r->statement_hash);
	set_hex(o, "seal_hash", r->seal_hash);
	set_text(o, "origin", r->origin);
	set_number(o, "index", r->index);
	set_text(o, "subsystem", r->subsystem);
	set_number(o, "checks", r->checks);
}

static void fill_unanswered(json_t *o, const struct statement_unanswered *u)
{
	set_uuid(o, "exchange_id", u->exchange_id);
	set_text(o, "client", u->client);
	set_hex(o, "request_hash", u->request_hash);
	set_text(o, "grpc_status", slice_text(result_grpc_name((int)u->grpc_status)));
	set_text(o, "reason", u->reason);
}

static void fill_refusals(json_t *o, const struct statement_refusal_summary *s)
{
	set_text(o, "peer", s->peer);
	set_time(o, "since", s->since_us);
	set_time(o, "until", s->until_us);
	json_t *counts = json_array();
	for (size_t i = 0; counts && i < s->counts.count; i++) {
		const struct statement_refusal_count *line = &s->counts.items[i];
		json_array_append_new(counts, json_pack("{s:o,s:I}", "reason", output_json_text(line->reason), "count",
							(json_int_t)line->count));
	}
	json_object_set_new(o, "counts", counts);
}

static void fill_key(json_t *o, const struct statement_key *k)
{
	set_text(o, "origin", k->origin);
	set_hex(o, "seal_certificate_digest", k->seal_certificate_digest);
	set_text(o, "suite", k->suite);
	set_hex(o, "ed25519_key", k->ed25519_key);
	set_text(o, "previous_origin", k->previous_origin);
	set_number(o, "previous_size", k->previous_size);
	set_hex(o, "previous_root", k->previous_root);
	set_text(o, "reason", k->reason);
}

static void fill_edition(json_t *o, const struct statement_edition *e)
{
	set_text(o, "instance", e->instance);
	set_number(o, "version", e->version);
	set_time(o, "issued_at", e->issued_at_us);
	set_time(o, "valid_until", e->valid_until_us);
	set_hex(o, "digest", e->digest);
	set_number(o, "size", e->size);
	set_hex(o, "previous", e->previous);
}

static void fill_certificate(json_t *o, const struct statement_certificate *c)
{
	set_text(o, "action", slice_text(c->action == STATEMENT_CERTIFICATE_REVOKED ? "revoked" : "issued"));
	set_text(o, "profile", c->profile);
	set_hex(o, "digest", c->digest);
	set_text(o, "subject", c->subject);
	set_hex(o, "serial", c->serial);
	set_time(o, "not_before", c->not_before_us);
	set_time(o, "not_after", c->not_after_us);
	set_text(o, "reason", c->reason);
}

static void fill_grant(json_t *o, const struct statement_grant *g)
{
	set_text(o, "action", slice_text(g->action == STATEMENT_GRANT_REMOVE ? "remove" : "add"));
	set_text(o, "id", g->id);
	set_text(o, "provider", g->provider);
	set_text(o, "client", g->client);
	set_text(o, "service", g->service);
	set_text(o, "method", g->method);
	set_text(o, "legal_basis", g->legal_basis);
	set_texts(o, "purposes", &g->purposes);
	set_time(o, "from", g->from_us);
	set_time(o, "until", g->until_us);
	set_texts(o, "response_fields", &g->response_fields);
	set_text(o, "operator", g->operator_name);
}

static void fill_rest(json_t *o, const struct statement *statement)
{
	const union statement_body *body = &statement->body;
	if (statement->type == STATEMENT_OPERATOR) {
		set_text(o, "operator", body->operator_action.operator_name);
		set_text(o, "action", body->operator_action.action);
		set_text(o, "object", body->operator_action.object);
		set_hex(o, "detail_digest", body->operator_action.detail_digest);
	} else if (statement->type == STATEMENT_EVENT) {
		set_uuid(o, "event_id", body->event.event_id);
		set_text(o, "publisher", body->event.publisher);
		set_text(o, "type", body->event.type);
		set_number(o, "sequence", body->event.sequence);
		set_hex(o, "payload_digest", body->event.payload_digest);
		set_number(o, "payload_size", body->event.payload_size);
	} else if (statement->type == STATEMENT_HOUSEKEEPING) {
		set_text(o, "kind", body->housekeeping.kind);
		set_number(o, "checkpoint_size", body->housekeeping.checkpoint_size);
		set_hex(o, "checkpoint_root", body->housekeeping.checkpoint_root);
		set_hex(o, "digest", body->housekeeping.digest);
	}
}

static void fill_body(json_t *o, const struct statement *statement)
{
	const union statement_body *body = &statement->body;
	switch (statement->type) {
	case STATEMENT_REQUEST:
		fill_request(o, &body->request);
		break;
	case STATEMENT_RESPONSE:
		fill_response(o, &body->response);
		break;
	case STATEMENT_RECEIVED:
		fill_received(o, &body->received);
		break;
	case STATEMENT_UNANSWERED:
		fill_unanswered(o, &body->unanswered);
		break;
	case STATEMENT_REFUSAL_SUMMARY:
		fill_refusals(o, &body->refusal_summary);
		break;
	case STATEMENT_KEY:
		fill_key(o, &body->key);
		break;
	case STATEMENT_EDITION:
		fill_edition(o, &body->edition);
		break;
	case STATEMENT_CERTIFICATE:
		fill_certificate(o, &body->certificate);
		break;
	case STATEMENT_GRANT:
		fill_grant(o, &body->grant);
		break;
	default:
		fill_rest(o, statement);
		break;
	}
}

json_t *describe_json(const struct statement *statement)
{
	json_t *object = json_object();
	json_t *body = json_object();
	if (!object || !body) {
		json_decref(object);
		json_decref(body);
		return NULL;
	}
	set_text(object, "member", statement->member);
	set_time(object, "time", statement->ledger_time_us);
	set_text(object, "type", slice_text(statement_type_name(statement->type)));
	fill_body(body, statement);
	json_object_set_new(object, statement_type_name(statement->type), body);
	return object;
}
