// SPDX-License-Identifier: EUPL-1.2
//
//   worker:   down --spawn--> idle --assign--> busy --reply--> idle
//              ^                               |  \--cancel--> stopping --reply--> idle
//              +------- socket ends, kill -----+-------------------+
#include "adapters/sql/sql_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "adapters/sql/sql_worker.h"
#include "base/log.h"

struct sql_call {
	struct sql_pool *pool;
	struct sql_call *next, *before; // in the queue
	struct worker *worker;          // NULL while queued
	uint32_t method;
	uint8_t *request;
	size_t size;
	int64_t deadline_us;
	engine_done *done;
	void *context;
};

struct worker {
	struct sql_pool *pool;
	int fd;    // -1: down
	int pidfd; // -1: down
	struct loop_watch *watch;
	bool stopping;         // its call was cancelled, its reply is still to come
	struct sql_call *call; // being answered
	uint64_t serial;
	_Atomic uint64_t *stopped; // shared with the process

	struct sql_worker_request head; // request being written
	struct slice body;              // its message; kept in `sending`
	uint8_t *sending;
	size_t sent;

	struct sql_worker_reply reply; // reply being read
	size_t received;               // of head and body together
	uint8_t *answer;

	struct loop_timer kill_timer;
	struct loop_timer spawn_timer;
	int64_t pause_us;
	int64_t started_us;
};

struct sql_pool {
	struct loop *loop;
	const struct sql_binding *binding;
	_Atomic uint64_t *shared; // one word for each worker, a cache line apart
	struct sql_call *first, *last;
	size_t queued;
	unsigned worker_count;
	struct worker workers[];
};

enum {
	CACHE_LINE_WORDS = 8,
	END_WAIT_MS = 100, // for a killed process to be gone; one that waits for a disk may take longer
};

static void assign_waiting(struct sql_pool *pool);

// --- ending a worker

static void drop_buffers(struct worker *worker)
{
	free(worker->sending);
	free(worker->answer);
	worker->sending = worker->answer = NULL;
	worker->sent = worker->received = 0;
}

static void free_call(struct sql_call *call)
{
	free(call->request);
	free(call);
}

// The process is gone or must go. Its number cannot be mistaken for another's: the descriptor names the process.
enum when { WHEN_KILLED, WHEN_ENDED };

static void take_down(struct worker *worker, enum when when)
{
	if (worker->fd < 0) {
		return;
	}
	pidfd_send_signal(worker->pidfd, SIGKILL, NULL, 0);
	if (when == WHEN_ENDED) {
		// Else whoever inherits the process, not this one, would have to reap it.
		struct pollfd ended = { .fd = worker->pidfd, .events = POLLIN };
		poll(&ended, 1, END_WAIT_MS);
	}
	loop_watch_free(worker->watch);
	loop_timer_stop(&worker->kill_timer);
	close(worker->fd);
	close(worker->pidfd);
	worker->fd = worker->pidfd = -1;
	worker->watch = NULL;
	worker->stopping = false;
	drop_buffers(worker);
}

static void finish(struct sql_call *call, const struct engine_answer *answer)
{
	call->done(call->context, answer);
	free_call(call);
}

// A worker that lived for a while is replaced soon; one that dies at birth more and more slowly.
static void lose(struct worker *worker, const char *why)
{
	struct sql_pool *pool = worker->pool;
	struct sql_call *call = worker->call;
	bool short_lived = loop_now_us(pool->loop) - worker->started_us < SQL_POOL_RESPAWN_MOST_US;
	worker->pause_us = short_lived ? 2 * worker->pause_us : SQL_POOL_RESPAWN_LEAST_US;
	if (worker->pause_us > SQL_POOL_RESPAWN_MOST_US) {
		worker->pause_us = SQL_POOL_RESPAWN_MOST_US;
	}
	log_event(LOG_LEVEL_ERROR, "sql_worker_lost", "text=\"%s\" respawn_ms=%lld", why,
		  (long long)worker->pause_us / 1000);
	take_down(worker, WHEN_KILLED);
	loop_timer_start(&worker->spawn_timer, worker->pause_us, 0);
	if (call) {
		worker->call = NULL;
		const struct engine_answer answer = {
			.code = ERR_ADAPTER_FAILED,
			.text = "the adapter's process broke off while it asked the register",
		};
		finish(call, &answer);
	}
}

