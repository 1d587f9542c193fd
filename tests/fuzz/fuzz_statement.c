// SPDX-License-Identifier: EUPL-1.2
//
// Leaves from outside: a leaf that parses is exactly what the notary would make of its content, byte for byte. So no
// two leaves say the same, and none says two things.
#include "wire/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct statement *statement)
{
	struct buffer body;
	struct buffer leaf;
	buffer_init(&body, STATEMENT_LEAF_MAX);
	buffer_init(&leaf, STATEMENT_LEAF_MAX);
	assert_always(statement_encode_body(statement->type, &statement->body, &body, NULL) == OK);
	statement_append_leaf(&leaf, statement->type, statement->member, statement->ledger_time_us,
			      statement->blinder.data, buffer_slice(&body));
	assert_always(slice_equal(buffer_slice(&leaf), statement->leaf));
	buffer_release(&leaf);
	buffer_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct statement statement;
	union statement_body body;
	struct fault fault;
	struct slice bytes = slice_of(data, size);
	arena_init(&arena, STATEMENT_ARENA_MAX);
	if (statement_parse(bytes, &arena, &statement, &fault) == OK) {
		assert_always(statement.type == statement_peek_type(bytes));
		check_again(&statement);
	}
	// what a worker hands the notary: a type and body bytes
	arena_clear(&arena);
	if (size > 0) {
		result_ignore(statement_check_body(data[0], slice_skip(bytes, 1), slice_text("XK/GOV/ASHI"), &arena,
						   &body, &fault));
	}
	arena_release(&arena);
	return 0;
}
