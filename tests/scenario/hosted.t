#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""Two towns on one gateway: each has its own processes, ledger, keys and sockets; neither can see, speak for or disturb the
other."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import grpc  # noqa: E402
from federation import Stub, Tap  # noqa: E402
from forge import EXCHANGE, Forge, response_of  # noqa: E402
from network import BIN, CIVIL, Network, Register, civil_service, hosted, member  # noqa: E402

PORTS = 7530
ASHI, ARCUS, SFANTU = "XK/GOV/ASHI", "XK/MUN/ARCUS", "XK/MUN/SFANTU"
CLIENTS = {ASHI: PORTS + 1, ARCUS: PORTS + 2, SFANTU: PORTS + 3}
PEERS = {ASHI: PORTS + 4, ARCUS: PORTS + 5, SFANTU: PORTS + 6}
# Users that every Debian has and that own no files: town → (its workers, its notary).
USERS = {ARCUS: ("games", "uucp"), SFANTU: ("news", "irc")}
CIVIL_OF = {ASHI: f"{ASHI}/citizens", SFANTU: f"{SFANTU}/citizens"}
tap = Tap()


def town(identifier):
    return identifier.split("/")[2]


def network(users=None):
    """ASHI on a gateway of its own; ARCUS and SFANTU on one. SFANTU and ASHI provide, each has a subsystem that calls."""
    federation = Network([
        member(ASHI, {"office": [], "citizens": [civil_service()]}, {"gw1": [PEERS[ASHI]]}),
        member(ARCUS, {"office": []}, {"gw1": [PEERS[ARCUS]]}),
        member(SFANTU, {"office": [], "citizens": [civil_service()]}, {"gw1": [PEERS[SFANTU]]}),
    ])
    federation.gateway("ashi", "gw1", [part(federation, ASHI)])
    federation.gateway("towns", "gw1", [part(federation, identifier, *(users or {}).get(identifier, ()))
                                        for identifier in (ARCUS, SFANTU)])
    return federation


def part(federation, identifier, user=None, notary_user=None):
    services = {"citizens": federation.path(f"{town(identifier)}.sock")} if identifier in CIVIL_OF else {}
    more = {"user": user, "notary_user": notary_user} if user else {}
    return hosted(identifier, CLIENTS[identifier], ["office"], PEERS[identifier], services, **more)


def place(identifier):
    return "ashi" if identifier == ASHI else "towns"


def office(federation, identifier, at=None):
    """The office of a member, at its own member's port or another's."""
    channel = federation.channel(subsystem=f"{identifier.replace('/', '-')}-office", port=CLIENTS[at or identifier])
    return Stub(channel, CIVIL, "rks/civil/v1/civil.proto", (("besa-purpose", "test"),))


def get(stub, provider, timeout=10, **more):
    """Who answers."""
    metadata = (("besa-service", CIVIL_OF[provider]),) + tuple(more.get("metadata", ()))
    answer, _ = stub.call("GetPerson", {"personal_number": "1234567890"}, metadata=metadata, timeout=timeout)
    return answer.person.given_name


def start(federation):
    for name in ("ashi", "towns"):
        federation.start(name)
    for provider in CIVIL_OF:
        for client in (ASHI, ARCUS, SFANTU):
            federation.allow(place(provider), CIVIL_OF[provider], f"{client}/office")


def everyone_calls(federation):
    for client, provider in ((ARCUS, SFANTU), (SFANTU, SFANTU), (ARCUS, ASHI), (SFANTU, ASHI), (ASHI, SFANTU)):
        tap.equal(get(office(federation, client), provider), town(provider), f"{town(client)} calls {town(provider)}")


