// SPDX-License-Identifier: EUPL-1.2
//
// Tables, safe text, JSON, exit codes; and statements in words.
#include "cli/answer.h"
#include "cli/describe.h"
#include "cli/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 8192 };

// What a function printed to the stream.
static void take(FILE *file, char text[TEXT_MAX])
{
	rewind(file);
	text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
	fclose(file);
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(output_width("abc"), 3);
	assert_int_equal(output_width("Shoqërisë"), 9);
	assert_int_equal(output_width("e\xcc\x88"), 1); // e and a combining diaeresis
	assert_int_equal(output_width(""), 0);
}

static void test_table(void **state)
{
	(void)state;
	static const char *const headings[] = { "NAME", "X", "LAST", NULL };
	char text[TEXT_MAX];
	struct output_table table;
	struct cli cli = { .out = tmpfile() };
	assert_non_null(cli.out);
	output_table_init(&table, headings);
	output_table_row(&table, (const char *[]){ "Shqipëri", "1", "a\033[2Jb" });
	output_table_row(&table, (const char *[]){ "ab", "", NULL });
	assert_int_equal(output_table_print(&table, &cli), OK);
	output_table_release(&table);
	take(cli.out, text);
	assert_string_equal(text, "NAME      X  LAST\n"
				  "Shqipëri  1  a?[2Jb\n"
				  "ab\n");
}

static void test_safe_text(void **state)
{
	(void)state;
	struct arena arena;
	arena_init(&arena, 1024);
	assert_string_equal(output_safe(&arena, slice_text("ë ok")), "ë ok");
	assert_string_equal(output_safe(&arena, slice_text("a\nb\x7f")), "a?b?");
	assert_string_equal(output_safe(&arena, slice_text("\xc2\x9b"
							   "31m")),
			    "?31m"); // CSI as one C1 character
	assert_string_equal(output_safe(&arena, slice_of("a\0b", 3)), "a?b");
	assert_string_equal(output_safe(&arena, slice_text("\xff\xfe")), "??");
	arena_release(&arena);
}

static void test_json_text(void **state)
{
	(void)state;
	json_t *text = output_json_text(slice_text("\xff"));
	assert_string_equal(json_string_value(text), "ff");
	json_decref(text);
	text = output_json_text((struct slice){ 0 });
	assert_string_equal(json_string_value(text), "");
	json_decref(text);
}

static void test_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(output_exit_of(OK), CLI_OK);
	assert_int_equal(output_exit_of(ERR_ARGUMENT), CLI_USAGE);
	assert_int_equal(output_exit_of(ERR_CONFIG), CLI_USAGE);
	assert_int_equal(output_exit_of(ERR_NOT_FOUND), CLI_UNREACHABLE);
	assert_int_equal(output_exit_of(ERR_IO), CLI_UNREACHABLE);
	assert_int_equal(output_exit_of(ERR_TAMPERED), CLI_NEGATIVE);
	assert_int_equal(output_exit_of(ERR_EDITION_INVALID), CLI_NEGATIVE);
}

static void test_error(void **state)
{
	(void)state;
	char text[TEXT_MAX];
	struct cli cli = { .out = tmpfile(), .err = tmpfile(), .json = true };
	struct fault fault = { .text = "line 3: no" };
	assert_int_equal(output_fault(&cli, ERR_FORMAT, &fault), CLI_USAGE);
	take(cli.err, text);
	assert_string_equal(text, "besa: line 3: no\n");
	take(cli.out, text);
	json_t *document = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(document, "error")), "line 3: no");
	json_decref(document);
}

// A refusal as a gateway sends it.
static void test_refusal(void **state)
{
	(void)state;
	char text[TEXT_MAX];
	struct cli cli = { .out = tmpfile(), .err = tmpfile(), .json = true };
	struct remote_field fields[] = {
		{ "besa-reason", slice_text("grant_missing") },
		{ "besa-node", slice_text("besa/XK/GOV/ARC/gw1") },
		{ "besa-exchange-id", slice_text("0198c0de-0000-7000-8000-000000000001") },
	};
	struct remote_answer answer = { .status = GRPC_PERMISSION_DENIED,
					.from_peer = true,
					.status_message = slice_text("no\033grant"),
					.metadata = fields,
					.metadata_count = 3 };
	struct remote_target target = { .address = "127.0.0.1:1" };
	assert_int_equal(answer_failed(&cli, &target, &answer), CLI_NEGATIVE);
	take(cli.err, text);
	assert_non_null(strstr(text, "PERMISSION_DENIED: no?grant"));
	assert_non_null(strstr(text, "grant_missing"));
	assert_non_null(strstr(text, "besa/XK/GOV/ARC/gw1"));
	assert_non_null(strstr(text, "besa grant add"));
	take(cli.out, text);
	json_t *document = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(document, "reason")), "grant_missing");
	assert_true(json_is_true(json_object_get(document, "from_gateway")));
	json_decref(document);
}

static void test_unreachable(void **state)
{
	(void)state;
	char text[TEXT_MAX];
	struct cli cli = { .out = tmpfile(), .err = tmpfile() };
	struct remote_answer answer = { .status = GRPC_UNAVAILABLE, .cause = ERR_CLOSED };
	struct remote_target target = { .address = "127.0.0.1:1" };
	assert_int_equal(answer_failed(&cli, &target, &answer), CLI_UNREACHABLE);
	take(cli.err, text);
	assert_non_null(strstr(text, "127.0.0.1:1: the connection is closed"));
	fclose(cli.out);
}

static void test_statement_in_words(void **state)
{
	(void)state;
	static const uint8_t id[16] = { 1 };
	struct buffer text;
	struct statement request = {
		.type = STATEMENT_REQUEST,
		.member = slice_text("XK/GOV/ASHI"),
		.ledger_time_us = 1763719800000000,
		.body.request = { .exchange_id = slice_of(id, 16),
				  .client = slice_text("XK/GOV/ASHI/ekosova"),
				  .provider = slice_text("XK/GOV/ARC/population"),
				  .service = slice_text("rks.civil.v1.CivilRegistry"),
				  .method = slice_text("GetPerson"),
				  .purpose = slice_text("a\nb") },
	};
	buffer_init(&text, TEXT_MAX);
	describe_words(&request, &text);
	assert_string_equal(buffer_text(&text), "XK/GOV/ASHI/ekosova asks XK/GOV/ARC/population: "
						"rks.civil.v1.CivilRegistry/GetPerson, purpose a?b");
	buffer_clear(&text);
	describe_outcome(&request, &text);
	assert_string_equal(buffer_text(&text), "");
	assert_true(slice_equal(describe_exchange(&request), slice_of(id, 16)));
	struct statement response = {
		.type = STATEMENT_RESPONSE,
		.body.response = { .outcome = STATEMENT_OUTCOME_REFUSED,
				   .grpc_status = GRPC_PERMISSION_DENIED,
				   .reason = slice_text("grant_missing") },
	};
	describe_outcome(&response, &text);
	assert_string_equal(buffer_text(&text), "refused PERMISSION_DENIED grant_missing");
	json_t *json = describe_json(&request);
	const json_t *body = json_object_get(json, "request");
	assert_string_equal(json_string_value(json_object_get(body, "method")), "GetPerson");
	assert_string_equal(json_string_value(json_object_get(body, "exchange_id")),
			    "01000000-0000-0000-0000-000000000000");
	json_decref(json);
	buffer_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_safe_text),
		cmocka_unit_test(test_json_text),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_statement_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
