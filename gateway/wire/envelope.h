// SPDX-License-Identifier: EUPL-1.2
//
// Seals, evidence, and what travels between gateways (proto/besa/evidence/v1, proto/besa/exchange/v1; contracts).
//
// Seal bytes are kept as they came, because Received.seal_hash covers them: every message here holds
// a seal as a slice of its bytes, and envelope_decode_seal() reads it, strictly. Seals, sealed statements and evidence
// are strict; the four messages of the Exchange service skip unknown fields, so that gateways of two versions can
// speak. Slices point into the input.
#ifndef BESA_WIRE_ENVELOPE_H
#define BESA_WIRE_ENVELOPE_H

#include "base/identifier.h"
#include "crypto/merkle.h"
#include "wire/codec.h"
#include "wire/content.h"
#include "wire/statement.h"

enum {
	ENVELOPE_HASH_SIZE = 32,
	ENVELOPE_PATH_MAX = MERKLE_PATH_SIZE_MAX,
	// A note with 32 signature lines: ours, witnesses, room for post-quantum ones.
	ENVELOPE_CHECKPOINT_MAX = 16 * 1024,
	ENVELOPE_SEAL_MAX = 24 * 1024,
	ENVELOPE_DETAIL_MAX = 1024,
	ENVELOPE_CERTIFICATES_MAX = 32,
	ENVELOPE_CERTIFICATE_MAX = 16 * 1024,
	// The head of an envelope: everything before the payload's bytes.
	ENVELOPE_HEAD_MAX = STATEMENT_LEAF_MAX + ENVELOPE_SEAL_MAX + CONTENT_PRIVATE_MAX + CONTENT_METADATA_MAX + 4096,
	ENVELOPE_MAX = ENVELOPE_HEAD_MAX + CONTENT_PAYLOAD_MAX,
	ENVELOPE_EVIDENCE_MAX = 64 * 1024 * 1024,
};

struct envelope_seal {
	struct slice origin;
	uint64_t index;
	struct slice path; // whole hashes, leaf to root
	struct slice checkpoint;
};

struct envelope_sealed {
	struct slice statement; // the leaf
	struct slice seal;      // Seal bytes; empty: not sealed (yet)
	struct slice private_part;
	struct slice salt;
	struct slice metadata;
	struct slice payload;
	bool has_payload; // tells an empty payload from an erased one
};

struct envelope_evidence {
	bool has_request;
	bool has_response;
	bool has_unanswered;
	bool has_edition;
	struct envelope_sealed request;
	struct envelope_sealed response;
	struct envelope_sealed unanswered;
	struct slice_list certificates; // DER
	struct envelope_sealed edition;
	struct slice received; // leaf
	uint64_t received_index;
};

struct envelope_request {
	struct slice statement; // required
	struct slice seal;      // required
	struct slice private_part;
	struct slice salt; // required, CONTENT_SALT_SIZE
	struct slice metadata;
	struct slice payload;
};

struct envelope_response {
	struct slice statement; // required
	struct slice seal;      // required
	struct slice salt;      // CONTENT_SALT_SIZE or empty
	struct slice metadata;
	bool repeated_request;
	struct slice detail;
	struct slice payload;
};

struct envelope_outcome_query {
	struct slice exchange_id;
};

struct envelope_outcome_report {
	bool has_request;
	bool has_received;
	bool has_outcome;
	bool has_foreign_outcome;
	struct envelope_sealed request;
	struct envelope_sealed received;
	struct envelope_sealed outcome;
	struct envelope_sealed foreign_outcome;
};

// Decoding: ERR_FORMAT with words (seal: ERR_SEAL_INVALID), ERR_LIMIT. Encoding appends: ERR_FORMAT, ERR_LIMIT,
// ERR_MEMORY.
result envelope_encode_seal(const struct envelope_seal *seal, struct buffer *buffer, struct fault *fault);
result envelope_decode_seal(struct slice bytes, struct envelope_seal *ret_seal, struct fault *fault);

result envelope_encode_sealed(const struct envelope_sealed *sealed, struct buffer *buffer, struct fault *fault);
result envelope_decode_sealed(struct slice bytes, struct envelope_sealed *ret_sealed, struct fault *fault);

result envelope_encode_evidence(const struct envelope_evidence *evidence, struct buffer *buffer, struct fault *fault);
// `arena` takes the list of certificates (ENVELOPE_CERTIFICATES_MAX slices).
result envelope_decode_evidence(struct slice bytes, struct arena *arena, struct envelope_evidence *ret_evidence,
				struct fault *fault);

result envelope_encode_request(const struct envelope_request *request, struct buffer *buffer, struct fault *fault);
result envelope_decode_request(struct slice bytes, struct envelope_request *ret_request, struct fault *fault);

// Everything of the envelope before the payload's bytes, with the payload's tag and length for `payload_size` bytes
// (none for 0). The field `payload` is ignored: head and payload are sent one after the other, without a copy.
result envelope_request_head(const struct envelope_request *request, size_t payload_size, struct buffer *buffer,
			     struct fault *fault);

result envelope_encode_response(const struct envelope_response *response, struct buffer *buffer, struct fault *fault);
result envelope_decode_response(struct slice bytes, struct envelope_response *ret_response, struct fault *fault);
result envelope_response_head(const struct envelope_response *response, size_t payload_size, struct buffer *buffer,
			      struct fault *fault);

result envelope_encode_outcome_query(const struct envelope_outcome_query *query, struct buffer *buffer,
				     struct fault *fault);
result envelope_decode_outcome_query(struct slice bytes, struct envelope_outcome_query *ret_query, struct fault *fault);

result envelope_encode_outcome_report(const struct envelope_outcome_report *report, struct buffer *buffer,
				      struct fault *fault);
result envelope_decode_outcome_report(struct slice bytes, struct envelope_outcome_report *ret_report,
				      struct fault *fault);

// The tables, NULL at the end, for tests that hold them against the .proto files.
extern const struct codec_message *const envelope_messages[];

#endif
