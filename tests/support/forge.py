# SPDX-License-Identifier: EUPL-1.2
"""A lying counterparty: makes request envelopes with statements and seals of any content, signed with keys that a
federation's gateway has. What is right is made as a notary makes it; each test then changes one thing."""

import base64
import hashlib
import hmac
import os
import subprocess
import tempfile
import time

from federation import messages

STATEMENT = "besa/statement/v1/statement.proto"
EXCHANGE = "besa/exchange/v1/exchange.proto"


def uuid7(at=None):
    value = bytearray(int((at or time.time()) * 1000).to_bytes(6, "big") + os.urandom(10))
    value[6] = 0x70 | value[6] & 0x0f
    value[8] = 0x80 | value[8] & 0x3f
    return bytes(value)


def leaf_hash(leaf):
    return hashlib.sha256(b"\0" + leaf).digest()


def digest(salt, kind, content):
    return hmac.new(salt, f"besa-{kind}/v1\n".encode() + content, hashlib.sha256).digest()


def run(arguments, data=None):
    return subprocess.run(arguments, input=data, capture_output=True, check=True).stdout


def seal(leaf, origin, key):
    """A seal over a ledger of one leaf: C2SP checkpoint with an ECDSA P-256 signature (note type 0x02)."""
    text = f"{origin}\n1\n{base64.b64encode(leaf_hash(leaf)).decode()}\n".encode()
    spki = run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"])
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        signature = run(["openssl", "dgst", "-sha256", "-sign", key, file.name])
    line = base64.b64encode(hashlib.sha256(spki).digest()[:4] + signature).decode()
    note = text + f"\n— {origin} {line}\n".encode()
    return messages("besa/evidence/v1/evidence.proto").Seal(origin=origin, index=0, path=b"", checkpoint=note)


class Forge:
    """Requests of the portal to the civil registry; every keyword changes one part."""

    def __init__(self, federation):
        self.federation = federation
        self.contract = next(name for name in os.listdir(federation.path("central", "contracts")))

    def key(self, member="XK-GOV-ASHI"):
        return self.federation.path("central", "gateways", f"{member}-gw1", "seal.key")

    def request(self, payload=b"\n\n1234567890", **changes):
        salt = os.urandom(32)
        now = int(time.time() * 1e6) + changes.pop("shift_us", 0)
        fields = dict(
            exchange_id=uuid7(now / 1e6), client="XK/GOV/ASHI/ekosova", purpose="test", provider="XK/GOV/ARC/population",
            provider_ledger="besa/XK/GOV/ARC/gw1/2026", service="rks.civil.v1.CivilRegistry", method="GetPerson",
            contract_digest=bytes.fromhex(self.contract.removesuffix(".binpb")), attempt=1, issued_at_us=now,
            deadline_us=now + 10_000_000, payload_digest=digest(salt, "payload", payload), payload_size=len(payload),
            directory_size=1, directory_root=bytes(32))
        member = changes.pop("member", "XK/GOV/ASHI")
        origin = changes.pop("origin", f"besa/{member}/gw1/2026")
        key = changes.pop("key", None) or self.key(member.replace("/", "-"))
        envelope_changes = {name: changes.pop(name) for name in ("salt", "sent_payload", "private_part") if name in changes}
        fields.update(changes)
        module = messages(STATEMENT)
        statement = module.Statement(member=member, ledger_time_us=now, blinder=os.urandom(16),
                                     request=module.Request(**fields))
        leaf = b"besa-statement/v1\n\x01" + statement.SerializeToString()
        envelope = messages(EXCHANGE).RequestEnvelope(
            statement=leaf, seal=seal(leaf, origin, key), salt=envelope_changes.get("salt", salt),
            payload=envelope_changes.get("sent_payload", payload))
        if "private_part" in envelope_changes:
            envelope.private_part = envelope_changes["private_part"]
        return envelope


def response_of(answer):
    """The Response of a ResponseEnvelope's statement."""
    statement = messages(STATEMENT).Statement.FromString(answer.statement[len(b"besa-statement/v1\n") + 1:])
    return statement.response
