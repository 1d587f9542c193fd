#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Hostile bytes at every real port of a gateway: whoever sends them is put off, others are served meanwhile, memory stays
flat and nothing goes on record."""

import json
import os
import random
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Federation, Tap  # noqa: E402
from hostile import (CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM,  # noqa: E402
                     SETTINGS, WINDOW_UPDATE, Connection, Target, frame, grpc_message)
from network import is_sanitized, resident_kib  # noqa: E402

PORTS = 7560
ARTA = {"personal_number": "1234567890"}
GET_PERSON = "/rks.civil.v1.CivilRegistry/GetPerson"
CALL = "/besa.exchange.v1.Exchange/Call"
ADMIN = "/besa.gateway.v1.Admin/AddGrant"
GROWTH_KIB = 32 * 1024
LORIS = 60
seed = int(os.environ.get("SEED", "1"))
chance = random.Random(seed)
tap = Tap()


class Honest(threading.Thread):
    """Somebody who only wants an answer, every few milliseconds, all the time."""

    def __init__(self, federation):
        super().__init__(daemon=True)
        self.civil = federation.civil()
        self.answered = 0
        self.failed = []
        self.slowest = 0.0
        self.stopping = False

    def run(self):
        while not self.stopping:
            begin = time.monotonic()
            try:
                self.civil.call("GetPerson", ARTA, timeout=5)
                self.answered += 1
            except grpc.RpcError as error:
                self.failed.append(error.details())
            self.slowest = max(self.slowest, time.monotonic() - begin)
            time.sleep(0.01)


# ---- before HTTP/2 -----------------------------------------------------------------------------------------------------------

def closed(sock, seconds=15):
    """Whether the other side ends the connection."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
        return True
    except TimeoutError:
        return False
    except (OSError, ssl.SSLError):
        return True
    finally:
        sock.close()


def pour(sock, data):
    try:
        sock.sendall(data)
    except OSError:
        pass
    return closed(sock)


def garbage(target):
    tap.ok(all(pour(target.connect(), chance.randbytes(chance.randrange(24, 65536))) for _ in range(20)), f"{target.name}: noise")
    tap.ok(pour(target.connect(), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 100), f"{target.name}: HTTP/1.1")
    record = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + bytes(16000)
    tap.ok(pour(target.connect(), record * 64), f"{target.name}: a malformed ClientHello, many times over")


def handshakes(target):
    """TLS that is not what a gateway speaks; with TLS 1.3 a refusal of the client's certificate is seen when reading."""
    for name, how in (("TLS 1.2", {"most": ssl.TLSVersion.TLSv1_2}), ("no certificate", {"credentials": False}),
                      ("HTTP/1.1 by ALPN", {"alpn": ("http/1.1",)}), ("no ALPN", {"alpn": ()})):
        try:
            refused = pour(target.tls(**how), PREFACE + frame(SETTINGS, 0, 0))
        except (OSError, ssl.SSLError):
            refused = True
        tap.ok(refused, f"{target.name}: {name}: refused")


# ---- floods ------------------------------------------------------------------------------------------------------------------

def flood(connection, pieces):
    """Sends until the other side has had enough; how the connection ended."""
    for piece in pieces:
        if not connection.send(piece):
            break
    return connection.end()


def ended(how, name):
    """By a GOAWAY, or by a reset when the rest of the flood was still under way."""
    tap.ok(how not in (None, 0), f"{name} ({'GOAWAY ' + str(how) if isinstance(how, int) else how})", how)


