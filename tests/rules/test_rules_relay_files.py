"""What `inspect` says of coturn's, Prosody's, Janus's and nginx's files: each rule fires, and none on what is right."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natprobe.codec import dump
from natprobe.facts import Facts, LocalAddress, Setting
from natprobe.model import Observation, Report, Set, Severity
from tests.configured import files_of, finding, observed, report
from tests.made_server import SERVER, listening, own, program

TURN, PROSODY, NGINX = "/etc/turnserver.conf", "/etc/prosody/conf.d/a.cfg.lua", "/etc/nginx/nginx.conf"
JANUS, WEBSOCKETS, HTTP = (f"/etc/janus/janus{each}.jcfg" for each in ("", ".transport.websockets", ".transport.http"))
HERE = own("192.168.1.40")
RELAY = """listening-port=3478
tls-listening-port=5349
lt-cred-mech
use-auth-secret
static-auth-secret=the-secret
realm=turn.example.test
cert=/c/fullchain.pem
pkey=/c/privkey.pem
denied-peer-ip=0.0.0.0-0.255.255.255
denied-peer-ip=10.0.0.0-10.255.255.255
denied-peer-ip=169.254.0.0-169.254.255.255
denied-peer-ip=172.16.0.0-172.31.255.255
denied-peer-ip=192.168.0.0-192.168.255.255
"""
SIGNALLING = """VirtualHost "meet.example.test"
modules_enabled = { "external_services" }
external_service_secret = "the-secret"
external_services = {
  { type = "turn", host = "turn.example.test", port = 3478, transport = "udp", secret = true, algorithm = "turn" },
  { type = "turns", host = "turn.example.test", port = 5349, transport = "tcp", secret = true, algorithm = "turn" }
}
"""
SOCKET = """http { server { listen 443 ssl; server_name meet.example.test;
location = /xmpp-websocket {
  proxy_pass http://127.0.0.1:5280/xmpp-websocket;
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection "upgrade";
} } }
"""


def told(files: dict[str, str], *more: Observation) -> Report:
    seen = observed(files, probes=("files",))
    return report(*seen, *more)


def causes(files: dict[str, str], *more: Observation) -> set[str]:
    return {each.cause for each in told(files, *more).findings}


def without(text: str, *beginnings: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if not line.strip().startswith(beginnings))


def test_files_that_are_right() -> None:
    assert causes({TURN: RELAY, PROSODY: SIGNALLING, NGINX: SOCKET}, HERE) == set()


# --- whose credentials open the relay


def test_another_secret() -> None:
    only = finding(
        told({TURN: RELAY.replace("the-secret", "an-older-one"), PROSODY: SIGNALLING}), "turn-secret-mismatch"
    )
    assert (only.file, only.line, only.severity) == (PROSODY, 3, Severity.ERROR)
    assert "turns:turn.example.test:5349?transport=tcp" in only.message
    assert "the-secret" not in only.message


@pytest.mark.parametrize("remark", [" # of 2026", '"'])
def test_what_stands_behind_it_is_part_of_coturns_secret(remark: str) -> None:
    changed = RELAY.replace("=the-secret", f"=the-secret{remark}")
    assert "turn-secret-mismatch" in causes({TURN: changed, PROSODY: SIGNALLING})


def test_one_of_several_secrets_is_enough() -> None:
    both = RELAY.replace("realm=", "static-auth-secret=the-next\nrealm=").replace("=the-secret", '="the-secret"')
    assert causes({TURN: both, PROSODY: SIGNALLING}) == set()


@pytest.mark.parametrize(
    "elsewhere",
    [
        SIGNALLING.replace("turn.example.test", "turn.other.test"),
        SIGNALLING.replace('"turn.example.test"', '"203.0.113.99"'),
        SIGNALLING.replace('= "the-secret"', '= os.getenv("SECRET")'),
    ],
)
def test_another_relay_or_a_secret_that_nobody_knows(elsewhere: str) -> None:
    assert causes({TURN: RELAY.replace("the-secret", "another"), PROSODY: elsewhere}, HERE) == set()


def test_a_secret_in_a_database() -> None:
    conf = without(RELAY, "static-auth").replace("realm=", 'redis-userdb="ip=127.0.0.1 password=x"\nrealm=')
    assert causes({TURN: conf, PROSODY: SIGNALLING}) == set()


def test_users_and_a_secret() -> None:
    conf = without(RELAY, "use-auth", "static-auth").replace("realm=", "user=guest:pencil\nrealm=")
    only = finding(told({TURN: conf, PROSODY: SIGNALLING}), "turn-auth-mode-conflict")
    lines = [(each.op, each.line, each.text) for each in only.fixes if isinstance(each, Set)]
    assert lines == [("add", 3, "use-auth-secret"), ("remove", 4, "")]
    assert "pencil" not in dump(told({TURN: conf, PROSODY: SIGNALLING}))


def test_users_beside_a_secret_open_nothing() -> None:
    conf = RELAY.replace("realm=", "user=guest:pencil\nrealm=")
    only = finding(told({TURN: conf, PROSODY: SIGNALLING}), "turn-auth-mode-conflict")
    assert (only.severity, only.line, only.args["users"]) == (Severity.WARNING, 6, "guest")


def test_a_user_handed_out_by_a_relay_with_a_secret() -> None:
    account = 'username = "guest", password = "pencil"'
    handed = SIGNALLING.replace('secret = true, algorithm = "turn"', account)
    assert finding(told({TURN: RELAY, PROSODY: handed}), "turn-auth-mode-conflict").severity is Severity.ERROR
    conf = without(RELAY, "use-auth", "static-auth")
    assert causes({TURN: conf + "user=guest:pencil\n", PROSODY: handed}) == set()
    assert "turn-secret-mismatch" in causes({TURN: conf + "user=guest:pen\n", PROSODY: handed})


def test_docker_jitsi_meet_has_its_secret_in_env() -> None:
    compose = "services:\n  prosody:\n    image: jitsi/prosody:stable-10532\n"
    env = "PUBLIC_URL=https://meet.example.test\nTURN_CREDENTIALS={}\nTURN_HOST=turn.example.test\nTURN_PORT=3478\n"
    for secret, expected in (("the-secret", False), ("another", True)):
        files = {TURN: RELAY, "/opt/jitsi/docker-compose.yml": compose, "/opt/jitsi/.env": env.format(secret)}
        assert ("turn-secret-mismatch" in causes(files)) is expected


# --- the relay by its file alone

FAULTS: dict[str, tuple[str, str]] = {
    "no realm": (without(RELAY, "realm"), "turn-realm-missing"),
    "no access": (without(RELAY, "use-auth", "static-auth", "lt-cred"), "turn-open-relay"),
    "no-auth": (without(RELAY, "use-auth", "static-auth", "lt-cred") + "no-auth\n", "turn-open-relay"),
    "private": (RELAY + "listening-ip=192.168.1.40\nrelay-ip=192.168.1.40\n", "turn-relay-address-wrong"),
    "no-udp-relay": (RELAY + "no-udp-relay\n", "turn-transport-disabled"),
    "inner addresses": (without(RELAY, "denied-peer-ip=10"), "turn-inner-addresses"),
    "loopback": (RELAY + "allow-loopback-peers\n", "turn-inner-addresses"),
    "capacity": (RELAY + "bps-capacity=64000\n", "setting-without-effect"),
    "gone": (RELAY + "no-loopback-peers\n", "setting-obsolete"),
    "no certificate": (without(RELAY, "cert", "pkey"), "turn-unreachable"),
    "no-tls": (RELAY + "no-tls\n", "turn-unreachable"),
    "no-udp": (RELAY + "no-udp\n", "turn-unreachable"),
    "another port": (RELAY.replace("=3478", "=3479"), "turn-unreachable"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_relay(name: str) -> None:
    conf, cause = FAULTS[name]
    found = told({TURN: conf, PROSODY: SIGNALLING}, HERE)
    assert {each.cause for each in found.findings} == {cause}
    only = finding(found, cause)
    assert only.fixes
    assert only.evidence
    assert not only.message.endswith(".")


@pytest.mark.parametrize(
    "off", ["no-auth=0", "no-udp-relay=no", "no-tls=off", "no-udp=false", "allow-loopback-peers=0"]
)
def test_a_flag_that_is_off(off: str) -> None:
    assert causes({TURN: RELAY + f"{off}\n", PROSODY: SIGNALLING}, HERE) == set()


def test_a_private_relay_with_its_public_address_or_for_its_own_network() -> None:
    private = RELAY + "listening-ip=192.168.1.40\n"
    assert causes({TURN: private + "external-ip=203.0.113.40/192.168.1.40\n"}, HERE, own("203.0.113.40")) == set()
    near = SIGNALLING.replace('"turn.example.test"', '"192.168.1.40"')
    assert causes({TURN: private, PROSODY: near}, HERE) == set()


def test_newer_coturn_shuts_the_clouds_metadata_by_itself() -> None:
    conf = without(RELAY, "denied-peer-ip=169")
    assert "turn-inner-addresses" in causes({TURN: conf}, program("coturn", "4.6.1-1"))
    assert causes({TURN: conf}, program("coturn", "4.13.1-1")) == set()


def test_the_bridge_beside_it_is_shut_out() -> None:
    bridge = {"/etc/jitsi/videobridge/jvb.conf": "videobridge { ice { udp { port = 10000 } } }\n"}
    found = told({TURN: RELAY, **bridge}, HERE)
    only = finding(found, "turn-peer-forbidden")
    assert only.args["peers"] == "192.168.1.40"
    fixes = [each.text for each in only.fixes if isinstance(each, Set)]
    assert fixes == ["allowed-peer-ip=192.168.1.40"]
    assert causes({TURN: RELAY + fixes[0] + "\n", **bridge}, HERE) == set()
    assert causes({TURN: RELAY, **bridge}, HERE, own("203.0.113.40")) == set()


def test_something_before_the_relay_has_the_port() -> None:
    https = SIGNALLING.replace("port = 5349", "port = 443")
    assert "turn-unreachable" in causes({TURN: RELAY, PROSODY: https})
    stream = "stream { server { listen 443; proxy_pass 127.0.0.1:5349; } }\n"
    assert causes({TURN: RELAY, PROSODY: https, NGINX: stream}) == set()


def test_half_a_file_says_nothing_of_what_it_lacks() -> None:
    seen = observed({TURN: RELAY.encode() + b"#" * (1 << 20)}, probes=("files",))
    assert {each.cause for each in report(*seen).findings} == set()


# --- Prosody


def test_credentials_that_nobody_makes() -> None:
    bare = SIGNALLING.replace('secret = true, algorithm = "turn" }\n', "secret = true }\n")
    only = finding(told({TURN: RELAY, PROSODY: bare}), "turn-without-credentials")
    assert (only.line, only.args["relay"]) == (6, "turns:turn.example.test:5349?transport=tcp")
    assert "turn-without-credentials" in causes({PROSODY: SIGNALLING.replace("secret = true, ", "")})


def test_turns_of_mod_turn_external() -> None:
    lua = (
        'VirtualHost "meet.example.test"\nmodules_enabled = { "turn_external" }\nturn_external_host ='
        ' "turn.example.test"\nturn_external_secret = "the-secret"\nturn_external_tls_port = 5349\n'
    )
    assert "turn-without-credentials" in causes({PROSODY: lua}, program("prosody", "0.12.3-1"))
    assert causes({PROSODY: lua}, program("prosody", "13.0.2-1")) == set()


def test_a_module_that_is_not_enabled() -> None:
    off = SIGNALLING.replace('{ "external_services" }', '{ "bosh"; }')
    only = finding(told({PROSODY: off}), "setting-without-effect")
    assert only.args["module"] == "external_services"
    assert not any(isinstance(each, Set) for each in only.fixes)
    lines = SIGNALLING.replace('{ "external_services" }', '{\n"bosh";\n"ping" }').splitlines()
    (fix,) = [each for each in finding(told({PROSODY: "\n".join(lines)}), only.cause).fixes if isinstance(each, Set)]
    lines.insert(fix.line or 0, fix.text)
    assert causes({PROSODY: "\n".join(lines)}) == set()
    assert causes({PROSODY: SIGNALLING.replace('{ "external_services" }', "list()")}) == set()


# --- nginx


@pytest.mark.parametrize("line", ["proxy_http_version", "proxy_set_header Upgrade", "proxy_set_header Connection"])
def test_an_upgrade_that_is_not_passed_on(line: str) -> None:
    only = finding(told({NGINX: without(SOCKET, line)}), "websocket-not-upgraded")
    assert (only.file, only.line) == (NGINX, 2)
    (fix,) = [each for each in only.fixes if isinstance(each, Set)]
    assert fix.text.strip().startswith(line)
    lines = without(SOCKET, line).splitlines()
    lines.insert(fix.line or 0, fix.text)
    assert causes({NGINX: "\n".join(lines)}) == set()


def test_headers_of_the_block_around() -> None:
    outer = re.sub(r"\s+proxy_set_header .*", "", SOCKET).replace(
        "location", 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";\nlocation'
    )
    assert causes({NGINX: outer}) == set()
    assert "websocket-not-upgraded" in causes(
        {NGINX: outer.replace("  proxy_pass", "  proxy_set_header Host x;\nproxy_pass")}
    )


# --- Janus


def test_the_list_of_interfaces() -> None:
    conf = 'nat: {\n ice_enforce_list = "eth9,10.1."\n}\n'
    only = finding(told({JANUS: conf}, HERE), "janus-enforce-list-ignored")
    (fix,) = [each for each in only.fixes if isinstance(each, Set)]
    assert (only.line, fix.line, fix.text) == (2, 2, '\tice_enforce_list = "eth0"')
    for fits in ("eth0", "eth9,192.168."):
        assert causes({JANUS: f'nat: {{\n ice_enforce_list = "{fits}"\n}}\n'}, HERE) == set()


def test_the_administrators_port() -> None:
    admin = "admin: {\n admin_http = true\n}\n"
    known = 'general: { admin_secret = "janusoverlord" }\n'
    assert finding(told({HTTP: admin, JANUS: known}), "private-api-exposed").severity is Severity.ERROR
    own_secret = 'general: { admin_secret = "another" }\n'
    only = finding(told({HTTP: admin, JANUS: own_secret}), "private-api-exposed")
    (fix,) = [each for each in only.fixes if isinstance(each, Set)]
    assert (only.severity, fix.line) == (Severity.WARNING, 2)
    lines = admin.splitlines()
    lines.insert(fix.line or 0, fix.text)
    assert causes({HTTP: "\n".join(lines), JANUS: known}) == set()


def test_problem_e_by_sockets_and_files() -> None:
    """Both addresses are the host's; the WebSocket's server has the other one."""
    from natprobe.facts import Sockets

    both = own("203.0.113.222"), own("203.0.113.223")
    right = listening("tcp", "203.0.113.222", 443, "janus")
    wrong = listening("tcp", "203.0.113.223", 443, "janus")
    others = (
        listening("tcp", "203.0.113.222", 8443, "janus"),
        listening("tcp", "127.0.0.1", 8088, "janus"),
    )
    seen = observed(files_of("problem-e/broken"), probes=("files",))
    broken = report(*seen, Sockets(listening=3), wrong, *others, *both, program("janus", "1.1.2-1"))
    only = finding(broken, "listening-on-other-address")
    assert (only.file, only.line) == (WEBSOCKETS, 6)
    assert {each.cause for each in broken.findings} == {"listening-on-other-address"}
    assert report(*seen, Sockets(listening=3), right, *others, *both).findings == ()
    fixed = observed(files_of("problem-e/fixed"), probes=("files",))
    everywhere = listening("tcp", "::", 443, "janus", v6only=False)
    assert report(*fixed, Sockets(listening=3), everywhere, *others, *both).findings == ()


# --- the problems' files

PROBLEM_C = {
    "turn-auth-mode-conflict": 1,
    "turn-relay-address-wrong": 1,
    "turn-inner-addresses": 1,
    "setting-without-effect": 2,
    "certificate-unreadable": 4,
}


def test_problem_c() -> None:
    found = report(*observed(files_of("problem-c/broken")), HERE)
    causes = [each.cause for each in found.findings]
    assert {each: causes.count(each) for each in set(causes)} == PROBLEM_C
    assert found.verdict.status == "broken"
    assert all(each.file and each.fixes for each in found.findings)
    assert "your_secret" not in dump(found)
    fixed = report(*observed(files_of("problem-c/fixed"), probes=("files",)), HERE, own("203.0.113.40"))
    assert fixed.findings == ()


def test_problem_b() -> None:
    eth0 = own("192.168.1.40")
    found = report(*observed(files_of("problem-b/broken")), eth0)
    assert {each.cause for each in found.findings} == {
        "janus-enforce-list-ignored",
        "private-api-exposed",
        "setting-without-effect",
    }
    assert report(*observed(files_of("problem-b/fixed")), eth0, own("203.0.113.7")).findings == ()


# --- secrets

PLACES: dict[str, tuple[str, str]] = {
    "coturn's": (TURN, "static-auth-secret={}\nuse-auth-secret\n"),
    "coturn's user": (TURN, "lt-cred-mech\nuser=guest:{}\n"),
    "coturn's console": (TURN, "cli-password={}\nrealm=a\n"),
    "coturn's database": (TURN, 'realm=a\nredis-userdb="ip=127.0.0.1 dbname=0 password={}"\n'),
    "a remark": (TURN, "realm=a\n# the old one was {}\n"),
    "unknown to coturn": (TURN, "realm=a\nsecret-of-ours={}\n"),
    "Prosody's": (PROSODY, 'VirtualHost "a"\nexternal_service_secret = "{}"\n'),
    "of an entry": (PROSODY, 'external_services = {{ {{ type = "turn", secret = "{}" }} }}\n'),
    "of a table": (PROSODY, 'turncredentials_secret = "{}"\nturncredentials = {{ {{ type = "turn", host = "a" }} }}\n'),
    "a password": (PROSODY, 'external_services = {{ {{ type = "turn", username = "u", password = "{}" }} }}\n'),
    "unknown to natprobe": (PROSODY, 'VirtualHost "a"\napp_secret = "{}"\nstorage = {{ password = "{}" }}\n'),
    "joined": (PROSODY, 'VirtualHost "a"\nlocal s = "{}"\nturn_external_secret = s .. "x"\n'),
    "behind a mistake": (PROSODY, 'VirtualHost "a"\nx = = "{}"\nturn_external_secret = "{}"\n'),
    "Janus's": (JANUS, 'general: {{ admin_secret = "{}"\n api_secret = "{}" }}\nnat: {{ turn_pwd = "{}" }}\n'),
    "a room's": (JANUS, 'room-1: {{ secret = "{}"\n pin = "{}" }}\nnat: {{ ice_lite = false }}\n'),
    "in a URL": (JANUS, 'nat: {{ turn_rest_api = "https://u:{}@h/?key={}" }}\n'),
    "a header": (
        NGINX,
        'server {{ location /a {{ proxy_set_header Authorization "Bearer {}"; proxy_pass http://u:{}@b; }} }}\n',
    ),
    "in an argument": (NGINX, "server {{ location /a {{ proxy_pass http://b/?token={}; }} }}\n"),
}


@settings(max_examples=25, deadline=None)
@given(st.text("abcdefghijkmnpqrstuvwxyz23456789-_+/=.#?&@:", min_size=9, max_size=40).map("Zq".__add__))
def test_no_secret_leaves_the_files(secret: str) -> None:
    for path, text in PLACES.values():
        seen = observed({path: text.replace("{}", secret).replace("{{", "{").replace("}}", "}")})
        assert secret not in dump(report(*seen, HERE))


def test_equal_secrets_have_equal_numbers() -> None:
    seen = Facts(SERVER, observed({TURN: RELAY, PROSODY: SIGNALLING}, probes=("files",)))
    numbers: dict[str, Any] = {each.key: each.secret for each in seen.of(Setting) if each.secret is not None}
    assert numbers["static-auth-secret"] == numbers["external_service_secret"]
    assert [each.value for each in seen.of(Setting) if each.key == "secret"] == ["true", "true"]
    assert not seen.of(LocalAddress)


def test_what_packages_leave_is_nobodys_relay() -> None:
    """Debian's file, as long as no coturn runs by it."""
    stock = "#listening-port=3478\nsyslog\nno-rfc5780\nno-stun-backward-compatibility\n"
    assert causes({TURN: stock}) == set()
    running = listening("udp", "0.0.0.0", 3478, "turnserver")
    assert "turn-open-relay" in causes({TURN: stock}, running)
