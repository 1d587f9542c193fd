// SPDX-License-Identifier: EUPL-1.2
//
// `besa verify`: checks an evidence file offline and says in words what it checked. The engine is ledger/evidence.h;
// this file gives it what it may trust, and prints.
#include "base/file.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/payload.h"
#include "cli/trusted.h"
#include "ledger/evidence.h"

#include <string.h>

// Tolerance of clocks where no directory says another: the directory's default.
static const int64_t CLOCK_SKEW_US = 60LL * 1000000;

enum { TEXT_MAX = 64 * 1024 };

struct verify_options {
	const char *trust;
	const char *directory;
	const char *contracts;
};

static const struct command_option verify_options[] = {
	{ "trust", "FILE", OPTION_TEXT, COMMAND_OPTION(verify_options, trust),
	  "the trust bundle (default: $BESA_TRUST)" },
	{ "directory", "FILE", OPTION_TEXT, COMMAND_OPTION(verify_options, directory),
	  "a directory edition to compare with (default: $BESA_EDITION)" },
	{ "contracts", "DIR", OPTION_TEXT, COMMAND_OPTION(verify_options, contracts),
	  "contracts by digest: show the messages as JSON" },
};

// ---- the directory as the engine asks for it --------------------------------------------------------------------

static result list_ledger(void *context, struct slice origin, struct evidence_listing *ret_listing)
{
	const struct directory_ledger *ledger = directory_ledger(context, origin);
	if (!ledger) {
		return ERR_NOT_FOUND;
	}
	ret_listing->certificate = ledger->ledger->seal_certificate;
	return OK;
}

static bool list_subsystem(void *context, struct slice subsystem)
{
	return directory_subsystem(context, subsystem) != NULL;
}

// ---- printing ---------------------------------------------------------------------------------------------------

static json_t *check_json(const struct cli *cli, const struct evidence_check *check, struct buffer *words)
{
	json_t *facts = json_object();
	for (size_t i = 0; facts && i < check->fact_count; i++) {
		json_object_set_new(facts, check->facts[i].key, json_string(check->facts[i].value));
	}
	buffer_clear(words);
	messages_check(words, cli->language, check);
	json_t *json = json_pack("{s:s,s:s,s:o,s:o}", "check", check->name, "mark", evidence_mark_name(check->mark),
				 "words", output_json_text(buffer_slice(words)), "facts", facts);
	if (check->mark == EVIDENCE_FAILED) {
		json_object_set_new(json, "code", json_string(result_wire_name(check->code)));
	}
	if (check->mark == EVIDENCE_ABSENT) {
		json_object_set_new(json, "why", json_string(check->why));
	}
	return json;
}

struct shown {
	json_t *request, *response; // NULL: not to be shown
};

static result print_json(const struct cli *cli, const struct evidence_report *report, const struct shown *shown)
{
	struct buffer words;
	buffer_init(&words, TEXT_MAX);
	json_t *checks = json_array();
	for (size_t i = 0; checks && i < report->check_count; i++) {
		json_array_append_new(checks, check_json(cli, &report->checks[i], &words));
	}
	buffer_clear(&words);
	messages_verdict(&words, cli->language, report);
	json_t *document = json_pack("{s:b,s:s?,s:o,s:o}", "proven", report->proven, "failed", report->failed,
				     "verdict", output_json_text(buffer_slice(&words)), "checks", checks);
	if (shown->request) {
		json_object_set(document, "request", shown->request);
	}
	if (shown->response) {
		json_object_set(document, "response", shown->response);
	}
	buffer_release(&words);
	return output_json(cli, document);
}

static void print_message(const struct cli *cli, const char *title, const json_t *message)
{
	if (message) {
		fprintf(cli->out, "\n%s ", title);
		json_dumpf(message, cli->out, JSON_INDENT(2));
		fputc('\n', cli->out);
	}
}

static result print_people(const struct cli *cli, const struct evidence_report *report, const struct shown *shown)
{
	static const enum output_style styles[] = { STYLE_GOOD, STYLE_BAD, STYLE_CAUTION };
	struct buffer words;
	buffer_init(&words, TEXT_MAX);
	size_t wide = 0, wide_name = 0;
	for (int mark = EVIDENCE_OK; mark <= EVIDENCE_ABSENT; mark++) {
		size_t width = output_width(messages_mark(cli->language, (enum evidence_mark)mark));
		wide = width > wide ? width : wide;
	}
	for (size_t i = 0; i < report->check_count; i++) {
		size_t width = strlen(report->checks[i].name);
		wide_name = width > wide_name ? width : wide_name;
	}
	for (size_t i = 0; i < report->check_count; i++) {
		const struct evidence_check *check = &report->checks[i];
		const char *mark = messages_mark(cli->language, check->mark);
		buffer_clear(&words);
		messages_check(&words, cli->language, check);
		fprintf(cli->out, "%s%s%s%*s  %-*s  %s\n", output_style(cli->colour, styles[check->mark]), mark,
			output_style(cli->colour, STYLE_PLAIN), (int)(wide - output_width(mark)), "", (int)wide_name,
			check->name, buffer_text(&words));
	}
	print_message(cli, "request", shown->request);
	print_message(cli, "response", shown->response);
	buffer_clear(&words);
	messages_verdict(&words, cli->language, report);
	fprintf(cli->out, "\n%s%s%s\n", output_style(cli->colour, report->proven ? STYLE_GOOD : STYLE_BAD),
		buffer_text(&words), output_style(cli->colour, STYLE_PLAIN));
	result r = buffer_result(&words);
	buffer_release(&words);
	return r;
}

