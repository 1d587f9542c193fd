// SPDX-License-Identifier: EUPL-1.2
//
// Frames between worker and notary: there and back, full packets, and every altered packet refused or read within
// bounds.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "wire/notary_frame.h"

#include <stdlib.h>

static uint8_t packet_bytes[NOTARY_PACKET_MAX];
static const uint8_t hashes[128] = "some hashes";

static void begin(struct notary_writer *writer, enum notary_sender sender)
{
	struct notary_packet head = { .sender = sender, .epoch = 7, .to_epoch = 9 };
	if (sender == NOTARY_FROM_NOTARY) {
		head.note = slice_text("a note");
		head.upper = slice_of(hashes, 64);
	}
	notary_writer_begin(writer, packet_bytes, &head);
}

static struct slice worker_packet(void)
{
	struct notary_writer writer;
	begin(&writer, NOTARY_FROM_WORKER);
	struct notary_frame frame = { .kind = NOTARY_HELLO, .version = NOTARY_FRAME_VERSION };
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame = (struct notary_frame){
		.kind = NOTARY_APPEND,
		.flags = NOTARY_WANT_SEAL,
		.token = 77,
		.type = STATEMENT_RECEIVED,
		.body = slice_text("a body"),
		.attachment = slice_text("an attachment"),
		.private_part = slice_text("private"),
		.salt = slice_of(hashes, 32),
	};
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame = (struct notary_frame){
		.kind = NOTARY_LOOKUP,
		.token = 78,
		.exchange_id = hashes,
		.client = slice_text("XK/GOV/ARC"),
	};
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame.kind = NOTARY_ERASE;
	frame.flags = NOTARY_ERASE_SALT;
	frame.client = slice_of(NULL, 0);
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	return notary_writer_end(&writer);
}

static struct slice notary_packet(void)
{
	struct notary_writer writer;
	begin(&writer, NOTARY_FROM_NOTARY);
	struct notary_frame frame = {
		.kind = NOTARY_STATUS,
		.code = ERR_DISK_FULL,
		.version = NOTARY_FRAME_VERSION,
		.origin = slice_text("besa/XK/GOV/ARC/gw1/2026"),
		.size = 5,
	};
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame = (struct notary_frame){
		.kind = NOTARY_APPENDED,
		.code = ERR_REPLAYED,
		.token = 1,
		.index = 2,
		.time_us = 3,
		.blinder = hashes,
		.path = slice_of(hashes, 96),
		.report = slice_text("a report"),
	};
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame = (struct notary_frame){ .kind = NOTARY_LOOKED_UP, .code = ERR_NOT_FOUND };
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame = (struct notary_frame){ .kind = NOTARY_ERASED, .erased = 2 };
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	frame = (struct notary_frame){ .kind = NOTARY_GRANTS_CHANGED, .size = 9 };
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	return notary_writer_end(&writer);
}

static void test_there_and_back(void **state)
{
	(void)state;
	struct notary_packet packet;
	struct notary_reader reader;
	struct notary_frame frame;
	assert_int_equal(notary_packet_parse(worker_packet(), NOTARY_FROM_WORKER, &packet, &reader), OK);
	assert_true(packet.epoch == 7 && packet.to_epoch == 9 && packet.frame_count == 4 && packet.note.size == 0);
	assert_int_equal(notary_frame_next(&reader, &frame), OK);
	assert_int_equal(frame.kind, NOTARY_HELLO);
	assert_int_equal(notary_frame_next(&reader, &frame), OK);
	assert_true(frame.kind == NOTARY_APPEND && frame.token == 77 && frame.flags == NOTARY_WANT_SEAL &&
		    frame.type == STATEMENT_RECEIVED && slice_is(frame.body, "a body") &&
		    slice_is(frame.attachment, "an attachment") && slice_is(frame.private_part, "private") &&
		    slice_equal(frame.salt, slice_of(hashes, 32)));
	assert_int_equal(notary_frame_next(&reader, &frame), OK);
	assert_true(frame.kind == NOTARY_LOOKUP && slice_is(frame.client, "XK/GOV/ARC") &&
		    memcmp(frame.exchange_id, hashes, 16) == 0);
	assert_int_equal(notary_frame_next(&reader, &frame), OK);
	assert_true(frame.kind == NOTARY_ERASE && frame.flags == NOTARY_ERASE_SALT && frame.client.size == 0);
	assert_int_equal(notary_frame_next(&reader, &frame), ERR_NOT_FOUND);

	assert_int_equal(notary_packet_parse(notary_packet(), NOTARY_FROM_NOTARY, &packet, &reader), OK);
	assert_true(slice_is(packet.note, "a note") && slice_equal(packet.upper, slice_of(hashes, 64)));
	assert_int_equal(notary_frame_next(&reader, &frame), OK);
	assert_true(frame.kind == NOTARY_STATUS && frame.code == ERR_DISK_FULL && frame.size == 5);
	assert_int_equal(notary_frame_next(&reader, &frame), OK);
	assert_true(frame.code == ERR_REPLAYED && frame.index == 2 && frame.time_us == 3 && frame.path.size == 96 &&
		    slice_is(frame.report, "a report") && memcmp(frame.blinder, hashes, 16) == 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(notary_frame_next(&reader, &frame), OK);
	}
	assert_int_equal(notary_frame_next(&reader, &frame), ERR_NOT_FOUND);
}

