// SPDX-License-Identifier: EUPL-1.2
//
// Calls answered from a real database: values of every type, absence, refusals, limits, stops.
#include <pthread.h>

#include "adapters/sql/sql_session.h"
#include "base/clock.h"
#include "contract/json.h"
#include "contract/message.h"
#include "library.h"

static struct library library;
static struct sql_session *session;
static struct sql_binding *binding;

static void open_session(const char *text)
{
	binding = library_bind(&library, text);
	assert_int_equal(sql_session_new(binding, &session), OK);
}

static void close_session(void)
{
	sql_session_free(session);
	sql_binding_free(binding);
	session = NULL;
	binding = NULL;
}

static int set_up(void **state)
{
	(void)state;
	library_set_up(&library);
	open_session(library_binding);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close_session();
	library_tear_down(&library);
	return 0;
}

// A call in JSON. Appends the answer in JSON, or the words for the caller.
static result call_until(const struct contract_method *method, const char *request, int64_t deadline_us,
			 const _Atomic uint64_t *stopped, struct buffer *out)
{
	struct arena arena;
	struct fault fault = { 0 };
	struct buffer bytes, answer;
	ProtobufCMessage *message;
	arena_init(&arena, 16 << 20);
	buffer_init(&bytes, 8 << 20);
	buffer_init(&answer, 4 << 20);
	if (json_read(method->input, slice_text(request), NULL, &arena, &message, &fault) != OK) {
		fail_msg("%s", fault.text);
	}
	assert_int_equal(message_pack(message, &bytes), OK);
	const struct sql_stop stop = { deadline_us, stopped, 1 };
	result code = sql_session_answer(session, sql_binding_method(binding, method), buffer_slice(&bytes), &stop,
					 &answer, &fault);
	if (code == OK) {
		assert_int_equal(message_unpack(method->output, buffer_slice(&answer), NULL, &arena, &message, &fault),
				 OK);
		assert_int_equal(json_write(message, NULL, out, &fault), OK);
	} else {
		buffer_append_text(out, fault.text);
	}
	arena_release(&arena);
	buffer_release(&bytes);
	buffer_release(&answer);
	return code;
}

static void expect(const struct contract_method *method, const char *request, result code, const char *answer)
{
	struct buffer out;
	buffer_init(&out, 4 << 20);
	result got = call_until(method, request, INT64_MAX, NULL, &out);
	if (got != code || strcmp(buffer_text(&out), answer) != 0) {
		print_error("%s\n got: %s %s\nwant: %s %s\n", request, result_wire_name(got), buffer_text(&out),
			    result_wire_name(code), answer);
	}
	assert_int_equal(got, code);
	assert_string_equal(buffer_text(&out), answer);
	buffer_release(&out);
}

static void test_every_type(void **state)
{
	(void)state;
	expect(library.get_book, "{\"isbn\":\"1\"}", OK,
	       "{\"isbn\":\"1\",\"title\":\"Lahuta e Malcís\",\"subtitle\":\"an "
	       "epic\",\"genre\":\"GENRE_POETRY\",\"author\":{"
	       "\"name\":\"Gjergj "
	       "Fishta\",\"born\":1871},\"year\":1937,\"pages\":600,\"sold\":\"-5\",\"printed\":\"9000000000\","
	       "\"price\":12.5,\"weight\":0.5,\"lent\":true,\"cover\":\"AP8=\",\"tags\":[\"epic\",\"gegë\"],"
	       "\"editions\":[1937,1991],"
	       "\"copies\":[{\"number\":1,\"shelf\":\"A\"},{\"number\":2,\"shelf\":\"B\",\"loans\":[{\"reader\":"
	       "\"Arta\"},{\"reader\":"
	       "\"Driton\"}]}]}");
}

// NULL leaves fields, and the messages around them, absent.
static void test_null_is_absent(void **state)
{
	(void)state;
	expect(library.get_book, "{\"isbn\":\"2\"}", OK,
	       "{\"isbn\":\"2\",\"title\":\"Na Drini ćuprija\",\"genre\":\"GENRE_NOVEL\",\"year\":1945,\"pages\":318}");
}

static void test_not_found(void **state)
{
	(void)state;
	expect(library.get_book, "{\"isbn\":\"99\"}", ERR_NOT_FOUND, "no such book");
	expect(library.list_books, "{\"years\":{\"from\":2000}}", OK, "{}");
}

