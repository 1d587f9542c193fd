# SPDX-License-Identifier: EUPL-1.2
"""Processes: start and end them, and read from /proc what they cost."""

import os
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 20
FILES_OPEN = 65536


class BenchError(Exception):
    """The measurement cannot go on; the words say why."""


def free_port():
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, log_path, **options):
    """Starts a program with its output in a log; it is the head of its own process group."""
    with open(log_path, "ab") as log:
        return subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                start_new_session=True, **options)


def stop(process):
    """Ends a program started here: asks, waits, then kills its group."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_port(port, process, seconds=10):
    """Returns when something listens on the port; complains when the program ended instead."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BenchError(f"{process.args[0]} ended with status {process.returncode} before it listened on {port}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise BenchError(f"{process.args[0]} does not listen on port {port}")


def _stat(pid):
    """The fields of /proc/PID/stat after the name: [state, ppid, …]."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stream:
        return stream.read().rsplit(")", 1)[1].split()


def tree(root):
    """A process and all its descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = int(_stat(name)[1])
            except (OSError, IndexError):
                continue  # ended while we looked
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def role(pid):
    """What a process is, from the name of its program."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return "?"


def cpu_seconds(roots):
    """CPU time so far, {"name role": seconds}, over the trees of {"name": pid}."""
    spent = {}
    for name, root in roots.items():
        for pid in tree(root):
            try:
                fields = _stat(pid)
            except OSError:
                continue
            key = f"{name} {role(pid)}"
            spent[key] = spent.get(key, 0) + (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND
    return spent


def pss_kib(root):
    """Proportional set size of a process tree in KiB: memory shared between processes is counted once."""
    total = 0
    for pid in tree(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as stream:
                total += sum(int(line.split()[1]) for line in stream if line.startswith("Pss:"))
        except OSError:
            continue
    return total
