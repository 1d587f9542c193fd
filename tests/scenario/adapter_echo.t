#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The echo adapter: what is sent comes back, of any size up to the limit, from many clients at once; hostile clients hurt nobody
but themselves."""
import os
import socket
import subprocess
import sys
import tempfile
import time

import grpc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
SAY = "/rks.echo.v1.Echo/Say"
count = 0


def ok(condition, name, detail=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if condition else "not ok", count, name), flush=True)
    if not condition and detail != "":
        print("# " + str(detail).replace("\n", "\n# "))


def message(payload):
    """SayRequest{payload} by hand."""
    size, length = len(payload), b""
    while True:
        length += bytes([size & 127 | (128 if size > 127 else 0)])
        size >>= 7
        if not size:
            return b"\x0a" + length + payload


def failure(call, request):
    try:
        call(request, timeout=20)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def resident(pid):
    with open("/proc/%d/status" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def main(work):
    path = os.path.join(work, "echo.sock")
    adapter = subprocess.Popen([os.path.join(BUILD, "bin/besa-adapter"), "--binding", os.path.join(ROOT, "adapters/echo/binding.yaml"),
                                "--contract", os.path.join(BUILD, "contracts/rks/echo/v1/echo.binpb"), "--listen", "unix:" + path],
                               stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if os.path.exists(path):
                break
            time.sleep(0.01)
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        channel = grpc.insecure_channel("unix:" + path, options)
        say = channel.unary_unary(SAY)
        for size in (0, 1, 127, 128, 70000, 4000000):
            request = message(os.urandom(size))
            ok(say(request, timeout=20) == request, "%d bytes come back" % size)
        ok(say(b"", timeout=20) == b"", "an empty message comes back")
        ok(failure(say, message(b"x" * (4 << 20))) == grpc.StatusCode.RESOURCE_EXHAUSTED, "more than four megabytes: refused")
        ok(failure(say, b"\x0a\x05x") == grpc.StatusCode.INVALID_ARGUMENT, "a malformed message: refused")
        requests = [message(b"%d" % i) for i in range(1000)]
        futures = [say.future(request, timeout=30) for request in requests]
        ok([future.result() for future in futures] == requests, "a thousand at once, each its own")
        before = resident(adapter.pid)
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(5000), b""):
            for _ in range(50):
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
                    try:
                        client.sendall(garbage)
                    except OSError:
                        pass
        ok(say(message(b"still there"), timeout=20) == message(b"still there"), "two hundred hostile connections later it answers")
        grown = resident(adapter.pid) - before
        ok(grown < 16384, "and has kept nothing of them", "grew by %d kB" % grown)
        channel.close()
    finally:
        adapter.terminate()
        ok(adapter.wait(20) == 0, "SIGTERM: ends with 0")
    print("1..%d" % count)


with tempfile.TemporaryDirectory(prefix="besa_echo_") as directory:
    main(directory)
sys.exit(0)
