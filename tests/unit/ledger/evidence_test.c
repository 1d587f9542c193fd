// SPDX-License-Identifier: EUPL-1.2
//
// Evidence files are built in memory, with a PKI and ledgers of their own, and then spoilt in every way: each byte
// altered, the file cut at each length, parts taken out and exchanged. What is spoilt must be found, under the right
// name.
#include "ledger/evidence.h"

#include "tests/unit/ledger/evidence_example.h"

// ---- verifying --------------------------------------------------------------------------------------------------

static struct listing {
	const struct party *client; // the directory's word on the client's ledger
	bool without_ledgers, without_subsystems;
} listing;

static result list_ledger(void *context, struct slice origin, struct evidence_listing *ret_listing)
{
	const struct listing *lists = context;
	const struct party *party = NULL;
	if (slice_is(origin, CLIENT_LEDGER "/2026")) {
		party = lists->client ? lists->client : &pki.client;
	} else if (slice_is(origin, PROVIDER_LEDGER "/2026") || slice_is(origin, PROVIDER_LEDGER "/2026-2")) {
		party = &pki.provider;
	} else if (slice_is(origin, "besa/XK/GOV/ARC/gw2/2026")) {
		party = &pki.provider2;
	} else if (slice_is(origin, CENTRAL "/2026")) {
		party = &pki.central;
	}
	if (!party || lists->without_ledgers) {
		return ERR_NOT_FOUND;
	}
	ret_listing->certificate = certificate_der(party->certificate);
	return OK;
}

static bool list_subsystem(void *context, struct slice subsystem)
{
	const struct listing *lists = context;
	return !lists->without_subsystems &&
	       (slice_is(subsystem, "XK/GOV/ASHI/ekosova") || slice_is(subsystem, "XK/GOV/ARC/population") ||
		slice_is(subsystem, "XK/GOV/ARC/documents"));
}

static struct evidence_report *verify(struct slice file, bool with_directory, const struct party *root)
{
	struct evidence_report *report = NULL;
	struct slice der = certificate_der((root ? root : &pki.root)->certificate);
	struct evidence_directory directory = { .context = &listing,
						.ledger = list_ledger,
						.subsystem = list_subsystem };
	struct evidence_context context = { .roots = &der,
					    .root_count = 1,
					    .central = slice_text(CENTRAL),
					    .directory = with_directory ? &directory : NULL,
					    .clock_skew_us = 2 * SECOND_US };
	assert_int_equal(evidence_verify(file, &context, &report), OK);
	return report;
}

static void encode(const struct parts *parts, struct buffer *file)
{
	struct fault fault = { 0 };
	buffer_init(file, FILE_MAX);
	if (envelope_encode_evidence(&parts->evidence, file, &fault) != OK) {
		fail_msg("envelope_encode_evidence: %s", fault.text);
	}
}

static struct evidence_report *verify_parts(const struct parts *parts, struct buffer *file)
{
	encode(parts, file);
	return verify(buffer_slice(file), true, NULL);
}

static void print_report(const struct evidence_report *report)
{
	for (size_t i = 0; i < report->check_count; i++) {
		const struct evidence_check *check = &report->checks[i];
		print_message("%-7s %-22s %s\n", evidence_mark_name(check->mark), check->name,
			      check->text  ? check->text
			      : check->why ? check->why
					   : "");
	}
}

static void expect_mark(const struct evidence_report *report, const char *name, enum evidence_mark mark,
			const char *why)
{
	const struct evidence_check *check = evidence_find(report, name);
	if (!check || check->mark != mark || (why && strcmp(check->why, why) != 0)) {
		print_report(report);
		fail_msg("%s should be %s", name, evidence_mark_name(mark));
	}
}

