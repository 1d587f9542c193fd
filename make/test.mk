# SPDX-License-Identifier: EUPL-1.2
#
#   make test                          everything: unit, simulation and scenario tests, then lint
#   make test TESTS="merkle cli_"      only tests whose path contains one of the words; no lint
#   make test SAN=1                    the same tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make test JOBS=4                   unit and simulation tests at a time (default 2)
#
# Scenarios start real processes on fixed ports, so they run one after another. They find the programs in $BUILD/bin.

JOBS ?= 2
TEST_TIMEOUT ?= 600
# Under sanitizers everything takes three to five times as long: fewer kills.
SAN_ROUNDS ?= 8

contains_any = $(strip $(foreach word,$(2),$(findstring $(word),$(1))))
chosen = $(if $(TESTS),$(foreach path,$(1),$(if $(call contains_any,$(path),$(TESTS)),$(path))),$(1))

CHOSEN_PROGRAMS := $(strip $(call chosen,$(UNIT_TESTS) $(SIM_TESTS)))
CHOSEN_SCENARIOS := $(strip $(call chosen,$(SCENARIOS)))

# A leak or an overflow in any process of a scenario must fail it: exit statuses that no program of ours uses.
SANITIZER_ENVIRONMENT := ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99:strict_string_checks=1:detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=98 \
        ROUNDS=$(SAN_ROUNDS)

PROVE := BUILD=$(BUILD) TEST_TIMEOUT=$(TEST_TIMEOUT) $(if $(SAN),$(SANITIZER_ENVIRONMENT)) \
        prove --exec tests/support/run_tap --timer --failures

check: test ## the same as test

run-tests: $(CHOSEN_PROGRAMS) $(if $(CHOSEN_SCENARIOS),$(BINARIES) $(CONTRACTS)) | scenario-data
	$(if $(CHOSEN_PROGRAMS)$(CHOSEN_SCENARIOS),,$(Q)echo "no test matches TESTS=\"$(TESTS)\"" >&2; exit 1)
	$(Q)status=0; \
	$(if $(CHOSEN_PROGRAMS),$(PROVE) --jobs $(JOBS) $(CHOSEN_PROGRAMS) || status=1;) \
	$(if $(CHOSEN_SCENARIOS),$(PROVE) $(CHOSEN_SCENARIOS) || status=1;) \
	exit $$status

# Other files of make/ add what scenarios need besides programs and contracts: `scenario-data: build/x.db`.
scenario-data: $(if $(filter %/bench_load.t %/memory.t,$(CHOSEN_SCENARIOS)),$(BUILD)/tests/bench/load) \
		$(if $(filter %/net_grpc.t,$(CHOSEN_SCENARIOS)),$(BUILD)/tests/bench/h2_echo)

.PHONY: check run-tests scenario-data
