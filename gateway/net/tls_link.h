// SPDX-License-Identifier: EUPL-1.2
//
// One TLS connection over a descriptor: what transport.c drives. SSL_set_fd, not memory BIOs: those cost a gateway 8 %
// of its time.
#ifndef BESA_NET_TLS_LINK_H
#define BESA_NET_TLS_LINK_H

#include "net/tls.h"

struct ssl_st;
struct ssl_session_st;

// Where a client keeps the ticket of its last connection to one peer; zeroed at first. Release with tls_ticket_clear.
struct tls_ticket {
	struct ssl_session_st *session;
};
void tls_ticket_clear(struct tls_ticket *ticket);

enum tls_progress {
	TLS_DONE,       // finished, or some bytes went
	TLS_WANT_READ,  // go on when readable
	TLS_WANT_WRITE, // go on when writable
	TLS_CLOSED,     // the peer closed
	TLS_FAILED,     // words in the fault
};

struct tls_link {
	struct ssl_st *ssl;
	struct tls_check check;
	struct tls_ticket *ticket;
	bool server;
	bool may_be_anonymous;
	bool refused; // by the check
};

// Prepares a link; the struct must not move afterwards. `ticket` and `server_name` are for clients and may be NULL.
// ERR_MEMORY.
result tls_link_init(struct tls_link *link, struct tls_context *context, int fd, struct tls_check check,
		     const char *server_name, struct tls_ticket *ticket);

// Advances the handshake. On TLS_DONE the peer has passed the check, on a resumed session too, and speaks "h2".
enum tls_progress tls_link_handshake(struct tls_link *link, struct fault *fault);

enum tls_progress tls_link_read(struct tls_link *link, uint8_t *bytes, size_t size, size_t *ret_size,
				struct fault *fault);
enum tls_progress tls_link_write(struct tls_link *link, struct slice bytes, size_t *ret_size, struct fault *fault);

// Whether bytes taken from the socket wait inside: then readiness of the descriptor says nothing.
bool tls_link_has_pending(const struct tls_link *link);

// The peer's certificate; false if it showed none. `ret_certificate` is malloced DER.
bool tls_link_peer(const struct tls_link *link, uint8_t fingerprint[TLS_FINGERPRINT_SIZE], uint8_t **ret_certificate,
		   size_t *ret_size);
bool tls_link_resumed(const struct tls_link *link);

// Says goodbye if it can without waiting, and frees. Safe on a zeroed struct; the descriptor stays open.
void tls_link_release(struct tls_link *link);

#endif