// Builds evidence as wished and expects this check to fail first; NULL: proven.
static void expect_failure(const struct wish *wish, const char *name)
{
	struct parts parts;
	struct buffer file;
	make_parts(&parts, wish);
	struct evidence_report *report = verify_parts(&parts, &file);
	bool as_expected = name ? report->failed && strcmp(report->failed, name) == 0 && !report->proven
				: report->proven && !report->failed;
	if (!as_expected) {
		print_report(report);
		fail_msg("expected %s, got %s", name ? name : "proven", report->failed ? report->failed : "proven");
	}
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

// ---- tests ------------------------------------------------------------------------------------------------------

static void test_whole(void **state)
{
	(void)state;
	static const char *const names[] = {
		"file",
		"certificates",
		"request.statement",
		"request.inclusion",
		"request.signature",
		"request.certificate",
		"request.member",
		"request.directory",
		"request.private",
		"request.payload",
		"request.metadata",
		"response.statement",
		"response.inclusion",
		"response.signature",
		"response.certificate",
		"response.member",
		"response.directory",
		"response.payload",
		"response.metadata",
		"edition.statement",
		"edition.inclusion",
		"edition.signature",
		"edition.certificate",
		"edition.member",
		"edition.directory",
		"exchange.match",
		"exchange.addressee",
		"exchange.time",
		"edition.reference",
		"received",
	};
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ .received = true });
	struct evidence_report *report = verify_parts(&parts, &file);
	assert_int_equal(report->check_count, sizeof names / sizeof names[0]);
	for (size_t i = 0; i < report->check_count; i++) {
		assert_string_equal(report->checks[i].name, names[i]);
		bool absent = strcmp(names[i], "received") == 0 || strcmp(names[i], "response.metadata") == 0;
		expect_mark(report, names[i], absent ? EVIDENCE_ABSENT : EVIDENCE_OK, NULL);
	}
	assert_true(report->proven);
	assert_string_equal(evidence_fact(evidence_find(report, "request.statement"), "client"), "XK/GOV/ASHI/ekosova");
	assert_string_equal(evidence_fact(evidence_find(report, "request.inclusion"), "index"), "5");
	assert_string_equal(evidence_fact(evidence_find(report, "request.inclusion"), "size"), "13");
	assert_string_equal(evidence_fact(evidence_find(report, "request.certificate"), "root"), "Test root");
	assert_string_equal(evidence_fact(evidence_find(report, "request.private"), "user"), "officer-17");
	assert_string_equal(evidence_fact(evidence_find(report, "received"), "index"), "6");
	assert_true(slice_is(report->response_payload, response_payload));
	assert_true(slice_is(report->method, "GetPerson"));
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

static void test_without_directory(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	encode(&parts, &file);
	struct evidence_report *report = verify(buffer_slice(&file), false, NULL);
	assert_true(report->proven);
	expect_mark(report, "request.directory", EVIDENCE_ABSENT, "no_directory");
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

static void test_erased_content_leaves_the_proof(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ .no_payloads = true, .no_private = true, .no_metadata = true });
	parts.evidence.request.salt = parts.evidence.response.salt = (struct slice){ 0 };
	struct evidence_report *report = verify_parts(&parts, &file);
	assert_true(report->proven);
	expect_mark(report, "request.private", EVIDENCE_ABSENT, "erased");
	expect_mark(report, "request.payload", EVIDENCE_ABSENT, "erased");
	expect_mark(report, "request.metadata", EVIDENCE_ABSENT, "erased");
	expect_mark(report, "response.payload", EVIDENCE_ABSENT, "erased");
	assert_false(report->has_request_payload);
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

static void test_other_shapes(void **state)
{
	(void)state;
	expect_failure(&(struct wish){ .no_response = true }, NULL);
	expect_failure(&(struct wish){ .no_response = true, .unanswered = true }, NULL);
	expect_failure(&(struct wish){ .unanswered = true }, NULL); // an answer that came too late
	expect_failure(&(struct wish){ .no_edition = true }, NULL);
	expect_failure(&(struct wish){ .refused = true }, NULL);
	// The provider's shard may change between question and answer.
	expect_failure(&(struct wish){ .provider_origin = PROVIDER_LEDGER "/2026-2" }, NULL);
}

static void test_what_does_not_belong_together(void **state)
{
	(void)state;
	expect_failure(&(struct wish){ .other_request_hash = true }, "exchange.match");
	expect_failure(&(struct wish){ .other_exchange = true }, "exchange.match");
	expect_failure(&(struct wish){ .answering = "XK/GOV/ARC/documents" }, "exchange.addressee");
	expect_failure(&(struct wish){ .answering = "XK/GOV/ARC/unlisted" }, "response.directory");
	expect_failure(&(struct wish){ .provider_key = &pki.provider2, .provider_origin = "besa/XK/GOV/ARC/gw2/2026" },
		       "exchange.addressee");
	expect_failure(&(struct wish){ .no_response = true, .unanswered = true, .other_request_hash = true },
		       "exchange.unanswered");
	expect_failure(&(struct wish){ .other_edition = true }, "edition.reference");
	expect_failure(&(struct wish){ .edition_origin = "besa/XK/MUN/PEJA/gw1/2026", .edition_key = &pki.stranger },
		       "edition.member");
	expect_failure(&(struct wish){ .no_certificates = true }, "certificates");
}

