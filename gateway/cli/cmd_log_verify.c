// SPDX-License-Identifier: EUPL-1.2
//
// `besa log verify`: whether a ledger is whole, told in words.
#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/log_shards.h"
#include "cli/output.h"
#include "cli/trusted.h"
#include "ledger/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct verify_log_options {
	const char *trust;
	const char *directory;
	struct option_number findings;
};

static const struct command_option verify_log_options[] = {
	{ "trust", "FILE", OPTION_TEXT, COMMAND_OPTION(verify_log_options, trust),
	  "the trust bundle: with --directory, signatures are checked too" },
	{ "directory", "FILE", OPTION_TEXT, COMMAND_OPTION(verify_log_options, directory),
	  "the directory edition that lists the ledger" },
	{ "findings", "N", OPTION_NUMBER, COMMAND_OPTION(verify_log_options, findings), "stop after N (default 20)" },
};

// The keys that sign a shard's checkpoints, as the directory lists them.
struct shard_keys {
	struct note_key seal, ed25519;
	const struct note_key *list[2];
	size_t count;
};

static result find_keys(const struct directory *directory, struct slice origin, struct shard_keys *keys,
			struct fault *fault)
{
	const struct directory_ledger *listed = directory_ledger(directory, origin);
	const struct seal_key *seal = NULL;
	struct key_public *ed25519 = NULL;
	if (!listed) {
		return fault_set(fault, ERR_NOT_FOUND, "the directory does not list the ledger %.*s", (int)origin.size,
				 (const char *)origin.data);
	}
	// As of the edition's issue: what it lists was good then, and this looks back.
	int64_t at_us = directory_document(directory)->issued_at_us;
	result r = directory_seal_key(directory, origin, at_us, &seal, fault);
	if (r == OK) {
		r = note_key_init(&keys->seal, origin, NOTE_ECDSA, seal->note.key);
	}
	if (r != OK) {
		return r;
	}
	keys->list[keys->count++] = &keys->seal;
	r = key_public_from_ed25519(listed->ledger->ed25519_key, &ed25519);
	if (r == OK) {
		r = note_key_init(&keys->ed25519, origin, NOTE_ED25519, ed25519);
	}
	if (r == OK) {
		keys->list[keys->count++] = &keys->ed25519;
	}
	key_public_free(ed25519);
	return r;
}

struct findings {
	const struct cli *cli;
	json_t *list;
	size_t count;
};

static void note_finding(void *context, const struct ledger_finding *finding)
{
	struct findings *findings = context;
	findings->count++;
	if (findings->cli->json) {
		json_t *item = json_pack("{s:s,s:o}", "code", result_wire_name(finding->code), "text",
					 output_json_text(slice_text(finding->text)));
		if (finding->index != UINT64_MAX) {
			json_object_set_new(item, "index", json_integer((json_int_t)finding->index));
		}
		json_object_set_new(item, "segment", json_integer((json_int_t)finding->segment));
		json_object_set_new(item, "offset", json_integer((json_int_t)finding->offset));
		json_array_append_new(findings->list, item);
		return;
	}
	FILE *out = findings->cli->out;
	fprintf(out, "%sDAMAGE%s  ", output_style(findings->cli->colour, STYLE_BAD),
		output_style(findings->cli->colour, STYLE_PLAIN));
	if (finding->index != UINT64_MAX) {
		fprintf(out, "leaf %" PRIu64 ", ", finding->index);
	}
	fprintf(out, "segment %" PRIu64 " at byte %" PRIu64 ": %s\n", finding->segment, finding->offset, finding->text);
}

static json_t *report_json(const struct ledger_verify_report *report, const struct findings *findings, bool whole)
{
	return json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:o,s:O}", "origin",
			 report->origin, "whole", whole, "leaves", (json_int_t)report->leaves, "batches",
			 (json_int_t)report->batches, "segments", (json_int_t)report->segments, "checkpoints",
			 (json_int_t)report->checkpoints, "signatures", (json_int_t)report->signatures, "signed_size",
			 (json_int_t)report->signed_size, "requests", (json_int_t)report->requests, "received",
			 (json_int_t)report->received, "responses", (json_int_t)report->responses, "unanswered",
			 (json_int_t)report->unanswered, "open", (json_int_t)report->open, "torn_tail",
			 report->torn_tail, "closed", report->closed, "root",
			 output_json_hex(slice_of(report->root, DIGEST_SIZE)), "findings", findings->list);
}

