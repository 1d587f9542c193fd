// SPDX-License-Identifier: EUPL-1.2
#include "notary/grants_keeper.h"

#include "ledger/reader.h"

#include <limits.h>
#include <stdio.h>

static const char file_name[] = "grants.besa";

static result path_in(const char *directory, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/%s", directory, file_name) < PATH_MAX ? OK : ERR_LIMIT;
}

// The set that a file holds, or an empty one: a file that is lost or altered costs only a scan.
static result load_or_make(const char *directory, struct slice member, struct grants **ret_grants, bool *ret_found)
{
	char path[PATH_MAX];
	result code = path_in(directory, path);
	if (code == OK) {
		code = grants_load(path, member, ret_grants, NULL);
	}
	*ret_found = code == OK;
	if (code == ERR_MEMORY) {
		return code;
	}
	return code == OK ? OK : grants_new(member, ret_grants);
}

// Applies the leaves of a shard that the set has not seen.
static result catch_up(struct grants *grants, const char *shard_path, struct fault *fault)
{
	struct ledger_reader *reader = NULL;
	struct ledger_entry entry;
	result code = ledger_reader_open(shard_path, grants_next_index(grants), &reader, fault);
	while (code == OK) {
		code = ledger_reader_next(reader, &entry, fault);
		if (code == OK && statement_peek_type(entry.leaf) == STATEMENT_GRANT) {
			code = grants_apply(grants, entry.index, entry.leaf, fault);
		} else if (code == OK) {
			grants_note_index(grants, entry.index);
		}
	}
	ledger_reader_close(reader);
	return code == ERR_NOT_FOUND ? OK : code;
}

static result record_again(struct grants_keeper *keeper, struct ledger *ledger, const struct grants_entry *entry,
			   struct fault *fault)
{
	struct buffer body;
	struct ledger_batch batch;
	buffer_init(&body, STATEMENT_BODY_MAX);
	union statement_body made = { .grant = entry->grant };
	result code = statement_encode_body(STATEMENT_GRANT, &made, &body, fault);
	struct ledger_record record = {
		.type = STATEMENT_GRANT,
		.owner = LEDGER_OWNER_NONE,
		.body = buffer_slice(&body),
	};
	if (code == OK) {
		code = ledger_commit(ledger, &record, 1, &batch);
		code = code == OK ? record.code : code;
	}
	if (code == OK) {
		code = grants_apply(keeper->grants, record.index, record.leaf, fault);
	}
	buffer_release(&body);
	return code;
}

// The grants of the shard before, as far as they can be read.
static result take_over(struct grants_keeper *keeper, struct ledger *ledger, struct fault *fault)
{
	struct grants *earlier = NULL;
	bool found = false;
	result code = load_or_make(ledger_previous_path(ledger), ledger_member(ledger), &earlier, &found);
	if (code != OK) {
		return code;
	}
	// A damaged shard gives what stands before the damage; the file may know more than that.
	result_ignore(catch_up(earlier, ledger_previous_path(ledger), NULL));
	for (size_t i = 0; code == OK && i < grants_count(earlier); i++) {
		const struct grants_entry *entry = grants_at(earlier, i);
		if (!grants_find(keeper->grants, entry->grant.id)) {
			code = record_again(keeper, ledger, entry, fault);
		}
	}
	grants_free(earlier);
	return code;
}

result grants_keeper_start(struct grants_keeper *keeper, struct ledger *ledger, const char *directory,
			   struct fault *fault)
{
	bool found = false;
	grants_keeper_release(keeper);
	result code = load_or_make(ledger_shard_path(ledger), ledger_member(ledger), &keeper->grants, &found);
	if (code == OK && grants_next_index(keeper->grants) > ledger_size(ledger)) {
		// It speaks of leaves that this ledger does not have.
		grants_free(keeper->grants);
		keeper->grants = NULL;
		code = grants_new(ledger_member(ledger), &keeper->grants);
	}
	if (code == OK) {
		code = catch_up(keeper->grants, ledger_shard_path(ledger), fault);
	}
	if (code == OK && !found && ledger_previous_path(ledger)[0] != '\0') {
		code = take_over(keeper, ledger, fault);
	}
	return code == OK ? grants_keeper_save(keeper, ledger, directory, fault) : code;
}

result grants_keeper_apply(struct grants_keeper *keeper, uint64_t index, struct slice leaf, struct fault *fault)
{
	return grants_apply(keeper->grants, index, leaf, fault);
}

result grants_keeper_save(struct grants_keeper *keeper, struct ledger *ledger, const char *directory,
			  struct fault *fault)
{
	char path[PATH_MAX];
	if (ledger_size(ledger) > 0) {
		grants_note_index(keeper->grants, ledger_size(ledger) - 1);
	}
	// The workers' copy first: the shard's own says that everything is done.
	result code = path_in(directory, path);
	if (code == OK) {
		code = grants_save(keeper->grants, path, fault);
	}
	if (code == OK) {
		code = path_in(ledger_shard_path(ledger), path);
	}
	if (code == OK) {
		code = grants_save(keeper->grants, path, fault);
	}
	keeper->behind = code != OK;
	return code;
}

void grants_keeper_release(struct grants_keeper *keeper)
{
	grants_free(keeper->grants);
	keeper->grants = NULL;
}
