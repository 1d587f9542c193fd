// SPDX-License-Identifier: EUPL-1.2
//
// Load on a gRPC server, measured honestly.
//
// Closed loop (C connections × S requests under way): how much a server carries. Open loop (--rate: Poisson arrivals
// that do not wait for answers): what a caller sees at a given demand; latency counts from the moment a request was to
// be sent, so a server that stalls cannot hide it by holding up the generator (coordinated omission).
//
// An answer is OK when its stream closed without error, HTTP status was 200, grpc-status 0 and, with --echo, its body
// is the request's. Ids of all OK answers, warm-up included, go to --ids: whoever asks can look each of them up in a
// ledger.
//
// It links nothing of Besa, so that it measures Besa as it would anything else. The result is one JSON object on
// standard output.
#include "tests/bench/load/connection.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/random.h"
#include "tests/bench/load/request.h"
#include "tests/bench/load/samples.h"

#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS_MAX = 256,
	GRPC_STATUS_COUNT = 17,
	NANOSECONDS = 1000000000,
};

struct counts {
	uint64_t sent;
	uint64_t ok;          // over the whole run
	uint64_t ok_measured; // inside the measured part
	uint64_t wrong;       // status 0, but another body than the request's
	uint64_t reset;
	uint64_t no_status; // neither grpc-status nor a reset
	uint64_t http_other;
	uint64_t grpc[GRPC_STATUS_COUNT];
};

struct run {
	struct options options;
	struct request request;
	struct connection **connections;
	struct call *calls;
	struct call *free_calls;
	struct samples samples;
	struct counts counts;
	FILE *ids;
	int epoll;
	int timer;
	int64_t measure_from_ns;
	int64_t measure_until_ns;
	int64_t next_arrival_ns; // open loop
	uint64_t random;
	uint32_t next_connection;
	bool sending;
};

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

static bool may_send(const struct run *run)
{
	return run->sending && (run->options.limit == 0 || run->counts.sent < run->options.limit);
}

// Sends one call on a connection; false when the connection or the pool of calls has no room.
static bool send_call(struct run *run, struct connection *connection, int64_t intended_ns)
{
	struct call *call = run->free_calls;
	if (!call || connection->open >= run->options.streams || !connection_has_room(connection)) {
		return false;
	}
	struct call *next = call->next;
	*call = (struct call){ .intended_ns = intended_ns,
			       .http_status = CALL_STATUS_NONE,
			       .grpc_status = CALL_STATUS_NONE };
	if (!connection_submit(connection, call)) {
		call->next = next;
		return false;
	}
	run->free_calls = next;
	run->counts.sent++;
	return true;
}

// Sorts one answer into the counts. True when it is OK.
static bool judge(struct counts *counts, const struct call *call)
{
	if (!call->closed_well) {
		counts->reset++;
		return false;
	}
	if (call->http_status != 200) {
		counts->http_other++;
		return false;
	}
	if (call->grpc_status < 0 || call->grpc_status >= GRPC_STATUS_COUNT) {
		counts->no_status++;
		return false;
	}
	if (call->grpc_status == 0 && call->wrong) {
		counts->wrong++;
		return false;
	}
	counts->grpc[call->grpc_status]++;
	return call->grpc_status == 0;
}

// A closed loop is measured by when answers arrive, an open one by when requests were due: there a late answer belongs
// to the demand of its own time.
static bool is_measured(const struct run *run, const struct call *call, int64_t now)
{
	int64_t moment = run->options.rate > 0 ? call->intended_ns : now;
	return moment >= run->measure_from_ns && moment < run->measure_until_ns;
}

static void on_finished(void *context, struct call *call)
{
	struct run *run = context;
	int64_t now = now_ns();
	if (judge(&run->counts, call)) {
		run->counts.ok++;
		if (run->ids && call->id_size > 0) {
			fprintf(run->ids, "%.*s\n", call->id_size, call->id);
		}
		if (is_measured(run, call, now)) {
			run->counts.ok_measured++;
			samples_add(&run->samples, now - call->intended_ns);
		}
	}
	call->next = run->free_calls;
	run->free_calls = call;
}

