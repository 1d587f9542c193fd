// SPDX-License-Identifier: EUPL-1.2
//
// The sentences of `besa verify`: filled in rightly, there in every language with the same facts, and one for every
// check that the engine makes.
#include "cli/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 8192 };

static const struct evidence_check sample = {
	.name = "response.statement",
	.facts = { { "provider", "XK/GOV/ARC/population" },
		   { "time", "now" },
		   { "status", "OK" },
		   { "outcome", "refused" } },
	.fact_count = 4,
};

static void expect_filled(const char *template, const char *expected)
{
	struct buffer text;
	buffer_init(&text, TEXT_MAX);
	messages_fill(&text, LANGUAGE_SQ, template, &sample);
	assert_string_equal(buffer_text(&text), expected);
	buffer_release(&text);
}

static void test_fill(void **state)
{
	(void)state;
	expect_filled("{provider} said {status}.", "XK/GOV/ARC/population said OK.");
	expect_filled("{status}[, by grant {grant}][ at {time}].", "OK at now.");
	expect_filled("{grant}", "-");
	expect_filled("[{status} {grant}]x", "x");
	expect_filled("{outcome}", "u refuzua");
	expect_filled("", "");
}

static void test_language(void **state)
{
	(void)state;
	enum language language = LANGUAGE_EN;
	assert_true(messages_language("sq", &language));
	assert_int_equal(language, LANGUAGE_SQ);
	assert_true(messages_language("sr_RS.UTF-8@latin", &language));
	assert_int_equal(language, LANGUAGE_SR);
	assert_true(messages_language("en-GB", &language));
	assert_false(messages_language("sqx", &language));
	assert_false(messages_language("C.UTF-8", &language));
	assert_false(messages_language("", &language));
	setenv("LC_ALL", "", 1);
	unsetenv("LC_MESSAGES");
	setenv("LANG", "sq_XK.UTF-8", 1);
	assert_int_equal(messages_environment_language(), LANGUAGE_SQ);
	setenv("LC_ALL", "C", 1);
	assert_int_equal(messages_environment_language(), LANGUAGE_EN);
}

// The places of a sentence, "{a}{b}", in order of the alphabet of their first appearance: as a set of keys.
static size_t collect_places(const char *text, char keys[16][32])
{
	size_t count = 0;
	for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{')) {
		size_t size = (size_t)(strchr(open, '}') - open - 1);
		assert_true(size > 0 && size < 32 && count < 16);
		memcpy(keys[count], open + 1, size);
		keys[count++][size] = '\0';
	}
	qsort(keys, count, 32, (int (*)(const void *, const void *))strcmp);
	return count;
}

static void test_languages_agree(void **state)
{
	(void)state;
	size_t sentences = 0;
	for (; messages_sentence(sentences, LANGUAGE_EN); sentences++) {
		char keys[LANGUAGE_COUNT][16][32];
		size_t count = collect_places(messages_sentence(sentences, LANGUAGE_EN), keys[LANGUAGE_EN]);
		for (int language = LANGUAGE_SQ; language < LANGUAGE_COUNT; language++) {
			const char *text = messages_sentence(sentences, (enum language)language);
			assert_non_null(text);
			assert_string_not_equal(text, messages_sentence(sentences, LANGUAGE_EN));
			assert_int_equal(collect_places(text, keys[language]), count);
			for (size_t i = 0; i < count; i++) {
				assert_string_equal(keys[language][i], keys[LANGUAGE_EN][i]);
			}
		}
	}
	assert_true(sentences > 40);
}

static void expect_sentence(const char *name, enum evidence_mark mark, const char *why)
{
	struct buffer text;
	struct evidence_check check = { .name = name, .mark = mark, .why = why };
	check.text = mark == EVIDENCE_FAILED ? "technical words" : NULL;
	buffer_init(&text, TEXT_MAX);
	for (int language = 0; language < LANGUAGE_COUNT; language++) {
		buffer_clear(&text);
		messages_check(&text, (enum language)language, &check);
		// Without a sentence of its own a check is told by its name or the engine's words alone.
		if (strncmp(buffer_text(&text), name, strlen(name)) == 0 ||
		    strncmp(buffer_text(&text), "technical", 9) == 0) {
			fail_msg("%s, %s has no sentence", name, why ? why : evidence_mark_name(mark));
		}
		if (mark == EVIDENCE_FAILED) {
			assert_non_null(strstr(buffer_text(&text), " (technical words)."));
		}
	}
	buffer_release(&text);
}

static void test_every_check_has_a_sentence(void **state)
{
	(void)state;
	static const char *const sides[] = { "request", "response", "unanswered", "edition" };
	static const char *const of_sides[] = { "statement",   "inclusion", "signature",
						"certificate", "member",    "directory" };
	static const char *const others[] = { "request.private",    "request.payload",     "request.metadata",
					      "response.payload",   "response.metadata",   "exchange.match",
					      "exchange.addressee", "exchange.unanswered", "exchange.time",
					      "edition.reference",  "certificates",        "file" };
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 6; j++) {
			char name[64];
			snprintf(name, sizeof name, "%s.%s", sides[i], of_sides[j]);
			expect_sentence(name, EVIDENCE_OK, NULL);
			expect_sentence(name, EVIDENCE_FAILED, NULL);
			expect_sentence(name, EVIDENCE_ABSENT, "blocked");
		}
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		expect_sentence(others[i], EVIDENCE_OK, NULL);
		expect_sentence(others[i], EVIDENCE_FAILED, NULL);
		expect_sentence(others[i], EVIDENCE_ABSENT, "blocked");
	}
	for (size_t i = 0; i < 5; i++) {
		expect_sentence(others[i], EVIDENCE_ABSENT, "none");
		expect_sentence(others[i], EVIDENCE_ABSENT, "erased");
	}
	expect_sentence("request.directory", EVIDENCE_ABSENT, "no_directory");
	expect_sentence("edition.reference", EVIDENCE_ABSENT, "no_edition");
	expect_sentence("exchange.match", EVIDENCE_ABSENT, "no_answer");
	expect_sentence("exchange.addressee", EVIDENCE_ABSENT, "no_answer");
	expect_sentence("received", EVIDENCE_ABSENT, "unsealed");
	expect_sentence("received", EVIDENCE_ABSENT, "none");
	expect_sentence("received", EVIDENCE_FAILED, NULL);
}

static void test_verdict(void **state)
{
	(void)state;
	struct buffer text;
	struct evidence_report report = { .proven = false, .failed = "response.payload" };
	buffer_init(&text, TEXT_MAX);
	messages_verdict(&text, LANGUAGE_EN, &report);
	assert_string_equal(buffer_text(&text), "NOT proven: this check failed first: response.payload.");
	report = (struct evidence_report){ .proven = true, .has_response = true };
	buffer_clear(&text);
	messages_verdict(&text, LANGUAGE_SQ, &report);
	assert_non_null(strstr(buffer_text(&text), "E provuar"));
	buffer_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_language),
		cmocka_unit_test(test_languages_agree),
		cmocka_unit_test(test_every_check_has_a_sentence),
		cmocka_unit_test(test_verdict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
