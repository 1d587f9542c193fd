// SPDX-License-Identifier: EUPL-1.2
//
// Peers that attack: each known flood ends with GOAWAY or a closed socket, memory stays flat, other connections are not
// disturbed.
//
// The peer is a thread that writes raw frames and reads what comes back. Frames: RFC 9113 section 4.1; field lines: RFC
// 7541.
#include "h2_testing.h"

#include "base/random.h"
#include "net/grpc_call.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

// ---- scripts ------------------------------------------------------------------------------------------------------

enum {
	HEADERS = 1,
	PRIORITY = 2,
	RST_STREAM = 3,
	SETTINGS = 4,
	PING = 6,
	GOAWAY = 7,
	WINDOW_UPDATE = 8,
	CONTINUATION = 9
};
enum { END_STREAM = 1, END_HEADERS = 4 };

static void frame(struct buffer *out, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
	const uint8_t head[] = { (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags };
	buffer_append(out, head, sizeof head);
	buffer_append_be32(out, stream);
	buffer_append(out, payload, size);
}

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void begin(struct buffer *out)
{
	buffer_init(out, 64 * 1024 * 1024);
	buffer_append_text(out, PREFACE);
	frame(out, SETTINGS, 0, 0, NULL, 0);
}

// :method POST, :scheme http, :path /, :authority a
static const uint8_t REQUEST[] = { 0x83, 0x86, 0x84, 0x41, 0x01, 'a' };

static void request(struct buffer *out, uint32_t stream, uint8_t flags)
{
	frame(out, HEADERS, END_HEADERS | flags, stream, REQUEST, sizeof REQUEST);
}

static void code32(struct buffer *out, uint8_t type, uint32_t stream, uint32_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
				  (uint8_t)value };
	frame(out, type, 0, stream, bytes, sizeof bytes);
}

// ---- the peer -----------------------------------------------------------------------------------------------------

struct peer {
	pthread_t thread;
	uint16_t port;
	struct slice script;
	bool deaf;    // reads nothing until the script is written
	size_t piece; // 0: as fast as it goes; else bytes per write, with pauses for the server
	bool hang_up; // closes after the script
	atomic_bool done;
	int goaway;         // its code, -1 if none came
	unsigned too_large; // responses that begin with :status 431
	struct buffer received;
};

static bool exchange_bytes(struct peer *peer, int fd, size_t *written)
{
	bool writing = *written < peer->script.size;
	struct pollfd poller = { .fd = fd,
				 .events = (short)((writing ? POLLOUT : 0) | (peer->deaf && writing ? 0 : POLLIN)) };
	if (poll(&poller, 1, 20000) <= 0) {
		return false;
	}
	if (poller.revents & POLLIN) {
		uint8_t bytes[65536];
		ssize_t got = read(fd, bytes, sizeof bytes);
		if (got <= 0) {
			return false;
		}
		buffer_append(&peer->received, bytes, (size_t)got);
	}
	if (poller.revents & POLLOUT) {
		size_t left = peer->script.size - *written;
		size_t part = peer->piece != 0 && peer->piece < left ? peer->piece : left;
		ssize_t sent = send(fd, peer->script.data + *written, part, MSG_NOSIGNAL | MSG_DONTWAIT);
		usleep(peer->piece != 0 ? 1000 : 0);
		*written += sent > 0 ? (size_t)sent : 0;
		if (sent < 0 && errno != EAGAIN) {
			peer->script.size = *written; // refused: read what is left
		}
	} else if (!(poller.revents & POLLIN)) {
		return false;
	}
	return !(peer->hang_up && *written == peer->script.size);
}

static void *run_peer(void *context)
{
	struct peer *peer = context;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(peer->port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t written = 0;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
		while (exchange_bytes(peer, fd, &written)) {
		}
	}
	close(fd);
	peer->done = true;
	return NULL;
}

static void read_frames(struct peer *peer)
{
	peer->goaway = -1;
	const uint8_t *data = peer->received.data;
	for (size_t at = 0; at + 9 <= peer->received.size;) {
		size_t size = (size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2];
		if (data[at + 3] == GOAWAY && at + 17 <= peer->received.size) {
			peer->goaway = data[at + 16];
		}
		// Too short for Huffman coding to gain anything, so it stands as it is.
		if (data[at + 3] == HEADERS && size >= 4 && memmem(data + at + 9, size, "431", 3)) {
			peer->too_large++;
		}
		at += 9 + size;
	}
}

