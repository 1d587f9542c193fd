// SPDX-License-Identifier: EUPL-1.2
//
// Command lines: every kind of option, every way to get one wrong, and the dispatcher's help and suggestions.
#include "cli/dispatch.h"
#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
	const char *text;
	bool flag;
	struct option_list list;
	struct option_number number;
	int64_t duration_us;
};

static const struct command_option sample_options[] = {
	{ "text", "TEXT", OPTION_TEXT, COMMAND_OPTION(sample, text), "a text" },
	{ "flag", NULL, OPTION_FLAG, COMMAND_OPTION(sample, flag), "a flag" },
	{ "item", "TEXT", OPTION_LIST, COMMAND_OPTION(sample, list), "a list" },
	{ "number", "N", OPTION_NUMBER, COMMAND_OPTION(sample, number), "a number" },
	{ "duration", "DURATION", OPTION_DURATION, COMMAND_OPTION(sample, duration_us), "a duration" },
};

static enum cli_exit run_sample(struct cli *cli, const void *given, size_t argc, char *const *argv)
{
	const struct sample *options = given;
	fprintf(cli->out, "ran %zu %s %s%s", argc, argc ? argv[0] : "", options->flag ? "flag" : "",
		cli->json ? " json" : "");
	return options->flag ? CLI_NEGATIVE : CLI_OK;
}

static const struct command sample_command = {
	.name = "sample",
	.arguments = "FILE [OTHER]",
	.least = 1,
	.most = 2,
	.summary = "a sample",
	.description = "Describes itself.",
	.examples = "  besa sample x",
	.options = sample_options,
	.option_count = sizeof sample_options / sizeof sample_options[0],
	.options_size = sizeof(struct sample),
	.run = run_sample,
};
static const struct command grouped_command = {
	.group = "box", .name = "open", .summary = "opens", .options_size = sizeof(struct sample), .run = run_sample
};
static const struct command *const commands[] = { &sample_command, &grouped_command, NULL };

enum { WORDS_MAX = 80 };

// Splits a copy of the line at its blanks.
static int split(const char *line, char copy[4096], char *words[WORDS_MAX])
{
	int count = 0;
	snprintf(copy, 4096, "%s", line);
	for (char *word = copy; *word && count < WORDS_MAX;) {
		size_t size = strcspn(word, " ");
		words[count++] = word;
		word += size;
		if (*word) {
			*word++ = '\0';
		}
	}
	return count;
}

static result parse(const char *line, struct sample *sample, struct options_result *parsed, struct fault *fault)
{
	static char copy[4096]; // what was parsed points into it
	char *words[WORDS_MAX];
	int count = split(line, copy, words);
	*sample = (struct sample){ 0 };
	*fault = (struct fault){ 0 };
	return options_parse(&sample_command, count, words, sample, parsed, fault);
}

static void test_every_kind(void **state)
{
	(void)state;
	struct sample sample;
	struct options_result parsed;
	struct fault fault;
	assert_int_equal(parse("a --text=b --flag --item 1 --item=2 --number 7 --duration 250ms c --json --lang sr",
			       &sample, &parsed, &fault),
			 OK);
	assert_string_equal(sample.text, "b");
	assert_true(sample.flag);
	assert_int_equal(sample.list.count, 2);
	assert_string_equal(sample.list.items[1], "2");
	assert_true(sample.number.given);
	assert_int_equal(sample.number.value, 7);
	assert_int_equal(sample.duration_us, 250000);
	assert_int_equal(parsed.argument_count, 2);
	assert_string_equal(parsed.arguments[1], "c");
	assert_true(parsed.json);
	assert_int_equal(parsed.language, LANGUAGE_SR);
	assert_int_equal(parse("-- --text -x", &sample, &parsed, &fault), OK);
	assert_string_equal(parsed.arguments[0], "--text");
	assert_int_equal(parse("-", &sample, &parsed, &fault), OK);
	assert_int_equal(parse("--help --nonsense", &sample, &parsed, &fault), OK);
	assert_true(parsed.help);
}

static void test_mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		const char *words;
	} cases[] = {
		{ "a --texd b", "there is no option --texd; did you mean --text?" },
		{ "a --completely-other", "there is no option --completely-other" },
		{ "a --text", "--text needs a value" },
		{ "a --text=", "--text has an empty value" },
		{ "a --text b --text c", "--text is given twice" },
		{ "a --flag=1", "--flag takes no value" },
		{ "a --json=1", "--json takes no value" },
		{ "a --number -1", "--number takes a whole number, not \"-1\"" },
		{ "a --number 1x", "--number takes a whole number, not \"1x\"" },
		{ "a --number 1 --number 2", "--number is given twice" },
		{ "a --duration 5", "--duration takes a duration such as 500ms, 5s or 2m, not \"5\"" },
		{ "a --duration 0s", "--duration takes a duration such as 500ms, 5s or 2m, not \"0s\"" },
		{ "a --lang de", "--lang takes sq, sr or en, not \"de\"" },
		{ "a -x", "there is no option -x; options begin with --" },
		{ "a b c", "\"c\" is one argument too many" },
		{ "--flag", "an argument is missing: FILE [OTHER]" },
	};
	struct sample sample;
	struct options_result parsed;
	struct fault fault;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(parse(cases[i].line, &sample, &parsed, &fault), ERR_ARGUMENT);
		assert_string_equal(fault.text, cases[i].words);
	}
}

