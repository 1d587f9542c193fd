// SPDX-License-Identifier: EUPL-1.2
//
// From a command line to the command that runs it: look-up, help pages, suggestions.
#ifndef BESA_CLI_DISPATCH_H
#define BESA_CLI_DISPATCH_H

#include "cli/cli.h"

// Runs the command line argv[1..argc) against the commands (ended by NULL; commands of one group stand together).
// argv[0] is not looked at.
enum cli_exit dispatch_run(const struct command *const *commands, int argc, char **argv, FILE *out, FILE *err);

// Prints the help page of one command.
void dispatch_help(const struct cli *cli, const struct command *command);

#endif
