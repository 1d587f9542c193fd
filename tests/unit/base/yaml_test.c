// SPDX-License-Identifier: EUPL-1.2
//
// base/yaml.h: the tree, typed reading, and each error with its line.
#include "base/yaml.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct yaml *load(const char *text)
{
	struct yaml *yaml = NULL;
	assert_int_equal(yaml_load_text("f.yaml", slice_text(text), &yaml), OK);
	assert_non_null(yaml);
	return yaml;
}

// The document must have exactly these errors, in order.
static void expect_errors(const struct yaml *yaml, const char *const *expected)
{
	size_t count = 0;
	for (; expected[count]; count++) {
		if (count >= yaml_error_count(yaml)) {
			fail_msg("missing error: %s", expected[count]);
		}
		assert_string_equal(yaml_error_text(yaml, count), expected[count]);
	}
	if (yaml_error_count(yaml) > count) {
		fail_msg("unexpected error: %s", yaml_error_text(yaml, count));
	}
}

#define EXPECT_ERRORS(yaml, ...) expect_errors(yaml, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void test_tree(void **state)
{
	(void)state;
	struct yaml *yaml = load("# comment\nname: civil\nlist:\n  - a\n  - {b: 1}\ntext: |\n  two\n  lines\n");
	EXPECT_ERRORS(yaml);
	const struct yaml_node *root = yaml_root(yaml);
	assert_int_equal(yaml_kind_of(root), YAML_MAPPING);
	assert_int_equal(yaml_count(root), 3);
	assert_string_equal(yaml_key(root, 1), "list");
	const struct yaml_node *list = yaml_value(root, 1);
	assert_int_equal(yaml_kind_of(list), YAML_SEQUENCE);
	assert_int_equal(yaml_line(yaml_item(list, 1)), 5);
	assert_string_equal(yaml_text(yaml_item(list, 0)), "a");
	assert_null(yaml_text(list));
	assert_string_equal(yaml_take_text(yaml, root, "text", YAML_REQUIRED, NULL), "two\nlines\n");
	assert_string_equal(yaml_path(yaml), "f.yaml");
	yaml_free(yaml);
}

static void test_typed(void **state)
{
	(void)state;
	struct yaml *yaml = load("i: -12\nb: true\nd: 250ms\ns: 64KiB\np: sub/x.db\na: /abs\nz: 7d\nq: 'quoted'\n");
	const struct yaml_node *root = yaml_root(yaml);
	assert_int_equal(yaml_take_integer(yaml, root, "i", YAML_REQUIRED, -20, 20, 0), -12);
	assert_true(yaml_take_bool(yaml, root, "b", YAML_REQUIRED, false));
	assert_int_equal(yaml_take_duration_us(yaml, root, "d", YAML_REQUIRED, 0, INT64_MAX, 0), 250000);
	assert_int_equal(yaml_take_duration_us(yaml, root, "z", YAML_REQUIRED, 0, INT64_MAX, 0), 7 * 86400LL * 1000000);
	assert_int_equal(yaml_take_size(yaml, root, "s", YAML_REQUIRED, 0, INT64_MAX, 0), 65536);
	assert_string_equal(yaml_take_path(yaml, root, "p", YAML_REQUIRED, NULL), "sub/x.db");
	assert_string_equal(yaml_take_path(yaml, root, "a", YAML_REQUIRED, NULL), "/abs");
	assert_string_equal(yaml_take_text(yaml, root, "q", YAML_REQUIRED, NULL), "quoted");
	assert_int_equal(yaml_take_integer(yaml, root, "absent", YAML_OPTIONAL, 0, 9, 4), 4);
	yaml_finish(yaml);
	EXPECT_ERRORS(yaml);
	yaml_free(yaml);
}

static void test_path_beside_file(void **state)
{
	(void)state;
	struct yaml *yaml = NULL;
	assert_int_equal(yaml_load_text("/etc/besa/g.yaml", slice_text("p: x.db"), &yaml), OK);
	assert_string_equal(yaml_take_path(yaml, yaml_root(yaml), "p", YAML_REQUIRED, NULL), "/etc/besa/x.db");
	yaml_free(yaml);
}

