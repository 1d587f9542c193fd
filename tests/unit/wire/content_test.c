// SPDX-License-Identifier: EUPL-1.2
//
// Salted digests, commitments, metadata: matching content is accepted, every other refused; without the salt a
// ten-digit number is not found.
#include "tests/unit/wire/random_message.h"

#include <stdio.h>

#include "base/text.h"

static const uint8_t salt[CONTENT_SALT_SIZE] = "salt-salt-salt-salt-salt-salt-32";

static struct slice salted(void)
{
	return slice_of(salt, sizeof salt);
}

// What `openssl dgst -sha256 -mac hmac` says: the digests are a contract.
static void test_golden_digests(void **state)
{
	(void)state;
	uint8_t digest[32];
	char hex[65];
	content_payload_digest(salt, slice_text("1234567890"), digest);
	text_hex(digest, 32, hex);
	assert_string_equal(hex, "b121ec177617dbf4e886ad48642ed880595183de9f87543b636d719c267e9a1d");
	content_metadata_digest(salt, slice_text("1234567890"), digest);
	text_hex(digest, 32, hex);
	assert_string_equal(hex, "fc724358c09f27d9018c9c44cbc5062b8b6a9fd3a8423b4850bffb7de4d95045");
	content_private_commitment(slice_text("1234567890"), digest);
	text_hex(digest, 32, hex);
	assert_string_equal(hex, "4cab65e7f53e8525882423e947a5b606b541c5c886b55bc7397f8c0704ee670f");
}

static void test_payload_in_pieces(void **state)
{
	(void)state;
	static uint8_t payload[5000];
	for (size_t i = 0; i < sizeof payload; i++) {
		payload[i] = (uint8_t)(i * 31);
	}
	uint8_t whole[32];
	content_payload_digest(salt, slice_of(payload, sizeof payload), whole);
	for (size_t piece = 1; piece < 200; piece += 7) {
		struct content_payload_digest digest;
		uint8_t made[32];
		content_payload_begin(&digest, salt);
		for (size_t i = 0; i < sizeof payload; i += piece) {
			size_t left = sizeof payload - i;
			content_payload_update(&digest, slice_of(payload + i, left < piece ? left : piece));
		}
		assert_int_equal(digest.size, sizeof payload);
		content_payload_end(&digest, made);
		assert_memory_equal(made, whole, 32);
		content_payload_release(&digest);
	}
	struct content_payload_digest given_up;
	content_payload_begin(&given_up, salt);
	content_payload_update(&given_up, slice_text("x"));
	content_payload_release(&given_up);
}

static void test_payload_and_metadata_checks(void **state)
{
	(void)state;
	uint8_t bytes[] = "GetPerson";
	struct slice payload = slice_of(bytes, sizeof bytes);
	uint8_t digest[32];
	struct fault fault;
	content_payload_digest(salt, payload, digest);
	struct slice expected = slice_of(digest, 32);
	assert_int_equal(content_check_payload(salted(), payload, expected, sizeof bytes, &fault), OK);
	assert_int_equal(content_check_payload(salted(), payload, expected, 5, &fault), ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_payload(slice_of(salt, 31), payload, expected, sizeof bytes, &fault),
			 ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_payload(slice_of(NULL, 0), payload, expected, sizeof bytes, &fault),
			 ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_payload(salted(), payload, slice_of(digest, 31), sizeof bytes, &fault),
			 ERR_DIGEST_MISMATCH);
	// a salt of the wrong size never matches, not even a digest of zeroes
	static const uint8_t zeroes[32];
	assert_int_equal(content_check_payload(slice_of(NULL, 0), payload, slice_of(zeroes, 32), sizeof bytes, &fault),
			 ERR_DIGEST_MISMATCH);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(content_check_payload(salted(), payload, expected, sizeof bytes, &fault),
				 ERR_DIGEST_MISMATCH);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	// a payload's digest is not the digest of metadata
	assert_int_equal(content_check_metadata(salted(), payload, expected, &fault), ERR_DIGEST_MISMATCH);
	content_metadata_digest(salt, payload, digest);
	assert_int_equal(content_check_metadata(salted(), payload, expected, &fault), OK);
	assert_int_equal(content_check_metadata(salted(), slice_of(NULL, 0), expected, &fault), ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_metadata(salted(), payload, slice_of(NULL, 0), &fault), ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_metadata(slice_of(NULL, 0), slice_of(NULL, 0), slice_of(NULL, 0), &fault), OK);
}

static void test_private_part(void **state)
{
	(void)state;
	struct arena arena;
	struct buffer bytes;
	struct fault fault = { .text = "" };
	arena_init(&arena, 1 << 16);
	buffer_init(&bytes, CONTENT_PRIVATE_MAX);
	uint8_t subject[32] = { 1 };
	struct slice subjects[] = { slice_of(subject, 32) };
	const struct content_private part = { .salt = salted(),
					      .user = slice_text("arta.gashi"),
					      .issue = slice_text("2026-114"),
					      .subjects = { subjects, 1 } };
	assert_int_equal(content_encode_private(&part, &bytes, &fault), OK);
	// the salt is the first field
	assert_memory_equal(bytes.data, "\x0a\x20salt-salt", 11);
	struct content_private read;
	assert_int_equal(content_decode_private(buffer_slice(&bytes), &arena, &read, &fault), OK);
	assert_true(slice_is(read.user, "arta.gashi"));
	assert_true(read.subjects.count == 1);

	uint8_t commitment[32];
	content_private_commitment(buffer_slice(&bytes), commitment);
	struct slice committed = slice_of(commitment, 32);
	const struct slice none = { 0 };
	assert_int_equal(content_check_private(committed, buffer_slice(&bytes), &fault), OK);
	assert_int_equal(content_check_private(committed, none, &fault), ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_private(none, buffer_slice(&bytes), &fault), ERR_DIGEST_MISMATCH);
	assert_int_equal(content_check_private(none, none, &fault), OK);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 0x20;
		assert_int_equal(content_check_private(committed, buffer_slice(&bytes), &fault), ERR_DIGEST_MISMATCH);
		bytes.data[i] ^= 0x20;
	}
	// without a salt there is no private part
	const struct content_private bare = { .user = slice_text("arta.gashi") };
	assert_int_equal(content_encode_private(&bare, &bytes, &fault), ERR_FORMAT);
	buffer_release(&bytes);
	arena_release(&arena);
}

