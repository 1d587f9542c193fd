// SPDX-License-Identifier: EUPL-1.2
//
// Checks an evidence file (besa.evidence.v1.Evidence) offline: what one exchange was, and that it stands where
// it says it stands.
//
// The result is a report: a list of checks in the order in which they were made, each with a stable name, a mark and
// the facts that it found. Words for people are made from it elsewhere (cli/messages.h), so that the same report can be
// read by a program and in three languages.
//
// Names of checks, in order. <s> is `request`, `response`, `unanswered` or `edition`:
//
//     file                the file is an Evidence message, canonical, within its limits
//     certificates        every certificate that travels along chains to the trust root
//     <s>.statement       the statement keeps the strict format and has the right type
//     <s>.inclusion       its leaf stands in the tree whose head the checkpoint gives
//     <s>.signature       the checkpoint bears the signature of the ledger's seal key
//     <s>.certificate     the key's certificate chains to the trust root, is for seals, was valid then, names the
//     ledger <s>.member          statement, ledger and certificate speak for the same member <s>.directory       the
//     directory lists the ledger with this certificate, and the subsystem under the member <s>.private         the
//     private part matches its commitment <s>.payload         the payload matches its digest <s>.metadata        the
//     metadata matches its digest exchange.match      the response belongs to this request exchange.addressee  it comes
//     from the subsystem and the ledger that were asked exchange.unanswered the note that no answer came belongs to
//     this request and its client exchange.time       the times are in order and within the deadline edition.reference
//     the directory edition that travels along is the one the request goes by received            what the client noted
//     when it took the answer; not sealed when it is handed out
//
// EVIDENCE_ABSENT is no failure: content that was erased or not kept leaves the proof standing, and so does a
// directory that was not given. A report is proven if no check failed and the request's seal, key and certificate
// checks all held.
//
// Layer: ledger. The directory is a higher layer; what is needed of it comes in as `struct evidence_directory`.
#ifndef BESA_LEDGER_EVIDENCE_H
#define BESA_LEDGER_EVIDENCE_H

#include "base/arena.h"
#include "base/result.h"
#include "base/slice.h"
#include "wire/envelope.h"

enum {
	EVIDENCE_FILE_MAX = ENVELOPE_EVIDENCE_MAX, // stops a file that fills memory
	EVIDENCE_CHECKS_MAX = 48,
	EVIDENCE_FACTS_MAX = 10,
};

// A ledger as a verified directory edition lists it.
struct evidence_listing {
	struct slice certificate; // DER of the seal certificate; borrowed from the directory
};

// What the engine asks of a verified directory.
struct evidence_directory {
	void *context;
	// ERR_NOT_FOUND if the directory does not list the ledger.
	result (*ledger)(void *context, struct slice origin, struct evidence_listing *ret_listing);
	// Whether the directory lists the subsystem.
	bool (*subsystem)(void *context, struct slice subsystem);
};

// What the verifier trusts and may ask.
struct evidence_context {
	const struct slice *roots; // DER of the trust roots
	size_t root_count;
	struct slice central;                       // the central ledger without its shard, "besa/XK/GOV/ASHI/central"
	const struct evidence_directory *directory; // NULL: none was given
	int64_t clock_skew_us;                      // the most that two gateways' clocks may differ
};

enum evidence_mark { EVIDENCE_OK, EVIDENCE_FAILED, EVIDENCE_ABSENT };

// One thing that was found out: a word (stable) and its value, printable UTF-8.
struct evidence_fact {
	const char *key;
	const char *value;
};

struct evidence_check {
	const char *name; // stable, see above
	enum evidence_mark mark;
	result code; // why it failed; OK otherwise
	// ABSENT: a stable word. "none": there never was any; "erased": it is not in the file, the commitment is;
	// "no_directory", "no_edition", "no_answer": that part was not given; "unsealed": it fits, but no seal covers
	// it; "blocked": a check that it builds on failed.
	const char *why;
	const char *text; // FAILED: English words; NULL otherwise
	struct evidence_fact facts[EVIDENCE_FACTS_MAX];
	size_t fact_count;
};

struct evidence_report {
	struct arena arena; // owns everything below
	struct evidence_check checks[EVIDENCE_CHECKS_MAX];
	size_t check_count;
	bool out_of_memory; // while it was made: then there is no report to hand out
	bool proven;        // see above
	const char *failed; // name of the first check that failed, NULL if none did
	bool has_request, has_response, has_unanswered;
	// For showing what was said: kept payloads, and by which contract. Set only where the checks held.
	bool has_request_payload, has_response_payload;
	struct slice request_payload, response_payload;
	struct slice contract_digest;
	struct slice service, method;
};

// Checks the bytes of an evidence file. Only lack of memory is an error here; whatever is wrong with the
// file is in the report. The file's bytes must outlive the report.
result evidence_verify(struct slice file, const struct evidence_context *context, struct evidence_report **ret_report);

// NULL-safe.
void evidence_report_free(struct evidence_report *report);

// The check with that name, NULL if it was not made.
const struct evidence_check *evidence_find(const struct evidence_report *report, const char *name);

// A fact of a check, NULL if it has none of that name.
const char *evidence_fact(const struct evidence_check *check, const char *key);

// "ok", "failed", "absent".
const char *evidence_mark_name(enum evidence_mark mark);

#endif
