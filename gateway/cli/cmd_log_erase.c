// SPDX-License-Identifier: EUPL-1.2
//
// `besa log erase`: takes personal data out of a ledger. Opens it the way a notary does, with its keys, because a
// ledger has one writer and what a crash left must be settled first.
#include "cli/commands.h"
#include "cli/log_shards.h"
#include "cli/output.h"
#include "crypto/certificate.h"
#include "ledger/ledger.h"

#include <string.h>

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
	result r = log_shards_origin(shard_path, origin, fault);
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
