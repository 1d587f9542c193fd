// SPDX-License-Identifier: EUPL-1.2
//
// Signed notes: published examples of other implementations, each rule of the format by itself, tampering.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "base/text.h"
#include "crypto/note.h"
#include "crypto/openssl.h"

#include <stdlib.h>

static result open_note(struct slice note, const struct note_key *key, struct note_verified *ret_verified)
{
	struct note_view view;
	result code = note_parse(note, &view, NULL);
	return code == OK ? note_verify(&view, &key, 1, ret_verified, NULL) : code;
}

// ---- examples ----

// c2sp.org/signed-note v1.0.0, "Verifier keys".
static const char c2sp_vkey[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char c2sp_note[] =
    "This is an example message.\n"
    "\n"
    "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjO"
    "BH3mFXmRKuwHjG1Yu72IneyaQM=\n";

// golang.org/x/mod/sumdb/note, the example of its documentation.
static const char go_vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char go_note[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n";

// github.com/transparency-dev/witness: a checkpoint of Sigstore's Rekor, signature type 0x02.
static const char rekor_vkey[] =
    "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvX"
    "wBcK5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=";
static const char rekor_note[] =
    "Rekor\n"
    "798034\n"
    "f+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n"
    "\n"
    "\u2014 rekor.sigstore.dev wNI9ajBEAiARInWIWyCdyG27CO6LPnPekyw20qO0YJfoaPaowGp/XgIgc+qEHS3+"
    "GKVClgqq20uDLet7MCoTURUCRdxwWBHHufk=\n";

// c2sp.org/tlog-cosignature v1.0.1: a log's signature and a witness's cosignature; their keys are not published.
static const char cosigned_note[] =
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlr"
    "DJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

static void test_examples(void **state)
{
	(void)state;
	static const struct {
		const char *vkey, *note;
	} examples[] = { { c2sp_vkey, c2sp_note }, { go_vkey, go_note }, { rekor_vkey, rekor_note } };
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		struct note_key key;
		struct note_verified verified;
		struct slice note = slice_text(examples[i].note);
		assert_int_equal(note_key_parse(slice_text(examples[i].vkey), &key, NULL), OK);
		assert_int_equal(open_note(note, &key, &verified), OK);
		assert_int_equal(verified.signers, 1);
		assert_true(slice_starts_with(note, verified.text));
		struct buffer vkey;
		buffer_init(&vkey, 1000);
		note_key_format(&key, &vkey);
		assert_string_equal(buffer_text(&vkey), examples[i].vkey);
		buffer_release(&vkey);
		note_key_release(&key);
	}
	struct note_view view;
	assert_int_equal(note_parse(slice_text(cosigned_note), &view, NULL), OK);
	assert_int_equal(view.count, 2);
	assert_true(slice_is(view.signatures[1].name, "witness.example.com/w1"));
	assert_memory_equal(view.signatures[1].key_id, "\x8d\x66\xcf\x3f", NOTE_KEY_ID_SIZE);
}

// ---- keys ----

static void test_names(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "besa/XK/GOV/ARC/gw1/2026", "ex\u00e4mple/\u65e5", "a=b", "~" };
	static const char *const bad[] = { "",       " ",       "a b",     "a+b",      "a\tb",       "a\n",
					   "\u00a0", "x\u2003", "\u3000y", "a\u2028b", "x\xc2\x85y", "\u1680",
					   "\x80",   "a\xff",   "\xc3",    "a\x1f" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_true(note_is_name(slice_text(good[i])));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(note_is_name(slice_text(bad[i])));
	}
	char longest[NOTE_NAME_MAX + 1];
	memset(longest, 'x', sizeof longest);
	assert_true(note_is_name(slice_of(longest, NOTE_NAME_MAX)));
	assert_false(note_is_name(slice_of(longest, NOTE_NAME_MAX + 1)));
	assert_false(note_is_name(slice_of("a\0b", 3)));
}

static void test_vkey_strict(void **state)
{
	(void)state;
	struct note_key key;
	static const char *const bad[] = {
		"",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a3+",
		"PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"peterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct fault fault;
		assert_int_equal(note_key_parse(slice_text(bad[i]), &key, &fault), ERR_FORMAT);
		assert_non_null(strstr(fault.text, "verifier key"));
	}
	assert_int_equal(note_key_parse(slice_text("a+00000000+/w=="), &key, NULL), ERR_FORMAT);
	assert_int_equal(note_key_parse(slice_text("a+00000000+/wAA"), &key, NULL), ERR_UNSUPPORTED);
}

