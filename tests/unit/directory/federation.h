// SPDX-License-Identifier: EUPL-1.2
//
// For tests: a small federation. Root, issuing CA, a central ledger (XK/GOV/ASHI, gateway `central`), two members with
// gateways, ledgers and services; and edition files sealed as the centre seals them.
#ifndef BESA_TESTS_DIRECTORY_FEDERATION_H
#define BESA_TESTS_DIRECTORY_FEDERATION_H

#include "tests/unit/directory/sealed_ledger.h"

#include "crypto/certificate.h"
#include "directory/directory.h"

#define FEDERATION_CENTRAL "besa/XK/GOV/ASHI/central"
static const int64_t FEDERATION_NOW = 1795253400000000; // 2026-11-21T09:30:00Z
static const int64_t FEDERATION_DAY = INT64_C(86400) * 1000000;

struct federation {
	struct key_private *root_key;
	struct key_private *issuing_key;
	struct certificate *root;
	struct certificate *issuing;
	struct sealed_ledger *central; // besa/XK/GOV/ASHI/central/2026
	struct sealed_ledger *arc;     // besa/XK/GOV/ARC/gw1/2026
	struct sealed_ledger *ashi;    // besa/XK/GOV/ASHI/gw1/2026
	struct certificate *central_seal;
	struct certificate *arc_seal;
	struct certificate *ashi_seal;
	struct trust trust;
	struct buffer document_bytes;
	struct buffer file;

	// the document, to be changed by a test before it is sealed
	struct edition_document document;
	struct edition_member members[2];
	struct edition_subsystem arc_subsystems[2];
	struct edition_subsystem ashi_subsystems[1];
	struct edition_service population_services[2];
	struct edition_service civil_services[1];
	struct edition_gateway arc_gateways[1];
	struct edition_gateway ashi_gateways[2];
	struct edition_ledger arc_ledgers[2];
	struct edition_ledger ashi_ledgers[1];
	struct edition_ledger central_ledgers[1];
	struct slice authorities[1];
	struct slice methods[1];
	struct slice addresses[1];
	struct slice pins[2];
	struct slice previous;
};

static const uint8_t federation_pin_arc[32] = "tls certificate of arc gateway 1";
static const uint8_t federation_pin_ashi[32] = "tls certificate of ashi gateway1";

static inline struct certificate *federation_issue(struct federation *federation, enum certificate_profile profile,
						   struct key_private *key, const char *name, int64_t not_after_us)
{
	bool ca = profile == CERTIFICATE_ROOT || profile == CERTIFICATE_ISSUING;
	const struct certificate_order order = {
		.profile = profile,
		.key = key_public_of(key),
		.organisation = profile == CERTIFICATE_SEAL ? NULL : "Besa",
		.common_name = profile == CERTIFICATE_SEAL ? NULL : name,
		.ledger = profile == CERTIFICATE_SEAL ? name : NULL,
		.subsystem = !ca && profile == CERTIFICATE_CLIENT ? "XK/GOV/ASHI/ekosova" : NULL,
		.not_before_us = FEDERATION_NOW - (ca ? 20 : 10) * FEDERATION_DAY,
		.not_after_us = not_after_us,
	};
	struct certificate *certificate = NULL;
	struct fault fault = { .text = "" };
	bool root = profile == CERTIFICATE_ROOT;
	struct key_private *issuer_key = root                             ? key
					 : profile == CERTIFICATE_ISSUING ? federation->root_key
									  : federation->issuing_key;
	const struct certificate *issuer = root                             ? NULL
					   : profile == CERTIFICATE_ISSUING ? federation->root
									    : federation->issuing;
	if (certificate_issue(&order, issuer, issuer_key, &certificate, &fault) != OK) {
		fail_msg("certificate %s: %s", name, fault.text);
	}
	return certificate;
}

static inline struct certificate *federation_seal_certificate(struct federation *federation,
							      struct sealed_ledger *ledger, const char *name)
{
	return federation_issue(federation, CERTIFICATE_SEAL, ledger->key, name, FEDERATION_NOW + 300 * FEDERATION_DAY);
}

