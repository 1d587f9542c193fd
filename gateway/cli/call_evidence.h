// SPDX-License-Identifier: EUPL-1.2
//
// Evidence of a call just made: what the gateway handed out, and the two messages that only the caller has.
#ifndef BESA_CLI_CALL_EVIDENCE_H
#define BESA_CLI_CALL_EVIDENCE_H

#include "base/buffer.h"
#include "wire/envelope.h"

// Appends an evidence file from the trailer's text (base64 of Evidence without payloads), the request's message
// and, if there is one, the response's. ERR_NOT_FOUND: the gateway handed none out; ERR_FORMAT with words.
result call_evidence_complete(struct slice trailer, struct slice request, const struct slice *response,
			      struct buffer *file, struct fault *fault);

#endif
