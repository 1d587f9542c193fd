#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""The load program counts right: a measurement is worth what its counting is.

A gRPC server made with Python's grpcio answers wrongly on purpose, by a fixed pattern; the load program must report exactly that.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOAD = os.path.join(ROOT, os.environ.get("BUILD", "build"), "tests/bench/load")
REQUESTS = 200
HELD_SECONDS = 1.0
SERVE = "--serve"

results = itertools.count(1)


def check(good, name):
    """One TAP result."""
    print(f"{'ok' if good else 'not ok'} {next(results)} - {name}", flush=True)


def serve(pattern):
    """A server on a free port, printed as the first line; `pattern` says how it misbehaves."""
    numbers = itertools.count()
    lock = threading.Lock()

    def say(request, context):
        with lock:
            number = next(numbers)
        if pattern == "held" and number == 0:
            time.sleep(HELD_SECONDS)
        if pattern == "mixed" and number % 10 == 0:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "on purpose")
        context.set_trailing_metadata((("besa-exchange-id", f"id-{number}"),))
        if pattern == "mixed" and number % 10 == 1:
            return request[:-1] + bytes([request[-1] ^ 1])
        return request

    handler = grpc.method_handlers_generic_handler("rks.echo.v1.Echo", {"Say": grpc.unary_unary_rpc_method_handler(say)})
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), handlers=(handler,))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    signal.pause()


class Server:
    """A server process of this very script."""

    def __init__(self, pattern):
        self.process = subprocess.Popen([sys.executable, __file__, SERVE, pattern], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def load(port, *options):
    """Runs the load program: (exit status, its result)."""
    command = [LOAD, "--target", f"127.0.0.1:{port}", "--path", "/rks.echo.v1.Echo/Say", "--echo", "--warmup", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_counts(directory):
    """Every answer is sorted into the right count, and only OK answers give ids."""
    ids = os.path.join(directory, "ids")
    options = ["--connections", "2", "--streams", "4", "--limit", str(REQUESTS), "--duration", "30", "--ids", ids]
    with Server("good") as server:
        status, result = load(server.port, *options)
    check(status == 0 and result["ok"] == result["sent"] == REQUESTS, "all answers of a good server are OK")
    with Server("mixed") as server:
        status, result = load(server.port, *options)
    check(status == 1, "a run with answers that are not OK fails")
    check(result["grpc_status"].get("7") == REQUESTS // 10, "every PERMISSION_DENIED is counted by its number")
    check(result["wrong"] == REQUESTS // 10, "an answer with one flipped bit is counted as wrong")
    check(result["ok"] == REQUESTS * 8 // 10, "the rest is OK")
    with open(ids, encoding="ascii") as stream:
        found = stream.read().split()
    check(len(found) == len(set(found)) == result["ok"], "each OK answer's id is written once, no other's")
    check(not any(int(word[3:]) % 10 in (0, 1) for word in found), "ids belong to the OK answers")


def test_lost():
    """A server that dies leaves requests unanswered, and they are told."""
    with Server("good") as server:
        timer = threading.Timer(1.0, server.process.kill)
        timer.start()
        status, result = load(server.port, "--streams", "4", "--duration", "30")
        timer.join()
    check(status == 1 and result["connections_lost"] == 1, "a lost connection is reported and ends the run")
    check(result["ok"] + result["unanswered"] + result["reset"] == result["sent"], "each request is counted once")


def test_open_loop():
    """With one slot, a server that holds the first request delays all that were due meanwhile; none may look fast."""
    with Server("held") as server:
        _, result = load(server.port, "--rate", "200", "--limit", "50", "--duration", "30")
    check(result["ok"] == 50, "open loop: all requests are answered")
    check(result["latency_us"]["min"] > 300000, "open loop: latency counts from when a request was due")


def test_unreachable():
    """Nobody listens."""
    with Server("good") as server:
        port = server.port
    status, words = load(port, "--limit", "1")
    check(status == 1 and "cannot connect" in words, "an address where nobody listens is an error with words")


def main():
    """All tests, with a plan at the end."""
    if len(sys.argv) > 2 and sys.argv[1] == SERVE:
        serve(sys.argv[2])
        return
    with tempfile.TemporaryDirectory() as directory:
        test_counts(directory)
    test_lost()
    test_open_loop()
    test_unreachable()
    print(f"1..{next(results) - 1}")


main()
