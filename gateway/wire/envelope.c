// SPDX-License-Identifier: EUPL-1.2
#include "wire/envelope.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(title, type, rows)                                                                 \
	{                                                                                        \
		.name = title, .size = sizeof(struct type), .fields = rows, .count = COUNT(rows) \
	}
#define F(type, field) .name = #field, .offset = offsetof(struct type, field)
#define SALT .least = CONTENT_SALT_SIZE, .most = CONTENT_SALT_SIZE
#define EMBEDDED(type, field, table) F(type, field), .presence = offsetof(struct type, has_##field), .message = &(table)

enum { PAYLOAD_FIELD = 15 };

static bool is_whole_hashes(struct slice path)
{
	return path.size % ENVELOPE_HASH_SIZE == 0;
}

static const struct codec_field seal_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(envelope_seal, origin), .most = IDENTIFIER_ORIGIN_MAX,
	  .legal = identifier_is_origin },
	{ 2, CODEC_UINT64, F(envelope_seal, index) },
	{ 3, CODEC_BYTES, F(envelope_seal, path), .most = ENVELOPE_PATH_MAX, .legal = is_whole_hashes },
	{ 4, CODEC_BYTES, .required = true, F(envelope_seal, checkpoint), .most = ENVELOPE_CHECKPOINT_MAX },
};
static const struct codec_message seal_message = TABLE("Seal", envelope_seal, seal_fields);

// A document may be the payload (directory/edition.h), so its bound is that of all evidence.
static const struct codec_field sealed_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(envelope_sealed, statement), .most = STATEMENT_LEAF_MAX },
	{ 2, CODEC_BYTES, F(envelope_sealed, seal), .most = ENVELOPE_SEAL_MAX },
	{ 3, CODEC_BYTES, F(envelope_sealed, private_part), .most = CONTENT_PRIVATE_MAX },
	{ 4, CODEC_BYTES, F(envelope_sealed, salt), SALT },
	{ 5, CODEC_BYTES, F(envelope_sealed, metadata), .most = CONTENT_METADATA_MAX },
	{ 6, CODEC_BYTES, F(envelope_sealed, payload), .most = ENVELOPE_EVIDENCE_MAX },
	{ 7, CODEC_BOOL, F(envelope_sealed, has_payload) },
};
static const struct codec_message sealed_message = TABLE("SealedStatement", envelope_sealed, sealed_fields);

static const struct codec_field evidence_fields[] = {
	{ 1, CODEC_MESSAGE, EMBEDDED(envelope_evidence, request, sealed_message) },
	{ 2, CODEC_MESSAGE, EMBEDDED(envelope_evidence, response, sealed_message) },
	{ 3, CODEC_MESSAGE, EMBEDDED(envelope_evidence, unanswered, sealed_message) },
	{ 4, CODEC_BYTES, .repeated = true, F(envelope_evidence, certificates), .least = 1,
	  .most = ENVELOPE_CERTIFICATE_MAX, .count = ENVELOPE_CERTIFICATES_MAX },
	{ 5, CODEC_MESSAGE, EMBEDDED(envelope_evidence, edition, sealed_message) },
	{ 6, CODEC_BYTES, F(envelope_evidence, received), .most = STATEMENT_LEAF_MAX },
	{ 7, CODEC_UINT64, F(envelope_evidence, received_index) },
};
static const struct codec_message evidence_message = TABLE("Evidence", envelope_evidence, evidence_fields);

static const struct codec_field request_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(envelope_request, statement), .most = STATEMENT_LEAF_MAX },
	{ 2, CODEC_BYTES, .required = true, F(envelope_request, seal), .most = ENVELOPE_SEAL_MAX },
	{ 3, CODEC_BYTES, F(envelope_request, private_part), .most = CONTENT_PRIVATE_MAX },
	{ 4, CODEC_BYTES, .required = true, F(envelope_request, salt), SALT },
	{ 5, CODEC_BYTES, F(envelope_request, metadata), .most = CONTENT_METADATA_MAX },
	{ PAYLOAD_FIELD, CODEC_BYTES, F(envelope_request, payload), .most = CONTENT_PAYLOAD_MAX },
};
static const struct codec_message request_message = TABLE("RequestEnvelope", envelope_request, request_fields);

static const struct codec_field response_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(envelope_response, statement), .most = STATEMENT_LEAF_MAX },
	{ 2, CODEC_BYTES, .required = true, F(envelope_response, seal), .most = ENVELOPE_SEAL_MAX },
	{ 3, CODEC_BYTES, F(envelope_response, salt), SALT },
	{ 4, CODEC_BYTES, F(envelope_response, metadata), .most = CONTENT_METADATA_MAX },
	{ 5, CODEC_BOOL, F(envelope_response, repeated_request) },
	{ 6, CODEC_TEXT, F(envelope_response, detail), .most = ENVELOPE_DETAIL_MAX },
	{ PAYLOAD_FIELD, CODEC_BYTES, F(envelope_response, payload), .most = CONTENT_PAYLOAD_MAX },
};
static const struct codec_message response_message = TABLE("ResponseEnvelope", envelope_response, response_fields);

