// SPDX-License-Identifier: EUPL-1.2
//
// grpc.health.v1.Health/Check (grpc/doc/health-checking.md): its two small messages, without a contract of their own.
#ifndef BESA_ADAPTERS_HOST_HEALTH_H
#define BESA_ADAPTERS_HOST_HEALTH_H

#include "base/result.h"
#include "base/slice.h"

#define HEALTH_CHECK_PATH "/grpc.health.v1.Health/Check"

// The service a HealthCheckRequest asks about; empty for the whole server. ERR_FORMAT.
result health_parse_request(struct slice message, struct slice *ret_service);

// A HealthCheckResponse, in static memory.
struct slice health_response(bool serving);

#endif