static bool peer_is_done(void *context)
{
	return ((struct peer *)context)->done;
}

static void attack(struct world *world, struct peer *peer, struct buffer *script)
{
	assert_int_equal(buffer_result(script), OK);
	peer->port = world->address.port;
	peer->script = buffer_slice(script);
	buffer_init(&peer->received, 256 * 1024 * 1024);
	assert_int_equal(pthread_create(&peer->thread, NULL, run_peer, peer), 0);
	assert_true(spin_for(world->loop, peer_is_done, peer, 40000));
	pthread_join(peer->thread, NULL);
	read_frames(peer);
	buffer_release(&peer->received);
	buffer_release(script);
}

static size_t resident_bytes(void)
{
	size_t total = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_int_equal(fscanf(file, "%zu %zu", &total, &resident), 2);
	fclose(file);
	return resident * 4096;
}

// ---- the server ---------------------------------------------------------------------------------------------------

static unsigned live_streams, most_streams;

static void victim_on_close(void *user, struct h2_stream *stream, const struct h2_close *close)
{
	(void)user, (void)stream, (void)close;
	live_streams--;
}

static const struct h2_stream_handlers VICTIM_HANDLERS = { .on_close = victim_on_close };

static void serve_victim(struct world *world, struct h2_stream *stream)
{
	(void)world;
	live_streams++;
	most_streams = live_streams > most_streams ? live_streams : most_streams;
	h2_stream_attach(stream, &VICTIM_HANDLERS, NULL);
	if (slice_is(h2_stream_path(stream), "/big")) {
		static uint8_t page[16 * 1024 * 1024];
		const struct h2_chunk chunk = { .bytes = slice_of(page, sizeof page) };
		assert_int_equal(h2_stream_respond(stream, 200, NULL, 0, false), OK);
		assert_int_equal(h2_stream_write(stream, &chunk, 1), OK);
		assert_int_equal(h2_stream_end(stream, NULL, 0), OK);
	} else if (h2_stream_request_ended(stream)) {
		assert_int_equal(h2_stream_respond(stream, 204, NULL, 0, true), OK);
	}
}

static int open_victim(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	world->serve = serve_victim;
	world->server_settings = (struct h2_settings){ .handshake_us = 300000, .stall_us = 200000, .idle_us = 300000 };
	live_streams = most_streams = 0;
	world_open(world, false);
	*state = world;
	return 0;
}

static int close_victim(void **state)
{
	struct world *world = *state;
	struct exchange exchange = { 0 };
	for (int i = 0; i < 100 && exchange_start(world, &exchange, "/", true) != OK; i++) {
		spin_ms(world->loop, 10);
	}
	spin_until(world->loop, &exchange.closed); // others are served as before
	assert_int_equal(exchange.status, 204);
	world_close(world);
	assert_int_equal(live_streams, 0);
	free(world);
	return 0;
}

// ---- attacks ------------------------------------------------------------------------------------------------------

static void rapid_reset(void **state)
{
	struct world *world = *state;
	struct peer peer = { 0 };
	struct buffer script;
	begin(&script);
	for (uint32_t i = 0; i < 20000; i++) {
		request(&script, 2 * i + 1, 0);
		code32(&script, RST_STREAM, 2 * i + 1, H2_CANCEL);
	}
	attack(world, &peer, &script);
	assert_int_equal(peer.goaway, H2_ENHANCE_YOUR_CALM);
	assert_true(world->requests <= H2_RESETS_BURST + 200);
	assert_string_equal(world->last_goodbye, "the peer resets too many streams");
}

static void made_you_reset(void **state)
{
	struct world *world = *state;
	struct peer peer = { 0 };
	struct buffer script;
	begin(&script);
	for (uint32_t i = 0; i < 5000; i++) {
		request(&script, 2 * i + 1, 0);
		static const uint8_t self_dependent[4 + 1] = { 0 };
		frame(&script, PRIORITY, 0, 2 * i + 1, self_dependent, 4); // wrong length: a stream error
		code32(&script, WINDOW_UPDATE, 2 * i + 1, 0);              // and another
	}
	attack(world, &peer, &script);
	assert_true(peer.goaway > 0);
	assert_true(world->requests <= 300);
}

