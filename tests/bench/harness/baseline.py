# SPDX-License-Identifier: EUPL-1.2
"""What Besa is compared with: a pair of nginx and a pair of nghttpx, each passing requests on over mutual TLS to a back end.

    load ─h2c or TLS─▶ proxy A ══mTLS 1.3, HTTP/2══▶ proxy B ─h2c─▶ nghttpd, which answers 200, grpc-status 0 and the request's
                                                                    own bytes

They seal nothing, check no permission and write no log. Both pairs get what helps them: kept connections, AES-128-GCM, large
windows, no access log.
"""

import os
import subprocess

from harness.processes import BenchError, FILES_OPEN, free_port, start, stop, wait_for_port

STREAMS_MAX = 1000
WINDOW_BITS = 20
CONNECTION_WINDOW_BITS = 26
SERVICE_PATH = "/rks.echo.v1.Echo/Say"


class Pki:
    """A throw-away authority, one server and one client certificate, P-256, below `directory`."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self.ca, self.ca_key = self._path("ca.pem"), self._path("ca.key")
        self._openssl("req", "-x509", *self._new_key(self.ca_key), "-out", self.ca, "-days", "2", "-subj", "/CN=bench CA")
        self.server, self.server_key = self._issue("server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.client, self.client_key = self._issue("client", "extendedKeyUsage=clientAuth")

    def _path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def _new_key(path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path

    @staticmethod
    def _openssl(*arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"openssl {arguments[0]}: {done.stderr.strip()}")

    def _issue(self, name, extension):
        certificate, key, request = self._path(f"{name}.pem"), self._path(f"{name}.key"), self._path(f"{name}.csr")
        extensions = self._path(f"{name}.ext")
        with open(extensions, "w", encoding="ascii") as stream:
            stream.write(extension + "\n")
        self._openssl("req", *self._new_key(key), "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days", "2",
                      "-extfile", extensions, "-out", certificate)
        return certificate, key


class BackEnd:
    """nghttpd, which serves one file for each payload size: the very gRPC frame that the load program sends."""

    def __init__(self, directory, load, payloads):
        root = os.path.join(directory, "root")
        for payload in payloads:
            target = os.path.join(root, str(payload)) + SERVICE_PATH
            os.makedirs(os.path.dirname(target), exist_ok=True)
            subprocess.run([load, "--payload", str(payload), "--frame-out", target], check=True)
        self.port = free_port()
        self.process = start(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-m", STREAMS_MAX, "-w", WINDOW_BITS,
                              "-W", CONNECTION_WINDOW_BITS, "-d", root, "--trailer", "grpc-status: 0", self.port],
                             os.path.join(directory, "nghttpd.log"))
        wait_for_port(self.port, self.process)

    def stop(self):
        """Ends it."""
        stop(self.process)


class Pair:
    """Two proxies in front of a back end; what both kinds have in common."""

    name = ""

    def __init__(self, directory, pki, back_end, tls_front, workers):
        self.directory = os.path.join(directory, self.name)
        self.pki, self.back_end, self.tls_front, self.workers = pki, back_end, tls_front, workers
        os.makedirs(self.directory, exist_ok=True)
        self.first_port, self.second_port = free_port(), free_port()
        self.processes = {}

    def start(self):
        """Starts both; the second first, since the first may want to reach it."""
        self.processes["B"] = self.start_second()
        wait_for_port(self.second_port, self.processes["B"])
        self.processes["A"] = self.start_first()
        wait_for_port(self.first_port, self.processes["A"])

    def start_first(self):
        """Starts the proxy beside the caller."""
        raise NotImplementedError

    def start_second(self):
        """Starts the proxy beside the back end."""
        raise NotImplementedError

    def stop(self):
        """Ends both."""
        for process in self.processes.values():
            stop(process)

    def roots(self):
        """Processes to charge: {"name": pid}."""
        return {**{name: process.pid for name, process in self.processes.items()}, "back end": self.back_end.process.pid}

    def load_arguments(self, payload):
        """Where and how the load program reaches it."""
        arguments = ["--target", f"127.0.0.1:{self.first_port}", "--path", f"/{payload}{SERVICE_PATH}"]
        if self.tls_front:
            arguments += ["--ca", self.pki.ca, "--certificate", self.pki.client, "--key", self.pki.client_key]
        return arguments


class NginxPair(Pair):
    """nginx: grpc_pass is its only way to speak HTTP/2 to an upstream. It puts one request on a connection at a time, hence the
    large pool of kept connections."""

    name = "nginx"

    CONFIGURATION = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile {files};
error_log {directory}/{side}.log warn;
pid {directory}/{side}.pid;
{user}
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 0;
    client_body_buffer_size 128k;
    client_body_temp_path {directory}/{side}-body;
    proxy_temp_path {directory}/{side}-proxy;
    fastcgi_temp_path {directory}/{side}-fastcgi;
    uwsgi_temp_path {directory}/{side}-uwsgi;
    scgi_temp_path {directory}/{side}-scgi;
    http2_max_concurrent_streams {streams};
    upstream next {{
        server 127.0.0.1:{next_port};
        keepalive 1024;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        {listen}
        location / {{
            {forward}
            grpc_buffer_size 64k;
        }}
    }}
}}
"""
    TLS_SERVER = """listen 127.0.0.1:{port} ssl http2;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_certificate {pki.server};
        ssl_certificate_key {pki.server_key};
        ssl_client_certificate {pki.ca};
        ssl_verify_client on;"""
    TLS_CLIENT = """grpc_pass grpcs://next;
            grpc_ssl_protocols TLSv1.3;
            grpc_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
            grpc_ssl_certificate {pki.client};
            grpc_ssl_certificate_key {pki.client_key};
            grpc_ssl_trusted_certificate {pki.ca};
            grpc_ssl_name localhost;
            grpc_ssl_verify on;"""

    def _start(self, side, listen, forward, next_port):
        path = os.path.join(self.directory, f"{side}.conf")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(self.CONFIGURATION.format(
                workers=self.workers, files=FILES_OPEN, directory=self.directory, side=side, streams=STREAMS_MAX,
                next_port=next_port, listen=listen, forward=forward, user="user root;" if os.getuid() == 0 else ""))
        return start(["nginx", "-p", self.directory, "-e", f"{self.directory}/{side}.log", "-c", path],
                     os.path.join(self.directory, f"{side}.out"))

    def start_first(self):
        plain = f"listen 127.0.0.1:{self.first_port} http2;"
        listen = self.TLS_SERVER.format(port=self.first_port, pki=self.pki) if self.tls_front else plain
        return self._start("A", listen, self.TLS_CLIENT.format(pki=self.pki), self.second_port)

    def start_second(self):
        listen = self.TLS_SERVER.format(port=self.second_port, pki=self.pki)
        return self._start("B", listen, "grpc_pass grpc://next;", self.back_end.port)


