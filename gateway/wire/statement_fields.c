// SPDX-License-Identifier: EUPL-1.2
//
// The tables of proto/besa/statement/v1/statement.proto: a contract. A row is added when the .proto gains a field;
// a row is never changed. Rules between fields are in statement_check.c.
#include "wire/statement.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(title, type, rows)                                                                 \
	{                                                                                        \
		.name = title, .size = sizeof(struct type), .fields = rows, .count = COUNT(rows) \
	}

// Recurring shapes of rows. F names the field's place in its struct.
#define F(type, field) .name = #field, .offset = offsetof(struct type, field)
#define HASH .least = STATEMENT_HASH_SIZE, .most = STATEMENT_HASH_SIZE
#define UUID .least = IDENTIFIER_UUID_SIZE, .most = IDENTIFIER_UUID_SIZE, .legal = identifier_is_uuid7
#define SUBSYSTEM .most = IDENTIFIER_MAX, .legal = identifier_is_subsystem
#define ORIGIN .most = IDENTIFIER_ORIGIN_MAX, .legal = identifier_is_origin
#define LINE .most = STATEMENT_TEXT_MAX, .legal = statement_is_line
#define SERVICE .most = STATEMENT_TEXT_MAX, .legal = statement_is_service
#define METHOD .most = STATEMENT_TEXT_MAX, .legal = is_method
#define WORD .most = IDENTIFIER_PART_MAX, .legal = statement_is_word
#define PART .most = IDENTIFIER_PART_MAX, .legal = identifier_is_part

// ---- forms of text ----

bool statement_is_line(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < 0x20 || text.data[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

static inline bool is_letter(uint8_t c)
{
	return (unsigned)(c | 0x20) - 'a' < 26 || c == '_'; // 0x20 makes a letter small and no other character a letter
}

static inline bool is_digit(uint8_t c)
{
	return (unsigned)c - '0' < 10;
}

// Protobuf identifiers, joined by dots if `dots`.
static bool is_identifier(struct slice text, bool dots)
{
	bool start = true; // an identifier begins here
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (is_letter(c) || (!start && is_digit(c))) {
			start = false;
		} else if (c == '.' && dots && !start) {
			start = true;
		} else {
			return false;
		}
	}
	return !start;
}

bool statement_is_service(struct slice text)
{
	return is_identifier(text, true);
}

static bool is_method(struct slice text)
{
	return is_identifier(text, false);
}

bool statement_is_word(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (!((unsigned)c - 'a' < 26 || is_digit(c) || c == '_' || c == '-')) {
			return false;
		}
	}
	return text.size != 0;
}

// "besa/XK/GOV/ASHI/gw1": an origin without its shard.
static bool is_ledger(struct slice text)
{
	uint8_t origin[IDENTIFIER_ORIGIN_MAX];
	if (text.size > sizeof origin - 2) {
		return false;
	}
	memcpy(origin, text.data, text.size);
	memcpy(origin + text.size, "/0", 2);
	return identifier_is_origin(slice_of(origin, text.size + 2));
}

static bool is_suite(struct slice text)
{
	return slice_is(text, STATEMENT_SUITE);
}

static bool is_key_reason(struct slice text)
{
	return slice_is(text, "first") || slice_is(text, "rotation") || slice_is(text, "damage") ||
	       slice_is(text, "restored");
}

static bool is_housekeeping(struct slice text)
{
	return slice_is(text, "timestamp") || slice_is(text, "cosignature") || slice_is(text, "ocsp");
}

// ---- tables ----

