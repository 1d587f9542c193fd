// SPDX-License-Identifier: EUPL-1.2
//
// The commands, each defined in the cmd_*.c file of its group.
#ifndef BESA_CLI_COMMANDS_H
#define BESA_CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct command cmd_call;
extern const struct command cmd_outcome;
extern const struct command cmd_verify;
extern const struct command cmd_log_show;
extern const struct command cmd_log_verify;
extern const struct command cmd_log_contains;
extern const struct command cmd_log_erase;
extern const struct command cmd_grant_add;
extern const struct command cmd_grant_remove;
extern const struct command cmd_grant_list;
extern const struct command cmd_directory_show;
extern const struct command cmd_central_init;

#endif
