// SPDX-License-Identifier: EUPL-1.2
//
// Verification of a certificate for one profile. OpenSSL builds the chain and checks signatures, validity, basic
// constraints and the strict rules of RFC 5280; what a certificate may be used for is checked here, against a table,
// because the library's purposes are laxer than the profiles.
#include "crypto/certificate_impl.h"
#include "crypto/key_evp.h"

// What a profile demands of a certificate. Usages are exact: a bit too many is refused like one too few.
struct rules {
	uint32_t usage;          // KU_…
	uint32_t extended_usage; // XKU_…; 0: the extension must be absent
	bool authority;
	bool besa_uri; // must name a ledger or subsystem
};

static const struct rules rules_of[] = {
	[CERTIFICATE_ROOT] = { .usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN, .authority = true },
	[CERTIFICATE_ISSUING] = { .usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN, .authority = true },
	[CERTIFICATE_GATEWAY_TLS] = { .usage = KU_DIGITAL_SIGNATURE,
				      .extended_usage = XKU_SSL_SERVER | XKU_SSL_CLIENT },
	[CERTIFICATE_SEAL] = { .usage = KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION, .besa_uri = true },
	[CERTIFICATE_CLIENT] = { .usage = KU_DIGITAL_SIGNATURE, .extended_usage = XKU_SSL_CLIENT, .besa_uri = true },
};

// Allowed algorithms of signatures in a chain. A further one (say ML-DSA) is a line here and a key type in key.h.
static const int allowed_signatures[] = { NID_ecdsa_with_SHA256 };

static bool algorithm_allowed(const X509 *object)
{
	int used = X509_get_signature_nid(object);
	for (size_t i = 0; i < sizeof allowed_signatures / sizeof *allowed_signatures; i++) {
		if (used == allowed_signatures[i]) {
			return true;
		}
	}
	return false;
}

static result check_rules(const struct certificate *certificate, const struct rules *rules, struct fault *fault)
{
	X509 *object = certificate->object;
	uint32_t flags = X509_get_extension_flags(object);
	const char *wrong = NULL;
	if (!certificate->key || key_public_type(certificate->key) != KEY_P256) {
		wrong = "its key is not P-256";
	} else if (!(flags & EXFLAG_KUSAGE) || X509_get_key_usage(object) != rules->usage) {
		wrong = "its key usage is another";
	} else if (!!(flags & EXFLAG_XKUSAGE) != (rules->extended_usage != 0) ||
		   (rules->extended_usage && X509_get_extended_key_usage(object) != rules->extended_usage)) {
		wrong = "its extended key usage is another";
	} else if (!!(flags & EXFLAG_CA) != rules->authority) {
		wrong = rules->authority ? "it is no authority" : "it is an authority";
	} else if (rules->besa_uri && certificate->uri_size == 0) {
		wrong = "it names no besa: URI";
	}
	return wrong ? fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate does not fit its use: %s", wrong)
		     : OK;
}

// Passes over what the library says of times: it holds a certificate's last second for too late, and stops at the first
// error, so that an expired forgery would be reported as expired. check_time() judges when all else is well.
// Among several certificates of one authority the library still prefers the one valid at the time.
static int pass_over_times(int fine, X509_STORE_CTX *context)
{
	int error = X509_STORE_CTX_get_error(context);
	if (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID) {
		X509_STORE_CTX_set_error(context, X509_V_OK);
		return 1;
	}
	return fine;
}

static result check_time(const struct certificate *certificate, int depth, int64_t at_us, struct fault *fault)
{
	static const int64_t rest_of_second_us = 999999;
	const char *which = depth == 0 ? "the certificate" : "an authority above the certificate";
	if (at_us < certificate->not_before_us) {
		return fault_set(fault, ERR_CERTIFICATE_EXPIRED, "%s is not valid yet", which);
	}
	if (at_us > certificate->not_after_us + rest_of_second_us) {
		return fault_set(fault, ERR_CERTIFICATE_EXPIRED, "%s has expired", which);
	}
	return OK;
}

