// SPDX-License-Identifier: EUPL-1.2
//
// The central ledger's first records: its key statement, a statement for every certificate issued, the edition.
#ifndef BESA_CLI_CENTRAL_LEDGER_H
#define BESA_CLI_CENTRAL_LEDGER_H

#include "cli/central.h"

// Opens a fresh ledger in central/ledger with the keys in central/ and commits all; appends the edition's leaf
// and its seal. `ret_size` is the ledger's size afterwards.
result central_ledger_make(const struct plan *plan, struct pki *pki, const struct certificate *seal,
			   const struct edition_document *edition, struct slice document, struct buffer *leaf,
			   struct buffer *seal_bytes, uint64_t *ret_size, struct fault *fault);

#endif
