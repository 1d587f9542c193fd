// SPDX-License-Identifier: EUPL-1.2
//
// Header fields: received blocks with their limits, copies for later, conversion for nghttp2.
#include "net/h2_internal.h"

#include <stdlib.h>

// RFC 9113 section 6.5.2: what a field costs beside its bytes.
enum { FIELD_OVERHEAD = 32 };

struct slice h2_headers_get(struct h2_headers headers, const char *name)
{
	struct slice wanted = slice_text(name);
	for (size_t i = 0; i < headers.count; i++) {
		if (slice_equal(headers.items[i].name, wanted)) {
			struct slice value = headers.items[i].value;
			return value.data ? value : slice_text("");
		}
	}
	return (struct slice){ 0 };
}

void h2_block_init(struct h2_block *block)
{
	// The arrays are left as they are: a stream is reused often and they are large.
	block->count = block->fields = block->weight = block->used = block->more_size = 0;
	block->more = NULL;
	block->over = false;
}

void h2_block_release(struct h2_block *block, struct h2_connection *connection)
{
	if (block->more) {
		if (connection) {
			h2_connection_discharge(connection, block->more_size);
		}
		free(block->more);
	}
	h2_block_init(block);
}

// Memory for the rest of the block, sized by the limits once and for all: room for every field and byte still allowed.
static bool grow(struct h2_block *block, struct h2_connection *connection)
{
	size_t items = connection->settings.header_count_max * sizeof(struct h2_header);
	size_t size = items + connection->settings.header_bytes_max;
	if (!h2_connection_charge(connection, size)) {
		return false;
	}
	block->more = malloc(size);
	if (!block->more) {
		h2_connection_discharge(connection, size);
		return false;
	}
	block->more_size = size;
	block->used = 0;
	memcpy(block->more, block->items, block->count * sizeof *block->items);
	return true;
}

static struct slice copy_bytes(struct h2_block *block, struct h2_connection *connection, struct slice bytes)
{
	uint8_t *start =
	    block->more ? block->more + connection->settings.header_count_max * sizeof(struct h2_header) : block->bytes;
	uint8_t *copy = start + block->used;
	if (bytes.size > 0) {
		memcpy(copy, bytes.data, bytes.size);
	}
	block->used += bytes.size;
	return slice_of(copy, bytes.size);
}

static struct h2_header *items_of(struct h2_block *block)
{
	// malloc aligns for any type.
	return block->more ? (struct h2_header *)(void *)block->more : block->items;
}

bool h2_block_add(struct h2_block *block, struct h2_connection *connection, struct h2_header field, bool is_pseudo,
		  struct slice *ret_value)
{
	size_t bytes = field.name.size + field.value.size;
	block->fields++;
	block->weight += bytes + FIELD_OVERHEAD;
	if (block->over || block->fields > connection->settings.header_count_max ||
	    block->weight > connection->settings.header_bytes_max) {
		block->over = true;
		return false;
	}
	bool fits = block->used + bytes <= H2_BLOCK_BYTES && block->count < H2_BLOCK_ITEMS;
	if (!block->more && !fits && !grow(block, connection)) {
		block->over = true;
		return false;
	}
	if (is_pseudo) {
		*ret_value = copy_bytes(block, connection, field.value);
		return true;
	}
	struct h2_header *item = &items_of(block)[block->count++];
	item->name = copy_bytes(block, connection, field.name);
	item->value = copy_bytes(block, connection, field.value);
	item->flags = field.flags;
	*ret_value = item->value;
	return true;
}

struct h2_headers h2_block_headers(const struct h2_block *block)
{
	return (struct h2_headers){ .items = items_of((struct h2_block *)block), .count = block->count };
}

struct h2_fields *h2_fields_copy(const struct h2_header *headers, size_t count)
{
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++) {
		if (!(headers[i].flags & H2_HEADER_STATIC)) {
			bytes += headers[i].name.size + headers[i].value.size;
		}
	}
	size_t items = count * sizeof(struct h2_header);
	struct h2_fields *fields = malloc(sizeof *fields + items + bytes);
	if (!fields) {
		return NULL;
	}
	fields->count = count;
	uint8_t *end = (uint8_t *)fields->items + items;
	for (size_t i = 0; i < count; i++) {
		struct h2_header *item = &fields->items[i];
		*item = headers[i];
		if (item->flags & H2_HEADER_STATIC) {
			continue;
		}
		struct slice *parts[] = { &item->name, &item->value };
		for (size_t part = 0; part < 2; part++) {
			if (parts[part]->size > 0) {
				memcpy(end, parts[part]->data, parts[part]->size);
			}
			parts[part]->data = end;
			end += parts[part]->size;
		}
	}
	return fields;
}

void h2_fields_convert(const struct h2_header *headers, size_t count, nghttp2_nv *nv)
{
	for (size_t i = 0; i < count; i++) {
		unsigned flags = NGHTTP2_NV_FLAG_NONE;
		if (headers[i].flags & H2_HEADER_STATIC) {
			flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
		}
		if (headers[i].flags & H2_HEADER_SECRET) {
			flags |= NGHTTP2_NV_FLAG_NO_INDEX;
		}
		nv[i] = (nghttp2_nv){
			.name = (uint8_t *)headers[i].name.data,
			.value = (uint8_t *)headers[i].value.data,
			.namelen = headers[i].name.size,
			.valuelen = headers[i].value.size,
			.flags = (uint8_t)flags,
		};
	}
}
