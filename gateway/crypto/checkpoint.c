// SPDX-License-Identifier: EUPL-1.2
#include "crypto/checkpoint.h"

#include "base/text.h"

#include <inttypes.h>

result checkpoint_format(const struct checkpoint *checkpoint, struct buffer *text)
{
	if (!note_is_name(checkpoint->origin) || checkpoint->size > MERKLE_SIZE_MAX) {
		return ERR_ARGUMENT;
	}
	buffer_append_slice(text, checkpoint->origin);
	buffer_append_format(text, "\n%" PRIu64 "\n", checkpoint->size);
	text_base64_append(text, slice_of(checkpoint->root, DIGEST_SIZE));
	buffer_append_byte(text, '\n');
	return buffer_result(text);
}

// The next line without its LF, cut off the rest. False if there is none.
static bool take_line(struct slice *rest, struct slice *ret_line)
{
	const uint8_t *end = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
	if (!end) {
		return false;
	}
	*ret_line = slice_of(rest->data, (size_t)(end - rest->data));
	*rest = slice_skip(*rest, ret_line->size + 1);
	return true;
}

static result parse_root(struct slice text, uint8_t root[DIGEST_SIZE])
{
	struct buffer bytes;
	buffer_init(&bytes, DIGEST_SIZE);
	result code = text_unbase64_append(&bytes, text);
	if (code == OK && bytes.size != DIGEST_SIZE) {
		code = ERR_FORMAT;
	}
	if (code == OK) {
		memcpy(root, bytes.data, DIGEST_SIZE);
	}
	buffer_release(&bytes);
	return code;
}

result checkpoint_parse(struct slice text, struct checkpoint *ret_checkpoint, struct fault *fault)
{
	struct checkpoint checkpoint = { 0 };
	struct slice size;
	struct slice root;
	struct slice rest = text;
	if (!take_line(&rest, &checkpoint.origin) || !take_line(&rest, &size) || !take_line(&rest, &root)) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID, "the checkpoint has less than three lines");
	}
	if (rest.size != 0) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID, "the checkpoint has more than three lines");
	}
	if (!note_is_name(checkpoint.origin)) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID, "the checkpoint's origin is malformed");
	}
	if (text_decimal(size, MERKLE_SIZE_MAX, &checkpoint.size) != OK) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID, "the checkpoint's size is malformed or too large");
	}
	if (parse_root(root, checkpoint.root) != OK) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID,
				 "the checkpoint's root is no canonical base64 of %d bytes", DIGEST_SIZE);
	}
	uint8_t empty[DIGEST_SIZE];
	merkle_empty_root(empty);
	if (checkpoint.size == 0 && !digest_equal(checkpoint.root, empty)) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID, "the checkpoint of an empty tree has another root");
	}
	*ret_checkpoint = checkpoint;
	return OK;
}

result checkpoint_sign(const struct checkpoint *checkpoint, struct note_signer *const signers[], size_t count,
		       int64_t time_s, struct buffer *note)
{
	struct buffer text;
	buffer_init(&text, CHECKPOINT_TEXT_MAX);
	result code = checkpoint_format(checkpoint, &text);
	if (code == OK) {
		code = note_sign(buffer_slice(&text), signers, count, time_s, note);
	}
	buffer_release(&text);
	return code;
}

// Everything that is wrong with bytes from outside is one code here; what is wrong on this side stays itself.
static result as_invalid(result code)
{
	return code == ERR_MEMORY || code == ERR_ARGUMENT || code == ERR_CRYPTO ? code : ERR_CHECKPOINT_INVALID;
}

result checkpoint_open(struct slice note, struct slice origin, const struct note_key *const keys[], size_t count,
		       struct checkpoint_verified *ret_checkpoint, struct fault *fault)
{
	struct note_view view;
	struct checkpoint_verified opened;
	result code = note_parse(note, &view, fault);
	if (code != OK) {
		return as_invalid(code);
	}
	code = checkpoint_parse(view.text, &opened.checkpoint, fault);
	if (code != OK) {
		return code;
	}
	if (!slice_equal(opened.checkpoint.origin, origin)) {
		return fault_set(fault, ERR_CHECKPOINT_INVALID, "the checkpoint is of %.*s, not of %.*s",
				 (int)opened.checkpoint.origin.size, (const char *)opened.checkpoint.origin.data,
				 (int)origin.size, (const char *)origin.data);
	}
	code = note_verify(&view, keys, count, &opened.note, fault);
	if (code != OK) {
		return as_invalid(code);
	}
	*ret_checkpoint = opened;
	return OK;
}
