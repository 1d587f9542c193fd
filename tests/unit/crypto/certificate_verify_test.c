// SPDX-License-Identifier: EUPL-1.2
//
// Verification of certificates: each profile, time, chain; misfits made by the openssl command; tampering.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "crypto/key_evp.h"
#include "crypto/openssl.h"
#include "tests/unit/crypto/pki.h"

static void test_profiles(void **state)
{
	(void)state;
	struct certificate *all[] = { own.root, own.issuing, issue_tls(&own), issue_seal(&own), issue_client(&own) };
	for (size_t i = 0; i < 5; i++) {
		for (size_t profile = CERTIFICATE_ROOT; profile <= CERTIFICATE_CLIENT; profile++) {
			// a root and an issuing certificate have one use
			bool fits = i == profile || (i < 2 && profile < 2);
			struct fault fault;
			result code = verify_at(all[i], (enum certificate_profile)profile, now_us, &fault);
			assert_int_equal(code, fits ? OK : ERR_CERTIFICATE_INVALID);
		}
	}
	for (size_t i = 2; i < 5; i++) {
		certificate_free(all[i]);
	}
}

static void test_chain_is_told(void **state)
{
	(void)state;
	struct certificate *seal = issue_seal(&own);
	const struct certificate *intermediates[] = { own.issuing };
	const struct certificate *roots[] = { foreign.root, own.root };
	struct certificate_verified verified;
	assert_int_equal(
	    certificate_verify(seal, CERTIFICATE_SEAL, intermediates, 1, roots, 2, now_us, &verified, NULL), OK);
	assert_ptr_equal(verified.certificate, seal);
	assert_int_equal(verified.profile, CERTIFICATE_SEAL);
	assert_int_equal(verified.chain_count, 3);
	assert_memory_equal(verified.chain[0], certificate_fingerprint(seal), DIGEST_SIZE);
	assert_memory_equal(verified.chain[1], certificate_fingerprint(own.issuing), DIGEST_SIZE);
	assert_memory_equal(verified.chain[2], certificate_fingerprint(own.root), DIGEST_SIZE);
	assert_int_equal(verified.not_after_us, certificate_not_after_us(seal));
	certificate_free(seal);
}

static void test_foreign(void **state)
{
	(void)state;
	struct fault fault;
	struct certificate *seal = issue_seal(&foreign);
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, now_us, &fault), ERR_CERTIFICATE_INVALID);
	assert_int_equal(verify(foreign.root, CERTIFICATE_ROOT), ERR_CERTIFICATE_INVALID);
	const struct certificate *roots[] = { own.root };
	struct certificate_verified verified;
	struct certificate *ours = issue_seal(&own);
	assert_int_equal(certificate_verify(ours, CERTIFICATE_SEAL, NULL, 0, roots, 1, now_us, &verified, &fault),
			 ERR_CERTIFICATE_INVALID); // its issuer is not there
	assert_int_equal(certificate_verify(ours, CERTIFICATE_SEAL, roots, 1, NULL, 0, now_us, &verified, &fault),
			 ERR_CERTIFICATE_INVALID); // no root at all
	// the issuing certificate alone is no root
	const struct certificate *issuing[] = { own.issuing };
	assert_int_equal(certificate_verify(ours, CERTIFICATE_SEAL, NULL, 0, issuing, 1, now_us, &verified, &fault),
			 ERR_CERTIFICATE_INVALID);
	certificate_free(ours);
	certificate_free(seal);
}

static void test_time(void **state)
{
	(void)state;
	struct fault fault;
	struct certificate *seal = issue_seal(&own);
	int64_t begin = certificate_not_before_us(seal);
	int64_t end = certificate_not_after_us(seal);
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, begin, &fault), OK);
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, end, &fault), OK);
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, end + 999999, &fault), OK); // that second still counts
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, begin - 1, &fault), ERR_CERTIFICATE_EXPIRED);
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, end + 1000000, &fault), ERR_CERTIFICATE_EXPIRED);
	assert_string_equal(fault.text, "the certificate has expired");
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, now_us + 1001 * day_us, &fault), ERR_CERTIFICATE_EXPIRED);
	assert_int_equal(verify_at(own.issuing, CERTIFICATE_ISSUING, now_us - 3 * day_us, &fault),
			 ERR_CERTIFICATE_EXPIRED);
	assert_string_equal(fault.text, "the certificate is not valid yet");
	certificate_free(seal);
}

// An expired certificate that is wrong besides is invalid, not expired.
static void test_wrong_before_expired(void **state)
{
	(void)state;
	struct fault fault;
	struct certificate *seal = issue_seal(&foreign);
	int64_t late = certificate_not_after_us(seal) + day_us;
	assert_int_equal(verify_at(seal, CERTIFICATE_SEAL, late, &fault), ERR_CERTIFICATE_INVALID);
	certificate_free(seal);
}

