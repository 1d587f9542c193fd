// SPDX-License-Identifier: EUPL-1.2
//
// Certificates: issued, read by the openssl command under its strict rules, verified by profile, tampered with.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "base/clock.h"
#include "base/random.h"
#include "crypto/certificate.h"
#include "tests/unit/crypto/scratch.h"

static const int64_t day_us = INT64_C(86400) * 1000000;

#define LEDGER "besa/XK/GOV/ARC/gw1"

// A small public key infrastructure, and one foreign to it.
struct pki {
	struct key_private *root_key, *issuing_key, *leaf_key;
	struct certificate *root, *issuing;
};

static struct pki own;
static struct pki foreign;
static int64_t now_us;

static struct certificate *issue(const struct pki *pki, struct certificate_order order)
{
	struct certificate *certificate = NULL;
	struct fault fault;
	order.key = key_public_of(pki->leaf_key);
	order.not_before_us = order.not_before_us ? order.not_before_us : now_us - day_us;
	order.not_after_us = order.not_after_us ? order.not_after_us : now_us + 30 * day_us;
	assert_int_equal(certificate_issue(&order, pki->issuing, pki->issuing_key, &certificate, &fault), OK);
	return certificate;
}

static struct certificate *issue_seal(const struct pki *pki)
{
	return issue(pki, (struct certificate_order){ .profile = CERTIFICATE_SEAL, .ledger = LEDGER });
}

static struct certificate *issue_tls(const struct pki *pki)
{
	static const char *const names[] = { "gw1.arc.example", "127.0.0.1", "::1", "localhost" };
	return issue(pki, (struct certificate_order){ .profile = CERTIFICATE_GATEWAY_TLS,
						      .organisation = "XK/GOV/ARC",
						      .ledger = LEDGER,
						      .names = names,
						      .name_count = 4 });
}

static struct certificate *issue_client(const struct pki *pki)
{
	return issue(pki, (struct certificate_order){ .profile = CERTIFICATE_CLIENT,
						      .common_name = "portal",
						      .subsystem = "XK/GOV/ASHI/ekosova" });
}

static void open_pki(struct pki *pki)
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

static void close_pki(struct pki *pki)
{
	certificate_free(pki->root);
	certificate_free(pki->issuing);
	key_private_free(pki->root_key);
	key_private_free(pki->issuing_key);
	key_private_free(pki->leaf_key);
}

static int open_all(void **state)
{
	now_us = clock_wall_us() / 1000000 * 1000000;
	open_pki(&own);
	open_pki(&foreign);
	return scratch_open(state);
}

static int close_all(void **state)
{
	close_pki(&own);
	close_pki(&foreign);
	return scratch_close(state);
}

static result verify_at(const struct certificate *certificate, enum certificate_profile profile, int64_t at_us,
			struct fault *fault)
{
	const struct certificate *intermediates[] = { foreign.issuing, own.issuing };
	const struct certificate *roots[] = { own.root };
	struct certificate_verified verified;
	return certificate_verify(certificate, profile, intermediates, 2, roots, 1, at_us, &verified, fault);
}

static result verify(const struct certificate *certificate, enum certificate_profile profile)
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

// ---- issuing and reading ----

static void test_openssl_accepts(void **state)
{
	(void)state;
	struct certificate *leaves[] = { issue_seal(&own), issue_tls(&own), issue_client(&own) };
	const char *const purposes[] = { "any", "sslserver", "sslclient" };
	const char *root = write_pem("root.pem", own.root);
	const char *issuing = write_pem("issuing.pem", own.issuing);
	const char *const ca[] = { "openssl",       "verify", "-x509_strict", "-CAfile", root,
				   "-check_ss_sig", root,     issuing,        NULL };
	assert_int_equal(scratch_openssl(ca), 0);
	for (size_t i = 0; i < 3; i++) {
		const char *leaf = write_pem("leaf.pem", leaves[i]);
		const char *const check[] = {
			"openssl",    "verify", "-x509_strict", "-policy_check", "-CAfile", root,
			"-untrusted", issuing,  "-purpose",     purposes[i],     leaf,      NULL
		};
		assert_int_equal(scratch_openssl(check), 0);
		certificate_free(leaves[i]);
	}
}

