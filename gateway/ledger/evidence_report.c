// SPDX-License-Identifier: EUPL-1.2
//
// The report as a list: adding checks and facts. Failures of memory are noted once, in the report, so that the
// engine reads as the list of its checks.
#include "ledger/evidence_report.h"

#include "base/clock.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evidence_check *evidence_report_add(struct evidence_report *report, const char *side, const char *what)
{
	char name[64];
	assert_always(report->check_count < EVIDENCE_CHECKS_MAX);
	struct evidence_check *check = &report->checks[report->check_count++];
	*check = (struct evidence_check){ .name = what, .mark = EVIDENCE_OK, .code = OK };
	if (side) {
		int size = snprintf(name, sizeof name, "%s.%s", side, what);
		assert_always(size > 0 && (size_t)size < sizeof name);
		check->name = arena_copy(&report->arena, slice_text(name));
		if (!check->name) {
			check->name = what;
			report->out_of_memory = true;
		}
	}
	return check;
}

void evidence_report_result(struct evidence_report *report, struct evidence_check *check, result code,
			    const struct fault *fault)
{
	if (code == OK) {
		return;
	}
	report->out_of_memory |= code == ERR_MEMORY;
	check->mark = EVIDENCE_FAILED;
	check->code = code;
	check->why = NULL;
	check->text = arena_copy(&report->arena, slice_text(fault && fault->text[0] ? fault->text : result_text(code)));
	if (!check->text) {
		check->text = result_text(code);
		report->out_of_memory = true;
	}
}

void evidence_report_absent(struct evidence_check *check, const char *why)
{
	check->mark = EVIDENCE_ABSENT;
	check->why = why;
}

static void add(struct evidence_report *report, struct evidence_check *check, const char *key, const char *value)
{
	if (!value) {
		report->out_of_memory = true;
		return;
	}
	assert_always(check->fact_count < EVIDENCE_FACTS_MAX);
	check->facts[check->fact_count++] = (struct evidence_fact){ .key = key, .value = value };
}

void evidence_report_text(struct evidence_report *report, struct evidence_check *check, const char *key,
			  struct slice value)
{
	if (value.size == 0) {
		return;
	}
	char *copy = arena_copy(&report->arena, value);
	for (size_t i = 0; copy && i < value.size; i++) {
		unsigned char c = (unsigned char)copy[i];
		if (c < 0x20 || c == 0x7f) {
			copy[i] = '?';
		} else if (c == 0xc2 && (unsigned char)copy[i + 1] < 0xa0) { // C1 controls, U+0080 to U+009F
			copy[i] = copy[i + 1] = '?';
		}
	}
	add(report, check, key, copy);
}

void evidence_report_number(struct evidence_report *report, struct evidence_check *check, const char *key,
			    uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, value);
	add(report, check, key, arena_copy(&report->arena, slice_text(text)));
}

void evidence_report_time(struct evidence_report *report, struct evidence_check *check, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_SIZE];
	if (us) {
		clock_format(us, text);
		add(report, check, key, arena_copy(&report->arena, slice_text(text)));
	}
}

void evidence_report_hex(struct evidence_report *report, struct evidence_check *check, const char *key,
			 struct slice bytes)
{
	if (bytes.size) {
		char *text = arena_alloc(&report->arena, 2 * bytes.size + 1);
		if (text) {
			text_hex(bytes.data, bytes.size, text);
		}
		add(report, check, key, text);
	}
}

void evidence_report_uuid(struct evidence_report *report, struct evidence_check *check, const char *key,
			  struct slice uuid)
{
	char text[IDENTIFIER_UUID_TEXT_SIZE];
	if (uuid.size == IDENTIFIER_UUID_SIZE) {
		identifier_uuid_text(uuid.data, text);
		add(report, check, key, arena_copy(&report->arena, slice_text(text)));
	}
}

const struct evidence_check *evidence_find(const struct evidence_report *report, const char *name)
{
	for (size_t i = 0; i < report->check_count; i++) {
		if (strcmp(report->checks[i].name, name) == 0) {
			return &report->checks[i];
		}
	}
	return NULL;
}

const char *evidence_fact(const struct evidence_check *check, const char *key)
{
	for (size_t i = 0; i < check->fact_count; i++) {
		if (strcmp(check->facts[i].key, key) == 0) {
			return check->facts[i].value;
		}
	}
	return NULL;
}

const char *evidence_mark_name(enum evidence_mark mark)
{
	switch (mark) {
	case EVIDENCE_OK:
		return "ok";
	case EVIDENCE_FAILED:
		return "failed";
	case EVIDENCE_ABSENT:
		return "absent";
	}
	return "failed";
}

void evidence_report_free(struct evidence_report *report)
{
	if (report) {
		arena_release(&report->arena);
		free(report);
	}
}