static void test_who_seals(void **state)
{
	(void)state;
	// Another member's key under this ledger's name, and this ledger's statement in another's ledger.
	expect_failure(&(struct wish){ .client_key = &pki.stranger }, "request.signature");
	expect_failure(&(struct wish){ .client_key = &pki.stranger, .client_origin = "besa/XK/MUN/PEJA/gw1/2026" },
		       "request.member");
	expect_failure(&(struct wish){ .provider_key = &pki.client, .provider_origin = CLIENT_LEDGER "/2026" },
		       "response.member");
	// A shard that the directory does not list.
	expect_failure(&(struct wish){ .client_origin = CLIENT_LEDGER "/2027" }, "request.directory");
	expect_failure(&(struct wish){ .client_key = &pki.expired }, "request.certificate");
}

static void test_times(void **state)
{
	(void)state;
	expect_failure(&(struct wish){ .sealed_us = -SECOND_US }, NULL); // within the skew
	expect_failure(&(struct wish){ .sealed_us = -3 * SECOND_US }, "exchange.time");
	expect_failure(&(struct wish){ .sealed_us = 8 * SECOND_US }, "exchange.time");
	expect_failure(&(struct wish){ .answered_us = -4 * SECOND_US }, "exchange.time");
	expect_failure(&(struct wish){ .answered_us = 5 * SECOND_US }, NULL);
	expect_failure(&(struct wish){ .answered_us = 7 * SECOND_US }, "exchange.time");
	// A refusal may come when the deadline has long passed: that is its reason.
	expect_failure(&(struct wish){ .answered_us = 7 * SECOND_US, .refused = true }, NULL);
}

static void test_directory_says_otherwise(void **state)
{
	(void)state;
	listing.client = &pki.stranger;
	expect_failure(&(struct wish){ 0 }, "request.directory");
	listing.client = NULL;
	listing.without_ledgers = true;
	expect_failure(&(struct wish){ 0 }, "request.directory");
	listing.without_ledgers = false;
	listing.without_subsystems = true;
	expect_failure(&(struct wish){ 0 }, "request.directory");
	listing.without_subsystems = false;
}

static void test_foreign_root(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	encode(&parts, &file);
	struct evidence_report *report = verify(buffer_slice(&file), true, &pki.foreign_root);
	assert_false(report->proven);
	assert_string_equal(report->failed, "certificates");
	expect_mark(report, "request.certificate", EVIDENCE_FAILED, NULL);
	evidence_report_free(report);
	buffer_release(&file);
	release_parts(&parts);
}

// Two exchanges, and a part of one put into the other.
static void test_swapped_parts(void **state)
{
	(void)state;
	struct parts own, other;
	struct buffer file;
	static const char *const expected[] = { "request.inclusion",  "request.payload",
						"request.private",    "request.metadata",
						"response.inclusion", "exchange.match",
						"edition.inclusion",  "received" };
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		make_parts(&own, &(struct wish){ .received = true });
		make_parts(&other, &(struct wish){ .received = true });
		struct envelope_evidence *e = &own.evidence;
		const struct envelope_evidence *o = &other.evidence;
		switch (i) {
		case 0:
			e->request.seal = o->request.seal;
			break;
		case 1:
			e->request.salt = o->request.salt;
			break;
		case 2:
			e->request.private_part = o->request.private_part;
			break;
		case 3:
			e->request.metadata = slice_text("\x0a\x02"
							 "xx");
			break;
		case 4:
			e->response.seal = o->response.seal;
			break;
		case 5:
			e->response = o->response;
			break;
		case 6:
			e->edition.seal = o->edition.seal;
			break;
		case 7:
			e->received = o->received;
			break;
		}
		struct evidence_report *report = verify_parts(&own, &file);
		if (!report->failed || strcmp(report->failed, expected[i]) != 0) {
			print_report(report);
			fail_msg("case %zu: expected %s", i, expected[i]);
		}
		evidence_report_free(report);
		buffer_release(&file);
		release_parts(&own);
		release_parts(&other);
	}
}

static bool same_marks(const struct evidence_report *a, const struct evidence_report *b)
{
	if (a->check_count != b->check_count) {
		return false;
	}
	for (size_t i = 0; i < a->check_count; i++) {
		if (a->checks[i].mark != b->checks[i].mark || strcmp(a->checks[i].name, b->checks[i].name) != 0) {
			return false;
		}
	}
	return true;
}

