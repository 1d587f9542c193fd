// SPDX-License-Identifier: EUPL-1.2
//
// Reads a command line by a command's option table.
//
// `--name value`, `--name=value`, flags as `--name`; options and arguments in any order; `--` ends the options; a lone
// `-` is an argument. Every command also takes --json, --lang and --help. An option may be given once unless it is a
// list.
#ifndef BESA_CLI_OPTIONS_H
#define BESA_CLI_OPTIONS_H

#include "cli/cli.h"

// What stood on a command line besides the command's own options.
struct options_result {
	bool help;
	bool json;
	bool language_given;
	enum language language;
	char *arguments[CLI_ARGUMENTS_MAX]; // borrowed from argv
	size_t argument_count;
};

// Reads argv[0..argc) (the words after the command's name) into `options` (options_size zeroed bytes). ERR_ARGUMENT
// with words that name the word at fault. With --help, the rest is not checked.
result options_parse(const struct command *command, int argc, char **argv, void *options,
		     struct options_result *ret_result, struct fault *fault);

// "500ms", "5s", "2m", "24h", "7d" to microseconds; ERR_ARGUMENT. Greater than zero, at most 400 days.
result options_duration(const char *text, int64_t *ret_us);

// The candidate that is nearest to what was typed (edit distance at most a third of its length, and at most 3),
// NULL if none is near.
const char *options_nearest(const char *typed, const char *const *candidates, size_t count);

#endif
