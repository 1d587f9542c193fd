// SPDX-License-Identifier: EUPL-1.2
//
// Issuing certificates and requests by profile. See the table in certificate.h.
#include "base/random.h"
#include "base/text.h"
#include "crypto/certificate_impl.h"
#include "crypto/key_evp.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { NAME_PART_MAX = 64 }; // ub-common-name, ub-organization-name of RFC 5280 appendix A

// ---- the order ----

static result refuse(struct fault *fault, const char *words)
{
	return fault_set(fault, ERR_ARGUMENT, "the certificate cannot be issued: %s", words);
}

static bool is_ledger(const char *text)
{
	struct slice prefix = slice_text(CERTIFICATE_ORIGIN_PREFIX);
	struct slice ledger = slice_text(text);
	return slice_starts_with(ledger, prefix) && identifier_is_subsystem(slice_skip(ledger, prefix.size));
}

static result check_names(const struct certificate_order *order, struct fault *fault)
{
	enum certificate_profile profile = order->profile;
	bool authority = profile == CERTIFICATE_ROOT || profile == CERTIFICATE_ISSUING;
	if (order->ledger ? profile != CERTIFICATE_SEAL && profile != CERTIFICATE_GATEWAY_TLS
			  : profile == CERTIFICATE_SEAL) {
		return refuse(fault, "a ledger is named where none belongs, or is missing");
	}
	if (order->ledger && !is_ledger(order->ledger)) {
		return refuse(fault, "the ledger is not named like besa/XK/GOV/ARC/gw1");
	}
	if (!!order->subsystem != (profile == CERTIFICATE_CLIENT) ||
	    (order->subsystem && !identifier_is_subsystem(slice_text(order->subsystem)))) {
		return refuse(fault, "a subsystem is named where none belongs, or is missing or malformed");
	}
	if (order->name_count > CERTIFICATE_NAMES_MAX ||
	    (order->name_count > 0) != (profile == CERTIFICATE_GATEWAY_TLS)) {
		return refuse(fault, "DNS names or addresses are given where none belong, are missing or too many");
	}
	if (profile == CERTIFICATE_SEAL && (order->organisation || order->common_name)) {
		return refuse(fault, "the subject of a seal certificate comes from its ledger");
	}
	if (authority && !order->common_name) {
		return refuse(fault, "an authority needs a common name");
	}
	return OK;
}

static time_t seconds(int64_t us)
{
	return (time_t)(us / 1000000);
}

static result check_order(const struct certificate_order *order, const struct certificate *issuer,
			  struct key_private *issuer_key, struct fault *fault)
{
	if (!order->key || key_public_type(order->key) != KEY_P256 ||
	    key_public_type(key_public_of(issuer_key)) != KEY_P256) {
		return refuse(fault, "keys must be P-256");
	}
	if (order->not_before_us >= order->not_after_us) {
		return refuse(fault, "its validity ends before it begins");
	}
	if ((order->profile == CERTIFICATE_ROOT) != !issuer) {
		return refuse(fault, "a root certificate, and no other, is issued by itself");
	}
	struct key_public *signing = issuer ? issuer->key : order->key;
	if (!signing || !key_public_equal(signing, key_public_of(issuer_key))) {
		return refuse(fault, "the signing key is not the issuer's");
	}
	if (!issuer) {
		return check_names(order, fault);
	}
	bool below_issuing = X509_get_pathlen(issuer->object) == 0;
	if (!(X509_get_extension_flags(issuer->object) & EXFLAG_CA) ||
	    (below_issuing && order->profile == CERTIFICATE_ISSUING)) {
		return refuse(fault, "the issuer may not issue such a certificate");
	}
	// In whole seconds, like the certificates: two ordered with one end must not differ by what was cut off.
	if (seconds(order->not_before_us) < seconds(issuer->not_before_us) ||
	    seconds(order->not_after_us) > seconds(issuer->not_after_us)) {
		return refuse(fault, "its validity is not within the issuer's");
	}
	return check_names(order, fault);
}

// ---- parts of the certificate ----

static bool set_serial(X509 *object)
{
	uint8_t serial[CERTIFICATE_SERIAL_SIZE];
	random_bytes(serial, sizeof serial);
	serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); // positive, and of one length always
	BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
	bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(object));
	BN_free(number);
	return done;
}

static bool set_time(ASN1_TIME *time, int64_t us)
{
	return ASN1_TIME_set(time, seconds(us)) != NULL;
}

static bool add_part(X509_NAME *name, const char *kind, struct slice text)
{
	return text.size == 0 ||
	       X509_NAME_add_entry_by_txt(name, kind, MBSTRING_UTF8, text.data, (int)text.size, -1, 0);
}

