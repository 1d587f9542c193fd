// SPDX-License-Identifier: EUPL-1.2
//
// The ledger on a disk that loses, tears and reorders what was not synced: a power cut, a failing sync, a failing write
// or a lack of space at every step of a run, many seeds. After each:
//   - every acknowledged record is on record, with the bytes that were acknowledged (or, if its shard was closed by
//   damage, still
//     in that shard's files);
//   - no two heads that left the ledger under one origin contradict each other;
//   - a request that was taken is refused as a replay;
//   - the ledger goes on, or says that it cannot.
//
// BESA_SIM_SEEDS sets the number of seeds (default below), BESA_SIM_SEED runs a single one.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include "crypto/checkpoint.h"
#include "ledger/verify.h"
#include "tests/sim/sim.h"
#include "tests/unit/ledger/ledger_make.h"

#ifdef __SANITIZE_ADDRESS__
enum { SEEDS = 200 }; // ten times slower
#else
enum { SEEDS = 2000 };
#endif

enum { RECORDS_MAX = 4096, HEADS_MAX = 4096, ROUNDS = 6, STEPS = 12 };

static const char *const shards[] = { "2026", "2026-2", "2026-3", "2026-4" };

// What an outsider holds: acknowledged records and released heads.
struct acknowledged {
	char origin[64];
	uint64_t index;
	uint8_t leaf_hash[DIGEST_SIZE];
};

struct head {
	char origin[64];
	uint64_t size;
	uint8_t root[DIGEST_SIZE];
};

struct world {
	uint64_t seed;
	struct key_private *seal_key, *ed25519_key;
	struct ledger_config config;
	struct ledger *ledger;
	char failed_shard[IDENTIFIER_PART_MAX + 1];
	struct acknowledged records[RECORDS_MAX];
	size_t record_count;
	struct head heads[HEADS_MAX];
	size_t head_count;
	struct made taken[RECORDS_MAX]; // acknowledged as taken, not yet answered
	size_t taken_count;
	uint8_t ids[RECORDS_MAX][IDENTIFIER_UUID_SIZE]; // every acknowledged taken id
	size_t id_count;
	uint8_t own[RECORDS_MAX][IDENTIFIER_UUID_SIZE]; // own requests, with a private part
	size_t own_count;
};

static struct world world;

// Over all seeds: a test whose faults never happen proves nothing.
static struct {
	uint64_t records, heads, faults, full, closed_shards, used_up;
} totals;

static void fail_seed(const char *what)
{
	print_error("seed %llu: %s\n", (unsigned long long)world.seed, what);
	fail();
}

static void check(bool good, const char *what)
{
	if (!good) {
		fail_seed(what);
	}
}

// ---- what leaves the ledger ----

static void note_head(struct slice note)
{
	struct note_view view;
	struct checkpoint checkpoint;
	check(note_parse(note, &view, NULL) == OK && checkpoint_parse(view.text, &checkpoint, NULL) == OK,
	      "a bad note");
	check(world.head_count < HEADS_MAX, "too many heads");
	struct head *head = &world.heads[world.head_count++];
	snprintf(head->origin, sizeof head->origin, "%.*s", (int)checkpoint.origin.size, checkpoint.origin.data);
	head->size = checkpoint.size;
	memcpy(head->root, checkpoint.root, DIGEST_SIZE);
}

static void note_record(const struct ledger_record *record)
{
	check(world.record_count < RECORDS_MAX, "too many records");
	struct acknowledged *known = &world.records[world.record_count++];
	struct slice origin = ledger_origin(world.ledger);
	snprintf(known->origin, sizeof known->origin, "%.*s", (int)origin.size, origin.data);
	known->index = record->index;
	merkle_leaf_hash(record->leaf, known->leaf_hash);
}

// The published checkpoint has left too: any reader may have it.
static void note_published(void)
{
	size_t size = 0;
	const uint8_t *file = sim_disk_file(ledger_shard_path(world.ledger), "checkpoint", &size);
	if (file && size > 0) {
		note_head(slice_of(file, size));
	}
}

// ---- running ----

