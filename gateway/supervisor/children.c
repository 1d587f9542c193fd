// SPDX-License-Identifier: EUPL-1.2
#include "supervisor/children.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum {
	// One packet between worker and notary holds many frames; both must fit their socket buffer.
	CHILD_SOCKET_BUFFER = 1024 * 1024,
	CHILD_ARGUMENTS_MAX = 32 + 2 * SETTINGS_SHARDS_MAX,
	CHILD_NUMBERS_MAX = 16 * SETTINGS_WORKERS_MAX,
	CHILD_WINDOW_MARGIN_S = 10,
};

// What a child's command line is built from; lives in the forked child until exec.
struct command {
	char program[PATH_MAX];
	char *arguments[CHILD_ARGUMENTS_MAX];
	size_t count;
	char origin[IDENTIFIER_ORIGIN_MAX + 1];
	char numbers[CHILD_NUMBERS_MAX];
	char window[24];
	char skew[24];
};

static char *own_directory(void)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
	if (size <= 0) {
		return NULL;
	}
	path[size] = '\0';
	return strdup(dirname(path));
}

static result make_socket(struct child *child, struct fault *fault)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, child->socket) != 0) {
		return fault_set(fault, file_errno_result(errno), "cannot make a socket pair: %s", strerror(errno));
	}
	for (int end = 0; end < 2; end++) {
		int size = CHILD_SOCKET_BUFFER;
		// The forced form needs a privilege; the plain one is capped by net.core.wmem_max.
		if (setsockopt(child->socket[end], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0) {
			setsockopt(child->socket[end], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
		}
	}
	return OK;
}

result children_init(struct children *children, const struct settings *settings, const struct preflight_times *times,
		     struct fault *fault)
{
	*children = (struct children){ .settings = settings, .times = *times, .ready_pipe = { -1, -1 } };
	size_t count = 0;
	for (size_t i = 0; i < settings->member_count; i++) {
		count += 1 + settings->members[i].workers;
	}
	children->directory = own_directory();
	children->list = calloc(count, sizeof *children->list);
	if (!children->directory || !children->list) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	if (pipe2(children->ready_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		return fault_set(fault, file_errno_result(errno), "cannot make a pipe: %s", strerror(errno));
	}
	for (size_t i = 0; i < settings->member_count; i++) {
		const struct settings_member *member = &settings->members[i];
		children->list[children->count++] =
		    (struct child){ .kind = CHILD_NOTARY, .member = member, .socket = { -1, -1 } };
		for (size_t number = 0; number < member->workers; number++) {
			struct child *worker = &children->list[children->count++];
			*worker = (struct child){ .kind = CHILD_WORKER, .member = member, .number = number };
			result code = make_socket(worker, fault);
			if (code != OK) {
				return code;
			}
		}
	}
	return OK;
}

static void add(struct command *command, const char *argument)
{
	assert_always(command->count + 1 < CHILD_ARGUMENTS_MAX);
	command->arguments[command->count++] = (char *)argument; // exec's signature predates const
	command->arguments[command->count] = NULL;
}

static void add_pair(struct command *command, const char *option, const char *value)
{
	add(command, option);
	add(command, value);
}

// Lets the descriptor through exec.
static void inherit(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

static void notary_command(const struct children *children, const struct child *child, struct command *command)
{
	const struct settings_member *member = child->member;
	snprintf(command->program, sizeof command->program, "%s/besa-notary", children->directory);
	snprintf(command->origin, sizeof command->origin, "besa/%s/%s", member->id, children->settings->gateway);
	// A request id is remembered longer than the longest deadline and twice the clock skew.
	int64_t skew_s = children->times.clock_skew_us / 1000000 + 1;
	int64_t window_s = children->times.longest_deadline_us / 1000000 + 2 * skew_s + CHILD_WINDOW_MARGIN_S;
	snprintf(command->window, sizeof command->window, "%lld", (long long)window_s);
	snprintf(command->skew, sizeof command->skew, "%lld", (long long)skew_s);
	size_t used = 0;
	for (size_t i = 0; i < children->count; i++) {
		const struct child *worker = &children->list[i];
		if (worker->kind == CHILD_WORKER && worker->member == member) {
			inherit(worker->socket[0]);
			used += (size_t)snprintf(command->numbers + used, sizeof command->numbers - used, "%s%d",
						 used ? "," : "", worker->socket[0]);
		}
	}
	add(command, command->program);
	add_pair(command, "--member", member->id);
	add_pair(command, "--ledger", member->ledger);
	add_pair(command, "--origin", command->origin);
	add_pair(command, "--shard", member->shards[0]);
	for (size_t i = 1; i < member->shard_count; i++) {
		add_pair(command, "--next-shard", member->shards[i]);
	}
	add_pair(command, "--seal-key", member->seal_key);
	add_pair(command, "--seal-certificate", member->seal_certificate);
	add_pair(command, "--ed25519-key", member->ed25519_key);
	add_pair(command, "--sockets", command->numbers);
	add_pair(command, "--window", command->window);
	add_pair(command, "--skew", command->skew);
	add(command, "--parent-death");
}

static void worker_command(const struct children *children, const struct child *child, struct command *command)
{
	snprintf(command->program, sizeof command->program, "%s/besa-worker", children->directory);
	snprintf(command->numbers, sizeof command->numbers, "%zu,%d,%d", child->number, child->socket[1],
		 children->ready_pipe[1]);
	inherit(child->socket[1]);
	inherit(children->ready_pipe[1]);
	add(command, command->program);
	add_pair(command, "--config", children->settings->path);
	add_pair(command, "--member", child->member->id);
	add_pair(command, "--inherited", command->numbers);
}

static result drop_privileges(const char *user)
{
	if (!user) {
		return OK;
	}
	const struct passwd *entry = getpwnam(user);
	if (!entry) {
		return ERR_NOT_FOUND;
	}
	if (entry->pw_uid == geteuid()) {
		return OK;
	}
	if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0) {
		return ERR_PERMISSION;
	}
	return OK;
}

// In the forked child: becomes the program, or ends.
static void become(const struct children *children, const struct child *child, pid_t parent)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max; // connections are bounded by named limits, not by this
		setrlimit(RLIMIT_NOFILE, &files);
	}
	const char *user = child->member->user;
	if (child->kind == CHILD_NOTARY && child->member->notary_user) {
		user = child->member->notary_user;
	}
	if (drop_privileges(user) != OK) {
		fprintf(stderr, "besa-gateway: cannot become the user %s of %s\n", user, child->member->id);
		_exit(CHILD_CANNOT_START);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(127); // the supervisor died in between
	}
	struct command *command = calloc(1, sizeof *command);
	if (!command) {
		_exit(127);
	}
	if (child->kind == CHILD_NOTARY) {
		notary_command(children, child, command);
	} else {
		worker_command(children, child, command);
	}
	execv(command->program, command->arguments);
	fprintf(stderr, "besa-gateway: cannot start %s: %s\n", command->program, strerror(errno));
	_exit(CHILD_CANNOT_START);
}

