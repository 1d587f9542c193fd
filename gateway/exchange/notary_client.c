// SPDX-License-Identifier: EUPL-1.2
#include "exchange/notary_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"

// A packet that the socket did not take yet.
struct queued_packet {
	struct queued_packet *next;
	size_t size;
	uint8_t data[];
};

struct notary_client {
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_call flush;
	struct notary_client_events events;
	int fd;
	uint64_t epoch;
	uint64_t notary_epoch; // 0: not up
	result state;
	char origin[IDENTIFIER_ORIGIN_MAX + 1];

	struct notary_call **slots; // calls under way by token
	uint32_t slot_count;
	uint32_t *free_slots; // stack
	uint32_t free_count;

	struct notary_writer writer; // packet of this turn
	struct queued_packet *queue;
	struct queued_packet **queue_end;
	size_t queue_length;
	struct queued_packet *spare; // for the packet under construction, should the socket not take it

	uint8_t out[NOTARY_PACKET_MAX];
	uint8_t in[NOTARY_PACKET_MAX];
};

static void on_ready(void *context, unsigned events);
static void flush(void *context);

// ---- packets out ---------------------------------------------------------------------------------------------------

static void begin_packet(struct notary_client *client)
{
	const struct notary_packet head = {
		.sender = NOTARY_FROM_WORKER,
		.epoch = client->epoch,
		.to_epoch = client->notary_epoch,
	};
	notary_writer_begin(&client->writer, client->out, &head);
}

static void drop_queue(struct notary_client *client)
{
	while (client->queue) {
		struct queued_packet *next = client->queue->next;
		free(client->queue);
		client->queue = next;
	}
	client->queue_end = &client->queue;
	client->queue_length = 0;
}

static void update_watch(struct notary_client *client)
{
	loop_watch_set(client->watch, client->queue ? LOOP_READABLE | LOOP_WRITABLE : LOOP_READABLE);
}

static bool send_packet(struct notary_client *client, struct slice packet)
{
	return send(client->fd, packet.data, packet.size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)packet.size;
}

// Sends what waits, oldest first; true when nothing is left.
static bool send_queue(struct notary_client *client)
{
	while (client->queue) {
		struct queued_packet *packet = client->queue;
		if (!send_packet(client, slice_of(packet->data, packet->size))) {
			return false;
		}
		client->queue = packet->next;
		client->queue_length--;
		free(packet);
	}
	client->queue_end = &client->queue;
	return true;
}

// Room for a packet before anything is put into it: one that were dropped later would leave its calls waiting for ever.
static result reserve_packet(struct notary_client *client)
{
	if (client->queue_length >= NOTARY_CLIENT_QUEUE_MAX) {
		return ERR_BUSY;
	}
	if (!client->spare) {
		client->spare = malloc(sizeof *client->spare + NOTARY_PACKET_MAX);
	}
	return client->spare ? OK : ERR_MEMORY;
}

// Ends the packet under construction and sends it, or keeps it until the socket takes it.
static void finish_packet(struct notary_client *client)
{
	struct slice packet = notary_writer_end(&client->writer);
	if (packet.size == 0 || (send_queue(client) && send_packet(client, packet))) {
		return;
	}
	struct queued_packet *kept = client->spare;
	client->spare = NULL;
	*kept = (struct queued_packet){ .size = packet.size };
	memcpy(kept->data, packet.data, packet.size);
	*client->queue_end = kept;
	client->queue_end = &kept->next;
	client->queue_length++;
}

static result put_frame(struct notary_client *client, const struct notary_frame *frame)
{
	result code = reserve_packet(client);
	if (code != OK) {
		return code;
	}
	if (client->writer.size == 0) {
		begin_packet(client);
	}
	code = notary_writer_put(&client->writer, frame);
	if (code == ERR_BUSY) {
		finish_packet(client);
		code = reserve_packet(client);
		if (code == OK) {
			begin_packet(client);
			code = notary_writer_put(&client->writer, frame);
		}
	}
	if (code == OK) {
		loop_flush_register(&client->flush);
	}
	return code;
}

