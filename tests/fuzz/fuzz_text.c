// SPDX-License-Identifier: EUPL-1.2
//
// Text forms of base: whatever a parser accepts, written back, is what was read. A second spelling of one value would
// let two verifiers disagree.
#include <stdlib.h>

#include "base/identifier.h"
#include "base/text.h"

static void check_base64(struct slice text)
{
	struct buffer bytes, again;
	buffer_init(&bytes, text.size + 1);
	buffer_init(&again, text.size + 8);
	if (text_unbase64_append(&bytes, text) == OK) {
		text_base64_append(&again, slice_of(bytes.data, bytes.size));
		assert_always(slice_equal(slice_of(again.data, again.size), text));
	} else {
		assert_always(bytes.size == 0);
	}
	buffer_release(&bytes);
	buffer_release(&again);
}

static void check_decimal(struct slice text)
{
	uint64_t value = 0;
	if (text_decimal(text, UINT64_MAX, &value) != OK) {
		return;
	}
	char again[32];
	snprintf(again, sizeof(again), "%llu", (unsigned long long)value);
	assert_always(slice_is(text, again));
}

static void check_uuid(struct slice text)
{
	uint8_t uuid[IDENTIFIER_UUID_SIZE], same[IDENTIFIER_UUID_SIZE];
	char again[IDENTIFIER_UUID_TEXT_SIZE];
	if (identifier_parse_uuid(text, uuid) != OK) {
		return;
	}
	identifier_uuid_text(uuid, again);
	assert_always(identifier_parse_uuid(slice_text(again), same) == OK && memcmp(uuid, same, sizeof(uuid)) == 0);
}

// Parts of an identifier lie inside it, and a member owns exactly the subsystems that begin with it.
static void check_identifiers(struct slice text)
{
	if (identifier_is_subsystem(text)) {
		struct slice member = identifier_member_of_subsystem(text);
		assert_always(identifier_is_member(member) && slice_starts_with(text, member));
		assert_always(identifier_subsystem_belongs(text, member));
		assert_always(!identifier_is_member(text) && !identifier_is_origin(text));
	}
	if (identifier_is_origin(text)) {
		struct slice member = identifier_member_of_origin(text), ledger = identifier_ledger_of_origin(text);
		assert_always(identifier_is_member(member) && slice_starts_with(text, ledger));
		assert_always(ledger.size > member.size && ledger.size < text.size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	check_base64(text);
	check_decimal(text);
	check_uuid(text);
	check_identifiers(text);
	(void)text_is_utf8(text);
	return 0;
}
