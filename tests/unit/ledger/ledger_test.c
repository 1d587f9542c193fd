// SPDX-License-Identifier: EUPL-1.2
//
// A ledger in real files: seals that strangers accept, segments, proofs, erasing, and every kind of tampering found.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include "base/disk.h"
#include "crypto/checkpoint.h"
#include "ledger/journal_walk.h"
#include "ledger/reader.h"
#include "ledger/verify.h"
#include "tests/unit/ledger/ledger_make.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEGMENT = 64 * 1024, FLIPS = 400 };

static const char *const shards[] = { "2026", "2026-2" };

struct fixture {
	char directory[64];
	char shard[80];
	struct ledger_config config;
	struct ledger *ledger;
	struct note_key keys[2];
	char first_finding[FAULT_TEXT_MAX];
};

static void remove_all(const char *directory)
{
	char command[160];
	snprintf(command, sizeof command, "%s", directory);
	pid_t child = fork();
	if (child == 0) {
		execlp("rm", "rm", "-rf", command, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	assert_true(waitpid(child, &status, 0) == child);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	snprintf(fixture->directory, sizeof fixture->directory, "/tmp/besa-ledger-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->shard, sizeof fixture->shard, "%s/2026", fixture->directory);
	fixture->config = (struct ledger_config){
		.directory = fixture->directory,
		.ledger = MAKE_LEDGER,
		.shards = shards,
		.shard_count = 2,
		.segment_size = SEGMENT,
	};
	memcpy(fixture->config.seal_certificate_digest, make_digest_bytes, DIGEST_SIZE);
	assert_int_equal(key_generate(KEY_P256, &fixture->config.seal_key), OK);
	assert_int_equal(key_generate(KEY_ED25519, &fixture->config.ed25519_key), OK);
	struct slice origin = slice_text(MAKE_LEDGER "/2026");
	assert_int_equal(note_key_init(&fixture->keys[0], origin, NOTE_ECDSA, key_public_of(fixture->config.seal_key)),
			 OK);
	assert_int_equal(
	    note_key_init(&fixture->keys[1], origin, NOTE_ED25519, key_public_of(fixture->config.ed25519_key)), OK);
	assert_int_equal(ledger_open(&fixture->config, &fixture->ledger, NULL), OK);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	ledger_close(fixture->ledger);
	note_key_release(&fixture->keys[0]);
	note_key_release(&fixture->keys[1]);
	key_private_free(fixture->config.seal_key);
	key_private_free(fixture->config.ed25519_key);
	remove_all(fixture->directory);
	free(fixture);
	return 0;
}

static void reopen(struct fixture *fixture)
{
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	struct fault fault = { "" };
	result code = ledger_open(&fixture->config, &fixture->ledger, &fault);
	if (code != OK) {
		print_error("%s\n", fault.text);
	}
	assert_int_equal(code, OK);
}

// Takes `count` requests, answers most, one batch each.
static void fill(struct fixture *fixture, int count)
{
	struct made made;
	struct ledger_batch batch;
	made_init(&made);
	for (int i = 0; i < count; i++) {
		identifier_new_uuid(made.id);
		if (i % 3 == 0) {
			make_private_request(&made);
		} else {
			make_taken(&made);
		}
		assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
		assert_int_equal(made.record.code, OK);
		buffer_clear(&made.private_part);
		if (i % 3 == 1) {
			make_response(&made, STATEMENT_OUTCOME_ANSWERED);
			assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
			assert_int_equal(made.record.code, OK);
		}
		assert_true(ledger_tick(fixture->ledger) >= -1);
	}
	made_release(&made);
}

static void note_finding(void *context, const struct ledger_finding *finding)
{
	struct fixture *fixture = context;
	if (fixture->first_finding[0] == '\0') {
		memcpy(fixture->first_finding, finding->text, sizeof fixture->first_finding);
	}
}

static result verify(struct fixture *fixture, struct ledger_verify_report *report)
{
	const struct note_key *keys[] = { &fixture->keys[0], &fixture->keys[1] };
	struct ledger_verify_options options = { .keys = keys, .key_count = 2 };
	struct fault fault = { "" };
	fixture->first_finding[0] = '\0';
	result code = ledger_verify(fixture->shard, &options, note_finding, fixture, report, &fault);
	if (code != OK && code != ERR_TAMPERED) {
		print_error("%s\n", fault.text);
	}
	return code;
}

// ---- in order ----

static void test_seals_hold(void **state)
{
	struct fixture *fixture = *state;
	struct made made[3];
	struct ledger_record records[3];
	struct ledger_batch batch;
	struct buffer seal;
	struct envelope_seal parsed;
	struct checkpoint_verified verified;
	const struct note_key *keys[] = { &fixture->keys[0] };
	fill(fixture, 5);
	buffer_init(&seal, ENVELOPE_SEAL_MAX);
	for (int i = 0; i < 3; i++) {
		made_init(&made[i]);
		identifier_new_uuid(made[i].id);
		make_request(&made[i], 1);
		records[i] = made[i].record;
	}
	assert_int_equal(ledger_commit(fixture->ledger, records, 3, &batch), OK);
	for (int i = 0; i < 3; i++) {
		uint8_t hash[DIGEST_SIZE];
		uint8_t root[DIGEST_SIZE];
		buffer_clear(&seal);
		assert_int_equal(ledger_append_seal(fixture->ledger, &records[i], &seal), OK);
		assert_int_equal(envelope_decode_seal(buffer_slice(&seal), &parsed, NULL), OK);
		assert_int_equal(checkpoint_open(parsed.checkpoint, parsed.origin, keys, 1, &verified, NULL), OK);
		statement_leaf_hash(records[i].leaf, hash);
		assert_int_equal(merkle_path_root(parsed.index, verified.checkpoint.size, hash, parsed.path, root), OK);
		assert_memory_equal(root, verified.checkpoint.root, DIGEST_SIZE);
		// The worker assembles the same leaf from what it is told.
		struct buffer leaf;
		buffer_init(&leaf, STATEMENT_LEAF_MAX);
		statement_append_leaf(&leaf, records[i].type, ledger_member(fixture->ledger), records[i].time_us,
				      records[i].blinder, records[i].body);
		assert_true(slice_equal(buffer_slice(&leaf), records[i].leaf));
		buffer_release(&leaf);
		made_release(&made[i]);
	}
	buffer_release(&seal);
}

static void test_segments_and_proofs(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_verify_report report;
	fill(fixture, 150);
	reopen(fixture);
	fill(fixture, 20);
	uint64_t size = ledger_size(fixture->ledger);
	struct buffer proof;
	buffer_init(&proof, MERKLE_PROOF_SIZE_MAX);
	for (uint64_t i = 0; i < size; i += 7) {
		buffer_clear(&proof);
		assert_int_equal(ledger_prove_inclusion(fixture->ledger, i, size, &proof), OK);
		buffer_clear(&proof);
		assert_int_equal(ledger_prove_inclusion(fixture->ledger, i, i + 1, &proof), OK);
		buffer_clear(&proof);
		assert_int_equal(ledger_prove_consistency(fixture->ledger, i, size, &proof), OK);
	}
	assert_int_equal(ledger_prove_inclusion(fixture->ledger, size, size, &proof), ERR_ARGUMENT);
	assert_int_equal(ledger_prove_consistency(fixture->ledger, 2, size + 1, &proof), ERR_ARGUMENT);
	buffer_release(&proof);
	reopen(fixture);
	assert_int_equal(verify(fixture, &report), OK);
	assert_true(report.segments > 3);
	assert_int_equal(report.leaves, ledger_size(fixture->ledger));
	assert_true(report.signatures > 100);
	assert_false(report.torn_tail);
}

static void test_nodes_are_rebuilt(void **state)
{
	struct fixture *fixture = *state;
	char path[128];
	fill(fixture, 60);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	snprintf(path, sizeof path, "%s/nodes", fixture->shard);
	assert_int_equal(unlink(path), 0);
	reopen(fixture);
	struct buffer proof;
	buffer_init(&proof, MERKLE_PROOF_SIZE_MAX);
	assert_int_equal(ledger_prove_inclusion(fixture->ledger, 0, ledger_size(fixture->ledger), &proof), OK);
	buffer_release(&proof);
}

static void test_reader(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_reader *reader = NULL;
	struct ledger_entry entry;
	fill(fixture, 90);
	uint64_t size = ledger_size(fixture->ledger);
	assert_int_equal(ledger_reader_open(fixture->shard, size / 2, &reader, NULL), OK);
	for (uint64_t index = size / 2; index < size; index++) {
		assert_int_equal(ledger_reader_next(reader, &entry, NULL), OK);
		assert_int_equal(entry.index, index);
	}
	assert_int_equal(ledger_reader_next(reader, &entry, NULL), ERR_NOT_FOUND);
	fill(fixture, 1); // a reader follows a live ledger
	assert_int_equal(ledger_reader_next(reader, &entry, NULL), OK);
	assert_int_equal(entry.index, size);
	ledger_reader_close(reader);
}

static void test_one_process_at_a_time(void **state)
{
	struct fixture *fixture = *state;
	struct ledger *second = NULL;
	assert_int_equal(ledger_open(&fixture->config, &second, NULL), ERR_BUSY);
}

static void test_clean_restart_adds_nothing(void **state)
{
	struct fixture *fixture = *state;
	uint64_t size = ledger_size(fixture->ledger);
	reopen(fixture);
	reopen(fixture);
	assert_int_equal(ledger_size(fixture->ledger), size);
}

// ---- erasing ----

static void test_erasing_leaves_proofs(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_verify_report report;
	struct made made;
	struct ledger_batch batch;
	uint32_t erased = 0;
	made_init(&made);
	identifier_new_uuid(made.id);
	make_private_request(&made);
	assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
	uint64_t index = made.record.index;
	fill(fixture, 5);
	assert_int_equal(ledger_erase(fixture->ledger, made.id, slice_of(NULL, 0),
				      LEDGER_ERASE_PRIVATE | LEDGER_ERASE_SALT, &erased),
			 OK);
	assert_int_equal(erased, 2);
	assert_int_equal(ledger_erase(fixture->ledger, made.id, slice_of(NULL, 0), LEDGER_ERASE_PRIVATE, &erased), OK);
	assert_int_equal(erased, 0);
	struct buffer proof;
	buffer_init(&proof, MERKLE_PROOF_SIZE_MAX);
	assert_int_equal(ledger_prove_inclusion(fixture->ledger, index, ledger_size(fixture->ledger), &proof), OK);
	buffer_release(&proof);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	assert_int_equal(verify(fixture, &report), OK);
	assert_int_equal(report.private_erased, 1);
	assert_int_equal(report.salts_erased, 1);
	made_release(&made);
}

// The personal number stands in the private part only: after erasing, in no file at all.
static bool directory_holds(const char *directory, const char *text)
{
	pid_t child = fork();
	if (child == 0) {
		execlp("grep", "grep", "-rqa", text, directory, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_erased_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct made made;
	struct ledger_batch batch;
	uint32_t erased = 0;
	made_init(&made);
	identifier_new_uuid(made.id);
	make_private_request(&made);
	assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
	assert_true(directory_holds(fixture->directory, "1234567890"));
	assert_int_equal(ledger_erase(fixture->ledger, made.id, slice_of(NULL, 0), LEDGER_ERASE_PRIVATE, &erased), OK);
	assert_false(directory_holds(fixture->directory, "1234567890"));
	made_release(&made);
}

// ---- tampering ----

struct file_bytes {
	char path[128];
	uint8_t *data;
	size_t size;
};

static struct file_bytes read_file(const char *directory, const char *name)
{
	struct file_bytes file = { 0 };
	struct stat status;
	snprintf(file.path, sizeof file.path, "%s/%s", directory, name);
	int fd = open(file.path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	file.size = (size_t)status.st_size;
	file.data = malloc(file.size);
	assert_true(read(fd, file.data, file.size) == (ssize_t)file.size);
	close(fd);
	return file;
}

static void write_bytes(const struct file_bytes *file, size_t offset, const void *bytes, size_t size)
{
	int fd = open(file->path, O_WRONLY);
	assert_true(fd >= 0 && pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size);
	close(fd);
}

static void test_flipped_bytes_are_found(void **state)
{
	struct fixture *fixture = *state;
	struct ledger_verify_report report;
	fill(fixture, 60);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	assert_int_equal(verify(fixture, &report), OK);
	for (int i = 0; i < FLIPS; i++) {
		char name[JOURNAL_NAME_SIZE];
		uint32_t dice[3];
		random_bytes(dice, sizeof dice);
		journal_segment_name(1 + dice[0] % report.segments, name);
		struct ledger_verify_report after;
		struct file_bytes file = read_file(fixture->shard, name);
		size_t at = dice[1] % file.size;
		uint8_t byte = file.data[at] ^ (uint8_t)(1 << dice[2] % 8);
		write_bytes(&file, at, &byte, 1);
		result code = verify(fixture, &after);
		if (code != ERR_TAMPERED && !after.torn_tail) {
			print_error("%s: a flipped bit at %zu was not found\n", name, at);
			fail();
		}
		write_bytes(&file, at, &file.data[at], 1);
		free(file.data);
	}
	assert_int_equal(verify(fixture, &report), OK);
}

// The head of a batch in a segment's bytes, counted from 0; its size.
static size_t batch_at(const struct file_bytes *file, int number, size_t *ret_size)
{
	size_t at = JOURNAL_BLOCK;
	for (int i = 0;; i++) {
		uint32_t size = 0;
		memcpy(&size, file->data + at + 60, 4);
		*ret_size = size;
		if (i == number) {
			return at;
		}
		at += size;
	}
}

static void expect_damage(struct fixture *fixture, const struct file_bytes *file)
{
	struct ledger_verify_report report;
	assert_int_equal(verify(fixture, &report), ERR_TAMPERED);
	write_bytes(file, 0, file->data, file->size);
	assert_int_equal(verify(fixture, &report), OK);
}

static void test_removed_reordered_and_replayed_records_are_found(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 0;
	size_t next_size = 0;
	fill(fixture, 12);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	struct file_bytes file = read_file(fixture->shard, "segment-00000001");
	size_t third = batch_at(&file, 3, &size);
	size_t fourth = batch_at(&file, 4, &next_size);
	assert_int_equal(size, next_size);
	// Swapped.
	write_bytes(&file, third, file.data + fourth, size);
	write_bytes(&file, fourth, file.data + third, size);
	expect_damage(fixture, &file);
	// The first one twice.
	write_bytes(&file, fourth, file.data + third, size);
	expect_damage(fixture, &file);
	// Removed: everything after it moved down.
	write_bytes(&file, third, file.data + fourth, file.size - fourth);
	expect_damage(fixture, &file);
	// Zeroed.
	uint8_t *zeros = calloc(1, size);
	write_bytes(&file, third, zeros, size);
	expect_damage(fixture, &file);
	// The end cut off: the published checkpoint and the nodes know better.
	uint8_t *rest = calloc(1, file.size);
	write_bytes(&file, fourth, rest, file.size - fourth);
	expect_damage(fixture, &file);
	free(rest);
	free(zeros);
	free(file.data);
}

static void test_zeros_without_a_mark_are_found(void **state)
{
	struct fixture *fixture = *state;
	struct made made;
	struct ledger_batch batch;
	made_init(&made);
	identifier_new_uuid(made.id);
	make_private_request(&made);
	assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	struct file_bytes file = read_file(fixture->shard, "segment-00000001");
	uint8_t *part = memmem(file.data, file.size, made.private_part.data, made.private_part.size);
	assert_non_null(part);
	uint8_t zeros[256] = { 0 };
	write_bytes(&file, (size_t)(part - file.data), zeros, made.private_part.size);
	struct ledger_verify_report report;
	assert_int_equal(verify(fixture, &report), ERR_TAMPERED);
	assert_non_null(strstr(fixture->first_finding, "no mark"));
	free(file.data);
	made_release(&made);
}

// Recovery meets damage before the end: the shard is closed, never written again, and the next one named after it.
static void test_damage_opens_the_next_shard(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 0;
	fill(fixture, 6);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	struct file_bytes file = read_file(fixture->shard, "segment-00000001");
	size_t at = batch_at(&file, 4, &size) + JOURNAL_BATCH_HEAD + JOURNAL_RECORD_HEAD + 40;
	uint8_t byte = file.data[at] ^ 1;
	write_bytes(&file, at, &byte, 1);
	free(file.data);
	reopen(fixture);
	assert_true(slice_is(ledger_origin(fixture->ledger), MAKE_LEDGER "/2026-2"));
	assert_int_equal(ledger_size(fixture->ledger), 1);
	struct file_bytes after = read_file(fixture->shard, "segment-00000001");
	assert_int_equal(after.data[at], byte);
	free(after.data);
	struct file_bytes closed = read_file(fixture->shard, "closed");
	assert_memory_equal(closed.data, "damage", 6);
	free(closed.data);
	// What the damaged shard may have taken is not taken again as a later attempt; a first attempt that names this
	// shard is.
	struct made made;
	struct ledger_batch batch;
	made_init(&made);
	identifier_new_uuid(made.id);
	make_taken_attempt(&made, "2026-2", 2);
	assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
	assert_int_equal(made.record.code, ERR_EXPIRED);
	make_taken_attempt(&made, "2026-2", 1);
	assert_int_equal(ledger_commit(fixture->ledger, &made.record, 1, &batch), OK);
	assert_int_equal(made.record.code, OK);
	made_release(&made);
	reopen(fixture); // stays there
	assert_true(slice_is(ledger_origin(fixture->ledger), MAKE_LEDGER "/2026-2"));
}

static void test_flipped_bytes_never_reopen_a_shard_with_another_tree(void **state)
{
	struct fixture *fixture = *state;
	fill(fixture, 20);
	ledger_close(fixture->ledger);
	fixture->ledger = NULL;
	struct buffer note;
	struct checkpoint_verified verified;
	const struct note_key *keys[] = { &fixture->keys[0], &fixture->keys[1] };
	struct file_bytes published = read_file(fixture->shard, "checkpoint");
	assert_int_equal(checkpoint_open(slice_of(published.data, published.size), slice_text(MAKE_LEDGER "/2026"),
					 keys, 2, &verified, NULL),
			 OK);
	buffer_init(&note, MERKLE_PROOF_SIZE_MAX);
	for (int i = 0; i < 40; i++) {
		uint32_t dice[3];
		char copy[80];
		random_bytes(dice, sizeof dice);
		snprintf(copy, sizeof copy, "%s-copy", fixture->directory);
		pid_t child = fork();
		if (child == 0) {
			execlp("cp", "cp", "-a", fixture->directory, copy, (char *)NULL);
			_exit(127);
		}
		int status = 0;
		assert_true(waitpid(child, &status, 0) == child && status == 0);
		char shard[96];
		snprintf(shard, sizeof shard, "%s/2026", copy);
		struct file_bytes file = read_file(shard, "segment-00000001");
		size_t at = dice[1] % file.size;
		uint8_t byte = file.data[at] ^ (uint8_t)(1 << dice[2] % 8);
		write_bytes(&file, at, &byte, 1);
		free(file.data);
		struct ledger_config config = fixture->config;
		struct ledger *ledger = NULL;
		config.directory = copy;
		assert_int_equal(ledger_open(&config, &ledger, NULL), OK);
		if (slice_is(ledger_origin(ledger), MAKE_LEDGER "/2026")) {
			buffer_clear(&note);
			assert_int_equal(
			    ledger_prove_consistency(ledger, verified.checkpoint.size, ledger_size(ledger), &note), OK);
			struct ledger_batch batch;
			assert_int_equal(ledger_commit(ledger, NULL, 0, &batch), OK);
		}
		ledger_abandon(ledger);
		remove_all(copy);
	}
	buffer_release(&note);
	free(published.data);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_seals_hold),
		TEST(test_segments_and_proofs),
		TEST(test_nodes_are_rebuilt),
		TEST(test_reader),
		TEST(test_one_process_at_a_time),
		TEST(test_clean_restart_adds_nothing),
		TEST(test_erasing_leaves_proofs),
		TEST(test_erased_is_gone),
		TEST(test_flipped_bytes_are_found),
		TEST(test_removed_reordered_and_replayed_records_are_found),
		TEST(test_zeros_without_a_mark_are_found),
		TEST(test_damage_opens_the_next_shard),
		TEST(test_flipped_bytes_never_reopen_a_shard_with_another_tree),
	};
	return cmocka_run_group_tests_name("ledger in files", tests, NULL, NULL);
}