// The messages as JSON, where they are kept and verified and their contract is at hand.
static result show_messages(const char *contracts, const struct evidence_report *report, struct shown *shown,
			    struct fault *fault)
{
	struct contract *contract = NULL;
	if (!contracts || (!report->has_request_payload && !report->has_response_payload)) {
		return OK;
	}
	result r = payload_contract_by_digest(contracts, report->contract_digest, &contract, fault);
	if (r != OK) {
		return r;
	}
	const struct contract_service *service = contract_find_service(contract, report->service);
	const struct contract_method *method = service ? contract_find_method(service, report->method) : NULL;
	if (!method) {
		r = fault_set(fault, ERR_METHOD_UNKNOWN, "the contract has no such method");
	}
	if (r == OK && report->has_request_payload) {
		r = payload_decode(method, PAYLOAD_SIDE_REQUEST, report->request_payload, &shown->request, fault);
	}
	if (r == OK && report->has_response_payload) {
		r = payload_decode(method, PAYLOAD_SIDE_RESPONSE, report->response_payload, &shown->response, fault);
	}
	contract_free(contract);
	return r;
}

static enum cli_exit verify_file(const struct cli *cli, const struct verify_options *options, struct slice file,
				 const struct trusted *trusted)
{
	struct evidence_report *report = NULL;
	struct fault fault = { 0 };
	struct shown shown = { 0 };
	struct evidence_directory directory = { .context = trusted->directory,
						.ledger = list_ledger,
						.subsystem = list_subsystem };
	struct evidence_context context = {
		.roots = trusted->trust.roots,
		.root_count = trusted->trust.root_count,
		.central = slice_text(trusted->trust.ledger),
		.directory = trusted->directory ? &directory : NULL,
		.clock_skew_us = CLOCK_SKEW_US,
	};
	if (trusted->directory) {
		const struct edition_document *document = directory_document(trusted->directory);
		context.clock_skew_us = (int64_t)document->parameters.clock_skew_us;
	}
	result r = evidence_verify(file, &context, &report);
	if (r != OK) {
		return output_fault(cli, r, NULL);
	}
	if (trusted->expired) {
		fprintf(cli->err,
			"besa: the directory edition is past its time; compared with it as of its last day\n");
	}
	result showing = show_messages(options->contracts, report, &shown, &fault);
	r = cli->json ? print_json(cli, report, &shown) : print_people(cli, report, &shown);
	if (showing != OK) {
		fprintf(cli->err, "besa: the messages cannot be shown: %s\n", fault.text);
	}
	enum cli_exit exit = report->proven ? CLI_OK : CLI_NEGATIVE;
	json_decref(shown.request);
	json_decref(shown.response);
	evidence_report_free(report);
	return r == OK ? exit : output_fault(cli, r, NULL);
}

static enum cli_exit run_verify(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct verify_options *options = given;
	struct fault fault = { 0 };
	struct trusted trusted = { 0 };
	struct buffer file;
	(void)argc;
	buffer_init(&file, EVIDENCE_FILE_MAX);
	result r = trusted_load(options->trust, options->directory, TRUSTED_ANY_AGE, &trusted, &fault);
	if (r == OK) {
		r = file_read(argv[0], &file, &fault);
	}
	enum cli_exit exit =
	    r == OK ? verify_file(cli, options, buffer_slice(&file), &trusted) : output_fault(cli, r, &fault);
	buffer_release(&file);
	trusted_release(&trusted);
	return exit;
}

const struct command cmd_verify = {
	.name = "verify",
	.arguments = "FILE",
	.least = 1,
	.most = 1,
	.summary = "check an evidence file, offline",
	.description = "Checks everything an evidence file says against the trust bundle, and says in words what was "
		       "checked: the\n"
		       "statements, that they stand in the ledgers they name, the signatures and certificates, the "
		       "content, and that\n"
		       "question and answer belong together. Content that was erased is reported as absent; the proof "
		       "stands without\n"
		       "it. Exit code 1 names the first check that failed.",
	.examples = "  besa verify exchange.evidence --trust trust.besa\n"
		    "  besa verify exchange.evidence --trust trust.besa --directory edition.besa --lang sq\n"
		    "  besa verify exchange.evidence --trust trust.besa --contracts contracts --json",
	.options = verify_options,
	.option_count = sizeof verify_options / sizeof verify_options[0],
	.options_size = sizeof(struct verify_options),
	.run = run_verify,
};
