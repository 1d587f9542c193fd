// SPDX-License-Identifier: EUPL-1.2
//
// For tests: one good statement of every type.
#ifndef BESA_TESTS_WIRE_EXAMPLE_H
#define BESA_TESTS_WIRE_EXAMPLE_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "wire/statement.h"

#define EXAMPLE_MEMBER "XK/GOV/ASHI"
static const int64_t EXAMPLE_TIME = 1795253400000000; // 2026-11-21T09:30:00Z

static const uint8_t example_uuid[16] = { 0x01, 0x98, 0xc0, 0xde, 0, 1, 0x7a, 2, 0x8b, 3, 4, 5, 6, 7, 8, 9 };
static const uint8_t example_hash[32] = "0123456789abcdef0123456789abcde";

static inline struct slice example_digest(void)
{
	return slice_of(example_hash, sizeof example_hash);
}

// A body of the type that EXAMPLE_MEMBER may seal, every field set that may be.
static inline union statement_body example_body(enum statement_type type)
{
	static struct slice texts[] = { { (const uint8_t *)"person.address", 14 }, { (const uint8_t *)"person", 6 } };
	static struct slice digests[2];
	static struct statement_refusal_count counts[] = { { { (const uint8_t *)"grant_missing", 13 }, 17 } };
	digests[0] = digests[1] = example_digest();
	struct slice uuid = slice_of(example_uuid, sizeof example_uuid);
	union statement_body body;
	memset(&body, 0, sizeof body);
	switch (type) {
	case STATEMENT_REQUEST:
		body.request = (struct statement_request){
			.exchange_id = uuid,
			.client = slice_text("XK/GOV/ASHI/ekosova"),
			.purpose = slice_text("birth certificate"),
			.legal_basis = slice_text("Law 08/L-001"),
			.provider = slice_text("XK/GOV/ARC/population"),
			.provider_ledger = slice_text("besa/XK/GOV/ARC/gw1/2026"),
			.service = slice_text("rks.civil.v1.CivilRegistry"),
			.method = slice_text("GetPerson"),
			.contract_digest = example_digest(),
			.attempt = 2,
			.previous_attempt = example_digest(),
			.issued_at_us = EXAMPLE_TIME,
			.deadline_us = EXAMPLE_TIME + 5000000,
			.payload_digest = example_digest(),
			.payload_size = 12,
			.metadata_digest = example_digest(),
			.directory_size = 40,
			.directory_root = example_digest(),
			.private_commitment = example_digest(),
		};
		break;
	case STATEMENT_RESPONSE:
		body.response = (struct statement_response){
			.exchange_id = uuid,
			.provider = slice_text("XK/GOV/ASHI/ekosova"),
			.request_hash = example_digest(),
			.outcome = STATEMENT_OUTCOME_ANSWERED,
			.grpc_status = GRPC_NOT_FOUND,
			.grant_id = slice_text("g-17"),
			.payload_digest = example_digest(),
			.payload_size = 300,
			.metadata_digest = example_digest(),
			.withheld_paths = { texts, 2 },
		};
		break;
	case STATEMENT_RECEIVED:
		body.received = (struct statement_received){
			.exchange_id = uuid,
			.type = STATEMENT_RESPONSE,
			.statement_hash = example_digest(),
			.seal_hash = example_digest(),
			.origin = slice_text("besa/XK/GOV/ARC/gw1/2026"),
			.index = 1234567,
			.subsystem = slice_text("XK/GOV/ASHI/ekosova"),
			.checks = STATEMENT_CHECKED_ALL,
		};
		break;
	case STATEMENT_UNANSWERED:
		body.unanswered = (struct statement_unanswered){
			.exchange_id = uuid,
			.client = slice_text("XK/GOV/ASHI/ekosova"),
			.request_hash = example_digest(),
			.grpc_status = GRPC_UNAVAILABLE,
			.reason = slice_text("peer_lost"),
		};
		break;
	case STATEMENT_REFUSAL_SUMMARY:
		body.refusal_summary = (struct statement_refusal_summary){
			.peer = slice_text("besa/XK/GOV/ARC/gw1"),
			.since_us = EXAMPLE_TIME,
			.until_us = EXAMPLE_TIME + 60000000,
			.counts = { counts, 1 },
		};
		break;
	case STATEMENT_KEY:
		body.key = (struct statement_key){
			.origin = slice_text("besa/XK/GOV/ASHI/gw1/2026-2"),
			.seal_certificate_digest = example_digest(),
			.chain_digests = { digests, 2 },
			.suite = slice_text(STATEMENT_SUITE),
			.ed25519_key = example_digest(),
			.previous_origin = slice_text("besa/XK/GOV/ASHI/gw1/2026"),
			.previous_size = 99,
			.previous_root = example_digest(),
			.reason = slice_text("damage"),
		};
		break;
	case STATEMENT_EDITION:
		body.edition = (struct statement_edition){
			.instance = slice_text("XK"),
			.version = 3,
			.issued_at_us = EXAMPLE_TIME,
			.valid_until_us = EXAMPLE_TIME + 86400000000,
			.digest = example_digest(),
			.size = 4000,
			.previous = example_digest(),
		};
		break;
	case STATEMENT_CERTIFICATE:
		body.certificate = (struct statement_certificate){
			.action = STATEMENT_CERTIFICATE_REVOKED,
			.profile = slice_text("gateway-tls"),
			.digest = example_digest(),
			.subject = slice_text("besa/XK/GOV/ARC/gw1"),
			.serial = uuid,
			.not_before_us = EXAMPLE_TIME,
			.not_after_us = EXAMPLE_TIME + 1,
			.reason = slice_text("key compromise"),
		};
		break;
	case STATEMENT_GRANT:
		body.grant = (struct statement_grant){
			.action = STATEMENT_GRANT_ADD,
			.id = slice_text("g-17"),
			.provider = slice_text("XK/GOV/ASHI/ekosova"),
			.client = slice_text("XK/GOV/ARC/population"),
			.service = slice_text("rks.portal.v1.Inbox"),
			.method = slice_text("Deliver"),
			.legal_basis = slice_text("Law 08/L-001"),
			.purposes = { texts, 2 },
			.from_us = EXAMPLE_TIME,
			.until_us = EXAMPLE_TIME + 1000000,
			.response_fields = { texts, 1 },
			.operator_name = slice_text("uid 0"),
		};
		break;
	case STATEMENT_OPERATOR:
		body.operator_action = (struct statement_operator){
			.operator_name = slice_text("uid 0"),
			.action = slice_text("reload"),
			.object = slice_text("/etc/besa/gateway.yaml"),
			.detail_digest = example_digest(),
		};
		break;
	case STATEMENT_EVENT:
		body.event = (struct statement_event){
			.event_id = uuid,
			.publisher = slice_text("XK/GOV/ASHI/ekosova"),
			.type = slice_text("rks.portal.v1.Registered"),
			.sequence = 5,
			.payload_digest = example_digest(),
			.payload_size = 20,
			.private_commitment = example_digest(),
		};
		break;
	case STATEMENT_HOUSEKEEPING:
		body.housekeeping = (struct statement_housekeeping){
			.kind = slice_text("timestamp"),
			.checkpoint_size = 100,
			.checkpoint_root = example_digest(),
			.digest = example_digest(),
		};
		break;
	default:
		fail_msg("no example of type %d", (int)type);
	}
	return body;
}

// Appends a leaf of EXAMPLE_MEMBER, whole.
static inline void example_leaf(struct buffer *buffer, enum statement_type type, const union statement_body *body)
{
	struct buffer bytes;
	struct fault fault = { .text = "" };
	buffer_init(&bytes, STATEMENT_BODY_MAX);
	if (statement_encode_body(type, body, &bytes, &fault) != OK) {
		fail_msg("%s: %s", statement_type_name(type), fault.text);
	}
	statement_append_leaf(buffer, type, slice_text(EXAMPLE_MEMBER), EXAMPLE_TIME,
			      (const uint8_t *)"blinder-16-bytes", buffer_slice(&bytes));
	assert_int_equal(buffer_result(buffer), OK);
	buffer_release(&bytes);
}

#endif