static void test_the_other_side_may_not(void **state)
{
	(void)state;
	struct notary_packet packet;
	struct notary_reader reader;
	assert_int_equal(notary_packet_parse(worker_packet(), NOTARY_FROM_NOTARY, &packet, &reader), ERR_PROTOCOL);
	assert_int_equal(notary_packet_parse(notary_packet(), NOTARY_FROM_WORKER, &packet, &reader), ERR_PROTOCOL);
	struct notary_writer writer;
	begin(&writer, NOTARY_FROM_WORKER);
	struct notary_frame frame = { .kind = NOTARY_APPENDED };
	assert_int_equal(notary_writer_put(&writer, &frame), ERR_ARGUMENT);
	frame = (struct notary_frame){ .kind = NOTARY_APPEND, .type = STATEMENT_NONE };
	assert_int_equal(notary_writer_put(&writer, &frame), ERR_ARGUMENT);
	frame = (struct notary_frame){ .kind = NOTARY_APPEND, .type = STATEMENT_REQUEST, .salt = slice_of(hashes, 31) };
	assert_int_equal(notary_writer_put(&writer, &frame), ERR_ARGUMENT);
	assert_int_equal(notary_writer_end(&writer).size, 0);
}

static void test_full_packet(void **state)
{
	(void)state;
	static uint8_t large[60000];
	struct notary_writer writer;
	begin(&writer, NOTARY_FROM_WORKER);
	struct notary_frame frame = {
		.kind = NOTARY_APPEND,
		.type = STATEMENT_REQUEST,
		.body = slice_of(large, sizeof large),
	};
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	assert_int_equal(notary_writer_put(&writer, &frame), OK);
	assert_int_equal(notary_writer_put(&writer, &frame), ERR_BUSY);
	struct slice packet = notary_writer_end(&writer);
	assert_true(packet.size > 2 * sizeof large && packet.size <= NOTARY_PACKET_MAX);
}

// Reads everything a packet holds; touching each byte shows a sanitiser what lies outside.
static void read_whole(struct slice bytes, enum notary_sender sender)
{
	struct notary_packet packet;
	struct notary_reader reader;
	struct notary_frame frame;
	if (notary_packet_parse(bytes, sender, &packet, &reader) != OK) {
		return;
	}
	while (notary_frame_next(&reader, &frame) == OK) {
		const struct slice parts[] = { frame.origin, frame.body, frame.attachment, frame.private_part,
					       frame.salt,   frame.path, frame.report,     frame.client };
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
			assert_true(parts[i].size == 0 || (parts[i].data >= bytes.data &&
							   parts[i].data + parts[i].size <= bytes.data + bytes.size));
		}
	}
}

static void test_altered_packets_stay_within_bounds(void **state)
{
	(void)state;
	for (int round = 0; round < 40000; round++) {
		enum notary_sender sender = round % 2 ? NOTARY_FROM_WORKER : NOTARY_FROM_NOTARY;
		struct slice packet = sender == NOTARY_FROM_WORKER ? worker_packet() : notary_packet();
		uint32_t dice[4];
		random_bytes(dice, sizeof dice);
		size_t size = dice[0] % 4 == 0 ? dice[1] % (packet.size + 1) : packet.size;
		uint8_t *copy = malloc(size + 1); // exactly as large: reading beyond shows
		memcpy(copy, packet.data, size);
		if (size > 0) {
			copy[dice[2] % size] ^= (uint8_t)(dice[3] | 1);
		}
		read_whole(slice_of(copy, size), sender);
		free(copy);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_the_other_side_may_not),
		cmocka_unit_test(test_full_packet),
		cmocka_unit_test(test_altered_packets_stay_within_bounds),
	};
	return cmocka_run_group_tests_name("notary frames", tests, NULL, NULL);
}
