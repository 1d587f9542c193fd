// SPDX-License-Identifier: EUPL-1.2
//
// How a command reaches its gateway: from options, and for what they leave open from a profile file
//
//     gateway: 127.0.0.1:7101        # or unix:/run/besa/ekosova.sock
//     gateway_certificate: gw.pem    # pinned; or gateway_fingerprint: its SHA-256; or ca: ca.pem
//     certificate: client.pem
//     key: client.key
//     contracts: contracts           # directory of <digest>.binpb
//     from: XK/GOV/ASHI/ekosova
//
// Paths in it are seen from its own place.
#ifndef BESA_CLI_CONNECTION_H
#define BESA_CLI_CONNECTION_H

#include "base/yaml.h"
#include "cli/cli.h"
#include "cli/remote.h"

struct connection_options {
	const char *profile;
	const char *gateway;
	const char *unix_path;
	const char *pin;
	const char *ca;
	const char *certificate;
	const char *key;
	const char *from;
	bool plain;
};

// The entries of a command's option table for `struct type { struct connection_options connection; … }`.
#define CONNECTION_OPTIONS(type)                                                                                    \
	{ "profile", "FILE", OPTION_TEXT, COMMAND_OPTION(type, connection.profile),                                 \
	  "how to reach the gateway (YAML; default: $BESA_PROFILE)" },                                              \
	    { "gateway", "HOST:PORT", OPTION_TEXT, COMMAND_OPTION(type, connection.gateway),                        \
	      "the gateway's address" },                                                                            \
	    { "unix", "PATH", OPTION_TEXT, COMMAND_OPTION(type, connection.unix_path), "or its unix socket" },      \
	    { "pin", "FILE|SHA256", OPTION_TEXT, COMMAND_OPTION(type, connection.pin),                              \
	      "the gateway's certificate, pinned" },                                                                \
	    { "ca", "FILE", OPTION_TEXT, COMMAND_OPTION(type, connection.ca),                                       \
	      "or the roots and CAs it must come from (PEM)" },                                                     \
	    { "cert", "FILE", OPTION_TEXT, COMMAND_OPTION(type, connection.certificate), "own certificate (PEM)" }, \
	    { "key", "FILE", OPTION_TEXT, COMMAND_OPTION(type, connection.key), "own key (PEM)" },                  \
	    { "plain", NULL, OPTION_FLAG, COMMAND_OPTION(type, connection.plain),                                   \
	      "no TLS (a listener on the loopback)" },                                                              \
	{                                                                                                           \
		"from", "SUBSYSTEM", OPTION_TEXT, COMMAND_OPTION(type, connection.from), "the subsystem that asks"  \
	}

// Options and profile together. Texts belong to the options and the profile.
struct connection {
	struct remote_target target;
	const char *from;      // NULL: the gateway knows it by the certificate or the listener
	const char *contracts; // NULL: none named
	struct yaml *profile;
	char *address; // made from --unix; owned
};

// ERR_ARGUMENT, ERR_CONFIG with words (all lines that are wrong in the profile), ERR_MEMORY. Release in any case.
result connection_prepare(const struct connection_options *options, struct connection *connection, struct fault *fault);

// Safe on a zeroed struct.
void connection_release(struct connection *connection);

#endif