static void on_kill_timer(void *context)
{
	lose(context, "a stopped statement did not end");
}

// --- to the worker

static void send_more(struct worker *worker)
{
	size_t head_size = sizeof worker->head;
	while (worker->sent < head_size + worker->body.size) {
		size_t from_body = worker->sent > head_size ? worker->sent - head_size : 0;
		size_t from_head = worker->sent < head_size ? worker->sent : head_size;
		struct iovec parts[2] = {
			{ (uint8_t *)&worker->head + from_head, head_size - from_head },
			{ (void *)(uintptr_t)(worker->body.data + from_body), worker->body.size - from_body },
		};
		const struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
		ssize_t put = sendmsg(worker->fd, &message, MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put < 0) {
			// A broken socket shows itself to the reader, who knows what to do.
			loop_watch_set(worker->watch, errno == EAGAIN ? LOOP_READABLE | LOOP_WRITABLE : LOOP_READABLE);
			return;
		}
		worker->sent += (size_t)put;
	}
	loop_watch_set(worker->watch, LOOP_READABLE);
	free(worker->sending);
	worker->sending = NULL;
}

static void assign(struct worker *worker, struct sql_call *call)
{
	call->worker = worker;
	worker->call = call;
	worker->head = (struct sql_worker_request){
		.serial = ++worker->serial,
		.deadline_us = call->deadline_us,
		.method = call->method,
		.size = (uint32_t)call->size,
	};
	worker->sending = call->request; // the worker's from here on: a cancelled call may go before it is sent
	worker->body = slice_of(call->request, call->size);
	worker->sent = 0;
	call->request = NULL;
	send_more(worker);
}

static struct worker *find_idle(struct sql_pool *pool)
{
	for (unsigned i = 0; i < pool->worker_count; i++) {
		struct worker *worker = &pool->workers[i];
		if (worker->fd >= 0 && !worker->call && !worker->stopping) {
			return worker;
		}
	}
	return NULL;
}

static void unqueue(struct sql_call *call)
{
	struct sql_pool *pool = call->pool;
	*(call->before ? &call->before->next : &pool->first) = call->next;
	*(call->next ? &call->next->before : &pool->last) = call->before;
	call->next = call->before = NULL;
	pool->queued--;
}

static void assign_waiting(struct sql_pool *pool)
{
	while (pool->first) {
		struct worker *worker = find_idle(pool);
		if (!worker) {
			return;
		}
		struct sql_call *call = pool->first;
		unqueue(call);
		assign(worker, call);
	}
}

// --- from the worker

// The reply is complete. What the worker says is believed only within bounds.
static void take_reply(struct worker *worker)
{
	struct sql_call *call = worker->call;
	result code = worker->reply.code < RESULT_COUNT ? (result)worker->reply.code : ERR_INTERNAL;
	uint8_t *body = worker->answer;
	worker->answer = NULL;
	worker->received = 0;
	worker->call = NULL;
	worker->stopping = false;
	worker->pause_us = SQL_POOL_RESPAWN_LEAST_US;
	loop_timer_stop(&worker->kill_timer);
	assign_waiting(worker->pool);
	if (!call) {
		free(body);
		return;
	}
	if (code == OK) {
		finish(call, &(struct engine_answer){ .code = OK, .message = body, .size = worker->reply.size });
		return;
	}
	finish(call, &(struct engine_answer){ .code = code, .text = body ? (const char *)body : "" });
	free(body);
}

