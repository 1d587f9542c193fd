// SPDX-License-Identifier: EUPL-1.2
//
// One HTTP/2 connection: callbacks of nghttp2, and bytes between it and the socket.
#include "tests/bench/load/connection.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	IN_SIZE = 65536,
	STREAM_WINDOW = 1 << 20,      // large enough that flow control never shapes the measurement
	CONNECTION_WINDOW = 64 << 20, // the same for all streams of a connection together
};

static ssize_t on_body_read(nghttp2_session *session, int32_t stream, uint8_t *out, size_t size, uint32_t *flags,
			    nghttp2_data_source *source, void *context)
{
	(void)session;
	(void)stream;
	struct connection *connection = context;
	struct call *call = source->ptr;
	size_t left = connection->request->frame_size - call->sent;
	size_t taken = left < size ? left : size;
	memcpy(out, connection->request->frame + call->sent, taken);
	call->sent += taken;
	if (taken == left) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)taken;
}

static bool is(const uint8_t *name, size_t size, const char *wanted)
{
	return size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

static int status_number(const uint8_t *text, size_t size)
{
	int value = 0;
	if (size == 0 || size > 3) {
		return CALL_STATUS_NONE;
	}
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return CALL_STATUS_NONE;
		}
		value = 10 * value + (text[i] - '0');
	}
	return value;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
		     const uint8_t *value, size_t value_size, uint8_t flags, void *context)
{
	(void)flags;
	(void)context;
	struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!call) {
		return 0;
	}
	if (is(name, name_size, ":status")) {
		call->http_status = status_number(value, value_size);
	} else if (is(name, name_size, "grpc-status")) {
		call->grpc_status = status_number(value, value_size);
	} else if (is(name, name_size, "besa-exchange-id") && value_size <= CALL_ID_MAX) {
		memcpy(call->id, value, value_size);
		call->id_size = (uint8_t)value_size;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data, size_t size,
		   void *context)
{
	(void)flags;
	struct connection *connection = context;
	struct call *call = nghttp2_session_get_stream_user_data(session, stream);
	if (!call) {
		return 0;
	}
	const struct request *request = connection->request;
	if (connection->echo &&
	    (call->received + size > request->frame_size || memcmp(request->frame + call->received, data, size) != 0)) {
		call->wrong = true;
	}
	call->received += size;
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
	struct connection *connection = context;
	struct call *call = nghttp2_session_get_stream_user_data(session, stream);
	if (!call) {
		return 0;
	}
	connection->open--;
	call->closed_well = code == NGHTTP2_NO_ERROR && !connection->lost;
	if (connection->echo && call->received != connection->request->frame_size) {
		call->wrong = true;
	}
	connection->finished(connection->context, call);
	return 0;
}

static nghttp2_session *new_session(struct connection *connection)
{
	nghttp2_session_callbacks *callbacks = NULL;
	nghttp2_session *session = NULL;
	if (nghttp2_session_callbacks_new(&callbacks) != 0) {
		errx(1, "memory for HTTP/2");
	}
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	if (nghttp2_session_client_new(&session, callbacks, connection) != 0) {
		errx(1, "memory for HTTP/2");
	}
	nghttp2_session_callbacks_del(callbacks);
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
	};
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
	nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
	return session;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path)) {
		errx(1, "the path of a unix socket is too long: %s", path);
	}
	memcpy(address.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		err(1, "cannot connect to %s", path);
	}
	return fd;
}

static int connect_to(const struct options *options)
{
	if (strncmp(options->host, "unix:", 5) == 0) {
		return connect_unix(options->host + 5);
	}
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int problem = getaddrinfo(options->host, options->port, &hints, &found);
	if (problem != 0) {
		errx(1, "cannot resolve %s:%s: %s", options->host, options->port, gai_strerror(problem));
	}
	int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		err(1, "cannot connect to %s:%s", options->host, options->port);
	}
	freeaddrinfo(found);
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

[[gnu::noreturn]] static void tls_failed(const char *words)
{
	fprintf(stderr, "load: %s\n", words);
	ERR_print_errors_fp(stderr);
	exit(1);
}

SSL_CTX *connection_tls_new(const struct options *options)
{
	static const unsigned char alpn[] = { 2, 'h', '2' };
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384") ||
	    SSL_CTX_set_alpn_protos(tls, alpn, sizeof(alpn)) != 0) {
		tls_failed("cannot make a TLS context");
	}
	SSL_CTX_set_read_ahead(tls, 1);
	SSL_CTX_set_default_read_buffer_len(tls, IN_SIZE);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (options->ca) {
		if (!SSL_CTX_load_verify_locations(tls, options->ca, NULL)) {
			tls_failed("cannot read the file of --ca");
		}
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	}
	if (options->certificate && (SSL_CTX_use_certificate_chain_file(tls, options->certificate) != 1 ||
				     SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) != 1)) {
		tls_failed("cannot use the files of --certificate and --key");
	}
	return tls;
}

static SSL *shake_hands(SSL_CTX *context, int fd)
{
	SSL *tls = SSL_new(context);
	if (!tls || !SSL_set_fd(tls, fd) || SSL_connect(tls) != 1) {
		tls_failed("the TLS handshake failed");
	}
	const unsigned char *protocol = NULL;
	unsigned size = 0;
	SSL_get0_alpn_selected(tls, &protocol, &size);
	if (size != 2 || memcmp(protocol, "h2", 2) != 0) {
		errx(1, "the server does not speak HTTP/2 (ALPN)");
	}
	return tls;
}