static const struct codec_field request_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(statement_request, exchange_id), UUID },
	{ 2, CODEC_TEXT, .required = true, F(statement_request, client), SUBSYSTEM },
	{ 3, CODEC_TEXT, F(statement_request, purpose), LINE },
	{ 4, CODEC_TEXT, F(statement_request, legal_basis), LINE },
	{ 5, CODEC_TEXT, .required = true, F(statement_request, provider), SUBSYSTEM },
	{ 6, CODEC_TEXT, .required = true, F(statement_request, provider_ledger), ORIGIN },
	{ 7, CODEC_TEXT, .required = true, F(statement_request, service), SERVICE },
	{ 8, CODEC_TEXT, .required = true, F(statement_request, method), METHOD },
	{ 9, CODEC_BYTES, .required = true, F(statement_request, contract_digest), HASH },
	{ 10, CODEC_UINT32, .required = true, F(statement_request, attempt) },
	{ 11, CODEC_BYTES, F(statement_request, previous_attempt), HASH },
	{ 12, CODEC_TIME, .required = true, F(statement_request, issued_at_us) },
	{ 13, CODEC_TIME, .required = true, F(statement_request, deadline_us) },
	{ 14, CODEC_BYTES, .required = true, F(statement_request, payload_digest), HASH },
	{ 15, CODEC_UINT64, F(statement_request, payload_size) },
	{ 16, CODEC_BYTES, F(statement_request, metadata_digest), HASH },
	{ 17, CODEC_UINT64, .required = true, F(statement_request, directory_size) },
	{ 18, CODEC_BYTES, .required = true, F(statement_request, directory_root), HASH },
	{ 19, CODEC_BYTES, F(statement_request, private_commitment), HASH },
};

static const struct codec_field response_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(statement_response, exchange_id), UUID },
	{ 2, CODEC_TEXT, .required = true, F(statement_response, provider), SUBSYSTEM },
	{ 3, CODEC_BYTES, .required = true, F(statement_response, request_hash), HASH },
	{ 4, CODEC_ENUM, .required = true, F(statement_response, outcome), .most = STATEMENT_OUTCOME_INTERRUPTED },
	{ 5, CODEC_UINT32, F(statement_response, grpc_status), .most = GRPC_UNAUTHENTICATED },
	{ 6, CODEC_TEXT, F(statement_response, reason), WORD },
	{ 7, CODEC_TEXT, F(statement_response, grant_id), PART },
	{ 8, CODEC_BYTES, F(statement_response, payload_digest), HASH },
	{ 9, CODEC_UINT64, F(statement_response, payload_size) },
	{ 10, CODEC_BYTES, F(statement_response, metadata_digest), HASH },
	{ 11, CODEC_TEXT, .repeated = true, F(statement_response, withheld_paths), LINE, .count = STATEMENT_PATHS_MAX },
};

static const struct codec_field received_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(statement_received, exchange_id), UUID },
	{ 2, CODEC_ENUM, .required = true, F(statement_received, type), .most = STATEMENT_HOUSEKEEPING },
	{ 3, CODEC_BYTES, .required = true, F(statement_received, statement_hash), HASH },
	{ 4, CODEC_BYTES, .required = true, F(statement_received, seal_hash), HASH },
	{ 5, CODEC_TEXT, .required = true, F(statement_received, origin), ORIGIN },
	{ 6, CODEC_UINT64, F(statement_received, index) },
	{ 7, CODEC_TEXT, .required = true, F(statement_received, subsystem), SUBSYSTEM },
	{ 8, CODEC_UINT32, .required = true, F(statement_received, checks), .most = STATEMENT_CHECKED_ALL },
};

static const struct codec_field unanswered_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(statement_unanswered, exchange_id), UUID },
	{ 2, CODEC_TEXT, .required = true, F(statement_unanswered, client), SUBSYSTEM },
	{ 3, CODEC_BYTES, .required = true, F(statement_unanswered, request_hash), HASH },
	{ 4, CODEC_UINT32, .required = true, F(statement_unanswered, grpc_status), .most = GRPC_UNAUTHENTICATED },
	{ 5, CODEC_TEXT, .required = true, F(statement_unanswered, reason), WORD },
};

static const struct codec_field refusal_count_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(statement_refusal_count, reason), WORD },
	{ 2, CODEC_UINT64, .required = true, F(statement_refusal_count, count) },
};
static const struct codec_message refusal_count = TABLE("RefusalCount", statement_refusal_count, refusal_count_fields);

static const struct codec_field refusal_summary_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(statement_refusal_summary, peer), .most = IDENTIFIER_ORIGIN_MAX,
	  .legal = is_ledger },
	{ 2, CODEC_TIME, .required = true, F(statement_refusal_summary, since_us) },
	{ 3, CODEC_TIME, .required = true, F(statement_refusal_summary, until_us) },
	{ 4, CODEC_MESSAGE, .repeated = true, .required = true, F(statement_refusal_summary, counts),
	  .count = STATEMENT_REASONS_MAX, .message = &refusal_count },
};

