// SPDX-License-Identifier: EUPL-1.2
//
// A whole request as it travels, checked as a receiver checks it, with the directory: any altered byte, wherever it
// stands, is noticed by one of the checks; and members cannot seal for each other.
#include "tests/unit/directory/federation.h"

struct fixture {
	struct federation *federation;
	struct directory *directory;
	struct seal_verifier *verifier;
	struct arena arena;
	struct buffer envelope;
	struct fault fault;
};

// Seals `leaf` in a ledger that holds others already.
static void seal(struct sealed_ledger *ledger, struct slice leaf, struct buffer *bytes)
{
	for (int i = 0; i < 20; i++) {
		sealed_ledger_add(ledger, slice_text("another leaf"));
	}
	uint64_t index = sealed_ledger_add(ledger, leaf);
	sealed_ledger_add(ledger, slice_text("a later leaf"));
	sealed_ledger_seal(ledger, index, bytes);
}

// A request of `client`, sealed by `member` in `ledger`; the envelope is fixture->envelope.
static void send_request(struct fixture *fixture, const char *client, const char *member, struct sealed_ledger *ledger)
{
	static const uint8_t salt[CONTENT_SALT_SIZE] = "32 bytes that nobody could guess";
	uint8_t payload_digest[32];
	uint8_t metadata_digest[32];
	uint8_t commitment[32];
	struct slice payload = slice_text("\x0a\x0a"
					  "1172345678");
	struct slice metadata = slice_text("\x0a\x0a\x0a\x05trace\x12\x01"
					   "7");
	struct buffer private_part;
	struct buffer body;
	struct buffer leaf;
	struct buffer seal_bytes;
	buffer_init(&private_part, CONTENT_PRIVATE_MAX);
	buffer_init(&body, STATEMENT_BODY_MAX);
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	buffer_init(&seal_bytes, ENVELOPE_SEAL_MAX);
	const struct content_private part = { .salt = slice_of(salt, sizeof salt), .user = slice_text("arta.gashi") };
	assert_int_equal(content_encode_private(&part, &private_part, NULL), OK);
	content_private_commitment(buffer_slice(&private_part), commitment);
	content_payload_digest(salt, payload, payload_digest);
	content_metadata_digest(salt, metadata, metadata_digest);

	union statement_body request = example_body(STATEMENT_REQUEST);
	request.request.client = slice_text(client);
	request.request.payload_digest = slice_of(payload_digest, 32);
	request.request.payload_size = payload.size;
	request.request.metadata_digest = slice_of(metadata_digest, 32);
	request.request.private_commitment = slice_of(commitment, 32);
	assert_int_equal(statement_encode_body(STATEMENT_REQUEST, &request, &body, NULL), OK);
	statement_append_leaf(&leaf, STATEMENT_REQUEST, slice_text(member), EXAMPLE_TIME,
			      (const uint8_t *)"blinder-16-bytes", buffer_slice(&body));
	seal(ledger, buffer_slice(&leaf), &seal_bytes);
	const struct envelope_request envelope = {
		.statement = buffer_slice(&leaf),
		.seal = buffer_slice(&seal_bytes),
		.private_part = buffer_slice(&private_part),
		.salt = slice_of(salt, sizeof salt),
		.metadata = metadata,
	};
	buffer_clear(&fixture->envelope);
	assert_int_equal(envelope_request_head(&envelope, payload.size, &fixture->envelope, NULL), OK);
	buffer_append_slice(&fixture->envelope, payload);
	buffer_release(&seal_bytes);
	buffer_release(&leaf);
	buffer_release(&body);
	buffer_release(&private_part);
}

static result check_content(const struct envelope_request *envelope, const struct statement_request *request,
			    struct fault *fault)
{
	result code = content_check_payload(envelope->salt, envelope->payload, request->payload_digest,
					    request->payload_size, fault);
	if (code == OK) {
		code = content_check_metadata(envelope->salt, envelope->metadata, request->metadata_digest, fault);
	}
	if (code == OK) {
		code = content_check_private(request->private_commitment, envelope->private_part, fault);
	}
	return code;
}

