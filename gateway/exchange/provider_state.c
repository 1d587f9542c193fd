// SPDX-License-Identifier: EUPL-1.2
#include "exchange/provider_state.h"

#include <stddef.h>
#include <stdlib.h>

#include "exchange/services.h"

enum {
	// Everything that one exchange keeps beside its messages: stops a peer from making one exchange large.
	PROVIDER_ARENA_MAX = 256 * 1024,
	// Exchanges kept for reuse, some 8 KiB each: bounds idle memory.
	PROVIDER_IDLE_MAX = 512,
};

static void free_provider(struct provider *provider)
{
	arena_release(&provider->arena);
	buffer_release(&provider->body);
	buffer_release(&provider->metadata);
	record_release(&provider->response);
	free(provider);
}

struct provider *provider_new(struct node *node)
{
	struct provider *provider = node->idle_providers;
	if (provider) {
		node->idle_providers = provider->next_idle;
		node->idle_provider_count--;
		memset(provider, 0, offsetof(struct provider, arena));
		arena_clear(&provider->arena);
		buffer_clear(&provider->metadata);
		provider->node = node;
		return provider;
	}
	provider = calloc(1, sizeof *provider);
	if (provider) {
		provider->node = node;
		arena_init(&provider->arena, PROVIDER_ARENA_MAX);
		buffer_init(&provider->body, STATEMENT_BODY_MAX);
		buffer_init(&provider->metadata, CONTENT_METADATA_MAX);
		record_init(&provider->response);
	}
	return provider;
}

void provider_recycle(struct provider *provider)
{
	struct node *node = provider->node;
	free(provider->message);
	node_let_go(node, provider->held);
	free(provider->payload_bytes);
	services_drop(provider->service);
	directory_unref(provider->directory);
	if (node->idle_provider_count >= PROVIDER_IDLE_MAX) {
		free_provider(provider);
		return;
	}
	provider->next_idle = node->idle_providers;
	node->idle_providers = provider;
	node->idle_provider_count++;
}

void provider_free_idle(struct node *node)
{
	while (node->idle_providers) {
		struct provider *next = node->idle_providers->next_idle;
		free_provider(node->idle_providers);
		node->idle_providers = next;
	}
}
