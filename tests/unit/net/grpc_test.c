// SPDX-License-Identifier: EUPL-1.2
//
// The wire forms of gRPC, against the protocol's text and over random cuts.
#include "net_testing.h"

#include "base/random.h"
#include "net/grpc.h"

static unsigned dice(unsigned sides)
{
	unsigned value = 0;
	random_bytes(&value, sizeof value);
	return value % sides;
}

static void messages_survive_any_cut(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		uint8_t body[4000], sizes_count = (uint8_t)(1 + dice(8));
		uint32_t sizes[8];
		size_t total = 0;
		for (unsigned i = 0; i < sizes_count; i++) {
			sizes[i] = dice(3) ? dice(400) : 0;
			grpc_frame_head(body + total, sizes[i]);
			memset(body + total + 5, (int)i, sizes[i]);
			total += 5 + sizes[i];
		}
		struct grpc_deframer deframer;
		grpc_deframer_init(&deframer, 400);
		unsigned got = 0;
		for (size_t from = 0; from < total;) {
			size_t part = 1 + dice(dice(2) ? 5 : 900);
			part = part < total - from ? part : total - from;
			struct slice bytes = slice_of(body + from, part);
			from += part;
			while (bytes.size > 0) {
				assert_int_equal(grpc_deframer_push(&deframer, &bytes), OK);
				if (deframer.complete) {
					size_t size = 0;
					uint8_t *message = grpc_deframer_take(&deframer, &size);
					assert_non_null(message);
					assert_int_equal(size, sizes[got]);
					for (size_t i = 0; i < size; i++) {
						assert_int_equal(message[i], got);
					}
					free(message);
					got++;
				}
			}
		}
		assert_int_equal(got, sizes_count);
		assert_true(grpc_deframer_at_boundary(&deframer));
		grpc_deframer_release(&deframer);
	}
}

static void bad_frames_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint8_t head[5];
		result expected;
	} cases[] = {
		{ { 0, 0, 0, 4, 1 }, ERR_PAYLOAD_TOO_LARGE }, { { 0, 0xff, 0xff, 0xff, 0xff }, ERR_PAYLOAD_TOO_LARGE },
		{ { 1, 0, 0, 0, 1 }, ERR_UNSUPPORTED },       { { 2, 0, 0, 0, 1 }, ERR_FORMAT },
		{ { 0xff, 0, 0, 0, 0 }, ERR_FORMAT },         { { 0, 0, 0, 4, 0 }, OK },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct grpc_deframer deframer;
		grpc_deframer_init(&deframer, 1024);
		struct slice bytes = slice_of(cases[i].head, 5);
		assert_int_equal(grpc_deframer_push(&deframer, &bytes), cases[i].expected);
		assert_false(grpc_deframer_at_boundary(&deframer));
		grpc_deframer_release(&deframer);
	}
}

static void timeouts_parse_and_format(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t us;
	} good[] = { { "1H", INT64_C(3600000000) },
		     { "2M", 120000000 },
		     { "30S", 30000000 },
		     { "250m", 250000 },
		     { "7u", 7 },
		     { "1n", 1 },
		     { "1001n", 2 },
		     { "0m", 0 },
		     { "99999999H", INT64_C(365) * 24 * 3600 * 1000000 } };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t us = -1;
		assert_int_equal(grpc_timeout_parse(slice_text(good[i].text), &us), OK);
		assert_int_equal(us, good[i].us);
	}
	static const char *const bad[] = { "", "1", "S", "-1S", "1s", "1.5S", "123456789m", " 1S", "1S ", "1SS" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t us = -1;
		assert_int_equal(grpc_timeout_parse(slice_text(bad[i]), &us), ERR_FORMAT);
		assert_int_equal(us, -1);
	}
	for (int i = 0; i < 2000; i++) {
		int64_t us = (int64_t)dice(1000000) * dice(1000000) / (1 + dice(100000));
		char text[GRPC_TIMEOUT_TEXT_SIZE];
		grpc_timeout_format(us, text);
		int64_t back = -1;
		assert_true(strlen(text) <= 9);
		assert_int_equal(grpc_timeout_parse(slice_text(text), &back), OK);
		// Never longer than what was asked, but for the least there is; and hardly shorter.
		assert_true(back <= us || back == 1);
		assert_true(us - back < 1000 || (us - back) * 1000 < us);
	}
	char text[GRPC_TIMEOUT_TEXT_SIZE];
	grpc_timeout_format(INT64_MAX, text);
	assert_string_equal(text, "99999999S");
	grpc_timeout_format(-5, text);
	assert_string_equal(text, "1u");
}