// The checks of a receiver, in its order.
static result receive(struct fixture *fixture)
{
	struct envelope_request envelope;
	struct envelope_seal seal_read;
	struct statement statement;
	const struct seal_key *key;
	struct seal_verified verified;
	struct fault *fault = &fixture->fault;
	arena_clear(&fixture->arena);
	result code = envelope_decode_request(buffer_slice(&fixture->envelope), &envelope, fault);
	if (code == OK) {
		code = statement_parse(envelope.statement, &fixture->arena, &statement, fault);
	}
	if (code == OK && statement.type != STATEMENT_REQUEST) {
		code = ERR_STATEMENT_INVALID;
	}
	if (code == OK) {
		code = envelope_decode_seal(envelope.seal, &seal_read, fault);
	}
	if (code == OK) {
		code = directory_seal_key(fixture->directory, seal_read.origin, FEDERATION_NOW, &key, fault);
	}
	if (code == OK) {
		code = seal_verify(fixture->verifier, key, envelope.statement, &seal_read, &verified, fault);
	}
	if (code == OK) {
		code = seal_check_member(&verified, &statement, fault);
	}
	return code == OK ? check_content(&envelope, &statement.body.request, fault) : code;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->federation = federation_new();
	federation_publish(fixture->federation);
	assert_int_equal(directory_open(buffer_slice(&fixture->federation->file), &fixture->federation->trust,
					FEDERATION_NOW, &fixture->directory, NULL),
			 OK);
	assert_int_equal(seal_verifier_new(16, &fixture->verifier), OK);
	arena_init(&fixture->arena, STATEMENT_ARENA_MAX);
	buffer_init(&fixture->envelope, ENVELOPE_MAX);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	buffer_release(&fixture->envelope);
	arena_release(&fixture->arena);
	seal_verifier_free(fixture->verifier);
	directory_unref(fixture->directory);
	federation_free(fixture->federation);
	free(fixture);
	return 0;
}

static void test_any_altered_byte_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	send_request(fixture, "XK/GOV/ASHI/ekosova", "XK/GOV/ASHI", fixture->federation->ashi);
	assert_int_equal(receive(fixture), OK);
	uint64_t random = 88172645463325252u;
	for (int round = 0; round < 8; round++) {
		for (size_t i = 0; i < fixture->envelope.size; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			uint8_t mask = (uint8_t)(round == 0 ? 1 : 1 + random % 255);
			fixture->envelope.data[i] ^= mask;
			assert_int_not_equal(receive(fixture), OK);
			fixture->envelope.data[i] ^= mask;
		}
	}
	for (size_t size = 0; size < fixture->envelope.size; size++) {
		size_t whole = fixture->envelope.size;
		fixture->envelope.size = size;
		assert_int_not_equal(receive(fixture), OK);
		fixture->envelope.size = whole;
	}
	assert_int_equal(receive(fixture), OK);
}

static void test_members_cannot_seal_for_each_other(void **state)
{
	struct fixture *fixture = *state;
	struct federation *f = fixture->federation;
	// in the name of a member, in another's ledger
	send_request(fixture, "XK/GOV/ASHI/ekosova", "XK/GOV/ASHI", f->arc);
	assert_int_equal(receive(fixture), ERR_MEMBER_MISMATCH);
	// in its own name and ledger, for another's subsystem
	send_request(fixture, "XK/GOV/ASHI/ekosova", "XK/GOV/ARC", f->arc);
	assert_int_equal(receive(fixture), ERR_MEMBER_MISMATCH);
	// in a ledger that calls itself another's
	struct sealed_ledger *liar = sealed_ledger_new("besa/XK/GOV/ASHI/gw1/2026");
	send_request(fixture, "XK/GOV/ASHI/ekosova", "XK/GOV/ASHI", liar);
	assert_int_equal(receive(fixture), ERR_CHECKPOINT_INVALID);
	sealed_ledger_free(liar);
	// in a ledger that nobody lists
	struct sealed_ledger *unlisted = sealed_ledger_new("besa/XK/GOV/ASHI/gw2/2026");
	send_request(fixture, "XK/GOV/ASHI/ekosova", "XK/GOV/ASHI", unlisted);
	assert_int_equal(receive(fixture), ERR_NOT_FOUND);
	sealed_ledger_free(unlisted);
	send_request(fixture, "XK/GOV/ASHI/ekosova", "XK/GOV/ASHI", f->ashi);
	assert_int_equal(receive(fixture), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_altered_byte_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_members_cannot_seal_for_each_other, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