// ---- calls ---------------------------------------------------------------------------------------------------------

static result grow_slots(struct notary_client *client)
{
	uint32_t count = client->slot_count ? client->slot_count * 2 : 1024;
	if (count > NOTARY_CLIENT_CALLS_MAX) {
		return ERR_BUSY;
	}
	struct notary_call **slots = realloc(client->slots, count * sizeof(struct notary_call *));
	if (!slots) {
		return ERR_MEMORY;
	}
	client->slots = slots;
	uint32_t *free_slots = realloc(client->free_slots, count * sizeof *free_slots);
	if (!free_slots) {
		return ERR_MEMORY;
	}
	client->free_slots = free_slots;
	for (uint32_t i = count; i > client->slot_count; i--) {
		slots[i - 1] = NULL;
		free_slots[client->free_count++] = i - 1;
	}
	client->slot_count = count;
	return OK;
}

static void release_slot(struct notary_client *client, struct notary_call *call)
{
	client->slots[call->slot] = NULL;
	client->free_slots[client->free_count++] = call->slot;
	call->under_way = false;
}

static void end_call(struct notary_call *call, result code)
{
	const struct notary_answer answer = { .code = code };
	call->done(call->context, &answer);
}

static void start_call(struct notary_client *client, struct notary_call *call, struct notary_frame *frame,
		       void (*done)(void *context, const struct notary_answer *answer), void *context)
{
	assert_always(!call->under_way);
	*call = (struct notary_call){ .done = done, .context = context };
	result code = client->notary_epoch ? OK : ERR_NOTARY_UNAVAILABLE;
	if (code == OK && client->free_count == 0) {
		code = grow_slots(client);
	}
	if (code != OK) {
		end_call(call, code);
		return;
	}
	call->slot = client->free_slots[--client->free_count];
	call->under_way = true;
	client->slots[call->slot] = call;
	frame->token = call->slot;
	code = put_frame(client, frame);
	if (code != OK) {
		release_slot(client, call);
		end_call(call, code);
	}
}

void notary_client_append(struct notary_client *client, struct notary_call *call, const struct notary_record *record,
			  void (*done)(void *context, const struct notary_answer *answer), void *context)
{
	struct notary_frame frame = {
		.kind = NOTARY_APPEND,
		.flags = record->want_seal ? NOTARY_WANT_SEAL : 0,
		.type = record->type,
		.body = record->body,
		.attachment = record->attachment,
		.private_part = record->private_part,
	};
	start_call(client, call, &frame, done, context);
}

void notary_client_lookup(struct notary_client *client, struct notary_call *call,
			  const uint8_t exchange_id[IDENTIFIER_UUID_SIZE], struct slice client_member,
			  void (*done)(void *context, const struct notary_answer *answer), void *context)
{
	struct notary_frame frame = { .kind = NOTARY_LOOKUP, .exchange_id = exchange_id, .client = client_member };
	start_call(client, call, &frame, done, context);
}

// ---- packets in ----------------------------------------------------------------------------------------------------

static void say_hello(struct notary_client *client)
{
	const struct notary_frame hello = { .kind = NOTARY_HELLO, .version = NOTARY_FRAME_VERSION };
	result_ignore(put_frame(client, &hello)); // an empty packet has room
}

// The notary died, with it every call under way.
static void void_calls(struct notary_client *client)
{
	client->writer.size = 0;
	drop_queue(client);
	for (uint32_t slot = 0; slot < client->slot_count; slot++) {
		struct notary_call *call = client->slots[slot];
		if (call) {
			release_slot(client, call);
			end_call(call, ERR_NOTARY_UNAVAILABLE);
		}
	}
}

static void take_status(struct notary_client *client, const struct notary_frame *frame)
{
	client->state = frame->code;
	if (frame->origin.size > 0 && frame->origin.size < sizeof client->origin) {
		memcpy(client->origin, frame->origin.data, frame->origin.size);
		client->origin[frame->origin.size] = '\0';
	}
	client->events.on_status(client->events.context);
}

