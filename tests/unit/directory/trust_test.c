// SPDX-License-Identifier: EUPL-1.2
//
// Trust bundles have one spelling; every altered byte is refused or changes the fingerprint.
#include "tests/unit/directory/federation.h"

#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

struct fixture {
	struct federation *federation;
	struct federation *other;
	struct buffer text;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->federation = federation_new();
	fixture->other = federation_new();
	const struct slice roots[] = { certificate_der(fixture->federation->root),
				       certificate_der(fixture->other->root) };
	buffer_init(&fixture->text, TRUST_FILE_MAX);
	assert_int_equal(trust_write(&fixture->text, "XK", FEDERATION_CENTRAL, roots, 2, NULL), OK);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	buffer_release(&fixture->text);
	federation_free(fixture->other);
	federation_free(fixture->federation);
	free(fixture);
	return 0;
}

static void test_there_and_back(void **state)
{
	struct fixture *fixture = *state;
	struct trust trust;
	uint8_t fingerprint[32];
	assert_int_equal(trust_parse(buffer_slice(&fixture->text), &trust, NULL), OK);
	assert_string_equal(trust.instance, "XK");
	assert_string_equal(trust.ledger, FEDERATION_CENTRAL);
	assert_int_equal(trust.root_count, 2);
	assert_true(slice_equal(trust.roots[0], certificate_der(fixture->federation->root)));
	assert_true(slice_equal(trust.roots[1], certificate_der(fixture->other->root)));
	digest_sha256(buffer_slice(&fixture->text), fingerprint);
	assert_memory_equal(trust.fingerprint, fingerprint, 32);
	trust_release(&trust);
	trust_release(&trust); // harmless

	char path[] = "/tmp/besa-trust-XXXXXX";
	int file = mkstemp(path);
	assert_true(file >= 0);
	FILE *stream = fdopen(file, "w");
	fwrite(fixture->text.data, 1, fixture->text.size, stream);
	fclose(stream);
	struct fault fault;
	assert_int_equal(trust_load(path, &trust, &fault), OK);
	assert_memory_equal(trust.fingerprint, fingerprint, 32);
	trust_release(&trust);
	remove(path);
	assert_int_equal(trust_load(path, &trust, &fault), ERR_NOT_FOUND);
}

// Either root will do while roots roll over.
static void test_roots_roll_over(void **state)
{
	struct fixture *fixture = *state;
	trust_release(&fixture->other->trust);
	assert_int_equal(trust_parse(buffer_slice(&fixture->text), &fixture->other->trust, NULL), OK);
	struct directory *directory = NULL;
	federation_publish(fixture->federation);
	assert_int_equal(directory_open(buffer_slice(&fixture->federation->file), &fixture->other->trust,
					FEDERATION_NOW, &directory, NULL),
			 OK);
	directory_unref(directory);
	federation_publish(fixture->other);
	assert_int_equal(directory_open(buffer_slice(&fixture->other->file), &fixture->other->trust, FEDERATION_NOW,
					&directory, NULL),
			 OK);
	directory_unref(directory);
}

static void test_every_altered_bit(void **state)
{
	struct fixture *fixture = *state;
	uint8_t fingerprint[32];
	digest_sha256(buffer_slice(&fixture->text), fingerprint);
	for (size_t bit = 0; bit < 8 * fixture->text.size; bit += 3) {
		struct trust trust;
		fixture->text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (trust_parse(buffer_slice(&fixture->text), &trust, NULL) == OK) {
			assert_memory_not_equal(trust.fingerprint, fingerprint, 32);
			trust_release(&trust);
		}
		fixture->text.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < fixture->text.size; size++) {
		struct trust trust;
		if (trust_parse(slice_of(fixture->text.data, size), &trust, NULL) == OK) {
			assert_int_equal(trust.root_count, 1); // cut between the roots
			trust_release(&trust);
		}
	}
}

static void expect_refused(const char *head, const struct certificate *root, const char *words)
{
	struct buffer text;
	struct trust trust;
	struct fault fault = { .text = "" };
	buffer_init(&text, TRUST_FILE_MAX);
	buffer_append_text(&text, head);
	if (root) {
		buffer_append_text(&text, "root ");
		text_base64_append(&text, certificate_der(root));
		buffer_append_text(&text, "\n");
	}
	if (trust_parse(buffer_slice(&text), &trust, &fault) != ERR_FORMAT || !strstr(fault.text, words)) {
		fail_msg("\"%s\", expected \"%s\"", fault.text, words);
	}
	buffer_release(&text);
}

static void test_one_spelling(void **state)
{
	const struct certificate *root = ((struct fixture *)*state)->federation->root;
	static const char good[] = "besa-trust/v1\ninstance XK\nledger besa/XK/GOV/ASHI/central\n";
	expect_refused("", NULL, "line 1");
	expect_refused("besa-trust/v2\ninstance XK\nledger besa/XK/GOV/ASHI/central\n", root, "line 1");
	expect_refused("besa-trust/v1 \ninstance XK\nledger besa/XK/GOV/ASHI/central\n", root, "line 1");
	expect_refused("besa-trust/v1\r\ninstance XK\r\nledger besa/XK/GOV/ASHI/central\r\n", root, "line 1");
	expect_refused("besa-trust/v1\nledger besa/XK/GOV/ASHI/central\ninstance XK\n", root, "line 2");
	expect_refused("besa-trust/v1\ninstance XK\n", root, "line 3");
	expect_refused("besa-trust/v1\ninstance X/K\nledger besa/XK/GOV/ASHI/central\n", root, "instance is not legal");
	expect_refused("besa-trust/v1\ninstance XK\nledger besa/XK/GOV/ASHI/central/2026\n", root, "ledger is not");
	expect_refused("besa-trust/v1\ninstance AL\nledger besa/XK/GOV/ASHI/central\n", root, "another instance");
	expect_refused("besa-trust/v1\ninstance X\nledger besa/XK/GOV/ASHI/central\n", root, "another instance");
	expect_refused(good, NULL, "0 roots");
	expect_refused("besa-trust/v1\ninstance XK\nledger besa/XK/GOV/ASHI/central\nroot AAAA\n", NULL, "line 4");
	expect_refused("besa-trust/v1\ninstance XK\nledger besa/XK/GOV/ASHI/central\n\n", root, "line 4");
	expect_refused("besa-trust/v1\ninstance XK\nledger besa/XK/GOV/ASHI/central\n#\n", root, "line 4");
	struct buffer none;
	buffer_init(&none, TRUST_FILE_MAX);
	assert_int_equal(trust_write(&none, "XK", "besa/XK/GOV/ASHI", NULL, 0, NULL), ERR_ARGUMENT);
	buffer_release(&none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roots_roll_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_altered_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_spelling, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
