// SPDX-License-Identifier: EUPL-1.2
//
// Parameters of a method: from a request's fields to values to bind. A value is only ever bound, never made part of a
// statement's text, so nothing a caller sends can change what a statement does.
#ifndef BESA_ADAPTERS_SQL_SQL_PARAMETER_H
#define BESA_ADAPTERS_SQL_SQL_PARAMETER_H

#include "adapters/sql/sql_binding.h"

// Checks a request against all the method's rules and gives the value of each parameter (`values` has
// parameter_count). ERR_ARGUMENT; the fault names the field and what was expected, never the value. Text is borrowed
// from the request or lies in the arena; ERR_LIMIT if that is exhausted.
result sql_parameter_values(const struct sql_method *method, const ProtobufCMessage *request, struct arena *arena,
			    struct sql_value values[], struct fault *fault);

#endif
