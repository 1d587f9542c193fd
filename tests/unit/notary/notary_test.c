// SPDX-License-Identifier: EUPL-1.2
//
// The notary's loop in a process of its own, with this test as its workers: greeting, appending, seals, restarts of
// either side, packets for the dead, hostile packets, grants.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include "base/log.h"
#include "crypto/checkpoint.h"
#include "directory/grants.h"
#include "notary/notary.h"
#include "tests/unit/ledger/ledger_make.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 2 };

static const char *const shards[] = { "2026", "2026-2" };
static volatile int stop;

struct fixture {
	char directory[64];
	struct ledger_config config;
	int pairs[WORKERS][2]; // [0] notary, [1] worker; this process keeps both, as the supervisor does
	pid_t notary;
	uint64_t epochs[WORKERS];
	uint64_t notary_epochs[WORKERS];
	uint8_t out[NOTARY_PACKET_MAX];
	uint8_t in[NOTARY_PACKET_MAX];
	struct notary_packet packet;
	struct notary_frame frame;
	struct made made;
};

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void start_notary(struct fixture *fixture)
{
	fixture->notary = fork();
	if (fixture->notary == 0) {
		struct notary *notary = malloc(sizeof *notary);
		struct sigaction action = { .sa_handler = on_signal };
		sigset_t blocked;
		int sockets[WORKERS];
		sigemptyset(&blocked);
		sigaddset(&blocked, SIGTERM);
		sigaction(SIGTERM, &action, NULL);
		sigprocmask(SIG_BLOCK, &blocked, NULL);
		log_open("notary-test", LOG_LEVEL_ERROR);
		for (int i = 0; i < WORKERS; i++) {
			sockets[i] = fixture->pairs[i][0];
			close(fixture->pairs[i][1]);
		}
		result code = notary_init(notary, &fixture->config, sockets, WORKERS);
		if (code == OK) {
			notary->stop = &stop;
			code = notary_run(notary, NULL);
			notary_release(notary);
		}
		free(notary);
		_exit(code == OK ? 0 : 1);
	}
}

