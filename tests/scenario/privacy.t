#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""What a ledger gives away about the person who was asked about: nothing. And what is erased leaves the proofs whole."""

import hashlib
import hmac
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from federation import Federation, Tap, messages  # noqa: E402

NUMBER = "1234567890"
USER = "EK-7788-secret-user"
tap = Tap()


def content(directory):
    """Everything that a ledger's files hold, without the zeroes of what is not used yet."""
    whole = b""
    for path, _, names in os.walk(directory):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                whole += file.read().rstrip(b"\0")
    return b"".join(part for part in whole.split(bytes(64)) if part)


def guesses(held, payload):
    """Every digest that somebody who has only the ledger's bytes can make of the right message: bare hashes, and HMACs
    under each run of 32 bytes that the ledger holds."""
    for prefix in (b"", b"besa-payload/v1\n", b"besa-metadata/v1\n", b"besa-private/v1\n"):
        yield hashlib.sha256(prefix + payload).digest()
    for at in range(len(held) - 31):
        yield hmac.new(held[at:at + 32], b"besa-payload/v1\n" + payload, hashlib.sha256).digest()


with Federation(ports=7430) as federation:
    civil = federation.civil(metadata=(("besa-purpose", "test"), ("besa-user", USER)))
    request = civil.request("GetPerson", {"personal_number": NUMBER})
    answer, call = civil.call("GetPerson", request.SerializeToString())
    exchange = dict(call.trailing_metadata())["besa-exchange-id"]
    federation.stop()
    for name in ("ashi", "arc"):
        held = content(federation.ledger(name))
        tap.ok(len(held) > 1000, f"the ledger of {name} holds the exchange")
        tap.ok(NUMBER.encode() not in held, "but not the personal number")
        tap.ok(b"Arta" not in held and b"Berisha" not in held, "nor the person's name")
        digests = {hashlib.sha256(NUMBER.encode()).digest(), hashlib.sha256(b"\0" + NUMBER.encode()).digest()}
        for message in (request.SerializeToString(), answer.SerializeToString()):
            digests.update(guesses(held, message))
        found = sum(1 for digest in digests if digest in held)
        tap.equal(found, 0, f"nor anything that the right number would be found by ({len(digests)} digests tried)")
        tap.ok(USER.encode() in held, "the user stands in the private part")
        keys = federation.path("central", "gateways", f"XK-GOV-{name.upper()}-gw1")
        client = [] if name == "ashi" else ["--client", "XK/GOV/ASHI"]
        done = federation.besa("log", "erase", federation.ledger(name), exchange, "--keys", keys, *client)
        tap.ok(done.returncode == 0, "which can be erased", done.stdout + done.stderr)
        tap.ok(USER.encode() not in content(federation.ledger(name)), "and is gone then")
        done = federation.besa("log", "verify", federation.ledger(name), "--trust", federation.path("central", "trust.besa"),
                               "--directory", federation.path("central", "edition.besa"))
        tap.ok(done.returncode == 0, "every proof of the ledger still holds", done.stdout + done.stderr)

    evidence = messages("besa/evidence/v1/evidence.proto").Evidence
    federation.start()
    path = federation.path("evidence.besa")
    federation.besa("call", "rks.civil.v1.CivilRegistry/GetPerson", json.dumps({"personalNumber": NUMBER}), "--profile",
                    federation.path("ashi", "ekosova.yaml"), "--purpose", "test", "--user", USER, "--evidence", path)
    whole = evidence.FromString(federation.read("evidence.besa"))
    for what, fields in (("the private part", ("private_part",)), ("salt and payload", ("salt", "payload", "has_payload"))):
        erased = evidence()
        erased.CopyFrom(whole)
        for sealed in (erased.request, erased.response):
            for field in fields:
                sealed.ClearField(field)
        with open(path, "wb") as file:
            file.write(erased.SerializeToString())
        done = federation.besa("verify", path, "--trust", federation.path("central", "trust.besa"))
        tap.ok(done.returncode == 0 and "erased" in done.stdout, f"evidence without {what}: the proof stands",
               done.stdout + done.stderr)
tap.done()
