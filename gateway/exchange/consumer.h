// SPDX-License-Identifier: EUPL-1.2
//
// The consumer half of a unary exchange: a system of our member asks, a register elsewhere answers.
//
//     accept → identify → resolve → seal → send → await → verify → record → reply
//
// consumer.c holds the table and the steps in this order. Before `seal` nothing is on record and a fault is only
// answered; from then on every fault is sealed as unanswered before it is answered.
#ifndef BESA_EXCHANGE_CONSUMER_H
#define BESA_EXCHANGE_CONSUMER_H

#include "exchange/node.h"
#include "net/grpc_call.h"

// Who is on the other end of a client's connection; kept by the listener, must outlive its calls.
struct consumer_caller {
	struct node *node;
	const struct settings_listener *listener;
};

// Takes a complete call over (from grpc_call_handlers.on_message) and sees it through. The call's user pointer becomes
// the exchange.
void consumer_start(const struct consumer_caller *caller, struct grpc_call *call);

// From on_cancel: the caller is gone or out of time.
void consumer_caller_gone(struct grpc_call *call, result why);

// Frees what is kept for reuse.
void consumer_free_idle(struct node *node);

#endif
