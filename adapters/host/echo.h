// SPDX-License-Identifier: EUPL-1.2
//
// The engine `echo`: gives every request back as the answer, without copying it. For measuring the bus, and for trying
// a new installation before there is a register.
#ifndef BESA_ADAPTERS_HOST_ECHO_H
#define BESA_ADAPTERS_HOST_ECHO_H

#include "adapters/host/engine.h"

extern const struct engine echo_engine;

#endif
