// SPDX-License-Identifier: EUPL-1.2
//
// The index that finds a field by what JSON may call it: its JSON name, or its original name where no other field
// has that as JSON name.
#include <stdlib.h>

#include "contract/load.h"
#include "contract/name.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct contract_name *)a)->name, ((const struct contract_name *)b)->name);
}

static const struct contract_name *search(const struct contract_name *names, size_t count, struct slice wanted)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_order(names[middle].name, wanted);
		if (order == 0) {
			return &names[middle];
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

result build_names(struct contract *contract, struct contract_message *about, struct fault *fault)
{
	unsigned fields = about->descriptor->n_fields;
	struct contract_name *names = arena_alloc(&contract->arena, 2 * fields * sizeof *names);
	if (!names) {
		return ERR_LIMIT;
	}
	for (unsigned i = 0; i < fields; i++) {
		names[i] = (struct contract_name){ .name = about->fields[i].json_name, .field = i };
	}
	if (fields > 0) {
		qsort(names, fields, sizeof *names, by_name);
	}
	for (unsigned i = 1; i < fields; i++) {
		if (strcmp(names[i - 1].name, names[i].name) == 0) {
			return fault_set(fault, ERR_FORMAT, "message \"%s\": two fields have the JSON name \"%.100s\"",
					 about->descriptor->name, names[i].name);
		}
	}
	unsigned count = fields;
	for (unsigned i = 0; i < fields; i++) {
		const char *original = about->descriptor->fields[i].name;
		if (!search(names, fields, slice_text(original))) {
			names[count++] = (struct contract_name){ .name = original, .field = i };
		}
	}
	if (count > 0) {
		qsort(names, count, sizeof *names, by_name);
	}
	about->names = names;
	about->name_count = count;
	return OK;
}

const ProtobufCFieldDescriptor *contract_field_by_json_name(const ProtobufCMessageDescriptor *descriptor,
							    struct slice name)
{
	const struct contract_message *about = contract_message_of(descriptor);
	assert_always(about);
	const struct contract_name *found = search(about->names, about->name_count, name);
	return found ? &descriptor->fields[found->field] : NULL;
}
