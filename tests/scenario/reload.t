#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Reloads under load: settings, directory, credentials and services change under exchanges that wait; none is lost."""

import collections
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Tap  # noqa: E402

PORTS = 7710
THREADS, RELOADS = 12, 24
tap = Tap()


def work(civil, counts, over):
    """Calls until it is over; counts what came of it."""
    while not over.is_set():
        try:
            civil.GetPerson(b"\n\n1234567890")
            counts["OK"] += 1
        except grpc.RpcError as error:
            counts[error.code().name, error.details()] += 1


with Federation(ports=PORTS) as federation:
    counts, over = collections.Counter(), threading.Event()
    clients = [federation.civil() for _ in range(THREADS)]
    threads = [threading.Thread(target=work, args=(civil, counts, over)) for civil in clients]
    for thread in threads:
        thread.start()
    for number in range(RELOADS):
        federation.reload(("ashi", "arc")[number % 2])
        time.sleep(0.1)
    over.set()
    for thread in threads:
        thread.join()
    tap.ok(counts["OK"] > RELOADS, "exchanges went on")
    tap.equal(set(counts), {"OK"}, f"and all were answered, through {RELOADS} reloads")
    for name in ("ashi", "arc"):
        tap.ok(federation.wait_log(name, " reloaded ", count=2), f"{name} took them up")
        done = federation.besa("log", "verify", federation.ledger(name), "--trust", federation.path("central", "trust.besa"))
        tap.equal(done.returncode, 0, f"the ledger of {name} verifies")
tap.done()
