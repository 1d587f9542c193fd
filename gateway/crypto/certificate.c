// SPDX-License-Identifier: EUPL-1.2
//
// Reading certificates. See certificate.h; verification and issuing have files of their own.
#include "crypto/certificate.h"

#include "base/file.h"
#include "base/text.h"
#include "crypto/certificate_impl.h"
#include "crypto/key_evp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

result certificate_failed(struct fault *fault, result code, const char *format, ...)
{
	char words[FAULT_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);
	ERR_clear_error();
	return fault_set(fault, code, "%s", words);
}

const char *certificate_profile_name(enum certificate_profile profile)
{
	static const char *const names[] = {
		[CERTIFICATE_ROOT] = "root",
		[CERTIFICATE_ISSUING] = "issuing",
		[CERTIFICATE_GATEWAY_TLS] = "gateway-tls",
		[CERTIFICATE_SEAL] = "seal",
		[CERTIFICATE_CLIENT] = "client",
	};
	return names[profile];
}

// ---- taking apart ----

// The first value of a kind in the subject, empty if there is none.
static struct slice subject_part(X509 *object, int kind)
{
	X509_NAME *subject = X509_get_subject_name(object);
	int at = X509_NAME_get_index_by_NID(subject, kind, -1);
	if (at < 0) {
		return slice_of(NULL, 0);
	}
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	return slice_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

static bool time_us(const ASN1_TIME *time, int64_t *ret_us)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1) {
		return false;
	}
	*ret_us = (int64_t)timegm(&tm) * 1000000;
	return true;
}

// Copies the one `besa:` URI among the alternative names, if there is one. False if there are several, or it is too
// long.
static bool take_uri(struct certificate *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate->object, NID_subject_alt_name, NULL, NULL);
	size_t found = 0;
	bool fits = true;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI) {
			continue;
		}
		struct slice uri =
		    slice_of(ASN1_STRING_get0_data(name->d.ia5), (size_t)ASN1_STRING_length(name->d.ia5));
		if (!slice_starts_with(uri, slice_text(CERTIFICATE_URI_SCHEME))) {
			continue;
		}
		found++;
		fits = fits && uri.size <= sizeof certificate->uri;
		if (fits) {
			memcpy(certificate->uri, uri.data, uri.size);
			certificate->uri_size = uri.size;
		}
	}
	GENERAL_NAMES_free(names);
	return fits && found <= 1;
}

static bool extension_twice(const X509 *object)
{
	for (int i = 0; i < X509_get_ext_count(object); i++) {
		const ASN1_OBJECT *kind = X509_EXTENSION_get_object(X509_get_ext(object, i));
		if (X509_get_ext_by_OBJ(object, kind, i) >= 0) {
			return true;
		}
	}
	return false;
}

static result take_apart(struct certificate *certificate, struct fault *fault)
{
	X509 *object = certificate->object;
	if (X509_get_version(object) != X509_VERSION_3) {
		return certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate is not of version 3");
	}
	// The library reads all extensions when asked for the flags, and notes there what it could not read.
	if (X509_get_extension_flags(object) & (EXFLAG_INVALID | EXFLAG_INVALID_POLICY) || extension_twice(object)) {
		return certificate_failed(fault, ERR_CERTIFICATE_INVALID,
					  "an extension of the certificate is malformed or stands twice");
	}
	if (!time_us(X509_get0_notBefore(object), &certificate->not_before_us) ||
	    !time_us(X509_get0_notAfter(object), &certificate->not_after_us)) {
		return certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate's validity is malformed");
	}
	if (!take_uri(certificate)) {
		return certificate_failed(fault, ERR_CERTIFICATE_INVALID,
					  "the certificate has several besa: URIs or too long a one");
	}
	const ASN1_INTEGER *serial = X509_get0_serialNumber(object);
	certificate->serial = slice_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	certificate->organisation = subject_part(object, NID_organizationName);
	certificate->common_name = subject_part(object, NID_commonName);
	EVP_PKEY *key = X509_get0_pubkey(object);
	if (!key) {
		return certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate's key is malformed");
	}
	result code = key_public_from_evp(key, &certificate->key);
	return code == ERR_UNSUPPORTED ? OK : code; // a root of another algorithm can be read, not verified with
}

