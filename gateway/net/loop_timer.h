// SPDX-License-Identifier: EUPL-1.2
//
// The heap under the loop's timers; see loop.h for their use.
#ifndef BESA_NET_LOOP_TIMER_H
#define BESA_NET_LOOP_TIMER_H

#include "net/loop.h"

// *root is the earliest timer, NULL when there is none. `timer->due_us` is set before insertion and stays.
void loop_timer_insert(struct loop_timer **root, struct loop_timer *timer);
void loop_timer_remove(struct loop_timer **root, struct loop_timer *timer);

#endif