// Closed loop: every connection is kept full.
static void fill(struct run *run)
{
	int64_t now = now_ns();
	for (uint32_t i = 0; i < run->options.connections; i++) {
		while (may_send(run) && send_call(run, run->connections[i], now)) {
			;
		}
	}
}

// Open loop: sends what is due. With no room anywhere the arrivals wait, and their latency grows meanwhile; false then.
static bool send_due(struct run *run)
{
	int64_t now = now_ns();
	while (may_send(run) && run->next_arrival_ns <= now) {
		uint32_t tried = 0;
		while (tried < run->options.connections &&
		       !send_call(run, run->connections[run->next_connection], run->next_arrival_ns)) {
			run->next_connection = (run->next_connection + 1) % run->options.connections;
			tried++;
		}
		if (tried == run->options.connections) {
			return false;
		}
		run->next_connection = (run->next_connection + 1) % run->options.connections;
		run->next_arrival_ns += random_gap_ns(&run->random, run->options.rate);
	}
	return true;
}

// Wakes the loop at the next arrival; a moment that has just passed wakes it at once. An arrival without room needs no
// timer: only an answer makes room.
static void set_timer(struct run *run, bool has_room)
{
	struct itimerspec when = { 0 };
	if (may_send(run) && has_room) {
		when.it_value.tv_sec = run->next_arrival_ns / NANOSECONDS;
		when.it_value.tv_nsec = run->next_arrival_ns % NANOSECONDS;
	}
	timerfd_settime(run->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static bool is_idle(const struct run *run)
{
	for (uint32_t i = 0; i < run->options.connections; i++) {
		if (run->connections[i]->open > 0 && !run->connections[i]->lost) {
			return false;
		}
	}
	return true;
}

static bool is_any_connected(const struct run *run)
{
	for (uint32_t i = 0; i < run->options.connections; i++) {
		if (!run->connections[i]->lost) {
			return true;
		}
	}
	return false;
}

static void take_events(struct run *run, int64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t left_ms = (until_ns - now_ns()) / 1000000;
	int timeout = left_ms < 0 ? 0 : left_ms > 100 ? 100 : (int)left_ms + 1;
	int count = epoll_wait(run->epoll, events, EVENTS_MAX, timeout);
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr) {
			connection_read(events[i].data.ptr);
		} else {
			uint64_t expirations;
			if (read(run->timer, &expirations, sizeof(expirations)) < 0) {
				continue;
			}
		}
	}
}

static void loop(struct run *run)
{
	const struct options *options = &run->options;
	int64_t start = now_ns();
	run->measure_from_ns = start + (int64_t)(options->warmup_s * NANOSECONDS);
	run->measure_until_ns = run->measure_from_ns + (int64_t)(options->duration_s * NANOSECONDS);
	int64_t drain_until = run->measure_until_ns + (int64_t)(options->drain_s * NANOSECONDS);
	run->next_arrival_ns = start;
	run->sending = true;
	for (;;) {
		int64_t now = now_ns();
		run->sending = now < run->measure_until_ns && is_any_connected(run);
		if (!may_send(run) && (is_idle(run) || now >= drain_until)) {
			return;
		}
		bool has_room = true;
		if (options->rate > 0) {
			has_room = send_due(run);
		} else {
			fill(run);
		}
		for (uint32_t i = 0; i < options->connections; i++) {
			connection_flush(run->connections[i]);
		}
		if (options->rate > 0) {
			set_timer(run, has_room);
		}
		take_events(run, run->sending ? run->measure_until_ns : drain_until);
	}
}

