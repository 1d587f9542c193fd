// SPDX-License-Identifier: EUPL-1.2
//
// What a run of the load program is to do, read from its command line.
#ifndef BESA_BENCH_LOAD_OPTIONS_H
#define BESA_BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OPTIONS_METADATA_MAX = 16, // header fields given with --header
	OPTIONS_CONNECTIONS_MAX = 1024,
	OPTIONS_STREAMS_MAX = 4096,
	OPTIONS_PAYLOAD_MAX = 64 << 20,
};

// One header field; both point into the command line.
struct metadata {
	const char *name;
	const char *value;
};

struct options {
	const char *host; // numeric address or name; "unix:/path" for a unix socket
	const char *port;
	const char *path;        // ":path" of every request
	const char *authority;   // ":authority"
	const char *ca;          // PEM of the roots that the server must chain to; NULL checks nothing
	const char *certificate; // own certificate chain, PEM; NULL for none
	const char *key;         // its key, PEM
	const char *ids_file;    // where the exchange ids of the OK answers go; NULL for nowhere
	const char *frame_file;  // write the request's gRPC frame here and do nothing else
	struct metadata metadata[OPTIONS_METADATA_MAX];
	size_t metadata_count;
	uint32_t connections;
	uint32_t streams;  // per connection
	uint32_t payload;  // bytes in field 1 of the request message
	double duration_s; // measured part
	double warmup_s;   // before it: sent and checked, not measured
	double drain_s;    // longest wait for the answers still missing at the end
	double rate;       // arrivals a second, Poisson; 0 is closed loop
	uint64_t limit;    // requests to send at most; 0 is no limit
	uint64_t seed;     // of arrivals
	bool tls;          // implied by any TLS file
	bool echo;         // an answer must be byte for byte the request
};

// Reads the command line. Ends the process with usage and words on a mistake: this is a tool, not a server.
void options_read(struct options *options, int count, char **arguments);

#endif
