// SPDX-License-Identifier: EUPL-1.2
//
// One batch: the frames that were read become records, the ledger commits them, each frame is answered. Look-ups and
// erasures come after the commit, so they see it.
#include "base/log.h"
#include "notary/notary_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

void notary_add_request(struct notary *notary, size_t worker, const struct notary_frame *frame)
{
	if (notary->request_count == NOTARY_REQUESTS_MAX) {
		notary_run_batch(notary);
	}
	struct notary_request *request = &notary->requests[notary->request_count++];
	*request = (struct notary_request){ .frame = *frame, .worker = (uint8_t)worker };
	if (frame->kind == NOTARY_APPEND) {
		request->record = (uint32_t)notary->record_count;
		notary->records[notary->record_count++] = (struct ledger_record){
			.type = frame->type,
			.owner = (uint8_t)worker,
			.want_seal = (frame->flags & NOTARY_WANT_SEAL) != 0,
			.body = frame->body,
			.attachment = frame->attachment,
			.private_part = frame->private_part,
			.salt = frame->salt,
		};
	}
}

// ---- packets out ----

static bool send_now(struct notary_worker *worker, const uint8_t *bytes, size_t size)
{
	for (;;) {
		ssize_t sent = send(worker->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)) {
			return true; // sent, or nobody will ever read it
		}
		if (errno != EINTR) {
			return false;
		}
	}
}

static void send_packet(struct notary *notary, size_t index, struct slice packet)
{
	struct notary_worker *worker = &notary->workers[index];
	if (packet.size == 0 || (worker->waiting_count == 0 && send_now(worker, packet.data, packet.size))) {
		return;
	}
	uint8_t *copy = worker->waiting_count < NOTARY_OUTPUT_MAX ? malloc(packet.size) : NULL;
	if (!copy) {
		// It asked for more than it reads; its calls stay unanswered until it starts anew.
		log_event(LOG_LEVEL_WARNING, "answers_dropped", "worker=%zu bytes=%zu", index, packet.size);
		return;
	}
	memcpy(copy, packet.data, packet.size);
	worker->waiting[worker->waiting_count].bytes = copy;
	worker->waiting[worker->waiting_count++].size = packet.size;
}

void notary_send_waiting(struct notary *notary, size_t index)
{
	struct notary_worker *worker = &notary->workers[index];
	size_t sent = 0;
	while (sent < worker->waiting_count &&
	       send_now(worker, worker->waiting[sent].bytes, worker->waiting[sent].size)) {
		free(worker->waiting[sent++].bytes);
	}
	worker->waiting_count -= sent;
	memmove(worker->waiting, worker->waiting + sent, worker->waiting_count * sizeof *worker->waiting);
}

static void begin_packet(struct notary *notary, size_t worker, const struct ledger_batch *batch)
{
	struct notary_packet head = {
		.sender = NOTARY_FROM_NOTARY,
		.epoch = notary->epoch,
		.to_epoch = notary->workers[worker].epoch,
		.note = batch ? batch->note : slice_of(NULL, 0),
		.upper = batch ? batch->upper : slice_of(NULL, 0),
	};
	notary_writer_begin(&notary->writer, notary->output, &head);
	notary->writer_worker = (uint8_t)worker;
}

static void end_packet(struct notary *notary)
{
	if (notary->writer.size > 0) {
		send_packet(notary, notary->writer_worker, notary_writer_end(&notary->writer));
	}
}

// Puts a frame into the packet for a worker, sending what was begun for another or is full.
static void put_frame(struct notary *notary, size_t worker, const struct ledger_batch *batch,
		      const struct notary_frame *frame)
{
	if (notary->writer.size > 0 && notary->writer_worker != worker) {
		end_packet(notary);
	}
	if (notary->writer.size == 0) {
		begin_packet(notary, worker, batch);
	}
	result code = notary_writer_put(&notary->writer, frame);
	if (code == ERR_BUSY) {
		end_packet(notary);
		begin_packet(notary, worker, batch);
		code = notary_writer_put(&notary->writer, frame);
	}
	if (code != OK) {
		log_event(LOG_LEVEL_ERROR, "answer_lost", "kind=%d reason=%s", (int)frame->kind,
			  result_wire_name(code));
	}
}

void notary_say(struct notary *notary, size_t worker, enum notary_frame_kind kind)
{
	struct notary_frame frame = {
		.kind = kind,
		.code = notary_state(notary),
		.version = NOTARY_FRAME_VERSION,
	};
	if (notary->ledger) {
		frame.size = ledger_size(notary->ledger);
		frame.origin = ledger_origin(notary->ledger);
	}
	end_packet(notary);
	put_frame(notary, worker, NULL, &frame);
	end_packet(notary);
}

// ---- answers ----

// A report, unless the worker has enough to read already.
static struct slice make_report(struct notary *notary, size_t worker, const struct ledger_record *record)
{
	buffer_clear(&notary->report);
	if (notary->ledger && notary->workers[worker].waiting_count < NOTARY_OUTPUT_MAX / 2 &&
	    ledger_report_existing(notary->ledger, record, &notary->report) == OK) {
		return buffer_slice(&notary->report);
	}
	return slice_of(NULL, 0);
}

