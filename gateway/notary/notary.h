// SPDX-License-Identifier: EUPL-1.2
//
// The notary's loop: reads all waiting packets of all workers, makes one batch, appends it, answers. Plain blocking C
// around poll(); everything between two polls belongs to one batch. DESIGN.md: threats, protocol, what happens when.
#ifndef BESA_NOTARY_NOTARY_H
#define BESA_NOTARY_NOTARY_H

#include "ledger/ledger.h"
#include "notary/grants_keeper.h"
#include "wire/notary_frame.h"

enum {
	NOTARY_WORKERS_MAX = LEDGER_OWNERS_MAX,
	NOTARY_REQUESTS_MAX = 2048, // frames of one batch
	// What is read for one batch; leaves room in a journal batch for frames that turn into larger records.
	NOTARY_INPUT_MAX = 1024 * 1024,
	NOTARY_OUTPUT_MAX = 64, // packets waiting for a worker that does not read: then it is not read from either
	NOTARY_REOPEN_INTERVAL_MS = 1000,
	NOTARY_PREDECESSOR_INTERVAL_MS = 20, // a killed gateway's notary ends in order, which takes a moment
};

// A worker's socket.
struct notary_worker {
	int fd;
	uint64_t epoch; // 0: none has spoken yet
	bool greeted;   // HELLO was answered
	bool gone;      // the supervisor has closed the pair
	struct {
		uint8_t *bytes;
		size_t size;
	} waiting[NOTARY_OUTPUT_MAX]; // packets the socket did not take
	size_t waiting_count;
};

// A frame to be answered; the slices point into `input`.
struct notary_request {
	struct notary_frame frame;
	uint8_t worker;
	uint32_t record; // of an APPEND: which of the batch
};

struct notary {
	struct ledger_config config;
	struct ledger *ledger; // NULL while it cannot be opened
	struct grants_keeper grants;
	char failed_shard[IDENTIFIER_PART_MAX + 1];
	result state; // as last told to the workers
	char told_origin[IDENTIFIER_ORIGIN_MAX + 1];
	uint64_t epoch;
	int64_t reopen_at_us; // monotonic

	struct notary_worker workers[NOTARY_WORKERS_MAX];
	size_t worker_count;

	uint8_t *input;
	size_t input_size;
	struct notary_request *requests;
	size_t request_count;
	struct ledger_record *records;
	size_t record_count;

	uint8_t *output;
	struct notary_writer writer;
	uint8_t writer_worker;
	struct buffer report;

	// Seam for an adaptive tick: with `tick_target` above 1, a batch smaller than it waits up to `tick_most_us` for
	// more while others are under way. 0: never.
	size_t tick_target;
	int64_t tick_most_us;
	size_t last_batch;

	volatile int *stop; // set by a signal
};

// Takes over the configuration (its pointers must stay) and the workers' sockets. ERR_MEMORY.
result notary_init(struct notary *notary, const struct ledger_config *config, const int *sockets, size_t count);
void notary_release(struct notary *notary);

// Opens the ledger, greets the workers and serves until *stop or until every socket is closed; then publishes and
// closes the ledger. Disk trouble does not end it: it answers ERR_LEDGER_CLOSED or ERR_DISK_FULL and tries again.
// Errors: those of starting that no waiting mends (ERR_CONFIG, ERR_ARGUMENT, ERR_BUSY, ERR_PERMISSION, ERR_MEMORY).
result notary_run(struct notary *notary, struct fault *fault);

#endif
