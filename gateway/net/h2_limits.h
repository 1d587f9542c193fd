// SPDX-License-Identifier: EUPL-1.2
//
// Limits of HTTP/2 connections, each with its unit and the attack or fault it stops. Owners may set stricter or wider
// ones through struct h2_settings. Sources: RFC 9113 section 10.5; the CVEs named.
#ifndef BESA_NET_H2_LIMITS_H
#define BESA_NET_H2_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	// Header fields of one message, counting each cookie crumb. Stops HPACK bombs (CVE-2016-6581, CVE-2026-49975):
	// one byte on the wire names a whole field, and the library has no cumulative limit.
	H2_HEADER_COUNT_MAX = 128,
	// Bytes of header fields of one message, each with 32 added (RFC 9113 section 6.5.2). Same attacks.
	H2_HEADER_BYTES_MAX = 16 * 1024,
	// Fields that the owner may send in one message. Stops a programmer's slip from filling a stack array.
	H2_HEADER_SEND_MAX = 64,
	// Requests a client may have open on one connection. Bounds the state one peer can make us hold.
	H2_STREAMS_MAX = 256,
	// Bytes a peer may have in flight on a stream and on a connection, unread by the owner. Bounds memory of slow
	// owners.
	H2_STREAM_WINDOW = 256 * 1024,
	H2_CONNECTION_WINDOW = 4 * 1024 * 1024,
	// Bytes that header blocks and half-received messages of one connection may occupy (h2_connection_charge).
	// Stops many streams that each announce much.
	H2_CONNECTION_MEMORY_MAX = 64 * 1024 * 1024,
	// Chunks queued for sending on one stream. Stops an owner that never looks at h2_stream_queued().
	H2_STREAM_CHUNKS_MAX = 4096,
	// Frames of ours waiting to be sent beyond those of the owner's streams. Stops floods that make us answer
	// (CVE-2019-9512, CVE-2019-9515, and what the library's own queue limit misses).
	H2_OUTBOUND_FRAMES_MAX = 2000,
	// Requests a client queues while it has no free stream. Stops a dead peer from collecting calls.
	H2_CLIENT_QUEUE_MAX = 4096,
	// Sockets one listener serves at a time. Stops running out of descriptors.
	H2_CONNECTIONS_MAX = 4096,
	// Gaps in a peer's stream ids that are remembered, to refuse their later use (RFC 9113 section 5.1.1).
	H2_ID_GAPS_MAX = 8,
};

// Token buckets: `burst` at once and `per_second` thereafter; a connection that overdraws ends with GOAWAY
// ENHANCE_YOUR_CALM.
enum {
	// RST_STREAM received: rapid reset (CVE-2023-44487). A gateway that cancels all its open calls stays below.
	H2_RESETS_BURST = 1000,
	H2_RESETS_PER_SECOND = 100,
	// Streams that we had to reset for the peer's fault, and invalid frames: MadeYouReset (CVE-2025-8671).
	H2_FAULTS_BURST = 100,
	H2_FAULTS_PER_SECOND = 5,
	// PING, SETTINGS, PRIORITY and empty DATA frames: work without progress (CVE-2019-9512, -9515, -9513, -9518).
	// Clients that measure bandwidth ping once per round trip while data flows.
	H2_IDLE_FRAMES_BURST = 1000,
	H2_IDLE_FRAMES_PER_SECOND = 100,
};

// Times in microseconds.
#define H2_HANDSHAKE_US (10 * INT64_C(1000000)) // TLS and SETTINGS; stops half-open connections
#define H2_IDLE_US (300 * INT64_C(1000000))     // without a stream; stops collecting connections
#define H2_STALL_US (30 * INT64_C(1000000))     // output waiting, none taken: slow read, zero window (CVE-2019-9517)
// Silence before a PING asks whether the peer lives. More often than every five minutes, servers of gRPC's own library
// take for abuse; a host that vanished is noticed earlier by TCP (transport.c).
#define H2_KEEPALIVE_US (330 * INT64_C(1000000))
#define H2_PING_TIMEOUT_US \
	(20 * INT64_C(1000000)) // PING unanswered (or as long as the silence before, if shorter): the peer is gone
#define H2_GRACE_US (30 * INT64_C(1000000)) // draining: what is open then is cut off

// A token bucket in whole microseconds: no floating point, no timer.
struct h2_bucket {
	int64_t earliest_us; // theoretical arrival time (GCRA); 0 at first
};

// Takes one token; false if there is none. `now_us` is monotonic.
static inline bool h2_bucket_take(struct h2_bucket *bucket, int64_t now_us, uint32_t burst, uint32_t per_second)
{
	int64_t interval = 1000000 / per_second;
	int64_t base = bucket->earliest_us > now_us ? bucket->earliest_us : now_us;
	if (base + interval - now_us > (int64_t)burst * interval) {
		return false;
	}
	bucket->earliest_us = base + interval;
	return true;
}

#endif
