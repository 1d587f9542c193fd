#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Certificates that run out while a gateway works: what they seal and whom they name is refused, in words."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Tap, faked_time  # noqa: E402

ARTA = {"personal_number": "1234567890"}
tap = Tap()
clock = tempfile.NamedTemporaryFile("w")


def set_clock(offset):
    """The offset of every process of the federation from the true time."""
    clock.seek(0)
    clock.truncate()
    clock.write(offset + "\n")
    clock.flush()


set_clock("+0d")
faked = faked_time(FAKETIME_TIMESTAMP_FILE=clock.name)

with Federation(ports=7420, VALIDITY="2h", **faked) as federation:
    civil = federation.civil()
    tap.ok(civil.GetPerson(ARTA), "within their validity")
    set_clock("+3h")
    try:
        civil.call("GetPerson", ARTA, timeout=5)
        tap.ok(False, "after it: refused")
    except grpc.RpcError as error:
        reason = dict(error.trailing_metadata() or ()).get("besa-reason")
        tap.equal(reason, "certificate_expired", "after it: refused, and it says why")
    worker = federation.children("ashi", "worker")[0]
    os.kill(worker, 9)
    tap.ok(federation.wait_log("ashi", "role=worker", 3), "a worker comes up anew")
    done = federation.besa("call", "rks.civil.v1.CivilRegistry/GetPerson", '{"personalNumber": "1234567890"}', "--profile",
                           federation.path("ashi", "ekosova.yaml"), "--purpose", "test", "--timeout", "3s")
    tap.ok(done.returncode != 0, "and finds no gateway that would let it in", done.stdout)
    tap.ok(federation.wait_log("arc", "reason=certificate_expired"), "whose log says why")
tap.done()
