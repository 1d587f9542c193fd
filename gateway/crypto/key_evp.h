// SPDX-License-Identifier: EUPL-1.2
//
// The OpenSSL object inside a key: for .c files of crypto and net, never for a header.
#ifndef BESA_CRYPTO_KEY_EVP_H
#define BESA_CRYPTO_KEY_EVP_H

#include "crypto/key.h"
#include "crypto/openssl.h"

// Borrowed.
EVP_PKEY *key_private_evp(const struct key_private *key);
EVP_PKEY *key_public_evp(const struct key_public *key);

// A key around an object, which is held once more. ERR_UNSUPPORTED for other kinds of keys.
result key_public_from_evp(EVP_PKEY *object, struct key_public **ret_key);

#endif
