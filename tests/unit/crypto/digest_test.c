// SPDX-License-Identifier: EUPL-1.2
//
// SHA-256 and HMAC against published vectors; every way of computing against every other.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "base/text.h"
#include "crypto/digest.h"

#include <stdlib.h>

static void assert_hex(const uint8_t hash[DIGEST_SIZE], const char *hex)
{
	char text[2 * DIGEST_SIZE + 1];
	text_hex(hash, DIGEST_SIZE, text);
	assert_string_equal(text, hex);
}

// FIPS 180-4 examples.
static void test_sha256_vectors(void **state)
{
	(void)state;
	uint8_t hash[DIGEST_SIZE];
	digest_sha256(slice_of(NULL, 0), hash);
	assert_hex(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha256(slice_text("abc"), hash);
	assert_hex(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256(slice_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hash);
	assert_hex(hash, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");

	struct digest digest;
	digest_init(&digest);
	char letters[1000];
	memset(letters, 'a', sizeof letters);
	for (int i = 0; i < 1000; i++) {
		digest_update(&digest, slice_of(letters, sizeof letters));
	}
	digest_final(&digest, hash);
	assert_hex(hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// RFC 4231 sections 4.2 to 4.8 (4.6 is about truncation, which Besa does not do).
static void test_hmac_vectors(void **state)
{
	(void)state;
	uint8_t key[131];
	uint8_t data[50];
	uint8_t mac[DIGEST_SIZE];
	memset(key, 0x0b, 20);
	digest_hmac(slice_of(key, 20), slice_text("Hi There"), mac);
	assert_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_hmac(slice_text("Jefe"), slice_text("what do ya want for nothing?"), mac);
	assert_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof key);
	memset(data, 0xdd, sizeof data);
	digest_hmac(slice_of(key, 20), slice_of(data, 50), mac);
	assert_hex(mac, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	uint8_t counting[25];
	for (uint8_t i = 0; i < sizeof counting; i++) {
		counting[i] = (uint8_t)(i + 1);
	}
	memset(data, 0xcd, sizeof data);
	digest_hmac(slice_of(counting, 25), slice_of(data, 50), mac);
	assert_hex(mac, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	digest_hmac(slice_of(key, 131), slice_text("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
	assert_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	digest_hmac(slice_of(key, 131),
		    slice_text("This is a test using a larger than block-size key and a larger than block-size data. "
			       "The key needs to be hashed before being used by the HMAC algorithm."),
		    mac);
	assert_hex(mac, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void test_streamed_equals_whole(void **state)
{
	(void)state;
	uint8_t bytes[5000];
	uint8_t key[100];
	random_bytes(bytes, sizeof bytes);
	random_bytes(key, sizeof key);
	for (int round = 0; round < 500; round++) {
		size_t size = (size_t)rand() % sizeof bytes;
		size_t key_size = (size_t)rand() % sizeof key;
		struct digest digest;
		struct digest_hmac hmac;
		digest_init(&digest);
		digest_hmac_init(&hmac, slice_of(key, key_size));
		for (size_t at = 0; at < size;) {
			size_t part = 1 + (size_t)rand() % (size - at);
			digest_update(&digest, slice_of(bytes + at, part));
			digest_hmac_update(&hmac, slice_of(bytes + at, part));
			at += part;
		}
		uint8_t streamed[DIGEST_SIZE];
		uint8_t whole[DIGEST_SIZE];
		digest_final(&digest, streamed);
		digest_sha256(slice_of(bytes, size), whole);
		assert_memory_equal(streamed, whole, DIGEST_SIZE);
		digest_hmac_final(&hmac, streamed);
		digest_hmac(slice_of(key, key_size), slice_of(bytes, size), whole);
		assert_memory_equal(streamed, whole, DIGEST_SIZE);
		size_t cut = size ? (size_t)rand() % size : 0;
		digest_hmac_prefixed(slice_of(key, key_size), slice_of(bytes, cut), slice_of(bytes + cut, size - cut),
				     whole);
		assert_memory_equal(streamed, whole, DIGEST_SIZE);
	}
}

static void test_pair_equals_general(void **state)
{
	(void)state;
	uint8_t joined[1 + 2 * DIGEST_SIZE];
	for (int round = 0; round < 1000; round++) {
		random_bytes(joined, sizeof joined);
		uint8_t general[DIGEST_SIZE];
		uint8_t fast[DIGEST_SIZE];
		digest_sha256(slice_of(joined, sizeof joined), general);
		digest_prefixed_pair(joined[0], joined + 1, joined + 1 + DIGEST_SIZE, fast);
		assert_memory_equal(general, fast, DIGEST_SIZE);
		// in place
		digest_prefixed_pair(joined[0], joined + 1, joined + 1 + DIGEST_SIZE, joined + 1);
		assert_memory_equal(general, joined + 1, DIGEST_SIZE);
	}
}

static void test_compare_and_give_up(void **state)
{
	(void)state;
	uint8_t a[DIGEST_SIZE];
	uint8_t b[DIGEST_SIZE];
	random_bytes(a, sizeof a);
	memcpy(b, a, sizeof b);
	assert_true(digest_equal(a, b));
	for (size_t bit = 0; bit < 8 * sizeof b; bit++) {
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(digest_equal(a, b));
		b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	struct digest_hmac hmac;
	digest_hmac_init(&hmac, slice_text("key"));
	digest_hmac_update(&hmac, slice_text("some"));
	digest_hmac_release(&hmac);
	for (size_t i = 0; i < sizeof hmac; i++) {
		assert_int_equal(((uint8_t *)&hmac)[i], 0);
	}
	digest_hmac_release(&hmac);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_vectors),        cmocka_unit_test(test_hmac_vectors),
		cmocka_unit_test(test_streamed_equals_whole), cmocka_unit_test(test_pair_equals_general),
		cmocka_unit_test(test_compare_and_give_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
