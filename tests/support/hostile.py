# SPDX-License-Identifier: EUPL-1.2
"""A client that says anything: sockets, TLS as wanted, HTTP/2 frames by hand."""

import socket
import ssl
import struct
import time

from hpack import Decoder, Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PATIENCE_S = 10


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def grpc_message(payload, compressed=0, announced=None):
    return struct.pack(">BI", compressed, len(payload) if announced is None else announced) + payload


class Target:
    """An address, and the TLS credentials to reach it with (None: plain)."""

    def __init__(self, name, address, certificate=None, key=None):
        self.name = name
        self.address = address
        self.certificate = certificate
        self.key = key

    def connect(self):
        """A bare socket."""
        if isinstance(self.address, str):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(PATIENCE_S)
            sock.connect(self.address)
            return sock
        return socket.create_connection(("127.0.0.1", self.address), timeout=PATIENCE_S)

    def tls(self, alpn=("h2",), most=ssl.TLSVersion.TLSv1_3, credentials=True):
        """A socket past the client's part of the TLS handshake."""
        if self.certificate is None:
            return self.connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = most
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if credentials:
            context.load_cert_chain(self.certificate, self.key)
        sock = self.connect()
        try:
            return context.wrap_socket(sock)
        except (OSError, ssl.SSLError):
            sock.close()
            raise


class Connection:
    """An HTTP/2 connection that follows no rule by itself."""

    def __init__(self, target, settings=b""):
        self.sock = target.tls()
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.fields = {}  # stream → header fields and trailers received
        self.received = b""
        self.ended = False
        self.reset = False
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        """False once the other side has had enough."""
        try:
            self.sock.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            self.reset = True
            return False

    def headers(self, stream, path, extra=(), end=False, method="POST", content_type="application/grpc", flags=END_HEADERS):
        fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"),
                  ("content-type", content_type), ("te", "trailers"), ("besa-purpose", "test"), *extra]
        return frame(HEADERS, flags | (END_STREAM if end else 0), stream, self.encoder.encode(fields))

    def frames(self, until, seconds=PATIENCE_S):
        """Frames received until one of them satisfies, the connection ends or time is up: [(type, flags, stream, payload)]."""
        found = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while len(self.received) >= 9:
                size = int.from_bytes(self.received[:3], "big")
                if len(self.received) < 9 + size:
                    break
                kind, flags = self.received[3], self.received[4]
                stream = int.from_bytes(self.received[5:9], "big")
                found.append((kind, flags, stream, self.received[9:9 + size]))
                self.received = self.received[9 + size:]
                if kind == HEADERS and flags & END_HEADERS:
                    self.fields.setdefault(stream, {}).update(self.decoder.decode(found[-1][3]))
                if until(found[-1]):
                    return found
            self.sock.settimeout(max(end - time.monotonic(), 0.01))
            try:
                more = self.sock.recv(65536)
            except TimeoutError:
                continue
            except (OSError, ssl.SSLError):
                more = b""
                self.reset = True
            if not more:
                self.ended = True
                return found
            self.received += more
        return found

    def end(self, seconds=PATIENCE_S):
        """How the gateway ended the connection: a GOAWAY's error code, "closed", or None if it did not."""
        for kind, _, _, payload in self.frames(lambda one: one[0] == GOAWAY and one[3][4:8] != bytes(4), seconds):
            if kind == GOAWAY and payload[4:8] != bytes(4):
                return int.from_bytes(payload[4:8], "big")
        return "closed" if self.ended or self.reset else None

    def answer(self, stream, seconds=PATIENCE_S):
        """How a stream ended: "reset", "trailers", "closed" or None."""
        for kind, flags, number, payload in self.frames(
                lambda one: one[2] == stream and (one[0] == RST_STREAM or one[0] in (HEADERS, DATA) and one[1] & END_STREAM)
                or one[0] == GOAWAY, seconds):
            if kind == RST_STREAM and number == stream:
                return "reset"
            if kind == GOAWAY:
                return "closed"
            if number == stream and flags & END_STREAM:
                return "trailers"
        return "closed" if self.ended else None
