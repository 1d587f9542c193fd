// SPDX-License-Identifier: EUPL-1.2
//
// A refusal is evidence and is sealed; but a peer that provokes many must not fill our ledger. Each peer gateway gets a
// capped number of sealed refusals a minute (settings: refusals_per_minute); the rest are answered unsealed, counted by
// reason, and put on record as one summary a minute.
#ifndef BESA_EXCHANGE_REFUSALS_H
#define BESA_EXCHANGE_REFUSALS_H

#include "exchange/node.h"

enum { REFUSALS_PEERS_MAX = 4096 }; // peers counted at a time: bounds memory

struct refusals;

result refusals_new(struct node *node, struct refusals **ret_refusals);
void refusals_free(struct refusals *refusals);

// Puts on record at once what was counted, before an end; and whether the notary still has such a summary in hand.
void refusals_flush(struct refusals *refusals);
bool refusals_under_way(const struct refusals *refusals);

// Whether one more refusal for this peer (its ledger without shard) may be sealed. False: it was counted instead.
bool refusals_may_seal(struct refusals *refusals, struct slice peer, result reason);

#endif
