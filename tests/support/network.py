# SPDX-License-Identifier: EUPL-1.2
"""A federation of any shape: members, gateways and registers as a scenario describes them.

    network = Network(members=[member("XK/GOV/ASHI", {"ekosova": []}, {"gw1": [peer_port]}), …])
    network.gateway("ashi", "gw1", [hosted("XK/GOV/ASHI", client_port, ["ekosova"], peer_port)])
    with network, Register(network.path("arc.sock")) as register:
        network.start("ashi")

Configurations are written as JSON, which is YAML.
"""

import glob
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from concurrent import futures

import grpc

from federation import BIN, BUILD, RECONNECT, ROOT, Federation, Stub, messages

LEAF = b"besa-statement/v1\n"
CIVIL = "rks.civil.v1.CivilRegistry"
SHARDS = ["2026", "2026-2", "2026-3", "2026-4"]
CONTRACT = os.path.join(ROOT, BUILD, "contracts/rks/civil/v1/civil.binpb")


def names(text):
    return {"sq": text, "sr": text, "en": text}


def civil_service(idempotent=()):
    """The civil registry's entry in the directory."""
    service = {"name": CIVIL, "contract": CONTRACT}
    return dict(service, idempotent=list(idempotent)) if idempotent else service


def member(identifier, subsystems, gateways):
    """A member of the plan: {subsystem: [service, …]}, {gateway: [port, …]} where other gateways reach it."""
    return {
        "id": identifier, "names": names(identifier),
        "subsystems": [{"id": f"{identifier}/{name}", "names": names(name), **({"services": services} if services else {})}
                       for name, services in subsystems.items()],
        "gateways": [{"id": name, "addresses": [f"127.0.0.1:{port}" for port in ports], "hosts": ["localhost", "127.0.0.1"],
                      "shards": SHARDS} for name, ports in gateways.items()],
    }


def hosted(identifier, clients=None, subsystems=(), peer=None, services=None, **more):
    """A member on a gateway: callers' port and the subsystems that call there, peers' port, {subsystem: adapter socket}; further
    keys of its part of gateway.yaml as they are."""
    return {"id": identifier, "clients": clients, "subsystems": subsystems, "peer": peer, "services": services or {},
            "more": more}


