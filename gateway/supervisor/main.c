// SPDX-License-Identifier: EUPL-1.2
//
// besa-gateway: reads and checks the configuration, starts the roles, restarts what dies, reloads, drains.
// It opens no network socket and no key. DESIGN.md beside this file.
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/children.h"
#include "supervisor/notify.h"
#include "supervisor/preflight.h"

enum { EXIT_USAGE = 2 };

// Beyond the workers' own drain limit: a worker that hangs is killed.
static const int64_t drain_margin_us = 5 * 1000000;

struct supervisor {
	struct settings *settings;
	struct preflight_times times;
	struct children children;
	int signals;     // signalfd
	int64_t kill_us; // while stopping: when patience ends
	bool notaries_stopping;
	bool was_ready; // served at least once
	bool failed;    // a role could not even start
};

static void usage(FILE *stream)
{
	fputs("Usage: besa-gateway --config FILE [--check]\n"
	      "\n"
	      "Runs a Besa gateway: for each member it hosts, a notary and its workers.\n"
	      "\n"
	      "  --config FILE   the gateway's configuration (gateway.yaml)\n"
	      "  --check         check the configuration, keys, certificates and directory, and end\n"
	      "  --help          this text\n"
	      "\n"
	      "Signals: SIGHUP reloads the configuration and the directory, SIGTERM drains and ends.\n"
	      "Exit status: 0 in order, 1 the configuration or a part of it is wrong, 2 usage.\n"
	      "\n"
	      "Example: besa-gateway --config /etc/besa/gateway.yaml --check\n",
	      stream);
}

static result load_settings(const char *path, struct settings **ret_settings)
{
	char *errors = NULL;
	result code = settings_load(path, ret_settings, &errors);
	if (code == ERR_CONFIG) {
		fputs(errors, stderr);
	} else if (code != OK) {
		fprintf(stderr, "besa-gateway: %s: %s\n", path, result_text(code));
	}
	free(errors);
	return code;
}

static result open_signals(struct supervisor *supervisor)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return supervisor->signals >= 0 ? OK : ERR_IO;
}

// The workers read the file themselves; they are told only when it holds for all of them.
static void reload(struct supervisor *supervisor)
{
	struct settings *fresh = NULL;
	struct preflight_times times;
	struct fault fault = { "" };
	if (load_settings(supervisor->settings->path, &fresh) != OK) {
		log_event(LOG_LEVEL_ERROR, "reload_refused", "file=%s text=\"errors above; the old settings stay\"",
			  supervisor->settings->path);
		return;
	}
	if (settings_compatible(supervisor->settings, fresh, &fault) != OK ||
	    preflight_check(fresh, PREFLIGHT_RELOAD, &times, &fault) != OK) {
		log_event(LOG_LEVEL_ERROR, "reload_refused", "text=\"%s; the old settings stay\"", fault.text);
	} else {
		size_t workers = children_signal(&supervisor->children, CHILD_WORKER, SIGHUP);
		log_event(LOG_LEVEL_INFO, "reloading", "workers=%zu", workers);
	}
	settings_free(fresh);
}

// Workers first: they need the notary to finish what is open.
static void stop(struct supervisor *supervisor)
{
	if (supervisor->children.stopping) {
		return;
	}
	supervisor->children.stopping = true;
	supervisor->kill_us = clock_monotonic_us() + supervisor->settings->limits.drain_us + drain_margin_us;
	notify_service_manager("STOPPING=1");
	log_event(LOG_LEVEL_INFO, "draining", "limit_s=%lld",
		  (long long)(supervisor->settings->limits.drain_us / 1000000));
	children_signal(&supervisor->children, CHILD_WORKER, SIGTERM);
}

