// SPDX-License-Identifier: EUPL-1.2
//
// besa-notary: the process that holds one member's seal key and ledger. Started by the supervisor, never by hand.
#include "notary/notary.h"

#include "base/log.h"
#include "crypto/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

// What the supervisor takes as "starting again will not help" (sysexits.h).
enum { EXIT_CONFIGURATION = 78 };

static volatile int stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

struct arguments {
	const char *member;
	const char *ledger;
	const char *origin;
	const char *shards[LEDGER_SHARDS_MAX];
	size_t shard_count;
	const char *seal_key;
	const char *seal_certificate;
	const char *ed25519_key;
	int sockets[NOTARY_WORKERS_MAX];
	size_t socket_count;
	int64_t window_us;
	int64_t skew_us;
	size_t tick_target;
	int64_t tick_most_us;
	bool parent_death;
};

static const char usage[] =
    "usage: besa-notary --member XK/GOV/ARC --ledger DIRECTORY --origin besa/XK/GOV/ARC/gw1 --shard NAME [--next-shard "
    "NAME …]\n"
    "                   --seal-key PEM --seal-certificate PEM --ed25519-key PEM --sockets FD,FD,…\n"
    "                   [--window SECONDS] [--skew SECONDS] [--tick-target RECORDS] [--tick-most MICROSECONDS]\n"
    "                   [--parent-death]\n"
    "Keeps a member's ledger. Started by besa-gateway, with sockets to the workers.\n";

// ---- arguments ----

static result parse_number(const char *text, int64_t most, int64_t *ret_number)
{
	char *end = NULL;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 || value > most) {
		return ERR_ARGUMENT;
	}
	*ret_number = value;
	return OK;
}

static result parse_sockets(const char *text, struct arguments *arguments)
{
	while (*text != '\0') {
		char *end = NULL;
		long fd = strtol(text, &end, 10);
		if (end == text || fd < 3 || fd > 1 << 20 || (*end != ',' && *end != '\0') ||
		    arguments->socket_count == NOTARY_WORKERS_MAX) {
			return ERR_ARGUMENT;
		}
		arguments->sockets[arguments->socket_count++] = (int)fd;
		text = *end == ',' ? end + 1 : end;
	}
	return arguments->socket_count > 0 ? OK : ERR_ARGUMENT;
}

static result add_shard(struct arguments *arguments, const char *shard, bool present)
{
	if (arguments->shard_count == LEDGER_SHARDS_MAX || present != (arguments->shard_count == 0)) {
		return ERR_ARGUMENT;
	}
	arguments->shards[arguments->shard_count++] = shard;
	return OK;
}

static result parse_option(int option, struct arguments *arguments)
{
	int64_t number = 0;
	result code = OK;
	switch (option) {
	case 'm':
		arguments->member = optarg;
		return OK;
	case 'l':
		arguments->ledger = optarg;
		return OK;
	case 'o':
		arguments->origin = optarg;
		return OK;
	case 's':
		return add_shard(arguments, optarg, true);
	case 'n':
		return add_shard(arguments, optarg, false);
	case 'k':
		arguments->seal_key = optarg;
		return OK;
	case 'c':
		arguments->seal_certificate = optarg;
		return OK;
	case 'e':
		arguments->ed25519_key = optarg;
		return OK;
	case 'f':
		return parse_sockets(optarg, arguments);
	case 'w':
		code = parse_number(optarg, 7 * 86400, &number);
		arguments->window_us = number * 1000000;
		return code;
	case 'x':
		code = parse_number(optarg, 86400, &number);
		arguments->skew_us = number * 1000000;
		return code;
	case 't':
		code = parse_number(optarg, NOTARY_REQUESTS_MAX, &number);
		arguments->tick_target = (size_t)number;
		return code;
	case 'u':
		return parse_number(optarg, 2000, &arguments->tick_most_us); // longer only costs latency
	case 'p':
		arguments->parent_death = true;
		return OK;
	default:
		return ERR_ARGUMENT;
	}
}

static result parse_arguments(int count, char **values, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "member", required_argument, NULL, 'm' },
		{ "ledger", required_argument, NULL, 'l' },
		{ "origin", required_argument, NULL, 'o' },
		{ "shard", required_argument, NULL, 's' },
		{ "next-shard", required_argument, NULL, 'n' },
		{ "seal-key", required_argument, NULL, 'k' },
		{ "seal-certificate", required_argument, NULL, 'c' },
		{ "ed25519-key", required_argument, NULL, 'e' },
		{ "sockets", required_argument, NULL, 'f' },
		{ "window", required_argument, NULL, 'w' },
		{ "skew", required_argument, NULL, 'x' },
		{ "tick-target", required_argument, NULL, 't' },
		{ "tick-most", required_argument, NULL, 'u' },
		{ "parent-death", no_argument, NULL, 'p' },
		{ 0 },
	};
	for (;;) {
		int option = getopt_long(count, values, "", options, NULL);
		if (option < 0) {
			break;
		}
		result code = parse_option(option, arguments);
		if (code != OK) {
			return code;
		}
	}
	bool whole = arguments->member && arguments->ledger && arguments->origin && arguments->shard_count > 0 &&
		     arguments->seal_key && arguments->seal_certificate && arguments->ed25519_key &&
		     arguments->socket_count > 0 && optind == count;
	return whole ? OK : ERR_ARGUMENT;
}