def processes(federation):
    """Each has its own notary, worker and ledger."""
    roles = {(role, identifier): federation.role("towns", role, identifier)
             for role in ("notary", "worker") for identifier in (ARCUS, SFANTU)}
    tap.ok(None not in roles.values() and len(set(roles.values())) == 4, "each town has its own notary and its own worker", roles)
    every = federation.children("towns", "notary") + federation.children("towns", "worker")
    tap.equal(len(every), 4, "and there is no other process")
    for identifier, other in ((ARCUS, SFANTU), (SFANTU, ARCUS)):
        files = opened(roles["notary", identifier])
        tap.ok(any(path.startswith(federation.ledger("towns", town(identifier)) + "/") for path in files),
               f"the notary of {town(identifier)} has its ledger open", files)
        for role in ("notary", "worker"):
            names = (f"/{town(other)}", other.replace("/", "-"))
            foreign = [path for path in opened(roles[role, identifier]) if any(name in path for name in names)]
            tap.equal(foreign, [], f"the {role} of {town(identifier)} has no file of {town(other)} open")
        origins = {record["origin"] for record in federation.records("towns", town(identifier), "key")}
        tap.equal(origins, {f"besa/{identifier}/gw1/2026"}, f"the ledger of {town(identifier)} is its own")


def opened(pid):
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            continue
    return found


def callers(federation):
    """No caller of one can speak for the other."""
    for identifier, other in ((ARCUS, SFANTU), (SFANTU, ARCUS)):
        stub = office(federation, identifier, at=other)
        tap.status(lambda: get(stub, ASHI), "UNAUTHENTICATED", f"the office of {town(identifier)} at the port of {town(other)}",
                   "client_unknown")
        stub = office(federation, identifier)
        tap.status(lambda: get(stub, ASHI, metadata=(("besa-client", f"{other}/office"),)), "PERMISSION_DENIED",
                   f"the office of {town(identifier)} says that it is {town(other)}'s", "permission")
    before = {identifier: len(federation.records("towns", town(identifier), "request")) for identifier in (ARCUS, SFANTU)}
    get(office(federation, ARCUS), ASHI)
    after = {identifier: len(federation.records("towns", town(identifier), "request")) for identifier in (ARCUS, SFANTU)}
    tap.equal(after, {ARCUS: before[ARCUS] + 1, SFANTU: before[SFANTU]}, "a call of one is on record in its ledger alone")


def outcome(peer, envelope):
    try:
        response = response_of(peer.Call(envelope.SerializeToString()))
        return response.outcome, response.reason
    except grpc.RpcError as error:
        return 2, dict(error.trailing_metadata() or ()).get("besa-reason")


def forged(federation, register):
    """What one of them, taken over, could send in the other's name."""
    forge = Forge(federation)
    key = {identifier: os.path.join(federation.keys(identifier, "gw1"), "seal.key") for identifier in (ARCUS, SFANTU)}
    to_ashi = {"provider": CIVIL_OF[ASHI], "provider_ledger": f"besa/{ASHI}/gw1/2026"}

    def request(of, **changes):
        return forge.request(**{"member": of, "client": f"{of}/office", **to_ashi, **changes})

    arcus, sfantu = (federation.peer(identifier, "gw1", PEERS[ASHI], EXCHANGE) for identifier in (ARCUS, SFANTU))
    tap.equal(outcome(arcus, request(ARCUS)), (1, ""), "an honest request is answered")
    taken = len(register.executed)
    origin = f"besa/{SFANTU}/gw1/2026"
    tap.equal(outcome(arcus, request(ARCUS, origin=origin, key=key[SFANTU])), (2, "member_mismatch"),
              "a statement of one, sealed in the other's ledger")
    tap.equal(outcome(sfantu, request(ARCUS, origin=origin, key=key[SFANTU])), (2, "member_mismatch"),
              "and sent by the other")
    got = outcome(sfantu, request(ARCUS, key=key[SFANTU]))
    tap.ok(got[0] == 2 and got[1] in ("checkpoint_invalid", "signature_invalid", "seal_invalid"),
           "a statement in one's ledger, signed with the other's key", got)
    tap.equal(outcome(sfantu, request(ARCUS)), (2, "member_mismatch"), "all right, but over the other's connection")
    tap.equal(outcome(arcus, request(ARCUS, client=f"{SFANTU}/office")), (2, "member_mismatch"), "for the other's office")
    tap.equal(len(register.executed), taken, "none of it was executed")

    local = federation.peer(ARCUS, "gw1", PEERS[ARCUS], EXCHANGE)
    to_sfantu = {"provider": CIVIL_OF[SFANTU], "provider_ledger": f"besa/{SFANTU}/gw1/2026"}
    tap.equal(outcome(local, request(ARCUS, **to_sfantu)), (2, "addressee_mismatch"), "a request to one at the port of the other")


