#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Copies of a request that is being executed, honest or altered: none ends it, none runs it a second time."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Stub, Tap  # noqa: E402
from forge import EXCHANGE, Forge, response_of  # noqa: E402
from hanging import HangingAdapter  # noqa: E402

PORTS = 7640
ANSWERED = 1
tap = Tap()


def gateway(federation, name):
    """The provider's peer port with the credentials of a gateway."""
    keys = ("central", "gateways", name)
    tls = grpc.ssl_channel_credentials(root_certificates=federation.read("central", "ca.pem"),
                                       private_key=federation.read(*keys, "tls.key"),
                                       certificate_chain=federation.read(*keys, "tls.pem"))
    channel = grpc.secure_channel(f"127.0.0.1:{PORTS + 4}", tls)
    federation.channels.append(channel)
    return Stub(channel, "besa.exchange.v1.Exchange", EXCHANGE)


def copies(good):
    """The request again, and with each part that no seal covers changed."""
    yield "as it was", good
    for change in ({"payload": b"\n\n1234567891"}, {"salt": bytes(32)}, {"metadata": b"\n\x06\n\x01a\x12\x01b"}):
        copy = type(good).FromString(good.SerializeToString())
        for field, value in change.items():
            setattr(copy, field, value)
            yield f"with another {field}", copy
    copy = type(good).FromString(good.SerializeToString())
    copy.seal.index += 1
    yield "with another seal", copy


def status_of(stub, envelope):
    """The answer, or the reason of a plain refusal."""
    try:
        return stub.Call(envelope.SerializeToString())
    except grpc.RpcError as error:
        return dict(error.trailing_metadata()).get("besa-reason")


with Federation(ports=PORTS) as federation:
    ashi = gateway(federation, "XK-GOV-ASHI-gw1")
    arc = gateway(federation, "XK-GOV-ARC-gw1")
    with HangingAdapter(federation) as adapter:
        good = Forge(federation).request()
        first = ashi.callable("Call").future(good.SerializeToString(), timeout=20)
        tap.ok(adapter.wait_begun(1), "a request is being executed")
        for name, copy in copies(good):
            answer = status_of(ashi, copy)
            tap.ok(isinstance(answer, str) or answer.repeated_request, f"a copy {name}: on record already, or refused",
                   answer)
        answer = status_of(arc, good)
        tap.ok(isinstance(answer, str), "a copy by another gateway: learns nothing of the exchange", answer)
        adapter.released.set()
        answer = first.result()
        tap.equal(response_of(answer).outcome, ANSWERED, "the request is answered all the same")
        tap.ok(not answer.repeated_request, "by its own answer")
        tap.equal(adapter.begun, 1, "and was executed once")
    shown = federation.besa("log", "show", federation.ledger("arc")).stdout
    tap.ok("refused" not in shown, "no refusal of it is on record", shown)
    done = federation.besa("log", "verify", federation.ledger("arc"), "--trust", federation.path("central", "trust.besa"))
    tap.equal(done.returncode, 0, "the ledger verifies")
tap.done()
