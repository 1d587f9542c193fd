// SPDX-License-Identifier: EUPL-1.2
//
// The step runner: order, waits that end at once or later, faults, aborts.
#include "exchange/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

// A run whose steps write their names down and do as the script says.
struct probe {
	struct step_run run;
	char trace[256];
	enum { ANSWER_LATER, ANSWER_AT_ONCE, FAIL_AT_ONCE } wait_kind;
	bool second_fails;
	int jumps;
	int cancelled;
	int finished;
};

static const struct step ordinary[4];

static void note(struct step_run *run, const char *name)
{
	struct probe *probe = (struct probe *)run;
	strncat(probe->trace, name, sizeof probe->trace - strlen(probe->trace) - 1);
}

static enum step_next first(struct step_run *run)
{
	note(run, "first ");
	return STEP_NEXT;
}

static enum step_next wait_peer(struct step_run *run)
{
	struct probe *probe = (struct probe *)run;
	note(run, "wait ");
	if (probe->wait_kind == ANSWER_AT_ONCE) {
		step_resume(run, OK);
	} else if (probe->wait_kind == FAIL_AT_ONCE) {
		step_resume(run, ERR_CLOSED);
	}
	return STEP_WAIT;
}

static enum step_next wait_notary(struct step_run *run)
{
	note(run, "notary ");
	return STEP_WAIT;
}

static enum step_next second(struct step_run *run)
{
	struct probe *probe = (struct probe *)run;
	note(run, "second ");
	if (probe->second_fails) {
		return step_fault(run, ERR_GRANT_MISSING, "no grant for %s", "anyone");
	}
	return probe->jumps-- > 0 ? step_jump(run, ordinary) : STEP_NEXT;
}

static enum step_next mend(struct step_run *run)
{
	note(run, "mend ");
	return STEP_NEXT;
}

static const struct step faults[] = { { .name = "mend", .run = mend }, { 0 } };

static const struct step ordinary[4] = {
	{ "first", first, WAITS_NOT, LIMIT_NONE, faults },
	{ "wait", wait_peer, WAITS_PEER, LIMIT_DEADLINE, faults },
	{ "second", second, WAITS_NOT, LIMIT_NONE, faults },
	{ 0 },
};

static const struct step recorded[] = {
	{ "notary", wait_notary, WAITS_NOTARY, LIMIT_NONE, faults },
	{ "second", second, WAITS_NOT, LIMIT_NONE, faults },
	{ 0 },
};

static void cancel(struct step_run *run)
{
	((struct probe *)run)->cancelled++;
}

static void finished(struct step_run *run)
{
	((struct probe *)run)->finished++;
}

static struct probe make_probe(void)
{
	return (struct probe){ .run = { .cancel = cancel, .finished = finished } };
}

static void steps_run_in_order(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	step_start(&probe.run, ordinary);
	assert_string_equal(probe.trace, "first wait ");
	assert_int_equal(probe.finished, 0);
	step_resume(&probe.run, OK);
	assert_string_equal(probe.trace, "first wait second ");
	assert_int_equal(probe.finished, 1);
}

static void an_answer_within_the_call_counts(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	probe.wait_kind = ANSWER_AT_ONCE;
	step_start(&probe.run, ordinary);
	assert_string_equal(probe.trace, "first wait second ");
	assert_int_equal(probe.finished, 1);
}

static void a_failed_wait_enters_the_fault_table(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	probe.wait_kind = FAIL_AT_ONCE;
	step_start(&probe.run, ordinary);
	assert_string_equal(probe.trace, "first wait mend ");
	assert_int_equal(probe.run.failure, ERR_CLOSED);
	assert_string_equal(probe.run.fault.text, result_text(ERR_CLOSED));
	assert_int_equal(probe.finished, 1);
}

static void a_failed_step_keeps_its_words(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	probe.second_fails = true;
	step_start(&probe.run, ordinary);
	step_resume(&probe.run, OK);
	assert_string_equal(probe.trace, "first wait second mend ");
	assert_int_equal(probe.run.failure, ERR_GRANT_MISSING);
	assert_string_equal(probe.run.fault.text, "no grant for anyone");
}

static void an_abort_cuts_a_wait_for_a_peer(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	step_start(&probe.run, ordinary);
	step_abort(&probe.run, ERR_CANCELLED);
	assert_int_equal(probe.cancelled, 1);
	assert_string_equal(probe.trace, "first wait mend ");
	assert_int_equal(probe.run.failure, ERR_CANCELLED);
	assert_int_equal(probe.finished, 1);
}

static void an_abort_lets_the_notary_answer(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	step_start(&probe.run, recorded);
	step_abort(&probe.run, ERR_TIMEOUT);
	step_abort(&probe.run, ERR_CANCELLED); // the first counts
	assert_int_equal(probe.cancelled, 0);
	assert_string_equal(probe.trace, "notary ");
	step_resume(&probe.run, OK);
	assert_string_equal(probe.trace, "notary mend ");
	assert_int_equal(probe.run.failure, ERR_TIMEOUT);
}

static void a_jump_goes_back(void **state)
{
	(void)state;
	struct probe probe = make_probe();
	probe.wait_kind = ANSWER_AT_ONCE;
	probe.jumps = 1;
	step_start(&probe.run, ordinary);
	assert_string_equal(probe.trace, "first wait second first wait second ");
	assert_int_equal(probe.finished, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_run_in_order),
		cmocka_unit_test(an_answer_within_the_call_counts),
		cmocka_unit_test(a_failed_wait_enters_the_fault_table),
		cmocka_unit_test(a_failed_step_keeps_its_words),
		cmocka_unit_test(an_abort_cuts_a_wait_for_a_peer),
		cmocka_unit_test(an_abort_lets_the_notary_answer),
		cmocka_unit_test(a_jump_goes_back),
	};
	return cmocka_run_group_tests_name("exchange/step", tests, NULL, NULL);
}
