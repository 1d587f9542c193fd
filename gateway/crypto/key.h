// SPDX-License-Identifier: EUPL-1.2
//
// Key pairs: ECDSA P-256 with SHA-256 (FIPS 186-5; certificates, seals) and Ed25519 (RFC 8032; published checkpoints,
// witnesses). Private and public keys are different types, so that none is passed for the other.
//
// A key holds contexts that are used again and again: it belongs to one thread.
#ifndef BESA_CRYPTO_KEY_H
#define BESA_CRYPTO_KEY_H

#include "base/result.h"
#include "base/slice.h"

enum key_type { KEY_P256, KEY_ED25519 };

enum {
	KEY_ED25519_SIZE = 32, // a raw public key
	KEY_ED25519_SIGNATURE_SIZE = 64,
	KEY_SIGNATURE_MAX = 72, // P-256 in DER; the longer of the two
	KEY_SPKI_MAX = 91,      // P-256 SubjectPublicKeyInfo in DER, uncompressed point
	KEY_FILE_MAX = 4096,    // a PEM key file: a mistaken path does not fill the memory
};

struct key_private;
struct key_public;

// A fresh key pair. ERR_CRYPTO.
result key_generate(enum key_type type, struct key_private **ret_key);

// Reads a PEM file (PKCS#8, unencrypted; other PEM forms of a P-256 key are taken too). A file that others than its
// owner may read or write is refused: ERR_PERMISSION. ERR_NOT_FOUND, ERR_IO, ERR_FORMAT, ERR_UNSUPPORTED (another kind
// of key). The fault names the path, never the content.
result key_load(const char *path, struct key_private **ret_key, struct fault *fault);

// Writes PKCS#8 PEM in one step, mode 0600.
result key_save(const struct key_private *key, const char *path, struct fault *fault);

// Wipes and frees; NULL is fine.
void key_private_free(struct key_private *key);

// The public half, owned by the private key.
struct key_public *key_public_of(struct key_private *key);

// Signs the message itself (hashing is part of both algorithms): DER ECDSA-Sig-Value, or 64 bytes of Ed25519.
// ERR_CRYPTO.
result key_sign(struct key_private *key, struct slice message, uint8_t signature[KEY_SIGNATURE_MAX], size_t *ret_size);

// A public key from DER SubjectPublicKeyInfo, nothing after it, the point uncompressed and on the curve. ERR_FORMAT,
// ERR_UNSUPPORTED.
result key_public_from_spki(struct slice spki, struct key_public **ret_key);

// A public key from 32 raw bytes of Ed25519. ERR_FORMAT.
result key_public_from_ed25519(struct slice raw, struct key_public **ret_key);

// One more holder of the same key, and one less: the last frees it; NULL is fine.
struct key_public *key_public_hold(struct key_public *key);
void key_public_free(struct key_public *key);

enum key_type key_public_type(const struct key_public *key);

// DER SubjectPublicKeyInfo, borrowed from the key.
struct slice key_public_spki(const struct key_public *key);

// The 32 raw bytes of an Ed25519 key, borrowed; empty for another type.
struct slice key_public_ed25519(const struct key_public *key);

bool key_public_equal(const struct key_public *a, const struct key_public *b);

// OK or ERR_SIGNATURE_INVALID (whatever is wrong with it); ERR_CRYPTO, ERR_MEMORY if it could not be checked.
result key_verify(struct key_public *key, struct slice message, struct slice signature);

#endif
