// SPDX-License-Identifier: EUPL-1.2
#include "exchange/step.h"

#include <stdarg.h>
#include <stdio.h>

// The failed row's fault table takes over.
static void enter_fault_table(struct step_run *run, const struct step *failed)
{
	assert_always(failed->fault != NULL);
	if (run->fault.text[0] == '\0') {
		result_ignore(fault_set(&run->fault, run->failure, "%s", result_text(run->failure)));
	}
	run->in_fault_table = true;
	run->abort = OK;
	run->row = failed->fault;
}

// Called with the outcome of a row; moves `row` on.
static void advance(struct step_run *run, enum step_next next)
{
	if (next == STEP_FAULT) {
		enter_fault_table(run, run->row);
		return;
	}
	run->row++;
	if (run->abort != OK && !run->in_fault_table && run->row->run) {
		run->failure = run->abort;
		run->fault.text[0] = '\0';
		enter_fault_table(run, run->row);
	}
}

static enum step_next answer_of(struct step_run *run)
{
	run->waiting = false;
	run->resumed = false;
	if (run->answer == OK) {
		return STEP_NEXT;
	}
	run->failure = run->answer;
	return STEP_FAULT;
}

static void loop(struct step_run *run)
{
	run->running = true;
	while (run->row->run) {
		if (!run->in_fault_table) {
			run->fault.text[0] = '\0'; // words of an earlier wait
		}
		run->waiting = true; // before the call: the answer may come within it
		enum step_next next = run->row->run(run);
		if (next == STEP_WAIT) {
			if (!run->resumed) {
				run->running = false;
				return;
			}
			next = answer_of(run);
		}
		run->waiting = false;
		advance(run, next);
	}
	run->running = false;
	run->finished(run);
}

void step_start(struct step_run *run, const struct step *table)
{
	run->row = table;
	loop(run);
}

void step_resume(struct step_run *run, result answer)
{
	assert_always(run->waiting && !run->resumed);
	run->answer = answer;
	run->resumed = true;
	if (run->running) {
		return;
	}
	advance(run, answer_of(run));
	loop(run);
}

enum step_next step_fault(struct step_run *run, result code, const char *format, ...)
{
	run->failure = code;
	if (format) {
		struct fault words; // the arguments may point into run->fault
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(words.text, sizeof words.text, format, arguments);
		va_end(arguments);
		run->fault = words;
	}
	return STEP_FAULT;
}

enum step_next step_jump(struct step_run *run, const struct step *row)
{
	run->row = row - 1; // the runner goes on to the row after the present one
	return STEP_NEXT;
}

void step_abort(struct step_run *run, result code)
{
	if (run->in_fault_table || run->abort != OK) {
		return;
	}
	run->abort = code;
	bool cuttable = run->row->waits_for == WAITS_PEER || run->row->waits_for == WAITS_ADAPTER;
	if (run->waiting && !run->running && cuttable) {
		run->cancel(run);
		run->fault.text[0] = '\0';
		step_resume(run, code);
	}
}
