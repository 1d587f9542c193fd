// SPDX-License-Identifier: EUPL-1.2
//
// Grants: what they allow and why they do not, in which order leaves count, and the file form.
#include "tests/unit/wire/example.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/digest.h"
#include "directory/grants.h"

static const int64_t NOW = 1795253400000000;

struct fixture {
	struct grants *grants;
	uint64_t next;
	struct fault fault;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	assert_int_equal(grants_new(slice_text(EXAMPLE_MEMBER), &fixture->grants), OK);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	grants_free(fixture->grants);
	free(fixture);
	return 0;
}

static struct statement_grant base_grant(const char *id)
{
	return (struct statement_grant){
		.action = STATEMENT_GRANT_ADD,
		.id = slice_text(id),
		.provider = slice_text("XK/GOV/ASHI/inbox"),
		.client = slice_text("XK/GOV/ARC/population"),
		.service = slice_text("rks.portal.v1.Inbox"),
	};
}

static result apply(struct fixture *fixture, struct statement_grant grant)
{
	union statement_body body = { .grant = grant };
	struct buffer leaf;
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	example_leaf(&leaf, STATEMENT_GRANT, &body);
	result code = grants_apply(fixture->grants, fixture->next++, buffer_slice(&leaf), &fixture->fault);
	buffer_release(&leaf); // the set keeps a copy
	return code;
}

static void add(struct fixture *fixture, struct statement_grant grant)
{
	assert_int_equal(apply(fixture, grant), OK);
}

static void drop(struct fixture *fixture, const char *id)
{
	struct statement_grant grant = base_grant(id);
	grant.action = STATEMENT_GRANT_REMOVE;
	add(fixture, grant);
}

static struct grants_question base_question(void)
{
	return (struct grants_question){
		.client = slice_text("XK/GOV/ARC/population"),
		.provider = slice_text("XK/GOV/ASHI/inbox"),
		.service = slice_text("rks.portal.v1.Inbox"),
		.method = slice_text("Deliver"),
		.purpose = slice_text("notice"),
		.now_us = NOW,
	};
}

static void expect(struct fixture *fixture, struct grants_question question, const char *id)
{
	const struct grants_entry *entry = NULL;
	fixture->fault.text[0] = '\0';
	if (grants_evaluate(fixture->grants, &question, &entry, &fixture->fault) != OK) {
		fail_msg("%s", fixture->fault.text);
	}
	assert_true(slice_is(entry->grant.id, id));
}

static void expect_missing(struct fixture *fixture, struct grants_question question, const char *words)
{
	const struct grants_entry *entry = NULL;
	fixture->fault.text[0] = '\0';
	assert_int_equal(grants_evaluate(fixture->grants, &question, &entry, &fixture->fault), ERR_GRANT_MISSING);
	assert_null(entry);
	if (!strstr(fixture->fault.text, words)) {
		fail_msg("\"%s\", expected \"%s\"", fixture->fault.text, words);
	}
}

static void test_whom_and_what(void **state)
{
	struct fixture *fixture = *state;
	struct grants_question question = base_question();
	expect_missing(fixture, question,
		       "XK/GOV/ASHI/inbox has granted XK/GOV/ARC/population no access to rks.portal.v1.Inbox");
	add(fixture, base_grant("g1"));
	expect(fixture, question, "g1");
	question.method = slice_text("Anything");
	expect(fixture, question, "g1");
	question.client = slice_text("XK/GOV/ARC/civil");
	expect_missing(fixture, question, "no access");
	question = base_question();
	question.provider = slice_text("XK/GOV/ASHI/ekosova");
	expect_missing(fixture, question, "no access");
	question = base_question();
	question.service = slice_text("rks.portal.v1.Inbo");
	expect_missing(fixture, question, "no access");
}

static void test_method_time_and_purpose(void **state)
{
	struct fixture *fixture = *state;
	struct slice purposes[] = { slice_text("audit"), slice_text("notice") };
	struct statement_grant grant = base_grant("g1");
	grant.method = slice_text("Deliver");
	grant.from_us = NOW;
	grant.until_us = NOW + 1000;
	grant.purposes = (struct slice_list){ purposes, 2 };
	add(fixture, grant);
	struct grants_question question = base_question();
	expect(fixture, question, "g1");
	question.method = slice_text("Delete");
	expect_missing(fixture, question, "do not cover method Delete");
	question = base_question();
	question.now_us = NOW - 1;
	expect_missing(fixture, question, "grant g1 begins at 2026-11-21T09:30:00.000000Z");
	question.now_us = NOW + 999;
	expect(fixture, question, "g1");
	question.now_us = NOW + 1000;
	expect_missing(fixture, question, "grant g1 ended at 2026-11-21T09:30:00.001000Z");
	question = base_question();
	question.purpose = slice_text("curiosity");
	expect_missing(fixture, question, "grant g1 is not for this purpose");
	question.purpose = slice_text("");
	expect_missing(fixture, question, "grant g1 is not for this purpose");
}

