// SPDX-License-Identifier: EUPL-1.2
//
// Messages of a gateway's own Admin service (proto/besa/gateway/v1): grants, on the operator's unix socket. The
// Outcomes service uses wire/envelope.h. Unknown fields are skipped. Slices point into the input, lists go to the
// arena.
#ifndef BESA_WIRE_ADMIN_H
#define BESA_WIRE_ADMIN_H

#include "wire/statement.h"

enum {
	ADMIN_GRANTS_MAX = 20000, // in one list: bounds the answer a command line takes in
	ADMIN_MESSAGE_MAX = 16 * 1024 * 1024,
	ADMIN_ARENA_MAX = 32 * 1024 * 1024,
};

struct admin_add_grant {
	bool has_grant;               // always true after decoding
	struct statement_grant grant; // action and id empty
};

struct admin_remove_grant {
	struct slice id;
	struct slice operator_name;
};

struct admin_grant_reply {
	bool has_grant;
	struct statement_grant grant;
	uint64_t index;
};

struct admin_list_grants_reply {
	struct {
		struct admin_grant_reply *items;
		size_t count;
	} grants;
};

// ERR_FORMAT with words, ERR_LIMIT, ERR_MEMORY. ListGrantsRequest has no fields: zero bytes, any are ignored.
result admin_encode_add_grant(const struct admin_add_grant *request, struct buffer *buffer, struct fault *fault);
result admin_decode_add_grant(struct slice bytes, struct arena *arena, struct admin_add_grant *ret_request,
			      struct fault *fault);
result admin_encode_remove_grant(const struct admin_remove_grant *request, struct buffer *buffer, struct fault *fault);
result admin_decode_remove_grant(struct slice bytes, struct admin_remove_grant *ret_request, struct fault *fault);
result admin_encode_grant_reply(const struct admin_grant_reply *reply, struct buffer *buffer, struct fault *fault);
result admin_decode_grant_reply(struct slice bytes, struct arena *arena, struct admin_grant_reply *ret_reply,
				struct fault *fault);
result admin_encode_list_grants_reply(const struct admin_list_grants_reply *reply, struct buffer *buffer,
				      struct fault *fault);
result admin_decode_list_grants_reply(struct slice bytes, struct arena *arena,
				      struct admin_list_grants_reply *ret_reply, struct fault *fault);

// The tables, NULL at the end, for tests that hold them against the .proto files.
extern const struct codec_message *const admin_messages[];

#endif
