// SPDX-License-Identifier: EUPL-1.2
//
// Records per second and latency of one notary, over a real socket pair, with 1, 32, 128 and 512 requests outstanding.
//
//     notary_bench [NOTARY [DIRECTORY [SECONDS [OUTSTANDING]]]]
//
// Starts the notary program given (default: beside this build) on an empty ledger in DIRECTORY and ends it. Every
// record asks for a seal. Counts only what was answered OK; any other answer ends the run.
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "crypto/certificate.h"
#include "tests/unit/ledger/ledger_make.h"
#include "wire/notary_frame.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAMPLES_MAX = 4 * 1000 * 1000, OUTSTANDING_MAX = 512 };

static struct {
	int fd;
	pid_t pid;
	uint64_t epoch, notary_epoch;
	uint8_t out[NOTARY_PACKET_MAX], in[NOTARY_PACKET_MAX];
	int64_t sent_at[OUTSTANDING_MAX];
	uint32_t *samples; // microseconds
	size_t sample_count;
} bench;

static void die(const char *what)
{
	fprintf(stderr, "notary_bench: %s\n", what);
	if (bench.pid > 0) {
		kill(bench.pid, SIGTERM);
	}
	exit(1);
}

// ---- keys and the process ----

static void write_file(const char *path, struct slice bytes)
{
	if (file_replace(path, bytes, 0600, NULL) != OK) {
		die("cannot write a file");
	}
}

static void make_keys(const char *directory)
{
	struct key_private *root_key = NULL;
	struct key_private *seal_key = NULL;
	struct key_private *ed25519_key = NULL;
	struct certificate *root = NULL;
	struct certificate *issuing = NULL;
	struct certificate *seal = NULL;
	char path[PATH_MAX];
	int64_t now_us = clock_wall_us();
	if (key_generate(KEY_P256, &root_key) != OK || key_generate(KEY_P256, &seal_key) != OK ||
	    key_generate(KEY_ED25519, &ed25519_key) != OK) {
		die("cannot make keys");
	}
	struct certificate_order order = {
		.profile = CERTIFICATE_ROOT,
		.key = key_public_of(root_key),
		.organisation = "Bench",
		.common_name = "Root",
		.not_before_us = now_us - 86400 * INT64_C(1000000),
		.not_after_us = now_us + 86400 * INT64_C(1000000),
	};
	struct fault fault = { "" };
	result code = certificate_issue(&order, NULL, root_key, &root, &fault);
	order.profile = CERTIFICATE_ISSUING;
	order.common_name = "Issuing";
	if (code == OK) {
		code = certificate_issue(&order, root, root_key, &issuing, &fault);
	}
	order = (struct certificate_order){
		.profile = CERTIFICATE_SEAL,
		.key = key_public_of(seal_key),
		.ledger = MAKE_LEDGER,
		.not_before_us = order.not_before_us,
		.not_after_us = order.not_after_us,
	};
	if (code == OK) {
		code = certificate_issue(&order, issuing, root_key, &seal, &fault);
	}
	if (code != OK) {
		die(fault.text);
	}
	struct buffer pem;
	buffer_init(&pem, 65536);
	certificate_append_pem(seal, &pem);
	snprintf(path, sizeof path, "%s/seal.pem", directory);
	write_file(path, buffer_slice(&pem));
	snprintf(path, sizeof path, "%s/seal.key", directory);
	code = key_save(seal_key, path, &fault);
	snprintf(path, sizeof path, "%s/ed25519.key", directory);
	if (code != OK || key_save(ed25519_key, path, &fault) != OK) {
		die(fault.text);
	}
	buffer_release(&pem);
	certificate_free(root);
	certificate_free(issuing);
	certificate_free(seal);
	key_private_free(root_key);
	key_private_free(seal_key);
	key_private_free(ed25519_key);
}

static void start_notary(const char *program, const char *directory)
{
	int pair[2];
	char ledger[PATH_MAX], key[PATH_MAX], certificate[PATH_MAX], ed25519[PATH_MAX], fd[16];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) {
		die("no socket pair");
	}
	for (int i = 0; i < 2; i++) {
		int size = 1024 * 1024;
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	}
	snprintf(ledger, sizeof ledger, "%s/ledger", directory);
	snprintf(key, sizeof key, "%s/seal.key", directory);
	snprintf(certificate, sizeof certificate, "%s/seal.pem", directory);
	snprintf(ed25519, sizeof ed25519, "%s/ed25519.key", directory);
	snprintf(fd, sizeof fd, "%d", pair[1]);
	bench.pid = fork();
	if (bench.pid == 0) {
		close(pair[0]);
		execl(program, program, "--member", MAKE_MEMBER, "--ledger", ledger, "--origin", MAKE_LEDGER, "--shard",
		      "2026", "--seal-key", key, "--seal-certificate", certificate, "--ed25519-key", ed25519,
		      "--sockets", fd, "--parent-death", (char *)NULL);
		perror(program);
		_exit(127);
	}
	close(pair[1]);
	bench.fd = pair[0];
	random_bytes(&bench.epoch, sizeof bench.epoch);
}

// ---- frames ----

static void send_packet(struct notary_writer *writer)
{
	struct slice packet = notary_writer_end(writer);
	if (packet.size > 0 && send(bench.fd, packet.data, packet.size, 0) != (ssize_t)packet.size) {
		die("cannot send");
	}
}

static void begin_packet(struct notary_writer *writer)
{
	struct notary_packet head = {
		.sender = NOTARY_FROM_WORKER,
		.epoch = bench.epoch,
		.to_epoch = bench.notary_epoch,
	};
	notary_writer_begin(writer, bench.out, &head);
}

