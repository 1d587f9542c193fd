// SPDX-License-Identifier: EUPL-1.2
//
// Small files of a ledger (`shards`, `closed`, `checkpoint`), and how a ledger stops.
#include "base/clock.h"
#include "ledger/ledger_state.h"

#include <stdio.h>

static const char closed_name[] = "closed";

result ledger_replace_file(struct disk *disk, const char *name, struct slice content)
{
	char fresh[DISK_NAME_MAX];
	snprintf(fresh, sizeof fresh, "%s.new", name);
	struct disk_file *file = NULL;
	result code = disk_create(disk, fresh, DISK_WRITE, &file);
	if (code == OK) {
		code = disk_write(file, 0, content.data, content.size);
	}
	if (code == OK) {
		code = disk_sync(file);
	}
	disk_close_file(file);
	if (code == OK) {
		code = disk_rename(disk, fresh, name);
	}
	return code == OK ? disk_sync_names(disk) : code;
}

result ledger_read_file(struct disk *disk, const char *name, struct buffer *content)
{
	struct disk_file *file = NULL;
	uint64_t size = 0;
	size_t got = 0;
	result code = disk_open_file(disk, name, DISK_READ, &file);
	if (code == OK) {
		code = disk_size(file, &size);
	}
	if (code == OK && size > 0) {
		uint8_t *to = buffer_reserve(content, size);
		code = to ? disk_read(file, 0, to, size, &got) : buffer_result(content);
		content->size -= to ? size - got : 0;
	}
	disk_close_file(file);
	return code;
}

result ledger_mark_closed(struct ledger *ledger, const char *reason)
{
	char time[CLOCK_TEXT_SIZE];
	char text[160];
	clock_format(clock_wall_us(), time);
	int size = snprintf(text, sizeof text, "%s %s\n", reason, time);
	return ledger_replace_file(ledger->disk, closed_name, slice_of(text, (size_t)size));
}

result ledger_stop(struct ledger *ledger, result code, const char *words)
{
	ledger->state = code == ERR_DISK_FULL ? ERR_DISK_FULL : ERR_LEDGER_CLOSED;
	ledger->must_reopen = true;
	snprintf(ledger->state_text, sizeof ledger->state_text, "%s: %s", words, result_text(code));
	// After a failed write or sync nobody knows what the disk holds: this shard must never be written again.
	if (code == ERR_IO || code == ERR_LEDGER_DAMAGED) {
		const char *shard = ledger->shards[ledger->shard_count - 1];
		bool marked = ledger_mark_closed(ledger, "damage") == OK;
		snprintf(ledger->failed_shard, sizeof ledger->failed_shard, "%s", marked ? "" : shard);
	}
	return ledger->state;
}

result ledger_retire(struct ledger *ledger, const char *reason)
{
	if (ledger->state != OK) {
		return ledger->state;
	}
	result code = ledger_publish(ledger, JOURNAL_CLEAN);
	if (code == OK) {
		code = ledger_mark_closed(ledger, reason);
	}
	if (code == OK) {
		ledger->state = ERR_LEDGER_CLOSED;
		ledger->must_reopen = true;
		snprintf(ledger->state_text, sizeof ledger->state_text, "the shard was taken out of use: %s", reason);
	}
	return code;
}

void ledger_shard_path_of(const struct ledger *ledger, size_t ordinal,
			  char path[LEDGER_PATH_SIZE + IDENTIFIER_PART_MAX + 1])
{
	snprintf(path, LEDGER_PATH_SIZE + IDENTIFIER_PART_MAX + 1, "%s/%s", ledger->root_path, ledger->shards[ordinal]);
}

void ledger_leave_shard(struct ledger *ledger)
{
	journal_release(&ledger->journal);
	nodes_close(&ledger->nodes);
	disk_close(ledger->disk);
	ledger->disk = NULL;
}