static const char *kind_name(enum child_kind kind)
{
	return kind == CHILD_NOTARY ? "notary" : "worker";
}

static result start(struct children *children, struct child *child, struct fault *fault)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid < 0) {
		return fault_set(fault, file_errno_result(errno), "cannot fork: %s", strerror(errno));
	}
	if (pid == 0) {
		become(children, child, parent);
	}
	child->pid = pid;
	child->started_us = clock_monotonic_us();
	child->restart_us = 0;
	child->ready = child->kind == CHILD_NOTARY;
	log_event(LOG_LEVEL_INFO, "child_started", "role=%s member=%s number=%zu pid=%d", kind_name(child->kind),
		  child->member->id, child->number, (int)pid);
	return OK;
}

result children_start_due(struct children *children, struct fault *fault)
{
	int64_t now = clock_monotonic_us();
	for (size_t i = 0; i < children->count && !children->stopping; i++) {
		struct child *child = &children->list[i];
		if (child->pid == 0 && child->restart_us <= now) {
			result code = start(children, child, fault);
			if (code != OK) {
				child->restart_us = now + CHILD_PAUSE_LEAST_US;
				return code;
			}
		}
	}
	return OK;
}

int64_t children_next_due_us(const struct children *children)
{
	int64_t now = clock_monotonic_us();
	int64_t next = -1;
	for (size_t i = 0; i < children->count && !children->stopping; i++) {
		const struct child *child = &children->list[i];
		if (child->pid == 0) {
			int64_t wait = child->restart_us > now ? child->restart_us - now : 0;
			next = next < 0 || wait < next ? wait : next;
		}
	}
	return next;
}

struct child *children_reaped(struct children *children, pid_t pid)
{
	for (size_t i = 0; i < children->count; i++) {
		struct child *child = &children->list[i];
		if (child->pid != pid) {
			continue;
		}
		int64_t now = clock_monotonic_us();
		bool stable = now - child->started_us >= CHILD_STABLE_US;
		child->pid = 0;
		child->ready = false;
		if (stable || child->pause_us == 0) {
			child->pause_us = CHILD_PAUSE_LEAST_US;
		}
		child->restart_us = stable ? now : now + child->pause_us;
		if (!stable && child->pause_us < CHILD_PAUSE_MOST_US) {
			child->pause_us *= 2;
		}
		return child;
	}
	return NULL;
}

size_t children_signal(const struct children *children, enum child_kind kind, int signal)
{
	size_t reached = 0;
	for (size_t i = 0; i < children->count; i++) {
		const struct child *child = &children->list[i];
		if (child->kind == kind && child->pid != 0 && kill(child->pid, signal) == 0) {
			reached++;
		}
	}
	return reached;
}

size_t children_running(const struct children *children, enum child_kind kind)
{
	size_t running = 0;
	for (size_t i = 0; i < children->count; i++) {
		running += children->list[i].kind == kind && children->list[i].pid != 0;
	}
	return running;
}

bool children_take_ready(struct children *children)
{
	bool news = false;
	pid_t pid;
	while (read(children->ready_pipe[0], &pid, sizeof pid) == sizeof pid) {
		for (size_t i = 0; i < children->count; i++) {
			if (children->list[i].pid == pid && !children->list[i].ready) {
				children->list[i].ready = true;
				news = true;
			}
		}
	}
	for (size_t i = 0; i < children->count; i++) {
		if (!children->list[i].ready) {
			return false;
		}
	}
	return news;
}

static void close_both(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0) {
			close(fds[i]);
		}
	}
}

void children_release(struct children *children)
{
	for (size_t i = 0; i < children->count; i++) {
		if (children->list[i].kind == CHILD_WORKER) {
			close_both(children->list[i].socket);
		}
	}
	close_both(children->ready_pipe);
	free(children->list);
	free(children->directory);
	*children = (struct children){ .ready_pipe = { -1, -1 } };
}
