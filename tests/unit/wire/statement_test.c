// SPDX-License-Identifier: EUPL-1.2
//
// Leaves: one golden leaf byte by byte, every type there and back, every rule of meaning, random tampering, and nobody
// seals for another member.
#include "tests/unit/wire/example.h"

#include <stdlib.h>

#include "base/text.h"
#include "crypto/merkle.h"
#include "wire/envelope.h"

struct fixture {
	struct arena arena;
	struct buffer leaf;
	struct buffer body;
	struct statement statement;
	struct fault fault;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	arena_init(&fixture->arena, STATEMENT_ARENA_MAX);
	buffer_init(&fixture->leaf, 1 << 20);
	buffer_init(&fixture->body, 1 << 20);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	buffer_release(&fixture->body);
	buffer_release(&fixture->leaf);
	arena_release(&fixture->arena);
	free(fixture);
	return 0;
}

static result parse(struct fixture *fixture)
{
	arena_clear(&fixture->arena);
	return statement_parse(buffer_slice(&fixture->leaf), &fixture->arena, &fixture->statement, &fixture->fault);
}

// The bytes of a leaf are a contract: these must never change.
static void test_golden_leaf(void **state)
{
	struct fixture *fixture = *state;
	const union statement_body body = { .housekeeping = {
						.kind = slice_text("ocsp"),
						.checkpoint_size = 300,
						.checkpoint_root = example_digest(),
						.digest = example_digest(),
					    } };
	example_leaf(&fixture->leaf, STATEMENT_HOUSEKEEPING, &body);
	static const char golden[] = "besa-statement/v1\n\x0c"
				     "\x0a\x0bXK/GOV/ASHI"
				     "\x11\x00\x56\x30\x01\xc6\x60\x06\x00"
				     "\x1a\x10"
				     "blinder-16-bytes"
				     "\xb2\x01\x4d"
				     "\x0a\x04ocsp"
				     "\x10\xac\x02"
				     "\x1a\x20"
				     "0123456789abcdef0123456789abcde\0"
				     "\x22\x20"
				     "0123456789abcdef0123456789abcde\0";
	assert_int_equal(fixture->leaf.size, sizeof golden - 1);
	assert_memory_equal(fixture->leaf.data, golden, sizeof golden - 1);

	uint8_t made[32];
	uint8_t plain[32];
	statement_leaf_hash(buffer_slice(&fixture->leaf), made);
	buffer_append_byte(&fixture->body, 0); // RFC 6962: SHA-256(0x00 ‖ leaf)
	buffer_append_slice(&fixture->body, buffer_slice(&fixture->leaf));
	digest_sha256(buffer_slice(&fixture->body), plain);
	assert_memory_equal(made, plain, 32);
}

static void test_every_type_there_and_back(void **state)
{
	struct fixture *fixture = *state;
	for (int type = 1; type < STATEMENT_TYPE_COUNT; type++) {
		union statement_body body = example_body(type);
		buffer_clear(&fixture->leaf);
		buffer_clear(&fixture->body);
		example_leaf(&fixture->leaf, type, &body);
		assert_int_equal(parse(fixture), OK);
		assert_int_equal(fixture->statement.type, type);
		assert_int_equal(statement_peek_type(buffer_slice(&fixture->leaf)), type);
		assert_true(slice_is(fixture->statement.member, EXAMPLE_MEMBER));
		assert_int_equal(fixture->statement.ledger_time_us, EXAMPLE_TIME);
		assert_true(slice_is(fixture->statement.blinder, "blinder-16-bytes"));
		assert_string_not_equal(statement_type_name(type), "unknown");

		assert_int_equal(statement_encode_body(type, &fixture->statement.body, &fixture->body, NULL), OK);
		size_t size = statement_leaf_size(fixture->statement.member, buffer_slice(&fixture->body));
		assert_int_equal(size, fixture->leaf.size + (type <= 5)); // fields 11 to 15 have short tags
		struct slice end = slice_skip(buffer_slice(&fixture->leaf), fixture->leaf.size - fixture->body.size);
		assert_true(slice_equal(end, buffer_slice(&fixture->body)));

		union statement_body checked;
		arena_clear(&fixture->arena);
		assert_int_equal(statement_check_body(type, buffer_slice(&fixture->body), slice_text(EXAMPLE_MEMBER),
						      &fixture->arena, &checked, &fixture->fault),
				 OK);
	}
	assert_true(slice_is(fixture->statement.body.housekeeping.kind, "timestamp"));
	assert_string_equal(statement_type_name(STATEMENT_TYPE_COUNT), "unknown");
	assert_null(statement_body_message(STATEMENT_TYPE_COUNT));
	assert_null(statement_body_message(STATEMENT_NONE));
}

