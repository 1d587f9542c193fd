# SPDX-License-Identifier: EUPL-1.2
"""Takes the place of a federation's adapter: a gRPC server that takes calls and answers none, or as told."""

import os
import signal
import threading
import time
from concurrent import futures

import grpc


class HangingAdapter(grpc.GenericRpcHandler):
    """In a with block: the real adapter is frozen out, ours has its socket."""

    def __init__(self, federation, answer=None):
        self.federation = federation
        self.answer = answer  # bytes: answers at once
        self.begun = 0
        self.cancelled = 0
        self.released = threading.Event()

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.handle)

    def handle(self, request, context):
        self.begun += 1
        if self.answer is not None:
            return self.answer
        ended = threading.Event()
        context.add_callback(ended.set)
        while not ended.is_set() and not self.released.is_set():
            ended.wait(0.05)
        if ended.is_set():
            self.cancelled += 1
        context.abort(grpc.StatusCode.ABORTED, "released")

    def _wait(self, name, count, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if getattr(self, name) >= count:
                return True
            time.sleep(0.01)
        return False

    def wait_begun(self, count):
        return self._wait("begun", count)

    def wait_cancelled(self, count):
        return self._wait("cancelled", count)

    def __enter__(self):
        pid = self.federation.pid("adapter")
        os.kill(pid, signal.SIGTERM)
        while os.path.exists(f"/proc/{pid}") and open(f"/proc/{pid}/stat").read().split()[2] != "Z":
            time.sleep(0.01)
        path = self.federation.path("arc", "adapter.sock")
        if os.path.exists(path):
            os.unlink(path)
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), handlers=(self,))
        self.server.add_insecure_port(f"unix:{path}")
        self.server.start()
        time.sleep(0.7)  # the gateway tries a dead adapter again after half a second at most
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.stop(0).wait()
        self.federation.run("adapter")
