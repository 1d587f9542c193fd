// SPDX-License-Identifier: EUPL-1.2
//
// What the h2_*.c files share.
//
//   h2_header.c      header fields as received and as sent
//   h2_stream.c      streams: output queue, ending, the owner's calls
//   h2_session.c     libnghttp2: its callbacks, bytes in, bytes out; no sockets
//   h2_settings.c    defaults of a connection's settings
//   h2_connection.c  a session on a transport: reading, flushing, timers, draining, the end
//   h2_listener.c    servers
//   h2_client.c      clients
//
// Who frees. A stream is freed when nghttp2 closes it (h2_stream_closed), with its connection (end_streams), or out of
// a client's queue; an owner's reset only detaches it. A connection is freed in h2_connection_end alone, reached by a
// deferred call, so that no callback finds its connection gone.
#ifndef BESA_NET_H2_INTERNAL_H
#define BESA_NET_H2_INTERNAL_H

#include "net/h2.h"
#include "net/transport.h"

#include <nghttp2/nghttp2.h>

enum { H2_REQUEST_FIELDS = 4 }; // pseudo-headers of a request

// ---- h2_header.c --------------------------------------------------------------------------------------------------

enum { H2_BLOCK_ITEMS = 12, H2_BLOCK_BYTES = 768 };

// A received header block. Small ones lie inside; larger ones get one piece of memory of the full limit, so nothing
// ever moves and slices into it stay good.
struct h2_block {
	size_t count;  // of items
	size_t fields; // of all fields received, pseudo-headers included
	size_t weight; // bytes of all fields, 32 added to each
	size_t used;   // of the present piece of memory
	uint8_t *more; // NULL, or items followed by bytes
	size_t more_size;
	bool over; // a limit was exceeded; what came after is dropped
	struct h2_header items[H2_BLOCK_ITEMS];
	uint8_t bytes[H2_BLOCK_BYTES];
};

void h2_block_init(struct h2_block *block);
void h2_block_release(struct h2_block *block, struct h2_connection *connection);

// Counts a field against the limits and copies its value (and its name, unless `keep_name` is false). False if over.
bool h2_block_add(struct h2_block *block, struct h2_connection *connection, struct h2_header field, bool is_pseudo,
		  struct slice *ret_value);
struct h2_headers h2_block_headers(const struct h2_block *block);

// Header fields copied into one piece of memory, freed with free(); NULL if out of memory.
struct h2_fields {
	size_t count;
	struct h2_header items[];
};
struct h2_fields *h2_fields_copy(const struct h2_header *headers, size_t count);

// Fills nghttp2's form; `nv` has room for `count`.
void h2_fields_convert(const struct h2_header *headers, size_t count, nghttp2_nv *nv);

// ---- h2_stream.c --------------------------------------------------------------------------------------------------

enum { H2_CHUNKS_INLINE = 4, H2_SMALL_BYTES = 64 };

struct h2_stream {
	struct h2_connection *connection; // NULL while queued by a client
	struct h2_client *client;         // NULL on a server
	struct h2_pool *pool;
	struct h2_stream *next, **link; // in the connection's list or the client's queue
	int32_t id;
	const struct h2_stream_handlers *handlers;
	void *user;

	// What happened, as flags: the states of RFC 9113 section 5.1 are nghttp2's business.
	bool detached;     // the owner has heard, or asked for, the end
	bool responded;    // response headers submitted (server)
	bool ended;        // the owner has ended our side
	bool sent;         // our HEADERS are on their way (client)
	bool end_sent;     // END_STREAM has gone out
	bool remote_ended; // END_STREAM has come in
	bool final;        // a client's final response headers have come
	bool in_trailers;  // the block being received is trailers
	bool starved;      // nghttp2 waits for us to resume its data
	bool was_queued;   // something was written since on_writable was last called

	unsigned status;
	struct slice method, path, authority;
	struct h2_block head;
	struct h2_block tail; // trailers
	size_t unconsumed;

	struct h2_chunk *chunks; // a ring
	uint32_t chunk_capacity, chunk_first, chunk_count;
	size_t chunk_offset; // sent of the first chunk
	size_t queued;
	int64_t progress_us; // when output last moved, or began to wait
	size_t small_used;
	struct h2_chunk chunks_inline[H2_CHUNKS_INLINE];
	uint8_t small[H2_SMALL_BYTES]; // for copies of a few bytes (gRPC's five)
	struct h2_fields *trailers;    // to send
	struct h2_fields *request;     // of a queued client stream, pseudo-headers included
	bool request_ends;

	result verdict; // why we broke it, OK if we did not
	const char *verdict_text;
};

// Streams for reuse, so that a busy connection allocates none.
enum { H2_POOL_MAX = 256 };
struct h2_pool {
	struct h2_stream *first;
	size_t count;
};
void h2_pool_release(struct h2_pool *pool);

struct h2_stream *h2_stream_new(struct h2_pool *pool);
void h2_stream_free(struct h2_stream *stream); // unlinked already
void h2_stream_link(struct h2_stream *stream, struct h2_stream **list);
void h2_stream_unlink(struct h2_stream *stream);
void h2_stream_drop_chunks(struct h2_stream *stream);

// Tells the owner the end, unless it is detached, and detaches.
void h2_stream_report(struct h2_stream *stream, const struct h2_close *close);

// nghttp2 closed it with this code: reports and frees.
void h2_stream_closed(struct h2_stream *stream, enum h2_error code);

