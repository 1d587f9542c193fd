// SPDX-License-Identifier: EUPL-1.2
//
// The one list of engines: another one is added here, in a directory of its own, and in adapters/README.md.
#include "adapters/host/echo.h"
#include "adapters/sql/sql_engine.h"

const struct engine *const engines[] = { &sql_engine, &echo_engine, NULL };
