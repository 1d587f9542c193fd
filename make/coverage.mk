# SPDX-License-Identifier: EUPL-1.2
#
# Line and branch coverage of the tests, as text and as HTML pages below build-cov/coverage. It is read by people to find what no
# test reaches; there is no mark to pass.

coverage: ## run the tests with coverage counters and report with gcovr
	$(Q)make/deps.sh build test coverage
	$(Q)find build-cov -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory COV=1 run-tests
	@mkdir -p build-cov/coverage
	$(Q)gcovr --root . --object-directory build-cov --filter 'gateway/' --filter 'adapters/' --exclude-unreachable-branches \
		--exclude-throw-branches --gcov-ignore-parse-errors --html-details build-cov/coverage/index.html \
		--txt build-cov/coverage/coverage.txt --print-summary
	@echo "build-cov/coverage/coverage.txt and build-cov/coverage/index.html"

.PHONY: coverage
