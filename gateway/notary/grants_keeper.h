// SPDX-License-Identifier: EUPL-1.2
//
// Keeps the files of grants: what the grant statements of the ledger come to (directory/grants.h).
//
// `<ledger>/<shard>/grants.besa` belongs to the shard; `<ledger>/grants.besa` is its copy that workers read. A shard
// that is begun takes the standing grants over by recording them again, so each shard says by itself who may call.
#ifndef BESA_NOTARY_GRANTS_KEEPER_H
#define BESA_NOTARY_GRANTS_KEEPER_H

#include "directory/grants.h"
#include "ledger/ledger.h"

struct grants_keeper {
	struct grants *grants;
	bool behind; // the set is ahead of the files, or the ledger of the set: try again
};

// Brings set and files up to the ledger that was just opened.
result grants_keeper_start(struct grants_keeper *keeper, struct ledger *ledger, const char *directory,
			   struct fault *fault);

// Takes in a grant statement that was just recorded.
result grants_keeper_apply(struct grants_keeper *keeper, uint64_t index, struct slice leaf, struct fault *fault);

// Writes the files.
result grants_keeper_save(struct grants_keeper *keeper, struct ledger *ledger, const char *directory,
			  struct fault *fault);

void grants_keeper_release(struct grants_keeper *keeper);

#endif
