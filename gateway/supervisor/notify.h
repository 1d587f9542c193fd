// SPDX-License-Identifier: EUPL-1.2
//
// sd_notify(3) without libsystemd: one datagram to $NOTIFY_SOCKET, if the service manager set it.
#ifndef BESA_SUPERVISOR_NOTIFY_H
#define BESA_SUPERVISOR_NOTIFY_H

// Sends a state such as "READY=1". Without a service manager it does nothing; it cannot fail in a way that matters.
void notify_service_manager(const char *state);

#endif
