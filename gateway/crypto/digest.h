// SPDX-License-Identifier: EUPL-1.2
//
// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), in one piece or streamed.
//
// Why a layer of its own: for the 65 bytes of a tree node OpenSSL's ordinary interface takes five times as long
// as its low-level one, and hashing is what an exchange mostly does. The low-level calls are deprecated, so they
// live in digest.c alone, which falls back to the ordinary interface where they are missing.
// Nothing here fails: SHA-256 needs no memory; a machine whose libcrypto has no SHA-256 cannot run Besa.
#ifndef BESA_CRYPTO_DIGEST_H
#define BESA_CRYPTO_DIGEST_H

#include "base/slice.h"

enum { DIGEST_SIZE = 32, DIGEST_BLOCK_SIZE = 64 };

// A hash under way. Plain memory; use the functions below only.
struct digest {
	_Alignas(16) uint8_t state[128];
};

// SHA-256 of the bytes.
void digest_sha256(struct slice bytes, uint8_t hash[DIGEST_SIZE]);

// SHA-256(prefix ‖ left ‖ right): the shape of a Merkle node, on the fastest way there is.
// `hash` may be `left` or `right`.
void digest_prefixed_pair(uint8_t prefix, const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE],
			  uint8_t hash[DIGEST_SIZE]);

// Streamed: init, any number of updates, then final (which ends it) or release (which gives it up and wipes it).
// A digest that was init'ed must meet one of the two. Release is safe on a zeroed or ended one.
void digest_init(struct digest *digest);
void digest_update(struct digest *digest, struct slice bytes);
void digest_final(struct digest *digest, uint8_t hash[DIGEST_SIZE]);
void digest_release(struct digest *digest);

// HMAC-SHA-256 of the bytes under a key of any length.
void digest_hmac(struct slice key, struct slice bytes, uint8_t mac[DIGEST_SIZE]);

// HMAC-SHA-256(key, prefix ‖ bytes) without joining the two: salted digests with a domain prefix.
void digest_hmac_prefixed(struct slice key, struct slice prefix, struct slice bytes, uint8_t mac[DIGEST_SIZE]);

// Streamed HMAC, under the same rules as a streamed digest. The key is not kept, only two hash states.
struct digest_hmac {
	struct digest inner;
	struct digest outer;
};
void digest_hmac_init(struct digest_hmac *hmac, struct slice key);
void digest_hmac_update(struct digest_hmac *hmac, struct slice bytes);
void digest_hmac_final(struct digest_hmac *hmac, uint8_t mac[DIGEST_SIZE]);
void digest_hmac_release(struct digest_hmac *hmac);

// Whether two digests are equal, in a time that does not depend on where they differ.
bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE]);

// Overwrites a secret in a way that the compiler does not remove.
void digest_wipe(void *secret, size_t size);

#endif