// An authority renewed under the same name and key: whichever certificate of it is valid at the time is taken.
static void test_renewed_authority(void **state)
{
	(void)state;
	struct certificate_order order = {
		.profile = CERTIFICATE_ISSUING,
		.key = key_public_of(own.issuing_key),
		.organisation = "ASHI",
		.common_name = "Besa XK issuing",
		.not_before_us = now_us - 2 * day_us,
		.not_after_us = now_us - day_us / 2,
	};
	struct certificate *old;
	assert_int_equal(certificate_issue(&order, own.root, own.root_key, &old, NULL), OK);
	struct certificate *seal = issue_seal(&own);
	const struct certificate *roots[] = { own.root };
	for (int turn = 0; turn < 2; turn++) {
		const struct certificate *both[] = { turn ? old : own.issuing, turn ? own.issuing : old };
		struct certificate_verified verified;
		assert_int_equal(certificate_verify(seal, CERTIFICATE_SEAL, both, 2, roots, 1, now_us, &verified, NULL),
				 OK);
	}
	const struct certificate *expired[] = { old };
	struct certificate_verified verified;
	struct fault fault;
	assert_int_equal(certificate_verify(seal, CERTIFICATE_SEAL, expired, 1, roots, 1, now_us, &verified, &fault),
			 ERR_CERTIFICATE_EXPIRED);
	assert_string_equal(fault.text, "an authority above the certificate has expired");
	certificate_free(seal);
	certificate_free(old);
}

// Certificates that the openssl command makes and no profile allows.
static void test_misfits(void **state)
{
	(void)state;
	static const struct {
		const char *extensions;
		const char *algorithm;
		enum certificate_profile profile;
	} misfits[] = {
		{ "keyUsage=critical,digitalSignature,nonRepudiation\n", "-sha256", CERTIFICATE_SEAL }, // no URI
		{ "keyUsage=critical,digitalSignature,nonRepudiation\nsubjectAltName=URI:besa:XK/GOV/ARC/gw1\n"
		  "extendedKeyUsage=clientAuth\n",
		  "-sha256", CERTIFICATE_SEAL },
		{ "keyUsage=critical,digitalSignature\nsubjectAltName=URI:besa:XK/GOV/ARC/gw1\n", "-sha256",
		  CERTIFICATE_SEAL },
		{ "subjectAltName=URI:besa:XK/GOV/ARC/gw1\n", "-sha256", CERTIFICATE_SEAL }, // any usage
		{ "keyUsage=critical,digitalSignature,nonRepudiation\nsubjectAltName=URI:besa:XK/GOV/ARC/gw1\n",
		  "-sha384", CERTIFICATE_SEAL },
		{ "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,nonRepudiation\n"
		  "subjectAltName=URI:besa:XK/GOV/ARC/gw1\n",
		  "-sha256", CERTIFICATE_SEAL },
		{ "keyUsage=critical,digitalSignature,nonRepudiation\nsubjectAltName=URI:besa:XK/GOV/ARC/gw1\n"
		  "1.2.3.4=critical,ASN1:NULL\n",
		  "-sha256", CERTIFICATE_SEAL }, // a critical extension nobody knows
		{ "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:gw1\n",
		  "-sha256", CERTIFICATE_GATEWAY_TLS },
		{ "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth,"
		  "codeSigning\nsubjectAltName=DNS:gw1\n",
		  "-sha256", CERTIFICATE_GATEWAY_TLS },
	};
	const char *key = scratch_path("misfit.key");
	const char *request = scratch_path("misfit.csr");
	const char *signing = scratch_path("issuing.key");
	const char *issuing = write_pem("issuing.pem", own.issuing);
	assert_int_equal(key_save(own.leaf_key, key, NULL), OK);
	assert_int_equal(key_save(own.issuing_key, signing, NULL), OK);
	const char *const ask[] = {
		"openssl", "req", "-new", "-key", key, "-subj", "/CN=misfit", "-out", request, NULL
	};
	assert_int_equal(scratch_openssl(ask), 0);
	for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
		const char *path = scratch_path("misfit.pem");
		char text[500];
		snprintf(text, sizeof text, "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n%s",
			 misfits[i].extensions);
		const char *extensions = scratch_write("misfit.ext", slice_text(text));
		const char *const sign[] = {
			"openssl",  "x509",     "-req",        "-in", request, "-CA", issuing,
			"-CAkey",   signing,    "-set_serial", "77",  "-days", "5",   misfits[i].algorithm,
			"-extfile", extensions, "-out",        path,  NULL
		};
		assert_int_equal(scratch_openssl(sign), 0);
		struct certificate *misfit;
		size_t count;
		struct fault fault;
		assert_int_equal(certificate_load(path, 1, &misfit, &count, &fault), OK);
		assert_int_equal(verify_at(misfit, misfits[i].profile, certificate_not_before_us(misfit), &fault),
				 ERR_CERTIFICATE_INVALID);
		certificate_free(misfit);
	}
}

