// SPDX-License-Identifier: EUPL-1.2
//
// Opening: which shard takes records, and the first leaf of a shard that is begun.
//
// `shards` lists the shards opened so far; the last one is the present one. It is left for good when it is closed, when
// recovery finds damage, or when it is not among the configured ones any more; then the next configured one that was
// not used is begun.
#include "base/clock.h"
#include "base/file.h"
#include "ledger/ledger_state.h"

#include <stdio.h>
#include <stdlib.h>

enum { SHARDS_FILE_MAX = LEDGER_SHARDS_USED_MAX * (IDENTIFIER_PART_MAX + 1), CHECKPOINT_FILE_MAX = 64 * 1024 };

static const char shards_name[] = "shards";
static const char closed_name[] = "closed";

// ---- memory ----

static result check_config(const struct ledger_config *config, struct fault *fault)
{
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	if (config->shard_count == 0 || config->shard_count > LEDGER_SHARDS_MAX) {
		return fault_set(fault, ERR_CONFIG, "a ledger needs between 1 and %d shards", LEDGER_SHARDS_MAX);
	}
	for (size_t i = 0; i < config->shard_count; i++) {
		int size = snprintf(origin, sizeof origin, "%s/%s", config->ledger, config->shards[i]);
		if (size >= (int)sizeof origin || !identifier_is_origin(slice_text(origin))) {
			return fault_set(fault, ERR_CONFIG, "\"%s/%s\" is no ledger origin", config->ledger,
					 config->shards[i]);
		}
	}
	uint32_t segment = config->segment_size;
	if (segment != 0 &&
	    (segment < JOURNAL_SEGMENT_MIN || segment > JOURNAL_SEGMENT_MAX || segment % JOURNAL_BLOCK != 0)) {
		return fault_set(fault, ERR_CONFIG, "a segment cannot have %u bytes", segment);
	}
	if (strlen(config->directory) >= LEDGER_PATH_SIZE || config->chain_count > LEDGER_CHAIN_MAX) {
		return fault_set(fault, ERR_CONFIG, "the ledger's path or certificate chain is too long");
	}
	return OK;
}

static result new_ledger(const struct ledger_config *config, struct ledger **ret_ledger)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	if (!ledger) {
		return ERR_MEMORY;
	}
	snprintf(ledger->root_path, sizeof ledger->root_path, "%s", config->directory);
	snprintf(ledger->name, sizeof ledger->name, "%s", config->ledger);
	snprintf(ledger->origin, sizeof ledger->origin, "%s/%s", config->ledger, config->shards[0]);
	struct slice member = identifier_member_of_origin(slice_text(ledger->origin));
	ledger->member = slice_of(ledger->name + (member.data - (const uint8_t *)ledger->origin), member.size);
	ledger->allowed_types = config->more_types;
	ledger->segment_size = config->segment_size != 0 ? config->segment_size : JOURNAL_SEGMENT_SIZE;
	ledger->seal_key = config->seal_key;
	ledger->ed25519_key = config->ed25519_key;
	merkle_batch_init(&ledger->batch);
	arena_init(&ledger->arena, STATEMENT_ARENA_MAX);
	buffer_init(&ledger->scratch, STATEMENT_LEAF_MAX + 1);
	buffer_init(&ledger->record_memory, JOURNAL_BATCH_MAX);
	buffer_init(&ledger->note, JOURNAL_NOTE_MAX);
	buffer_init(&ledger->published, CHECKPOINT_FILE_MAX);
	*ret_ledger = ledger;
	return OK;
}

static void release_signers(struct ledger *ledger)
{
	note_signer_release(&ledger->seal_signer);
	note_signer_release(&ledger->ed25519_signer);
	ledger->seal_signer = (struct note_signer){ 0 };
	ledger->ed25519_signer = (struct note_signer){ 0 };
}

void ledger_abandon(struct ledger *ledger)
{
	if (!ledger) {
		return;
	}
	ledger_leave_shard(ledger);
	release_signers(ledger);
	exchanges_release(&ledger->exchanges);
	merkle_batch_release(&ledger->batch);
	arena_release(&ledger->arena);
	buffer_release(&ledger->scratch);
	buffer_release(&ledger->record_memory);
	buffer_release(&ledger->note);
	buffer_release(&ledger->published);
	disk_close(ledger->root);
	free(ledger);
}

void ledger_close(struct ledger *ledger)
{
	if (ledger && ledger->state == OK && (!ledger->clean || ledger->published_size != ledger->frontier.size)) {
		// What fails here is found by the next opening.
		result_ignore(ledger_publish(ledger, JOURNAL_CLEAN));
		result_ignore(nodes_sync(&ledger->nodes));
	}
	ledger_abandon(ledger);
}