// Whoever holds the leaf alone tries all numbers near the true one, with everything but the salt: nothing.
static void test_a_number_is_not_found_without_the_salt(void **state)
{
	(void)state;
	uint8_t secret[32];
	for (size_t i = 0; i < sizeof secret; i++) {
		secret[i] = (uint8_t)(i * 7 + 3);
	}
	uint8_t digest[32];
	uint8_t tried[32];
	content_payload_digest(secret, slice_text("1172345678"), digest);
	static const uint8_t guesses[2][32] = { { 0 }, { 1 } };
	for (unsigned number = 1172340000; number < 1172350000; number++) {
		char text[16];
		snprintf(text, sizeof text, "%u", number);
		for (size_t i = 0; i < 2; i++) {
			content_payload_digest(guesses[i], slice_text(text), tried);
			assert_memory_not_equal(tried, digest, 32);
		}
		digest_sha256(slice_text(text), tried);
		assert_memory_not_equal(tried, digest, 32);
	}
	content_payload_digest(secret, slice_text("1172345678"), tried);
	assert_memory_equal(tried, digest, 32);
}

static void test_metadata_limits(void **state)
{
	(void)state;
	struct arena arena;
	struct buffer bytes;
	struct fault fault = { .text = "" };
	arena_init(&arena, 1 << 16);
	buffer_init(&bytes, 1 << 20);
	static uint8_t value[CONTENT_VALUE_MAX + 1];
	struct content_entry entries[CONTENT_ENTRIES_MAX + 1];
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		entries[i] = (struct content_entry){ .key = slice_text("x-trace"), .value = slice_of(value, 1) };
	}
	struct content_metadata metadata = { .entries = { entries, CONTENT_ENTRIES_MAX } };
	struct content_metadata read;
	assert_int_equal(content_encode_metadata(&metadata, &bytes, &fault), OK);
	assert_int_equal(content_decode_metadata(buffer_slice(&bytes), &arena, &read, &fault), OK);
	assert_int_equal(read.entries.count, CONTENT_ENTRIES_MAX);
	metadata.entries.count++;
	assert_int_equal(content_encode_metadata(&metadata, &bytes, &fault), ERR_FORMAT);
	metadata.entries.count = 1;
	entries[0].value = slice_of(value, sizeof value);
	assert_int_equal(content_encode_metadata(&metadata, &bytes, &fault), ERR_FORMAT);
	metadata.entries.count = 5;
	for (size_t i = 0; i < 5; i++) {
		entries[i].value = slice_of(value, CONTENT_VALUE_MAX);
	}
	assert_int_equal(content_encode_metadata(&metadata, &bytes, &fault), ERR_LIMIT);
	entries[0] = (struct content_entry){ .key = slice_text("X-Trace") };
	metadata.entries.count = 1;
	assert_int_equal(content_encode_metadata(&metadata, &bytes, &fault), ERR_FORMAT);
	assert_int_equal(content_decode_metadata(slice_of(value, CONTENT_METADATA_MAX + 1), &arena, &read, &fault),
			 ERR_LIMIT);
	buffer_release(&bytes);
	arena_release(&arena);
}

static void test_response_metadata(void **state)
{
	(void)state;
	struct arena arena;
	struct buffer bytes;
	struct fault fault = { .text = "" };
	arena_init(&arena, 1 << 16);
	buffer_init(&bytes, 1 << 16);
	struct content_entry entries[] = { { slice_text("x-one"), slice_text("1") },
					   { slice_text("x-two-bin"), { 0 } } };
	const struct content_response_metadata metadata = { .trailing = { entries, 2 },
							    .grpc_message = slice_text("no such person") };
	struct content_response_metadata read;
	assert_int_equal(content_encode_response_metadata(&metadata, &bytes, &fault), OK);
	assert_int_equal(content_decode_response_metadata(buffer_slice(&bytes), &arena, &read, &fault), OK);
	assert_int_equal(read.initial.count, 0);
	assert_int_equal(read.trailing.count, 2);
	assert_true(slice_is(read.trailing.items[1].key, "x-two-bin"));
	assert_true(slice_is(read.grpc_message, "no such person"));
	buffer_append(&bytes, "\x2a\x01x", 3); // strict: both sides hash these bytes
	assert_int_equal(content_decode_response_metadata(buffer_slice(&bytes), &arena, &read, &fault), ERR_FORMAT);
	buffer_release(&bytes);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_digests),
		cmocka_unit_test(test_payload_in_pieces),
		cmocka_unit_test(test_payload_and_metadata_checks),
		cmocka_unit_test(test_private_part),
		cmocka_unit_test(test_a_number_is_not_found_without_the_salt),
		cmocka_unit_test(test_metadata_limits),
		cmocka_unit_test(test_response_metadata),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
