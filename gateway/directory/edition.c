// SPDX-License-Identifier: EUPL-1.2
#include "directory/edition.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(title, type, rows)                                                                 \
	{                                                                                        \
		.name = title, .size = sizeof(struct type), .fields = rows, .count = COUNT(rows) \
	}
#define F(type, field) .name = #field, .offset = offsetof(struct type, field)
#define EMBEDDED(type, field, table) F(type, field), .presence = offsetof(struct type, has_##field), .message = &(table)
#define LINE .most = EDITION_TEXT_MAX, .legal = statement_is_line
#define HASH .least = STATEMENT_HASH_SIZE, .most = STATEMENT_HASH_SIZE

#define MINUTES(n) ((uint64_t)(n)*60 * 1000 * 1000)

static const struct codec_field names_fields[] = {
	{ 1, CODEC_TEXT, F(edition_names, sq), LINE },
	{ 2, CODEC_TEXT, F(edition_names, sr), LINE },
	{ 3, CODEC_TEXT, F(edition_names, en), LINE },
};
static const struct codec_message names_message = TABLE("Names", edition_names, names_fields);

static const struct codec_field service_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(edition_service, name), .most = STATEMENT_TEXT_MAX,
	  .legal = statement_is_service },
	{ 2, CODEC_BYTES, .required = true, F(edition_service, contract_digest), HASH },
	{ 3, CODEC_TEXT, .repeated = true, F(edition_service, idempotent_methods), .least = 1,
	  .most = STATEMENT_TEXT_MAX, .legal = statement_is_service, .count = EDITION_METHODS_MAX },
};
static const struct codec_message service_message = TABLE("Service", edition_service, service_fields);

static const struct codec_field subsystem_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(edition_subsystem, id), .most = IDENTIFIER_MAX,
	  .legal = identifier_is_subsystem },
	{ 2, CODEC_MESSAGE, EMBEDDED(edition_subsystem, names, names_message) },
	{ 3, CODEC_MESSAGE, .repeated = true, F(edition_subsystem, services), .count = EDITION_SERVICES_MAX,
	  .message = &service_message },
};
static const struct codec_message subsystem_message = TABLE("Subsystem", edition_subsystem, subsystem_fields);

static const struct codec_field ledger_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(edition_ledger, origin), .most = IDENTIFIER_ORIGIN_MAX,
	  .legal = identifier_is_origin },
	{ 2, CODEC_BYTES, .required = true, F(edition_ledger, seal_certificate), .most = ENVELOPE_CERTIFICATE_MAX },
	{ 3, CODEC_BYTES, .required = true, F(edition_ledger, ed25519_key), HASH },
};
static const struct codec_message ledger_message = TABLE("Ledger", edition_ledger, ledger_fields);

static const struct codec_field gateway_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(edition_gateway, id), .most = IDENTIFIER_PART_MAX,
	  .legal = identifier_is_part },
	{ 2, CODEC_TEXT, .repeated = true, F(edition_gateway, addresses), .least = 1, LINE,
	  .count = EDITION_ADDRESSES_MAX },
	{ 3, CODEC_BYTES, .repeated = true, F(edition_gateway, tls_certificates), HASH,
	  .count = EDITION_TLS_CERTIFICATES_MAX },
	{ 4, CODEC_MESSAGE, .repeated = true, F(edition_gateway, ledgers), .count = EDITION_LEDGERS_MAX,
	  .message = &ledger_message },
};
static const struct codec_message gateway_message = TABLE("Gateway", edition_gateway, gateway_fields);

static const struct codec_field member_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(edition_member, id), .most = IDENTIFIER_MAX,
	  .legal = identifier_is_member },
	{ 2, CODEC_MESSAGE, EMBEDDED(edition_member, names, names_message) },
	{ 3, CODEC_MESSAGE, .repeated = true, F(edition_member, subsystems), .count = EDITION_SUBSYSTEMS_MAX,
	  .message = &subsystem_message },
	{ 4, CODEC_MESSAGE, .repeated = true, F(edition_member, gateways), .count = EDITION_GATEWAYS_MAX,
	  .message = &gateway_message },
};
static const struct codec_message member_message = TABLE("Member", edition_member, member_fields);

// Bounds keep sums of times from overflowing and a mistaken value from switching a check off.
static const struct codec_field parameters_fields[] = {
	{ 1, CODEC_UINT64, F(edition_parameters, clock_skew_us), .most = MINUTES(60) },
	{ 2, CODEC_UINT64, .required = true, F(edition_parameters, longest_deadline_us), .most = MINUTES(24 * 60) },
	{ 3, CODEC_UINT64, F(edition_parameters, outage_budget_us), .most = MINUTES(30 * 24 * 60) },
};
static const struct codec_message parameters_message = TABLE("Parameters", edition_parameters, parameters_fields);

static const struct codec_field document_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(edition_document, instance), .most = IDENTIFIER_PART_MAX,
	  .legal = identifier_is_part },
	{ 2, CODEC_UINT64, .required = true, F(edition_document, version) },
	{ 3, CODEC_TIME, .required = true, F(edition_document, issued_at_us) },
	{ 4, CODEC_TIME, .required = true, F(edition_document, valid_until_us) },
	{ 5, CODEC_BYTES, .repeated = true, F(edition_document, authorities), .least = 1,
	  .most = ENVELOPE_CERTIFICATE_MAX, .count = EDITION_AUTHORITIES_MAX },
	{ 6, CODEC_MESSAGE, .required = true, EMBEDDED(edition_document, parameters, parameters_message) },
	{ 7, CODEC_MESSAGE, .repeated = true, .required = true, F(edition_document, members),
	  .count = EDITION_MEMBERS_MAX, .message = &member_message },
};
static const struct codec_message document_message = TABLE("Edition", edition_document, document_fields);

