"""What is no fault on a server as packages set it up, with the openings that guides name; and the faults beside it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from natprobe.context import Context, Options
from natprobe.diagnose import diagnose
from natprobe.facts import DefaultRoute, Facts
from natprobe.host.machine import FilterText, Socket
from natprobe.model import Finding, Observation, Report, Set, Severity
from natprobe.run import load_probe
from tests.lab.machine import FakeMachine
from tests.made import SOURCE, STUN1, numbered, saw
from tests.made_server import PUBLIC, SERVER, own

INNER = "10.0.1.60"
# As jitsi-meet-turnserver writes it; of its long list of denied addresses those that count here.
TURN = """use-auth-secret
keep-address-family
static-auth-secret=Q6fzgVqkmC1l5pWn
realm=meet.example.test
cert=/etc/coturn/certs/meet.pem
pkey=/etc/coturn/certs/meet.key
no-multicast-peers
no-cli
no-loopback-peers
no-tcp-relay
no-tcp
listening-port=3478
tls-listening-port=5349
no-tlsv1
no-tlsv1_1
denied-peer-ip=0.0.0.0-0.255.255.255
denied-peer-ip=10.0.0.0-10.255.255.255
denied-peer-ip=100.64.0.0-100.127.255.255
denied-peer-ip=127.0.0.0-127.255.255.255
denied-peer-ip=169.254.0.0-169.254.255.255
denied-peer-ip=172.16.0.0-172.31.255.255
denied-peer-ip=192.168.0.0-192.168.255.255
denied-peer-ip=::1
denied-peer-ip=fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
denied-peer-ip=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""
PROSODY = """external_service_secret = "Q6fzgVqkmC1l5pWn";
external_services = {
     { type = "stun", host = "meet.example.test", port = 3478 },
     { type = "turn", host = "meet.example.test", port = 3478, transport = "udp", secret = true, algorithm = "turn" },
     { type = "turns", host = "meet.example.test", port = 5349, transport = "tcp", secret = true, algorithm = "turn" }
};
VirtualHost "meet.example.test"
    modules_enabled = { "bosh"; "websocket"; "external_services"; }
"""
# The multiplexer on 443 sorts TLS to the relay and to the page, which listens behind it.
NGINX = """stream {
    map $ssl_preread_alpn_protocols $upstream {
        ~\\bh2\\b web;
        default turn;
    }
    upstream web { server 127.0.0.1:4444; }
    upstream turn { server 127.0.0.1:5349; }
    server { listen 443; ssl_preread on; proxy_pass $upstream; }
}
http {
    server { listen 80; server_name meet.example.test; }
    server { listen 4444 ssl http2; server_name meet.example.test; }
}
"""
CERTIFICATES = {"/etc/coturn/certs/meet.pem": "", "/etc/coturn/certs/meet.key": ""}
PLAIN = TURN.replace("no-loopback-peers\n", "")
COTURN = {"/etc/turnserver.conf": PLAIN, **CERTIFICATES}
JITSI = {
    **COTURN,
    "/etc/turnserver.conf": TURN,
    "/etc/prosody/conf.d/meet.example.test.cfg.lua": PROSODY,
    "/etc/nginx/nginx.conf": NGINX,
    "/etc/jitsi/videobridge/jvb.conf": "videobridge { http-servers { public { port = 9090 } } }\n",
    "/var/lib/dpkg/status": "Package: coturn\nStatus: install ok installed\nVersion: 4.6.1-1\n\n",
}
# What the handbook of Jitsi has opened.
HANDBOOK = ("tcp/80", "tcp/443", "udp/10000", "tcp/22", "udp/3478", "tcp/5349")


def sockets(address: str = PUBLIC) -> list[Socket]:
    """Coturn takes no TCP on its plain port: `no-tcp`."""
    found = [("tcp", "0.0.0.0", port, "nginx") for port in (80, 443, 4444)]
    found += [("udp", address, 10000, "java"), ("tcp", "0.0.0.0", 9090, "java"), ("tcp", "127.0.0.1", 8080, "java")]
    found += [(proto, address, port, "turnserver") for proto, port in (("udp", 3478), ("udp", 5349), ("tcp", 5349))]
    return [Socket(proto, at, port, None, process, 7) for proto, at, port, process in found]  # type: ignore[arg-type]  # a word of it


def shut_but(*opened: str) -> list[FilterText]:
    """A packet filter that drops all but these."""
    rules = [f"-A INPUT -p {p} -m {p} --dport {n} -j ACCEPT" for p, _, n in (each.partition("/") for each in opened)]
    head = ["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", "-A INPUT -i lo -j ACCEPT"]
    text = "\n".join([*head, *rules, "COMMIT", ""])
    return [FilterText("nft-json", '{"nftables": []}'), FilterText("iptables", text)]


