// SPDX-License-Identifier: EUPL-1.2
//
// `besa grant add|remove|list`: the provider's permissions, through the operator's socket of its gateway. Every change
// is a statement in the provider's ledger, under the operator's name.
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote.h"
#include "wire/admin.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t TIMEOUT_US = 30LL * 1000000;

// ---- shared -----------------------------------------------------------------------------------------------------

// Who changes it: as said, or the person behind sudo, or the user of this process.
static const char *operator_name(const char *given)
{
	const char *sudo = getenv("SUDO_USER");
	if (given || (sudo && *sudo)) {
		return given ? given : sudo;
	}
	const struct passwd *user = getpwuid(getuid());
	return user ? user->pw_name : "unknown";
}

static result call_admin(const char *admin, const char *path, struct slice message, struct remote_answer *answer,
			 struct fault *fault)
{
	admin = admin ? admin : getenv("BESA_ADMIN");
	if (!admin) {
		return fault_set(fault, ERR_ARGUMENT, "no gateway: give --admin unix:/PATH or set BESA_ADMIN");
	}
	struct remote_target target = { .address = admin, .plain = true };
	struct remote_request request = { .path = path, .message = message, .timeout_us = TIMEOUT_US };
	return remote_call(&target, &request, answer, fault);
}

// "2026-12-31" (its first moment) or "2026-12-31T23:59:59Z"; NULL is 0, no bound.
static result parse_time(const char *text, int64_t *ret_us, struct fault *fault)
{
	struct tm parts = { 0 };
	*ret_us = 0;
	if (!text) {
		return OK;
	}
	const char *end = strptime(text, "%Y-%m-%d", &parts);
	if (end && *end == 'T') {
		end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	}
	time_t seconds = timegm(&parts);
	if (!end || *end != '\0' || seconds <= 0) {
		return fault_set(fault, ERR_ARGUMENT, "\"%s\" is no time (expected 2026-12-31 or 2026-12-31T23:59:59Z)",
				 text);
	}
	*ret_us = (int64_t)seconds * 1000000;
	return OK;
}

static void append_texts(struct buffer *text, const struct slice_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		buffer_append_text(text, i ? ", " : "");
		buffer_append_slice(text, list->items[i]);
	}
}

static json_t *texts_json(const struct slice_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->count; i++) {
		json_array_append_new(array, output_json_text(list->items[i]));
	}
	return array;
}

static json_t *time_json(int64_t us)
{
	char text[CLOCK_TEXT_SIZE];
	if (!us) {
		return json_null();
	}
	clock_format(us, text);
	return json_string(text);
}

static json_t *grant_json(const struct admin_grant_reply *reply)
{
	const struct statement_grant *grant = &reply->grant;
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I}", "id", output_json_text(grant->id),
			 "provider", output_json_text(grant->provider), "client", output_json_text(grant->client),
			 "service", output_json_text(grant->service), "method", output_json_text(grant->method),
			 "legal_basis", output_json_text(grant->legal_basis), "purposes", texts_json(&grant->purposes),
			 "from", time_json(grant->from_us), "until", time_json(grant->until_us), "response_fields",
			 texts_json(&grant->response_fields), "operator", output_json_text(grant->operator_name),
			 "index", (json_int_t)reply->index);
}

// The reply to add and remove.
static result print_reply(const struct cli *cli, struct slice message, const char *what, struct fault *fault)
{
	struct admin_grant_reply reply;
	struct arena arena;
	arena_init(&arena, ADMIN_ARENA_MAX);
	result r = admin_decode_grant_reply(message, &arena, &reply, fault);
	if (r == OK && cli->json) {
		r = output_json(cli, grant_json(&reply));
	} else if (r == OK) {
		fprintf(cli->out, "grant %.*s %s, leaf %llu of the provider's ledger\n", (int)reply.grant.id.size,
			(const char *)reply.grant.id.data, what, (unsigned long long)reply.index);
	}
	arena_release(&arena);
	return r;
}

static enum cli_exit finish(const struct cli *cli, const char *admin, result r, const struct fault *fault,
			    struct remote_answer *answer)
{
	enum cli_exit exit = CLI_OK;
	if (r != OK) {
		exit = output_fault(cli, r, fault);
	} else if (answer->status != GRPC_OK) {
		struct remote_target target = { .address = admin ? admin : getenv("BESA_ADMIN") };
		exit = answer_failed(cli, &target, answer);
	}
	remote_release(answer);
	return exit;
}

// ---- add --------------------------------------------------------------------------------------------------------

struct add_options {
	const char *admin;
	const char *provider;
	const char *client;
	const char *service;
	const char *method;
	const char *legal_basis;
	struct option_list purposes;
	struct option_list fields;
	const char *from;
	const char *until;
	const char *operator_name;
};