static const struct codec_field key_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(statement_key, origin), ORIGIN },
	{ 2, CODEC_BYTES, .required = true, F(statement_key, seal_certificate_digest), HASH },
	{ 3, CODEC_BYTES, .repeated = true, F(statement_key, chain_digests), HASH, .count = STATEMENT_CHAIN_MAX },
	{ 4, CODEC_TEXT, .required = true, F(statement_key, suite), .legal = is_suite },
	{ 5, CODEC_BYTES, .required = true, F(statement_key, ed25519_key), HASH },
	{ 6, CODEC_TEXT, F(statement_key, previous_origin), ORIGIN },
	{ 7, CODEC_UINT64, F(statement_key, previous_size) },
	{ 8, CODEC_BYTES, F(statement_key, previous_root), HASH },
	{ 9, CODEC_TEXT, .required = true, F(statement_key, reason), .legal = is_key_reason },
};

static const struct codec_field edition_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(statement_edition, instance), PART },
	{ 2, CODEC_UINT64, .required = true, F(statement_edition, version) },
	{ 3, CODEC_TIME, .required = true, F(statement_edition, issued_at_us) },
	{ 4, CODEC_TIME, .required = true, F(statement_edition, valid_until_us) },
	{ 5, CODEC_BYTES, .required = true, F(statement_edition, digest), HASH },
	{ 6, CODEC_UINT64, .required = true, F(statement_edition, size) },
	{ 7, CODEC_BYTES, F(statement_edition, previous), HASH },
};

static const struct codec_field certificate_fields[] = {
	{ 1, CODEC_ENUM, .required = true, F(statement_certificate, action), .most = STATEMENT_CERTIFICATE_REVOKED },
	{ 2, CODEC_TEXT, .required = true, F(statement_certificate, profile), WORD },
	{ 3, CODEC_BYTES, .required = true, F(statement_certificate, digest), HASH },
	{ 4, CODEC_TEXT, .required = true, F(statement_certificate, subject), .most = IDENTIFIER_ORIGIN_MAX,
	  .legal = statement_is_line },
	{ 5, CODEC_BYTES, .required = true, F(statement_certificate, serial), .most = 20 }, // RFC 5280 section 4.1.2.2
	{ 6, CODEC_TIME, .required = true, F(statement_certificate, not_before_us) },
	{ 7, CODEC_TIME, .required = true, F(statement_certificate, not_after_us) },
	{ 8, CODEC_TEXT, F(statement_certificate, reason), LINE },
};

// Which of these must be there depends on the action, and in wire/admin.h on who asks: statement_check() says so.
static const struct codec_field grant_fields[] = {
	{ 1, CODEC_ENUM, F(statement_grant, action), .most = STATEMENT_GRANT_REMOVE },
	{ 2, CODEC_TEXT, F(statement_grant, id), PART },
	{ 3, CODEC_TEXT, F(statement_grant, provider), SUBSYSTEM },
	{ 4, CODEC_TEXT, F(statement_grant, client), SUBSYSTEM },
	{ 5, CODEC_TEXT, F(statement_grant, service), SERVICE },
	{ 6, CODEC_TEXT, F(statement_grant, method), METHOD },
	{ 7, CODEC_TEXT, F(statement_grant, legal_basis), LINE },
	{ 8, CODEC_TEXT, .repeated = true, F(statement_grant, purposes), LINE, .least = 1,
	  .count = STATEMENT_PURPOSES_MAX },
	{ 9, CODEC_TIME, F(statement_grant, from_us) },
	{ 10, CODEC_TIME, F(statement_grant, until_us) },
	{ 11, CODEC_TEXT, .repeated = true, F(statement_grant, response_fields), LINE, .least = 1,
	  .count = STATEMENT_PATHS_MAX },
	{ 12, CODEC_TEXT, .name = "operator", .offset = offsetof(struct statement_grant, operator_name), LINE },
};

static const struct codec_field operator_fields[] = {
	{ 1, CODEC_TEXT, .required = true, .name = "operator",
	  .offset = offsetof(struct statement_operator, operator_name), LINE },
	{ 2, CODEC_TEXT, .required = true, F(statement_operator, action), WORD },
	{ 3, CODEC_TEXT, F(statement_operator, object), .most = 1024, .legal = statement_is_line },
	{ 4, CODEC_BYTES, F(statement_operator, detail_digest), HASH },
};

