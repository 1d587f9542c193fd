// SPDX-License-Identifier: EUPL-1.2
#include "wire/content.h"

#include "wire/statement.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define F(type, field) .name = #field, .offset = offsetof(struct type, field)

static const char payload_prefix[] = "besa-payload/v1\n";
static const char metadata_prefix[] = "besa-metadata/v1\n";
static const char private_prefix[] = "besa-private/v1\n";

// ---- messages ----

// gRPC metadata keys (grpc/doc/PROTOCOL-HTTP2.md): lower case.
static bool is_metadata_key(struct slice key)
{
	for (size_t i = 0; i < key.size; i++) {
		uint8_t c = key.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) {
			return false;
		}
	}
	return true;
}

static const struct codec_field private_fields[] = {
	{ 1, CODEC_BYTES, .required = true, F(content_private, salt), .least = CONTENT_SALT_SIZE,
	  .most = CONTENT_SALT_SIZE },
	{ 2, CODEC_TEXT, F(content_private, user), .most = STATEMENT_TEXT_MAX, .legal = statement_is_line },
	{ 3, CODEC_TEXT, F(content_private, represented_party), .most = STATEMENT_TEXT_MAX,
	  .legal = statement_is_line },
	{ 4, CODEC_TEXT, F(content_private, issue), .most = STATEMENT_TEXT_MAX, .legal = statement_is_line },
	{ 5, CODEC_BYTES, .repeated = true, F(content_private, subjects), .least = CONTENT_DIGEST_SIZE,
	  .most = CONTENT_DIGEST_SIZE, .count = CONTENT_SUBJECTS_MAX },
};
static const struct codec_message private_message = { "PrivatePart", sizeof(struct content_private), private_fields,
						      COUNT(private_fields) };

static const struct codec_field entry_fields[] = {
	{ 1, CODEC_TEXT, .required = true, F(content_entry, key), .most = CONTENT_KEY_MAX, .legal = is_metadata_key },
	{ 2, CODEC_BYTES, F(content_entry, value), .most = CONTENT_VALUE_MAX },
};
static const struct codec_message entry_message = { "MetadataEntry", sizeof(struct content_entry), entry_fields,
						    COUNT(entry_fields) };

static const struct codec_field metadata_fields[] = {
	{ 1, CODEC_MESSAGE, .repeated = true, F(content_metadata, entries), .count = CONTENT_ENTRIES_MAX,
	  .message = &entry_message },
};
static const struct codec_message metadata_message = { "Metadata", sizeof(struct content_metadata), metadata_fields,
						       COUNT(metadata_fields) };

static const struct codec_field response_metadata_fields[] = {
	{ 1, CODEC_MESSAGE, .repeated = true, F(content_response_metadata, initial), .count = CONTENT_ENTRIES_MAX,
	  .message = &entry_message },
	{ 2, CODEC_MESSAGE, .repeated = true, F(content_response_metadata, trailing), .count = CONTENT_ENTRIES_MAX,
	  .message = &entry_message },
	{ 3, CODEC_TEXT, F(content_response_metadata, grpc_message), .most = CONTENT_VALUE_MAX },
	{ 4, CODEC_BYTES, F(content_response_metadata, status_details), .most = CONTENT_VALUE_MAX },
};
static const struct codec_message response_metadata_message = { "ResponseMetadata",
								sizeof(struct content_response_metadata),
								response_metadata_fields,
								COUNT(response_metadata_fields) };

const struct codec_message *const content_messages[] = { &private_message, &metadata_message,
							 &response_metadata_message, NULL };

static result encode(const struct codec_message *message, const void *from, size_t most, struct buffer *buffer,
		     struct fault *fault)
{
	if (codec_size(message, from) > most) {
		return fault_set(fault, ERR_LIMIT, "%s: more than %zu bytes", message->name, most);
	}
	return codec_encode(message, from, buffer, fault);
}

static result decode(const struct codec_message *message, struct slice bytes, size_t most, struct arena *arena,
		     void *ret_struct, struct fault *fault)
{
	if (bytes.size > most) {
		return fault_set(fault, ERR_LIMIT, "%s: more than %zu bytes", message->name, most);
	}
	return codec_decode(message, CODEC_STRICT, bytes, arena, ret_struct, fault);
}

result content_encode_private(const struct content_private *part, struct buffer *buffer, struct fault *fault)
{
	return encode(&private_message, part, CONTENT_PRIVATE_MAX, buffer, fault);
}

result content_decode_private(struct slice bytes, struct arena *arena, struct content_private *ret_part,
			      struct fault *fault)
{
	return decode(&private_message, bytes, CONTENT_PRIVATE_MAX, arena, ret_part, fault);
}