static const struct command_option add_options[] = {
	{ "admin", "unix:/PATH", OPTION_TEXT, COMMAND_OPTION(add_options, admin),
	  "the gateway's operator socket (default: $BESA_ADMIN)" },
	{ "provider", "SUBSYSTEM", OPTION_TEXT, COMMAND_OPTION(add_options, provider), "who is called" },
	{ "to", "SUBSYSTEM", OPTION_TEXT, COMMAND_OPTION(add_options, client), "who may call" },
	{ "service", "NAME", OPTION_TEXT, COMMAND_OPTION(add_options, service), "the service" },
	{ "method", "NAME", OPTION_TEXT, COMMAND_OPTION(add_options, method), "one method; without it, every one" },
	{ "legal-basis", "TEXT", OPTION_TEXT, COMMAND_OPTION(add_options, legal_basis), "by which law" },
	{ "purpose", "TEXT", OPTION_LIST, COMMAND_OPTION(add_options, purposes),
	  "allowed purpose (repeatable; none: any)" },
	{ "field", "PATH", OPTION_LIST, COMMAND_OPTION(add_options, fields),
	  "response field that may be seen (repeatable; none: all)" },
	{ "valid-from", "TIME", OPTION_TEXT, COMMAND_OPTION(add_options, from), "2026-12-31 or 2026-12-31T23:59:59Z" },
	{ "valid-until", "TIME", OPTION_TEXT, COMMAND_OPTION(add_options, until), "likewise" },
	{ "operator", "NAME", OPTION_TEXT, COMMAND_OPTION(add_options, operator_name),
	  "who does it (default: the user)" },
};

static struct slice_list list_of(const struct option_list *list, struct slice *room)
{
	for (size_t i = 0; i < list->count; i++) {
		room[i] = slice_text(list->items[i]);
	}
	return (struct slice_list){ .items = room, .count = list->count };
}

static result ask_add(const struct add_options *options, struct remote_answer *answer, struct fault *fault)
{
	struct slice purposes[OPTION_LIST_MAX], fields[OPTION_LIST_MAX];
	struct buffer message;
	struct admin_add_grant request = {
		.has_grant = true,
		.grant = {
			.provider = slice_text(options->provider),
			.client = slice_text(options->client),
			.service = slice_text(options->service),
			.method = slice_text(options->method),
			.legal_basis = slice_text(options->legal_basis),
			.purposes = list_of(&options->purposes, purposes),
			.response_fields = list_of(&options->fields, fields),
			.operator_name = slice_text(operator_name(options->operator_name)),
		},
	};
	result r = parse_time(options->from, &request.grant.from_us, fault);
	if (r == OK) {
		r = parse_time(options->until, &request.grant.until_us, fault);
	}
	if (r != OK) {
		return r;
	}
	buffer_init(&message, ADMIN_MESSAGE_MAX);
	r = admin_encode_add_grant(&request, &message, fault);
	if (r == OK) {
		r = call_admin(options->admin, "/besa.gateway.v1.Admin/AddGrant", buffer_slice(&message), answer,
			       fault);
	}
	buffer_release(&message);
	return r;
}

static enum cli_exit run_add(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct add_options *options = given;
	struct remote_answer answer = { 0 };
	struct fault fault = { 0 };
	(void)argc;
	(void)argv;
	if (!options->provider || !options->client || !options->service) {
		return output_error(cli, CLI_USAGE, "--provider, --to and --service are needed (besa help grant add)");
	}
	result r = ask_add(options, &answer, &fault);
	if (r == OK && answer.status == GRPC_OK) {
		r = print_reply(cli, buffer_slice(&answer.message), "stands", &fault);
	}
	return finish(cli, options->admin, r, &fault, &answer);
}

const struct command cmd_grant_add = {
	.group = "grant",
	.name = "add",
	.summary = "allow a subsystem to call a service",
	.description =
	    "Only the provider says who may call. The grant is sealed in the provider's ledger and counts at once.",
	.examples = "  besa grant add --admin unix:/run/besa/arc-admin.sock --provider XK/GOV/ARC/population \\\n"
		    "      --to XK/GOV/ASHI/ekosova --service rks.civil.v1.CivilRegistry --method GetPerson \\\n"
		    "      --legal-basis \"Law 08/L-063, article 12\" --purpose \"residence certificate\"",
	.options = add_options,
	.option_count = sizeof add_options / sizeof add_options[0],
	.options_size = sizeof(struct add_options),
	.run = run_add,
};

// ---- remove -----------------------------------------------------------------------------------------------------

struct remove_options {
	const char *admin;
	const char *operator_name;
};

static const struct command_option remove_options[] = {
	{ "admin", "unix:/PATH", OPTION_TEXT, COMMAND_OPTION(remove_options, admin),
	  "the gateway's operator socket (default: $BESA_ADMIN)" },
	{ "operator", "NAME", OPTION_TEXT, COMMAND_OPTION(remove_options, operator_name),
	  "who does it (default: the user)" },
};

