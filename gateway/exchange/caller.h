// SPDX-License-Identifier: EUPL-1.2
//
// Who calls: which subsystem of our member is on the other end of a client's connection.
#ifndef BESA_EXCHANGE_CALLER_H
#define BESA_EXCHANGE_CALLER_H

#include "exchange/settings.h"
#include "net/h2.h"

// The subsystem that the caller may speak for, by the listener, its certificate or its user id. `named` is what the
// caller says (besa-client, may be empty): it must be one of those it may speak for, and chooses where there are
// several. The text is the settings'. ERR_CLIENT_UNKNOWN, ERR_PERMISSION (named another's), with words.
result caller_identify(const struct settings_listener *listener, const struct h2_peer *peer, struct slice named,
		       const char **ret_subsystem, struct fault *fault);

#endif
