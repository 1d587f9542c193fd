// SPDX-License-Identifier: EUPL-1.2
//
// The inside of a directory, shared by directory.c (opening), directory_index.c (look-ups) and directory_key.c (seal
// keys).
#ifndef BESA_DIRECTORY_DIRECTORY_INTERNAL_H
#define BESA_DIRECTORY_DIRECTORY_INTERNAL_H

#include "crypto/certificate.h"
#include "directory/directory.h"
#include "directory/index.h"

// A run of neighbours in a sorted array: what several entries share a name.
struct directory_run {
	uint32_t first;
	uint32_t count;
};

// A listed TLS certificate.
struct directory_pin {
	struct slice fingerprint;
	struct directory_gateway gateway;
};

// What is known about a ledger's seal key. A certificate that does not verify never will; one that does is good within
// the times tried so far.
struct directory_key {
	enum { DIRECTORY_KEY_UNTRIED, DIRECTORY_KEY_GOOD, DIRECTORY_KEY_BAD } state;
	struct seal_key key;
	int64_t from_us; // earliest time the chain was verified for
	int64_t until_us;
};

struct directory_tables {
	struct index members;                  // → document.members
	struct directory_run *member_gateways; // by member, into gateways

	struct directory_gateway *gateways; // that can be reached, by member
	size_t gateway_count;

	struct directory_subsystem *subsystems;
	size_t subsystem_count;
	struct index subsystem_ids;

	struct directory_ledger *ledgers;
	size_t ledger_count;
	struct index origins;

	struct directory_provider *providers; // by service name, then the document's order
	size_t provider_count;
	struct index services; // one position per service name: into service_runs
	struct directory_run *service_runs;
	size_t service_run_count;
	struct index offers; // (subsystem, service) → providers

	struct directory_gateway *peers; // by TLS fingerprint
	struct slice *peer_fingerprints; // of each peer
	size_t peer_count;
	struct index pins; // fingerprint → peer_runs
	struct directory_run *peer_runs;
	size_t peer_run_count;
};

struct directory {
	size_t references;
	struct buffer bytes; // leaf and document, copied
	struct buffer sealed_statement;
	struct arena arena; // lists of the document and the tables
	struct edition_document document;
	struct directory_head head;
	struct slice previous; // leaf hash of the edition before
	struct directory_tables tables;
	struct directory_key *keys; // of tables.ledgers
	struct certificate *roots[TRUST_ROOTS_MAX];
	size_t root_count;
	struct certificate *authorities[EDITION_AUTHORITIES_MAX];
	size_t authority_count;
};

// Builds the tables of directory->document. ERR_EDITION_INVALID for a name that stands twice, ERR_LIMIT, ERR_MEMORY.
result directory_tables_build(struct directory *directory, struct fault *fault);
void directory_tables_release(struct directory_tables *tables);

// Parses roots and authorities. ERR_EDITION_INVALID, ERR_MEMORY.
result directory_keys_init(struct directory *directory, const struct trust *trust, struct fault *fault);
void directory_keys_release(struct directory *directory);

#endif
