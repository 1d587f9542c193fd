// SPDX-License-Identifier: EUPL-1.2
//
// The sentences in which `besa verify` speaks, in English, Albanian and Serbian.
//
// A sentence is chosen by the check's stable name (ledger/evidence.h) and by what came of it. It has places for facts,
// "{index}", and parts in square brackets that are left out if a fact in them is missing: "[, by grant {grant}]".
#ifndef BESA_CLI_MESSAGES_H
#define BESA_CLI_MESSAGES_H

#include "base/buffer.h"
#include "ledger/evidence.h"

enum language { LANGUAGE_EN, LANGUAGE_SQ, LANGUAGE_SR, LANGUAGE_COUNT };

// The language of a --lang value or of a locale ("sq", "sr_RS.UTF-8@latin"); false if it is none of ours.
bool messages_language(const char *text, enum language *ret_language);

// The language of the environment (LC_ALL, LC_MESSAGES, LANG: the first that is set), English otherwise.
enum language messages_environment_language(void);

// Appends the sentence for one check, with a full stop.
void messages_check(struct buffer *text, enum language language, const struct evidence_check *check);

// "ok", "failed", "absent" as people of that language say it.
const char *messages_mark(enum language language, enum evidence_mark mark);

// Appends the closing sentence of a report.
void messages_verdict(struct buffer *text, enum language language, const struct evidence_report *report);

// Appends a template with its facts filled in. A place without a fact, outside brackets, becomes "-".
void messages_fill(struct buffer *text, enum language language, const char *template,
		   const struct evidence_check *check);

// For the tests: the i-th sentence of the table in a language, NULL beyond the last.
const char *messages_sentence(size_t i, enum language language);

#endif
