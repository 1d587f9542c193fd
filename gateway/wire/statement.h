// SPDX-License-Identifier: EUPL-1.2
//
// Statements: signed facts, one leaf of a member's ledger each (proto/besa/statement/v1/statement.proto, a contract).
//
//     leaf = "besa-statement/v1\n" ‖ type byte ‖ Statement bytes, at most STATEMENT_LEAF_MAX bytes
//
// A struct of this file that came out of statement_parse() or statement_check_body() has passed every rule:
// the one spelling (wire/codec.h), identifiers legal, digests of the right size, and the subsystem that speaks (client
// or provider) belongs to the member whose ledger it is. Times are microseconds of UTC. Slices point into the leaf.
// Fields that are absent are empty slices and zeroes.
#ifndef BESA_WIRE_STATEMENT_H
#define BESA_WIRE_STATEMENT_H

#include "base/identifier.h"
#include "wire/codec.h"

enum statement_type {
	STATEMENT_NONE = 0,
	STATEMENT_REQUEST = 1,
	STATEMENT_RESPONSE = 2,
	STATEMENT_RECEIVED = 3,
	STATEMENT_UNANSWERED = 4,
	STATEMENT_REFUSAL_SUMMARY = 5,
	STATEMENT_KEY = 6,
	STATEMENT_EDITION = 7,
	STATEMENT_CERTIFICATE = 8,
	STATEMENT_GRANT = 9,
	STATEMENT_OPERATOR = 10,
	STATEMENT_EVENT = 11,
	STATEMENT_HOUSEKEEPING = 12,
	STATEMENT_TYPE_COUNT,
};

enum statement_outcome {
	STATEMENT_OUTCOME_NONE = 0,
	STATEMENT_OUTCOME_ANSWERED = 1,
	STATEMENT_OUTCOME_REFUSED = 2,
	STATEMENT_OUTCOME_FAILED = 3,
	STATEMENT_OUTCOME_INTERRUPTED = 4,
};

// Bits of statement_received.checks.
enum statement_checked {
	STATEMENT_CHECKED_STRICT = 1,
	STATEMENT_CHECKED_INCLUSION = 2,
	STATEMENT_CHECKED_SEAL_SIGNATURE = 4,
	STATEMENT_CHECKED_DIRECTORY = 8,
	STATEMENT_CHECKED_TLS_PEER = 16,
	STATEMENT_CHECKED_ADDRESSEE = 32,
	STATEMENT_CHECKED_TIME = 64,
	STATEMENT_CHECKED_CONTENT = 128,
	STATEMENT_CHECKED_PRIVATE = 256,
	STATEMENT_CHECKED_ALL = 511,
};

enum statement_certificate_action { STATEMENT_CERTIFICATE_ISSUED = 1, STATEMENT_CERTIFICATE_REVOKED = 2 };
enum statement_grant_action { STATEMENT_GRANT_ADD = 1, STATEMENT_GRANT_REMOVE = 2 };

enum {
	STATEMENT_LEAF_MAX = 65535,  // C2SP tlog-tiles: an entry's length is a 16-bit number
	STATEMENT_BODY_FIELD = 10,   // a body of type t is field 10 + t
	STATEMENT_BLINDER_SIZE = 16, // a leaf cannot be guessed from its hash
	STATEMENT_HASH_SIZE = 32,
	// A leaf around the body: prefix, type, member, time, blinder, tags; a body up to this size always fits.
	STATEMENT_BODY_MAX = STATEMENT_LEAF_MAX - 256,
	// Texts of one field: keep a leaf far below its limit whatever a caller sends.
	STATEMENT_TEXT_MAX = 256,        // purpose, legal basis, names
	STATEMENT_PATHS_MAX = 64,        // withheld paths, allowed response fields
	STATEMENT_PURPOSES_MAX = 32,     // of a grant
	STATEMENT_REASONS_MAX = 128,     // lines of a refusal summary
	STATEMENT_CHAIN_MAX = 8,         // certificates above a seal certificate
	STATEMENT_ARENA_MAX = 16 * 1024, // enough for the lists of any one statement
};

struct statement_request {
	struct slice exchange_id; // UUIDv7, 16 bytes
	struct slice client;      // subsystem of the sealing member
	struct slice purpose;
	struct slice legal_basis;
	struct slice provider;        // subsystem
	struct slice provider_ledger; // origin; of the provider's member
	struct slice service;         // "rks.civil.v1.CivilRegistry"
	struct slice method;
	struct slice contract_digest;  // 32
	uint32_t attempt;              // from 1
	struct slice previous_attempt; // 32; empty exactly for the first attempt
	int64_t issued_at_us;
	int64_t deadline_us;         // after issued_at_us
	struct slice payload_digest; // 32
	uint64_t payload_size;
	struct slice metadata_digest; // 32, or empty: none forwarded
	uint64_t directory_size;
	struct slice directory_root;     // 32
	struct slice private_commitment; // 32, or empty: no private part
};

struct statement_response {
	struct slice exchange_id;
	struct slice provider; // subsystem of the sealing member
	struct slice request_hash;
	uint32_t outcome;     // enum statement_outcome
	uint32_t grpc_status; // enum grpc_status; not OK unless answered
	struct slice reason;  // wire name of a result; empty exactly when answered
	struct slice grant_id;
	struct slice payload_digest; // 32, or empty: no payload; only when answered
	uint64_t payload_size;
	struct slice metadata_digest; // 32, or empty: none
	struct slice_list withheld_paths;
};

struct statement_received {
	struct slice exchange_id;
	uint32_t type; // enum statement_type of the foreign statement
	struct slice statement_hash;
	struct slice seal_hash; // SHA-256 of the Seal bytes as they came
	struct slice origin;
	uint64_t index;
	struct slice subsystem; // of the sealing member
	uint32_t checks;        // bits of enum statement_checked
};

struct statement_unanswered {
	struct slice exchange_id;
	struct slice client; // subsystem of the sealing member
	struct slice request_hash;
	uint32_t grpc_status;
	struct slice reason;
};

struct statement_refusal_count {
	struct slice reason;
	uint64_t count;
};

struct statement_refusal_summary {
	struct slice peer; // ledger without shard, "besa/XK/GOV/ASHI/gw1"
	int64_t since_us;
	int64_t until_us;
	struct {
		struct statement_refusal_count *items;
		size_t count;
	} counts;
};

struct statement_key {
	struct slice origin; // of the sealing member
	struct slice seal_certificate_digest;
	struct slice_list chain_digests;
	struct slice suite; // STATEMENT_SUITE
	struct slice ed25519_key;
	struct slice previous_origin; // of the same member; empty for the first shard
	uint64_t previous_size;
	struct slice previous_root;
	struct slice reason; // "first", "rotation", "damage", "restored"
};

#define STATEMENT_SUITE "besa-p256-ed25519-sha256/1"

struct statement_edition {
	struct slice instance;
	uint64_t version;
	int64_t issued_at_us;
	int64_t valid_until_us;
	struct slice digest;
	uint64_t size;
	struct slice previous; // leaf hash of the edition before; may be empty
};

struct statement_certificate {
	uint32_t action; // enum statement_certificate_action
	struct slice profile;
	struct slice digest;
	struct slice subject;
	struct slice serial;
	int64_t not_before_us;
	int64_t not_after_us;
	struct slice reason;
};

struct statement_grant {
	uint32_t action;       // enum statement_grant_action
	struct slice id;       // identifier_is_part
	struct slice provider; // subsystem of the sealing member
	struct slice client;   // subsystem; this and the service are always there when adding
	struct slice service;
	struct slice method; // empty: every method
	struct slice legal_basis;
	struct slice_list purposes;        // empty: any
	int64_t from_us;                   // 0: at once
	int64_t until_us;                  // 0: until removed
	struct slice_list response_fields; // empty: all
	struct slice operator_name;        // field `operator`
};

struct statement_operator {
	struct slice operator_name; // field `operator`
	struct slice action;
	struct slice object;
	struct slice detail_digest;
};

struct statement_event {
	struct slice event_id;  // UUIDv7
	struct slice publisher; // subsystem of the sealing member
	struct slice type;
	uint64_t sequence;
	struct slice payload_digest;
	uint64_t payload_size;
	struct slice private_commitment;
};

struct statement_housekeeping {
	struct slice kind; // "timestamp", "cosignature", "ocsp"
	uint64_t checkpoint_size;
	struct slice checkpoint_root;
	struct slice digest;
};

union statement_body {
	struct statement_request request;
	struct statement_response response;
	struct statement_received received;
	struct statement_unanswered unanswered;
	struct statement_refusal_summary refusal_summary;
	struct statement_key key;
	struct statement_edition edition;
	struct statement_certificate certificate;
	struct statement_grant grant;
	struct statement_operator operator_action;
	struct statement_event event;
	struct statement_housekeeping housekeeping;
};

// A parsed leaf.
struct statement {
	enum statement_type type;
	struct slice member;
	int64_t ledger_time_us;
	struct slice blinder;
	union statement_body body; // the one of `type`
	struct slice leaf;         // the bytes it was parsed from
	uint32_t body_field;       // number of the body's field in the message: 10 + type
};

// The name of a type as in the .proto, "request"; "unknown" outside the enum.
const char *statement_type_name(enum statement_type type);

// "answered", "refused", …; "unknown" outside the enum.
const char *statement_outcome_name(uint32_t outcome);

// Appends the protobuf bytes of a body, after the same checks a reader makes (statement_check without the
// member). ERR_STATEMENT_INVALID with words, ERR_LIMIT, ERR_MEMORY.
result statement_encode_body(enum statement_type type, const union statement_body *body, struct buffer *buffer,
			     struct fault *fault);

// What a notary does before it seals: parses body bytes that a worker made, strictly, and checks that they speak for
// `member`. `arena` takes lists (STATEMENT_ARENA_MAX suffices). ERR_STATEMENT_INVALID, ERR_MEMBER_MISMATCH.
result statement_check_body(enum statement_type type, struct slice bytes, struct slice member, struct arena *arena,
			    union statement_body *ret_body, struct fault *fault);

// The rules of meaning alone: who may say it, which fields go together. The body has passed its table (it was decoded,
// or codec_check() has seen it). `member` is legal, or empty: that skips only the question of who speaks.
// ERR_STATEMENT_INVALID, ERR_MEMBER_MISMATCH.
result statement_check(enum statement_type type, const union statement_body *body, struct slice member,
		       struct fault *fault);

// Appends a whole leaf around body bytes, as the notary does; no checks beyond the caller's. Check
// buffer_result(). `body` is not in the buffer. A failed buffer stays failed.
void statement_append_leaf(struct buffer *buffer, enum statement_type type, struct slice member, int64_t ledger_time_us,
			   const uint8_t blinder[STATEMENT_BLINDER_SIZE], struct slice body);

// The size of the leaf that statement_append_leaf() appends, whatever the type, to check against STATEMENT_LEAF_MAX
// (a type whose field number is short takes one byte less).
size_t statement_leaf_size(struct slice member, struct slice body);

// The only way to read a leaf: prefix, type byte equal to the body field, the one spelling, the rules of meaning, and
// the speaker belongs to the statement's member. The caller must still see that this member is the one the seal's
// origin names (ledger/seal.h). ERR_STATEMENT_INVALID, ERR_MEMBER_MISMATCH, ERR_LIMIT (arena).
result statement_parse(struct slice leaf, struct arena *arena, struct statement *ret_statement, struct fault *fault);

// The type byte of a leaf that is at least framed as one, STATEMENT_NONE otherwise: to choose what to do before
// parsing, never instead of it.
enum statement_type statement_peek_type(struct slice leaf);

// RFC 6962 leaf hash of the leaf bytes: SHA-256(0x00 ‖ leaf).
void statement_leaf_hash(struct slice leaf, uint8_t hash[STATEMENT_HASH_SIZE]);

// The table of a whole Statement message, for statement.c and tests.
extern const struct codec_message statement_message;

// The grant message alone, as the operator's interface carries it (wire/admin.h). Its fields are bounded; which of
// them must be there is statement_check()'s question.
extern const struct codec_message statement_grant_message;

// The table of a body; NULL outside the enum.
const struct codec_message *statement_body_message(enum statement_type type);

// Forms of texts that other messages share. A name of people: no control characters, so that a log line or a
// terminal shows what is there. A service: dotted protobuf identifiers. A word: a-z, 0-9, '_' and '-', as wire names
// have.
bool statement_is_line(struct slice text);
bool statement_is_service(struct slice text);
bool statement_is_word(struct slice text);

#endif
