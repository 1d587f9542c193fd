// SPDX-License-Identifier: EUPL-1.2
//
// Certificates and requests from outside, DER and PEM. What parses is the input again; every question about it can be
// asked, and it can be verified against itself.
#include "crypto/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_everything(const struct certificate *certificate)
{
	struct certificate_verified verified;
	struct fault fault;
	const struct certificate *const self[] = { certificate };
	for (int profile = CERTIFICATE_ROOT; profile <= CERTIFICATE_CLIENT; profile++) {
		result code = certificate_verify(certificate, (enum certificate_profile)profile, self, 1, self, 1,
						 certificate_not_before_us(certificate), &verified, &fault);
		assert_always(code != OK || verified.chain_count == 1);
	}
	assert_always(certificate_uri(certificate).size <= CERTIFICATE_URI_MAX);
	certificate_names_ledger(certificate, slice_text("besa/XK/GOV/ARC/gw1/2026"));
	assert_always(certificate_serial(certificate).size <= CERTIFICATE_SIZE_MAX);
	assert_always(certificate_common_name(certificate).size <= CERTIFICATE_SIZE_MAX);
	struct buffer pem;
	struct certificate *again;
	buffer_init(&pem, 2 * CERTIFICATE_SIZE_MAX);
	certificate_append_pem(certificate, &pem);
	assert_always(certificate_parse_pem(buffer_slice(&pem), &again, NULL) == OK);
	assert_always(slice_equal(certificate_der(again), certificate_der(certificate)));
	certificate_free(again);
	buffer_release(&pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of(data, size);
	struct certificate *certificate;
	struct key_public *key;
	struct fault fault;
	if (certificate_parse(bytes, &certificate, &fault) == OK) {
		assert_always(slice_equal(certificate_der(certificate), bytes));
		ask_everything(certificate);
		certificate_free(certificate);
	}
	if (certificate_parse_pem(bytes, &certificate, &fault) == OK) {
		certificate_free(certificate);
	}
	if (certificate_request_check(bytes, &key, &fault) == OK) {
		key_public_free(key);
	}
	return 0;
}
