// SPDX-License-Identifier: EUPL-1.2
//
// The command line of the load program.
#include "tests/bench/load/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_code { OPTION_FIRST = 1000 };

#define OPTIONS_TABLE(X)                                                                                 \
	X(TARGET, "target", required_argument, "HOST:PORT or unix:/path")                                \
	X(PATH, "path", required_argument, "/package.Service/Method")                                    \
	X(AUTHORITY, "authority", required_argument, "value of :authority (default: the target)")        \
	X(HEADER, "header", required_argument, "'name: value', may be repeated")                         \
	X(CONNECTIONS, "connections", required_argument, "connections (1)")                              \
	X(STREAMS, "streams", required_argument, "requests under way on each connection (1)")            \
	X(PAYLOAD, "payload", required_argument, "bytes of payload in each request (200)")               \
	X(DURATION, "duration", required_argument, "seconds measured (5)")                               \
	X(WARMUP, "warmup", required_argument, "seconds before that (1)")                                \
	X(DRAIN, "drain", required_argument, "seconds to wait for answers at the end (10)")              \
	X(RATE, "rate", required_argument, "Poisson arrivals a second; without it, closed loop")         \
	X(LIMIT, "limit", required_argument, "send at most so many requests")                            \
	X(SEED, "seed", required_argument, "of the Poisson arrivals (1)")                                \
	X(TLS, "tls", no_argument, "TLS 1.3 without checking the server")                                \
	X(CA, "ca", required_argument, "PEM file the server's certificate must chain to; implies --tls") \
	X(CERTIFICATE, "certificate", required_argument, "own certificate chain, PEM; implies --tls")    \
	X(KEY, "key", required_argument, "own key, PEM")                                                 \
	X(ECHO, "echo", no_argument, "an answer that differs from the request counts as wrong")          \
	X(IDS, "ids", required_argument, "file for the besa-exchange-id of every OK answer")             \
	X(FRAME_OUT, "frame-out", required_argument, "write the request's gRPC frame to a file, then end")

#define OPTION_AS_CODE(code, name, argument, help) OPTION_##code,
enum { OPTION_BEFORE = OPTION_FIRST, OPTIONS_TABLE(OPTION_AS_CODE) };

#define OPTION_AS_LONG(code, name, argument, help) { name, argument, NULL, OPTION_##code },
static const struct option long_options[] = { OPTIONS_TABLE(OPTION_AS_LONG){ NULL, 0, NULL, 0 } };

#define OPTION_AS_HELP(code, name, argument, help) { name, help },
static const struct {
	const char *name;
	const char *help;
} helps[] = { OPTIONS_TABLE(OPTION_AS_HELP) };

[[gnu::noreturn]] static void usage(const char *words, const char *about)
{
	fprintf(stderr, "load: %s%s%s\n\nusage: load --target HOST:PORT --path /package.Service/Method [option...]\n",
		words, about ? " " : "", about ? about : "");
	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
		fprintf(stderr, "  --%-12s %s\n", helps[i].name, helps[i].help);
	}
	exit(2);
}

static double number(const char *text, double least, double most)
{
	char *end = NULL;
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= least && value <= most)) {
		usage("not a number in range:", text);
	}
	return value;
}

static uint32_t whole(const char *text, uint32_t least, uint32_t most)
{
	double value = number(text, least, most);
	if (value != (double)(uint32_t)value) {
		usage("not a whole number:", text);
	}
	return (uint32_t)value;
}

// Splits "host:port" in place; a unix path stays whole.
static void read_target(struct options *options, char *text)
{
	options->authority = options->authority ? options->authority : strdup(text);
	if (strncmp(text, "unix:", 5) == 0) {
		options->host = text;
		options->port = "";
		options->authority = "localhost";
		return;
	}
	char *colon = strrchr(text, ':');
	if (!colon || colon == text || colon[1] == '\0') {
		usage("a target is HOST:PORT, not", text);
	}
	*colon = '\0';
	options->host = text;
	options->port = colon + 1;
}

static void read_header(struct options *options, char *text)
{
	char *colon = strchr(text + (text[0] == ':'), ':');
	if (!colon || options->metadata_count == OPTIONS_METADATA_MAX) {
		usage("a header is 'name: value', and sixteen at most, not", text);
	}
	*colon = '\0';
	const char *value = colon + 1;
	while (*value == ' ') {
		value++;
	}
	options->metadata[options->metadata_count++] = (struct metadata){ .name = text, .value = value };
}

static void take(struct options *options, int code)
{
	static char none[] = "";
	char *value = optarg ? optarg : none;
	switch (code) {
	case OPTION_TARGET:
		read_target(options, value);
		return;
	case OPTION_PATH:
		options->path = value;
		return;
	case OPTION_AUTHORITY:
		options->authority = value;
		return;
	case OPTION_HEADER:
		read_header(options, value);
		return;
	case OPTION_CONNECTIONS:
		options->connections = whole(value, 1, OPTIONS_CONNECTIONS_MAX);
		return;
	case OPTION_STREAMS:
		options->streams = whole(value, 1, OPTIONS_STREAMS_MAX);
		return;
	case OPTION_PAYLOAD:
		options->payload = whole(value, 0, OPTIONS_PAYLOAD_MAX);
		return;
	case OPTION_DURATION:
		options->duration_s = number(value, 0.01, 86400);
		return;
	case OPTION_WARMUP:
		options->warmup_s = number(value, 0, 3600);
		return;
	case OPTION_DRAIN:
		options->drain_s = number(value, 0, 3600);
		return;
	case OPTION_RATE:
		options->rate = number(value, 0.001, 1e7);
		return;
	case OPTION_LIMIT:
		options->limit = (uint64_t)number(value, 1, 1e15);
		return;
	case OPTION_SEED:
		options->seed = (uint64_t)number(value, 1, 1e15);
		return;
	case OPTION_TLS:
		options->tls = true;
		return;
	case OPTION_CA:
		options->ca = value;
		options->tls = true;
		return;
	case OPTION_CERTIFICATE:
		options->certificate = value;
		options->tls = true;
		return;
	case OPTION_KEY:
		options->key = value;
		return;
	case OPTION_ECHO:
		options->echo = true;
		return;
	case OPTION_IDS:
		options->ids_file = value;
		return;
	case OPTION_FRAME_OUT:
		options->frame_file = value;
		return;
	default:
		usage("unknown option", NULL);
	}
}

void options_read(struct options *options, int count, char **arguments)
{
	*options = (struct options){
		.connections = 1,
		.streams = 1,
		.payload = 200,
		.duration_s = 5,
		.warmup_s = 1,
		.drain_s = 10,
		.seed = 1,
	};
	int code;
	while ((code = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
		take(options, code);
	}
	if (optind != count) {
		usage("not an option:", arguments[optind]);
	}
	if (options->frame_file) {
		return;
	}
	if (!options->host || !options->path) {
		usage("--target and --path are needed", NULL);
	}
	if ((options->certificate == NULL) != (options->key == NULL)) {
		usage("--certificate and --key belong together", NULL);
	}
}
