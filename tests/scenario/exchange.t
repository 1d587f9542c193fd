#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A client nobody here wrote (grpcio) calls the civil registry through both gateways."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Stub, Tap, messages  # noqa: E402
from hanging import HangingAdapter  # noqa: E402

ARTA = "1234567890"
tap = Tap()


def description(federation):
    """federation.json, by which outside tools find everything: a contract."""
    found = federation.json()
    nodes = {node["name"]: node for node in found["nodes"]}
    tap.equal(found["version"], 1, "federation.json has its version")
    tap.equal({name: node["kind"] for name, node in nodes.items()},
              {"ashi": "gateway", "arc": "gateway", "adapter": "adapter"}, "and its nodes")
    tap.ok(all(os.path.exists(f"/proc/{node['pid']}") for node in nodes.values()), "that run")
    gateways = [nodes["ashi"], nodes["arc"]]
    tap.ok(all(os.path.isfile(node["tls"][part]) for node in gateways for part in ("ca", "certificate", "key")),
           "with credentials of a client")
    tap.ok(all(os.path.isdir(node["ledgers"][0]["path"]) for node in gateways), "and ledgers")
    tap.equal(nodes["ashi"]["ledgers"][0]["origin"], "besa/XK/GOV/ASHI/gw1/2026", "by their origin")


def answers(federation):
    civil = federation.civil()
    person, call = civil.call("GetPerson", {"personal_number": ARTA})
    tap.equal(person.person.given_name, "Arta", "GetPerson answers")
    exchange = dict(call.trailing_metadata()).get("besa-exchange-id", "")
    tap.equal(len(exchange), 36, "the answer names its exchange")
    tap.ok(len(civil.SearchPersons({"family_name": "Berisha"}).persons) >= 2, "SearchPersons answers with several")
    tap.ok(civil.GetFamily({"personal_number": ARTA}).ListFields(), "GetFamily answers")
    tap.ok(civil.GetBirthExtract({"personal_number": ARTA}).ListFields(), "GetBirthExtract answers")
    return exchange


def refusals(federation):
    civil = federation.civil()
    tap.status(lambda: civil.GetPerson({"personal_number": "9999999999"}), "NOT_FOUND", "nobody of that number")
    tap.status(lambda: civil.GetPerson({"personal_number": "12"}), "INVALID_ARGUMENT", "a number of two digits")
    tap.status(lambda: civil.GetPerson(b"\x0a\xff\xff"), "INVALID_ARGUMENT", "bytes that are no message", "payload_invalid")
    deep = b""
    for _ in range(300):
        deep = b"\x0a" + bytes([len(deep) & 0x7f | (0x80 if len(deep) > 127 else 0)]) + (
            bytes([len(deep) >> 7]) if len(deep) > 127 else b"") + deep
    tap.status(lambda: civil.SearchPersons(deep[:60000]), "INVALID_ARGUMENT", "nonsense nested 300 deep")
    statistics = federation.civil(subsystem="XK-GOV-ASHI-statistika")
    tap.status(lambda: statistics.GetPerson({"personal_number": ARTA}), "PERMISSION_DENIED", "a subsystem without a grant",
               "grant_missing")
    tap.status(lambda: civil.GetPerson({"personal_number": ARTA}, metadata=(("besa-client", "XK/GOV/ASHI/statistika"),)),
               "PERMISSION_DENIED", "a client that names another's subsystem", "permission")
    tap.status(lambda: civil.GetPerson({"personal_number": ARTA}, metadata=(("besa-service", "XK/GOV/ATK/tax"),)),
               "UNIMPLEMENTED", "a provider that does not offer the service", "service_unknown")
    foreign = federation.civil(subsystem="XK-GOV-ARC-population")
    tap.status(lambda: foreign.GetPerson({"personal_number": ARTA}), "UNAUTHENTICATED", "a certificate of another member",
               "client_unknown")
    unknown = federation.channel().unary_unary("/rks.tax.v1.Tax/Check")
    tap.status(lambda: unknown(b"", timeout=5), "UNIMPLEMENTED", "an unknown service", "service_unknown")
    unknown = federation.channel().unary_unary("/rks.civil.v1.CivilRegistry/DropTables")
    tap.status(lambda: unknown(b"", timeout=5), "UNIMPLEMENTED", "an unknown method", "method_unknown")
    tap.status(lambda: civil.GetPerson(b"\x0a" + b"\x80\x80\xa0\x04" + b"1" * (9 << 20)), "RESOURCE_EXHAUSTED",
               "a message of nine megabytes")


