// SPDX-License-Identifier: EUPL-1.2
//
// Random messages, in JSON, against an implementation nobody here wrote (python3-protobuf's json_format): it reads what
// we write as the same message, and we read what it writes as the same message.
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generate.h"

struct peer {
	pid_t pid;
	int to;
	int from;
};

static void peer_start(struct peer *peer)
{
	int to[2];
	int from[2];
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	peer->pid = fork();
	assert_true(peer->pid >= 0);
	if (peer->pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execl("/usr/bin/python3", "python3", "tests/vectors/contract/json_peer.py", rich_path, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	peer->to = to[1];
	peer->from = from[0];
}

static void peer_stop(struct peer *peer)
{
	int status = 0;
	close(peer->to);
	close(peer->from);
	assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void send_frame(struct peer *peer, struct slice bytes)
{
	uint32_t size = (uint32_t)bytes.size;
	assert_int_equal(write(peer->to, &size, sizeof size), sizeof size);
	while (bytes.size > 0) {
		ssize_t sent = write(peer->to, bytes.data, bytes.size);
		assert_true(sent > 0);
		bytes = slice_skip(bytes, (size_t)sent);
	}
}

// False if the peer found a difference and ended.
static bool receive(struct peer *peer, void *place, size_t size)
{
	uint8_t *at = place;
	while (size > 0) {
		ssize_t got = read(peer->from, at, size);
		if (got <= 0) {
			return false;
		}
		at += got;
		size -= (size_t)got;
	}
	return true;
}

static void compare(struct peer *peer, const ProtobufCMessage *message, struct arena *arena)
{
	struct buffer wire;
	struct buffer ours;
	struct buffer theirs;
	struct buffer again;
	struct fault fault = { 0 };
	buffer_init(&wire, 1 << 24);
	buffer_init(&ours, 1 << 24);
	buffer_init(&theirs, 1 << 24);
	buffer_init(&again, 1 << 24);
	assert_int_equal(message_pack(message, &wire), OK);
	// What the peer will see: protobuf-c packs -0.0 like the default.
	ProtobufCMessage *sent = NULL;
	assert_int_equal(message_unpack(message->descriptor, buffer_slice(&wire), NULL, arena, &sent, NULL), OK);
	result r = json_write(sent, NULL, &ours, &fault);
	if (r != OK) {
		print_error("%s\n", fault.text);
	}
	assert_int_equal(r, OK);
	send_frame(peer, slice_text(message->descriptor->name));
	send_frame(peer, buffer_slice(&wire));
	send_frame(peer, buffer_slice(&ours));
	uint32_t size = 0;
	assert_true(receive(peer, &size, sizeof size));
	uint8_t *place = buffer_reserve(&theirs, size);
	assert_non_null(place);
	assert_true(receive(peer, place, size));
	ProtobufCMessage *read_back = NULL;
	r = json_read(message->descriptor, buffer_slice(&theirs), NULL, arena, &read_back, &fault);
	if (r != OK) {
		print_error("%s\n%s\n", fault.text, buffer_text(&theirs));
	}
	assert_int_equal(r, OK);
	assert_int_equal(json_write(read_back, NULL, &again, &fault), OK);
	if (!slice_equal(buffer_slice(&ours), buffer_slice(&again))) {
		print_error("ours   %s\n", buffer_text(&ours));
		print_error("theirs %s\n", buffer_text(&theirs));
		print_error("again  %s\n", buffer_text(&again));
		fail();
	}
	buffer_release(&wire);
	buffer_release(&ours);
	buffer_release(&theirs);
	buffer_release(&again);
}

static bool peer_installed(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/usr/bin/python3", "python3", "-c",
		      "import sys\ntry:\n from google.protobuf import json_format\nexcept ImportError:\n sys.exit(1)",
		      (char *)NULL);
		_exit(127);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void random_messages(void **state)
{
	(void)state;
	static const char *const types[] = { "Scalars", "Optionals", "Repeateds", "Maps", "Choice", "Known", "Person" };
	if (!peer_installed()) {
		skip(); // python3-protobuf is one of the packages that `make deps` installs for tests
	}
	struct contract *contract = load_rich();
	struct arena arena;
	struct peer peer;
	arena_init(&arena, 64 * 1024 * 1024);
	signal(SIGPIPE, SIG_IGN); // a peer that ended shows as a failed write
	peer_start(&peer);
	for (uint64_t seed = 1; seed <= 1400; seed++) {
		struct generate g = { .state = seed, .arena = &arena, .contract = contract };
		const ProtobufCMessageDescriptor *type =
		    type_of(contract, types[seed % (sizeof types / sizeof types[0])]);
		compare(&peer, generate_message(&g, type), &arena);
		arena_clear(&arena);
	}
	peer_stop(&peer);
	arena_release(&arena);
	contract_free(contract);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_messages),
	};
	return cmocka_run_group_tests_name("json_peer", tests, NULL, NULL);
}