def floods(target, path):
    name = target.name
    with Connection(target) as bad:
        ended(flood(bad, (b"".join(bad.headers(stream, path) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
                                   for stream in range(first, first + 200, 2)) for first in range(1, 20001, 200))),
              f"{name}: rapid reset")
    with Connection(target) as bad:
        block = bad.encoder.encode([("x-filler", "y" * 4000)])
        pieces = [bad.headers(1, path, flags=0)] + [frame(CONTINUATION, 0, 1, block)] * 5000
        ended(flood(bad, pieces), f"{name}: headers without end")
    with Connection(target) as bad:
        pieces = [bad.headers(1, path, flags=0)] + [frame(CONTINUATION, 0, 1) * 1000] * 100
        ended(flood(bad, pieces), f"{name}: empty CONTINUATION frames without end")
    for what, piece in (("PING", frame(PING, 0, 0, b"aaaaaaaa")), ("SETTINGS", frame(SETTINGS, 0, 0, b"\0\4\0\0\xff\xff"))):
        with Connection(target) as bad:
            ended(flood(bad, [piece * 1000] * 100), f"{name}: a flood of {what} whose answers nobody reads")
    with Connection(target) as bad:
        pieces = [bad.headers(1, path)] + [frame(DATA, 0, 1) * 1000] * 100
        ended(flood(bad, pieces), f"{name}: a flood of empty DATA")
    with Connection(target) as bad:
        ended(flood(bad, [frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fffffff))] * 3), f"{name}: a window beyond its bound")
    with Connection(target) as bad:
        ended(flood(bad, [frame(HEADERS, END_HEADERS, 1, chance.randbytes(1000))]), f"{name}: noise for compressed headers")
    for _ in range(10):
        with Connection(target) as bad:
            bad.send(b"".join(frame(chance.randrange(256), chance.randrange(256), chance.randrange(8),
                                    chance.randbytes(chance.randrange(100))) for _ in range(200)))


def too_large(connection, how, name):
    """Refused for what it is: 431 Request Header Fields Too Large (RFC 6585), or the end of the connection."""
    status = connection.fields.get(1, {}).get(":status")
    tap.ok(status == "431" or how in ("reset", "closed"), f"{name}: refused ({status or how})", connection.fields)


def header_bombs(target, path):
    name = target.name
    with Connection(target) as bad:
        # A value of 3,900 bytes enters the compression table once; each byte 0xbe names it again.
        first = bad.headers(1, path)[9:]
        block = first + bad.encoder.encode([("x-bomb", "b" * 3900)]) + b"\xbe" * 12000
        bad.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block[:16384]))
        too_large(bad, bad.answer(1), f"{name}: 16 KB that unpack to 47 MB of headers")
    with Connection(target) as bad:
        block = bad.headers(1, path, extra=[("x-large", "l" * 60000)])[9:]
        pieces = [block[at:at + 16000] for at in range(0, len(block), 16000)]
        bad.send(frame(HEADERS, END_STREAM, 1, pieces[0]))
        for piece in pieces[1:-1]:
            bad.send(frame(CONTINUATION, 0, 1, piece))
        bad.send(frame(CONTINUATION, END_HEADERS, 1, pieces[-1]))
        too_large(bad, bad.answer(1), f"{name}: a header of 60 KB")
    with Connection(target) as bad:
        bad.send(bad.headers(1, path, extra=[(f"x-{number}", "") for number in range(500)], end=True))
        too_large(bad, bad.answer(1), f"{name}: 500 headers")


# ---- wrong gRPC --------------------------------------------------------------------------------------------------------------

def wrong_calls(target, path):
    """Each on a stream of its own; every one gets an end, the connection stays."""
    person = b"\x0a\x0a1234567890"
    wrong = {
        "a message cut short": (grpc_message(person, announced=100), {}),
        "a prefix cut short": (b"\0\0\0", {}),
        "no message": (b"", {}),
        "a compressed message": (grpc_message(person, compressed=1), {}),
        "a reserved flag": (grpc_message(person, compressed=0x80), {}),
        "two messages": (grpc_message(person) * 2, {}),
        "a message of 4 GB announced": (grpc_message(person, announced=0xffffffff), {}),
        "another content type": (grpc_message(person), {"content_type": "application/json"}),
        "another method": (grpc_message(person), {"method": "PUT"}),
        "a deadline that is none": (grpc_message(person), {"extra": [("grpc-timeout", "soon")]}),
        "a path without method": (grpc_message(person), {"path": "/nothing"}),
        "a compression nobody knows": (grpc_message(person, compressed=1), {"extra": [("grpc-encoding", "br")]}),
    }
    with Connection(target) as bad:
        left = []
        for number, (name, (body, changes)) in enumerate(wrong.items()):
            stream = 2 * number + 1
            options = dict(changes)
            bad.send(bad.headers(stream, options.pop("path", path), **options) + frame(DATA, END_STREAM, stream, body))
            how = bad.answer(stream)
            if how not in ("reset", "trailers") or bad.fields.get(stream, {}).get("grpc-status") == "0":
                left.append(name)
        tap.equal(left, [], f"{target.name}: {len(wrong)} kinds of calls that are no gRPC: each is refused")


