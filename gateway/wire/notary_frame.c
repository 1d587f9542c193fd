// SPDX-License-Identifier: EUPL-1.2
//
// One description of each frame serves both directions: its fixed fields are read and written by hand, its variable
// bytes through `struct part`, which names the slice, and the bounds of its length.
#include "wire/notary_frame.h"

static const uint32_t magic = 0x31464e42; // "BNF1"

enum { HASH_SIZE = 32, UPPER_MAX = 64 };

// ---- little-endian fields ----

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) | (uint32_t)get16(at + 2) << 16;
}

static uint64_t get64(const uint8_t *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)value);
	put16(at + 2, (uint16_t)(value >> 16));
}

static void put64(uint8_t *at, uint64_t value)
{
	put32(at, (uint32_t)value);
	put32(at + 4, (uint32_t)(value >> 32));
}

// ---- shape of the frames ----

// The bytes between frame head and variable part. 0: no such frame from this sender.
static size_t fixed_size(enum notary_sender sender, uint8_t kind)
{
	bool worker = sender == NOTARY_FROM_WORKER;
	switch (kind) {
	case NOTARY_HELLO:
		return 12;
	case NOTARY_STATUS:
		return worker ? 0 : 12;
	case NOTARY_APPEND:
		return worker ? 20 : 0;
	case NOTARY_LOOKUP:
	case NOTARY_ERASE:
		return worker ? IDENTIFIER_UUID_SIZE : 0;
	case NOTARY_APPENDED:
		return worker ? 0 : 40;
	case NOTARY_LOOKED_UP:
		return worker ? 0 : 4;
	case NOTARY_ERASED:
		return worker ? 0 : 4;
	case NOTARY_GRANTS_CHANGED:
		return worker ? 0 : 8;
	default:
		return 0;
	}
}

static uint8_t known_flags(uint8_t kind)
{
	switch (kind) {
	case NOTARY_APPEND:
		return NOTARY_WANT_SEAL;
	case NOTARY_ERASE:
		return NOTARY_ERASE_PRIVATE | NOTARY_ERASE_SALT;
	default:
		return 0;
	}
}

// Bounds of what a frame holds: the same for reading and writing.
static bool within_bounds(enum notary_sender sender, const struct notary_frame *frame)
{
	switch (frame->kind) {
	case NOTARY_HELLO:
	case NOTARY_STATUS:
		return frame->origin.size == 0 || (sender == NOTARY_FROM_NOTARY && identifier_is_origin(frame->origin));
	case NOTARY_APPEND:
		return frame->type > STATEMENT_NONE && frame->type < STATEMENT_TYPE_COUNT &&
		       frame->body.size <= STATEMENT_BODY_MAX && frame->attachment.size <= NOTARY_ATTACHMENT_MAX &&
		       frame->private_part.size <= CONTENT_PRIVATE_MAX &&
		       (frame->salt.size == 0 || frame->salt.size == CONTENT_SALT_SIZE);
	case NOTARY_APPENDED:
		return frame->path.size <= NOTARY_PATH_MAX && frame->path.size % HASH_SIZE == 0 &&
		       frame->report.size <= NOTARY_REPORT_MAX;
	case NOTARY_LOOKED_UP:
		return frame->report.size <= NOTARY_REPORT_MAX;
	case NOTARY_LOOKUP:
	case NOTARY_ERASE:
		return frame->client.size == 0 || identifier_is_member(frame->client);
	default:
		return true;
	}
}

// ---- reading ----

static result parse_shared(struct slice shared, struct notary_packet *packet)
{
	if (shared.size == 0) {
		return OK;
	}
	if (shared.size < 8 || packet->sender != NOTARY_FROM_NOTARY) {
		return ERR_PROTOCOL;
	}
	size_t upper = (size_t)get16(shared.data) * HASH_SIZE;
	size_t note = get32(shared.data + 4);
	if (get16(shared.data) > UPPER_MAX || get16(shared.data + 2) != 0 || note > ENVELOPE_CHECKPOINT_MAX ||
	    shared.size != 8 + upper + note) {
		return ERR_PROTOCOL;
	}
	packet->upper = slice_of(shared.data + 8, upper);
	packet->note = slice_of(shared.data + 8 + upper, note);
	return OK;
}

