// SPDX-License-Identifier: EUPL-1.2
//
// TLS between gateways: who is let in, what is refused and in which words, resumption, renewal, bad key files.
#include "h2_testing.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

static struct exchange ask(struct world *world)
{
	struct exchange exchange = { 0 };
	result code = ERR_CLOSED;
	for (int i = 0; i < 200 && code != OK; i++) {
		code = exchange_start(world, &exchange, "/", true);
		if (code != OK) {
			spin_ms(world->loop, 10);
		}
	}
	assert_int_equal(code, OK);
	spin_until(world->loop, &exchange.closed);
	return exchange;
}

static void both_sides_know_each_other(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	assert_null(h2_client_peer(world.client));
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	assert_true(world.peer.tls);
	assert_true(world.peer.has_certificate);
	assert_false(world.peer.resumed);
	assert_memory_equal(world.peer.fingerprint, world.client_credential.fingerprint, 32);
	const struct h2_peer *peer = h2_client_peer(world.client);
	assert_memory_equal(peer->fingerprint, world.server_credential.fingerprint, 32);
	assert_true(peer->certificate.size > 100);
	assert_non_null(strstr(peer->address, "127.0.0.1:"));
	world_close(&world);
}

static void server_with_another_certificate_is_refused(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	world.server_credential.fingerprint[7] ^= 1; // what the client expects
	struct exchange exchange = ask(&world);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_int_equal(exchange.close.cause, ERR_TLS);
	assert_string_equal(exchange.text, "the peer's certificate is not accepted");
	assert_int_equal(world.connections, 0);
	world_close(&world);
}

static void client_with_another_certificate_is_refused_before_any_request(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	world.client_credential.fingerprint[31] ^= 0x80; // what the server expects
	struct exchange exchange = ask(&world);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_int_equal(exchange.close.cause, ERR_TLS);
	assert_string_equal(exchange.text, "the peer refuses our certificate");
	assert_int_equal(world.connections, 0);
	assert_int_equal(world.requests, 0);
	world_close(&world);
}

static void reopen_client(struct world *world, struct tls_context *tls)
{
	h2_client_free(world->client);
	tls_context_free(world->client_tls);
	world->client_tls = tls;
	world_connect(world);
}

static void client_without_a_certificate(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	reopen_client(&world, make_tls(TLS_CLIENT, NULL));
	struct exchange exchange = ask(&world);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_string_equal(exchange.text, "the peer refuses our certificate");
	assert_int_equal(world.connections, 0);

	// A server that allows it sees that there is none.
	const struct tls_config config = { .certificate_path = world.server_credential.certificate_path,
					   .key_path = world.server_credential.key_path,
					   .client_may_be_anonymous = true };
	struct tls_context *tls = NULL;
	assert_int_equal(tls_context_new(TLS_SERVER, &config, &tls, NULL), OK);
	h2_listener_set_tls(world.listener, tls);
	tls_context_free(tls);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	assert_false(world.peer.has_certificate);
	world_close(&world);
}

// Makes the client open a new connection, as after a loss.
static void lose_connection(struct world *world)
{
	unsigned before = world->disconnections;
	h2_connection_abort(world->connection, H2_NO_ERROR);
	while (world->disconnections == before) {
		spin_ms(world->loop, 1);
	}
	while (h2_client_state(world->client) == H2_CLIENT_READY) {
		spin_ms(world->loop, 1);
	}
}

static void sessions_resume_and_the_pin_still_holds(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	lose_connection(&world);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	assert_true(world.peer.resumed);
	assert_memory_equal(world.peer.fingerprint, world.client_credential.fingerprint, 32);
	assert_true(h2_client_peer(world.client)->resumed);

	// Struck off while it holds a ticket: refused all the same.
	world.client_credential.fingerprint[0] ^= 1;
	unsigned before = world.connections;
	lose_connection(&world);
	struct exchange exchange = ask(&world);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_int_equal(world.connections, before);
	world.client_credential.fingerprint[0] ^= 1;
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);

	// The same the other way round: the server's certificate is not the expected one any more.
	lose_connection(&world);
	world.server_credential.fingerprint[0] ^= 1;
	exchange = ask(&world);
	assert_int_equal(exchange.close.reason, H2_CLOSE_NOT_PROCESSED);
	assert_int_equal(exchange.close.cause, ERR_TLS);
	world_close(&world);
}

static void renewed_credentials_serve_new_connections(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	world.server_credential = make_credential("server2");
	struct tls_context *tls = make_tls(TLS_SERVER, &world.server_credential);
	h2_listener_set_tls(world.listener, tls);
	tls_context_free(tls);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE); // on the old connection
	assert_int_equal(world.connections, 1);
	world.client_credential = make_credential("client2");
	tls = make_tls(TLS_CLIENT, &world.client_credential);
	h2_client_set_tls(world.client, tls);
	tls_context_free(tls);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	assert_int_equal(world.connections, 2);
	assert_false(world.peer.resumed);
	assert_memory_equal(world.peer.fingerprint, world.client_credential.fingerprint, 32);
	world_close(&world);
}

static bool keep_none(void *context, const struct h2_peer *peer)
{
	(void)context;
	return !peer->has_certificate;
}

static void peers_struck_off_are_drained(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo };
	world_open(&world, true);
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE);
	h2_listener_drain_connections(world.listener, keep_none, NULL);
	while (world.disconnections == 0) {
		spin_ms(world.loop, 1);
	}
	world_close(&world);
}

// ---- clients nobody here wrote ------------------------------------------------------------------------------------

enum peer_kind { PEER_TLS12, PEER_NO_ALPN, PEER_OTHER_ALPN, PEER_SILENT, PEER_GARBAGE, PEER_GOOD };