static void test_refused_arguments(void **state)
{
	(void)state;
	static const struct {
		const char *request, *words;
	} refusals[] = {
		{ "{}", "at least one is required of title, years.from or genre" },
		{ "{\"title\":\"x\"}", "title: expected 2 to 40 characters" },
		{ "{\"title\":\"ë\"}", "title: expected 2 to 40 characters" },
		{ "{\"title\":\"12345678901234567890123456789012345678901\"}", "title: expected 2 to 40 characters" },
		{ "{\"years\":{\"from\":999}}", "years.from: expected a whole number from 1000 to 2100" },
		{ "{\"years\":{\"from\":-5}}", "years.from: expected a whole number from 1000 to 2100" },
		{ "{\"genre\":1,\"limit\":51}", "limit: expected a whole number from 1 to 50" },
		{ "{\"genre\":1,\"leastPrinted\":\"9223372036854775808\"}", "least_printed: the number is too large" },
	};
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		expect(library.list_books, refusals[i].request, ERR_ARGUMENT, refusals[i].words);
	}
	expect(library.get_book, "{}", ERR_ARGUMENT, "isbn: it is required");
	expect(library.get_book, "{\"isbn\":\"1x\"}", ERR_ARGUMENT, "isbn: expected digits");
}

static void test_filters(void **state)
{
	(void)state;
	static const char first[] = "{\"books\":[{\"isbn\":\"1\",\"title\":\"Lahuta e Malcís\"}]}";
	expect(library.list_books, "{\"title\":\"Lahuta e Malcís\"}", OK, first);
	expect(library.list_books, "{\"genre\":1}", OK, first);
	expect(library.list_books, "{\"years\":{\"from\":1900,\"to\":1940}}", OK, first);
	expect(library.list_books, "{\"years\":{\"from\":1900},\"lent\":true}", OK, first);
	expect(library.list_books, "{\"years\":{\"from\":1900},\"cover\":\"AP8=\"}", OK, first);
	expect(library.list_books, "{\"years\":{\"from\":1900},\"price\":12.5}", OK, first);
	expect(library.list_books, "{\"years\":{\"from\":1900},\"leastPrinted\":\"5\"}", OK, first);
	expect(library.list_books, "{\"years\":{\"from\":1900},\"limit\":1}", OK, first); // the default limit is 2
}

// What would be code if it were spliced is only a value.
static void test_injection_is_data(void **state)
{
	(void)state;
	expect(library.list_books, "{\"title\":\"O'Hara; DROP TABLE book; --\"}", OK,
	       "{\"books\":[{\"isbn\":\"3\",\"title\":\"O'Hara; DROP TABLE book; --\"}]}");
	static const char *const strings[] = {
		"' OR '1'='1",
		"'; DROP TABLE book; --",
		"\\\" OR 1=1 --",
		"x' UNION SELECT 1,sql FROM book --",
		":title",
		"%_%",
		"1; ATTACH '/etc/passwd' AS x",
		"\\u0027 OR 1",
	};
	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
		char request[200];
		snprintf(request, sizeof request, "{\"title\":\"%s\"}", strings[i]);
		expect(library.list_books, request, OK, "{}");
	}
	test_every_type(NULL);
}

static void test_row_limit(void **state)
{
	(void)state;
	expect(library.list_books, "{\"years\":{\"from\":1900},\"limit\":2}", OK,
	       "{\"books\":[{\"isbn\":\"1\",\"title\":\"Lahuta e Malcís\"},{\"isbn\":\"2\",\"title\":\"Na Drini "
	       "ćuprija\"}]}");
	expect(library.list_books, "{\"years\":{\"from\":1900},\"limit\":3}", ERR_LIMIT,
	       "more than 2 rows; narrow the request");
}

static void test_malformed_request(void **state)
{
	(void)state;
	static const uint8_t truncated[] = { 0x0a, 0x05, 'a' };
	static const uint8_t latin1[] = { 0x0a, 0x01, 0xeb };
	struct buffer answer;
	struct fault words;
	buffer_init(&answer, 1000);
	const struct sql_stop stop = { INT64_MAX, NULL, 1 };
	const struct sql_method *method = sql_binding_method(binding, library.get_book);
	struct slice bad[] = { slice_of(truncated, sizeof truncated), slice_of(latin1, sizeof latin1) };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sql_session_answer(session, method, bad[i], &stop, &answer, &words),
				 ERR_PAYLOAD_INVALID);
	}
	buffer_release(&answer);
}