// O is left out when it is too long for X.509; CN is replaced by its hash, so that no subject is empty.
static bool set_subject(X509_NAME *name, struct slice organisation, struct slice common_name)
{
	char replaced[2 * DIGEST_SIZE + 1];
	if (organisation.size > NAME_PART_MAX) {
		organisation.size = 0;
	}
	if (common_name.size > NAME_PART_MAX) {
		uint8_t hash[DIGEST_SIZE];
		digest_sha256(common_name, hash);
		text_hex(hash, sizeof hash, replaced);
		common_name = slice_text(replaced);
	}
	return add_part(name, "O", organisation) && add_part(name, "CN", common_name);
}

static bool set_subject_of_order(X509 *object, const struct certificate_order *order)
{
	struct slice organisation = slice_text(order->organisation);
	struct slice common_name = slice_text(order->common_name);
	if (order->profile == CERTIFICATE_SEAL) {
		struct slice path = slice_skip(slice_text(order->ledger), strlen(CERTIFICATE_ORIGIN_PREFIX));
		organisation = identifier_member_of_subsystem(path); // both have four parts
		common_name = slice_text(order->ledger);
	} else if (!order->common_name) {
		common_name = slice_text(order->subsystem ? order->subsystem : order->names[0]);
	}
	return set_subject(X509_get_subject_name(object), organisation, common_name);
}

static bool add_extension(X509 *object, X509V3_CTX *context, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, context, kind, value);
	bool done = extension && X509_add_ext(object, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

// The key identifier is the first 160 bits of the key's SHA-256 (RFC 7093 section 2, method 1): the library's own
// choice is SHA-1.
static bool add_key_identifier(X509 *object)
{
	uint8_t hash[DIGEST_SIZE];
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(object);
	digest_sha256(slice_of(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key)), hash);
	ASN1_OCTET_STRING *identifier = ASN1_OCTET_STRING_new();
	bool done = identifier && ASN1_OCTET_STRING_set(identifier, hash, 20) == 1 &&
		    X509_add1_ext_i2d(object, NID_subject_key_identifier, identifier, 0, X509V3_ADD_DEFAULT) == 1;
	ASN1_OCTET_STRING_free(identifier);
	return done;
}

// One alternative name of a kind; the names own it afterwards.
static bool add_name(GENERAL_NAMES *names, int kind, struct slice text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = ASN1_STRING_type_new(kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	if (!name || !value || ASN1_STRING_set(value, text.data, (int)text.size) != 1) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, kind, value);
	if (sk_GENERAL_NAME_push(names, name) <= 0) {
		GENERAL_NAME_free(name);
		return false;
	}
	return true;
}

static bool is_dns_name(const char *text)
{
	size_t size = strlen(text);
	return size > 0 && size <= 253 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == size;
}

static bool add_host(GENERAL_NAMES *names, const char *host)
{
	uint8_t address[16];
	if (inet_pton(AF_INET, host, address) == 1) {
		return add_name(names, GEN_IPADD, slice_of(address, 4));
	}
	if (inet_pton(AF_INET6, host, address) == 1) {
		return add_name(names, GEN_IPADD, slice_of(address, 16));
	}
	return is_dns_name(host) && add_name(names, GEN_DNS, slice_text(host));
}

static bool add_besa_uri(GENERAL_NAMES *names, const char *name)
{
	char uri[CERTIFICATE_URI_MAX + 1];
	int size = snprintf(uri, sizeof uri, "%s%s", CERTIFICATE_URI_SCHEME, name);
	return size > 0 && (size_t)size < sizeof uri && add_name(names, GEN_URI, slice_text(uri));
}