struct foreign_peer {
	pthread_t thread;
	enum peer_kind kind;
	uint16_t port;
	const struct credential *credential;
	atomic_bool done;
	bool handshake_done;
	bool closed_by_server;
	unsigned long error;
};

static int connect_port(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static void speak_tls(struct foreign_peer *peer, int fd)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_use_certificate_chain_file(context, peer->credential->certificate_path);
	SSL_CTX_use_PrivateKey_file(context, peer->credential->key_path, SSL_FILETYPE_PEM);
	if (peer->kind == PEER_TLS12) {
		SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	}
	static const unsigned char h2[] = "\2h2", other[] = "\10http/1.1";
	if (peer->kind == PEER_TLS12 || peer->kind == PEER_GOOD) {
		SSL_CTX_set_alpn_protos(context, h2, 3);
	} else if (peer->kind == PEER_OTHER_ALPN) {
		SSL_CTX_set_alpn_protos(context, other, 9);
	}
	SSL *ssl = SSL_new(context);
	SSL_set_fd(ssl, fd);
	peer->handshake_done = SSL_connect(ssl) == 1;
	char bytes[256];
	// In TLS 1.3 a server's refusal comes after the client is done: with the first read.
	int got = peer->handshake_done ? SSL_read(ssl, bytes, sizeof bytes) : -1;
	peer->closed_by_server = got <= 0;
	peer->error = ERR_peek_error();
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void *run_peer(void *context)
{
	struct foreign_peer *peer = context;
	int fd = connect_port(peer->port);
	char bytes[256];
	if (peer->kind == PEER_SILENT || peer->kind == PEER_GARBAGE) {
		if (peer->kind == PEER_GARBAGE) {
			(void)!write(fd, "GET / HTTP/1.1\r\n\r\n", 18);
		}
		while (read(fd, bytes, sizeof bytes) > 0) {
		}
		peer->closed_by_server = true;
	} else {
		speak_tls(peer, fd);
	}
	close(fd);
	peer->done = true;
	return NULL;
}

static bool peer_is_done(void *context)
{
	return ((struct foreign_peer *)context)->done;
}

static void foreign_clients_are_held_to_the_rules(void **state)
{
	(void)state;
	struct world world = { .serve = serve_echo, .server_settings = { .handshake_us = 200000 } };
	world_open(&world, true);
	for (enum peer_kind kind = PEER_TLS12; kind <= PEER_GOOD; kind++) {
		struct foreign_peer peer = { .kind = kind,
					     .port = world.address.port,
					     .credential = &world.client_credential };
		unsigned before = world.connections;
		assert_int_equal(pthread_create(&peer.thread, NULL, run_peer, &peer), 0);
		assert_true(spin_for(world.loop, peer_is_done, &peer, 20000));
		pthread_join(peer.thread, NULL);
		spin_ms(world.loop, 5);
		bool good = kind == PEER_GOOD;
		assert_int_equal(world.connections - before, good);
		assert_int_equal(peer.closed_by_server, !good);
		if (kind == PEER_TLS12) {
			assert_int_equal(ERR_GET_REASON(peer.error), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
		}
		if (kind == PEER_OTHER_ALPN) {
			assert_int_equal(ERR_GET_REASON(peer.error), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
		}
	}
	assert_int_equal(ask(&world).close.reason, H2_CLOSE_DONE); // others were not disturbed
	world_close(&world);
}

// ---- credential files ---------------------------------------------------------------------------------------------

static void check_fault(const struct tls_config *config, result expected, const char *words)
{
	struct tls_context *context = NULL;
	struct fault fault = { 0 };
	assert_int_equal(tls_context_new(TLS_SERVER, config, &context, &fault), expected);
	assert_null(context);
	if (!strstr(fault.text, words)) {
		fail_msg("\"%s\" does not say \"%s\"", fault.text, words);
	}
}

static void bad_credential_files_are_told_in_words(void **state)
{
	(void)state;
	struct credential one = make_credential("one"), two = make_credential("two");
	struct tls_config config = { .certificate_path = one.certificate_path, .key_path = two.key_path };
	check_fault(&config, ERR_CONFIG, "does not belong to the certificate");
	config.key_path = scratch_path("missing.key");
	check_fault(&config, ERR_NOT_FOUND, "missing.key");
	config.key_path = one.key_path;
	assert_int_equal(chmod(one.key_path, 0644), 0);
	check_fault(&config, ERR_PERMISSION, "chmod 600");
	assert_int_equal(chmod(one.key_path, 0600), 0);
	config.key_path = one.certificate_path;
	assert_int_equal(chmod(one.certificate_path, 0600), 0);
	check_fault(&config, ERR_FORMAT, "no usable PEM private key");
	config = (struct tls_config){ .certificate_path = one.key_path, .key_path = one.key_path };
	check_fault(&config, ERR_FORMAT, "holds no PEM certificate");
	config = (struct tls_config){ 0 };
	check_fault(&config, ERR_CONFIG, "needs a certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_know_each_other),
		cmocka_unit_test(server_with_another_certificate_is_refused),
		cmocka_unit_test(client_with_another_certificate_is_refused_before_any_request),
		cmocka_unit_test(client_without_a_certificate),
		cmocka_unit_test(sessions_resume_and_the_pin_still_holds),
		cmocka_unit_test(renewed_credentials_serve_new_connections),
		cmocka_unit_test(peers_struck_off_are_drained),
		cmocka_unit_test(foreign_clients_are_held_to_the_rules),
		cmocka_unit_test(bad_credential_files_are_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
