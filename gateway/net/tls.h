// SPDX-License-Identifier: EUPL-1.2
//
// Credentials for TLS 1.3 (RFC 8446) connections that speak HTTP/2 (ALPN "h2", RFC 9113 section 3.2).
//
// Trust is by pin: no chain is built, whoever shows a certificate has proven to hold its key, and a `tls_check` decides
// on the leaf certificate. It is asked on resumed sessions too, so a peer struck off the directory does not live on in
// a ticket. A context is the credentials alone; to renew them make a new one for new connections and free the old:
// connections keep what they use.
#ifndef BESA_NET_TLS_H
#define BESA_NET_TLS_H

#include "base/result.h"
#include "base/slice.h"

enum { TLS_FINGERPRINT_SIZE = 32, TLS_TICKET_KEY_SIZE = 80 };

struct tls_context;

// Decides on a peer by its leaf certificate: SHA-256 over the DER, and the DER itself. Without a function everyone is
// accepted who proves a key: for servers that look at the fingerprint later.
struct tls_check {
	bool (*accept)(void *context, const uint8_t fingerprint[TLS_FINGERPRINT_SIZE], struct slice certificate);
	void *context;
};

enum tls_role { TLS_SERVER, TLS_CLIENT };

struct tls_config {
	const char *certificate_path; // PEM: leaf first, then intermediates; NULL for a client without one
	const char *key_path;         // PEM, not readable for others; NULL likewise
	bool client_may_be_anonymous; // server: a client need not show a certificate (then it has no fingerprint)
	const uint8_t *ticket_key;    // server: TLS_TICKET_KEY_SIZE secret bytes that workers sharing a port have in
				      // common, so that any of them resumes; NULL: a key of its own
};

// Loads credentials. ERR_NOT_FOUND, ERR_PERMISSION (also: key file open to others), ERR_FORMAT (no PEM, no
// certificate), ERR_CONFIG (key does not belong to the certificate), ERR_MEMORY; the fault names the file.
result tls_context_new(enum tls_role role, const struct tls_config *config, struct tls_context **ret_context,
		       struct fault *fault);

// Connections under way keep their part. NULL is fine.
void tls_context_free(struct tls_context *context);

#endif
