// SPDX-License-Identifier: EUPL-1.2
//
// `besa call`: one request, JSON in and out, by the service's contract.
#include "base/file.h"
#include "cli/answer.h"
#include "cli/call_evidence.h"
#include "cli/commands.h"
#include "cli/connection.h"
#include "cli/output.h"
#include "cli/payload.h"
#include "contract/json.h"
#include "exchange/metadata.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t TIMEOUT_DEFAULT_US = 30LL * 1000000;

enum { MESSAGE_MAX = CONTENT_PAYLOAD_MAX };

struct call_options {
	struct connection_options connection;
	const char *contract;
	const char *contracts;
	const char *to;
	const char *user;
	const char *party;
	const char *purpose;
	const char *legal_basis;
	const char *issue;
	struct option_list headers;
	int64_t timeout_us;
	const char *evidence;
};

static const struct command_option call_options[] = {
	CONNECTION_OPTIONS(call_options),
	{ "to", "SUBSYSTEM", OPTION_TEXT, COMMAND_OPTION(call_options, to),
	  "the subsystem that is asked (needed if several offer the service)" },
	{ "user", "TEXT", OPTION_TEXT, COMMAND_OPTION(call_options, user), "who asks: kept in the private part" },
	{ "represented-party", "TEXT", OPTION_TEXT, COMMAND_OPTION(call_options, party), "on whose behalf: likewise" },
	{ "issue", "TEXT", OPTION_TEXT, COMMAND_OPTION(call_options, issue), "case reference: likewise" },
	{ "purpose", "TEXT", OPTION_TEXT, COMMAND_OPTION(call_options, purpose), "what for: stands in the statement" },
	{ "legal-basis", "TEXT", OPTION_TEXT, COMMAND_OPTION(call_options, legal_basis), "by which law: likewise" },
	{ "header", "KEY=VALUE", OPTION_LIST, COMMAND_OPTION(call_options, headers), "further metadata (repeatable)" },
	{ "timeout", "DURATION", OPTION_DURATION, COMMAND_OPTION(call_options, timeout_us), "default 30s" },
	{ "contract", "FILE", OPTION_TEXT, COMMAND_OPTION(call_options, contract), "the contract (descriptor set)" },
	{ "contracts", "DIR", OPTION_TEXT, COMMAND_OPTION(call_options, contracts), "or where contracts lie" },
	{ "evidence", "FILE", OPTION_TEXT, COMMAND_OPTION(call_options, evidence),
	  "save statements, seals and messages for besa verify" },
};

// What one call holds while it is made.
struct call {
	const struct call_options *options;
	struct connection connection;
	struct contract *contract;
	const struct contract_method *method;
	struct buffer message;
	struct remote_answer answer;
};

// ---- what to send -----------------------------------------------------------------------------------------------

static result read_stream(FILE *stream, struct buffer *text)
{
	char chunk[64 * 1024];
	size_t size;
	while ((size = fread(chunk, 1, sizeof chunk, stream)) > 0) {
		buffer_append(text, chunk, size);
	}
	return ferror(stream) ? ERR_IO : buffer_result(text);
}

// The JSON text: an argument, @FILE, or standard input for "-" and for none; none on a terminal is an empty message.
static result read_json(const char *argument, struct buffer *text, struct fault *fault)
{
	if (argument && argument[0] == '@') {
		return file_read(argument + 1, text, fault);
	}
	if (argument && strcmp(argument, "-") != 0) {
		buffer_append_text(text, argument);
		return buffer_result(text);
	}
	if (!argument && isatty(STDIN_FILENO)) {
		buffer_append_text(text, "{}");
		return buffer_result(text);
	}
	result r = read_stream(stdin, text);
	return r == OK ? OK : fault_set(fault, r, "standard input: %s", result_text(r));
}

