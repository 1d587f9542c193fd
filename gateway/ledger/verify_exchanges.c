// SPDX-License-Identifier: EUPL-1.2
#include "ledger/verify_exchanges.h"

#include "crypto/digest.h"

#include <stdlib.h>

static struct verify_event *add(struct verify_exchanges *exchanges)
{
	if (exchanges->count == exchanges->capacity) {
		size_t capacity = exchanges->capacity > 0 ? exchanges->capacity * 2 : 1024;
		struct verify_event *events = realloc(exchanges->events, capacity * sizeof *events);
		if (!events) {
			return NULL;
		}
		exchanges->events = events;
		exchanges->capacity = capacity;
	}
	struct verify_event *event = &exchanges->events[exchanges->count++];
	*event = (struct verify_event){ 0 };
	return event;
}

static result note(struct verify_exchanges *exchanges, enum verify_step step, struct slice id,
		   const uint8_t *request_hash, uint64_t index, struct verify_event **ret_event)
{
	struct verify_event *event = add(exchanges);
	if (!event) {
		return ERR_MEMORY;
	}
	event->step = step;
	event->index = index;
	memcpy(event->id, id.data, sizeof event->id);
	if (request_hash) {
		memcpy(event->request_hash, request_hash, sizeof event->request_hash);
	}
	*ret_event = event;
	return OK;
}

static result note_received(struct verify_exchanges *exchanges, const struct statement_received *received,
			    uint64_t index)
{
	struct verify_event *event = NULL;
	uint8_t member[DIGEST_SIZE];
	if (received->type == STATEMENT_RESPONSE) {
		return note(exchanges, VERIFY_ANSWER, received->exchange_id, NULL, index, &event);
	}
	if (received->type != STATEMENT_REQUEST) {
		return OK;
	}
	result code =
	    note(exchanges, VERIFY_TAKEN, received->exchange_id, received->statement_hash.data, index, &event);
	if (code == OK) {
		digest_sha256(identifier_member_of_origin(received->origin), member);
		memcpy(event->client, member, sizeof event->client);
	}
	return code;
}

result verify_exchanges_note(struct verify_exchanges *exchanges, const struct statement *statement,
			     const uint8_t leaf_hash[STATEMENT_HASH_SIZE], uint64_t index)
{
	const union statement_body *body = &statement->body;
	struct verify_event *event = NULL;
	result code = OK;
	switch (statement->type) {
	case STATEMENT_REQUEST:
		return note(exchanges, VERIFY_REQUEST, body->request.exchange_id, leaf_hash, index, &event);
	case STATEMENT_RECEIVED:
		return note_received(exchanges, &body->received, index);
	case STATEMENT_RESPONSE:
		code = note(exchanges, VERIFY_RESPONSE, body->response.exchange_id, body->response.request_hash.data,
			    index, &event);
		if (code == OK) {
			event->refused = body->response.outcome == STATEMENT_OUTCOME_REFUSED;
		}
		return code;
	case STATEMENT_UNANSWERED:
		return note(exchanges, VERIFY_UNANSWERED, body->unanswered.exchange_id,
			    body->unanswered.request_hash.data, index, &event);
	default:
		return OK;
	}
}

void verify_exchanges_release(struct verify_exchanges *exchanges)
{
	free(exchanges->events);
	*exchanges = (struct verify_exchanges){ 0 };
}

// ---- judging ----

static int by_id_and_index(const void *a, const void *b)
{
	const struct verify_event *x = a;
	const struct verify_event *y = b;
	int order = memcmp(x->id, y->id, sizeof x->id);
	if (order != 0) {
		return order;
	}
	return x->index < y->index ? -1 : x->index > y->index;
}

struct judge {
	const struct verify_event *events; // of one exchange id, in the order of the ledger
	size_t count;
	bool has_earlier_shard;
	void (*found)(void *context, uint64_t index, const char *words);
	void *context;
	struct verify_counts *counts;
};

static bool same_hash(const struct verify_event *a, const struct verify_event *b)
{
	return memcmp(a->request_hash, b->request_hash, sizeof a->request_hash) == 0;
}

