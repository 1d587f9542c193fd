// SPDX-License-Identifier: EUPL-1.2
//
// The configuration of a gateway, gateway.yaml, read and checked as a whole. Supervisor and workers read
// the same file; a worker uses its own member's part only. docs/gateway.yaml.5 describes every key.
//
// Paths in the file are seen from the file's directory.
#ifndef BESA_EXCHANGE_SETTINGS_H
#define BESA_EXCHANGE_SETTINGS_H

#include "base/arena.h"
#include "base/identifier.h"
#include "base/result.h"
#include "crypto/digest.h"

enum {
	SETTINGS_MEMBERS_MAX = 64,    // members one gateway may host
	SETTINGS_WORKERS_MAX = 64,    // per member
	SETTINGS_SHARDS_MAX = 16,     // pre-listed per ledger
	SETTINGS_CLIENTS_MAX = 4096,  // client entries per listener
	SETTINGS_SERVICES_MAX = 1024, // per member
	SETTINGS_ERRORS_TEXT_MAX = 65536,
};

// One subsystem that may use a listener, and how it shows who it is.
struct settings_client {
	const char *subsystem;
	bool by_certificate;
	uint8_t certificate[DIGEST_SIZE]; // SHA-256 of the client certificate's DER
	bool by_uid;
	uint32_t uid; // of the process on the other end of the unix socket
};

// An address at which systems of the member call the gateway. A caller is known by its TLS certificate, by its user id
// on a unix socket, or by the listener itself (`subsystem`, then `clients` is empty).
struct settings_listener {
	const char *address;
	bool tls;
	const char *subsystem; // NULL: by client entry
	const struct settings_client *clients;
	size_t client_count;
};

// A service that a subsystem of this member provides, and the adapter in front of its register.
struct settings_service {
	const char *subsystem;
	const char *name;
	const char *adapter; // "unix:/path" or "host:port"
	int64_t timeout_us;  // the most one call may take
};

struct settings_member {
	const char *id;
	const char *user;        // workers run as; NULL: as started
	const char *notary_user; // the notary runs as, so that workers cannot read its keys; NULL: as `user`
	const char *ledger;      // directory
	const char *shards[SETTINGS_SHARDS_MAX];
	size_t shard_count;
	size_t workers;
	const char *tls_key;
	const char *tls_certificate;
	const char *seal_key;
	const char *seal_certificate;
	const char *ed25519_key;
	const char *peer;  // address for other gateways; NULL: this member provides nothing
	const char *admin; // unix socket for the operator; NULL: none
	const struct settings_listener *listeners;
	size_t listener_count;
	const struct settings_service *services;
	size_t service_count;
};

struct settings_limits {
	int64_t payload_max;         // bytes of one message
	int64_t exchanges_max;       // under way in one worker, each half
	int64_t deadline_default_us; // for callers that name none
	int64_t deadline_max_us;
	int64_t drain_us;            // how long SIGTERM waits for open exchanges
	int64_t refusals_per_minute; // sealed for one peer; the rest are counted
};

struct settings {
	const char *path;
	const char *gateway;   // id in the directory, "gw1"
	const char *trust;     // trust bundle
	const char *edition;   // directory edition file
	const char *contracts; // directory of descriptor sets, <digest>.binpb
	struct settings_limits limits;
	const struct settings_member *members;
	size_t member_count;
	struct arena arena;
};

// Reads and checks the file. On ERR_CONFIG `errors` (malloced, to be freed by the caller, never NULL then) holds
// one line per problem, "file:line: what is wrong". Checks the file alone, not what it points to.
result settings_load(const char *path, struct settings **ret_settings, char **ret_errors);

void settings_free(struct settings *settings);

// The member's part, NULL if the gateway does not host it.
const struct settings_member *settings_find_member(const struct settings *settings, const char *id);

// Whether a running gateway can take `fresh` over from `old` without a restart: the same members, listeners,
// workers, ledgers and users. The fault names the first difference.
result settings_compatible(const struct settings *old, const struct settings *fresh, struct fault *fault);

#endif
