# SPDX-License-Identifier: EUPL-1.2
#
#   make fuzz-checkpoint FUZZ_SECONDS=600     tests/fuzz/fuzz_checkpoint.c with its seeds
#   make fuzz-all FUZZ_SECONDS=5              every target in turn; 0 only replays the seeds
#   make fuzz-build                           build every target
#
# libFuzzer needs clang, so all layers are built once more below build-fuzz, with the address and undefined-behaviour
# sanitizers. Inputs found along the way are kept in build-fuzz/corpus; an input that crashes lands in build-fuzz/crash and
# belongs, once understood, among the seeds of tests/fuzz/corpus, where it is replayed for ever.

FUZZ_SECONDS ?= 60
FUZZ_CC ?= clang
FUZZ_BUILD := build-fuzz
FUZZ_INPUT_LIMIT ?= 65536

# clang reads the same sources; its names for the dialect and the warnings differ a little. Warnings are gcc's business.
FUZZ_CFLAGS := -std=gnu2x -g -O1 -w -D_GNU_SOURCE -DBESA_FUZZ=1 -Igateway -I. -I$(BUILD)/gen -ffile-prefix-map=$(CURDIR)=. \
        -MMD -MP -fno-omit-frame-pointer -fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined
FUZZ_ENVIRONMENT := ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

fuzz_objects = $(patsubst %.c,$(FUZZ_BUILD)/obj/%.o,$(1))
FUZZ_ADAPTER_OBJECTS := $(call fuzz_objects,$(unit_extra_adapters))
FUZZ_ARCHIVES := $(FUZZ_BUILD)/lib/adapters.a $(foreach l,$(call reverse,$(LAYERS)),$(FUZZ_BUILD)/lib/$(l).a)
FUZZ_BINARIES := $(patsubst %,$(FUZZ_BUILD)/bin/fuzz_%,$(FUZZ_TARGETS))

$(FUZZ_BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  FUZZCC $<"
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

define fuzz_layer_rule
$(FUZZ_BUILD)/lib/$(1).a: $(call fuzz_objects,$(2))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call fuzz_layer_rule,$(l),$(call layer_sources,$(l)))))
$(eval $(call fuzz_layer_rule,adapters,$(unit_extra_adapters)))

$(FUZZ_BUILD)/bin/fuzz_%: $(FUZZ_BUILD)/obj/tests/fuzz/fuzz_%.o $(FUZZ_ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer$(comma)address$(comma)undefined -o $@ $^ $(LIBS)

fuzz-%: ## run one fuzz target for FUZZ_SECONDS (default 60)

# A static pattern, since make searches no implicit rule for a phony target. New inputs go to the first directory named, so the
# seeds in the tree stay as they are. The log is shown when the run fails.
$(addprefix fuzz-,$(FUZZ_TARGETS)): fuzz-%: $(FUZZ_BUILD)/bin/fuzz_%
	@mkdir -p $(FUZZ_BUILD)/corpus/$* $(FUZZ_BUILD)/crash $(FUZZ_BUILD)/log $(FUZZ_BUILD)/no-seeds
	$(Q)$(FUZZ_ENVIRONMENT) $< -max_total_time=$(FUZZ_SECONDS) $(if $(filter 0,$(FUZZ_SECONDS)),-runs=0) \
		-max_len=$(FUZZ_INPUT_LIMIT) -timeout=10 -rss_limit_mb=2048 -verbosity=1 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_BUILD)/crash/$*- $(FUZZ_BUILD)/corpus/$* \
		$(or $(wildcard tests/fuzz/corpus/$*),$(FUZZ_BUILD)/no-seeds) >$(FUZZ_BUILD)/log/$*.log 2>&1 || \
		{ cat $(FUZZ_BUILD)/log/$*.log; echo "  FUZZ $*: FAILED, input in $(FUZZ_BUILD)/crash"; exit 1; }
	@echo "  FUZZ $*: $$(sed -n 's/^stat::number_of_executed_units: *//p' $(FUZZ_BUILD)/log/$*.log) runs"

fuzz-build: $(FUZZ_BINARIES)

fuzz-all: $(addprefix fuzz-,$(FUZZ_TARGETS)) ## run every fuzz target for FUZZ_SECONDS each

.PHONY: fuzz-all fuzz-build $(addprefix fuzz-,$(FUZZ_TARGETS))

-include $(shell find $(FUZZ_BUILD)/obj -name '*.d' 2>/dev/null)
