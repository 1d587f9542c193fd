// SPDX-License-Identifier: EUPL-1.2
//
// The rules of the exchange that a notary keeps, whatever a worker says:
//
//   REQUEST             an id of ours once; again only as a later attempt, while no answer is on record
//   RECEIVED request    an id once per member that asks, inside the window
//   RESPONSE            to a request that was taken, once; a refusal only to one that was not taken
//   RECEIVED response   to an own request, once
//   UNANSWERED          to an own request that is open
//
// After damage the window's table may lack requests that were taken in the closed shard (floor_us is set). Then a
// request with an id older than the present shard is taken only if it is a first attempt that names this shard: it
// cannot have been taken before.
#include "base/clock.h"
#include "ledger/ledger_state.h"
#include "wire/envelope.h"

static const uint8_t *id_of(struct slice exchange_id)
{
	return exchange_id.data; // UUIDv7, 16 bytes: statement_check_body has seen to it
}

static result existing(result code, uint64_t position, uint64_t *ret_existing)
{
	*ret_existing = position;
	return code;
}

// An id outside the window is too old, unless our own clock went back behind the ledger's last record: then every id
// looks old until the clock has caught up, and the clock is what the operator must hear of.
static result check_window(const struct ledger *ledger, const uint8_t *id)
{
	result code = exchanges_in_window(&ledger->exchanges, id, ledger->time_us);
	if (code == ERR_EXPIRED && clock_wall_us() + ledger->exchanges.skew_us < ledger->time_us) {
		return ERR_CLOCK_SKEW;
	}
	return code;
}

static result check_request(const struct ledger *ledger, const struct statement_request *request,
			    uint64_t *ret_existing)
{
	result code = check_window(ledger, id_of(request->exchange_id));
	if (code != OK) {
		return code;
	}
	const struct exchange *entry = exchanges_find(&ledger->exchanges, id_of(request->exchange_id), EXCHANGES_OWN);
	if (entry && (request->attempt <= entry->attempt || entry->outcome != 0)) {
		return existing(ERR_EXISTS, entry->request, ret_existing);
	}
	return OK;
}

// Whether a request can have been taken by a shard that was closed by damage.
static result check_floor(struct ledger *ledger, const struct ledger_record *record,
			  const struct statement_received *received)
{
	if (identifier_uuid_time_us(id_of(received->exchange_id)) >= ledger->floor_us) {
		return OK;
	}
	struct envelope_sealed sealed;
	struct statement statement;
	struct arena arena;
	arena_init(&arena, STATEMENT_ARENA_MAX);
	result code = envelope_decode_sealed(record->attachment, &sealed, NULL);
	if (code == OK) {
		code = statement_parse(sealed.statement, &arena, &statement, NULL);
	}
	bool fresh = code == OK && statement.type == STATEMENT_REQUEST && statement.body.request.attempt == 1 &&
		     slice_is(statement.body.request.provider_ledger, ledger->origin);
	arena_release(&arena);
	return fresh ? OK : ERR_EXPIRED;
}

static uint64_t client_of(const struct ledger *ledger, const struct statement_received *received)
{
	return exchanges_client(&ledger->exchanges, identifier_member_of_origin(received->origin));
}

static result check_taken(struct ledger *ledger, const struct ledger_record *record,
			  const struct statement_received *received, uint64_t *ret_existing)
{
	const uint8_t *id = id_of(received->exchange_id);
	const struct exchange *entry = exchanges_find(&ledger->exchanges, id, client_of(ledger, received));
	if (!entry) {
		entry = exchanges_find_request(&ledger->exchanges, id, received->statement_hash.data);
	}
	if (entry) {
		return existing(ERR_REPLAYED, entry->request != 0 ? entry->request : entry->outcome, ret_existing);
	}
	result code = check_window(ledger, id);
	return code == OK ? check_floor(ledger, record, received) : code;
}

static result check_answer(const struct ledger *ledger, const struct statement_received *received,
			   uint64_t *ret_existing)
{
	const struct exchange *entry = exchanges_find(&ledger->exchanges, id_of(received->exchange_id), EXCHANGES_OWN);
	if (!entry) {
		return ERR_NOT_FOUND;
	}
	return entry->outcome != 0 ? existing(ERR_EXISTS, entry->outcome, ret_existing) : OK;
}

static result check_response(const struct ledger *ledger, const struct statement_response *response,
			     uint64_t *ret_existing)
{
	const struct exchange *entry =
	    exchanges_find_request(&ledger->exchanges, id_of(response->exchange_id), response->request_hash.data);
	if (!entry) {
		return response->outcome == STATEMENT_OUTCOME_REFUSED ? OK : ERR_NOT_FOUND;
	}
	if (entry->outcome != 0) {
		return existing(ERR_EXISTS, entry->outcome, ret_existing);
	}
	// What was taken may be executed at this moment: a copy of it that is refused (altered, late) must not end it.
	return response->outcome == STATEMENT_OUTCOME_REFUSED ? existing(ERR_EXISTS, entry->request, ret_existing) : OK;
}

static bool same_request(const struct exchange *entry, struct slice request_hash)
{
	return memcmp(entry->request_hash, request_hash.data, EXCHANGES_HASH_SIZE) == 0;
}

static result check_unanswered(const struct ledger *ledger, const struct statement_unanswered *unanswered,
			       uint64_t *ret_existing)
{
	const struct exchange *entry =
	    exchanges_find(&ledger->exchanges, id_of(unanswered->exchange_id), EXCHANGES_OWN);
	if (!entry || !same_request(entry, unanswered->request_hash)) {
		return ERR_NOT_FOUND;
	}
	if (entry->outcome != 0 || entry->given_up != 0) {
		return existing(ERR_EXISTS, entry->outcome != 0 ? entry->outcome : entry->given_up, ret_existing);
	}
	return OK;
}

