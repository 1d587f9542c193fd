# SPDX-License-Identifier: EUPL-1.2
#
#   make demo          a federation on this machine and the main job on it; Ctrl-C ends it
#   make demo ONCE=1   ends by itself, exit status 0 only if everything verified

demo: ## build, start a federation on loopback, run the main job; ONCE=1 ends by itself
	$(Q)make/deps.sh build
	$(Q)$(MAKE) --no-print-directory programs
	$(Q)BUILD=$(BUILD) ONCE=$(ONCE) demo/run

.PHONY: demo
