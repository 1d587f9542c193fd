// SPDX-License-Identifier: EUPL-1.2
//
// See tls_link.h.
//
// The pin is checked in two places: inside a full handshake, so that the peer gets a proper alert, and after a resumed
// one, where OpenSSL takes the certificate from the ticket and asks nobody.
#include "net/tls_link.h"

#include "crypto/openssl.h"
#include "net/tls_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

void tls_ticket_clear(struct tls_ticket *ticket)
{
	SSL_SESSION_free(ticket->session);
	ticket->session = NULL;
}

// ---- the check ----------------------------------------------------------------------------------------------------

static bool accepts(const struct tls_link *link, X509 *certificate)
{
	uint8_t fingerprint[EVP_MAX_MD_SIZE];
	unsigned fingerprint_size = 0;
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);
	bool accepted =
	    size > 0 && X509_digest(certificate, EVP_sha256(), fingerprint, &fingerprint_size) == 1 &&
	    (!link->check.accept || link->check.accept(link->check.context, fingerprint, slice_of(der, (size_t)size)));
	OPENSSL_free(der);
	return accepted;
}

int tls_link_verify(X509_STORE_CTX *store, void *argument)
{
	(void)argument;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_link *link = SSL_get_app_data(ssl);
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	if (certificate && accepts(link, certificate)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	link->refused = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

int tls_link_keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_link *link = SSL_get_app_data(ssl);
	if (!link->ticket) {
		return 0;
	}
	tls_ticket_clear(link->ticket);
	link->ticket->session = session;
	return 1; // the reference is ours
}

static bool speaks_h2(const struct tls_link *link)
{
	const unsigned char *protocol = NULL;
	unsigned size = 0;
	SSL_get0_alpn_selected(link->ssl, &protocol, &size);
	return slice_is(slice_of(protocol, size), "h2");
}

static enum tls_progress check_peer(struct tls_link *link, struct fault *fault)
{
	if (!speaks_h2(link)) {
		result_ignore(fault_set(fault, ERR_TLS, "the peer does not offer HTTP/2 (ALPN h2)"));
		return TLS_FAILED;
	}
	X509 *certificate = SSL_get0_peer_certificate(link->ssl);
	bool accepted = certificate ? !SSL_session_reused(link->ssl) || accepts(link, certificate)
				    : link->server && link->may_be_anonymous;
	if (!accepted) {
		link->refused = true;
		result_ignore(fault_set(fault, ERR_TLS, "the peer's certificate is not accepted"));
		return TLS_FAILED;
	}
	return TLS_DONE;
}

// ---- input and output ---------------------------------------------------------------------------------------------

static const char *words_for(const struct tls_link *link, unsigned long error)
{
	if (link->refused) {
		return "the peer's certificate is not accepted";
	}
	switch (ERR_GET_REASON(error)) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "the peer shows no certificate";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return "the peer refuses our certificate";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "no common TLS version (1.3 is required)";
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return "no common protocol (ALPN h2 is required)";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
		return "the peer does not speak TLS";
	default: {
		const char *reason = ERR_reason_error_string(error);
		return reason ? reason : "TLS failed";
	}
	}
}

static enum tls_progress progress_of(struct tls_link *link, int returned, struct fault *fault)
{
	int saved = errno;
	switch (SSL_get_error(link->ssl, returned)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	case SSL_ERROR_SYSCALL:
		if (ERR_peek_error() == 0) {
			result_ignore(fault_set(fault, ERR_CLOSED, "%s", saved != 0 ? strerror(saved) : "closed"));
			return TLS_CLOSED;
		}
		[[fallthrough]];
	default:
		result_ignore(fault_set(fault, ERR_TLS, "%s", words_for(link, ERR_peek_error())));
		return TLS_FAILED;
	}
}