// ---- the list of shards ----

static result read_shards(struct ledger *ledger, struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, SHARDS_FILE_MAX);
	result code = ledger_read_file(ledger->root, shards_name, &text);
	struct slice rest = buffer_slice(&text);
	ledger->shard_count = 0;
	while (code == OK && rest.size > 0) {
		const uint8_t *end = memchr(rest.data, '\n', rest.size);
		struct slice line = slice_of(rest.data, end ? (size_t)(end - rest.data) : 0);
		if (!identifier_is_part(line) || ledger->shard_count == LEDGER_SHARDS_USED_MAX) {
			code = ERR_LEDGER_DAMAGED;
			break;
		}
		memcpy(ledger->shards[ledger->shard_count], line.data, line.size);
		ledger->shards[ledger->shard_count++][line.size] = '\0';
		rest = slice_skip(rest, line.size + 1);
	}
	buffer_release(&text);
	return code == OK || code == ERR_NOT_FOUND
		   ? OK
		   : fault_set(fault, code, "cannot read %s/%s: %s", ledger->root_path, shards_name, result_text(code));
}

static result write_shards(struct ledger *ledger, struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, SHARDS_FILE_MAX);
	for (size_t i = 0; i < ledger->shard_count; i++) {
		buffer_append_format(&text, "%s\n", ledger->shards[i]);
	}
	result code = buffer_result(&text);
	if (code == OK) {
		code = ledger_replace_file(ledger->root, shards_name, buffer_slice(&text));
	}
	buffer_release(&text);
	return code == OK ? OK
			  : fault_set(fault, code, "cannot write %s/%s: %s", ledger->root_path, shards_name,
				      result_text(code));
}

