// SPDX-License-Identifier: EUPL-1.2
#include "exchange/peers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "exchange/peer_certificate.h"

// Silence after which a peer is asked whether it lives: firewalls forget quiet connections.
static const int64_t peer_keepalive_us = 30 * INT64_C(1000000);

struct peers {
	struct node *node;
	struct peer *list;
	size_t count;
};

result peers_new(struct node *node, struct peers **ret_peers)
{
	struct peers *peers = calloc(1, sizeof *peers);
	if (!peers) {
		return ERR_MEMORY;
	}
	peers->node = node;
	*ret_peers = peers;
	return OK;
}

static void free_peer(struct peer *peer)
{
	loop_call_cancel(&peer->rotation);
	h2_client_free(peer->client);
	free(peer);
}

void peers_free(struct peers *peers)
{
	while (peers && peers->list) {
		struct peer *next = peers->list->next;
		free_peer(peers->list);
		peers->list = next;
	}
	free(peers);
}

// A copy of a slice as terminated text; what comes from a verified directory always fits.
static void copy_text(char *to, size_t size, struct slice text)
{
	snprintf(to, size, "%.*s", (int)text.size, (const char *)text.data);
}

static const struct edition_gateway *listed_gateway(const struct peer *peer)
{
	const struct edition_member *member = directory_member(peer->node->directory, slice_text(peer->member));
	for (size_t i = 0; member && i < member->gateways.count; i++) {
		if (slice_is(member->gateways.items[i].id, peer->gateway)) {
			return &member->gateways.items[i];
		}
	}
	return NULL;
}

// In the TLS handshake: the certificate must be one that today's directory lists for this gateway.
static bool accept_certificate(void *context, const uint8_t fingerprint[TLS_FINGERPRINT_SIZE], struct slice certificate)
{
	const struct edition_gateway *gateway = listed_gateway(context);
	return gateway && directory_gateway_has_tls(gateway, fingerprint) &&
	       peer_certificate_check(certificate, clock_wall_us()) == OK;
}

static result open_client(struct peer *peer);

static void on_state(void *context, struct h2_client *client, enum h2_client_state state, result cause,
		     const char *text)
{
	struct peer *peer = context;
	(void)client;
	if (state == H2_CLIENT_WAITING) {
		log_event(LOG_LEVEL_WARNING, "peer_unreachable", "peer=%s address=%s code=%s text=\"%s\"", peer->ledger,
			  peer->address, result_wire_name(cause), text ? text : "");
		loop_defer(&peer->rotation);
	} else if (state == H2_CLIENT_READY) {
		log_event(LOG_LEVEL_INFO, "peer_connected", "peer=%s address=%s", peer->ledger, peer->address);
	}
}

static result open_client(struct peer *peer)
{
	const struct edition_gateway *gateway = listed_gateway(peer);
	if (!gateway || gateway->addresses.count == 0) {
		return ERR_NOT_FOUND;
	}
	copy_text(peer->address, sizeof peer->address,
		  gateway->addresses.items[peer->address_index % gateway->addresses.count]);
	struct h2_client_config config = {
		.tls = peer->node->tls_client,
		.check = { .accept = accept_certificate, .context = peer },
		.settings = { .keepalive_us = peer_keepalive_us },
		.on_state = on_state,
		.context = peer,
	};
	result code = address_parse(slice_text(peer->address), &config.address, NULL);
	if (code == OK) {
		code = h2_client_new(peer->node->loop, &config, &peer->client);
	}
	return code;
}

static bool lists_address(const struct edition_gateway *gateway, const char *address)
{
	for (size_t i = 0; i < gateway->addresses.count; i++) {
		if (slice_is(gateway->addresses.items[i], address)) {
			return true;
		}
	}
	return false;
}

// The address does not answer, or is the gateway's no more: the next one that the directory lists is tried.
static void rotate(void *context)
{
	struct peer *peer = context;
	const struct edition_gateway *gateway = listed_gateway(peer);
	if (!gateway || h2_client_load(peer->client) > 0 ||
	    (gateway->addresses.count < 2 && lists_address(gateway, peer->address))) {
		return;
	}
	struct h2_client *silent = peer->client;
	peer->address_index++;
	if (open_client(peer) == OK) {
		h2_client_free(silent);
	} else {
		peer->client = silent;
	}
}

