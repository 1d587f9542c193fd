# SPDX-License-Identifier: EUPL-1.2
#
#   make install PREFIX=/usr DESTDIR=/tmp/package
#
# All programs go to one directory, because besa-gateway starts besa-worker and besa-notary from beside itself. Nothing is
# started, enabled or configured: that is the package's or the administrator's business.

INSTALL ?= install
bindir ?= $(PREFIX)/bin
datadir ?= $(PREFIX)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/besa

MAN_PAGES := $(sort $(wildcard docs/man/*.[1-8]))

install: $(BINARIES) $(CONTRACTS) ## install programs, manual pages and contracts (PREFIX, DESTDIR)
	$(Q)$(INSTALL) -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(docdir)"
	$(Q)$(INSTALL) -m 755 $(BINARIES) "$(DESTDIR)$(bindir)"
	$(Q)for page in $(MAN_PAGES); do \
		$(INSTALL) -D -m 644 "$$page" "$(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/}" || exit 1; done
	$(Q)for contract in $(patsubst $(BUILD)/contracts/%,%,$(CONTRACTS)); do \
		$(INSTALL) -D -m 644 "$(BUILD)/contracts/$$contract" "$(DESTDIR)$(datadir)/besa/contracts/$$contract" || exit 1; done
	$(Q)$(INSTALL) -m 644 LICENSE $(wildcard README.md) "$(DESTDIR)$(docdir)"

.PHONY: install
