// SPDX-License-Identifier: EUPL-1.2
//
// X.509 certificates (RFC 5280) by named profile: made, read strictly, verified up to a given root at a given time.
//
// A certificate is used for exactly one thing, and its profile says which: the verifier names the profile it
// needs, and key usage, extended key usage, basic constraints and names are checked against it, not left to a default
// of the library. Allowed algorithm: ECDSA P-256 with SHA-256 (one table in certificate_verify.c).
//
//   profile      key usage                          extended       names
//   root         keyCertSign cRLSign                -              subject O, CN; self-signed
//   issuing      keyCertSign cRLSign                -              path length 0
//   gateway-tls  digitalSignature                   server client  SAN DNS, IP; URI besa:<ledger> if given
//   seal         digitalSignature nonRepudiation    -              O = member, CN = ledger, SAN URI besa:<ledger>
//   client       digitalSignature                   client         O, CN; SAN URI besa:<subsystem>
//
// The SAN URI is `besa:` and the ledger without shard and without its leading `besa/`: `besa:XK/GOV/ARC/gw1`; or
// the subsystem: `besa:XK/GOV/ASHI/ekosova`. The subject is for people; a subject name beyond RFC 5280's 64 characters
// is replaced by its SHA-256 in hexadecimal (CN) or left out (O). Programs look at the URI.
#ifndef BESA_CRYPTO_CERTIFICATE_H
#define BESA_CRYPTO_CERTIFICATE_H

#include "base/buffer.h"
#include "base/identifier.h"
#include "crypto/digest.h"
#include "crypto/key.h"

enum {
	CERTIFICATE_SIZE_MAX = 16 * 1024, // DER of one: a peer cannot make us parse more
	CERTIFICATE_CHAIN_MAX = 8,        // certificates in a file, intermediates in a verification
	CERTIFICATE_NAMES_MAX = 32,       // DNS names and IP addresses of one certificate
	CERTIFICATE_SERIAL_SIZE = 16,     // random; the top bit is clear, the next set: 16 bytes in DER too
	CERTIFICATE_URI_MAX = 5 + IDENTIFIER_MAX,
};

enum certificate_profile {
	CERTIFICATE_ROOT,
	CERTIFICATE_ISSUING,
	CERTIFICATE_GATEWAY_TLS,
	CERTIFICATE_SEAL,
	CERTIFICATE_CLIENT,
};

// "root", "issuing", "gateway-tls", "seal", "client": the word in statements.
const char *certificate_profile_name(enum certificate_profile profile);

// A certificate, read and well-formed; not verified. Immutable, counted by its holders.
struct certificate;

// A certificate that certificate_verify() has accepted for one profile at one time. `certificate` is borrowed.
struct certificate_verified {
	const struct certificate *certificate;
	enum certificate_profile profile;
	int64_t at_us;
	int64_t not_after_us;                                  // the chain is good until: the earliest end in it
	size_t chain_count;                                    // the certificate, its issuers, the root
	uint8_t chain[CERTIFICATE_CHAIN_MAX + 2][DIGEST_SIZE]; // fingerprints, in that order
};

// ---- reading (certificate.c) ----

// Exactly one DER certificate, version 3, nothing after it, no extension twice or malformed. ERR_CERTIFICATE_INVALID.
result certificate_parse(struct slice der, struct certificate **ret_certificate, struct fault *fault);

// Exactly one PEM block CERTIFICATE and white space around it.
result certificate_parse_pem(struct slice pem, struct certificate **ret_certificate, struct fault *fault);

// A PEM file of one to `most` certificates, in the file's order; the caller frees each. ERR_NOT_FOUND …,
// ERR_CERTIFICATE_INVALID.
result certificate_load(const char *path, size_t most, struct certificate *ret_certificates[], size_t *ret_count,
			struct fault *fault);

struct certificate *certificate_hold(struct certificate *certificate);
void certificate_free(struct certificate *certificate); // NULL is fine

// Borrowed from the certificate.
struct slice certificate_der(const struct certificate *certificate);
const uint8_t *certificate_fingerprint(const struct certificate *certificate); // SHA-256 of the DER
struct slice certificate_serial(const struct certificate *certificate);        // big-endian, without leading zeroes
struct slice certificate_uri(const struct certificate *certificate);           // the SAN URI `besa:…`; empty if none
struct slice certificate_organisation(const struct certificate *certificate);  // subject O; empty if none
struct slice certificate_common_name(const struct certificate *certificate);   // subject CN; empty if none
struct key_public *certificate_key(const struct certificate *certificate);     // NULL: a key of a kind not known here

// Validity, microseconds of UTC; both ends included.
int64_t certificate_not_before_us(const struct certificate *certificate);
int64_t certificate_not_after_us(const struct certificate *certificate);

void certificate_append_pem(const struct certificate *certificate, struct buffer *pem);

// Whether the SAN URI names the ledger; `ledger` is an origin with or without shard.
bool certificate_names_ledger(const struct certificate *certificate, struct slice ledger);

// Whether the SAN URI names the subsystem.
bool certificate_names_subsystem(const struct certificate *certificate, struct slice subsystem);

// ---- verification (certificate_verify.c) ----

// Builds the chain from the certificate through the intermediates to one of the roots (each pinned by its whole bytes)
// and checks all of it at the time: signatures, validity, constraints, algorithms, the profile. ERR_CERTIFICATE_EXPIRED
// when the time is outside the validity of a certificate in the chain, ERR_CERTIFICATE_INVALID for everything else,
// ERR_MEMORY. Revocation is not looked at here.
result certificate_verify(const struct certificate *certificate, enum certificate_profile profile,
			  const struct certificate *const intermediates[], size_t intermediate_count,
			  const struct certificate *const roots[], size_t root_count, int64_t at_us,
			  struct certificate_verified *ret_verified, struct fault *fault);

// ---- issuing (certificate_issue.c) ----

// What to issue. Terminated texts, NULL for none; what a profile does not use must be NULL.
struct certificate_order {
	enum certificate_profile profile;
	struct key_public *key;   // of the subject, P-256
	const char *organisation; // subject O; seal: taken from the ledger
	const char *common_name;  // subject CN; seal: taken from the ledger
	const char *ledger;       // seal, gateway-tls: "besa/XK/GOV/ARC/gw1", without shard
	const char *subsystem;    // client
	const char *const *names; // gateway-tls: DNS names and IP addresses (v4, v6) as text
	size_t name_count;
	int64_t not_before_us; // whole seconds count
	int64_t not_after_us;
};

// Issues a certificate. Self-signed when `issuer` is NULL (then only for the root profile, `issuer_key` being the key
// pair of order->key); otherwise the issuer must be a CA, `issuer_key` its key, and its validity must hold the order's.
// ERR_ARGUMENT with words, ERR_CRYPTO, ERR_MEMORY.
result certificate_issue(const struct certificate_order *order, const struct certificate *issuer,
			 struct key_private *issuer_key, struct certificate **ret_certificate, struct fault *fault);

// A certificate signing request (PKCS#10, RFC 2986) as DER: proof that the asker holds the key. Names in it are a wish:
// the issuer takes only the key and sets names by the profile.
result certificate_request_make(struct key_private *key, const char *common_name, struct buffer *der,
				struct fault *fault);

// Checks the signature of a request and gives its key (one hold). ERR_CERTIFICATE_INVALID.
result certificate_request_check(struct slice der, struct key_public **ret_key, struct fault *fault);

#endif
