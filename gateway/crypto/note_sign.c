// SPDX-License-Identifier: EUPL-1.2
//
// Signing notes.
#include "base/text.h"
#include "crypto/note.h"

#include <inttypes.h>

bool note_is_text(struct slice text)
{
	if (text.size == 0 || text.data[text.size - 1] != '\n') {
		return false;
	}
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < 0x20 && text.data[i] != '\n') {
			return false;
		}
	}
	return text_is_utf8(text);
}

result note_signer_init(struct note_signer *signer, struct slice name, enum note_type type,
			struct key_private *private_key)
{
	signer->private_key = private_key;
	return note_key_init(&signer->key, name, type, key_public_of(private_key));
}

void note_signer_release(struct note_signer *signer)
{
	note_key_release(&signer->key);
	signer->private_key = NULL;
}

void note_cosignature_message(struct slice text, int64_t time_s, struct buffer *message)
{
	buffer_append_format(message, "cosignature/v1\ntime %" PRId64 "\n", time_s);
	buffer_append_slice(message, text);
}

// Signs time and text; the signature is the time and the bytes of Ed25519.
static result cosign(struct key_private *key, struct slice text, int64_t time_s, uint8_t *signature, size_t *ret_size)
{
	if (time_s < 0) {
		return ERR_ARGUMENT;
	}
	struct buffer message;
	buffer_init(&message, NOTE_SIZE_MAX + 64);
	note_cosignature_message(text, time_s, &message);
	size_t size = 0;
	result code = buffer_result(&message);
	if (code == OK) {
		code = key_sign(key, buffer_slice(&message), signature + 8, &size);
	}
	buffer_release(&message);
	for (size_t i = 0; i < 8; i++) {
		signature[i] = (uint8_t)((uint64_t)time_s >> (56 - 8 * i));
	}
	*ret_size = 8 + size;
	return code;
}

result note_append_signature(struct note_signer *signer, struct slice text, int64_t time_s, struct buffer *lines)
{
	if (!note_is_text(text)) {
		return ERR_ARGUMENT;
	}
	uint8_t bytes[NOTE_KEY_ID_SIZE + 8 + KEY_SIGNATURE_MAX];
	memcpy(bytes, signer->key.id, NOTE_KEY_ID_SIZE);
	uint8_t *signature = bytes + NOTE_KEY_ID_SIZE;
	size_t size = 0;
	result code = signer->key.type == NOTE_COSIGNATURE ? cosign(signer->private_key, text, time_s, signature, &size)
							   : key_sign(signer->private_key, text, signature, &size);
	if (code != OK) {
		return code;
	}
	buffer_append_text(lines, NOTE_SIGNATURE_MARK);
	buffer_append_text(lines, signer->key.name);
	buffer_append_byte(lines, ' ');
	text_base64_append(lines, slice_of(bytes, NOTE_KEY_ID_SIZE + size));
	buffer_append_byte(lines, '\n');
	return buffer_result(lines);
}

result note_sign(struct slice text, struct note_signer *const signers[], size_t count, int64_t time_s,
		 struct buffer *note)
{
	buffer_append_slice(note, text);
	buffer_append_byte(note, '\n');
	result code = buffer_result(note);
	for (size_t i = 0; i < count && code == OK; i++) {
		code = note_append_signature(signers[i], text, time_s, note);
	}
	return code;
}
