#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A provider with several gateways, addresses and shards: requests find one that works, as attempts that name each other, and
nothing is asked twice that may not be."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Stub, Tap, messages  # noqa: E402
from forge import EXCHANGE, Forge, response_of  # noqa: E402
from network import CIVIL, SHARDS, Network, Register, civil_service, hosted, member  # noqa: E402

PORTS = 7500
ASHI_CLIENTS, ASHI_PEER, DEAD = PORTS + 1, PORTS + 3, PORTS + 9
ARC = {"gw1": PORTS + 4, "gw2": PORTS + 5}
POPULATION, EKOSOVA = "XK/GOV/ARC/population", "XK/GOV/ASHI/ekosova"
tap = Tap()


def network():
    """ASHI with one gateway, ARC with two; gw2 is listed with a dead address before the one it has."""
    federation = Network([
        member("XK/GOV/ASHI", {"ekosova": []}, {"gw1": [ASHI_PEER]}),
        member("XK/GOV/ARC", {"population": [civil_service(idempotent=["GetPerson"])]},
               {"gw1": [ARC["gw1"]], "gw2": [DEAD, ARC["gw2"]]}),
    ])
    federation.gateway("ashi", "gw1", [hosted("XK/GOV/ASHI", ASHI_CLIENTS, ["ekosova"], ASHI_PEER)])
    for gateway in ARC:
        describe(federation, gateway, SHARDS)
    return federation


def describe(federation, gateway, shards):
    """The configuration of a gateway of the registry."""
    socket = federation.path(f"{gateway}.sock")
    arc = hosted("XK/GOV/ARC", peer=ARC[gateway], services={"population": socket}, shards=shards)
    federation.gateway(gateway, gateway, [arc])


class Portal:
    """The portal's calls, and what its ledger says of them."""

    def __init__(self, federation):
        self.federation = federation
        self.civil = Stub(federation.channel(port=ASHI_CLIENTS), CIVIL, "rks/civil/v1/civil.proto",
                          (("besa-purpose", "test"),))
        self.seen = 0

    def get(self, method="GetPerson", timeout=10):
        """(given name, exchange id)"""
        answer, call = self.civil.call(method, {"personal_number": "1234567890"}, timeout=timeout)
        return answer.person.given_name, dict(call.trailing_metadata())["besa-exchange-id"]

    def begin(self, method="GetPerson"):
        call = self.civil.callable(method)
        request = self.civil.request(method, {"personal_number": "1234567890"})
        return call.future(request, metadata=self.civil.metadata, timeout=10)

    def outcome(self, exchange):
        stub = Stub(self.civil.channel, "besa.gateway.v1.Outcomes", "besa/gateway/v1/gateway.proto")
        query = messages(EXCHANGE).OutcomeQuery(exchange_id=bytes.fromhex(exchange.replace("-", "")))
        report = stub.GetOutcome(query.SerializeToString())
        return report if report.HasField("foreign_outcome") else None

    def attempts(self):
        """Request statements since the last look: [(attempt, gateway, statement)]."""
        requests = self.federation.records("ashi", "ASHI", "request")
        fresh, self.seen = requests[self.seen:], len(requests)
        return [(request["attempt"], request["provider_ledger"].split("/")[4], request) for request in fresh]


def places(attempts):
    return [(number, gateway) for number, gateway, _ in attempts]


def linked(federation, attempts, name):
    """Each further attempt names the leaf of the one before."""
    leaves = federation.leaf_hashes("ashi", "ASHI")
    good = all(request.get("previous_attempt") in leaves for number, _, request in attempts if number > 1)
    good = good and all("previous_attempt" not in request for number, _, request in attempts if number == 1)
    tap.ok(good, name, attempts)


def dead_gateway(federation, portal, registers):
    tap.equal(portal.get()[0], "gw1", "a provider with two gateways: the first that is listed answers")
    tap.equal(places(portal.attempts()), [(1, "gw1")], "at the first attempt")
    federation.kill("gw1")
    tap.equal(portal.get()[0], "gw2", "it is gone: the second answers, at the second of its addresses")
    attempts = portal.attempts()
    tap.equal(places(attempts)[-1][1], "gw2", "as an attempt of its own")
    tap.ok(len(attempts) > 1 and len({request["exchange_id"] for _, _, request in attempts}) == 1, "of the same exchange", attempts)
    linked(federation, attempts, "that names the one before")
    tap.equal([len(register.executed) for register in registers.values()], [1, 1], "each request was executed once")
    tap.equal(portal.get()[0], "gw2", "the next one goes there at once")
    tap.equal(places(portal.attempts()), [(1, "gw2")], "at the first attempt")
    federation.start("gw1")


def broken(federation, portal, registers, method, at):
    """A call that the gateway has taken and that breaks because the gateway dies; returns the call."""
    registers[at].holding.set()
    taken = len(registers[at].executed)
    call = portal.begin(method)
    tap.ok(registers[at].wait_executed(taken + 1), f"{at} has taken a call of {method}")
    federation.kill(at)
    registers[at].holding.clear()
    return call


def broken_idempotent(federation, portal, registers):
    """Both ways round: whichever gateway was the one in use, the other is tried."""
    for at, other in (("gw2", "gw1"), ("gw1", "gw2")):
        if other == "gw1":
            tap.equal(portal.get()[0], "gw2", "in use is gw2")
        portal.attempts()
        before = len(registers[other].executed)
        call = broken(federation, portal, registers, "GetPerson", at)
        try:
            tap.equal(call.result().person.given_name, other, f"the method may run twice: {other} answers")
        except grpc.RpcError as error:
            tap.ok(False, f"the method may run twice: {other} answers", error)
        attempts = portal.attempts()
        tap.equal((places(attempts)[0], places(attempts)[-1][1]), ((1, at), other), "as a further attempt")
        linked(federation, attempts, "that names the one before")
        tap.equal(len(registers[other].executed), before + 1, "and executes it once")
        federation.start(at)


