// SPDX-License-Identifier: EUPL-1.2
//
// Seals: good ones hold and cost one signature check per checkpoint; nothing altered, foreign or made up holds, with a
// cold memory or a warm one; the memory stays bounded whoever sends.
#include "tests/unit/directory/sealed_ledger.h"

#include <stdio.h>

#include "ledger/seal.h"

enum { LEAVES = 300 };

struct fixture {
	struct sealed_ledger *ledger;
	struct seal_key key;
	struct seal_verifier *verifier;
	struct buffer leaves[LEAVES];
	struct buffer note;
	struct buffer path;
	struct fault fault;
};

static void make_leaf(struct buffer *leaf, size_t i)
{
	union statement_body body = example_body(STATEMENT_REQUEST);
	body.request.payload_size = i + 1;
	buffer_init(leaf, STATEMENT_LEAF_MAX);
	example_leaf(leaf, STATEMENT_REQUEST, &body);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->ledger = sealed_ledger_new("besa/XK/GOV/ASHI/gw1/2026");
	assert_int_equal(
	    seal_key_init(&fixture->key, slice_text(fixture->ledger->origin), key_public_of(fixture->ledger->key)), OK);
	assert_int_equal(seal_verifier_new(SEAL_CHECKPOINTS_MAX, &fixture->verifier), OK);
	for (size_t i = 0; i < LEAVES; i++) {
		make_leaf(&fixture->leaves[i], i);
		sealed_ledger_add(fixture->ledger, buffer_slice(&fixture->leaves[i]));
	}
	buffer_init(&fixture->note, ENVELOPE_CHECKPOINT_MAX);
	buffer_init(&fixture->path, ENVELOPE_PATH_MAX);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	buffer_release(&fixture->path);
	buffer_release(&fixture->note);
	for (size_t i = 0; i < LEAVES; i++) {
		buffer_release(&fixture->leaves[i]);
	}
	seal_verifier_free(fixture->verifier);
	seal_key_release(&fixture->key);
	sealed_ledger_free(fixture->ledger);
	free(fixture);
	return 0;
}

// The seal over a leaf under the checkpoint in fixture->note, which is of `size` leaves.
static struct envelope_seal prove(struct fixture *fixture, uint64_t index, uint64_t size)
{
	buffer_clear(&fixture->path);
	return sealed_ledger_prove(fixture->ledger, index, size, &fixture->path, &fixture->note);
}

static void sign(struct fixture *fixture, uint64_t size)
{
	buffer_clear(&fixture->note);
	sealed_ledger_checkpoint(fixture->ledger, size, &fixture->note);
}

static result verify(struct fixture *fixture, size_t leaf, const struct envelope_seal *seal)
{
	struct seal_verified verified;
	return seal_verify(fixture->verifier, &fixture->key, buffer_slice(&fixture->leaves[leaf]), seal, &verified,
			   &fixture->fault);
}

static void test_good_seals_hold(void **state)
{
	struct fixture *fixture = *state;
	uint64_t signatures = 0;
	for (uint64_t size = 1; size <= LEAVES; size += size < 40 ? 1 : 37) {
		sign(fixture, size);
		signatures++;
		for (uint64_t i = 0; i < size; i++) {
			uint64_t index = (i * 7919) % size; // every leaf, out of order
			struct envelope_seal seal = prove(fixture, index, size);
			struct seal_verified verified;
			assert_int_equal(seal_verify(fixture->verifier, &fixture->key,
						     buffer_slice(&fixture->leaves[index]), &seal, &verified,
						     &fixture->fault),
					 OK);
			assert_int_equal(verified.index, index);
			assert_int_equal(verified.size, size);
			assert_true(slice_is(verified.origin, "besa/XK/GOV/ASHI/gw1/2026"));
			assert_true(slice_is(verified.member, "XK/GOV/ASHI"));
			assert_memory_equal(verified.leaf_hash, fixture->ledger->leaves[index], 32);
		}
		assert_int_equal(seal_verifier_statistics(fixture->verifier).signatures, signatures);
	}
	assert_int_equal(seal_verifier_statistics(fixture->verifier).refused, 0);
}

// ---- tampering ----

static void expect_refused(struct fixture *fixture, size_t leaf, const struct envelope_seal *seal)
{
	result code = verify(fixture, leaf, seal);
	assert_true(code == ERR_SEAL_INVALID || code == ERR_CHECKPOINT_INVALID);
	assert_true(fixture->fault.text[0] != '\0');
}

