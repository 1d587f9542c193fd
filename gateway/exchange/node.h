// SPDX-License-Identifier: EUPL-1.2
//
// What all exchanges of one worker stand on: who we are, the directory, the grants, the notary, the peers, the
// services.
//
// Start here to follow an exchange: consumer.c and provider.c hold the two tables of steps, in the order things
// happen. The words: *consumer* half, at the gateway of the subsystem that asks; *provider* half, at the gateway of the
// subsystem that is asked.
//
// Single-threaded; one node for each worker process, one member for each node.
#ifndef BESA_EXCHANGE_NODE_H
#define BESA_EXCHANGE_NODE_H

#include "directory/directory.h"
#include "directory/grants.h"
#include "exchange/notary_client.h"
#include "exchange/settings.h"
#include "net/h2.h"

struct peers;
struct services;
struct refusals;
struct consumer;
struct provider;

// What a reload replaces as a whole. Exchanges under way keep what they hold by reference.
struct node {
	struct loop *loop;
	struct settings *settings;
	const struct settings_member *member;
	struct slice member_id;
	unsigned worker;                        // number of this process among the member's workers, from 0
	char ledger[IDENTIFIER_ORIGIN_MAX + 1]; // ours without shard, "besa/XK/GOV/ARC/gw1": names this node in errors
	struct directory *directory;
	struct grants *grants;
	struct loop_timer grants_retry;
	struct notary_client *notary;
	struct seal_verifier *seals;
	struct tls_context *tls_client;
	struct tls_context *tls_server;
	struct peers *peers;
	struct services *services;
	struct refusals *refusals;
	struct consumer *idle_consumers; // for reuse
	struct provider *idle_providers;
	size_t queries; // of outcomes, under way
	size_t idle_consumer_count;
	size_t idle_provider_count;
	size_t consumers; // under way
	size_t providers;
	size_t held; // bytes of their requests
	bool draining;
};

// Checkpoints whose signature was verified, remembered for all peers of this worker.
enum { NODE_CHECKPOINTS_MAX = 256 };

// Reads directory, grants, credentials and contracts for the member and connects to the notary over `notary_fd`. The
// settings become the node's. On failure everything is given back except the settings.
result node_open(struct node *node, struct loop *loop, struct settings *settings, const char *member_id,
		 unsigned worker, int notary_fd, struct fault *fault);

// Takes fresh settings over (and with them directory, grants, credentials, services); on failure the old ones stay
// and the fresh ones are still the caller's.
result node_reload(struct node *node, struct settings *fresh, struct fault *fault);

void node_close(struct node *node);

// Bytes of requests that exchanges under way hold: stops a client or a peer that opens many large calls to a slow
// register. What is being received is bounded by connection (net/h2_limits.h).
#define NODE_HELD_MAX ((size_t)512 * 1024 * 1024)

// Counts a request; ERR_OVERLOADED and nothing counted if it would be too much. To be given back with node_let_go().
result node_hold(struct node *node, size_t size);
void node_let_go(struct node *node, size_t size);

// Whether a new exchange may begin: OK, ERR_DRAINING, ERR_OVERLOADED, the notary's state, ERR_EDITION_EXPIRED.
result node_ready(const struct node *node, size_t under_way, struct fault *fault);

#endif
