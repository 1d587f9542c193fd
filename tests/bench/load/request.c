// SPDX-License-Identifier: EUPL-1.2
//
// Builds the request of a run once; sending it costs no further work per call.
#include "tests/bench/load/request.h"

#include "tests/bench/load/random.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

enum {
	GRPC_PREFIX_SIZE = 5,
	VARINT_MAX = 10,
	PAYLOAD_TAG = 0x0a, // field 1, length-delimited
	PAYLOAD_SEED = 1,   // fixed: a baseline's back end serves the same bytes from a file
};

static void add_field(struct request *request, const char *name, const char *value)
{
	request->fields[request->field_count++] = (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE,
	};
}

static size_t put_varint(uint8_t *out, uint64_t value)
{
	size_t size = 0;
	for (; value >= 0x80; value >>= 7) {
		out[size++] = (uint8_t)(value | 0x80);
	}
	out[size++] = (uint8_t)value;
	return size;
}

// proto3 does not write an empty field, and an echo service will not either.
static void build_frame(struct request *request, const struct options *options)
{
	request->frame = malloc(GRPC_PREFIX_SIZE + 1 + VARINT_MAX + (size_t)options->payload);
	if (!request->frame) {
		err(1, "memory for a payload of %u bytes", options->payload);
	}
	size_t size = GRPC_PREFIX_SIZE;
	if (options->payload > 0) {
		request->frame[size++] = PAYLOAD_TAG;
		size += put_varint(request->frame + size, options->payload);
		uint64_t state = PAYLOAD_SEED;
		for (uint32_t i = 0; i < options->payload; i++) {
			request->frame[size++] = (uint8_t)(random_next(&state) >> 32);
		}
	}
	uint32_t message = (uint32_t)(size - GRPC_PREFIX_SIZE);
	request->frame[0] = 0;
	for (int i = 0; i < 4; i++) {
		request->frame[1 + i] = (uint8_t)(message >> (24 - 8 * i));
	}
	request->frame_size = size;
}

void request_build(struct request *request, const struct options *options)
{
	*request = (struct request){ 0 };
	build_frame(request, options);
	if (options->frame_file) {
		return;
	}
	add_field(request, ":method", "POST");
	add_field(request, ":scheme", options->tls ? "https" : "http");
	add_field(request, ":authority", options->authority);
	add_field(request, ":path", options->path);
	add_field(request, "te", "trailers");
	add_field(request, "content-type", "application/grpc");
	add_field(request, "grpc-timeout", "30S");
	for (size_t i = 0; i < options->metadata_count; i++) {
		add_field(request, options->metadata[i].name, options->metadata[i].value);
	}
}

void request_release(struct request *request)
{
	free(request->frame);
	*request = (struct request){ 0 };
}
