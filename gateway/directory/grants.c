// SPDX-License-Identifier: EUPL-1.2
//
// The set and the question. The file form is grants_file.c.
//
// Invariants: nodes stand in ascending order of ledger index; each is in one bucket by id and one by what it grants;
// slices of an entry point into its own node.
#include "directory/grants.h"

#include <stdlib.h>

#include "base/clock.h"
#include "directory/grants_internal.h"
#include "directory/index.h"

enum { FIRST_BUCKETS = 64 };

// ---- nodes ----

static uint64_t call_hash(struct slice client, struct slice provider, struct slice service)
{
	return index_hash_pair(client, provider) ^ index_hash(service);
}

static struct grants_node **bucket_of_id(const struct grants *grants, struct slice id)
{
	return &grants->by_id[index_hash(id) & (grants->bucket_count - 1)];
}

static struct grants_node **bucket_of_call(const struct grants *grants, uint64_t hash)
{
	return &grants->by_call[(hash ^ hash >> 32) & (grants->bucket_count - 1)];
}

static struct grants_node *find(const struct grants *grants, struct slice id)
{
	for (struct grants_node *node = *bucket_of_id(grants, id); node; node = node->next_id) {
		if (slice_equal(node->entry.grant.id, id)) {
			return node;
		}
	}
	return NULL;
}

static void link_node(struct grants *grants, struct grants_node *node)
{
	const struct statement_grant *grant = &node->entry.grant;
	struct grants_node **bucket = bucket_of_id(grants, grant->id);
	node->next_id = *bucket;
	*bucket = node;
	bucket = bucket_of_call(grants, call_hash(grant->client, grant->provider, grant->service));
	node->next_call = *bucket;
	*bucket = node;
}

static void unlink_node(struct grants *grants, struct grants_node *node)
{
	const struct statement_grant *grant = &node->entry.grant;
	struct grants_node **link = bucket_of_id(grants, grant->id);
	while (*link != node) {
		link = &(*link)->next_id;
	}
	*link = node->next_id;
	link = bucket_of_call(grants, call_hash(grant->client, grant->provider, grant->service));
	while (*link != node) {
		link = &(*link)->next_call;
	}
	*link = node->next_call;
}

// Room for one more node, and buckets in proportion.
static result grow(struct grants *grants)
{
	if (grants->count < grants->bucket_count) {
		return OK;
	}
	size_t count = grants->bucket_count ? 2 * grants->bucket_count : FIRST_BUCKETS;
	struct grants_node **nodes = realloc(grants->nodes, count * sizeof(struct grants_node *));
	if (!nodes) {
		return ERR_MEMORY;
	}
	grants->nodes = nodes;
	struct grants_node **by_id = calloc(count, sizeof(struct grants_node *));
	struct grants_node **by_call = calloc(count, sizeof(struct grants_node *));
	if (!by_id || !by_call) {
		free(by_id);
		free(by_call);
		return ERR_MEMORY;
	}
	free(grants->by_id);
	free(grants->by_call);
	grants->by_id = by_id;
	grants->by_call = by_call;
	grants->bucket_count = count;
	for (size_t i = 0; i < grants->count; i++) {
		link_node(grants, grants->nodes[i]);
	}
	return OK;
}

static void move_list(struct slice_list *list, struct slice *place)
{
	if (list->count != 0) {
		memcpy(place, list->items, list->count * sizeof *place);
	}
	list->items = place;
}

// A node with its own copy of the leaf, which has been parsed once already.
static struct grants_node *new_node(struct grants *grants, uint64_t index, const struct statement *parsed)
{
	const struct statement_grant *grant = &parsed->body.grant;
	size_t slices = grant->purposes.count + grant->response_fields.count;
	struct slice leaf = parsed->leaf;
	struct grants_node *node = calloc(1, sizeof *node + slices * sizeof(struct slice) + leaf.size);
	if (!node) {
		return NULL;
	}
	uint8_t *copy = (uint8_t *)(node->lists + slices);
	memcpy(copy, leaf.data, leaf.size);
	struct statement again;
	arena_clear(&grants->scratch);
	if (statement_parse(slice_of(copy, leaf.size), &grants->scratch, &again, NULL) != OK) {
		free(node); // only for lack of memory: the same bytes were parsed before
		return NULL;
	}
	node->entry = (struct grants_entry){ .grant = again.body.grant, .leaf = again.leaf, .index = index };
	move_list(&node->entry.grant.purposes, node->lists);
	move_list(&node->entry.grant.response_fields, node->lists + again.body.grant.purposes.count);
	return node;
}

