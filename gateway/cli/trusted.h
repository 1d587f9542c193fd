// SPDX-License-Identifier: EUPL-1.2
//
// The trust bundle and the directory edition that a command was given, verified.
#ifndef BESA_CLI_TRUSTED_H
#define BESA_CLI_TRUSTED_H

#include "cli/cli.h"
#include "directory/directory.h"

struct trusted {
	struct trust trust;
	bool has_trust;
	struct directory *directory; // NULL: none was given
	bool expired;                // the edition is past its time: good for looking back only
};

// What to accept of an edition's age.
enum trusted_age { TRUSTED_FRESH, TRUSTED_ANY_AGE };

// Loads `trust` (NULL: $BESA_TRUST) and, below it, `edition` (NULL: $BESA_EDITION, and if that is not set, none). No
// trust bundle is ERR_ARGUMENT with words. Release after OK.
result trusted_load(const char *trust, const char *edition, enum trusted_age age, struct trusted *ret_trusted,
		    struct fault *fault);

// Safe on a zeroed struct.
void trusted_release(struct trusted *trusted);

#endif