// Whether an event of the kind stands before event `i`; for the same request if `hash`.
static bool before(const struct judge *judge, size_t i, enum verify_step step, bool hash)
{
	for (size_t j = 0; j < i; j++) {
		if (judge->events[j].step == step && (!hash || same_hash(&judge->events[j], &judge->events[i]))) {
			return true;
		}
	}
	return false;
}

static bool after(const struct judge *judge, size_t i, enum verify_step step, bool hash)
{
	for (size_t j = i + 1; j < judge->count; j++) {
		if (judge->events[j].step == step && (!hash || same_hash(&judge->events[j], &judge->events[i]))) {
			return true;
		}
	}
	return false;
}

static bool taken_before(const struct judge *judge, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		const struct verify_event *other = &judge->events[j];
		if (other->step == VERIFY_TAKEN &&
		    (memcmp(other->client, judge->events[i].client, sizeof other->client) == 0 ||
		     same_hash(other, &judge->events[i]))) {
			return true;
		}
	}
	return false;
}

static void complain(const struct judge *judge, size_t i, const char *words)
{
	judge->found(judge->context, judge->events[i].index, words);
}

static void judge_event(const struct judge *judge, size_t i)
{
	const struct verify_event *event = &judge->events[i];
	bool own_request = before(judge, i, VERIFY_REQUEST, false) || judge->has_earlier_shard;
	switch (event->step) {
	case VERIFY_REQUEST:
		judge->counts->requests++;
		judge->counts->open += !after(judge, i, VERIFY_ANSWER, false) &&
				       !after(judge, i, VERIFY_UNANSWERED, true) &&
				       !after(judge, i, VERIFY_REQUEST, false);
		if (before(judge, i, VERIFY_ANSWER, false)) {
			complain(judge, i, "a request was made again after its answer had come");
		}
		break;
	case VERIFY_TAKEN:
		judge->counts->received++;
		judge->counts->open += !after(judge, i, VERIFY_RESPONSE, true);
		if (taken_before(judge, i)) {
			complain(judge, i, "a request was taken twice");
		} else if (before(judge, i, VERIFY_RESPONSE, true)) {
			complain(judge, i, "a request was taken after it had been refused");
		}
		break;
	case VERIFY_ANSWER:
		judge->counts->received++;
		if (before(judge, i, VERIFY_ANSWER, false)) {
			complain(judge, i, "a second answer was taken");
		} else if (!own_request) {
			complain(judge, i, "an answer was taken to a request that was never made");
		}
		break;
	case VERIFY_RESPONSE:
		judge->counts->responses++;
		if (before(judge, i, VERIFY_RESPONSE, true)) {
			complain(judge, i, "a request was answered twice");
		} else if (!event->refused && !judge->has_earlier_shard && !before(judge, i, VERIFY_TAKEN, true)) {
			complain(judge, i, "a response to a request that is not on record");
		}
		break;
	case VERIFY_UNANSWERED:
		judge->counts->unanswered++;
		if (before(judge, i, VERIFY_UNANSWERED, true) || before(judge, i, VERIFY_ANSWER, false)) {
			complain(judge, i, "a request was given up that had ended already");
		} else if (!before(judge, i, VERIFY_REQUEST, true) && !judge->has_earlier_shard) {
			complain(judge, i, "a request was given up that was never made");
		}
		break;
	}
}

void verify_exchanges_judge(struct verify_exchanges *exchanges, bool has_earlier_shard,
			    void (*found)(void *context, uint64_t index, const char *words), void *context,
			    struct verify_counts *counts)
{
	*counts = (struct verify_counts){ 0 };
	if (exchanges->count == 0) {
		return;
	}
	qsort(exchanges->events, exchanges->count, sizeof *exchanges->events, by_id_and_index);
	for (size_t from = 0; from < exchanges->count;) {
		size_t to = from + 1;
		while (to < exchanges->count &&
		       memcmp(exchanges->events[to].id, exchanges->events[from].id, IDENTIFIER_UUID_SIZE) == 0) {
			to++;
		}
		struct judge judge = {
			.events = exchanges->events + from,
			.count = to - from,
			.has_earlier_shard = has_earlier_shard,
			.found = found,
			.context = context,
			.counts = counts,
		};
		for (size_t i = 0; i < judge.count; i++) {
			judge_event(&judge, i);
		}
		from = to;
	}
}