result certificate_wrap(X509 *object, struct certificate **ret_certificate, struct fault *fault)
{
	struct certificate *certificate = calloc(1, sizeof *certificate);
	if (!certificate) {
		X509_free(object);
		return ERR_MEMORY;
	}
	certificate->holders = 1;
	certificate->object = object;
	result code = OK;
	int size = i2d_X509(object, &certificate->der);
	if (size <= 0) {
		code = certificate_failed(fault, ERR_CRYPTO, "the certificate cannot be encoded");
		goto out;
	}
	certificate->der_size = (size_t)size;
	digest_sha256(certificate_der(certificate), certificate->fingerprint);
	code = take_apart(certificate, fault);
	if (code != OK) {
		goto out;
	}
	*ret_certificate = certificate;
	certificate = NULL;
out:
	certificate_free(certificate);
	return code;
}

result certificate_parse(struct slice der, struct certificate **ret_certificate, struct fault *fault)
{
	if (der.size == 0 || der.size > CERTIFICATE_SIZE_MAX) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "a certificate of %zu bytes is empty or too large",
				 der.size);
	}
	const uint8_t *at = der.data;
	X509 *object = d2i_X509(NULL, &at, (long)der.size);
	if (!object) {
		return certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate is malformed");
	}
	struct certificate *certificate = NULL;
	result code = certificate_wrap(object, &certificate, fault);
	if (code != OK) {
		return code;
	}
	// What is encoded again must be what came: nothing after it, and no BER where DER is due.
	if (!slice_equal(certificate_der(certificate), der)) {
		certificate_free(certificate);
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate is not DER, or bytes follow it");
	}
	*ret_certificate = certificate;
	return OK;
}

// ---- PEM ----

static const char pem_begin[] = "-----BEGIN CERTIFICATE-----";
static const char pem_end[] = "-----END CERTIFICATE-----";

static const size_t PEM_SIZE_MAX = (size_t)2 * CERTIFICATE_SIZE_MAX; // base64 takes four characters for three bytes

static bool is_space(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct slice trim(struct slice text)
{
	while (text.size > 0 && is_space(text.data[0])) {
		text = slice_skip(text, 1);
	}
	while (text.size > 0 && is_space(text.data[text.size - 1])) {
		text.size--;
	}
	return text;
}

// Cuts the first block off the text and reads it.
static result take_pem(struct slice *text, struct certificate **ret_certificate, struct fault *fault)
{
	struct slice begin = slice_text(pem_begin);
	struct slice end = slice_text(pem_end);
	const uint8_t *stop = text->size ? memmem(text->data, text->size, end.data, end.size) : NULL;
	if (!stop || !slice_starts_with(*text, begin)) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "not a certificate in PEM form");
	}
	size_t size = (size_t)(stop - text->data) + end.size;
	if (size > PEM_SIZE_MAX) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate is too large");
	}
	BIO *reader = BIO_new_mem_buf(text->data, (int)size);
	char *name = NULL;
	char *header = NULL;
	uint8_t *der = NULL;
	long der_size = 0;
	result code = OK;
	if (!reader || PEM_read_bio(reader, &name, &header, &der, &der_size) != 1 || header[0] != '\0') {
		code = certificate_failed(fault, ERR_CERTIFICATE_INVALID, "the certificate's PEM form is malformed");
	}
	if (code == OK) {
		code = certificate_parse(slice_of(der, (size_t)der_size), ret_certificate, fault);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(reader);
	*text = trim(slice_skip(*text, size));
	return code;
}

result certificate_parse_pem(struct slice pem, struct certificate **ret_certificate, struct fault *fault)
{
	struct slice rest = trim(pem);
	struct certificate *certificate = NULL;
	result code = take_pem(&rest, &certificate, fault);
	if (code == OK && rest.size != 0) {
		code = fault_set(fault, ERR_CERTIFICATE_INVALID, "something follows the certificate");
	}
	if (code != OK) {
		certificate_free(certificate);
		return code;
	}
	*ret_certificate = certificate;
	return OK;
}

