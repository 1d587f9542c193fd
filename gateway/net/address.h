// SPDX-License-Identifier: EUPL-1.2
//
// Where to listen and connect: "host:port", "192.0.2.1:7101", "[2001:db8::1]:7101", "unix:/path".
#ifndef BESA_NET_ADDRESS_H
#define BESA_NET_ADDRESS_H

#include "base/result.h"
#include "base/slice.h"

#include <sys/socket.h>

enum {
	ADDRESS_HOST_MAX = 253,  // RFC 1035; also more than a unix path may have (107)
	ADDRESS_TEXT_SIZE = 280, // of address_format, with terminator
	ADDRESS_BACKLOG = 1024,
};

enum address_kind { ADDRESS_TCP, ADDRESS_UNIX };

struct address {
	enum address_kind kind;
	bool numeric;                    // an IP address, needs no resolving
	uint16_t port;                   // of ADDRESS_TCP; 0 lets the system choose when listening
	char host[ADDRESS_HOST_MAX + 1]; // name or IP address without brackets; the path of ADDRESS_UNIX
};

// ERR_FORMAT; the fault says what is wrong with the text.
result address_parse(struct slice text, struct address *ret_address, struct fault *fault);

// The form that address_parse reads.
void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

// A listening, non-blocking, close-on-exec socket. TCP: with SO_REUSEPORT if `share_port` (several workers of one
// gateway on one port), and a name is resolved (blocking: at start only). Unix: a stale socket file is replaced, one
// that answers is not; the file gets `unix_mode`. ERR_EXISTS if another program has the address, ERR_PERMISSION,
// ERR_NOT_FOUND (name, directory), ERR_IO; the fault names the address in words for an operator.
struct address_listen {
	bool share_port;
	unsigned unix_mode; // e.g. 0660; 0 means 0600
};
result address_listen(const struct address *address, const struct address_listen *options, int *ret_fd,
		      struct fault *fault);

// The address a listening socket really has (port 0 resolved). ERR_IO.
result address_of_socket(int fd, struct address *ret_address);

// The same from a socket address of the system; ERR_UNSUPPORTED for other families. An unnamed unix socket has an empty
// path.
result address_from_socket(const struct sockaddr_storage *storage, socklen_t size, struct address *ret_address);

#endif
