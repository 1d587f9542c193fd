// SPDX-License-Identifier: EUPL-1.2
//
// The rules of the exchange over a whole shard, for verification: every statement that takes part in one is noted, then
// all are sorted by exchange id and each exchange is judged by itself.
#ifndef BESA_LEDGER_VERIFY_EXCHANGES_H
#define BESA_LEDGER_VERIFY_EXCHANGES_H

#include "wire/statement.h"

enum verify_step { VERIFY_REQUEST, VERIFY_TAKEN, VERIFY_ANSWER, VERIFY_RESPONSE, VERIFY_UNANSWERED };

struct verify_event {
	uint8_t id[IDENTIFIER_UUID_SIZE];
	uint8_t request_hash[16]; // leaf hash of the request, its beginning
	uint8_t client[16];       // VERIFY_TAKEN: hash of the member that asked, its beginning
	uint64_t index;
	enum verify_step step;
	bool refused; // a response that nothing was executed
};

struct verify_exchanges {
	struct verify_event *events;
	size_t count, capacity;
};

// What the judgement counts.
struct verify_counts {
	uint64_t requests, received, responses, unanswered, open;
};

// Notes a statement if it takes part in an exchange. ERR_MEMORY.
result verify_exchanges_note(struct verify_exchanges *exchanges, const struct statement *statement,
			     const uint8_t leaf_hash[STATEMENT_HASH_SIZE], uint64_t index);

// Judges all; `found` is called with the leaf and words of each breach. A response may answer a request of an earlier
// shard if there is one.
void verify_exchanges_judge(struct verify_exchanges *exchanges, bool has_earlier_shard,
			    void (*found)(void *context, uint64_t index, const char *words), void *context,
			    struct verify_counts *counts);

void verify_exchanges_release(struct verify_exchanges *exchanges);

#endif
