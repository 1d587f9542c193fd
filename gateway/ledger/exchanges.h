// SPDX-License-Identifier: EUPL-1.2
//
// The exchanges of a window of time: which requests were taken from others, which own ones were made, and what became
// of them. In memory only; recovery fills it from the journal.
//
// The window is cut by the time inside the id (UUIDv7) into buckets, each a hash table of its own: the id alone says
// where to look, and a bucket that has left the window is dropped whole. So memory is bounded by the window, and the
// table never holds up a batch.
#ifndef BESA_LEDGER_EXCHANGES_H
#define BESA_LEDGER_EXCHANGES_H

#include "base/identifier.h"
#include "base/result.h"

enum {
	EXCHANGES_BUCKETS = 16,
	EXCHANGES_PER_WINDOW = 8,        // buckets that make up the window; the others hold ids from the future
	EXCHANGES_MAX = 4 * 1024 * 1024, // entries: a flood of requests cannot take all memory
	EXCHANGES_HASH_SIZE = 16,        // of a request's leaf hash: tells requests apart, proves nothing
	EXCHANGES_OWNER_NONE = 255,
};

// An own request; a request that was refused without being taken, so that nobody knows the member that asked. Other
// values stand for members.
static const uint64_t EXCHANGES_OWN = 0;
static const uint64_t EXCHANGES_REFUSED = 1;

struct exchange {
	uint8_t id[IDENTIFIER_UUID_SIZE];
	uint8_t request_hash[EXCHANGES_HASH_SIZE];
	uint64_t client;   // EXCHANGES_OWN, EXCHANGES_REFUSED, or exchanges_client() of the member that asked
	uint64_t request;  // position of the own request, or of the record that it was taken; 0: none
	uint64_t outcome;  // of the response (taken), of the record that an answer came (own); 0: none
	uint64_t given_up; // own: of the unanswered statement; 0: none
	uint32_t attempt;  // own
	uint8_t owner;     // worker that keeps it open
	bool open;
	bool used; // the slot
};

struct exchanges_bucket {
	int64_t epoch; // time of its ids / span
	struct exchange *slots;
	size_t capacity, count;
};

struct exchanges {
	int64_t window_us, skew_us, span_us;
	uint64_t keys[2]; // of the hash: a peer must not choose ids that collide
	size_t count;
	struct exchanges_bucket buckets[EXCHANGES_BUCKETS];
	// Open ones whose owner is gone or whose time is over, waiting to be sealed.
	struct exchange *orphans;
	size_t orphan_count, orphan_capacity;
};

// ERR_CONFIG if the skew exceeds half the window.
result exchanges_init(struct exchanges *exchanges, int64_t window_us, int64_t skew_us);
void exchanges_release(struct exchanges *exchanges);

// A value that stands for a member in this table (never one of the constants above).
uint64_t exchanges_client(const struct exchanges *exchanges, struct slice member);

// Whether an id's time lies in the window: ERR_EXPIRED, ERR_CLOCK_SKEW.
result exchanges_in_window(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE], int64_t now_us);

// The entry, NULL if there is none. Good until the next insert or advance.
struct exchange *exchanges_find(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE],
				uint64_t client);

// The entry of another's request (taken or refused) with this id and request hash.
struct exchange *exchanges_find_request(const struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE],
					const uint8_t *request_hash);

// Adds an entry (id and client are not there yet). ERR_BUSY: EXCHANGES_MAX; ERR_MEMORY; ERR_EXPIRED: its bucket holds
// another time.
result exchanges_insert(struct exchanges *exchanges, const struct exchange *entry);

// Drops what has left the window; what is still open of it becomes an orphan. ERR_MEMORY: nothing is lost, try again.
result exchanges_advance(struct exchanges *exchanges, int64_t now_us);

// What this owner keeps open becomes an orphan. Any owner: EXCHANGES_OWNER_NONE. ERR_MEMORY: some may remain, try
// again.
result exchanges_orphan(struct exchanges *exchanges, uint8_t owner);

// Takes an orphan off the list because it was sealed after all: recovery meets the statement that closed it.
void exchanges_forget_orphan(struct exchanges *exchanges, const uint8_t id[IDENTIFIER_UUID_SIZE],
			     const uint8_t *request_hash);

// An orphan that is still open (copied), taken off the list. False: none is left.
bool exchanges_next_orphan(struct exchanges *exchanges, struct exchange *ret_entry);

// Puts back an orphan that was just taken off.
void exchanges_return_orphan(struct exchanges *exchanges, const struct exchange *entry);

#endif
