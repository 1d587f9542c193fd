// SPDX-License-Identifier: EUPL-1.2
//
// Evidence files of strangers. An input is the size of a trust root (16 bits, big-endian), the root's DER, then the
// file; so that a seed can bring the root it verifies under, and what lies behind a good signature is reached too.
#include "ledger/evidence.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static result list_ledger(void *context, struct slice origin, struct evidence_listing *ret_listing)
{
	(void)origin;
	*ret_listing = (struct evidence_listing){ .certificate = *(struct slice *)context };
	return OK;
}

static bool list_subsystem(void *context, struct slice subsystem)
{
	(void)context;
	return subsystem.size % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice root = { 0 };
	struct slice file = slice_of(data, size);
	if (size >= 2 && size - 2 >= ((size_t)data[0] << 8 | data[1])) {
		root = slice_of(data + 2, (size_t)data[0] << 8 | data[1]);
		file = slice_skip(file, 2 + root.size);
	}
	struct evidence_directory directory = { .context = &root, .ledger = list_ledger, .subsystem = list_subsystem };
	struct evidence_context context = {
		.roots = &root,
		.root_count = root.size ? 1 : 0,
		.central = slice_text("besa/XK/GOV/ASHI/central"),
		.directory = size % 3 ? &directory : NULL,
		.clock_skew_us = 2000000,
	};
	struct evidence_report *report = NULL;
	if (evidence_verify(file, &context, &report) != OK) {
		return 0;
	}
	// A report is never empty, and what it calls proven has no failure in it.
	if (report->check_count == 0 || (report->proven && report->failed)) {
		abort();
	}
	for (size_t i = 0; i < report->check_count; i++) {
		const struct evidence_check *check = &report->checks[i];
		if ((check->mark == EVIDENCE_FAILED) != (check->text != NULL) ||
		    (check->mark == EVIDENCE_ABSENT) != (check->why != NULL)) {
			abort();
		}
	}
	evidence_report_free(report);
	return 0;
}
