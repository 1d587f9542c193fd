// SPDX-License-Identifier: EUPL-1.2
//
// `besa log show` and `besa log contains`: what stands in a ledger, read from its files.
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/log_shards.h"
#include "cli/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 16 * 1024, // of one line of the table
	FOLLOW_PAUSE_US = 200 * 1000,
	IDS_FILE_MAX = 1024 * 1024 * 1024, // 27 million exchanges
	MISSING_SHOWN_MAX = 20,
};

// ---- show -------------------------------------------------------------------------------------------------------

struct show_options {
	const char *exchange;
	struct option_number from;
	struct option_number to;
	bool follow;
};

static const struct command_option show_options[] = {
	{ "exchange", "ID", OPTION_TEXT, COMMAND_OPTION(show_options, exchange), "only records of this exchange" },
	{ "from", "N", OPTION_NUMBER, COMMAND_OPTION(show_options, from), "first leaf (in each shard)" },
	{ "to", "N", OPTION_NUMBER, COMMAND_OPTION(show_options, to), "last leaf" },
	{ "follow", NULL, OPTION_FLAG, COMMAND_OPTION(show_options, follow), "go on showing what is added" },
};

struct show {
	const struct cli *cli;
	const struct show_options *options;
	bool by_exchange;
	uint8_t exchange[IDENTIFIER_UUID_SIZE];
	struct buffer line;
	uint64_t next;  // leaf to go on with when following
	size_t printed; // over all shards
	bool begun;     // the JSON array
};

static void print_row(struct show *show, const struct log_visit *visit)
{
	const struct statement *statement = visit->statement;
	char time[CLOCK_TEXT_SIZE];
	char uuid[IDENTIFIER_UUID_TEXT_SIZE] = "";
	struct slice exchange = describe_exchange(statement);
	clock_format(statement->ledger_time_us, time);
	if (exchange.size == IDENTIFIER_UUID_SIZE) {
		identifier_uuid_text(exchange.data, uuid);
	}
	buffer_clear(&show->line);
	describe_outcome(statement, &show->line);
	if (show->line.size) {
		buffer_append_text(&show->line, ": ");
	}
	describe_words(statement, &show->line);
	fprintf(show->cli->out, "%8" PRIu64 "  %s  %-11s  %-36s  %s\n", visit->entry->index, time,
		statement_type_name(statement->type), uuid, buffer_text(&show->line));
}

static const char *part_name(enum ledger_part part)
{
	static const char *const names[] = { "none", "kept", "erased" };
	return names[part];
}

// One element of the array; the commas are set here so that a ledger of any size streams.
static void print_element(struct show *show, const struct log_visit *visit)
{
	json_t *record = describe_json(visit->statement);
	if (record) {
		json_object_set_new(record, "ledger", output_json_text(visit->origin));
		json_object_set_new(record, "index", json_integer((json_int_t)visit->entry->index));
		json_object_set_new(record, "private_part", json_string(part_name(visit->entry->private_state)));
		json_object_set_new(record, "salt", json_string(part_name(visit->entry->salt_state)));
		fputs(show->printed ? ",\n" : "\n", show->cli->out);
		json_dumpf(record, show->cli->out, JSON_COMPACT);
		json_decref(record);
	}
}

static bool show_leaf(void *context, const struct log_visit *visit)
{
	struct show *show = context;
	show->next = visit->entry->index + 1;
	if (show->options->to.given && visit->entry->index > show->options->to.value) {
		return false;
	}
	if (show->by_exchange &&
	    !slice_equal(describe_exchange(visit->statement), slice_of(show->exchange, IDENTIFIER_UUID_SIZE))) {
		return true;
	}
	if (show->cli->json) {
		print_element(show, visit);
	} else {
		print_row(show, visit);
	}
	show->printed++;
	return !ferror(show->cli->out);
}

static result show_shard(struct show *show, const char *path, struct fault *fault)
{
	show->next = show->options->from.value;
	if (!show->cli->json) {
		fprintf(show->cli->out, "%s%8s  %-27s  %-11s  %-36s  %s%s\n",
			output_style(show->cli->colour, STYLE_BOLD), "LEAF", "TIME", "TYPE", "EXCHANGE", "WHAT",
			output_style(show->cli->colour, STYLE_PLAIN));
	}
	return log_shards_walk(path, show->next, show_leaf, show, fault);
}

static result follow_shard(struct show *show, const char *path, struct fault *fault)
{
	result r = OK;
	while (r == OK && !ferror(show->cli->out)) {
		fflush(show->cli->out);
		usleep(FOLLOW_PAUSE_US);
		r = log_shards_walk(path, show->next, show_leaf, show, fault);
	}
	return r;
}

