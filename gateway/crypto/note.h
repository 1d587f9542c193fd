// SPDX-License-Identifier: EUPL-1.2
//
// C2SP signed notes (c2sp.org/signed-note v1.0.0) and timestamped cosignatures (c2sp.org/tlog-cosignature, 0x04).
//
// A note is text, an empty line, and signature lines `— <key name> <base64(key id ‖ signature)>`. Parsing is strict
// so that two verifiers never read one note differently: UTF-8, no control characters but LF, canonical
// base64, no line that is not a signature. Signatures of unknown keys are kept and count for nothing; a known key's
// wrong or second signature refuses the note.
#ifndef BESA_CRYPTO_NOTE_H
#define BESA_CRYPTO_NOTE_H

#include "base/buffer.h"
#include "crypto/key.h"

enum {
	NOTE_SIZE_MAX =
	    256 * 1024,           // 16 signatures of the largest post-quantum kind fit; a peer cannot make us read more
	NOTE_SIGNATURES_MAX = 32, // lines; the standard demands 16 at least
	NOTE_KEYS_MAX = 32,       // keys that one verification may know
	NOTE_NAME_MAX = 512,      // bytes of a key name
	NOTE_KEY_ID_SIZE = 4,
	NOTE_COSIGNATURE_SIZE = 8 + KEY_ED25519_SIGNATURE_SIZE, // time, big-endian seconds, then Ed25519
};

// What a signature line starts with: em dash, space.
#define NOTE_SIGNATURE_MARK "\u2014 "

// Signature types of the standard.
enum note_type {
	NOTE_ED25519 = 0x01,
	NOTE_ECDSA = 0x02,       // P-256, SHA-256, DER; the key id is taken from the SPKI alone
	NOTE_COSIGNATURE = 0x04, // Ed25519 over time and text
};

// ---- keys ----

// A key that notes may be signed with, as a verifier knows it.
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	enum note_type type;
	uint8_t id[NOTE_KEY_ID_SIZE];
	struct key_public *key; // held
};

// Whether the text can name a key: not empty, at most NOTE_NAME_MAX bytes of UTF-8, no Unicode space, no '+', no
// control character.
bool note_is_name(struct slice name);

// Names a public key (held, so the caller may free its own hold). ERR_ARGUMENT if the name is none or the type does not
// go with the key.
result note_key_init(struct note_key *key, struct slice name, enum note_type type, struct key_public *public_key);

// Drops the hold; safe on a zeroed struct.
void note_key_release(struct note_key *key);

// Verifier key text `<name>+<8 hex digits>+<base64(type ‖ key)>`. Parsing refuses an id that is not the key's:
// ERR_FORMAT, ERR_UNSUPPORTED (another type).
result note_key_parse(struct slice vkey, struct note_key *ret_key, struct fault *fault);
void note_key_format(const struct note_key *key, struct buffer *vkey);

// ---- reading ----

struct note_signature {
	struct slice name;
	uint8_t key_id[NOTE_KEY_ID_SIZE];
	struct slice encoded; // base64 of key id and signature
	struct slice line;    // the whole line with its LF
};

// A note taken apart, not verified. Everything is borrowed from the bytes parsed.
struct note_view {
	struct slice text; // with its last LF: what is signed
	size_t count;
	struct note_signature signatures[NOTE_SIGNATURES_MAX];
};

// ERR_FORMAT, ERR_LIMIT, with words.
result note_parse(struct slice note, struct note_view *ret_view, struct fault *fault);

// A note that at least one known key has signed and no known key has signed wrongly.
struct note_verified {
	struct slice text;                    // borrowed, as in the view
	uint32_t signers;                     // bit i: keys[i] has signed
	int64_t cosigned_at_s[NOTE_KEYS_MAX]; // for a cosigner among them: POSIX seconds it states, otherwise 0
};

// Checks the signatures of the keys given (at most NOTE_KEYS_MAX; two of one name and id: ERR_ARGUMENT).
// ERR_SIGNATURE_INVALID when a known key's signature is wrong or stands twice, or no known key has signed. The caller
// asks `signers` for the ones it insists on, and judges the times.
result note_verify(const struct note_view *view, const struct note_key *const keys[], size_t count,
		   struct note_verified *ret_verified, struct fault *fault);

// ---- signing ----

// A private key under a name. The private key is borrowed.
struct note_signer {
	struct note_key key;
	struct key_private *private_key;
};

result note_signer_init(struct note_signer *signer, struct slice name, enum note_type type,
			struct key_private *private_key);
void note_signer_release(struct note_signer *signer);

// Whether the text can be signed: not empty, UTF-8, ends with LF, no control character but LF.
bool note_is_text(struct slice text);

// Appends what a cosigner signs: two lines that state purpose and time, then the text.
void note_cosignature_message(struct slice text, int64_t time_s, struct buffer *message);

// Appends one signature line over the text. `time_s` is the POSIX time a cosigner states; other types ignore
// it. ERR_ARGUMENT if the text cannot be signed, ERR_CRYPTO, the buffer's.
result note_append_signature(struct note_signer *signer, struct slice text, int64_t time_s, struct buffer *lines);

// Appends a whole note: text, empty line, a line of each signer.
result note_sign(struct slice text, struct note_signer *const signers[], size_t count, int64_t time_s,
		 struct buffer *note);

#endif
