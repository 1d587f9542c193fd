// SPDX-License-Identifier: EUPL-1.2
//
// `besa central init`: from a plan to everything a development federation needs. What stands in the output
// directory already is never overwritten: with --force it is moved aside.
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/central.h"
#include "cli/central_ledger.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "directory/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Certificates begin so much before the plan is carried out: clocks of other machines may be behind.
static const int64_t BACKDATE_US = 3600LL * 1000000;

struct init_options {
	const char *plan;
	const char *out;
	bool force;
};

static const struct command_option init_options[] = {
	{ "plan", "FILE", OPTION_TEXT, COMMAND_OPTION(init_options, plan),
	  "the plan (YAML; see certs/plan.example.yaml)" },
	{ "out", "DIR", OPTION_TEXT, COMMAND_OPTION(init_options, out), "where to write" },
	{ "force", NULL, OPTION_FLAG, COMMAND_OPTION(init_options, force),
	  "if DIR holds something, move it to DIR.replaced-TIME first" },
};

static bool is_empty(const char *path)
{
	DIR *directory = opendir(path);
	size_t entries = 0;
	while (directory && readdir(directory)) {
		entries++;
	}
	if (directory) {
		closedir(directory);
	}
	return directory ? entries <= 2 : access(path, F_OK) != 0; // "." and ".."
}

// Makes room for a new directory.
static result prepare_directory(const char *path, bool force, struct fault *fault)
{
	char aside[PKI_PATH_MAX];
	char time[CLOCK_TEXT_SIZE];
	if (!is_empty(path)) {
		if (!force) {
			return fault_set(fault, ERR_EXISTS, "%s holds something already; --force moves it aside", path);
		}
		clock_format(clock_wall_us(), time);
		int size = snprintf(aside, sizeof aside, "%s.replaced-%s", path, time);
		if (size < 0 || (size_t)size >= sizeof aside) {
			return fault_set(fault, ERR_LIMIT, "the path %s is too long", path);
		}
		if (rename(path, aside) != 0) {
			return fault_set(fault, file_errno_result(errno), "%s cannot be moved to %s: %s", path, aside,
					 strerror(errno));
		}
	}
	return file_make_directory(path, fault);
}

static result copy_contract(struct pki *pki, const struct plan_service *service, struct fault *fault)
{
	char hex[2 * DIGEST_SIZE + 1];
	struct buffer content;
	buffer_init(&content, PLAN_CONTRACT_MAX);
	text_hex(service->digest, DIGEST_SIZE, hex);
	const char *path = pki_format(pki, "contracts/%s.binpb", hex);
	result r = path ? file_read(service->contract, &content, fault) : ERR_MEMORY;
	if (r == OK) {
		uint8_t digest[DIGEST_SIZE];
		digest_sha256(buffer_slice(&content), digest);
		if (!digest_equal(digest, service->digest)) {
			r = fault_set(fault, ERR_STATE, "%s changed while it was read", service->contract);
		}
	}
	if (r == OK) {
		r = pki_write(pki, path, buffer_slice(&content), 0644, fault);
	}
	buffer_release(&content);
	return r;
}

static result copy_contracts(const struct plan *plan, struct pki *pki, struct fault *fault)
{
	for (size_t i = 0; i < plan->member_count; i++) {
		const struct plan_member *member = &plan->members[i];
		for (size_t j = 0; j < member->subsystem_count; j++) {
			const struct plan_subsystem *subsystem = &member->subsystems[j];
			for (size_t k = 0; k < subsystem->service_count; k++) {
				result r = copy_contract(pki, &subsystem->services[k], fault);
				if (r != OK) {
					return r;
				}
			}
		}
	}
	return OK;
}

static result write_trust(const struct plan *plan, struct pki *pki, struct fault *fault)
{
	struct buffer text;
	buffer_init(&text, TRUST_FILE_MAX);
	struct slice root = certificate_der(pki->root);
	const char *ledger = pki_format(pki, "besa/%s/%s", plan->central_member, plan->central_gateway);
	result r = ledger ? trust_write(&text, plan->instance, ledger, &root, 1, fault) : ERR_MEMORY;
	if (r == OK) {
		r = pki_write(pki, "trust.besa", buffer_slice(&text), 0644, fault);
	}
	buffer_release(&text);
	return r;
}

