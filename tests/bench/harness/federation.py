# SPDX-License-Identifier: EUPL-1.2
"""The system under measurement: a federation that another program starts and describes in federation.json.

The command gets a directory; it writes federation.json there when the federation can be called, stays in the foreground, and on
SIGTERM drains and ends everything. federation.json is the file that the demo writes (README, "The demo").
"""

import json
import os
import shlex
import socket
import ssl
import subprocess
import time

from harness.processes import BenchError, pss_kib, start, stop

SERVICE_PATH = "/rks.echo.v1.Echo/Say"
START_SECONDS = 60


def speaks_tls(endpoint, credentials):
    """Whether a HOST:PORT answers a TLS handshake; a plain HTTP/2 server closes instead."""
    host, port = endpoint.rsplit(":", 1)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if credentials:
        context.load_cert_chain(credentials["certificate"], credentials["key"])
    try:
        with socket.create_connection((host, int(port)), timeout=5) as raw, context.wrap_socket(raw):
            return True
    except (ssl.SSLError, ConnectionError, socket.timeout):
        return False


class Federation:
    """Runs the command and answers what the measurement asks about the federation."""

    name = "besa"

    def __init__(self, command, directory, options):
        self.directory = directory
        self.options = options
        os.makedirs(directory, exist_ok=True)
        described = os.path.join(directory, "federation.json")
        if os.path.exists(described):
            os.remove(described)
        words = [word.format(directory=directory) for word in shlex.split(command)]
        self.process = start(words, os.path.join(directory, "federation.log"))
        self.nodes = self._wait_for(described)
        self.entry = self._choose_entry()
        self.endpoint = self.entry["endpoints"][options.endpoint]
        self.tls = not self.endpoint.startswith("unix:") and speaks_tls(self.endpoint, self.entry.get("tls"))

    def _wait_for(self, path):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise BenchError(f"the federation ended with status {self.process.returncode}; see {self.directory}")
            try:
                with open(path, encoding="utf-8") as stream:
                    return json.load(stream)["nodes"]
            except (OSError, ValueError):
                time.sleep(0.05)
        self.stop()
        raise BenchError(f"no federation.json after {START_SECONDS} s; see {self.directory}")

    def _choose_entry(self):
        for node in self.nodes:
            if node["kind"] == "gateway" and self.options.endpoint in node.get("endpoints", {}):
                if self.options.node in (None, node["name"]):
                    return node
        self.stop()
        raise BenchError(f"no gateway of federation.json has an endpoint \"{self.options.endpoint}\"")

    def stop(self):
        """Drains and ends the federation."""
        stop(self.process)

    def roots(self):
        """Processes to charge: {"node": pid}."""
        return {node["name"]: node["pid"] for node in self.nodes if node.get("pid")}

    def memory_kib(self):
        """Proportional set size of every gateway with all its processes."""
        return {node["name"]: pss_kib(node["pid"]) for node in self.nodes if node["kind"] == "gateway"}

    def load_arguments(self, _payload):
        """Where and how the load program reaches it."""
        arguments = ["--target", self.endpoint, "--path", SERVICE_PATH]
        for header in self.options.header:
            arguments += ["--header", header]
        if self.tls:
            credentials = self.entry["tls"]
            arguments += ["--ca", credentials["ca"], "--certificate", credentials["certificate"], "--key", credentials["key"]]
        return arguments

    def check_ledgers(self, ids_path, command):
        """Looks every id up in every gateway's ledger, after the federation has ended: [(origin, passed, words)]."""
        answers = []
        for node in self.nodes:
            for ledger in node.get("ledgers", []) if node["kind"] == "gateway" else []:
                words = [word.format(ledger=ledger["path"], ids=ids_path) for word in shlex.split(command)]
                done = subprocess.run(words, capture_output=True, text=True, check=False)
                answers.append((ledger["origin"], done.returncode == 0, (done.stdout + done.stderr).strip()))
        return answers
