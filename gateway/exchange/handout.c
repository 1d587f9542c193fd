// SPDX-License-Identifier: EUPL-1.2
#include "exchange/handout.h"

#include "net/grpc.h"

// The seal certificates of both ledgers and of the central one, each certificate once.
static size_t collect_certificates(const struct handout *handout, struct slice *certificates, size_t room)
{
	const struct slice origins[] = { handout->own_origin, handout->response_origin,
					 directory_head(handout->directory)->origin };
	size_t count = 0;
	for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
		struct slice chain[ENVELOPE_CERTIFICATES_MAX];
		size_t length =
		    directory_certificates(handout->directory, origins[i], chain, ENVELOPE_CERTIFICATES_MAX);
		for (size_t j = 0; j < length; j++) {
			bool known = false;
			for (size_t k = 0; k < count && !known; k++) {
				known = slice_equal(certificates[k], chain[j]);
			}
			if (!known && count < room) {
				certificates[count++] = chain[j];
			}
		}
	}
	return count;
}

result handout_encode(const struct handout *handout, struct buffer *text)
{
	struct slice certificates[ENVELOPE_CERTIFICATES_MAX];
	struct envelope_evidence evidence = {
		.has_request = true,
		.request = handout->request,
		.has_response = true,
		.response = handout->response,
		.certificates = { .items = certificates },
		.has_edition = true,
		.received = handout->received,
		.received_index = handout->received_index,
	};
	evidence.certificates.count = collect_certificates(handout, certificates, ENVELOPE_CERTIFICATES_MAX);
	result code =
	    envelope_decode_sealed(directory_head(handout->directory)->sealed_statement, &evidence.edition, NULL);
	struct buffer bytes;
	buffer_init(&bytes, HANDOUT_TEXT_MAX);
	if (code == OK) {
		code = envelope_encode_evidence(&evidence, &bytes, NULL);
	}
	if (code == OK) {
		grpc_bin_encode(text, buffer_slice(&bytes));
		code = buffer_result(text);
	}
	buffer_release(&bytes);
	return code;
}