static void test_type_fits_key(void **state)
{
	(void)state;
	struct key_private *p256;
	struct key_private *ed25519;
	struct note_key key;
	assert_int_equal(key_generate(KEY_P256, &p256), OK);
	assert_int_equal(key_generate(KEY_ED25519, &ed25519), OK);
	struct slice name = slice_text("besa/XK/GOV/ARC/gw1/2026");
	assert_int_equal(note_key_init(&key, name, NOTE_ED25519, key_public_of(p256)), ERR_ARGUMENT);
	assert_int_equal(note_key_init(&key, name, NOTE_COSIGNATURE, key_public_of(p256)), ERR_ARGUMENT);
	assert_int_equal(note_key_init(&key, name, NOTE_ECDSA, key_public_of(ed25519)), ERR_ARGUMENT);
	assert_int_equal(note_key_init(&key, slice_text("a b"), NOTE_ECDSA, key_public_of(p256)), ERR_ARGUMENT);
	key_private_free(p256);
	key_private_free(ed25519);
}

// ---- signing and verifying ----

struct cast {
	struct key_private *p256, *ed25519, *witness;
	struct note_signer seal, publisher, cosigner;
	const struct note_key *keys[3];
};

static void cast_open(struct cast *cast)
{
	struct slice origin = slice_text("besa/XK/GOV/ARC/gw1/2026");
	assert_int_equal(key_generate(KEY_P256, &cast->p256), OK);
	assert_int_equal(key_generate(KEY_ED25519, &cast->ed25519), OK);
	assert_int_equal(key_generate(KEY_ED25519, &cast->witness), OK);
	assert_int_equal(note_signer_init(&cast->seal, origin, NOTE_ECDSA, cast->p256), OK);
	assert_int_equal(note_signer_init(&cast->publisher, origin, NOTE_ED25519, cast->ed25519), OK);
	assert_int_equal(note_signer_init(&cast->cosigner, slice_text("w.example/1"), NOTE_COSIGNATURE, cast->witness),
			 OK);
	cast->keys[0] = &cast->seal.key;
	cast->keys[1] = &cast->publisher.key;
	cast->keys[2] = &cast->cosigner.key;
}

static void cast_close(struct cast *cast)
{
	note_signer_release(&cast->seal);
	note_signer_release(&cast->publisher);
	note_signer_release(&cast->cosigner);
	key_private_free(cast->p256);
	key_private_free(cast->ed25519);
	key_private_free(cast->witness);
}

static result verify_with(struct slice note, const struct note_key *const keys[], size_t count,
			  struct note_verified *ret_verified)
{
	struct note_view view;
	result code = note_parse(note, &view, NULL);
	return code == OK ? note_verify(&view, keys, count, ret_verified, NULL) : code;
}

static void test_all_types(void **state)
{
	(void)state;
	struct cast cast;
	struct buffer note;
	cast_open(&cast);
	buffer_init(&note, NOTE_SIZE_MAX);
	struct note_signer *const signers[] = { &cast.seal, &cast.publisher, &cast.cosigner };
	struct slice text = slice_text("first\n\nthird line, after an empty one\n");
	assert_int_equal(note_sign(text, signers, 3, 1679315147, &note), OK);
	struct note_verified verified;
	assert_int_equal(verify_with(buffer_slice(&note), cast.keys, 3, &verified), OK);
	assert_int_equal(verified.signers, 7);
	assert_true(slice_equal(verified.text, text));
	assert_int_equal(verified.cosigned_at_s[0], 0);
	assert_int_equal(verified.cosigned_at_s[2], 1679315147);
	// each alone: the others are unknown and ignored
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(verify_with(buffer_slice(&note), &cast.keys[i], 1, &verified), OK);
		assert_int_equal(verified.signers, 1);
	}
	assert_int_equal(verify_with(buffer_slice(&note), NULL, 0, &verified), ERR_SIGNATURE_INVALID);
	const struct note_key *const twice[] = { cast.keys[1], cast.keys[1] };
	assert_int_equal(verify_with(buffer_slice(&note), twice, 2, &verified), ERR_ARGUMENT);
	buffer_release(&note);
	cast_close(&cast);
}