static void answer_append(struct notary *notary, const struct notary_request *request, const struct ledger_batch *batch)
{
	const struct ledger_record *record = &notary->records[request->record];
	uint8_t path[MERKLE_PATH_MAX][DIGEST_SIZE];
	struct notary_frame frame = {
		.kind = NOTARY_APPENDED,
		.code = record->code,
		.token = request->frame.token,
	};
	if (record->code == OK) {
		frame.index = record->index;
		frame.time_us = record->time_us;
		frame.blinder = record->blinder;
		if (record->want_seal) {
			size_t hashes = ledger_lower_path(notary->ledger, record, path);
			frame.path = slice_of(path, hashes * DIGEST_SIZE);
		}
	} else if (record->code == ERR_REPLAYED || record->code == ERR_EXISTS) {
		frame.report = make_report(notary, request->worker, record);
	}
	put_frame(notary, request->worker, batch, &frame);
}

static void answer_lookup(struct notary *notary, const struct notary_request *request, const struct ledger_batch *batch)
{
	struct notary_frame frame = { .kind = NOTARY_LOOKED_UP, .token = request->frame.token };
	buffer_clear(&notary->report);
	frame.code = notary->ledger ? ledger_report(notary->ledger, request->frame.exchange_id, request->frame.client,
						    &notary->report)
				    : notary_state(notary);
	if (frame.code == OK) {
		frame.report = buffer_slice(&notary->report);
	}
	put_frame(notary, request->worker, batch, &frame);
}

static void answer_erase(struct notary *notary, const struct notary_request *request, const struct ledger_batch *batch)
{
	struct notary_frame frame = { .kind = NOTARY_ERASED, .token = request->frame.token };
	frame.code = notary->ledger ? ledger_erase(notary->ledger, request->frame.exchange_id, request->frame.client,
						   request->frame.flags, &frame.erased)
				    : notary_state(notary);
	put_frame(notary, request->worker, batch, &frame);
}

// ---- grants ----

void notary_tell_grants(struct notary *notary)
{
	for (size_t i = 0; i < notary->worker_count; i++) {
		struct notary_frame frame = {
			.kind = NOTARY_GRANTS_CHANGED,
			.size = ledger_size(notary->ledger),
		};
		if (notary->workers[i].epoch != 0) {
			put_frame(notary, i, NULL, &frame);
		}
	}
	end_packet(notary);
}

// Grants that were just recorded become the workers' rules before they are answered.
static void take_in_grants(struct notary *notary)
{
	bool changed = false;
	for (size_t i = 0; i < notary->record_count; i++) {
		const struct ledger_record *record = &notary->records[i];
		if (record->type != STATEMENT_GRANT || record->code != OK) {
			continue;
		}
		struct fault fault = { "" };
		changed = true;
		if (!notary->grants.grants ||
		    grants_keeper_apply(&notary->grants, record->index, record->leaf, &fault) != OK) {
			log_event(LOG_LEVEL_ERROR, "grant_not_taken_in", "index=%llu text=\"%s\"",
				  (unsigned long long)record->index, fault.text);
			notary->grants.behind = true;
		}
	}
	if (!changed || notary->grants.behind) {
		return;
	}
	struct fault fault = { "" };
	if (grants_keeper_save(&notary->grants, notary->ledger, notary->config.directory, &fault) != OK) {
		log_event(LOG_LEVEL_ERROR, "grants_not_saved", "text=\"%s\"", fault.text);
		notary->grants.behind = true; // tried again
		return;
	}
	notary_tell_grants(notary);
}

// ---- the batch ----

static void commit(struct notary *notary, struct ledger_batch *batch)
{
	result code = notary->ledger ? ledger_commit(notary->ledger, notary->records, notary->record_count, batch)
				     : notary_state(notary);
	if (code == OK) {
		take_in_grants(notary);
		return;
	}
	// Not answered with what the records would have come to: nothing of them is on record.
	*batch = (struct ledger_batch){ 0 };
	for (size_t i = 0; i < notary->record_count; i++) {
		result own = notary->records[i].code;
		notary->records[i].code = own == OK ? code : own;
	}
}

void notary_run_batch(struct notary *notary)
{
	struct ledger_batch batch = { 0 };
	if (notary->request_count == 0) {
		return;
	}
	if (notary->record_count > 0) {
		commit(notary, &batch);
	}
	for (size_t i = 0; i < notary->request_count; i++) {
		const struct notary_request *request = &notary->requests[i];
		switch (request->frame.kind) {
		case NOTARY_APPEND:
			answer_append(notary, request, &batch);
			break;
		case NOTARY_LOOKUP:
			answer_lookup(notary, request, NULL);
			break;
		case NOTARY_ERASE:
			answer_erase(notary, request, NULL);
			break;
		default:
			break;
		}
	}
	end_packet(notary);
	notary->last_batch = notary->record_count;
	notary->request_count = 0;
	notary->record_count = 0;
}