def zero_window(target, path, count):
    """Calls whose answers nobody takes; returns the connection, to be closed later."""
    bad = Connection(target, settings=b"\0\4\0\0\0\0")
    body = grpc_message(b"\x12\x07Berisha")
    for number in range(count):
        stream = 2 * number + 1
        bad.send(bad.headers(stream, path) + frame(DATA, END_STREAM, stream, body))
    return bad


def slow_loris(targets):
    """Connections that say a byte now and then, in a thread; returns how to learn which the gateways ended."""
    socks = []
    for number in range(LORIS):
        target = targets[number % len(targets)]
        sock = target.connect() if number % 2 or target.certificate is None else target.tls()
        socks.append(sock)

    def drip():
        said = 0
        while said < 100 and any(sock.fileno() >= 0 for sock in socks):
            for sock in socks:
                try:
                    sock.send(PREFACE[said % 24:said % 24 + 1])
                except (OSError, ssl.SSLError):
                    pass
            said += 1
            time.sleep(0.5)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    return socks


# ---- what must hold ----------------------------------------------------------------------------------------------------------

def counts(federation):
    """Request statements of the portal, requests received by the registry, refusals sealed there."""
    ashi, arc = (json.loads(federation.besa("log", "show", federation.ledger(name), "--json").stdout) for name in ("ashi", "arc"))
    return (sum(record["type"] == "request" for record in ashi),
            sum(record["type"] == "received" and record["received"]["type"] == "request" for record in arc),
            sum(record["type"] == "response" and record["response"].get("outcome") == "refused" for record in arc))


def keys_of(federation, *parts):
    directory = federation.path("central", *parts)
    name = "tls" if parts[0] == "gateways" else "client"
    return os.path.join(directory, f"{name}.pem"), os.path.join(directory, f"{name}.key")


with Federation(ports=PORTS) as federation:
    client = Target("client port", PORTS + 1, *keys_of(federation, "clients", "XK-GOV-ASHI-ekosova"))
    peer = Target("peer port", PORTS + 4, *keys_of(federation, "gateways", "XK-GOV-ASHI-gw1"))
    admin = Target("admin socket", federation.path("arc", "admin.sock"))
    workers = {name: federation.children(name, "worker") for name in ("ashi", "arc")}
    civil = federation.civil()
    for _ in range(300):
        civil.GetPerson(ARTA)
    before = {name: resident_kib(pids[0]) for name, pids in workers.items()}
    honest = Honest(federation)
    honest.start()
    loris = slow_loris((client, peer, admin))
    begun = time.monotonic()
    held = 100
    greedy = zero_window(client, "/rks.civil.v1.CivilRegistry/SearchPersons", held)

    for target, path in ((client, GET_PERSON), (peer, CALL), (admin, ADMIN)):
        if target is not admin:
            handshakes(target)
        garbage(target)
        floods(target, path)
        header_bombs(target, path)
        wrong_calls(target, path)
        person = federation.civil().GetPerson(ARTA).person
        tap.equal(person.given_name, "Arta", "a caller who comes after that is answered")

    time.sleep(max(0.0, 12 - (time.monotonic() - begun)))
    tap.equal(sum(closed(sock, seconds=1) for sock in loris), LORIS, f"{LORIS} connections that never get to the point: all ended")
    tap.ok(greedy.end(seconds=0.5) is None, "answers that nobody takes wait")
    greedy.sock.close()
    honest.stopping = True
    honest.join(10)
    tap.equal(honest.failed, [], f"all the while somebody else was answered {honest.answered} times")
    tap.ok(honest.slowest < 3, f"the slowest of them in {honest.slowest * 1000:.0f} ms")
    tap.equal({name: federation.children(name, "worker") for name in workers}, workers, "no worker had to be started again")
    for name, pids in workers.items():
        growth = resident_kib(pids[0]) - before[name]
        if is_sanitized(pids[0]):
            tap.ok(True, f"the worker of {name} stays small # SKIP a sanitizer keeps what was freed")
        else:
            tap.ok(growth < GROWTH_KIB, f"the worker of {name} grew by {growth} KiB, of {before[name]}")
    expected = 300 + held + honest.answered + 3
    tap.equal(counts(federation), (expected, expected, 0), "on record are the true calls and nothing else")
tap.done()
