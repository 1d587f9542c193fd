#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""A lying counterparty at the provider's peer port: every lie is refused, nothing is executed, refusals are evidence."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Stub, Tap, messages  # noqa: E402
from forge import EXCHANGE, Forge, leaf_hash, response_of, uuid7  # noqa: E402

PORTS = 7320
ANSWERED, REFUSED = 1, 2
tap = Tap()


def peer(federation, keys, port):
    """A channel to a gateway's peer port with the credentials below central/."""
    tls = grpc.ssl_channel_credentials(root_certificates=federation.read("central", "ca.pem"),
                                       private_key=federation.read("central", *keys, f"{name_of(keys)}.key"),
                                       certificate_chain=federation.read("central", *keys, f"{name_of(keys)}.pem"))
    channel = grpc.secure_channel(f"127.0.0.1:{port}", tls)
    federation.channels.append(channel)
    return Stub(channel, "besa.exchange.v1.Exchange", EXCHANGE)


def name_of(keys):
    return "tls" if keys[0] == "gateways" else "client"


def outcome(answer):
    response = response_of(answer)
    return response.outcome, response.reason


def received(federation):
    """How many requests the registry has taken."""
    return federation.besa("log", "show", federation.ledger("arc"), "--json").stdout.count('"received"')


def refused(ashi, envelope, reason, name):
    """Refused: sealed with the reason, or as a plain status with it."""
    try:
        got = outcome(ashi.Call(envelope.SerializeToString()))
    except grpc.RpcError as error:
        got = (REFUSED, dict(error.trailing_metadata()).get("besa-reason"))
    tap.ok(got[0] == REFUSED and (got[1] == reason if isinstance(reason, str) else got[1] in reason), name, f"got {got}")


def altered(ashi, forge, federation, count=300):
    """Any single byte of an envelope changed: never answered."""
    randomly = random.Random(int(os.environ.get("SEED", "1")))
    before = received(federation)
    passed = []
    for _ in range(count):
        envelope = forge.request().SerializeToString() if _ % 50 == 0 else envelope
        position = randomly.randrange(len(envelope))
        flipped = bytearray(envelope)
        flipped[position] ^= 1 << randomly.randrange(8)
        try:
            answer = ashi.Call(bytes(flipped))
            if outcome(answer)[0] == ANSWERED:
                passed.append(position)
        except grpc.RpcError:
            pass
    tap.equal(passed, [], f"{count} envelopes with one bit changed: none answered")
    tap.equal(received(federation), before, "and none was taken on record as received")


with Federation(ports=PORTS) as federation:
    forge = Forge(federation)
    ashi = peer(federation, ("gateways", "XK-GOV-ASHI-gw1"), PORTS + 4)
    good = forge.request()
    first = ashi.Call(good.SerializeToString())
    tap.equal(outcome(first), (ANSWERED, ""), "an honest request is answered")
    again = ashi.Call(good.SerializeToString())
    tap.ok(again.repeated_request, "replayed: it is known")
    tap.equal(again.statement, first.statement, "replayed: the stored outcome is the answer")
    tap.equal(again.payload, b"", "replayed: without content")

    elsewhere = peer(federation, ("gateways", "XK-GOV-ARC-gw1"), PORTS + 3)
    tap.status(lambda: elsewhere.Call(good.SerializeToString()), "FAILED_PRECONDITION", "replayed to another member",
               "addressee_mismatch")
    refused(ashi, forge.request(provider_ledger="besa/XK/GOV/ARC/gw2/2026"), "addressee_mismatch", "for another gateway")
    refused(ashi, forge.request(provider_ledger="besa/XK/GOV/ARC/gw1/2026-2"), "ledger_moved", "for another shard")
    refused(ashi, forge.request(shift_us=3_600_000_000), "clock_skew", "from an hour ahead")
    refused(ashi, forge.request(shift_us=-3_600_000_000), "clock_skew", "from an hour ago")
    refused(ashi, forge.request(shift_us=-100_000_000), "expired", "after its deadline")
    refused(ashi, forge.request(client="XK/GOV/ARC/population"), ("member_mismatch", "statement_invalid"),
            "a client of another member")
    refused(ashi, forge.request(member="XK/GOV/ARC", client="XK/GOV/ARC/population", key=forge.key()),
            ("checkpoint_invalid", "signature_invalid", "seal_invalid"), "another member's ledger, sealed with our key")
    refused(ashi, forge.request(member="XK/GOV/ARC", client="XK/GOV/ARC/population"), "member_mismatch",
            "another member's statement with its own seal, from a gateway that does not host it")
    refused(ashi, forge.request(member="XK/GOV/ARC", client="XK/GOV/ARC/population", origin="besa/XK/GOV/ASHI/gw1/2026",
                                key=forge.key()), ("member_mismatch",), "another member's statement in our ledger")
    refused(ashi, forge.request(origin="besa/XK/GOV/ASHI/gw7/2026"), "seal_invalid", "a ledger that is not listed")
    refused(ashi, forge.request(contract_digest=bytes(32)), "contract_mismatch", "another contract")
    refused(ashi, forge.request(client="XK/GOV/ASHI/statistika"), "grant_missing", "no grant")
    refused(ashi, forge.request(service="rks.tax.v1.Tax"), "service_unknown", "an unknown service")
    refused(ashi, forge.request(method="Drop"), "method_unknown", "an unknown method")
    refused(ashi, forge.request(sent_payload=b"\n\n1234567891"), "digest_mismatch", "another payload")
    refused(ashi, forge.request(salt=bytes(32)), "digest_mismatch", "another salt")
    refused(ashi, forge.request(private_part=b"\n\x20" + bytes(32)), "digest_mismatch", "a private part nobody committed to")
    refused(ashi, forge.request(exchange_id=bytes(range(16))), "statement_invalid", "an id that is no UUIDv7")
    refused(ashi, forge.request(exchange_id=uuid7(1_600_000_000)), ("expired", "clock_skew"), "an id from years ago")
    refused(ashi, forge.request(payload=b"\n\xff\xff\xff\xff\x0f"), "payload_invalid", "a payload that is no message")

    burnt = uuid7()
    arc = peer(federation, ("gateways", "XK-GOV-ARC-gw1"), PORTS + 4)
    third = forge.request(member="XK/GOV/ARC", client="XK/GOV/ARC/population", exchange_id=burnt)
    refused(arc, third, "grant_missing", "a third party uses up an id")
    tap.equal(outcome(ashi.Call(forge.request(exchange_id=burnt).SerializeToString())), (ANSWERED, ""),
              "its owner is answered all the same")

    client = peer(federation, ("clients", "XK-GOV-ASHI-ekosova"), PORTS + 4)
    try:
        client.call("Call", good.SerializeToString(), timeout=2)
        tap.ok(False, "a certificate that is no gateway's")
    except grpc.RpcError as error:
        tap.ok(error.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"), "a certificate that is no gateway's", error)
        tap.ok(federation.wait_log("arc", "peer_refused"), "is logged as such")
    altered(ashi, forge, federation)

    sealed = unsealed = 0
    for _ in range(150):
        try:
            ashi.Call(forge.request(client="XK/GOV/ASHI/statistika").SerializeToString())
            sealed += 1
        except grpc.RpcError:
            unsealed += 1
    tap.ok(unsealed >= 50, "a flood of refusals is capped", f"{sealed} sealed, {unsealed} not")
    done = federation.besa("log", "verify", federation.ledger("arc"), "--trust", federation.path("central", "trust.besa"))
    tap.equal(done.returncode, 0, "after all this the ledger verifies")
tap.done()
