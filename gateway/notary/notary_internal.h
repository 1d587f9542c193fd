// SPDX-License-Identifier: EUPL-1.2
//
// Between the notary's loop (notary.c) and its batches and answers (batch.c).
#ifndef BESA_NOTARY_NOTARY_INTERNAL_H
#define BESA_NOTARY_NOTARY_INTERNAL_H

#include "notary/notary.h"

// OK, ERR_LEDGER_CLOSED, ERR_DISK_FULL.
result notary_state(const struct notary *notary);

// Adds a worker's frame to the batch; runs the batch if it is full.
void notary_add_request(struct notary *notary, size_t worker, const struct notary_frame *frame);

// Appends what was added and answers all of it.
void notary_run_batch(struct notary *notary);

// Sends HELLO or STATUS to a worker.
void notary_say(struct notary *notary, size_t worker, enum notary_frame_kind kind);

// Sends packets that the socket did not take before.
void notary_send_waiting(struct notary *notary, size_t worker);

// Tells every worker that the grants file was replaced.
void notary_tell_grants(struct notary *notary);

#endif
