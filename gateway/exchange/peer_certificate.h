// SPDX-License-Identifier: EUPL-1.2
//
// The validity of a peer gateway's TLS certificate. Who the peer is, its fingerprint in the directory says; a
// certificate outside its period of validity is refused all the same (RFC 5280 section 4.1.2.5).
#ifndef BESA_EXCHANGE_PEER_CERTIFICATE_H
#define BESA_EXCHANGE_PEER_CERTIFICATE_H

#include "base/result.h"
#include "base/slice.h"

// ERR_CERTIFICATE_INVALID for DER that is no certificate, ERR_CERTIFICATE_EXPIRED.
result peer_certificate_check(struct slice der, int64_t now_us);

#endif
