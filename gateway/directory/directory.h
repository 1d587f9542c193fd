// SPDX-License-Identifier: EUPL-1.2
//
// A verified directory edition, indexed for look-ups on every exchange.
//
// directory_open() is the only way to one, so whoever holds a `struct directory` holds an edition that
// 1. is sealed in the central ledger that the trust bundle names, by a seal certificate that leads to its root,
// 2. has exactly the digest, size, version and times that the sealed statement says,
// 3. was valid when opened.
// It never changes (a reload makes another; the old one lives as long as somebody refers to it), except that the chain
// of a ledger's seal certificate is checked when its key is first asked for and remembered. Single-threaded.
//
// Pointers and slices handed out live as long as the directory.
#ifndef BESA_DIRECTORY_DIRECTORY_H
#define BESA_DIRECTORY_DIRECTORY_H

#include "directory/edition.h"
#include "directory/trust.h"
#include "ledger/seal.h"

struct directory;

// Verifies and indexes an edition file's bytes (copied). `now_us` is UTC. ERR_EDITION_INVALID (seal, digest, contents;
// with words), ERR_EDITION_EXPIRED (see directory_check_fresh), ERR_CERTIFICATE_INVALID, ERR_CERTIFICATE_EXPIRED,
// ERR_LIMIT, ERR_MEMORY. The directory starts with one reference, the caller's. `trust` is copied as far as needed.
result directory_open(struct slice file, const struct trust *trust, int64_t now_us, struct directory **ret_directory,
		      struct fault *fault);
result directory_load(const char *path, const struct trust *trust, int64_t now_us, struct directory **ret_directory,
		      struct fault *fault);

// References: ref returns its argument; unref(NULL) does nothing; the last unref frees.
struct directory *directory_ref(struct directory *directory);
void directory_unref(struct directory *directory);

// Whether `newer` may take the place of `older` (NULL: none yet): the same instance and a greater version, or the same
// edition again. A centre, or whoever sits before it, cannot take a node back in time. ERR_EDITION_INVALID with words.
result directory_replaces(const struct directory *newer, const struct directory *older, struct fault *fault);

// Whether the edition may be worked with: not before its issue (less the clock skew) and not after valid_until plus the
// outage budget. ERR_EDITION_EXPIRED with words.
result directory_check_fresh(const struct directory *directory, int64_t now_us, struct fault *fault);

// The document, and where it is sealed: what a request statement names.
const struct edition_document *directory_document(const struct directory *directory);
struct directory_head {
	uint64_t size; // of the central ledger's tree, at the checkpoint that seals the edition
	uint8_t root[STATEMENT_HASH_SIZE];
	uint8_t leaf_hash[STATEMENT_HASH_SIZE]; // of the edition's statement
	struct slice origin;                    // of the central ledger
	struct slice sealed_statement;          // SealedStatement bytes without the document, for Evidence.edition
};
const struct directory_head *directory_head(const struct directory *directory);

struct directory_subsystem {
	const struct edition_member *member;
	const struct edition_subsystem *subsystem;
};

struct directory_gateway {
	const struct edition_member *member; // that it hosts; a gateway that hosts several is listed by each
	const struct edition_gateway *gateway;
};

struct directory_ledger {
	const struct edition_member *member;
	const struct edition_gateway *gateway;
	const struct edition_ledger *ledger;
};

// Look-ups; NULL if there is none.
const struct edition_member *directory_member(const struct directory *directory, struct slice id);
const struct directory_subsystem *directory_subsystem(const struct directory *directory, struct slice id);
const struct directory_ledger *directory_ledger(const struct directory *directory, struct slice origin);
const struct edition_service *directory_service(const struct directory *directory, struct slice subsystem,
						struct slice service);

// The subsystems that offer a service, in the document's order; 0 if none. `*ret_first` points to an array.
struct directory_provider {
	const struct edition_member *member;
	const struct edition_subsystem *subsystem;
	const struct edition_service *service;
};
size_t directory_providers(const struct directory *directory, struct slice service,
			   const struct directory_provider **ret_first);

// The (member, gateway) pairs that list a TLS certificate with this SHA-256; 0 if none: the peer is unknown.
size_t directory_peers(const struct directory *directory, const uint8_t tls_fingerprint[STATEMENT_HASH_SIZE],
		       const struct directory_gateway **ret_first);

// Whether the TLS peer is a gateway that hosts the member.
bool directory_peer_hosts(const struct directory *directory, const uint8_t tls_fingerprint[STATEMENT_HASH_SIZE],
			  struct slice member);

// Whether a gateway lists this TLS certificate: to pin an outgoing connection.
bool directory_gateway_has_tls(const struct edition_gateway *gateway,
			       const uint8_t tls_fingerprint[STATEMENT_HASH_SIZE]);

// The gateways of a subsystem's member that can be reached (at least one address and one ledger), in the document's
// order. The ledger to address is gateway->ledgers.items[0].
size_t directory_gateways(const struct directory *directory, struct slice subsystem,
			  const struct directory_gateway **ret_first);

// Whether a service's method may be retried at another gateway.
bool directory_method_is_idempotent(const struct edition_service *service, struct slice method);

// The key a listed ledger seals with. At first use the seal certificate's chain to the trust root is verified, that it
// is a seal certificate and names this ledger; the outcome is remembered. The period of validity is checked each time.
// ERR_NOT_FOUND (origin not listed), ERR_CERTIFICATE_INVALID, ERR_CERTIFICATE_EXPIRED, with words.
result directory_seal_key(const struct directory *directory, struct slice origin, int64_t now_us,
			  const struct seal_key **ret_key, struct fault *fault);

// The certificates a third party needs for this ledger's seals: seal certificate, then the issuing CAs, as DER; for
// Evidence.certificates. At most `room` are written; returns how many. 0 if the origin is not listed.
size_t directory_certificates(const struct directory *directory, struct slice origin, struct slice *certificates,
			      size_t room);

#endif
