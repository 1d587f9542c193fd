// SPDX-License-Identifier: EUPL-1.2
//
// One unary gRPC call to a gateway, waited for: `call`, `outcome`, `grant`.
//
// Over TLS the gateway is known either by its pinned certificate, or by a CA: then its certificate must be a gateway's,
// lead to a root of the CA file, and speak for the member that the caller belongs to. Names in the address prove
// nothing.
#ifndef BESA_CLI_REMOTE_H
#define BESA_CLI_REMOTE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/result.h"

enum {
	REMOTE_METADATA_MAX = 32,
	REMOTE_ANSWER_MAX = 64 * 1024 * 1024, // bytes of an answer's message
	REMOTE_ARENA_MAX = 1024 * 1024,       // metadata of an answer
};

struct remote_target {
	const char *address;     // "host:port" or "unix:/path"; over a unix path there is no TLS
	bool plain;              // no TLS over TCP either: for a listener on the loopback
	const char *pin;         // of the gateway's certificate: a PEM file, or SHA-256 in hexadecimal
	const char *ca;          // PEM file: roots, and the issuing CAs below them
	const char *certificate; // own, PEM
	const char *key;
	struct slice member; // that a gateway known by its CA must speak for; empty: any
};

struct remote_field {
	const char *name; // lower case
	struct slice value;
};

struct remote_request {
	const char *path; // "/package.Service/Method"
	struct remote_field metadata[REMOTE_METADATA_MAX];
	size_t metadata_count;
	struct slice message;
	int64_t timeout_us;
};

struct remote_answer {
	struct arena arena;
	enum grpc_status status;
	bool from_peer; // the status is the gateway's word; otherwise it could not be asked, or the answer was lost
	result cause;   // why, if not from_peer
	struct slice status_message;
	struct remote_field *metadata; // initial, then trailers
	size_t metadata_count;
	struct buffer message;
};

// Makes the call. OK whenever there is a status, be it good or bad; otherwise ERR_* of credentials, address or memory
// with words. Release the answer after OK.
result remote_call(const struct remote_target *target, const struct remote_request *request,
		   struct remote_answer *ret_answer, struct fault *fault);

// Safe on a zeroed struct.
void remote_release(struct remote_answer *answer);

// A field's value; empty if there is none.
struct slice remote_field(const struct remote_answer *answer, const char *name);

// Adds a field to a request, if the value is not NULL.
void remote_add(struct remote_request *request, const char *name, const char *value);

#endif