class NghttpxPair(Pair):
    """nghttpx: the proxy of nghttp2, HTTP/2 on both sides with many requests on a connection."""

    name = "nghttpx"

    def _start(self, side, front, behind, *more):
        window, connection_window = (1 << WINDOW_BITS) - 1, (1 << CONNECTION_WINDOW_BITS) - 1
        command = ["nghttpx", "--conf=/dev/null", f"--frontend={front}", f"--backend={behind}", f"--workers={self.workers}",
                   "--no-ocsp", "--accesslog-file=/dev/null", f"--errorlog-file={self.directory}/{side}.log",
                   f"--pid-file={self.directory}/{side}.pid", f"--rlimit-nofile={FILES_OPEN}",
                   f"--frontend-http2-max-concurrent-streams={STREAMS_MAX}",
                   f"--backend-http2-max-concurrent-streams={STREAMS_MAX}",
                   f"--frontend-http2-window-size={window}", f"--frontend-http2-connection-window-size={connection_window}",
                   f"--backend-http2-window-size={window}", f"--backend-http2-connection-window-size={connection_window}",
                   "--tls-min-proto-version=TLSv1.3", "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
                   "--tls13-client-ciphers=TLS_AES_128_GCM_SHA256", *more]
        return start(command, os.path.join(self.directory, f"{side}.out"))

    def _server(self):
        return ["--verify-client", f"--verify-client-cacert={self.pki.ca}", self.pki.server_key, self.pki.server]

    def start_first(self):
        client = [f"--cacert={self.pki.ca}", f"--client-cert-file={self.pki.client}",
                  f"--client-private-key-file={self.pki.client_key}"]
        front = f"127.0.0.1,{self.first_port}" + ("" if self.tls_front else ";no-tls")
        behind = f"127.0.0.1,{self.second_port};/;proto=h2;tls;sni=localhost"
        return self._start("A", front, behind, *client, *(self._server() if self.tls_front else []))

    def start_second(self):
        return self._start("B", f"127.0.0.1,{self.second_port}", f"127.0.0.1,{self.back_end.port};/;proto=h2", *self._server())