// ---- keys ----

// The seal certificate speaks for this ledger and this key; its digest and its chain's go into the key statement.
static result load_certificates(const struct arguments *arguments, struct ledger_config *config, struct fault *fault)
{
	struct certificate *certificates[1 + LEDGER_CHAIN_MAX] = { NULL };
	size_t count = 0;
	result code = certificate_load(arguments->seal_certificate, CERTIFICATE_CHAIN_MAX, certificates, &count, fault);
	if (code != OK) {
		return code;
	}
	struct key_public *key = certificate_key(certificates[0]);
	if (!key || !key_public_equal(key, key_public_of(config->seal_key))) {
		code = fault_set(fault, ERR_CONFIG, "%s is not the certificate of the key %s",
				 arguments->seal_certificate, arguments->seal_key);
	} else if (!certificate_names_ledger(certificates[0], slice_text(arguments->origin))) {
		code = fault_set(fault, ERR_CONFIG, "%s does not name the ledger %s", arguments->seal_certificate,
				 arguments->origin);
	}
	memcpy(config->seal_certificate_digest, certificate_fingerprint(certificates[0]), DIGEST_SIZE);
	for (size_t i = 1; i < count; i++) {
		memcpy(config->chain_digests[config->chain_count++], certificate_fingerprint(certificates[i]),
		       DIGEST_SIZE);
	}
	for (size_t i = 0; i < count; i++) {
		certificate_free(certificates[i]);
	}
	return code;
}

static result load_keys(const struct arguments *arguments, struct ledger_config *config, struct fault *fault)
{
	result code = key_load(arguments->seal_key, &config->seal_key, fault);
	if (code == OK) {
		code = key_load(arguments->ed25519_key, &config->ed25519_key, fault);
	}
	if (code == OK && (key_public_type(key_public_of(config->seal_key)) != KEY_P256 ||
			   key_public_type(key_public_of(config->ed25519_key)) != KEY_ED25519)) {
		code = fault_set(fault, ERR_CONFIG, "the seal key must be P-256, the other one Ed25519");
	}
	return code == OK ? load_certificates(arguments, config, fault) : code;
}

// ---- process ----

static void set_up_process(const struct arguments *arguments, pid_t parent)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigprocmask(SIG_BLOCK, &blocked, NULL); // let through while waiting only
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0); // no core file and no debugger sees the keys
	if (arguments->parent_death) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		stop = getppid() != parent;
	}
	for (size_t i = 0; i < arguments->socket_count; i++) {
		fcntl(arguments->sockets[i], F_SETFD, FD_CLOEXEC);
	}
}

static result run(const struct arguments *arguments, struct fault *fault)
{
	struct notary *notary = calloc(1, sizeof *notary);
	struct ledger_config config = {
		.directory = arguments->ledger,
		.ledger = arguments->origin,
		.shards = arguments->shards,
		.shard_count = arguments->shard_count,
		.window_us = arguments->window_us,
		.skew_us = arguments->skew_us,
	};
	result code = notary ? load_keys(arguments, &config, fault) : ERR_MEMORY;
	if (code == OK) {
		code = notary_init(notary, &config, arguments->sockets, arguments->socket_count);
	}
	if (code == OK) {
		notary->stop = &stop;
		notary->tick_target = arguments->tick_target;
		notary->tick_most_us = arguments->tick_most_us;
		code = notary_run(notary, fault);
		notary_release(notary);
	}
	key_private_free(config.seal_key);
	key_private_free(config.ed25519_key);
	free(notary);
	return code;
}

int main(int count, char **values)
{
	pid_t parent = getppid();
	struct arguments arguments = { 0 };
	if (parse_arguments(count, values, &arguments) != OK) {
		fputs(usage, stderr);
		return 2;
	}
	char name[IDENTIFIER_MAX + 16];
	snprintf(name, sizeof name, "notary/%s", arguments.member);
	log_open(name, LOG_LEVEL_INFO);
	char shard_origin[IDENTIFIER_ORIGIN_MAX + 1];
	int size = snprintf(shard_origin, sizeof shard_origin, "%s/%s", arguments.origin, arguments.shards[0]);
	if (size >= (int)sizeof shard_origin ||
	    !slice_is(identifier_member_of_origin(slice_text(shard_origin)), arguments.member)) {
		log_event(LOG_LEVEL_ERROR, "start_failed", "text=\"%s is no ledger of %s\"", arguments.origin,
			  arguments.member);
		return EXIT_CONFIGURATION;
	}
	set_up_process(&arguments, parent);
	struct fault fault = { "" };
	result code = run(&arguments, &fault);
	if (code != OK) {
		log_event(LOG_LEVEL_ERROR, "start_failed", "reason=%s text=\"%s\"", result_wire_name(code), fault.text);
		return code == ERR_MEMORY ? EXIT_FAILURE : EXIT_CONFIGURATION;
	}
	return EXIT_SUCCESS;
}
