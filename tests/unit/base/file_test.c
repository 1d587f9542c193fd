// SPDX-License-Identifier: EUPL-1.2
//
// base/file.h, base/result.h, base/clock.h and base/log.h: what programs of every layer lean on.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/besa-file-test-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static const char *in_directory(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	return path;
}

static void test_replace_and_read(void **state)
{
	(void)state;
	struct fault fault = { "" };
	struct buffer content;
	buffer_init(&content, 16);
	assert_int_equal(file_replace(in_directory("f"), slice_text("first"), 0600, &fault), OK);
	assert_int_equal(file_replace(in_directory("f"), slice_text("second"), 0600, &fault), OK);
	assert_int_equal(file_read(in_directory("f"), &content, &fault), OK);
	assert_string_equal(buffer_text(&content), "second");
	struct stat facts;
	assert_int_equal(stat(in_directory("f"), &facts), 0);
	assert_int_equal(facts.st_mode & 0777, 0600);
	assert_int_not_equal(access(in_directory("f.new"), F_OK), 0); // nothing is left beside it
	assert_int_equal(file_replace(in_directory("f"), slice_text("seventeen bytes.."), 0600, &fault), OK);
	buffer_clear(&content);
	assert_int_equal(file_read(in_directory("f"), &content, &fault), ERR_LIMIT);
	unlink(in_directory("f"));
	buffer_clear(&content);
	assert_int_equal(file_read(in_directory("f"), &content, &fault), ERR_NOT_FOUND);
	assert_non_null(strstr(fault.text, in_directory("f")));
	buffer_release(&content);
}

static void test_replace_fails_whole(void **state)
{
	(void)state;
	struct fault fault = { "" };
	assert_int_not_equal(file_replace(in_directory("none/f"), slice_text("x"), 0600, &fault), OK);
	assert_true(fault.text[0] != '\0');
}

static void test_directories(void **state)
{
	(void)state;
	struct fault fault = { "" };
	assert_int_equal(file_make_directory(in_directory("a/b/c"), &fault), OK);
	assert_int_equal(file_make_directory(in_directory("a/b/c"), &fault), OK);
	struct stat facts;
	assert_int_equal(stat(in_directory("a/b/c"), &facts), 0);
	assert_true(S_ISDIR(facts.st_mode));
	assert_int_equal(facts.st_mode & 0777, 0700);
	rmdir(in_directory("a/b/c"));
	rmdir(in_directory("a/b"));
	rmdir(in_directory("a"));
}

static void test_beside(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{ "/etc/besa/gateway.yaml", "keys/a.pem", "/etc/besa/keys/a.pem" },
		{ "/etc/besa/gateway.yaml", "/srv/a.pem", "/srv/a.pem" },
		{ "gateway.yaml", "a.pem", "a.pem" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *path = file_beside(cases[i][0], cases[i][1]);
		assert_non_null(path);
		const char *shown = strncmp(path, "./", 2) == 0 ? path + 2 : path;
		assert_string_equal(shown, cases[i][2]);
		free(path);
	}
}

// Every code has its own wire name, and finds back by it.
static void test_result_table(void **state)
{
	(void)state;
	for (int i = 0; i < RESULT_COUNT; i++) {
		const char *name = result_wire_name((result)i);
		assert_int_equal(result_from_wire_name(name, strlen(name)), i);
		assert_true(strlen(result_text((result)i)) > 0);
		assert_true(result_grpc_status((result)i) <= GRPC_UNAUTHENTICATED);
		assert_true((i == OK) == (result_grpc_status((result)i) == GRPC_OK));
	}
	assert_int_equal(result_from_wire_name("grant_missin", 12), ERR_INTERNAL);
	assert_int_equal(result_from_wire_name("", 0), ERR_INTERNAL);
	assert_string_equal(result_grpc_name(7), "PERMISSION_DENIED");
	assert_string_equal(result_grpc_name(99), "UNKNOWN");
	assert_string_equal(result_grpc_name(-1), "UNKNOWN");
}

static void test_fault(void **state)
{
	(void)state;
	struct fault fault = { "" };
	char longer[2 * FAULT_TEXT_MAX];
	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(fault_set(&fault, ERR_FORMAT, "line %d", 3), ERR_FORMAT);
	assert_int_equal(fault_prefix(&fault, ERR_CONFIG, "gateway.yaml"), ERR_CONFIG);
	assert_string_equal(fault.text, "gateway.yaml: line 3");
	assert_int_equal(fault_set(&fault, ERR_IO, "%s", longer), ERR_IO);
	assert_true(strlen(fault.text) < FAULT_TEXT_MAX);
	assert_int_equal(fault_prefix(&fault, ERR_IO, "%s", longer), ERR_IO);
	assert_true(strlen(fault.text) < FAULT_TEXT_MAX);
	assert_int_equal(fault_set(NULL, ERR_IO, "%s", longer), ERR_IO);
}

static void test_clock(void **state)
{
	(void)state;
	char text[CLOCK_TEXT_SIZE];
	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	clock_format(INT64_C(1709210096000007), text); // a leap day
	assert_string_equal(text, "2024-02-29T12:34:56.000007Z");
	int64_t before = clock_monotonic_us();
	assert_true(clock_monotonic_us() >= before);
	assert_true(clock_wall_us() > INT64_C(1600000000000000));
}

// Runs `speak` with standard error in a file; returns what it wrote, to be freed.
static char *logged(void (*speak)(void))
{
	FILE *file = tmpfile();
	assert_non_null(file);
	int kept = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	speak();
	dup2(kept, STDERR_FILENO);
	close(kept);
	char *text = calloc(1, 65536);
	rewind(file);
	text[fread(text, 1, 65535, file)] = '\0';
	fclose(file);
	return text;
}

static size_t lines(const char *text)
{
	size_t count = 0;
	for (; *text; text++) {
		count += *text == '\n';
	}
	return count;
}

static void speak_forged(void)
{
	log_event(LOG_LEVEL_INFO, "peer_lost", "text=\"%s\"", "a\n2026-01-01T00:00:00Z error forged\r\x1b[2J");
	log_event(LOG_LEVEL_DEBUG, "below_the_level", "x=1");
}

static void speak_burst(void)
{
	for (int i = 0; i < 1000; i++) {
		log_event(LOG_LEVEL_WARNING, "burst", "i=%d", i);
	}
}

static void test_log(void **state)
{
	(void)state;
	char *text = logged(speak_forged);
	assert_int_equal(lines(text), 1);
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "below_the_level"));
	free(text);
	text = logged(speak_burst);
	assert_true(lines(text) >= LOG_BURST);
	assert_true(lines(text) <= 3 * LOG_BURST + 3); // a second may turn meanwhile
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_and_read),
		cmocka_unit_test(test_replace_fails_whole),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_result_table),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_log),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