result ledger_rules_check(struct ledger *ledger, const struct ledger_record *record, const union statement_body *body,
			  uint64_t *ret_existing)
{
	switch (record->type) {
	case STATEMENT_REQUEST:
		return check_request(ledger, &body->request, ret_existing);
	case STATEMENT_RECEIVED:
		if (body->received.type == STATEMENT_REQUEST) {
			return check_taken(ledger, record, &body->received, ret_existing);
		}
		return body->received.type == STATEMENT_RESPONSE ? check_answer(ledger, &body->received, ret_existing)
								 : OK;
	case STATEMENT_RESPONSE:
		return check_response(ledger, &body->response, ret_existing);
	case STATEMENT_UNANSWERED:
		return check_unanswered(ledger, &body->unanswered, ret_existing);
	default:
		return OK;
	}
}

// ---- what follows from a record ----

static struct exchange new_entry(struct slice exchange_id, uint64_t client, const uint8_t *request_hash)
{
	struct exchange entry = { .client = client, .owner = EXCHANGES_OWNER_NONE };
	memcpy(entry.id, exchange_id.data, sizeof entry.id);
	memcpy(entry.request_hash, request_hash, sizeof entry.request_hash);
	return entry;
}

static result apply_request(struct ledger *ledger, const struct statement_request *request, const uint8_t *leaf_hash,
			    uint64_t position, uint8_t owner)
{
	struct exchange *entry = exchanges_find(&ledger->exchanges, id_of(request->exchange_id), EXCHANGES_OWN);
	struct exchange made = new_entry(request->exchange_id, EXCHANGES_OWN, leaf_hash);
	made.request = position;
	made.attempt = request->attempt;
	made.owner = owner;
	made.open = true;
	made.used = true;
	if (entry) {
		*entry = made; // a later attempt takes the place of the one before
		return OK;
	}
	return exchanges_insert(&ledger->exchanges, &made);
}

static result apply_received(struct ledger *ledger, const struct statement_received *received, uint64_t position,
			     uint8_t owner)
{
	if (received->type == STATEMENT_REQUEST) {
		struct exchange made =
		    new_entry(received->exchange_id, client_of(ledger, received), received->statement_hash.data);
		made.request = position;
		made.owner = owner;
		made.open = true;
		return exchanges_insert(&ledger->exchanges, &made);
	}
	struct exchange *entry = exchanges_find(&ledger->exchanges, id_of(received->exchange_id), EXCHANGES_OWN);
	if (received->type == STATEMENT_RESPONSE && entry) {
		entry->outcome = position;
		entry->open = false;
	}
	return OK;
}

static result apply_response(struct ledger *ledger, const struct statement_response *response, uint64_t position)
{
	struct exchange *entry =
	    exchanges_find_request(&ledger->exchanges, id_of(response->exchange_id), response->request_hash.data);
	if (entry) {
		entry->outcome = position;
		entry->open = false;
		return OK;
	}
	// A refusal of what was not taken. Outside the window it needs no memory: the request cannot be taken any more.
	if (response->outcome != STATEMENT_OUTCOME_REFUSED ||
	    exchanges_in_window(&ledger->exchanges, id_of(response->exchange_id), ledger->time_us) != OK) {
		return OK;
	}
	struct exchange made = new_entry(response->exchange_id, EXCHANGES_REFUSED, response->request_hash.data);
	made.outcome = position;
	return exchanges_insert(&ledger->exchanges, &made);
}

static void apply_unanswered(struct ledger *ledger, const struct statement_unanswered *unanswered, uint64_t position)
{
	struct exchange *entry = exchanges_find(&ledger->exchanges, id_of(unanswered->exchange_id), EXCHANGES_OWN);
	if (entry && same_request(entry, unanswered->request_hash)) {
		entry->given_up = position;
		entry->open = false;
	}
}

result ledger_rules_apply(struct ledger *ledger, enum statement_type type, const union statement_body *body,
			  const uint8_t leaf_hash[DIGEST_SIZE], uint64_t position, uint8_t owner)
{
	switch (type) {
	case STATEMENT_REQUEST:
		return apply_request(ledger, &body->request, leaf_hash, position, owner);
	case STATEMENT_RECEIVED:
		return apply_received(ledger, &body->received, position, owner);
	case STATEMENT_RESPONSE:
		return apply_response(ledger, &body->response, position);
	case STATEMENT_UNANSWERED:
		apply_unanswered(ledger, &body->unanswered, position);
		return OK;
	default:
		return OK;
	}
}

result ledger_rules_replay(struct ledger *ledger, enum statement_type type, const union statement_body *body,
			   const uint8_t leaf_hash[DIGEST_SIZE], uint64_t position)
{
	if (type == STATEMENT_RESPONSE) {
		exchanges_forget_orphan(&ledger->exchanges, id_of(body->response.exchange_id),
					body->response.request_hash.data);
	}
	if (type == STATEMENT_UNANSWERED) {
		exchanges_forget_orphan(&ledger->exchanges, id_of(body->unanswered.exchange_id),
					body->unanswered.request_hash.data);
	}
	result code = ledger_rules_apply(ledger, type, body, leaf_hash, position, EXCHANGES_OWNER_NONE);
	// An id that was legal when it was recorded may be outside the window of the records that follow.
	return code == ERR_EXPIRED ? OK : code;
}
