// SPDX-License-Identifier: EUPL-1.2
//
// Evidence of one exchange as it is handed to the caller, in a trailer: statements, seals, salts, private part and
// the certificates to check them, without the payloads, which the caller has.
#ifndef BESA_EXCHANGE_HANDOUT_H
#define BESA_EXCHANGE_HANDOUT_H

#include "directory/directory.h"
#include "wire/envelope.h"

enum {
	// Text of one trailer: below what HTTP/2 peers commonly take in headers.
	HANDOUT_TEXT_MAX = 15 * 1024,
};

struct handout {
	const struct directory *directory;
	struct slice own_origin;
	struct slice response_origin;
	struct envelope_sealed request;
	struct envelope_sealed response;
	struct slice received; // leaf
	uint64_t received_index;
};

// Appends the trailer's value: Evidence bytes in base64. ERR_LIMIT if it is too long for a trailer.
result handout_encode(const struct handout *handout, struct buffer *text);

#endif