static void test_what_is_read(void **state)
{
	(void)state;
	struct certificate *seal = issue_seal(&own);
	assert_true(slice_is(certificate_uri(seal), "besa:XK/GOV/ARC/gw1"));
	assert_true(slice_is(certificate_organisation(seal), "XK/GOV/ARC"));
	assert_true(slice_is(certificate_common_name(seal), LEDGER));
	assert_int_equal(certificate_serial(seal).size, CERTIFICATE_SERIAL_SIZE);
	assert_int_equal(certificate_not_before_us(seal), now_us - day_us);
	assert_int_equal(certificate_not_after_us(seal), now_us + 30 * day_us);
	assert_int_equal(certificate_not_after_us(own.root), now_us + 9000 * day_us);
	assert_true(key_public_equal(certificate_key(seal), key_public_of(own.leaf_key)));
	assert_true(certificate_names_ledger(seal, slice_text("besa/XK/GOV/ARC/gw1/2026")));
	assert_true(certificate_names_ledger(seal, slice_text(LEDGER)));
	static const char *const others[] = {
		"besa/XK/GOV/ARC/gw2/2026", "besa/XK/GOV/ARC", "besa/XK/GOV/ARC/gw",        "",
		"XK/GOV/ARC/gw1",           "besa/",           "besa/XK/GOV/ARC/gw1/2026/x"
	};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_false(certificate_names_ledger(seal, slice_text(others[i])));
	}
	uint8_t hash[DIGEST_SIZE];
	digest_sha256(certificate_der(seal), hash);
	assert_memory_equal(certificate_fingerprint(seal), hash, DIGEST_SIZE);
	assert_ptr_equal(certificate_hold(seal), seal);
	certificate_free(seal);
	certificate_free(seal);

	struct certificate *client = issue_client(&own);
	assert_true(certificate_names_subsystem(client, slice_text("XK/GOV/ASHI/ekosova")));
	assert_false(certificate_names_subsystem(client, slice_text("XK/GOV/ASHI/ekosov")));
	assert_false(certificate_names_subsystem(client, slice_text("")));
	certificate_free(client);
	assert_int_equal(certificate_uri(own.root).size, 0);
	assert_false(certificate_names_ledger(own.root, slice_text(LEDGER)));
	assert_string_equal(certificate_profile_name(CERTIFICATE_GATEWAY_TLS), "gateway-tls");
}

// Names longer than X.509's 64 characters.
static void test_long_names(void **state)
{
	(void)state;
	char ledger[IDENTIFIER_MAX + 6];
	char part[IDENTIFIER_PART_MAX + 1] = { 0 };
	memset(part, 'p', IDENTIFIER_PART_MAX);
	snprintf(ledger, sizeof ledger, "besa/%s/%s/%s/%s", part, part, part, part);
	struct certificate *seal =
	    issue(&own, (struct certificate_order){ .profile = CERTIFICATE_SEAL, .ledger = ledger });
	assert_int_equal(verify(seal, CERTIFICATE_SEAL), OK);
	assert_true(certificate_names_ledger(seal, slice_text(ledger)));
	assert_int_equal(certificate_common_name(seal).size, 64);
	assert_int_equal(certificate_organisation(seal).size, 0);
	certificate_free(seal);
}

static void test_orders_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "gw1.example" };
	static const char *const spaced[] = { "gw 1" };
	struct key_private *ed25519;
	assert_int_equal(key_generate(KEY_ED25519, &ed25519), OK);
	struct key_public *key = key_public_of(own.leaf_key);
	int64_t from = now_us;
	int64_t to = now_us + day_us;
	struct certificate_order bad[] = {
		{ .profile = CERTIFICATE_SEAL, .key = key, .not_before_us = from, .not_after_us = to },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = LEDGER "/2026",
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = "XK/GOV/ARC/gw1",
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = LEDGER,
		  .organisation = "other",
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = LEDGER,
		  .not_before_us = to,
		  .not_after_us = from },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = LEDGER,
		  .not_before_us = from,
		  .not_after_us = now_us + 2000 * day_us },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = LEDGER,
		  .not_before_us = now_us - 3 * day_us,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key_public_of(ed25519),
		  .ledger = LEDGER,
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_CLIENT,
		  .key = key,
		  .ledger = LEDGER,
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_CLIENT,
		  .key = key,
		  .subsystem = "XK/GOV/ASHI",
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_GATEWAY_TLS, .key = key, .not_before_us = from, .not_after_us = to },
		{ .profile = CERTIFICATE_GATEWAY_TLS,
		  .key = key,
		  .names = spaced,
		  .name_count = 1,
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_SEAL,
		  .key = key,
		  .ledger = LEDGER,
		  .names = names,
		  .name_count = 1,
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_ISSUING,
		  .key = key,
		  .common_name = "below",
		  .not_before_us = from,
		  .not_after_us = to },
		{ .profile = CERTIFICATE_ROOT,
		  .key = key,
		  .common_name = "root",
		  .not_before_us = from,
		  .not_after_us = to },
	};
	struct certificate *none;
	struct fault fault;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(certificate_issue(&bad[i], own.issuing, own.issuing_key, &none, &fault), ERR_ARGUMENT);
		assert_non_null(strstr(fault.text, "cannot be issued"));
	}
	struct certificate_order good = {
		.profile = CERTIFICATE_SEAL, .key = key, .ledger = LEDGER, .not_before_us = from, .not_after_us = to
	};
	assert_int_equal(certificate_issue(&good, own.issuing, own.root_key, &none, &fault), ERR_ARGUMENT);
	assert_int_equal(certificate_issue(&good, NULL, own.leaf_key, &none, &fault), ERR_ARGUMENT);
	struct certificate *seal = issue_seal(&own);
	assert_int_equal(certificate_issue(&good, seal, own.leaf_key, &none, &fault), ERR_ARGUMENT);
	certificate_free(seal);
	key_private_free(ed25519);
}

