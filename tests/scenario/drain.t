#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A gateway that ends while a register hangs: what the drain cuts off is on record when the process is gone."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Tap  # noqa: E402
from hanging import HangingAdapter  # noqa: E402

PORTS = 7670
tap = Tap()


def shown(federation, name):
    return federation.besa("log", "show", federation.ledger(name)).stdout


def lines(text, words):
    return sum(words in line for line in text.splitlines())


with Federation(ports=PORTS) as federation:
    with HangingAdapter(federation) as adapter:
        civil = federation.civil()
        calls = [civil.callable("GetPerson").future(b"\n\n1234567890", metadata=civil.metadata, timeout=60) for _ in range(20)]
        tap.ok(adapter.wait_begun(16), "calls hang in the register")
        os.kill(federation.pid("arc"), signal.SIGTERM)
        tap.ok(federation.wait_log("arc", " stopped ", seconds=15), "its gateway drains and ends")
        arc = shown(federation, "arc")
        tap.equal(lines(arc, " received "), lines(arc, " failed "), "every request that it took has its outcome on record")
        ended = []
        for call in calls:
            try:
                ended.append(call.result().ByteSize())
            except grpc.RpcError as error:
                ended.append(error.code().name)
        tap.equal(set(ended), {"UNAVAILABLE"}, "every caller hears of it")
        ashi = shown(federation, "ashi")
        tap.equal(lines(ashi, " unanswered "), len(calls), "so does the client's ledger")
tap.done()