static const struct codec_field event_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(statement_event, event_id), UUID },
	{ 2, CODEC_TEXT, .required = true, F(statement_event, publisher), SUBSYSTEM },
	{ 3, CODEC_TEXT, .required = true, F(statement_event, type), SERVICE },
	{ 4, CODEC_UINT64, F(statement_event, sequence) },
	{ 5, CODEC_BYTES, .required = true, F(statement_event, payload_digest), HASH },
	{ 6, CODEC_UINT64, F(statement_event, payload_size) },
	{ 7, CODEC_BYTES, F(statement_event, private_commitment), HASH },
};

static const struct codec_field housekeeping_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(statement_housekeeping, kind), .legal = is_housekeeping },
	{ 2, CODEC_UINT64, .required = true, F(statement_housekeeping, checkpoint_size) },
	{ 3, CODEC_BYTES, .required = true, F(statement_housekeeping, checkpoint_root), HASH },
	{ 4, CODEC_BYTES, .required = true, F(statement_housekeeping, digest), HASH },
};

const struct codec_message statement_grant_message = TABLE("Grant", statement_grant, grant_fields);

static const struct codec_message request = TABLE("Request", statement_request, request_fields);
static const struct codec_message response = TABLE("Response", statement_response, response_fields);
static const struct codec_message received = TABLE("Received", statement_received, received_fields);
static const struct codec_message unanswered = TABLE("Unanswered", statement_unanswered, unanswered_fields);
static const struct codec_message refusal_summary =
    TABLE("RefusalSummary", statement_refusal_summary, refusal_summary_fields);
static const struct codec_message key = TABLE("Key", statement_key, key_fields);
static const struct codec_message edition = TABLE("Edition", statement_edition, edition_fields);
static const struct codec_message certificate = TABLE("Certificate", statement_certificate, certificate_fields);
static const struct codec_message operator_action = TABLE("Operator", statement_operator, operator_fields);
static const struct codec_message event = TABLE("Event", statement_event, event_fields);
static const struct codec_message housekeeping = TABLE("Housekeeping", statement_housekeeping, housekeeping_fields);

#define BODY(type, title, table)                                                            \
	{                                                                                   \
		STATEMENT_BODY_FIELD + (type), CODEC_CHOICE,                                \
		    .name = title, .offset = offsetof(struct statement, body),              \
		    .presence = offsetof(struct statement, body_field), .message = &(table) \
	}

static const struct codec_field statement_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(statement, member), .most = IDENTIFIER_MAX,
	  .legal = identifier_is_member },
	{ 2, CODEC_TIME, .required = true, F(statement, ledger_time_us) },
	{ 3, CODEC_BYTES, .required = true, F(statement, blinder), .least = STATEMENT_BLINDER_SIZE,
	  .most = STATEMENT_BLINDER_SIZE },
	BODY(STATEMENT_REQUEST, "request", request),
	BODY(STATEMENT_RESPONSE, "response", response),
	BODY(STATEMENT_RECEIVED, "received", received),
	BODY(STATEMENT_UNANSWERED, "unanswered", unanswered),
	BODY(STATEMENT_REFUSAL_SUMMARY, "refusal_summary", refusal_summary),
	BODY(STATEMENT_KEY, "key", key),
	BODY(STATEMENT_EDITION, "edition", edition),
	BODY(STATEMENT_CERTIFICATE, "certificate", certificate),
	BODY(STATEMENT_GRANT, "grant", statement_grant_message),
	BODY(STATEMENT_OPERATOR, "operator", operator_action),
	BODY(STATEMENT_EVENT, "event", event),
	BODY(STATEMENT_HOUSEKEEPING, "housekeeping", housekeeping),
};

const struct codec_message statement_message = TABLE("Statement", statement, statement_fields);

const struct codec_message *statement_body_message(enum statement_type type)
{
	for (size_t i = 0; i < COUNT(statement_fields); i++) {
		if (statement_fields[i].kind == CODEC_CHOICE &&
		    statement_fields[i].number == STATEMENT_BODY_FIELD + (uint32_t)type) {
			return statement_fields[i].message;
		}
	}
	return NULL;
}
