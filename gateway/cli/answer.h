// SPDX-License-Identifier: EUPL-1.2
//
// Telling people and programs about a gateway's refusal or failure.
#ifndef BESA_CLI_ANSWER_H
#define BESA_CLI_ANSWER_H

#include "cli/cli.h"
#include "cli/remote.h"

#include <jansson.h>

// A short piece of advice for a reason, NULL if there is none. Exposed for the tests.
const char *answer_hint(result reason);

// Prints a negative answer: status, reason, which node said so, exchange id, advice. With --json a document with the
// same on standard output. Returns CLI_NEGATIVE if the gateway said it, else CLI_UNREACHABLE.
enum cli_exit answer_failed(const struct cli *cli, const struct remote_target *target,
			    const struct remote_answer *answer);

#endif
