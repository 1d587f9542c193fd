# SPDX-License-Identifier: EUPL-1.2
#
# House rules that a program can check, one script of tests/lint/ each; every script prints what it found as file:line: words and
# fails when there was anything. tests/lint/selftest shows that each of them notices what it is there to notice.

LINT_CHECKS := layers symbols banned sizes text proto format man
TIDY ?= $(wildcard gateway/*/*.c adapters/*/*.c)
TIDY_FLAGS := -std=gnu2x -D_GNU_SOURCE -Igateway -I. -I$(BUILD)/gen

lint: $(BINARIES) ## check the house rules: layers, symbols, banned calls, sizes, proto, text, format, manual pages
	$(Q)make/deps.sh build lint
	$(Q)BUILD=$(BUILD) tests/lint/run $(LINT_CHECKS)

format: ## format all C files with clang-format 14
	$(Q)tests/lint/format --write

# Minutes for the whole tree, so it is not part of `lint`. TIDY="files" checks some.
tidy: ## clang-tidy over the sources (slow)
	$(Q)make/deps.sh build lint
	$(Q)printf '%s\n' $(TIDY) | xargs -P $(JOBS) -n 4 sh -c 'clang-tidy --quiet "$$@" -- $(TIDY_FLAGS) 2>/dev/null' tidy

.PHONY: lint format tidy