static result chain_failure(X509_STORE_CTX *context, struct fault *fault)
{
	int error = X509_STORE_CTX_get_error(context);
	if (error == X509_V_ERR_OUT_OF_MEM) {
		return certificate_failed(fault, ERR_MEMORY, "out of memory in the certificate's verification");
	}
	return certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate's chain is not valid: %s",
				  X509_verify_cert_error_string(error));
}

// What the profiles demand of one certificate of the chain.
static result check_link(const struct certificate *link, int depth, struct fault *fault)
{
	if (!algorithm_allowed(link->object)) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID,
				 "a signature in the certificate's chain is of an algorithm not allowed");
	}
	return depth > 0 ? check_rules(link, &rules_of[CERTIFICATE_ISSUING], fault) : OK;
}

// Checks what OpenSSL leaves open in the chain it built, and notes what the caller is told.
static result check_chain(X509_STORE_CTX *context, struct certificate_verified *verified, struct fault *fault)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
	int count = sk_X509_num(chain);
	if (count > CERTIFICATE_CHAIN_MAX + 2) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate's chain is too long");
	}
	result time = OK; // reported last: what is wrong is not merely expired
	for (int i = 0; i < count; i++) {
		struct certificate *link;
		X509_up_ref(sk_X509_value(chain, i));
		result code = certificate_wrap(sk_X509_value(chain, i), &link, fault);
		if (code != OK) {
			return code;
		}
		code = check_link(link, i, fault);
		if (code == OK && time == OK) {
			time = check_time(link, i, verified->at_us, fault);
		}
		if (i == 0 || link->not_after_us < verified->not_after_us) {
			verified->not_after_us = link->not_after_us;
		}
		memcpy(verified->chain[i], link->fingerprint, DIGEST_SIZE);
		certificate_free(link);
		if (code != OK) {
			return code;
		}
	}
	verified->chain_count = (size_t)count;
	return time;
}

static bool add_roots(X509_STORE *store, const struct certificate *const roots[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (X509_STORE_add_cert(store, roots[i]->object) != 1) {
			return false;
		}
	}
	return true;
}

static STACK_OF(X509) * stack_of(const struct certificate *const certificates[], size_t count)
{
	STACK_OF(X509) *stack = sk_X509_new_null();
	for (size_t i = 0; stack && i < count; i++) {
		if (sk_X509_push(stack, certificates[i]->object) <= 0) {
			sk_X509_free(stack);
			return NULL;
		}
	}
	return stack;
}

static void set_parameters(X509_STORE_CTX *context, int64_t at_us)
{
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(parameters, (time_t)(at_us / 1000000));
	X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_depth(parameters, CERTIFICATE_CHAIN_MAX);
	X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY); // the rules above are stricter
}

result certificate_verify(const struct certificate *certificate, enum certificate_profile profile,
			  const struct certificate *const intermediates[], size_t intermediate_count,
			  const struct certificate *const roots[], size_t root_count, int64_t at_us,
			  struct certificate_verified *ret_verified, struct fault *fault)
{
	if (intermediate_count > CERTIFICATE_CHAIN_MAX) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "more than %d intermediate certificates",
				 CERTIFICATE_CHAIN_MAX);
	}
	result code = check_rules(certificate, &rules_of[profile], fault);
	if (code != OK) {
		return code;
	}
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = stack_of(intermediates, intermediate_count);
	struct certificate_verified verified = { .certificate = certificate, .profile = profile, .at_us = at_us };
	if (!store || !context || !untrusted || !add_roots(store, roots, root_count) ||
	    X509_STORE_CTX_init(context, store, certificate->object, untrusted) != 1) {
		code = certificate_failed(fault, ERR_MEMORY, "out of memory in the certificate's verification");
		goto out;
	}
	set_parameters(context, at_us);
	X509_STORE_CTX_set_verify_cb(context, pass_over_times);
	code = X509_verify_cert(context) == 1 ? check_chain(context, &verified, fault) : chain_failure(context, fault);
	if (code == OK) {
		*ret_verified = verified;
	}
out:
	sk_X509_free(untrusted);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error(); // the search for issuers leaves some behind even when it succeeds
	return code;
}