result notary_packet_parse(struct slice packet, enum notary_sender sender, struct notary_packet *ret_packet,
			   struct notary_reader *ret_reader)
{
	if (packet.size > NOTARY_PACKET_MAX) {
		return ERR_LIMIT;
	}
	if (packet.size < NOTARY_PACKET_HEADER_SIZE || get32(packet.data) != magic ||
	    get16(packet.data + 4) != (uint16_t)sender || get16(packet.data + 6) != 0) {
		return ERR_PROTOCOL;
	}
	struct notary_packet parsed = {
		.sender = sender,
		.epoch = get64(packet.data + 8),
		.to_epoch = get64(packet.data + 16),
		.frame_count = get32(packet.data + 24),
	};
	size_t shared = get32(packet.data + 28);
	struct slice rest = slice_skip(packet, NOTARY_PACKET_HEADER_SIZE);
	if (shared > rest.size || parsed.epoch == 0 ||
	    parsed.frame_count > (rest.size - shared) / NOTARY_FRAME_HEADER_SIZE) {
		return ERR_PROTOCOL;
	}
	result code = parse_shared(slice_of(rest.data, shared), &parsed);
	if (code != OK) {
		return code;
	}
	*ret_reader = (struct notary_reader){
		.rest = slice_skip(rest, shared),
		.left = parsed.frame_count,
		.sender = sender,
	};
	*ret_packet = parsed;
	return OK;
}

// Takes `size` bytes off the front; the caller has checked that they are there.
static struct slice take(struct slice *rest, size_t size)
{
	struct slice taken = slice_of(rest->data, size);
	*rest = slice_skip(*rest, size);
	return taken;
}

static result read_append(const uint8_t *fixed, struct slice rest, struct notary_frame *frame)
{
	uint64_t sizes[4] = { get32(fixed + 4), get32(fixed + 8), get32(fixed + 12), get32(fixed + 16) };
	if (fixed[1] != 0 || fixed[2] != 0 || fixed[3] != 0 || sizes[0] + sizes[1] + sizes[2] + sizes[3] != rest.size) {
		return ERR_PROTOCOL;
	}
	frame->type = fixed[0];
	frame->body = take(&rest, sizes[0]);
	frame->attachment = take(&rest, sizes[1]);
	frame->private_part = take(&rest, sizes[2]);
	frame->salt = take(&rest, sizes[3]);
	return OK;
}

static result read_appended(const uint8_t *fixed, struct slice rest, struct notary_frame *frame)
{
	uint64_t path = (uint64_t)get32(fixed + 32) * HASH_SIZE;
	uint64_t report = get32(fixed + 36);
	if (path + report != rest.size) {
		return ERR_PROTOCOL;
	}
	frame->index = get64(fixed);
	frame->time_us = (int64_t)get64(fixed + 8);
	frame->blinder = fixed + 16;
	frame->path = take(&rest, path);
	frame->report = rest;
	return OK;
}

static result read_body(const uint8_t *fixed, struct slice rest, struct notary_frame *frame)
{
	switch (frame->kind) {
	case NOTARY_HELLO:
	case NOTARY_STATUS:
		frame->version = get32(fixed);
		frame->size = get64(fixed + 4);
		frame->origin = rest;
		return OK;
	case NOTARY_APPEND:
		return read_append(fixed, rest, frame);
	case NOTARY_APPENDED:
		return read_appended(fixed, rest, frame);
	case NOTARY_LOOKUP:
	case NOTARY_ERASE:
		frame->exchange_id = fixed;
		frame->client = rest;
		return OK;
	case NOTARY_LOOKED_UP:
		frame->report = rest;
		return get32(fixed) == rest.size ? OK : ERR_PROTOCOL;
	case NOTARY_ERASED:
		frame->erased = get32(fixed);
		return rest.size == 0 ? OK : ERR_PROTOCOL;
	case NOTARY_GRANTS_CHANGED:
		frame->size = get64(fixed);
		return rest.size == 0 ? OK : ERR_PROTOCOL;
	default:
		return ERR_PROTOCOL;
	}
}

