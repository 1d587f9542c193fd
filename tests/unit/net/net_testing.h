// SPDX-License-Identifier: EUPL-1.2
//
// What the tests of this layer share: a loop that runs until something holds, scratch files, self-signed credentials, a
// listening address.
#ifndef BESA_TESTS_NET_TESTING_H
#define BESA_TESTS_NET_TESTING_H

#include "crypto/openssl.h"
#include "net/h2.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// ---- running the loop ---------------------------------------------------------------------------------------------

struct spin {
	struct loop *loop;
	bool (*holds)(void *context);
	void *context;
	bool timed_out;
};

static inline void spin_check(void *context)
{
	struct spin *spin = context;
	if (spin->holds(spin->context)) {
		loop_stop(spin->loop);
	}
}

static inline void spin_give_up(void *context)
{
	struct spin *spin = context;
	spin->timed_out = true;
	loop_stop(spin->loop);
}

// Runs the loop until the condition holds; false after `limit_ms`.
static inline bool spin_for(struct loop *loop, bool (*holds)(void *context), void *context, int64_t limit_ms)
{
	struct spin spin = { .loop = loop, .holds = holds, .context = context };
	struct loop_timer check, limit;
	loop_timer_init(&check, loop, spin_check, &spin);
	loop_timer_init(&limit, loop, spin_give_up, &spin);
	loop_timer_start(&check, 0, 1000);
	loop_timer_start(&limit, limit_ms * 1000, 0);
	loop_run(loop);
	loop_timer_stop(&check);
	loop_timer_stop(&limit);
	return !spin.timed_out;
}

static inline bool flag_holds(void *context)
{
	return *(bool *)context;
}

// Fails the test if the flag does not come up; generous, for slow and sanitized machines.
#define spin_until(loop, flag) assert_true(spin_for(loop, flag_holds, flag, 30000))

static inline bool never_holds(void *context)
{
	(void)context;
	return false;
}

static inline void spin_ms(struct loop *loop, int64_t ms)
{
	(void)spin_for(loop, never_holds, NULL, ms);
}

static inline struct loop *new_loop(void)
{
	struct loop *loop = NULL;
	assert_int_equal(loop_new(&loop, NULL), OK);
	return loop;
}

// ---- scratch files and credentials --------------------------------------------------------------------------------

static char scratch_directory[64];

static inline void scratch_remove(void)
{
	DIR *directory = opendir(scratch_directory);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		(void)unlinkat(dirfd(directory), entry->d_name, 0); // "." and ".." refuse
	}
	if (directory) {
		closedir(directory);
	}
	(void)rmdir(scratch_directory);
}

// A path in a directory of this process' own, which goes away with it.
static inline const char *scratch_path(const char *name)
{
	static char paths[16][128];
	static unsigned next;
	if (scratch_directory[0] == '\0') {
		snprintf(scratch_directory, sizeof scratch_directory, "/tmp/besa-net-test-XXXXXX");
		assert_non_null(mkdtemp(scratch_directory));
		atexit(scratch_remove);
	}
	char *path = paths[next++ % 16];
	snprintf(path, sizeof paths[0], "%s/%s", scratch_directory, name);
	return path;
}

struct credential {
	char certificate_path[128];
	char key_path[128];
	uint8_t fingerprint[32];
};

static inline struct credential make_credential(const char *name)
{
	struct credential credential;
	char file[64];
	snprintf(file, sizeof file, "%s.pem", name);
	snprintf(credential.certificate_path, sizeof credential.certificate_path, "%s", scratch_path(file));
	snprintf(file, sizeof file, "%s.key", name);
	snprintf(credential.key_path, sizeof credential.key_path, "%s", scratch_path(file));
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	assert_non_null(key);
	assert_non_null(certificate);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME *subject = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, subject);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	unsigned size = 0;
	assert_int_equal(X509_digest(certificate, EVP_sha256(), credential.fingerprint, &size), 1);
	FILE *out = fopen(credential.certificate_path, "w");
	assert_int_equal(PEM_write_X509(out, certificate), 1);
	fclose(out);
	out = fopen(credential.key_path, "w");
	assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(out);
	assert_int_equal(chmod(credential.key_path, 0600), 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return credential;
}

static inline struct tls_context *make_tls(enum tls_role role, const struct credential *credential)
{
	struct tls_config config = { 0 };
	if (credential) {
		config.certificate_path = credential->certificate_path;
		config.key_path = credential->key_path;
	}
	struct tls_context *context = NULL;
	struct fault fault = { 0 };
	if (tls_context_new(role, &config, &context, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	return context;
}

// Accepts the one fingerprint that `context` points to.
static inline bool accept_pin(void *context, const uint8_t fingerprint[TLS_FINGERPRINT_SIZE], struct slice certificate)
{
	assert_true(certificate.size > 0);
	return memcmp(context, fingerprint, TLS_FINGERPRINT_SIZE) == 0;
}

// ---- listening ----------------------------------------------------------------------------------------------------

static inline struct address parse_address(const char *text)
{
	struct address address;
	struct fault fault = { 0 };
	if (address_parse(slice_text(text), &address, &fault) != OK) {
		fail_msg("%s: %s", text, fault.text);
	}
	return address;
}

// A listening socket on a free port, and its address.
static inline int listen_anywhere(struct address *ret_address)
{
	struct address address = parse_address("127.0.0.1:0");
	const struct address_listen options = { 0 };
	int fd = -1;
	assert_int_equal(address_listen(&address, &options, &fd, NULL), OK);
	assert_int_equal(address_of_socket(fd, ret_address), OK);
	return fd;
}

#endif
