#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""`besa central init` makes a federation that others accept: openssl its certificates, besa its edition. What is altered is
refused; nothing that stands is overwritten; keys are for their owner alone."""

import hashlib
import json
import os
import random
import re
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from federation import BIN, ROOT, Tap  # noqa: E402

FLIPS = 60
seed = int(os.environ.get("SEED", "1"))
chance = random.Random(seed)
tap = Tap()
work = tempfile.TemporaryDirectory(prefix="besa-central-")

PLAN = """
instance: XK
central: { member: XK/GOV/ASHI, shard: "2026" }
members:
  - id: XK/GOV/ASHI
    names: { sq: Agjencia e Shoqërisë së Informacionit, sr: Agencija za informaciono društvo, en: Agency for Information Society }
    subsystems:
      - { id: XK/GOV/ASHI/ekosova, names: { sq: Portali, sr: Portal, en: Portal } }
    gateways:
      - { id: gw1, addresses: ["127.0.0.1:1"], hosts: [localhost, 127.0.0.1], shards: ["2026", "2026-2"] }
  - id: XK/GOV/ARC
    names: { sq: Agjencia e Regjistrimit Civil, sr: Agencija za civilnu registraciju, en: Civil Registration Agency }
    subsystems:
      - id: XK/GOV/ARC/population
        names: { sq: Gjendja civile, sr: Građansko stanje, en: Civil registry }
        services: [ { name: test.v1.Test, contract: contract.binpb } ]
    gateways:
      - { id: gw1, addresses: ["127.0.0.1:2"], hosts: [localhost], shards: ["2026"] }