static result find_method(struct call *call, const char *name, struct fault *fault)
{
	const char *slash = strrchr(name, '/');
	if (!slash || slash == name || slash[1] == '\0') {
		return fault_set(fault, ERR_ARGUMENT,
				 "\"%s\" is not SERVICE/METHOD, as in rks.civil.v1.CivilRegistry/GetPerson", name);
	}
	struct slice service_name = slice_of(name, (size_t)(slash - name));
	const char *directory = call->options->contracts ? call->options->contracts : call->connection.contracts;
	result r;
	if (call->options->contract) {
		r = contract_load_file(call->options->contract, &call->contract, fault);
	} else if (directory) {
		r = payload_contract_by_service(directory, service_name, &call->contract, fault);
	} else {
		r = fault_set(fault, ERR_ARGUMENT, "no contract: give --contract, --contracts or a profile");
	}
	if (r != OK) {
		return r;
	}
	const struct contract_service *service = contract_find_service(call->contract, service_name);
	if (!service) {
		return fault_set(fault, ERR_ARGUMENT, "the contract has no service %.*s", (int)service_name.size,
				 (const char *)service_name.data);
	}
	call->method = contract_find_method(service, slice_text(slash + 1));
	if (!call->method) {
		return fault_set(fault, ERR_ARGUMENT, "the service %s has no method %s", service->name, slash + 1);
	}
	if (call->method->client_streaming || call->method->server_streaming) {
		return fault_set(fault, ERR_UNSUPPORTED, "%s is a streaming method", call->method->name);
	}
	return OK;
}

static result encode_message(struct call *call, const char *argument, struct fault *fault)
{
	struct buffer json;
	buffer_init(&json, JSON_TEXT_MAX);
	result r = read_json(argument, &json, fault);
	if (r == OK) {
		r = payload_encode(call->method, buffer_slice(&json), &call->message, fault);
	}
	buffer_release(&json);
	return r;
}

// Further metadata, "key=value". `keys` receives the terminated keys, which the request borrows.
static result add_headers(const struct call_options *options, struct remote_request *request, char keys[][128],
			  struct fault *fault)
{
	for (size_t i = 0; i < options->headers.count; i++) {
		const char *item = options->headers.items[i];
		const char *equals = strchr(item, '=');
		size_t size = equals ? (size_t)(equals - item) : 0;
		if (size == 0 || size >= 128 || strspn(item, "abcdefghijklmnopqrstuvwxyz0123456789-_.") < size ||
		    strncmp(item, "grpc-", 5) == 0 || strncmp(item, "besa-", 5) == 0) {
			return fault_set(fault, ERR_ARGUMENT,
					 "--header takes KEY=VALUE with a lower-case key that is not besa-… or grpc-…");
		}
		if (request->metadata_count == REMOTE_METADATA_MAX) {
			return fault_set(fault, ERR_ARGUMENT, "too many headers");
		}
		memcpy(keys[i], item, size);
		keys[i][size] = '\0';
		remote_add(request, keys[i], equals + 1);
	}
	return OK;
}

static result send_call(struct call *call, struct fault *fault)
{
	const struct call_options *options = call->options;
	char keys[OPTION_LIST_MAX][128];
	struct remote_request request = {
		.path = call->method->path,
		.message = buffer_slice(&call->message),
		.timeout_us = options->timeout_us ? options->timeout_us : TIMEOUT_DEFAULT_US,
	};
	remote_add(&request, METADATA_CLIENT, call->connection.from);
	remote_add(&request, METADATA_SERVICE, options->to);
	remote_add(&request, METADATA_USER, options->user);
	remote_add(&request, METADATA_PARTY, options->party);
	remote_add(&request, METADATA_ISSUE, options->issue);
	remote_add(&request, METADATA_PURPOSE, options->purpose);
	remote_add(&request, METADATA_LEGAL_BASIS, options->legal_basis);
	remote_add(&request, METADATA_EVIDENCE, options->evidence ? "1" : NULL);
	result r = add_headers(options, &request, keys, fault);
	return r == OK ? remote_call(&call->connection.target, &request, &call->answer, fault) : r;
}

// ---- what came back ---------------------------------------------------------------------------------------------

static result save_evidence(const struct call *call, struct fault *fault)
{
	struct buffer file;
	struct slice response = buffer_slice(&call->answer.message);
	buffer_init(&file, ENVELOPE_EVIDENCE_MAX);
	result r =
	    call_evidence_complete(remote_field(&call->answer, METADATA_EVIDENCE_OUT), buffer_slice(&call->message),
				   call->answer.status == GRPC_OK ? &response : NULL, &file, fault);
	if (r == OK) {
		// 0600: it holds personal data.
		r = file_replace(call->options->evidence, buffer_slice(&file), 0600, fault);
	}
	buffer_release(&file);
	return r;
}

