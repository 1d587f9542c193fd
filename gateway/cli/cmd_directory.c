// SPDX-License-Identifier: EUPL-1.2
//
// `besa directory show`: who is who, after verifying it.
#include "base/clock.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/trusted.h"

#include <string.h>

struct show_options {
	const char *trust;
	const char *edition;
};

static const struct command_option show_options[] = {
	{ "trust", "FILE", OPTION_TEXT, COMMAND_OPTION(show_options, trust),
	  "the trust bundle (default: $BESA_TRUST)" },
	{ "edition", "FILE", OPTION_TEXT, COMMAND_OPTION(show_options, edition),
	  "the edition file (default: $BESA_EDITION)" },
};

enum { CELL_ARENA_MAX = 64 * 1024 * 1024 };

static json_t *names_json(bool has_names, const struct edition_names *names)
{
	if (!has_names) {
		return json_null();
	}
	return json_pack("{s:o,s:o,s:o}", "sq", output_json_text(names->sq), "sr", output_json_text(names->sr), "en",
			 output_json_text(names->en));
}

static json_t *texts_json(const struct slice_list *list, bool hexadecimal)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < list->count; i++) {
		json_array_append_new(array,
				      hexadecimal ? output_json_hex(list->items[i]) : output_json_text(list->items[i]));
	}
	return array;
}

static json_t *subsystem_json(const struct edition_subsystem *subsystem)
{
	json_t *services = json_array();
	for (size_t i = 0; services && i < subsystem->services.count; i++) {
		const struct edition_service *service = &subsystem->services.items[i];
		json_array_append_new(services,
				      json_pack("{s:o,s:o,s:o}", "name", output_json_text(service->name),
						"contract_digest", output_json_hex(service->contract_digest),
						"idempotent_methods", texts_json(&service->idempotent_methods, false)));
	}
	return json_pack("{s:o,s:o,s:o}", "id", output_json_text(subsystem->id), "names",
			 names_json(subsystem->has_names, &subsystem->names), "services", services);
}

static json_t *gateway_json(const struct edition_gateway *gateway)
{
	json_t *ledgers = json_array();
	for (size_t i = 0; ledgers && i < gateway->ledgers.count; i++) {
		const struct edition_ledger *ledger = &gateway->ledgers.items[i];
		uint8_t digest[DIGEST_SIZE];
		digest_sha256(ledger->seal_certificate, digest);
		json_array_append_new(ledgers, json_pack("{s:o,s:o,s:o}", "origin", output_json_text(ledger->origin),
							 "seal_certificate_sha256",
							 output_json_hex(slice_of(digest, sizeof digest)),
							 "ed25519_key", output_json_hex(ledger->ed25519_key)));
	}
	return json_pack("{s:o,s:o,s:o,s:o}", "id", output_json_text(gateway->id), "addresses",
			 texts_json(&gateway->addresses, false), "tls_certificates_sha256",
			 texts_json(&gateway->tls_certificates, true), "ledgers", ledgers);
}

static json_t *member_json(const struct edition_member *member)
{
	json_t *subsystems = json_array();
	json_t *gateways = json_array();
	for (size_t i = 0; subsystems && i < member->subsystems.count; i++) {
		json_array_append_new(subsystems, subsystem_json(&member->subsystems.items[i]));
	}
	for (size_t i = 0; gateways && i < member->gateways.count; i++) {
		json_array_append_new(gateways, gateway_json(&member->gateways.items[i]));
	}
	return json_pack("{s:o,s:o,s:o,s:o}", "id", output_json_text(member->id), "names",
			 names_json(member->has_names, &member->names), "subsystems", subsystems, "gateways", gateways);
}

