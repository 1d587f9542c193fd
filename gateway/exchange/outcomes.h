// SPDX-License-Identifier: EUPL-1.2
//
// GetOutcome: what became of an exchange, with seals, from the ledger.
//
// A member's own system asks its gateway (besa.gateway.v1.Outcomes) about requests of its own; a client's gateway asks
// the provider's (besa.exchange.v1.Exchange) about requests of the members that it hosts. Where our own record says
// that no answer came, the provider's gateway is asked in turn, and what it seals rides along.
#ifndef BESA_EXCHANGE_OUTCOMES_H
#define BESA_EXCHANGE_OUTCOMES_H

#include "exchange/consumer.h"
#include "net/grpc_call.h"

#define OUTCOMES_PATH "/besa.gateway.v1.Outcomes/GetOutcome"
#define OUTCOMES_PEER_PATH "/besa.exchange.v1.Exchange/GetOutcome"

// Takes a complete call over and answers it: of a client, or of a peer gateway.
void outcomes_answer_client(const struct consumer_caller *caller, struct grpc_call *call);
void outcomes_answer_peer(struct node *node, struct grpc_call *call);

// From on_cancel.
void outcomes_caller_gone(struct grpc_call *call);

#endif