static struct peer *find_peer(const struct peers *peers, struct slice member, struct slice gateway)
{
	for (struct peer *peer = peers->list; peer; peer = peer->next) {
		if (slice_is(member, peer->member) && slice_is(gateway, peer->gateway)) {
			return peer;
		}
	}
	return NULL;
}

static struct peer *add_peer(struct peers *peers, const struct directory_gateway *listed)
{
	struct peer *peer = peers->count < PEERS_MAX ? calloc(1, sizeof *peer) : NULL;
	if (!peer) {
		return NULL;
	}
	peer->node = peers->node;
	loop_defer_init(&peer->rotation, peer->node->loop, rotate, peer);
	copy_text(peer->member, sizeof peer->member, listed->member->id);
	copy_text(peer->gateway, sizeof peer->gateway, listed->gateway->id);
	struct slice origin = listed->gateway->ledgers.items[0].origin;
	copy_text(peer->origin, sizeof peer->origin, origin);
	copy_text(peer->ledger, sizeof peer->ledger, identifier_ledger_of_origin(origin));
	if (open_client(peer) != OK) {
		free_peer(peer);
		return NULL;
	}
	peer->next = peers->list;
	peers->list = peer;
	peers->count++;
	return peer;
}

static struct peer *find_or_add(struct peers *peers, const struct directory_gateway *listed)
{
	struct peer *peer = find_peer(peers, listed->member->id, listed->gateway->id);
	return peer ? peer : add_peer(peers, listed);
}

size_t peers_start(const struct peers *peers, struct slice subsystem)
{
	const struct directory_gateway *listed = NULL;
	size_t count = directory_gateways(peers->node->directory, subsystem, &listed);
	for (size_t i = 0; i < count; i++) {
		const struct peer *known = find_peer(peers, listed[i].member->id, listed[i].gateway->id);
		if (known && h2_client_state(known->client) == H2_CLIENT_READY) {
			return i;
		}
	}
	return 0;
}

struct peer *peers_choose(struct peers *peers, struct slice subsystem, size_t start, size_t number)
{
	const struct directory_gateway *listed = NULL;
	size_t count = directory_gateways(peers->node->directory, subsystem, &listed);
	size_t passed = 0;
	bool more = count > 0;
	for (size_t round = 0; more; round++) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			const struct directory_gateway *way = &listed[(start + i) % count];
			bool has_address = way->gateway->addresses.count > round;
			more |= has_address;
			passed += has_address;
			if (has_address && passed == number) {
				return find_or_add(peers, way);
			}
		}
	}
	return NULL;
}

struct peer *peers_find(const struct peers *peers, const char *ledger)
{
	for (struct peer *peer = peers->list; peer; peer = peer->next) {
		if (strcmp(peer->ledger, ledger) == 0) {
			return peer;
		}
	}
	return NULL;
}

struct peer *peers_of_ledger(struct peers *peers, struct slice origin)
{
	const struct directory_ledger *ledger = directory_ledger(peers->node->directory, origin);
	if (!ledger) {
		return NULL;
	}
	const struct directory_gateway listed = { .member = ledger->member, .gateway = ledger->gateway };
	return listed.gateway->addresses.count ? find_or_add(peers, &listed) : NULL;
}

bool peers_moved(struct peer *peer, struct slice origin)
{
	const struct directory_ledger *ledger = directory_ledger(peer->node->directory, origin);
	if (!ledger || !slice_is(ledger->member->id, peer->member) || !slice_is(ledger->gateway->id, peer->gateway)) {
		return false;
	}
	if (slice_is(origin, peer->origin)) {
		return true;
	}
	log_event(LOG_LEVEL_WARNING, "peer_ledger_moved", "from=%s to=%.*s", peer->origin, (int)origin.size,
		  (const char *)origin.data);
	copy_text(peer->origin, sizeof peer->origin, origin);
	return true;
}

void peers_refresh(struct peers *peers)
{
	for (struct peer **link = &peers->list; *link;) {
		struct peer *peer = *link;
		const struct edition_gateway *gateway = listed_gateway(peer);
		if (gateway) {
			h2_client_set_tls(peer->client, peers->node->tls_client);
			if (!lists_address(gateway, peer->address)) {
				loop_defer(&peer->rotation);
			}
			link = &peer->next;
			continue;
		}
		log_event(LOG_LEVEL_WARNING, "peer_removed", "peer=%s", peer->ledger);
		*link = peer->next;
		peers->count--;
		free_peer(peer);
	}
}