// Root and issuing CA in one PEM file, for clients that know their gateway by its CA.
static result write_authorities(struct pki *pki, struct fault *fault)
{
	struct buffer pem;
	buffer_init(&pem, 4 * CERTIFICATE_SIZE_MAX);
	certificate_append_pem(pki->root, &pem);
	certificate_append_pem(pki->issuing, &pem);
	result r = buffer_result(&pem);
	if (r == OK) {
		r = pki_write(pki, "ca.pem", buffer_slice(&pem), 0644, fault);
	}
	buffer_release(&pem);
	return r;
}

static result write_edition(const struct plan *plan, struct pki *pki, const struct central_gateway *central,
			    const struct central_gateway *gateways, int64_t now_us, uint64_t *ret_size,
			    struct fault *fault)
{
	struct buffer document, leaf, seal, file;
	struct edition_document edition;
	buffer_init(&document, EDITION_DOCUMENT_MAX);
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	buffer_init(&seal, ENVELOPE_SEAL_MAX);
	buffer_init(&file, EDITION_FILE_MAX);
	result r = central_edition(plan, pki, central, gateways, now_us, &document, &edition, fault);
	if (r == OK) {
		r = central_ledger_make(plan, pki, central->seal, &edition, buffer_slice(&document), &leaf, &seal,
					ret_size, fault);
	}
	if (r == OK) {
		r = edition_encode_file(buffer_slice(&leaf), buffer_slice(&seal), buffer_slice(&document), &file,
					fault);
	}
	if (r == OK) {
		r = pki_write(pki, "edition.besa", buffer_slice(&file), 0644, fault);
	}
	buffer_release(&document);
	buffer_release(&leaf);
	buffer_release(&seal);
	buffer_release(&file);
	return r;
}

// What was written must be what a gateway accepts.
static result verify_written(struct pki *pki, uint8_t fingerprint[TRUST_FINGERPRINT_SIZE], struct fault *fault)
{
	struct trust trust;
	struct directory *directory = NULL;
	const char *trust_path = pki_path(pki, "trust.besa");
	const char *edition_path = pki_path(pki, "edition.besa");
	if (!trust_path || !edition_path) {
		return ERR_MEMORY;
	}
	result r = trust_load(trust_path, &trust, fault);
	if (r != OK) {
		return r;
	}
	r = directory_load(edition_path, &trust, clock_wall_us(), &directory, fault);
	memcpy(fingerprint, trust.fingerprint, TRUST_FINGERPRINT_SIZE);
	directory_unref(directory);
	trust_release(&trust);
	return r;
}

struct made {
	uint64_t ledger_size;
	uint8_t fingerprint[TRUST_FINGERPRINT_SIZE];
};

static result make_all(const struct plan *plan, struct pki *pki, int64_t now_us, struct made *made, struct fault *fault)
{
	struct central_gateway central = { 0 };
	const struct central_gateway *gateways = NULL;
	result r =
	    pki_make_authorities(pki, plan->instance, plan->central_member, plan->root_us, plan->issuing_us, fault);
	if (r == OK) {
		r = central_issue_own(plan, pki, &central, fault);
	}
	if (r == OK) {
		r = central_issue_gateways(plan, pki, &gateways, fault);
	}
	if (r == OK) {
		r = central_issue_clients(plan, pki, fault);
	}
	if (r == OK) {
		r = copy_contracts(plan, pki, fault);
	}
	if (r == OK) {
		r = write_trust(plan, pki, fault);
	}
	if (r == OK) {
		r = write_authorities(pki, fault);
	}
	if (r == OK) {
		r = write_edition(plan, pki, &central, gateways, now_us, &made->ledger_size, fault);
	}
	if (r == OK) {
		r = verify_written(pki, made->fingerprint, fault);
	}
	return r;
}

// ---- telling ----------------------------------------------------------------------------------------------------

