// SPDX-License-Identifier: EUPL-1.2
//
// The rules of the exchange that the ledger keeps, over restarts, shards and time. Clock and disk are simulated, so
// that the window can pass.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include "crypto/checkpoint.h"
#include "ledger/reader.h"
#include "tests/sim/sim.h"
#include "tests/unit/ledger/ledger_make.h"

static const int64_t second = 1000000;
static const char *const shards[] = { "2026", "2026-2" };
static const char *const next_year[] = { "2027", "2027-2" };

struct fixture {
	struct ledger_config config;
	struct ledger *ledger;
	struct ledger_batch batch;
	struct made made;
	struct buffer bytes;
	struct envelope_outcome_report report;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	sim_random_seed(1);
	sim_disk_reset();
	fixture->config = (struct ledger_config){
		.directory = "/ledger",
		.ledger = MAKE_LEDGER,
		.shards = shards,
		.shard_count = 2,
		.segment_size = 64 * 1024,
		.window_us = 60 * second,
		.skew_us = 5 * second,
	};
	memcpy(fixture->config.seal_certificate_digest, make_digest_bytes, DIGEST_SIZE);
	assert_int_equal(key_generate(KEY_P256, &fixture->config.seal_key), OK);
	assert_int_equal(key_generate(KEY_ED25519, &fixture->config.ed25519_key), OK);
	assert_int_equal(ledger_open(&fixture->config, &fixture->ledger, NULL), OK);
	made_init(&fixture->made);
	buffer_init(&fixture->bytes, LEDGER_REPORT_MAX);
	identifier_new_uuid(fixture->made.id);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	ledger_close(fixture->ledger);
	key_private_free(fixture->config.seal_key);
	key_private_free(fixture->config.ed25519_key);
	made_release(&fixture->made);
	buffer_release(&fixture->bytes);
	free(fixture);
	sim_disk_reset();
	return 0;
}

static result commit(struct fixture *fixture)
{
	struct ledger_record *record = &fixture->made.record;
	assert_int_equal(ledger_commit(fixture->ledger, record, 1, &fixture->batch), OK);
	return record->code;
}

// Ends the process without a word and starts the next one.
static void restart(struct fixture *fixture)
{
	ledger_abandon(fixture->ledger);
	sim_disk_process_ended();
	assert_int_equal(ledger_open(&fixture->config, &fixture->ledger, NULL), OK);
	result_ignore(ledger_tick(fixture->ledger) >= 0 ? OK : ERR_STATE);
}

static result report(struct fixture *fixture, const char *client)
{
	struct fault fault;
	buffer_clear(&fixture->bytes);
	result code = ledger_report(fixture->ledger, fixture->made.id, slice_text(client), &fixture->bytes);
	if (code == OK) {
		assert_int_equal(
		    envelope_decode_outcome_report(buffer_slice(&fixture->bytes), &fixture->report, &fault), OK);
	}
	return code;
}

// A leaf and its seal, checked as a stranger would.
static struct statement check_sealed(struct fixture *fixture, const struct envelope_sealed *sealed, struct arena *arena)
{
	struct statement statement;
	struct envelope_seal seal;
	struct note_key key;
	struct checkpoint_verified verified;
	uint8_t hash[DIGEST_SIZE];
	uint8_t root[DIGEST_SIZE];
	arena_init(arena, STATEMENT_ARENA_MAX);
	assert_int_equal(statement_parse(sealed->statement, arena, &statement, NULL), OK);
	assert_int_equal(envelope_decode_seal(sealed->seal, &seal, NULL), OK);
	assert_int_equal(note_key_init(&key, seal.origin, NOTE_ECDSA, key_public_of(fixture->config.seal_key)), OK);
	const struct note_key *keys[] = { &key };
	assert_int_equal(checkpoint_open(seal.checkpoint, seal.origin, keys, 1, &verified, NULL), OK);
	statement_leaf_hash(sealed->statement, hash);
	assert_int_equal(merkle_path_root(seal.index, verified.checkpoint.size, hash, seal.path, root), OK);
	assert_memory_equal(root, verified.checkpoint.root, DIGEST_SIZE);
	note_key_release(&key);
	return statement;
}

// ---- requests of others ----