static result open_ledger(void)
{
	world.config.failed_shard = world.failed_shard;
	result code = ledger_open(&world.config, &world.ledger, NULL);
	if (code == OK) {
		world.failed_shard[0] = '\0';
	} else {
		world.ledger = NULL;
	}
	return code;
}

static void drop_ledger(void)
{
	if (world.ledger) {
		snprintf(world.failed_shard, sizeof world.failed_shard, "%s", ledger_failed_shard(world.ledger));
	}
	ledger_abandon(world.ledger);
	world.ledger = NULL;
}

// Erases the private part of some own request: a cut in between must leave it whole, or erased with a mark.
static void erase_some(void)
{
	uint32_t erased = 0;
	if (world.own_count > 0 && sim_dice(3) == 0) {
		const uint8_t *id = world.own[sim_dice(world.own_count)];
		result_ignore(ledger_erase(world.ledger, id, slice_of(NULL, 0), LEDGER_ERASE_PRIVATE, &erased));
	}
}

// One batch of a few records: requests taken, answers to some taken before, own requests.
static void step(void)
{
	enum { MOST = 5 };
	struct made made[MOST];
	struct ledger_record records[MOST];
	size_t answered[MOST];
	size_t count = 1 + sim_dice(MOST);
	struct ledger_batch batch;
	sim_clock_advance(1 + (int64_t)sim_dice(400000));
	for (size_t i = 0; i < count; i++) {
		made_init(&made[i]);
		answered[i] = SIZE_MAX;
		uint64_t dice = sim_dice(3);
		if (dice == 0 && world.taken_count > i) {
			answered[i] = world.taken_count - 1 - i;
			memcpy(made[i].id, world.taken[answered[i]].id, sizeof made[i].id);
			memcpy(made[i].request_hash, world.taken[answered[i]].request_hash, DIGEST_SIZE);
			make_response(&made[i], STATEMENT_OUTCOME_ANSWERED);
		} else {
			identifier_new_uuid(made[i].id);
			if (dice == 1) {
				make_private_request(&made[i]);
			} else {
				make_taken(&made[i]);
			}
		}
		records[i] = made[i].record;
		records[i].want_seal = sim_dice(2) == 0;
	}
	result code = ledger_commit(world.ledger, records, count, &batch);
	if (code == OK && batch.note.size > 0) {
		note_head(batch.note);
	}
	for (size_t i = 0; i < count; i++) {
		check(code == OK || records[i].code != OK, "a record of a failed batch was acknowledged");
		if (records[i].code == OK) {
			note_record(&records[i]);
			if (records[i].type == STATEMENT_REQUEST) {
				memcpy(world.own[world.own_count++], made[i].id, IDENTIFIER_UUID_SIZE);
			}
			if (records[i].type == STATEMENT_RECEIVED) {
				memcpy(world.ids[world.id_count++], made[i].id, IDENTIFIER_UUID_SIZE);
				memcpy(world.taken[world.taken_count].id, made[i].id, IDENTIFIER_UUID_SIZE);
				memcpy(world.taken[world.taken_count++].request_hash, made[i].request_hash,
				       DIGEST_SIZE);
			}
		}
		made_release(&made[i]);
	}
	result_ignore(ledger_tick(world.ledger) >= 0 ? OK : ERR_STATE);
	if (code == OK) {
		note_published();
		erase_some();
	}
}

static void run_steps(void)
{
	for (int i = 0; i < STEPS && world.ledger && !ledger_must_reopen(world.ledger); i++) {
		step();
	}
}

// ---- what must hold ----

// The present head; also seals what was left open.
static struct ledger_batch present_head(void)
{
	struct ledger_batch batch;
	check(ledger_commit(world.ledger, NULL, 0, &batch) == OK, "the ledger does not take an empty batch");
	return batch;
}

static void check_record(const struct acknowledged *known)
{
	if (!slice_is(ledger_origin(world.ledger), known->origin)) {
		return; // its shard is closed
	}
	struct ledger_batch head = present_head();
	struct buffer path;
	uint8_t root[DIGEST_SIZE];
	buffer_init(&path, MERKLE_PATH_SIZE_MAX);
	check(known->index < head.size, "an acknowledged record is gone");
	check(ledger_prove_inclusion(world.ledger, known->index, head.size, &path) == OK, "no proof of a record");
	check(merkle_path_root(known->index, head.size, known->leaf_hash, buffer_slice(&path), root) == OK,
	      "a bad path");
	check(memcmp(head.root, root, DIGEST_SIZE) == 0, "an acknowledged record was replaced");
	buffer_release(&path);
}