static const struct codec_field outcome_query_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(envelope_outcome_query, exchange_id), .least = IDENTIFIER_UUID_SIZE,
	  .most = IDENTIFIER_UUID_SIZE, .legal = identifier_is_uuid7 },
};
static const struct codec_message outcome_query_message =
    TABLE("OutcomeQuery", envelope_outcome_query, outcome_query_fields);

static const struct codec_field outcome_report_fields[] = {
	{ 1, CODEC_MESSAGE, EMBEDDED(envelope_outcome_report, request, sealed_message) },
	{ 2, CODEC_MESSAGE, EMBEDDED(envelope_outcome_report, received, sealed_message) },
	{ 3, CODEC_MESSAGE, EMBEDDED(envelope_outcome_report, outcome, sealed_message) },
	{ 4, CODEC_MESSAGE, EMBEDDED(envelope_outcome_report, foreign_outcome, sealed_message) },
};
static const struct codec_message outcome_report_message =
    TABLE("OutcomeReport", envelope_outcome_report, outcome_report_fields);

const struct codec_message *const envelope_messages[] = { &seal_message,           &sealed_message,
							  &evidence_message,       &request_message,
							  &response_message,       &outcome_query_message,
							  &outcome_report_message, NULL };

// ---- evidence ----

result envelope_encode_seal(const struct envelope_seal *seal, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&seal_message, seal, buffer, fault);
}

result envelope_decode_seal(struct slice bytes, struct envelope_seal *ret_seal, struct fault *fault)
{
	result code = codec_decode(&seal_message, CODEC_STRICT, bytes, NULL, ret_seal, fault);
	return code == ERR_FORMAT ? ERR_SEAL_INVALID : code;
}

result envelope_encode_sealed(const struct envelope_sealed *sealed, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&sealed_message, sealed, buffer, fault);
}

result envelope_decode_sealed(struct slice bytes, struct envelope_sealed *ret_sealed, struct fault *fault)
{
	return codec_decode(&sealed_message, CODEC_STRICT, bytes, NULL, ret_sealed, fault);
}

result envelope_encode_evidence(const struct envelope_evidence *evidence, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&evidence_message, evidence, buffer, fault);
}

result envelope_decode_evidence(struct slice bytes, struct arena *arena, struct envelope_evidence *ret_evidence,
				struct fault *fault)
{
	return codec_decode(&evidence_message, CODEC_STRICT, bytes, arena, ret_evidence, fault);
}

// ---- between gateways ----

static void append_payload_head(size_t payload_size, struct buffer *buffer)
{
	if (payload_size != 0) {
		codec_append_head(buffer, PAYLOAD_FIELD, payload_size);
	}
}

result envelope_encode_request(const struct envelope_request *request, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&request_message, request, buffer, fault);
}

result envelope_decode_request(struct slice bytes, struct envelope_request *ret_request, struct fault *fault)
{
	return codec_decode(&request_message, CODEC_LENIENT, bytes, NULL, ret_request, fault);
}

result envelope_request_head(const struct envelope_request *request, size_t payload_size, struct buffer *buffer,
			     struct fault *fault)
{
	if (payload_size > CONTENT_PAYLOAD_MAX) {
		return fault_set(fault, ERR_LIMIT, "a payload of %zu bytes", payload_size);
	}
	struct envelope_request head = *request;
	head.payload = slice_of(NULL, 0);
	result code = codec_encode(&request_message, &head, buffer, fault);
	if (code != OK) {
		return code;
	}
	append_payload_head(payload_size, buffer);
	return buffer_result(buffer);
}

result envelope_encode_response(const struct envelope_response *response, struct buffer *buffer, struct fault *fault)
{
	return codec_encode(&response_message, response, buffer, fault);
}

result envelope_decode_response(struct slice bytes, struct envelope_response *ret_response, struct fault *fault)
{
	return codec_decode(&response_message, CODEC_LENIENT, bytes, NULL, ret_response, fault);
}

result envelope_response_head(const struct envelope_response *response, size_t payload_size, struct buffer *buffer,
			      struct fault *fault)
{
	if (payload_size > CONTENT_PAYLOAD_MAX) {
		return fault_set(fault, ERR_LIMIT, "a payload of %zu bytes", payload_size);
	}
	struct envelope_response head = *response;
	head.payload = slice_of(NULL, 0);
	result code = codec_encode(&response_message, &head, buffer, fault);
	if (code != OK) {
		return code;
	}
	append_payload_head(payload_size, buffer);
	return buffer_result(buffer);
}

result envelope_encode_outcome_query(const struct envelope_outcome_query *query, struct buffer *buffer,
				     struct fault *fault)
{
	return codec_encode(&outcome_query_message, query, buffer, fault);
}

result envelope_decode_outcome_query(struct slice bytes, struct envelope_outcome_query *ret_query, struct fault *fault)
{
	return codec_decode(&outcome_query_message, CODEC_LENIENT, bytes, NULL, ret_query, fault);
}

result envelope_encode_outcome_report(const struct envelope_outcome_report *report, struct buffer *buffer,
				      struct fault *fault)
{
	return codec_encode(&outcome_report_message, report, buffer, fault);
}

result envelope_decode_outcome_report(struct slice bytes, struct envelope_outcome_report *ret_report,
				      struct fault *fault)
{
	return codec_decode(&outcome_report_message, CODEC_LENIENT, bytes, NULL, ret_report, fault);
}