enum tls_progress tls_link_handshake(struct tls_link *link, struct fault *fault)
{
	ERR_clear_error();
	int returned = SSL_do_handshake(link->ssl);
	if (returned == 1) {
		return check_peer(link, fault);
	}
	enum tls_progress progress = progress_of(link, returned, fault);
	if (progress == TLS_CLOSED) {
		result_ignore(fault_set(fault, ERR_TLS, "the peer closed the connection during the TLS handshake"));
		return TLS_FAILED;
	}
	return progress;
}

enum tls_progress tls_link_read(struct tls_link *link, uint8_t *bytes, size_t size, size_t *ret_size,
				struct fault *fault)
{
	ERR_clear_error();
	int returned = SSL_read(link->ssl, bytes, size > INT_MAX ? INT_MAX : (int)size);
	if (returned > 0) {
		*ret_size = (size_t)returned;
		return TLS_DONE;
	}
	return progress_of(link, returned, fault);
}

enum tls_progress tls_link_write(struct tls_link *link, struct slice bytes, size_t *ret_size, struct fault *fault)
{
	ERR_clear_error();
	int returned = SSL_write(link->ssl, bytes.data, bytes.size > INT_MAX ? INT_MAX : (int)bytes.size);
	if (returned > 0) {
		*ret_size = (size_t)returned;
		return TLS_DONE;
	}
	return progress_of(link, returned, fault);
}

bool tls_link_has_pending(const struct tls_link *link)
{
	return SSL_has_pending(link->ssl) == 1;
}

// ---- life ---------------------------------------------------------------------------------------------------------

result tls_link_init(struct tls_link *link, struct tls_context *context, int fd, struct tls_check check,
		     const char *server_name, struct tls_ticket *ticket)
{
	*link = (struct tls_link){
		.ssl = SSL_new(context->ssl_context),
		.check = check,
		.ticket = ticket,
		.server = context->role == TLS_SERVER,
		.may_be_anonymous = context->may_be_anonymous,
	};
	if (!link->ssl || SSL_set_fd(link->ssl, fd) != 1) {
		return ERR_MEMORY;
	}
	SSL_set_app_data(link->ssl, link);
	if (link->server) {
		SSL_set_accept_state(link->ssl);
		return OK;
	}
	SSL_set_connect_state(link->ssl);
	if (server_name && SSL_set_tlsext_host_name(link->ssl, server_name) != 1) {
		return ERR_MEMORY;
	}
	if (ticket && ticket->session) {
		// A session that does not fit any more only costs a full handshake.
		(void)SSL_set_session(link->ssl, ticket->session);
		tls_ticket_clear(ticket); // a ticket is used once (RFC 8446 appendix C.4)
	}
	return OK;
}

bool tls_link_peer(const struct tls_link *link, uint8_t fingerprint[TLS_FINGERPRINT_SIZE], uint8_t **ret_certificate,
		   size_t *ret_size)
{
	X509 *certificate = SSL_get0_peer_certificate(link->ssl);
	unsigned fingerprint_size = 0;
	uint8_t digest[EVP_MAX_MD_SIZE];
	int size = certificate ? i2d_X509(certificate, NULL) : 0;
	uint8_t *der = size > 0 ? malloc((size_t)size) : NULL;
	if (!der || X509_digest(certificate, EVP_sha256(), digest, &fingerprint_size) != 1) {
		free(der);
		return false;
	}
	uint8_t *end = der;
	i2d_X509(certificate, &end);
	memcpy(fingerprint, digest, TLS_FINGERPRINT_SIZE);
	*ret_certificate = der;
	*ret_size = (size_t)size;
	return true;
}

bool tls_link_resumed(const struct tls_link *link)
{
	return SSL_session_reused(link->ssl) == 1;
}

void tls_link_release(struct tls_link *link)
{
	if (link->ssl) {
		ERR_clear_error();
		if (SSL_is_init_finished(link->ssl)) {
			SSL_shutdown(link->ssl);
			ERR_clear_error();
		}
		SSL_free(link->ssl);
		link->ssl = NULL;
	}
}