def inspected(
    files: Mapping[str, str] = JITSI,
    opened: Sequence[str] = HANDBOOK,
    address: str = PUBLIC,
    held: Sequence[Socket] | None = None,
) -> Report:
    """The probes of `inspect` that need no network, over such a machine, and what is judged of it."""
    nothing: Any = None
    table = sockets(address) if held is None else held
    machine = FakeMachine(dict(files), table, filters=shut_but(*opened))
    context = Context(
        target=SERVER,
        options=Options(),
        net=nothing,
        host=nothing,
        random=random.Random(1),
        unix_time=0.0,
        machine=machine,
    )
    here: list[Observation] = [own(address), DefaultRoute(family=4, interface="eth0", gateway="203.0.113.1")]
    here.append(saw(STUN1, f"{PUBLIC}:50000", f"{address}:50000"))

    async def run() -> list[Observation]:
        seen = list(here)
        for name in ("rulesets", "listening", "programs", "files", "filters"):
            facts = Facts(SERVER, numbered(*seen))
            seen += [each async for each in load_probe(name).probe(context, facts)]
        return numbered(*seen)

    return diagnose(SERVER, asyncio.run(run()), [msgspec.structs.replace(SOURCE, vantage="server")])


def told(found: Report) -> list[tuple[str, Severity]]:
    return [(each.cause, each.severity) for each in found.findings]


def one(found: Report, cause: str) -> Finding:
    (only,) = [each for each in found.findings if each.cause == cause]
    return only


class TestJitsiOfThePackages:
    def test_nothing_but_notes(self) -> None:
        """The relay's own ports are no part of the handbook's openings, and DTLS no part of any browser."""
        found = inspected()
        assert told(found) == [("firewall-closed", Severity.NOTE), ("setting-obsolete", Severity.NOTE)]
        assert "the ports that coturn relays by" in found.findings[0].message
        assert "no-loopback-peers" in found.findings[1].message
        assert (found.verdict.status, found.verdict.summary) == ("good", "No fault was found on server")

    def test_a_shut_page_is_found_where_it_listens_everywhere(self) -> None:
        """`listen 443` is 0.0.0.0:443, and the rule is about an address of the host."""
        found = inspected(opened=[each for each in HANDBOOK if each != "tcp/443"])
        shut = [each for each in found.findings if each.severity is Severity.ERROR]
        assert ["443" in each.message and "nginx (listen in" in each.message for each in shut] == [True]
        assert found.verdict.summary.startswith("server has a fault: ")

    def test_shut_plain_http_is_worth_a_note(self) -> None:
        found = inspected(opened=[each for each in HANDBOOK if each != "tcp/80"])
        assert [(e.severity, e.line) for e in found.findings if "TCP port 80" in e.message] == [(Severity.NOTE, 11)]

    def test_one_of_a_relays_ways_is_not_all(self) -> None:
        found = inspected(opened=[each for each in HANDBOOK if each != "tcp/5349"])
        assert [e.severity for e in found.findings if "TCP port 5349" in e.message] == [Severity.WARNING]
        none = inspected(opened=[each for each in HANDBOOK if each not in ("tcp/5349", "udp/3478")])
        assert [e.severity for e in none.findings if "3478" in e.message or "TCP port 5349" in e.message] == [
            Severity.ERROR,
            Severity.ERROR,
        ]


class TestRelayAlone:
    OPEN = ("udp/3478", "tcp/5349", "udp/49152:65535")

    def test_its_shut_ports_are_a_warning(self) -> None:
        found = inspected(COTURN, self.OPEN[:2])
        assert told(found) == [("firewall-closed", Severity.WARNING)]
        assert found.verdict.status == "good"
        assert found.verdict.summary.startswith("server should work; found beside that: ")

    @pytest.mark.parametrize("line", ["external-ip=203.0.113.222/10.0.1.60\n", "external-ip=203.0.113.222\n"])
    def test_behind_a_nat_it_says_its_address(self, line: str) -> None:
        assert told(inspected({**COTURN, "/etc/turnserver.conf": PLAIN + line}, self.OPEN, INNER)) == []

    def test_or_gives_out_its_inner_one(self) -> None:
        found = one(inspected(COTURN, self.OPEN, INNER), "turn-relay-address-wrong")
        assert found.severity is Severity.WARNING
        (fix,) = found.fixes
        assert isinstance(fix, Set)
        assert (fix.text, fix.line) == (f"external-ip={PUBLIC}/{INNER}", len(PLAIN.splitlines()))

    def test_beside_a_bridge_it_is_a_note(self) -> None:
        """That answers it by the inner address too, or by the public one where that leads back."""
        found = inspected(address=INNER)
        assert one(found, "turn-relay-address-wrong").severity is Severity.NOTE


JANUS = """media: {
	rtp_port_range = "20000-40000"
}
nat: {
	nat_1_1_mapping = "MAPPED"
}
"""


@pytest.mark.parametrize(("mapped", "causes"), [(PUBLIC, []), (INNER, ["mapping-local-equals-public"])])
def test_a_janus_that_maps_its_inner_address_to_itself(mapped: str, causes: list[str]) -> None:
    files = {"/etc/janus/janus.jcfg": JANUS.replace("MAPPED", mapped)}
    found = inspected(files, ("udp/20000:40000",), INNER)
    assert [each.cause for each in found.findings] == causes
    for each in found.findings:
        assert (each.severity, each.line) == (Severity.WARNING, 5)
        assert [fix.value for fix in each.fixes if isinstance(fix, Set)] == [PUBLIC]
