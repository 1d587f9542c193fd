// SPDX-License-Identifier: EUPL-1.2
//
// HTTP/2 (RFC 9113): connections and streams, for servers and clients alike. The frames are libnghttp2's, which stays
// inside the .c files; the sockets, TLS, limits, timers and life of things are here.
//
// A *stream* is one request and its response. Both sides use the same calls on it; a stream may carry many messages
// each way.
//
//   Life of a stream. It begins with on_request (server) or h2_client_request (client). It ends in exactly one of two
//   ways: the owner calls h2_stream_reset() and hears nothing more, or on_close is called, once and last. After either,
//   the pointer is dead. A server's stream is done when its response is sent and the request has ended; a client's when
//   the response has ended.
//
//   What a stream receives. Slices in callbacks are good until the callback returns, headers until the end of the
//   stream. Bytes given to on_data count against the peer's window until h2_stream_consume() gives the room back:
//   whoever does not consume holds the peer up, nobody else on other connections.
//
//   What a stream sends. Chunks are not copied but sent from where they lie, and released when they are sent or
//   dropped; a chunk without a release function must stay until the stream's end. Output of a turn of the loop leaves
//   in one piece at its end.
//
// All callbacks run from the loop, never from within a call made by the owner, except where a function says so.
// In any callback every function here may be called, also on the stream the callback is about.
#ifndef BESA_NET_H2_H
#define BESA_NET_H2_H

#include "net/address.h"
#include "net/h2_limits.h"
#include "net/loop.h"
#include "net/tls.h"

#include <sys/types.h>

struct h2_connection;
struct h2_stream;
struct h2_listener;
struct h2_client;

// RFC 9113 section 7.
enum h2_error {
	H2_NO_ERROR = 0,
	H2_PROTOCOL_ERROR = 1,
	H2_INTERNAL_ERROR = 2,
	H2_FLOW_CONTROL_ERROR = 3,
	H2_SETTINGS_TIMEOUT = 4,
	H2_STREAM_CLOSED = 5,
	H2_FRAME_SIZE_ERROR = 6,
	H2_REFUSED_STREAM = 7,
	H2_CANCEL = 8,
	H2_COMPRESSION_ERROR = 9,
	H2_CONNECT_ERROR = 10,
	H2_ENHANCE_YOUR_CALM = 11,
	H2_INADEQUATE_SECURITY = 12,
	H2_HTTP_1_1_REQUIRED = 13,
};

// ---- headers ------------------------------------------------------------------------------------------------------

enum {
	H2_HEADER_STATIC = 1, // name and value are literals: nothing is copied
	H2_HEADER_SECRET = 2, // never enters a compression table (RFC 7541 section 7.1)
};

struct h2_header {
	struct slice name; // lower case
	struct slice value;
	unsigned flags;
};

struct h2_headers {
	const struct h2_header *items;
	size_t count;
};

// The first value under a name; a slice with NULL data if there is none.
struct slice h2_headers_get(struct h2_headers headers, const char *name);

// ---- streams ------------------------------------------------------------------------------------------------------

// How a stream ended.
enum h2_close_reason {
	H2_CLOSE_DONE,          // complete both ways (server: response sent; client: response received)
	H2_CLOSE_RESET,         // the peer reset it, or broke the protocol on it; `code` says why
	H2_CLOSE_NOT_PROCESSED, // client: provably untouched by the peer (never sent, refused, above GOAWAY's last id):
				// safe to retry
	H2_CLOSE_LOST,          // the connection ended; what the peer did with it is not known
};

struct h2_close {
	enum h2_close_reason reason;
	enum h2_error code; // H2_NO_ERROR unless reset
	result cause;       // OK for DONE; else what to report: ERR_CANCELLED, ERR_CLOSED, ERR_TIMEOUT, ERR_TLS,
			    // ERR_PROTOCOL, ERR_LIMIT …
	const char *text;   // words for a log, never NULL; good until the callback returns
};

// Each may be NULL.
struct h2_stream_handlers {
	// Client: response headers (interim 1xx are not shown).
	void (*on_response)(void *user, struct h2_stream *stream, unsigned status, struct h2_headers headers);
	// Bytes of the body, never empty, straight out of the receive buffer.
	void (*on_data)(void *user, struct h2_stream *stream, struct slice bytes);
	// The peer has sent everything; trailers may be empty.
	void (*on_end)(void *user, struct h2_stream *stream, struct h2_headers trailers);
	// Everything queued has been taken over by the connection's output: time to write more.
	void (*on_writable)(void *user, struct h2_stream *stream);
	// The end; see above.
	void (*on_close)(void *user, struct h2_stream *stream, const struct h2_close *close);
};

// Who receives the events of a stream. A server calls it in on_request.
void h2_stream_attach(struct h2_stream *stream, const struct h2_stream_handlers *handlers, void *user);
void *h2_stream_user(const struct h2_stream *stream);