static void test_replay_is_refused(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	assert_int_equal(commit(fixture), ERR_REPLAYED);
	restart(fixture);
	assert_int_equal(commit(fixture), ERR_REPLAYED);
	buffer_clear(&fixture->bytes);
	assert_int_equal(ledger_report_existing(fixture->ledger, &fixture->made.record, &fixture->bytes), OK);
	assert_int_equal(report(fixture, MAKE_PEER), OK);
	assert_true(fixture->report.has_request && fixture->report.has_received && fixture->report.has_outcome);
	assert_false(fixture->report.has_foreign_outcome);
}

static void test_replay_within_one_batch(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made);
	struct ledger_record records[2] = { fixture->made.record, fixture->made.record };
	assert_int_equal(ledger_commit(fixture->ledger, records, 2, &fixture->batch), OK);
	assert_int_equal(records[0].code, OK);
	assert_int_equal(records[1].code, ERR_REPLAYED);
	assert_int_equal(fixture->batch.leaves, 1);
	buffer_clear(&fixture->bytes);
	assert_int_equal(ledger_report_existing(fixture->ledger, &records[1], &fixture->bytes), OK);
}

// A third party that uses the id of another's request does not keep the other from being served.
static void test_id_burnt_by_a_third_party(void **state)
{
	struct fixture *fixture = *state;
	uint8_t hash[DIGEST_SIZE] = "another statement";
	make_received(&fixture->made, STATEMENT_REQUEST, hash, hash, "besa/XK/GOV/ATK/gw1/2026");
	assert_int_equal(commit(fixture), OK);
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	assert_int_equal(commit(fixture), ERR_REPLAYED);
}

static void test_window(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	sim_clock_advance(59 * second);
	assert_int_equal(commit(fixture), ERR_REPLAYED);
	sim_clock_advance(30 * second);
	assert_int_equal(commit(fixture), ERR_EXPIRED);
	restart(fixture);
	assert_int_equal(commit(fixture), ERR_EXPIRED);
	// An id from the future.
	sim_clock_advance(10 * second);
	identifier_new_uuid(fixture->made.id);
	sim_clock_advance(-10 * second);
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), ERR_CLOCK_SKEW);
}

// A clock that ran ahead for a while and was put right: the ledger does not go back, and says what is wrong.
static void test_clock_that_was_ahead(void **state)
{
	struct fixture *fixture = *state;
	sim_clock_advance(3600 * second);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	sim_clock_advance(-3600 * second);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), ERR_CLOCK_SKEW);
	sim_clock_advance(3600 * second);
	identifier_new_uuid(fixture->made.id);
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
}

static void test_replay_in_the_next_shard(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	fixture->config.shards = next_year;
	restart(fixture);
	assert_true(slice_is(ledger_origin(fixture->ledger), MAKE_LEDGER "/2027"));
	make_taken_attempt(&fixture->made, "2027", 2);
	assert_int_equal(commit(fixture), ERR_REPLAYED);
	// What the old shard left open was sealed in the new one; the old leaf by the old shard's published head.
	struct arena arena;
	assert_int_equal(report(fixture, MAKE_PEER), OK);
	assert_true(fixture->report.has_received && fixture->report.has_outcome);
	struct statement received = check_sealed(fixture, &fixture->report.received, &arena);
	assert_int_equal(received.type, STATEMENT_RECEIVED);
	arena_release(&arena);
	struct statement outcome = check_sealed(fixture, &fixture->report.outcome, &arena);
	assert_int_equal(outcome.body.response.outcome, STATEMENT_OUTCOME_INTERRUPTED);
	arena_release(&arena);
}

static void test_one_response(void **state)
{
	struct fixture *fixture = *state;
	memcpy(fixture->made.request_hash, make_digest_bytes, DIGEST_SIZE);
	make_response(&fixture->made, STATEMENT_OUTCOME_ANSWERED);
	assert_int_equal(commit(fixture), ERR_NOT_FOUND); // nothing was taken
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	make_response(&fixture->made, STATEMENT_OUTCOME_REFUSED);
	assert_int_equal(commit(fixture), ERR_EXISTS); // of a copy: the one that was taken goes on
	make_response(&fixture->made, STATEMENT_OUTCOME_ANSWERED);
	assert_int_equal(commit(fixture), OK);
	make_response(&fixture->made, STATEMENT_OUTCOME_FAILED);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	restart(fixture);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	struct arena arena;
	assert_int_equal(report(fixture, MAKE_PEER), OK);
	struct statement outcome = check_sealed(fixture, &fixture->report.outcome, &arena);
	assert_int_equal(outcome.body.response.outcome, STATEMENT_OUTCOME_ANSWERED);
	arena_release(&arena);
	assert_int_equal(report(fixture, "XK/GOV/ATK"), ERR_NOT_FOUND);
	assert_int_equal(report(fixture, ""), ERR_NOT_FOUND);
}

