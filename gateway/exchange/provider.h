// SPDX-License-Identifier: EUPL-1.2
//
// The provider half of a unary exchange: another gateway asks, a register behind one of our adapters answers.
//
//     accept → verify → authorise → record → dispatch → seal → reply
//
// provider.c holds the table and the steps in this order. Until `record` nothing is executed and a fault is a sealed
// refusal (unsealed where the request cannot be attributed, or beyond a peer's cap); after `record` the request has an
// outcome whatever happens: answered, failed, or, should we die, interrupted.
#ifndef BESA_EXCHANGE_PROVIDER_H
#define BESA_EXCHANGE_PROVIDER_H

#include "exchange/node.h"
#include "net/grpc_call.h"

// Takes a complete call of /besa.exchange.v1.Exchange/Call over. The call's user pointer becomes the exchange.
void provider_start(struct node *node, struct grpc_call *call);

// From on_cancel: the calling gateway is gone or out of time.
void provider_caller_gone(struct grpc_call *call, result why);

// Frees what is kept for reuse.
void provider_free_idle(struct node *node);

#endif