// The message of a cosignature, taken apart by hand.
static void test_cosignature_bytes(void **state)
{
	(void)state;
	struct cast cast;
	struct buffer lines;
	struct buffer bytes;
	cast_open(&cast);
	buffer_init(&lines, 1000);
	buffer_init(&bytes, 1000);
	struct slice text = slice_text("origin\n1\nroot\n");
	assert_int_equal(note_append_signature(&cast.cosigner, text, 0x0102030405, &lines), OK);
	const char *line = buffer_text(&lines);
	static const char head[] = "\u2014 w.example/1 ";
	assert_int_equal(strncmp(line, head, sizeof head - 1), 0);
	struct slice encoded = slice_text(line + sizeof head - 1);
	encoded.size--;
	assert_int_equal(text_unbase64_append(&bytes, encoded), OK);
	assert_int_equal(bytes.size, NOTE_KEY_ID_SIZE + NOTE_COSIGNATURE_SIZE);
	assert_memory_equal(bytes.data + NOTE_KEY_ID_SIZE, "\0\0\0\1\2\3\4\5", 8);
	struct slice message = slice_text("cosignature/v1\ntime 4328719365\norigin\n1\nroot\n");
	assert_int_equal(key_verify(key_public_of(cast.witness), message, slice_of(bytes.data + 12, 64)), OK);
	assert_int_equal(note_append_signature(&cast.cosigner, text, -1, &lines), ERR_ARGUMENT);
	buffer_release(&lines);
	buffer_release(&bytes);
	cast_close(&cast);
}

static void test_known_key_bad_or_twice(void **state)
{
	(void)state;
	struct cast cast;
	struct buffer note;
	struct note_verified verified;
	cast_open(&cast);
	buffer_init(&note, NOTE_SIZE_MAX);
	struct note_signer *const twice[] = { &cast.seal, &cast.publisher, &cast.seal };
	assert_int_equal(note_sign(slice_text("text\n"), twice, 3, 0, &note), OK);
	assert_int_equal(verify_with(buffer_slice(&note), cast.keys, 3, &verified), ERR_SIGNATURE_INVALID);
	assert_int_equal(verify_with(buffer_slice(&note), cast.keys + 1, 1, &verified), OK);

	// a good signature does not make up for a known key's bad one
	buffer_clear(&note);
	struct note_signer *const one[] = { &cast.publisher };
	assert_int_equal(note_sign(slice_text("text\n"), one, 1, 0, &note), OK);
	assert_int_equal(note_append_signature(&cast.seal, slice_text("another text\n"), 0, &note), OK);
	assert_int_equal(verify_with(buffer_slice(&note), cast.keys + 1, 1, &verified), OK);
	assert_int_equal(verify_with(buffer_slice(&note), cast.keys, 2, &verified), ERR_SIGNATURE_INVALID);
	buffer_release(&note);
	cast_close(&cast);
}

static void test_many_signatures(void **state)
{
	(void)state;
	struct cast cast;
	struct buffer note;
	struct note_verified verified;
	cast_open(&cast);
	buffer_init(&note, NOTE_SIZE_MAX);
	struct note_signer *const one[] = { &cast.seal };
	assert_int_equal(note_sign(slice_text("text\n"), one, 1, 0, &note), OK);
	uint8_t large[5000]; // like a post-quantum signature
	random_bytes(large, sizeof large);
	for (int i = 1; i < NOTE_SIGNATURES_MAX; i++) {
		buffer_append_format(&note, NOTE_SIGNATURE_MARK "unknown%d ", i);
		text_base64_append(&note, slice_of(large, sizeof large));
		buffer_append_byte(&note, '\n');
		assert_int_equal(verify_with(buffer_slice(&note), cast.keys, 3, &verified), OK);
	}
	buffer_append_text(&note, NOTE_SIGNATURE_MARK "onemore AAAAAAAA\n");
	assert_int_equal(verify_with(buffer_slice(&note), cast.keys, 3, &verified), ERR_LIMIT);
	buffer_release(&note);
	cast_close(&cast);
}

