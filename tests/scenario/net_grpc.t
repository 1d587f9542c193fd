#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The net layer seen by clients nobody here wrote: Debian's python3-grpcio, curl, nghttp and h2load, over TCP, unix socket and TLS.
The server is the echo of tests/bench/h2_echo.c."""
import concurrent.futures
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import grpc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
ECHO = os.path.join(BUILD, "tests", "bench", "h2_echo")
SAY = "/echo.Echo/Say"
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
count = 0


def ok(condition, name, detail=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if condition else "not ok", count, name), flush=True)
    if not condition and detail != "":
        print("# " + str(detail).replace("\n", "\n# "))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(address, *credentials):
    process = subprocess.Popen([ECHO, address, *credentials])
    for _ in range(200):
        time.sleep(0.02)
        try:
            if address.startswith("unix:"):
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(address[5:])
            else:
                host, port = address.rsplit(":", 1)
                socket.create_connection((host, int(port)), 1).close()
            return process
        except OSError:
            pass
    raise SystemExit("Bail out! h2_echo does not listen on " + address)


def code_of(call, *arguments, **options):
    try:
        call(*arguments, **options)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


def grpcio(channel, name):
    say = channel.unary_unary(SAY)
    ok(say(b"besa") == b"besa", name + ": a message comes back")
    ok(say(b"") == b"", name + ": an empty one too")
    large = os.urandom(8 * 1024 * 1024)
    ok(say(large, timeout=30) == large, name + ": 8 MiB, through flow control both ways")
    bodies = [str(i).encode() * (i % 50) for i in range(500)]
    futures = [say.future(body, timeout=30) for body in bodies]
    ok([future.result() for future in futures] == bodies, name + ": 500 at once")
    cancelled = [say.future(large) for _ in range(20)]
    for future in cancelled:
        future.cancel()
    ok(say(b"still there") == b"still there", name + ": serves on after 20 cancellations")
    answer, call = say.with_call(b"x", metadata=(("besa-user", "XK1"), ("besa-blob-bin", b"\0\1\2")), timeout=5)
    ok(answer == b"x" and call.code() == grpc.StatusCode.OK, name + ": metadata and a deadline do not disturb")
    compressed = code_of(say, b"z" * 5000, compression=grpc.Compression.Gzip)
    ok(compressed == grpc.StatusCode.UNIMPLEMENTED, name + ": a compressed message is refused as such", compressed)
    stream = channel.stream_unary(SAY)
    two = code_of(stream, iter([b"one", b"two"]))
    ok(two == grpc.StatusCode.UNIMPLEMENTED, name + ": two messages in a unary call are refused as such", two)
    none = code_of(stream, iter([]))
    ok(none == grpc.StatusCode.UNIMPLEMENTED, name + ": none too", none)


def command(name, *words, expect):
    if not shutil.which(words[0]):
        ok(True, "%s # SKIP no %s" % (name, words[0]))
        return
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    ok(expect in done.stdout, name, done.stdout + done.stderr)


work = tempfile.mkdtemp(prefix="besa_net_")
key, certificate = work + "/key.pem", work + "/certificate.pem"
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
               check=True, capture_output=True)
os.chmod(key, 0o600)
port, secure_port = free_port(), free_port()
processes = [start("127.0.0.1:%d" % port), start("unix:" + work + "/echo.sock"),
             start("127.0.0.1:%d" % secure_port, certificate, key)]
try:
    with grpc.insecure_channel("127.0.0.1:%d" % port, LARGE) as plain:
        grpcio(plain, "tcp")
    with grpc.insecure_channel("unix:" + work + "/echo.sock", LARGE) as local:
        grpcio(local, "unix")
    with open(certificate, "rb") as file:
        trust = grpc.ssl_channel_credentials(file.read())
    with grpc.secure_channel("localhost:%d" % secure_port, trust, LARGE) as secure:
        grpcio(secure, "tls")

    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        def one(number):
            with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
                return channel.unary_unary(SAY)(b"%d" % number, timeout=30)
        ok(list(pool.map(one, range(60))) == [b"%d" % i for i in range(60)], "60 connections, 30 at a time")

    plain_url, secure_url = "http://127.0.0.1:%d/" % port, "https://localhost:%d/" % secure_port
    command("curl over TCP", "curl", "-s", "--http2-prior-knowledge", plain_url, "-o", "/dev/null", "-w",
            "%{http_code} %{http_version} %{size_download}", expect="200 2 200")
    command("curl over TLS", "curl", "-s", "--cacert", certificate, secure_url, "-o", "/dev/null", "-w",
            "%{http_code} %{http_version} %{size_download}", expect="200 2 200")
    command("curl cannot speak TLS 1.2", "curl", "-s", "--tls-max", "1.2", "--cacert", certificate, secure_url, "-o", "/dev/null", "-w",
            "%{http_code}", expect="000")
    command("nghttp", "nghttp", "-ns", plain_url, expect="200 /")
    command("h2load over TCP", "h2load", "-n", "20000", "-c", "8", "-m", "64", plain_url, expect="20000 succeeded, 0 failed")
    command("h2load over TLS", "h2load", "-n", "20000", "-c", "8", "-m", "64", secure_url, expect="20000 succeeded, 0 failed")

    with socket.create_connection(("127.0.0.1", port)) as idle:  # holds the drain up until it is told to go
        for process in processes:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(40) for process in processes]
    ok(codes == [0, 0, 0], "each drains and ends by itself", codes)
finally:
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    shutil.rmtree(work)
print("1..%d" % count)
