// SPDX-License-Identifier: EUPL-1.2
//
// The order of names in the sorted tables of a contract: that of strcmp, for a name that is not terminated.
#ifndef BESA_CONTRACT_NAME_H
#define BESA_CONTRACT_NAME_H

#include "base/slice.h"

// Negative, zero or positive as `name` stands before, at or after `wanted`.
static inline int name_order(const char *name, struct slice wanted)
{
	size_t length = strlen(name);
	size_t common = length < wanted.size ? length : wanted.size;
	int order = common ? memcmp(name, wanted.data, common) : 0;
	return order ? order : (length > wanted.size) - (length < wanted.size);
}

#endif