static void test_strict_parsing(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		"text\n",
		"text\n\n",
		"text\n\n\u2014 k AAAAAAA=",         // no LF at the end
		"text\n\u2014 k AAAAAAA=\n",         // no empty line
		"text\n\n\u2014 k AAAAAAA=\n\n",     // an empty line after the signatures
		"text\n\n- k AAAAAAA=\n",            // no em dash
		"text\n\n\u2014k AAAAAAA=\n",        // no space after it
		"text\n\n\u2014  k AAAAAAA=\n",      // two
		"text\n\n\u2014 k  AAAAAAA=\n",      // two before the signature
		"text\n\n\u2014 k AAAAAAA= \n",      // one after it
		"text\n\n\u2014 AAAAAAA=\n",         // no name
		"text\n\n\u2014 k+ AAAAAAA=\n",      // a name that is none
		"text\n\n\u2014 k AAAAAAA\n",        // padding missing
		"text\n\n\u2014 k AAAAAAB=\n",       // unused bits set
		"text\n\n\u2014 k AAAAAA==\n",       // a key id and no signature
		"text\n\n\u2014 k AAAA\n",           // not even a key id
		"text\n\n\u2014 k AAAAAAA=\nmore\n", // something else among the signatures
		"te\txt\n\n\u2014 k AAAAAAA=\n",     // control characters
		"te\rxt\n\n\u2014 k AAAAAAA=\n",
		"te\x80xt\n\n\u2014 k AAAAAAA=\n", // no UTF-8
	};
	struct note_view view;
	struct fault fault;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(note_parse(slice_text(bad[i]), &view, &fault), ERR_FORMAT);
	}
	assert_int_equal(note_parse(slice_of("te\0t\n\n\u2014 k AAAAAAA=\n", 21), &view, &fault), ERR_FORMAT);
	assert_int_equal(note_parse(slice_text("text\n\n\u2014 k AAAAAAA=\n"), &view, &fault), OK);
	assert_int_equal(view.count, 1);
	char *large = calloc(1, NOTE_SIZE_MAX + 1);
	assert_int_equal(note_parse(slice_of(large, NOTE_SIZE_MAX + 1), &view, &fault), ERR_LIMIT);
	free(large);
}

static void test_texts_that_cannot_be_signed(void **state)
{
	(void)state;
	struct cast cast;
	struct buffer note;
	cast_open(&cast);
	buffer_init(&note, 10000);
	static const char *const bad[] = { "", "no end", "tab\t\n", "\xff\n", "cr\r\n" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(note_append_signature(&cast.seal, slice_text(bad[i]), 0, &note), ERR_ARGUMENT);
	}
	assert_int_equal(note.size, 0);
	buffer_release(&note);
	cast_close(&cast);
}

// Whatever bit is turned in a signed note, the note that was signed is not accepted as another.
static void test_every_bit(void **state)
{
	(void)state;
	struct cast cast;
	struct buffer note;
	cast_open(&cast);
	buffer_init(&note, 10000);
	struct note_signer *const signers[] = { &cast.seal, &cast.publisher, &cast.cosigner };
	assert_int_equal(note_sign(slice_text("origin\n12\nroot\n"), signers, 3, 1700000000, &note), OK);
	for (size_t bit = 0; bit < 8 * note.size; bit++) {
		note.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		struct note_verified verified;
		// all three must have signed: a turned name or key id makes a signature unknown
		result code = verify_with(buffer_slice(&note), cast.keys, 3, &verified);
		assert_false(code == OK && verified.signers == 7);
		note.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < note.size; cut++) {
		struct note_verified verified;
		result code = verify_with(slice_of(note.data, cut), cast.keys, 3, &verified);
		assert_false(code == OK && verified.signers == 7);
	}
	buffer_release(&note);
	cast_close(&cast);
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
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_vkey_strict),
		cmocka_unit_test(test_type_fits_key),
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_cosignature_bytes),
		cmocka_unit_test(test_known_key_bad_or_twice),
		cmocka_unit_test(test_many_signatures),
		cmocka_unit_test(test_strict_parsing),
		cmocka_unit_test(test_texts_that_cannot_be_signed),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_error_queue), // last: after all the failures above
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
