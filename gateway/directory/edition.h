// SPDX-License-Identifier: EUPL-1.2
//
// A directory edition as a document: who is who (proto/besa/directory/v1, a contract), and the file it travels in.
//
// The edition file is a besa.evidence.v1.SealedStatement: its statement is the Edition leaf of the central ledger, its
// seal that ledger's, its payload the document's bytes (has_payload set). What comes out of this file is only
// well-formed: it counts when directory/directory.h has verified it. The document skips unknown fields, so that an
// older gateway can read a newer centre's edition; its digest covers all bytes.
#ifndef BESA_DIRECTORY_EDITION_H
#define BESA_DIRECTORY_EDITION_H

#include "wire/envelope.h"

enum {
	// A country's directory: 10,000 members take about 12 MB. Bounds what a false centre makes us read.
	EDITION_DOCUMENT_MAX = 64 * 1024 * 1024,
	EDITION_FILE_MAX = EDITION_DOCUMENT_MAX + STATEMENT_LEAF_MAX + ENVELOPE_SEAL_MAX + 4096,
	EDITION_ARENA_MAX = 128 * 1024 * 1024,
	EDITION_AUTHORITIES_MAX = 16,
	EDITION_MEMBERS_MAX = 20000,
	EDITION_SUBSYSTEMS_MAX = 256, // of one member
	EDITION_GATEWAYS_MAX = 64,    // of one member
	EDITION_SERVICES_MAX = 1024,  // of one subsystem
	EDITION_METHODS_MAX = 256,    // idempotent ones of one service
	EDITION_ADDRESSES_MAX = 16,   // of one gateway
	EDITION_TLS_CERTIFICATES_MAX = 8,
	EDITION_LEDGERS_MAX = 64, // of one gateway: present, pre-listed and closed shards
	EDITION_TEXT_MAX = 256,
};

struct edition_names {
	struct slice sq;
	struct slice sr;
	struct slice en;
};

struct edition_service {
	struct slice name;
	struct slice contract_digest; // 32
	struct slice_list idempotent_methods;
};

struct edition_subsystem {
	struct slice id;
	bool has_names;
	struct edition_names names;
	struct {
		struct edition_service *items;
		size_t count;
	} services;
};

struct edition_ledger {
	struct slice origin;
	struct slice seal_certificate; // DER
	struct slice ed25519_key;      // 32
};

struct edition_gateway {
	struct slice id;
	struct slice_list addresses;        // "host:port"; none for the central ledger
	struct slice_list tls_certificates; // SHA-256 of the DER, 32 each
	struct {
		struct edition_ledger *items; // present shard first
		size_t count;
	} ledgers;
};

struct edition_member {
	struct slice id;
	bool has_names;
	struct edition_names names;
	struct {
		struct edition_subsystem *items;
		size_t count;
	} subsystems;
	struct {
		struct edition_gateway *items;
		size_t count;
	} gateways;
};

struct edition_parameters {
	uint64_t clock_skew_us;
	uint64_t longest_deadline_us;
	uint64_t outage_budget_us;
};

struct edition_document {
	struct slice instance;
	uint64_t version;
	int64_t issued_at_us;
	int64_t valid_until_us;
	struct slice_list authorities; // DER of issuing CAs
	bool has_parameters;           // required
	struct edition_parameters parameters;
	struct {
		struct edition_member *items; // ascending by id
		size_t count;
	} members;
};

// Appends the document's bytes after edition_check(). ERR_EDITION_INVALID with words, ERR_LIMIT, ERR_MEMORY.
result edition_encode(const struct edition_document *document, struct buffer *buffer, struct fault *fault);

// Reads and checks a document; slices point into `bytes`, lists go to `arena` (EDITION_ARENA_MAX).
// ERR_EDITION_INVALID, ERR_LIMIT.
result edition_decode(struct slice bytes, struct arena *arena, struct edition_document *ret_document,
		      struct fault *fault);

// The rules of meaning: members ascending and of the instance, subsystems of their member, gateways of one member named
// differently, origins of their member and gateway. (That no name stands twice in the whole edition is seen when it is
// indexed, directory/directory.h.) ERR_EDITION_INVALID.
result edition_check(const struct edition_document *document, struct fault *fault);

// The tables, NULL at the end, for tests.
extern const struct codec_message *const edition_messages[];

// The order of ids that a document keeps: by bytes.
int edition_compare_ids(struct slice a, struct slice b);

// The body of the statement that seals a document. `digest` receives the document's SHA-256 and must live as long as
// the body; `previous` is the leaf hash of the edition before, or empty.
void edition_statement(const struct edition_document *document, struct slice bytes, struct slice previous,
		       uint8_t digest[STATEMENT_HASH_SIZE], struct statement_edition *ret_body);

// Appends the edition file. ERR_FORMAT, ERR_LIMIT, ERR_MEMORY.
result edition_encode_file(struct slice leaf, struct slice seal, struct slice document, struct buffer *buffer,
			   struct fault *fault);

#endif
