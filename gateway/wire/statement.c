// SPDX-License-Identifier: EUPL-1.2
//
// Leaves: made as the notary makes them, read as a court reads them.
#include "wire/statement.h"

#include "crypto/merkle.h"

static const char prefix[] = "besa-statement/v1\n";

enum {
	PREFIX_SIZE = sizeof prefix - 1,
	HEAD_SIZE = PREFIX_SIZE + 1, // with the type byte
	TIME_FIELD = 2,
};

const char *statement_type_name(enum statement_type type)
{
	static const char *const names[STATEMENT_TYPE_COUNT] = {
		[STATEMENT_REQUEST] = "request",
		[STATEMENT_RESPONSE] = "response",
		[STATEMENT_RECEIVED] = "received",
		[STATEMENT_UNANSWERED] = "unanswered",
		[STATEMENT_REFUSAL_SUMMARY] = "refusal_summary",
		[STATEMENT_KEY] = "key",
		[STATEMENT_EDITION] = "edition",
		[STATEMENT_CERTIFICATE] = "certificate",
		[STATEMENT_GRANT] = "grant",
		[STATEMENT_OPERATOR] = "operator",
		[STATEMENT_EVENT] = "event",
		[STATEMENT_HOUSEKEEPING] = "housekeeping",
	};
	return (unsigned)type < STATEMENT_TYPE_COUNT && names[type] ? names[type] : "unknown";
}

const char *statement_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[STATEMENT_OUTCOME_ANSWERED] = "answered",
		[STATEMENT_OUTCOME_REFUSED] = "refused",
		[STATEMENT_OUTCOME_FAILED] = "failed",
		[STATEMENT_OUTCOME_INTERRUPTED] = "interrupted",
	};
	return outcome < sizeof names / sizeof names[0] && names[outcome] ? names[outcome] : "unknown";
}

// The codec knows only malformed data; here it is a statement that is.
static result as_statement(result code)
{
	return code == ERR_FORMAT ? ERR_STATEMENT_INVALID : code;
}

// ---- bodies ----

result statement_encode_body(enum statement_type type, const union statement_body *body, struct buffer *buffer,
			     struct fault *fault)
{
	const struct codec_message *message = statement_body_message(type);
	if (!message) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "unknown statement type %d", (int)type);
	}
	result code = codec_check(message, body, fault);
	if (code == OK) {
		code = statement_check(type, body, slice_of(NULL, 0), fault);
	}
	if (code != OK) {
		return as_statement(code);
	}
	size_t before = buffer->size;
	codec_append(message, body, buffer);
	if (buffer->size - before > STATEMENT_BODY_MAX) {
		buffer->size = before;
		return fault_set(fault, ERR_STATEMENT_INVALID, "%s: too large for a leaf", message->name);
	}
	return buffer_result(buffer);
}

result statement_check_body(enum statement_type type, struct slice bytes, struct slice member, struct arena *arena,
			    union statement_body *ret_body, struct fault *fault)
{
	const struct codec_message *message = statement_body_message(type);
	if (!message) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "unknown statement type %d", (int)type);
	}
	if (bytes.size > STATEMENT_BODY_MAX) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "%s: %zu bytes, the most is %d", message->name,
				 bytes.size, STATEMENT_BODY_MAX);
	}
	if (!identifier_is_member(member)) {
		return fault_set(fault, ERR_MEMBER_MISMATCH, "no member to speak for");
	}
	union statement_body body;
	result code = codec_decode(message, CODEC_STRICT, bytes, arena, &body, fault);
	if (code == OK) {
		code = statement_check(type, &body, member, fault);
	}
	if (code == OK) {
		*ret_body = body;
	}
	return as_statement(code);
}

// ---- leaves ----

size_t statement_leaf_size(struct slice member, struct slice body)
{
	struct statement head = { .member = member };
	size_t blinder = 2 + STATEMENT_BLINDER_SIZE;
	size_t time = 1 + 8;
	size_t length = 1; // of the body's length
	for (size_t left = body.size; left >= 0x80; left >>= 7) {
		length++;
	}
	return HEAD_SIZE + codec_size(&statement_message, &head) + time + blinder + 2 + length + body.size;
}

void statement_append_leaf(struct buffer *buffer, enum statement_type type, struct slice member, int64_t ledger_time_us,
			   const uint8_t blinder[STATEMENT_BLINDER_SIZE], struct slice body)
{
	buffer_append(buffer, prefix, PREFIX_SIZE);
	buffer_append_byte(buffer, (uint8_t)type);
	codec_append_head(buffer, 1, member.size);
	buffer_append_slice(buffer, member);
	buffer_append_byte(buffer, TIME_FIELD << 3 | 1);
	buffer_append_le64(buffer, (uint64_t)ledger_time_us);
	codec_append_head(buffer, 3, STATEMENT_BLINDER_SIZE);
	buffer_append(buffer, blinder, STATEMENT_BLINDER_SIZE);
	codec_append_head(buffer, STATEMENT_BODY_FIELD + (uint32_t)type, body.size);
	buffer_append_slice(buffer, body);
}

enum statement_type statement_peek_type(struct slice leaf)
{
	if (leaf.size <= HEAD_SIZE || memcmp(leaf.data, prefix, PREFIX_SIZE) != 0 ||
	    leaf.data[PREFIX_SIZE] >= STATEMENT_TYPE_COUNT) {
		return STATEMENT_NONE;
	}
	return (enum statement_type)leaf.data[PREFIX_SIZE];
}

result statement_parse(struct slice leaf, struct arena *arena, struct statement *ret_statement, struct fault *fault)
{
	if (leaf.size > STATEMENT_LEAF_MAX) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "%zu bytes, the most is %d", leaf.size,
				 STATEMENT_LEAF_MAX);
	}
	enum statement_type type = statement_peek_type(leaf);
	if (type == STATEMENT_NONE) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "not a besa-statement/v1 of a known type");
	}
	struct statement statement;
	result code =
	    codec_decode(&statement_message, CODEC_STRICT, slice_skip(leaf, HEAD_SIZE), arena, &statement, fault);
	if (code != OK) {
		return as_statement(code);
	}
	if (statement.body_field != STATEMENT_BODY_FIELD + (uint32_t)type) {
		return fault_set(fault, ERR_STATEMENT_INVALID, "the type byte says %s, the body is another",
				 statement_type_name(type));
	}
	code = statement_check(type, &statement.body, statement.member, fault);
	if (code != OK) {
		return code;
	}
	statement.type = type;
	statement.leaf = leaf;
	*ret_statement = statement;
	return OK;
}

void statement_leaf_hash(struct slice leaf, uint8_t hash[STATEMENT_HASH_SIZE])
{
	merkle_leaf_hash(leaf, hash);
}