// Resets it for a reason of ours; the owner hears of it when nghttp2 closes it.
void h2_stream_break(struct h2_stream *stream, enum h2_error code, result cause, const char *text);

// Submits a client's request on a ready connection. ERR_MEMORY, ERR_CLOSED.
result h2_stream_submit(struct h2_stream *stream, struct h2_connection *connection, const struct h2_header *headers,
			size_t count, bool end);

// ---- h2_session.c -------------------------------------------------------------------------------------------------

struct h2_output {
	uint8_t *data;
	size_t size;
	size_t capacity;
};

result h2_session_new(struct h2_connection *connection);

// Where nghttp2 gets a stream's body from.
nghttp2_data_provider h2_session_provider(struct h2_stream *stream);

// Feeds received bytes; may mark the connection as failing.
void h2_session_receive(struct h2_connection *connection, struct slice bytes);

// Appends frames until the output is about full or nothing is left; false when nothing is left.
bool h2_session_fill(struct h2_connection *connection, struct h2_output *output);

// Whether the session is over by itself: nothing to read or write.
bool h2_session_is_over(const struct h2_connection *connection);
size_t h2_session_room(const struct h2_connection *connection); // streams that may still be opened towards the peer

// ---- h2_connection.c ----------------------------------------------------------------------------------------------

// What a listener or client does about its connections. on_request and on_goaway, on_room may be NULL where they do not
// apply.
struct h2_hooks {
	bool (*on_open)(void *owner, struct h2_connection *connection);  // peer known; false refuses
	void (*on_ready)(void *owner, struct h2_connection *connection); // the peer's SETTINGS have come
	void (*on_request)(void *owner, struct h2_stream *stream);
	void (*on_room)(void *owner, struct h2_connection *connection);   // a stream is gone
	void (*on_goaway)(void *owner, struct h2_connection *connection); // no new streams on it
	void (*on_gone)(void *owner, struct h2_connection *connection, result cause, const char *text);
};

enum h2_phase { H2_OPENING, H2_OPEN, H2_DEAD };
enum h2_drain { H2_DRAIN_NONE, H2_DRAIN_NOTICED, H2_DRAIN_LAST };

struct h2_connection {
	struct loop *loop;
	nghttp2_session *session;
	struct transport *transport; // NULL only under fuzzing
	const struct h2_hooks *hooks;
	void *owner;
	struct h2_connection *next, **link; // the owner's list
	struct h2_pool *pool;
	struct h2_settings settings; // no zeroes
	void *context;
	void *user;
	struct h2_peer peer;
	uint8_t *certificate;
	bool server;
	bool ready;    // the peer's SETTINGS have come
	bool accepted; // by the server's on_connection
	bool goaway;   // received
	bool failing;  // to be ended with GOAWAY `fail_code` at the next flush
	bool blocked;  // nghttp2 has a DATA frame that did not fit the output
	bool writable_due;
	enum h2_phase phase;
	enum h2_drain drain;
	enum h2_error fail_code;
	result cause;
	char text[160];

	struct h2_stream *streams;
	size_t stream_count;
	size_t memory;

	uint8_t *pending; // output that the socket did not take
	size_t pending_size, pending_offset;
	struct slice rest;        // of a frame that nghttp2 handed out, not yet copied
	struct h2_output *output; // while filling

	struct loop_call flush, more, reap;
	struct loop_timer tick;
	int64_t opened_us;
	int64_t received_us;
	int64_t active_us; // last stream gone
	int64_t written_us;
	int64_t pinged_us;  // 0: no PING of ours is open
	int64_t drained_us; // when the drain began

	struct h2_bucket resets, faults, idle_frames;
	int32_t last_id;
	struct h2_gap {
		int32_t first, last;
	} gaps[H2_ID_GAPS_MAX];
	unsigned gap_count; // ever
};

// h2_settings.c: replaces zeroes by defaults; how often a connection looks at its time limits.
struct h2_settings h2_settings_resolve(struct h2_settings settings);
int64_t h2_settings_tick_us(const struct h2_settings *settings);

struct h2_connection_config {
	bool server;
	int fd; // taken over, also on failure; -1: no transport (fuzzing)
	struct tls_context *tls;
	struct tls_check check;
	const char *server_name;
	struct tls_ticket *ticket;
	struct h2_settings settings; // resolved
	const struct h2_hooks *hooks;
	void *owner;
	void *context;
	struct h2_connection **list; // to stand in
	struct h2_pool *pool;
};
result h2_connection_new(struct loop *loop, const struct h2_connection_config *config,
			 struct h2_connection **ret_connection);

// Something is to be sent.
void h2_connection_wake(struct h2_connection *connection);

// Ends it with GOAWAY at the next flush; first call wins.
void h2_connection_fail(struct h2_connection *connection, enum h2_error code, result cause, const char *text);

// Ends it without a word: the socket is gone.
void h2_connection_kill(struct h2_connection *connection, result cause, const char *text);

// Ends and frees at once, with all callbacks: for owners that go away.
void h2_connection_end(struct h2_connection *connection);

// ---- h2_client.c --------------------------------------------------------------------------------------------------

// A queued stream was reset by its owner.
void h2_client_forget(struct h2_stream *stream);

// ---- h2_connection.c, called by h2_session.c -----------------------------------------------------------------------

// SETTINGS and answers to PING.
void h2_connection_on_settings(struct h2_connection *connection);
void h2_connection_on_pong(struct h2_connection *connection);

#endif