static void status_messages_encode_and_decode(void **state)
{
	(void)state;
	static const struct {
		const char *plain, *encoded;
	} cases[] = { { "all well", "all well" },
		      { "50%", "50%25" },
		      { "qytet\xc3\xab\nri", "qytet%C3%AB%0Ari" },
		      { "", "" },
		      { "\x7f\t", "%7F%09" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer out;
		buffer_init(&out, 1000);
		grpc_message_encode(&out, slice_text(cases[i].plain));
		assert_string_equal(buffer_text(&out), cases[i].encoded);
		buffer_clear(&out);
		grpc_message_decode(&out, slice_text(cases[i].encoded));
		assert_string_equal(buffer_text(&out), cases[i].plain);
		buffer_release(&out);
	}
	// What is malformed stays as it is.
	struct buffer out;
	buffer_init(&out, 1000);
	grpc_message_decode(&out, slice_text("%, %4, %zz, %e2%82%ac, 100%"));
	assert_string_equal(buffer_text(&out), "%, %4, %zz, \xe2\x82\xac, 100%");
	buffer_release(&out);
}

static void binary_metadata_with_and_without_padding(void **state)
{
	(void)state;
	for (size_t size = 0; size < 100; size++) {
		uint8_t bytes[100];
		random_bytes(bytes, sizeof bytes);
		struct buffer text, back;
		buffer_init(&text, 1000);
		buffer_init(&back, 1000);
		grpc_bin_encode(&text, slice_of(bytes, size));
		assert_null(text.size > 0 ? memchr(text.data, '=', text.size) : NULL);
		assert_int_equal(grpc_bin_decode(&back, buffer_slice(&text)), OK);
		assert_true(slice_equal(buffer_slice(&back), slice_of(bytes, size)));
		while (text.size % 4 != 0) {
			buffer_append_byte(&text, '=');
		}
		buffer_clear(&back);
		assert_int_equal(grpc_bin_decode(&back, buffer_slice(&text)), OK);
		assert_true(slice_equal(buffer_slice(&back), slice_of(bytes, size)));
		buffer_release(&text);
		buffer_release(&back);
	}
	static const char *const bad[] = { "a", "ab*d", "abcde", "ab d", "ab\n=", "YQ==YQ==", "YQ===", "YQ=", "=" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buffer back;
		buffer_init(&back, 100);
		buffer_append_text(&back, "kept");
		assert_int_equal(grpc_bin_decode(&back, slice_text(bad[i])), ERR_FORMAT);
		assert_int_equal(back.size, 4);
		buffer_release(&back);
	}
}

static void names_and_statuses(void **state)
{
	(void)state;
	assert_true(grpc_is_content_type(slice_text("application/grpc")));
	assert_true(grpc_is_content_type(slice_text("application/grpc+proto")));
	assert_true(grpc_is_content_type(slice_text("application/grpc;charset=x")));
	assert_false(grpc_is_content_type(slice_text("application/grpc-web")));
	assert_false(grpc_is_content_type(slice_text("application/json")));
	assert_false(grpc_is_content_type((struct slice){ 0 }));
	assert_true(grpc_is_reserved(slice_text("grpc-timeout")));
	assert_true(grpc_is_reserved(slice_text("te")));
	assert_false(grpc_is_reserved(slice_text("besa-user")));
	assert_int_equal(grpc_status_parse(slice_text("0")), GRPC_OK);
	assert_int_equal(grpc_status_parse(slice_text("16")), GRPC_UNAUTHENTICATED);
	assert_int_equal(grpc_status_parse(slice_text("17")), GRPC_UNKNOWN);
	assert_int_equal(grpc_status_parse(slice_text("05")), GRPC_UNKNOWN);
	assert_int_equal(grpc_status_parse(slice_text("")), GRPC_UNKNOWN);
	assert_int_equal(grpc_status_of_http(503), GRPC_UNAVAILABLE);
	assert_int_equal(grpc_status_of_http(404), GRPC_UNIMPLEMENTED);
	assert_int_equal(grpc_status_of_http(302), GRPC_UNKNOWN);
	assert_int_equal(grpc_status_of_reset(H2_CANCEL), GRPC_CANCELLED);
	assert_int_equal(grpc_status_of_reset(H2_PROTOCOL_ERROR), GRPC_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_survive_any_cut),
		cmocka_unit_test(bad_frames_are_refused),
		cmocka_unit_test(timeouts_parse_and_format),
		cmocka_unit_test(status_messages_encode_and_decode),
		cmocka_unit_test(binary_metadata_with_and_without_padding),
		cmocka_unit_test(names_and_statuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
