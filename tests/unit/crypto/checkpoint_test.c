// SPDX-License-Identifier: EUPL-1.2
//
// Checkpoints: the text line by line, opening with keys, tampering.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/random.h"
#include "crypto/checkpoint.h"

#include <stdlib.h>

#define ORIGIN "besa/XK/GOV/ARC/gw1/2026"
#define ROOT "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define EMPTY_ROOT "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void test_round_trip(void **state)
{
	(void)state;
	struct buffer text;
	buffer_init(&text, CHECKPOINT_TEXT_MAX);
	for (int round = 0; round < 200; round++) {
		struct checkpoint in = { .origin = slice_text(ORIGIN) };
		random_bytes(&in.size, sizeof in.size);
		in.size = (in.size & MERKLE_SIZE_MAX) >> rand() % MERKLE_LEVELS | 1;
		random_bytes(in.root, sizeof in.root);
		buffer_clear(&text);
		assert_int_equal(checkpoint_format(&in, &text), OK);
		struct checkpoint out;
		assert_int_equal(checkpoint_parse(buffer_slice(&text), &out, NULL), OK);
		assert_true(slice_equal(in.origin, out.origin));
		assert_int_equal(in.size, out.size);
		assert_memory_equal(in.root, out.root, DIGEST_SIZE);
	}
	struct checkpoint bad = { .origin = slice_text("a b") };
	assert_int_equal(checkpoint_format(&bad, &text), ERR_ARGUMENT);
	buffer_release(&text);
}

static void test_strict(void **state)
{
	(void)state;
	static const char *const good[] = {
		ORIGIN "\n1\n" ROOT "\n",
		ORIGIN "\n281474976710655\n" ROOT "\n",
		"example.com/behind-the-sofa\n20852163\n" ROOT "\n",
		ORIGIN "\n0\n" EMPTY_ROOT "\n",
	};
	static const char *const bad[] = {
		"",
		"\n",
		ORIGIN "\n1\n",
		ORIGIN "\n1\n" ROOT,                 // no LF at the end
		ORIGIN "\n1\n" ROOT "\nextension\n", // extension lines
		ORIGIN "\n1\n" ROOT "\n\n",
		"\n1\n" ROOT "\n", // no origin
		"a b\n1\n" ROOT "\n",
		"a+b\n1\n" ROOT "\n",
		ORIGIN "\n01\n" ROOT "\n", // other spellings of a number
		ORIGIN "\n+1\n" ROOT "\n",
		ORIGIN "\n-1\n" ROOT "\n",
		ORIGIN "\n 1\n" ROOT "\n",
		ORIGIN "\n1 \n" ROOT "\n",
		ORIGIN "\n0x1\n" ROOT "\n",
		ORIGIN "\n\n" ROOT "\n",
		ORIGIN "\n281474976710656\n" ROOT "\n", // one above the largest tree
		ORIGIN "\n18446744073709551617\n" ROOT "\n",
		ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", // unused bits set
		ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
		ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", // 31 bytes
		ORIGIN "\n1\n" ROOT "AAAA\n",
		ORIGIN "\n1\n" ROOT " \n",
		ORIGIN "\n0\n" ROOT "\n", // a tree without leaves has one root
	};
	struct checkpoint checkpoint;
	struct fault fault;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(checkpoint_parse(slice_text(good[i]), &checkpoint, &fault), OK);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(checkpoint_parse(slice_text(bad[i]), &checkpoint, &fault), ERR_CHECKPOINT_INVALID);
		assert_non_null(strstr(fault.text, "checkpoint"));
	}
}

struct signed_head {
	struct key_private *p256, *ed25519;
	struct note_signer seal, publisher;
	const struct note_key *keys[2];
	struct checkpoint checkpoint;
	struct buffer note;
};

static void open_head(struct signed_head *head)
{
	assert_int_equal(key_generate(KEY_P256, &head->p256), OK);
	assert_int_equal(key_generate(KEY_ED25519, &head->ed25519), OK);
	assert_int_equal(note_signer_init(&head->seal, slice_text(ORIGIN), NOTE_ECDSA, head->p256), OK);
	assert_int_equal(note_signer_init(&head->publisher, slice_text(ORIGIN), NOTE_ED25519, head->ed25519), OK);
	head->keys[0] = &head->seal.key;
	head->keys[1] = &head->publisher.key;
	head->checkpoint = (struct checkpoint){ .origin = slice_text(ORIGIN), .size = 20852163 };
	random_bytes(head->checkpoint.root, DIGEST_SIZE);
	buffer_init(&head->note, NOTE_SIZE_MAX);
	struct note_signer *const signers[] = { &head->seal, &head->publisher };
	assert_int_equal(checkpoint_sign(&head->checkpoint, signers, 2, 0, &head->note), OK);
}

static void close_head(struct signed_head *head)
{
	note_signer_release(&head->seal);
	note_signer_release(&head->publisher);
	key_private_free(head->p256);
	key_private_free(head->ed25519);
	buffer_release(&head->note);
}

static void test_open(void **state)
{
	(void)state;
	struct signed_head head;
	struct checkpoint_verified opened;
	struct fault fault;
	open_head(&head);
	struct slice note = buffer_slice(&head.note);
	struct slice origin = slice_text(ORIGIN);
	assert_int_equal(checkpoint_open(note, origin, head.keys, 2, &opened, &fault), OK);
	assert_int_equal(opened.note.signers, 3);
	assert_int_equal(opened.checkpoint.size, head.checkpoint.size);
	assert_memory_equal(opened.checkpoint.root, head.checkpoint.root, DIGEST_SIZE);
	assert_int_equal(checkpoint_open(note, origin, head.keys, 1, &opened, &fault), OK);

	struct slice shard = slice_text("besa/XK/GOV/ARC/gw1/2027");
	assert_int_equal(checkpoint_open(note, shard, head.keys, 2, &opened, &fault), ERR_CHECKPOINT_INVALID);
	assert_non_null(strstr(fault.text, "not of besa/XK/GOV/ARC/gw1/2027"));
	assert_int_equal(checkpoint_open(note, origin, head.keys, 0, &opened, &fault), ERR_CHECKPOINT_INVALID);

	// the right name, another's key
	struct signed_head other;
	open_head(&other);
	assert_int_equal(checkpoint_open(note, origin, other.keys, 2, &opened, &fault), ERR_CHECKPOINT_INVALID);
	close_head(&other);
	close_head(&head);
}

static void test_every_bit(void **state)
{
	(void)state;
	struct signed_head head;
	open_head(&head);
	for (size_t bit = 0; bit < 8 * head.note.size; bit++) {
		struct checkpoint_verified opened;
		head.note.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		result code =
		    checkpoint_open(buffer_slice(&head.note), slice_text(ORIGIN), head.keys, 2, &opened, NULL);
		assert_false(code == OK && opened.note.signers == 3);
		// In the text nothing at all may change, whoever is asked.
		if (bit / 8 < sizeof ORIGIN + 9 + 45) {
			assert_int_equal(code, ERR_CHECKPOINT_INVALID);
		}
		head.note.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	close_head(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_every_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