static void remove_node(struct grants *grants, struct grants_node *node)
{
	size_t at = 0;
	while (grants->nodes[at] != node) {
		at++;
	}
	unlink_node(grants, node);
	grants->count--;
	memmove(&grants->nodes[at], &grants->nodes[at + 1], (grants->count - at) * sizeof(struct grants_node *));
	free(node);
}

// ---- the set ----

result grants_new(struct slice member, struct grants **ret_grants)
{
	if (!identifier_is_member(member)) {
		return ERR_ARGUMENT;
	}
	struct grants *grants = calloc(1, sizeof *grants);
	if (!grants) {
		return ERR_MEMORY;
	}
	memcpy(grants->member, member.data, member.size);
	grants->member_size = member.size;
	arena_init(&grants->scratch, STATEMENT_ARENA_MAX);
	if (grow(grants) != OK) {
		grants_free(grants);
		return ERR_MEMORY;
	}
	*ret_grants = grants;
	return OK;
}

void grants_free(struct grants *grants)
{
	if (!grants) {
		return;
	}
	for (size_t i = 0; i < grants->count; i++) {
		free(grants->nodes[i]);
	}
	free(grants->nodes);
	free(grants->by_id);
	free(grants->by_call);
	arena_release(&grants->scratch);
	free(grants);
}

static result add(struct grants *grants, uint64_t index, const struct statement *statement, struct fault *fault)
{
	struct grants_node *standing = find(grants, statement->body.grant.id);
	if (!standing && grants->count >= GRANTS_MAX) {
		return fault_set(fault, ERR_LIMIT, "more than %d grants", GRANTS_MAX);
	}
	struct grants_node *node = grow(grants) == OK ? new_node(grants, index, statement) : NULL;
	if (!node) {
		return fault_set(fault, ERR_MEMORY, "no memory for a grant");
	}
	if (standing) {
		remove_node(grants, standing);
	}
	grants->nodes[grants->count++] = node;
	link_node(grants, node);
	return OK;
}

result grants_apply(struct grants *grants, uint64_t index, struct slice leaf, struct fault *fault)
{
	if (index < grants->next_index) {
		return OK;
	}
	if (statement_peek_type(leaf) == STATEMENT_GRANT) {
		struct statement statement;
		arena_clear(&grants->scratch);
		result code = statement_parse(leaf, &grants->scratch, &statement, fault);
		if (code != OK) {
			return code;
		}
		if (!slice_equal(statement.member, slice_of(grants->member, grants->member_size))) {
			return fault_set(fault, ERR_MEMBER_MISMATCH, "a grant of member %.*s among those of %.*s",
					 (int)statement.member.size, statement.member.data, (int)grants->member_size,
					 grants->member);
		}
		if (statement.body.grant.action == STATEMENT_GRANT_ADD) {
			code = add(grants, index, &statement, fault);
			if (code != OK) {
				return code;
			}
		} else {
			struct grants_node *node = find(grants, statement.body.grant.id);
			if (node) {
				remove_node(grants, node);
			}
		}
	}
	grants_note_index(grants, index);
	return OK;
}

void grants_note_index(struct grants *grants, uint64_t index)
{
	if (index >= grants->next_index) {
		grants->next_index = index + 1;
	}
}

uint64_t grants_next_index(const struct grants *grants)
{
	return grants->next_index;
}

size_t grants_count(const struct grants *grants)
{
	return grants->count;
}

const struct grants_entry *grants_at(const struct grants *grants, size_t i)
{
	assert_always(i < grants->count);
	return &grants->nodes[i]->entry;
}

