// SPDX-License-Identifier: EUPL-1.2
//
// `besa`: the command line for operators, auditors and developers. One table, one file per subcommand.
#include "cli/commands.h"
#include "cli/dispatch.h"

#include <signal.h>

static const struct command *const commands[] = {
	&cmd_call,           &cmd_outcome,      &cmd_verify,    &cmd_log_show,     &cmd_log_verify,
	&cmd_log_contains,   &cmd_log_erase,    &cmd_grant_add, &cmd_grant_remove, &cmd_grant_list,
	&cmd_directory_show, &cmd_central_init, NULL,
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of fflush, not a silent death
	return (int)dispatch_run(commands, argc, argv, stdout, stderr);
}