struct h2_connection *h2_stream_connection(const struct h2_stream *stream);
int32_t h2_stream_id(const struct h2_stream *stream); // 0: queued by the client, not yet opened

// Server: the request, complete from on_request on, good until the stream's end. `headers` are without the
// pseudo-headers.
struct slice h2_stream_method(const struct h2_stream *stream);
struct slice h2_stream_path(const struct h2_stream *stream);
struct slice h2_stream_authority(const struct h2_stream *stream);
struct h2_headers h2_stream_headers(const struct h2_stream *stream);
// Whether the request is over with its headers (no body follows).
bool h2_stream_request_ended(const struct h2_stream *stream);

// Server: response headers; with `end` the stream has no body. ERR_STATE if there was a response, ERR_LIMIT for too
// many headers, ERR_MEMORY.
result h2_stream_respond(struct h2_stream *stream, unsigned status, const struct h2_header *headers, size_t count,
			 bool end);

// A piece of a body. `release` (may be NULL) is called once when the bytes are no longer needed: sent, or dropped with
// the stream. It may run inside any call that ends the stream; it must only give memory back.
struct h2_chunk {
	struct slice bytes;
	void (*release)(void *context);
	void *context;
};

// Queues chunks for sending, in order, all or none: on failure nothing is queued and no release called. ERR_STATE
// before respond or after end, ERR_BUSY (H2_STREAM_CHUNKS_MAX), ERR_MEMORY.
result h2_stream_write(struct h2_stream *stream, const struct h2_chunk *chunks, size_t count);

// The same for bytes that go away at once: copies them.
result h2_stream_write_copy(struct h2_stream *stream, struct slice bytes);

// Bytes queued and not yet taken over by the connection's output.
size_t h2_stream_queued(const struct h2_stream *stream);

// Ends our side after what is queued, with trailers if count > 0. ERR_STATE, ERR_LIMIT, ERR_MEMORY.
result h2_stream_end(struct h2_stream *stream, const struct h2_header *trailers, size_t count);

// Ends the stream at once in both directions; queued chunks are released before it returns. No callback follows.
void h2_stream_reset(struct h2_stream *stream, enum h2_error code);

// Client: whether the request's headers have left; until then a lost connection leaves it NOT_PROCESSED.
bool h2_stream_sent(const struct h2_stream *stream);

// Gives `size` bytes of receive window back: on_data's bytes are dealt with.
void h2_stream_consume(struct h2_stream *stream, size_t size);

// ---- connections --------------------------------------------------------------------------------------------------

