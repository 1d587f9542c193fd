// SPDX-License-Identifier: EUPL-1.2
//
// Issues and writes. Every private key is written once, with mode 0600, and forgotten; only the issuing key
// stays in memory for the run.
#include "cli/pki.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PKI_ARENA_MAX = 256 * 1024 * 1024,
	PKI_PEM_MAX = 4 * CERTIFICATE_SIZE_MAX,
};

void pki_init(struct pki *pki, const char *directory, int64_t not_before_us)
{
	*pki = (struct pki){ .directory = directory, .not_before_us = not_before_us };
	arena_init(&pki->arena, PKI_ARENA_MAX);
}

void pki_release(struct pki *pki)
{
	for (size_t i = 0; i < pki->issued_count; i++) {
		certificate_free(pki->issued[i].certificate);
	}
	free(pki->issued);
	key_private_free(pki->root_key);
	key_private_free(pki->issuing_key);
	arena_release(&pki->arena);
	*pki = (struct pki){ 0 };
}

const char *pki_format(struct pki *pki, const char *format, ...)
{
	char text[PKI_PATH_MAX];
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t)size >= sizeof text) {
		return NULL;
	}
	return arena_copy(&pki->arena, slice_of(text, (size_t)size));
}

const char *pki_path(struct pki *pki, const char *path)
{
	return pki_format(pki, "%s/%s", pki->directory, path);
}

// Makes the folder that a file path lies in.
static result make_folder(struct pki *pki, const char *path, struct fault *fault)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? arena_copy(&pki->arena, slice_of(path, (size_t)(slash - path))) : NULL;
	if (slash && !folder) {
		return ERR_MEMORY;
	}
	return folder ? file_make_directory(folder, fault) : OK;
}

result pki_write(struct pki *pki, const char *path, struct slice content, unsigned mode, struct fault *fault)
{
	const char *full = pki_path(pki, path);
	if (!full) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	result r = make_folder(pki, full, fault);
	return r == OK ? file_replace(full, content, mode, fault) : r;
}

static result save_key(struct pki *pki, const char *path, const struct key_private *key, struct fault *fault)
{
	const char *full = pki_path(pki, path);
	if (!full) {
		return fault_set(fault, ERR_MEMORY, "out of memory");
	}
	result r = make_folder(pki, full, fault);
	return r == OK ? key_save(key, full, fault) : r;
}

// The PEM file of a certificate: itself, then what stands between it and the root.
static result save_certificate(struct pki *pki, const char *path, const struct certificate *certificate,
			       const struct certificate *issuer, struct fault *fault)
{
	struct buffer pem;
	buffer_init(&pem, PKI_PEM_MAX);
	certificate_append_pem(certificate, &pem);
	if (issuer) {
		certificate_append_pem(issuer, &pem);
	}
	result r = buffer_result(&pem);
	if (r == OK) {
		r = pki_write(pki, path, buffer_slice(&pem), 0644, fault);
	}
	buffer_release(&pem);
	return r;
}

// Notes a certificate as issued and takes it over, in any case.
static result remember(struct pki *pki, enum certificate_profile profile, struct certificate *certificate,
		       const char *subject, const char *path)
{
	if (pki->issued_count == PKI_ISSUED_MAX) {
		certificate_free(certificate);
		return ERR_LIMIT;
	}
	if (pki->issued_count == pki->issued_capacity) {
		size_t capacity = pki->issued_capacity ? 2 * pki->issued_capacity : 64;
		struct pki_issued *grown = realloc(pki->issued, capacity * sizeof *grown);
		if (!grown) {
			certificate_free(certificate);
			return ERR_MEMORY;
		}
		pki->issued = grown;
		pki->issued_capacity = capacity;
	}
	pki->issued[pki->issued_count++] =
	    (struct pki_issued){ .profile = profile, .certificate = certificate, .subject = subject, .path = path };
	return OK;
}