static void tell_shard(const struct cli *cli, const struct ledger_verify_report *report, bool whole, bool has_keys)
{
	char root[2 * DIGEST_SIZE + 1];
	char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];
	text_hex(report->root, DIGEST_SIZE, root);
	clock_format(report->first_time_us, first);
	clock_format(report->last_time_us, last);
	fprintf(cli->out, "%s%s%s\n", output_style(cli->colour, STYLE_BOLD), report->origin,
		output_style(cli->colour, STYLE_PLAIN));
	fprintf(cli->out, "  %" PRIu64 " leaves in %" PRIu64 " batches and %" PRIu64 " segments, root %s\n",
		report->leaves, report->batches, report->segments, root);
	if (report->leaves) {
		fprintf(cli->out, "  from %s to %s\n", first, last);
	}
	fprintf(cli->out,
		"  %" PRIu64 " requests sent, %" PRIu64 " foreign statements taken, %" PRIu64
		" responses given, %" PRIu64 " unanswered, %" PRIu64 " open\n",
		report->requests, report->received, report->responses, report->unanswered, report->open);
	fprintf(cli->out, "  private parts: %" PRIu64 " kept, %" PRIu64 " erased\n", report->private_kept,
		report->private_erased);
	if (report->torn_tail) {
		fprintf(cli->out, "  the last write was cut off by a crash; it was never acknowledged\n");
	}
	if (report->closed) {
		fprintf(cli->out, "  closed: %s\n", report->closed_reason);
	}
	fprintf(cli->out, "%s%s%s: %" PRIu64 " leaves, %" PRIu64 " checkpoints lead to this root, ",
		output_style(cli->colour, whole ? STYLE_GOOD : STYLE_BAD), whole ? "whole" : "DAMAGED",
		output_style(cli->colour, STYLE_PLAIN), report->leaves, report->checkpoints);
	if (has_keys) {
		fprintf(cli->out, "%" PRIu64 " signatures hold, the newest over %" PRIu64 " leaves\n",
			report->signatures, report->signed_size);
	} else {
		fprintf(cli->out, "signatures not checked (--trust and --directory)\n");
	}
}

static result verify_shard(const struct cli *cli, const struct verify_log_options *options,
			   const struct trusted *trusted, const char *path, json_t *all, struct fault *fault)
{
	char origin[IDENTIFIER_ORIGIN_MAX + 1] = "";
	struct shard_keys keys = { 0 };
	struct ledger_verify_report report = { 0 };
	struct findings findings = { .cli = cli, .list = json_array() };
	result r = OK;
	if (trusted->directory) {
		r = log_shards_origin(path, origin, fault);
		if (r == OK) {
			r = find_keys(trusted->directory, slice_text(origin), &keys, fault);
		}
		if (r != OK) {
			goto out;
		}
	}
	struct ledger_verify_options how = {
		.keys = keys.list,
		.key_count = keys.count,
		.findings_max = options->findings.given ? options->findings.value : 0,
	};
	if (cli->progress) {
		fprintf(cli->err, "verifying %s …\r", path);
	}
	r = ledger_verify(path, &how, note_finding, &findings, &report, fault);
	if (cli->progress) {
		fprintf(cli->err, "\033[K");
	}
	if (r == OK || r == ERR_TAMPERED) {
		if (cli->json) {
			json_array_append_new(all, report_json(&report, &findings, r == OK));
		} else {
			tell_shard(cli, &report, r == OK, keys.count > 0);
		}
	}
out:
	json_decref(findings.list);
	note_key_release(&keys.seal);
	note_key_release(&keys.ed25519);
	return r;
}

static enum cli_exit run_verify(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct verify_log_options *options = given;
	struct trusted trusted = { 0 };
	struct log_shards shards = { 0 };
	struct fault fault = { 0 };
	bool whole = true;
	(void)argc;
	result r = OK;
	if (options->directory || options->trust || getenv("BESA_TRUST")) {
		r = trusted_load(options->trust, options->directory, TRUSTED_ANY_AGE, &trusted, &fault);
	}
	if (r == OK) {
		r = log_shards_find(argv[0], &shards, &fault);
	}
	json_t *all = json_array();
	for (size_t i = 0; r == OK && i < shards.count; i++) {
		r = verify_shard(cli, options, &trusted, shards.paths[i], all, &fault);
		if (r == ERR_TAMPERED) {
			whole = false;
			r = OK;
		}
	}
	if (r == OK && cli->json) {
		r = output_json(cli, json_pack("{s:b,s:O}", "whole", whole, "shards", all));
	}
	json_decref(all);
	enum cli_exit exit = r != OK ? output_fault(cli, r, &fault) : whole ? CLI_OK : CLI_NEGATIVE;
	log_shards_release(&shards);
	trusted_release(&trusted);
	return exit;
}

const struct command cmd_log_verify = {
	.group = "log",
	.name = "verify",
	.arguments = "LEDGER-DIR",
	.least = 1,
	.most = 1,
	.summary = "check a whole ledger: records, tree, signatures, rules",
	.description = "Recomputes the whole ledger from its files and compares it with every checkpoint: frames and "
		       "sums, strict\n"
		       "statements, time never going back, the tree, signatures (with --trust and --directory), "
		       "foreign statements,\n"
		       "private parts, no request taken twice. Says where the first damage lies. Changes nothing.",
	.examples = "  besa log verify /var/lib/besa/ledger --trust trust.besa --directory edition.besa",
	.options = verify_log_options,
	.option_count = sizeof verify_log_options / sizeof verify_log_options[0],
	.options_size = sizeof(struct verify_log_options),
	.run = run_verify,
};