result notary_frame_next(struct notary_reader *reader, struct notary_frame *ret_frame)
{
	if (reader->left == 0) {
		return reader->rest.size == 0 ? ERR_NOT_FOUND : ERR_PROTOCOL;
	}
	const uint8_t *head = reader->rest.data;
	if (reader->rest.size < NOTARY_FRAME_HEADER_SIZE) {
		return ERR_PROTOCOL;
	}
	size_t size = get32(head);
	uint8_t kind = head[4];
	uint8_t flags = head[5];
	uint16_t code = get16(head + 6);
	size_t fixed = fixed_size(reader->sender, kind);
	if (fixed == 0 || size > reader->rest.size || size < NOTARY_FRAME_HEADER_SIZE + fixed ||
	    (flags & ~known_flags(kind)) != 0 || code >= RESULT_COUNT ||
	    (code != OK && reader->sender == NOTARY_FROM_WORKER)) {
		return ERR_PROTOCOL;
	}
	struct notary_frame frame = {
		.kind = kind,
		.flags = flags,
		.code = (result)code,
		.token = get64(head + 8),
	};
	struct slice rest = slice_of(head + NOTARY_FRAME_HEADER_SIZE + fixed, size - NOTARY_FRAME_HEADER_SIZE - fixed);
	result read = read_body(head + NOTARY_FRAME_HEADER_SIZE, rest, &frame);
	if (read != OK || !within_bounds(reader->sender, &frame)) {
		return ERR_PROTOCOL;
	}
	reader->rest = slice_skip(reader->rest, size);
	reader->left--;
	*ret_frame = frame;
	return OK;
}

// ---- writing ----

static uint8_t *put_bytes(uint8_t *at, struct slice bytes)
{
	if (bytes.size > 0) {
		memcpy(at, bytes.data, bytes.size);
	}
	return at + bytes.size;
}

void notary_writer_begin(struct notary_writer *writer, uint8_t data[NOTARY_PACKET_MAX],
			 const struct notary_packet *head)
{
	assert_always(head->upper.size <= UPPER_MAX * HASH_SIZE && head->upper.size % HASH_SIZE == 0 &&
		      head->note.size <= ENVELOPE_CHECKPOINT_MAX);
	bool has_shared = head->note.size > 0;
	size_t shared = has_shared ? 8 + head->upper.size + head->note.size : 0;
	put32(data, magic);
	put16(data + 4, (uint16_t)head->sender);
	put16(data + 6, 0);
	put64(data + 8, head->epoch);
	put64(data + 16, head->to_epoch);
	put32(data + 24, 0);
	put32(data + 28, (uint32_t)shared);
	uint8_t *at = data + NOTARY_PACKET_HEADER_SIZE;
	if (has_shared) {
		put16(at, (uint16_t)(head->upper.size / HASH_SIZE));
		put16(at + 2, 0);
		put32(at + 4, (uint32_t)head->note.size);
		at = put_bytes(at + 8, head->upper);
		put_bytes(at, head->note);
	}
	*writer = (struct notary_writer){ .data = data, .size = NOTARY_PACKET_HEADER_SIZE + shared };
}

static size_t variable_size(const struct notary_frame *frame)
{
	switch (frame->kind) {
	case NOTARY_HELLO:
	case NOTARY_STATUS:
		return frame->origin.size;
	case NOTARY_APPEND:
		return frame->body.size + frame->attachment.size + frame->private_part.size + frame->salt.size;
	case NOTARY_APPENDED:
		return frame->path.size + frame->report.size;
	case NOTARY_LOOKED_UP:
		return frame->report.size;
	case NOTARY_LOOKUP:
	case NOTARY_ERASE:
		return frame->client.size;
	default:
		return 0;
	}
}