static result print_answer(const struct cli *cli, const struct call *call, json_t *response)
{
	struct slice id = remote_field(&call->answer, METADATA_EXCHANGE_ID);
	if (cli->json) {
		return output_json(cli,
				   json_pack("{s:s,s:o,s:s?,s:O}", "status", "OK", "exchange", output_json_text(id),
					     "evidence", call->options->evidence, "response", response));
	}
	if (cli->progress && id.size) {
		fprintf(cli->err, "%sexchange %.*s%s\n", output_style(cli->err_colour, STYLE_DIM), (int)id.size,
			(const char *)id.data, output_style(cli->err_colour, STYLE_PLAIN));
	}
	return output_json(cli, json_incref(response));
}

static enum cli_exit tell(const struct cli *cli, const struct call *call)
{
	struct fault fault = { 0 };
	json_t *response = NULL;
	enum cli_exit exit = CLI_OK;
	result r = OK;
	if (call->answer.status != GRPC_OK) {
		exit = answer_failed(cli, &call->connection.target, &call->answer);
	} else {
		r = payload_decode(call->method, PAYLOAD_SIDE_RESPONSE, buffer_slice(&call->answer.message), &response,
				   &fault);
		if (r == OK) {
			r = print_answer(cli, call, response);
		}
		json_decref(response);
		if (r != OK) {
			exit = output_fault(cli, r, &fault);
		}
	}
	bool lost = call->answer.status != GRPC_OK && !call->answer.from_peer;
	if (call->options->evidence && !lost) {
		fault = (struct fault){ 0 };
		r = save_evidence(call, &fault);
		if (r != OK) {
			fprintf(cli->err, "besa: the evidence is not saved: %s\n",
				fault.text[0] ? fault.text : result_text(r));
			exit = exit == CLI_OK ? CLI_NEGATIVE : exit;
		}
	}
	return exit;
}

static enum cli_exit run_call(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	struct fault fault = { 0 };
	struct call call = { .options = given };
	buffer_init(&call.message, MESSAGE_MAX);
	result r = connection_prepare(&call.options->connection, &call.connection, &fault);
	if (r == OK) {
		r = find_method(&call, argv[0], &fault);
	}
	if (r == OK) {
		r = encode_message(&call, argc > 1 ? argv[1] : NULL, &fault);
	}
	if (r == OK) {
		r = send_call(&call, &fault);
	}
	enum cli_exit exit = r == OK ? tell(cli, &call) : output_fault(cli, r, &fault);
	remote_release(&call.answer);
	buffer_release(&call.message);
	contract_free(call.contract);
	connection_release(&call.connection);
	return exit;
}

const struct command cmd_call = {
	.name = "call",
	.arguments = "SERVICE/METHOD [JSON|@FILE|-]",
	.least = 1,
	.most = 2,
	.summary = "call a service through the own gateway, JSON in and out",
	.description = "Sends one request and prints the answer. The message is given as JSON by the proto3 mapping, "
		       "as an argument,\n"
		       "from a file (@FILE) or on standard input. A negative answer is explained on standard error: "
		       "status, reason\n"
		       "code, the node that said so, the exchange id.",
	.examples = "  besa call rks.civil.v1.CivilRegistry/GetPerson '{\"personalNumber\": \"1234567890\"}' \\\n"
		    "      --profile client.yaml --purpose \"residence certificate\" --user officer-17 --evidence "
		    "person.evidence\n"
		    "  besa call rks.civil.v1.CivilRegistry/SearchPersons @query.json --gateway 127.0.0.1:7101 --pin "
		    "gateway.pem \\\n"
		    "      --cert client.pem --key client.key --contract civil.binpb --from XK/GOV/ASHI/ekosova",
	.options = call_options,
	.option_count = sizeof call_options / sizeof call_options[0],
	.options_size = sizeof(struct call_options),
	.run = run_call,
};
