// SPDX-License-Identifier: EUPL-1.2
//
// besa-adapter: stands in front of one register and answers its contract from a binding. See DESIGN.md.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapters/host/server.h"
#include "base/log.h"
#include "base/text.h"

enum { EXIT_USAGE = 2, EXIT_CANNOT_SERVE = 3, WORKERS_MAX = 64 };

struct options {
	const char *binding;
	const char *contract;
	const char *listen;
	unsigned workers;
	bool check;
};

struct program {
	struct options options;
	struct loop *loop;
	struct server *server;
	bool draining;
};

static void usage(FILE *out)
{
	fputs("usage: besa-adapter --binding FILE --contract FILE.binpb --listen unix:/PATH [--workers N]\n"
	      "       besa-adapter --binding FILE --contract FILE.binpb --check\n"
	      "\n"
	      "Answers one service of a contract from the register that the binding describes.\n"
	      "\n"
	      "  --binding FILE     how methods are answered (YAML, see adapters/README.md)\n"
	      "  --contract FILE    descriptor set of the service, made by protoc\n"
	      "  --listen ADDRESS   unix:/PATH (mode 0660), or a loopback host:port\n"
	      "  --workers N        processes that ask the register, 1 to 64 (default 4)\n"
	      "  --check            check binding, contract and register, print every problem, and end\n"
	      "\n"
	      "SIGHUP reads binding and contract again; SIGTERM ends after the calls under way.\n"
	      "Exit status: 0 ended as asked, 1 the configuration is wrong, 2 usage, 3 cannot serve.\n",
	      out);
}

static bool parse_workers(const char *text, unsigned *workers)
{
	uint64_t value;
	if (text_decimal(slice_text(text), WORKERS_MAX, &value) != OK || value == 0) {
		fprintf(stderr, "besa-adapter: --workers takes a number from 1 to %d, not \"%s\"\n", WORKERS_MAX, text);
		return false;
	}
	*workers = (unsigned)value;
	return true;
}

// True to go on; false to exit with *status.
static bool parse_options(int argc, char **argv, struct options *options, int *status)
{
	static const struct option known[] = {
		{ "binding", required_argument, NULL, 'b' },
		{ "contract", required_argument, NULL, 'c' },
		{ "listen", required_argument, NULL, 'l' },
		{ "workers", required_argument, NULL, 'w' },
		{ "check", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	*options = (struct options){ .workers = 4 };
	*status = EXIT_USAGE;
	int found;
	while ((found = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (found) {
		case 'b':
			options->binding = optarg;
			break;
		case 'c':
			options->contract = optarg;
			break;
		case 'l':
			options->listen = optarg;
			break;
		case 'w':
			if (!parse_workers(optarg, &options->workers)) {
				return false;
			}
			break;
		case 'k':
			options->check = true;
			break;
		case 'h':
			usage(stdout);
			*status = EXIT_SUCCESS;
			return false;
		default:
			usage(stderr);
			return false;
		}
	}
	if (optind < argc || !options->binding || !options->contract || (!options->listen && !options->check)) {
		usage(stderr);
		return false;
	}
	return true;
}

// --- signals

static void on_drained(void *context)
{
	loop_stop(((struct program *)context)->loop);
}

static void on_terminate(void *context, int signal_number)
{
	(void)signal_number;
	struct program *program = context;
	if (!program->draining) {
		program->draining = true;
		log_event(LOG_LEVEL_INFO, "draining", "text=\"calls under way are finished first\"");
		server_drain(program->server, on_drained, program);
	}
}

static void log_problems(struct buffer *problems)
{
	char *rest = (char *)(uintptr_t)buffer_text(problems);
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (line[0]) {
			log_event(LOG_LEVEL_ERROR, "binding_problem", "text=\"%s\"", line);
		}
	}
}

// The old binding stays when the new one is not right in every point.
static void on_reload(void *context, int signal_number)
{
	(void)signal_number;
	struct program *program = context;
	struct binding *binding = NULL;
	struct fault fault;
	struct buffer problems;
	buffer_init(&problems, BINDING_PROBLEMS_MAX);
	if (program->draining) {
		log_event(LOG_LEVEL_INFO, "not_reloaded", "text=\"draining\"");
	} else if (binding_load(program->options.binding, program->options.contract, &binding, &problems) != OK) {
		log_problems(&problems);
		log_event(LOG_LEVEL_ERROR, "not_reloaded", "text=\"the binding in use stays\"");
	} else if (server_replace(program->server, binding, &fault) != OK) {
		log_event(LOG_LEVEL_ERROR, "not_reloaded", "text=\"%s\"", fault.text);
		binding_free(binding);
	} else {
		log_event(LOG_LEVEL_INFO, "reloaded", "service=%s", binding->service->name);
	}
	buffer_release(&problems);
}

static result add_signals(struct program *program)
{
	result code = loop_signal_add(program->loop, SIGTERM, on_terminate, program);
	if (code == OK) {
		code = loop_signal_add(program->loop, SIGINT, on_terminate, program);
	}
	return code == OK ? loop_signal_add(program->loop, SIGHUP, on_reload, program) : code;
}

// --- running

static int serve(struct program *program, struct binding *binding)
{
	struct fault fault = { 0 };
	struct address address;
	int status = EXIT_CANNOT_SERVE;
	signal(SIGPIPE, SIG_IGN);
	result code = address_parse(slice_text(program->options.listen), &address, &fault);
	if (code == OK) {
		code = loop_new(&program->loop, &fault);
	}
	if (code == OK) {
		code =
		    server_start(program->loop, binding, program->options.workers, &address, &program->server, &fault);
	}
	if (code != OK) {
		fprintf(stderr, "besa-adapter: %s\n", fault.text);
		binding_free(binding);
		goto out;
	}
	code = add_signals(program);
	if (code != OK) {
		fprintf(stderr, "besa-adapter: cannot wait for signals: %s\n", result_text(code));
		goto out;
	}
	log_event(LOG_LEVEL_INFO, "ready", "service=%s engine=%s listen=%s", binding->service->name,
		  binding->engine->name, program->options.listen);
	loop_run(program->loop);
	log_event(LOG_LEVEL_INFO, "ended", "binding=%s", program->options.binding);
	status = EXIT_SUCCESS;
out:
	server_free(program->server);
	loop_free(program->loop);
	return status;
}

int main(int argc, char **argv)
{
	struct program program = { 0 };
	int status;
	if (!parse_options(argc, argv, &program.options, &status)) {
		return status;
	}
	struct binding *binding = NULL;
	struct buffer problems;
	buffer_init(&problems, BINDING_PROBLEMS_MAX);
	if (binding_load(program.options.binding, program.options.contract, &binding, &problems) != OK) {
		fputs(buffer_text(&problems), stderr);
		buffer_release(&problems);
		return EXIT_FAILURE;
	}
	buffer_release(&problems);
	char process[160];
	snprintf(process, sizeof process, "adapter/%s", binding->service->name);
	log_open(process, LOG_LEVEL_INFO);
	if (program.options.check) {
		printf("%s: %s with engine %s is in order\n", program.options.binding, binding->service->name,
		       binding->engine->name);
		binding_free(binding);
		return EXIT_SUCCESS;
	}
	return serve(&program, binding);
}