def blocked(federation):
    """One town's ledger stands still; the other's work goes on."""
    notary = federation.role("towns", "notary", SFANTU)
    arcus, sfantu = office(federation, ARCUS), office(federation, SFANTU)
    get(arcus, ASHI), get(sfantu, ASHI)
    os.kill(notary, signal.SIGSTOP)
    try:
        stuck = []
        caller = threading.Thread(target=lambda: stuck.append(
            tap.status(lambda: get(sfantu, ASHI, timeout=1.5), "DEADLINE_EXCEEDED",
                       "the notary of SFANTU stands still: its calls wait")))
        caller.start()
        slowest = 0.0
        for _ in range(50):
            begin = time.monotonic()
            get(arcus, ASHI)
            slowest = max(slowest, time.monotonic() - begin)
        limit = 3.0 if os.environ.get("BUILD", "").endswith("-san") else 1.0  # sanitized programs are slow
        tap.ok(slowest < limit, f"50 calls of ARCUS are answered meanwhile, the slowest in {slowest * 1000:.0f} ms")
        caller.join()
    finally:
        os.kill(notary, signal.SIGCONT)
    tap.equal(get(sfantu, ASHI), town(ASHI), "it goes on: so does SFANTU")
    os.kill(notary, signal.SIGKILL)
    tap.equal(get(arcus, ASHI), town(ASHI), "the notary of SFANTU dies: ARCUS does not notice")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            get(sfantu, ASHI)
            break
        except grpc.RpcError:
            time.sleep(0.02)
    tap.equal(get(sfantu, ASHI), town(ASHI), "another takes its place")


def verified(federation):
    for name, identifier in (("ashi", ASHI), ("towns", ARCUS), ("towns", SFANTU)):
        done = federation.verify(name, town(identifier))
        tap.ok(done.returncode == 0, f"the ledger of {town(identifier)} verifies", done.stdout + done.stderr)


# ---- users -------------------------------------------------------------------------------------------------------------------

def own(path, user, mode):
    """Gives a file or a whole directory to a user."""
    for directory, _, files in os.walk(path):
        shutil.chown(directory, user, pwd.getpwnam(user).pw_gid)
        os.chmod(directory, mode | 0o100)
        for file in files:
            shutil.chown(os.path.join(directory, file), user, pwd.getpwnam(user).pw_gid)
    if os.path.isfile(path):
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
        os.chmod(path, mode)


def give_out(federation):
    """What an administrator does: each file to the one user that needs it."""
    central = federation.path("central")
    for path in (federation.directory, central, os.path.join(central, "gateways"), federation.path("towns")):
        os.chmod(path, 0o755)
    for path in (federation.path("central", "trust.besa"), federation.path("central", "edition.besa")):
        os.chmod(path, 0o644)
    contracts = federation.path("central", "contracts")
    os.chmod(contracts, 0o755)
    for name in os.listdir(contracts):
        os.chmod(os.path.join(contracts, name), 0o644)
    for identifier, (user, notary_user) in USERS.items():
        keys = federation.keys(identifier, "gw1")
        os.chmod(keys, 0o755)
        for name in ("seal.key", "ed25519.key"):
            own(os.path.join(keys, name), notary_user, 0o600)
        own(os.path.join(keys, "tls.key"), user, 0o600)
        os.makedirs(federation.ledger("towns", town(identifier)))
        own(federation.path("towns", town(identifier)), user, 0o755)
        # The notary's; its worker may pass, and gets the group of what is made: so it can read the grants and nothing else.
        ledger = federation.ledger("towns", town(identifier))
        os.chown(ledger, pwd.getpwnam(notary_user).pw_uid, pwd.getpwnam(user).pw_gid)
        os.chmod(ledger, 0o2710)


