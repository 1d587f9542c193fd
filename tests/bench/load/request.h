// SPDX-License-Identifier: EUPL-1.2
//
// The one request that a run sends over and over: header fields ready for nghttp2 and the gRPC frame with its message
// (field 1, bytes), as rks.echo.v1.Echo/Say takes it.
#ifndef BESA_BENCH_LOAD_REQUEST_H
#define BESA_BENCH_LOAD_REQUEST_H

#include "tests/bench/load/options.h"

#include <nghttp2/nghttp2.h>

enum {
	REQUEST_FIELDS_OWN = 7, // :method :scheme :authority :path te content-type grpc-timeout
	REQUEST_FIELDS_MAX = REQUEST_FIELDS_OWN + OPTIONS_METADATA_MAX,
};

struct request {
	nghttp2_nv fields[REQUEST_FIELDS_MAX];
	size_t field_count;
	uint8_t *frame; // 5 bytes of gRPC prefix, then the message
	size_t frame_size;
};

// Builds the request; it borrows the options' strings. The payload is random bytes, the same in every run,
// so that no proxy gains from compressing it. Ends the process when memory is out.
void request_build(struct request *request, const struct options *options);

void request_release(struct request *request);

#endif
