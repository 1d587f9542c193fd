// SPDX-License-Identifier: EUPL-1.2
//
// besa-worker: one of a member's workers. Parses network bytes, so it holds no seal key and writes no ledger.
// Started by besa-gateway, never by hand. DESIGN.md beside this file.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "exchange/node.h"
#include "exchange/refusals.h"
#include "worker/listeners.h"

enum { EXIT_USAGE = 2, CHILD_CANNOT_START = 78 }; // EX_CONFIG of sysexits(3)

struct worker {
	struct loop *loop;
	struct node node;
	struct listeners *listeners;
	int ready_fd;
	struct loop_timer ready; // until the supervisor was told
	struct loop_timer end;   // after the drain, until everything is on record
	int64_t end_us;          // when patience ends
};

static result load_settings(const char *path, struct settings **ret_settings)
{
	char *errors = NULL;
	result code = settings_load(path, ret_settings, &errors);
	if (code != OK) {
		log_event(LOG_LEVEL_ERROR, "config_refused", "file=%s text=\"%s\"", path,
			  errors ? errors : result_text(code));
	}
	free(errors);
	return code;
}

// Tells the supervisor that this worker serves.
static void announce(struct worker *worker)
{
	pid_t pid = getpid();
	if (write(worker->ready_fd, &pid, sizeof pid) != sizeof pid) {
		log_event(LOG_LEVEL_WARNING, "not_announced", "pid=%d", (int)pid);
	}
}

// A gateway is ready when its notaries take records.
static void look_ready(void *context)
{
	struct worker *worker = context;
	if (notary_client_state(worker->node.notary) == OK) {
		loop_timer_stop(&worker->ready);
		announce(worker);
	}
}

static void reload(struct worker *worker)
{
	struct settings *fresh = NULL;
	struct fault fault = { "" };
	if (load_settings(worker->node.settings->path, &fresh) != OK) {
		return;
	}
	// The supervisor has looked, but the file may have changed since.
	if (settings_compatible(worker->node.settings, fresh, &fault) != OK ||
	    node_reload(&worker->node, fresh, &fault) != OK) {
		log_event(LOG_LEVEL_ERROR, "reload_failed", "text=\"%s; the old settings stay\"", fault.text);
		settings_free(fresh);
		return;
	}
	listeners_refresh(worker->listeners);
	log_event(LOG_LEVEL_INFO, "reloaded", "services=%zu", worker->node.member->service_count);
}

// How long the notary may take to record what the drain cut off; less than the supervisor's patience.
static const int64_t end_patience_us = 2 * 1000000;
static const int64_t end_period_us = 2000;

static void look_ended(void *context)
{
	struct worker *worker = context;
	const struct node *node = &worker->node;
	bool open = node->consumers > 0 || node->providers > 0 || refusals_under_way(node->refusals);
	if (!open || loop_now_us(worker->loop) >= worker->end_us) {
		loop_stop(worker->loop);
	}
}

// No connection is left. Exchanges whose callers went with theirs are about to be recorded as failed or unanswered.
static void drained(void *context)
{
	struct worker *worker = context;
	refusals_flush(worker->node.refusals);
	worker->end_us = loop_now_us(worker->loop) + end_patience_us;
	loop_timer_start(&worker->end, 0, end_period_us);
}

static void on_signal(void *context, int signal_number)
{
	struct worker *worker = context;
	if (signal_number == SIGHUP) {
		reload(worker);
	} else if (!worker->node.draining) {
		worker->node.draining = true;
		listeners_drain(worker->listeners, worker->node.settings->limits.drain_us, drained, worker);
	}
}

static result add_signals(struct worker *worker)
{
	static const int numbers[] = { SIGHUP, SIGTERM, SIGINT };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		result code = loop_signal_add(worker->loop, numbers[i], on_signal, worker);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

// How often a worker that is not announced yet looks whether its notary came up.
static const int64_t ready_period_us = 2000;

static int serve(struct worker *worker, struct settings *settings, const char *member, unsigned number, int notary_fd)
{
	struct fault fault = { "" };
	result code = loop_new(&worker->loop, &fault);
	if (code == OK) {
		code = node_open(&worker->node, worker->loop, settings, member, number, notary_fd, &fault);
	}
	if (code == OK) {
		code = listeners_open(&worker->node, &worker->listeners, &fault);
	}
	if (code == OK) {
		code = add_signals(worker);
	}
	if (code != OK) {
		log_event(LOG_LEVEL_ERROR, "start_failed", "code=%s text=\"%s\"", result_wire_name(code), fault.text);
		return CHILD_CANNOT_START;
	}
	loop_timer_init(&worker->ready, worker->loop, look_ready, worker);
	loop_timer_start(&worker->ready, 0, ready_period_us);
	loop_timer_init(&worker->end, worker->loop, look_ended, worker);
	loop_run(worker->loop);
	loop_timer_stop(&worker->ready);
	loop_timer_stop(&worker->end);
	listeners_free(worker->listeners);
	struct settings *last = worker->node.settings;
	node_close(&worker->node);
	settings_free(last);
	loop_free(worker->loop);
	log_event(LOG_LEVEL_INFO, "stopped", "pid=%d", (int)getpid());
	return EXIT_SUCCESS;
}

static int usage(void)
{
	fputs("besa-worker is started by besa-gateway; see besa-worker(8)\n", stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "member", required_argument, NULL, 'm' },
		{ "inherited", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = NULL;
	const char *member = NULL;
	unsigned number = 0;
	int notary_fd = -1;
	struct worker worker = { .ready_fd = -1 };
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config = optarg;
			break;
		case 'm':
			member = optarg;
			break;
		case 'i':
			if (sscanf(optarg, "%u,%d,%d", &number, &notary_fd, &worker.ready_fd) != 3) {
				return usage();
			}
			break;
		default:
			return usage();
		}
	}
	if (!config || !member || notary_fd < 0) {
		return usage();
	}
	char name[IDENTIFIER_MAX + 32];
	snprintf(name, sizeof name, "worker/%s/%u", member, number);
	log_open(name, LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	struct settings *settings = NULL;
	if (load_settings(config, &settings) != OK) {
		return CHILD_CANNOT_START;
	}
	return serve(&worker, settings, member, number, notary_fd);
}
