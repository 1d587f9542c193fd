// SPDX-License-Identifier: EUPL-1.2
//
// The worker's end of the socket to its notary (wire/notary_frame.h): many calls under way, one packet out per turn of
// the loop, answers in any order.
//
// A call cannot be taken back: its record may stand already. When the notary dies, every call under way ends with
// ERR_NOTARY_UNAVAILABLE (whether it was recorded is not known); until its successor says HELLO new calls end so at
// once.
#ifndef BESA_EXCHANGE_NOTARY_CLIENT_H
#define BESA_EXCHANGE_NOTARY_CLIENT_H

#include "net/loop.h"
#include "wire/notary_frame.h"

enum {
	// Calls under way in one worker: an exchange has at most one at a time; both halves and the operator's calls.
	NOTARY_CLIENT_CALLS_MAX = 1 << 18,
	// Packets waiting for a notary that does not read: then calls end with ERR_BUSY.
	NOTARY_CLIENT_QUEUE_MAX = 256,
};

struct notary_client;

// What the notary answered. Slices and pointers are good during the call of `done` only.
struct notary_answer {
	result code; // OK, ERR_REPLAYED, ERR_EXISTS, ERR_LEDGER_CLOSED, ERR_DISK_FULL, ERR_MEMBER_MISMATCH, …
	uint64_t index;
	int64_t time_us;
	const uint8_t *blinder;
	struct slice path;   // of this record
	struct slice upper;  // common part of the paths of its batch
	struct slice note;   // checkpoint, if a seal was wanted
	struct slice report; // OutcomeReport of what stands already
	uint32_t erased;
};

// One call, embedded in whoever makes it; zeroed at first. Must stay in place until `done`.
struct notary_call {
	void (*done)(void *context, const struct notary_answer *answer);
	void *context;
	uint32_t slot;
	bool under_way;
};

struct notary_client_events {
	// The notary came up, or its ledger's state or shard changed.
	void (*on_status)(void *context);
	// The grants file was replaced.
	void (*on_grants)(void *context);
	void *context;
};

// Takes the inherited socket over (closes it when freed) and says HELLO. ERR_MEMORY, ERR_IO.
result notary_client_new(struct loop *loop, int fd, const struct notary_client_events *events,
			 struct notary_client **ret_client, struct fault *fault);
void notary_client_free(struct notary_client *client);

// Whether the ledger takes records: OK, ERR_NOTARY_UNAVAILABLE, ERR_LEDGER_CLOSED, ERR_DISK_FULL.
result notary_client_state(const struct notary_client *client);

// The origin of the shard that takes records; empty before the first HELLO. Good until on_status.
struct slice notary_client_origin(const struct notary_client *client);

struct notary_record {
	enum statement_type type;
	bool want_seal;
	struct slice body;
	struct slice attachment;
	struct slice private_part;
};

// Puts a statement on record. `done` is called exactly once, possibly before this returns (when the notary is away).
void notary_client_append(struct notary_client *client, struct notary_call *call, const struct notary_record *record,
			  void (*done)(void *context, const struct notary_answer *answer), void *context);

// What is on record of an exchange; `client_member` empty: of one of our own requests.
void notary_client_lookup(struct notary_client *client, struct notary_call *call,
			  const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client_member,
			  void (*done)(void *context, const struct notary_answer *answer), void *context);

#endif
