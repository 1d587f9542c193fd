// SPDX-License-Identifier: EUPL-1.2
//
// `besa outcome`: asks the own gateway what is on record about an exchange.
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/describe.h"
#include "cli/output.h"
#include "exchange/metadata.h"
#include "wire/envelope.h"

static const int64_t TIMEOUT_DEFAULT_US = 30LL * 1000000;

enum { LINE_BYTES_MAX = 16 * 1024 };

struct outcome_options {
	struct connection_options connection;
	int64_t timeout_us;
};

static const struct command_option outcome_options[] = {
	CONNECTION_OPTIONS(outcome_options),
	{ "timeout", "DURATION", OPTION_DURATION, COMMAND_OPTION(outcome_options, timeout_us), "default 30s" },
};

// One part of the report, parsed.
struct part {
	const char *name;
	bool there;
	const struct envelope_sealed *sealed;
	struct statement statement;
	struct envelope_seal seal;
	bool has_seal;
};

enum { PARTS = 4 };

static result parse_parts(const struct envelope_outcome_report *report, struct arena *arena, struct part parts[PARTS],
			  struct fault *fault)
{
	const struct part wanted[PARTS] = {
		{ .name = "request", .there = report->has_request, .sealed = &report->request },
		{ .name = "received", .there = report->has_received, .sealed = &report->received },
		{ .name = "outcome", .there = report->has_outcome, .sealed = &report->outcome },
		{ .name = "foreign_outcome", .there = report->has_foreign_outcome, .sealed = &report->foreign_outcome },
	};
	for (size_t i = 0; i < PARTS; i++) {
		parts[i] = wanted[i];
		if (!parts[i].there) {
			continue;
		}
		result r = statement_parse(parts[i].sealed->statement, arena, &parts[i].statement, fault);
		if (r == OK && parts[i].sealed->seal.size) {
			r = envelope_decode_seal(parts[i].sealed->seal, &parts[i].seal, fault);
			parts[i].has_seal = r == OK;
		}
		if (r != OK) {
			return fault_prefix(fault, r, "%s", parts[i].name);
		}
	}
	return OK;
}

static result print_json(const struct cli *cli, const struct part parts[PARTS])
{
	json_t *document = json_object();
	for (size_t i = 0; document && i < PARTS; i++) {
		if (!parts[i].there) {
			continue;
		}
		json_t *json = describe_json(&parts[i].statement);
		if (json && parts[i].has_seal) {
			json_object_set_new(json, "ledger", output_json_text(parts[i].seal.origin));
			json_object_set_new(json, "index", json_integer((json_int_t)parts[i].seal.index));
		}
		json_object_set_new(document, parts[i].name, json);
	}
	return output_json(cli, document);
}

static result print_people(const struct cli *cli, const struct part parts[PARTS])
{
	static const char *const labels[PARTS] = { "request", "taken", "outcome", "their answer" };
	struct buffer line;
	buffer_init(&line, LINE_BYTES_MAX);
	for (size_t i = 0; i < PARTS; i++) {
		char time[CLOCK_TEXT_SIZE];
		if (!parts[i].there) {
			continue;
		}
		clock_format(parts[i].statement.ledger_time_us, time);
		buffer_clear(&line);
		describe_outcome(&parts[i].statement, &line);
		if (line.size) {
			buffer_append_text(&line, ": ");
		}
		describe_words(&parts[i].statement, &line);
		fprintf(cli->out, "%-12s  %s  %s\n", labels[i], time, buffer_text(&line));
		if (parts[i].has_seal) {
			fprintf(cli->out, "%14s%sleaf %llu of %.*s%s\n", "", output_style(cli->colour, STYLE_DIM),
				(unsigned long long)parts[i].seal.index, (int)parts[i].seal.origin.size,
				(const char *)parts[i].seal.origin.data, output_style(cli->colour, STYLE_PLAIN));
		}
	}
	result r = buffer_result(&line);
	buffer_release(&line);
	return r;
}

static result print_report(const struct cli *cli, struct slice message, bool *ret_settled, struct fault *fault)
{
	struct envelope_outcome_report report;
	struct part parts[PARTS];
	struct arena arena;
	arena_init(&arena, PARTS * STATEMENT_ARENA_MAX);
	result r = envelope_decode_outcome_report(message, &report, fault);
	if (r == OK) {
		r = parse_parts(&report, &arena, parts, fault);
	}
	if (r == OK) {
		*ret_settled = report.has_outcome || report.has_foreign_outcome;
		r = cli->json ? print_json(cli, parts) : print_people(cli, parts);
	}
	if (r == OK && !*ret_settled) {
		fprintf(cli->err, "besa: no outcome is on record yet\n");
	}
	arena_release(&arena);
	return r;
}

static result ask(const struct outcome_options *options, const struct connection *connection,
		  const uint8_t id[IDENTIFIER_UUID_SIZE], struct remote_answer *answer, struct fault *fault)
{
	struct buffer query;
	struct envelope_outcome_query asked = { .exchange_id = slice_of(id, IDENTIFIER_UUID_SIZE) };
	buffer_init(&query, 64);
	result r = envelope_encode_outcome_query(&asked, &query, fault);
	if (r == OK) {
		struct remote_request request = {
			.path = "/besa.gateway.v1.Outcomes/GetOutcome",
			.message = buffer_slice(&query),
			.timeout_us = options->timeout_us ? options->timeout_us : TIMEOUT_DEFAULT_US,
		};
		remote_add(&request, METADATA_CLIENT, connection->from);
		r = remote_call(&connection->target, &request, answer, fault);
	}
	buffer_release(&query);
	return r;
}

static enum cli_exit run_outcome(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct outcome_options *options = given;
	struct connection connection = { 0 };
	struct remote_answer answer = { 0 };
	struct fault fault = { 0 };
	uint8_t id[IDENTIFIER_UUID_SIZE];
	bool settled = false;
	(void)argc;
	if (identifier_parse_uuid(slice_text(argv[0]), id) != OK) {
		return output_error(cli, CLI_USAGE, "%s is no exchange id", argv[0]);
	}
	result r = connection_prepare(&options->connection, &connection, &fault);
	if (r == OK) {
		r = ask(options, &connection, id, &answer, &fault);
	}
	enum cli_exit exit = CLI_OK;
	if (r == OK && answer.status != GRPC_OK) {
		exit = answer_failed(cli, &connection.target, &answer);
	} else if (r == OK) {
		r = print_report(cli, buffer_slice(&answer.message), &settled, &fault);
		exit = settled ? CLI_OK : CLI_NEGATIVE;
	}
	if (r != OK) {
		exit = output_fault(cli, r, &fault);
	}
	remote_release(&answer);
	connection_release(&connection);
	return exit;
}

const struct command cmd_outcome = {
	.name = "outcome",
	.arguments = "EXCHANGE-ID",
	.least = 1,
	.most = 1,
	.summary = "ask what became of an exchange",
	.description = "Asks the own gateway for what is on record about an exchange of the calling subsystem: the "
		       "request, that it was\n"
		       "taken, its outcome, each with its place in a ledger. Exit code 1 if there is no outcome yet.",
	.examples = "  besa outcome 0198c0de-0000-7000-8000-000000000001 --profile client.yaml",
	.options = outcome_options,
	.option_count = sizeof outcome_options / sizeof outcome_options[0],
	.options_size = sizeof(struct outcome_options),
	.run = run_outcome,
};
