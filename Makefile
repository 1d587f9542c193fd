# SPDX-License-Identifier: EUPL-1.2
#
# One non-recursive Makefile. `make help` lists the targets.
#
#   SAN=1   AddressSanitizer and UndefinedBehaviorSanitizer (builds into build-san)
#   COV=1   coverage counters (builds into build-cov)
#   DEV=1   warnings are errors
#   V=1     show the commands
#
# Each directory of gateway/ becomes one archive; a program or test links its own objects and the archives of
# the layers below it. Adding a .c file to a directory is enough to build it; adding tests/unit/<layer>/<name>_test.c is
# enough to run it.

SHELL := /bin/bash
comma := ,
Q := $(if $(V),,@)
SANITIZERS := -fsanitize=address$(comma)undefined
PREFIX ?= /usr/local
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD := $(if $(SAN),build-san,$(if $(COV),build-cov,build))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-align \
        -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
HARDEN := -fstack-protector-strong -fstack-clash-protection -fPIE -D_GLIBCXX_ASSERTIONS
OPT := -O2 $(if $(SAN)$(COV),,-D_FORTIFY_SOURCE=2)
CFLAGS_ALL := -std=gnu2x -g $(OPT) $(WARN) $(HARDEN) $(if $(DEV),-Werror) -D_GNU_SOURCE -Igateway -I. -I$(BUILD)/gen \
        -ffile-prefix-map=$(CURDIR)=. -MMD -MP \
        $(if $(SAN),$(SANITIZERS) -fno-omit-frame-pointer -fno-sanitize-recover=undefined) \
        $(if $(COV),--coverage) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
        $(if $(SAN),$(SANITIZERS)) $(if $(COV),--coverage) $(LDFLAGS)
LIBS := -luv -lnghttp2 -lssl -lcrypto -lprotobuf-c -ljansson -lyaml -lsqlite3

# Lowest layer first. A layer may include itself and those before it (tests/lint/layers checks it).
LAYERS := base crypto net wire ledger directory contract exchange
PROGRAMS := besa-gateway besa-worker besa-notary besa besa-adapter

layer_sources = $(sort $(wildcard gateway/$(1)/*.c))
objects_of = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
archive_of = $(BUILD)/lib/$(1).a
ARCHIVES := $(foreach l,$(LAYERS),$(call archive_of,$(l)))

# The linker wants users before what they use: archives of a layer and all below it, highest first.
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
up_to = $(if $(filter $(1),$(firstword $(2))),$(firstword $(2)),$(firstword $(2)) $(call up_to,$(1),$(wordlist 2,$(words $(2)),$(2))))
archives_up_to = $(foreach l,$(call reverse,$(call up_to,$(1),$(LAYERS))),$(call archive_of,$(l)))
ARCHIVES_DOWN := $(call archives_up_to,$(lastword $(LAYERS)))

program_sources_besa-gateway := $(call layer_sources,supervisor)
program_sources_besa-worker := $(call layer_sources,worker)
program_sources_besa-notary := $(call layer_sources,notary)
program_sources_besa := $(call layer_sources,cli)
program_sources_besa-adapter := $(sort $(wildcard adapters/host/*.c adapters/sql/*.c))
BINARIES := $(foreach p,$(PROGRAMS),$(if $(program_sources_$(p)),$(BUILD)/bin/$(p)))

# Register contracts: one FileDescriptorSet per directory of proto/rks, made by the ordinary protoc.
CONTRACT_PROTOS := $(sort $(wildcard proto/rks/*/v*/*.proto))
CONTRACTS := $(patsubst proto/%.proto,$(BUILD)/contracts/%.binpb,$(CONTRACT_PROTOS))

UNIT_SOURCES := $(sort $(wildcard tests/unit/*/*_test.c))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(UNIT_SOURCES))
SIM_TESTS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/sim/*_test.c)))
SIM_TWINS := $(filter-out %_test.c,$(wildcard tests/sim/*.c))
SUPPORT_OBJECTS := $(call objects_of,$(wildcard tests/support/*.c))
BENCH_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/bench/*.c)))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SCENARIOS := $(sort $(wildcard tests/scenario/*.t))

all: ## build every program, contract and test program
all: $(BINARIES) $(CONTRACTS) $(UNIT_TESTS) $(SIM_TESTS) $(BENCH_PROGRAMS)

programs: $(BINARIES) $(CONTRACTS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(CFLAGS_ALL) -c $< -o $@

define layer_rule
$(call archive_of,$(1)): $(call objects_of,$(call layer_sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@echo "  AR   $$@"
	$$(Q)ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

define program_rule
$(BUILD)/bin/$(1): $(call objects_of,$(program_sources_$(1))) $(ARCHIVES_DOWN)
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	$$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$^ $(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

$(BUILD)/contracts/%.binpb: proto/%.proto
	@mkdir -p $(@D)
	@echo "  PROTO $<"
	$(Q)protoc -Iproto --include_imports --descriptor_set_out=$@ $<

# A unit test of layer L links L and the layers below; tests/unit/cli, /adapters … link everything and the objects of that program
# without its main.
unit_extra_adapters := $(filter-out adapters/host/main.c,$(program_sources_besa-adapter))
$(foreach d,supervisor worker notary cli,$(eval unit_extra_$(d) := $(filter-out gateway/$(d)/main.c,$(call layer_sources,$(d)))))
define unit_rule
$(BUILD)/tests/unit/$(1)/%_test: $(BUILD)/obj/tests/unit/$(1)/%_test.o $(call objects_of,$(unit_extra_$(1))) $(SUPPORT_OBJECTS) \
		$(if $(filter $(1),$(LAYERS)),$(call archives_up_to,$(1)),$(ARCHIVES_DOWN))
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	$$(Q)$(CC) $(LDFLAGS_ALL) -o $$@ $$^ -lcmocka $(LIBS)
endef
$(foreach d,$(LAYERS) adapters supervisor worker notary cli,$(eval $(call unit_rule,$(d))))

# Simulated twins stand in for the seams of base: the linker takes the twin's objects first.
$(BUILD)/tests/sim/%_test: $(BUILD)/obj/tests/sim/%_test.o $(call objects_of,$(SIM_TWINS)) $(SUPPORT_OBJECTS) $(call archives_up_to,ledger)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcmocka $(LIBS)

$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(ARCHIVES_DOWN)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) -lm

# The two commands of the README. What they are made of is in make/*.mk.

demo: ## build, start a federation on loopback, run the main job; ONCE=1 ends by itself
	$(Q)make/deps.sh build
	$(Q)$(MAKE) --no-print-directory programs
	$(Q)BUILD=$(BUILD) ONCE=$(ONCE) demo/run

test: ## install what is missing, build, run all tests and lint; TESTS=words picks some, SAN=1 under sanitizers
	$(Q)make/deps.sh build test
	$(Q)$(MAKE) --no-print-directory run-tests
	$(if $(TESTS)$(SAN),,$(Q)$(MAKE) --no-print-directory lint)

clean: ## remove everything that was built
	rm -rf build build-san build-cov build-fuzz

help: ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sort -u | sed -E 's/^([a-z%-]+):.*## */\1\t/' | column -t -s $$'\t'

include $(wildcard make/*.mk)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.DEFAULT_GOAL := all
.PHONY: all programs demo test clean help
.SECONDARY:
