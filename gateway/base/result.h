// SPDX-License-Identifier: EUPL-1.2
//
// The one result type of Besa, and the table behind it.
//
// Every fallible function returns `result`; the compiler refuses a caller that drops it.
// A code carries, in one table (RESULT_TABLE): its name on the wire (stable for ever: clients
// and auditors match on it), the gRPC status it travels as, whether the same call may succeed
// later unchanged, and one English sentence. Detail that only the place of failure knows
// ("line 12: …") goes into a `struct fault` beside it.
//
// Layer: base. Used by everything.
#ifndef BESA_BASE_RESULT_H
#define BESA_BASE_RESULT_H

#include <stdbool.h>
#include <stddef.h>

// Status codes of gRPC (grpc/doc/statuscodes.md); the numbers are the protocol's.
enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

// X(code, wire name, gRPC status, retryable, text). Numbers are not part of any format; wire
// names are. Add at the end of a group; never rename.
#define RESULT_TABLE(X)                                                                                          \
	/* things any part can meet */                                                                           \
	X(OK, "ok", GRPC_OK, false, "success")                                                                   \
	X(ERR_INTERNAL, "internal", GRPC_INTERNAL, false, "an internal error of this program")                   \
	X(ERR_MEMORY, "memory", GRPC_RESOURCE_EXHAUSTED, true, "out of memory")                                  \
	X(ERR_LIMIT, "limit", GRPC_RESOURCE_EXHAUSTED, false, "a size, depth or count limit is exceeded")        \
	X(ERR_FORMAT, "format", GRPC_INVALID_ARGUMENT, false, "malformed data")                                  \
	X(ERR_ARGUMENT, "argument", GRPC_INVALID_ARGUMENT, false, "an argument is not valid")                    \
	X(ERR_CONFIG, "config", GRPC_FAILED_PRECONDITION, false, "the configuration is not valid")               \
	X(ERR_NOT_FOUND, "not_found", GRPC_NOT_FOUND, false, "not found")                                        \
	X(ERR_EXISTS, "exists", GRPC_ALREADY_EXISTS, false, "exists already")                                    \
	X(ERR_STATE, "state", GRPC_FAILED_PRECONDITION, false, "not possible in the present state")              \
	X(ERR_IO, "io", GRPC_INTERNAL, true, "an input or output operation failed")                              \
	X(ERR_DISK_FULL, "disk_full", GRPC_UNAVAILABLE, true, "no space is left on the disk")                    \
	X(ERR_PERMISSION, "permission", GRPC_PERMISSION_DENIED, false, "the operating system denies access")     \
	X(ERR_CRYPTO, "crypto", GRPC_INTERNAL, false, "a cryptographic operation failed")                        \
	X(ERR_CLOSED, "closed", GRPC_UNAVAILABLE, true, "the connection is closed")                              \
	X(ERR_TIMEOUT, "timeout", GRPC_DEADLINE_EXCEEDED, true, "the time limit has passed")                     \
	X(ERR_CANCELLED, "cancelled", GRPC_CANCELLED, false, "the caller cancelled")                             \
	X(ERR_BUSY, "busy", GRPC_RESOURCE_EXHAUSTED, true, "too much work is under way")                         \
	X(ERR_PROTOCOL, "protocol", GRPC_INTERNAL, false, "the other side broke the protocol")                   \
	X(ERR_TLS, "tls", GRPC_UNAVAILABLE, false, "the TLS handshake failed")                                   \
	X(ERR_UNSUPPORTED, "unsupported", GRPC_UNIMPLEMENTED, false, "not supported")                            \
	/* evidence: statements, seals, certificates, editions */                                                \
	X(ERR_STATEMENT_INVALID, "statement_invalid", GRPC_INVALID_ARGUMENT, false,                              \
	  "the statement is malformed or breaks the strict format")                                              \
	X(ERR_SEAL_INVALID, "seal_invalid", GRPC_UNAUTHENTICATED, false,                                         \
	  "the seal does not prove the statement to stand in the ledger")                                        \
	X(ERR_CHECKPOINT_INVALID, "checkpoint_invalid", GRPC_UNAUTHENTICATED, false,                             \
	  "the checkpoint is malformed or its signature is wrong")                                               \
	X(ERR_SIGNATURE_INVALID, "signature_invalid", GRPC_UNAUTHENTICATED, false, "the signature is wrong")     \
	X(ERR_DIGEST_MISMATCH, "digest_mismatch", GRPC_DATA_LOSS, false,                                         \
	  "content does not match the digest in its statement")                                                  \
	X(ERR_CERTIFICATE_INVALID, "certificate_invalid", GRPC_UNAUTHENTICATED, false,                           \
	  "the certificate is not one the directory or the trust root accepts")                                  \
	X(ERR_CERTIFICATE_EXPIRED, "certificate_expired", GRPC_UNAUTHENTICATED, false,                           \
	  "the certificate is outside its period of validity")                                                   \
	X(ERR_MEMBER_MISMATCH, "member_mismatch", GRPC_PERMISSION_DENIED, false,                                 \
	  "a member tried to speak for another")                                                                 \
	X(ERR_ADDRESSEE_MISMATCH, "addressee_mismatch", GRPC_FAILED_PRECONDITION, false,                         \
	  "the request is addressed to another subsystem or ledger")                                             \
	X(ERR_LEDGER_MOVED, "ledger_moved", GRPC_UNAVAILABLE, true,                                              \
	  "the addressed ledger is closed; its successor is named in the detail")                                \
	X(ERR_EDITION_INVALID, "edition_invalid", GRPC_FAILED_PRECONDITION, false,                               \
	  "the directory edition does not verify")                                                               \
	X(ERR_EDITION_EXPIRED, "edition_expired", GRPC_FAILED_PRECONDITION, false,                               \
	  "the directory edition is older than policy allows")                                                   \
	/* outcomes of an exchange */                                                                            \
	X(ERR_CLIENT_UNKNOWN, "client_unknown", GRPC_UNAUTHENTICATED, false,                                     \
	  "the caller is no subsystem that this gateway serves")                                                 \
	X(ERR_PEER_UNKNOWN, "peer_unknown", GRPC_UNAUTHENTICATED, false,                                         \
	  "the calling gateway is not listed in the directory")                                                  \
	X(ERR_SERVICE_UNKNOWN, "service_unknown", GRPC_UNIMPLEMENTED, false, "no subsystem offers this service") \
	X(ERR_SERVICE_AMBIGUOUS, "service_ambiguous", GRPC_FAILED_PRECONDITION, false,                           \
	  "several subsystems offer this service; name one in besa-service")                                     \
	X(ERR_METHOD_UNKNOWN, "method_unknown", GRPC_UNIMPLEMENTED, false, "the service has no such method")     \
	X(ERR_CONTRACT_MISMATCH, "contract_mismatch", GRPC_FAILED_PRECONDITION, false,                           \
	  "caller and provider hold different contracts of the service")                                         \
	X(ERR_GRANT_MISSING, "grant_missing", GRPC_PERMISSION_DENIED, false,                                     \
	  "the provider has granted no access to this method")                                                   \
	X(ERR_REPLAYED, "replayed", GRPC_ALREADY_EXISTS, false, "a request with this id is already on record")   \
	X(ERR_EXPIRED, "expired", GRPC_DEADLINE_EXCEEDED, false, "the request's deadline has passed")            \
	X(ERR_CLOCK_SKEW, "clock_skew", GRPC_FAILED_PRECONDITION, false,                                         \
	  "the clocks of the two gateways differ by more than policy allows")                                    \
	X(ERR_PAYLOAD_INVALID, "payload_invalid", GRPC_INVALID_ARGUMENT, false,                                  \
	  "the message is malformed or exceeds the limits of its contract")                                      \
	X(ERR_PAYLOAD_TOO_LARGE, "payload_too_large", GRPC_RESOURCE_EXHAUSTED, false,                            \
	  "the message is larger than the limit")                                                                \
	X(ERR_PEER_UNREACHABLE, "peer_unreachable", GRPC_UNAVAILABLE, true,                                      \
	  "no gateway of the provider can be reached")                                                           \
	X(ERR_PEER_LOST, "peer_lost", GRPC_UNAVAILABLE, false,                                                   \
	  "the connection to the provider's gateway broke after the request was sent")                           \
	X(ERR_ADAPTER_UNAVAILABLE, "adapter_unavailable", GRPC_UNAVAILABLE, true,                                \
	  "the adapter in front of the register cannot be reached")                                              \
	X(ERR_ADAPTER_FAILED, "adapter_failed", GRPC_UNAVAILABLE, false,                                         \
	  "the adapter broke off or answered outside the protocol")                                              \
	X(ERR_INTERRUPTED, "interrupted", GRPC_UNAVAILABLE, false,                                               \
	  "the provider restarted while the request was open; whether it ran is not known")                      \
	X(ERR_UNANSWERED, "unanswered", GRPC_UNAVAILABLE, false,                                                 \
	  "no valid answer arrived; the request is on record as unanswered")                                     \
	X(ERR_LEDGER_CLOSED, "ledger_closed", GRPC_UNAVAILABLE, true,                                            \
	  "the ledger cannot be written, so exchanges are stopped")                                              \
	X(ERR_LEDGER_DAMAGED, "ledger_damaged", GRPC_DATA_LOSS, false, "the ledger is damaged")                  \
	X(ERR_NOTARY_UNAVAILABLE, "notary_unavailable", GRPC_UNAVAILABLE, true, "the notary is restarting")      \
	X(ERR_OVERLOADED, "overloaded", GRPC_RESOURCE_EXHAUSTED, true,                                           \
	  "the gateway has as many exchanges under way as it may")                                               \
	X(ERR_DRAINING, "draining", GRPC_UNAVAILABLE, true, "the gateway is shutting down")                      \
	X(ERR_TAMPERED, "tampered", GRPC_DATA_LOSS, false, "data was altered after it was recorded")

