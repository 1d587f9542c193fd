// SPDX-License-Identifier: EUPL-1.2
//
// Every mistake in a binding is found when it is loaded, and said with its line.
#include "library.h"

static struct library library;

static int set_up(void **state)
{
	(void)state;
	library_set_up(&library);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	library_tear_down(&library);
	return 0;
}

static void test_good_binding(void **state)
{
	(void)state;
	struct sql_binding *binding = library_bind(&library, library_binding);
	assert_int_equal(binding->method_count, 2);
	assert_int_equal(binding->query_count, 6);
	const struct sql_method *method = sql_binding_method(binding, library.get_book);
	assert_non_null(method);
	assert_int_equal(method->parameter_count, 1);
	assert_int_equal(method->queries[0].child_count, 3);
	assert_true(method->queries[0].children[2].many);
	assert_int_equal(method->timeout_us, 2000000);
	sql_binding_free(binding);
	sql_binding_free(NULL);
}

struct mistake {
	const char *from, *to; // what is changed in the good binding
	const char *problems;  // all of them
};

static const struct mistake mistakes[] = {
	// --- keys and values
	{ "timeout: 2s", "timeuot: 2s", "2: unknown key \"timeuot\"; known here: database, timeout, methods\n" },
	{ "timeout: 2s", "timeout: 2", "2: \"timeout\": \"2\" is not a duration such as 250ms, 30s, 5m, 24h or 7d\n" },
	{ "database: {sqlite: library.db}", "database: {}", "1: \"sqlite\" is missing\n" },
	{ "  ListBooks:\n", "  ListBook:\n",
	  "4: \"ListBooks\" is missing\n21: unknown key \"ListBook\"; known here: GetBook, ListBooks\n" },
	{ "        rows: 2", "        rows: 0", "35: \"rows\": \"0\" is no whole number from 1 to 10000\n" },
	{ "      - not_found: no such book\n        sql: |",
	  "      - not_found: no such book\n        rows: 7\n        sql: |",
	  "9: unknown key \"rows\"; known here: into, not_found, sql, queries\n" },
	// --- parameters
	{ "isbn: {required: true, pattern: '^[0-9]+$', expected: digits}",
	  "isbn: {required: true, pattern: '^[0-9]+$'}", "6: \"expected\" is missing\n" },
	{ "'^[0-9]+$'", "'^[0-9+$'",
	  "6: parameter isbn: the pattern is no POSIX extended expression: Unmatched [, [^, [:, [., or [=\n" },
	{ "'^[0-9]+$'", "'(a)\\1'", "6: parameter isbn: back references (\\1) are not allowed in a pattern\n" },
	{ "required: true", "required: true, default: x",
	  "6: parameter isbn: it is required and has a default; it cannot be both\n" },
	{ "required: true", "required: true, least: 1",
	  "6: unknown key \"least\"; known here: field, pattern, expected, characters, required, fold, default\n" },
	{ "field: years.from", "field: years.form",
	  "24: parameter from: \"years.form\": test.library.v1.Years has no field \"form\"\n" },
	{ "field: years.to", "field: years",
	  "25: parameter to: \"years\" is a message; a parameter is a single value\n" },
	{ "field: years.to", "field: title.x", "25: parameter to: \"title.x\": \"title\" is text, it has no fields\n" },
	{ "least: 1000, most: 2100", "least: 2000, most: 1000",
	  "24: parameter from: the least is more than the most\n" },
	{ "default: 2", "default: 99", "27: \"default\": \"99\" is no whole number from 1 to 50\n" },
	{ "      cover: {}", "      cover: {pattern: x, expected: x}",
	  "29: parameter cover: a pattern is for text, and cover is bytes\n" },
	{ "      cover: {}", "      cover: {characters: {least: 1}}",
	  "29: parameter cover: characters are counted in text, and cover is bytes\n" },
	{ "one_of: [title, from, genre]", "one_of: [titel, from]", "32: one_of: there is no parameter \"titel\"\n" },
	{ "      lent: {}", "      row_x: {field: lent}",
	  "22: parameter row_x is used by no statement of ListBooks\n"
	  "31: parameter \"row_x\": a name has letters a-z, digits and _, at most 63; row_… and call_seconds have a "
	  "meaning of their own\n"
	  "36: parameter :lent is not listed under \"parameters\" of ListBooks\n" },
	// --- statements
	{ "FROM book WHERE isbn = :isbn", "FROM books WHERE isbn = :isbn", "10: sql: no such table: books\n" },
	{ "            sold, printed", "            solt, printed", "11: sql: no such column: solt\n" },
	{ "FROM book WHERE isbn = :isbn", "FROM book WERE isbn = :isbn", "12: sql: near \"isbn\": syntax error\n" },
	{ "isbn = :isbn\n", "isbn = :isbm\n", "9: parameter :isbm is not listed under \"parameters\" of GetBook\n" },
	{ "WHERE isbn = :row_isbn ORDER BY tag", "WHERE isbn = ? ORDER BY tag",
	  "14: parameter \"?\": parameters are written :name\n" },
	{ "WHERE isbn = :row_isbn ORDER BY tag", "WHERE isbn = @isbn ORDER BY tag",
	  "14: parameter \"@isbn\": parameters are written :name\n" },
	{ "WHERE isbn = :row_isbn ORDER BY tag", "WHERE isbn = :row_isb ORDER BY tag",
	  "14: parameter :row_isb: the query around this one has no column \"isb\"\n" },
	{ "WHERE isbn = :isbn\n", "WHERE isbn = :row_isbn OR isbn = :isbn\n",
	  "9: parameter :row_isbn: the query around this one has no column \"isbn\"\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "'DELETE FROM tag'",
	  "14: sql: the statement does more than read\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "'ATTACH ''/etc/passwd'' AS x'",
	  "14: sql: the statement does more than read\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "'PRAGMA user_version'",
	  "14: sql: the statement does more than read\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "'SELECT tag FROM tag; SELECT 1'",
	  "14: sql: more than one statement\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "'BEGIN'",
	  "14: sql: the statement does not read rows\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "'-- nothing'",
	  "14: sql: there is no statement\n" },
	{ "'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'", "''",
	  "14: \"sql\" must be the text of one statement\n" },
	// --- columns
	{ "pages,\n", "pages AS sides,\n",
	  "9: column 8 \"sides\" fills nothing: test.library.v1.Book has no field \"sides\" (name it with AS "
	  "\"field\")\n" },
	{ "year, pages,", "year, count(*) OVER (),",
	  "9: column 8 \"count(*) OVER ()\" fills nothing: test.library.v1.Book has no field \"count(*) OVER ()\" "
	  "(name it with AS "
	  "\"field\")\n" },
	{ "year, pages,", "year, title AS pages,",
	  "9: column \"pages\" holds TEXT by the schema, and the field \"pages\" is a whole number\n" },
	{ "title, subtitle", "year AS title, subtitle",
	  "9: column \"title\" holds INTEGER by the schema, and the field \"title\" is text\n" },
	{ "price, weight", "cover AS price, weight",
	  "9: column \"price\" holds BLOB by the schema, and the field \"price\" is a floating-point number\n" },
	{ "year, pages,", "year, year, pages,", "9: columns 7 and 8 both fill \"year\"\n" },
	{ "year, pages,", "year, pages, title AS author,",
	  "9: column 9 \"author\": the field is a message; name a field in it\n" },
	{ "year, pages,", "year, pages, title AS tags,",
	  "9: column 9 \"tags\": the field is a repeated field; fill it with a query inside \"queries\"\n" },
	{ "year, pages,", "year, pages, title AS \"copies.shelf\",",
	  "9: column 9 \"copies.shelf\" fills nothing: \"copies\" is a repeated field: fill it with a query of its "
	  "own "
	  "(name it with AS "
	  "\"field\")\n" },
	{ "'SELECT tag FROM tag", "'SELECT tag, isbn FROM tag",
	  "14: \"tags\" is a list of single values: expected one column, not 2\n" },
	{ "'SELECT year FROM edition", "'SELECT title FROM book",
	  "15: column \"title\" holds TEXT by the schema, and the field \"editions\" is a whole number\n" },
	{ "SELECT number, shelf, isbn FROM copy", "SELECT number, shelf, isbn, 1 AS spare FROM copy",
	  "17: column 4 \"spare\" fills nothing: test.library.v1.Copy has no field \"spare\" (name it with AS "
	  "\"field\")\n" },
	// --- shape
	{ "into: tags,", "into: tagz,", "14: into \"tagz\": test.library.v1.Book has no field \"tagz\"\n" },
	{ "into: tags,", "into: title,", "14: into \"title\": it is text, a single value; name a column so instead\n" },
	{ "into: tags, ", "",
	  "14: \"into\" is missing: a query inside a query needs a field of test.library.v1.Book to fill\n"
	  "14: column 1 \"tag\" fills nothing: test.library.v1.Book has no field \"tag\" (name it with AS "
	  "\"field\")\n" },
	// --- coverage
	{ "year, pages,", "year,",
	  "5: answer field \"pages\" is filled by no column (list it under \"leaves_out\" if so meant)\n" },
	{ "author AS \"author.name\",", "",
	  "5: answer field \"author.name\" is filled by no column (list it under \"leaves_out\" if so meant)\n" },
	{ "          - {into: tags, sql: 'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'}\n", "",
	  "5: answer field \"tags\" is filled by no column (list it under \"leaves_out\" if so meant)\n" },
	{ "    one_of:", "    leaves_out: [books.title]\n    one_of:",
	  "32: leaves_out: \"books.title\" is no field that is left\n" },
	{ "    one_of:", "    ignores: [title]\n    one_of:", "32: ignores: \"title\" is no field that is left\n" },
};