static void test_the_best_of_several(void **state)
{
	struct fixture *fixture = *state;
	struct slice fields[] = { slice_text("name") };
	struct statement_grant exact = base_grant("exact");
	struct statement_grant whole = base_grant("whole");
	struct statement_grant ended = base_grant("ended");
	exact.method = slice_text("Deliver");
	exact.response_fields = (struct slice_list){ fields, 1 };
	ended.method = slice_text("Deliver");
	ended.until_us = NOW - 1;
	add(fixture, ended);
	expect_missing(fixture, base_question(), "ended");
	add(fixture, whole);
	add(fixture, exact);
	add(fixture, base_grant("whole-2"));
	expect(fixture, base_question(), "exact");
	const struct grants_entry *entry = grants_find(fixture->grants, slice_text("exact"));
	assert_non_null(entry);
	assert_true(slice_is(entry->grant.response_fields.items[0], "name"));
	drop(fixture, "exact");
	expect(fixture, base_question(), "whole"); // the oldest
	drop(fixture, "whole");
	expect(fixture, base_question(), "whole-2");
	drop(fixture, "whole-2");
	expect_missing(fixture, base_question(), "ended");
	drop(fixture, "never-there");
	assert_int_equal(grants_count(fixture->grants), 1);
}

static void test_order_of_leaves(void **state)
{
	struct fixture *fixture = *state;
	add(fixture, base_grant("g1"));
	drop(fixture, "g1");
	assert_int_equal(grants_next_index(fixture->grants), 2);
	fixture->next = 0; // once more from the beginning: nothing happens
	add(fixture, base_grant("g1"));
	drop(fixture, "g1");
	assert_int_equal(grants_count(fixture->grants), 0);
	// other statements only move the index
	struct buffer leaf;
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	union statement_body body = example_body(STATEMENT_EVENT);
	example_leaf(&leaf, STATEMENT_EVENT, &body);
	assert_int_equal(grants_apply(fixture->grants, 9, buffer_slice(&leaf), &fixture->fault), OK);
	assert_int_equal(grants_next_index(fixture->grants), 10);
	grants_note_index(fixture->grants, 4);
	assert_int_equal(grants_next_index(fixture->grants), 10);
	buffer_release(&leaf);
	// a grant under a standing id takes its place
	fixture->next = 10;
	struct statement_grant grant = base_grant("g2");
	add(fixture, grant);
	grant.method = slice_text("Other");
	add(fixture, grant);
	assert_int_equal(grants_count(fixture->grants), 1);
	expect_missing(fixture, base_question(), "do not cover");
}

static void test_bad_leaves_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	add(fixture, base_grant("g1"));
	struct buffer leaf;
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	union statement_body body = { .grant = base_grant("g2") };
	example_leaf(&leaf, STATEMENT_GRANT, &body);
	leaf.data[leaf.size - 1] ^= 0x80;
	assert_int_equal(grants_apply(fixture->grants, 1, buffer_slice(&leaf), &fixture->fault), ERR_STATEMENT_INVALID);
	assert_int_equal(grants_next_index(fixture->grants), 1);
	// another member's grant, good in its own ledger
	struct grants *others = NULL;
	assert_int_equal(grants_new(slice_text("XK/GOV/ARC"), &others), OK);
	leaf.data[leaf.size - 1] ^= 0x80;
	assert_int_equal(grants_apply(others, 1, buffer_slice(&leaf), &fixture->fault), ERR_MEMBER_MISMATCH);
	assert_int_equal(grants_count(others), 0);
	grants_free(others);
	buffer_release(&leaf);
	assert_int_equal(grants_count(fixture->grants), 1);
	assert_int_equal(grants_new(slice_text("XK/GOV"), &others), ERR_ARGUMENT);
}

static void test_many(void **state)
{
	struct fixture *fixture = *state;
	enum { MANY = 3000 };
	char id[32];
	char service[64];
	for (size_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "g%zu", i);
		snprintf(service, sizeof service, "rks.s%zu.Service", i / 3);
		struct statement_grant grant = base_grant(id);
		grant.service = slice_text(service);
		add(fixture, grant);
	}
	for (size_t i = 0; i < MANY; i += 2) {
		snprintf(id, sizeof id, "g%zu", i);
		drop(fixture, id);
	}
	assert_int_equal(grants_count(fixture->grants), MANY / 2);
	for (size_t i = 1; i < grants_count(fixture->grants); i++) {
		assert_true(grants_at(fixture->grants, i - 1)->index < grants_at(fixture->grants, i)->index);
	}
	for (size_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "g%zu", i);
		assert_true((grants_find(fixture->grants, slice_text(id)) != NULL) == (i % 2 == 1));
	}
	struct grants_question question = base_question();
	for (size_t i = 0; i < MANY / 3; i++) {
		const struct grants_entry *entry;
		snprintf(service, sizeof service, "rks.s%zu.Service", i);
		question.service = slice_text(service);
		assert_int_equal(grants_evaluate(fixture->grants, &question, &entry, NULL), OK);
	}
}

