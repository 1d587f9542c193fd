// SPDX-License-Identifier: EUPL-1.2
//
// Every message between gateways and from operators. Input: a byte that chooses the message, then its bytes. Whatever
// decodes encodes again, and the strict form of it decodes to itself.
#include <stdlib.h>

#include "wire/admin.h"
#include "wire/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In the order of the seeds' first bytes.
static const struct codec_message *chosen(uint8_t choice)
{
	switch (choice) {
	case 0:
	case 1:
	case 2:
	case 3:
		return envelope_messages[3 + choice]; // request, response, outcome query, outcome report
	case 4:
	case 5:
		return envelope_messages[choice - 3]; // sealed statement, evidence
	case 6:
	case 7:
	case 8:
		return content_messages[choice - 6];
	case 9:
	case 10:
	case 11:
	case 12:
		return admin_messages[choice - 9];
	default:
		return NULL;
	}
}

static void check(const struct codec_message *message, enum codec_mode mode, struct slice bytes)
{
	struct arena arena;
	struct buffer again;
	struct buffer third;
	struct fault fault;
	void *decoded = malloc(message->size);
	arena_init(&arena, 4 << 20);
	buffer_init(&again, 4 << 20);
	buffer_init(&third, 4 << 20);
	assert_always(decoded != NULL);
	if (codec_decode(message, mode, bytes, &arena, decoded, &fault) == OK) {
		assert_always(codec_encode(message, decoded, &again, &fault) == OK);
		assert_always(codec_size(message, decoded) == again.size);
		assert_always(mode == CODEC_LENIENT || slice_equal(buffer_slice(&again), bytes));
		assert_always(codec_decode(message, CODEC_STRICT, buffer_slice(&again), &arena, decoded, &fault) == OK);
		assert_always(codec_encode(message, decoded, &third, &fault) == OK);
		assert_always(slice_equal(buffer_slice(&again), buffer_slice(&third)));
	}
	buffer_release(&third);
	buffer_release(&again);
	arena_release(&arena);
	free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct codec_message *message = size ? chosen(data[0]) : NULL;
	if (message) {
		check(message, CODEC_STRICT, slice_skip(slice_of(data, size), 1));
		check(message, CODEC_LENIENT, slice_skip(slice_of(data, size), 1));
	}
	return 0;
}