result content_encode_metadata(const struct content_metadata *metadata, struct buffer *buffer, struct fault *fault)
{
	return encode(&metadata_message, metadata, CONTENT_METADATA_MAX, buffer, fault);
}

result content_decode_metadata(struct slice bytes, struct arena *arena, struct content_metadata *ret_metadata,
			       struct fault *fault)
{
	return decode(&metadata_message, bytes, CONTENT_METADATA_MAX, arena, ret_metadata, fault);
}

result content_encode_response_metadata(const struct content_response_metadata *metadata, struct buffer *buffer,
					struct fault *fault)
{
	return encode(&response_metadata_message, metadata, CONTENT_METADATA_MAX, buffer, fault);
}

result content_decode_response_metadata(struct slice bytes, struct arena *arena,
					struct content_response_metadata *ret_metadata, struct fault *fault)
{
	return decode(&response_metadata_message, bytes, CONTENT_METADATA_MAX, arena, ret_metadata, fault);
}

// ---- the private part ----

void content_private_commitment(struct slice private_part, uint8_t commitment[CONTENT_DIGEST_SIZE])
{
	struct digest digest;
	digest_init(&digest);
	digest_update(&digest, slice_text(private_prefix));
	digest_update(&digest, private_part);
	digest_final(&digest, commitment);
}

result content_check_private(struct slice commitment, struct slice private_part, struct fault *fault)
{
	if (commitment.size == 0 && private_part.size == 0) {
		return OK;
	}
	uint8_t made[CONTENT_DIGEST_SIZE];
	content_private_commitment(private_part, made);
	if (commitment.size != sizeof made || private_part.size == 0 || !digest_equal(made, commitment.data)) {
		return fault_set(fault, ERR_DIGEST_MISMATCH,
				 "the private part is not the one the statement commits to");
	}
	return OK;
}

// ---- digests of payload and metadata ----

void content_payload_digest(const uint8_t salt[CONTENT_SALT_SIZE], struct slice payload,
			    uint8_t digest[CONTENT_DIGEST_SIZE])
{
	digest_hmac_prefixed(slice_of(salt, CONTENT_SALT_SIZE), slice_text(payload_prefix), payload, digest);
}

void content_metadata_digest(const uint8_t salt[CONTENT_SALT_SIZE], struct slice metadata,
			     uint8_t digest[CONTENT_DIGEST_SIZE])
{
	digest_hmac_prefixed(slice_of(salt, CONTENT_SALT_SIZE), slice_text(metadata_prefix), metadata, digest);
}

void content_payload_begin(struct content_payload_digest *digest, const uint8_t salt[CONTENT_SALT_SIZE])
{
	digest->size = 0;
	digest_hmac_init(&digest->hmac, slice_of(salt, CONTENT_SALT_SIZE));
	digest_hmac_update(&digest->hmac, slice_text(payload_prefix));
}

void content_payload_update(struct content_payload_digest *digest, struct slice piece)
{
	digest->size += piece.size;
	digest_hmac_update(&digest->hmac, piece);
}

void content_payload_end(struct content_payload_digest *digest, uint8_t bytes[CONTENT_DIGEST_SIZE])
{
	digest_hmac_final(&digest->hmac, bytes);
}

void content_payload_release(struct content_payload_digest *digest)
{
	digest_hmac_release(&digest->hmac);
}

static bool matches(struct slice salt, struct slice expected, const uint8_t made[CONTENT_DIGEST_SIZE])
{
	return salt.size == CONTENT_SALT_SIZE && expected.size == CONTENT_DIGEST_SIZE &&
	       digest_equal(made, expected.data);
}

result content_check_payload(struct slice salt, struct slice payload, struct slice expected, uint64_t expected_size,
			     struct fault *fault)
{
	uint8_t made[CONTENT_DIGEST_SIZE] = { 0 };
	if (payload.size != expected_size) {
		return fault_set(fault, ERR_DIGEST_MISMATCH, "the payload has not the size its statement says");
	}
	if (salt.size == CONTENT_SALT_SIZE) {
		content_payload_digest(salt.data, payload, made);
	}
	return matches(salt, expected, made)
		   ? OK
		   : fault_set(fault, ERR_DIGEST_MISMATCH, "the payload is not the one its statement commits to");
}

result content_check_metadata(struct slice salt, struct slice metadata, struct slice expected, struct fault *fault)
{
	if (expected.size == 0 && metadata.size == 0) {
		return OK;
	}
	uint8_t made[CONTENT_DIGEST_SIZE] = { 0 };
	if (salt.size == CONTENT_SALT_SIZE) {
		content_metadata_digest(salt.data, metadata, made);
	}
	return matches(salt, expected, made)
		   ? OK
		   : fault_set(fault, ERR_DIGEST_MISMATCH, "the metadata is not the one its statement commits to");
}