static void end_notary(struct fixture *fixture, int signal)
{
	int status = 0;
	kill(fixture->notary, signal);
	assert_true(waitpid(fixture->notary, &status, 0) == fixture->notary);
	assert_true(signal == SIGKILL || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	fixture->notary = 0;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/besa-notary-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	fixture->config = (struct ledger_config){
		.directory = fixture->directory,
		.ledger = MAKE_LEDGER,
		.shards = shards,
		.shard_count = 2,
		.segment_size = 1024 * 1024,
	};
	memcpy(fixture->config.seal_certificate_digest, make_digest_bytes, DIGEST_SIZE);
	assert_int_equal(key_generate(KEY_P256, &fixture->config.seal_key), OK);
	assert_int_equal(key_generate(KEY_ED25519, &fixture->config.ed25519_key), OK);
	for (int i = 0; i < WORKERS; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fixture->pairs[i]), 0);
		random_bytes(&fixture->epochs[i], sizeof fixture->epochs[i]);
	}
	made_init(&fixture->made);
	start_notary(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->notary > 0) {
		end_notary(fixture, SIGTERM);
	}
	for (int i = 0; i < WORKERS; i++) {
		close(fixture->pairs[i][0]);
		close(fixture->pairs[i][1]);
	}
	pid_t child = fork();
	if (child == 0) {
		execlp("rm", "rm", "-rf", fixture->directory, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	waitpid(child, &status, 0);
	made_release(&fixture->made);
	key_private_free(fixture->config.seal_key);
	key_private_free(fixture->config.ed25519_key);
	free(fixture);
	return 0;
}

// ---- a worker ----

static void send_frame(struct fixture *fixture, int worker, const struct notary_frame *frame)
{
	struct notary_writer writer;
	struct notary_packet head = {
		.sender = NOTARY_FROM_WORKER,
		.epoch = fixture->epochs[worker],
		.to_epoch = fixture->notary_epochs[worker],
	};
	notary_writer_begin(&writer, fixture->out, &head);
	assert_int_equal(notary_writer_put(&writer, frame), OK);
	struct slice packet = notary_writer_end(&writer);
	assert_true(send(fixture->pairs[worker][1], packet.data, packet.size, 0) == (ssize_t)packet.size);
}

// The next packet's first frame of a kind; others are passed over. False: none within the time.
static bool receive(struct fixture *fixture, int worker, enum notary_frame_kind kind, int milliseconds)
{
	for (;;) {
		struct pollfd wait = { .fd = fixture->pairs[worker][1], .events = POLLIN };
		if (poll(&wait, 1, milliseconds) <= 0) {
			return false;
		}
		struct notary_reader reader;
		ssize_t got = recv(fixture->pairs[worker][1], fixture->in, sizeof fixture->in, 0);
		assert_true(got > 0);
		assert_int_equal(notary_packet_parse(slice_of(fixture->in, (size_t)got), NOTARY_FROM_NOTARY,
						     &fixture->packet, &reader),
				 OK);
		while (notary_frame_next(&reader, &fixture->frame) == OK) {
			bool ours = fixture->packet.to_epoch == fixture->epochs[worker];
			if (fixture->frame.kind == kind && (ours || kind == NOTARY_HELLO)) {
				return true;
			}
		}
	}
}

static void greet(struct fixture *fixture, int worker)
{
	struct notary_frame hello = { .kind = NOTARY_HELLO, .version = NOTARY_FRAME_VERSION };
	fixture->notary_epochs[worker] = 0;
	send_frame(fixture, worker, &hello);
	do {
		assert_true(receive(fixture, worker, NOTARY_HELLO, 10000));
	} while (fixture->packet.to_epoch != fixture->epochs[worker]);
	fixture->notary_epochs[worker] = fixture->packet.epoch;
}

static result append(struct fixture *fixture, int worker)
{
	struct made *made = &fixture->made;
	struct notary_frame frame = {
		.kind = NOTARY_APPEND,
		.flags = made->record.want_seal ? NOTARY_WANT_SEAL : 0,
		.token = 42,
		.type = made->record.type,
		.body = made->record.body,
		.attachment = made->record.attachment,
		.private_part = made->record.private_part,
		.salt = made->record.salt,
	};
	send_frame(fixture, worker, &frame);
	assert_true(receive(fixture, worker, NOTARY_APPENDED, 10000));
	assert_int_equal(fixture->frame.token, 42);
	return fixture->frame.code;
}

static result look_up(struct fixture *fixture, int worker, const char *client, struct envelope_outcome_report *report)
{
	struct notary_frame frame = {
		.kind = NOTARY_LOOKUP,
		.token = 43,
		.exchange_id = fixture->made.id,
		.client = slice_text(client),
	};
	send_frame(fixture, worker, &frame);
	assert_true(receive(fixture, worker, NOTARY_LOOKED_UP, 10000));
	if (fixture->frame.code == OK) {
		assert_int_equal(envelope_decode_outcome_report(fixture->frame.report, report, NULL), OK);
	}
	return fixture->frame.code;
}

// ---- tests ----

static void test_append_gives_a_seal(void **state)
{
	struct fixture *fixture = *state;
	struct note_key key;
	struct checkpoint_verified verified;
	struct buffer leaf;
	struct buffer path;
	uint8_t hash[DIGEST_SIZE];
	uint8_t root[DIGEST_SIZE];
	greet(fixture, 0);
	assert_int_equal(fixture->frame.code, OK);
	assert_true(slice_is(fixture->frame.origin, MAKE_LEDGER "/2026"));
	struct slice origin = slice_text(MAKE_LEDGER "/2026");
	assert_int_equal(note_key_init(&key, origin, NOTE_ECDSA, key_public_of(fixture->config.seal_key)), OK);
	const struct note_key *keys[] = { &key };
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	buffer_init(&path, ENVELOPE_PATH_MAX);
	for (int i = 0; i < 20; i++) {
		identifier_new_uuid(fixture->made.id);
		make_request(&fixture->made, 1);
		assert_int_equal(append(fixture, 0), OK);
		buffer_clear(&leaf);
		buffer_clear(&path);
		statement_append_leaf(&leaf, STATEMENT_REQUEST, slice_text(MAKE_MEMBER), fixture->frame.time_us,
				      fixture->frame.blinder, fixture->made.record.body);
		buffer_append_slice(&path, fixture->frame.path);
		buffer_append_slice(&path, fixture->packet.upper);
		assert_int_equal(checkpoint_open(fixture->packet.note, origin, keys, 1, &verified, NULL), OK);
		statement_leaf_hash(buffer_slice(&leaf), hash);
		assert_int_equal(
		    merkle_path_root(fixture->frame.index, verified.checkpoint.size, hash, buffer_slice(&path), root),
		    OK);
		assert_memory_equal(root, verified.checkpoint.root, DIGEST_SIZE);
	}
	note_key_release(&key);
	buffer_release(&leaf);
	buffer_release(&path);
}

static void test_no_seal_unless_wanted(void **state)
{
	struct fixture *fixture = *state;
	greet(fixture, 0);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	fixture->made.record.want_seal = false;
	assert_int_equal(append(fixture, 0), OK);
	assert_int_equal(fixture->packet.note.size, 0);
	make_taken(&fixture->made);
	assert_int_equal(append(fixture, 0), ERR_REPLAYED);
	struct envelope_outcome_report report;
	assert_int_equal(envelope_decode_outcome_report(fixture->frame.report, &report, NULL), OK);
	assert_true(report.has_request && report.has_received && !report.has_outcome);
}

static void test_worker_restart(void **state)
{
	struct fixture *fixture = *state;
	struct envelope_outcome_report report;
	greet(fixture, 0);
	greet(fixture, 1);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	assert_int_equal(append(fixture, 0), OK);
	assert_int_equal(look_up(fixture, 1, MAKE_PEER, &report), OK);
	assert_false(report.has_outcome);
	fixture->epochs[0]++; // a new process at the same end
	greet(fixture, 0);
	bool sealed = false;
	for (int i = 0; i < 100 && !sealed; i++) {
		assert_int_equal(look_up(fixture, 1, MAKE_PEER, &report), OK);
		sealed = report.has_outcome;
	}
	assert_true(sealed);
	make_response(&fixture->made, STATEMENT_OUTCOME_ANSWERED);
	assert_int_equal(append(fixture, 0), ERR_EXISTS);
}

static void notary_restart(struct fixture *fixture, int signal)
{
	struct envelope_outcome_report report;
	greet(fixture, 0);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	assert_int_equal(append(fixture, 0), OK);
	end_notary(fixture, signal);
	// Queued for the dead one: its successor must not execute it.
	uint8_t id[IDENTIFIER_UUID_SIZE];
	memcpy(id, fixture->made.id, sizeof id);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	struct notary_frame late = {
		.kind = NOTARY_APPEND,
		.type = fixture->made.record.type,
		.body = fixture->made.record.body,
		.attachment = fixture->made.record.attachment,
	};
	send_frame(fixture, 0, &late);
	start_notary(fixture);
	assert_true(receive(fixture, 0, NOTARY_HELLO, 10000));
	assert_true(fixture->packet.epoch != fixture->notary_epochs[0]);
	greet(fixture, 0);
	assert_int_equal(look_up(fixture, 0, MAKE_PEER, &report), ERR_NOT_FOUND);
	memcpy(fixture->made.id, id, sizeof id);
	assert_int_equal(look_up(fixture, 0, MAKE_PEER, &report), OK);
	assert_true(report.has_outcome);
	make_taken(&fixture->made);
	assert_int_equal(append(fixture, 0), ERR_REPLAYED);
}

static void test_notary_ends_and_starts(void **state)
{
	notary_restart(*state, SIGTERM);
}

static void test_notary_is_killed_and_starts(void **state)
{
	notary_restart(*state, SIGKILL);
}

static void test_hostile_packets(void **state)
{
	struct fixture *fixture = *state;
	greet(fixture, 0);
	for (int i = 0; i < 2000; i++) {
		uint8_t junk[512];
		uint32_t dice[2];
		random_bytes(junk, sizeof junk);
		random_bytes(dice, sizeof dice);
		identifier_new_uuid(fixture->made.id);
		make_request(&fixture->made, 1);
		if (dice[0] % 2) {
			// A good packet with one byte changed.
			struct notary_writer writer;
			struct notary_packet head = {
				.sender = NOTARY_FROM_WORKER,
				.epoch = fixture->epochs[0],
				.to_epoch = fixture->notary_epochs[0],
			};
			struct notary_frame frame = {
				.kind = NOTARY_APPEND,
				.type = STATEMENT_REQUEST,
				.body = fixture->made.record.body,
			};
			notary_writer_begin(&writer, fixture->out, &head);
			assert_int_equal(notary_writer_put(&writer, &frame), OK);
			struct slice packet = notary_writer_end(&writer);
			size_t at = 24 + dice[1] % (packet.size - 24); // not the epochs: that would be a new process
			fixture->out[at] ^= 0x41;
			assert_true(send(fixture->pairs[0][1], packet.data, packet.size, 0) > 0);
		} else {
			assert_true(send(fixture->pairs[0][1], junk, 1 + dice[1] % sizeof junk, 0) > 0);
		}
		while (receive(fixture, 0, NOTARY_APPENDED, 0)) {
		}
	}
	while (receive(fixture, 0, NOTARY_APPENDED, 100)) {
	}
	identifier_new_uuid(fixture->made.id);
	make_request(&fixture->made, 1);
	assert_int_equal(append(fixture, 0), OK);
	// A type that is the notary's own, and another member's statement.
	fixture->made.record.type = STATEMENT_KEY;
	assert_int_equal(append(fixture, 0), ERR_PERMISSION);
	union statement_body foreign =
	    make_request_body(fixture->made.id, MAKE_PEER_SUBSYSTEM, MAKE_SUBSYSTEM, MAKE_LEDGER "/2026", 1);
	made_encode(&fixture->made, STATEMENT_REQUEST, &foreign);
	assert_int_equal(append(fixture, 0), ERR_MEMBER_MISMATCH);
}

static void test_grants(void **state)
{
	struct fixture *fixture = *state;
	char path[128];
	struct grants *grants = NULL;
	union statement_body body = { .grant = {
					  .action = STATEMENT_GRANT_ADD,
					  .id = slice_text("g1"),
					  .provider = slice_text(MAKE_SUBSYSTEM),
					  .client = slice_text(MAKE_PEER_SUBSYSTEM),
					  .service = slice_text("rks.civil.v1.CivilRegistry"),
				      } };
	snprintf(path, sizeof path, "%s/grants.besa", fixture->directory);
	greet(fixture, 0);
	greet(fixture, 1);
	made_encode(&fixture->made, STATEMENT_GRANT, &body);
	assert_int_equal(append(fixture, 0), OK);
	assert_true(receive(fixture, 1, NOTARY_GRANTS_CHANGED, 10000));
	assert_int_equal(grants_load(path, slice_text(MAKE_MEMBER), &grants, NULL), OK);
	assert_non_null(grants_find(grants, slice_text("g1")));
	grants_free(grants);
	// Lost files cost a scan; a new shard takes the standing grants over.
	end_notary(fixture, SIGKILL);
	assert_int_equal(unlink(path), 0);
	fixture->config.shards = shards + 1;
	fixture->config.shard_count = 1;
	start_notary(fixture);
	greet(fixture, 0);
	assert_true(slice_is(fixture->frame.origin, MAKE_LEDGER "/2026-2"));
	assert_int_equal(grants_load(path, slice_text(MAKE_MEMBER), &grants, NULL), OK);
	assert_non_null(grants_find(grants, slice_text("g1")));
	grants_free(grants);
	body.grant = (struct statement_grant){
		.action = STATEMENT_GRANT_REMOVE,
		.id = slice_text("g1"),
		.provider = slice_text(MAKE_SUBSYSTEM),
	};
	made_encode(&fixture->made, STATEMENT_GRANT, &body);
	assert_int_equal(append(fixture, 0), OK);
	assert_int_equal(grants_load(path, slice_text(MAKE_MEMBER), &grants, NULL), OK);
	assert_int_equal(grants_count(grants), 0);
	grants_free(grants);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_append_gives_a_seal),
		TEST(test_no_seal_unless_wanted),
		TEST(test_worker_restart),
		TEST(test_notary_ends_and_starts),
		TEST(test_notary_is_killed_and_starts),
		TEST(test_hostile_packets),
		TEST(test_grants),
	};
	return cmocka_run_group_tests_name("notary", tests, NULL, NULL);
}
