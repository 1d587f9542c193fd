// SPDX-License-Identifier: EUPL-1.2
//
// See address.h.
#include "net/address.h"

#include "base/file.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// ---- text ---------------------------------------------------------------------------------------------------------

static const char UNIX_PREFIX[] = "unix:";

static result parse_unix(struct slice path, struct address *address, struct fault *fault)
{
	struct sockaddr_un socket_address;
	if (path.size == 0 || path.size >= sizeof socket_address.sun_path) {
		return fault_set(fault, ERR_FORMAT, "the path of a unix socket must have 1 to %zu bytes",
				 sizeof socket_address.sun_path - 1);
	}
	if (memchr(path.data, 0, path.size)) {
		return fault_set(fault, ERR_FORMAT, "the path of a unix socket holds a NUL byte");
	}
	address->kind = ADDRESS_UNIX;
	memcpy(address->host, path.data, path.size);
	return OK;
}

// A DNS name as far as it matters here: letters, digits, hyphens, dots, underscores (container networks use them).
static bool is_host_name(struct slice name)
{
	for (size_t i = 0; i < name.size; i++) {
		uint8_t c = name.data[i];
		bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '.' || c == '_';
		if (!legal) {
			return false;
		}
	}
	return name.size > 0 && name.data[0] != '-' && name.data[0] != '.';
}

static bool is_ip(int family, const char *text)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	return inet_pton(family, text, bytes) == 1;
}

static result parse_host(struct slice host, bool bracketed, struct address *address, struct fault *fault)
{
	if (host.size == 0 || host.size > ADDRESS_HOST_MAX || memchr(host.data, 0, host.size)) {
		return fault_set(fault, ERR_FORMAT, "the host must have 1 to %d characters", ADDRESS_HOST_MAX);
	}
	memcpy(address->host, host.data, host.size);
	if (bracketed) {
		address->numeric = true;
		return is_ip(AF_INET6, address->host)
			   ? OK
			   : fault_set(fault, ERR_FORMAT, "[%s] is not an IPv6 address", address->host);
	}
	address->numeric = is_ip(AF_INET, address->host);
	if (!address->numeric && !is_host_name(host)) {
		return fault_set(fault, ERR_FORMAT,
				 "\"%s\" is neither a host name nor an IP address (IPv6 goes in brackets)",
				 text_is_utf8(host) ? address->host : "…");
	}
	return OK;
}

result address_parse(struct slice text, struct address *ret_address, struct fault *fault)
{
	struct address address = { .kind = ADDRESS_TCP };
	struct slice prefix = slice_text(UNIX_PREFIX);
	if (slice_starts_with(text, prefix)) {
		result unix_result = parse_unix(slice_skip(text, prefix.size), &address, fault);
		if (unix_result == OK) {
			*ret_address = address;
		}
		return unix_result;
	}
	const uint8_t *colon = text.size > 0 ? memrchr(text.data, ':', text.size) : NULL;
	if (!colon) {
		return fault_set(fault, ERR_FORMAT, "an address has the form host:port or unix:/path");
	}
	struct slice host = slice_of(text.data, (size_t)(colon - text.data));
	uint64_t port = 0;
	if (text_decimal(slice_skip(text, host.size + 1), UINT16_MAX, &port) != OK) {
		return fault_set(fault, ERR_FORMAT, "the port must be a number from 0 to 65535");
	}
	bool bracketed = host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
	if (bracketed) {
		host = slice_of(host.data + 1, host.size - 2);
	}
	result code = parse_host(host, bracketed, &address, fault);
	if (code != OK) {
		return code;
	}
	address.port = (uint16_t)port;
	*ret_address = address;
	return OK;
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	if (address->kind == ADDRESS_UNIX) {
		snprintf(text, ADDRESS_TEXT_SIZE, "%s%s", UNIX_PREFIX, address->host);
	} else if (strchr(address->host, ':')) {
		snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", address->host, address->port);
	} else {
		snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", address->host, address->port);
	}
}

result address_of_socket(int fd, struct address *ret_address)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t size = sizeof storage;
	if (getsockname(fd, (struct sockaddr *)&storage, &size) != 0) {
		return file_errno_result(errno);
	}
	return address_from_socket(&storage, size, ret_address);
}

result address_from_socket(const struct sockaddr_storage *storage, socklen_t size, struct address *ret_address)
{
	struct address address = { .kind = ADDRESS_TCP, .numeric = true };
	if (storage->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
		address.port = ntohs(in->sin_port);
		inet_ntop(AF_INET, &in->sin_addr, address.host, sizeof address.host);
	} else if (storage->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
		address.port = ntohs(in6->sin6_port);
		inet_ntop(AF_INET6, &in6->sin6_addr, address.host, sizeof address.host);
	} else if (storage->ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)storage;
		address = (struct address){ .kind = ADDRESS_UNIX };
		size_t path = offsetof(struct sockaddr_un, sun_path);
		if (size > path) {
			snprintf(address.host, sizeof address.host, "%.*s", (int)(size - path), un->sun_path);
		}
	} else {
		return ERR_UNSUPPORTED;
	}
	*ret_address = address;
	return OK;
}