"""


def path(*parts):
    return os.path.join(work.name, *parts)


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path(name)


def read(*parts):
    with open(path(*parts), "rb") as file:
        return file.read()


def run(*command):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BESA_")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(environment, LANG="C"))


def besa(*arguments):
    return run(os.path.join(BIN, "besa"), *arguments)


def init(out, *more):
    return besa("central", "init", "--plan", path("plan.yaml"), "--out", path(out), *more)


def show(trust, edition, *more):
    return besa("directory", "show", "--trust", trust, "--edition", edition, *more)


def files(out):
    for folder, _, names in os.walk(path(out)):
        for name in names:
            yield os.path.join(folder, name)


def certificates():
    ca = path("one", "ca.pem")
    purposes = {"tls.pem": ["sslserver", "sslclient"], "client.pem": ["sslclient"], "seal.pem": ["any"]}
    checked = 0
    for file in files("one"):
        for purpose in purposes.get(os.path.basename(file), []):
            done = run("openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca, file)
            tap.ok(done.returncode == 0, f"openssl accepts {os.path.relpath(file, path('one'))} as {purpose}", done.stderr)
            checked += 1
    tap.equal(checked, 2 * 2 + 2 + 3, "every certificate was checked")
    text = run("openssl", "x509", "-noout", "-text", "-in", path("one", "gateways", "XK-GOV-ARC-gw1", "seal.pem")).stdout
    tap.ok("URI:besa:XK/GOV/ARC/gw1" in text and "Non Repudiation" in text, "a seal certificate names its ledger", text)
    done = run("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ca,
               path("one", "offline", "root.pem"))
    tap.ok(done.returncode != 0, "and openssl does refuse: the root is no client")


def modes():
    keys = [file for file in files("one") if file.endswith(".key")]
    tap.equal(len(keys), 1 + 1 + 2 + 2 * 3 + 2, "all keys are there")
    tap.equal({stat.S_IMODE(os.stat(file).st_mode) for file in keys}, {0o600}, "keys are readable for their owner alone")
    leaks = [file for file in files("one") if not file.endswith(".key") and b"PRIVATE KEY" in open(file, "rb").read()]
    tap.equal(leaks, [], "no key stands in any other file")


def public_record():
    """Every certificate that was written is a statement in the central ledger."""
    ledger = path("one", "central", "ledger")
    trust = ["--trust", path("one", "trust.besa"), "--directory", path("one", "edition.besa")]
    done = besa("log", "verify", ledger, *trust)
    tap.ok(done.returncode == 0 and "whole" in done.stdout, "the central ledger verifies, signatures too", done.stdout + done.stderr)
    records = json.loads(besa("log", "show", ledger, "--json").stdout)
    tap.equal([record["type"] for record in records[:1] + records[-1:]], ["key", "edition"], "it begins with its keys and ends with the edition")
    recorded = {record["certificate"]["digest"] for record in records if record["type"] == "certificate"}
    written = set()
    for file in files("one"):
        if file.endswith(".pem") and os.path.basename(file) != "ca.pem":
            der = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", file).stdout
            written.add(der.split("=")[1].strip().replace(":", "").lower())
    tap.equal(recorded, written, "every certificate is on record, and no other")
    people = besa("log", "show", ledger)
    tap.ok("issues gateway-tls for besa/XK/GOV/ARC/gw1" in people.stdout, "and a person can read it", people.stdout)


def directory():
    trust, edition = path("one", "trust.besa"), path("one", "edition.besa")
    done = show(trust, edition)
    tap.ok(done.returncode == 0 and done.stdout.startswith("verified") and "Agjencia e Shoqërisë" in done.stdout,
           "directory show verifies and names the members", done.stdout + done.stderr)
    document = json.loads(show(trust, edition, "--json").stdout)
    tap.equal([member["id"] for member in document["members"]], ["XK/GOV/ARC", "XK/GOV/ASHI"], "so does --json")
    service = document["members"][0]["subsystems"][0]["services"][0]
    tap.equal(service["contract_digest"], hashlib.sha256(read("contract.binpb")).hexdigest(), "the service's contract is listed by its digest")
    tap.equal(read("one", "contracts", service["contract_digest"] + ".binpb"), read("contract.binpb"), "and lies under it")
    tap.equal(show(path("two", "trust.besa"), edition).returncode, 1, "another federation's trust refuses it")
    tap.equal(show(trust, path("nothing")).returncode, 3, "a file that is not there: exit 3")
    tap.equal(besa("directory", "show", "--edition", edition).returncode, 2, "no trust bundle: exit 2")


def flips(name):
    """Single bits of a file flipped at random places: never accepted."""
    content = read("one", name)
    passed = []
    for _ in range(FLIPS):
        at, bit = chance.randrange(len(content)), chance.randrange(8)
        altered = bytearray(content)
        altered[at] ^= 1 << bit
        file = write("altered", bytes(altered))
        done = show(file if name == "trust.besa" else path("one", "trust.besa"),
                    file if name == "edition.besa" else path("one", "edition.besa"))
        if done.returncode not in (1, 2) or "verified" in done.stdout:
            passed.append((at, bit, done.returncode, done.stderr))
    tap.equal(passed, [], f"{FLIPS} altered bits of {name} refused (seed {seed})")
    for size in (0, 1, len(content) // 2, len(content) - 1):
        file = write("altered", content[:size])
        done = show(file if name == "trust.besa" else path("one", "trust.besa"),
                    file if name == "edition.besa" else path("one", "edition.besa"))
        tap.ok(done.returncode in (1, 2), f"{name} cut to {size} bytes is refused", done.stdout)


def again():
    before = {file: read(file) for file in files("one") if not file.startswith(path("one", "central", "ledger"))}
    done = init("one")
    tap.equal(done.returncode, 2, "a second init refuses")
    tap.ok("--force" in done.stderr, "and says how", done.stderr)
    tap.ok(all(read(file) == content for file, content in before.items()), "nothing was touched")
    done = init("one", "--force", "--json")
    tap.equal(done.returncode, 0, "with --force it goes on")
    tap.equal(len(json.loads(done.stdout)["certificates"]), 3 + 2 * 2 + 2, "and lists what it made as JSON")
    aside = [name for name in os.listdir(work.name) if name.startswith("one.replaced-")]
    tap.equal(len(aside), 1, "what stood there is moved aside, not lost")
    tap.ok(read("one", "trust.besa") != read(aside[0], "trust.besa"), "and the keys are new")


def bad_plans():
    write("plan.yaml", PLAN.replace("XK/GOV/ARC/population", "XK/GOV/MISSING/population", 1).replace("instance:", "instance: XK\ninstanz:"))
    done = init("three")
    tap.equal(done.returncode, 2, "a bad plan: exit 2")
    tap.ok(re.search(r"plan\.yaml:\d+: .*XK/GOV/MISSING/population is no subsystem of XK/GOV/ARC", done.stderr), "with file, line and words",
           done.stderr)
    tap.ok("instanz" in done.stderr, "and every mistake at once", done.stderr)
    tap.ok(not os.path.exists(path("three")), "and nothing is written")


write("plan.yaml", PLAN)
write("contract.binpb", read(os.path.join(ROOT, "LICENSE"))[:1000])
first = init("one")
tap.ok(first.returncode == 0, "a federation is made", first.stderr)
tap.ok("XK/GOV/ARC/population" in first.stdout and "verified" in first.stdout, "and told as a table", first.stdout)
init("two")
certificates()
modes()
public_record()
directory()
flips("edition.besa")
flips("trust.besa")
again()
bad_plans()
tap.done()