const struct codec_message *const edition_messages[] = { &document_message, NULL };

// ---- rules of meaning ----

int edition_compare_ids(struct slice a, struct slice b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common ? memcmp(a.data, b.data, common) : 0;
	if (order == 0 && a.size != b.size) {
		order = a.size < b.size ? -1 : 1;
	}
	return order;
}

static result refuse(struct fault *fault, const char *words, struct slice id)
{
	return fault_set(fault, ERR_EDITION_INVALID, "%.*s: %s", (int)id.size, id.data, words);
}

// Whether `text` is `front`, a slash, and more.
static bool is_below(struct slice text, struct slice front)
{
	return slice_starts_with(text, front) && text.size > front.size && text.data[front.size] == '/';
}

// Whether the origin is of this member's gateway.
static bool is_ledger_of(struct slice origin, struct slice member, struct slice gateway)
{
	struct slice ledger = identifier_ledger_of_origin(origin);
	return slice_equal(identifier_member_of_origin(origin), member) && ledger.size > gateway.size &&
	       slice_equal(slice_skip(ledger, ledger.size - gateway.size), gateway) &&
	       ledger.data[ledger.size - gateway.size - 1] == '/';
}

static result check_gateway(const struct edition_member *member, size_t i, struct fault *fault)
{
	const struct edition_gateway *gateway = &member->gateways.items[i];
	for (size_t k = 0; k < i; k++) {
		if (slice_equal(member->gateways.items[k].id, gateway->id)) {
			return refuse(fault, "two gateways of one name", member->id);
		}
	}
	for (size_t k = 0; k < gateway->ledgers.count; k++) {
		struct slice origin = gateway->ledgers.items[k].origin;
		if (!is_ledger_of(origin, member->id, gateway->id)) {
			return refuse(fault, "the ledger is listed under another gateway or member", origin);
		}
	}
	return OK;
}

static result check_member(const struct edition_member *member, struct fault *fault)
{
	for (size_t i = 0; i < member->subsystems.count; i++) {
		struct slice id = member->subsystems.items[i].id;
		if (!identifier_subsystem_belongs(id, member->id)) {
			return refuse(fault, "the subsystem is listed under another member", id);
		}
	}
	for (size_t i = 0; i < member->gateways.count; i++) {
		result code = check_gateway(member, i, fault);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

result edition_check(const struct edition_document *document, struct fault *fault)
{
	if (document->valid_until_us <= document->issued_at_us) {
		return fault_set(fault, ERR_EDITION_INVALID, "valid_until_us is not after issued_at_us");
	}
	for (size_t i = 0; i < document->members.count; i++) {
		const struct edition_member *member = &document->members.items[i];
		if (!is_below(member->id, document->instance)) {
			return refuse(fault, "the member is of another instance", member->id);
		}
		if (i > 0 && edition_compare_ids(document->members.items[i - 1].id, member->id) >= 0) {
			return refuse(fault, "members are not in ascending order", member->id);
		}
		result code = check_member(member, fault);
		if (code != OK) {
			return code;
		}
	}
	return OK;
}

// ---- bytes ----

static result as_edition(result code)
{
	return code == ERR_FORMAT ? ERR_EDITION_INVALID : code;
}

result edition_encode(const struct edition_document *document, struct buffer *buffer, struct fault *fault)
{
	result code = codec_check(&document_message, document, fault);
	if (code == OK) {
		code = edition_check(document, fault);
	}
	if (code == OK && codec_size(&document_message, document) > EDITION_DOCUMENT_MAX) {
		code = fault_set(fault, ERR_LIMIT, "the edition is larger than %d bytes", EDITION_DOCUMENT_MAX);
	}
	if (code == OK) {
		codec_append(&document_message, document, buffer);
		code = buffer_result(buffer);
	}
	return as_edition(code);
}

result edition_decode(struct slice bytes, struct arena *arena, struct edition_document *ret_document,
		      struct fault *fault)
{
	if (bytes.size > EDITION_DOCUMENT_MAX) {
		return fault_set(fault, ERR_LIMIT, "the edition is larger than %d bytes", EDITION_DOCUMENT_MAX);
	}
	struct edition_document document;
	result code = codec_decode(&document_message, CODEC_LENIENT, bytes, arena, &document, fault);
	if (code == OK) {
		code = edition_check(&document, fault);
	}
	if (code == OK) {
		*ret_document = document;
	}
	return as_edition(code);
}

void edition_statement(const struct edition_document *document, struct slice bytes, struct slice previous,
		       uint8_t digest[STATEMENT_HASH_SIZE], struct statement_edition *ret_body)
{
	digest_sha256(bytes, digest);
	*ret_body = (struct statement_edition){
		.instance = document->instance,
		.version = document->version,
		.issued_at_us = document->issued_at_us,
		.valid_until_us = document->valid_until_us,
		.digest = slice_of(digest, STATEMENT_HASH_SIZE),
		.size = bytes.size,
		.previous = previous,
	};
}

result edition_encode_file(struct slice leaf, struct slice seal, struct slice document, struct buffer *buffer,
			   struct fault *fault)
{
	const struct envelope_sealed file = {
		.statement = leaf, .seal = seal, .payload = document, .has_payload = true
	};
	return envelope_encode_sealed(&file, buffer, fault);
}
