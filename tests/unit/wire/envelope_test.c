// SPDX-License-Identifier: EUPL-1.2
//
// Envelopes: a head and a payload sent apart are the whole, what a newer gateway adds is skipped, seals are strict.
#include "tests/unit/wire/random_message.h"

#include "wire/admin.h"

struct fixture {
	struct arena arena;
	struct buffer one;
	struct buffer two;
	struct fault fault;
	struct random_message random;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	arena_init(&fixture->arena, 1 << 22);
	buffer_init(&fixture->one, 1 << 20);
	buffer_init(&fixture->two, 1 << 20);
	fixture->random = (struct random_message){ .state = 7, .arena = &fixture->arena };
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	buffer_release(&fixture->two);
	buffer_release(&fixture->one);
	arena_release(&fixture->arena);
	free(fixture);
	return 0;
}

static void test_head_and_payload_are_the_whole(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 200; i++) {
		struct envelope_request request;
		struct envelope_request read;
		random_message_fill(&fixture->random, envelope_messages[3], &request);
		buffer_clear(&fixture->one);
		buffer_clear(&fixture->two);
		assert_int_equal(envelope_encode_request(&request, &fixture->one, &fixture->fault), OK);
		assert_int_equal(envelope_request_head(&request, request.payload.size, &fixture->two, &fixture->fault),
				 OK);
		buffer_append_slice(&fixture->two, request.payload);
		assert_true(slice_equal(buffer_slice(&fixture->one), buffer_slice(&fixture->two)));
		assert_int_equal(envelope_decode_request(buffer_slice(&fixture->two), &read, &fixture->fault), OK);
		// the payload is where it arrived
		assert_true(read.payload.size == 0 ||
			    read.payload.data == fixture->two.data + fixture->two.size - read.payload.size);

		struct envelope_response response;
		random_message_fill(&fixture->random, envelope_messages[4], &response);
		buffer_clear(&fixture->one);
		buffer_clear(&fixture->two);
		assert_int_equal(envelope_encode_response(&response, &fixture->one, &fixture->fault), OK);
		assert_int_equal(
		    envelope_response_head(&response, response.payload.size, &fixture->two, &fixture->fault), OK);
		buffer_append_slice(&fixture->two, response.payload);
		assert_true(slice_equal(buffer_slice(&fixture->one), buffer_slice(&fixture->two)));
	}
	struct envelope_request request;
	random_message_fill(&fixture->random, envelope_messages[3], &request);
	assert_int_equal(envelope_request_head(&request, CONTENT_PAYLOAD_MAX + 1, &fixture->two, &fixture->fault),
			 ERR_LIMIT);
	request.salt.size = 31;
	assert_int_equal(envelope_request_head(&request, 1, &fixture->two, &fixture->fault), ERR_FORMAT);
}

static void test_a_newer_gateways_fields_are_skipped(void **state)
{
	struct fixture *fixture = *state;
	struct envelope_request request;
	struct envelope_request read;
	random_message_fill(&fixture->random, envelope_messages[3], &request);
	assert_int_equal(envelope_request_head(&request, 0, &fixture->one, &fixture->fault), OK);
	buffer_append(&fixture->one, "\x32\x03new\x50\x07", 7); // fields 6 and 10
	codec_append_head(&fixture->one, 15, 7);
	buffer_append_text(&fixture->one, "payload");
	buffer_append(&fixture->one, "\x82\x01\x01x", 4); // field 16
	assert_int_equal(envelope_decode_request(buffer_slice(&fixture->one), &read, &fixture->fault), OK);
	assert_true(slice_is(read.payload, "payload"));
	assert_true(slice_equal(read.statement, request.statement));
}

static void test_seals_are_strict(void **state)
{
	struct fixture *fixture = *state;
	struct envelope_seal seal;
	random_message_fill(&fixture->random, envelope_messages[0], &seal);
	static const uint8_t path[3 * 32];
	seal.path = slice_of(path, sizeof path);
	assert_int_equal(envelope_encode_seal(&seal, &fixture->one, &fixture->fault), OK);
	struct envelope_seal read;
	assert_int_equal(envelope_decode_seal(buffer_slice(&fixture->one), &read, &fixture->fault), OK);
	buffer_append(&fixture->one, "\x2a\x01x", 3);
	assert_int_equal(envelope_decode_seal(buffer_slice(&fixture->one), &read, &fixture->fault), ERR_SEAL_INVALID);
	assert_int_equal(envelope_decode_seal(slice_of(NULL, 0), &read, &fixture->fault), ERR_SEAL_INVALID);
	seal.path.size = 33;
	assert_int_equal(envelope_encode_seal(&seal, &fixture->two, &fixture->fault), ERR_FORMAT);
	seal.path.size = 32;
	seal.origin = slice_text("besa/XK/GOV/ARC/gw1");
	assert_int_equal(envelope_encode_seal(&seal, &fixture->two, &fixture->fault), ERR_FORMAT);
}

static void test_evidence_is_strict_and_reports_are_not(void **state)
{
	struct fixture *fixture = *state;
	struct envelope_evidence evidence;
	struct envelope_evidence read;
	do {
		random_message_fill(&fixture->random, envelope_messages[2], &evidence);
	} while (!evidence.has_request || evidence.certificates.count < 2 || evidence.has_unanswered);
	assert_int_equal(envelope_encode_evidence(&evidence, &fixture->one, &fixture->fault), OK);
	assert_int_equal(envelope_decode_evidence(buffer_slice(&fixture->one), &fixture->arena, &read, &fixture->fault),
			 OK);
	assert_true(read.has_request && !read.has_unanswered);
	assert_int_equal(read.certificates.count, evidence.certificates.count);
	buffer_append(&fixture->one, "\x42\x01x", 3); // field 8
	assert_int_equal(envelope_decode_evidence(buffer_slice(&fixture->one), &fixture->arena, &read, &fixture->fault),
			 ERR_FORMAT);

	struct envelope_outcome_report report;
	assert_int_equal(envelope_decode_outcome_report(slice_text("\x2a\x01x"), &report, &fixture->fault), OK);
	assert_false(report.has_request || report.has_received || report.has_outcome || report.has_foreign_outcome);
	struct envelope_outcome_query query;
	assert_int_equal(envelope_decode_outcome_query(slice_text("\x0a\x04"
								  "1234"),
						       &query, &fixture->fault),
			 ERR_FORMAT);
}

