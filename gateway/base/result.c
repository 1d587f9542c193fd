// SPDX-License-Identifier: EUPL-1.2
#include "base/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct result_row {
	const char *wire_name;
	enum grpc_status status;
	bool retryable;
	const char *text;
};

#define RESULT_AS_ROW(code, wire, status, retryable, text) [code] = { wire, status, retryable, text },
static const struct result_row rows[RESULT_COUNT] = { RESULT_TABLE(RESULT_AS_ROW) };
#undef RESULT_AS_ROW

static const struct result_row *row_of(result code)
{
	return (unsigned)code < RESULT_COUNT ? &rows[code] : &rows[ERR_INTERNAL];
}

const char *result_wire_name(result code)
{
	return row_of(code)->wire_name;
}

const char *result_text(result code)
{
	return row_of(code)->text;
}

enum grpc_status result_grpc_status(result code)
{
	return row_of(code)->status;
}

bool result_retryable(result code)
{
	return row_of(code)->retryable;
}

result result_from_wire_name(const char *name, size_t size)
{
	for (size_t i = 0; i < RESULT_COUNT; i++) {
		if (strlen(rows[i].wire_name) == size && memcmp(rows[i].wire_name, name, size) == 0) {
			return (result)i;
		}
	}
	return ERR_INTERNAL;
}

const char *result_grpc_name(int status)
{
	static const char *const names[] = {
		"OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
		"NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		"ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
		"DATA_LOSS", "UNAUTHENTICATED",
	};
	if (status < 0 || (size_t)status >= sizeof names / sizeof names[0]) {
		return "UNKNOWN";
	}
	return names[status];
}

result fault_set(struct fault *fault, result code, const char *format, ...)
{
	if (fault) {
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(fault->text, sizeof fault->text, format, arguments);
		va_end(arguments);
	}
	return code;
}

result fault_prefix(struct fault *fault, result code, const char *format, ...)
{
	if (fault) {
		char old[FAULT_TEXT_MAX];
		memcpy(old, fault->text, sizeof old);
		old[sizeof old - 1] = '\0';
		va_list arguments;
		va_start(arguments, format);
		int used = vsnprintf(fault->text, sizeof fault->text, format, arguments);
		va_end(arguments);
		if (used >= 0 && (size_t)used < sizeof fault->text) {
			snprintf(fault->text + used, sizeof fault->text - (size_t)used, ": %s", old);
		}
	}
	return code;
}

void result_assert_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "besa: assertion failed: %s (%s:%d)\n", condition, file, line);
	abort();
}
