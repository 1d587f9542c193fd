// SPDX-License-Identifier: EUPL-1.2
//
// Plans: a good one read rightly, bad ones refused with their lines; profiles and options of a connection.
#include "cli/connection.h"
#include "cli/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/besa-central-test-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static size_t next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", directory, name);
	return path;
}

static int remove_directory(void **state)
{
	(void)state;
	static const char *const names[] = { "plan.yaml", "contract.binpb", "empty.binpb", "profile.yaml" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		unlink(path_of(names[i]));
	}
	return rmdir(directory);
}

static const char *write_file(const char *name, const char *text)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

#define HEAD "instance: XK\ncentral: { member: XK/GOV/ASHI, shard: \"2026\" }\n"
#define NAMES "names: { sq: a, sr: b, en: c }"
#define ASHI "  - { id: XK/GOV/ASHI, " NAMES " }\n"

static void test_good_plan(void **state)
{
	(void)state;
	struct plan *plan = NULL;
	char *errors = NULL;
	write_file("contract.binpb", "contract");
	const char *path = write_file(
	    "plan.yaml",
	    HEAD "validity: { edition: 2d }\n"
		 "members:\n" ASHI "  - id: XK/GOV/ARC\n    " NAMES "\n"
		 "    subsystems:\n"
		 "      - id: XK/GOV/ARC/population\n        " NAMES "\n"
		 "        services: [ { name: a.B, contract: contract.binpb, idempotent: [Get] } ]\n"
		 "    gateways: [ { id: gw1, addresses: [\"h:1\"], hosts: [h], shards: [\"2026\", \"2026-2\"] } ]\n");
	result r = plan_load(path, &plan, &errors);
	if (r != OK) {
		fail_msg("%s", errors);
	}
	assert_string_equal(plan->central_gateway, "central");
	assert_int_equal(plan->member_count, 2);
	assert_string_equal(plan->members[0].id, "XK/GOV/ARC"); // ascending, whatever the file's order
	assert_int_equal(plan->members[0].gateways[0].shard_count, 2);
	const struct plan_service *service = &plan->members[0].subsystems[0].services[0];
	uint8_t digest[DIGEST_SIZE];
	digest_sha256(slice_text("contract"), digest);
	assert_memory_equal(service->digest, digest, DIGEST_SIZE);
	assert_string_equal(service->idempotent[0], "Get");
	assert_int_equal(plan->edition_us, 2 * 86400LL * 1000000);
	assert_int_equal(plan->clock_skew_us, 60LL * 1000000);
	plan_free(plan);
}

static void test_bad_plans(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "", "the file is empty" },
		{ "instance: [\n", "plan.yaml:" },
		{ HEAD "members: []\n", "the central member XK/GOV/ASHI is missing" },
		{ HEAD "members:\n  - { id: XK/GOV/ARC, " NAMES " }\n", "the central member XK/GOV/ASHI is missing" },
		{ HEAD "members:\n" ASHI ASHI, "XK/GOV/ASHI is listed twice" },
		{ HEAD "members:\n  - { id: MK/GOV/ASHI, " NAMES " }\n", ":4: id: MK/GOV/ASHI is no member of XK" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI }\n", ":4: \"names\" is missing" },
		{ HEAD "extra: 1\nmembers:\n" ASHI, ":3: unknown key \"extra\"" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI, " NAMES ", subsystems: [ { id: XK/GOV/ARC/x, " NAMES
		       " } ] }\n",
		  "XK/GOV/ARC/x is no subsystem of XK/GOV/ASHI" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI, " NAMES
		       ", gateways: [ { id: central, addresses: [a], hosts: [h], shards: [\"1\"] } ] }\n",
		  "id: central is the central ledger's name" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI, " NAMES
		       ", gateways: [ { id: g/w, addresses: [a], hosts: [h], shards: [\"1\"] } ] }\n",
		  "\"g/w\" is not a legal name" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI, " NAMES
		       ", gateways: [ { id: gw, addresses: [], hosts: [h], shards: [\"1\", \"1\"] } ] }\n",
		  "shards: 1 is listed twice" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI, " NAMES ", subsystems: [ { id: XK/GOV/ASHI/x, " NAMES
		       ", services: [ { name: a.B, contract: missing.binpb } ] } ] }\n",
		  "missing.binpb" },
		{ HEAD "members:\n  - { id: XK/GOV/ASHI, " NAMES ", subsystems: [ { id: XK/GOV/ASHI/x, " NAMES
		       ", services: [ { name: a.B, contract: empty.binpb } ] } ] }\n",
		  "empty.binpb is empty" },
		{ HEAD "validity: { issuing: 10d, certificates: 20d }\nmembers:\n" ASHI,
		  "a certificate must not outlive its issuer" },
		{ "instance: X/K\ncentral: { member: a, shard: \"/\" }\nmembers:\n" ASHI,
		  "instance: \"X/K\" is not a legal name" },
	};
	write_file("empty.binpb", "");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct plan *plan = NULL;
		char *errors = NULL;
		assert_int_equal(plan_load(write_file("plan.yaml", cases[i].text), &plan, &errors), ERR_CONFIG);
		assert_null(plan);
		if (!strstr(errors, cases[i].words)) {
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, errors, cases[i].words);
		}
		free(errors);
	}
}

