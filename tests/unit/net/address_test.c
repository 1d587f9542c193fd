// SPDX-License-Identifier: EUPL-1.2
//
// Addresses, listening and connecting: what operators write, what they are told when it does not work.
#include "net_testing.h"

#include "net/connect.h"

#include <sys/socket.h>
#include <sys/un.h>

static void addresses_parse_and_format(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum address_kind kind;
		bool numeric;
		const char *host;
		uint16_t port;
	} good[] = {
		{ "127.0.0.1:7101", ADDRESS_TCP, true, "127.0.0.1", 7101 },
		{ "[::1]:7101", ADDRESS_TCP, true, "::1", 7101 },
		{ "gw1.arc.rks-gov.net:65535", ADDRESS_TCP, false, "gw1.arc.rks-gov.net", 65535 },
		{ "localhost:0", ADDRESS_TCP, false, "localhost", 0 },
		{ "unix:/run/besa/a.sock", ADDRESS_UNIX, false, "/run/besa/a.sock", 0 },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct address address = parse_address(good[i].text);
		assert_int_equal(address.kind, good[i].kind);
		assert_int_equal(address.numeric, good[i].numeric);
		assert_string_equal(address.host, good[i].host);
		assert_int_equal(address.port, good[i].port);
		char text[ADDRESS_TEXT_SIZE];
		address_format(&address, text);
		assert_string_equal(text, good[i].text);
	}
}

static void bad_addresses_are_refused_with_words(void **state)
{
	(void)state;
	static const char *const bad[] = { "",         "localhost", ":80",           "host:",   "host:65536",
					   "host:80x", "host: 80",  "::1:80",        "[::1]80", "[zz]:80",
					   "[]:80",    "a b:80",    "-x:80",         "unix:",   "h\xff:80",
					   "host:-1",  "host:080",  "[127.0.0.1]:80" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct address address;
		struct fault fault = { 0 };
		assert_int_equal(address_parse(slice_text(bad[i]), &address, &fault), ERR_FORMAT);
		assert_true(fault.text[0] != '\0');
	}
	char long_path[200] = "unix:/";
	memset(long_path + 6, 'x', sizeof long_path - 7);
	long_path[sizeof long_path - 1] = '\0';
	struct address address;
	assert_int_equal(address_parse(slice_text(long_path), &address, NULL), ERR_FORMAT);
}

static void port_in_use_is_said_so(void **state)
{
	(void)state;
	struct address address;
	int fd = listen_anywhere(&address);
	const struct address_listen options = { 0 };
	struct fault fault = { 0 };
	int second = -1;
	assert_int_equal(address_listen(&address, &options, &second, &fault), ERR_EXISTS);
	char expected[64];
	snprintf(expected, sizeof expected, "port %u is in use by another program", address.port);
	assert_non_null(strstr(fault.text, expected));
	assert_int_equal(second, -1);
	close(fd);
}

static void workers_share_a_port(void **state)
{
	(void)state;
	struct address address = parse_address("127.0.0.1:0");
	const struct address_listen options = { .share_port = true };
	int first = -1, second = -1;
	assert_int_equal(address_listen(&address, &options, &first, NULL), OK);
	assert_int_equal(address_of_socket(first, &address), OK);
	assert_int_equal(address_listen(&address, &options, &second, NULL), OK);
	close(first);
	close(second);
}

static void address_of_another_machine_is_refused(void **state)
{
	(void)state;
	struct address address = parse_address("192.0.2.1:7101");
	const struct address_listen options = { 0 };
	struct fault fault = { 0 };
	int fd = -1;
	assert_int_equal(address_listen(&address, &options, &fd, &fault), ERR_NOT_FOUND);
	assert_non_null(strstr(fault.text, "192.0.2.1:7101"));
}

static struct address unix_address(const char *name)
{
	char text[160];
	snprintf(text, sizeof text, "unix:%s", scratch_path(name));
	return parse_address(text);
}

