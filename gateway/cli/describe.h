// SPDX-License-Identifier: EUPL-1.2
//
// A statement in few words, and as JSON: for `log show` and `outcome`.
#ifndef BESA_CLI_DESCRIBE_H
#define BESA_CLI_DESCRIBE_H

#include "base/buffer.h"
#include "wire/statement.h"

#include <jansson.h>

// Who did what, in one line: "XK/GOV/ASHI/ekosova asks XK/GOV/ARC/population: rks.civil.v1.CivilRegistry/GetPerson".
// Appends to `text`; everything foreign in it is made safe for a terminal.
void describe_words(const struct statement *statement, struct buffer *text);

// What came of it, "answered OK", "refused PERMISSION_DENIED grant_missing"; nothing for statements without an outcome.
void describe_outcome(const struct statement *statement, struct buffer *text);

// The exchange it is about; empty if none.
struct slice describe_exchange(const struct statement *statement);

// Every field of the statement, names as in the .proto; bytes in hexadecimal, ids and times as text. NULL when out
// of memory.
json_t *describe_json(const struct statement *statement);

#endif
