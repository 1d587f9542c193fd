// SPDX-License-Identifier: EUPL-1.2
//
// Seal keys: the certificate a ledger is listed with counts only if it leads to a root of the trust bundle, is a seal
// certificate and names this ledger. A country has thousands of ledgers and a gateway meets few, so each is
// verified when it is first needed.
#include "directory/directory_internal.h"

static result parse_root(struct slice der, struct certificate **ret_certificate, struct fault *fault)
{
	result code = certificate_parse(der, ret_certificate, fault);
	return code == OK ? OK : fault_prefix(fault, code, "a root of the trust bundle");
}

result directory_keys_init(struct directory *directory, const struct trust *trust, struct fault *fault)
{
	for (size_t i = 0; i < trust->root_count; i++) {
		result code = parse_root(trust->roots[i], &directory->roots[i], fault);
		if (code != OK) {
			return code;
		}
		directory->root_count++;
	}
	const struct slice_list *authorities = &directory->document.authorities;
	for (size_t i = 0; i < authorities->count; i++) {
		result code = certificate_parse(authorities->items[i], &directory->authorities[i], fault);
		if (code != OK) {
			return fault_prefix(fault, code, "an issuing authority of the edition");
		}
		directory->authority_count++;
	}
	return OK;
}

void directory_keys_release(struct directory *directory)
{
	for (size_t i = 0; directory->keys && i < directory->tables.ledger_count; i++) {
		seal_key_release(&directory->keys[i].key);
	}
	for (size_t i = 0; i < directory->root_count; i++) {
		certificate_free(directory->roots[i]);
	}
	for (size_t i = 0; i < directory->authority_count; i++) {
		certificate_free(directory->authorities[i]);
	}
}

// The certificate's chain at a time; the key if `key` has none yet.
static result verify_chain(const struct directory *directory, const struct edition_ledger *ledger, int64_t at_us,
			   struct directory_key *key, struct fault *fault)
{
	struct certificate *certificate = NULL;
	struct certificate_verified verified;
	result code = certificate_parse(ledger->seal_certificate, &certificate, fault);
	if (code != OK) {
		goto out;
	}
	code =
	    certificate_verify(certificate, CERTIFICATE_SEAL, (const struct certificate *const *)directory->authorities,
			       directory->authority_count, (const struct certificate *const *)directory->roots,
			       directory->root_count, at_us, &verified, fault);
	if (code != OK) {
		goto out;
	}
	if (!certificate_names_ledger(certificate, ledger->origin)) {
		code = fault_set(fault, ERR_CERTIFICATE_INVALID, "the certificate names another ledger");
		goto out;
	}
	struct key_public *public_key = certificate_key(certificate);
	if (key->state != DIRECTORY_KEY_GOOD) {
		code = public_key ? seal_key_init(&key->key, ledger->origin, public_key) : ERR_ARGUMENT;
		if (code != OK) {
			code = fault_set(fault, code == ERR_MEMORY ? code : ERR_CERTIFICATE_INVALID,
					 "the certificate's key is not of P-256");
			goto out;
		}
		key->from_us = at_us;
	}
	key->state = DIRECTORY_KEY_GOOD;
	key->from_us = at_us < key->from_us ? at_us : key->from_us;
	key->until_us = verified.not_after_us;

out:
	certificate_free(certificate);
	return code;
}

result directory_seal_key(const struct directory *directory, struct slice origin, int64_t now_us,
			  const struct seal_key **ret_key, struct fault *fault)
{
	const struct directory_ledger *listed = directory_ledger(directory, origin);
	if (!listed) {
		return fault_set(fault, ERR_NOT_FOUND, "ledger %.*s is not listed in the directory", (int)origin.size,
				 origin.data);
	}
	struct directory_key *key = &directory->keys[listed - directory->tables.ledgers];
	if (key->state == DIRECTORY_KEY_BAD) {
		return fault_set(fault, ERR_CERTIFICATE_INVALID, "the seal certificate of ledger %.*s was refused",
				 (int)origin.size, origin.data);
	}
	if (key->state == DIRECTORY_KEY_GOOD && now_us > key->until_us) {
		return fault_set(fault, ERR_CERTIFICATE_EXPIRED, "the seal certificate of ledger %.*s has expired",
				 (int)origin.size, origin.data);
	}
	if (key->state == DIRECTORY_KEY_UNTRIED || now_us < key->from_us) {
		result code = verify_chain(directory, listed->ledger, now_us, key, fault);
		if (code == ERR_CERTIFICATE_INVALID) {
			key->state = DIRECTORY_KEY_BAD;
		}
		if (code != OK) {
			return fault_prefix(fault, code, "seal certificate of ledger %.*s", (int)origin.size,
					    origin.data);
		}
	}
	*ret_key = &key->key;
	return OK;
}

size_t directory_certificates(const struct directory *directory, struct slice origin, struct slice *certificates,
			      size_t room)
{
	const struct directory_ledger *listed = directory_ledger(directory, origin);
	if (!listed || room == 0) {
		return 0;
	}
	size_t count = 0;
	certificates[count++] = listed->ledger->seal_certificate;
	const struct slice_list *authorities = &directory->document.authorities;
	for (size_t i = 0; i < authorities->count && count < room; i++) {
		certificates[count++] = authorities->items[i];
	}
	return count;
}