def outcome(federation, exchange):
    stub = Stub(federation.channel(), "besa.gateway.v1.Outcomes", "besa/gateway/v1/gateway.proto")
    query = messages("besa/exchange/v1/exchange.proto").OutcomeQuery(exchange_id=bytes.fromhex(exchange.replace("-", "")))
    report = stub.GetOutcome(query.SerializeToString())
    tap.ok(report.request.seal.checkpoint.startswith(b"besa/XK/GOV/ASHI/gw1/2026\n"),
           "GetOutcome gives the request with our seal")
    tap.ok(report.foreign_outcome.seal.checkpoint.startswith(b"besa/XK/GOV/ARC/gw1/2026\n"),
           "and the provider's response with its seal")
    other = Stub(federation.channel(subsystem="XK-GOV-ASHI-statistika"), "besa.gateway.v1.Outcomes",
                 "besa/gateway/v1/gateway.proto")
    tap.status(lambda: other.GetOutcome(query.SerializeToString()), "NOT_FOUND",
               "another subsystem does not see it")


def concurrent(federation, count=500):
    civil = federation.civil()
    method = civil.callable("GetPerson")
    request = civil.request("GetPerson", {"personal_number": ARTA})
    futures = [method.future(request, metadata=civil.metadata, timeout=30) for _ in range(count)]
    good = sum(1 for future in futures if future.result().person.given_name == "Arta")
    tap.equal(good, count, f"{count} concurrent calls are answered")


def deadlines(federation):
    with HangingAdapter(federation) as adapter:
        civil = federation.civil()
        tap.status(lambda: civil.call("GetPerson", {"personal_number": ARTA}, timeout=0.5), "DEADLINE_EXCEEDED",
                   "an adapter that hangs: the deadline holds")
        tap.ok(adapter.wait_cancelled(1), "and the adapter's call was cancelled")
        future = civil.callable("GetPerson").future(civil.request("GetPerson", {"personal_number": ARTA}),
                                                    metadata=civil.metadata, timeout=30)
        tap.ok(adapter.wait_begun(2), "a call reaches the adapter")
        future.cancel()
        tap.ok(adapter.wait_cancelled(2), "the caller's cancellation reaches it too")
    tap.ok(federation.wait_log("arc", " ready ", seconds=1), "the gateway is still up")


with Federation(ports=7300) as federation:
    description(federation)
    exchange = answers(federation)
    refusals(federation)
    outcome(federation, exchange)
    concurrent(federation)
    for name in ("ashi", "arc"):
        done = federation.besa("log", "verify", federation.ledger(name), "--trust", federation.path("central", "trust.besa"),
                               "--directory", federation.path("central", "edition.besa"))
        tap.equal(done.returncode, 0, f"the ledger of {name} verifies")
    deadlines(federation)
    shown = federation.besa("log", "show", federation.ledger("arc"), "--json").stdout
    tap.ok("refused" in shown and "grant_missing" in shown, "refusals stand in the provider's ledger")
    tap.ok("failed" in shown and "cancelled" in shown, "so do failures", shown[-1500:])
    shown = federation.besa("log", "show", federation.ledger("ashi"), "--json").stdout
    tap.ok("unanswered" in shown, "and what stayed unanswered in the client's")
tap.done()
