#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""How much memory a whole gateway takes (PSS of supervisor, notary and worker), idle and after work; and that work does not make
it grow."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from federation import BUILD, ROOT, Federation, Tap  # noqa: E402
from network import is_sanitized, resident_kib  # noqa: E402

PORTS = 7590
GATEWAY_KIB = 32 * 1024
# What more work may add to a worker: nothing but what the allocator keeps at hand. (The notary remembers each request id until its
# window has passed.)
WORKER_GROWTH_KIB = 1024
LOAD = os.path.join(ROOT, BUILD, "tests", "bench", "load")
tap = Tap()


def pss_kib(federation, name):
    """{role: KiB} of a gateway: memory that processes share, and be they of another gateway, counts in parts."""
    found = {}
    pids = [("supervisor", federation.pid(name))]
    pids += [(role, pid) for role in ("notary", "worker") for pid in federation.children(name, role)]
    for role, pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            found[role] = found.get(role, 0) + next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return found


def show(federation, when):
    """Prints the figures; returns the larger gateway's sum."""
    largest = 0
    for name in ("ashi", "arc"):
        parts = pss_kib(federation, name)
        total = sum(parts.values())
        largest = max(largest, total)
        resident = sum(resident_kib(pid) for pid in [federation.pid(name), *federation.children(name, "notary"),
                                                     *federation.children(name, "worker")])
        print(f"# {when}: {name} {total} KiB ({', '.join(f'{role} {size}' for role, size in parts.items())}; "
              f"{resident} if nothing were shared)", flush=True)
    return largest


def load(federation, count, connections=8, streams=16):
    """So many exchanges; how many were answered."""
    keys = federation.path("central", "clients", "XK-GOV-ASHI-ekosova")
    done = subprocess.run(
        [LOAD, "--target", f"127.0.0.1:{PORTS + 1}", "--path", "/rks.echo.v1.Echo/Say", "--header", "besa-purpose: test", "--ca",
         federation.path("central", "ca.pem"), "--certificate", f"{keys}/client.pem", "--key", f"{keys}/client.key",
         "--connections", str(connections), "--streams", str(streams), "--payload", "200", "--echo", "--warmup", "0",
         "--duration", "60", "--limit", str(count)], capture_output=True, text=True)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)["ok"]


def workers(federation):
    return {name: resident_kib(federation.children(name, "worker")[0]) for name in ("ashi", "arc")}


with Federation(ports=PORTS, service="echo") as federation:
    sanitized = is_sanitized(federation.children("ashi", "worker")[0])
    time.sleep(0.5)
    idle = show(federation, "idle after the start")
    tap.equal(load(federation, 2000), 2000, "2,000 exchanges")
    time.sleep(1.5)
    worked = show(federation, "idle after 2,000 exchanges")
    tap.equal(load(federation, 3000), 3000, "5,000 exchanges")
    before = workers(federation)
    tap.equal(load(federation, 15000), 15000, "20,000 exchanges")
    after = workers(federation)
    show(federation, "after 20,000 exchanges")
    if sanitized:
        tap.ok(True, "the figures # SKIP a sanitizer's own memory is in them")
    else:
        tap.ok(idle <= GATEWAY_KIB, f"a gateway takes at most 32 MiB after the start ({idle} KiB)")
        tap.ok(worked <= GATEWAY_KIB, f"and after 2,000 exchanges ({worked} KiB)")
        for name in before:
            growth = after[name] - before[name]
            tap.ok(growth <= WORKER_GROWTH_KIB, f"from 5,000 to 20,000 exchanges the worker of {name} grew by {growth} KiB")
tap.done()
