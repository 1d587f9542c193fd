// SPDX-License-Identifier: EUPL-1.2
//
// gRPC's message framing cut anywhere, and the text forms of its metadata. The first byte cuts, the second chooses.
#include "net/grpc.h"

#include <stdlib.h>

static void feed_deframer(struct slice input, size_t step)
{
	struct grpc_deframer deframer;
	grpc_deframer_init(&deframer, 4096);
	size_t total = 0, given = input.size;
	while (input.size > 0) {
		struct slice part = slice_of(input.data, step < input.size ? step : input.size);
		input = slice_skip(input, part.size);
		while (part.size > 0) {
			if (grpc_deframer_push(&deframer, &part) != OK) {
				grpc_deframer_release(&deframer);
				return;
			}
			if (deframer.complete) {
				size_t size = 0;
				free(grpc_deframer_take(&deframer, &size));
				total += GRPC_FRAME_HEAD_SIZE + size;
			}
		}
	}
	assert_always(total + deframer.head_size + deframer.filled == given);
	grpc_deframer_release(&deframer);
}

static void read_text(struct slice input)
{
	struct buffer one, two;
	buffer_init(&one, 65536);
	buffer_init(&two, 65536);
	int64_t us = -1;
	if (grpc_timeout_parse(input, &us) == OK) {
		assert_always(us >= 0);
	}
	// What we encode decodes to itself, whatever it is.
	grpc_message_encode(&one, input);
	grpc_message_decode(&two, buffer_slice(&one));
	assert_always(buffer_result(&one) != OK || slice_equal(buffer_slice(&two), input));
	buffer_clear(&one);
	buffer_clear(&two);
	grpc_message_decode(&one, input);
	buffer_clear(&one);
	if (grpc_bin_decode(&one, input) == OK) {
		grpc_bin_encode(&two, buffer_slice(&one));
		while (input.size > 0 && input.data[input.size - 1] == '=') {
			input.size--;
		}
		assert_always(slice_equal(buffer_slice(&two), input));
	}
	buffer_release(&one);
	buffer_release(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 16384) {
		return 0;
	}
	struct slice input = slice_of(data + 2, size - 2);
	if (data[1] % 2 == 0) {
		feed_deframer(input, data[0] == 0 ? size : data[0]);
	} else {
		read_text(input);
		result_ignore((result)grpc_status_parse(input));
		(void)grpc_is_content_type(input);
		(void)grpc_is_reserved(input);
	}
	return 0;
}
