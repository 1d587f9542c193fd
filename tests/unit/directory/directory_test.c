// SPDX-License-Identifier: EUPL-1.2
//
// Editions: a good one opens and answers every look-up; one that is altered, sealed by another, by another key, of
// another time or going back is refused.
#include "tests/unit/directory/federation.h"

#include <stdio.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = federation_new();
	federation_publish(*state);
	return 0;
}

static int teardown(void **state)
{
	federation_free(*state);
	return 0;
}

static struct directory *open_good(struct federation *f)
{
	struct directory *directory = NULL;
	struct fault fault = { .text = "" };
	if (directory_open(buffer_slice(&f->file), &f->trust, FEDERATION_NOW, &directory, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	return directory;
}

static void expect_refused(struct federation *f, result expected, const char *words)
{
	struct directory *directory = NULL;
	struct fault fault = { .text = "" };
	result code = directory_open(buffer_slice(&f->file), &f->trust, FEDERATION_NOW, &directory, &fault);
	if (code != expected || !strstr(fault.text, words)) {
		fail_msg("%s: \"%s\", expected %s: \"%s\"", result_wire_name(code), fault.text,
			 result_wire_name(expected), words);
	}
	assert_null(directory);
}

// ---- look-ups ----

static void test_members_and_services(void **state)
{
	struct directory *directory = open_good(*state);
	const struct edition_member *member = directory_member(directory, slice_text("XK/GOV/ARC"));
	assert_non_null(member);
	assert_int_equal(member->subsystems.count, 2);
	assert_null(directory_member(directory, slice_text("XK/GOV/ATK")));
	assert_null(directory_member(directory, slice_text("")));

	const struct directory_subsystem *subsystem =
	    directory_subsystem(directory, slice_text("XK/GOV/ARC/population"));
	assert_non_null(subsystem);
	assert_ptr_equal(subsystem->member, member);
	assert_true(slice_is(subsystem->subsystem->names.sq, "Regjistri civil"));
	assert_null(directory_subsystem(directory, slice_text("XK/GOV/ARC/nothing")));

	struct slice service = slice_text("rks.civil.v1.CivilRegistry");
	const struct directory_provider *providers;
	assert_int_equal(directory_providers(directory, service, &providers), 2);
	assert_true(slice_is(providers[0].subsystem->id, "XK/GOV/ARC/population"));
	assert_true(slice_is(providers[1].subsystem->id, "XK/GOV/ARC/civil"));
	assert_int_equal(directory_providers(directory, slice_text("rks.stat.v1.Counts"), &providers), 1);
	assert_int_equal(directory_providers(directory, slice_text("rks.none"), &providers), 0);
	assert_null(providers);

	const struct edition_service *found = directory_service(directory, slice_text("XK/GOV/ARC/civil"), service);
	assert_non_null(found);
	assert_true(directory_method_is_idempotent(found, slice_text("GetPerson")));
	assert_false(directory_method_is_idempotent(found, slice_text("GetPersons")));
	assert_null(directory_service(directory, slice_text("XK/GOV/ASHI/ekosova"), service));
	assert_null(directory_service(directory, slice_text("XK/GOV/ARC/civil"), slice_text("rks.stat.v1.Counts")));
	directory_unref(directory);
}

static void test_gateways_and_peers(void **state)
{
	struct federation *f = *state;
	// a gateway that hosts two members is listed by both
	f->ashi_gateways[1].tls_certificates.items = f->pins;
	f->ashi_gateways[1].tls_certificates.count = 2;
	federation_publish(f);
	struct directory *directory = open_good(f);
	const struct directory_gateway *gateways;
	assert_int_equal(directory_gateways(directory, slice_text("XK/GOV/ARC/civil"), &gateways), 1);
	assert_true(slice_is(gateways[0].gateway->addresses.items[0], "127.0.0.1:7001"));
	assert_true(slice_is(gateways[0].gateway->ledgers.items[0].origin, "besa/XK/GOV/ARC/gw1/2026"));
	// the central ledger has no address and is no gateway to call
	assert_int_equal(directory_gateways(directory, slice_text("XK/GOV/ASHI/ekosova"), &gateways), 1);
	assert_true(slice_is(gateways[0].gateway->id, "gw1"));
	assert_int_equal(directory_gateways(directory, slice_text("XK/GOV/ATK/tax"), &gateways), 0);

	assert_int_equal(directory_peers(directory, federation_pin_arc, &gateways), 2);
	assert_true(slice_is(gateways[0].member->id, "XK/GOV/ARC"));
	assert_true(slice_is(gateways[1].member->id, "XK/GOV/ASHI"));
	assert_int_equal(directory_peers(directory, federation_pin_ashi, &gateways), 1);
	static const uint8_t unknown[32] = "nobody's certificate";
	assert_int_equal(directory_peers(directory, unknown, &gateways), 0);
	assert_null(gateways);
	assert_true(directory_peer_hosts(directory, federation_pin_arc, slice_text("XK/GOV/ARC")));
	assert_true(directory_peer_hosts(directory, federation_pin_arc, slice_text("XK/GOV/ASHI")));
	assert_false(directory_peer_hosts(directory, federation_pin_ashi, slice_text("XK/GOV/ARC")));
	assert_false(directory_peer_hosts(directory, unknown, slice_text("XK/GOV/ARC")));
	const struct directory_ledger *ledger = directory_ledger(directory, slice_text("besa/XK/GOV/ARC/gw1/2026-2"));
	assert_non_null(ledger);
	assert_true(slice_is(ledger->member->id, "XK/GOV/ARC"));
	assert_true(directory_gateway_has_tls(ledger->gateway, federation_pin_arc));
	assert_false(directory_gateway_has_tls(ledger->gateway, federation_pin_ashi));
	assert_null(directory_ledger(directory, slice_text("besa/XK/GOV/ARC/gw1/2025")));
	directory_unref(directory);
}

static void test_head_is_what_requests_name(void **state)
{
	struct federation *f = *state;
	struct directory *directory = open_good(f);
	const struct directory_head *head = directory_head(directory);
	assert_int_equal(head->size, f->central->count);
	assert_true(slice_is(head->origin, FEDERATION_CENTRAL "/2026"));
	assert_memory_equal(head->leaf_hash, f->central->leaves[f->central->count - 1], 32);
	assert_int_equal(directory_document(directory)->version, 7);

	// the sealed statement alone verifies with the directory's own key
	struct envelope_sealed sealed;
	struct envelope_seal seal;
	const struct seal_key *key;
	struct seal_verifier *verifier = NULL;
	struct seal_verified verified;
	assert_int_equal(envelope_decode_sealed(head->sealed_statement, &sealed, NULL), OK);
	assert_false(sealed.has_payload);
	assert_int_equal(envelope_decode_seal(sealed.seal, &seal, NULL), OK);
	assert_int_equal(directory_seal_key(directory, seal.origin, FEDERATION_NOW, &key, NULL), OK);
	assert_int_equal(seal_verifier_new(1, &verifier), OK);
	assert_int_equal(seal_verify(verifier, key, sealed.statement, &seal, &verified, NULL), OK);
	assert_memory_equal(verified.root, head->root, 32);
	seal_verifier_free(verifier);
	directory_unref(directory);
}

static void test_references(void **state)
{
	struct directory *directory = open_good(*state);
	assert_ptr_equal(directory_ref(directory), directory);
	directory_unref(directory);
	assert_non_null(directory_member(directory, slice_text("XK/GOV/ARC")));
	directory_unref(directory);
	directory_unref(NULL);
}

// ---- seal keys ----

static void test_seal_keys(void **state)
{
	struct federation *f = *state;
	struct directory *directory = open_good(f);
	const struct seal_key *key = NULL;
	const struct seal_key *again = NULL;
	struct fault fault = { .text = "" };
	struct slice origin = slice_text("besa/XK/GOV/ARC/gw1/2026");
	assert_int_equal(directory_seal_key(directory, origin, FEDERATION_NOW, &key, &fault), OK);
	assert_string_equal(key->note.name, "besa/XK/GOV/ARC/gw1/2026");
	assert_int_equal(directory_seal_key(directory, origin, FEDERATION_NOW + 1, &again, &fault), OK);
	assert_ptr_equal(key, again);
	// earlier than tried so far, but within its time; then outside on both sides; then inside again
	assert_int_equal(directory_seal_key(directory, origin, FEDERATION_NOW - 9 * FEDERATION_DAY, &key, &fault), OK);
	assert_int_equal(directory_seal_key(directory, origin, FEDERATION_NOW - 11 * FEDERATION_DAY, &key, &fault),
			 ERR_CERTIFICATE_EXPIRED);
	assert_int_equal(directory_seal_key(directory, origin, FEDERATION_NOW + 301 * FEDERATION_DAY, &key, &fault),
			 ERR_CERTIFICATE_EXPIRED);
	assert_int_equal(directory_seal_key(directory, origin, FEDERATION_NOW, &key, &fault), OK);
	// the pre-listed shard has the same certificate, another origin
	assert_int_equal(
	    directory_seal_key(directory, slice_text("besa/XK/GOV/ARC/gw1/2026-2"), FEDERATION_NOW, &again, &fault),
	    OK);
	assert_string_equal(again->note.name, "besa/XK/GOV/ARC/gw1/2026-2");
	assert_int_equal(
	    directory_seal_key(directory, slice_text("besa/XK/GOV/ARC/gw2/2026"), FEDERATION_NOW, &key, &fault),
	    ERR_NOT_FOUND);

	struct slice certificates[4];
	assert_int_equal(directory_certificates(directory, origin, certificates, 4), 2);
	assert_true(slice_equal(certificates[0], certificate_der(f->arc_seal)));
	assert_true(slice_equal(certificates[1], certificate_der(f->issuing)));
	assert_int_equal(directory_certificates(directory, origin, certificates, 1), 1);
	assert_int_equal(directory_certificates(directory, slice_text("besa/XK/GOV/ARC/gw2/2026"), certificates, 4), 0);
	directory_unref(directory);
}

static void expect_no_key(struct federation *f, struct slice certificate)
{
	f->arc_ledgers[0].seal_certificate = certificate;
	federation_publish(f);
	struct directory *directory = open_good(f);
	const struct seal_key *key;
	struct fault fault = { .text = "" };
	for (int i = 0; i < 2; i++) { // the refusal is remembered
		assert_int_equal(
		    directory_seal_key(directory, slice_text(f->arc->origin), FEDERATION_NOW, &key, &fault),
		    ERR_CERTIFICATE_INVALID);
		assert_true(fault.text[0] != '\0');
	}
	directory_unref(directory);
}

static void test_certificates_that_do_not_count(void **state)
{
	struct federation *f = *state;
	struct federation *stranger = federation_new();
	expect_no_key(f, certificate_der(stranger->arc_seal)); // another root
	expect_no_key(f, certificate_der(f->ashi_seal));       // another ledger's
	expect_no_key(f, certificate_der(f->issuing));         // no seal certificate
	expect_no_key(f, slice_text("not a certificate"));
	struct certificate *client =
	    federation_issue(f, CERTIFICATE_CLIENT, f->arc->key, "x", FEDERATION_NOW + FEDERATION_DAY);
	expect_no_key(f, certificate_der(client));
	certificate_free(client);
	federation_free(stranger);
}

// ---- what must be refused ----

static void test_every_altered_byte_is_refused(void **state)
{
	struct federation *f = *state;
	struct directory *directory = NULL;
	struct fault fault;
	uint64_t random = 88172645463325252u;
	for (int i = 0; i < 3000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint8_t *byte = &f->file.data[random % f->file.size];
		uint8_t mask = (uint8_t)(1 + (random >> 32) % 255);
		*byte ^= mask;
		assert_int_not_equal(
		    directory_open(buffer_slice(&f->file), &f->trust, FEDERATION_NOW, &directory, &fault), OK);
		*byte ^= mask;
	}
	for (size_t size = 0; size < f->file.size; size += 13) {
		assert_int_not_equal(
		    directory_open(slice_of(f->file.data, size), &f->trust, FEDERATION_NOW, &directory, &fault), OK);
	}
	assert_null(directory);
	directory_unref(open_good(f));
}

static void test_other_trust(void **state)
{
	struct federation *f = *state;
	struct federation *stranger = federation_new();
	federation_write_trust(f, "XK", FEDERATION_CENTRAL, stranger->root);
	expect_refused(f, ERR_CERTIFICATE_INVALID,
		       "edition seal: seal certificate of ledger besa/XK/GOV/ASHI/central/2026");
	federation_write_trust(f, "XK", "besa/XK/GOV/ASHI/gw1", f->root);
	expect_refused(f, ERR_EDITION_INVALID, "the trust bundle names besa/XK/GOV/ASHI/gw1");
	federation_write_trust(f, "AL", "besa/AL/GOV/ASHI/central", f->root);
	expect_refused(f, ERR_EDITION_INVALID, "instance XK, the trust bundle of AL");
	federation_free(stranger);
}

static struct statement_edition good_statement(struct federation *f, uint8_t digest[32])
{
	struct statement_edition edition;
	edition_statement(&f->document, buffer_slice(&f->document_bytes), f->previous, digest, &edition);
	return edition;
}

static void test_statement_and_document_must_agree(void **state)
{
	struct federation *f = *state;
	uint8_t digest[32];
	struct statement_edition edition = good_statement(f, digest);
	edition.version = 8;
	federation_seal_statement(f, f->central, "XK/GOV/ASHI", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "not the one its statement describes");
	edition = good_statement(f, digest);
	edition.valid_until_us++;
	federation_seal_statement(f, f->central, "XK/GOV/ASHI", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "not the one its statement describes");
	edition = good_statement(f, digest);
	edition.size++;
	federation_seal_statement(f, f->central, "XK/GOV/ASHI", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "not the one its statement describes");
	edition = good_statement(f, digest);
	digest[0] ^= 1;
	federation_seal_statement(f, f->central, "XK/GOV/ASHI", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "does not match the digest");
}

static void test_only_the_centre_seals_editions(void **state)
{
	struct federation *f = *state;
	uint8_t digest[32];
	struct statement_edition edition = good_statement(f, digest);
	// in a member's ledger, that the same directory lists
	federation_seal_statement(f, f->arc, "XK/GOV/ARC", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "sealed in ledger besa/XK/GOV/ARC/gw1/2026");
	// in the central ledger, in the name of another member
	federation_seal_statement(f, f->central, "XK/GOV/ARC", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "the statement is of member XK/GOV/ARC");
	// by another key under the central ledger's name
	struct sealed_ledger *false_central = sealed_ledger_new(FEDERATION_CENTRAL "/2026");
	federation_seal_statement(f, false_central, "XK/GOV/ASHI", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "edition seal");
	sealed_ledger_free(false_central);
	// in a shard that is not listed
	struct sealed_ledger *other_shard = sealed_ledger_new(FEDERATION_CENTRAL "/2027");
	federation_seal_statement(f, other_shard, "XK/GOV/ASHI", &edition);
	expect_refused(f, ERR_EDITION_INVALID, "is not listed");
	sealed_ledger_free(other_shard);
}

static void test_central_certificate(void **state)
{
	struct federation *f = *state;
	// the centre cannot seal with a certificate that names another ledger, nor with an expired one
	f->central_ledgers[0].seal_certificate = certificate_der(f->arc_seal);
	federation_publish(f);
	expect_refused(f, ERR_CERTIFICATE_INVALID, "names another ledger");
	struct certificate *expired =
	    federation_issue(f, CERTIFICATE_SEAL, f->central->key, FEDERATION_CENTRAL, FEDERATION_NOW - FEDERATION_DAY);
	f->central_ledgers[0].seal_certificate = certificate_der(expired);
	federation_publish(f);
	expect_refused(f, ERR_CERTIFICATE_EXPIRED, "edition seal");
	certificate_free(expired);
	federation_fill_document(f);
	f->authorities[0] = slice_text("not a certificate");
	federation_publish(f);
	expect_refused(f, ERR_CERTIFICATE_INVALID, "an issuing authority of the edition");
}

static void test_file_holds_nothing_else(void **state)
{
	struct federation *f = *state;
	struct envelope_sealed sealed;
	struct buffer copy;
	buffer_init(&copy, EDITION_FILE_MAX);
	buffer_append_slice(&copy, buffer_slice(&f->file));
	assert_int_equal(envelope_decode_sealed(buffer_slice(&copy), &sealed, NULL), OK);
	sealed.metadata = slice_text("more");
	buffer_clear(&f->file);
	assert_int_equal(envelope_encode_sealed(&sealed, &f->file, NULL), OK);
	expect_refused(f, ERR_EDITION_INVALID, "expected statement, seal and document only");
	sealed.metadata = slice_of(NULL, 0);
	sealed.has_payload = false;
	buffer_clear(&f->file);
	assert_int_equal(envelope_encode_sealed(&sealed, &f->file, NULL), OK);
	expect_refused(f, ERR_EDITION_INVALID, "expected statement, seal and document only");
	buffer_release(&copy);
}

// A good seal over a statement of another type is no edition.
static void test_other_statements_are_no_editions(void **state)
{
	struct federation *f = *state;
	union statement_body body = example_body(STATEMENT_OPERATOR);
	struct buffer leaf;
	struct buffer seal;
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	buffer_init(&seal, ENVELOPE_SEAL_MAX);
	example_leaf(&leaf, STATEMENT_OPERATOR, &body);
	uint64_t index = sealed_ledger_add(f->central, buffer_slice(&leaf));
	sealed_ledger_seal(f->central, index, &seal);
	buffer_clear(&f->file);
	assert_int_equal(edition_encode_file(buffer_slice(&leaf), buffer_slice(&seal), buffer_slice(&f->document_bytes),
					     &f->file, NULL),
			 OK);
	expect_refused(f, ERR_EDITION_INVALID, "of type operator, expected edition");
	buffer_release(&seal);
	buffer_release(&leaf);
}

static void test_files(void **state)
{
	struct federation *f = *state;
	char path[] = "/tmp/besa-edition-XXXXXX";
	struct directory *directory = NULL;
	struct fault fault = { .text = "" };
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(write(file, f->file.data, f->file.size), (ssize_t)f->file.size);
	assert_int_equal(directory_load(path, &f->trust, FEDERATION_NOW, &directory, &fault), OK);
	directory_unref(directory);
	assert_int_equal(ftruncate(file, (off_t)f->file.size - 1), 0);
	assert_int_equal(directory_load(path, &f->trust, FEDERATION_NOW, &directory, &fault), ERR_EDITION_INVALID);
	assert_non_null(strstr(fault.text, path));
	close(file);
	remove(path);
	assert_int_equal(directory_load(path, &f->trust, FEDERATION_NOW, &directory, &fault), ERR_NOT_FOUND);
}

// ---- time and versions ----

static void test_times(void **state)
{
	struct federation *f = *state;
	struct directory *directory = open_good(f);
	struct fault fault;
	int64_t issued = f->document.issued_at_us;
	int64_t until = f->document.valid_until_us;
	assert_int_equal(directory_check_fresh(directory, issued - 60000000, &fault), OK);
	assert_int_equal(directory_check_fresh(directory, issued - 60000001, &fault), ERR_EDITION_EXPIRED);
	assert_int_equal(directory_check_fresh(directory, until + FEDERATION_DAY, &fault), OK);
	assert_int_equal(directory_check_fresh(directory, until + FEDERATION_DAY + 1, &fault), ERR_EDITION_EXPIRED);
	assert_non_null(strstr(fault.text, "valid until 2026-11-22T09:30:00.000000Z"));
	directory_unref(directory);
	f->document.valid_until_us = FEDERATION_NOW - FEDERATION_DAY / 2;
	f->document.parameters.outage_budget_us = 0;
	federation_publish(f);
	expect_refused(f, ERR_EDITION_EXPIRED, "outage budget");
}

static void test_versions_do_not_go_back(void **state)
{
	struct federation *f = *state;
	struct fault fault;
	struct directory *seven = open_good(f);
	struct directory *same = open_good(f);
	f->document.valid_until_us++;
	federation_publish(f);
	struct directory *other_seven = open_good(f);
	f->document.version = 6;
	federation_publish(f);
	struct directory *six = open_good(f);
	f->document.version = 8;
	f->previous = slice_of(directory_head(seven)->leaf_hash, 32);
	federation_publish(f);
	struct directory *eight = open_good(f);
	f->document.version = 9;
	federation_publish(f);
	struct directory *nine = open_good(f); // names edition 7 as the one before: not for whoever has 8
	assert_int_equal(directory_replaces(seven, NULL, &fault), OK);
	assert_int_equal(directory_replaces(same, seven, &fault), OK);
	assert_int_equal(directory_replaces(other_seven, seven, &fault), ERR_EDITION_INVALID);
	assert_int_equal(directory_replaces(six, seven, &fault), ERR_EDITION_INVALID);
	assert_int_equal(directory_replaces(seven, six, &fault), OK);
	assert_int_equal(directory_replaces(eight, seven, &fault), OK);
	assert_int_equal(directory_replaces(eight, other_seven, &fault), ERR_EDITION_INVALID);
	assert_int_equal(directory_replaces(nine, seven, &fault), OK);
	assert_int_equal(directory_replaces(nine, eight, &fault), ERR_EDITION_INVALID);
	struct directory *all[] = { seven, same, other_seven, six, eight, nine };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		directory_unref(all[i]);
	}
}

// ---- names that stand twice ----

static void test_names_stand_once(void **state)
{
	struct federation *f = *state;
	f->arc_subsystems[1].id = f->arc_subsystems[0].id;
	federation_publish(f);
	expect_refused(f, ERR_EDITION_INVALID, "subsystem XK/GOV/ARC/population stands twice");
	federation_fill_document(f);
	f->population_services[1].name = f->population_services[0].name;
	federation_publish(f);
	expect_refused(f, ERR_EDITION_INVALID, "service rks.civil.v1.CivilRegistry stands twice");
	federation_fill_document(f);
	f->arc_ledgers[1].origin = f->arc_ledgers[0].origin;
	federation_publish(f);
	expect_refused(f, ERR_EDITION_INVALID, "ledger besa/XK/GOV/ARC/gw1/2026 stands twice");
}

// ---- a large country ----

static void test_ten_thousand_members(void **state)
{
	enum { MEMBERS = 10000 };
	struct federation *f = *state;
	struct arena arena;
	arena_init(&arena, 64 << 20);
	struct edition_member *members = arena_zalloc(&arena, (MEMBERS + 1) * sizeof *members);
	assert_non_null(members);
	for (size_t i = 0; i < MEMBERS; i++) {
		char text[100];
		struct edition_subsystem *subsystem = arena_zalloc(&arena, sizeof *subsystem);
		struct edition_service *services = arena_zalloc(&arena, 2 * sizeof *services);
		snprintf(text, sizeof text, "XK/COM/m%05zu", i);
		members[i].id = slice_text(arena_copy(&arena, slice_text(text)));
		snprintf(text, sizeof text, "XK/COM/m%05zu/s", i);
		subsystem->id = slice_text(arena_copy(&arena, slice_text(text)));
		snprintf(text, sizeof text, "rks.own.v%zu.Service", i);
		services[0] = f->population_services[0];
		services[1] = f->population_services[1];
		services[1].name = slice_text(arena_copy(&arena, slice_text(text)));
		subsystem->services.items = services;
		subsystem->services.count = 2;
		members[i].subsystems.items = subsystem;
		members[i].subsystems.count = 1;
	}
	members[MEMBERS] = f->members[1];
	f->document.members.items = members;
	f->document.members.count = MEMBERS + 1;
	federation_publish(f);
	struct directory *directory = open_good(f);
	const struct directory_provider *providers;
	size_t count = directory_providers(directory, slice_text("rks.civil.v1.CivilRegistry"), &providers);
	assert_int_equal(count, MEMBERS);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct slice id = members[i].subsystems.items[0].id;
		struct slice own = members[i].subsystems.items[0].services.items[1].name;
		assert_true(slice_equal(providers[i].subsystem->id, id));
		assert_non_null(directory_member(directory, members[i].id));
		assert_non_null(directory_subsystem(directory, id));
		assert_non_null(directory_service(directory, id, own));
		const struct directory_provider *one;
		assert_int_equal(directory_providers(directory, own, &one), 1);
		assert_true(slice_equal(one->subsystem->id, id));
	}
	directory_unref(directory);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_members_and_services, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gateways_and_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_head_is_what_requests_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_references, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_certificates_that_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_altered_byte_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_trust, setup, teardown),
		cmocka_unit_test_setup_teardown(test_statement_and_document_must_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_centre_seals_editions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_central_certificate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_holds_nothing_else, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_statements_are_no_editions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions_do_not_go_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_stand_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ten_thousand_members, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
