// SPDX-License-Identifier: EUPL-1.2
//
// See tls.h. Contexts: credentials and settings. Connections are in tls_link.c.
#include "net/tls.h"

#include "base/file.h"
#include "crypto/openssl.h"
#include "net/tls_internal.h"
#include "net/tls_link.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

// A certificate chain or key is a few kilobytes; more is the wrong file.
enum { CREDENTIAL_FILE_MAX = 256 * 1024 };

// How long a ticket may stand in for a certificate's proof of possession.
enum { TICKET_SECONDS = 3600 };

// One read of the socket serves several records (measured: 8 % of a gateway).
enum { READ_BUFFER_SIZE = 64 * 1024 };

// AES-128-GCM first: 13 % faster than AES-256 at 4 KB, and as good as the P-256 keys beside it.
static const char CIPHER_SUITES[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static const char *last_error(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "no detail";
}

// A key file with a passphrase is an error, never a prompt on the terminal of a service.
static int no_passphrase(char *text, int size, int writing, void *context)
{
	(void)text, (void)size, (void)writing, (void)context;
	return -1;
}

static result load_file(const char *path, struct buffer *content, BIO **ret_bio, struct fault *fault)
{
	result code = file_read(path, content, fault);
	if (code != OK) {
		return code;
	}
	BIO *bio = BIO_new_mem_buf(content->data, (int)content->size);
	if (!bio) {
		return fault_set(fault, ERR_MEMORY, "no memory for %s", path);
	}
	*ret_bio = bio;
	return OK;
}

// The first certificate is ours, the others are its chain.
static result use_certificates(SSL_CTX *ssl_context, const char *path, BIO *bio, struct fault *fault)
{
	size_t count = 0;
	for (;; count++) {
		X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
		if (!certificate) {
			break;
		}
		long used = count == 0 ? SSL_CTX_use_certificate(ssl_context, certificate)
				       : SSL_CTX_add1_chain_cert(ssl_context, certificate);
		if (count == 0 && used == 1) {
			// Tickets made under another certificate of ours are no longer honoured.
			uint8_t digest[EVP_MAX_MD_SIZE];
			unsigned size = 0;
			used = X509_digest(certificate, EVP_sha256(), digest, &size) == 1 &&
			       SSL_CTX_set_session_id_context(ssl_context, digest, size) == 1;
		}
		X509_free(certificate);
		if (used != 1) {
			return fault_set(fault, ERR_FORMAT, "%s: certificate %zu cannot be used: %s", path, count + 1,
					 last_error());
		}
	}
	bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (count == 0) {
		return fault_set(fault, ERR_FORMAT, "%s holds no PEM certificate", path);
	}
	if (!at_end) {
		return fault_set(fault, ERR_FORMAT, "%s: certificate %zu is malformed: %s", path, count + 1,
				 last_error());
	}
	return OK;
}

static result load_certificates(SSL_CTX *ssl_context, const char *path, struct fault *fault)
{
	struct buffer content;
	buffer_init(&content, CREDENTIAL_FILE_MAX);
	BIO *bio = NULL;
	result code = load_file(path, &content, &bio, fault);
	if (code == OK) {
		code = use_certificates(ssl_context, path, bio, fault);
	}
	BIO_free(bio);
	buffer_release(&content);
	return code;
}

static result check_key_mode(const char *path, struct fault *fault)
{
	struct stat status;
	if (stat(path, &status) != 0) {
		return fault_set(fault, file_errno_result(errno), "cannot read the key %s: %s", path, strerror(errno));
	}
	if (status.st_mode & (S_IROTH | S_IWOTH)) {
		return fault_set(fault, ERR_PERMISSION,
				 "the key %s is open to every user of this machine (chmod 600 it)", path);
	}
	return OK;
}

static result load_key(SSL_CTX *ssl_context, const char *path, struct fault *fault)
{
	struct buffer content;
	buffer_init(&content, CREDENTIAL_FILE_MAX);
	BIO *bio = NULL;
	EVP_PKEY *key = NULL;
	result code = check_key_mode(path, fault);
	if (code == OK) {
		code = load_file(path, &content, &bio, fault);
	}
	if (code != OK) {
		goto out;
	}
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (!key) {
		code = fault_set(fault, ERR_FORMAT, "%s holds no usable PEM private key: %s", path, last_error());
	} else if (SSL_CTX_use_PrivateKey(ssl_context, key) != 1) {
		bool foreign = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
			       ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
		code = foreign ? fault_set(fault, ERR_CONFIG, "the key %s does not belong to the certificate", path)
			       : fault_set(fault, ERR_FORMAT, "the key %s cannot be used: %s", path, last_error());
	}
out:
	EVP_PKEY_free(key);
	BIO_free(bio);
	if (content.data) {
		OPENSSL_cleanse(content.data, content.size);
	}
	buffer_release(&content);
	return code;
}

static int select_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_size, const unsigned char *offered,
			   unsigned int size, void *context)
{
	(void)ssl, (void)context;
	for (unsigned i = 0; i < size; i += 1u + offered[i]) {
		if (offered[i] == 2 && i + 2 < size && memcmp(offered + i + 1, "h2", 2) == 0) {
			*ret = offered + i + 1;
			*ret_size = 2;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool set_common(SSL_CTX *ssl_context)
{
	SSL_CTX_set_options(ssl_context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ssl_context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ssl_context, 1);
	SSL_CTX_set_default_read_buffer_len(ssl_context, READ_BUFFER_SIZE);
	SSL_CTX_set_timeout(ssl_context, TICKET_SECONDS);
	return SSL_CTX_set_min_proto_version(ssl_context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_ciphersuites(ssl_context, CIPHER_SUITES) == 1;
}

static bool set_role(SSL_CTX *ssl_context, enum tls_role role, const struct tls_config *config)
{
	SSL_CTX_set_cert_verify_callback(ssl_context, tls_link_verify, NULL);
	if (role == TLS_CLIENT) {
		static const unsigned char protocols[] = { 2, 'h', '2' };
		SSL_CTX_set_verify(ssl_context, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_session_cache_mode(ssl_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ssl_context, tls_link_keep_session);
		return SSL_CTX_set_alpn_protos(ssl_context, protocols, sizeof protocols) == 0;
	}
	SSL_CTX_set_verify(ssl_context,
			   SSL_VERIFY_PEER | (config->client_may_be_anonymous ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT),
			   NULL);
	SSL_CTX_set_alpn_select_cb(ssl_context, select_protocol, NULL);
	// Tickets carry the whole session: no table here that clients could fill.
	SSL_CTX_set_session_cache_mode(ssl_context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl_context, 1);
	return !config->ticket_key ||
	       SSL_CTX_set_tlsext_ticket_keys(ssl_context, (void *)config->ticket_key, TLS_TICKET_KEY_SIZE) == 1;
}

result tls_context_new(enum tls_role role, const struct tls_config *config, struct tls_context **ret_context,
		       struct fault *fault)
{
	assert_always(!config->certificate_path == !config->key_path);
	result code = OK;
	struct tls_context *context = calloc(1, sizeof *context);
	SSL_CTX *ssl_context = SSL_CTX_new(role == TLS_SERVER ? TLS_server_method() : TLS_client_method());
	if (!context || !ssl_context) {
		code = fault_set(fault, ERR_MEMORY, "no memory for TLS");
		goto out;
	}
	ERR_clear_error();
	if (!set_common(ssl_context) || !set_role(ssl_context, role, config)) {
		code = fault_set(fault, ERR_CRYPTO, "TLS cannot be set up: %s", last_error());
		goto out;
	}
	if (config->certificate_path) {
		code = load_certificates(ssl_context, config->certificate_path, fault);
		if (code == OK) {
			code = load_key(ssl_context, config->key_path, fault);
		}
		if (code != OK) {
			goto out;
		}
	} else if (role == TLS_SERVER) {
		code = fault_set(fault, ERR_CONFIG, "a server needs a certificate and a key");
		goto out;
	}
	*context = (struct tls_context){
		.ssl_context = ssl_context,
		.role = role,
		.may_be_anonymous = config->client_may_be_anonymous,
	};
	*ret_context = context;
	context = NULL;
	ssl_context = NULL;
out:
	ERR_clear_error();
	SSL_CTX_free(ssl_context);
	free(context);
	return code;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
	if (context) {
		context->references++;
	}
	return context;
}

void tls_context_free(struct tls_context *context)
{
	if (context && context->references-- == 0) {
		SSL_CTX_free(context->ssl_context);
		free(context);
	}
}