struct connection *connection_new(const struct options *options, SSL_CTX *tls, int epoll, const struct request *request,
				  connection_finished *finished, void *context)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	if (!connection) {
		err(1, "memory for a connection");
	}
	connection->fd = connect_to(options);
	connection->epoll = epoll;
	connection->request = request;
	connection->finished = finished;
	connection->context = context;
	connection->echo = options->echo;
	if (tls) {
		connection->tls = shake_hands(tls, connection->fd);
	}
	connection->session = new_session(connection);
	fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
		err(1, "epoll");
	}
	connection_flush(connection);
	return connection;
}

void connection_free(struct connection *connection)
{
	if (!connection) {
		return;
	}
	nghttp2_session_del(connection->session);
	SSL_free(connection->tls);
	close(connection->fd);
	free(connection);
}

bool connection_has_room(const struct connection *connection)
{
	return !connection->lost &&
	       connection->open <
		   nghttp2_session_get_remote_settings(connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool connection_submit(struct connection *connection, struct call *call)
{
	if (connection->lost || !nghttp2_session_check_request_allowed(connection->session)) {
		return false;
	}
	nghttp2_data_provider body = { .source.ptr = call, .read_callback = on_body_read };
	const struct request *request = connection->request;
	int32_t stream =
	    nghttp2_submit_request(connection->session, NULL, request->fields, request->field_count, &body, call);
	if (stream < 0) {
		return false;
	}
	connection->open++;
	return true;
}

// What is still open on a lost connection stays unanswered; the run counts it at its end.
static void lose(struct connection *connection)
{
	if (connection->lost) {
		return;
	}
	connection->lost = true;
	epoll_ctl(connection->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
}

// Bytes read, 0 when none are there, -1 when the connection is at its end.
static ssize_t read_some(struct connection *connection, uint8_t *in, size_t size)
{
	if (connection->tls) {
		ERR_clear_error();
		int got = SSL_read(connection->tls, in, (int)size);
		if (got > 0) {
			return got;
		}
		return SSL_get_error(connection->tls, got) == SSL_ERROR_WANT_READ ? 0 : -1;
	}
	ssize_t got = recv(connection->fd, in, size, 0);
	if (got > 0) {
		return got;
	}
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

void connection_read(struct connection *connection)
{
	static uint8_t in[IN_SIZE];
	while (!connection->lost) {
		ssize_t got = read_some(connection, in, sizeof(in));
		if (got < 0) {
			lose(connection);
		}
		if (got <= 0) {
			return;
		}
		if (nghttp2_session_mem_recv(connection->session, in, (size_t)got) < 0) {
			lose(connection);
			return;
		}
		if ((size_t)got < sizeof(in) && (!connection->tls || SSL_has_pending(connection->tls) == 0)) {
			return;
		}
	}
}

// Bytes written, 0 when the socket is full, -1 when the connection is at its end.
static ssize_t write_some(struct connection *connection, const uint8_t *out, size_t size)
{
	if (connection->tls) {
		ERR_clear_error();
		int put = SSL_write(connection->tls, out, (int)size);
		if (put > 0) {
			return put;
		}
		return SSL_get_error(connection->tls, put) == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	ssize_t put = send(connection->fd, out, size, MSG_NOSIGNAL);
	if (put > 0) {
		return put;
	}
	return put < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

// Gathers frames until the buffer cannot surely hold another one. False when nghttp2 failed.
static bool gather(struct connection *connection)
{
	enum { LARGEST_CHUNK = 16384 + 1024 };
	while (sizeof(connection->out) - connection->out_end >= LARGEST_CHUNK) {
		const uint8_t *data = NULL;
		ssize_t size = nghttp2_session_mem_send(connection->session, &data);
		if (size < 0 || (size_t)size > sizeof(connection->out) - connection->out_end) {
			return false;
		}
		if (size == 0) {
			return true;
		}
		memcpy(connection->out + connection->out_end, data, (size_t)size);
		connection->out_end += (size_t)size;
	}
	return true;
}

static void watch_writable(struct connection *connection, bool wanted)
{
	if (connection->wants_write == wanted || connection->lost) {
		return;
	}
	struct epoll_event event = { .events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = connection };
	epoll_ctl(connection->epoll, EPOLL_CTL_MOD, connection->fd, &event);
	connection->wants_write = wanted;
}

void connection_flush(struct connection *connection)
{
	while (!connection->lost) {
		if (connection->out_start == connection->out_end) {
			connection->out_start = connection->out_end = 0;
			if (!gather(connection)) {
				lose(connection);
			}
			if (connection->lost || connection->out_end == 0) {
				break;
			}
		}
		ssize_t put = write_some(connection, connection->out + connection->out_start,
					 connection->out_end - connection->out_start);
		if (put < 0) {
			lose(connection);
		}
		if (put <= 0) {
			break;
		}
		connection->out_start += (size_t)put;
	}
	watch_writable(connection, connection->out_start != connection->out_end);
}