struct h2_peer {
	char address[ADDRESS_TEXT_SIZE]; // of the other side, for logs
	bool tls;
	bool has_certificate;
	uint8_t fingerprint[TLS_FINGERPRINT_SIZE]; // SHA-256 of the certificate's DER
	struct slice certificate;                  // DER
	bool resumed;                              // TLS session resumption
	bool has_credentials;                      // unix socket: the next three come from the kernel
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

const struct h2_peer *h2_connection_peer(const struct h2_connection *connection);

// A place for the owner's pointer, NULL at first.
void h2_connection_set_user(struct h2_connection *connection, void *user);
void *h2_connection_user(const struct h2_connection *connection);

// The context of the listener (the client) it belongs to.
void *h2_connection_context(const struct h2_connection *connection);

size_t h2_connection_streams(const struct h2_connection *connection); // open at present

// Counts memory that the owner holds for this peer against the connection's budget; false (and nothing counted) if it
// would be exceeded. Give back the same amount before the connection ends or not at all.
bool h2_connection_charge(struct h2_connection *connection, size_t bytes);
void h2_connection_discharge(struct h2_connection *connection, size_t bytes);

// Announces GOAWAY and lets open streams finish (RFC 9113 section 6.8, two steps); then the connection closes.
void h2_connection_drain(struct h2_connection *connection);

// Ends the connection with GOAWAY `code`; its streams end with on_close(LOST) from the loop.
void h2_connection_abort(struct h2_connection *connection, enum h2_error code);

// Zero means the default of h2_limits.h; for times also: negative means never.
struct h2_settings {
	uint32_t streams_max;
	uint32_t stream_window;
	uint32_t connection_window;
	uint32_t header_count_max;
	uint32_t header_bytes_max;
	uint32_t resets_burst, resets_per_second;
	size_t memory_max;
	int64_t handshake_us;
	int64_t idle_us;
	int64_t stall_us;
	int64_t keepalive_us;
};

// ---- servers ------------------------------------------------------------------------------------------------------

struct h2_server_handlers {
	// A connection is ready (TLS done, peer known). False refuses it. May be NULL.
	bool (*on_connection)(void *context, struct h2_connection *connection);
	// Its last moment, after all its streams have ended; only for connections that on_connection accepted. May be
	// NULL.
	void (*on_disconnect)(void *context, struct h2_connection *connection, result cause, const char *text);
	// Request headers are complete and within limits. Must attach handlers to the stream (or reset it).
	void (*on_request)(void *context, struct h2_stream *stream);
};

struct h2_listener_config {
	int fd;                  // listening socket (address_listen); the listener's if it starts
	struct tls_context *tls; // NULL: plain (unix sockets, loopback). Kept by reference.
	struct tls_check check;  // in the handshake; use {} to decide in on_connection
	struct h2_settings settings;
	uint32_t connections_max; // 0: H2_CONNECTIONS_MAX
	const struct h2_server_handlers *handlers;
	void *context;
};

// Starts accepting. ERR_MEMORY, ERR_IO.
result h2_listener_start(struct loop *loop, const struct h2_listener_config *config, struct h2_listener **ret_listener,
			 struct fault *fault);

// Other credentials (never NULL) for connections from here on.
void h2_listener_set_tls(struct h2_listener *listener, struct tls_context *tls);

// Closes every connection for which `keep` says no (drains it): after a directory update struck a peer off. NULL
// `keep`: all.
void h2_listener_drain_connections(struct h2_listener *listener,
				   bool (*keep)(void *context, const struct h2_peer *peer), void *context);

// Stops accepting, closes the listening socket, drains all connections and calls `done` when the last is gone; after
// `grace_us` (0: H2_GRACE_US) the rest is cut off. Once only.
void h2_listener_drain(struct h2_listener *listener, int64_t grace_us, void (*done)(void *context), void *context);

// Cuts everything off and frees; streams end with on_close(LOST), connections with on_disconnect, before this returns.
// Not from a callback of its own connections or streams. NULL is fine.
void h2_listener_free(struct h2_listener *listener);

size_t h2_listener_connections(const struct h2_listener *listener);

// ---- clients ------------------------------------------------------------------------------------------------------

// A client keeps at most one connection for new requests to one address; others may be draining. It connects at the
// first request, and again by itself when the connection is lost while requests wait or `stay_connected` is set, with
// growing pauses between failures (H2_CLIENT_BACKOFF_…, with jitter). A request made in such a pause fails at once
// (NOT_PROCESSED), so that the owner can go elsewhere.
#define H2_CLIENT_BACKOFF_LEAST_US (50 * INT64_C(1000))
#define H2_CLIENT_BACKOFF_MOST_US (500 * INT64_C(1000)) // a peer that is back is found within a second

enum h2_client_state {
	H2_CLIENT_IDLE,       // not connected, ready to try
	H2_CLIENT_CONNECTING, // under way; requests are queued
	H2_CLIENT_READY,
	H2_CLIENT_WAITING, // the last try failed; pausing
};

struct h2_client_config {
	struct address address;
	struct tls_context *tls; // NULL: plain. Kept by reference.
	struct tls_check check;  // which certificate the peer must show; required with TLS
	const char *server_name; // SNI, NULL for none; copied
	struct h2_settings settings;
	int64_t connect_us; // for resolving and connecting; 0: 5 s
	uint32_t queue_max; // 0: H2_CLIENT_QUEUE_MAX
	bool stay_connected;
	// Tells about changes of state, with the cause (OK or why it was lost or failed). May be NULL. Called from the
	// loop.
	void (*on_state)(void *context, struct h2_client *client, enum h2_client_state state, result cause,
			 const char *text);
	void *context;
};

// ERR_MEMORY.
result h2_client_new(struct loop *loop, const struct h2_client_config *config, struct h2_client **ret_client);

// Other credentials for connections from here on; the present one is drained and replaced.
void h2_client_set_tls(struct h2_client *client, struct tls_context *tls);

// Connects if it is idle or waiting, without a request.
void h2_client_connect(struct h2_client *client);

enum h2_client_state h2_client_state(const struct h2_client *client);

// Requests open and queued.
size_t h2_client_load(const struct h2_client *client);

// The peer of the present connection, NULL unless READY.
const struct h2_peer *h2_client_peer(const struct h2_client *client);

struct h2_request {
	const char *method; // "POST"
	const char *scheme; // "https" or "http"; NULL: by whether there is TLS
	struct slice path;  // copied, as are authority and headers that are not H2_HEADER_STATIC
	struct slice authority;
	const struct h2_header *headers;
	size_t header_count;
	bool end; // no body
};

// Opens a stream, or queues it until there is a connection with room. Write and end it like any stream, at once if
// wanted. ERR_CLOSED while pausing after a failure, ERR_BUSY if the queue is full, ERR_LIMIT, ERR_MEMORY; then nothing
// was sent.
result h2_client_request(struct h2_client *client, const struct h2_request *request,
			 const struct h2_stream_handlers *handlers, void *user, struct h2_stream **ret_stream);

// Drains the connection and calls `done` when no stream is left; new requests are refused with ERR_CLOSED.
void h2_client_drain(struct h2_client *client, void (*done)(void *context), void *context);

// Cuts off and frees; its streams end with on_close before this returns. Not from a callback of its own streams. NULL
// is fine.
void h2_client_free(struct h2_client *client);

#endif