static void alter_every_bit(struct fixture *fixture, uint8_t *bytes, size_t size, const struct envelope_seal *seal,
			    size_t leaf, size_t step, bool warm)
{
	for (size_t bit = 0; bit < 8 * size; bit += step) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (!warm) {
			seal_verifier_clear(fixture->verifier);
		}
		expect_refused(fixture, leaf, seal);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(verify(fixture, leaf, seal), OK);
}

static void test_every_altered_bit_is_refused(void **state)
{
	struct fixture *fixture = *state;
	sign(fixture, LEAVES);
	for (int warm = 0; warm <= 1; warm++) {
		for (size_t leaf = 0; leaf < LEAVES; leaf += 149) {
			struct envelope_seal seal = prove(fixture, leaf, LEAVES);
			assert_int_equal(verify(fixture, leaf, &seal), OK);
			size_t step = warm ? 1 : 13; // a cold check costs a signature
			alter_every_bit(fixture, fixture->note.data, fixture->note.size, &seal, leaf, step, warm);
			alter_every_bit(fixture, fixture->path.data, fixture->path.size, &seal, leaf, step, warm);
			alter_every_bit(fixture, fixture->leaves[leaf].data, fixture->leaves[leaf].size, &seal, leaf,
					step * 3, warm);
			for (uint64_t index = 0; index < 2 * LEAVES; index++) {
				struct envelope_seal moved = seal;
				moved.index = index;
				if (index != leaf) {
					expect_refused(fixture, leaf, &moved);
				}
			}
			struct envelope_seal shorter = seal;
			shorter.path.size -= 32;
			expect_refused(fixture, leaf, &shorter);
			struct envelope_seal none = seal;
			none.path = slice_of(NULL, 0);
			expect_refused(fixture, leaf, &none);
			// another leaf in its place
			expect_refused(fixture, leaf + 1, &seal);
		}
	}
}

static void test_random_corruption_of_encoded_seals(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes;
	buffer_init(&bytes, ENVELOPE_SEAL_MAX);
	sealed_ledger_seal(fixture->ledger, 77, &bytes);
	uint64_t random = 88172645463325252u;
	for (int i = 0; i < 20000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint8_t *byte = &bytes.data[random % bytes.size];
		uint8_t before = *byte;
		*byte ^= (uint8_t)(1 + (random >> 40) % 255);
		struct envelope_seal seal;
		if (envelope_decode_seal(buffer_slice(&bytes), &seal, NULL) == OK) {
			expect_refused(fixture, 77, &seal);
		}
		*byte = before;
	}
	struct envelope_seal seal;
	assert_int_equal(envelope_decode_seal(buffer_slice(&bytes), &seal, NULL), OK);
	assert_int_equal(verify(fixture, 77, &seal), OK);
	buffer_release(&bytes);
}

// ---- strangers ----

static void test_keys_and_ledgers_are_not_exchangeable(void **state)
{
	struct fixture *fixture = *state;
	sign(fixture, LEAVES);
	struct envelope_seal seal = prove(fixture, 5, LEAVES);
	assert_int_equal(verify(fixture, 5, &seal), OK); // warm

	// another key under the same origin
	struct key_private *other = NULL;
	struct seal_key other_key;
	struct seal_verified verified;
	assert_int_equal(key_generate(KEY_P256, &other), OK);
	assert_int_equal(seal_key_init(&other_key, slice_text(fixture->ledger->origin), key_public_of(other)), OK);
	assert_int_equal(seal_verify(fixture->verifier, &other_key, buffer_slice(&fixture->leaves[5]), &seal, &verified,
				     &fixture->fault),
			 ERR_CHECKPOINT_INVALID);
	seal_key_release(&other_key);
	key_private_free(other);

	// the same key under another origin: the next shard, another member
	static const char *const origins[] = { "besa/XK/GOV/ASHI/gw1/2026-2", "besa/XK/GOV/ARC/gw1/2026" };
	for (size_t i = 0; i < 2; i++) {
		struct seal_key moved;
		assert_int_equal(seal_key_init(&moved, slice_text(origins[i]), key_public_of(fixture->ledger->key)),
				 OK);
		assert_int_equal(seal_verify(fixture->verifier, &moved, buffer_slice(&fixture->leaves[5]), &seal,
					     &verified, &fixture->fault),
				 ERR_SEAL_INVALID);
		struct envelope_seal renamed = seal;
		renamed.origin = slice_text(origins[i]);
		assert_int_equal(seal_verify(fixture->verifier, &moved, buffer_slice(&fixture->leaves[5]), &renamed,
					     &verified, &fixture->fault),
				 ERR_CHECKPOINT_INVALID);
		assert_int_equal(verify(fixture, 5, &renamed), ERR_SEAL_INVALID);
		seal_key_release(&moved);
	}
}

