// SPDX-License-Identifier: EUPL-1.2
//
// Answers methods with SQL: the engine `sql` of bindings. adapters/README.md describes the binding.
#ifndef BESA_ADAPTERS_SQL_SQL_ENGINE_H
#define BESA_ADAPTERS_SQL_SQL_ENGINE_H

#include "adapters/host/engine.h"

extern const struct engine sql_engine;

#endif