static void take_answer(struct notary_client *client, const struct notary_packet *packet,
			const struct notary_frame *frame)
{
	struct notary_call *call = frame->token < client->slot_count ? client->slots[frame->token] : NULL;
	if (!call) {
		return;
	}
	release_slot(client, call);
	const struct notary_answer answer = {
		.code = frame->code,
		.index = frame->index,
		.time_us = frame->time_us,
		.blinder = frame->blinder,
		.path = frame->path,
		.upper = packet->upper,
		.note = packet->note,
		.report = frame->report,
		.erased = frame->erased,
	};
	call->done(call->context, &answer);
}

static void take_frame(struct notary_client *client, const struct notary_packet *packet,
		       const struct notary_frame *frame)
{
	switch (frame->kind) {
	case NOTARY_HELLO:
		if (packet->to_epoch != client->epoch) {
			say_hello(client);
		}
		take_status(client, frame);
		break;
	case NOTARY_STATUS:
		take_status(client, frame);
		break;
	case NOTARY_GRANTS_CHANGED:
		client->events.on_grants(client->events.context);
		break;
	default:
		take_answer(client, packet, frame);
		break;
	}
}

static void take_packet(struct notary_client *client, struct slice bytes)
{
	struct notary_packet packet;
	struct notary_reader reader;
	if (notary_packet_parse(bytes, NOTARY_FROM_NOTARY, &packet, &reader) != OK) {
		return;
	}
	if (packet.epoch != client->notary_epoch) {
		client->notary_epoch = 0; // calls made while voiding must not join the new notary's
		client->state = ERR_NOTARY_UNAVAILABLE;
		void_calls(client);
		client->notary_epoch = packet.epoch;
	}
	bool for_us = packet.to_epoch == client->epoch;
	struct notary_frame frame;
	while (notary_frame_next(&reader, &frame) == OK) {
		if (for_us || frame.kind == NOTARY_HELLO) {
			take_frame(client, &packet, &frame);
		}
	}
}

static void on_ready(void *context, unsigned events)
{
	struct notary_client *client = context;
	if ((events & LOOP_WRITABLE) && client->queue) {
		send_queue(client);
		update_watch(client);
	}
	if (!(events & LOOP_READABLE)) {
		return;
	}
	for (;;) {
		ssize_t got = recv(client->fd, client->in, sizeof client->in, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return; // nothing more; the supervisor keeps the other end open, so there is no end of file
		}
		take_packet(client, slice_of(client->in, (size_t)got));
	}
}

static void flush(void *context)
{
	struct notary_client *client = context;
	finish_packet(client);
	update_watch(client);
}

// ---- life ----------------------------------------------------------------------------------------------------------

result notary_client_new(struct loop *loop, int fd, const struct notary_client_events *events,
			 struct notary_client **ret_client, struct fault *fault)
{
	struct notary_client *client = calloc(1, sizeof *client);
	if (!client) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	client->loop = loop;
	client->fd = fd;
	client->events = *events;
	client->state = ERR_NOTARY_UNAVAILABLE;
	client->queue_end = &client->queue;
	while (client->epoch == 0) {
		random_bytes(&client->epoch, sizeof client->epoch);
	}
	loop_flush_init(&client->flush, loop, flush, client);
	result code = loop_watch_new(loop, fd, on_ready, client, &client->watch);
	if (code != OK) {
		free(client);
		return fault_set(fault, code, "cannot watch the notary's socket: %s", result_text(code));
	}
	loop_watch_set(client->watch, LOOP_READABLE);
	say_hello(client);
	*ret_client = client;
	return OK;
}

void notary_client_free(struct notary_client *client)
{
	if (!client) {
		return;
	}
	loop_call_cancel(&client->flush);
	loop_watch_free(client->watch);
	drop_queue(client);
	free(client->spare);
	free(client->slots);
	free(client->free_slots);
	close(client->fd);
	free(client);
}

result notary_client_state(const struct notary_client *client)
{
	return client->state;
}

struct slice notary_client_origin(const struct notary_client *client)
{
	return slice_text(client->origin);
}