static void test_fields_arrive_where_they_belong(void **state)
{
	struct fixture *fixture = *state;
	union statement_body body = example_body(STATEMENT_REQUEST);
	example_leaf(&fixture->leaf, STATEMENT_REQUEST, &body);
	assert_int_equal(parse(fixture), OK);
	const struct statement_request *request = &fixture->statement.body.request;
	assert_true(slice_is(request->client, "XK/GOV/ASHI/ekosova"));
	assert_true(slice_is(request->provider, "XK/GOV/ARC/population"));
	assert_true(slice_is(request->method, "GetPerson"));
	assert_int_equal(request->attempt, 2);
	assert_int_equal(request->deadline_us, EXAMPLE_TIME + 5000000);
	assert_int_equal(request->payload_size, 12);
	assert_int_equal(request->directory_size, 40);
}

// ---- framing ----

static void test_framing(void **state)
{
	struct fixture *fixture = *state;
	union statement_body body = example_body(STATEMENT_GRANT);
	example_leaf(&fixture->leaf, STATEMENT_GRANT, &body);
	// the type byte must be the body's
	for (int type = 0; type < 256; type++) {
		fixture->leaf.data[18] = (uint8_t)type;
		assert_int_equal(parse(fixture), type == STATEMENT_GRANT ? OK : ERR_STATEMENT_INVALID);
	}
	fixture->leaf.data[18] = STATEMENT_GRANT;
	// one byte more, one less
	buffer_append_byte(&fixture->leaf, 0);
	assert_int_equal(parse(fixture), ERR_STATEMENT_INVALID);
	for (size_t size = 0; size < fixture->leaf.size - 1; size++) {
		assert_int_equal(statement_parse(slice_of(fixture->leaf.data, size), &fixture->arena,
						 &fixture->statement, &fixture->fault),
				 ERR_STATEMENT_INVALID);
	}
}

static void test_no_body_two_bodies_no_head(void **state)
{
	struct fixture *fixture = *state;
	union statement_body body = example_body(STATEMENT_OPERATOR);
	example_leaf(&fixture->leaf, STATEMENT_OPERATOR, &body);
	size_t whole = fixture->leaf.size;
	assert_int_equal(statement_encode_body(STATEMENT_OPERATOR, &body, &fixture->body, NULL), OK);
	// a second body after the first
	body = example_body(STATEMENT_EVENT);
	buffer_clear(&fixture->body);
	assert_int_equal(statement_encode_body(STATEMENT_EVENT, &body, &fixture->body, NULL), OK);
	codec_append_head(&fixture->leaf, 21, fixture->body.size);
	buffer_append_slice(&fixture->leaf, buffer_slice(&fixture->body));
	assert_int_equal(parse(fixture), ERR_STATEMENT_INVALID);
	assert_non_null(strstr(fixture->fault.text, "second field of a oneof"));
	// none at all: prefix, type, member, time, blinder
	fixture->leaf.size = 19 + 13 + 9 + 18;
	assert_true(fixture->leaf.size < whole);
	assert_int_equal(parse(fixture), ERR_STATEMENT_INVALID);
}