static void test_mistakes(void **state)
{
	(void)state;
	int wrong = 0;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		char *text = library_replaced(library_binding, mistakes[i].from, mistakes[i].to);
		struct buffer problems;
		buffer_init(&problems, 65536);
		struct sql_binding *binding = library_check(&library, text, &problems);
		bool as_wanted = !binding && strcmp(buffer_text(&problems), mistakes[i].problems) == 0;
		if (!as_wanted) {
			print_error("mistake %zu (%s -> %s)\n got: %s want: %s", i, mistakes[i].from, mistakes[i].to,
				    buffer_text(&problems), mistakes[i].problems);
		}
		wrong += !as_wanted;
		buffer_release(&problems);
		free(text);
	}
	assert_int_equal(wrong, 0);
}

static void test_excuses(void **state)
{
	(void)state;
	char *less = library_replaced(library_binding, "year, pages,", "year,");
	char *text = library_replaced(less, "  GetBook:\n", "  GetBook:\n    leaves_out: [pages]\n");
	sql_binding_free(library_bind(&library, text));
	free(text);
	free(less);
	less = library_replaced(library_binding, "      lent: {}\n", "");
	char *fewer = library_replaced(less, "(:lent IS NULL OR lent = :lent)", "1");
	struct buffer problems;
	buffer_init(&problems, 4096);
	assert_null(library_check(&library, fewer, &problems));
	assert_string_equal(buffer_text(&problems),
			    "22: request field \"lent\" is no parameter: callers' values would be ignored (list it "
			    "under \"ignores\" if so meant)\n");
	text = library_replaced(fewer, "    one_of:", "    ignores: [lent]\n    one_of:");
	sql_binding_free(library_bind(&library, text));
	buffer_release(&problems);
	free(text);
	free(fewer);
	free(less);
}

