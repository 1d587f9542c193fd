// SPDX-License-Identifier: EUPL-1.2
//
// Checkpoints from outside: one text says one thing, so a parsed one formats to the bytes it came from; and none opens
// without the key.
#include "crypto/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct slice text)
{
	struct checkpoint checkpoint;
	struct fault fault;
	if (checkpoint_parse(text, &checkpoint, &fault) != OK) {
		return;
	}
	struct buffer again;
	buffer_init(&again, CHECKPOINT_TEXT_MAX);
	assert_always(checkpoint_format(&checkpoint, &again) == OK);
	assert_always(slice_equal(buffer_slice(&again), text));
	buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
	static struct note_key key;
	if (!key.key) {
		assert_always(note_key_parse(slice_text(vkey), &key, NULL) == OK);
	}
	struct slice bytes = slice_of(data, size);
	struct note_view view;
	struct fault fault;
	check_text(bytes);
	if (note_parse(bytes, &view, &fault) == OK) {
		check_text(view.text);
	}
	const struct note_key *const keys[] = { &key };
	struct checkpoint_verified opened;
	result code = checkpoint_open(bytes, slice_text("example.com/behind-the-sofa"), keys, 1, &opened, &fault);
	assert_always(code == ERR_CHECKPOINT_INVALID);
	return 0;
}
