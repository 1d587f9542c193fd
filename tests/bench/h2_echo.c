// SPDX-License-Identifier: EUPL-1.2
//
// A gRPC echo server on the net layer alone, to measure what the loop, TLS and HTTP/2 cost without anything above them:
//
//     h2_echo 127.0.0.1:8080 [certificate.pem key.pem]
//     h2load -n 500000 -c 8 -m 64 http://127.0.0.1:8080/                              (GET: 200 bytes)
//     h2load -n 500000 -c 8 -m 64 -d message.bin -H 'content-type: application/grpc'
//     http://127.0.0.1:8080/echo.Echo/Say
//
// Compare the first with `nghttpd --no-tls`. Ends on SIGTERM after draining.
#include "net/grpc_call.h"
#include "net/grpc_unary.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct loop *loop;
static struct h2_listener *listener;

static const uint8_t PAGE[200] = "Besa";

static void on_message(void *context, struct grpc_call *call)
{
	(void)context;
	size_t size = 0;
	uint8_t *message = grpc_call_take_message(call, &size);
	const struct h2_chunk part = { .bytes = slice_of(message, size), .release = free, .context = message };
	const struct grpc_reply reply = { .parts = &part, .part_count = 1 };
	grpc_call_reply(call, &reply);
}

static const struct grpc_call_handlers CALL_HANDLERS = { .on_message = on_message };
static const struct grpc_call_config CALLS = { .handlers = &CALL_HANDLERS, .message_max = 64 * 1024 * 1024 };
static const struct h2_stream_handlers PAGE_HANDLERS = { 0 };

static void on_request(void *context, struct h2_stream *stream)
{
	(void)context;
	if (!slice_is(h2_stream_method(stream), "GET")) {
		grpc_call_accept(loop, stream, &CALLS);
		return;
	}
	const struct h2_chunk page = { .bytes = slice_of(PAGE, sizeof PAGE) };
	h2_stream_attach(stream, &PAGE_HANDLERS, NULL);
	if (h2_stream_respond(stream, 200, NULL, 0, false) != OK || h2_stream_write(stream, &page, 1) != OK ||
	    h2_stream_end(stream, NULL, 0) != OK) {
		h2_stream_reset(stream, H2_INTERNAL_ERROR);
	}
}

static const struct h2_server_handlers HANDLERS = { .on_request = on_request };

static void on_drained(void *context)
{
	(void)context;
	loop_stop(loop);
}

static void on_signal(void *context, int signal_number)
{
	(void)context, (void)signal_number;
	h2_listener_drain(listener, 0, on_drained, NULL);
}

static result start(int argc, char **argv, struct tls_context **tls, struct fault *fault)
{
	struct address address;
	result code = address_parse(slice_text(argv[1]), &address, fault);
	if (code == OK && argc == 4) {
		const struct tls_config config = { .certificate_path = argv[2],
						   .key_path = argv[3],
						   .client_may_be_anonymous = true };
		code = tls_context_new(TLS_SERVER, &config, tls, fault);
	}
	int fd = -1;
	const struct address_listen options = { .share_port = true };
	if (code == OK) {
		code = address_listen(&address, &options, &fd, fault);
	}
	if (code == OK) {
		code = loop_new(&loop, fault);
	}
	if (code != OK) {
		return code;
	}
	const struct h2_listener_config config = { .fd = fd, .tls = *tls, .handlers = &HANDLERS };
	code = h2_listener_start(loop, &config, &listener, fault);
	return code == OK ? loop_signal_add(loop, SIGTERM, on_signal, NULL) : code;
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: %s ADDRESS [CERTIFICATE KEY]\n", argv[0]);
		return 2;
	}
	struct tls_context *tls = NULL;
	struct fault fault = { 0 };
	result code = start(argc, argv, &tls, &fault);
	if (code != OK) {
		fprintf(stderr, "%s: %s\n", argv[0], fault.text);
		return 1;
	}
	loop_run(loop);
	h2_listener_free(listener);
	loop_free(loop);
	tls_context_free(tls);
	return 0;
}
