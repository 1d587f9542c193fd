// SPDX-License-Identifier: EUPL-1.2
//
// `besa log` over a ledger that is made here: what it shows, counts and erases, and that it finds damage.
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/dispatch.h"
#include "crypto/certificate.h"
#include "ledger/ledger.h"
#include "wire/content.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

enum { TEXT_MAX = 64 * 1024, EXCHANGES = 5, SEGMENT = 256 * 1024 };

#define LEDGER "besa/XK/GOV/ASHI/gw1"
static const char user[] = "officer-seventeen";

static char directory[] = "/tmp/besa-log-test-XXXXXX";
static uint8_t exchanges[EXCHANGES][IDENTIFIER_UUID_SIZE];
static char ids[EXCHANGES][IDENTIFIER_UUID_TEXT_SIZE];

static const struct command *const commands[] = { &cmd_log_show, &cmd_log_verify, &cmd_log_contains, &cmd_log_erase,
						  NULL };

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static size_t next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", directory, name);
	return path;
}

// ---- a ledger ---------------------------------------------------------------------------------------------------

static struct keys {
	struct key_private *seal, *ed25519, *root;
	struct certificate *authority, *certificate;
} keys;

static struct certificate *issue(struct certificate_order *order, struct key_private *key)
{
	struct certificate *certificate = NULL;
	struct fault fault = { 0 };
	order->key = key_public_of(key);
	order->not_before_us = clock_wall_us() - 3600LL * 1000000;
	order->not_after_us = order->not_before_us + 86400LL * 1000000;
	bool is_root = order->profile == CERTIFICATE_ROOT;
	if (certificate_issue(order, is_root ? NULL : keys.authority, keys.root, &certificate, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	return certificate;
}

static void make_keys(void)
{
	struct certificate_order root = { .profile = CERTIFICATE_ROOT, .organisation = "o", .common_name = "root" };
	struct certificate_order seal = { .profile = CERTIFICATE_SEAL, .ledger = LEDGER };
	struct buffer pem;
	assert_int_equal(key_generate(KEY_P256, &keys.root), OK);
	assert_int_equal(key_generate(KEY_P256, &keys.seal), OK);
	assert_int_equal(key_generate(KEY_ED25519, &keys.ed25519), OK);
	keys.authority = issue(&root, keys.root);
	keys.certificate = issue(&seal, keys.seal);
	buffer_init(&pem, 65536);
	certificate_append_pem(keys.certificate, &pem);
	assert_int_equal(file_make_directory(path_of("keys"), NULL), OK);
	assert_int_equal(file_replace(path_of("keys/seal.pem"), buffer_slice(&pem), 0644, NULL), OK);
	assert_int_equal(key_save(keys.seal, path_of("keys/seal.key"), NULL), OK);
	assert_int_equal(key_save(keys.ed25519, path_of("keys/ed25519.key"), NULL), OK);
	buffer_release(&pem);
}

static void commit(struct ledger *ledger, struct ledger_record *record)
{
	struct ledger_batch batch;
	assert_int_equal(ledger_commit(ledger, record, 1, &batch), OK);
	if (record->code != OK) {
		fail_msg("%s: %s", statement_type_name(record->type), result_text(record->code));
	}
}

// A request with a private part, and (but for the last) the note that no answer came.
static void add_exchange(struct ledger *ledger, size_t number)
{
	static const uint8_t hash[32] = { 9 };
	uint8_t salt[32] = { 1 }, commitment[32], request_hash[32];
	struct buffer body, private_part;
	struct content_private part = { .salt = slice_of(salt, 32), .user = slice_text(user) };
	buffer_init(&body, 8192);
	buffer_init(&private_part, 8192);
	identifier_new_uuid(exchanges[number]);
	identifier_uuid_text(exchanges[number], ids[number]);
	assert_int_equal(content_encode_private(&part, &private_part, NULL), OK);
	content_private_commitment(buffer_slice(&private_part), commitment);
	union statement_body request = { .request = { .exchange_id = slice_of(exchanges[number], 16),
						      .client = slice_text("XK/GOV/ASHI/ekosova"),
						      .provider = slice_text("XK/GOV/ARC/population"),
						      .provider_ledger = slice_text("besa/XK/GOV/ARC/gw1/2026"),
						      .service = slice_text("a.B"),
						      .method = slice_text("Get"),
						      .contract_digest = slice_of(hash, 32),
						      .attempt = 1,
						      .issued_at_us = clock_wall_us(),
						      .deadline_us = clock_wall_us() + 1000000,
						      .payload_digest = slice_of(hash, 32),
						      .directory_size = 1,
						      .directory_root = slice_of(hash, 32),
						      .private_commitment = slice_of(commitment, 32) } };
	assert_int_equal(statement_encode_body(STATEMENT_REQUEST, &request, &body, NULL), OK);
	struct ledger_record record = { .type = STATEMENT_REQUEST,
					.want_seal = true,
					.body = buffer_slice(&body),
					.private_part = buffer_slice(&private_part),
					.salt = slice_of(salt, 32) };
	commit(ledger, &record);
	statement_leaf_hash(record.leaf, request_hash);
	if (number + 1 < EXCHANGES) {
		union statement_body note = { .unanswered = { .exchange_id = slice_of(exchanges[number], 16),
							      .client = slice_text("XK/GOV/ASHI/ekosova"),
							      .request_hash = slice_of(request_hash, 32),
							      .grpc_status = GRPC_UNAVAILABLE,
							      .reason = slice_text("peer_lost") } };
		buffer_clear(&body);
		assert_int_equal(statement_encode_body(STATEMENT_UNANSWERED, &note, &body, NULL), OK);
		struct ledger_record outcome = { .type = STATEMENT_UNANSWERED, .body = buffer_slice(&body) };
		commit(ledger, &outcome);
	}
	buffer_release(&body);
	buffer_release(&private_part);
}

static int make_ledger(void **state)
{
	(void)state;
	static const char *const shards[] = { "2026" };
	struct ledger *ledger = NULL;
	struct fault fault = { 0 };
	if (!mkdtemp(directory)) {
		return -1;
	}
	make_keys();
	assert_int_equal(file_make_directory(path_of("ledger"), NULL), OK);
	struct ledger_config config = { .directory = path_of("ledger"),
					.ledger = LEDGER,
					.shards = shards,
					.shard_count = 1,
					.seal_key = keys.seal,
					.ed25519_key = keys.ed25519,
					.segment_size = SEGMENT };
	memcpy(config.seal_certificate_digest, certificate_fingerprint(keys.certificate), DIGEST_SIZE);
	if (ledger_open(&config, &ledger, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	for (size_t i = 0; i < EXCHANGES; i++) {
		add_exchange(ledger, i);
	}
	ledger_close(ledger);
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static int remove_ledger(void **state)
{
	(void)state;
	key_private_free(keys.root);
	key_private_free(keys.seal);
	key_private_free(keys.ed25519);
	certificate_free(keys.authority);
	certificate_free(keys.certificate);
	return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// ---- commands ---------------------------------------------------------------------------------------------------

// Runs `besa log …` and gives what it printed on standard output.
static enum cli_exit run(const char *const *words, char out[TEXT_MAX])
{
	char *line[16] = { (char *)"besa", (char *)"log" };
	int count = 2;
	for (; words[count - 2]; count++) {
		line[count] = (char *)words[count - 2];
	}
	FILE *streams[2] = { tmpfile(), tmpfile() };
	enum cli_exit exit = dispatch_run(commands, count, line, streams[0], streams[1]);
	rewind(streams[0]);
	out[fread(out, 1, TEXT_MAX - 1, streams[0])] = '\0';
	if (exit == CLI_UNREACHABLE) {
		char err[1024];
		rewind(streams[1]);
		err[fread(err, 1, sizeof err - 1, streams[1])] = '\0';
		print_message("%s", err);
	}
	fclose(streams[0]);
	fclose(streams[1]);
	return exit;
}

#define RUN(out, ...) run((const char *const[]){ __VA_ARGS__, NULL }, out)

static void test_show(void **state)
{
	(void)state;
	char out[TEXT_MAX];
	assert_int_equal(RUN(out, "show", path_of("ledger")), CLI_OK);
	assert_non_null(strstr(out, "keys of " LEDGER "/2026, first"));
	assert_non_null(strstr(out, "XK/GOV/ASHI/ekosova asks XK/GOV/ARC/population: a.B/Get"));
	assert_non_null(strstr(out, "unanswered UNAVAILABLE peer_lost"));
	assert_non_null(strstr(out, ids[2]));
	assert_null(strstr(out, user)); // personal data is not shown in passing
	assert_int_equal(RUN(out, "show", path_of("ledger/2026"), "--exchange", ids[1]), CLI_OK);
	assert_non_null(strstr(out, ids[1]));
	assert_null(strstr(out, ids[2]));
	assert_int_equal(RUN(out, "show", path_of("ledger"), "--exchange", "0198c0de-0000-7000-8000-000000000001"),
			 CLI_NEGATIVE);
	assert_int_equal(RUN(out, "show", path_of("ledger"), "--exchange", "x"), CLI_USAGE);
	assert_int_equal(RUN(out, "show", path_of("nothing")), CLI_UNREACHABLE);
}

static void test_show_json(void **state)
{
	(void)state;
	char out[TEXT_MAX];
	assert_int_equal(RUN(out, "show", path_of("ledger"), "--from", "1", "--to", "3", "--json"), CLI_OK);
	json_t *list = json_loads(out, 0, NULL);
	assert_int_equal(json_array_size(list), 3);
	const json_t *first = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(first, "type")), "request");
	assert_string_equal(json_string_value(json_object_get(first, "private_part")), "kept");
	assert_string_equal(json_string_value(json_object_get(first, "ledger")), LEDGER "/2026");
	assert_int_equal(json_integer_value(json_object_get(first, "index")), 1);
	json_decref(list);
}

static const char *write_ids(size_t count, const char *more)
{
	const char *path = path_of("ids");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (size_t i = 0; i < count; i++) {
		fprintf(file, "%s\n", ids[i]);
	}
	fputs(more, file);
	fclose(file);
	return path;
}

static void test_contains(void **state)
{
	(void)state;
	char out[TEXT_MAX];
	assert_int_equal(RUN(out, "contains", path_of("ledger"), "--ids", write_ids(4, "")), CLI_OK);
	assert_non_null(strstr(out, "4 of 4"));
	assert_int_equal(RUN(out, "contains", path_of("ledger"), "--ids", write_ids(0, "")), CLI_OK);
	// One that is on record without an outcome would be missing, but closing the ledger sealed it; one never asked
	// is.
	assert_int_equal(RUN(out, "contains", path_of("ledger"), "--ids",
			     write_ids(4, "0198c0de-0000-7000-8000-000000000001\n"), "--json"),
			 CLI_NEGATIVE);
	json_t *document = json_loads(out, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(document, "found")), 4);
	assert_int_equal(json_integer_value(json_object_get(document, "missing")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(document, "missing_ids"), 0)),
			    "0198c0de-0000-7000-8000-000000000001");
	json_decref(document);
	// An id counted twice would hide one that is missing.
	assert_int_equal(RUN(out, "contains", path_of("ledger"), "--ids", write_ids(4, ids[0])), CLI_NEGATIVE);
	assert_int_equal(RUN(out, "contains", path_of("ledger"), "--ids", write_ids(1, "nonsense\n")), CLI_USAGE);
	assert_int_equal(RUN(out, "contains", path_of("ledger")), CLI_USAGE);
}

// Whether the user's name stands anywhere in the ledger's files, and how often.
static size_t count_names(void)
{
	struct buffer content;
	size_t count = 0;
	buffer_init(&content, 64 * SEGMENT);
	assert_int_equal(file_read(path_of("ledger/2026/segment-00000001"), &content, NULL), OK);
	for (size_t i = 0; i + sizeof user - 1 <= content.size; i++) {
		count += memcmp(content.data + i, user, sizeof user - 1) == 0;
	}
	buffer_release(&content);
	return count;
}

static void test_erase(void **state)
{
	(void)state;
	char out[TEXT_MAX];
	size_t before = count_names();
	assert_true(before >= EXCHANGES);
	assert_int_equal(RUN(out, "erase", path_of("ledger"), ids[0], "--keys", path_of("keys"), "--salt"), CLI_OK);
	assert_true(count_names() < before);
	assert_int_equal(RUN(out, "show", path_of("ledger"), "--exchange", ids[0], "--json"), CLI_OK);
	json_t *list = json_loads(out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "private_part")), "erased");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "salt")), "erased");
	json_decref(list);
	assert_int_equal(RUN(out, "verify", path_of("ledger")), CLI_OK); // the proofs stand
	assert_int_equal(
	    RUN(out, "erase", path_of("ledger"), "0198c0de-0000-7000-8000-000000000001", "--keys", path_of("keys")),
	    CLI_NEGATIVE);
	assert_int_equal(RUN(out, "erase", path_of("ledger"), ids[0]), CLI_USAGE);
}

