// SPDX-License-Identifier: EUPL-1.2
#include "exchange/refusals.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

static const int64_t minute_us = 60 * INT64_C(1000000);

struct refused_peer {
	struct refused_peer *next;
	char ledger[IDENTIFIER_ORIGIN_MAX + 1];
	int64_t since_us;
	uint64_t sealed;
	uint64_t counts[RESULT_COUNT];
	bool has_counts;
};

struct refusals {
	struct node *node;
	struct loop_timer timer;
	struct refused_peer *peers;
	size_t count;
	size_t under_way; // summaries
};

// A summary on its way to the notary.
struct summary {
	struct refusals *refusals;
	struct notary_call call;
	struct buffer body;
};

static void summary_done(void *context, const struct notary_answer *answer)
{
	struct summary *summary = context;
	if (answer->code != OK) {
		log_event(LOG_LEVEL_WARNING, "refusal_summary_lost", "code=%s", result_wire_name(answer->code));
	}
	summary->refusals->under_way--;
	buffer_release(&summary->body);
	free(summary);
}

static result encode_summary(const struct refused_peer *peer, struct buffer *body)
{
	struct statement_refusal_count items[STATEMENT_REASONS_MAX];
	size_t count = 0;
	for (size_t code = 0; code < RESULT_COUNT && count < STATEMENT_REASONS_MAX; code++) {
		if (peer->counts[code]) {
			items[count++] = (struct statement_refusal_count){
				.reason = slice_text(result_wire_name((result)code)),
				.count = peer->counts[code],
			};
		}
	}
	int64_t now = clock_wall_us();
	const union statement_body statement = { .refusal_summary = {
						     .peer = slice_text(peer->ledger),
						     .since_us = peer->since_us,
						     .until_us = now > peer->since_us ? now : peer->since_us,
						     .counts = { .items = items, .count = count },
						 } };
	return statement_encode_body(STATEMENT_REFUSAL_SUMMARY, &statement, body, NULL);
}

static void record_summary(struct refusals *refusals, const struct refused_peer *peer)
{
	struct summary *summary = calloc(1, sizeof *summary);
	if (!summary) {
		return;
	}
	summary->refusals = refusals;
	buffer_init(&summary->body, STATEMENT_BODY_MAX);
	if (encode_summary(peer, &summary->body) != OK) {
		buffer_release(&summary->body);
		free(summary);
		return;
	}
	const struct notary_record record = {
		.type = STATEMENT_REFUSAL_SUMMARY,
		.body = buffer_slice(&summary->body),
	};
	refusals->under_way++;
	notary_client_append(refusals->node->notary, &summary->call, &record, summary_done, summary);
}

// Every minute: what was counted goes on record, and every peer starts afresh.
static void minute_over(void *context)
{
	struct refusals *refusals = context;
	while (refusals->peers) {
		struct refused_peer *peer = refusals->peers;
		refusals->peers = peer->next;
		if (peer->has_counts) {
			record_summary(refusals, peer);
		}
		free(peer);
	}
	refusals->count = 0;
}

result refusals_new(struct node *node, struct refusals **ret_refusals)
{
	struct refusals *refusals = calloc(1, sizeof *refusals);
	if (!refusals) {
		return ERR_MEMORY;
	}
	refusals->node = node;
	loop_timer_init(&refusals->timer, node->loop, minute_over, refusals);
	*ret_refusals = refusals;
	return OK;
}

void refusals_free(struct refusals *refusals)
{
	if (!refusals) {
		return;
	}
	loop_timer_stop(&refusals->timer);
	while (refusals->peers) {
		struct refused_peer *next = refusals->peers->next;
		free(refusals->peers);
		refusals->peers = next;
	}
	free(refusals);
}

static struct refused_peer *find_peer(struct refusals *refusals, struct slice ledger)
{
	for (struct refused_peer *peer = refusals->peers; peer; peer = peer->next) {
		if (slice_is(ledger, peer->ledger)) {
			return peer;
		}
	}
	if (refusals->count == REFUSALS_PEERS_MAX) {
		return NULL;
	}
	struct refused_peer *peer = calloc(1, sizeof *peer);
	if (!peer) {
		return NULL;
	}
	snprintf(peer->ledger, sizeof peer->ledger, "%.*s", (int)ledger.size, (const char *)ledger.data);
	peer->since_us = clock_wall_us();
	peer->next = refusals->peers;
	refusals->peers = peer;
	refusals->count++;
	if (!loop_timer_is_active(&refusals->timer)) {
		loop_timer_start(&refusals->timer, minute_us, 0);
	}
	return peer;
}

void refusals_flush(struct refusals *refusals)
{
	minute_over(refusals);
}

bool refusals_under_way(const struct refusals *refusals)
{
	return refusals->under_way > 0;
}

bool refusals_may_seal(struct refusals *refusals, struct slice ledger, result reason)
{
	struct refused_peer *peer = find_peer(refusals, ledger);
	if (!peer) {
		return false;
	}
	if (peer->sealed < (uint64_t)refusals->node->settings->limits.refusals_per_minute) {
		peer->sealed++;
		return true;
	}
	peer->counts[reason]++;
	peer->has_counts = true;
	return false;
}