static void test_typed_errors(void **state)
{
	(void)state;
	struct yaml *yaml =
	    load("i: 99\nb: yes\nd: 5 minutes\ns: 3GB\nt: [1]\ne:\nl: x\nm: - \nr: 1h\nh: 0x10\nq: '5'\n"
		 "o: 99999999999999999999\n");
	EXPECT_ERRORS(yaml, "f.yaml:8: block sequence entries are not allowed in this context");
	yaml_free(yaml);

	yaml = load("i: 99\nb: yes\nd: 5 minutes\ns: 3GB\nt: [1]\ne:\nl: x\nm: y\nr: 1h\nh: 0x10\nq: '5'\n"
		    "o: 99999999999999999999\n");
	const struct yaml_node *root = yaml_root(yaml);
	// Asked in another order than that of the file: errors come in the order of the file.
	assert_null(yaml_take_mapping(yaml, root, "m", YAML_REQUIRED));
	assert_int_equal(yaml_take_integer(yaml, root, "i", YAML_REQUIRED, 1, 10, 3), 3);
	assert_false(yaml_take_bool(yaml, root, "b", YAML_REQUIRED, false));
	assert_int_equal(yaml_take_duration_us(yaml, root, "d", YAML_REQUIRED, 0, 1, 7), 7);
	assert_int_equal(yaml_take_size(yaml, root, "s", YAML_REQUIRED, 0, 1, 8), 8);
	assert_string_equal(yaml_take_text(yaml, root, "t", YAML_REQUIRED, "f"), "f");
	assert_string_equal(yaml_take_text(yaml, root, "e", YAML_REQUIRED, "f"), "f");
	assert_null(yaml_take_sequence(yaml, root, "l", YAML_REQUIRED));
	assert_int_equal(yaml_take_duration_us(yaml, root, "r", YAML_REQUIRED, 1000, 30000000, 7), 7);
	assert_int_equal(yaml_take_integer(yaml, root, "h", YAML_REQUIRED, 0, 99, 3), 3);
	assert_int_equal(yaml_take_integer(yaml, root, "q", YAML_REQUIRED, 0, 99, 3), 3);
	assert_int_equal(yaml_take_integer(yaml, root, "o", YAML_REQUIRED, 0, INT64_MAX, 3), 3);
	assert_null(yaml_take(yaml, root, "gone", YAML_REQUIRED));
	EXPECT_ERRORS(yaml, "f.yaml:1: \"i\": \"99\" is no whole number from 1 to 10", "f.yaml:1: \"gone\" is missing",
		      "f.yaml:2: \"b\": \"yes\" is neither true nor false",
		      "f.yaml:3: \"d\": \"5 minutes\" is not a duration such as 250ms, 30s, 5m, 24h or 7d",
		      "f.yaml:4: \"s\": \"3GB\" is not a size such as 512, 64KiB, 16MiB or 1GiB",
		      "f.yaml:5: \"t\" must be text, not a list", "f.yaml:6: \"e\" is empty; expected text",
		      "f.yaml:7: \"l\" must be a list (- item)", "f.yaml:8: \"m\" must be a mapping (key: value)",
		      "f.yaml:9: \"r\": 1h is not from 1ms to 30s",
		      "f.yaml:10: \"h\": \"0x10\" is no whole number from 0 to 99",
		      "f.yaml:11: \"q\": \"5\" is no whole number from 0 to 99",
		      "f.yaml:12: \"o\": \"99999999999999999999\" is no whole number from 0 to 9223372036854775807");
	yaml_free(yaml);
}