// Room for the body, and a terminator for words. False: the worker breaks the rules, or there is no memory.
static bool begin_body(struct worker *worker)
{
	const struct sql_worker_reply *reply = &worker->reply;
	bool expected = (worker->call || worker->stopping) && reply->serial == worker->serial;
	if (!expected || worker->sending || reply->size > SQL_WORKER_REPLY_MAX) {
		return false;
	}
	worker->answer = malloc((size_t)reply->size + 1);
	if (worker->answer) {
		worker->answer[reply->size] = '\0';
	}
	return worker->answer;
}

// Reads what is there; false when the worker is lost.
static bool receive(struct worker *worker)
{
	enum { HEAD = sizeof worker->reply };
	for (;;) {
		bool in_head = worker->received < HEAD;
		uint8_t *to =
		    in_head ? (uint8_t *)&worker->reply + worker->received : worker->answer + (worker->received - HEAD);
		size_t room = in_head ? HEAD - worker->received : HEAD + worker->reply.size - worker->received;
		ssize_t got = recv(worker->fd, to, room, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0 && errno == EAGAIN) {
			return true;
		}
		if (got <= 0) {
			return false;
		}
		worker->received += (size_t)got;
		if (worker->received == HEAD && !begin_body(worker)) {
			return false;
		}
		if (worker->received >= HEAD && worker->received == HEAD + worker->reply.size) {
			take_reply(worker);
			return true;
		}
	}
}

static void on_ready(void *context, unsigned events)
{
	struct worker *worker = context;
	if ((events & LOOP_WRITABLE) && worker->sending) {
		send_more(worker);
	}
	if ((events & LOOP_READABLE) && !receive(worker)) {
		lose(worker, "the process ended or broke the protocol");
	}
}

// --- starting a worker

// In the parent: the socket and a descriptor of the process. ERR_IO, ERR_MEMORY.
static result fork_worker(struct worker *worker, struct fault *fault)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		return fault_set(fault, ERR_IO, "cannot make a socket pair: %s", strerror(errno));
	}
	// No handler of the loop may run in the child before it has put them aside.
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		sql_worker_run(pair[1], worker->pool->binding, worker->stopped);
	}
	int error = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
	if (pidfd < 0) {
		close(pair[0]); // a child, if there is one, ends with its socket
		return fault_set(fault, ERR_IO, "cannot start a process: %s", strerror(pid < 0 ? error : errno));
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	worker->fd = pair[0];
	worker->pidfd = pidfd;
	return OK;
}

static result spawn(struct worker *worker, struct fault *fault)
{
	result code = fork_worker(worker, fault);
	if (code != OK) {
		return code;
	}
	worker->started_us = loop_now_us(worker->pool->loop);
	code = loop_watch_new(worker->pool->loop, worker->fd, on_ready, worker, &worker->watch);
	if (code != OK) {
		take_down(worker, WHEN_KILLED);
		return fault_set(fault, code, "cannot watch a process: %s", result_text(code));
	}
	loop_watch_set(worker->watch, LOOP_READABLE);
	return OK;
}

static void on_spawn_timer(void *context)
{
	struct worker *worker = context;
	struct fault fault;
	if (spawn(worker, &fault) != OK) {
		log_event(LOG_LEVEL_ERROR, "sql_worker_not_started", "text=\"%s\"", fault.text);
		loop_timer_start(&worker->spawn_timer, SQL_POOL_RESPAWN_MOST_US, 0);
		return;
	}
	assign_waiting(worker->pool);
}

// --- the pool

static result map_shared(struct sql_pool *pool, struct fault *fault)
{
	size_t size = pool->worker_count * CACHE_LINE_WORDS * sizeof *pool->shared;
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		return fault_set(fault, ERR_MEMORY, "no memory to share with processes");
	}
	pool->shared = shared;
	return OK;
}

