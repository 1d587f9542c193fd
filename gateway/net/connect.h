// SPDX-License-Identifier: EUPL-1.2
//
// Opening a stream socket to an address without blocking: resolves a name (in libuv's thread pool; numeric addresses
// and unix paths use no thread), then tries each answer in turn until one connects.
#ifndef BESA_NET_CONNECT_H
#define BESA_NET_CONNECT_H

#include "net/address.h"
#include "net/loop.h"

struct connect;

// Ends with one call of `done`, never before this returns: OK and a connected non-blocking descriptor that the receiver
// owns, or ERR_NOT_FOUND (name), ERR_TIMEOUT, ERR_CLOSED (nobody listens, unreachable), ERR_PERMISSION, ERR_IO and -1
// with words in `fault`. NULL if out of memory.
struct connect *connect_start(struct loop *loop, const struct address *address, int64_t timeout_us,
			      void (*done)(void *context, result code, int fd, const struct fault *fault),
			      void *context);

// Gives up without a call of `done`. NULL is fine; not after `done` was called.
void connect_cancel(struct connect *connect);

#endif