static void unix_socket_has_its_mode_and_replaces_a_stale_one(void **state)
{
	(void)state;
	struct address address = unix_address("a.sock");
	const struct address_listen options = { .unix_mode = 0660 };
	int fd = -1, second = -1;
	struct fault fault = { 0 };
	assert_int_equal(address_listen(&address, &options, &fd, NULL), OK);
	struct stat status;
	assert_int_equal(stat(address.host, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	assert_int_equal(address_listen(&address, &options, &second, &fault), ERR_EXISTS);
	assert_non_null(strstr(fault.text, "another program listens on unix:"));
	close(fd); // as a program that was killed: the file stays
	assert_int_equal(address_listen(&address, &options, &fd, NULL), OK);
	close(fd);
	unlink(address.host);
}

static void unix_path_with_a_file_is_left_alone(void **state)
{
	(void)state;
	struct address address = unix_address("file");
	FILE *file = fopen(address.host, "w");
	fclose(file);
	const struct address_listen options = { 0 };
	struct fault fault = { 0 };
	int fd = -1;
	assert_int_equal(address_listen(&address, &options, &fd, &fault), ERR_EXISTS);
	assert_non_null(strstr(fault.text, "is not a socket"));
	assert_int_equal(access(address.host, F_OK), 0);
	unlink(address.host);
}

struct attempt {
	bool done;
	result code;
	int fd;
	struct fault fault;
};

static void on_connected(void *context, result code, int fd, const struct fault *fault)
{
	struct attempt *attempt = context;
	assert_false(attempt->done);
	*attempt = (struct attempt){ .done = true, .code = code, .fd = fd, .fault = *fault };
}

static struct attempt try_connect(const struct address *address, int64_t timeout_us)
{
	struct loop *loop = new_loop();
	struct attempt attempt = { 0 };
	assert_non_null(connect_start(loop, address, timeout_us, on_connected, &attempt));
	assert_false(attempt.done);
	spin_until(loop, &attempt.done);
	loop_free(loop);
	return attempt;
}

static void connects_by_number_name_and_path(void **state)
{
	(void)state;
	struct address address;
	int fd = listen_anywhere(&address);
	struct attempt attempt = try_connect(&address, 5000000);
	assert_int_equal(attempt.code, OK);
	close(attempt.fd);
	snprintf(address.host, sizeof address.host, "localhost");
	address.numeric = false;
	attempt = try_connect(&address, 5000000);
	assert_int_equal(attempt.code, OK);
	close(attempt.fd);
	close(fd);

	struct address path = unix_address("b.sock");
	const struct address_listen options = { 0 };
	assert_int_equal(address_listen(&path, &options, &fd, NULL), OK);
	attempt = try_connect(&path, 5000000);
	assert_int_equal(attempt.code, OK);
	close(attempt.fd);
	close(fd);
	unlink(path.host);
}

static void refused_connections_say_who_is_missing(void **state)
{
	(void)state;
	struct address address;
	close(listen_anywhere(&address));
	struct attempt attempt = try_connect(&address, 5000000);
	assert_int_equal(attempt.code, ERR_CLOSED);
	assert_int_equal(attempt.fd, -1);
	assert_non_null(strstr(attempt.fault.text, "nobody listens on 127.0.0.1:"));
	struct address path = unix_address("missing.sock");
	attempt = try_connect(&path, 5000000);
	assert_int_equal(attempt.code, ERR_CLOSED);
	struct address name = parse_address("no-such-host.invalid:80");
	attempt = try_connect(&name, 20000000);
	assert_true(attempt.code == ERR_NOT_FOUND || attempt.code == ERR_TIMEOUT);
	assert_non_null(strstr(attempt.fault.text, "no-such-host.invalid"));
}

static void silent_host_times_out(void **state)
{
	(void)state;
	// A listener whose backlog is full answers no further SYN.
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct address address = parse_address("127.0.0.1:0");
	struct sockaddr_storage storage = { .ss_family = AF_INET };
	socklen_t size = sizeof storage;
	assert_int_equal(bind(fd, (struct sockaddr *)&storage, sizeof(struct sockaddr)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&storage, &size), 0);
	assert_int_equal(address_of_socket(fd, &address), OK);
	snprintf(address.host, sizeof address.host, "127.0.0.1");
	int fillers[4];
	for (int i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		struct sockaddr_storage target = storage;
		((uint8_t *)&target)[4] = 127;
		((uint8_t *)&target)[7] = 1;
		(void)connect(fillers[i], (struct sockaddr *)&target, size);
	}
	struct attempt attempt = try_connect(&address, 100000);
	assert_int_equal(attempt.code, ERR_TIMEOUT);
	for (int i = 0; i < 4; i++) {
		close(fillers[i]);
	}
	close(fd);
}

static void cancelled_attempt_calls_nobody(void **state)
{
	(void)state;
	struct loop *loop = new_loop();
	struct attempt attempt = { 0 };
	struct address name = parse_address("localhost:9");
	struct address number = parse_address("127.0.0.1:9");
	struct connect *one = connect_start(loop, &name, 1000000, on_connected, &attempt);
	struct connect *two = connect_start(loop, &number, 1000000, on_connected, &attempt);
	connect_cancel(two);
	spin_ms(loop, 0); // resolving has begun
	if (!attempt.done) {
		connect_cancel(one);
		spin_ms(loop, 20);
		assert_false(attempt.done);
	}
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_parse_and_format),
		cmocka_unit_test(bad_addresses_are_refused_with_words),
		cmocka_unit_test(port_in_use_is_said_so),
		cmocka_unit_test(workers_share_a_port),
		cmocka_unit_test(address_of_another_machine_is_refused),
		cmocka_unit_test(unix_socket_has_its_mode_and_replaces_a_stale_one),
		cmocka_unit_test(unix_path_with_a_file_is_left_alone),
		cmocka_unit_test(connects_by_number_name_and_path),
		cmocka_unit_test(refused_connections_say_who_is_missing),
		cmocka_unit_test(silent_host_times_out),
		cmocka_unit_test(cancelled_attempt_calls_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
