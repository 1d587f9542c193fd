// SPDX-License-Identifier: EUPL-1.2
//
// Connections to other gateways: for each gateway of the directory that we call, one HTTP/2 client over mutual TLS,
// pinned to the certificates that the directory lists for it, and the origin of its ledger that takes requests.
#ifndef BESA_EXCHANGE_PEERS_H
#define BESA_EXCHANGE_PEERS_H

#include "directory/directory.h"
#include "exchange/node.h"
#include "net/h2.h"

enum { PEERS_MAX = 20000 }; // gateways of a federation: bounds memory

struct peer {
	struct peer *next;
	struct node *node;
	char member[IDENTIFIER_MAX + 1];
	char gateway[IDENTIFIER_PART_MAX + 1];
	char ledger[IDENTIFIER_ORIGIN_MAX + 1]; // without shard
	char origin[IDENTIFIER_ORIGIN_MAX + 1]; // shard that takes requests, as the directory or the peer itself said
	char address[ADDRESS_TEXT_SIZE];
	size_t address_index; // which of its addresses is tried
	struct h2_client *client;
	struct loop_call rotation; // to the next address, outside of the client's own callbacks
};

result peers_new(struct node *node, struct peers **ret_peers);
void peers_free(struct peers *peers);

// Where an exchange begins among the gateways that the directory lists for the subsystem's member: at one whose
// connection stands.
size_t peers_start(const struct peers *peers, struct slice subsystem);

// The gateway of the `number`-th way (from 1) to the subsystem, counted from `start`: every gateway once, then again
// each that lists a further address. The same start and number mean the same gateway however connections come and go.
// NULL if there is none (any more).
struct peer *peers_choose(struct peers *peers, struct slice subsystem, size_t start, size_t number);

// The gateway by its ledger's name without shard (struct peer); NULL if it was dropped. For whoever waited meanwhile: a
// pointer to a peer is good only until the next turn of the loop.
struct peer *peers_find(const struct peers *peers, const char *ledger);

// The gateway whose ledger this is; NULL if the directory does not list it (any more).
struct peer *peers_of_ledger(struct peers *peers, struct slice origin);

// The peer said that its ledger moved on. Believed only if the directory lists that origin for this gateway; false
// otherwise. True also when it is known already: many exchanges hear of it at once.
bool peers_moved(struct peer *peer, struct slice origin);

// After a reload: peers that the directory no longer lists are dropped, credentials renewed; of those at an address
// that it no longer lists, the next one is taken as soon as nothing is under way there.
void peers_refresh(struct peers *peers);

#endif
