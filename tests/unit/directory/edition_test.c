// SPDX-License-Identifier: EUPL-1.2
//
// Edition documents: there and back, against the .proto file, and the rules of meaning.
#include "tests/unit/directory/federation.h"
#include "tests/unit/wire/cross_check.h"

static int setup(void **state)
{
	*state = federation_new();
	return 0;
}

static int teardown(void **state)
{
	federation_free(*state);
	return 0;
}

static void test_against_the_proto_file(void **state)
{
	(void)state;
	const struct cross_check_root roots[] = { { "besa.directory.v1.Edition", edition_messages[0] } };
	cross_check(roots, 1, 60);
}

static void test_there_and_back(void **state)
{
	struct federation *f = *state;
	struct arena arena;
	struct edition_document read;
	struct fault fault = { .text = "" };
	arena_init(&arena, EDITION_ARENA_MAX);
	federation_publish(f);
	assert_int_equal(edition_decode(buffer_slice(&f->document_bytes), &arena, &read, &fault), OK);
	assert_true(random_message_equal(edition_messages[0], (const uint8_t *)&f->document, (const uint8_t *)&read));

	// a newer centre's fields are skipped
	buffer_append(&f->document_bytes, "\x42\x03new", 5);
	arena_clear(&arena);
	assert_int_equal(edition_decode(buffer_slice(&f->document_bytes), &arena, &read, &fault), OK);
	for (size_t size = 0; size + 6 < f->document_bytes.size; size++) {
		arena_clear(&arena);
		result code = edition_decode(slice_of(f->document_bytes.data, size), &arena, &read, &fault);
		assert_true(code != OK || read.members.count < 2);
	}
	arena_release(&arena);
}

static void expect_refused(struct federation *f, const char *words)
{
	struct buffer buffer;
	struct fault fault = { .text = "" };
	buffer_init(&buffer, EDITION_DOCUMENT_MAX);
	result code = edition_encode(&f->document, &buffer, &fault);
	if (code != ERR_EDITION_INVALID || !strstr(fault.text, words)) {
		fail_msg("%s: \"%s\", expected \"%s\"", result_wire_name(code), fault.text, words);
	}
	assert_int_equal(buffer.size, 0);
	buffer_release(&buffer);
	federation_fill_document(f);
}

static void test_rules(void **state)
{
	struct federation *f = *state;
	f->document.valid_until_us = f->document.issued_at_us;
	expect_refused(f, "valid_until_us");
	f->document.instance = slice_text("AL");
	expect_refused(f, "another instance");
	f->document.instance = slice_text("X");
	expect_refused(f, "another instance");
	f->document.has_parameters = false;
	expect_refused(f, "Edition.parameters: missing");
	f->document.parameters.clock_skew_us = UINT64_C(3600000001);
	expect_refused(f, "Parameters.clock_skew_us");
	f->document.members.count = 0;
	expect_refused(f, "Edition.members: missing");
	struct edition_member swap = f->members[0];
	f->members[0] = f->members[1];
	f->members[1] = swap;
	expect_refused(f, "ascending");
	f->members[1] = f->members[0];
	expect_refused(f, "ascending");
	f->members[0].id = slice_text("XK/GOV");
	expect_refused(f, "Member.id: not in its legal form");
	f->arc_subsystems[0].id = slice_text("XK/GOV/ASHI/population");
	expect_refused(f, "under another member");
	f->arc_ledgers[0].origin = slice_text("besa/XK/GOV/ASHI/gw1/2026");
	expect_refused(f, "under another gateway or member");
	f->arc_ledgers[0].origin = slice_text("besa/XK/GOV/ARC/gw2/2026");
	expect_refused(f, "under another gateway or member");
	f->arc_gateways[0].id = slice_text("w1");
	expect_refused(f, "under another gateway or member");
	f->ashi_gateways[1].id = slice_text("central");
	expect_refused(f, "two gateways of one name");
	f->pins[0].size = 31;
	expect_refused(f, "Gateway.tls_certificates: 31 bytes");
	f->members[0].has_names = true;
	f->members[0].names.en = slice_text("Civil\x1b[2Jregistry");
	expect_refused(f, "Names.en: not in its legal form");
	struct buffer buffer;
	buffer_init(&buffer, EDITION_DOCUMENT_MAX);
	assert_int_equal(edition_encode(&f->document, &buffer, NULL), OK);
	buffer_release(&buffer);
}

static void test_order_of_ids(void **state)
{
	(void)state;
	assert_true(edition_compare_ids(slice_text("XK/GOV/A"), slice_text("XK/GOV/AB")) < 0);
	assert_true(edition_compare_ids(slice_text("XK/GOV/B"), slice_text("XK/GOV/AB")) > 0);
	assert_int_equal(edition_compare_ids(slice_text("XK"), slice_text("XK")), 0);
	assert_true(edition_compare_ids(slice_text(""), slice_text("X")) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_the_proto_file),
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
		cmocka_unit_test(test_order_of_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