static void reap(struct supervisor *supervisor)
{
	int status = 0;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		const struct child *child = children_reaped(&supervisor->children, pid);
		if (!child) {
			continue;
		}
		bool expected = supervisor->children.stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0;
		log_event(expected ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "child_ended",
			  "role=%s member=%s number=%zu pid=%d %s=%d",
			  child->kind == CHILD_NOTARY ? "notary" : "worker", child->member->id, child->number, (int)pid,
			  WIFSIGNALED(status) ? "signal" : "status",
			  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_CANNOT_START && !supervisor->was_ready) {
			supervisor->failed = true; // its own line says why; trying again would only repeat it
			stop(supervisor);
		}
	}
}

static void take_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;
	while (read(supervisor->signals, &info, sizeof info) == sizeof info) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap(supervisor);
			break;
		case SIGHUP:
			reload(supervisor);
			break;
		default:
			stop(supervisor);
			break;
		}
	}
}

// Moves the shutdown on; true when every child has ended.
static bool stopped(struct supervisor *supervisor)
{
	struct children *children = &supervisor->children;
	if (!children->stopping) {
		return false;
	}
	bool impatient = clock_monotonic_us() > supervisor->kill_us;
	if (impatient) {
		children_signal(children, CHILD_WORKER, SIGKILL);
		children_signal(children, CHILD_NOTARY, SIGKILL);
	} else if (children_running(children, CHILD_WORKER) == 0 && !supervisor->notaries_stopping) {
		supervisor->notaries_stopping = true;
		children_signal(children, CHILD_NOTARY, SIGTERM);
	}
	return children_running(children, CHILD_WORKER) + children_running(children, CHILD_NOTARY) == 0;
}

static int milliseconds_to_wait(const struct supervisor *supervisor)
{
	if (supervisor->children.stopping) {
		return 100;
	}
	int64_t due = children_next_due_us(&supervisor->children);
	return due < 0 ? -1 : (int)(due / 1000) + 1;
}

static int run(struct supervisor *supervisor)
{
	struct fault fault = { "" };
	result code = open_signals(supervisor);
	if (code == OK) {
		code = children_init(&supervisor->children, supervisor->settings, &supervisor->times, &fault);
	}
	if (code != OK) {
		log_event(LOG_LEVEL_ERROR, "start_failed", "text=\"%s\"", fault.text);
		return EXIT_FAILURE;
	}
	while (!stopped(supervisor)) {
		if (children_start_due(&supervisor->children, &fault) != OK) {
			log_event(LOG_LEVEL_ERROR, "start_failed", "text=\"%s\"", fault.text);
		}
		struct pollfd watched[] = {
			{ .fd = supervisor->signals, .events = POLLIN },
			{ .fd = supervisor->children.ready_pipe[0], .events = POLLIN },
		};
		poll(watched, 2, milliseconds_to_wait(supervisor));
		take_signals(supervisor);
		if (children_take_ready(&supervisor->children)) {
			supervisor->was_ready = true;
			log_event(LOG_LEVEL_INFO, "ready", "members=%zu", supervisor->settings->member_count);
			notify_service_manager("READY=1");
		}
	}
	log_event(LOG_LEVEL_INFO, "stopped", "pid=%d", (int)getpid());
	children_release(&supervisor->children);
	close(supervisor->signals);
	return supervisor->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL;
	bool check_only = false;
	int option;
	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check_only = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (!path || optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	struct supervisor supervisor = { .signals = -1 };
	if (load_settings(path, &supervisor.settings) != OK) {
		return EXIT_FAILURE;
	}
	log_open("gateway", LOG_LEVEL_INFO);
	struct fault fault = { "" };
	int status = EXIT_SUCCESS;
	// --check must also serve beside a running gateway, whose addresses are taken.
	enum preflight_occasion occasion = check_only ? PREFLIGHT_RELOAD : PREFLIGHT_START;
	if (preflight_check(supervisor.settings, occasion, &supervisor.times, &fault) != OK) {
		fprintf(stderr, "%s: %s\n", path, fault.text);
		status = EXIT_FAILURE;
	} else if (check_only) {
		printf("%s: in order; %zu member%s\n", path, supervisor.settings->member_count,
		       supervisor.settings->member_count == 1 ? "" : "s");
	} else {
		status = run(&supervisor);
	}
	settings_free(supervisor.settings);
	return status;
}