static void write_append(uint8_t *at, const struct notary_frame *frame)
{
	put32(at, (uint32_t)frame->type);
	put32(at + 4, (uint32_t)frame->body.size);
	put32(at + 8, (uint32_t)frame->attachment.size);
	put32(at + 12, (uint32_t)frame->private_part.size);
	put32(at + 16, (uint32_t)frame->salt.size);
	at = put_bytes(at + 20, frame->body);
	at = put_bytes(at, frame->attachment);
	at = put_bytes(at, frame->private_part);
	put_bytes(at, frame->salt);
}

static void write_appended(uint8_t *at, const struct notary_frame *frame)
{
	put64(at, frame->index);
	put64(at + 8, (uint64_t)frame->time_us);
	if (frame->blinder) {
		memcpy(at + 16, frame->blinder, NOTARY_BLINDER_SIZE);
	} else {
		memset(at + 16, 0, NOTARY_BLINDER_SIZE);
	}
	put32(at + 32, (uint32_t)(frame->path.size / HASH_SIZE));
	put32(at + 36, (uint32_t)frame->report.size);
	put_bytes(put_bytes(at + 40, frame->path), frame->report);
}

static void write_body(uint8_t *at, const struct notary_frame *frame)
{
	switch (frame->kind) {
	case NOTARY_HELLO:
	case NOTARY_STATUS:
		put32(at, frame->version);
		put64(at + 4, frame->size);
		put_bytes(at + 12, frame->origin);
		break;
	case NOTARY_APPEND:
		write_append(at, frame);
		break;
	case NOTARY_APPENDED:
		write_appended(at, frame);
		break;
	case NOTARY_LOOKUP:
	case NOTARY_ERASE:
		memcpy(at, frame->exchange_id, IDENTIFIER_UUID_SIZE);
		put_bytes(at + IDENTIFIER_UUID_SIZE, frame->client);
		break;
	case NOTARY_LOOKED_UP:
		put32(at, (uint32_t)frame->report.size);
		put_bytes(at + 4, frame->report);
		break;
	case NOTARY_ERASED:
		put32(at, frame->erased);
		break;
	case NOTARY_GRANTS_CHANGED:
		put64(at, frame->size);
		break;
	}
}

result notary_writer_put(struct notary_writer *writer, const struct notary_frame *frame)
{
	enum notary_sender sender = (enum notary_sender)get16(writer->data + 4);
	size_t fixed = fixed_size(sender, (uint8_t)frame->kind);
	if (fixed == 0 || (frame->flags & ~known_flags((uint8_t)frame->kind)) != 0 ||
	    (frame->code != OK && sender == NOTARY_FROM_WORKER) || !within_bounds(sender, frame)) {
		return ERR_ARGUMENT;
	}
	size_t size = NOTARY_FRAME_HEADER_SIZE + fixed + variable_size(frame);
	if (size > NOTARY_PACKET_MAX - writer->size) {
		return writer->frame_count > 0 ? ERR_BUSY : ERR_LIMIT;
	}
	uint8_t *at = writer->data + writer->size;
	put32(at, (uint32_t)size);
	at[4] = (uint8_t)frame->kind;
	at[5] = frame->flags;
	put16(at + 6, (uint16_t)frame->code);
	put64(at + 8, frame->token);
	write_body(at + NOTARY_FRAME_HEADER_SIZE, frame);
	writer->size += size;
	writer->frame_count++;
	return OK;
}

struct slice notary_writer_end(struct notary_writer *writer)
{
	if (writer->size == 0 || writer->frame_count == 0) {
		writer->size = 0;
		return slice_of(NULL, 0);
	}
	put32(writer->data + 24, writer->frame_count);
	struct slice packet = slice_of(writer->data, writer->size);
	writer->size = 0;
	writer->frame_count = 0;
	return packet;
}