// Heads under the present origin lie in the present tree; any two of one origin and size are equal.
static void check_heads(void)
{
	for (size_t i = 0; i < world.head_count; i++) {
		const struct head *head = &world.heads[i];
		for (size_t j = 0; j < i; j++) {
			const struct head *other = &world.heads[j];
			bool same = strcmp(head->origin, other->origin) == 0 && head->size == other->size;
			check(!same || memcmp(head->root, other->root, DIGEST_SIZE) == 0,
			      "two heads of one size differ");
		}
		if (!slice_is(ledger_origin(world.ledger), head->origin)) {
			continue;
		}
		struct ledger_batch batch = present_head();
		struct buffer proof;
		buffer_init(&proof, MERKLE_PROOF_SIZE_MAX);
		check(head->size <= batch.size, "a released head is ahead of the ledger");
		check(ledger_prove_consistency(world.ledger, head->size, batch.size, &proof) == OK,
		      "no consistency proof");
		check(merkle_consistency_verify(head->size, head->root, batch.size, batch.root, buffer_slice(&proof)) ==
			  OK,
		      "a released head contradicts the ledger");
		buffer_release(&proof);
	}
}

static void check_replays(void)
{
	char shard[64];
	struct slice origin = ledger_origin(world.ledger);
	snprintf(shard, sizeof shard, "%.*s", (int)origin.size, origin.data);
	const char *name = strrchr(shard, '/') + 1;
	for (size_t i = 0; i < world.id_count; i++) {
		struct made made;
		struct ledger_batch batch;
		made_init(&made);
		memcpy(made.id, world.ids[i], IDENTIFIER_UUID_SIZE);
		// A second attempt, as a client would make it that heard nothing.
		make_taken_attempt(&made, name, 2);
		check(ledger_commit(world.ledger, &made.record, 1, &batch) == OK, "the ledger does not work");
		check(made.record.code == ERR_REPLAYED || made.record.code == ERR_EXPIRED, "a request was taken twice");
		made_release(&made);
	}
}

static void complain(void *context, const struct ledger_finding *finding)
{
	(void)context;
	print_error("finding: %s\n", finding->text);
}

// What an auditor would find in the files.
static void check_files(void)
{
	struct ledger_verify_report report;
	char path[128];
	snprintf(path, sizeof path, "%s", ledger_shard_path(world.ledger));
	check(ledger_verify(path, NULL, complain, NULL, &report, NULL) == OK, "the files do not verify");
	check(report.leaves == ledger_size(world.ledger) && !report.torn_tail, "the files hold another ledger");
}

static void check_all(void)
{
	for (size_t i = 0; i < world.record_count; i++) {
		check_record(&world.records[i]);
	}
	check_heads();
	check_replays();
	check_files();
}

// ---- one seed ----

static void setup_world(uint64_t seed)
{
	struct key_private *seal_key = world.seal_key;
	struct key_private *ed25519_key = world.ed25519_key;
	memset(&world, 0, sizeof world);
	world.seed = seed;
	world.seal_key = seal_key;
	world.ed25519_key = ed25519_key;
	sim_random_seed(seed);
	sim_disk_reset();
	sim_disk_direct(seed % 2 == 0);
	world.config = (struct ledger_config){
		.directory = "/ledger",
		.ledger = MAKE_LEDGER,
		.shards = shards,
		.shard_count = sizeof shards / sizeof *shards,
		.seal_key = seal_key,
		.ed25519_key = ed25519_key,
		.segment_size = 64 * 1024,
		.window_us = 60 * INT64_C(1000000),
		.skew_us = 5 * INT64_C(1000000),
	};
	memcpy(world.config.seal_certificate_digest, make_digest_bytes, DIGEST_SIZE);
}