static void test_refusal_without_taking(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made); // for its hash
	make_response(&fixture->made, STATEMENT_OUTCOME_REFUSED);
	assert_int_equal(commit(fixture), OK);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), ERR_REPLAYED); // refused is refused
	restart(fixture);
	assert_int_equal(commit(fixture), ERR_REPLAYED);
	buffer_clear(&fixture->bytes);
	assert_int_equal(ledger_report_existing(fixture->ledger, &fixture->made.record, &fixture->bytes), OK);
}

static void test_open_request_is_interrupted_at_restart(void **state)
{
	struct fixture *fixture = *state;
	struct arena arena;
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	restart(fixture);
	assert_int_equal(report(fixture, MAKE_PEER), OK);
	struct statement outcome = check_sealed(fixture, &fixture->report.outcome, &arena);
	assert_int_equal(outcome.body.response.outcome, STATEMENT_OUTCOME_INTERRUPTED);
	assert_true(slice_is(outcome.body.response.reason, "interrupted"));
	assert_memory_equal(outcome.body.response.request_hash.data, fixture->made.request_hash, DIGEST_SIZE);
	arena_release(&arena);
	make_response(&fixture->made, STATEMENT_OUTCOME_ANSWERED);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	uint64_t size = ledger_size(fixture->ledger);
	restart(fixture);
	assert_int_equal(ledger_size(fixture->ledger), size); // not sealed again
}

static void test_open_request_of_a_worker_is_interrupted(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made);
	fixture->made.record.owner = 3;
	assert_int_equal(commit(fixture), OK);
	uint64_t size = ledger_size(fixture->ledger);
	ledger_orphan(fixture->ledger, 2);
	result_ignore(ledger_tick(fixture->ledger) >= 0 ? OK : ERR_STATE);
	assert_int_equal(ledger_size(fixture->ledger), size);
	ledger_orphan(fixture->ledger, 3);
	result_ignore(ledger_tick(fixture->ledger) >= 0 ? OK : ERR_STATE);
	assert_int_equal(ledger_size(fixture->ledger), size + 1);
	assert_int_equal(report(fixture, MAKE_PEER), OK);
	assert_true(fixture->report.has_outcome);
}