def broken_other(federation, portal, registers):
    used = portal.get()[0]
    tap.equal(used, "gw2", "in use is gw2, which the directory lists last")
    portal.attempts()
    before = {name: len(register.executed) for name, register in registers.items()}
    call = broken(federation, portal, registers, "GetFamily", used)
    error = tap.status(call.result, "UNAVAILABLE", "a method that may not run twice: the call fails", "peer_lost")
    tap.equal(places(portal.attempts()), [(1, used)], "there was no second attempt")
    before[used] += 1
    tap.equal({name: len(register.executed) for name, register in registers.items()}, before, "and no second execution")
    tap.equal(federation.records("ashi", "ASHI", "unanswered")[-1]["reason"], "peer_lost", "it is on record as unanswered")
    federation.start(used)
    interrupted = [record for record in federation.records(used, "ARC", "response") if record["outcome"] == "interrupted"]
    tap.ok(len(interrupted) >= 1, "and as interrupted by the provider, once it is back")
    exchange = dict(error.trailing_metadata())["besa-exchange-id"]
    told = eventually(lambda: portal.outcome(exchange))
    tap.ok(told and told.foreign_outcome.seal.checkpoint.startswith(f"besa/XK/GOV/ARC/{used}/2026\n".encode()),
           "GetOutcome asks the gateway that took the request, and brings its sealed word", told)


def all_dead(federation, portal):
    for gateway in ARC:
        federation.kill(gateway)
    portal.attempts()
    tap.status(portal.get, "UNAVAILABLE", "both gateways are gone: the call fails", "peer_unreachable")
    tap.ok(1 <= len(portal.attempts()) <= 3, "after a bounded number of attempts")
    for gateway in ARC:
        federation.start(gateway)
    tap.ok(eventually(portal.get), "they are back: so is the service")


def eventually(function, seconds=3):
    """What the call answers as soon as it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answer = function()
            if answer is not None:
                return answer
        except grpc.RpcError:
            pass
        time.sleep(0.02)
    return None


def outcome(answer):
    return response_of(answer).outcome, response_of(answer).reason


def shard_change(federation, portal, register):
    """The registry closes a shard and goes on in the next that the directory lists."""
    federation.stop("gw2")
    tap.equal(eventually(portal.get)[0], "gw1", "one gateway is left")
    peer = federation.peer("XK/GOV/ASHI", "gw1", ARC["gw1"], EXCHANGE)
    forge = Forge(federation)
    good = forge.request()
    tap.equal(outcome(peer.Call(good.SerializeToString()))[0], 1, "a request to the present shard is answered")
    stale = forge.request()
    federation.stop("gw1")
    describe(federation, "gw1", SHARDS[1:])
    federation.start("gw1")
    portal.attempts()
    answered = eventually(portal.get)
    tap.ok(answered and answered[0] == "gw1", "the provider goes on in another shard: the consumer follows by itself")
    tap.ok(federation.wait_log("ashi", "peer_ledger_moved"), "and says so in its log")
    attempts = portal.attempts()
    tap.ok(attempts[-1][2]["provider_ledger"].endswith("/2026-2"), "the request names the new shard", attempts[-1])
    tap.ok(attempts[-1][0] > 1, "as a further attempt")
    linked(federation, attempts, "that names the one before")
    refused = [record for record in federation.records("gw1", "ARC", "response") if record.get("reason") == "ledger_moved"]
    tap.ok(len(refused) == 1, "the refusal of the old name is on record", refused)
    portal.get()
    tap.equal(places(portal.attempts()), [(1, "gw1")], "from then on the first attempt is right")

    peer = federation.peer("XK/GOV/ASHI", "gw1", ARC["gw1"], EXCHANGE)
    executed = len(register.executed)
    again = peer.Call(good.SerializeToString())
    tap.ok(again.repeated_request and again.payload == b"", "the old request, replayed to the new shard: it is known there")
    tap.equal(outcome(peer.Call(stale.SerializeToString())), (2, "ledger_moved"), "one that the old shard never saw: refused")
    tap.equal(len(register.executed), executed, "neither is executed")
    keys = [record for record in federation.records("gw1", "ARC", "key")]
    tap.equal(keys[-1].get("previous_origin"), "besa/XK/GOV/ARC/gw1/2026", "the new shard names the one before")
    for name, owner in (("ashi", "ASHI"), ("gw1", "ARC"), ("gw2", "ARC")):
        done = federation.verify(name, owner)
        tap.ok(done.returncode == 0, f"the ledger of {name} verifies", done.stdout + done.stderr)


with network() as federation, Register(federation.path("gw1.sock"), "gw1") as first, \
        Register(federation.path("gw2.sock"), "gw2") as second:
    registers = {"gw1": first, "gw2": second}
    for name in ("ashi", "gw1", "gw2"):
        federation.start(name)
    for gateway in ARC:
        federation.allow(gateway, POPULATION, EKOSOVA)
    portal = Portal(federation)
    dead_gateway(federation, portal, registers)
    broken_idempotent(federation, portal, registers)
    broken_other(federation, portal, registers)
    all_dead(federation, portal)
    shard_change(federation, portal, first)
tap.done()