def reads(user, path):
    """Whether the user can read a file or list a directory."""
    command = ["ls", path] if os.path.isdir(path) else ["head", "-c", "1", path]
    entry = pwd.getpwnam(user)
    done = subprocess.run(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", *command],
                          capture_output=True)
    return done.returncode == 0


def credentials(pid):
    """({real, effective, saved, file system user}, groups, no new privileges)"""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return set(map(int, fields["Uid"].split())), fields["Groups"].split(), fields["NoNewPrivs"]


def users_apart(federation):
    for identifier, users in USERS.items():
        for role, user in zip(("worker", "notary"), users):
            uids, groups, locked = credentials(federation.role("towns", role, identifier))
            entry = pwd.getpwnam(user)
            tap.equal((uids, groups, locked), ({entry.pw_uid}, [str(entry.pw_gid)], "1"),
                      f"the {role} of {town(identifier)} runs as {user} and can become nobody else")
    for identifier, users in USERS.items():
        other = SFANTU if identifier == ARCUS else ARCUS
        keys, own_keys = federation.keys(other, "gw1"), federation.keys(identifier, "gw1")
        forbidden = [os.path.join(keys, name) for name in ("tls.key", "seal.key", "ed25519.key")]
        forbidden.append(federation.ledger("towns", town(other)))
        for user in users:
            tap.equal([path for path in forbidden if reads(user, path)], [],
                      f"{user} of {town(identifier)} reads no key of {town(other)} and not its ledger")
        worker, notary = users
        ledger = federation.ledger("towns", town(identifier))
        tap.equal([path for path in (os.path.join(own_keys, "seal.key"), ledger, os.path.join(ledger, "2026"))
                   if reads(worker, path)], [], f"nor does {worker}, of the worker, read its own town's seal key or ledger")
        tap.ok(not reads(notary, os.path.join(own_keys, "tls.key")), f"nor {notary}, of the notary, its TLS key")
        tap.ok(reads(notary, os.path.join(own_keys, "seal.key")), "which would be seen: its own it does read")
        admin = federation.path("towns", town(identifier), "admin.sock")
        tap.ok(stat.S_IMODE(os.stat(admin).st_mode) == 0o660 and os.stat(admin).st_uid == pwd.getpwnam(worker).pw_uid,
               "its operator's socket is its own")
        entry = pwd.getpwnam(USERS[other][0])
        done = subprocess.run(["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups",
                               os.path.join(BIN, "besa"), "grant", "list", "--admin", f"unix:{admin}"], capture_output=True)
        tap.ok(done.returncode != 0, f"{town(other)} cannot speak to it", done.stdout)


def skip(why):
    tap.ok(True, f"the towns run as users of their own # SKIP {why}")


with network() as federation, Register(federation.path("ASHI.sock"), "ASHI") as ashi, \
        Register(federation.path("SFANTU.sock"), "SFANTU"):
    start(federation)
    everyone_calls(federation)
    processes(federation)
    callers(federation)
    forged(federation, ashi)
    blocked(federation)
    verified(federation)

if os.geteuid() != 0:
    skip("this is not root")
elif not all(user in {entry.pw_name for entry in pwd.getpwall()} for users in USERS.values() for user in users):
    skip("the users are missing")
elif not reads(USERS[ARCUS][0], os.path.join(BIN, "besa-worker")):
    skip("the programs lie where other users cannot read them")
else:
    with network(USERS) as federation:
        give_out(federation)
        with Register(federation.path("ASHI.sock"), "ASHI"), Register(federation.path("SFANTU.sock"), "SFANTU"):
            start(federation)
            everyone_calls(federation)
            users_apart(federation)
tap.done()
