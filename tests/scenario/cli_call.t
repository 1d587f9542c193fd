#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""`besa call`, `outcome` and `grant` against a gateway that is not ours: a gRPC server made with Debian's python3-grpcio. What
reaches it, what is said of its answers and refusals, and how a false gateway is told from the right one."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent import futures

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
os.environ["GRPC_VERBOSITY"] = "NONE"  # the fake gateway is refused on purpose
import grpc  # noqa: E402
from federation import BIN, BUILD, ROOT, Tap, messages  # noqa: E402

CONTRACT = os.path.join(ROOT, BUILD, "contracts", "rks", "civil", "v1", "civil.binpb")
SERVICE = "rks.civil.v1.CivilRegistry"
EXCHANGE = "0198c0de-0000-7000-8000-000000000001"
tap = Tap()
work = tempfile.TemporaryDirectory(prefix="besa-call-")

civil = messages("rks/civil/v1/civil.proto")
exchange = messages("besa/exchange/v1/exchange.proto")
gateway = messages("besa/gateway/v1/gateway.proto")


def path(*parts):
    return os.path.join(work.name, *parts)


def write(name, text):
    with open(path(name), "w") as file:
        file.write(text)
    return path(name)


def besa(*arguments, **options):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("BESA_")}
    return subprocess.run([os.path.join(BIN, "besa"), *arguments], capture_output=True, text=True, timeout=60,
                          env=dict(environment, LANG="C"), **options)


class Fake(grpc.GenericRpcHandler):
    """A gateway that notes what it hears and says what it is told to."""

    def __init__(self):
        self.heard = {}
        self.grants = []
        self.behave = None

    def service(self, call):
        method = {f"/{SERVICE}/GetPerson": (self.person, civil.GetPersonRequest),
                  "/besa.gateway.v1.Outcomes/GetOutcome": (self.outcome, exchange.OutcomeQuery),
                  "/besa.gateway.v1.Admin/AddGrant": (self.add, gateway.AddGrantRequest),
                  "/besa.gateway.v1.Admin/RemoveGrant": (self.remove, gateway.RemoveGrantRequest),
                  "/besa.gateway.v1.Admin/ListGrants": (self.list, gateway.ListGrantsRequest)}.get(call.method)
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(method[0], request_deserializer=method[1].FromString,
                                                   response_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString())

    def person(self, request, context):
        self.heard = dict(context.invocation_metadata())
        self.heard["number"] = request.personal_number
        self.heard["peer"] = context.auth_context().get("x509_common_name")
        context.set_trailing_metadata((("besa-exchange-id", EXCHANGE),))
        if self.behave:
            return self.behave(context)
        answer = civil.GetPersonResponse()
        answer.person.given_name = "Arta"
        return answer

    def outcome(self, request, context):
        self.heard = {"id": request.exchange_id.hex()}
        context.abort(grpc.StatusCode.NOT_FOUND, "no such exchange")

    def add(self, request, context):
        reply = gateway.GrantReply(grant=request.grant, index=17)
        reply.grant.id, reply.grant.action = "g-1", 1
        self.grants.append(reply)
        return reply

    def remove(self, request, context):
        found = [reply for reply in self.grants if reply.grant.id == request.id]
        if not found:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such grant")
        self.grants.remove(found[0])
        found[0].grant.action = 2
        return found[0]

    def list(self, request, context):
        return gateway.ListGrantsReply(grants=self.grants)


def refuse(context):
    context.set_trailing_metadata((("besa-exchange-id", EXCHANGE), ("besa-reason", "grant_missing"),
                                   ("besa-node", "besa/XK/GOV/ARC/gw1")))
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "no grant for GetPerson")


