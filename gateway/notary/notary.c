// SPDX-License-Identifier: EUPL-1.2
#include "notary/notary.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "notary/notary_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

result notary_init(struct notary *notary, const struct ledger_config *config, const int *sockets, size_t count)
{
	assert_always(count <= NOTARY_WORKERS_MAX);
	*notary = (struct notary){ .config = *config, .worker_count = count, .state = ERR_NOTARY_UNAVAILABLE };
	for (size_t i = 0; i < count; i++) {
		notary->workers[i].fd = sockets[i];
	}
	buffer_init(&notary->report, NOTARY_REPORT_MAX);
	notary->input = malloc(NOTARY_INPUT_MAX);
	notary->output = malloc(NOTARY_PACKET_MAX);
	notary->requests = calloc(NOTARY_REQUESTS_MAX, sizeof *notary->requests);
	notary->records = calloc(NOTARY_REQUESTS_MAX, sizeof *notary->records);
	if (!notary->input || !notary->output || !notary->requests || !notary->records) {
		notary_release(notary);
		return ERR_MEMORY;
	}
	while (notary->epoch == 0) {
		random_bytes(&notary->epoch, sizeof notary->epoch);
	}
	return OK;
}

void notary_release(struct notary *notary)
{
	ledger_close(notary->ledger);
	grants_keeper_release(&notary->grants);
	for (size_t i = 0; i < notary->worker_count; i++) {
		for (size_t packet = 0; packet < notary->workers[i].waiting_count; packet++) {
			free(notary->workers[i].waiting[packet].bytes);
		}
	}
	buffer_release(&notary->report);
	free(notary->input);
	free(notary->output);
	free(notary->requests);
	free(notary->records);
	*notary = (struct notary){ 0 };
}

// ---- the ledger's life ----

// Opens the ledger. What may mend itself (disk, a predecessor that still ends) leaves it closed for now.
static result open_ledger(struct notary *notary, struct fault *fault)
{
	struct fault words = { "" };
	notary->config.failed_shard = notary->failed_shard;
	notary->reopen_at_us = clock_monotonic_us() + NOTARY_REOPEN_INTERVAL_MS * INT64_C(1000);
	result code = ledger_open(&notary->config, &notary->ledger, &words);
	if (code == OK) {
		notary->failed_shard[0] = '\0';
		code = grants_keeper_start(&notary->grants, notary->ledger, notary->config.directory, &words);
		if (code != OK) {
			log_event(LOG_LEVEL_WARNING, "grants_behind", "text=\"%s\"", words.text);
			notary->grants.behind = true;
		}
		struct slice origin = ledger_origin(notary->ledger);
		log_event(LOG_LEVEL_INFO, "ledger_open", "origin=%.*s size=%llu", (int)origin.size, origin.data,
			  (unsigned long long)ledger_size(notary->ledger));
		return OK;
	}
	notary->ledger = NULL;
	if (code == ERR_BUSY) {
		notary->reopen_at_us = clock_monotonic_us() + NOTARY_PREDECESSOR_INTERVAL_MS * INT64_C(1000);
	}
	log_event(code == ERR_BUSY ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "ledger_closed", "reason=%s text=\"%s\"",
		  result_wire_name(code), words.text);
	if (code == ERR_CONFIG || code == ERR_ARGUMENT || code == ERR_PERMISSION || code == ERR_MEMORY) {
		return fault_set(fault, code, "%s", words.text);
	}
	return OK;
}

// A ledger that has stopped is given up and opened again: recovery decides what became of the disk.
static void leave_ledger(struct notary *notary)
{
	log_event(LOG_LEVEL_ERROR, "ledger_stopped", "reason=%s text=\"%s\"",
		  result_wire_name(ledger_state(notary->ledger)), ledger_state_text(notary->ledger));
	notary->state = ledger_state(notary->ledger);
	snprintf(notary->failed_shard, sizeof notary->failed_shard, "%s", ledger_failed_shard(notary->ledger));
	ledger_abandon(notary->ledger);
	notary->ledger = NULL;
	notary->reopen_at_us = clock_monotonic_us();
}