result sql_pool_new(struct loop *loop, const struct sql_binding *binding, unsigned workers, struct sql_pool **ret_pool,
		    struct fault *fault)
{
	assert_always(workers >= 1 && workers <= SQL_POOL_WORKERS_MAX);
	struct sql_pool *pool = calloc(1, sizeof *pool + workers * sizeof pool->workers[0]);
	if (!pool) {
		return fault_set(fault, ERR_MEMORY, "no memory for %u processes", workers);
	}
	pool->loop = loop;
	pool->binding = binding;
	pool->worker_count = workers;
	result code = map_shared(pool, fault);
	signal(SIGCHLD, SIG_IGN); // ended workers leave no zombies: their sockets tell all there is to know
	for (unsigned i = 0; i < workers; i++) {
		struct worker *worker = &pool->workers[i];
		*worker = (struct worker){ .pool = pool, .fd = -1, .pidfd = -1, .pause_us = SQL_POOL_RESPAWN_LEAST_US };
		loop_timer_init(&worker->kill_timer, loop, on_kill_timer, worker);
		loop_timer_init(&worker->spawn_timer, loop, on_spawn_timer, worker);
	}
	for (unsigned i = 0; code == OK && i < workers; i++) {
		pool->workers[i].stopped = &pool->shared[i * CACHE_LINE_WORDS];
		code = spawn(&pool->workers[i], fault);
	}
	if (code != OK) {
		sql_pool_free(pool);
		return code;
	}
	*ret_pool = pool;
	return OK;
}

void sql_pool_free(struct sql_pool *pool)
{
	if (!pool) {
		return;
	}
	assert_always(!pool->first);
	for (unsigned i = 0; i < pool->worker_count; i++) {
		assert_always(!pool->workers[i].call);
		loop_timer_stop(&pool->workers[i].spawn_timer);
		take_down(&pool->workers[i], WHEN_ENDED);
	}
	if (pool->shared) {
		munmap(pool->shared, pool->worker_count * CACHE_LINE_WORDS * sizeof *pool->shared);
	}
	free(pool);
}

bool sql_pool_is_alive(const struct sql_pool *pool)
{
	for (unsigned i = 0; i < pool->worker_count; i++) {
		if (pool->workers[i].fd >= 0) {
			return true;
		}
	}
	return false;
}

static result new_call(struct sql_pool *pool, const struct contract_method *method, size_t size,
		       struct sql_call **ret_call)
{
	const struct sql_method *bound = sql_binding_method(pool->binding, method);
	if (!bound) {
		return ERR_METHOD_UNKNOWN;
	}
	if (size > SQL_WORKER_REQUEST_MAX) {
		return ERR_PAYLOAD_TOO_LARGE;
	}
	if (pool->queued == SQL_POOL_QUEUE_MAX) {
		return ERR_BUSY;
	}
	struct sql_call *call = calloc(1, sizeof *call);
	if (!call) {
		return ERR_MEMORY;
	}
	call->pool = pool;
	call->method = (uint32_t)(bound - pool->binding->methods);
	*ret_call = call;
	return OK;
}

result sql_pool_start(struct sql_pool *pool, const struct contract_method *method, uint8_t *request, size_t size,
		      int64_t deadline_us, engine_done *done, void *context, struct sql_call **ret_call)
{
	struct sql_call *call = NULL;
	result code = new_call(pool, method, size, &call);
	if (code != OK) {
		free(request);
		return code;
	}
	call->request = request;
	call->size = size;
	call->deadline_us = deadline_us;
	call->done = done;
	call->context = context;
	call->before = pool->last;
	*(pool->last ? &pool->last->next : &pool->first) = call;
	pool->last = call;
	pool->queued++;
	assign_waiting(pool);
	*ret_call = call;
	return OK;
}

void sql_pool_cancel(struct sql_call *call)
{
	struct worker *worker = call->worker;
	if (worker) {
		worker->call = NULL;
		worker->stopping = true;
		atomic_store_explicit(worker->stopped, worker->serial, memory_order_relaxed);
		loop_timer_start(&worker->kill_timer, SQL_POOL_GRACE_US, 0);
	} else {
		unqueue(call);
	}
	free_call(call);
}
