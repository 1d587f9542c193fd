// SPDX-License-Identifier: EUPL-1.2
#include "exchange/admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/text.h"
#include "exchange/reply.h"
#include "wire/admin.h"

enum {
	GRANT_ID_RANDOM = 5, // bytes; the id is "g-" and their hexadecimal digits
	GRANT_ID_TEXT_SIZE = 2 + 2 * GRANT_ID_RANDOM + 1,
};

// A change of grants on its way to the notary.
struct change {
	struct node *node;
	struct grpc_call *call; // NULL once the caller is gone
	uint8_t *message;       // the request, into which the grant's slices point
	struct arena arena;
	struct statement_grant grant;
	char id[GRANT_ID_TEXT_SIZE];
	struct buffer body;
	struct notary_call notary;
};

// ---- changes -------------------------------------------------------------------------------------------------------

static void free_change(struct change *change)
{
	arena_release(&change->arena);
	buffer_release(&change->body);
	free(change->message);
	free(change);
}

static void fail(struct change *change, result code, const char *words)
{
	if (change->call) {
		reply_fault(change->call, change->node->ledger, NULL, code, words);
	}
	free_change(change);
}

static void recorded(void *context, const struct notary_answer *answer)
{
	struct change *change = context;
	if (answer->code != OK) {
		fail(change, answer->code, NULL);
		return;
	}
	const struct admin_grant_reply reply = { .has_grant = true, .grant = change->grant, .index = answer->index };
	struct buffer bytes;
	buffer_init(&bytes, ADMIN_MESSAGE_MAX);
	struct fault fault = { "" };
	result code = admin_encode_grant_reply(&reply, &bytes, &fault);
	if (code != OK || !change->call) {
		buffer_release(&bytes);
		fail(change, code == OK ? ERR_CANCELLED : code, fault.text);
		return;
	}
	reply_buffer(change->call, &bytes);
	free_change(change);
}

static void record_change(struct change *change)
{
	struct fault fault = { "" };
	const union statement_body body = { .grant = change->grant };
	result code = statement_check(STATEMENT_GRANT, &body, change->node->member_id, &fault);
	if (code == OK) {
		code = statement_encode_body(STATEMENT_GRANT, &body, &change->body, &fault);
	}
	if (code != OK) {
		fail(change, ERR_ARGUMENT, fault.text);
		return;
	}
	const struct notary_record record = { .type = STATEMENT_GRANT, .body = buffer_slice(&change->body) };
	notary_client_append(change->node->notary, &change->notary, &record, recorded, change);
}

// Who changes it: what the caller says, and the user id that the kernel knows.
static struct slice operator_of(struct change *change, struct slice said)
{
	const struct h2_peer *peer = h2_connection_peer(grpc_call_connection(change->call));
	size_t room = said.size + 32;
	char *name = arena_alloc(&change->arena, room);
	if (!name || !peer->has_credentials) {
		return said;
	}
	int size = snprintf(name, room, "%.*s%suid %u", (int)said.size, (const char *)said.data, said.size ? ", " : "",
			    (unsigned)peer->uid);
	return slice_of(name, (size_t)size);
}

static struct change *new_change(struct node *node, struct grpc_call *call)
{
	struct change *change = calloc(1, sizeof *change);
	if (!change) {
		reply_fault(call, node->ledger, NULL, ERR_MEMORY, NULL);
		return NULL;
	}
	change->node = node;
	change->call = call;
	arena_init(&change->arena, ADMIN_ARENA_MAX);
	buffer_init(&change->body, STATEMENT_BODY_MAX);
	grpc_call_set_user(call, change);
	return change;
}

static void add_grant(struct node *node, struct grpc_call *call)
{
	struct change *change = new_change(node, call);
	if (!change) {
		return;
	}
	size_t size = 0;
	change->message = grpc_call_take_message(call, &size);
	struct admin_add_grant request;
	struct fault fault = { "" };
	result code = admin_decode_add_grant(slice_of(change->message, size), &change->arena, &request, &fault);
	if (code != OK) {
		fail(change, ERR_ARGUMENT, fault.text);
		return;
	}
	uint8_t bytes[GRANT_ID_RANDOM];
	random_bytes(bytes, sizeof bytes);
	memcpy(change->id, "g-", 2);
	text_hex(bytes, sizeof bytes, change->id + 2);
	change->grant = request.grant;
	change->grant.action = STATEMENT_GRANT_ADD;
	change->grant.id = slice_text(change->id);
	change->grant.operator_name = operator_of(change, request.grant.operator_name);
	record_change(change);
}

static void remove_grant(struct node *node, struct grpc_call *call)
{
	struct change *change = new_change(node, call);
	if (!change) {
		return;
	}
	size_t size = 0;
	change->message = grpc_call_take_message(call, &size);
	struct admin_remove_grant request;
	struct fault fault = { "" };
	result code = admin_decode_remove_grant(slice_of(change->message, size), &request, &fault);
	if (code != OK) {
		fail(change, ERR_ARGUMENT, fault.text);
		return;
	}
	const struct grants_entry *entry = grants_find(node->grants, request.id);
	const char *provider = entry ? arena_copy(&change->arena, entry->grant.provider) : NULL;
	if (!provider) {
		fail(change, ERR_NOT_FOUND, "no such grant; `besa grant list` shows them");
		return;
	}
	change->grant = (struct statement_grant){
		.action = STATEMENT_GRANT_REMOVE,
		.id = request.id,
		.provider = slice_text(provider),
		.operator_name = operator_of(change, request.operator_name),
	};
	record_change(change);
}

// ---- listing -------------------------------------------------------------------------------------------------------

static void list_grants(struct node *node, struct grpc_call *call)
{
	size_t count = grants_count(node->grants);
	struct admin_grant_reply *items = calloc(count + 1, sizeof *items);
	if (!items) {
		reply_fault(call, node->ledger, NULL, ERR_MEMORY, NULL);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct grants_entry *entry = grants_at(node->grants, i);
		items[i] =
		    (struct admin_grant_reply){ .has_grant = true, .grant = entry->grant, .index = entry->index };
	}
	const struct admin_list_grants_reply reply = { .grants = { .items = items, .count = count } };
	struct buffer bytes;
	buffer_init(&bytes, ADMIN_MESSAGE_MAX);
	struct fault fault = { "" };
	result code = admin_encode_list_grants_reply(&reply, &bytes, &fault);
	free(items);
	if (code != OK) {
		buffer_release(&bytes);
		reply_fault(call, node->ledger, NULL, code, fault.text);
		return;
	}
	reply_buffer(call, &bytes);
}

void admin_answer(struct node *node, struct grpc_call *call)
{
	grpc_call_set_user(call, NULL);
	struct slice path = grpc_call_path(call);
	if (slice_is(path, "/besa.gateway.v1.Admin/AddGrant")) {
		add_grant(node, call);
	} else if (slice_is(path, "/besa.gateway.v1.Admin/RemoveGrant")) {
		remove_grant(node, call);
	} else if (slice_is(path, "/besa.gateway.v1.Admin/ListGrants")) {
		list_grants(node, call);
	} else {
		reply_fault(call, node->ledger, NULL, ERR_METHOD_UNKNOWN, NULL);
	}
}

void admin_caller_gone(struct grpc_call *call)
{
	struct change *change = grpc_call_user(call);
	if (change) {
		change->call = NULL;
	}
}
