// SPDX-License-Identifier: EUPL-1.2
//
// Any bytes as a binding of the test library's contract to an empty database of its schema, then a call of each method
// with the same bytes as request. Invariant: a binding has errors or can be answered from; nothing the binding says
// reaches beyond reading that database.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapters/sql/sql_session.h"
#include "base/clock.h"
#include "base/log.h"
#include "contract/contract.h"

static const struct contract_service *service;
static char binding_path[64];

static const char schema[] =
    "CREATE TABLE book (isbn TEXT PRIMARY KEY, title TEXT, subtitle TEXT, genre TEXT, author TEXT, born INTEGER, year "
    "INTEGER,"
    " pages INTEGER, sold INTEGER, printed INTEGER, price REAL, weight REAL, lent INTEGER, cover BLOB);"
    "CREATE TABLE tag (isbn TEXT, tag TEXT); CREATE TABLE edition (isbn TEXT, year INTEGER);"
    "CREATE TABLE copy (isbn TEXT, number INTEGER, shelf TEXT); CREATE TABLE loan (isbn TEXT, number INTEGER, reader "
    "TEXT);"
    "INSERT INTO book VALUES ('1', 't', 's', 'GENRE_POETRY', 'a', 1, 2, 3, 4, 5, 6.5, 7.5, 1, x'00');"
    "INSERT INTO tag VALUES ('1', 'x'); INSERT INTO copy VALUES ('1', 1, 'A')";

static char directory[] = "/tmp/besa_fuzz_binding_XXXXXX";
static char database[64];

static void clean_up(void)
{
	unlink(database);
	rmdir(directory);
}

static void set_up(void)
{
	struct contract *contract = NULL;
	struct fault fault;
	if (contract_load_file("build/test/library.binpb", &contract, &fault) != OK || !mkdtemp(directory)) {
		fprintf(stderr, "fuzz_binding: run it from the top of the tree: %s\n", fault.text);
		exit(1);
	}
	service = contract_find_service(contract, slice_text("test.library.v1.Library"));
	snprintf(binding_path, sizeof binding_path, "%s/b.yaml", directory);
	snprintf(database, sizeof database, "%s/library.db", directory);
	sqlite3 *handle = NULL;
	assert_always(sqlite3_open(database, &handle) == SQLITE_OK);
	assert_always(sqlite3_exec(handle, schema, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(handle);
	sqlite3_hard_heap_limit64(SQL_HEAP_MAX);
	log_open("fuzz", LOG_LEVEL_ERROR + 1);
	atexit(clean_up);
}

static void call(const struct sql_binding *binding, struct slice request)
{
	struct sql_session *session = NULL;
	if (sql_session_new(binding, &session) != OK) {
		return;
	}
	struct buffer answer;
	buffer_init(&answer, 4 << 20);
	for (size_t i = 0; i < binding->method_count; i++) {
		struct fault words = { 0 };
		const struct sql_stop stop = { .deadline_us = clock_monotonic_us() + 100000 };
		buffer_clear(&answer);
		result code = sql_session_answer(session, &binding->methods[i], request, &stop, &answer, &words);
		assert_always(code == OK || words.text[0]);
	}
	buffer_release(&answer);
	sql_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!service) {
		set_up();
	}
	struct yaml *yaml = NULL;
	struct sql_binding *binding = NULL;
	if (yaml_load_text(binding_path, slice_of(data, size), &yaml) != OK) {
		return 0;
	}
	if (yaml_root(yaml) && sql_binding_check(yaml, service, &binding) == OK) {
		yaml_finish(yaml);
		assert_always(binding || yaml_error_count(yaml) > 0);
	}
	yaml_free(yaml);
	if (binding) {
		const uint8_t request[] = { 0x0a, 1, '1', 0x18, 1 };
		call(binding, slice_of(request, sizeof request));
		call(binding, slice_of(data, size < 64 ? size : 64));
	}
	sql_binding_free(binding);
	return 0;
}
