#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""What goes wrong in life: wrong files, occupied ports, dead peers and adapters, full disks, wrong clocks. Each gives a clear
error, nothing is lost, nothing hangs, and work resumes by itself."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import BIN, Federation, Tap, faked_time  # noqa: E402
from hanging import HangingAdapter  # noqa: E402

PORTS = 7360
ARTA = {"personal_number": "1234567890"}
GATEWAY = os.path.join(BIN, "besa-gateway")
tap = Tap()


def check(path, **environment):
    done = subprocess.run([GATEWAY, "--config", path, "--check"], capture_output=True, text=True, timeout=20,
                          env=dict(os.environ, **environment))
    return done.returncode, done.stdout + done.stderr


def edited(federation, name, change):
    """A copy of a gateway's configuration beside it, changed; relative paths stay right."""
    text = federation.read(name, "gateway.yaml").decode()
    path = federation.path(name, "changed.yaml")
    with open(path, "w") as file:
        file.write(change(text))
    return path


def eventually(function, seconds=5):
    """Whether the call succeeds within the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            function()
            return True
        except grpc.RpcError:
            time.sleep(0.02)
    return False


def wrong_files(federation):
    status, words = check(federation.path("ashi", "gateway.yaml"))
    tap.ok(status == 0 and "in order" in words, "--check accepts a right configuration", words)
    path = edited(federation, "ashi", lambda text: text.replace("workers: 1", "workers: many").replace("contracts:", "contrcts:"))
    status, words = check(path)
    tap.ok(status == 1 and words.count(f"{path}:") >= 3 and "workers" in words and "contrcts" in words,
           "a wrong configuration: every error with file and line", words)
    status, words = check(edited(federation, "ashi", lambda text: text.replace("XK-GOV-ASHI-gw1/seal.key", "XK-GOV-ARC-gw1/seal.key")))
    tap.ok(status == 1 and "not the key of" in words, "a key of another certificate", words)
    status, words = check(edited(federation, "ashi", lambda text: text.replace("gateway: gw1", "gateway: gw9")))
    tap.ok(status == 1 and "lists no gateway" in words, "a gateway that the directory does not know", words)
    chance = random.Random(7)
    for name in ("edition.besa", "trust.besa"):
        whole = bytearray(federation.read("central", name))
        accepted = []
        for _ in range(25):
            altered = bytearray(whole)
            position = chance.randrange(len(altered))
            altered[position] ^= 1 << chance.randrange(8)
            with open(federation.path("altered.besa"), "wb") as file:
                file.write(altered)
            status, words = check(edited(federation, "ashi", lambda text: text.replace(f"../central/{name}", "../altered.besa")))
            if status == 0:
                accepted.append(position)
        tap.equal(accepted, [], f"{name} with one bit changed, at 25 places: refused")
    status, words = check(federation.path("ashi", "gateway.yaml"), **faked_time(FAKETIME="+1000d"))
    tap.ok(status == 1 and ("expired" in words or "valid" in words), "a thousand days later: expired, and it says so", words)


def port_in_use(federation):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", PORTS + 1))
        taken.listen()
        done = subprocess.run([GATEWAY, "--config", federation.path("ashi", "gateway.yaml")], capture_output=True, text=True,
                              timeout=20)
        tap.ok(done.returncode == 1 and str(PORTS + 1) in done.stderr and "in use" in done.stderr,
               "a port in use: the gateway ends and says which", done.stderr)


def dead_adapter(federation, civil):
    pid = federation.pid("adapter")
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    tap.status(lambda: civil.GetPerson(ARTA), "UNAVAILABLE", "a dead adapter")
    federation.run("adapter")
    tap.ok(eventually(lambda: civil.GetPerson(ARTA)), "the adapter is back: work resumes")


def dead_peer(federation, civil):
    with HangingAdapter(federation) as adapter:
        failed = []
        call = threading.Thread(target=lambda: failed.append(
            tap.status(lambda: civil.GetPerson(ARTA), "UNAVAILABLE", "the provider's gateway dies in the middle of a call",
                       "peer_lost")))
        call.start()
        adapter.wait_begun(1)
        os.kill(federation.pid("arc"), signal.SIGKILL)
        call.join(10)
    tap.status(lambda: civil.GetPerson(ARTA), "UNAVAILABLE", "the provider's gateway is down", "peer_unreachable")
    log = open(federation.path("arc.log"), "ab")
    process = subprocess.Popen([GATEWAY, "--config", federation.path("arc", "gateway.yaml")], stdout=log, stderr=log)
    with open(federation.path("arc.pid"), "w") as file:
        file.write(str(process.pid))
    tap.ok(eventually(lambda: civil.GetPerson(ARTA)), "it is back: work resumes")
    shown = federation.besa("log", "show", federation.ledger("arc"), "--json").stdout
    tap.ok("interrupted" in shown, "and what was open is sealed as interrupted")


def grants(federation, civil):
    listed = federation.besa("grant", "list", "--admin", f"unix:{federation.path('arc', 'admin.sock')}", "--json").stdout
    grant = json.loads(listed)
    grant = (grant.get("grants", grant) if isinstance(grant, dict) else grant)[0]
    tap.ok(f"uid {os.getuid()}" in json.dumps(grant), "a grant names who gave it, as the kernel knows them", grant)
    removed = federation.besa("grant", "remove", grant["id"], "--admin", f"unix:{federation.path('arc', 'admin.sock')}",
                              "--operator", "test")
    tap.equal(removed.returncode, 0, "a grant is removed")
    tap.status(lambda: civil.GetPerson(ARTA), "PERMISSION_DENIED", "and counts no more", "grant_missing")
    federation.run("grant")
    tap.ok(eventually(lambda: civil.GetPerson(ARTA), 1), "granted again: answered again")


def reload(federation, civil):
    path = federation.path("arc", "gateway.yaml")
    good = open(path).read()
    with open(path, "w") as file:
        file.write(good.replace("timeout: 10s", "timeout: soon"))
    federation.reload("arc")
    tap.ok(federation.wait_log("arc", "reload_refused"), "a wrong configuration is not loaded")
    tap.ok(eventually(lambda: civil.GetPerson(ARTA), 1), "the old one goes on")
    with open(path, "w") as file:
        file.write(good.replace("timeout: 10s", "timeout: 1s"))
    federation.reload("arc")
    tap.ok(federation.wait_log("arc", " reloaded "), "a right one is")
    with HangingAdapter(federation) as adapter:
        begin = time.monotonic()
        tap.status(lambda: civil.GetPerson(ARTA), "DEADLINE_EXCEEDED", "its shorter limit holds")
        tap.ok(time.monotonic() - begin < 3, "and in time")
    with open(path, "w") as file:
        file.write(good)
    federation.reload("arc")
    tap.ok(federation.wait_log("arc", " reloaded ", 2), "and back")
    tap.ok(eventually(lambda: civil.GetPerson(ARTA)), "and exchanges go on")


def drain(federation, civil):
    with HangingAdapter(federation) as adapter:
        ended = []
        call = threading.Thread(target=lambda: ended.append(tap.status(lambda: civil.GetPerson(ARTA), "ABORTED",
                                                                       "a call that is open when the gateway drains ends well")))
        call.start()
        adapter.wait_begun(1)
        os.kill(federation.pid("ashi"), signal.SIGTERM)
        time.sleep(0.3)
        fresh = federation.civil()
        tap.status(lambda: fresh.call("GetPerson", ARTA, timeout=1), "UNAVAILABLE", "new callers are turned away meanwhile")
        adapter.released.set()
        call.join(10)
    tap.ok(federation.wait_log("ashi", " stopped "), "then it ends")


def wrong_clock(federation):
    log = open(federation.path("ashi.log"), "ab")
    environment = dict(os.environ, **faked_time(FAKETIME="+1h"))
    process = subprocess.Popen([GATEWAY, "--config", federation.path("ashi", "gateway.yaml")], stdout=log, stderr=log,
                               env=environment)
    try:
        federation.wait_log("ashi", " ready ", 2)
        done = federation.besa("call", "rks.civil.v1.CivilRegistry/GetPerson", '{"personalNumber": "1234567890"}', "--profile",
                               federation.path("ashi", "ekosova.yaml"), "--purpose", "test")
        tap.ok(done.returncode == 1 and "FAILED_PRECONDITION" in done.stderr and "clock_skew" in done.stderr,
               "a clock an hour ahead: refused, and it says so", done.stderr)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def disk_full(directory):
    """A ledger on a small file system that is filled up and freed again."""
    small = os.path.join(directory, "arc", "ledger")
    os.makedirs(small, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", small], capture_output=True).returncode != 0:
        print("# no right to mount: the full disk is left to the simulated one")
        return
    try:
        with Federation(ports=PORTS + 20, directory=directory) as federation:
            civil = federation.civil()
            tap.ok(civil.GetPerson(ARTA), "on a small disk")
            filler = os.path.join(small, "filler")
            with open(filler, "wb") as file:
                try:
                    while True:
                        file.write(bytes(65536))
                except OSError:
                    pass
            method = civil.callable("SearchPersons")
            request = civil.request("SearchPersons", {"family_name": "Berisha"})
            stopped = None
            for _ in range(400):
                futures = [method.future(request, metadata=civil.metadata, timeout=10) for _ in range(100)]
                for future in futures:
                    error = future.exception()
                    if error is not None:
                        stopped = error
                if stopped:
                    break
            reason = dict(stopped.trailing_metadata()).get("besa-reason") if stopped else None
            tap.ok(reason in ("disk_full", "ledger_closed"), "a full disk stops exchanges, and it says so", reason)
            os.unlink(filler)
            tap.ok(eventually(lambda: civil.GetPerson(ARTA), 15), "space again: they resume by themselves")
            federation.stop()
            done = federation.besa("log", "verify", federation.ledger("arc"))
            tap.ok(done.returncode == 0, "and the ledger verifies", done.stdout + done.stderr)
    finally:
        subprocess.run(["umount", small])


with Federation(ports=PORTS, start=False) as federation:
    wrong_files(federation)
    port_in_use(federation)
    federation.start()
    civil = federation.civil()
    dead_adapter(federation, civil)
    grants(federation, civil)
    reload(federation, civil)
    dead_peer(federation, civil)
    drain(federation, civil)
    wrong_clock(federation)
directory = "/tmp/besa-disk-full"
shutil.rmtree(directory, ignore_errors=True)
disk_full(directory)
shutil.rmtree(directory, ignore_errors=True)
tap.done()
