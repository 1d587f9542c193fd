// SPDX-License-Identifier: EUPL-1.2
//
// Keys: signatures checked by the openssl command and the other way round, files, encodings, tampering.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "base/text.h"
#include "crypto/key.h"
#include "crypto/openssl.h"
#include "tests/unit/crypto/scratch.h"

static const enum key_type types[] = { KEY_P256, KEY_ED25519 };

static void test_sign_and_verify(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct key_private *key;
		struct key_private *other;
		assert_int_equal(key_generate(types[t], &key), OK);
		assert_int_equal(key_generate(types[t], &other), OK);
		for (int round = 0; round < 50; round++) {
			uint8_t message[300];
			uint8_t signature[KEY_SIGNATURE_MAX];
			size_t size;
			random_bytes(message, sizeof message);
			struct slice text = slice_of(message, (size_t)round * 6);
			assert_int_equal(key_sign(key, text, signature, &size), OK);
			assert_true(types[t] == KEY_P256 || size == KEY_ED25519_SIGNATURE_SIZE);
			struct slice bytes = slice_of(signature, size);
			assert_int_equal(key_verify(key_public_of(key), text, bytes), OK);
			assert_int_equal(key_verify(key_public_of(other), text, bytes), ERR_SIGNATURE_INVALID);
			message[text.size] = 1;
			assert_int_equal(key_verify(key_public_of(key), slice_of(message, text.size + 1), bytes),
					 ERR_SIGNATURE_INVALID);
		}
		key_private_free(key);
		key_private_free(other);
	}
}

static void test_every_bit_of_a_signature(void **state)
{
	(void)state;
	struct slice text = slice_text("what is signed");
	for (size_t t = 0; t < 2; t++) {
		struct key_private *key;
		uint8_t signature[KEY_SIGNATURE_MAX + 1];
		size_t size;
		assert_int_equal(key_generate(types[t], &key), OK);
		assert_int_equal(key_sign(key, text, signature, &size), OK);
		for (size_t bit = 0; bit < 8 * size; bit++) {
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(key_verify(key_public_of(key), text, slice_of(signature, size)),
					 ERR_SIGNATURE_INVALID);
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t cut = 0; cut < size; cut++) {
			assert_int_equal(key_verify(key_public_of(key), text, slice_of(signature, cut)),
					 ERR_SIGNATURE_INVALID);
		}
		signature[size] = 0;
		assert_int_equal(key_verify(key_public_of(key), text, slice_of(signature, size + 1)),
				 ERR_SIGNATURE_INVALID);
		// and the key still works after all the failures
		assert_int_equal(key_verify(key_public_of(key), text, slice_of(signature, size)), OK);
		key_private_free(key);
	}
}

static void test_files(void **state)
{
	(void)state;
	struct fault fault;
	for (size_t t = 0; t < 2; t++) {
		struct key_private *key;
		struct key_private *loaded;
		const char *path = scratch_path("key.pem");
		assert_int_equal(key_generate(types[t], &key), OK);
		assert_int_equal(key_save(key, path, &fault), OK);
		struct stat status;
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
		assert_int_equal(key_load(path, &loaded, &fault), OK);
		assert_true(key_public_equal(key_public_of(key), key_public_of(loaded)));
		key_private_free(loaded);
		chmod(path, 0640); // root's key, read by the notary's group
		assert_int_equal(key_load(path, &loaded, &fault), OK);
		key_private_free(loaded);
		chmod(path, 0644);
		assert_int_equal(key_load(path, &loaded, &fault), ERR_PERMISSION);
		assert_non_null(strstr(fault.text, path));
		key_private_free(key);
	}
	struct key_private *none;
	assert_int_equal(key_load(scratch_path("absent"), &none, &fault), ERR_NOT_FOUND);
	assert_int_equal(key_load(scratch_write("bad", slice_text("no key")), &none, &fault), ERR_FORMAT);
	assert_int_equal(key_load(scratch_write("empty", slice_text("")), &none, &fault), ERR_FORMAT);
	char large[KEY_FILE_MAX + 1] = { 0 };
	assert_int_equal(key_load(scratch_write("large", slice_of(large, sizeof large)), &none, &fault), ERR_LIMIT);
}

// Keys of other kinds, made by the openssl command, are refused, encrypted ones without asking for a password.
static void test_other_keys(void **state)
{
	(void)state;
	struct fault fault;
	struct key_private *key;
	const char *path = scratch_path("other.pem");
	const char *const rsa[] = { "openssl", "genpkey", "-algorithm", "RSA", "-out", path, NULL };
	assert_int_equal(scratch_openssl(rsa), 0);
	assert_int_equal(key_load(path, &key, &fault), ERR_UNSUPPORTED);
	const char *const curve[] = { "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384",
				      "-out",    path,      NULL };
	assert_int_equal(scratch_openssl(curve), 0);
	assert_int_equal(key_load(path, &key, &fault), ERR_UNSUPPORTED);
	const char *const secret[] = { "openssl", "genpkey",   "-algorithm", "ED25519", "-aes-128-cbc",
				       "-pass",   "pass:word", "-out",       path,      NULL };
	assert_int_equal(scratch_openssl(secret), 0);
	assert_int_equal(key_load(path, &key, &fault), ERR_FORMAT);
	const char *const traditional[] = {
		"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", path, NULL
	};
	assert_int_equal(scratch_openssl(traditional), 0);
	assert_int_equal(key_load(path, &key, &fault), OK);
	key_private_free(key);
}