static void made_you_reset_by_window_overflow(void **state)
{
	struct world *world = *state;
	struct peer peer = { .piece = 1400 };
	struct buffer script;
	begin(&script);
	for (uint32_t i = 0; i < 5000; i++) {
		request(&script, 2 * i + 1, 0);
		code32(&script, WINDOW_UPDATE, 2 * i + 1, 0x7fffffff); // a stream error: FLOW_CONTROL_ERROR
	}
	attack(world, &peer, &script);
	assert_int_equal(peer.goaway, H2_ENHANCE_YOUR_CALM);
	assert_true(world->requests <= H2_FAULTS_BURST + 300);
	assert_string_equal(world->last_goodbye, "the peer breaks the protocol too often");
}

static void idle_frame_floods(void **state)
{
	struct world *world = *state;
	static const uint8_t zeroes[8] = { 0 };
	static const struct {
		uint8_t type, flags;
		uint32_t stream;
		size_t size;
	} frames[] = { { PING, 0, 0, 8 }, { SETTINGS, 0, 0, 0 }, { PRIORITY, 0, 3, 5 }, { 0, 0, 1, 0 } };
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		struct peer peer = { 0 };
		struct buffer script;
		begin(&script);
		request(&script, 1, 0);
		for (int count = 0; count < 20000; count++) {
			frame(&script, frames[i].type, frames[i].flags, frames[i].stream, zeroes, frames[i].size);
		}
		attack(world, &peer, &script);
		assert_int_equal(peer.goaway, H2_ENHANCE_YOUR_CALM);
	}
}

static void ping_flood_by_a_peer_that_does_not_read(void **state)
{
	struct world *world = *state;
	struct peer peer = { .deaf = true };
	struct buffer script;
	begin(&script);
	for (int count = 0; count < 900; count++) {
		frame(&script, PING, 0, 0, "12345678", 8);
	}
	for (uint32_t i = 0; i < 100; i++) {
		frame(&script, HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, "\x83\x86\x44\x04/big\x41\x01x", 11);
	}
	attack(world, &peer, &script); // ends by the stall limit: it opened no windows
	assert_int_equal(live_streams, 0);
}

// A field of 4,000 bytes enters the table once; every further byte names it again.
static void header_bomb(struct buffer *script, uint32_t stream, bool first, size_t references)
{
	struct buffer block;
	buffer_init(&block, 65536);
	buffer_append(&block, REQUEST, sizeof REQUEST);
	if (first) {
		static char value[3900];
		memset(value, 'v', sizeof value);
		buffer_append(&block, "\x40\x01x\x7f\xbd\x1d", 6); // literal, indexed; name "x"; length 127 + 3773
		buffer_append(&block, value, sizeof value);
	}
	while (references-- > 0) {
		buffer_append_byte(&block, 0xbe); // the newest entry
	}
	assert_true(block.size <= 16384);
	frame(script, HEADERS, END_HEADERS | END_STREAM, stream, block.data, block.size);
	buffer_release(&block);
}

static void header_bombs_leave_memory_flat(void **state)
{
	struct world *world = *state;
	struct peer peer = { 0 };
	struct buffer script;
	begin(&script);
	for (uint32_t i = 0; i < 100; i++) {
		header_bomb(&script, 2 * i + 1, i == 0, 12000); // 47 MB each if kept
	}
	size_t before = resident_bytes();
	attack(world, &peer, &script);
	size_t after = resident_bytes();
	assert_int_equal(world->requests, 0);
#ifndef __SANITIZE_ADDRESS__
	assert_true(after < before + 24 * 1024 * 1024);
#else
	(void)before, (void)after;
#endif
}

