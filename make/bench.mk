# SPDX-License-Identifier: EUPL-1.2
#
#   make bench                      the measurement of tests/bench/run: some ten minutes
#   make bench BENCH="--quick"      one short round, to see that it works
#   tests/bench/run --help          what can be varied

BENCH ?=
LOAD_OBJECTS := $(call objects_of,$(wildcard tests/bench/load/*.c) tests/bench/load.c)

# The load program links nothing of Besa: it measures Besa as it would anything else.
$(BUILD)/tests/bench/load: $(LOAD_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lnghttp2 -lssl -lcrypto -lm

bench: ## measure the federation beside nginx and nghttpx; results in build/bench/results.json
	$(Q)make/deps.sh build bench
	$(Q)$(MAKE) --no-print-directory programs $(BUILD)/tests/bench/load
	$(Q)BUILD=$(BUILD) tests/bench/run $(BENCH)

.PHONY: bench