result notary_state(const struct notary *notary)
{
	if (notary->ledger) {
		return ledger_state(notary->ledger);
	}
	return notary->state == ERR_DISK_FULL ? ERR_DISK_FULL : ERR_LEDGER_CLOSED;
}

// Tells the workers when state or shard changed.
static void tell_state(struct notary *notary)
{
	result state = notary_state(notary);
	struct slice origin = notary->ledger ? ledger_origin(notary->ledger) : slice_of(NULL, 0);
	bool same_origin = origin.size == 0 || slice_is(origin, notary->told_origin);
	if (state == notary->state && same_origin) {
		return;
	}
	notary->state = state;
	if (origin.size > 0) {
		memcpy(notary->told_origin, origin.data, origin.size);
		notary->told_origin[origin.size] = '\0';
	}
	for (size_t i = 0; i < notary->worker_count; i++) {
		if (notary->workers[i].epoch != 0) {
			notary_say(notary, i, NOTARY_STATUS);
		}
	}
}

// What is due by time; microseconds until the next call.
static int64_t tend(struct notary *notary)
{
	int64_t due_us = -1;
	int64_t now_us = clock_monotonic_us();
	if (!notary->ledger && now_us >= notary->reopen_at_us) {
		result_ignore(open_ledger(notary, NULL));
	}
	if (notary->ledger) {
		due_us = ledger_tick(notary->ledger);
		if (ledger_must_reopen(notary->ledger)) {
			leave_ledger(notary);
			result_ignore(open_ledger(notary, NULL));
		}
	}
	if (notary->ledger && notary->grants.behind) {
		result code = grants_keeper_start(&notary->grants, notary->ledger, notary->config.directory, NULL);
		notary->grants.behind = code != OK;
		if (code == OK) {
			notary_tell_grants(notary);
		}
		due_us = code != OK && (due_us < 0 || due_us > 1000000) ? 1000000 : due_us;
	}
	tell_state(notary);
	if (!notary->ledger) {
		due_us = notary->reopen_at_us - clock_monotonic_us();
		due_us = due_us > 0 ? due_us : 0;
	}
	return due_us;
}

// ---- reading ----

// A new process speaks from this end: what the old one left open is sealed.
static void new_epoch(struct notary *notary, size_t worker, uint64_t epoch)
{
	notary_run_batch(notary);
	if (notary->ledger && notary->workers[worker].epoch != 0) {
		ledger_orphan(notary->ledger, (uint8_t)worker);
	}
	notary->workers[worker].epoch = epoch;
}

static void take_packet(struct notary *notary, size_t worker, struct slice bytes)
{
	struct notary_packet packet;
	struct notary_reader reader;
	struct notary_frame frame;
	result code = notary_packet_parse(bytes, NOTARY_FROM_WORKER, &packet, &reader);
	if (code == OK && packet.epoch != notary->workers[worker].epoch) {
		new_epoch(notary, worker, packet.epoch);
	}
	while (code == OK && (code = notary_frame_next(&reader, &frame)) == OK) {
		if (frame.kind == NOTARY_HELLO) {
			if (packet.to_epoch != notary->epoch) {
				notary_say(notary, worker, NOTARY_HELLO);
			}
		} else if (packet.to_epoch == notary->epoch) {
			notary_add_request(notary, worker, &frame);
		}
	}
	if (code != ERR_NOT_FOUND) {
		log_event(LOG_LEVEL_WARNING, "bad_packet", "worker=%zu bytes=%zu", worker, bytes.size);
	}
}

static void worker_gone(struct notary *notary, size_t worker)
{
	notary_run_batch(notary);
	if (notary->ledger) {
		ledger_orphan(notary->ledger, (uint8_t)worker);
	}
	notary->workers[worker].gone = true;
	log_event(LOG_LEVEL_INFO, "worker_gone", "worker=%zu", worker);
}

