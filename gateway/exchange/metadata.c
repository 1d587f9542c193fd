// SPDX-License-Identifier: EUPL-1.2
#include "exchange/metadata.h"

static bool is_forwardable(const struct h2_header *header)
{
	return !grpc_is_reserved(header->name) && !slice_starts_with(header->name, slice_text("besa-")) &&
	       !slice_is(header->name, "host") && !slice_is(header->name, "content-length");
}

static result collect(struct h2_headers headers, struct content_entry *items, size_t *ret_count, struct fault *fault)
{
	size_t count = 0;
	for (size_t i = 0; i < headers.count; i++) {
		const struct h2_header *header = &headers.items[i];
		if (!is_forwardable(header)) {
			continue;
		}
		if (count == CONTENT_ENTRIES_MAX) {
			return fault_set(fault, ERR_LIMIT, "more than %d metadata entries", CONTENT_ENTRIES_MAX);
		}
		items[count++] = (struct content_entry){ .key = header->name, .value = header->value };
	}
	*ret_count = count;
	return OK;
}

result metadata_encode_request(struct h2_headers headers, struct buffer *bytes, struct fault *fault)
{
	struct content_entry items[CONTENT_ENTRIES_MAX];
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
	struct content_entry initial_items[CONTENT_ENTRIES_MAX];
	struct content_entry trailing_items[CONTENT_ENTRIES_MAX];
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
	size_t count = entries->count < room ? entries->count : room;
	for (size_t i = 0; i < count; i++) {
		headers[i] = (struct h2_header){ .name = entries->items[i].key, .value = entries->items[i].value };
	}
	return count;
}