static bool was_used(const struct ledger *ledger, const char *shard)
{
	for (size_t i = 0; i < ledger->shard_count; i++) {
		if (strcmp(ledger->shards[i], shard) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_configured(const struct ledger_config *config, const char *shard)
{
	for (size_t i = 0; i < config->shard_count; i++) {
		if (strcmp(config->shards[i], shard) == 0) {
			return true;
		}
	}
	return false;
}

// The present shard for good or for now: its directory, origin and signers.
static result enter_shard(struct ledger *ledger, struct fault *fault)
{
	const char *shard = ledger->shards[ledger->shard_count - 1];
	ledger_leave_shard(ledger);
	release_signers(ledger);
	ledger_shard_path_of(ledger, ledger->shard_count - 1, ledger->shard_path);
	snprintf(ledger->origin, sizeof ledger->origin, "%s/%s", ledger->name, shard);
	result code = disk_open(ledger->shard_path, true, &ledger->disk, fault);
	struct slice origin = slice_text(ledger->origin);
	if (code == OK) {
		code = note_signer_init(&ledger->seal_signer, origin, NOTE_ECDSA, ledger->seal_key);
	}
	if (code == OK) {
		code = note_signer_init(&ledger->ed25519_signer, origin, NOTE_ED25519, ledger->ed25519_key);
	}
	return code;
}

// Whether the present shard is marked as closed.
static result is_closed(struct ledger *ledger, bool *ret_closed)
{
	struct disk_file *file = NULL;
	result code = disk_open_file(ledger->disk, closed_name, DISK_READ, &file);
	*ret_closed = code == OK;
	disk_close_file(file);
	return code == ERR_NOT_FOUND ? OK : code;
}

// Adds the next configured shard that was not used. ERR_LEDGER_CLOSED: there is none.
static result add_shard(struct ledger *ledger, const struct ledger_config *config, struct fault *fault)
{
	size_t from = 0;
	for (size_t i = 0; ledger->shard_count > 0 && i < config->shard_count; i++) {
		if (strcmp(config->shards[i], ledger->shards[ledger->shard_count - 1]) == 0) {
			from = i + 1;
		}
	}
	while (from < config->shard_count && was_used(ledger, config->shards[from])) {
		from++;
	}
	if (from == config->shard_count || ledger->shard_count == LEDGER_SHARDS_USED_MAX) {
		return fault_set(fault, ERR_LEDGER_CLOSED, "no shard of %s is left: list another one", ledger->name);
	}
	snprintf(ledger->shards[ledger->shard_count++], IDENTIFIER_PART_MAX + 1, "%s", config->shards[from]);
	// The directory stands before its name is on record.
	result code = enter_shard(ledger, fault);
	if (code == OK) {
		code = disk_sync_names(ledger->root);
	}
	return code == OK ? write_shards(ledger, fault) : code;
}

// ---- earlier shards ----

static result load_one(struct ledger *ledger, size_t ordinal, struct ledger_earlier *earlier)
{
	*earlier = (struct ledger_earlier){ 0 };
	snprintf(earlier->origin, sizeof earlier->origin, "%s/%s", ledger->name, ledger->shards[ordinal]);
	struct slice origin = slice_text(earlier->origin);
	result code = note_key_init(&earlier->seal_key, origin, NOTE_ECDSA, key_public_of(ledger->seal_key));
	if (code == OK) {
		code = note_key_init(&earlier->ed25519_key, origin, NOTE_ED25519, key_public_of(ledger->ed25519_key));
	}
	if (code == OK) {
		code = ledger_load_earlier(ledger, ordinal, earlier);
	}
	note_key_release(&earlier->seal_key);
	note_key_release(&earlier->ed25519_key);
	return code;
}

// When the present shard took its first record; 0: it has none.
static int64_t opened_at(struct ledger *ledger)
{
	struct journal_walk walk;
	struct journal_batch batch;
	result code = journal_walk_open(&walk, ledger->disk, NULL);
	if (code == OK) {
		code = walk.segments > 0 ? journal_walk_seek(&walk, 1, NULL) : ERR_NOT_FOUND;
	}
	if (code == OK) {
		code = journal_walk_next(&walk, &batch, NULL);
	}
	journal_walk_close(&walk);
	return code == OK ? batch.time_us : 0;
}

enum { EARLIER_SHARDS = 3 }; // as many as damage can plausibly close within one window

// Fills the table from the shards before the present one, where the window may reach into them. *earlier is the one
// just before.
static result load_earlier(struct ledger *ledger, struct ledger_earlier *earlier)
{
	size_t present = ledger->shard_count - 1;
	int64_t opened_us = opened_at(ledger);
	const struct exchanges *exchanges = &ledger->exchanges;
	int64_t reach_us = exchanges->window_us + exchanges->span_us + exchanges->skew_us;
	if (opened_us != 0 && opened_us + 2 * reach_us < clock_wall_us()) {
		return OK;
	}
	bool whole = true;
	for (size_t ordinal = present > EARLIER_SHARDS ? present - EARLIER_SHARDS : 0; ordinal < present; ordinal++) {
		result code = load_one(ledger, ordinal, earlier);
		if (code != OK) {
			return code;
		}
		whole &= earlier->whole;
	}
	if (!whole) {
		ledger->floor_us = (opened_us != 0 ? opened_us : clock_wall_us()) + exchanges->skew_us;
	}
	return OK;
}

// ---- the first leaf ----

static const char *reason_of_shard(struct ledger *ledger, const struct ledger_earlier *earlier)
{
	if (earlier->origin[0] == '\0') {
		return "first";
	}
	char path[sizeof ledger->shard_path];
	struct disk *disk = NULL;
	struct buffer text;
	buffer_init(&text, 1024);
	ledger_shard_path_of(ledger, ledger->shard_count - 2, path);
	const char *reason = "damage";
	if (disk_open(path, false, &disk, NULL) == OK && ledger_read_file(disk, closed_name, &text) == OK) {
		static const char *const reasons[] = { "rotation", "restored" };
		for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
			if (slice_starts_with(buffer_slice(&text), slice_text(reasons[i]))) {
				reason = reasons[i];
			}
		}
	}
	disk_close(disk);
	buffer_release(&text);
	return reason;
}

static result append_key_statement(struct ledger *ledger, const struct ledger_config *config,
				   const struct ledger_earlier *earlier, struct fault *fault)
{
	struct slice chain[LEDGER_CHAIN_MAX];
	for (size_t i = 0; i < config->chain_count; i++) {
		chain[i] = slice_of(config->chain_digests[i], DIGEST_SIZE);
	}
	union statement_body body = { .key = {
					  .origin = slice_text(ledger->origin),
					  .seal_certificate_digest =
					      slice_of(config->seal_certificate_digest, DIGEST_SIZE),
					  .chain_digests = { .items = chain, .count = config->chain_count },
					  .suite = slice_text(STATEMENT_SUITE),
					  .ed25519_key = key_public_ed25519(key_public_of(ledger->ed25519_key)),
					  .reason = slice_text(reason_of_shard(ledger, earlier)),
				      } };
	if (earlier->origin[0] != '\0') {
		body.key.previous_origin = slice_text(earlier->origin);
		body.key.previous_size = earlier->size;
		body.key.previous_root = slice_of(earlier->root, DIGEST_SIZE);
	}
	return ledger_append_own(ledger, STATEMENT_KEY, &body, fault);
}

// ---- opening ----

// Brings the present shard up, or finds that it must be left: *ret_left.
static result try_shard(struct ledger *ledger, const struct ledger_config *config, struct ledger_earlier *earlier,
			bool *ret_left, struct fault *fault)
{
	const char *shard = ledger->shards[ledger->shard_count - 1];
	bool closed = false;
	*ret_left = true;
	result code = enter_shard(ledger, fault);
	if (code == OK && config->failed_shard && strcmp(config->failed_shard, shard) == 0) {
		code = ledger_mark_closed(ledger, "damage");
	}
	if (code == OK) {
		code = is_closed(ledger, &closed);
	}
	if (code != OK || closed) {
		return code;
	}
	exchanges_release(&ledger->exchanges);
	ledger->floor_us = 0;
	ledger->time_us = 0;
	code = exchanges_init(&ledger->exchanges, config->window_us != 0 ? config->window_us : LEDGER_WINDOW_DEFAULT_US,
			      config->skew_us != 0 ? config->skew_us : LEDGER_SKEW_DEFAULT_US);
	if (code != OK) {
		return fault_set(fault, code, "the window of request ids is too short for the clock skew");
	}
	*earlier = (struct ledger_earlier){ 0 };
	code = load_earlier(ledger, earlier);
	if (code == OK) {
		code = ledger_recover(ledger, fault);
	}
	if (code == ERR_LEDGER_DAMAGED) {
		return ledger_mark_closed(ledger, "damage");
	}
	if (code == OK && !is_configured(config, shard)) {
		return ledger_retire(ledger, "rotation");
	}
	*ret_left = false;
	return code;
}

static result find_shard(struct ledger *ledger, const struct ledger_config *config, struct fault *fault)
{
	struct ledger_earlier earlier = { 0 };
	bool left = ledger->shard_count == 0;
	result code = OK;
	if (!left) {
		code = try_shard(ledger, config, &earlier, &left, fault);
	}
	while (code == OK && left) {
		ledger->state = OK; // of the shard that was retired
		ledger->must_reopen = false;
		code = add_shard(ledger, config, fault);
		if (code == OK) {
			code = try_shard(ledger, config, &earlier, &left, fault);
		}
	}
	if (code == OK && ledger->frontier.size == 0) {
		code = append_key_statement(ledger, config, &earlier, fault);
	}
	return code == OK ? exchanges_orphan(&ledger->exchanges, EXCHANGES_OWNER_NONE) : code;
}

result ledger_open(const struct ledger_config *config, struct ledger **ret_ledger, struct fault *fault)
{
	struct ledger *ledger = NULL;
	if (fault) {
		fault->text[0] = '\0';
	}
	result code = check_config(config, fault);
	if (code == OK) {
		code = new_ledger(config, &ledger);
	}
	if (code == OK) {
		code = disk_open(config->directory, true, &ledger->root, fault);
	}
	if (code == OK) {
		code = disk_lock(ledger->root);
		if (code == ERR_BUSY) {
			code = fault_set(fault, code, "another process has the ledger %s open", config->directory);
		}
	}
	if (code == OK) {
		code = read_shards(ledger, fault);
	}
	if (code == OK) {
		code = find_shard(ledger, config, fault);
	}
	if (code != OK) {
		ledger_abandon(ledger);
		if (fault && fault->text[0] == '\0') {
			code = fault_set(fault, code, "cannot open the ledger %s: %s", config->directory,
					 result_text(code));
		}
		return code;
	}
	*ret_ledger = ledger;
	return OK;
}

// ---- facts ----

result ledger_state(const struct ledger *ledger)
{
	return ledger->state == OK && ledger->full ? ERR_DISK_FULL : ledger->state;
}

const char *ledger_state_text(const struct ledger *ledger)
{
	return ledger_state(ledger) == OK ? "" : ledger->state_text;
}

bool ledger_must_reopen(const struct ledger *ledger)
{
	return ledger->must_reopen;
}

const char *ledger_failed_shard(const struct ledger *ledger)
{
	return ledger->failed_shard;
}

struct slice ledger_origin(const struct ledger *ledger)
{
	return slice_text(ledger->origin);
}

const char *ledger_shard_path(const struct ledger *ledger)
{
	return ledger->shard_path;
}

const char *ledger_previous_path(struct ledger *ledger)
{
	if (ledger->shard_count < 2) {
		return "";
	}
	ledger_shard_path_of(ledger, ledger->shard_count - 2, ledger->previous_path);
	return ledger->previous_path;
}

uint64_t ledger_size(const struct ledger *ledger)
{
	return ledger->frontier.size;
}

struct slice ledger_member(const struct ledger *ledger)
{
	return ledger->member;
}