static void test_the_limit(void **state)
{
	struct fixture *fixture = *state;
	char id[32];
	for (size_t i = 0; i < GRANTS_MAX; i++) {
		snprintf(id, sizeof id, "g%zu", i);
		add(fixture, base_grant(id));
	}
	uint64_t next = grants_next_index(fixture->grants);
	assert_int_equal(apply(fixture, base_grant("one-more")), ERR_LIMIT);
	assert_int_equal(grants_count(fixture->grants), GRANTS_MAX);
	assert_int_equal(grants_next_index(fixture->grants), next);
	assert_int_equal(apply(fixture, base_grant("g7")), OK); // takes a place that is there
	drop(fixture, "g8");
	assert_int_equal(apply(fixture, base_grant("one-more")), OK);
	assert_int_equal(grants_count(fixture->grants), GRANTS_MAX);
}

// ---- the file ----

static void fill(struct fixture *fixture)
{
	struct slice purposes[] = { slice_text("notice") };
	struct statement_grant grant = base_grant("g1");
	add(fixture, grant);
	add(fixture, base_grant("gone"));
	grant = base_grant("g2");
	grant.purposes = (struct slice_list){ purposes, 1 };
	grant.method = slice_text("Deliver");
	add(fixture, grant);
	drop(fixture, "gone");
	grants_note_index(fixture->grants, 99);
}

static void test_file_there_and_back(void **state)
{
	struct fixture *fixture = *state;
	char path[] = "/tmp/besa-grants-XXXXXX";
	int file = mkstemp(path);
	assert_true(file >= 0);
	close(file);
	struct grants *read = NULL;
	for (int filled = 0; filled <= 1; filled++) { // an empty set has a file too
		if (filled) {
			fill(fixture);
		}
		assert_int_equal(grants_save(fixture->grants, path, &fixture->fault), OK);
		assert_int_equal(grants_load(path, slice_text(EXAMPLE_MEMBER), &read, &fixture->fault), OK);
		assert_int_equal(grants_next_index(read), filled ? 100 : 0);
		assert_int_equal(grants_count(read), filled ? 2 : 0);
		for (size_t i = 0; i < grants_count(read); i++) {
			const struct grants_entry *a = grants_at(read, i);
			const struct grants_entry *b = grants_at(fixture->grants, i);
			assert_int_equal(a->index, b->index);
			assert_true(slice_equal(a->leaf, b->leaf));
			assert_true(slice_equal(a->grant.id, b->grant.id));
		}
		grants_free(read);
	}
	assert_int_equal(grants_load(path, slice_text("XK/GOV/ARC"), &read, &fixture->fault), ERR_MEMBER_MISMATCH);
	remove(path);
	assert_int_equal(grants_load(path, slice_text(EXAMPLE_MEMBER), &read, &fixture->fault), ERR_NOT_FOUND);
}

static void test_altered_files_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes;
	struct grants *read = NULL;
	struct slice member = slice_text(EXAMPLE_MEMBER);
	buffer_init(&bytes, GRANTS_FILE_MAX);
	fill(fixture);
	assert_int_equal(grants_encode(fixture->grants, &bytes), OK);
	for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(grants_decode(buffer_slice(&bytes), member, &read, &fixture->fault), OK);
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < bytes.size; size++) {
		assert_int_not_equal(grants_decode(slice_of(bytes.data, size), member, &read, &fixture->fault), OK);
	}
	assert_null(read);
	buffer_release(&bytes);
}

// A file whose digest is right but whose content is not: whoever can write the file gains nothing more than a
// grant that no ledger holds, and even that must be a whole statement of this member.
static void test_well_digested_nonsense_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct buffer bytes;
	struct grants *read = NULL;
	struct slice member = slice_text(EXAMPLE_MEMBER);
	uint64_t random = 88172645463325252u;
	buffer_init(&bytes, GRANTS_FILE_MAX);
	fill(fixture);
	assert_int_equal(grants_encode(fixture->grants, &bytes), OK);
	size_t body = bytes.size - DIGEST_SIZE;
	for (int i = 0; i < 5000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint8_t *byte = &bytes.data[random % body];
		uint8_t before = *byte;
		*byte ^= (uint8_t)(1 + (random >> 32) % 255);
		digest_sha256(slice_of(bytes.data, body), bytes.data + body);
		if (grants_decode(buffer_slice(&bytes), member, &read, &fixture->fault) == OK) {
			assert_int_equal(grants_count(read), 2);
			grants_free(read);
		}
		*byte = before;
	}
	buffer_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whom_and_what, setup, teardown),
		cmocka_unit_test_setup_teardown(test_method_time_and_purpose, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_best_of_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_of_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_leaves_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_altered_files_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_well_digested_nonsense_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