static void one_seed(uint64_t seed)
{
	static const enum sim_fault faults[] = { SIM_POWER_CUT, SIM_POWER_CUT, SIM_SYNC_FAILS, SIM_WRITE_FAILS,
						 SIM_NONE };
	setup_world(seed);
	for (int round = 0; round < ROUNDS; round++) {
		enum sim_fault fault = faults[sim_dice(sizeof faults / sizeof *faults)];
		sim_disk_fault(fault, 1 + sim_dice(60));
		if (sim_dice(8) == 0) {
			sim_disk_space(sim_disk_used() + sim_dice(100000));
		}
		result code = open_ledger();
		if (code == OK) {
			run_steps();
		}
		totals.faults += sim_disk_faulted();
		totals.full += world.ledger && ledger_state(world.ledger) == ERR_DISK_FULL;
		if (world.ledger && fault == SIM_NONE && sim_dice(2) == 0) {
			ledger_close(world.ledger);
			world.ledger = NULL;
		}
		drop_ledger();
		bool power_off = fault == SIM_POWER_CUT || sim_dice(3) == 0;
		if (power_off) {
			world.failed_shard[0] = '\0'; // nobody remembers
			sim_disk_power_on();
		}
		sim_disk_process_ended();
		sim_disk_space(UINT64_MAX);
		code = open_ledger();
		if (code == ERR_LEDGER_CLOSED) {
			totals.used_up++; // every shard is used up: it says so
			return;
		}
		check(code == OK, "the ledger does not open");
		check_all();
		run_steps();
		check_all();
		totals.closed_shards += !slice_is(ledger_origin(world.ledger), MAKE_LEDGER "/2026");
		drop_ledger();
		sim_disk_process_ended();
		// What was left open is an orphan of the next opening: its answer would come twice.
		world.taken_count = 0;
	}
}

// The same run again and again, each time with the fault one step later, until it is beyond the end.
static void sweep(enum sim_fault fault, uint64_t seed)
{
	bool happened = true;
	for (uint64_t n = 1; happened; n++) {
		setup_world(seed);
		sim_disk_fault(fault, n);
		if (open_ledger() == OK) {
			run_steps();
		}
		happened = sim_disk_faulted();
		totals.faults += happened;
		drop_ledger();
		if (fault == SIM_POWER_CUT || n % 2 == 0) {
			sim_disk_power_on();
		}
		sim_disk_process_ended();
		check(open_ledger() == OK, "the ledger does not open");
		check_all();
		run_steps();
		check_all();
		drop_ledger();
	}
}

static void make_keys(void)
{
	if (!world.seal_key) {
		assert_int_equal(key_generate(KEY_P256, &world.seal_key), OK);
		assert_int_equal(key_generate(KEY_ED25519, &world.ed25519_key), OK);
	}
}

static void test_every_step(void **state)
{
	(void)state;
	make_keys();
	for (uint64_t seed = 1; seed <= 4; seed++) {
		sweep(SIM_POWER_CUT, seed);
		sweep(SIM_SYNC_FAILS, seed);
		sweep(SIM_WRITE_FAILS, seed);
	}
}

static void test_power(void **state)
{
	(void)state;
	const char *single = getenv("BESA_SIM_SEED");
	const char *count = getenv("BESA_SIM_SEEDS");
	make_keys();
	uint64_t from = single ? strtoull(single, NULL, 10) : 1;
	uint64_t seeds = single ? 1 : count ? strtoull(count, NULL, 10) : SEEDS;
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		one_seed(seed);
		totals.records += world.record_count;
		totals.heads += world.head_count;
	}
	print_message(
	    "# %llu records, %llu heads, %llu faults, %llu full, %llu rounds after a closed shard, %llu used up\n",
	    (unsigned long long)totals.records, (unsigned long long)totals.heads, (unsigned long long)totals.faults,
	    (unsigned long long)totals.full, (unsigned long long)totals.closed_shards,
	    (unsigned long long)totals.used_up);
	assert_true(single || (totals.faults > 0 && totals.full > 0 && totals.closed_shards > 0));
	sim_disk_reset();
	key_private_free(world.seal_key);
	key_private_free(world.ed25519_key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_step), cmocka_unit_test(test_power) };
	return cmocka_run_group_tests_name("ledger under power cuts", tests, NULL, NULL);
}