static void test_largest_leaf(void **state)
{
	struct fixture *fixture = *state;
	// A leaf is bounded whatever its fields: the lists cannot be filled to the brim.
	static uint8_t text[STATEMENT_TEXT_MAX];
	memset(text, 'x', sizeof text);
	struct slice fields[STATEMENT_PATHS_MAX];
	struct slice purposes[STATEMENT_PURPOSES_MAX];
	for (size_t i = 0; i < STATEMENT_PATHS_MAX; i++) {
		fields[i] = slice_of(text, sizeof text);
	}
	for (size_t i = 0; i < STATEMENT_PURPOSES_MAX; i++) {
		purposes[i] = slice_of(text, sizeof text);
	}
	union statement_body body = example_body(STATEMENT_GRANT);
	body.grant.purposes.items = purposes;
	body.grant.purposes.count = STATEMENT_PURPOSES_MAX;
	body.grant.response_fields.items = fields;
	body.grant.response_fields.count = STATEMENT_PATHS_MAX;
	example_leaf(&fixture->leaf, STATEMENT_GRANT, &body);
	assert_true(fixture->leaf.size <= STATEMENT_LEAF_MAX);
	assert_int_equal(parse(fixture), OK);
	assert_int_equal(fixture->statement.body.grant.response_fields.count, STATEMENT_PATHS_MAX);

	while (fixture->leaf.size <= STATEMENT_LEAF_MAX) {
		buffer_append_byte(&fixture->leaf, 'x');
	}
	assert_int_equal(parse(fixture), ERR_STATEMENT_INVALID);
	assert_non_null(strstr(fixture->fault.text, "the most is 65535"));
}

// ---- who speaks ----

static void test_nobody_seals_for_another_member(void **state)
{
	struct fixture *fixture = *state;
	static const enum statement_type speaking[] = { STATEMENT_REQUEST,    STATEMENT_RESPONSE, STATEMENT_RECEIVED,
							STATEMENT_UNANSWERED, STATEMENT_KEY,      STATEMENT_GRANT,
							STATEMENT_EVENT };
	static const char *const others[] = { "XK/GOV/ARC", "XK/GOV/ASH", "XK/GOV/ASHII", "XK/MUN/ASHI",
					      "AL/GOV/ASHI" };
	for (size_t i = 0; i < sizeof speaking / sizeof speaking[0]; i++) {
		union statement_body body = example_body(speaking[i]);
		buffer_clear(&fixture->body);
		assert_int_equal(statement_encode_body(speaking[i], &body, &fixture->body, NULL), OK);
		for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
			struct slice other = slice_text(others[k]);
			union statement_body ignored;
			arena_clear(&fixture->arena);
			assert_int_equal(statement_check_body(speaking[i], buffer_slice(&fixture->body), other,
							      &fixture->arena, &ignored, &fixture->fault),
					 ERR_MEMBER_MISMATCH);
			buffer_clear(&fixture->leaf);
			statement_append_leaf(&fixture->leaf, speaking[i], other, EXAMPLE_TIME,
					      (const uint8_t *)"blinder-16-bytes", buffer_slice(&fixture->body));
			assert_int_equal(parse(fixture), ERR_MEMBER_MISMATCH);
		}
		union statement_body ignored;
		assert_int_equal(statement_check_body(speaking[i], buffer_slice(&fixture->body), slice_text(""),
						      &fixture->arena, &ignored, &fixture->fault),
				 ERR_MEMBER_MISMATCH);
	}
}

// ---- rules of meaning ----

static void expect_refused(enum statement_type type, union statement_body body, const char *words)
{
	struct buffer buffer;
	struct fault fault = { .text = "" };
	buffer_init(&buffer, 1 << 17);
	result code = statement_encode_body(type, &body, &buffer, &fault);
	if (code != ERR_STATEMENT_INVALID || !strstr(fault.text, words)) {
		fail_msg("%s: \"%s\", expected \"%s\"", result_wire_name(code), fault.text, words);
	}
	assert_int_equal(buffer.size, 0);
	buffer_release(&buffer);
}