static void test_key_must_be_p256_and_origin_legal(void **state)
{
	struct fixture *fixture = *state;
	struct key_private *ed25519 = NULL;
	struct seal_key key;
	assert_int_equal(key_generate(KEY_ED25519, &ed25519), OK);
	assert_int_equal(seal_key_init(&key, slice_text(fixture->ledger->origin), key_public_of(ed25519)),
			 ERR_ARGUMENT);
	assert_int_equal(seal_key_init(&key, slice_text("besa/XK"), key_public_of(fixture->ledger->key)), ERR_ARGUMENT);
	key_private_free(ed25519);
}

// A published checkpoint carries more signatures; one without the seal signature is worth nothing.
static void test_other_signatures(void **state)
{
	struct fixture *fixture = *state;
	struct key_private *ed25519 = NULL;
	struct note_signer second = { 0 };
	assert_int_equal(key_generate(KEY_ED25519, &ed25519), OK);
	assert_int_equal(note_signer_init(&second, slice_text(fixture->ledger->origin), NOTE_ED25519, ed25519), OK);
	sign(fixture, LEAVES);
	struct note_view view;
	struct checkpoint checkpoint;
	assert_int_equal(note_parse(buffer_slice(&fixture->note), &view, &fixture->fault), OK);
	assert_int_equal(checkpoint_parse(view.text, &checkpoint, &fixture->fault), OK);

	struct buffer note;
	buffer_init(&note, ENVELOPE_CHECKPOINT_MAX);
	struct note_signer *const both[] = { &fixture->ledger->signer, &second };
	assert_int_equal(checkpoint_sign(&checkpoint, both, 2, 0, &note), OK);
	struct envelope_seal seal = prove(fixture, 9, LEAVES);
	seal.checkpoint = buffer_slice(&note);
	assert_int_equal(verify(fixture, 9, &seal), OK);

	buffer_clear(&note);
	struct note_signer *const wrong[] = { &second };
	assert_int_equal(checkpoint_sign(&checkpoint, wrong, 1, 0, &note), OK);
	seal.checkpoint = buffer_slice(&note);
	assert_int_equal(verify(fixture, 9, &seal), ERR_CHECKPOINT_INVALID);
	buffer_release(&note);
	note_signer_release(&second);
	key_private_free(ed25519);
}

static void test_ledger_and_statement_name_one_member(void **state)
{
	struct fixture *fixture = *state;
	sign(fixture, LEAVES);
	struct envelope_seal seal = prove(fixture, 0, LEAVES);
	struct seal_verified verified;
	assert_int_equal(seal_verify(fixture->verifier, &fixture->key, buffer_slice(&fixture->leaves[0]), &seal,
				     &verified, &fixture->fault),
			 OK);
	struct statement statement = { .member = slice_text("XK/GOV/ASHI") };
	assert_int_equal(seal_check_member(&verified, &statement, &fixture->fault), OK);
	statement.member = slice_text("XK/GOV/ARC");
	assert_int_equal(seal_check_member(&verified, &statement, &fixture->fault), ERR_MEMBER_MISMATCH);
}

// ---- memory ----

