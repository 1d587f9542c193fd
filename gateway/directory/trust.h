// SPDX-License-Identifier: EUPL-1.2
//
// The trust bundle: the few bytes a node must get by a safe way, from which everything else is verified.
//
//     besa-trust/v1
//     instance XK
//     ledger besa/XK/GOV/ASHI/central
//     root <base64 of the DER of a root certificate>
//
// One line each, ended by a line feed, in this order; `root` may stand several times while roots roll over. `ledger` is
// the central ledger without its shard. Enrolment compares the SHA-256 fingerprint of the whole file.
#ifndef BESA_DIRECTORY_TRUST_H
#define BESA_DIRECTORY_TRUST_H

#include "base/buffer.h"
#include "base/identifier.h"

enum {
	TRUST_ROOTS_MAX = 8,
	TRUST_ROOT_MAX = 8 * 1024, // bytes of DER
	TRUST_FILE_MAX = 128 * 1024,
	TRUST_FINGERPRINT_SIZE = 32,
};

struct trust {
	char instance[IDENTIFIER_PART_MAX + 1];
	char ledger[IDENTIFIER_ORIGIN_MAX + 1]; // without shard
	struct slice roots[TRUST_ROOTS_MAX];    // DER, owned
	size_t root_count;
	uint8_t fingerprint[TRUST_FINGERPRINT_SIZE]; // of the file's bytes
	struct buffer der;                           // what the roots point into
};

// An empty bundle; trust_release() is safe on it.
void trust_init(struct trust *trust);
void trust_release(struct trust *trust);

// Reads a bundle. Only the one spelling that trust_write() makes is taken; roots must parse as certificates.
// ERR_FORMAT with line and words. Release after success only.
result trust_parse(struct slice text, struct trust *ret_trust, struct fault *fault);
result trust_load(const char *path, struct trust *ret_trust, struct fault *fault);

// Appends the bundle's text for an instance, a central ledger (without shard) and roots (DER). ERR_ARGUMENT with words.
result trust_write(struct buffer *buffer, const char *instance, const char *ledger, const struct slice *roots,
		   size_t root_count, struct fault *fault);

#endif
