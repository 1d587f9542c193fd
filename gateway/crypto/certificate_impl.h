// SPDX-License-Identifier: EUPL-1.2
//
// The inside of a certificate, for the certificate_*.c files only.
#ifndef BESA_CRYPTO_CERTIFICATE_IMPL_H
#define BESA_CRYPTO_CERTIFICATE_IMPL_H

#include "crypto/certificate.h"
#include "crypto/openssl.h"

struct certificate {
	unsigned holders;
	X509 *object;
	uint8_t *der; // owned
	size_t der_size;
	uint8_t fingerprint[DIGEST_SIZE];
	struct slice serial;
	struct slice organisation; // the slices are borrowed from the object
	struct slice common_name;
	uint8_t uri[CERTIFICATE_URI_MAX];
	size_t uri_size;
	struct key_public *key;
	int64_t not_before_us;
	int64_t not_after_us;
};

// A certificate around an object, which is taken over even on failure. ERR_CERTIFICATE_INVALID for one that is
// malformed inside.
result certificate_wrap(X509 *object, struct certificate **ret_certificate, struct fault *fault);

// Returns the code with the words; OpenSSL's queue of errors is emptied, for TLS reads it too.
result certificate_failed(struct fault *fault, result code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The scheme of the URI that programs look at.
#define CERTIFICATE_URI_SCHEME "besa:"

// What a ledger's origin starts with.
#define CERTIFICATE_ORIGIN_PREFIX "besa/"

#endif