// A step of 1 to 4: over the runs every position comes up.
static size_t step(void)
{
	uint8_t random;
	random_bytes(&random, 1);
	return 1 + random % 4;
}

// A byte altered: found as failed, or reported as gone. Never the same report as before.
static void test_altered_bytes(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ .unanswered = true });
	struct evidence_report *whole = verify_parts(&parts, &file);
	assert_true(whole->proven);
	for (size_t i = 0; i < file.size; i += step()) {
		uint8_t mask = 0;
		while (mask == 0) {
			random_bytes(&mask, 1);
		}
		file.data[i] ^= mask;
		struct evidence_report *report = verify(buffer_slice(&file), true, NULL);
		if (report->proven && same_marks(whole, report)) {
			fail_msg("byte %zu altered by %02x goes unnoticed", i, mask);
		}
		evidence_report_free(report);
		file.data[i] ^= mask;
	}
	evidence_report_free(whole);
	buffer_release(&file);
	release_parts(&parts);
}

// Altered within one part: the check that is responsible says so.
static void test_byte_of_a_part(void **state)
{
	(void)state;
	static const struct {
		const char *names; // of checks that may say it first
		size_t buffer;     // offset in struct parts
	} cases[] = {
		{ "request.statement request.inclusion", offsetof(struct parts, request) },
		{ "request.inclusion request.signature", offsetof(struct parts, request_seal) },
		{ "response.statement response.inclusion", offsetof(struct parts, response) },
		{ "response.inclusion response.signature", offsetof(struct parts, response_seal) },
		{ "edition.statement edition.inclusion", offsetof(struct parts, edition) },
		{ "edition.inclusion edition.signature", offsetof(struct parts, edition_seal) },
		{ "request.private", offsetof(struct parts, private_part) },
		{ "request.metadata", offsetof(struct parts, metadata) },
	};
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
		struct buffer *part = (struct buffer *)(void *)((char *)&parts + cases[c].buffer);
		for (size_t round = 0; round < 60; round++) {
			uint32_t random;
			random_bytes(&random, sizeof random);
			size_t at = random % part->size;
			uint8_t mask = (uint8_t)(1u << (random >> 29));
			part->data[at] ^= mask;
			buffer_init(&file, FILE_MAX);
			// A seal that no longer decodes cannot be encoded either: then the file itself is refused.
			if (envelope_encode_evidence(&parts.evidence, &file, NULL) == OK) {
				struct evidence_report *report = verify(buffer_slice(&file), true, NULL);
				bool responsible = report->failed && (strstr(cases[c].names, report->failed) ||
								      strcmp(report->failed, "file") == 0);
				if (!responsible) {
					print_report(report);
					fail_msg("%s: byte %zu: %s", cases[c].names, at,
						 report->failed ? report->failed : "proven");
				}
				evidence_report_free(report);
			}
			buffer_release(&file);
			part->data[at] ^= mask;
		}
	}
	release_parts(&parts);
}

static void test_cut_off(void **state)
{
	(void)state;
	struct parts parts;
	struct buffer file;
	make_parts(&parts, &(struct wish){ 0 });
	struct evidence_report *whole = verify_parts(&parts, &file);
	for (size_t size = step() - 1; size < file.size; size += step()) {
		struct evidence_report *report = verify(slice_of(file.data, size), true, NULL);
		// Cutting between fields leaves a file without its last part: reported as such.
		if (report->proven && same_marks(whole, report)) {
			fail_msg("cut at %zu goes unnoticed", size);
		}
		evidence_report_free(report);
	}
	evidence_report_free(whole);
	buffer_release(&file);
	release_parts(&parts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_without_directory),
		cmocka_unit_test(test_erased_content_leaves_the_proof),
		cmocka_unit_test(test_other_shapes),
		cmocka_unit_test(test_what_does_not_belong_together),
		cmocka_unit_test(test_who_seals),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_directory_says_otherwise),
		cmocka_unit_test(test_foreign_root),
		cmocka_unit_test(test_swapped_parts),
		cmocka_unit_test(test_altered_bytes),
		cmocka_unit_test(test_byte_of_a_part),
		cmocka_unit_test(test_cut_off),
	};
	return cmocka_run_group_tests(tests, make_pki, free_pki);
}