class Network(Federation):
    """Gateways are started one by one, by name; all are ended with the block."""

    def __init__(self, members):
        super().__init__(ports=0)
        self.processes = {}
        self.plan = {"instance": "XK", "central": {"member": "XK/GOV/ASHI", "ledger": "central", "shard": "2026"},
                     "members": members}
        with open(self.path("plan.yaml"), "w") as file:
            json.dump(self.plan, file)
        done = self.besa("central", "init", "--plan", self.path("plan.yaml"), "--out", self.path("central"))
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for channel in self.channels:
            channel.close()
        for name in list(self.processes):
            self.stop(name)
        complaints = self.complaints()
        if kind is not None or complaints:
            for name in self.logs():
                print(f"# ---- {name}.log")
                for line in self.log(name).splitlines()[-15:]:
                    print(f"# {line}")
        if kind is None and complaints:
            raise RuntimeError("a process did not end well:\n" + complaints)
        shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self):
        return sorted(name.removesuffix(".log") for name in os.listdir(self.directory) if name.endswith(".log"))

    def keys(self, identifier, gateway):
        return self.path("central", "gateways", f"{identifier.replace('/', '-')}-{gateway}")

    def fingerprint(self, subsystem):
        return self.read("central", "clients", subsystem.replace("/", "-"), "client.fingerprint").decode().strip()

    def _hosted(self, name, gateway, member):
        """A member's part of gateway.yaml. Each has a directory of its own: NAME/MEMBER."""
        identifier = member["id"]
        own = os.path.join(name, os.path.basename(identifier))
        os.makedirs(self.path(own), exist_ok=True)
        keys = self.keys(identifier, gateway)
        part = {
            "id": identifier, "ledger": self.path(own, "ledger"), "shards": SHARDS,
            "admin": f"unix:{self.path(own, 'admin.sock')}",
            "keys": {"tls_key": f"{keys}/tls.key", "tls_certificate": f"{keys}/tls.pem", "seal_key": f"{keys}/seal.key",
                     "seal_certificate": f"{keys}/seal.pem", "ed25519_key": f"{keys}/ed25519.key"},
            **({"peer": f"127.0.0.1:{member['peer']}"} if member["peer"] else {}),
            "services": [{"subsystem": f"{identifier}/{subsystem}", "service": CIVIL, "adapter": f"unix:{adapter}",
                          "timeout": "10s"} for subsystem, adapter in member["services"].items()],
        }
        if member["clients"]:
            part["listeners"] = [{"address": f"127.0.0.1:{member['clients']}", "clients": [
                {"subsystem": f"{identifier}/{subsystem}", "certificate": self.fingerprint(f"{identifier}/{subsystem}")}
                for subsystem in member["subsystems"]]}]
        return dict(part, **member["more"])

    def gateway(self, name, gateway, members):
        """Writes a gateway's configuration; again: another one for its next start."""
        os.makedirs(self.path(name), exist_ok=True)
        settings = {
            "gateway": gateway, "directory": {"trust": "../central/trust.besa", "edition": "../central/edition.besa"},
            "contracts": "../central/contracts", "limits": {"drain": "2s"},
            "members": [self._hosted(name, gateway, member) for member in members],
        }
        with open(self.path(name, "gateway.yaml"), "w") as file:
            json.dump(settings, file, indent=1)

    def ledger(self, name, member):
        return self.path(name, member, "ledger")

    def pid(self, name):
        return self.processes[name].pid

    def start(self, name):
        """Starts a gateway and waits until it serves."""
        ready = self.log(name).count(" ready ")
        with open(self.path(f"{name}.log"), "ab") as log:
            command = [os.path.join(BIN, "besa-gateway"), "--config", self.path(name, "gateway.yaml")]
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 15
        while self.log(name).count(" ready ") == ready and self.processes[name].poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        if self.log(name).count(" ready ") == ready:
            raise RuntimeError(f"{name} did not come up:\n" + "\n".join(self.log(name).splitlines()[-8:]))

    def stop(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self, name):
        """Ends a gateway as a power cut does, with all its processes."""
        children = self.children(name, "worker") + self.children(name, "notary")
        process = self.processes.pop(name)
        process.kill()
        process.wait()
        while any(running(pid) for pid in children):
            time.sleep(0.005)

    def role(self, name, role, identifier):
        """The pid of a member's notary or first worker."""
        for pid in self.children(name, role):
            with open(f"/proc/{pid}/cmdline") as file:
                if identifier in file.read().split("\0"):
                    return pid
        return None

    def allow(self, name, provider, to):
        """The provider's operator grants a subsystem the civil registry."""
        socket = f"unix:{self.path(name, provider.split('/')[2], 'admin.sock')}"
        done = self.besa("grant", "add", "--admin", socket, "--to", to, "--provider", provider, "--service", CIVIL,
                         "--legal-basis", "test", "--operator", "test")
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)

    def peer(self, identifier, gateway, port, proto):
        """Calls to a gateway's peer port with the credentials of a member's gateway."""
        with open(os.path.join(self.keys(identifier, gateway), "tls.key"), "rb") as key, \
                open(os.path.join(self.keys(identifier, gateway), "tls.pem"), "rb") as certificate:
            tls = grpc.ssl_channel_credentials(root_certificates=self.read("central", "ca.pem"), private_key=key.read(),
                                               certificate_chain=certificate.read())
        channel = grpc.secure_channel(f"127.0.0.1:{port}", tls, options=RECONNECT)
        self.channels.append(channel)
        return Stub(channel, "besa.exchange.v1.Exchange", proto)

    def complaints(self):
        found = []
        for name in self.logs():
            found += [f"# {name}: {line}" for line in self.log(name).splitlines()
                      if any(word in line for word in ("Sanitizer", "runtime error:", "assertion failed"))]
        return "\n".join(found)

    def records(self, name, member, kind):
        """Statements of a kind in a member's ledger, oldest first, as `besa log show --json` gives them."""
        shown = json.loads(self.besa("log", "show", self.ledger(name, member), "--json").stdout)
        return [record[kind] for record in shown if record["type"] == kind]

    def leaf_hashes(self, name, member):
        """The RFC 6962 hash of every leaf, read from the journal's own bytes (gateway/ledger/DESIGN.md)."""
        hashes = set()
        for path in sorted(glob.glob(os.path.join(self.ledger(name, member), "*", "segment-*"))):
            with open(path, "rb") as file:
                held = file.read()
            at = held.find(LEAF)
            while at >= 0:
                size = int.from_bytes(held[at - 40:at - 36], "little")
                hashes.add(hashlib.sha256(b"\0" + held[at:at + size]).hexdigest())
                at = held.find(LEAF, at + 1)
        return hashes

    def verify(self, name, member):
        return self.besa("log", "verify", self.ledger(name, member), "--trust", self.path("central", "trust.besa"), "--directory",
                         self.path("central", "edition.besa"))


def running(pid):
    """Exists, and is not merely waiting to be collected."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def is_sanitized(pid):
    """Whether a process carries a sanitizer, whose own memory would be measured too."""
    with open(f"/proc/{pid}/maps") as file:
        return any(name in file.read() for name in ("libasan", "libubsan"))


class Register(grpc.GenericRpcHandler):
    """An adapter on a unix socket: GetPerson is answered with a person of the register's name. While `holding` is set, calls are
    taken and kept. `executed` holds one exchange id per call taken."""

    def __init__(self, path, name):
        self.path = path
        self.executed = []
        self.holding = threading.Event()
        module = messages("rks/civil/v1/civil.proto")
        self.answer = module.GetPersonResponse(person=module.Person(given_name=name)).SerializeToString()

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.handle)

    def handle(self, request, context):
        self.executed.append(dict(context.invocation_metadata())["besa-exchange-id"])
        while self.holding.is_set() and context.is_active():
            time.sleep(0.01)
        return self.answer

    def wait_executed(self, count, seconds=5):
        end = time.monotonic() + seconds
        while len(self.executed) < count and time.monotonic() < end:
            time.sleep(0.005)
        return len(self.executed) >= count

    def __enter__(self):
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), handlers=(self,))
        self.server.add_insecure_port(f"unix:{self.path}")
        self.server.start()
        os.chmod(self.path, 0o666)
        return self

    def __exit__(self, *_):
        self.holding.clear()
        self.server.stop(0).wait()
