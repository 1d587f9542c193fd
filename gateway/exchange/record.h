// SPDX-License-Identifier: EUPL-1.2
//
// A statement of ours that the notary has put on record: the leaf as the notary made it, and its seal.
#ifndef BESA_EXCHANGE_RECORD_H
#define BESA_EXCHANGE_RECORD_H

#include "exchange/notary_client.h"

struct record {
	struct buffer leaf;
	struct buffer seal; // Seal bytes; empty if no seal was asked for
	uint64_t index;
	uint8_t leaf_hash[STATEMENT_HASH_SIZE];
};

void record_init(struct record *record);
void record_release(struct record *record);

// Puts leaf and seal together from what was handed in (`type`, `body`) and what the notary answered.
// ERR_LIMIT, ERR_MEMORY, ERR_CHECKPOINT_INVALID (the notary's note has no origin).
result record_take(struct record *record, enum statement_type type, struct slice member, struct slice body,
		   const struct notary_answer *answer);

// What stands beside a RECEIVED record: the foreign statement and its seal as the envelope that they came in begins,
// which is also how a SealedStatement begins. Both slices point into that envelope.
struct slice record_attachment(struct slice statement, struct slice seal);

#endif