static void test_unknown_keys(void **state)
{
	(void)state;
	struct yaml *yaml =
	    load("listen: x\nlisen: y\nsub:\n  a: 1\n  b: {c: 2}\nfree:\n  any: 1\nitems:\n  - {n: 1, m: 2}\n");
	const struct yaml_node *root = yaml_root(yaml);
	yaml_take_text(yaml, root, "listen", YAML_REQUIRED, NULL);
	const struct yaml_node *sub = yaml_take_mapping(yaml, root, "sub", YAML_REQUIRED);
	yaml_take_integer(yaml, sub, "a", YAML_REQUIRED, 0, 9, 0);
	yaml_take_all(yaml_take_mapping(yaml, root, "free", YAML_REQUIRED));
	const struct yaml_node *items = yaml_take_sequence(yaml, root, "items", YAML_REQUIRED);
	yaml_take_integer(yaml, yaml_item(items, 0), "n", YAML_REQUIRED, 0, 9, 0);
	yaml_finish(yaml);
	EXPECT_ERRORS(yaml, "f.yaml:2: unknown key \"lisen\"; known here: listen, sub, free, items",
		      "f.yaml:5: unknown key \"b\"; known here: a", "f.yaml:9: unknown key \"m\"; known here: n");
	yaml_free(yaml);
}

static void test_not_a_mapping_is_said_once(void **state)
{
	(void)state;
	struct yaml *yaml = load("- a\n");
	assert_null(yaml_take(yaml, yaml_root(yaml), "x", YAML_REQUIRED));
	assert_null(yaml_take(yaml, yaml_root(yaml), "y", YAML_REQUIRED));
	assert_null(yaml_take(yaml, NULL, "y", YAML_REQUIRED));
	EXPECT_ERRORS(yaml, "f.yaml:1: expected a mapping (key: value) here");
	yaml_free(yaml);
}

struct refusal {
	const char *text;
	const char *error;
};

static void test_refused_documents(void **state)
{
	(void)state;
	static const struct refusal refusals[] = {
		{ "", "f.yaml:1: the file is empty" },
		{ "# nothing\n", "f.yaml:1: the file is empty" },
		{ "a: 1\nb: 2\na: 3\n", "f.yaml:3: the key \"a\" stands already in line 1" },
		{ "x:\n  k: 1\n  'k': 2\n", "f.yaml:3: the key \"k\" stands already in line 2" },
		{ "a: &anchor 1\n", "f.yaml:1: anchors (&name) are not allowed: write the value out" },
		{ "a: 1\nb: &n [1]\n", "f.yaml:2: anchors (&name) are not allowed: write the value out" },
		{ "a: *n\n", "f.yaml:1: aliases (*name) are not allowed: write the value out" },
		{ "a: !!str 1\n", "f.yaml:1: tags (!name) are not allowed: values have the type their key demands" },
		{ "a: !x {}\n", "f.yaml:1: tags (!name) are not allowed: values have the type their key demands" },
		{ "%TAG ! tag:x,2000:\n---\na: 1\n", "f.yaml:1: %TAG directives are not allowed" },
		{ "a: 1\n---\nb: 2\n", "f.yaml:2: a second document begins; one file holds one" },
		{ "? [a, b]\n: 1\n", "f.yaml:1: a key must be plain text, not a list or a mapping" },
		{ "a: \"x\\0y\"\n", "f.yaml:1: a NUL character is not allowed in text" },
		{ "a: 1\n\tb: 2\n", "f.yaml:2: found " },
		{ "a: [1, 2\nb: 3\n", NULL },
		{ "a: 'open\n", NULL },
		{ "a: \xff\xfe\n", NULL },
		{ "a: \x01\n", NULL },
	};
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct yaml *yaml = load(refusals[i].text);
		assert_null(yaml_root(yaml));
		assert_int_equal(yaml_error_count(yaml), 1);
		// libyaml's own words differ between versions: the start must agree.
		const char *expected = refusals[i].error ? refusals[i].error : "f.yaml:";
		assert_memory_equal(yaml_error_text(yaml, 0), expected, strlen(expected));
		yaml_free(yaml);
	}
}

