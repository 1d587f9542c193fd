// SPDX-License-Identifier: EUPL-1.2
//
// The step runner: an exchange is a table of steps, in the order they happen; one runner advances them.
//
// A step does its work and says STEP_NEXT, or starts something that answers later and says STEP_WAIT (the answer
// calls step_resume()), or fails with step_fault(). Each row names what it waits for, which limit ends the wait, and
// which table takes over when it fails: there every fault is sealed or recorded where it can be, and answered.
//
//     step_start ─▶ run ─NEXT─▶ run … ─▶ (end of table) ─▶ finished
//                    │ WAIT ─▶ … step_resume ─▶ run
//                    └ fault, abort ─▶ first row of the step's fault table
//
// Abort (the caller cancelled, the deadline passed): a wait for a peer or an adapter is cut short; a wait for
// the notary is not, because its record may stand already, so the abort takes effect when it answers. In a fault table
// aborts are ignored: it is short, and its job is to leave evidence.
#ifndef BESA_EXCHANGE_STEP_H
#define BESA_EXCHANGE_STEP_H

#include "base/result.h"

enum step_next { STEP_NEXT, STEP_WAIT, STEP_FAULT };
enum step_wait { WAITS_NOT, WAITS_NOTARY, WAITS_PEER, WAITS_ADAPTER };
enum step_limit { LIMIT_NONE, LIMIT_DEADLINE };

struct step_run;

struct step {
	const char *name;
	enum step_next (*run)(struct step_run *);
	enum step_wait waits_for;
	enum step_limit limit;
	const struct step *fault; // table; NULL in the last resort only, which cannot fail
};

// The running state of one table, embedded in the exchange that it advances.
struct step_run {
	const struct step *row;              // present row; a row without a function ends the table
	void (*cancel)(struct step_run *);   // cuts a wait for a peer or an adapter short
	void (*finished)(struct step_run *); // after the last row; may free the exchange
	result failure;                      // why the fault table runs; OK in the ordinary one
	struct fault fault;                  // in words
	result answer;                       // what a wait ended with
	result abort;                        // pending abort
	bool running;                        // inside step_run's loop
	bool waiting;
	bool resumed; // answered while still starting
	bool in_fault_table;
};

// Starts the table. May finish (and call `finished`) before it returns.
void step_start(struct step_run *run, const struct step *table);

// A wait is over. OK goes to the next row, anything else to the fault table.
void step_resume(struct step_run *run, result answer);

// For a step that fails: notes why and returns STEP_FAULT. `format` may be NULL: then the words that stand in
// run->fault already, else the code's own text.
enum step_next step_fault(struct step_run *run, result code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// For a step that sends the exchange back: the row is the next one. Returns STEP_NEXT.
enum step_next step_jump(struct step_run *run, const struct step *row);

// The caller went away or the deadline passed.
void step_abort(struct step_run *run, result code);

#endif