static void test_grants_of_an_operator_need_no_action(void **state)
{
	struct fixture *fixture = *state;
	const struct admin_add_grant request = { .has_grant = true,
						 .grant = {
						     .provider = slice_text("XK/GOV/ARC/population"),
						     .client = slice_text("XK/GOV/ASHI/ekosova"),
						     .service = slice_text("rks.civil.v1.CivilRegistry"),
						 } };
	struct admin_add_grant read;
	assert_int_equal(admin_encode_add_grant(&request, &fixture->one, &fixture->fault), OK);
	assert_int_equal(admin_decode_add_grant(buffer_slice(&fixture->one), &fixture->arena, &read, &fixture->fault),
			 OK);
	assert_true(slice_is(read.grant.client, "XK/GOV/ASHI/ekosova"));
	assert_int_equal(admin_decode_add_grant(slice_of(NULL, 0), &fixture->arena, &read, &fixture->fault),
			 ERR_FORMAT);
}

static void test_messages_of_operators(void **state)
{
	struct fixture *fixture = *state;
	struct admin_remove_grant removal;
	const struct admin_remove_grant request = { .id = slice_text("g-17"), .operator_name = slice_text("uid 0") };
	assert_int_equal(admin_encode_remove_grant(&request, &fixture->one, &fixture->fault), OK);
	assert_int_equal(admin_decode_remove_grant(buffer_slice(&fixture->one), &removal, &fixture->fault), OK);
	assert_true(slice_is(removal.id, "g-17"));

	struct admin_grant_reply replies[] = { { .has_grant = true, .index = 0 }, { .has_grant = true, .index = 9 } };
	struct admin_grant_reply reply;
	replies[1].grant.id = slice_text("g-18");
	buffer_clear(&fixture->one);
	assert_int_equal(admin_encode_grant_reply(&replies[1], &fixture->one, &fixture->fault), OK);
	assert_int_equal(
	    admin_decode_grant_reply(buffer_slice(&fixture->one), &fixture->arena, &reply, &fixture->fault), OK);
	assert_true(slice_is(reply.grant.id, "g-18") && reply.index == 9);

	const struct admin_list_grants_reply list = { .grants = { replies, 2 } };
	struct admin_list_grants_reply read;
	buffer_clear(&fixture->one);
	assert_int_equal(admin_encode_list_grants_reply(&list, &fixture->one, &fixture->fault), OK);
	assert_int_equal(
	    admin_decode_list_grants_reply(buffer_slice(&fixture->one), &fixture->arena, &read, &fixture->fault), OK);
	assert_int_equal(read.grants.count, 2);
	assert_int_equal(read.grants.items[1].index, 9);
	assert_int_equal(admin_decode_list_grants_reply(slice_of(NULL, 0), &fixture->arena, &read, &fixture->fault),
			 OK);
	assert_int_equal(read.grants.count, 0);
}

static void test_outcomes(void **state)
{
	struct fixture *fixture = *state;
	struct envelope_outcome_report report;
	struct envelope_outcome_report read;
	random_message_fill(&fixture->random, envelope_messages[6], &report);
	report.has_outcome = false;
	assert_int_equal(envelope_encode_outcome_report(&report, &fixture->one, &fixture->fault), OK);
	assert_int_equal(envelope_decode_outcome_report(buffer_slice(&fixture->one), &read, &fixture->fault), OK);
	assert_false(read.has_outcome);
	assert_true(read.has_request == report.has_request && read.has_received == report.has_received);

	uint8_t id[16];
	identifier_new_uuid(id);
	const struct envelope_outcome_query query = { .exchange_id = slice_of(id, sizeof id) };
	struct envelope_outcome_query asked;
	assert_int_equal(envelope_encode_outcome_query(&query, &fixture->two, &fixture->fault), OK);
	assert_int_equal(envelope_decode_outcome_query(buffer_slice(&fixture->two), &asked, &fixture->fault), OK);
	assert_true(slice_equal(asked.exchange_id, query.exchange_id));

	struct envelope_response response;
	struct envelope_response again;
	random_message_fill(&fixture->random, envelope_messages[4], &response);
	buffer_clear(&fixture->one);
	assert_int_equal(envelope_encode_response(&response, &fixture->one, &fixture->fault), OK);
	assert_int_equal(envelope_decode_response(buffer_slice(&fixture->one), &again, &fixture->fault), OK);
	assert_true(again.repeated_request == response.repeated_request && slice_equal(again.detail, response.detail));
	assert_int_equal(envelope_response_head(&response, CONTENT_PAYLOAD_MAX + 1, &fixture->two, &fixture->fault),
			 ERR_LIMIT);
	response.statement = slice_of(NULL, 0);
	assert_int_equal(envelope_response_head(&response, 1, &fixture->two, &fixture->fault), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_head_and_payload_are_the_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_newer_gateways_fields_are_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seals_are_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_evidence_is_strict_and_reports_are_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grants_of_an_operator_need_no_action, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages_of_operators, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outcomes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
