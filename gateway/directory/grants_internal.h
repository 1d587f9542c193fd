// SPDX-License-Identifier: EUPL-1.2
//
// The inside of a set of grants, shared by grants.c and grants_file.c.
#ifndef BESA_DIRECTORY_GRANTS_INTERNAL_H
#define BESA_DIRECTORY_GRANTS_INTERNAL_H

#include "directory/grants.h"

// One grant and its leaf in one piece of memory: lists, then leaf bytes.
struct grants_node {
	struct grants_node *next_id;
	struct grants_node *next_call;
	struct grants_entry entry;
	struct slice lists[];
};

struct grants {
	char member[IDENTIFIER_MAX];
	size_t member_size;
	uint64_t next_index;
	size_t count;
	struct grants_node **nodes; // room for bucket_count of them
	size_t bucket_count;        // a power of two, at least count
	struct grants_node **by_id;
	struct grants_node **by_call;
	struct arena scratch;
};

#endif
