// SPDX-License-Identifier: EUPL-1.2
#include "exchange/peer_certificate.h"

#include "crypto/certificate.h"

result peer_certificate_check(struct slice der, int64_t now_us)
{
	struct certificate *certificate = NULL;
	result code = certificate_parse(der, &certificate, NULL);
	if (code == OK &&
	    (now_us < certificate_not_before_us(certificate) || now_us > certificate_not_after_us(certificate))) {
		code = ERR_CERTIFICATE_EXPIRED;
	}
	certificate_free(certificate);
	return code;
}