// Reads what a worker has sent, as far as the input has room.
static void read_worker(struct notary *notary, size_t worker)
{
	while (NOTARY_INPUT_MAX - notary->input_size >= NOTARY_PACKET_MAX) {
		uint8_t *to = notary->input + notary->input_size;
		// MSG_TRUNC: a packet that is too long shows its true size and is refused, not cut.
		ssize_t got = recv(notary->workers[worker].fd, to, NOTARY_PACKET_MAX, MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return;
		}
		if (got <= 0) {
			worker_gone(notary, worker);
			return;
		}
		if (got > NOTARY_PACKET_MAX) {
			log_event(LOG_LEVEL_WARNING, "bad_packet", "worker=%zu bytes=%zd", worker, got);
			continue;
		}
		notary->input_size += (size_t)got;
		take_packet(notary, worker, slice_of(to, (size_t)got));
	}
}

// ---- the loop ----

static size_t wait_for(const struct notary *notary, struct pollfd *waits, size_t *which)
{
	size_t count = 0;
	for (size_t i = 0; i < notary->worker_count; i++) {
		const struct notary_worker *worker = &notary->workers[i];
		if (worker->gone) {
			continue;
		}
		// A worker that does not take its answers may not ask for more.
		short events = worker->waiting_count < NOTARY_OUTPUT_MAX / 2 ? POLLIN : 0;
		events |= worker->waiting_count > 0 ? POLLOUT : 0;
		waits[count] = (struct pollfd){ .fd = worker->fd, .events = events };
		which[count++] = i;
	}
	return count;
}

static int poll_until(struct pollfd *waits, size_t count, int64_t due_us)
{
	struct timespec time = { .tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000 };
	sigset_t none;
	sigemptyset(&none);
	// The signals that end the notary are blocked except here: none is missed between looking and waiting.
	return ppoll(waits, count, due_us < 0 ? NULL : &time, &none);
}

static void read_all(struct notary *notary, const struct pollfd *waits, const size_t *which, size_t count)
{
	notary->input_size = 0;
	for (size_t i = 0; i < count; i++) {
		if (waits[i].revents & POLLOUT) {
			notary_send_waiting(notary, which[i]);
		}
		if (waits[i].revents & (POLLIN | POLLHUP | POLLERR)) {
			read_worker(notary, which[i]);
		}
	}
}

// Waits a little for a larger batch where that pays: only under load, never when idle.
static void gather(struct notary *notary, struct pollfd *waits, size_t *which)
{
	if (notary->tick_target == 0 || notary->record_count >= notary->tick_target ||
	    notary->last_batch + notary->record_count < notary->tick_target) {
		return;
	}
	size_t count = wait_for(notary, waits, which);
	if (poll_until(waits, count, notary->tick_most_us) > 0) {
		for (size_t i = 0; i < count; i++) {
			if (waits[i].revents & POLLIN) {
				read_worker(notary, which[i]);
			}
		}
	}
}

// A wait that finds packets at once leaves a signal pending, and under load every wait does.
static bool asked_to_stop(const struct notary *notary)
{
	sigset_t pending;
	return *notary->stop || (sigpending(&pending) == 0 &&
				 (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1));
}

static void serve(struct notary *notary)
{
	struct pollfd waits[NOTARY_WORKERS_MAX];
	size_t which[NOTARY_WORKERS_MAX];
	int64_t due_us = tend(notary);
	while (!asked_to_stop(notary)) {
		size_t count = wait_for(notary, waits, which);
		if (count == 0) {
			return;
		}
		if (poll_until(waits, count, due_us) > 0) {
			read_all(notary, waits, which, count);
			gather(notary, waits, which);
			notary_run_batch(notary);
		}
		due_us = tend(notary);
	}
}

result notary_run(struct notary *notary, struct fault *fault)
{
	result code = open_ledger(notary, fault);
	if (code != OK) {
		return code;
	}
	for (size_t i = 0; i < notary->worker_count; i++) {
		notary_say(notary, i, NOTARY_HELLO);
	}
	serve(notary);
	ledger_close(notary->ledger);
	notary->ledger = NULL;
	log_event(LOG_LEVEL_INFO, "notary_ended", "workers=%zu", notary->worker_count);
	return OK;
}
