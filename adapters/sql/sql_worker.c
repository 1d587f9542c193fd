// SPDX-License-Identifier: EUPL-1.2
#include "adapters/sql/sql_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "adapters/sql/sql_session.h"
#include "base/log.h"

struct worker {
	int fd;
	const struct sql_binding *binding;
	const _Atomic uint64_t *stopped;
	struct sql_session *session;
	struct buffer request;
	struct buffer answer;
};

// The signals are the adapter's business: a stop request reaches this process as the end of its socket, after the calls
// under way. Should the adapter die, so does this.
static void confine(int fd)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int number = 1; number < NSIG; number++) {
		signal(number, SIG_DFL);
	}
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		signal(ours[i], SIG_IGN);
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	const struct rlimit no_core = { 0, 0 }; // a core file would hold persons' data
	setrlimit(RLIMIT_CORE, &no_core);
	if (fd > 3) {
		close_range(3, (unsigned)fd - 1, 0);
	}
	close_range((unsigned)fd + 1, ~0U, 0);
}

static bool read_all(int fd, void *bytes, size_t size)
{
	uint8_t *to = bytes;
	while (size > 0) {
		ssize_t got = read(fd, to, size);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return false;
		}
		to += got;
		size -= (size_t)got;
	}
	return true;
}

static bool write_reply(int fd, const struct sql_worker_reply *head, struct slice body)
{
	struct iovec parts[2] = {
		{ .iov_base = (void *)(uintptr_t)head, .iov_len = sizeof *head },
		{ .iov_base = (void *)(uintptr_t)body.data, .iov_len = body.size },
	};
	int first = 0;
	while (first < 2) {
		ssize_t put = writev(fd, parts + first, 2 - first);
		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put < 0) {
			return false;
		}
		size_t left = (size_t)put;
		while (first < 2 && left >= parts[first].iov_len) {
			left -= parts[first++].iov_len;
		}
		if (first < 2) {
			parts[first].iov_base = (uint8_t *)parts[first].iov_base + left;
			parts[first].iov_len -= left;
		}
	}
	return true;
}

static bool serve_one(struct worker *worker)
{
	struct sql_worker_request head;
	if (!read_all(worker->fd, &head, sizeof head)) {
		return false;
	}
	assert_always(head.size <= SQL_WORKER_REQUEST_MAX && head.method < worker->binding->method_count);
	buffer_clear(&worker->request);
	buffer_clear(&worker->answer);
	uint8_t *body = buffer_reserve(&worker->request, head.size);
	if (!body || !read_all(worker->fd, body, head.size)) {
		return false; // out of memory: the pool starts another process
	}
	struct fault words = { 0 };
	const struct sql_stop stop = { head.deadline_us, worker->stopped, head.serial };
	result code = sql_session_answer(worker->session, &worker->binding->methods[head.method],
					 slice_of(body, head.size), &stop, &worker->answer, &words);
	struct slice answer = code == OK ? buffer_slice(&worker->answer) : slice_text(words.text);
	const struct sql_worker_reply reply = { head.serial, (uint32_t)code, (uint32_t)answer.size };
	return write_reply(worker->fd, &reply, answer);
}

void sql_worker_run(int fd, const struct sql_binding *binding, const _Atomic uint64_t *stopped)
{
	confine(fd);
	sqlite3_hard_heap_limit64(SQL_HEAP_MAX);
	struct worker worker = { .fd = fd, .binding = binding, .stopped = stopped };
	buffer_init(&worker.request, SQL_WORKER_REQUEST_MAX);
	buffer_init(&worker.answer, SQL_WORKER_REPLY_MAX);
	if (sql_session_new(binding, &worker.session) != OK) {
		_exit(1);
	}
	struct fault fault;
	if (sql_session_open(worker.session, &fault) != OK) {
		log_event(LOG_LEVEL_ERROR, "database_unavailable", "text=\"%s\"",
			  fault.text); // tried again with each call
	}
	while (serve_one(&worker)) {
	}
	_exit(0);
}