result certificate_load(const char *path, size_t most, struct certificate *ret_certificates[], size_t *ret_count,
			struct fault *fault)
{
	struct buffer pem;
	buffer_init(&pem, most * PEM_SIZE_MAX);
	size_t count = 0;
	result code = file_read(path, &pem, fault);
	struct slice rest = trim(buffer_slice(&pem));
	while (code == OK && (rest.size > 0 || count == 0)) {
		struct certificate *certificate = NULL;
		code = count < most ? take_pem(&rest, &certificate, fault)
				    : fault_set(fault, ERR_CERTIFICATE_INVALID, "more than %zu certificates", most);
		if (code != OK) {
			code = fault_prefix(fault, code, "%s, certificate %zu", path, count + 1);
			break;
		}
		ret_certificates[count++] = certificate;
	}
	buffer_release(&pem);
	if (code != OK) {
		while (count > 0) {
			certificate_free(ret_certificates[--count]);
			ret_certificates[count] = NULL;
		}
		return code;
	}
	*ret_count = count;
	return OK;
}

void certificate_append_pem(const struct certificate *certificate, struct buffer *pem)
{
	enum { LINE_BYTES = 48 }; // 64 characters
	buffer_append_text(pem, pem_begin);
	buffer_append_byte(pem, '\n');
	struct slice rest = certificate_der(certificate);
	while (rest.size > 0) {
		struct slice part = slice_of(rest.data, rest.size < LINE_BYTES ? rest.size : LINE_BYTES);
		text_base64_append(pem, part);
		buffer_append_byte(pem, '\n');
		rest = slice_skip(rest, part.size);
	}
	buffer_append_text(pem, pem_end);
	buffer_append_byte(pem, '\n');
}

// ---- holding and asking ----

struct certificate *certificate_hold(struct certificate *certificate)
{
	certificate->holders++;
	return certificate;
}

void certificate_free(struct certificate *certificate)
{
	if (!certificate || --certificate->holders > 0) {
		return;
	}
	key_public_free(certificate->key);
	X509_free(certificate->object);
	OPENSSL_free(certificate->der);
	free(certificate);
}

struct slice certificate_der(const struct certificate *certificate)
{
	return slice_of(certificate->der, certificate->der_size);
}

const uint8_t *certificate_fingerprint(const struct certificate *certificate)
{
	return certificate->fingerprint;
}

struct slice certificate_serial(const struct certificate *certificate)
{
	return certificate->serial;
}

struct slice certificate_uri(const struct certificate *certificate)
{
	return slice_of(certificate->uri, certificate->uri_size);
}

struct slice certificate_organisation(const struct certificate *certificate)
{
	return certificate->organisation;
}

struct slice certificate_common_name(const struct certificate *certificate)
{
	return certificate->common_name;
}

struct key_public *certificate_key(const struct certificate *certificate)
{
	return certificate->key;
}

int64_t certificate_not_before_us(const struct certificate *certificate)
{
	return certificate->not_before_us;
}

int64_t certificate_not_after_us(const struct certificate *certificate)
{
	return certificate->not_after_us;
}

// Whether the URI is the scheme and the name.
static bool uri_is(const struct certificate *certificate, struct slice name)
{
	struct slice scheme = slice_text(CERTIFICATE_URI_SCHEME);
	return identifier_is_subsystem(name) && // both have four parts
	       slice_equal(slice_skip(certificate_uri(certificate), scheme.size), name);
}

bool certificate_names_ledger(const struct certificate *certificate, struct slice ledger)
{
	struct slice prefix = slice_text(CERTIFICATE_ORIGIN_PREFIX);
	struct slice without_shard = identifier_ledger_of_origin(ledger);
	struct slice name = without_shard.size ? without_shard : ledger;
	return slice_starts_with(name, prefix) && uri_is(certificate, slice_skip(name, prefix.size));
}

bool certificate_names_subsystem(const struct certificate *certificate, struct slice subsystem)
{
	return uri_is(certificate, subsystem);
}
