// SPDX-License-Identifier: EUPL-1.2
#include "exchange/reply.h"

#include <stdlib.h>

#include "exchange/metadata.h"

void reply_fault(struct grpc_call *call, const char *node, const char *exchange_id, result code, const char *words)
{
	struct h2_header trailers[] = {
		{ .name = slice_text(METADATA_REASON), .value = slice_text(result_wire_name(code)) },
		{ .name = slice_text(METADATA_NODE), .value = slice_text(node) },
		{ .name = slice_text(METADATA_EXCHANGE_ID),
		  .value = slice_text(exchange_id),
		  .flags = H2_HEADER_SECRET },
	};
	struct slice text = slice_text(words && *words ? words : result_text(code));
	grpc_call_fail(call, result_grpc_status(code), text, trailers, exchange_id ? 3 : 2);
}

void reply_buffer(struct grpc_call *call, struct buffer *bytes)
{
	const struct h2_chunk part = {
		.bytes = buffer_slice(bytes),
		.release = reply_release,
		.context = bytes->data,
	};
	const struct grpc_reply reply = { .parts = &part, .part_count = 1 };
	buffer_init(bytes, bytes->limit);
	grpc_call_reply(call, &reply);
}

void reply_release(void *memory)
{
	free(memory);
}