static void flip(const char *path, off_t at)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x40;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void test_verify(void **state)
{
	(void)state;
	char out[TEXT_MAX];
	const char *segment = path_of("ledger/2026/segment-00000001");
	struct buffer content;
	assert_int_equal(RUN(out, "verify", path_of("ledger"), "--json"), CLI_OK);
	json_t *document = json_loads(out, 0, NULL);
	assert_true(json_is_true(json_object_get(document, "whole")));
	const json_t *shard = json_array_get(json_object_get(document, "shards"), 0);
	assert_int_equal(json_integer_value(json_object_get(shard, "requests")), EXCHANGES);
	json_decref(document);
	// A name in a record: found, and where.
	buffer_init(&content, 64 * SEGMENT);
	assert_int_equal(file_read(segment, &content, NULL), OK);
	const uint8_t *found = memmem(content.data, content.size, "XK/GOV/ASHI/ekosova", 19);
	assert_non_null(found);
	flip(segment, found - content.data);
	assert_int_equal(RUN(out, "verify", path_of("ledger")), CLI_NEGATIVE);
	assert_non_null(strstr(out, "DAMAGE"));
	assert_non_null(strstr(out, "at byte"));
	flip(segment, found - content.data);
	assert_int_equal(RUN(out, "verify", path_of("ledger")), CLI_OK);
	buffer_release(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_show),  cmocka_unit_test(test_show_json), cmocka_unit_test(test_contains),
		cmocka_unit_test(test_erase), cmocka_unit_test(test_verify),
	};
	return cmocka_run_group_tests(tests, make_ledger, remove_ledger);
}
