// SPDX-License-Identifier: EUPL-1.2
//
// The forms in which this gateway answers calls in its own name: a fault with its reason code and node, and a
// message that the reply takes over.
#ifndef BESA_EXCHANGE_REPLY_H
#define BESA_EXCHANGE_REPLY_H

#include "base/buffer.h"
#include "net/grpc_call.h"

// Ends the call with the code's status, the words (NULL or empty: the code's own text) and the trailers besa-reason and
// besa-node; `exchange_id` (text) is a trailer too unless it is NULL.
void reply_fault(struct grpc_call *call, const char *node, const char *exchange_id, result code, const char *words);

// Answers with the buffer's bytes as the message. The buffer's memory becomes the reply's; the buffer is empty then.
void reply_buffer(struct grpc_call *call, struct buffer *bytes);

// Release function of chunks whose context is malloced memory.
void reply_release(void *memory);

#endif
