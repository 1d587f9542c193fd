// SPDX-License-Identifier: EUPL-1.2
//
// Certificates issued and editions published are public record: that is what keeps the centre honest. So even the
// development PKI starts with a real ledger.
#include "cli/central_ledger.h"

#include "base/file.h"
#include "ledger/ledger.h"

#include <stdlib.h>
#include <string.h>

enum {
	GROUP = 128,     // certificate statements of one commit
	BODY_MAX = 1024, // of one certificate statement
	EDITION_BODY_MAX = 1024,
};

struct central_ledger {
	struct ledger *ledger;
	struct key_private *seal_key;
	struct key_private *ed25519_key;
};

static result open_ledger(const struct plan *plan, struct pki *pki, const struct certificate *seal,
			  struct central_ledger *central, struct fault *fault)
{
	const char *directory = pki_path(pki, "central/ledger");
	const char *seal_path = pki_path(pki, "central/seal.key");
	const char *ed25519_path = pki_path(pki, "central/ed25519.key");
	const char *name = pki_format(pki, "besa/%s/%s", plan->central_member, plan->central_gateway);
	if (!directory || !seal_path || !ed25519_path || !name) {
		return ERR_MEMORY;
	}
	result r = file_make_directory(directory, fault);
	if (r == OK) {
		r = key_load(seal_path, &central->seal_key, fault);
	}
	if (r == OK) {
		r = key_load(ed25519_path, &central->ed25519_key, fault);
	}
	if (r != OK) {
		return r;
	}
	struct ledger_config config = {
		.directory = directory,
		.ledger = name,
		.shards = &plan->central_shard,
		.shard_count = 1,
		.seal_key = central->seal_key,
		.ed25519_key = central->ed25519_key,
		.chain_count = 2,
		.more_types = 1u << STATEMENT_EDITION | 1u << STATEMENT_CERTIFICATE,
	};
	memcpy(config.seal_certificate_digest, certificate_fingerprint(seal), DIGEST_SIZE);
	memcpy(config.chain_digests[0], certificate_fingerprint(pki->issuing), DIGEST_SIZE);
	memcpy(config.chain_digests[1], certificate_fingerprint(pki->root), DIGEST_SIZE);
	return ledger_open(&config, &central->ledger, fault);
}

// Commits a batch whose records must all pass.
static result commit(struct ledger *ledger, struct ledger_record *records, size_t count, struct fault *fault)
{
	struct ledger_batch batch;
	result r = ledger_commit(ledger, records, count, &batch);
	for (size_t i = 0; r == OK && i < count; i++) {
		if (records[i].code != OK) {
			r = fault_set(fault, records[i].code, "the central ledger refuses a %s statement: %s",
				      statement_type_name(records[i].type), result_text(records[i].code));
		}
	}
	return r;
}

static result encode_certificate(const struct pki_issued *issued, struct buffer *buffer, struct fault *fault)
{
	const struct certificate *certificate = issued->certificate;
	union statement_body body = {
		.certificate = {
			.action = STATEMENT_CERTIFICATE_ISSUED,
			.profile = slice_text(certificate_profile_name(issued->profile)),
			.digest = slice_of(certificate_fingerprint(certificate), DIGEST_SIZE),
			.subject = slice_text(issued->subject),
			.serial = certificate_serial(certificate),
			.not_before_us = certificate_not_before_us(certificate),
			.not_after_us = certificate_not_after_us(certificate),
		},
	};
	return statement_encode_body(STATEMENT_CERTIFICATE, &body, buffer, fault);
}

static result commit_certificates(const struct pki *pki, struct ledger *ledger, struct fault *fault)
{
	struct ledger_record records[GROUP];
	struct buffer bodies;
	result r = OK;
	buffer_init(&bodies, GROUP * BODY_MAX);
	for (size_t first = 0; r == OK && first < pki->issued_count; first += GROUP) {
		size_t count = pki->issued_count - first < GROUP ? pki->issued_count - first : GROUP;
		size_t ends[GROUP];
		buffer_clear(&bodies);
		memset(records, 0, sizeof records);
		for (size_t i = 0; r == OK && i < count; i++) {
			r = encode_certificate(&pki->issued[first + i], &bodies, fault);
			ends[i] = bodies.size;
		}
		// The buffer moves while it grows: slices are taken when it is complete.
		for (size_t i = 0; r == OK && i < count; i++) {
			size_t begin = i ? ends[i - 1] : 0;
			records[i].type = STATEMENT_CERTIFICATE;
			records[i].owner = LEDGER_OWNER_NONE;
			records[i].body = slice_of(bodies.data + begin, ends[i] - begin);
		}
		if (r == OK) {
			r = commit(ledger, records, count, fault);
		}
	}
	buffer_release(&bodies);
	return r;
}

static result commit_edition(struct ledger *ledger, const struct edition_document *edition, struct slice document,
			     struct buffer *leaf, struct buffer *seal, struct fault *fault)
{
	uint8_t digest[STATEMENT_HASH_SIZE];
	union statement_body body = { 0 };
	struct buffer bytes;
	struct ledger_record record = { .type = STATEMENT_EDITION, .owner = LEDGER_OWNER_NONE, .want_seal = true };
	buffer_init(&bytes, EDITION_BODY_MAX);
	edition_statement(edition, document, (struct slice){ 0 }, digest, &body.edition);
	result r = statement_encode_body(STATEMENT_EDITION, &body, &bytes, fault);
	if (r == OK) {
		record.body = buffer_slice(&bytes);
		r = commit(ledger, &record, 1, fault);
	}
	if (r == OK) {
		buffer_append_slice(leaf, record.leaf);
		r = ledger_append_seal(ledger, &record, seal);
	}
	if (r == OK) {
		r = buffer_result(leaf);
	}
	buffer_release(&bytes);
	return r;
}

result central_ledger_make(const struct plan *plan, struct pki *pki, const struct certificate *seal,
			   const struct edition_document *edition, struct slice document, struct buffer *leaf,
			   struct buffer *seal_bytes, uint64_t *ret_size, struct fault *fault)
{
	struct central_ledger central = { 0 };
	result r = open_ledger(plan, pki, seal, &central, fault);
	if (r == OK) {
		r = commit_certificates(pki, central.ledger, fault);
	}
	if (r == OK) {
		r = commit_edition(central.ledger, edition, document, leaf, seal_bytes, fault);
	}
	if (r == OK) {
		*ret_size = ledger_size(central.ledger);
	}
	ledger_close(central.ledger);
	key_private_free(central.seal_key);
	key_private_free(central.ed25519_key);
	return r;
}
