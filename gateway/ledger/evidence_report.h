// SPDX-License-Identifier: EUPL-1.2
//
// Internal to ledger/evidence*.c: how a report is put together.
#ifndef BESA_LEDGER_EVIDENCE_REPORT_H
#define BESA_LEDGER_EVIDENCE_REPORT_H

#include "ledger/evidence.h"

// Adds a check that holds until said otherwise; its name is "<side>.<what>", or "<what>" if `side` is NULL. Never
// NULL: if memory is out, a spare is given and the report is marked.
struct evidence_check *evidence_report_add(struct evidence_report *report, const char *side, const char *what);

// Marks the check by a result: OK leaves it, anything else makes it FAILED with the fault's words (or the code's).
void evidence_report_result(struct evidence_report *report, struct evidence_check *check, result code,
			    const struct fault *fault);

// Marks the check ABSENT for a reason (a constant).
void evidence_report_absent(struct evidence_check *check, const char *why);

// Adds a fact; nothing if the value is empty (zero, for a time). Control characters become "?".
void evidence_report_text(struct evidence_report *report, struct evidence_check *check, const char *key,
			  struct slice value);
void evidence_report_number(struct evidence_report *report, struct evidence_check *check, const char *key,
			    uint64_t value);
void evidence_report_time(struct evidence_report *report, struct evidence_check *check, const char *key, int64_t us);
void evidence_report_hex(struct evidence_report *report, struct evidence_check *check, const char *key,
			 struct slice bytes);
void evidence_report_uuid(struct evidence_report *report, struct evidence_check *check, const char *key,
			  struct slice uuid);

#endif