static result show_all(struct show *show, const struct log_shards *shards, struct fault *fault)
{
	result r = OK;
	if (show->cli->json) {
		fputc('[', show->cli->out);
		show->begun = true;
	}
	for (size_t i = 0; r == OK && i < shards->count; i++) {
		if (!show->cli->json && shards->count > 1) {
			fprintf(show->cli->out, "%s%s\n", i ? "\n" : "", shards->paths[i]);
		}
		r = show_shard(show, shards->paths[i], fault);
	}
	if (r == OK && show->options->follow) {
		r = follow_shard(show, shards->paths[shards->count - 1], fault);
	}
	if (show->cli->json) {
		fputs("\n]\n", show->cli->out);
	}
	return r;
}

static enum cli_exit run_show(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	struct show show = { .cli = cli, .options = given };
	struct log_shards shards = { 0 };
	struct fault fault = { 0 };
	(void)argc;
	show.by_exchange = show.options->exchange != NULL;
	if (show.by_exchange && identifier_parse_uuid(slice_text(show.options->exchange), show.exchange) != OK) {
		return output_error(cli, CLI_USAGE, "%s is no exchange id", show.options->exchange);
	}
	if (show.options->follow && cli->json) {
		return output_error(cli, CLI_USAGE, "--follow and --json exclude each other");
	}
	buffer_init(&show.line, LINE_MAX_BYTES);
	result r = log_shards_find(argv[0], &shards, &fault);
	if (r == OK) {
		r = show_all(&show, &shards, &fault);
	}
	enum cli_exit exit = CLI_OK;
	if (r != OK) {
		cli->json = cli->json && !show.begun; // one document: an array that was begun stays the only one
		exit = output_fault(cli, r, &fault);
	} else if (show.by_exchange && show.printed == 0) {
		exit = CLI_NEGATIVE;
		fprintf(cli->err, "besa: the ledger has no record of this exchange\n");
	}
	log_shards_release(&shards);
	buffer_release(&show.line);
	return exit;
}

const struct command cmd_log_show = {
	.group = "log",
	.name = "show",
	.arguments = "LEDGER-DIR",
	.least = 1,
	.most = 1,
	.summary = "show the records of a ledger",
	.description = "Reads a ledger's directory, or one shard's, and shows its records. Takes no lock. Shows what "
		       "the journal's\n"
		       "frames and sums confirm; \"besa log verify\" checks signatures and the tree.",
	.examples = "  besa log show /var/lib/besa/ledger\n"
		    "  besa log show /var/lib/besa/ledger --exchange 0198c0de-0000-7000-8000-000000000001\n"
		    "  besa log show /var/lib/besa/ledger --from 100 --to 200 --json",
	.options = show_options,
	.option_count = sizeof show_options / sizeof show_options[0],
	.options_size = sizeof(struct show_options),
	.run = run_show,
};

// ---- contains ---------------------------------------------------------------------------------------------------

struct contains_options {
	const char *ids;
};

static const struct command_option contains_options[] = {
	{ "ids", "FILE", OPTION_TEXT, COMMAND_OPTION(contains_options, ids), "exchange ids, one a line" },
};

struct wanted_id {
	uint8_t id[IDENTIFIER_UUID_SIZE];
	bool found;
};

struct wanted {
	struct wanted_id *ids; // ascending, each once
	size_t count;
	size_t duplicates;
};

static int compare_ids(const void *a, const void *b)
{
	return memcmp(((const struct wanted_id *)a)->id, ((const struct wanted_id *)b)->id, IDENTIFIER_UUID_SIZE);
}

static result parse_ids(const char *path, const char *text, size_t size, struct wanted *wanted, struct fault *fault)
{
	// A line holds an id of 36 characters: no file has more ids than this.
	size_t room = size / (IDENTIFIER_UUID_TEXT_SIZE - 1) + 1;
	wanted->ids = calloc(room, sizeof *wanted->ids);
	if (!wanted->ids) {
		return ERR_MEMORY;
	}
	size_t line = 0;
	for (const char *next = text; *next;) {
		size_t length = strcspn(next, "\n");
		line++;
		if (length > 0) {
			uint8_t *id = wanted->ids[wanted->count].id;
			if (wanted->count == room || identifier_parse_uuid(slice_of(next, length), id) != OK) {
				return fault_set(fault, ERR_FORMAT, "%s:%zu: this is no exchange id", path, line);
			}
			wanted->count++;
		}
		next += length + (next[length] == '\n');
	}
	return OK;
}

static void sort_ids(struct wanted *wanted)
{
	size_t kept = 0;
	qsort(wanted->ids, wanted->count, sizeof *wanted->ids, compare_ids);
	for (size_t i = 0; i < wanted->count; i++) {
		if (kept && compare_ids(&wanted->ids[kept - 1], &wanted->ids[i]) == 0) {
			wanted->duplicates++;
		} else {
			wanted->ids[kept++] = wanted->ids[i];
		}
	}
	wanted->count = kept;
}