static result tell_json(const struct cli *cli, const struct plan *plan, const struct pki *pki, const struct made *made)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < pki->issued_count; i++) {
		const struct pki_issued *issued = &pki->issued[i];
		char until[CLOCK_TEXT_SIZE];
		clock_format(certificate_not_after_us(issued->certificate), until);
		json_array_append_new(
		    list,
		    json_pack("{s:s,s:s,s:s,s:o,s:s}", "profile", certificate_profile_name(issued->profile), "subject",
			      issued->subject, "path", issued->path, "sha256",
			      output_json_hex(slice_of(certificate_fingerprint(issued->certificate), DIGEST_SIZE)),
			      "not_after", until));
	}
	return output_json(cli,
			   json_pack("{s:s,s:s,s:I,s:o,s:o}", "instance", plan->instance, "directory", pki->directory,
				     "central_ledger_size", (json_int_t)made->ledger_size, "trust_fingerprint",
				     output_json_hex(slice_of(made->fingerprint, sizeof made->fingerprint)),
				     "certificates", list));
}

static result tell_people(const struct cli *cli, const struct plan *plan, const struct pki *pki,
			  const struct made *made)
{
	static const char *const headings[] = { "PROFILE", "SPEAKS FOR", "VALID UNTIL", "SHA-256", "FILE", NULL };
	struct output_table table;
	char hex[2 * TRUST_FINGERPRINT_SIZE + 1];
	output_table_init(&table, headings);
	for (size_t i = 0; i < pki->issued_count; i++) {
		const struct pki_issued *issued = &pki->issued[i];
		char until[CLOCK_TEXT_SIZE];
		clock_format(certificate_not_after_us(issued->certificate), until);
		until[10] = '\0'; // the date
		text_hex(certificate_fingerprint(issued->certificate), 8, hex);
		const char *cells[] = { certificate_profile_name(issued->profile), issued->subject, until, hex,
					issued->path };
		output_table_row(&table, cells);
	}
	result r = output_table_print(&table, cli);
	output_table_release(&table);
	text_hex(made->fingerprint, sizeof made->fingerprint, hex);
	fprintf(cli->out,
		"\nInstance %s, in %s\n"
		"  trust.besa      SHA-256 %s\n"
		"  edition.besa    version 1, sealed in besa/%s/%s/%s (%llu leaves), verified\n"
		"  ca.pem          root and issuing CA, for clients\n"
		"  contracts/      contracts by digest\n"
		"  offline/        the root key: move it to a place without a network\n",
		plan->instance, pki->directory, hex, plan->central_member, plan->central_gateway, plan->central_shard,
		(unsigned long long)made->ledger_size);
	return r;
}

static enum cli_exit run_init(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct init_options *options = given;
	(void)argc;
	(void)argv;
	if (!options->plan || !options->out) {
		return output_error(cli, CLI_USAGE, "--plan and --out are needed (besa help central init)");
	}
	struct plan *plan = NULL;
	char *errors = NULL;
	result r = plan_load(options->plan, &plan, &errors);
	if (r != OK) {
		enum cli_exit exit = output_error(cli, output_exit_of(r), "the plan cannot be used");
		fprintf(cli->err, "%s\n", errors ? errors : result_text(r));
		free(errors);
		return exit;
	}
	struct fault fault = { 0 };
	struct made made = { 0 };
	struct pki pki;
	int64_t now_us = clock_wall_us();
	pki_init(&pki, options->out, now_us - BACKDATE_US);
	r = prepare_directory(options->out, options->force, &fault);
	if (r == OK) {
		r = make_all(plan, &pki, now_us, &made, &fault);
	}
	if (r == OK) {
		r = cli->json ? tell_json(cli, plan, &pki, &made) : tell_people(cli, plan, &pki, &made);
	}
	enum cli_exit exit = r == OK ? CLI_OK : output_fault(cli, r, &fault);
	pki_release(&pki);
	plan_free(plan);
	return exit;
}

const struct command cmd_central_init = {
	.group = "central",
	.name = "init",
	.summary = "make a federation's keys, certificates and first directory edition",
	.description =
	    "Reads a plan and makes a root and an issuing CA, TLS and seal certificates for every gateway, a client\n"
	    "certificate for every subsystem, the central ledger, the trust bundle and the first, sealed directory "
	    "edition.\n"
	    "Key files are readable for their owner only. For development and demonstration; a federation in earnest "
	    "keeps\n"
	    "its root in a hardware module.",
	.examples = "  besa central init --plan certs/plan.example.yaml --out /tmp/federation\n"
		    "  besa central init --plan plan.yaml --out /tmp/federation --force --json",
	.options = init_options,
	.option_count = sizeof init_options / sizeof init_options[0],
	.options_size = sizeof(struct init_options),
	.run = run_init,
};