static void test_pem_and_der(void **state)
{
	(void)state;
	struct certificate *again;
	struct buffer pem;
	buffer_init(&pem, 100000);
	certificate_append_pem(own.issuing, &pem);
	assert_int_equal(certificate_parse_pem(buffer_slice(&pem), &again, NULL), OK);
	assert_true(slice_equal(certificate_der(again), certificate_der(own.issuing)));
	certificate_free(again);
	size_t one = pem.size;
	buffer_append_text(&pem, " \n");
	assert_int_equal(certificate_parse_pem(buffer_slice(&pem), &again, NULL), OK);
	certificate_free(again);
	certificate_append_pem(own.root, &pem);
	assert_int_equal(certificate_parse_pem(buffer_slice(&pem), &again, NULL), ERR_CERTIFICATE_INVALID);

	struct certificate *chain[2];
	size_t count;
	struct fault fault;
	const char *path = scratch_write("chain.pem", buffer_slice(&pem));
	assert_int_equal(certificate_load(path, 2, chain, &count, &fault), OK);
	assert_int_equal(count, 2);
	assert_memory_equal(certificate_fingerprint(chain[1]), certificate_fingerprint(own.root), DIGEST_SIZE);
	certificate_free(chain[0]);
	certificate_free(chain[1]);
	assert_int_equal(certificate_load(path, 1, chain, &count, &fault), ERR_CERTIFICATE_INVALID);
	assert_int_equal(certificate_load(scratch_path("absent.pem"), 1, chain, &count, &fault), ERR_NOT_FOUND);
	assert_int_equal(certificate_load(scratch_write("x", slice_text("\n")), 1, chain, &count, &fault),
			 ERR_CERTIFICATE_INVALID);
	for (size_t cut = 0; cut < one - 1; cut += 7) {
		assert_int_equal(certificate_parse_pem(slice_of(pem.data, cut), &again, NULL), ERR_CERTIFICATE_INVALID);
	}
	buffer_release(&pem);

	struct slice der = certificate_der(own.issuing);
	uint8_t *copy = calloc(1, der.size + 1);
	memcpy(copy, der.data, der.size);
	assert_int_equal(certificate_parse(slice_of(copy, der.size), &again, NULL), OK);
	certificate_free(again);
	assert_int_equal(certificate_parse(slice_of(copy, der.size + 1), &again, NULL), ERR_CERTIFICATE_INVALID);
	for (size_t cut = 0; cut < der.size; cut++) {
		assert_int_equal(certificate_parse(slice_of(copy, cut), &again, NULL), ERR_CERTIFICATE_INVALID);
	}
	free(copy);
}

// ---- verification ----

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

// Two names for one certificate, or an extension twice: it is not even read.
static void test_ambiguous(void **state)
{
	(void)state;
	const char *key = scratch_path("twice.key");
	const char *path = scratch_path("twice.pem");
	assert_int_equal(key_save(own.leaf_key, key, NULL), OK);
	const char *const make[] = {
		"openssl", "req", "-x509",   "-new",
		"-key",    key,   "-subj",   "/CN=twice",
		"-out",    path,  "-addext", "subjectAltName=URI:besa:XK/GOV/ARC/gw1,URI:besa:XK/GOV/ARC/gw2",
		NULL
	};
	assert_int_equal(scratch_openssl(make), 0);
	struct certificate *none;
	size_t count;
	struct fault fault;
	assert_int_equal(certificate_load(path, 1, &none, &count, &fault), ERR_CERTIFICATE_INVALID);
	assert_non_null(strstr(fault.text, "several besa: URIs"));
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

// ---- requests ----

static void test_requests(void **state)
{
	(void)state;
	struct buffer der;
	struct fault fault;
	buffer_init(&der, CERTIFICATE_SIZE_MAX);
	assert_int_equal(certificate_request_make(own.leaf_key, LEDGER, &der, &fault), OK);
	struct key_public *key;
	assert_int_equal(certificate_request_check(buffer_slice(&der), &key, &fault), OK);
	assert_true(key_public_equal(key, key_public_of(own.leaf_key)));
	key_public_free(key);
	const char *path = scratch_write("request.der", buffer_slice(&der));
	const char *const check[] = { "openssl", "req", "-verify", "-noout", "-inform", "DER", "-in", path, NULL };
	assert_int_equal(scratch_openssl(check), 0);
	for (size_t bit = 0; bit < 8 * der.size; bit++) {
		der.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(certificate_request_check(buffer_slice(&der), &key, &fault), ERR_CERTIFICATE_INVALID);
		der.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buffer_append_byte(&der, 0);
	assert_int_equal(certificate_request_check(buffer_slice(&der), &key, &fault), ERR_CERTIFICATE_INVALID);
	buffer_release(&der);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl_accepts),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_orders_refused),
		cmocka_unit_test(test_pem_and_der),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_chain_is_told),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_wrong_before_expired),
		cmocka_unit_test(test_renewed_authority),
		cmocka_unit_test(test_misfits),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_requests),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
