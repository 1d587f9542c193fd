#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""kill -9 of any role at random moments under load, ROUNDS times (default 24): every acknowledged exchange stands in both
ledgers, none is executed twice, the ledgers verify, and service resumes by itself within a second."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import BIN, Federation, Tap  # noqa: E402
from counting import CountingAdapter  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "24"))
THREADS = 8
RESUME_SECONDS = 3.0 if os.environ.get("BUILD", "").endswith("-san") else 1.0  # sanitized programs start slowly
LONGEST_SECONDS = 5.0  # on a machine that is busy with other things
seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
chance = random.Random(seed)
tap = Tap()


class Load(threading.Thread):
    """Calls one after the other until told to stop; notes what was acknowledged, and when."""

    def __init__(self, federation, acknowledged):
        super().__init__(daemon=True)
        self.civil = federation.civil()
        self.acknowledged = acknowledged
        self.last = 0.0
        self.stopping = False

    def run(self):
        request = self.civil.request("GetPerson", {"personal_number": "1234567890"})
        method = self.civil.callable("GetPerson")
        while not self.stopping:
            try:
                _, call = method.with_call(request, metadata=self.civil.metadata, timeout=3)
                self.acknowledged.append(dict(call.trailing_metadata())["besa-exchange-id"])
                self.last = time.monotonic()
            except grpc.RpcError:
                time.sleep(0.01)


def restart(federation, name):
    """What a service manager does when the supervisor itself died."""
    log = open(federation.path(f"{name}.log"), "ab")
    process = subprocess.Popen([os.path.join(BIN, "besa-gateway"), "--config", federation.path(name, "gateway.yaml")],
                               stdout=log, stderr=log, start_new_session=True)
    with open(federation.path(f"{name}.pid"), "w") as file:
        file.write(str(process.pid))
    return process


def kill_one(federation):
    """Kills a random role; returns its name."""
    name = chance.choice(("ashi", "arc"))
    role = chance.choice(("worker", "notary", "notary", "worker", "supervisor"))
    if role == "supervisor":
        os.kill(federation.pid(name), signal.SIGKILL)
        restart(federation, name)
    else:
        pids = federation.children(name, role)
        if pids:
            os.kill(chance.choice(pids), signal.SIGKILL)
    return f"{role} of {name}"


def resumed(loads, since):
    """Seconds until an exchange is acknowledged that began after the kill."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if any(load.last > since + 0.05 for load in loads):
            return time.monotonic() - since
        time.sleep(0.005)
    return 10.0


with Federation(ports=7340) as federation, CountingAdapter(federation) as adapter:
    acknowledged = []
    loads = [Load(federation, acknowledged) for _ in range(THREADS)]
    for load in loads:
        load.start()
    times = []
    for _ in range(ROUNDS):
        time.sleep(chance.uniform(0.2, 0.8))
        victim = kill_one(federation)
        times.append((resumed(loads, time.monotonic()), victim))
    time.sleep(0.5)
    for load in loads:
        load.stopping = True
    for load in loads:
        load.join(5)
    tap.ok(len(acknowledged) > 10 * ROUNDS, f"{len(acknowledged)} exchanges acknowledged over {ROUNDS} kills (seed {seed})")
    times.sort()
    usual, (worst, victim) = times[len(times) * 9 // 10][0], times[-1]
    tap.ok(usual <= RESUME_SECONDS and worst <= LONGEST_SECONDS,
           f"service resumed within {usual:.2f} s nine times in ten, {worst:.2f} s at the worst ({victim})")
    tap.equal(len(adapter.executed), len(set(adapter.executed)), f"of {len(adapter.executed)} executed requests none ran twice")
    tap.ok(set(acknowledged) <= set(adapter.executed), "whatever was acknowledged was executed")
    time.sleep(1.2)
    federation.stop()
    with open(federation.path("ids"), "w") as file:
        file.write("\n".join(acknowledged) + "\n")
    for name in ("ashi", "arc"):
        done = federation.besa("log", "contains", federation.ledger(name), "--ids", federation.path("ids"))
        tap.equal(done.returncode, 0, f"every acknowledged exchange stands in the ledger of {name}: {done.stdout.strip()[-200:]}")
        done = federation.besa("log", "verify", federation.ledger(name), "--trust", federation.path("central", "trust.besa"))
        tap.ok(done.returncode == 0, f"the ledger of {name} verifies", done.stdout + done.stderr)
tap.done()