static inline void federation_write_trust(struct federation *federation, const char *instance, const char *ledger,
					  const struct certificate *root)
{
	struct buffer text;
	struct fault fault = { .text = "" };
	struct slice der = certificate_der(root);
	buffer_init(&text, TRUST_FILE_MAX);
	trust_release(&federation->trust);
	if (trust_write(&text, instance, ledger, &der, 1, &fault) != OK ||
	    trust_parse(buffer_slice(&text), &federation->trust, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	buffer_release(&text);
}

static inline void federation_fill_document(struct federation *f)
{
	f->methods[0] = slice_text("GetPerson");
	f->addresses[0] = slice_text("127.0.0.1:7001");
	f->pins[0] = slice_of(federation_pin_arc, 32);
	f->pins[1] = slice_of(federation_pin_ashi, 32);
	f->authorities[0] = certificate_der(f->issuing);
	f->population_services[0] = (struct edition_service){ .name = slice_text("rks.civil.v1.CivilRegistry"),
							      .contract_digest = example_digest(),
							      .idempotent_methods = { f->methods, 1 } };
	f->population_services[1] =
	    (struct edition_service){ .name = slice_text("rks.stat.v1.Counts"), .contract_digest = example_digest() };
	f->civil_services[0] = f->population_services[0];
	f->arc_subsystems[0] = (struct edition_subsystem){
		.id = slice_text("XK/GOV/ARC/population"),
		.has_names = true,
		.names = { slice_text("Regjistri civil"), slice_text("Матични регистар"),
			   slice_text("Civil registry") },
		.services = { f->population_services, 2 },
	};
	f->arc_subsystems[1] =
	    (struct edition_subsystem){ .id = slice_text("XK/GOV/ARC/civil"), .services = { f->civil_services, 1 } };
	f->ashi_subsystems[0] = (struct edition_subsystem){ .id = slice_text("XK/GOV/ASHI/ekosova") };
	f->arc_ledgers[0] = (struct edition_ledger){ .origin = slice_text(f->arc->origin),
						     .seal_certificate = certificate_der(f->arc_seal),
						     .ed25519_key = example_digest() };
	f->arc_ledgers[1] = f->arc_ledgers[0];
	f->arc_ledgers[1].origin = slice_text("besa/XK/GOV/ARC/gw1/2026-2"); // pre-listed
	f->ashi_ledgers[0] = (struct edition_ledger){ .origin = slice_text(f->ashi->origin),
						      .seal_certificate = certificate_der(f->ashi_seal),
						      .ed25519_key = example_digest() };
	f->central_ledgers[0] = (struct edition_ledger){ .origin = slice_text(f->central->origin),
							 .seal_certificate = certificate_der(f->central_seal),
							 .ed25519_key = example_digest() };
	f->arc_gateways[0] = (struct edition_gateway){ .id = slice_text("gw1"),
						       .addresses = { f->addresses, 1 },
						       .tls_certificates = { f->pins, 1 },
						       .ledgers = { f->arc_ledgers, 2 } };
	f->ashi_gateways[0] =
	    (struct edition_gateway){ .id = slice_text("central"), .ledgers = { f->central_ledgers, 1 } };
	f->ashi_gateways[1] = (struct edition_gateway){ .id = slice_text("gw1"),
							.addresses = { f->addresses, 1 },
							.tls_certificates = { f->pins + 1, 1 },
							.ledgers = { f->ashi_ledgers, 1 } };
	f->members[0] = (struct edition_member){ .id = slice_text("XK/GOV/ARC"),
						 .subsystems = { f->arc_subsystems, 2 },
						 .gateways = { f->arc_gateways, 1 } };
	f->members[1] = (struct edition_member){ .id = slice_text("XK/GOV/ASHI"),
						 .subsystems = { f->ashi_subsystems, 1 },
						 .gateways = { f->ashi_gateways, 2 } };
	f->document = (struct edition_document){
		.instance = slice_text("XK"),
		.version = 7,
		.issued_at_us = FEDERATION_NOW - FEDERATION_DAY,
		.valid_until_us = FEDERATION_NOW + FEDERATION_DAY,
		.authorities = { f->authorities, 1 },
		.has_parameters = true,
		.parameters = { 60000000, 30000000, (uint64_t)FEDERATION_DAY },
		.members = { f->members, 2 },
	};
}

static inline struct federation *federation_new(void)
{
	struct federation *f = calloc(1, sizeof *f);
	int64_t years = FEDERATION_NOW + 3000 * FEDERATION_DAY;
	assert_int_equal(key_generate(KEY_P256, &f->root_key), OK);
	assert_int_equal(key_generate(KEY_P256, &f->issuing_key), OK);
	f->root = federation_issue(f, CERTIFICATE_ROOT, f->root_key, "Root", years);
	f->issuing = federation_issue(f, CERTIFICATE_ISSUING, f->issuing_key, "Issuing", years - FEDERATION_DAY);
	f->central = sealed_ledger_new(FEDERATION_CENTRAL "/2026");
	f->arc = sealed_ledger_new("besa/XK/GOV/ARC/gw1/2026");
	f->ashi = sealed_ledger_new("besa/XK/GOV/ASHI/gw1/2026");
	f->central_seal = federation_seal_certificate(f, f->central, FEDERATION_CENTRAL);
	f->arc_seal = federation_seal_certificate(f, f->arc, "besa/XK/GOV/ARC/gw1");
	f->ashi_seal = federation_seal_certificate(f, f->ashi, "besa/XK/GOV/ASHI/gw1");
	trust_init(&f->trust);
	federation_write_trust(f, "XK", FEDERATION_CENTRAL, f->root);
	buffer_init(&f->document_bytes, EDITION_DOCUMENT_MAX);
	buffer_init(&f->file, EDITION_FILE_MAX);
	federation_fill_document(f);
	return f;
}

static inline void federation_free(struct federation *f)
{
	buffer_release(&f->file);
	buffer_release(&f->document_bytes);
	trust_release(&f->trust);
	certificate_free(f->ashi_seal);
	certificate_free(f->arc_seal);
	certificate_free(f->central_seal);
	sealed_ledger_free(f->ashi);
	sealed_ledger_free(f->arc);
	sealed_ledger_free(f->central);
	certificate_free(f->issuing);
	certificate_free(f->root);
	key_private_free(f->issuing_key);
	key_private_free(f->root_key);
	free(f);
}

// Seals the document of f->document_bytes in a ledger, as `member`, with the statement given; the file is f->file.
static inline void federation_seal_statement(struct federation *f, struct sealed_ledger *ledger, const char *member,
					     const struct statement_edition *edition)
{
	union statement_body body = { .edition = *edition };
	struct buffer bytes;
	struct buffer leaf;
	struct buffer seal;
	buffer_init(&bytes, STATEMENT_BODY_MAX);
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	buffer_init(&seal, ENVELOPE_SEAL_MAX);
	assert_int_equal(statement_encode_body(STATEMENT_EDITION, &body, &bytes, NULL), OK);
	statement_append_leaf(&leaf, STATEMENT_EDITION, slice_text(member), FEDERATION_NOW - FEDERATION_DAY,
			      (const uint8_t *)"blinder-16-bytes", buffer_slice(&bytes));
	sealed_ledger_add(ledger, slice_text("some leaf before"));
	uint64_t index = sealed_ledger_add(ledger, buffer_slice(&leaf));
	sealed_ledger_seal(ledger, index, &seal);
	buffer_clear(&f->file);
	assert_int_equal(edition_encode_file(buffer_slice(&leaf), buffer_slice(&seal), buffer_slice(&f->document_bytes),
					     &f->file, NULL),
			 OK);
	buffer_release(&seal);
	buffer_release(&leaf);
	buffer_release(&bytes);
}

// Encodes f->document and seals it in the central ledger.
static inline void federation_publish(struct federation *f)
{
	struct fault fault = { .text = "" };
	uint8_t digest[32];
	struct statement_edition edition;
	buffer_clear(&f->document_bytes);
	if (edition_encode(&f->document, &f->document_bytes, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	edition_statement(&f->document, buffer_slice(&f->document_bytes), f->previous, digest, &edition);
	federation_seal_statement(f, f->central, "XK/GOV/ASHI", &edition);
}

#endif
