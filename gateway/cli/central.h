// SPDX-License-Identifier: EUPL-1.2
//
// The first directory edition of a plan: keys and certificates for every gateway and subsystem, and the document
// that lists them.
#ifndef BESA_CLI_CENTRAL_H
#define BESA_CLI_CENTRAL_H

#include "cli/pki.h"
#include "cli/plan.h"
#include "directory/edition.h"

// What a gateway was given, as the directory shows it.
struct central_gateway {
	const struct certificate *seal; // owned by the PKI
	uint8_t tls[DIGEST_SIZE];       // fingerprint
	uint8_t ed25519[KEY_ED25519_SIZE];
};

// Issues what the central ledger needs: central/{seal.key,seal.pem,ed25519.key}.
result central_issue_own(const struct plan *plan, struct pki *pki, struct central_gateway *ret_keys,
			 struct fault *fault);

// Issues for every gateway of the plan, in its order: gateways/<member>-<gateway>/{tls,seal,ed25519}. The array is in
// the PKI's arena.
result central_issue_gateways(const struct plan *plan, struct pki *pki, const struct central_gateway **ret_keys,
			      struct fault *fault);

// Issues a client certificate for every subsystem: clients/<subsystem>/client.{key,pem,fingerprint}.
result central_issue_clients(const struct plan *plan, struct pki *pki, struct fault *fault);

// Appends the document: version 1, issued at `now_us`. `central` is the central ledger's, `gateways` as issued above.
result central_edition(const struct plan *plan, struct pki *pki, const struct central_gateway *central,
		       const struct central_gateway *gateways, int64_t now_us, struct buffer *document,
		       struct edition_document *ret_document, struct fault *fault);

#endif
