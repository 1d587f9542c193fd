// SPDX-License-Identifier: EUPL-1.2
//
// For the tests of certificates: a small public key infrastructure, and one foreign to it.
#ifndef BESA_TESTS_CRYPTO_PKI_H
#define BESA_TESTS_CRYPTO_PKI_H

#include "base/clock.h"
#include "crypto/certificate.h"
#include "tests/unit/crypto/scratch.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

#define LEDGER "besa/XK/GOV/ARC/gw1"

struct pki {
	struct key_private *root_key, *issuing_key, *leaf_key;
	struct certificate *root, *issuing;
};

static struct pki own;
static struct pki foreign;
static int64_t now_us;

static inline struct certificate *issue(const struct pki *pki, struct certificate_order order)
{
	struct certificate *certificate = NULL;
	struct fault fault;
	order.key = key_public_of(pki->leaf_key);
	order.not_before_us = order.not_before_us ? order.not_before_us : now_us - day_us;
	order.not_after_us = order.not_after_us ? order.not_after_us : now_us + 30 * day_us;
	assert_int_equal(certificate_issue(&order, pki->issuing, pki->issuing_key, &certificate, &fault), OK);
	return certificate;
}

static inline struct certificate *issue_seal(const struct pki *pki)
{
	return issue(pki, (struct certificate_order){ .profile = CERTIFICATE_SEAL, .ledger = LEDGER });
}

static inline struct certificate *issue_tls(const struct pki *pki)
{
	static const char *const names[] = { "gw1.arc.example", "127.0.0.1", "::1", "localhost" };
	return issue(pki, (struct certificate_order){ .profile = CERTIFICATE_GATEWAY_TLS,
						      .organisation = "XK/GOV/ARC",
						      .ledger = LEDGER,
						      .names = names,
						      .name_count = 4 });
}

static inline struct certificate *issue_client(const struct pki *pki)
{
	return issue(pki, (struct certificate_order){ .profile = CERTIFICATE_CLIENT,
						      .common_name = "portal",
						      .subsystem = "XK/GOV/ASHI/ekosova" });
}

static inline void open_pki(struct pki *pki)
{
	assert_int_equal(key_generate(KEY_P256, &pki->root_key), OK);
	assert_int_equal(key_generate(KEY_P256, &pki->issuing_key), OK);
	assert_int_equal(key_generate(KEY_P256, &pki->leaf_key), OK);
	struct certificate_order root = {
		.profile = CERTIFICATE_ROOT,
		.key = key_public_of(pki->root_key),
		.organisation = "ASHI",
		.common_name = "Besa XK root",
		.not_before_us = now_us - 2 * day_us,
		.not_after_us = now_us + 9000 * day_us, // past 2049: a GeneralizedTime
	};
	assert_int_equal(certificate_issue(&root, NULL, pki->root_key, &pki->root, NULL), OK);
	struct certificate_order issuing = root;
	issuing.profile = CERTIFICATE_ISSUING;
	issuing.key = key_public_of(pki->issuing_key);
	issuing.common_name = "Besa XK issuing";
	issuing.not_after_us = now_us + 1000 * day_us;
	assert_int_equal(certificate_issue(&issuing, pki->root, pki->root_key, &pki->issuing, NULL), OK);
}

static inline void close_pki(struct pki *pki)
{
	certificate_free(pki->root);
	certificate_free(pki->issuing);
	key_private_free(pki->root_key);
	key_private_free(pki->issuing_key);
	key_private_free(pki->leaf_key);
}

static inline int open_all(void **state)
{
	now_us = clock_wall_us() / 1000000 * 1000000;
	open_pki(&own);
	open_pki(&foreign);
	return scratch_open(state);
}

static inline int close_all(void **state)
{
	close_pki(&own);
	close_pki(&foreign);
	return scratch_close(state);
}

static inline result verify_at(const struct certificate *certificate, enum certificate_profile profile, int64_t at_us,
			       struct fault *fault)
{
	const struct certificate *intermediates[] = { foreign.issuing, own.issuing };
	const struct certificate *roots[] = { own.root };
	struct certificate_verified verified;
	return certificate_verify(certificate, profile, intermediates, 2, roots, 1, at_us, &verified, fault);
}

static inline result verify(const struct certificate *certificate, enum certificate_profile profile)
{
	return verify_at(certificate, profile, now_us, NULL);
}

static const char *write_pem(const char *name, const struct certificate *certificate)
{
	struct buffer pem;
	buffer_init(&pem, 100000);
	certificate_append_pem(certificate, &pem);
	const char *path = scratch_write(name, buffer_slice(&pem));
	buffer_release(&pem);
	return path;
}

#endif
