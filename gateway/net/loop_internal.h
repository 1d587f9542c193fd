// SPDX-License-Identifier: EUPL-1.2
//
// For the files of this layer that need libuv itself.
#ifndef BESA_NET_LOOP_INTERNAL_H
#define BESA_NET_LOOP_INTERNAL_H

#include "net/loop.h"

struct uv_loop_s *loop_uv(struct loop *loop);

#endif