const struct grants_entry *grants_find(const struct grants *grants, struct slice id)
{
	const struct grants_node *node = find(grants, id);
	return node ? &node->entry : NULL;
}

// ---- the question ----

// How near a grant comes to allowing a call; the nearest miss is what the caller is told.
enum nearness { MISS_NONE, MISS_METHOD, MISS_EXPIRED, MISS_NOT_YET, MISS_PURPOSE, ALLOWED };

static bool lists(const struct slice_list *list, struct slice text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (slice_equal(list->items[i], text)) {
			return true;
		}
	}
	return false;
}

static enum nearness judge(const struct statement_grant *grant, const struct grants_question *question)
{
	if (grant->method.size != 0 && !slice_equal(grant->method, question->method)) {
		return MISS_METHOD;
	}
	if (question->now_us < grant->from_us) {
		return MISS_NOT_YET;
	}
	if (grant->until_us != 0 && question->now_us >= grant->until_us) {
		return MISS_EXPIRED;
	}
	if (grant->purposes.count != 0 && !lists(&grant->purposes, question->purpose)) {
		return MISS_PURPOSE;
	}
	return ALLOWED;
}

static bool covers(const struct statement_grant *grant, const struct grants_question *question)
{
	return slice_equal(grant->service, question->service) && slice_equal(grant->client, question->client) &&
	       slice_equal(grant->provider, question->provider);
}

static bool is_better(const struct grants_entry *a, const struct grants_entry *b)
{
	bool a_exact = a->grant.method.size != 0;
	bool b_exact = b->grant.method.size != 0;
	return a_exact != b_exact ? a_exact : a->index < b->index;
}

static result explain(enum nearness nearness, const struct grants_entry *nearest,
		      const struct grants_question *question, struct fault *fault)
{
	const struct statement_grant *grant = nearest ? &nearest->grant : NULL;
	char time[CLOCK_TEXT_SIZE];
	switch (nearness) {
	case MISS_METHOD:
		return fault_set(fault, ERR_GRANT_MISSING, "the grants of %.*s to %.*s do not cover method %.*s",
				 (int)question->provider.size, question->provider.data, (int)question->client.size,
				 question->client.data, (int)question->method.size, question->method.data);
	case MISS_EXPIRED:
		clock_format(grant->until_us, time);
		return fault_set(fault, ERR_GRANT_MISSING, "grant %.*s ended at %s", (int)grant->id.size,
				 grant->id.data, time);
	case MISS_NOT_YET:
		clock_format(grant->from_us, time);
		return fault_set(fault, ERR_GRANT_MISSING, "grant %.*s begins at %s", (int)grant->id.size,
				 grant->id.data, time);
	case MISS_PURPOSE:
		return fault_set(fault, ERR_GRANT_MISSING, "grant %.*s is not for this purpose", (int)grant->id.size,
				 grant->id.data);
	case MISS_NONE:
	case ALLOWED:
		break;
	}
	return fault_set(fault, ERR_GRANT_MISSING, "%.*s has granted %.*s no access to %.*s",
			 (int)question->provider.size, question->provider.data, (int)question->client.size,
			 question->client.data, (int)question->service.size, question->service.data);
}

result grants_evaluate(const struct grants *grants, const struct grants_question *question,
		       const struct grants_entry **ret_entry, struct fault *fault)
{
	uint64_t hash = call_hash(question->client, question->provider, question->service);
	enum nearness nearest = MISS_NONE;
	const struct grants_entry *best = NULL;
	for (const struct grants_node *node = *bucket_of_call(grants, hash); node; node = node->next_call) {
		if (!covers(&node->entry.grant, question)) {
			continue;
		}
		enum nearness nearness = judge(&node->entry.grant, question);
		if (nearness > nearest || (nearness == nearest && is_better(&node->entry, best))) {
			nearest = nearness;
			best = &node->entry;
		}
	}
	if (nearest != ALLOWED) {
		return explain(nearest, best, question, fault);
	}
	*ret_entry = best;
	return OK;
}