static size_t receive(void)
{
	ssize_t got = recv(bench.fd, bench.in, sizeof bench.in, 0);
	if (got <= 0) {
		die("the notary ended");
	}
	return (size_t)got;
}

static void greet(void)
{
	struct notary_writer writer;
	struct notary_packet packet;
	struct notary_reader reader;
	begin_packet(&writer);
	struct notary_frame hello = { .kind = NOTARY_HELLO, .version = NOTARY_FRAME_VERSION };
	if (notary_writer_put(&writer, &hello) != OK) {
		die("cannot greet");
	}
	send_packet(&writer);
	do {
		size_t size = receive();
		if (notary_packet_parse(slice_of(bench.in, size), NOTARY_FROM_NOTARY, &packet, &reader) != OK) {
			die("a bad packet");
		}
	} while (packet.to_epoch != bench.epoch);
	bench.notary_epoch = packet.epoch;
}

static void add_append(struct notary_writer *writer, struct made *made, size_t slot)
{
	identifier_new_uuid(made->id);
	// The id is the first field of the body; everything else stays as it was made.
	memcpy(made->body.data + 2, made->id, sizeof made->id);
	struct notary_frame frame = {
		.kind = NOTARY_APPEND,
		.flags = NOTARY_WANT_SEAL,
		.token = slot,
		.type = STATEMENT_REQUEST,
		.body = buffer_slice(&made->body),
	};
	bench.sent_at[slot] = clock_monotonic_us();
	result code = notary_writer_put(writer, &frame);
	if (code == ERR_BUSY) {
		send_packet(writer);
		begin_packet(writer);
		code = notary_writer_put(writer, &frame);
	}
	if (code != OK) {
		die("cannot put a frame");
	}
}

// Takes the answers of one packet and asks again for each.
static size_t take_answers(struct notary_writer *writer, struct made *made, bool again)
{
	struct notary_packet packet;
	struct notary_reader reader;
	struct notary_frame frame;
	size_t size = receive();
	size_t count = 0;
	int64_t now_us = clock_monotonic_us();
	if (notary_packet_parse(slice_of(bench.in, size), NOTARY_FROM_NOTARY, &packet, &reader) != OK) {
		die("a bad packet");
	}
	while (notary_frame_next(&reader, &frame) == OK) {
		if (frame.kind != NOTARY_APPENDED) {
			continue;
		}
		if (frame.code != OK || packet.note.size == 0) {
			die(result_wire_name(frame.code));
		}
		if (bench.sample_count < SAMPLES_MAX) {
			bench.samples[bench.sample_count++] = (uint32_t)(now_us - bench.sent_at[frame.token]);
		}
		count++;
		if (again) {
			add_append(writer, made, frame.token);
		}
	}
	return count;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static bool more_waits(void)
{
	struct pollfd wait = { .fd = bench.fd, .events = POLLIN };
	return poll(&wait, 1, 0) > 0;
}

static void run(size_t outstanding, double seconds)
{
	struct made made;
	struct notary_writer writer;
	size_t count = 0;
	made_init(&made);
	identifier_new_uuid(made.id);
	make_request(&made, 1);
	bench.sample_count = 0;
	int64_t start_us = clock_monotonic_us();
	int64_t end_us = start_us + (int64_t)(seconds * 1e6);
	begin_packet(&writer);
	for (size_t i = 0; i < outstanding; i++) {
		add_append(&writer, &made, i);
	}
	send_packet(&writer);
	while (clock_monotonic_us() < end_us) {
		begin_packet(&writer);
		do {
			count += take_answers(&writer, &made, true);
		} while (outstanding > 1 && more_waits());
		send_packet(&writer);
	}
	int64_t took_us = clock_monotonic_us() - start_us;
	for (size_t left = outstanding; left > 0;) {
		left -= take_answers(&writer, &made, false);
	}
	qsort(bench.samples, bench.sample_count, sizeof *bench.samples, by_value);
	printf("%4zu outstanding: %9.0f records/s   p50 %5u us   p99 %6u us   max %7u us   body %zu B\n", outstanding,
	       (double)count * 1e6 / (double)took_us, bench.samples[bench.sample_count / 2],
	       bench.samples[bench.sample_count * 99 / 100], bench.samples[bench.sample_count - 1], made.body.size);
	fflush(stdout);
	made_release(&made);
}

int main(int count, char **values)
{
	const char *program = count > 1 ? values[1] : "build/bin/besa-notary";
	char own[] = "/tmp/besa-notary-bench-XXXXXX";
	const char *directory = count > 2 ? values[2] : mkdtemp(own);
	double seconds = count > 3 ? strtod(values[3], NULL) : 2;
	static const size_t loads[] = { 1, 32, 128, 512 };
	bench.samples = malloc(SAMPLES_MAX * sizeof *bench.samples);
	if (!directory || !bench.samples || file_make_directory(directory, NULL) != OK) {
		die("cannot start");
	}
	make_keys(directory);
	start_notary(program, directory);
	greet();
	size_t only = count > 4 ? strtoul(values[4], NULL, 10) : 0;
	for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
		if (only == 0 || only == loads[i]) {
			run(loads[i], seconds);
		}
	}
	kill(bench.pid, SIGTERM);
	int status = 0;
	struct rusage usage;
	wait4(bench.pid, &status, 0, &usage);
	printf("notary: %.2f s user, %.2f s system, %ld MiB at most; ended with %d; ledger in %s\n",
	       (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
	       (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6, usage.ru_maxrss / 1024, status,
	       directory);
	free(bench.samples);
	return status == 0 ? 0 : 1;
}
