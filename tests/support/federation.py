# SPDX-License-Identifier: EUPL-1.2
"""What the scenarios share: a federation of real processes, gRPC clients that are not ours, TAP output.

    from federation import Federation, Tap
    tap = Tap()
    with Federation(ports=7300) as federation:
        person = federation.civil().GetPerson({"personal_number": "..."})
        tap.ok(person.first_name, "the portal gets an answer")
    tap.done()
"""

import atexit
import glob
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import grpc
from google.protobuf import json_format

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("BUILD", "build")
# A client that looks again soon, so that what is measured is the gateway's time to come back.
RECONNECT = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100)]
BIN = os.path.join(ROOT, BUILD, "bin")


def faked_time(**settings):
    """An environment in which programs see another time: FAKETIME="+1h", or FAKETIME_TIMESTAMP_FILE to change it as they run."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0]
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return dict(LD_PRELOAD=library, FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1",
                ASAN_OPTIONS=sanitizer.lstrip(":"), **settings)


class Tap:
    """Test Anything Protocol on standard output."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, condition, name, detail=""):
        self.count += 1
        if not condition:
            self.failed += 1
        print(f"{'ok' if condition else 'not ok'} {self.count} - {name}", flush=True)
        if not condition and detail != "":
            for line in str(detail).splitlines()[:40]:
                print(f"# {line}", flush=True)
        return bool(condition)

    def equal(self, got, wanted, name):
        return self.ok(got == wanted, name, f"got {got!r}, wanted {wanted!r}")

    def status(self, function, wanted, name, reason=None):
        """The call must fail with this gRPC status (and reason code)."""
        try:
            answer = function()
        except grpc.RpcError as error:
            got = error.code().name
            trailers = dict(error.trailing_metadata() or ())
            detail = f"got {got} ({trailers.get('besa-reason')}): {error.details()}, wanted {wanted} ({reason})"
            self.ok(got == wanted and (reason is None or trailers.get("besa-reason") == reason), name, detail)
            return error
        self.ok(False, name, f"answered {answer!r}, wanted {wanted}")
        return None

    def done(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed else 0)


_generated = None


def messages(name):
    """The Python module of a .proto below proto/, made by protoc into a temporary directory."""
    global _generated
    if _generated is None:
        _generated = tempfile.mkdtemp(prefix="besa-py-")
        atexit.register(shutil.rmtree, _generated, ignore_errors=True)
        protos = subprocess.run(["find", "proto", "-name", "*.proto"], cwd=ROOT, capture_output=True, text=True, check=True)
        subprocess.run(["protoc", "-Iproto", f"--python_out={_generated}", *protos.stdout.split()], cwd=ROOT, check=True)
        sys.path.insert(0, _generated)
    return importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")


class Stub:
    """Unary methods of a service by name, over a channel, without generated stubs."""

    def __init__(self, channel, service, proto, metadata=(), timeout=10):
        self.channel = channel
        self.service = service
        self.descriptor = messages(proto).DESCRIPTOR.services_by_name[service.rsplit(".", 1)[1]]
        self.metadata = tuple(metadata)
        self.timeout = timeout

    def callable(self, method):
        answer = self.descriptor.methods_by_name[method].output_type._concrete_class
        return self.channel.unary_unary(f"/{self.service}/{method}",
                                        request_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
                                        response_deserializer=answer.FromString)

    def request(self, method, fields):
        kind = self.descriptor.methods_by_name[method].input_type._concrete_class
        return json_format.ParseDict(fields, kind())

    def call(self, method, fields, metadata=(), timeout=None):
        """Returns (answer, grpc.Call)."""
        message = fields if isinstance(fields, bytes) else self.request(method, fields)
        return self.callable(method).with_call(message, metadata=self.metadata + tuple(metadata),
                                               timeout=timeout or self.timeout)

    def __getattr__(self, method):
        return lambda fields, **options: self.call(method, fields, **options)[0]


