// SPDX-License-Identifier: EUPL-1.2
#include "exchange/metadata.h"

// Of one connection, not of the message (RFC 9113 section 8.2.2): whoever gets one takes the stream for malformed.
static bool is_of_connection(struct slice name)
{
	return slice_is(name, "connection") || slice_is(name, "keep-alive") || slice_is(name, "proxy-connection") ||
	       slice_is(name, "transfer-encoding") || slice_is(name, "upgrade");
}

static bool is_forwardable(struct slice name)
{
	return name.size > 0 && !grpc_is_reserved(name) && !is_of_connection(name) &&
	       !slice_starts_with(name, slice_text("besa-"));
}

// RFC 9113 section 8.2.1: no control characters, no space at the ends.
static bool is_field_value(struct slice value)
{
	for (size_t i = 0; i < value.size; i++) {
		if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f) {
			return false;
		}
	}
	const uint8_t *last = value.data + value.size - 1;
	return value.size == 0 || (value.data[0] != ' ' && value.data[0] != '\t' && *last != ' ' && *last != '\t');
}

static result collect(struct h2_headers headers, struct content_entry *items, size_t *ret_count, struct fault *fault)
{
	size_t count = 0;
	for (size_t i = 0; i < headers.count; i++) {
		const struct h2_header *header = &headers.items[i];
		if (!is_forwardable(header->name)) {
			continue;
		}
		if (count == METADATA_ENTRIES_MAX) {
			return fault_set(fault, ERR_LIMIT, "more than %d metadata entries", METADATA_ENTRIES_MAX);
		}
		items[count++] = (struct content_entry){ .key = header->name, .value = header->value };
	}
	*ret_count = count;
	return OK;
}

result metadata_encode_request(struct h2_headers headers, struct buffer *bytes, struct fault *fault)
{
	struct content_entry items[METADATA_ENTRIES_MAX];
	size_t count = 0;
	result code = collect(headers, items, &count, fault);
	if (code != OK || count == 0) {
		return code;
	}
	const struct content_metadata metadata = { .entries = { .items = items, .count = count } };
	return content_encode_metadata(&metadata, bytes, fault);
}

result metadata_encode_response(struct h2_headers initial, struct h2_headers trailers, struct slice message,
				struct buffer *bytes, struct fault *fault)
{
	struct content_entry initial_items[METADATA_ENTRIES_MAX];
	struct content_entry trailing_items[METADATA_ENTRIES_MAX];
	struct content_response_metadata metadata = {
		.initial = { .items = initial_items },
		.trailing = { .items = trailing_items },
		.grpc_message = message,
		.status_details = h2_headers_get(trailers, "grpc-status-details-bin"),
	};
	result code = collect(initial, initial_items, &metadata.initial.count, fault);
	if (code == OK) {
		code = collect(trailers, trailing_items, &metadata.trailing.count, fault);
	}
	bool empty = metadata.initial.count == 0 && metadata.trailing.count == 0 && message.size == 0 &&
		     metadata.status_details.size == 0;
	if (code != OK || empty) {
		return code;
	}
	return content_encode_response_metadata(&metadata, bytes, fault);
}

size_t metadata_headers(const struct content_entries *entries, struct h2_header *headers, size_t room)
{
	size_t count = 0;
	for (size_t i = 0; i < entries->count && count < room; i++) {
		const struct content_entry *entry = &entries->items[i];
		if (is_forwardable(entry->key) && is_field_value(entry->value)) {
			headers[count++] = (struct h2_header){ .name = entry->key, .value = entry->value };
		}
	}
	return count;
}