static void too_many_small_fields_get_431(void **state)
{
	struct world *world = *state;
	struct peer peer = { .hang_up = false };
	struct buffer script, block;
	begin(&script);
	buffer_init(&block, 65536);
	buffer_append(&block, REQUEST, sizeof REQUEST);
	for (int i = 0; i < H2_HEADER_COUNT_MAX; i++) {
		buffer_append(&block,
			      "\x00\x06"
			      "cookie\x01"
			      "a",
			      10); // crumbs
	}
	frame(&script, HEADERS, END_HEADERS | END_STREAM, 1, block.data, block.size);
	buffer_release(&block);
	attack(world, &peer, &script);
	assert_int_equal(peer.too_large, 1);
	assert_int_equal(world->requests, 0);
}

static void continuation_flood(void **state)
{
	struct world *world = *state;
	struct peer peer = { 0 };
	struct buffer script;
	static uint8_t filler[16000];
	memset(filler, 0x84, sizeof filler); // :path, over and over
	begin(&script);
	frame(&script, HEADERS, 0, 1, REQUEST, sizeof REQUEST);
	for (int i = 0; i < 1000; i++) {
		frame(&script, CONTINUATION, 0, 1, filler, sizeof filler);
	}
	size_t before = resident_bytes();
	attack(world, &peer, &script);
#ifndef __SANITIZE_ADDRESS__
	assert_true(resident_bytes() < before + 40 * 1024 * 1024); // the script itself has 16
#else
	(void)before;
#endif
	assert_int_equal(world->requests, 0);
	assert_int_equal(world->connections, world->disconnections);
}

static void lower_stream_id_is_a_connection_error(void **state)
{
	struct world *world = *state;
	struct peer peer = { 0 };
	struct buffer script;
	begin(&script);
	request(&script, 9, END_STREAM);
	request(&script, 5, END_STREAM);
	attack(world, &peer, &script);
	assert_int_equal(peer.goaway, H2_PROTOCOL_ERROR);
	assert_int_equal(world->requests, 1);
}

static void oversized_frame_is_a_connection_error(void **state)
{
	struct world *world = *state;
	struct peer peer = { 0 };
	struct buffer script;
	static uint8_t large[20000];
	begin(&script);
	request(&script, 1, 0);
	frame(&script, 0, 0, 1, large, sizeof large);
	attack(world, &peer, &script);
	assert_int_equal(peer.goaway, H2_FRAME_SIZE_ERROR);
}

static void other_protocols_and_silence_are_hung_up_on(void **state)
{
	struct world *world = *state;
	static const char *const openings[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01", "",
						"PRI * HTTP/2.0\r\n" };
	for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
		struct peer peer = { 0 };
		struct buffer script;
		buffer_init(&script, 1000);
		buffer_append_text(&script, openings[i]);
		attack(world, &peer, &script); // ends only if the server hangs up
		assert_int_equal(world->requests, 0);
	}
}

static void noise_does_no_harm(void **state)
{
	struct world *world = *state;
	for (int round = 0; round < 150; round++) {
		struct peer peer = { .hang_up = true };
		struct buffer script;
		begin(&script);
		uint8_t bytes[2000];
		random_bytes(bytes, sizeof bytes);
		for (size_t at = 0; at + 64 < sizeof bytes; at += 40) {
			request(&script, 1 + 2 * (bytes[at] % 4u), bytes[at + 1] & END_STREAM);
			frame(&script, bytes[at + 2] % 11, bytes[at + 3], bytes[at + 4] % 8, bytes + at + 5,
			      bytes[at + 6] % 32);
		}
		attack(world, &peer, &script);
	}
	while (world->connections != world->disconnections) {
		spin_ms(world->loop, 1);
	}
}

#define attacked(test) cmocka_unit_test_setup_teardown(test, open_victim, close_victim)

int main(void)
{
	const struct CMUnitTest tests[] = {
		attacked(rapid_reset),
		attacked(made_you_reset),
		attacked(made_you_reset_by_window_overflow),
		attacked(idle_frame_floods),
		attacked(ping_flood_by_a_peer_that_does_not_read),
		attacked(header_bombs_leave_memory_flat),
		attacked(too_many_small_fields_get_431),
		attacked(continuation_flood),
		attacked(lower_stream_id_is_a_connection_error),
		attacked(oversized_frame_is_a_connection_error),
		attacked(other_protocols_and_silence_are_hung_up_on),
		attacked(noise_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
