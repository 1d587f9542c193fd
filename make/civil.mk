# SPDX-License-Identifier: EUPL-1.2
#
# The demonstration's civil status register. It is data, the same for every kind of build, so it always lies in build/:
# adapters/civil/binding.yaml names it there.

PYTHON ?= /usr/bin/python3

CIVIL_DATABASE := build/civil/civil.db

all programs: $(CIVIL_DATABASE)

$(CIVIL_DATABASE): adapters/civil/make_register.py adapters/civil/schema.sql
	@mkdir -p $(@D)
	@echo "  DATA $@"
	$(Q)$(PYTHON) $< adapters/civil/schema.sql $@

# The contract of the adapters' unit tests.
LIBRARY_CONTRACT := build/test/library.binpb

$(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/adapters/*_test.c)): | $(LIBRARY_CONTRACT) $(CIVIL_DATABASE) $(CONTRACTS)

$(LIBRARY_CONTRACT): tests/unit/adapters/library.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc -I$(<D) --include_imports --descriptor_set_out=$@ $(<F)

build-fuzz/bin/fuzz_binding: | $(LIBRARY_CONTRACT)
