// SPDX-License-Identifier: EUPL-1.2
//
// What every subcommand of `besa` shares: how it is described, where it prints, how it ends.
//
// A subcommand is one `struct command`: names, a table of options with the offsets they are stored at, help and a
// function. The dispatcher parses the command line into the command's own zeroed options struct and calls the
// function; the same table makes the help page, so that help cannot drift from what is accepted.
//
// Layer: program. Only files of cli/ include it.
#ifndef BESA_CLI_CLI_H
#define BESA_CLI_CLI_H

#include "base/result.h"
#include "cli/messages.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// How the program ends. Documented in besa(1); scripts rely on it.
enum cli_exit {
	CLI_OK = 0,
	CLI_NEGATIVE = 1,    // a check failed, or the answer is no
	CLI_USAGE = 2,       // the command line or a file given on it makes no sense
	CLI_UNREACHABLE = 3, // something could not be reached, read or written
};

enum { CLI_ARGUMENTS_MAX = 64 }; // positional arguments of one command line

enum option_kind {
	OPTION_FLAG,     // bool
	OPTION_TEXT,     // const char *
	OPTION_LIST,     // struct option_list: may be given several times
	OPTION_NUMBER,   // struct option_number
	OPTION_DURATION, // int64_t microseconds: "500ms", "5s", "2m", "24h", "7d"
};

enum { OPTION_LIST_MAX = 32 };

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option_number {
	uint64_t value;
	bool given;
};

struct command_option {
	const char *name;  // "timeout" for --timeout
	const char *value; // what to write for its value in help, "DURATION"; NULL for a flag
	enum option_kind kind;
	size_t offset; // in the command's options struct
	const char *help;
};

// The offset of an option's field.
#define COMMAND_OPTION(type, field) offsetof(struct type, field)

// Where a command prints, and how. Made by the dispatcher.
struct cli {
	FILE *out;
	FILE *err;
	bool json;       // --json: one JSON document on `out`, nothing else
	bool colour;     // `out` is a terminal and NO_COLOR is unset
	bool err_colour; // the same for `err`
	bool progress;   // `err` is a terminal
	enum language language;
};

struct command {
	const char *group; // "log" in `besa log show`; NULL for a plain command
	const char *name;
	const char *arguments; // in the synopsis: "LEDGER-DIR EXCHANGE-ID"
	size_t least, most;    // positional arguments
	const char *summary;   // one line, without a full stop
	const char *description;
	const char *examples; // lines
	const struct command_option *options;
	size_t option_count;
	size_t options_size; // of the options struct
	enum cli_exit (*run)(struct cli *cli, const void *options, size_t argc, char *const *argv);
};

#endif