// ---- listening ----------------------------------------------------------------------------------------------------

static result listen_fault(const struct address *address, int error, struct fault *fault)
{
	char text[ADDRESS_TEXT_SIZE];
	address_format(address, text);
	if (error == EADDRINUSE) {
		if (address->kind == ADDRESS_TCP) {
			return fault_set(fault, ERR_EXISTS, "port %u is in use by another program (wanted: %s)",
					 address->port, text);
		}
		return fault_set(fault, ERR_EXISTS, "another program listens on %s", text);
	}
	if (error == EACCES || error == EPERM) {
		return fault_set(fault, ERR_PERMISSION, "no permission to listen on %s%s", text,
				 address->kind == ADDRESS_TCP && address->port < 1024 ? " (ports below 1024 need it)"
										      : "");
	}
	if (error == EADDRNOTAVAIL) {
		return fault_set(fault, ERR_NOT_FOUND, "%s is not an address of this machine", text);
	}
	return fault_set(fault, file_errno_result(error), "cannot listen on %s: %s", text, strerror(error));
}

// The path may hold the socket of a program that died. Whether somebody answers tells it from one that lives.
static int remove_stale_socket(const struct sockaddr_un *socket_address)
{
	struct stat status;
	if (lstat(socket_address->sun_path, &status) != 0) {
		return errno == ENOENT ? 0 : errno;
	}
	if (!S_ISSOCK(status.st_mode)) {
		return EEXIST;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return errno;
	}
	int connected = connect(fd, (const struct sockaddr *)socket_address, sizeof *socket_address);
	int error = connected == 0 ? EADDRINUSE : errno;
	close(fd);
	if (error == EAGAIN) {
		return EADDRINUSE; // its backlog is full: it lives
	}
	if (error != ECONNREFUSED) {
		return error;
	}
	return unlink(socket_address->sun_path) == 0 || errno == ENOENT ? 0 : errno;
}

// The mode is set before anybody can connect: the socket accepts only from listen() on.
static int bind_unix(int fd, const struct address *address, unsigned mode)
{
	struct sockaddr_un socket_address = { .sun_family = AF_UNIX };
	memcpy(socket_address.sun_path, address->host, strlen(address->host));
	int error = remove_stale_socket(&socket_address);
	if (error != 0) {
		return error;
	}
	if (bind(fd, (const struct sockaddr *)&socket_address, sizeof socket_address) != 0) {
		return errno;
	}
	return chmod(address->host, mode != 0 ? mode : 0600) == 0 ? 0 : errno;
}

static result listen_unix(const struct address *address, unsigned mode, int *ret_fd, struct fault *fault)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return listen_fault(address, errno, fault);
	}
	int error = bind_unix(fd, address, mode);
	if (error == 0 && listen(fd, ADDRESS_BACKLOG) != 0) {
		error = errno;
	}
	if (error != 0) {
		close(fd);
		if (error == EEXIST) {
			return fault_set(fault, ERR_EXISTS, "%s exists and is not a socket", address->host);
		}
		return listen_fault(address, error, fault);
	}
	*ret_fd = fd;
	return OK;
}

static int open_tcp(const struct addrinfo *info, bool share_port, int *ret_fd)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return errno;
	}
	const int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	}
	if ((share_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
	    bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, ADDRESS_BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

static result listen_tcp(const struct address *address, bool share_port, int *ret_fd, struct fault *fault)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (address->numeric ? AI_NUMERICHOST : 0),
	};
	char port[8];
	snprintf(port, sizeof port, "%u", address->port);
	struct addrinfo *infos = NULL;
	int error = getaddrinfo(address->host, port, &hints, &infos);
	if (error != 0) {
		return fault_set(fault, ERR_NOT_FOUND, "the host name %s cannot be resolved: %s", address->host,
				 gai_strerror(error));
	}
	error = open_tcp(infos, share_port, ret_fd);
	freeaddrinfo(infos);
	return error == 0 ? OK : listen_fault(address, error, fault);
}

result address_listen(const struct address *address, const struct address_listen *options, int *ret_fd,
		      struct fault *fault)
{
	return address->kind == ADDRESS_UNIX ? listen_unix(address, options->unix_mode, ret_fd, fault)
					     : listen_tcp(address, options->share_port, ret_fd, fault);
}
