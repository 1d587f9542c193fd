// SPDX-License-Identifier: EUPL-1.2
//
// Which gRPC metadata crosses the border, and its forms: headers of a call ⇄ the bytes that a statement commits to.
//
// Keys that begin with `besa-` are for the gateway and are never forwarded; keys of the protocol neither. Everything
// else travels with the content, unchanged (values of `-bin` keys in their text form).
#ifndef BESA_EXCHANGE_METADATA_H
#define BESA_EXCHANGE_METADATA_H

#include "net/grpc.h"
#include "wire/content.h"

// What a caller tells its gateway.
#define METADATA_CLIENT "besa-client"           // which of its subsystems asks
#define METADATA_SERVICE "besa-service"         // which subsystem is asked, where several offer the service
#define METADATA_USER "besa-user"               // personal data: goes to the private part
#define METADATA_PARTY "besa-represented-party" // likewise
#define METADATA_ISSUE "besa-issue"             // likewise: case reference
#define METADATA_PURPOSE "besa-purpose"
#define METADATA_LEGAL_BASIS "besa-legal-basis"
#define METADATA_EVIDENCE "besa-evidence" // "1": hand the evidence out in a trailer
// What a gateway answers.
#define METADATA_EXCHANGE_ID "besa-exchange-id"
#define METADATA_REASON "besa-reason" // stable wire name
#define METADATA_NODE "besa-node"     // the ledger whose gateway failed
#define METADATA_EVIDENCE_OUT "besa-evidence-bin"

// Entries of one message that cross the border: leaves room for the gateway's own beside them (H2_HEADER_SEND_MAX), so
// that none is dropped in silence.
enum { METADATA_ENTRIES_MAX = 48 };

// Appends the Metadata bytes of a request's forwardable headers; nothing if there are none.
// ERR_LIMIT, ERR_FORMAT (a value that is no text), ERR_MEMORY.
result metadata_encode_request(struct h2_headers headers, struct buffer *bytes, struct fault *fault);

// Appends the ResponseMetadata bytes of what an adapter answered; nothing if there is nothing.
result metadata_encode_response(struct h2_headers initial, struct h2_headers trailers, struct slice message,
				struct buffer *bytes, struct fault *fault);

// The entries as headers to send: at most `room`; returns how many. The headers point into the entries, which are
// another gateway's word: what must not be forwarded is left out here too, else it could speak to an adapter or a
// caller in our name (`besa-client`, `grpc-status`).
size_t metadata_headers(const struct content_entries *entries, struct h2_header *headers, size_t room);

#endif