static enum cli_exit run_remove(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct remove_options *options = given;
	struct remote_answer answer = { 0 };
	struct fault fault = { 0 };
	struct buffer message;
	(void)argc;
	struct admin_remove_grant request = { .id = slice_text(argv[0]),
					      .operator_name = slice_text(operator_name(options->operator_name)) };
	buffer_init(&message, ADMIN_MESSAGE_MAX);
	result r = admin_encode_remove_grant(&request, &message, &fault);
	if (r == OK) {
		r = call_admin(options->admin, "/besa.gateway.v1.Admin/RemoveGrant", buffer_slice(&message), &answer,
			       &fault);
	}
	if (r == OK && answer.status == GRPC_OK) {
		r = print_reply(cli, buffer_slice(&answer.message), "is removed", &fault);
	}
	buffer_release(&message);
	return finish(cli, options->admin, r, &fault, &answer);
}

const struct command cmd_grant_remove = {
	.group = "grant",
	.name = "remove",
	.arguments = "GRANT-ID",
	.least = 1,
	.most = 1,
	.summary = "take a grant back",
	.description = "The removal is sealed in the provider's ledger and counts at once.",
	.examples = "  besa grant remove g-17 --admin unix:/run/besa/arc-admin.sock",
	.options = remove_options,
	.option_count = sizeof remove_options / sizeof remove_options[0],
	.options_size = sizeof(struct remove_options),
	.run = run_remove,
};

// ---- list -------------------------------------------------------------------------------------------------------

struct list_options {
	const char *admin;
};

static const struct command_option list_options[] = {
	{ "admin", "unix:/PATH", OPTION_TEXT, COMMAND_OPTION(list_options, admin),
	  "the gateway's operator socket (default: $BESA_ADMIN)" },
};

static result list_json(const struct cli *cli, const struct admin_list_grants_reply *reply)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < reply->grants.count; i++) {
		json_array_append_new(list, grant_json(&reply->grants.items[i]));
	}
	return output_json(cli, list);
}

static const char *copy_text(struct arena *arena, struct slice text)
{
	const char *copy = arena_copy(arena, text);
	return copy ? copy : "";
}

static void list_row(struct output_table *table, struct arena *arena, const struct statement_grant *grant)
{
	char until[CLOCK_TEXT_SIZE] = "";
	struct buffer purposes;
	if (grant->until_us) {
		clock_format(grant->until_us, until);
	}
	buffer_init(&purposes, STATEMENT_LEAF_MAX);
	append_texts(&purposes, &grant->purposes);
	const char *cells[] = { copy_text(arena, grant->id),
				copy_text(arena, grant->client),
				copy_text(arena, grant->provider),
				copy_text(arena, grant->service),
				grant->method.size ? copy_text(arena, grant->method) : "*",
				until,
				buffer_text(&purposes) };
	output_table_row(table, cells);
	buffer_release(&purposes);
}

static result print_list(const struct cli *cli, struct slice message, struct fault *fault)
{
	static const char *const headings[] = { "GRANT",  "CLIENT", "PROVIDER", "SERVICE",
						"METHOD", "UNTIL",  "PURPOSES", NULL };
	struct admin_list_grants_reply reply;
	struct output_table table;
	struct arena arena;
	arena_init(&arena, ADMIN_ARENA_MAX);
	result r = admin_decode_list_grants_reply(message, &arena, &reply, fault);
	if (r == OK && cli->json) {
		r = list_json(cli, &reply);
	} else if (r == OK) {
		output_table_init(&table, headings);
		for (size_t i = 0; i < reply.grants.count; i++) {
			list_row(&table, &arena, &reply.grants.items[i].grant);
		}
		r = output_table_print(&table, cli);
		output_table_release(&table);
	}
	arena_release(&arena);
	return r;
}

static enum cli_exit run_list(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct list_options *options = given;
	struct remote_answer answer = { 0 };
	struct fault fault = { 0 };
	(void)argc;
	(void)argv;
	result r =
	    call_admin(options->admin, "/besa.gateway.v1.Admin/ListGrants", (struct slice){ 0 }, &answer, &fault);
	if (r == OK && answer.status == GRPC_OK) {
		r = print_list(cli, buffer_slice(&answer.message), &fault);
	}
	return finish(cli, options->admin, r, &fault, &answer);
}

const struct command cmd_grant_list = {
	.group = "grant",
	.name = "list",
	.summary = "list the grants that stand",
	.examples = "  besa grant list --admin unix:/run/besa/arc-admin.sock\n"
		    "  besa grant list --json",
	.options = list_options,
	.option_count = sizeof list_options / sizeof list_options[0],
	.options_size = sizeof(struct list_options),
	.run = run_list,
};
