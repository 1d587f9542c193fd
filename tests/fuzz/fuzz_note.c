// SPDX-License-Identifier: EUPL-1.2
//
// Notes and verifier keys from outside. What parses must be whole: text, empty line and lines are the input again, and
// what verifies must be signed by the one key that is known.
#include "base/text.h"
#include "crypto/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_whole(struct slice note, const struct note_view *view)
{
	struct slice rest = slice_skip(note, view->text.size);
	assert_always(slice_starts_with(note, view->text) && rest.size > 0 && rest.data[0] == '\n');
	rest = slice_skip(rest, 1);
	assert_always(view->count > 0);
	for (size_t i = 0; i < view->count; i++) {
		const struct note_signature *signature = &view->signatures[i];
		assert_always(slice_starts_with(rest, signature->line) && note_is_name(signature->name));
		rest = slice_skip(rest, signature->line.size);
	}
	assert_always(rest.size == 0 && note_is_text(view->text));
}

static void try_vkey(struct slice text)
{
	struct note_key key;
	if (note_key_parse(text, &key, NULL) != OK) {
		return;
	}
	struct buffer again;
	buffer_init(&again, NOTE_SIZE_MAX);
	note_key_format(&key, &again);
	// the id may come in capitals; everything else has one spelling
	assert_always(again.size == text.size);
	buffer_release(&again);
	note_key_release(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char vkey[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
	static struct note_key key;
	if (!key.key) {
		assert_always(note_key_parse(slice_text(vkey), &key, NULL) == OK);
	}
	struct slice note = slice_of(data, size);
	struct note_view view;
	struct fault fault;
	try_vkey(note);
	if (note_parse(note, &view, &fault) == OK) {
		check_whole(note, &view);
		const struct note_key *const keys[] = { &key };
		struct note_verified verified;
		if (note_verify(&view, keys, 1, &verified, &fault) == OK) {
			assert_always(verified.signers == 1 &&
				      slice_is(verified.text, "This is an example message.\n"));
		}
	}
	return 0;
}
