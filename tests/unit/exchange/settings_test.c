// SPDX-License-Identifier: EUPL-1.2
//
// gateway.yaml: a whole file is read, and every mistake is reported with its line.
#include "exchange/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char good[] =
    "gateway: gw1\n"                            // 1
    "directory:\n"                              // 2
    "  trust: trust.besa\n"                     // 3
    "  edition: /etc/besa/edition.besa\n"       // 4
    "contracts: contracts\n"                    // 5
    "limits: { payload: 1MiB, deadline: 5s }\n" // 6
    "members:\n"                                // 7
    "  - id: XK/GOV/ARC\n"                      // 8
    "    ledger: ledger\n"                      // 9
    "    shards: [\"2026\", \"2026-2\"]\n"      // 10
    "    workers: 2\n"                          // 11
    "    keys: { tls_key: a, tls_certificate: b, seal_key: c, seal_certificate: d, ed25519_key: e }\n"
    "    peer: 127.0.0.1:7104\n"                     // 13
    "    admin: unix:admin.sock\n"                   // 14
    "    listeners:\n"                               // 15
    "      - address: 127.0.0.1:7102\n"              // 16
    "        clients:\n"                             // 17
    "          - subsystem: XK/GOV/ARC/population\n" // 18
    "            certificate: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
    "      - address: unix:portal.sock\n"           // 20
    "        subsystem: XK/GOV/ARC/population\n"    // 21
    "    services:\n"                               // 22
    "      - subsystem: XK/GOV/ARC/population\n"    // 23
    "        service: rks.civil.v1.CivilRegistry\n" // 24
    "        adapter: unix:adapter.sock\n";         // 25

static char path[] = "/tmp/besa-settings-XXXXXX";

static result load(const char *text, struct settings **settings, char **errors)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return settings_load(path, settings, errors);
}

// The good file with one piece replaced.
static char *with(const char *from, const char *to)
{
	const char *at = strstr(good, from);
	assert_non_null(at);
	size_t size = sizeof good + strlen(to);
	char *text = calloc(1, size);
	snprintf(text, size, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return text;
}

static void a_whole_file_is_read(void **state)
{
	(void)state;
	struct settings *settings = NULL;
	char *errors = NULL;
	result code = load(good, &settings, &errors);
	if (errors) {
		print_message("%s", errors);
	}
	assert_int_equal(code, OK);
	assert_string_equal(settings->gateway, "gw1");
	assert_string_equal(settings->edition, "/etc/besa/edition.besa");
	assert_string_equal(settings->trust, "/tmp/trust.besa");
	assert_int_equal(settings->limits.payload_max, 1 << 20);
	assert_int_equal(settings->limits.deadline_default_us, 5000000);
	assert_int_equal(settings->member_count, 1);
	const struct settings_member *member = settings_find_member(settings, "XK/GOV/ARC");
	assert_non_null(member);
	assert_int_equal(member->workers, 2);
	assert_int_equal(member->shard_count, 2);
	assert_string_equal(member->shards[1], "2026-2");
	assert_string_equal(member->admin, "unix:/tmp/admin.sock");
	assert_int_equal(member->listener_count, 2);
	assert_true(member->listeners[0].tls);
	assert_true(member->listeners[0].clients[0].by_certificate);
	assert_int_equal(member->listeners[0].clients[0].certificate[1], 0x11);
	assert_false(member->listeners[1].tls);
	assert_string_equal(member->services[0].adapter, "unix:/tmp/adapter.sock");
	assert_int_equal(member->services[0].timeout_us, 30000000);
	assert_null(settings_find_member(settings, "XK/GOV/ATK"));
	settings_free(settings);
}

static void every_mistake_has_its_line_and_words(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *line, *words;
	} cases[] = {
		{ "gateway: gw1", "gateway: \"gw 1\"", ":1:", "no gateway id" },
		{ "contracts: contracts", "contract: contracts", ":5:", "contract" },
		{ "deadline: 5s", "deadline: soon", ":6:", "deadline" },
		{ "deadline: 5s", "deadline: 20m, deadline_max: 1m", ":6:", "longer" },
		{ "payload: 1MiB", "payload: 1TiB", ":6:", "payload" },
		{ "id: XK/GOV/ARC", "id: XK/GOV", ":8:", "no member id" },
		{ "shards: [\"2026\", \"2026-2\"]", "shards: []", ":10:", "shards" },
		{ "workers: 2", "workers: 0", ":11:", "workers" },
		{ "tls_key: a, ", "", ":12:", "tls_key" },
		{ "peer: 127.0.0.1:7104", "peer: 127.0.0.1", ":8:", "no address" },
		{ "admin: unix:admin.sock", "admin: 127.0.0.1:7105", ":8:", "unix" },
		{ "certificate: 00112233445566778899aabbccddeeff", "certificate: 0011", ":18:", "SHA-256" },
		{ "          - subsystem: XK/GOV/ARC/population", "          - subsystem: XK/GOV/ATK/tax",
		  ":18:", "no subsystem of the member" },
		{ "adapter: unix:adapter.sock", "adaptor: unix:adapter.sock", ":25:", "adaptor" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *text = with(cases[i].from, cases[i].to);
		struct settings *settings = NULL;
		char *errors = NULL;
		result code = load(text, &settings, &errors);
		if (code != ERR_CONFIG || !strstr(errors, cases[i].line) || !strstr(errors, cases[i].words)) {
			print_message("case %zu (%s): %s\n", i, cases[i].to, errors ? errors : "accepted");
			fail();
		}
		free(errors);
		free(text);
	}
}

static void all_mistakes_are_reported_at_once(void **state)
{
	(void)state;
	struct settings *settings = NULL;
	char *errors = NULL;
	assert_int_equal(load("gateway: a/b\nmembers:\n  - id: nobody\n", &settings, &errors), ERR_CONFIG);
	assert_non_null(strstr(errors, "gateway"));
	assert_non_null(strstr(errors, "directory"));
	assert_non_null(strstr(errors, "nobody"));
	assert_non_null(strstr(errors, "keys"));
	free(errors);
}

static void what_needs_a_restart_is_named(void **state)
{
	(void)state;
	struct settings *old = NULL;
	struct settings *fresh = NULL;
	char *errors = NULL;
	struct fault fault = { "" };
	assert_int_equal(load(good, &old, &errors), OK);
	char *text = with("127.0.0.1:7104", "127.0.0.1:7199");
	assert_int_equal(load(text, &fresh, &errors), OK);
	assert_int_equal(settings_compatible(old, old, &fault), OK);
	assert_int_equal(settings_compatible(old, fresh, &fault), ERR_STATE);
	assert_non_null(strstr(fault.text, "peer"));
	settings_free(old);
	settings_free(fresh);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_file_is_read),
		cmocka_unit_test(every_mistake_has_its_line_and_words),
		cmocka_unit_test(all_mistakes_are_reported_at_once),
		cmocka_unit_test(what_needs_a_restart_is_named),
	};
	int fd = mkstemp(path);
	if (fd < 0) {
		return 1;
	}
	close(fd);
	int failed = cmocka_run_group_tests_name("exchange/settings", tests, NULL, NULL);
	unlink(path);
	return failed;
}
