// SPDX-License-Identifier: EUPL-1.2
//
// Reading and verifying notes. Names and keys: note_key.c. Signing: note_sign.c.
#include "crypto/note.h"

#include "base/text.h"

// The line that starts the bytes, with its LF; empty if there is no LF.
static struct slice first_line(struct slice bytes)
{
	const uint8_t *end = bytes.size ? memchr(bytes.data, '\n', bytes.size) : NULL;
	return slice_of(bytes.data, end ? (size_t)(end - bytes.data) + 1 : 0);
}

// Where the signature lines begin: after the last empty line; 0 if there is none.
static size_t signatures_start(struct slice note)
{
	for (size_t i = note.size; i >= 2; i--) {
		if (note.data[i - 1] == '\n' && note.data[i - 2] == '\n') {
			return i;
		}
	}
	return 0;
}

// Takes one signature line apart; `scratch` is reused between lines.
static result parse_signature(struct slice line, struct buffer *scratch, struct note_signature *ret_signature)
{
	struct slice mark = slice_text(NOTE_SIGNATURE_MARK);
	if (line.size == 0 || !slice_starts_with(line, mark)) {
		return ERR_FORMAT;
	}
	struct slice rest = slice_skip(line, mark.size);
	rest.size--; // LF
	const uint8_t *space = rest.size ? memchr(rest.data, ' ', rest.size) : NULL;
	if (!space) {
		return ERR_FORMAT;
	}
	struct slice name = slice_of(rest.data, (size_t)(space - rest.data));
	struct slice encoded = slice_skip(rest, name.size + 1);
	buffer_clear(scratch);
	result code = text_unbase64_append(scratch, encoded);
	if (code != OK) {
		return code;
	}
	if (!note_is_name(name) || scratch->size <= NOTE_KEY_ID_SIZE) {
		return ERR_FORMAT;
	}
	*ret_signature = (struct note_signature){ .name = name, .encoded = encoded, .line = line };
	memcpy(ret_signature->key_id, scratch->data, NOTE_KEY_ID_SIZE);
	return OK;
}

result note_parse(struct slice note, struct note_view *ret_view, struct fault *fault)
{
	if (note.size > NOTE_SIZE_MAX) {
		return fault_set(fault, ERR_LIMIT, "the note is larger than %d bytes", NOTE_SIZE_MAX);
	}
	if (!note_is_text(note)) {
		return fault_set(fault, ERR_FORMAT, "the note is not text, or does not end with a line feed");
	}
	size_t start = signatures_start(note);
	if (start == 0) {
		return fault_set(fault, ERR_FORMAT, "the note has no text, or no empty line before its signatures");
	}
	struct buffer scratch;
	buffer_init(&scratch, NOTE_SIZE_MAX);
	ret_view->text = slice_of(note.data, start - 1);
	ret_view->count = 0;
	struct slice rest = slice_skip(note, start);
	result code = rest.size ? OK : fault_set(fault, ERR_FORMAT, "the note has no signature");
	while (code == OK && rest.size > 0) {
		struct slice line = first_line(rest);
		if (ret_view->count == NOTE_SIGNATURES_MAX) {
			code = fault_set(fault, ERR_LIMIT, "the note has more than %d signatures", NOTE_SIGNATURES_MAX);
			break;
		}
		code = parse_signature(line, &scratch, &ret_view->signatures[ret_view->count]);
		if (code != OK) {
			code =
			    fault_set(fault, code, "signature line %zu of the note is malformed", ret_view->count + 1);
		}
		ret_view->count++;
		rest = slice_skip(rest, line.size);
	}
	buffer_release(&scratch);
	return code;
}

// ---- verification ----

static bool same_key(const struct note_key *a, const struct note_key *b)
{
	return memcmp(a->id, b->id, NOTE_KEY_ID_SIZE) == 0 && strcmp(a->name, b->name) == 0;
}

static result check_keys(const struct note_key *const keys[], size_t count, struct fault *fault)
{
	if (count > NOTE_KEYS_MAX) {
		return fault_set(fault, ERR_ARGUMENT, "more than %d keys to verify a note", NOTE_KEYS_MAX);
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (same_key(keys[i], keys[j])) {
				return fault_set(fault, ERR_ARGUMENT, "two keys are named %s with one key id",
						 keys[i]->name);
			}
		}
	}
	return OK;
}

// The number of the key that a signature line names; `count` if it is unknown.
static size_t find_key(const struct note_signature *signature, const struct note_key *const keys[], size_t count)
{
	size_t i = 0;
	while (i < count && (memcmp(signature->key_id, keys[i]->id, NOTE_KEY_ID_SIZE) != 0 ||
			     !slice_is(signature->name, keys[i]->name))) {
		i++;
	}
	return i;
}

static result verify_cosignature(struct key_public *key, struct slice text, struct slice bytes, int64_t *ret_time_s)
{
	if (bytes.size != NOTE_COSIGNATURE_SIZE) {
		return ERR_SIGNATURE_INVALID;
	}
	uint64_t time_s = 0;
	for (size_t i = 0; i < 8; i++) {
		time_s = time_s << 8 | bytes.data[i];
	}
	if (time_s > INT64_MAX) {
		return ERR_SIGNATURE_INVALID;
	}
	struct buffer message;
	buffer_init(&message, NOTE_SIZE_MAX + 64);
	note_cosignature_message(text, (int64_t)time_s, &message);
	result code = buffer_result(&message);
	if (code == OK) {
		code = key_verify(key, buffer_slice(&message), slice_skip(bytes, 8));
	}
	buffer_release(&message);
	if (code == OK) {
		*ret_time_s = (int64_t)time_s;
	}
	return code;
}

static result verify_signature(const struct note_key *key, struct slice text, struct slice encoded,
			       struct buffer *scratch, int64_t *ret_time_s)
{
	buffer_clear(scratch);
	result code = text_unbase64_append(scratch, encoded);
	if (code != OK) {
		return code;
	}
	struct slice bytes = slice_skip(buffer_slice(scratch), NOTE_KEY_ID_SIZE);
	if (key->type == NOTE_COSIGNATURE) {
		return verify_cosignature(key->key, text, bytes, ret_time_s);
	}
	return key_verify(key->key, text, bytes);
}

result note_verify(const struct note_view *view, const struct note_key *const keys[], size_t count,
		   struct note_verified *ret_verified, struct fault *fault)
{
	result code = check_keys(keys, count, fault);
	if (code != OK) {
		return code;
	}
	struct note_verified verified = { .text = view->text };
	struct buffer scratch;
	buffer_init(&scratch, NOTE_SIZE_MAX);
	for (size_t i = 0; i < view->count && code == OK; i++) {
		size_t k = find_key(&view->signatures[i], keys, count);
		if (k == count) {
			continue;
		}
		if (verified.signers >> k & 1) {
			code = fault_set(fault, ERR_SIGNATURE_INVALID, "the note is signed twice by %s", keys[k]->name);
			break;
		}
		code = verify_signature(keys[k], view->text, view->signatures[i].encoded, &scratch,
					&verified.cosigned_at_s[k]);
		if (code != OK) {
			code = fault_set(fault, code, "the signature of %s on the note is wrong", keys[k]->name);
		}
		verified.signers |= UINT32_C(1) << k;
	}
	buffer_release(&scratch);
	if (code == OK && verified.signers == 0) {
		code = fault_set(fault, ERR_SIGNATURE_INVALID, "the note bears no signature of a key that counts");
	}
	if (code == OK) {
		*ret_verified = verified;
	}
	return code;
}
