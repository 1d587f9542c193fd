// SPDX-License-Identifier: EUPL-1.2
//
// From a row of a statement to fields of a message.
//
// NULL leaves a field unset, and does not make the messages on the way to it. Everything else must fit: SQLite checks
// types loosely, so each value is checked here, and one that does not fit its field fails the call rather than being
// bent.
#ifndef BESA_ADAPTERS_SQL_SQL_FILL_H
#define BESA_ADAPTERS_SQL_SQL_FILL_H

#include "adapters/sql/sql_binding.h"
#include "adapters/sql/sql_database.h"

// Fills the fields of one row's message. ERR_INTERNAL: a value does not fit (the fault, for operators, names column and
// kind, not the value); ERR_LIMIT: the arena has no room.
result sql_fill_row(const struct sql_query *query, sqlite3_stmt *statement, ProtobufCMessage *row, struct arena *arena,
		    struct fault *fault);

// Writes one column's value (not NULL) to the place of a field's value. The same errors.
result sql_fill_value(const struct sql_column *column, const ProtobufCFieldDescriptor *field, sqlite3_stmt *statement,
		      int i, void *place, struct arena *arena, struct fault *fault);

#endif