static result show_json(const struct cli *cli, const struct directory *directory)
{
	const struct edition_document *document = directory_document(directory);
	const struct directory_head *head = directory_head(directory);
	char issued[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
	clock_format(document->issued_at_us, issued);
	clock_format(document->valid_until_us, until);
	json_t *members = json_array();
	for (size_t i = 0; members && i < document->members.count; i++) {
		json_array_append_new(members, member_json(&document->members.items[i]));
	}
	return output_json(
	    cli, json_pack("{s:b,s:o,s:I,s:s,s:s,s:{s:o,s:I,s:o},s:{s:I,s:I,s:I},s:o}", "verified", true, "instance",
			   output_json_text(document->instance), "version", (json_int_t)document->version, "issued_at",
			   issued, "valid_until", until, "sealed_in", "ledger", output_json_text(head->origin), "size",
			   (json_int_t)head->size, "root", output_json_hex(slice_of(head->root, sizeof head->root)),
			   "parameters", "clock_skew_us", (json_int_t)document->parameters.clock_skew_us,
			   "longest_deadline_us", (json_int_t)document->parameters.longest_deadline_us,
			   "outage_budget_us", (json_int_t)document->parameters.outage_budget_us, "members", members));
}

// ---- for people -------------------------------------------------------------------------------------------------

static const char *text_of(struct arena *arena, struct slice text)
{
	const char *copy = arena_copy(arena, text);
	return copy ? copy : "";
}

static void names_row(struct output_table *table, struct arena *arena, const char *indent, struct slice id,
		      bool has_names, const struct edition_names *names)
{
	char name[IDENTIFIER_MAX + 8];
	struct slice none = { 0 };
	snprintf(name, sizeof name, "%s%.*s", indent, (int)id.size, (const char *)id.data);
	const char *cells[] = { name, text_of(arena, has_names ? names->sq : none),
				text_of(arena, has_names ? names->sr : none),
				text_of(arena, has_names ? names->en : none) };
	output_table_row(table, cells);
}

static result show_names(const struct cli *cli, const struct edition_document *document, struct arena *arena)
{
	static const char *const headings[] = { "MEMBER, SUBSYSTEM", "SQ", "SR", "EN", NULL };
	struct output_table table;
	output_table_init(&table, headings);
	for (size_t i = 0; i < document->members.count; i++) {
		const struct edition_member *member = &document->members.items[i];
		names_row(&table, arena, "", member->id, member->has_names, &member->names);
		for (size_t j = 0; j < member->subsystems.count; j++) {
			const struct edition_subsystem *subsystem = &member->subsystems.items[j];
			names_row(&table, arena, "  ", subsystem->id, subsystem->has_names, &subsystem->names);
		}
	}
	result r = output_table_print(&table, cli);
	output_table_release(&table);
	return r;
}

static void service_rows(struct output_table *table, struct arena *arena, const struct edition_subsystem *subsystem)
{
	for (size_t i = 0; i < subsystem->services.count; i++) {
		const struct edition_service *service = &subsystem->services.items[i];
		char digest[2 * 8 + 1];
		char idempotent[32];
		text_hex(service->contract_digest.data, 8, digest);
		snprintf(idempotent, sizeof idempotent, "%zu", service->idempotent_methods.count);
		const char *cells[] = { text_of(arena, service->name), text_of(arena, subsystem->id), digest,
					idempotent };
		output_table_row(table, cells);
	}
}

static result show_services(const struct cli *cli, const struct edition_document *document, struct arena *arena)
{
	static const char *const headings[] = { "SERVICE", "PROVIDER", "CONTRACT", "RETRYABLE METHODS", NULL };
	struct output_table table;
	output_table_init(&table, headings);
	for (size_t i = 0; i < document->members.count; i++) {
		const struct edition_member *member = &document->members.items[i];
		for (size_t j = 0; j < member->subsystems.count; j++) {
			service_rows(&table, arena, &member->subsystems.items[j]);
		}
	}
	result r = output_table_print(&table, cli);
	output_table_release(&table);
	return r;
}

static void gateway_row(struct output_table *table, struct arena *arena, const struct edition_member *member,
			const struct edition_gateway *gateway)
{
	struct buffer addresses;
	char name[IDENTIFIER_ORIGIN_MAX + 1];
	char shards[32];
	buffer_init(&addresses, EDITION_ADDRESSES_MAX * EDITION_TEXT_MAX);
	for (size_t i = 0; i < gateway->addresses.count; i++) {
		buffer_append_text(&addresses, i ? " " : "");
		buffer_append_slice(&addresses, gateway->addresses.items[i]);
	}
	snprintf(name, sizeof name, "%.*s/%.*s", (int)member->id.size, (const char *)member->id.data,
		 (int)gateway->id.size, (const char *)gateway->id.data);
	snprintf(shards, sizeof shards, "%zu", gateway->ledgers.count);
	struct slice origin = gateway->ledgers.count ? gateway->ledgers.items[0].origin : (struct slice){ 0 };
	const char *cells[] = { name, gateway->addresses.count ? buffer_text(&addresses) : "-", text_of(arena, origin),
				shards };
	output_table_row(table, cells);
	buffer_release(&addresses);
}

static result show_gateways(const struct cli *cli, const struct edition_document *document, struct arena *arena)
{
	static const char *const headings[] = { "GATEWAY", "ADDRESSES", "PRESENT LEDGER", "SHARDS", NULL };
	struct output_table table;
	output_table_init(&table, headings);
	for (size_t i = 0; i < document->members.count; i++) {
		const struct edition_member *member = &document->members.items[i];
		for (size_t j = 0; j < member->gateways.count; j++) {
			gateway_row(&table, arena, member, &member->gateways.items[j]);
		}
	}
	result r = output_table_print(&table, cli);
	output_table_release(&table);
	return r;
}

static result show_people(const struct cli *cli, const struct directory *directory)
{
	const struct edition_document *document = directory_document(directory);
	const struct directory_head *head = directory_head(directory);
	char issued[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];
	struct arena arena;
	arena_init(&arena, CELL_ARENA_MAX);
	clock_format(document->issued_at_us, issued);
	clock_format(document->valid_until_us, until);
	fprintf(cli->out,
		"%sverified%s  directory edition %llu of %.*s, issued %s, valid until %s\n"
		"          sealed in %.*s at %llu leaves\n\n",
		output_style(cli->colour, STYLE_GOOD), output_style(cli->colour, STYLE_PLAIN),
		(unsigned long long)document->version, (int)document->instance.size,
		(const char *)document->instance.data, issued, until, (int)head->origin.size,
		(const char *)head->origin.data, (unsigned long long)head->size);
	result r = show_names(cli, document, &arena);
	fputc('\n', cli->out);
	if (r == OK) {
		r = show_services(cli, document, &arena);
	}
	fputc('\n', cli->out);
	if (r == OK) {
		r = show_gateways(cli, document, &arena);
	}
	arena_release(&arena);
	return r;
}

static enum cli_exit run_show(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct show_options *options = given;
	struct trusted trusted = { 0 };
	struct fault fault = { 0 };
	(void)argc;
	(void)argv;
	result r = trusted_load(options->trust, options->edition, TRUSTED_FRESH, &trusted, &fault);
	if (r == OK && !trusted.directory) {
		r = fault_set(&fault, ERR_ARGUMENT, "no edition: give --edition FILE or set BESA_EDITION");
	}
	if (r == OK) {
		r = cli->json ? show_json(cli, trusted.directory) : show_people(cli, trusted.directory);
	}
	enum cli_exit exit = r == OK ? CLI_OK : output_fault(cli, r, &fault);
	trusted_release(&trusted);
	return exit;
}

const struct command cmd_directory_show = {
	.group = "directory",
	.name = "show",
	.summary = "verify a directory edition and show who is who",
	.description = "Verifies the edition against the trust bundle first: its seal in the central ledger, its "
		       "digest, its time. What\n"
		       "does not verify is not shown.",
	.examples = "  besa directory show --trust trust.besa --edition edition.besa\n"
		    "  besa directory show --trust trust.besa --edition edition.besa --json",
	.options = show_options,
	.option_count = sizeof show_options / sizeof show_options[0],
	.options_size = sizeof(struct show_options),
	.run = run_show,
};
