#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""besa-adapter in front of the civil register, as a client nobody here wrote sees it (Debian's python3-grpcio).

What each method answers, how each kind of bad request is refused, what a locked, slow, dying or replaced register does, and
that reload and end lose no call."""
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time

import grpc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
ADAPTER = os.path.join(BUILD, "bin", "besa-adapter")
CONTRACT = os.path.join(BUILD, "contracts", "rks", "civil", "v1", "civil.binpb")
PATH = "/rks.civil.v1.CivilRegistry/"
Code = grpc.StatusCode

directory = tempfile.TemporaryDirectory(prefix="besa_adapter_")
work = directory.name
subprocess.run(["protoc", "-I" + ROOT + "/proto", "--python_out=" + work, ROOT + "/proto/rks/civil/v1/civil.proto"],
               check=True)
sys.path.insert(0, work)
from rks.civil.v1 import civil_pb2 as civil  # noqa: E402

count = 0


def ok(condition, name, detail=""):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if condition else "not ok", count, name), flush=True)
    if not condition and detail != "":
        print("# " + str(detail).replace("\n", "\n# "))


def same(got, wanted, name):
    ok(got == wanted, name, "got %r, wanted %r" % (got, wanted))


def runs(pid):
    """Whether a process lives; one that only waits to be collected has ended."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Adapter:
    """One running adapter with a binding of its own."""

    def __init__(self, binding, contract=CONTRACT, workers=2, name="a"):
        self.socket = os.path.join(work, name + ".sock")
        self.log = open(os.path.join(work, name + ".log"), "w+")
        self.process = subprocess.Popen([ADAPTER, "--binding", binding, "--contract", contract, "--listen",
                                         "unix:" + self.socket, "--workers", str(workers)], stderr=self.log, cwd="/")
        self.wait_log(" ready ")
        self.channel = grpc.insecure_channel("unix:" + self.socket)

    def logged(self):
        with open(self.log.name) as file:
            return file.read()

    def wait_log(self, text, times=1):
        deadline = time.monotonic() + 20
        while self.logged().count(text) < times:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("Bail out! no '%s' in the log:\n%s" % (text, self.logged()))
            time.sleep(0.01)

    def stub(self, method, answer):
        return self.channel.unary_unary(PATH + method, request_serializer=lambda m: m.SerializeToString(),
                                        response_deserializer=answer.FromString)

    def workers(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as file:
            return [int(pid) for pid in file.read().split()]

    def end(self):
        self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def failure(stub, request, **options):
    """Status and words of a call that must fail."""
    try:
        stub(request, timeout=options.pop("timeout", 20), **options)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return Code.OK, ""


def binding_file(name, change=lambda text: text, database=os.path.join(ROOT, "build/civil/civil.db")):
    with open(os.path.join(ROOT, "adapters/civil/binding.yaml")) as file:
        text = file.read().replace("../../build/civil/civil.db", database)
    path = os.path.join(work, name)
    with open(path, "w") as file:
        file.write(change(text))
    return path


def copy_database(name):
    path = os.path.join(work, name)
    source, target = sqlite3.connect(os.path.join(ROOT, "build/civil/civil.db")), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path


ENDLESS = ("FROM document WHERE personal_number = :row_personal_number",
           "FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n), document"
           " WHERE i < 0 AND personal_number = :row_personal_number")


def answers(adapter):
    get = adapter.stub("GetPerson", civil.GetPersonResponse)
    person = get(civil.GetPersonRequest(personal_number="1234567890"), timeout=10).person
    same((person.given_name, person.family_name, person.birth_family_name), ("Arta", "Berisha", "Krasniqi"), "a person's names")
    same((person.sex, person.birth_date, person.civil_status),
         (civil.SEX_FEMALE, "1985-03-27", civil.CIVIL_STATUS_MARRIED), "sex, birth date, civil status")
    same((person.birth_place.locality, person.birth_place.municipality.sq, person.birth_place.municipality.sr,
          person.birth_place.municipality.en), ("Prishtinë", "Prishtinë", "Priština", "Pristina"), "birth place in three languages")
    same((person.father_given_name, person.mother_birth_family_name), ("Skënder", "Hoxha"), "parents' names")
    ok(person.citizenships[0] == "XK" and len(person.documents) >= 1 and person.documents[0].number, "citizenships, documents",
       person)
    ok(not person.HasField("death_date"), "alive: no date of death")
    dead = get(civil.GetPersonRequest(personal_number="1234567899"), timeout=10).person
    same((dead.death_date, dead.given_name, len(dead.documents)), ("2019-12-24", "Jovan", 0), "a dead person's date of death")

    family = adapter.stub("GetFamily", civil.GetFamilyResponse)
    answer = family(civil.GetFamilyRequest(personal_number="1234567890"), timeout=10)
    same((answer.father.given_name, answer.mother.given_name, answer.marriage.spouse.given_name),
         ("Skënder", "Drita", "Driton"), "father, mother, spouse")
    same([child.given_name for child in answer.children], ["Vesa", "Lirim"], "children, the eldest first")
    alone = family(civil.GetFamilyRequest(personal_number="1234567899"), timeout=10)
    ok(not (alone.HasField("father") or alone.HasField("marriage") or alone.children), "who is not on the register is absent",
       alone)

    extract = adapter.stub("GetBirthExtract", civil.GetBirthExtractResponse)
    birth = extract(civil.GetBirthExtractRequest(personal_number="1234567892"), timeout=10)
    same((birth.title.sq, birth.given_name, birth.father.given_name, birth.mother.birth_family_name),
         ("Ekstrakti i lindjes", "Vesa", "Driton", "Krasniqi"), "a birth extract")
    ok(abs(birth.issued_at.seconds - time.time()) < 60 and birth.entry.year == 2011 and birth.entry.office.code == 4,
       "issued at this time, from the right book", birth)

    search = adapter.stub("SearchPersons", civil.SearchPersonsResponse)
    found = search(civil.SearchPersonsRequest(family_name="berish", born=civil.DateRange(**{"from": "1985-03-27", "to": "1985-03-27"})),
                   timeout=10)
    same([p.personal_number for p in found.persons], ["1234567890"], "search by the beginning of a name, and birth date")
    for given, family in (("Skënder", "KRASNIQI"), ("skender", "krasniqi"), ("SKËN", "krasn")):
        found = search(civil.SearchPersonsRequest(given_name=given, family_name=family), timeout=10)
        ok("1234567894" in [p.personal_number for p in found.persons], "search as people type: %s %s" % (given, family), found)
    seen, after = [], ""
    while True:
        page = search(civil.SearchPersonsRequest(born=civil.DateRange(**{"from": "1900-01-01"}), limit=70, after=after), timeout=10)
        seen += [p.personal_number for p in page.persons]
        if len(page.persons) < 70:
            break
        after = page.persons[-1].personal_number
    ok(len(seen) == len(set(seen)) == 1000, "paging shows every person once", len(seen))
    same(len(search(civil.SearchPersonsRequest(born=civil.DateRange(to="2000-01-01")), timeout=10).persons), 20, "twenty persons unless a limit is given")


def refusals(adapter):
    get = adapter.stub("GetPerson", civil.GetPersonResponse)
    search = adapter.stub("SearchPersons", civil.SearchPersonsResponse)
    same(failure(get, civil.GetPersonRequest(personal_number="9999999999")),
         (Code.NOT_FOUND, "no person with this personal number is on the register"), "nobody of that number: NOT_FOUND")
    for number, words in (("", "personal_number: it is required"), ("123", "personal_number: expected 10 digits"),
                          ("12345678901", "personal_number: expected 10 digits"),
                          ("1234567890\n", "personal_number: expected 10 digits"),
                          ("' OR 1=1; --", "personal_number: expected 10 digits")):
        same(failure(get, civil.GetPersonRequest(personal_number=number)), (Code.INVALID_ARGUMENT, words),
             "personal number %r: INVALID_ARGUMENT" % number)
    same(failure(search, civil.SearchPersonsRequest(given_name="Arta")),
         (Code.INVALID_ARGUMENT, "at least one is required of family_name, born.from or born.to"), "a search without a key")
    same(failure(search, civil.SearchPersonsRequest(family_name="B")),
         (Code.INVALID_ARGUMENT, "family_name: expected 2 to 60 characters"), "too short a name")
    same(failure(search, civil.SearchPersonsRequest(family_name="Be", limit=101)),
         (Code.INVALID_ARGUMENT, "limit: expected a whole number from 1 to 100"), "too high a limit")
    same(len(search(civil.SearchPersonsRequest(family_name="x' OR '1'='1"), timeout=10).persons), 0, "SQL in a name is only a name")
    same(len(search(civil.SearchPersonsRequest(family_name="%%"), timeout=10).persons), 0, "wildcards in a name are only a name")
    raw = adapter.channel.unary_unary(PATH + "GetPerson")
    for body in (b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\xff\xfe", b"\x0b", b"\x0a\x0a123"):
        same(failure(raw, body)[0], Code.INVALID_ARGUMENT, "malformed message %s" % body.hex())
    same(failure(adapter.channel.unary_unary(PATH + "DropTable"), b"")[0], Code.UNIMPLEMENTED, "an unknown method")
    same(failure(adapter.channel.unary_unary("/rks.echo.v1.Echo/Say"), b"")[0], Code.UNIMPLEMENTED, "another service")
    same(failure(raw, b"x" * (5 << 20))[0], Code.RESOURCE_EXHAUSTED, "a request of five megabytes")
    health = adapter.channel.unary_unary("/grpc.health.v1.Health/Check")
    same(health(b"", timeout=10), b"\x08\x01", "health: serving")
    name = b"rks.civil.v1.CivilRegistry"
    same(health(b"\x0a" + bytes([len(name)]) + name, timeout=10), b"\x08\x01", "health of the service: serving")
    same(failure(health, b"\x0a\x01x")[0], Code.NOT_FOUND, "health of another service: NOT_FOUND")
    same(failure(health, b"\x0b")[0], Code.INVALID_ARGUMENT, "a malformed health request")


def many_at_once(adapter):
    get = adapter.stub("GetPerson", civil.GetPersonResponse)
    numbers = ["123456789%d" % i for i in (0, 1, 2, 3, 4, 5, 9)] + ["9999999999"]
    futures = [(number, get.future(civil.GetPersonRequest(personal_number=number), timeout=30))
               for number in numbers * 63][:500]
    wrong = 0
    for number, future in futures:
        if number == "9999999999":
            wrong += future.code() != Code.NOT_FOUND
        else:
            wrong += future.exception() is not None or future.result().person.personal_number != number
    same((len(futures), wrong), (500, 0), "500 concurrent calls, each with its own answer")


def stops():
    """Deadlines and cancellation reach a statement that would never end."""
    adapter = Adapter(binding_file("slow.yaml", lambda text: text.replace(*ENDLESS).replace("timeout: 10s", "timeout: 60s")),
                      workers=2, name="slow")
    try:
        get = adapter.stub("GetPerson", civil.GetPersonResponse)
        search = adapter.stub("SearchPersons", civil.SearchPersonsResponse)
        before = time.monotonic()
        same(failure(get, civil.GetPersonRequest(personal_number="1234567890"), timeout=0.2)[0], Code.DEADLINE_EXCEEDED,
             "a statement without end: DEADLINE_EXCEEDED")
        ok(time.monotonic() - before < 5, "the caller waits no longer than its deadline")
        slow = [get.future(civil.GetPersonRequest(personal_number="1234567890"), timeout=60) for _ in range(2)]
        time.sleep(0.2)
        same(failure(search, civil.SearchPersonsRequest(family_name="Be"), timeout=0.3)[0], Code.DEADLINE_EXCEEDED,
             "while both workers are busy, a third call waits")
        for future in slow:
            future.cancel()
        ok(search(civil.SearchPersonsRequest(family_name="Be"), timeout=10).persons, "cancelled calls free their workers")
        same(adapter.logged().count("sql_worker_lost"), 0, "no worker had to be killed for that")
        futures = [get.future(civil.GetPersonRequest(personal_number="1234567890"), timeout=60) for _ in range(60)]
        time.sleep(0.1)
        for future in futures:
            future.cancel()
        ok(search(civil.SearchPersonsRequest(family_name="Be"), timeout=10).persons, "sixty queued and cancelled: none is left behind")
    finally:
        same(adapter.end(), 0, "the slow adapter ends in order")
    limited = Adapter(binding_file("limited.yaml", lambda text: text.replace(*ENDLESS).replace("timeout: 10s", "timeout: 100ms")),
                      name="limited")
    try:
        get = limited.stub("GetPerson", civil.GetPersonResponse)
        same(failure(get, civil.GetPersonRequest(personal_number="1234567890")),
             (Code.DEADLINE_EXCEEDED, "the register did not answer in time"), "the binding's own limit of time")
    finally:
        limited.end()


def busy_and_dead():
    database = copy_database("register.db")
    adapter = Adapter(binding_file("copy.yaml", lambda text: text.replace("busy_timeout: 500ms", "busy_timeout: 100ms"), database),
                      workers=2, name="copy")
    try:
        get = adapter.stub("GetPerson", civil.GetPersonResponse)
        request = civil.GetPersonRequest(personal_number="1234567890")
        for call in [get.future(request, timeout=20) for _ in range(40)]:
            call.result()  # both workers have the register open
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        same(failure(get, request), (Code.RESOURCE_EXHAUSTED, "the register is busy"), "a locked register: busy")
        other.execute("COMMIT")
        other.close()
        same(get(request, timeout=10).person.given_name, "Arta", "unlocked: answers again")

        # A worker that hangs beyond reach, as in a wait for a disk: stopped from outside, it can only be killed.
        workers = adapter.workers()
        same(len(workers), 2, "two workers")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        same(failure(get, request, timeout=0.3)[0], Code.DEADLINE_EXCEEDED, "hanging workers: DEADLINE_EXCEEDED")
        same(failure(get, request, timeout=0.3)[0], Code.DEADLINE_EXCEEDED, "and for the next caller")
        adapter.wait_log("a stopped statement did not end", 2)
        same(get(request, timeout=10).person.given_name, "Arta", "they are replaced, and the register answers again")

        stop = threading.Event()
        strange = []

        def load():
            while not stop.is_set():
                try:
                    get(request, timeout=20)
                except grpc.RpcError as error:
                    if error.code() != Code.UNAVAILABLE:
                        strange.append(error)

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            for pid in adapter.workers():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)
        stop.set()
        for thread in threads:
            thread.join()
        same(strange, [], "workers killed under load: calls are answered or UNAVAILABLE")
        same(get(request, timeout=20).person.given_name, "Arta", "and afterwards the register answers")

        os.rename(database, database + ".away")
        for pid in adapter.workers():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        codes = {failure(get, request, timeout=20) for _ in range(6)}
        unavailable = (Code.UNAVAILABLE, "the register cannot be read at present")
        ok(unavailable in codes and not any(work in words for _, words in codes), "register gone: UNAVAILABLE, no path shown", codes)
        os.rename(database + ".away", database)
        same(get(request, timeout=20).person.given_name, "Arta", "register back: answers")
    finally:
        same(adapter.end(), 0, "the adapter ends in order")


def reload_and_end():
    binding = binding_file("reload.yaml")
    adapter = Adapter(binding, name="reload")
    try:
        get = adapter.stub("GetPerson", civil.GetPersonResponse)
        gone = civil.GetPersonRequest(personal_number="9999999999")
        with open(binding) as file:
            text = file.read()
        mode = os.stat(adapter.socket).st_mode
        same(stat.S_IMODE(mode), 0o660, "the socket is for owner and group only")

        stop, wrong = threading.Event(), []

        def load():
            while not stop.is_set():
                try:
                    get(civil.GetPersonRequest(personal_number="1234567890"), timeout=10)
                except grpc.RpcError as error:
                    wrong.append(error)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            reloads = adapter.logged().count(" reloaded ")
            adapter.process.send_signal(signal.SIGHUP)
            adapter.wait_log(" reloaded ", reloads + 1)
        stop.set()
        for thread in threads:
            thread.join()
        same(wrong, [], "reload under load loses no call")

        with open(binding, "w") as file:
            file.write(text.replace("no person with this personal number is on the register", "nobody"))
        adapter.process.send_signal(signal.SIGHUP)
        adapter.wait_log(" reloaded ", 6)
        same(failure(get, gone), (Code.NOT_FOUND, "nobody"), "SIGHUP: the binding is read again")
        with open(binding, "w") as file:
            file.write(text.replace("FROM person p", "FROM persons p"))
        adapter.process.send_signal(signal.SIGHUP)
        adapter.wait_log(" not_reloaded ")
        ok("no such table: persons" in adapter.logged(), "a wrong binding is said to be wrong, with its line")
        same(failure(get, gone), (Code.NOT_FOUND, "nobody"), "and the one in use stays")
        same(len(adapter.workers()), 2, "no worker is left over from reloading")
    finally:
        same(adapter.end(), 0, "SIGTERM: ends with 0")
    ok(not os.path.exists(adapter.socket), "the socket is gone")

    adapter = Adapter(binding_file("drain.yaml", lambda text: text.replace(*ENDLESS).replace("timeout: 10s", "timeout: 1s")),
                      name="drain")
    get = adapter.stub("GetPerson", civil.GetPersonResponse)
    open_call = get.future(civil.GetPersonRequest(personal_number="1234567890"), timeout=20)
    time.sleep(0.3)
    workers = adapter.workers()
    adapter.process.terminate()
    same((open_call.code(), open_call.details()), (Code.DEADLINE_EXCEEDED, "the register did not answer in time"),
         "SIGTERM: the call under way gets its answer")
    same(adapter.end(), 0, "and then the adapter ends")
    deadline = time.monotonic() + 5
    while any(runs(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    ok(not any(runs(pid) for pid in workers), "with its workers")


def check_option():
    def run(*arguments):
        done = subprocess.run([ADAPTER, *arguments], capture_output=True, text=True, cwd=ROOT)
        return done.returncode, done.stderr

    good = binding_file("good.yaml")
    same(run("--binding", good, "--contract", CONTRACT, "--check"), (0, ""), "--check: a good binding")
    bad = binding_file("bad.yaml", lambda text: text.replace("timeout: 10s", "timeout: soon").replace("p.given_name", "p.name", 1))
    status, words = run("--binding", bad, "--contract", CONTRACT, "--check")
    same(status, 1, "--check: a bad one")
    ok(bad + ":13: \"timeout\": \"soon\" is not a duration" in words and "no such column: p.name" in words,
       "both problems at once, with file and line", words)
    same(run("--binding", "/nonexistent", "--contract", CONTRACT, "--check")[0], 1, "--check: no such binding")
    same(run("--binding", good, "--contract", good, "--check")[0], 1, "--check: a contract that is none")
    same(run("--binding", good)[0], 2, "options missing: status 2")
    same(run("--binding", good, "--contract", CONTRACT, "--listen", "unix:" + work)[0], 3, "an address that cannot be used: 3")
    status, words = run("--binding", good, "--contract", CONTRACT, "--listen", "0.0.0.0:0")
    ok(status == 3 and "loopback" in words, "no listening beyond this machine", words)
    done = subprocess.run([ADAPTER, "--help"], capture_output=True, text=True)
    ok(done.returncode == 0 and "--binding" in done.stdout, "--help")


def main():
    check_option()
    adapter = Adapter(binding_file("civil.yaml"))
    try:
        answers(adapter)
        refusals(adapter)
        many_at_once(adapter)
        second = subprocess.run([ADAPTER, "--binding", os.path.join(work, "civil.yaml"), "--contract", CONTRACT, "--listen",
                                 "unix:" + adapter.socket], capture_output=True, text=True)
        ok(second.returncode == 3 and adapter.socket in second.stderr, "a second adapter on the same socket is refused", second)
        log = adapter.logged()
        ok("1234567890" not in log and "Arta" not in log, "no personal data in the log")
    finally:
        same(adapter.end(), 0, "the adapter ends in order")
    stops()
    busy_and_dead()
    reload_and_end()
    print("1..%d" % count)


main()
