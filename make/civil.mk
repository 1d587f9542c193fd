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

# Contracts for the adapters' tests, data as well.
TEST_CONTRACTS := $(addprefix build/test/,library.binpb civil.binpb echo.binpb)

$(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/adapters/*_test.c)): | $(TEST_CONTRACTS) $(CIVIL_DATABASE)
build-fuzz/bin/fuzz_binding: | $(TEST_CONTRACTS)

build/test/library.binpb: tests/unit/adapters/library.proto
build/test/civil.binpb: proto/rks/civil/v1/civil.proto
build/test/echo.binpb: proto/rks/echo/v1/echo.proto
$(TEST_CONTRACTS):
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc -I$(<D) --include_imports --descriptor_set_out=$@ $(<F)