// Data that does not fit the contract fails the call; the caller hears nothing of the database.
static void test_misfits(void **state)
{
	(void)state;
	static const char *const misfits[] = {
		"UPDATE book SET pages = -1 WHERE isbn = '1'",
		"UPDATE book SET pages = 4294967296 WHERE isbn = '1'",
		"UPDATE book SET pages = 'many' WHERE isbn = '1'",
		"UPDATE book SET year = 3000000000 WHERE isbn = '1'",
		"UPDATE book SET printed = -1 WHERE isbn = '1'",
		"UPDATE book SET price = 'dear' WHERE isbn = '1'",
		"UPDATE book SET weight = 1e300 WHERE isbn = '1'",
		"UPDATE book SET lent = 2 WHERE isbn = '1'",
		"UPDATE book SET genre = 'POETRY' WHERE isbn = '1'",
		"UPDATE book SET title = CAST(x'ff41' AS TEXT) WHERE isbn = '1'",
		"UPDATE book SET title = CAST(x'410042' AS TEXT) WHERE isbn = '1'",
		"UPDATE book SET title = x'41' WHERE isbn = '1'",
		"INSERT INTO tag VALUES ('1', x'00')",
	};
	for (size_t i = 0; i < sizeof misfits / sizeof misfits[0]; i++) {
		close_session();
		unlink(library.database);
		library_execute(&library, library_schema);
		library_execute(&library, misfits[i]);
		open_session(library_binding);
		expect(library.get_book, "{\"isbn\":\"1\"}", ERR_INTERNAL,
		       "the register's answer does not fit its contract");
		expect(library.get_book, "{\"isbn\":\"2\"}", OK,
		       "{\"isbn\":\"2\",\"title\":\"Na Drini "
		       "ćuprija\",\"genre\":\"GENRE_NOVEL\",\"year\":1945,\"pages\":318}");
	}
}

static void test_two_rows_where_one_is_meant(void **state)
{
	(void)state;
	close_session();
	char *text = library_replaced(library_binding, "FROM book WHERE isbn = :isbn", "FROM book WHERE :isbn = :isbn");
	open_session(text);
	expect(library.get_book, "{\"isbn\":\"1\"}", ERR_INTERNAL, "the register's answer does not fit its contract");
	free(text);
}

// A statement without end, for the tests of stopping.
static void open_endless(const char *timeout)
{
	close_session();
	char *slow = library_replaced(library_binding, "          SELECT isbn, title FROM book\n          WHERE ",
				      "          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
				      "          SELECT i || '' AS isbn, '' AS title FROM n, book WHERE i < 0 AND ");
	char *slower = library_replaced(slow, "ORDER BY isbn LIMIT", "ORDER BY n.i LIMIT");
	char *text = library_replaced(slower, "timeout: 2s", timeout);
	open_session(text);
	free(text);
	free(slower);
	free(slow);
}

static void test_statement_timeout(void **state)
{
	(void)state;
	open_endless("timeout: 50ms");
	int64_t before = clock_monotonic_us();
	expect(library.list_books, "{\"genre\":1}", ERR_TIMEOUT, "the register did not answer in time");
	int64_t took = clock_monotonic_us() - before;
	assert_true(took >= 50000 && took < 1500000);
	test_every_type(NULL); // the session goes on
}

static void test_caller_deadline(void **state)
{
	(void)state;
	open_endless("timeout: 60s");
	struct buffer out;
	buffer_init(&out, 1000);
	int64_t before = clock_monotonic_us();
	assert_int_equal(call_until(library.list_books, "{\"genre\":1}", before + 30000, NULL, &out), ERR_TIMEOUT);
	assert_true(clock_monotonic_us() - before < 1500000);
	assert_int_equal(call_until(library.get_book, "{\"isbn\":\"1\"}", before, NULL, &out), ERR_TIMEOUT);
	buffer_release(&out);
}

static _Atomic uint64_t stopped;

static void *stop_soon(void *context)
{
	(void)context;
	usleep(30000);
	atomic_store(&stopped, 1);
	return NULL;
}

static void test_cancelled(void **state)
{
	(void)state;
	open_endless("timeout: 60s");
	struct buffer out;
	buffer_init(&out, 1000);
	pthread_t other;
	stopped = 0;
	assert_int_equal(pthread_create(&other, NULL, stop_soon, NULL), 0);
	assert_int_equal(call_until(library.list_books, "{\"genre\":1}", INT64_MAX, &stopped, &out), ERR_CANCELLED);
	pthread_join(other, NULL);
	assert_string_equal(buffer_text(&out), "the call was cancelled");
	buffer_release(&out);
}

