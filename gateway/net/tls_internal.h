// SPDX-License-Identifier: EUPL-1.2
//
// What tls_link.c needs of a context.
#ifndef BESA_NET_TLS_INTERNAL_H
#define BESA_NET_TLS_INTERNAL_H

#include "net/tls.h"

struct ssl_ctx_st;
struct ssl_st;
struct ssl_session_st;
struct x509_store_ctx_st;

struct tls_context {
	struct ssl_ctx_st *ssl_context;
	enum tls_role role;
	bool may_be_anonymous;
	unsigned references; // beside the maker's
};

// One more holder; each calls tls_context_free. NULL is fine.
struct tls_context *tls_context_ref(struct tls_context *context);

// OpenSSL's hooks, in tls_link.c: the check of a certificate in a full handshake, and a ticket that a client received.
int tls_link_verify(struct x509_store_ctx_st *store, void *argument);
int tls_link_keep_session(struct ssl_st *ssl, struct ssl_session_st *session);

#endif
