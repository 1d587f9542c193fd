// SPDX-License-Identifier: EUPL-1.2
//
// Seals from outside. Input: leaf size (16 bits, little-endian), leaf, Seal bytes. A seal that decodes has one
// spelling; and under the key below, whose private half nobody has, the only leaf that ever verifies is that of the
// seed.
#include "base/text.h"
#include "ledger/seal.h"

static const char spki_hex[] =
    "3059301306072a8648ce3d020106082a8648ce3d0301070342000455695bcff62cbfebd92f091f8b968864e9e03fe5"
    "8deb8d18aaabe227a8832cb82687a9c68ce4dd9033db0a1f540b90cbddd31b0937bf6911f6cfe77d51b32a10";
static const char leaf_hash_hex[] = "f3b34687550f3ec2eb6ab6cbbf186144ec7e703547ab08cb8e453c8063a3d0fc";

static struct seal_key key;
static struct seal_verifier *verifier;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void start(void)
{
	uint8_t spki[(sizeof spki_hex - 1) / 2];
	struct key_public *public_key = NULL;
	assert_always(text_unhex(slice_text(spki_hex), spki, sizeof spki) == OK);
	assert_always(key_public_from_spki(slice_of(spki, sizeof spki), &public_key) == OK);
	assert_always(seal_key_init(&key, slice_text("besa/XK/GOV/ASHI/gw1/2026"), public_key) == OK);
	assert_always(seal_verifier_new(4, &verifier) == OK);
	key_public_free(public_key);
}

static void check_again(const struct envelope_seal *seal, struct slice bytes)
{
	struct buffer again;
	buffer_init(&again, ENVELOPE_SEAL_MAX);
	assert_always(envelope_encode_seal(seal, &again, NULL) == OK);
	assert_always(slice_equal(buffer_slice(&again), bytes));
	buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!verifier) {
		start();
	}
	if (size < 2 || size - 2 < (size_t)(data[0] | data[1] << 8)) {
		return 0;
	}
	struct slice leaf = slice_of(data + 2, (size_t)(data[0] | data[1] << 8));
	struct slice bytes = slice_skip(slice_of(data, size), 2 + leaf.size);
	struct envelope_seal seal;
	struct seal_verified verified;
	struct fault fault;
	if (envelope_decode_seal(bytes, &seal, &fault) != OK) {
		return 0;
	}
	check_again(&seal, bytes);
	for (int warm = 0; warm < 2; warm++) {
		if (seal_verify(verifier, &key, leaf, &seal, &verified, &fault) == OK) {
			uint8_t expected[SEAL_HASH_SIZE];
			assert_always(text_unhex(slice_text(leaf_hash_hex), expected, sizeof expected) == OK);
			assert_always(memcmp(expected, verified.leaf_hash, sizeof expected) == 0);
		}
	}
	return 0;
}