static result load_ids(const char *path, struct wanted *wanted, struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, IDS_FILE_MAX);
	result r = file_read(path, &text, fault);
	if (r == OK) {
		const char *content = buffer_text(&text);
		r = buffer_result(&text) == OK ? parse_ids(path, content, text.size, wanted, fault)
					       : buffer_result(&text);
	}
	buffer_release(&text);
	sort_ids(wanted);
	return r;
}

// An exchange counts when its outcome is on record: the provider's own response, or on the client's side the response
// that was taken.
static bool find_outcome(void *context, const struct log_visit *visit)
{
	struct wanted *wanted = context;
	const struct statement *statement = visit->statement;
	bool outcome = statement->type == STATEMENT_RESPONSE ||
		       (statement->type == STATEMENT_RECEIVED && statement->body.received.type == STATEMENT_RESPONSE) ||
		       statement->type == STATEMENT_UNANSWERED;
	struct slice exchange = describe_exchange(statement);
	if (outcome && wanted->count && exchange.size == IDENTIFIER_UUID_SIZE) {
		struct wanted_id key;
		memcpy(key.id, exchange.data, IDENTIFIER_UUID_SIZE);
		struct wanted_id *found = bsearch(&key, wanted->ids, wanted->count, sizeof key, compare_ids);
		if (found) {
			found->found = true;
		}
	}
	return true;
}

static result tell_contains(const struct cli *cli, const struct wanted *wanted, size_t found)
{
	size_t missing = wanted->count - found;
	if (!cli->json) {
		fprintf(cli->out, "%zu of %zu exchanges are on record with their outcome\n", found, wanted->count);
		if (wanted->duplicates) {
			fprintf(cli->out, "%zu ids are listed more than once\n", wanted->duplicates);
		}
	}
	json_t *list = json_array();
	size_t shown = 0;
	for (size_t i = 0; i < wanted->count && shown < MISSING_SHOWN_MAX; i++) {
		char uuid[IDENTIFIER_UUID_TEXT_SIZE];
		if (wanted->ids[i].found) {
			continue;
		}
		identifier_uuid_text(wanted->ids[i].id, uuid);
		json_array_append_new(list, json_string(uuid));
		shown++;
		if (!cli->json) {
			fprintf(cli->out, "missing: %s\n", uuid);
		}
	}
	if (!cli->json) {
		if (missing > shown) {
			fprintf(cli->out, "and %zu more\n", missing - shown);
		}
		json_decref(list);
		return OK;
	}
	return output_json(cli, json_pack("{s:I,s:I,s:I,s:I,s:o}", "asked", (json_int_t)wanted->count, "found",
					  (json_int_t)found, "missing", (json_int_t)missing, "duplicates",
					  (json_int_t)wanted->duplicates, "missing_ids", list));
}

static enum cli_exit run_contains(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct contains_options *options = given;
	struct wanted wanted = { 0 };
	struct log_shards shards = { 0 };
	struct fault fault = { 0 };
	size_t found = 0;
	(void)argc;
	if (!options->ids) {
		return output_error(cli, CLI_USAGE, "--ids is needed (besa help log contains)");
	}
	result r = load_ids(options->ids, &wanted, &fault);
	if (r == OK) {
		r = log_shards_find(argv[0], &shards, &fault);
	}
	for (size_t i = 0; r == OK && i < shards.count; i++) {
		r = log_shards_walk(shards.paths[i], 0, find_outcome, &wanted, &fault);
	}
	for (size_t i = 0; i < wanted.count; i++) {
		found += wanted.ids[i].found;
	}
	if (r == OK) {
		r = tell_contains(cli, &wanted, found);
	}
	enum cli_exit exit = r != OK                                       ? output_fault(cli, r, &fault)
			     : found == wanted.count && !wanted.duplicates ? CLI_OK
									   : CLI_NEGATIVE;
	log_shards_release(&shards);
	free(wanted.ids);
	return exit;
}

const struct command cmd_log_contains = {
	.group = "log",
	.name = "contains",
	.arguments = "LEDGER-DIR",
	.least = 1,
	.most = 1,
	.summary = "count which exchanges of a list are on record with an outcome",
	.description =
	    "Looks for each exchange id of a file: its response, the response taken, or the note that none came. Exit\n"
	    "code 1 if an id is missing or listed twice.",
	.examples = "  besa log contains /var/lib/besa/ledger --ids exchanges.txt --json",
	.options = contains_options,
	.option_count = sizeof contains_options / sizeof contains_options[0],
	.options_size = sizeof(struct contains_options),
	.run = run_contains,
};
