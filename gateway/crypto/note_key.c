// SPDX-License-Identifier: EUPL-1.2
//
// Names and keys of notes, and their text form, the vkey.
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/note.h"

enum { VKEY_MAX = NOTE_NAME_MAX + 1 + 8 + 1 + 4 * (1 + KEY_SPKI_MAX + 2) / 3 };

// Whether the text starts with a space of any kind (Unicode property White_Space).
static bool starts_with_space(struct slice text)
{
	static const char *const spaces[] = {
		"\t",     "\n",     "\v",     "\f",     "\r",     " ",      "\xc2\x85", "\u00a0", "\u1680",
		"\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",   "\u2007", "\u2008",
		"\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
	};
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
		if (slice_starts_with(text, slice_text(spaces[i]))) {
			return true;
		}
	}
	return false;
}

bool note_is_name(struct slice name)
{
	if (name.size == 0 || name.size > NOTE_NAME_MAX || !text_is_utf8(name)) {
		return false;
	}
	for (size_t i = 0; i < name.size; i++) {
		uint8_t byte = name.data[i];
		bool may_be_space = byte <= ' ' || byte >= 0xc2;
		if (byte < ' ' || byte == '+' || (may_be_space && starts_with_space(slice_skip(name, i)))) {
			return false;
		}
	}
	return true;
}

// The key as it stands in a vkey and, for Ed25519, in the key id.
static struct slice encoded_key(const struct note_key *key)
{
	return key->type == NOTE_ECDSA ? key_public_spki(key->key) : key_public_ed25519(key->key);
}

static void compute_id(struct note_key *key)
{
	uint8_t hash[DIGEST_SIZE];
	struct digest digest;
	digest_init(&digest);
	if (key->type != NOTE_ECDSA) {
		uint8_t separator[] = { '\n', (uint8_t)key->type };
		digest_update(&digest, slice_text(key->name));
		digest_update(&digest, slice_of(separator, sizeof separator));
	}
	digest_update(&digest, encoded_key(key));
	digest_final(&digest, hash);
	memcpy(key->id, hash, NOTE_KEY_ID_SIZE);
}

static bool type_fits(enum note_type type, enum key_type key)
{
	switch (type) {
	case NOTE_ECDSA:
		return key == KEY_P256;
	case NOTE_ED25519:
	case NOTE_COSIGNATURE:
		return key == KEY_ED25519;
	}
	return false;
}

result note_key_init(struct note_key *key, struct slice name, enum note_type type, struct key_public *public_key)
{
	if (!note_is_name(name) || !type_fits(type, key_public_type(public_key))) {
		return ERR_ARGUMENT;
	}
	*key = (struct note_key){ .type = type, .key = key_public_hold(public_key) };
	memcpy(key->name, name.data, name.size);
	compute_id(key);
	return OK;
}

void note_key_release(struct note_key *key)
{
	key_public_free(key->key);
	*key = (struct note_key){ 0 };
}

void note_key_format(const struct note_key *key, struct buffer *vkey)
{
	char id[2 * NOTE_KEY_ID_SIZE + 1];
	text_hex(key->id, NOTE_KEY_ID_SIZE, id);
	uint8_t typed[1 + KEY_SPKI_MAX] = { (uint8_t)key->type };
	struct slice encoded = encoded_key(key);
	memcpy(typed + 1, encoded.data, encoded.size);
	buffer_append_text(vkey, key->name);
	buffer_append_byte(vkey, '+');
	buffer_append_text(vkey, id);
	buffer_append_byte(vkey, '+');
	text_base64_append(vkey, slice_of(typed, 1 + encoded.size));
}

// What stands before the first '+'; both the name and the id are free of them, base64 is not.
static struct slice take_part(struct slice *rest)
{
	const uint8_t *plus = rest->size ? memchr(rest->data, '+', rest->size) : NULL;
	struct slice part = slice_of(rest->data, plus ? (size_t)(plus - rest->data) : 0);
	*rest = slice_skip(*rest, part.size + 1);
	return part;
}

static result make_key(struct slice typed, struct key_public **ret_key)
{
	struct slice bytes = slice_skip(typed, 1);
	switch (typed.data[0]) {
	case NOTE_ECDSA:
		return key_public_from_spki(bytes, ret_key);
	case NOTE_ED25519:
	case NOTE_COSIGNATURE:
		return key_public_from_ed25519(bytes, ret_key);
	default:
		return ERR_UNSUPPORTED;
	}
}

result note_key_parse(struct slice vkey, struct note_key *ret_key, struct fault *fault)
{
	struct slice rest = vkey;
	struct slice name = take_part(&rest);
	struct slice id = take_part(&rest);
	uint8_t wanted[NOTE_KEY_ID_SIZE];
	struct note_key key = { 0 };
	struct key_public *public_key = NULL;
	struct buffer typed;
	buffer_init(&typed, VKEY_MAX);
	result code = text_unhex(id, wanted, sizeof wanted);
	if (code == OK) {
		code = text_unbase64_append(&typed, rest);
	}
	if (code == OK) {
		code = typed.size > 1 ? make_key(buffer_slice(&typed), &public_key) : ERR_FORMAT;
	}
	if (code == OK) {
		code = note_key_init(&key, name, typed.data[0], public_key) == OK ? OK : ERR_FORMAT;
	}
	if (code == OK && memcmp(key.id, wanted, sizeof wanted) != 0) {
		code = ERR_FORMAT;
	}
	if (code == OK) {
		*ret_key = key;
	} else {
		note_key_release(&key);
		code = fault_set(fault, code, "not a verifier key (name+id+key): %s",
				 code == ERR_FORMAT ? "malformed, or the id is not the key's" : result_text(code));
	}
	key_public_free(public_key);
	buffer_release(&typed);
	return code;
}
