// SPDX-License-Identifier: EUPL-1.2
//
// The plan of a federation: the YAML file from which `besa central init` makes keys, certificates and the first
// directory edition. certs/plan.example.yaml shows every key. Checked as a whole: each problem is reported with its
// line.
#ifndef BESA_CLI_PLAN_H
#define BESA_CLI_PLAN_H

#include "base/arena.h"
#include "base/yaml.h"
#include "crypto/digest.h"

enum {
	PLAN_MEMBERS_MAX = 10000, // the size of federation that a directory is built for
	PLAN_LIST_MAX = 256,      // entries of one member's or gateway's lists
	PLAN_ARENA_MAX = 64 * 1024 * 1024,
	PLAN_CONTRACT_MAX = 16 * 1024 * 1024, // bytes of one descriptor set
};

struct plan_names {
	const char *sq, *sr, *en;
};

struct plan_service {
	const char *name;
	const char *contract; // path of the descriptor set
	uint8_t digest[DIGEST_SIZE];
	const char **idempotent;
	size_t idempotent_count;
};

struct plan_subsystem {
	const char *id; // "XK/GOV/ARC/population"
	struct plan_names names;
	const struct plan_service *services;
	size_t service_count;
};

struct plan_gateway {
	const char *id;
	const char **addresses; // of the peer listener, "host:port"
	size_t address_count;
	const char **hosts; // names and addresses in the TLS certificate
	size_t host_count;
	const char **shards; // present one first
	size_t shard_count;
};

struct plan_member {
	const char *id;
	struct plan_names names;
	const struct plan_subsystem *subsystems;
	size_t subsystem_count;
	const struct plan_gateway *gateways;
	size_t gateway_count;
};

struct plan {
	struct yaml *yaml;
	struct arena arena;
	const char *instance;
	const char *central_member;
	const char *central_gateway; // the part of the central ledger's name between member and shard
	const char *central_shard;
	int64_t root_us, issuing_us, certificate_us, edition_us; // validity
	int64_t clock_skew_us, longest_deadline_us, outage_budget_us;
	struct plan_member *members; // ascending by id
	size_t member_count;
};

// Reads and checks a plan, and takes the digest of every contract file. ERR_CONFIG with `errors` (malloced lines
// "file:line: words", for the caller to free); ERR_MEMORY.
result plan_load(const char *path, struct plan **ret_plan, char **ret_errors);

void plan_free(struct plan *plan);

#endif