static bool add_alternative_names(X509 *object, const struct certificate_order *order)
{
	if (!order->ledger && !order->subsystem && order->name_count == 0) {
		return true;
	}
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool done = names;
	for (size_t i = 0; i < order->name_count && done; i++) {
		done = add_host(names, order->names[i]);
	}
	if (done && order->ledger) {
		done = add_besa_uri(names, order->ledger + strlen(CERTIFICATE_ORIGIN_PREFIX));
	}
	if (done && order->subsystem) {
		done = add_besa_uri(names, order->subsystem);
	}
	done = done && X509_add1_ext_i2d(object, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return done;
}

static bool add_usages(X509 *object, X509V3_CTX *context, enum certificate_profile profile)
{
	static const struct {
		const char *constraints, *usage, *extended_usage;
	} values[] = {
		[CERTIFICATE_ROOT] = { "critical,CA:TRUE", "critical,keyCertSign,cRLSign", NULL },
		[CERTIFICATE_ISSUING] = { "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL },
		[CERTIFICATE_GATEWAY_TLS] = { "critical,CA:FALSE", "critical,digitalSignature",
					      "serverAuth,clientAuth" },
		[CERTIFICATE_SEAL] = { "critical,CA:FALSE", "critical,digitalSignature,nonRepudiation", NULL },
		[CERTIFICATE_CLIENT] = { "critical,CA:FALSE", "critical,digitalSignature", "clientAuth" },
	};
	return add_extension(object, context, NID_basic_constraints, values[profile].constraints) &&
	       add_extension(object, context, NID_key_usage, values[profile].usage) &&
	       (!values[profile].extended_usage ||
		add_extension(object, context, NID_ext_key_usage, values[profile].extended_usage));
}

static bool fill(X509 *object, const struct certificate_order *order, const struct certificate *issuer)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer ? issuer->object : object, object, NULL, NULL, 0);
	bool done = X509_set_version(object, X509_VERSION_3) == 1 && set_serial(object) &&
		    set_time(X509_getm_notBefore(object), order->not_before_us) &&
		    set_time(X509_getm_notAfter(object), order->not_after_us) && set_subject_of_order(object, order) &&
		    X509_set_pubkey(object, key_public_evp(order->key)) == 1;
	X509_NAME *above = X509_get_subject_name(issuer ? issuer->object : object);
	done = done && X509_set_issuer_name(object, above) == 1 && add_key_identifier(object);
	if (done && issuer) { // a root's identifier of itself would say nothing
		done = add_extension(object, &context, NID_authority_key_identifier, "keyid:always");
	}
	return done && add_usages(object, &context, order->profile) && add_alternative_names(object, order);
}

result certificate_issue(const struct certificate_order *order, const struct certificate *issuer,
			 struct key_private *issuer_key, struct certificate **ret_certificate, struct fault *fault)
{
	result code = check_order(order, issuer, issuer_key, fault);
	if (code != OK) {
		return code;
	}
	X509 *object = X509_new();
	uint8_t *der = NULL;
	int size = 0;
	if (!object) {
		code = certificate_failed(fault, ERR_MEMORY, "out of memory for a certificate");
	} else if (!fill(object, order, issuer)) {
		code = certificate_failed(fault, ERR_ARGUMENT,
					  "the certificate cannot be issued: a name or time is malformed");
	} else if (X509_sign(object, key_private_evp(issuer_key), EVP_sha256()) <= 0 ||
		   (size = i2d_X509(object, &der)) <= 0) {
		code = certificate_failed(fault, ERR_CRYPTO, "the certificate cannot be signed");
	} else {
		code = certificate_parse(slice_of(der, (size_t)size), ret_certificate, fault); // as every reader will
	}
	OPENSSL_free(der);
	X509_free(object);
	return code;
}

// ---- requests ----

result certificate_request_make(struct key_private *key, const char *common_name, struct buffer *der,
				struct fault *fault)
{
	X509_REQ *request = X509_REQ_new();
	uint8_t *bytes = NULL;
	int size = 0;
	result code = OK;
	if (!request || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    !set_subject(X509_REQ_get_subject_name(request), slice_of(NULL, 0), slice_text(common_name)) ||
	    X509_REQ_set_pubkey(request, key_private_evp(key)) != 1 ||
	    X509_REQ_sign(request, key_private_evp(key), EVP_sha256()) <= 0 ||
	    (size = i2d_X509_REQ(request, &bytes)) <= 0) {
		code = certificate_failed(fault, ERR_CRYPTO, "the certificate request cannot be made");
	} else {
		buffer_append(der, bytes, (size_t)size);
		code = buffer_result(der);
	}
	OPENSSL_free(bytes);
	X509_REQ_free(request);
	return code;
}

result certificate_request_check(struct slice der, struct key_public **ret_key, struct fault *fault)
{
	if (der.size == 0 || der.size > CERTIFICATE_SIZE_MAX) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate request is empty or too large");
	}
	const uint8_t *at = der.data;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.size);
	EVP_PKEY *object = request ? X509_REQ_get0_pubkey(request) : NULL;
	struct key_public *key = NULL;
	result code = OK;
	if (!object || at != der.data + der.size) {
		code = certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate request is malformed");
	} else if (key_public_from_evp(object, &key) != OK || key_public_type(key) != KEY_P256) {
		code = certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate request's key is not P-256");
	} else if (X509_REQ_get_signature_nid(request) != NID_ecdsa_with_SHA256 ||
		   X509_REQ_verify(request, object) != 1) {
		code = certificate_failed(fault, ERR_CERTIFICATE_INVALID,
					  "the certificate request is not signed by its key");
	}
	X509_REQ_free(request);
	if (code != OK) {
		key_public_free(key);
		return code;
	}
	*ret_key = key;
	return OK;
}
