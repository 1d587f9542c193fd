// SPDX-License-Identifier: EUPL-1.2
//
// What a statement commits to but never shows: the private part, forwarded metadata, the payload.
//
// A bare hash of a ten-digit personal number is found in minutes by trying them all. So digests of payload and metadata
// are HMAC-SHA-256 under a salt of 32 random bytes that travels with the content and is erased with it; the private
// part carries its own salt as first field and the leaf holds SHA-256("besa-private/v1\n" ‖ bytes).
// Messages: proto/besa/statement/v1 (PrivatePart, Metadata, ResponseMetadata).
#ifndef BESA_WIRE_CONTENT_H
#define BESA_WIRE_CONTENT_H

#include "crypto/digest.h"
#include "wire/codec.h"

enum {
	CONTENT_SALT_SIZE = 32,
	CONTENT_DIGEST_SIZE = 32,
	// Bounds of what travels beside a payload: stop a peer from making our memory or journal grow.
	CONTENT_PRIVATE_MAX = 16 * 1024,
	CONTENT_METADATA_MAX = 64 * 1024,
	CONTENT_ENTRIES_MAX = 128,
	CONTENT_KEY_MAX = 128,
	CONTENT_VALUE_MAX = 16 * 1024,
	CONTENT_SUBJECTS_MAX = 256, // keyed hashes in a private part
	CONTENT_PAYLOAD_MAX = 16 * 1024 * 1024,
};

struct content_private {
	struct slice salt; // CONTENT_SALT_SIZE, required
	struct slice user;
	struct slice represented_party;
	struct slice issue;
	struct slice_list subjects; // 32 bytes each
};

struct content_entry {
	struct slice key; // lower-case gRPC metadata key
	struct slice value;
};

struct content_entries {
	struct content_entry *items;
	size_t count;
};

struct content_metadata {
	struct content_entries entries;
};

struct content_response_metadata {
	struct content_entries initial;
	struct content_entries trailing;
	struct slice grpc_message;
	struct slice status_details;
};

// Encoding appends; decoding is strict (both sides hash these bytes). `arena` takes the lists.
// ERR_FORMAT with words, ERR_LIMIT, ERR_MEMORY.
result content_encode_private(const struct content_private *part, struct buffer *buffer, struct fault *fault);
result content_decode_private(struct slice bytes, struct arena *arena, struct content_private *ret_part,
			      struct fault *fault);
result content_encode_metadata(const struct content_metadata *metadata, struct buffer *buffer, struct fault *fault);
result content_decode_metadata(struct slice bytes, struct arena *arena, struct content_metadata *ret_metadata,
			       struct fault *fault);
result content_encode_response_metadata(const struct content_response_metadata *metadata, struct buffer *buffer,
					struct fault *fault);
result content_decode_response_metadata(struct slice bytes, struct arena *arena,
					struct content_response_metadata *ret_metadata, struct fault *fault);

// The commitment to private-part bytes.
void content_private_commitment(struct slice private_part, uint8_t commitment[CONTENT_DIGEST_SIZE]);

// Whether the bytes are what the leaf's commitment holds: both empty, or equal. ERR_DIGEST_MISMATCH.
result content_check_private(struct slice commitment, struct slice private_part, struct fault *fault);

// HMAC-SHA-256(salt, "besa-payload/v1\n" ‖ payload) and HMAC-SHA-256(salt, "besa-metadata/v1\n" ‖ metadata bytes).
void content_payload_digest(const uint8_t salt[CONTENT_SALT_SIZE], struct slice payload,
			    uint8_t digest[CONTENT_DIGEST_SIZE]);
void content_metadata_digest(const uint8_t salt[CONTENT_SALT_SIZE], struct slice metadata,
			     uint8_t digest[CONTENT_DIGEST_SIZE]);

// The payload's digest while it arrives in pieces: begin, updates, then end or release (which gives it up; safe on a
// zeroed or ended one).
struct content_payload_digest {
	struct digest_hmac hmac;
	uint64_t size; // bytes so far
};
void content_payload_begin(struct content_payload_digest *digest, const uint8_t salt[CONTENT_SALT_SIZE]);
void content_payload_update(struct content_payload_digest *digest, struct slice piece);
void content_payload_end(struct content_payload_digest *digest, uint8_t bytes[CONTENT_DIGEST_SIZE]);
void content_payload_release(struct content_payload_digest *digest);

// Compares in constant time. ERR_DIGEST_MISMATCH, the words name `what`. `expected` of another size than a digest
// never matches; `salt` must be CONTENT_SALT_SIZE bytes, otherwise ERR_DIGEST_MISMATCH.
result content_check_payload(struct slice salt, struct slice payload, struct slice expected, uint64_t expected_size,
			     struct fault *fault);
// An empty `expected` demands empty metadata.
result content_check_metadata(struct slice salt, struct slice metadata, struct slice expected, struct fault *fault);

// The tables, NULL at the end, for tests that hold them against the .proto files.
extern const struct codec_message *const content_messages[];

#endif