static void test_every_duplicate_is_found(void **state)
{
	(void)state;
	struct yaml *yaml = load("a: 1\nb:\n  c: 1\n  c: 2\na: 2\na: 3\n");
	EXPECT_ERRORS(yaml, "f.yaml:4: the key \"c\" stands already in line 3",
		      "f.yaml:5: the key \"a\" stands already in line 1",
		      "f.yaml:6: the key \"a\" stands already in line 5");
	yaml_free(yaml);
}

static char *repeated(const char *text, size_t times)
{
	size_t size = strlen(text);
	char *all = malloc(size * times + 1);
	assert_non_null(all);
	for (size_t i = 0; i < times; i++) {
		memcpy(all + i * size, text, size);
	}
	all[size * times] = '\0';
	return all;
}

static void test_bombs(void **state)
{
	(void)state;
	static const struct {
		const char *piece;
		size_t times;
		const char *error;
	} bombs[] = {
		{ "[", 100000, "f.yaml:1: nested deeper than 32 levels" },
		{ "{a: ", 100000, "f.yaml:1: nested deeper than 32 levels" },
		{ "- ", 100000, "f.yaml:1: nested deeper than 32 levels" },
		{ "- a\n", 300000, "f.yaml:200000: more than 200000 values in one file" },
		{ "# long\n", 1000000, "f.yaml:1: larger than 4194304 bytes" },
	};
	for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
		char *text = repeated(bombs[i].piece, bombs[i].times);
		struct yaml *yaml = load(text);
		EXPECT_ERRORS(yaml, bombs[i].error);
		assert_null(yaml_root(yaml));
		yaml_free(yaml);
		free(text);
	}
}

static void test_errors_are_bounded(void **state)
{
	(void)state;
	struct yaml *yaml = load("a: 1\n");
	for (int i = 0; i < YAML_ERRORS_MAX + 25; i++) {
		yaml_error(yaml, NULL, "problem %d", i);
	}
	assert_int_equal(yaml_error_count(yaml), YAML_ERRORS_MAX + 1);
	assert_string_equal(yaml_error_text(yaml, 0), "f.yaml:1: problem 0");
	assert_string_equal(yaml_error_text(yaml, YAML_ERRORS_MAX), "and 25 more errors");
	yaml_free(yaml);
}

static void test_text_shown_is_short_and_clean(void **state)
{
	(void)state;
	char *many = repeated("ë", 100);
	struct buffer text;
	buffer_init(&text, 1000);
	buffer_append_format(&text, "n: \"\\n%s\"\n", many);
	struct yaml *yaml = load(buffer_text(&text));
	assert_int_equal(yaml_take_integer(yaml, yaml_root(yaml), "n", YAML_REQUIRED, 0, 1, 0), 0);
	const char *error = yaml_error_text(yaml, 0);
	assert_true(strlen(error) < 160);
	assert_null(strchr(error, '\n'));
	assert_non_null(strstr(error, "ë…\" is no whole number"));
	yaml_free(yaml);
	buffer_release(&text);
	free(many);
}

static void test_files(void **state)
{
	(void)state;
	struct yaml *yaml = NULL;
	assert_int_equal(yaml_load_file("/nonexistent/x.yaml", &yaml), OK);
	assert_null(yaml_root(yaml));
	EXPECT_ERRORS(yaml, "/nonexistent/x.yaml:1: cannot open /nonexistent/x.yaml: No such file or directory");
	yaml_free(yaml);

	char path[] = "/tmp/yaml_test_XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "k: v\n", 5), 5);
	close(fd);
	assert_int_equal(yaml_load_file(path, &yaml), OK);
	unlink(path);
	assert_string_equal(yaml_take_text(yaml, yaml_root(yaml), "k", YAML_REQUIRED, NULL), "v");
	yaml_free(yaml);
	yaml_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_typed),
		cmocka_unit_test(test_path_beside_file),
		cmocka_unit_test(test_typed_errors),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_not_a_mapping_is_said_once),
		cmocka_unit_test(test_refused_documents),
		cmocka_unit_test(test_every_duplicate_is_found),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_errors_are_bounded),
		cmocka_unit_test(test_text_shown_is_short_and_clean),
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
