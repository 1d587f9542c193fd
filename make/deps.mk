# SPDX-License-Identifier: EUPL-1.2
#
# Packages that building, testing and measuring need. make/deps.sh installs what is missing and does nothing else.

deps: ## install the Debian packages that building and testing need
	$(Q)make/deps.sh build test

deps-lint:
	$(Q)make/deps.sh build lint

deps-fuzz:
	$(Q)make/deps.sh build fuzz

deps-bench:
	$(Q)make/deps.sh build bench

.PHONY: deps deps-lint deps-fuzz deps-bench