static void test_one_ledger_does_not_push_out_another(void **state)
{
	struct fixture *fixture = *state;
	struct seal_verifier *small = NULL;
	assert_int_equal(seal_verifier_new(SEAL_CHECKPOINTS_PER_ORIGIN + 1, &small), OK);
	seal_verifier_free(fixture->verifier);
	fixture->verifier = small;

	struct sealed_ledger *quiet = sealed_ledger_new("besa/XK/GOV/ARC/gw1/2026");
	struct seal_key quiet_key;
	struct buffer quiet_note;
	struct buffer quiet_path;
	buffer_init(&quiet_note, ENVELOPE_CHECKPOINT_MAX);
	buffer_init(&quiet_path, ENVELOPE_PATH_MAX);
	assert_int_equal(seal_key_init(&quiet_key, slice_text(quiet->origin), key_public_of(quiet->key)), OK);
	sealed_ledger_add(quiet, slice_text("leaf"));
	sealed_ledger_checkpoint(quiet, 1, &quiet_note);
	struct envelope_seal quiet_seal = sealed_ledger_prove(quiet, 0, 1, &quiet_path, &quiet_note);
	struct seal_verified verified;
	assert_int_equal(seal_verify(small, &quiet_key, slice_text("leaf"), &quiet_seal, &verified, &fixture->fault),
			 OK);

	for (uint64_t size = 1; size <= 50; size++) {
		sign(fixture, size);
		struct envelope_seal seal = prove(fixture, size - 1, size);
		assert_int_equal(verify(fixture, size - 1, &seal), OK);
	}
	uint64_t before = seal_verifier_statistics(small).signatures;
	assert_int_equal(before, 51);
	assert_int_equal(seal_verify(small, &quiet_key, slice_text("leaf"), &quiet_seal, &verified, &fixture->fault),
			 OK);
	assert_int_equal(seal_verifier_statistics(small).signatures, before);

	seal_verifier_clear(small);
	assert_int_equal(seal_verify(small, &quiet_key, slice_text("leaf"), &quiet_seal, &verified, &fixture->fault),
			 OK);
	assert_int_equal(seal_verifier_statistics(small).signatures, before + 1);
	buffer_release(&quiet_path);
	buffer_release(&quiet_note);
	seal_key_release(&quiet_key);
	sealed_ledger_free(quiet);
}

static void test_full_memory_drops_the_least_used(void **state)
{
	struct fixture *fixture = *state;
	enum { ROOM = 3, LEDGERS = 6 };
	struct seal_verifier *small = NULL;
	assert_int_equal(seal_verifier_new(ROOM, &small), OK);
	struct {
		char origin[64];
		struct sealed_ledger *ledger;
		struct seal_key key;
		struct buffer note;
		struct buffer path;
		struct envelope_seal seal;
	} many[LEDGERS];
	struct seal_verified verified;
	for (size_t i = 0; i < LEDGERS; i++) {
		snprintf(many[i].origin, sizeof many[i].origin, "besa/XK/MUN/town%zu/gw1/2026", i);
		many[i].ledger = sealed_ledger_new(many[i].origin);
		buffer_init(&many[i].note, ENVELOPE_CHECKPOINT_MAX);
		buffer_init(&many[i].path, ENVELOPE_PATH_MAX);
		assert_int_equal(
		    seal_key_init(&many[i].key, slice_text(many[i].origin), key_public_of(many[i].ledger->key)), OK);
		sealed_ledger_add(many[i].ledger, slice_text("leaf"));
		sealed_ledger_checkpoint(many[i].ledger, 1, &many[i].note);
		many[i].seal = sealed_ledger_prove(many[i].ledger, 0, 1, &many[i].path, &many[i].note);
		// ledger 0 stays in use
		assert_int_equal(
		    seal_verify(small, &many[i].key, slice_text("leaf"), &many[i].seal, &verified, &fixture->fault),
		    OK);
		assert_int_equal(
		    seal_verify(small, &many[0].key, slice_text("leaf"), &many[0].seal, &verified, &fixture->fault),
		    OK);
	}
	assert_int_equal(seal_verifier_statistics(small).signatures, LEDGERS);
	assert_int_equal(
	    seal_verify(small, &many[1].key, slice_text("leaf"), &many[1].seal, &verified, &fixture->fault), OK);
	assert_int_equal(seal_verifier_statistics(small).signatures, LEDGERS + 1);
	for (size_t i = 0; i < LEDGERS; i++) {
		buffer_release(&many[i].path);
		buffer_release(&many[i].note);
		seal_key_release(&many[i].key);
		sealed_ledger_free(many[i].ledger);
	}
	seal_verifier_free(small);
	assert_int_equal(seal_verifier_new(0, &small), ERR_ARGUMENT);
	assert_int_equal(seal_verifier_new(SEAL_CHECKPOINTS_MAX + 1, &small), ERR_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good_seals_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_altered_bit_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_corruption_of_encoded_seals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keys_and_ledgers_are_not_exchangeable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_must_be_p256_and_origin_legal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_signatures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ledger_and_statement_name_one_member, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_ledger_does_not_push_out_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_memory_drops_the_least_used, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