static void test_openssl_agrees(void **state)
{
	(void)state;
	struct slice text = slice_text("a message for two implementations\n");
	const char *message = scratch_write("message", text);
	for (size_t t = 0; t < 2; t++) {
		struct key_private *key;
		struct fault fault;
		uint8_t signature[KEY_SIGNATURE_MAX];
		size_t size;
		const char *path = scratch_path("key.pem");
		assert_int_equal(key_generate(types[t], &key), OK);
		assert_int_equal(key_save(key, path, &fault), OK);
		assert_int_equal(key_sign(key, text, signature, &size), OK);
		const char *ours = scratch_write("ours", slice_of(signature, size));
		const char *const check[] = { "openssl", "pkeyutl", "-verify",  "-rawin", "-inkey", path,
					      "-in",     message,   "-sigfile", ours,     NULL };
		assert_int_equal(scratch_openssl(check), 0);
		const char *theirs = scratch_path("theirs");
		const char *const sign[] = { "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", path,
					     "-in",     message,   "-out",  theirs,   NULL };
		assert_int_equal(scratch_openssl(sign), 0);
		struct buffer read;
		buffer_init(&read, KEY_SIGNATURE_MAX);
		assert_int_equal(file_read(theirs, &read, &fault), OK);
		assert_int_equal(key_verify(key_public_of(key), text, buffer_slice(&read)), OK);
		buffer_release(&read);
		key_private_free(key);
	}
}

static void test_public_encodings(void **state)
{
	(void)state;
	for (size_t t = 0; t < 2; t++) {
		struct key_private *key;
		struct key_public *again;
		assert_int_equal(key_generate(types[t], &key), OK);
		struct slice spki = key_public_spki(key_public_of(key));
		assert_int_equal(key_public_from_spki(spki, &again), OK);
		assert_int_equal(key_public_type(again), types[t]);
		assert_true(key_public_equal(again, key_public_of(key)));
		assert_ptr_equal(key_public_hold(again), again);
		key_public_free(again);
		key_public_free(again);
		uint8_t copy[KEY_SPKI_MAX + 1];
		memcpy(copy, spki.data, spki.size);
		copy[spki.size] = 0;
		assert_int_equal(key_public_from_spki(slice_of(copy, spki.size + 1), &again), ERR_FORMAT);
		for (size_t cut = 0; cut < spki.size; cut++) {
			assert_int_not_equal(key_public_from_spki(slice_of(copy, cut), &again), OK);
		}
		for (size_t bit = 0; bit < 8 * spki.size; bit++) { // never the same key by another spelling
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (key_public_from_spki(slice_of(copy, spki.size), &again) == OK) {
				assert_false(key_public_equal(again, key_public_of(key)));
				key_public_free(again);
			}
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		struct slice raw = key_public_ed25519(key_public_of(key));
		if (types[t] == KEY_ED25519) {
			assert_int_equal(raw.size, KEY_ED25519_SIZE);
			assert_int_equal(key_public_from_ed25519(raw, &again), OK);
			assert_true(key_public_equal(again, key_public_of(key)));
			key_public_free(again);
		} else {
			assert_int_equal(raw.size, 0);
		}
		key_private_free(key);
	}
	struct key_public *none;
	assert_int_equal(key_public_from_ed25519(slice_text("short"), &none), ERR_FORMAT);
}

// A compressed point is the same key in other bytes: refused.
static void test_compressed_point(void **state)
{
	(void)state;
	const char *der = scratch_path("compressed.der");
	const char *path = scratch_path("key.pem");
	struct fault fault;
	struct key_private *key;
	assert_int_equal(key_generate(KEY_P256, &key), OK);
	assert_int_equal(key_save(key, path, &fault), OK);
	const char *const encode[] = { "openssl",    "ec",       "-in", path,   "-pubout", "-conv_form",
				       "compressed", "-outform", "DER", "-out", der,       NULL };
	assert_int_equal(scratch_openssl(encode), 0);
	struct buffer read;
	buffer_init(&read, KEY_SPKI_MAX);
	assert_int_equal(file_read(der, &read, &fault), OK);
	struct key_public *public_key;
	assert_int_equal(key_public_from_spki(buffer_slice(&read), &public_key), ERR_UNSUPPORTED);
	buffer_release(&read);
	key_private_free(key);
}

// OpenSSL's errors are all taken away: TLS would read them as its own.
static void test_error_queue(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sign_and_verify),
		cmocka_unit_test(test_every_bit_of_a_signature),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_openssl_agrees),
		cmocka_unit_test(test_public_encodings),
		cmocka_unit_test(test_compressed_point),
		cmocka_unit_test(test_error_queue), // last: after all the failures above
	};
	return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}