class Federation:
    """demo/federation in a directory of its own; ended when the block ends."""

    def __init__(self, ports, service="civil", workers=1, grant=True, directory=None, start=True, **environment):
        self.environment = dict(os.environ, BUILD=BUILD, PORTS=str(ports), SERVICE=service, WORKERS=str(workers), **environment)
        self.directory = directory or tempfile.mkdtemp(prefix="besa-fed-")
        self.own_directory = directory is None
        self.ports = ports
        self.grant = grant
        self.start_now = start
        self.channels = []

    def __enter__(self):
        try:
            self.run("make")
            if self.start_now:
                self.start()
        except RuntimeError:
            self.run("stop")  # what came up before the rest failed
            raise
        return self

    def start(self):
        self.run("start")
        if self.grant:
            self.run("grant")

    def __exit__(self, kind, value, trace):
        for channel in self.channels:
            channel.close()
        subprocess.run(["demo/federation", "stop", self.directory], cwd=ROOT, env=self.environment)
        if kind is None and self.complaints():
            raise RuntimeError("a process did not end well:\n" + self.complaints())
        if kind is not None:
            for name in ("ashi", "arc", "adapter"):
                print(f"# ---- {name}.log")
                for line in self.log(name).splitlines()[-15:]:
                    print(f"# {line}")
        if self.own_directory and kind is None:
            shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, action):
        done = subprocess.run(["demo/federation", action, self.directory], cwd=ROOT, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"demo/federation {action}: {done.stdout}")
        return done.stdout

    def stop(self):
        self.run("stop")

    def complaints(self):
        """What sanitizers and assertions said in the logs."""
        found = []
        for name in ("ashi", "arc", "adapter"):
            lines = self.log(name).splitlines()
            for i, line in enumerate(lines):
                if any(word in line for word in ("Sanitizer", "runtime error:", "assertion failed")):
                    found += [f"# {name}: {text}" for text in lines[i:i + 25]]
                    break
        return "\n".join(found)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def read(self, *parts):
        with open(self.path(*parts), "rb") as file:
            return file.read()

    def log(self, name):
        try:
            return self.read(f"{name}.log").decode(errors="replace")
        except FileNotFoundError:
            return ""

    def json(self):
        return json.loads(self.read("federation.json"))

    def pid(self, name):
        return int(self.read(f"{name}.pid"))

    def children(self, name, role):
        """Pids of a gateway's notary or workers."""
        found = []
        parent = self.pid(name)
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/cmdline") as command:
                    if f"besa-{role}" in command.read():
                        found.append(int(pid))
        return found

    def reload(self, name):
        os.kill(self.pid(name), signal.SIGHUP)

    def wait_log(self, name, words, count=1, seconds=10):
        """Waits until the words stand in a log so many times."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.log(name).count(words) >= count:
                return True
            time.sleep(0.01)
        return False

    def ledger(self, name):
        return self.path(name, "ledger")

    def besa(self, *arguments, **options):
        return subprocess.run([os.path.join(BIN, "besa"), *arguments], capture_output=True, text=True, **options)

    def channel(self, subsystem="XK-GOV-ASHI-ekosova", port=None, options=(), credentials=True):
        keys = ("central", "clients", subsystem)
        tls = grpc.ssl_channel_credentials(
            root_certificates=self.read("central", "ca.pem"),
            private_key=self.read(*keys, "client.key") if credentials else None,
            certificate_chain=self.read(*keys, "client.pem") if credentials else None)
        channel = grpc.secure_channel(f"127.0.0.1:{port or self.ports + 1}", tls,
                                      options=[*RECONNECT, *options])
        self.channels.append(channel)
        return channel

    def civil(self, **options):
        metadata = options.pop("metadata", (("besa-purpose", "test"), ("besa-user", "EK-1001"), ("besa-issue", "T-1")))
        return Stub(self.channel(**options), "rks.civil.v1.CivilRegistry", "rks/civil/v1/civil.proto", metadata)
