// SPDX-License-Identifier: EUPL-1.2
//
// The wire forms of gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md): message framing, deadlines, status text, binary
// metadata, and the mapping of transport failures to statuses. No connection here: see grpc_call.h (server) and
// grpc_unary.h (client).
#ifndef BESA_NET_GRPC_H
#define BESA_NET_GRPC_H

#include "base/buffer.h"
#include "base/result.h"
#include "net/h2.h"

// ---- messages -----------------------------------------------------------------------------------------------------

enum {
	GRPC_FRAME_HEAD_SIZE = 5,           // flag, big-endian length
	GRPC_MESSAGE_MAX = 4 * 1024 * 1024, // the protocol's usual bound of a received message; stops memory exhaustion
};

// The five bytes before a message of `size` bytes.
void grpc_frame_head(uint8_t head[GRPC_FRAME_HEAD_SIZE], uint32_t size);

// Puts messages together from a body that arrives in pieces. Knows the length from the first five bytes, so allocates
// once and never moves bytes.
struct grpc_deframer {
	uint8_t head[GRPC_FRAME_HEAD_SIZE];
	uint8_t head_size;
	bool complete;
	uint8_t *message;
	size_t size;
	size_t filled;
	size_t limit;
};

// Messages larger than `limit` are refused.
void grpc_deframer_init(struct grpc_deframer *deframer, size_t limit);

// Takes bytes from the front of *bytes up to the end of one message. Call again until *bytes is empty; when complete
// (deframer->complete) take or drop the message first. ERR_PAYLOAD_TOO_LARGE, ERR_UNSUPPORTED (compressed), ERR_FORMAT
// (bad flag), ERR_MEMORY.
result grpc_deframer_push(struct grpc_deframer *deframer, struct slice *bytes);

// Whether the body may end here: between two messages.
bool grpc_deframer_at_boundary(const struct grpc_deframer *deframer);

// The complete message, to be freed with free(); never NULL, also when *ret_size is 0. The deframer is ready for the
// next.
uint8_t *grpc_deframer_take(struct grpc_deframer *deframer, size_t *ret_size);

void grpc_deframer_release(struct grpc_deframer *deframer);

// ---- metadata -----------------------------------------------------------------------------------------------------

// grpc-timeout: "250m" and so on, in microseconds, rounded up; ERR_FORMAT. Longer than a year counts as a year.
result grpc_timeout_parse(struct slice text, int64_t *ret_us);

// At most eight digits and a unit, rounded down but at least "1u". `text` is terminated.
enum { GRPC_TIMEOUT_TEXT_SIZE = 12 };
void grpc_timeout_format(int64_t us, char text[GRPC_TIMEOUT_TEXT_SIZE]);

// grpc-message: percent-encoded UTF-8. Decoding never fails: what is malformed stays as it is, as the protocol asks.
void grpc_message_encode(struct buffer *out, struct slice text);
void grpc_message_decode(struct buffer *out, struct slice text);

// Values of `-bin` metadata: base64, emitted without padding, accepted with and without. ERR_FORMAT.
void grpc_bin_encode(struct buffer *out, struct slice bytes);
result grpc_bin_decode(struct buffer *out, struct slice text);

// Whether a content-type is gRPC's: "application/grpc", also followed by "+…" or ";…".
bool grpc_is_content_type(struct slice value);

// Whether a header belongs to the protocol (pseudo-headers, te, content-type, user-agent, grpc-…) and is no metadata of
// the caller.
bool grpc_is_reserved(struct slice name);

// grpc-status as a number 0 to 16; anything else is GRPC_UNKNOWN.
enum grpc_status grpc_status_parse(struct slice text);

// What a client reports when no grpc-status came: from the HTTP status, from the code of a reset.
enum grpc_status grpc_status_of_http(unsigned status);
enum grpc_status grpc_status_of_reset(enum h2_error code);

// ---- sending ------------------------------------------------------------------------------------------------------

// Ends a stream with a status: trailers if a response was begun, else one HEADERS frame (Trailers-Only). `message` may
// be empty. `trailers` add metadata. Failures of memory reset the stream.
void grpc_finish(struct h2_stream *stream, bool response_begun, enum grpc_status status, struct slice message,
		 const struct h2_header *trailers, size_t count);

// Begins a response: 200, content-type and the initial metadata. ERR_LIMIT, ERR_MEMORY, ERR_STATE.
result grpc_respond(struct h2_stream *stream, const struct h2_header *metadata, size_t count);

#endif