def start(fake, member):
    """A server on TCP with the member's gateway certificate, and on a unix socket."""
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(fake,))
    keys = path("central", "gateways", member + "-gw1")
    with open(keys + "/tls.key", "rb") as key, open(keys + "/tls.pem", "rb") as chain, open(path("central", "ca.pem"), "rb") as ca:
        credentials = grpc.ssl_server_credentials([(key.read(), chain.read())], ca.read(), require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.add_insecure_port("unix:" + path(member + ".sock"))
    server.start()
    return server, f"127.0.0.1:{port}"


def call(*arguments, **options):
    return besa("call", f"{SERVICE}/GetPerson", *arguments, **options)


def messages_in_and_out(fake, profile):
    done = call('{"personalNumber": "1234567890"}', "--profile", profile, "--user", "officer-17", "--purpose", "a purpose",
                "--issue", "A-1", "--legal-basis", "Law 1", "--represented-party", "party", "--to", "XK/GOV/ARC/population",
                "--header", "x-case=7", "--timeout", "7s")
    tap.ok(done.returncode == 0, "an answer", done.stderr)
    tap.equal(json.loads(done.stdout), {"person": {"givenName": "Arta"}}, "is JSON")
    wanted = {"number": "1234567890", "besa-client": "XK/GOV/ASHI/ekosova", "besa-user": "officer-17", "besa-purpose": "a purpose",
              "besa-issue": "A-1", "besa-legal-basis": "Law 1", "besa-represented-party": "party",
              "besa-service": "XK/GOV/ARC/population", "x-case": "7", "peer": [b"ekosova"]}
    tap.equal({key: fake.heard.get(key) for key in wanted}, wanted, "the gateway hears who asks, for whom and why")
    tap.ok("besa-evidence" not in fake.heard, "and no wish for evidence that was not made")
    done = call("@" + write("query.json", '{"personal_number": "2"}'), "--profile", profile, "--json")
    tap.equal((json.loads(done.stdout)["exchange"], fake.heard["number"]), (EXCHANGE, "2"), "from a file, told with --json")
    done = call("-", "--profile", profile, input='{"personalNumber": "3"}')
    tap.equal((done.returncode, fake.heard["number"]), (0, "3"), "from standard input")
    done = call('{"personalNumbr": "1"}', "--profile", profile)
    tap.ok(done.returncode == 2 and "personalNumbr" in done.stderr, "a misspelt field: exit 2, named", done.stderr)
    done = besa("call", f"{SERVICE}/GetNobody", "{}", "--profile", profile)
    tap.ok(done.returncode == 2 and "no method GetNobody" in done.stderr, "an unknown method: exit 2", done.stderr)


def refusals(fake, profile):
    fake.behave = refuse
    done = call("{}", "--profile", profile)
    tap.equal(done.returncode, 1, "a refusal: exit 1")
    for words in ("PERMISSION_DENIED", "no grant for GetPerson", "grant_missing", "besa/XK/GOV/ARC/gw1", EXCHANGE, "besa grant add"):
        tap.ok(words in done.stderr, f"it says {words}", done.stderr)
    told = json.loads(call("{}", "--profile", profile, "--json").stdout)
    tap.equal((told["status"], told["reason"], told["from_gateway"]), ("PERMISSION_DENIED", "grant_missing", True), "so does --json")
    fake.behave = lambda context: b"\x0a\xff\xff\xff"
    done = call("{}", "--profile", profile)
    tap.ok(done.returncode != 0 and done.stdout == "", "an answer that is no message is not shown", done.stdout)
    fake.behave = None


def evidence(fake, profile):
    for name, trailer in (("none", ()), ("nonsense", (("besa-evidence-bin", b"\x0a\x03abc"),))):
        def hand_out(context, trailer=trailer):
            context.set_trailing_metadata((("besa-exchange-id", EXCHANGE), *trailer))
            return civil.GetPersonResponse()
        fake.behave = hand_out
        done = call("{}", "--profile", profile, "--evidence", path("evidence"))
        tap.equal(done.returncode, 1, f"evidence handed out: {name}: exit 1")
        tap.equal(fake.heard.get("besa-evidence"), "1", "although it was asked for")
        tap.ok(not os.path.exists(path("evidence")), "and no file is left")
    fake.behave = None


def the_right_gateway(address, foreign, fingerprint):
    central = path("central")
    keys = ["--cert", central + "/clients/XK-GOV-ASHI-ekosova/client.pem", "--key",
            central + "/clients/XK-GOV-ASHI-ekosova/client.key", "--contract", CONTRACT]
    pin = central + "/gateways/XK-GOV-ASHI-gw1/tls.pem"
    ours = ["--from", "XK/GOV/ASHI/ekosova"]
    for name, options, wanted in (
            ("its pinned certificate", ["--gateway", address, "--pin", pin], 0),
            ("the SHA-256 of it", ["--gateway", address, "--pin", fingerprint], 0),
            ("its CA, and our member in it", ["--gateway", address, "--ca", central + "/ca.pem", *ours], 0),
            ("another certificate than the pinned", ["--gateway", foreign, "--pin", pin], 3),
            ("another SHA-256", ["--gateway", address, "--pin", "0" * 64], 3),
            ("a gateway of another member", ["--gateway", foreign, "--ca", central + "/ca.pem", *ours], 3),
            ("a CA that did not issue it", ["--gateway", address, "--ca", path("other", "ca.pem"), *ours], 3),
            ("nobody there", ["--gateway", "127.0.0.1:1", "--pin", pin], 3),
            ("nothing to know it by", ["--gateway", address], 2)):
        done = call("{}", *keys, *options, "--timeout", "5s")
        tap.ok(done.returncode == wanted, f"{name}: exit {wanted}", f"{done.returncode}: {done.stderr}")
    done = call("{}", *keys, "--gateway", foreign, "--ca", central + "/ca.pem", *ours)
    tap.ok("another member" in done.stderr, "and why, in words", done.stderr)
    os.chmod(keys[3], 0o644)
    done = call("{}", *keys, "--gateway", address, "--pin", pin)
    tap.ok(done.returncode in (2, 3) and "client.key" in done.stderr, "a key that others may read is not used", done.stderr)
    os.chmod(keys[3], 0o600)


def outcomes(fake, profile):
    done = besa("outcome", EXCHANGE, "--profile", profile)
    tap.equal((done.returncode, fake.heard["id"]), (1, EXCHANGE.replace("-", "")), "outcome asks for the exchange")
    tap.equal(besa("outcome", "nonsense", "--profile", profile).returncode, 2, "an id that is none: exit 2")


def grants():
    admin = "unix:" + path("XK-GOV-ASHI.sock")
    done = besa("grant", "add", "--admin", admin, "--provider", "XK/GOV/ARC/population", "--to", "XK/GOV/ASHI/ekosova", "--service",
                SERVICE, "--method", "GetPerson", "--legal-basis", "Law 1", "--purpose", "a", "--purpose", "b", "--valid-until",
                "2030-12-31", "--operator", "me", "--json")
    tap.ok(done.returncode == 0, "a grant is added", done.stderr)
    grant = json.loads(done.stdout)
    tap.equal((grant["id"], grant["purposes"], grant["until"], grant["operator"], grant["index"]),
              ("g-1", ["a", "b"], "2030-12-31T00:00:00.000000Z", "me", 17), "with all that was said")
    shown = besa("grant", "list", "--admin", admin).stdout
    tap.ok("g-1" in shown and "GetPerson" in shown and "a, b" in shown, "list shows it", shown)
    tap.equal(besa("grant", "remove", "g-2", "--admin", admin).returncode, 1, "one that is not there cannot be removed")
    tap.equal(besa("grant", "remove", "g-1", "--admin", admin).returncode, 0, "the one that is can")
    tap.equal(json.loads(besa("grant", "list", "--admin", admin, "--json").stdout), [], "and is gone")
    done = besa("grant", "add", "--admin", admin, "--provider", "x", "--to", "y", "--service", "z")
    tap.ok(done.returncode == 2 and done.stdout == "", "names that are none: exit 2", done.stderr)
    tap.equal(besa("grant", "list", "--admin", "unix:" + path("nobody.sock")).returncode, 3, "no gateway there: exit 3")


plan = open(os.path.join(ROOT, "certs", "plan.example.yaml")).read()
write("plan.yaml", plan.replace("../build/contracts/rks/civil/v1/civil.binpb", CONTRACT))
for name in ("central", "other"):
    made = besa("central", "init", "--plan", path("plan.yaml"), "--out", path(name))
    tap.ok(made.returncode == 0, f"a federation ({name})", made.stderr)

fake = Fake()
server, address = start(fake, "XK-GOV-ASHI")
foreign_server, foreign_address = start(Fake(), "XK-GOV-ARC")
der = subprocess.run(["openssl", "x509", "-outform", "DER", "-in", path("central", "gateways", "XK-GOV-ASHI-gw1", "tls.pem")],
                     capture_output=True, check=True).stdout
client = path("central", "clients", "XK-GOV-ASHI-ekosova")
profile = write("client.yaml", f"gateway: {address}\ngateway_certificate: central/gateways/XK-GOV-ASHI-gw1/tls.pem\n"
                               f"certificate: {client}/client.pem\nkey: {client}/client.key\ncontracts: central/contracts\n"
                               "from: XK/GOV/ASHI/ekosova\n")
messages_in_and_out(fake, profile)
refusals(fake, profile)
evidence(fake, profile)
the_right_gateway(address, foreign_address, hashlib.sha256(der).hexdigest())
outcomes(fake, profile)
grants()
server.stop(None).wait()
foreign_server.stop(None).wait()
tap.done()