static void open_run(struct run *run)
{
	const struct options *options = &run->options;
	run->random = options->seed ^ UINT64_C(0x9e3779b97f4a7c15);
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	if (run->epoll < 0 || run->timer < 0 || epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->timer, &event) != 0) {
		err(1, "epoll");
	}
	if (options->ids_file && !(run->ids = fopen(options->ids_file, "w"))) {
		err(1, "%s", options->ids_file);
	}
	size_t call_count = (size_t)options->connections * options->streams;
	run->calls = calloc(call_count, sizeof(*run->calls));
	run->connections = calloc(options->connections, sizeof(*run->connections));
	if (!run->calls || !run->connections) {
		err(1, "memory for %zu calls", call_count);
	}
	for (size_t i = 0; i < call_count; i++) {
		run->calls[i].next = run->free_calls;
		run->free_calls = &run->calls[i];
	}
	SSL_CTX *tls = options->tls ? connection_tls_new(options) : NULL;
	for (uint32_t i = 0; i < options->connections; i++) {
		run->connections[i] = connection_new(options, tls, run->epoll, &run->request, on_finished, run);
	}
	SSL_CTX_free(tls);
}

static void print_result(struct run *run)
{
	const struct counts *counts = &run->counts;
	uint64_t answered = counts->wrong + counts->reset + counts->no_status + counts->http_other;
	uint32_t lost = 0;
	for (uint32_t i = 0; i < run->options.connections; i++) {
		lost += run->connections[i]->lost;
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	samples_sort(&run->samples);
	printf(
	    "{\"mode\":\"%s\",\"connections\":%u,\"streams\":%u,\"payload\":%u,\"duration_s\":%g,\"offered_rate\":%g,",
	    run->options.rate > 0 ? "open" : "closed", run->options.connections, run->options.streams,
	    run->options.payload, run->options.duration_s, run->options.rate);
	printf("\"sent\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"ok_measured\":%" PRIu64 ",\"rate\":%.1f,\"grpc_status\":{",
	       counts->sent, counts->ok, counts->ok_measured, (double)counts->ok_measured / run->options.duration_s);
	const char *separator = "";
	for (int i = 0; i < GRPC_STATUS_COUNT; i++) {
		answered += counts->grpc[i];
		if (counts->grpc[i] == 0) {
			continue;
		}
		printf("%s\"%d\":%" PRIu64, separator, i, counts->grpc[i]);
		separator = ",";
	}
	printf("},\"wrong\":%" PRIu64 ",\"reset\":%" PRIu64 ",\"no_status\":%" PRIu64 ",\"http_other\":%" PRIu64
	       ",\"unanswered\":%" PRIu64 ",\"connections_lost\":%u,",
	       counts->wrong, counts->reset, counts->no_status, counts->http_other, counts->sent - answered, lost);
	printf("\"latency_us\":{\"mean\":%.1f,\"min\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,"
	       "\"max\":%.1f},",
	       samples_mean_us(&run->samples), samples_percentile_us(&run->samples, 0),
	       samples_percentile_us(&run->samples, 50), samples_percentile_us(&run->samples, 90),
	       samples_percentile_us(&run->samples, 99), samples_percentile_us(&run->samples, 99.9),
	       samples_percentile_us(&run->samples, 100));
	printf("\"cpu_s\":%.3f}\n", (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
					(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void close_run(struct run *run)
{
	for (uint32_t i = 0; i < run->options.connections; i++) {
		connection_free(run->connections[i]);
	}
	if (run->ids && fclose(run->ids) != 0) {
		err(1, "%s", run->options.ids_file);
	}
	free(run->connections);
	free(run->calls);
	free(run->samples.tenths);
	request_release(&run->request);
	close(run->timer);
	close(run->epoll);
}

static int write_frame(const struct run *run)
{
	FILE *out = fopen(run->options.frame_file, "w");
	if (!out || fwrite(run->request.frame, 1, run->request.frame_size, out) != run->request.frame_size ||
	    fclose(out) != 0) {
		err(1, "%s", run->options.frame_file);
	}
	return 0;
}

// Exit status 0 when every request sent was answered OK, 1 otherwise, 2 for a wrong command line.
int main(int count, char **arguments)
{
	static struct run run;
	options_read(&run.options, count, arguments);
	request_build(&run.request, &run.options);
	if (run.options.frame_file) {
		return write_frame(&run);
	}
	open_run(&run);
	loop(&run);
	print_result(&run);
	bool good = run.counts.ok == run.counts.sent && run.counts.sent > 0;
	close_run(&run);
	return good ? 0 : 1;
}