static void test_locked_database(void **state)
{
	(void)state;
	close_session();
	char *text = library_replaced(library_binding, "library.db}", "library.db, busy_timeout: 50ms}");
	open_session(text);
	test_every_type(NULL);
	sqlite3 *other = NULL;
	assert_int_equal(sqlite3_open(library.database, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	expect(library.get_book, "{\"isbn\":\"1\"}", ERR_BUSY, "the register is busy");
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	test_every_type(NULL);
	free(text);
}

static void test_large_answer(void **state)
{
	(void)state;
	library_execute(&library, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
				  "INSERT INTO tag SELECT '2', hex(randomblob(4000)) FROM n");
	expect(library.get_book, "{\"isbn\":\"2\"}", ERR_LIMIT, "the answer would be larger than allowed");
	library_execute(&library, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
				  "INSERT INTO tag SELECT '3', 'x' FROM n");
	expect(library.get_book, "{\"isbn\":\"3\"}", ERR_LIMIT, "more than 1000 rows; narrow the request");
	test_every_type(NULL);
}

// The register goes away while the adapter runs, and comes back.
static void test_database_gone(void **state)
{
	(void)state;
	unlink(library.database);
	expect(library.get_book, "{\"isbn\":\"1\"}", ERR_ADAPTER_UNAVAILABLE, "the register cannot be read at present");
	library_execute(&library, "CREATE TABLE other (x)");
	expect(library.get_book, "{\"isbn\":\"1\"}", ERR_ADAPTER_UNAVAILABLE, "the register cannot be read at present");
	unlink(library.database);
	library_execute(&library, library_schema);
	test_every_type(NULL);
}

// A changed schema must not make columns be read by their old numbers.
static void test_schema_changed(void **state)
{
	(void)state;
	test_every_type(NULL);
	library_execute(
	    &library,
	    "ALTER TABLE book RENAME TO old;"
	    "CREATE VIEW book AS SELECT isbn, pages AS title, subtitle, genre, author, born, year, title AS pages,"
	    " sold, printed, price, weight, lent, cover FROM old");
	expect(library.get_book, "{\"isbn\":\"1\"}", ERR_INTERNAL, "the register's answer does not fit its contract");
	library_execute(&library, "DROP VIEW book");
	struct buffer out;
	buffer_init(&out, 1000);
	assert_int_not_equal(call_until(library.get_book, "{\"isbn\":\"1\"}", INT64_MAX, NULL, &out), OK);
	assert_null(strstr(buffer_text(&out), "book"));
	buffer_release(&out);
}

// Random requests are answered or refused, never otherwise (run with sanitizers).
static void test_random_requests(void **state)
{
	(void)state;
	srandom(7);
	const struct sql_stop stop = { INT64_MAX, NULL, 1 };
	struct buffer answer;
	buffer_init(&answer, 4 << 20);
	for (int round = 0; round < 5000; round++) {
		uint8_t bytes[40];
		size_t size = (size_t)random() % sizeof bytes;
		for (size_t i = 0; i < size; i++) {
			static const uint8_t likely[] = { 0x0a, 0x12, 0x18, 0x20, 0x08, 0x10, 1, 2, '1', 0x2a };
			bytes[i] = random() % 4 ? likely[(size_t)random() % sizeof likely] : (uint8_t)random();
		}
		struct fault words = { 0 };
		buffer_clear(&answer);
		const struct sql_method *method = &binding->methods[round % 2];
		result code = sql_session_answer(session, method, slice_of(bytes, size), &stop, &answer, &words);
		assert_true(code == OK || words.text[0]);
	}
	buffer_release(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_type),        TEST(test_null_is_absent),
		TEST(test_not_found),         TEST(test_refused_arguments),
		TEST(test_filters),           TEST(test_injection_is_data),
		TEST(test_row_limit),         TEST(test_malformed_request),
		TEST(test_misfits),           TEST(test_two_rows_where_one_is_meant),
		TEST(test_statement_timeout), TEST(test_caller_deadline),
		TEST(test_cancelled),         TEST(test_locked_database),
		TEST(test_large_answer),      TEST(test_database_gone),
		TEST(test_schema_changed),    TEST(test_random_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