// A request that a worker never closes is closed when its time is over.
static void test_forgotten_request_is_interrupted(void **state)
{
	struct fixture *fixture = *state;
	make_taken(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	uint64_t size = ledger_size(fixture->ledger);
	sim_clock_advance(90 * second);
	result_ignore(ledger_tick(fixture->ledger) >= 0 ? OK : ERR_STATE);
	assert_int_equal(ledger_size(fixture->ledger), size + 1);
	restart(fixture);
	assert_int_equal(ledger_size(fixture->ledger), size + 1);
	// Beyond the window it is found by looking through the journal, which is rationed.
	sim_clock_advance(2 * second);
	assert_int_equal(report(fixture, MAKE_PEER), OK);
	assert_true(fixture->report.has_received && fixture->report.has_outcome);
	assert_int_equal(report(fixture, MAKE_PEER), ERR_BUSY);
}

// ---- own requests ----

static void test_own_request(void **state)
{
	struct fixture *fixture = *state;
	make_answer(&fixture->made);
	assert_int_equal(commit(fixture), ERR_NOT_FOUND);
	make_request(&fixture->made, 1);
	assert_int_equal(commit(fixture), OK);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	make_request(&fixture->made, 2);
	assert_int_equal(commit(fixture), OK);
	make_request(&fixture->made, 1);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	make_answer(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	make_request(&fixture->made, 3);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	restart(fixture);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	assert_int_equal(report(fixture, ""), OK);
	assert_true(fixture->report.has_request && fixture->report.has_received &&
		    fixture->report.has_foreign_outcome && !fixture->report.has_outcome);
}

static void test_own_request_unanswered(void **state)
{
	struct fixture *fixture = *state;
	make_request(&fixture->made, 1);
	assert_int_equal(commit(fixture), OK);
	struct ledger_record *record = &fixture->made.record;
	uint8_t other[DIGEST_SIZE] = "not this request";
	merkle_leaf_hash(record->leaf, fixture->made.request_hash);
	uint8_t hash[DIGEST_SIZE];
	memcpy(hash, fixture->made.request_hash, sizeof hash);
	memcpy(fixture->made.request_hash, other, sizeof other);
	make_unanswered(&fixture->made);
	assert_int_equal(commit(fixture), ERR_NOT_FOUND);
	memcpy(fixture->made.request_hash, hash, sizeof hash);
	make_unanswered(&fixture->made);
	assert_int_equal(commit(fixture), OK);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	restart(fixture);
	assert_int_equal(commit(fixture), ERR_EXISTS);
	make_answer(&fixture->made); // late, but evidence all the same
	assert_int_equal(commit(fixture), OK);
}

static void test_own_request_is_given_up_at_restart(void **state)
{
	struct fixture *fixture = *state;
	struct arena arena;
	make_request(&fixture->made, 1);
	assert_int_equal(commit(fixture), OK);
	restart(fixture);
	assert_int_equal(report(fixture, ""), OK);
	struct statement outcome = check_sealed(fixture, &fixture->report.outcome, &arena);
	assert_int_equal(outcome.type, STATEMENT_UNANSWERED);
	assert_true(slice_is(outcome.body.unanswered.reason, "interrupted"));
	arena_release(&arena);
	struct statement request = check_sealed(fixture, &fixture->report.request, &arena);
	assert_int_equal(request.type, STATEMENT_REQUEST);
	arena_release(&arena);
}

// ---- who may say what ----

static void test_other_records_of_a_batch_stand(void **state)
{
	struct fixture *fixture = *state;
	struct made made[5];
	struct ledger_record records[5];
	for (int i = 0; i < 5; i++) {
		made_init(&made[i]);
		identifier_new_uuid(made[i].id);
		make_request(&made[i], 1);
	}
	union statement_body foreign =
	    make_request_body(made[1].id, MAKE_PEER_SUBSYSTEM, MAKE_SUBSYSTEM, MAKE_LEDGER "/2026", 1);
	made_encode(&made[1], STATEMENT_REQUEST, &foreign); // speaks for another member
	for (int i = 0; i < 5; i++) {
		records[i] = made[i].record;
	}
	records[2].type = STATEMENT_KEY; // not a worker's
	records[3].body.size--;          // malformed
	assert_int_equal(ledger_commit(fixture->ledger, records, 5, &fixture->batch), OK);
	assert_int_equal(records[0].code, OK);
	assert_int_equal(records[1].code, ERR_MEMBER_MISMATCH);
	assert_int_equal(records[2].code, ERR_PERMISSION);
	assert_int_equal(records[3].code, ERR_STATEMENT_INVALID);
	assert_int_equal(records[4].code, OK);
	assert_int_equal(records[4].index, records[0].index + 1);
	for (int i = 0; i < 5; i++) {
		made_release(&made[i]);
	}
}

static void test_time_never_goes_back(void **state)
{
	struct fixture *fixture = *state;
	make_request(&fixture->made, 1);
	assert_int_equal(commit(fixture), OK);
	int64_t time_us = fixture->made.record.time_us;
	sim_clock_advance(-3 * second);
	make_request(&fixture->made, 2);
	assert_int_equal(commit(fixture), OK);
	assert_true(fixture->made.record.time_us >= time_us);
	restart(fixture);
	make_request(&fixture->made, 3);
	assert_int_equal(commit(fixture), OK);
	assert_true(fixture->made.record.time_us >= time_us);
}

// ---- shards and space ----

static void test_key_statement_names_the_shard_before(void **state)
{
	struct fixture *fixture = *state;
	make_request(&fixture->made, 1);
	assert_int_equal(commit(fixture), OK);
	uint64_t size = ledger_size(fixture->ledger);
	uint8_t root[DIGEST_SIZE];
	memcpy(root, fixture->batch.root, sizeof root);
	assert_int_equal(ledger_retire(fixture->ledger, "rotation"), OK);
	assert_int_equal(ledger_state(fixture->ledger), ERR_LEDGER_CLOSED);
	assert_int_equal(ledger_commit(fixture->ledger, &fixture->made.record, 1, &fixture->batch), ERR_LEDGER_CLOSED);
	restart(fixture);
	assert_true(slice_is(ledger_origin(fixture->ledger), MAKE_LEDGER "/2026-2"));
	struct ledger_reader *reader = NULL;
	struct ledger_entry entry;
	struct statement first;
	struct arena arena;
	arena_init(&arena, STATEMENT_ARENA_MAX);
	assert_int_equal(ledger_reader_open("/ledger/2026-2", 0, &reader, NULL), OK);
	assert_int_equal(ledger_reader_next(reader, &entry, NULL), OK);
	assert_int_equal(statement_parse(entry.leaf, &arena, &first, NULL), OK);
	assert_int_equal(first.type, STATEMENT_KEY);
	assert_true(slice_is(first.body.key.previous_origin, MAKE_LEDGER "/2026"));
	assert_int_equal(first.body.key.previous_size, size);
	assert_memory_equal(first.body.key.previous_root.data, root, DIGEST_SIZE);
	assert_true(slice_is(first.body.key.reason, "rotation"));
	ledger_reader_close(reader);
	arena_release(&arena);
	assert_int_equal(ledger_retire(fixture->ledger, "rotation"), OK);
	ledger_abandon(fixture->ledger);
	fixture->ledger = NULL;
	sim_disk_process_ended();
	assert_int_equal(ledger_open(&fixture->config, &fixture->ledger, NULL), ERR_LEDGER_CLOSED);
}

// A full disk stops new exchanges, lets those under way end, and passes by itself.
static void test_full_disk(void **state)
{
	struct fixture *fixture = *state;
	struct made open;
	made_init(&open);
	identifier_new_uuid(open.id);
	make_taken(&open);
	assert_int_equal(ledger_commit(fixture->ledger, &open.record, 1, &fixture->batch), OK);
	sim_disk_space(0); // nothing may grow
	result code = OK;
	int taken = 0;
	while (code == OK && taken < 1000) {
		identifier_new_uuid(fixture->made.id);
		make_request(&fixture->made, 1);
		code = commit(fixture);
		taken += code == OK;
		result_ignore(ledger_tick(fixture->ledger) >= 0 ? OK : ERR_STATE);
	}
	assert_int_equal(code, ERR_DISK_FULL);
	assert_int_equal(ledger_state(fixture->ledger), ERR_DISK_FULL);
	assert_false(ledger_must_reopen(fixture->ledger));
	make_response(&open, STATEMENT_OUTCOME_ANSWERED);
	assert_int_equal(ledger_commit(fixture->ledger, &open.record, 1, &fixture->batch), OK);
	assert_int_equal(open.record.code, OK);
	sim_disk_space(UINT64_MAX);
	for (int i = 0; i < 10; i++) {
		result_ignore(ledger_tick(fixture->ledger) >= 0 ? OK : ERR_STATE);
	}
	assert_int_equal(ledger_state(fixture->ledger), OK);
	assert_int_equal(commit(fixture), OK);
	made_release(&open);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_replay_is_refused),
		TEST(test_replay_within_one_batch),
		TEST(test_id_burnt_by_a_third_party),
		TEST(test_window),
		TEST(test_clock_that_was_ahead),
		TEST(test_replay_in_the_next_shard),
		TEST(test_one_response),
		TEST(test_refusal_without_taking),
		TEST(test_open_request_is_interrupted_at_restart),
		TEST(test_open_request_of_a_worker_is_interrupted),
		TEST(test_forgotten_request_is_interrupted),
		TEST(test_own_request),
		TEST(test_own_request_unanswered),
		TEST(test_own_request_is_given_up_at_restart),
		TEST(test_other_records_of_a_batch_stand),
		TEST(test_time_never_goes_back),
		TEST(test_key_statement_names_the_shard_before),
		TEST(test_full_disk),
	};
	return cmocka_run_group_tests_name("rules of the ledger", tests, NULL, NULL);
}
