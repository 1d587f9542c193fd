// SPDX-License-Identifier: EUPL-1.2
//
// What the tests of the contract layer share: the rich test contract, and small shortcuts.
#ifndef BESA_TESTS_CONTRACT_SUPPORT_H
#define BESA_TESTS_CONTRACT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "contract/contract.h"
#include "contract/json.h"
#include "contract/message.h"

static const char rich_path[] = "build/vectors/contract/rich.binpb";

static inline struct contract *load_rich(void)
{
	struct contract *contract = NULL;
	struct fault fault = { 0 };
	result r = contract_load_file(rich_path, &contract, &fault);
	if (r != OK) {
		print_error("%s\n", fault.text);
	}
	assert_int_equal(r, OK);
	return contract;
}

static inline const ProtobufCMessageDescriptor *type_of(const struct contract *contract, const char *name)
{
	char full[200];
	snprintf(full, sizeof full, "%s%s", strchr(name, '.') ? "" : "besa.test.rich.", name);
	const ProtobufCMessageDescriptor *type = contract_find_message(contract, slice_text(full));
	assert_non_null(type);
	return type;
}

#endif
