// SPDX-License-Identifier: EUPL-1.2
//
// The shards of a ledger on disk, and reading through them statement by statement.
#ifndef BESA_CLI_LOG_SHARDS_H
#define BESA_CLI_LOG_SHARDS_H

#include "base/identifier.h"
#include "ledger/reader.h"
#include "wire/statement.h"

enum { LOG_SHARDS_MAX = 200 };

// Directories of shards, in the order of their use.
struct log_shards {
	char *paths[LOG_SHARDS_MAX];
	size_t count;
};

// The shards of `path`: a ledger's directory (those it names in `shards`), or one shard's own. ERR_NOT_FOUND with
// words. Release in any case.
result log_shards_find(const char *path, struct log_shards *shards, struct fault *fault);
void log_shards_release(struct log_shards *shards);

// The origin that a shard's journal names, terminated. ERR_LEDGER_DAMAGED if it is no legal one, errors of
// ledger_reader_open().
result log_shards_origin(const char *shard_path, char origin[IDENTIFIER_ORIGIN_MAX + 1], struct fault *fault);

// What stands in a shard, handed to a visitor.
struct log_visit {
	struct slice origin;
	const struct ledger_entry *entry;
	const struct statement *statement; // strictly parsed
};

// Calls `visit` for every leaf from `from` on, until it returns false or the end. A damaged journal or a leaf that is
// no statement ends it with an error that names the place.
result log_shards_walk(const char *shard_path, uint64_t from,
		       bool (*visit)(void *context, const struct log_visit *visit), void *context, struct fault *fault);

#endif
