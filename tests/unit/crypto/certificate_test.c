// SPDX-License-Identifier: EUPL-1.2
//
// Certificates and requests: issued, accepted by the openssl command under its strict rules, read again.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "crypto/openssl.h"
#include "tests/unit/crypto/pki.h"

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

// The order, completed with the leaf's key and a day's validity where it names none, is refused by the issuing
// authority.
static void assert_refused(struct certificate_order order)
{
	struct certificate *none;
	struct fault fault;
	order.key = order.key ? order.key : key_public_of(own.leaf_key);
	order.not_before_us = order.not_before_us ? order.not_before_us : now_us;
	order.not_after_us = order.not_after_us ? order.not_after_us : now_us + day_us;
	assert_int_equal(certificate_issue(&order, own.issuing, own.issuing_key, &none, &fault), ERR_ARGUMENT);
	assert_non_null(strstr(fault.text, "cannot be issued"));
}

static void test_names_refused(void **state)
{
	(void)state;
	static const char *const names[] = { "gw1.example" };
	static const char *const spaced[] = { "gw 1" };
	const struct certificate_order bad[] = {
		{ .profile = CERTIFICATE_SEAL },
		{ .profile = CERTIFICATE_SEAL, .ledger = LEDGER "/2026" },
		{ .profile = CERTIFICATE_SEAL, .ledger = "XK/GOV/ARC/gw1" },
		{ .profile = CERTIFICATE_SEAL, .ledger = LEDGER, .organisation = "other" },
		{ .profile = CERTIFICATE_SEAL, .ledger = LEDGER, .subsystem = "XK/GOV/ARC/gw1" },
		{ .profile = CERTIFICATE_SEAL, .ledger = LEDGER, .names = names, .name_count = 1 },
		{ .profile = CERTIFICATE_CLIENT },
		{ .profile = CERTIFICATE_CLIENT, .ledger = LEDGER },
		{ .profile = CERTIFICATE_CLIENT, .subsystem = "XK/GOV/ASHI" },
		{ .profile = CERTIFICATE_GATEWAY_TLS },
		{ .profile = CERTIFICATE_GATEWAY_TLS, .names = spaced, .name_count = 1 },
		{ .profile = CERTIFICATE_GATEWAY_TLS, .names = names, .name_count = CERTIFICATE_NAMES_MAX + 1 },
		{ .profile = CERTIFICATE_ISSUING, .common_name = "below an issuing authority" },
		{ .profile = CERTIFICATE_ROOT, .common_name = "a root below another" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_refused(bad[i]);
	}
}

static void test_keys_and_times_refused(void **state)
{
	(void)state;
	struct certificate_order order = { .profile = CERTIFICATE_SEAL, .ledger = LEDGER };
	order.not_before_us = now_us + 2 * day_us; // after its end
	assert_refused(order);
	order.not_before_us = now_us - 3 * day_us; // before the issuer's
	assert_refused(order);
	order.not_before_us = 0;
	order.not_after_us = now_us + 2000 * day_us; // after the issuer's
	assert_refused(order);

	struct key_private *ed25519;
	assert_int_equal(key_generate(KEY_ED25519, &ed25519), OK);
	order.not_after_us = 0;
	order.key = key_public_of(ed25519);
	assert_refused(order);
	key_private_free(ed25519);

	struct certificate *none;
	order.key = key_public_of(own.leaf_key);
	order.not_before_us = now_us;
	order.not_after_us = now_us + day_us;
	assert_int_equal(certificate_issue(&order, own.issuing, own.root_key, &none, NULL), ERR_ARGUMENT);
	assert_int_equal(certificate_issue(&order, NULL, own.leaf_key, &none, NULL), ERR_ARGUMENT);
	struct certificate *seal = issue_seal(&own);
	assert_int_equal(certificate_issue(&order, seal, own.leaf_key, &none, NULL), ERR_ARGUMENT);
	certificate_free(seal);
}

// Issuer and certificate ordered with one end, fractions of a second and all.
static void test_same_end(void **state)
{
	(void)state;
	struct certificate_order root = {
		.profile = CERTIFICATE_ROOT,
		.key = key_public_of(own.root_key),
		.common_name = "root",
		.not_before_us = now_us + 999999,
		.not_after_us = now_us + day_us + 999999,
	};
	struct certificate *issuer;
	assert_int_equal(certificate_issue(&root, NULL, own.root_key, &issuer, NULL), OK);
	struct certificate_order seal = root;
	struct certificate *certificate;
	seal.profile = CERTIFICATE_SEAL;
	seal.common_name = NULL;
	seal.ledger = LEDGER;
	assert_int_equal(certificate_issue(&seal, issuer, own.root_key, &certificate, NULL), OK);
	certificate_free(certificate);
	certificate_free(issuer);
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

// OpenSSL's errors are all taken away: TLS would read them as its own.
static void test_error_queue(void **state)
{
	(void)state;
	assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssl_accepts),
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_names_refused),
		cmocka_unit_test(test_keys_and_times_refused),
		cmocka_unit_test(test_same_end),
		cmocka_unit_test(test_pem_and_der),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_error_queue), // last: after all the failures above
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
