// SPDX-License-Identifier: EUPL-1.2
//
// What the tests of the SQL engine share: a small library's database, contract and binding.
#ifndef BESA_TESTS_UNIT_ADAPTERS_LIBRARY_H
#define BESA_TESTS_UNIT_ADAPTERS_LIBRARY_H

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapters/sql/sql_binding.h"
#include "base/buffer.h"
#include "contract/contract.h"

struct library {
	char directory[64];
	char database[96];
	char binding_path[96]; // names the database as library.db beside it; no such file exists
	struct contract *contract;
	const struct contract_service *service;
	const struct contract_method *get_book, *list_books;
};

static const char library_schema[] =
    "CREATE TABLE book (isbn TEXT PRIMARY KEY, title TEXT, subtitle TEXT, genre TEXT, author TEXT, born INTEGER, year "
    "INTEGER,"
    " pages INTEGER, sold INTEGER, printed INTEGER, price REAL, weight REAL, lent INTEGER, cover BLOB, odd NUMERIC);"
    "CREATE TABLE tag (isbn TEXT, tag TEXT);"
    "CREATE TABLE edition (isbn TEXT, year INTEGER);"
    "CREATE TABLE copy (isbn TEXT, number INTEGER, shelf TEXT);"
    "CREATE TABLE loan (isbn TEXT, number INTEGER, reader TEXT);"
    "INSERT INTO book VALUES ('1', 'Lahuta e Malcís', 'an epic', 'GENRE_POETRY', 'Gjergj Fishta', 1871, 1937, 600, -5,"
    " 9000000000, 12.5, 0.5, 1, x'00ff', 1);"
    "INSERT INTO book VALUES ('2', 'Na Drini ćuprija', NULL, 'GENRE_NOVEL', NULL, NULL, 1945, 318, NULL, NULL, NULL, "
    "NULL, 0,"
    " NULL, 'text');"
    "INSERT INTO book VALUES ('3', 'O''Hara; DROP TABLE book; --', NULL, NULL, 'x', 1900, 1950, 1, 1, 1, 1, 1, 0, "
    "NULL, NULL);"
    "INSERT INTO tag VALUES ('1', 'epic'), ('1', 'gegë'), ('1', NULL);"
    "INSERT INTO edition VALUES ('1', 1937), ('1', 1991);"
    "INSERT INTO copy VALUES ('1', 1, 'A'), ('1', 2, 'B');"
    "INSERT INTO loan VALUES ('1', 2, 'Arta'), ('1', 2, 'Driton');";

static const char library_binding[] =
    "database: {sqlite: library.db}\n"
    "timeout: 2s\n"
    "methods:\n"
    "  GetBook:\n"
    "    parameters:\n"
    "      isbn: {required: true, pattern: '^[0-9]+$', expected: digits}\n"
    "    queries:\n"
    "      - not_found: no such book\n"
    "        sql: |\n"
    "          SELECT isbn, title, subtitle, genre, author AS \"author.name\", born AS \"author.born\", year, pages,\n"
    "            sold, printed, price, weight, lent, cover\n"
    "          FROM book WHERE isbn = :isbn\n"
    "        queries:\n"
    "          - {into: tags, sql: 'SELECT tag FROM tag WHERE isbn = :row_isbn ORDER BY tag'}\n"
    "          - {into: editions, sql: 'SELECT year FROM edition WHERE isbn = :isbn ORDER BY year'}\n"
    "          - into: copies\n"
    "            sql: SELECT number, shelf, isbn FROM copy WHERE isbn = :row_isbn ORDER BY number\n"
    "            queries:\n"
    "              - into: loans\n"
    "                sql: SELECT reader FROM loan WHERE isbn = :row_isbn AND number = :row_number ORDER BY reader\n"
    "  ListBooks:\n"
    "    parameters:\n"
    "      title: {characters: {least: 2, most: 40}}\n"
    "      from: {field: years.from, least: 1000, most: 2100}\n"
    "      to: {field: years.to}\n"
    "      genre: {}\n"
    "      limit: {least: 1, most: 50, default: 2}\n"
    "      least_printed: {}\n"
    "      cover: {}\n"
    "      price: {}\n"
    "      lent: {}\n"
    "    one_of: [title, from, genre]\n"
    "    queries:\n"
    "      - into: books\n"
    "        rows: 2\n"
    "        sql: |\n"
    "          SELECT isbn, title FROM book\n"
    "          WHERE (:title IS NULL OR title = :title) AND (:from IS NULL OR year >= :from)\n"
    "            AND (:to IS NULL OR year <= :to) AND (:lent IS NULL OR lent = :lent)\n"
    "            AND (:genre IS NULL OR genre = CASE :genre WHEN 1 THEN 'GENRE_POETRY' ELSE 'GENRE_NOVEL' END)\n"
    "            AND (:least_printed IS NULL OR printed >= :least_printed)\n"
    "            AND (:cover IS NULL OR cover = :cover) AND (:price IS NULL OR price = :price)\n"
    "          ORDER BY isbn LIMIT :limit\n";

