# SPDX-License-Identifier: EUPL-1.2
"""The system under measurement: the federation of demo/federation with an echo service in place of the register.

Only two things are asked of the program that runs it: that `PROGRAM make|start|grant|stop DIRECTORY` does these, and that after
`start` DIRECTORY/federation.json says where everything is.
"""

import json
import os
import shlex
import shutil
import socket
import ssl
import subprocess

from harness.processes import BenchError, pss_kib

SERVICE_PATH = "/rks.echo.v1.Echo/Say"
ACTION_SECONDS = 120


def speaks_tls(endpoint, credentials):
    """Whether a HOST:PORT answers a TLS handshake; a plain HTTP/2 server does not."""
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
    """Starts the federation and answers what the measurement asks about it."""

    name = "besa"

    def __init__(self, directory, options):
        self.directory = directory
        self.options = options
        self.running = False
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        self._do("make")
        self.running = True
        self._do("start")
        self._do("grant")
        with open(os.path.join(directory, "federation.json"), encoding="utf-8") as stream:
            self.nodes = json.load(stream)["nodes"]
        self.entry = self._choose_entry()
        self.endpoint = self.entry["endpoints"][options.endpoint]
        self.tls = not self.endpoint.startswith("unix:") and speaks_tls(self.endpoint, self.entry.get("tls"))

    def _do(self, action):
        """One action of the program that runs the federation; its words go to a log beside it."""
        environment = dict(os.environ, SERVICE="echo", WORKERS=str(self.options.workers), PORTS=str(self.options.ports))
        log_path = self.directory + ".log"
        with open(log_path, "a", encoding="utf-8") as log:
            done = subprocess.run([self.options.federation, action, self.directory], stdout=log, stderr=log, check=False,
                                  stdin=subprocess.DEVNULL, env=environment, timeout=ACTION_SECONDS)
        if done.returncode != 0 and action != "stop":
            self.stop()
            raise BenchError(f"{self.options.federation} {action} failed; see {log_path}")

    def _choose_entry(self):
        for node in self.nodes:
            if node["kind"] == "gateway" and self.options.endpoint in node.get("endpoints", {}):
                if self.options.node in (None, node["name"]):
                    return node
        self.stop()
        raise BenchError(f"no gateway of federation.json has an endpoint \"{self.options.endpoint}\"")

    def stop(self):
        """Drains and ends the federation; safe to repeat."""
        if self.running:
            self.running = False
            self._do("stop")

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