static void test_nesting_is_bounded(void **state)
{
	(void)state;
	char *text = library_replaced(library_binding,
				      "                sql: SELECT reader FROM loan WHERE isbn = :row_isbn AND number "
				      "= :row_number ORDER BY reader\n",
				      "                sql: SELECT reader FROM loan\n"
				      "                queries: [{into: reader, sql: SELECT 1 AS reader, queries: "
				      "[{into: reader, sql: SELECT 1}]}]\n");
	struct buffer problems;
	buffer_init(&problems, 4096);
	assert_null(library_check(&library, text, &problems));
	assert_non_null(strstr(buffer_text(&problems), "into \"reader\": it is text"));
	buffer_release(&problems);
	free(text);
}

static void test_database(void **state)
{
	(void)state;
	char *text = library_replaced(library_binding, "library.db", "gone.db");
	struct buffer problems;
	buffer_init(&problems, 4096);
	assert_null(library_check(&library, text, &problems));
	char expected[200];
	snprintf(expected, sizeof expected, "1: cannot read %s/gone.db: there is no such file\n", library.directory);
	assert_string_equal(buffer_text(&problems), expected);
	free(text);

	char path[128];
	snprintf(path, sizeof path, "%s/junk.db", library.directory);
	FILE *junk = fopen(path, "w");
	assert_non_null(junk);
	for (int i = 0; i < 1000; i++) {
		fputs("this is no database ", junk);
	}
	fclose(junk);
	buffer_clear(&problems);
	text = library_replaced(library_binding, "library.db", "junk.db");
	assert_null(library_check(&library, text, &problems));
	snprintf(expected, sizeof expected, "1: cannot read %s: file is not a database\n", path);
	assert_string_equal(buffer_text(&problems), expected);
	unlink(path);
	free(text);
	buffer_release(&problems);
}

// Whatever becomes of the text, checking ends with errors or a binding, never otherwise (run with sanitizers).
static void test_random_damage(void **state)
{
	(void)state;
	srandom(1);
	char *text = strdup(library_binding);
	size_t size = strlen(text);
	for (int round = 0; round < 400; round++) {
		memcpy(text, library_binding, size);
		for (int i = 0; i < 1 + round % 3; i++) {
			text[(size_t)random() % size] = " \n:{}[]'\"-#xX0,."[random() % 16];
		}
		struct buffer problems;
		buffer_init(&problems, 65536);
		struct sql_binding *binding = library_check(&library, text, &problems);
		assert_true(binding || problems.size > 0);
		sql_binding_free(binding);
		buffer_release(&problems);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_binding), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_excuses),      cmocka_unit_test(test_nesting_is_bounded),
		cmocka_unit_test(test_database),     cmocka_unit_test(test_random_damage),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