// One CA: key, certificate, files. `issuer` NULL makes the root.
static result make_authority(struct pki *pki, struct certificate_order *order, const struct certificate *issuer,
			     struct key_private *issuer_key, const char *path_stem, struct key_private **ret_key,
			     struct certificate **ret_certificate, struct fault *fault)
{
	struct key_private *key = NULL;
	struct certificate *certificate = NULL;
	const char *key_path = pki_format(pki, "%s.key", path_stem);
	const char *pem_path = pki_format(pki, "%s.pem", path_stem);
	if (!key_path || !pem_path) {
		return ERR_MEMORY;
	}
	result r = key_generate(KEY_P256, &key);
	if (r != OK) {
		return r;
	}
	order->key = key_public_of(key);
	r = certificate_issue(order, issuer, issuer ? issuer_key : key, &certificate, fault);
	if (r != OK) {
		goto out;
	}
	r = remember(pki, order->profile, certificate, order->common_name, pem_path);
	if (r != OK) {
		goto out;
	}
	r = save_key(pki, key_path, key, fault);
	if (r == OK) {
		r = save_certificate(pki, pem_path, certificate, NULL, fault);
	}
	if (r == OK) {
		*ret_key = key;
		*ret_certificate = certificate;
		return OK;
	}
out:
	key_private_free(key);
	return r;
}

result pki_make_authorities(struct pki *pki, const char *instance, const char *organisation, int64_t root_us,
			    int64_t issuing_us, struct fault *fault)
{
	struct certificate_order root = {
		.profile = CERTIFICATE_ROOT,
		.organisation = organisation,
		.common_name = pki_format(pki, "Besa %s root", instance),
		.not_before_us = pki->not_before_us,
		.not_after_us = pki->not_before_us + root_us,
	};
	struct certificate_order issuing = {
		.profile = CERTIFICATE_ISSUING,
		.organisation = organisation,
		.common_name = pki_format(pki, "Besa %s issuing CA", instance),
		.not_before_us = pki->not_before_us,
		.not_after_us = pki->not_before_us + issuing_us,
	};
	if (!root.common_name || !issuing.common_name) {
		return ERR_MEMORY;
	}
	result r = make_authority(pki, &root, NULL, NULL, "offline/root", &pki->root_key, &pki->root, fault);
	if (r == OK) {
		r = make_authority(pki, &issuing, pki->root, pki->root_key, "central/issuing", &pki->issuing_key,
				   &pki->issuing, fault);
	}
	return r;
}

result pki_issue(struct pki *pki, const char *folder, const char *name, struct certificate_order *order,
		 const char *subject, int64_t validity_us, const struct certificate **ret_certificate,
		 struct fault *fault)
{
	struct key_private *key = NULL;
	struct certificate *certificate = NULL;
	const char *key_path = pki_format(pki, "%s/%s.key", folder, name);
	const char *pem_path = pki_format(pki, "%s/%s.pem", folder, name);
	const char *kept_subject = pki_format(pki, "%s", subject);
	if (!key_path || !pem_path || !kept_subject) {
		return ERR_MEMORY;
	}
	result r = key_generate(KEY_P256, &key);
	if (r != OK) {
		return r;
	}
	order->key = key_public_of(key);
	order->not_before_us = pki->not_before_us;
	order->not_after_us = pki->not_before_us + validity_us;
	r = certificate_issue(order, pki->issuing, pki->issuing_key, &certificate, fault);
	if (r == OK) {
		r = remember(pki, order->profile, certificate, kept_subject, pem_path);
	}
	if (r == OK) {
		r = save_key(pki, key_path, key, fault);
	}
	if (r == OK) {
		r = save_certificate(pki, pem_path, certificate, pki->issuing, fault);
	}
	if (r == OK && ret_certificate) {
		*ret_certificate = certificate;
	}
	key_private_free(key);
	return r;
}

result pki_make_ed25519(struct pki *pki, const char *folder, uint8_t public_key[KEY_ED25519_SIZE], struct fault *fault)
{
	struct key_private *key = NULL;
	const char *path = pki_format(pki, "%s/ed25519.key", folder);
	if (!path) {
		return ERR_MEMORY;
	}
	result r = key_generate(KEY_ED25519, &key);
	if (r == OK) {
		r = save_key(pki, path, key, fault);
	}
	if (r == OK) {
		memcpy(public_key, key_public_ed25519(key_public_of(key)).data, KEY_ED25519_SIZE);
	}
	key_private_free(key);
	return r;
}
