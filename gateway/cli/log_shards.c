// SPDX-License-Identifier: EUPL-1.2
//
// Reading takes no lock: a ledger may be written meanwhile, and what is complete is shown.
#include "cli/log_shards.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/identifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, SHARDS_FILE_MAX = 64 * 1024 };

// An empty name is the directory itself.
static result add(struct log_shards *shards, const char *directory, struct slice name)
{
	char path[PATH_SIZE];
	int length = snprintf(path, sizeof path, "%s%s%.*s", directory, name.size ? "/" : "", (int)name.size,
			      (const char *)name.data);
	if (length < 0 || (size_t)length >= sizeof path || shards->count == LOG_SHARDS_MAX) {
		return ERR_LIMIT;
	}
	shards->paths[shards->count] = strdup(path);
	return shards->paths[shards->count++] ? OK : ERR_MEMORY;
}

// One name a line.
static result add_listed(struct log_shards *shards, const char *directory, const char *list)
{
	result r = OK;
	while (*list && r == OK) {
		size_t size = strcspn(list, "\n");
		if (identifier_is_part(slice_of(list, size))) {
			r = add(shards, directory, slice_of(list, size));
		}
		list += size + (list[size] == '\n');
	}
	return r;
}

result log_shards_find(const char *path, struct log_shards *shards, struct fault *fault)
{
	char list_path[PATH_SIZE];
	struct buffer list;
	*shards = (struct log_shards){ 0 };
	buffer_init(&list, SHARDS_FILE_MAX);
	int length = snprintf(list_path, sizeof list_path, "%s/shards", path);
	if (length < 0 || (size_t)length >= sizeof list_path) {
		return fault_set(fault, ERR_LIMIT, "the path %s is too long", path);
	}
	if (access(path, F_OK) != 0) {
		return fault_set(fault, ERR_NOT_FOUND, "there is no ledger at %s", path);
	}
	result r;
	if (access(list_path, F_OK) == 0) {
		r = file_read(list_path, &list, fault);
		if (r == OK) {
			r = add_listed(shards, path, buffer_text(&list));
		}
	} else {
		r = add(shards, path, (struct slice){ 0 });
	}
	buffer_release(&list);
	if (r == OK && shards->count == 0) {
		r = fault_set(fault, ERR_NOT_FOUND, "the ledger at %s has no shard yet", path);
	}
	return r;
}

void log_shards_release(struct log_shards *shards)
{
	for (size_t i = 0; i < shards->count; i++) {
		free(shards->paths[i]);
	}
	*shards = (struct log_shards){ 0 };
}

result log_shards_origin(const char *shard_path, char origin[IDENTIFIER_ORIGIN_MAX + 1], struct fault *fault)
{
	struct ledger_reader *reader = NULL;
	result r = ledger_reader_open(shard_path, 0, &reader, fault);
	if (r == OK) {
		struct slice name = ledger_reader_origin(reader);
		if (identifier_is_origin(name)) {
			memcpy(origin, name.data, name.size);
			origin[name.size] = '\0';
		} else {
			r = fault_set(fault, ERR_LEDGER_DAMAGED, "%s names no legal ledger", shard_path);
		}
	}
	ledger_reader_close(reader);
	return r;
}

result log_shards_walk(const char *shard_path, uint64_t from,
		       bool (*visit)(void *context, const struct log_visit *visit), void *context, struct fault *fault)
{
	struct ledger_reader *reader = NULL;
	struct arena arena;
	arena_init(&arena, STATEMENT_ARENA_MAX);
	result r = ledger_reader_open(shard_path, from, &reader, fault);
	for (bool more = true; r == OK && more;) {
		struct ledger_entry entry;
		struct statement statement;
		r = ledger_reader_next(reader, &entry, fault);
		if (r == ERR_NOT_FOUND) {
			r = OK;
			break;
		}
		if (r != OK) {
			break;
		}
		arena_clear(&arena);
		r = statement_parse(entry.leaf, &arena, &statement, fault);
		if (r != OK) {
			r = fault_prefix(fault, ERR_LEDGER_DAMAGED, "%s: leaf %llu", shard_path,
					 (unsigned long long)entry.index);
			break;
		}
		struct log_visit seen = { .origin = ledger_reader_origin(reader),
					  .entry = &entry,
					  .statement = &statement };
		more = visit(context, &seen);
	}
	ledger_reader_close(reader);
	arena_release(&arena);
	return r;
}