#define RESULT_AS_ENUM(code, wire, status, retryable, text) code,
typedef enum [[nodiscard]] result{ RESULT_TABLE(RESULT_AS_ENUM) RESULT_COUNT } result;
#undef RESULT_AS_ENUM

// The stable wire name of a code, "grant_missing". Never NULL.
const char *result_wire_name(result code);

// One English sentence without a full stop. Never NULL.
const char *result_text(result code);

// The gRPC status a code travels as.
enum grpc_status result_grpc_status(result code);

// Whether the same call, unchanged, may succeed later.
bool result_retryable(result code);

// The code with this wire name; ERR_INTERNAL if there is none (a newer peer may send names
// that this version does not know).
result result_from_wire_name(const char *name, size_t size);

// The name of a gRPC status, "PERMISSION_DENIED"; "UNKNOWN" for a number outside the protocol.
const char *result_grpc_name(int status);

// What went wrong, in words, where only the place of failure can say. Callers that want no
// words pass NULL. The text is always terminated, valid UTF-8 if its parts were, without a
// trailing full stop, and never holds a secret or payload.
enum { FAULT_TEXT_MAX = 480 };
struct fault {
	char text[FAULT_TEXT_MAX];
};

// Writes the words into `fault` (may be NULL) and returns `code`, so that a failing function
// ends with `return fault_set(fault, ERR_FORMAT, "line %d: …", line);`.
result fault_set(struct fault *fault, result code, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Puts "<prefix>: " before the words that are there already; returns `code`.
result fault_prefix(struct fault *fault, result code, const char *format, ...) __attribute__((format(printf, 3, 4)));

// For a caller that must know a failure and can do nothing about it (closing a file that was
// only read): names the intent where a cast to void would hide it.
static inline void result_ignore(result code)
{
	(void)code;
}

// A programmer's error: never for bytes of a peer, a disk or a user. On in release.
#define assert_always(condition) ((condition) ? (void)0 : result_assert_failed(#condition, __FILE__, __LINE__))
void result_assert_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#endif