// One change to a good example that makes it a bad one.
#define REFUSED(type, change, words)                            \
	do {                                                    \
		union statement_body body = example_body(type); \
		change;                                         \
		expect_refused(type, body, words);              \
	} while (0)

static void test_rules_of_exchanges(void **state)
{
	(void)state;
	const struct slice none = { 0 };
	uint8_t version4[16];
	memcpy(version4, example_uuid, 16);
	version4[6] = 0x4a;
	REFUSED(STATEMENT_REQUEST, body.request.exchange_id = none, "Request.exchange_id: missing");
	REFUSED(STATEMENT_REQUEST, body.request.exchange_id.size = 15, "Request.exchange_id: 15 bytes");
	REFUSED(STATEMENT_REQUEST, body.request.exchange_id = slice_of(version4, 16),
		"Request.exchange_id: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.client = slice_text("XK/GOV/ASHI"), "Request.client: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.provider = slice_text("XK/GOV/../x"), "Request.provider: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.provider_ledger = slice_text("besa/XK/GOV/ATK/gw1/2026"),
		"not a ledger of the provider's member");
	REFUSED(STATEMENT_REQUEST, body.request.provider_ledger = slice_text("besa/XK/GOV/ARC/gw1"),
		"Request.provider_ledger: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.service = slice_text("rks..Civil"), "Request.service: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.service = slice_text("rks.Civil/GetPerson"), "Request.service");
	REFUSED(STATEMENT_REQUEST, body.request.method = slice_text("Get.Person"), "Request.method: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.purpose = slice_text("a\nb"), "Request.purpose: not in its");
	REFUSED(STATEMENT_REQUEST, body.request.attempt = 1, "previous_attempt");
	REFUSED(STATEMENT_REQUEST, body.request.previous_attempt = none, "previous_attempt");
	REFUSED(STATEMENT_REQUEST, body.request.attempt = 0, "Request.attempt: missing");
	REFUSED(STATEMENT_REQUEST, body.request.deadline_us = body.request.issued_at_us, "deadline");
	REFUSED(STATEMENT_REQUEST, body.request.payload_digest.size = 31, "Request.payload_digest: 31 bytes");
	REFUSED(STATEMENT_REQUEST, body.request.directory_root = none, "Request.directory_root: missing");
	REFUSED(STATEMENT_RESPONSE, body.response.outcome = 5, "Response.outcome: 5 is out of range");
	REFUSED(STATEMENT_RESPONSE, body.response.grpc_status = 17, "Response.grpc_status: 17 is out of range");
	REFUSED(STATEMENT_RESPONSE, body.response.reason = slice_text("grant_missing"), "reason");
	REFUSED(STATEMENT_RESPONSE, body.response.outcome = STATEMENT_OUTCOME_REFUSED, "reason");
	REFUSED(STATEMENT_RESPONSE,
		(body.response.outcome = STATEMENT_OUTCOME_REFUSED, body.response.reason = slice_text("grant_missing")),
		"payload without an answer");
	REFUSED(STATEMENT_RESPONSE,
		(body.response.outcome = STATEMENT_OUTCOME_FAILED, body.response.reason = slice_text("adapter_failed"),
		 body.response.grpc_status = 0),
		"status OK without an answer");
	REFUSED(STATEMENT_RESPONSE, body.response.payload_digest = none, "payload_size without payload_digest");
	REFUSED(STATEMENT_RECEIVED, body.received.type = 13, "Received.type: 13 is out of range");
	REFUSED(STATEMENT_RECEIVED, body.received.checks = 512, "Received.checks: 512 is out of range");
	REFUSED(STATEMENT_RECEIVED, body.received.checks = 0, "Received.checks: missing");
	REFUSED(STATEMENT_UNANSWERED, body.unanswered.grpc_status = 0, "Unanswered.grpc_status: missing");
	REFUSED(STATEMENT_UNANSWERED, body.unanswered.reason = slice_text("Peer lost"),
		"Unanswered.reason: not in its");
	REFUSED(STATEMENT_REFUSAL_SUMMARY, body.refusal_summary.until_us = EXAMPLE_TIME - 1, "before since_us");
	REFUSED(STATEMENT_REFUSAL_SUMMARY, body.refusal_summary.peer = slice_text("besa/XK/GOV/ARC/gw1/2026"),
		"RefusalSummary.peer: not in its");
	REFUSED(STATEMENT_REFUSAL_SUMMARY, body.refusal_summary.counts.count = 0, "RefusalSummary.counts: missing");
}

static void test_rules_of_the_rest(void **state)
{
	(void)state;
	const struct slice none = { 0 };
	REFUSED(STATEMENT_KEY, body.key.suite = slice_text("besa-md5/1"), "Key.suite: not in its");
	REFUSED(STATEMENT_KEY, body.key.reason = slice_text("because"), "Key.reason: not in its");
	REFUSED(STATEMENT_KEY, body.key.previous_root = none, "previous_origin without previous_root");
	REFUSED(STATEMENT_KEY, body.key.previous_origin = none, "without previous_origin");
	REFUSED(STATEMENT_KEY, body.key.previous_origin = slice_text("besa/XK/GOV/ARC/gw1/2026"), "another member's");
	REFUSED(STATEMENT_EDITION, body.edition.valid_until_us = EXAMPLE_TIME, "valid_until_us");
	REFUSED(STATEMENT_EDITION, body.edition.version = 0, "Edition.version: missing");
	REFUSED(STATEMENT_CERTIFICATE, body.certificate.not_after_us = EXAMPLE_TIME, "not_after_us");
	REFUSED(STATEMENT_CERTIFICATE, body.certificate.action = 3, "Certificate.action: 3 is out of range");
	REFUSED(STATEMENT_CERTIFICATE, body.certificate.serial = example_digest(), "Certificate.serial: 32 bytes");
	REFUSED(STATEMENT_GRANT, body.grant.action = 0, "action, id or provider");
	REFUSED(STATEMENT_GRANT, body.grant.id = none, "action, id or provider");
	REFUSED(STATEMENT_GRANT, body.grant.client = none, "client or service");
	REFUSED(STATEMENT_GRANT, body.grant.until_us = body.grant.from_us, "until_us is not after from_us");
	REFUSED(STATEMENT_GRANT, body.grant.id = slice_text("../g"), "Grant.id: not in its");
	REFUSED(STATEMENT_HOUSEKEEPING, body.housekeeping.kind = slice_text("gossip"), "Housekeeping.kind: not in its");
	REFUSED(STATEMENT_EVENT, body.event.payload_digest = none, "Event.payload_digest: missing");
	expect_refused(STATEMENT_TYPE_COUNT, example_body(STATEMENT_EVENT), "unknown statement type");
}

static void test_what_is_allowed(void **state)
{
	struct fixture *fixture = *state;
	const struct slice none = { 0 };
	// the first shard of a ledger names none before
	union statement_body body = example_body(STATEMENT_KEY);
	body.key.previous_origin = body.key.previous_root = none;
	body.key.previous_size = 0;
	body.key.reason = slice_text("first");
	example_leaf(&fixture->leaf, STATEMENT_KEY, &body);
	assert_int_equal(parse(fixture), OK);
	// removing a grant needs no more than its id and provider
	body = (union statement_body){ .grant = { .action = STATEMENT_GRANT_REMOVE,
						  .id = slice_text("g-17"),
						  .provider = slice_text("XK/GOV/ASHI/ekosova") } };
	buffer_clear(&fixture->leaf);
	example_leaf(&fixture->leaf, STATEMENT_GRANT, &body);
	assert_int_equal(parse(fixture), OK);
	// a refusal has no payload, an answer may have an empty one, an index may be 0
	body = example_body(STATEMENT_RESPONSE);
	body.response.outcome = STATEMENT_OUTCOME_REFUSED;
	body.response.reason = slice_text("grant_missing");
	body.response.grpc_status = GRPC_PERMISSION_DENIED;
	body.response.payload_digest = none;
	body.response.payload_size = 0;
	buffer_clear(&fixture->leaf);
	example_leaf(&fixture->leaf, STATEMENT_RESPONSE, &body);
	assert_int_equal(parse(fixture), OK);
	assert_string_equal(statement_outcome_name(fixture->statement.body.response.outcome), "refused");
	assert_string_equal(statement_outcome_name(0), "unknown");
	assert_string_equal(statement_outcome_name(5), "unknown");
	body = example_body(STATEMENT_RECEIVED);
	body.received.index = 0;
	buffer_clear(&fixture->leaf);
	example_leaf(&fixture->leaf, STATEMENT_RECEIVED, &body);
	assert_int_equal(parse(fixture), OK);
}

static void test_body_bytes_of_a_worker(void **state)
{
	struct fixture *fixture = *state;
	static const uint8_t large[STATEMENT_BODY_MAX + 1];
	struct slice member = slice_text(EXAMPLE_MEMBER);
	union statement_body body;
	assert_int_equal(statement_check_body(STATEMENT_REQUEST, slice_of(large, sizeof large), member, &fixture->arena,
					      &body, &fixture->fault),
			 ERR_STATEMENT_INVALID);
	assert_int_equal(
	    statement_check_body(STATEMENT_REQUEST, slice_of(NULL, 0), member, &fixture->arena, &body, &fixture->fault),
	    ERR_STATEMENT_INVALID);
	for (int type = -1; type <= 300; type += type < 0 || type >= STATEMENT_TYPE_COUNT ? 1 : STATEMENT_TYPE_COUNT) {
		assert_int_equal(
		    statement_check_body(type, slice_text("x"), member, &fixture->arena, &body, &fixture->fault),
		    ERR_STATEMENT_INVALID);
	}
}

// ---- tampering ----

// Each byte of each kind of leaf, each bit: refused, or another statement with another hash.
static void test_every_altered_byte_shows(void **state)
{
	struct fixture *fixture = *state;
	for (int type = 1; type < STATEMENT_TYPE_COUNT; type++) {
		union statement_body body = example_body(type);
		uint8_t hash[32];
		uint8_t altered[32];
		buffer_clear(&fixture->leaf);
		example_leaf(&fixture->leaf, type, &body);
		statement_leaf_hash(buffer_slice(&fixture->leaf), hash);
		for (size_t bit = 0; bit < 8 * fixture->leaf.size; bit++) {
			fixture->leaf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (parse(fixture) == OK) {
				buffer_clear(&fixture->body);
				assert_int_equal(statement_encode_body(fixture->statement.type,
								       &fixture->statement.body, &fixture->body, NULL),
						 OK);
				struct buffer again;
				buffer_init(&again, STATEMENT_LEAF_MAX);
				statement_append_leaf(&again, fixture->statement.type, fixture->statement.member,
						      fixture->statement.ledger_time_us,
						      fixture->statement.blinder.data, buffer_slice(&fixture->body));
				assert_true(slice_equal(buffer_slice(&again), buffer_slice(&fixture->leaf)));
				buffer_release(&again);
			}
			statement_leaf_hash(buffer_slice(&fixture->leaf), altered);
			assert_memory_not_equal(hash, altered, 32);
			fixture->leaf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_golden_leaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_type_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields_arrive_where_they_belong, setup, teardown),
		cmocka_unit_test_setup_teardown(test_framing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_body_two_bodies_no_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest_leaf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_seals_for_another_member, setup, teardown),
		cmocka_unit_test(test_rules_of_exchanges),
		cmocka_unit_test(test_rules_of_the_rest),
		cmocka_unit_test_setup_teardown(test_what_is_allowed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_bytes_of_a_worker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_altered_byte_shows, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