static void test_lists_are_bounded(void **state)
{
	(void)state;
	char line[4096] = "a";
	struct sample sample;
	struct options_result parsed;
	struct fault fault;
	for (int i = 0; i < OPTION_LIST_MAX; i++) {
		strncat(line, " --item=x", sizeof line - strlen(line) - 1);
	}
	assert_int_equal(parse(line, &sample, &parsed, &fault), OK);
	strncat(line, " --item=x", sizeof line - strlen(line) - 1);
	assert_int_equal(parse(line, &sample, &parsed, &fault), ERR_ARGUMENT);
}

static void test_durations(void **state)
{
	(void)state;
	int64_t us = 0;
	assert_int_equal(options_duration("90m", &us), OK);
	assert_int_equal(us, 90LL * 60 * 1000000);
	assert_int_equal(options_duration("400d", &us), OK);
	assert_int_equal(options_duration("401d", &us), ERR_ARGUMENT);
	assert_int_equal(options_duration("99999999999999999999d", &us), ERR_ARGUMENT);
	assert_int_equal(options_duration("s", &us), ERR_ARGUMENT);
	assert_int_equal(options_duration("", &us), ERR_ARGUMENT);
	assert_int_equal(options_duration("5 s", &us), ERR_ARGUMENT);
}

static void test_nearest(void **state)
{
	(void)state;
	static const char *const words[] = { "verify", "outcome", "log", "call" };
	assert_string_equal(options_nearest("verfiy", words, 4), "verify");
	assert_string_equal(options_nearest("kall", words, 4), "call");
	assert_null(options_nearest("x", words, 4));
	assert_null(options_nearest("nothinglikeit", words, 4));
	char longer[200];
	memset(longer, 'v', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_null(options_nearest(longer, words, 4));
}

// Runs a command line, gives what it printed on both streams.
static enum cli_exit dispatch(const char *line, char out[8192], char err[8192])
{
	char copy[4096];
	char *words[WORDS_MAX + 1] = { (char *)"besa" };
	int count = 1 + split(line, copy, words + 1);
	FILE *files[2] = { tmpfile(), tmpfile() };
	assert_non_null(files[0]);
	assert_non_null(files[1]);
	enum cli_exit exit = dispatch_run(commands, count, words, files[0], files[1]);
	char *texts[2] = { out, err };
	for (int i = 0; i < 2; i++) {
		rewind(files[i]);
		texts[i][fread(texts[i], 1, 8191, files[i])] = '\0';
		fclose(files[i]);
	}
	return exit;
}

static void test_dispatch(void **state)
{
	(void)state;
	char out[8192], err[8192];
	assert_int_equal(dispatch("sample x --json", out, err), CLI_OK);
	assert_string_equal(out, "ran 1 x  json");
	assert_int_equal(dispatch("sample x --flag", out, err), CLI_NEGATIVE);
	assert_int_equal(dispatch("box open", out, err), CLI_OK);
	assert_int_equal(dispatch("", out, err), CLI_USAGE);
	assert_int_equal(dispatch("box", out, err), CLI_USAGE);
	assert_int_equal(dispatch("sampel x", out, err), CLI_USAGE);
	assert_non_null(strstr(err, "did you mean \"sample\"?"));
	assert_int_equal(dispatch("box opne", out, err), CLI_USAGE);
	assert_non_null(strstr(err, "did you mean \"box open\"?"));
	assert_int_equal(dispatch("nothing", out, err), CLI_USAGE);
	assert_int_equal(dispatch("sample", out, err), CLI_USAGE);
	assert_non_null(strstr(err, "besa help sample"));
}

static void test_help(void **state)
{
	(void)state;
	static const char *const ways[] = { "help sample", "sample --help", "sample x -h" };
	char out[8192], err[8192];
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		assert_int_equal(dispatch(ways[i], out, err), CLI_OK);
		assert_non_null(strstr(out, "besa sample FILE [OTHER] [OPTION …]"));
		assert_non_null(strstr(out, "--duration DURATION"));
		assert_non_null(strstr(out, "besa sample x"));
		assert_string_equal(err, "");
	}
	assert_int_equal(dispatch("--help", out, err), CLI_OK);
	assert_non_null(strstr(out, "Exit codes"));
	assert_non_null(strstr(out, "box open"));
	assert_int_equal(dispatch("help box", out, err), CLI_OK);
	assert_int_equal(dispatch("box --help", out, err), CLI_OK);
	assert_null(strchr(out, '\033')); // no terminal, no colours
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_lists_are_bounded),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_dispatch),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
