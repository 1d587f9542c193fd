// SPDX-License-Identifier: EUPL-1.2
//
// The sockets of a worker and what arrives on them: systems of the member (clients), other gateways (peer), the
// operator (admin). Each gRPC path goes to the part of the exchange layer that answers it.
#ifndef BESA_WORKER_LISTENERS_H
#define BESA_WORKER_LISTENERS_H

#include "exchange/node.h"

struct listeners;

// Opens every listener of the node's member; nothing stays open on failure.
result listeners_open(struct node *node, struct listeners **ret_listeners, struct fault *fault);

// After node_reload(): credentials for new connections; peers and clients that may no longer connect are drained.
void listeners_refresh(struct listeners *listeners);

// Stops accepting, lets what is open finish within `grace_us`, then calls `done` once.
void listeners_drain(struct listeners *listeners, int64_t grace_us, void (*done)(void *context), void *context);

// NULL is fine.
void listeners_free(struct listeners *listeners);

#endif
