// SPDX-License-Identifier: EUPL-1.2
//
// What crosses the border beside a message, and what does not, whoever sends it.
#include "exchange/metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct h2_header header(const char *name, const char *value)
{
	return (struct h2_header){ .name = slice_text(name), .value = slice_text(value) };
}

static struct content_entry entry(const char *key, const char *value)
{
	return (struct content_entry){ .key = slice_text(key), .value = slice_text(value) };
}

static void what_is_the_gateways_stays_behind(void **state)
{
	(void)state;
	const struct h2_header sent[] = {
		header("x-office", "Gjilan"), header("besa-user", "1234567890"),  header("grpc-timeout", "1S"),
		header("te", "trailers"),     header("traceparent", "00-1-2-01"),
	};
	struct buffer bytes;
	struct arena arena;
	struct content_metadata metadata;
	buffer_init(&bytes, CONTENT_METADATA_MAX);
	arena_init(&arena, CONTENT_METADATA_MAX);
	const struct h2_headers headers = { .items = sent, .count = sizeof sent / sizeof *sent };
	assert_int_equal(metadata_encode_request(headers, &bytes, NULL), OK);
	assert_int_equal(content_decode_metadata(buffer_slice(&bytes), &arena, &metadata, NULL), OK);
	assert_int_equal(metadata.entries.count, 2);
	assert_true(slice_is(metadata.entries.items[0].key, "x-office"));
	assert_true(slice_is(metadata.entries.items[1].key, "traceparent"));
	arena_release(&arena);
	buffer_release(&bytes);
}

// A gateway that lies must not speak to an adapter or a caller in our name.
static void what_arrives_is_filtered_as_well(void **state)
{
	(void)state;
	struct content_entry items[] = {
		entry("besa-client", "XK/GOV/POLICE/all"),
		entry("besa-exchange-id", "0"),
		entry("grpc-status", "0"),
		entry("content-type", "text/html"),
		entry("transfer-encoding", "chunked"),
		entry("keep-alive", "1"),
		entry("x-lines", "one\r\nbesa-client: two"),
		entry("x-spaced", " value"),
		entry("x-spaced", "value\t"),
		entry("x-deleted", "a\177"),
		entry("x-empty", ""),
		entry("x-good", "një fjalë"),
	};
	const struct content_entries entries = { .items = items, .count = sizeof items / sizeof *items };
	struct h2_header headers[METADATA_ENTRIES_MAX];
	assert_int_equal(metadata_headers(&entries, headers, METADATA_ENTRIES_MAX), 2);
	assert_true(slice_is(headers[0].name, "x-empty"));
	assert_true(slice_is(headers[1].name, "x-good"));
	assert_int_equal(metadata_headers(&entries, headers, 1), 1);
}

static void too_many_entries_are_refused_not_dropped(void **state)
{
	(void)state;
	struct h2_header sent[METADATA_ENTRIES_MAX + 1];
	for (size_t i = 0; i < METADATA_ENTRIES_MAX + 1; i++) {
		sent[i] = header("x-many", "1");
	}
	struct buffer bytes;
	struct fault fault = { "" };
	buffer_init(&bytes, CONTENT_METADATA_MAX);
	struct h2_headers headers = { .items = sent, .count = METADATA_ENTRIES_MAX + 1 };
	assert_int_equal(metadata_encode_request(headers, &bytes, &fault), ERR_LIMIT);
	headers.count = METADATA_ENTRIES_MAX;
	assert_int_equal(metadata_encode_request(headers, &bytes, &fault), OK);
	buffer_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_gateways_stays_behind),
		cmocka_unit_test(what_arrives_is_filtered_as_well),
		cmocka_unit_test(too_many_entries_are_refused_not_dropped),
	};
	return cmocka_run_group_tests_name("exchange/metadata", tests, NULL, NULL);
}
