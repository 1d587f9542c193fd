// SPDX-License-Identifier: EUPL-1.2
//
// The operator's service besa.gateway.v1.Admin, on the member's unix socket: grants. Every change is a statement in the
// provider's ledger before it is answered; who changed it is part of it.
#ifndef BESA_EXCHANGE_ADMIN_H
#define BESA_EXCHANGE_ADMIN_H

#include "exchange/node.h"
#include "net/grpc_call.h"

// Takes a complete call over and answers it. The socket's file mode decides who gets here.
void admin_answer(struct node *node, struct grpc_call *call);

// From on_cancel.
void admin_caller_gone(struct grpc_call *call);

#endif
