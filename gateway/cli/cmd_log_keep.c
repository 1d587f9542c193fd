// SPDX-License-Identifier: EUPL-1.2
//
// `besa log verify` and `besa log erase`: whether a ledger is whole, and taking personal data out of it.
#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/log_shards.h"
#include "cli/output.h"
#include "cli/trusted.h"
#include "crypto/certificate.h"
#include "ledger/ledger.h"
#include "ledger/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ---- verify -----------------------------------------------------------------------------------------------------

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

// The origin a shard names, to find its keys by.
static result read_origin(const char *path, char origin[IDENTIFIER_ORIGIN_MAX + 1], struct fault *fault)
{
	struct ledger_reader *reader = NULL;
	result r = ledger_reader_open(path, 0, &reader, fault);
	if (r == OK) {
		struct slice name = ledger_reader_origin(reader);
		if (identifier_is_origin(name)) {
			memcpy(origin, name.data, name.size);
			origin[name.size] = '\0';
		} else {
			r = fault_set(fault, ERR_LEDGER_DAMAGED, "%s names no legal ledger", path);
		}
	}
	ledger_reader_close(reader);
	return r;
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
		r = read_origin(path, origin, fault);
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

// ---- erase ------------------------------------------------------------------------------------------------------

struct erase_options {
	const char *keys;
	const char *client;
	bool salt;
};

static const struct command_option erase_options[] = {
	{ "keys", "DIR", OPTION_TEXT, COMMAND_OPTION(erase_options, keys),
	  "where the ledger's seal.key, seal.pem and ed25519.key lie" },
	{ "client", "MEMBER", OPTION_TEXT, COMMAND_OPTION(erase_options, client),
	  "the member that asked; left out for an own request" },
	{ "salt", NULL, OPTION_FLAG, COMMAND_OPTION(erase_options, salt), "also the salts of the content" },
};

// What it takes to open a ledger for writing.
struct opened {
	struct ledger *ledger;
	struct key_private *seal_key, *ed25519_key;
	struct certificate *chain[CERTIFICATE_CHAIN_MAX];
	size_t chain_count;
};

static result load_key(const char *directory, const char *name, struct key_private **ret_key, struct fault *fault)
{
	char path[4096];
	int size = snprintf(path, sizeof path, "%s/%s", directory, name);
	if (size < 0 || (size_t)size >= sizeof path) {
		return fault_set(fault, ERR_LIMIT, "the path %s is too long", directory);
	}
	return key_load(path, ret_key, fault);
}

static result open_ledger(const char *directory, const char *shard_path, const char *keys, struct opened *opened,
			  struct fault *fault)
{
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	char certificate[4096];
	result r = read_origin(shard_path, origin, fault);
	if (r == OK) {
		r = load_key(keys, "seal.key", &opened->seal_key, fault);
	}
	if (r == OK) {
		r = load_key(keys, "ed25519.key", &opened->ed25519_key, fault);
	}
	snprintf(certificate, sizeof certificate, "%s/seal.pem", keys);
	if (r == OK) {
		r = certificate_load(certificate, CERTIFICATE_CHAIN_MAX, opened->chain, &opened->chain_count, fault);
	}
	if (r != OK) {
		return r;
	}
	char *shard = strrchr(origin, '/');
	*shard++ = '\0'; // an origin has a shard
	const char *const shards[] = { shard };
	struct ledger_config config = {
		.directory = directory,
		.ledger = origin,
		.shards = shards,
		.shard_count = 1,
		.seal_key = opened->seal_key,
		.ed25519_key = opened->ed25519_key,
		.chain_count = opened->chain_count - 1,
	};
	memcpy(config.seal_certificate_digest, certificate_fingerprint(opened->chain[0]), DIGEST_SIZE);
	for (size_t i = 1; i < opened->chain_count; i++) {
		memcpy(config.chain_digests[i - 1], certificate_fingerprint(opened->chain[i]), DIGEST_SIZE);
	}
	return ledger_open(&config, &opened->ledger, fault);
}

static void close_ledger(struct opened *opened)
{
	ledger_close(opened->ledger);
	key_private_free(opened->seal_key);
	key_private_free(opened->ed25519_key);
	for (size_t i = 0; i < opened->chain_count; i++) {
		certificate_free(opened->chain[i]);
	}
}

static enum cli_exit run_erase(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct erase_options *options = given;
	uint8_t id[IDENTIFIER_UUID_SIZE];
	struct log_shards shards = { 0 };
	struct opened opened = { 0 };
	struct fault fault = { 0 };
	uint32_t erased = 0;
	(void)argc;
	if (!options->keys) {
		return output_error(cli, CLI_USAGE, "--keys is needed (besa help log erase)");
	}
	if (identifier_parse_uuid(slice_text(argv[1]), id) != OK) {
		return output_error(cli, CLI_USAGE, "%s is no exchange id", argv[1]);
	}
	result r = log_shards_find(argv[0], &shards, &fault);
	if (r == OK) {
		r = open_ledger(argv[0], shards.paths[shards.count - 1], options->keys, &opened, &fault);
	}
	if (r == OK) {
		unsigned parts = LEDGER_ERASE_PRIVATE | (options->salt ? LEDGER_ERASE_SALT : 0u);
		r = ledger_erase(opened.ledger, id, slice_text(options->client), parts, &erased);
		if (r == ERR_NOT_FOUND) {
			r = fault_set(&fault, ERR_STATE, "the ledger has no such exchange%s",
				      options->client ? " of that member"
						      : " of its own (--client MEMBER for a foreign one)");
		}
	}
	close_ledger(&opened);
	log_shards_release(&shards);
	if (r != OK) {
		return output_fault(cli, r, &fault);
	}
	if (cli->json) {
		r = output_json(cli, json_pack("{s:s,s:I}", "exchange", argv[1], "erased", (json_int_t)erased));
		return r == OK ? CLI_OK : CLI_UNREACHABLE;
	}
	if (erased == 0) {
		fprintf(cli->out, "there was nothing to erase\n");
	} else {
		fprintf(cli->out, "%u parts erased; every proof stays valid\n", erased);
	}
	return CLI_OK;
}

const struct command cmd_log_erase = {
	.group = "log",
	.name = "erase",
	.arguments = "LEDGER-DIR EXCHANGE-ID",
	.least = 2,
	.most = 2,
	.summary = "erase the personal data beside an exchange's records",
	.description = "Zeroes the private parts (who asked, on whose behalf, the case) beside the records of an "
		       "exchange; with --salt\n"
		       "also the salts, without which kept messages can no longer be tied to the record. The records "
		       "and their proofs\n"
		       "stay. The gateway that keeps the ledger must not be running: a ledger has one writer.",
	.examples =
	    "  besa log erase /var/lib/besa/ledger 0198c0de-0000-7000-8000-000000000001 --keys /etc/besa/keys\n"
	    "  besa log erase /var/lib/besa/ledger 0198c0de-0000-7000-8000-000000000001 --keys /etc/besa/keys \\\n"
	    "      --client XK/GOV/ASHI --salt",
	.options = erase_options,
	.option_count = sizeof erase_options / sizeof erase_options[0],
	.options_size = sizeof(struct erase_options),
	.run = run_erase,
};
