// SPDX-License-Identifier: EUPL-1.2
//
// Internal to ledger/evidence*.c: what is known of a file while its checks are made.
#ifndef BESA_LEDGER_EVIDENCE_ENGINE_H
#define BESA_LEDGER_EVIDENCE_ENGINE_H

#include "crypto/certificate.h"
#include "ledger/evidence.h"
#include "ledger/seal.h"

enum { EVIDENCE_ROOTS_MAX = 16 };

// One sealed statement of the file, and what is known of it so far.
struct evidence_side {
	const char *name;
	enum statement_type type;
	bool there;
	const struct envelope_sealed *sealed;
	bool parsed;    // the statement is well-formed; `statement` holds it
	bool has_seal;  // the seal is well-formed; `seal` holds it
	bool included;  // the path leads to the checkpoint's root
	bool signed_by; // seal_verify() accepted it; `verified` holds
	bool certified; // the key's certificate chains to the root
	struct statement statement;
	struct envelope_seal seal;
	struct seal_verified verified;
	uint8_t leaf_hash[STATEMENT_HASH_SIZE];
	const struct certificate *certificate; // that the checkpoint was signed with
};

struct evidence_engine {
	const struct evidence_context *context;
	struct evidence_report *report;
	struct envelope_evidence evidence;
	struct certificate *roots[EVIDENCE_ROOTS_MAX];
	size_t root_count;
	struct certificate *certificates[ENVELOPE_CERTIFICATES_MAX];
	size_t certificate_count;
	const struct certificate *authorities[CERTIFICATE_CHAIN_MAX]; // those of them that speak for nobody: CAs
	size_t authority_count;
	struct seal_verifier *verifier;
};

// What the statements of the file say of each other (evidence_exchange.c): after each was checked for itself.
void evidence_exchange_check(struct evidence_engine *engine, const struct evidence_side *request,
			     const struct evidence_side *response, const struct evidence_side *unanswered,
			     const struct evidence_side *edition);

#endif