static inline void library_execute(const struct library *library, const char *sql)
{
	sqlite3 *handle = NULL;
	char *error = NULL;
	assert_int_equal(sqlite3_open(library->database, &handle), SQLITE_OK);
	if (sqlite3_exec(handle, sql, NULL, NULL, &error) != SQLITE_OK) {
		fail_msg("%s", error);
	}
	assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static inline void library_set_up(struct library *library)
{
	*library = (struct library){ 0 };
	snprintf(library->directory, sizeof library->directory, "/tmp/besa_library_XXXXXX");
	assert_non_null(mkdtemp(library->directory));
	snprintf(library->database, sizeof library->database, "%s/library.db", library->directory);
	snprintf(library->binding_path, sizeof library->binding_path, "%s/b.yaml", library->directory);
	library_execute(library, library_schema);
	struct fault fault;
	if (contract_load_file("build/test/library.binpb", &library->contract, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	library->service = contract_find_service(library->contract, slice_text("test.library.v1.Library"));
	assert_non_null(library->service);
	library->get_book = contract_find_method(library->service, slice_text("GetBook"));
	library->list_books = contract_find_method(library->service, slice_text("ListBooks"));
}

static inline void library_tear_down(struct library *library)
{
	contract_free(library->contract);
	unlink(library->database);
	rmdir(library->directory);
}

// Checks a binding's text; problems are appended line by line, without the path.
static inline struct sql_binding *library_check(const struct library *library, const char *text,
						struct buffer *problems)
{
	struct yaml *yaml = NULL;
	struct sql_binding *binding = NULL;
	assert_int_equal(yaml_load_text(library->binding_path, slice_text(text), &yaml), OK);
	if (yaml_root(yaml)) {
		assert_int_equal(sql_binding_check(yaml, library->service, &binding), OK);
		yaml_finish(yaml);
	}
	size_t prefix = strlen(library->binding_path) + 1;
	for (size_t i = 0; i < yaml_error_count(yaml); i++) {
		buffer_append_format(problems, "%s\n", yaml_error_text(yaml, i) + prefix);
	}
	if (yaml_error_count(yaml) > 0) {
		sql_binding_free(binding); // an unknown key is noticed last
		binding = NULL;
	}
	yaml_free(yaml);
	return binding;
}

static inline struct sql_binding *library_bind(const struct library *library, const char *text)
{
	struct buffer problems;
	buffer_init(&problems, 65536);
	struct sql_binding *binding = library_check(library, text, &problems);
	if (!binding || problems.size) {
		fail_msg("%s", buffer_text(&problems));
	}
	buffer_release(&problems);
	return binding;
}

// The text with the first `from` replaced by `to`, malloced.
static inline char *library_replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	if (!at) {
		fail_msg("\"%s\" is not in the binding", from);
	}
	struct buffer result_text;
	buffer_init(&result_text, 65536);
	buffer_append(&result_text, text, (size_t)(at - text));
	buffer_append_text(&result_text, to);
	buffer_append_text(&result_text, at + strlen(from));
	char *copy = strdup(buffer_text(&result_text));
	buffer_release(&result_text);
	return copy;
}

#endif
