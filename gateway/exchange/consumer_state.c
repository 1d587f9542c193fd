// SPDX-License-Identifier: EUPL-1.2
#include "exchange/consumer_state.h"

#include <stddef.h>
#include <stdlib.h>

enum {
	// Everything that one exchange keeps beside its payload: stops a caller from making one exchange large.
	CONSUMER_ARENA_MAX = 256 * 1024,
	// Exchanges kept for reuse, some 8 KiB each: bounds idle memory.
	CONSUMER_IDLE_MAX = 512,
};

static void free_consumer(struct consumer *consumer)
{
	arena_release(&consumer->arena);
	buffer_release(&consumer->metadata);
	buffer_release(&consumer->private_part);
	buffer_release(&consumer->body);
	buffer_release(&consumer->head);
	record_release(&consumer->request);
	record_release(&consumer->received);
	free(consumer);
}

struct consumer *consumer_new(struct node *node)
{
	struct consumer *consumer = node->idle_consumers;
	if (consumer) {
		node->idle_consumers = consumer->next_idle;
		node->idle_consumer_count--;
		memset(consumer, 0, offsetof(struct consumer, arena));
		arena_clear(&consumer->arena);
		buffer_clear(&consumer->metadata);
		buffer_clear(&consumer->private_part);
		buffer_clear(&consumer->received.leaf);
		consumer->node = node;
		return consumer;
	}
	consumer = calloc(1, sizeof *consumer);
	if (consumer) {
		consumer->node = node;
		arena_init(&consumer->arena, CONSUMER_ARENA_MAX);
		buffer_init(&consumer->metadata, CONTENT_METADATA_MAX);
		buffer_init(&consumer->private_part, CONTENT_PRIVATE_MAX);
		buffer_init(&consumer->body, STATEMENT_BODY_MAX);
		buffer_init(&consumer->head, ENVELOPE_HEAD_MAX);
		record_init(&consumer->request);
		record_init(&consumer->received);
	}
	return consumer;
}

void consumer_recycle(struct consumer *consumer)
{
	struct node *node = consumer->node;
	free(consumer->message);
	node_let_go(node, consumer->held);
	free(consumer->answer_bytes);
	directory_unref(consumer->directory);
	if (node->idle_consumer_count >= CONSUMER_IDLE_MAX) {
		free_consumer(consumer);
		return;
	}
	consumer->next_idle = node->idle_consumers;
	node->idle_consumers = consumer;
	node->idle_consumer_count++;
}

void consumer_free_idle(struct node *node)
{
	while (node->idle_consumers) {
		struct consumer *next = node->idle_consumers->next_idle;
		free_consumer(node->idle_consumers);
		node->idle_consumers = next;
	}
}

void consumer_new_exchange_id(struct consumer *consumer)
{
	identifier_new_uuid(consumer->exchange_id);
	identifier_uuid_text(consumer->exchange_id, consumer->exchange_text);
}