static void test_connection(void **state)
{
	(void)state;
	struct connection connection;
	struct fault fault = { 0 };
	const char *profile = write_file("profile.yaml", "gateway: 127.0.0.1:7101\n"
							 "ca: ca.pem\n"
							 "certificate: client.pem\n"
							 "key: client.key\n"
							 "contracts: contracts\n"
							 "from: XK/GOV/ASHI/ekosova\n");
	unsetenv("BESA_PROFILE");
	assert_int_equal(connection_prepare(&(struct connection_options){ .profile = profile }, &connection, &fault),
			 OK);
	assert_string_equal(connection.target.address, "127.0.0.1:7101");
	assert_string_equal(connection.target.ca, path_of("ca.pem"));
	assert_string_equal(connection.contracts, path_of("contracts"));
	assert_true(slice_is(connection.target.member, "XK/GOV/ASHI"));
	connection_release(&connection);

	// A certificate is found beside the profile, a fingerprint is taken as it is; both at once are a mistake.
	profile = write_file("profile.yaml", "gateway: h:1\ngateway_certificate: gw.pem\n");
	assert_int_equal(connection_prepare(&(struct connection_options){ .profile = profile }, &connection, &fault),
			 OK);
	assert_string_equal(connection.target.pin, path_of("gw.pem"));
	connection_release(&connection);
	profile = write_file("profile.yaml", "gateway: h:1\nca: ca.pem\ngateway_fingerprint: 00ff\n");
	assert_int_equal(connection_prepare(&(struct connection_options){ .profile = profile }, &connection, &fault),
			 ERR_CONFIG);
	connection_release(&connection);
	profile = write_file("profile.yaml", "gateway: h:1\nca: ca.pem\n");

	// A pin given replaces the profile's CA, an address its address.
	struct connection_options options = { .profile = profile, .unix_path = "/run/x.sock", .pin = "gw.pem" };
	assert_int_equal(connection_prepare(&options, &connection, &fault), OK);
	assert_string_equal(connection.target.address, "unix:/run/x.sock");
	assert_string_equal(connection.target.pin, "gw.pem");
	assert_null(connection.target.ca);
	connection_release(&connection);
}

static void test_bad_connections(void **state)
{
	(void)state;
	static const struct {
		struct connection_options options;
		const char *words;
	} cases[] = {
		{ { 0 }, "no gateway" },
		{ { .gateway = "h:1", .unix_path = "/x" }, "exclude each other" },
		{ { .gateway = "h:1", .pin = "a", .ca = "b" }, "exclude each other" },
		{ { .gateway = "h:1", .certificate = "a" }, "a certificate and its key go together" },
		{ { .gateway = "h:1", .from = "XK/GOV/ASHI" }, "XK/GOV/ASHI is no subsystem" },
		{ { .gateway = "h:1", .ca = "ca.pem" }, "with a CA the own member must be known" },
	};
	unsetenv("BESA_PROFILE");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct connection connection;
		struct fault fault = { 0 };
		assert_int_equal(connection_prepare(&cases[i].options, &connection, &fault), ERR_ARGUMENT);
		if (!strstr(fault.text, cases[i].words)) {
			fail_msg("case %zu: \"%s\" lacks \"%s\"", i, fault.text, cases[i].words);
		}
		connection_release(&connection);
	}
	struct connection connection;
	struct fault fault = { 0 };
	struct connection_options options = { .profile = write_file("profile.yaml", "gatway: x\n") };
	assert_int_equal(connection_prepare(&options, &connection, &fault), ERR_CONFIG);
	connection_release(&connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_plan),
		cmocka_unit_test(test_bad_plans),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_bad_connections),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
