// SPDX-License-Identifier: EUPL-1.2
//
// Serves a binding over gRPC on one address, and replaces it while it runs.
#ifndef BESA_ADAPTERS_HOST_SERVER_H
#define BESA_ADAPTERS_HOST_SERVER_H

#include "adapters/host/binding.h"
#include "net/address.h"
#include "net/loop.h"

enum {
	SERVER_MESSAGE_MAX = 4 * 1024 * 1024, // bytes of a request; stops memory exhaustion
	SERVER_SOCKET_MODE = 0660,            // the gateway is in the adapter's group, nobody else is
};
#define SERVER_DEADLINE_DEFAULT_US (30 * INT64_C(1000000)) // for callers that set none
#define SERVER_DEADLINE_MAX_US (600 * INT64_C(1000000))

struct server;

// Opens the binding's back end and listens. The binding is the server's if this succeeds. An address that is not a unix
// socket must be a loopback address: there is no TLS between gateway and adapter. The errors of address_listen,
// ERR_ARGUMENT, ERR_MEMORY.
result server_start(struct loop *loop, struct binding *binding, unsigned workers, const struct address *address,
		    struct server **ret_server, struct fault *fault);

// Calls from here on are answered with another binding (the server's if this succeeds); those under way end with the
// one they began with. On failure nothing changes.
result server_replace(struct server *server, struct binding *binding, struct fault *fault);

// Stops accepting, lets calls under way end, then calls `done`. Once only.
void server_drain(struct server *server, void (*done)(void *context), void *context);

// Frees everything; what is still open is cut off. NULL is fine.
void server_free(struct server *server);

#endif