// Makes a self-signed certificate with an extension by the openssl command and returns what reading it says.
static result read_self_signed(const char *extension, struct certificate **ret_certificate, struct fault *fault)
{
	const char *key = scratch_path("self.key");
	const char *path = scratch_path("self.pem");
	assert_int_equal(key_save(own.leaf_key, key, NULL), OK);
	const char *const make[] = { "openssl", "req",  "-x509", "-new",    "-key",    key, "-subj",
				     "/CN=x",   "-out", path,    "-addext", extension, NULL };
	assert_int_equal(scratch_openssl(make), 0);
	size_t count;
	return certificate_load(path, 1, ret_certificate, &count, fault);
}

static void test_malformed_names(void **state)
{
	(void)state;
	struct certificate *certificate;
	struct fault fault;
	const char *two = "subjectAltName=URI:besa:XK/GOV/ARC/gw1,URI:besa:XK/GOV/ARC/gw2";
	assert_int_equal(read_self_signed(two, &certificate, &fault), ERR_CERTIFICATE_INVALID);
	assert_non_null(strstr(fault.text, "several besa: URIs"));
	assert_int_equal(read_self_signed("2.5.29.17=ASN1:NULL", &certificate, &fault), ERR_CERTIFICATE_INVALID);
	assert_non_null(strstr(fault.text, "malformed"));
	const char *one = "subjectAltName=URI:https://example.com/,URI:besa:XK/GOV/ARC/gw1";
	assert_int_equal(read_self_signed(one, &certificate, &fault), OK);
	assert_true(slice_is(certificate_uri(certificate), "besa:XK/GOV/ARC/gw1"));
	certificate_free(certificate);
}

static void test_extension_twice(void **state)
{
	(void)state;
	struct certificate *seal = issue_seal(&own);
	struct slice der = certificate_der(seal);
	const uint8_t *at = der.data;
	X509 *object = d2i_X509(NULL, &at, (long)der.size);
	int place = X509_get_ext_by_NID(object, NID_subject_alt_name, -1);
	assert_int_equal(X509_add_ext(object, X509_get_ext(object, place), -1), 1);
	assert_true(X509_sign(object, key_private_evp(own.issuing_key), EVP_sha256()) > 0);
	uint8_t *twice = NULL;
	int size = i2d_X509(object, &twice);
	struct certificate *none;
	struct fault fault;
	assert_int_equal(certificate_parse(slice_of(twice, (size_t)size), &none, &fault), ERR_CERTIFICATE_INVALID);
	assert_non_null(strstr(fault.text, "stands twice"));
	OPENSSL_free(twice);
	X509_free(object);
	certificate_free(seal);
}

// A certificate of another algorithm can be read, and is good for nothing.
static void test_other_algorithm(void **state)
{
	(void)state;
	const char *path = scratch_path("rsa.pem");
	const char *const make[] = { "openssl", "req",   "-x509", "-newkey", "rsa:2048", "-noenc",
				     "-subj",   "/CN=x", "-out",  path,      "-keyout",  scratch_path("rsa.key"),
				     NULL };
	assert_int_equal(scratch_openssl(make), 0);
	struct certificate *rsa;
	size_t count;
	struct fault fault;
	assert_int_equal(certificate_load(path, 1, &rsa, &count, &fault), OK);
	assert_null(certificate_key(rsa));
	const struct certificate *roots[] = { rsa };
	struct certificate_verified verified;
	assert_int_equal(certificate_verify(rsa, CERTIFICATE_ROOT, NULL, 0, roots, 1, now_us, &verified, &fault),
			 ERR_CERTIFICATE_INVALID);
	assert_non_null(strstr(fault.text, "its key is not P-256"));
	certificate_free(rsa);
}

// Whatever bit of a certificate is turned, it is refused.
static void test_every_bit(void **state)
{
	(void)state;
	struct certificate *all[] = { issue_seal(&own), issue_tls(&own) };
	const enum certificate_profile profiles[] = { CERTIFICATE_SEAL, CERTIFICATE_GATEWAY_TLS };
	for (size_t i = 0; i < 2; i++) {
		struct slice der = certificate_der(all[i]);
		uint8_t *copy = malloc(der.size);
		memcpy(copy, der.data, der.size);
		for (size_t bit = 0; bit < 8 * der.size; bit++) {
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
			struct certificate *altered;
			struct fault fault;
			if (certificate_parse(slice_of(copy, der.size), &altered, &fault) == OK) {
				assert_int_not_equal(verify_at(altered, profiles[i], now_us, &fault), OK);
				certificate_free(altered);
			}
			copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		free(copy);
		certificate_free(all[i]);
	}
}

// OpenSSL's errors are all taken away: TLS would read them as its own.
static void test_error_queue(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_chain_is_told),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_wrong_before_expired),
		cmocka_unit_test(test_renewed_authority),
		cmocka_unit_test(test_misfits),
		cmocka_unit_test(test_malformed_names),
		cmocka_unit_test(test_extension_twice),
		cmocka_unit_test(test_other_algorithm),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_error_queue), // last: after all the failures above
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
