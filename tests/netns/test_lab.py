"""The lab is what it says: measured with a raw STUN client, DNS queries, TLS handshakes and pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tests.case import Case, Dns, Expect, Network, Peer, Web
from tests.netns import addresses as at
from tests.netns import kernel, nat
from tests.netns.lab import Lab, lab

HERE = Path(__file__).parent
BOTH = "address-and-port-dependent"
# By netfilter where it can, else by the router in user space.
PAIRS = [
    (mapping, filtering)
    for mapping in get_args(get_type_hints(Network)["mapping"])
    for filtering in get_args(get_type_hints(Network)["filtering"])
]


def case(**parts: Network | Dns | Web | Peer) -> Case:
    return Case(title="the lab itself", expect=Expect(verdict="unknown", exit=3), **parts)  # type: ignore[arg-type]


def ask(built: Lab, *question: str) -> str:
    return built.client.run([sys.executable, "-m", "tests.netns.stun_client", *question]).stdout.strip()


def look(built: Lab, *question: str) -> str:
    return built.client.run([sys.executable, "-m", "tests.netns.web_client", *question]).stdout.strip()


def ours() -> set[str]:
    """What of this process is on the machine."""
    mark = f"{kernel.PREFIX}-{os.getpid()}-"
    roots = [root for root in (kernel.NAMESPACES, kernel.SETTINGS) if root.is_dir()]
    return {path.name for root in roots for path in root.iterdir() if path.name.startswith(mark)}


def test_leaves_nothing() -> None:
    with lab(case()):
        assert ours()
    assert not ours()


def test_two_labs_at_once() -> None:
    with lab(case()) as one, lab(case(network=Network(udp="drop"))) as other:
        assert ask(other, "udp", at.STUN1) == "silent"
        assert ask(one, "udp", at.STUN1).startswith("198.51.100.7 ")


@pytest.mark.parametrize("carrier", [False, True], ids=["home", "carrier"])
@pytest.mark.parametrize("pair", PAIRS, ids="/".join)
def test_mapping_and_filtering(pair: tuple[str, str], carrier: bool) -> None:
    network = Network(mapping=pair[0], filtering=pair[1], carrier=carrier)  # type: ignore[arg-type]
    with lab(case(network=network)) as built:
        assert ask(built, "filtering", at.STUN1) == pair[1]
        expected = nat.ANY if pair[0] == "none" else pair[0]
        assert ask(built, "mapping", at.STUN1, at.STUN1_OTHER) == expected


HOME, CARRIER, TUNNEL = "198.51.100.7", "198.51.100.1", at.TUNNEL_OUTSIDE
TOWARDS_STUN1 = {
    "nat": (Network(), HOME, HOME),
    "carrier": (Network(carrier=True), CARRIER, CARRIER),
    "no-nat": (Network(mapping="none"), HOME, HOME),
    "udp-drop": (Network(udp="drop"), "silent", HOME),
    "udp-reject": (Network(udp="reject"), "EHOSTUNREACH", HOME),
    "udp-drop-but": (Network(udp="drop", udp_open=(443, 3478)), HOME, HOME),
    "udp-drop-but-other": (Network(udp="drop", udp_open=(443,)), "silent", HOME),
    "tcp-drop": (Network(tcp="drop"), HOME, "silent"),
    "tcp-reject": (Network(tcp="reject"), HOME, "EHOSTUNREACH"),
    "tcp-reject-but": (Network(tcp="reject", tcp_open=(3478,)), HOME, HOME),
    "local": (Network(local="udp-refused"), "EPERM", HOME),
    "tunnel-udp": (Network(tunnel="udp"), TUNNEL, HOME),
    "tunnel-all": (Network(tunnel="all"), TUNNEL, TUNNEL),
}


@pytest.mark.parametrize("name", TOWARDS_STUN1)
def test_what_reaches_stun1(name: str) -> None:
    network, udp, tcp = TOWARDS_STUN1[name]
    with lab(case(network=network)) as built:
        assert ask(built, "udp", at.STUN1).split()[0] == udp
        assert ask(built, "tcp", at.STUN1).split()[0] == tcp
        assert ask(built, "udp", at.STUN2).split()[0] == udp
        assert look(built, "dns", at.TARGET, "A") == f"NOERROR {at.WEB}", "the resolver is Dns's part"


def test_inside_addresses() -> None:
    with lab(case(network=Network(tunnel="udp"))) as built:
        told = built.client.run(["ip", "-brief", "-4", "address"]).stdout
        assert {at.LAN_CLIENT, at.TUNNEL_CLIENT} <= {word.partition("/")[0] for word in told.split()}
        assert "tun0@" in told
    with lab(case(network=Network(mapping="none"))) as built:
        assert HOME in built.client.run(["ip", "-brief", "-4", "address"]).stdout


@pytest.mark.parametrize(("kind", "heard"), [("none", "ENETUNREACH"), ("works", at.CLIENT6), ("broken", "silent")])
def test_ipv6(kind: str, heard: str) -> None:
    with lab(case(network=Network(ipv6=kind, carrier=True), dns=Dns(ipv6=True))) as built:  # type: ignore[arg-type]
        assert ask(built, "udp", at.STUN1_6).split()[0] == heard
        assert ask(built, "tcp", at.STUN1_6).split()[0] == heard
        assert ask(built, "udp", at.STUN1).split()[0] == CARRIER
        if kind == "works":
            assert ask(built, "filtering", at.STUN1_6) == BOTH
            assert ask(built, "tcp", at.STUN2_6).split()[0] == heard


@pytest.mark.parametrize("delay", [0.0, 0.0005])
def test_loss_is_per_direction(delay: float) -> None:
    with lab(case(network=Network(loss=0.2, delay=delay))) as built:
        assert 35 < int(ask(built, "lost", at.STUN1, "200")) < 110  # 36 % of 200, five deviations each way
        assert ask(built, "tcp", at.STUN1).split()[0] == HOME


NAMES = {
    "works": f"NOERROR {at.WEB}",
    "nxdomain": "NXDOMAIN",
    "servfail": "SERVFAIL",
    "empty": "NOERROR",
    "silent": "silent",
    "sinkhole": "NOERROR 0.0.0.0",
}


@pytest.mark.parametrize("answer", NAMES)
def test_names(answer: str) -> None:
    with lab(case(dns=Dns(answer=answer))) as built:  # type: ignore[arg-type]
        assert look(built, "dns", at.TARGET, "A") == NAMES[answer]
        assert look(built, "dns", "stun2.example.test", "A") == f"NOERROR {at.STUN2}"
        assert look(built, "dns", "stun1.example.test", "AAAA") == "NOERROR"


def test_names_with_ipv6() -> None:
    with lab(case(dns=Dns(ipv6=True))) as built:
        assert look(built, "dns", at.TARGET, "AAAA") == f"NOERROR {at.WEB6}"
        assert look(built, "dns", "stun1.example.test", "AAAA") == f"NOERROR {at.STUN1_6}"


def test_two_resolvers_and_a_hosts_file() -> None:
    with lab(case(dns=Dns(answer="nxdomain", second="works"))) as built:
        assert look(built, "dns", at.TARGET, "A") == "NXDOMAIN"
        assert look(built, "dns", at.TARGET, "A", at.RESOLVER_OTHER) == f"NOERROR {at.WEB}"
    with lab(case(dns=Dns(answer="nxdomain", hosts=True))) as built:
        assert built.client.run(["getent", "ahostsv4", at.TARGET]).stdout.split()[0] == at.WEB


@pytest.mark.parametrize(("state", "heard"), [("works", "200"), ("down", "silent"), ("refused", "ConnectionRefused")])
def test_fronts_at_the_names_other_addresses(state: str, heard: str) -> None:
    front = Web(other=state, ipv6=state)  # type: ignore[arg-type]
    with lab(case(network=Network(ipv6="works"), dns=Dns(ipv6=True), web=front)) as built:
        told = look(built, "dns", at.TARGET, "A").split()
        assert (told[0], sorted(told[1:])) == ("NOERROR", [at.WEB, at.WEB_OTHER])
        for address in (at.WEB_OTHER, at.WEB6):
            assert look(built, "get", f"https://{at.TARGET}/", str(built.root), address).startswith(heard)
        assert look(built, "get", f"https://{at.TARGET}/", str(built.root), at.WEB).startswith("200")


def test_a_black_hole_takes_large_packets_of_both_kinds() -> None:
    with lab(case(network=Network(mtu=1000))) as built:
        assert ask(built, "udp", at.STUN1).split()[0] == HOME
        assert ask(built, "large", at.STUN1, "900").split()[0] == HOME
        assert ask(built, "large", at.STUN1, "1000") == "silent"
        assert look(built, "get", f"https://{at.TARGET}/", str(built.root)) == "silent"


CERTIFICATES = {
    "good": "good",
    "expired": "certificate has expired",
    "self-signed": "self-signed certificate",
    "wrong-name": f"Hostname mismatch, certificate is not valid for '{at.TARGET}'.",
    "incomplete": "unable to get local issuer certificate",
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_certificates(kind: str) -> None:
    with lab(case(web=Web(certificate=kind))) as built:  # type: ignore[arg-type]
        assert look(built, "tls", at.TARGET, str(built.root)).startswith(CERTIFICATES[kind])


def test_expiring_certificate() -> None:
    with lab(case(web=Web(certificate="expiring"))) as built:
        word, _, end = look(built, "tls", at.TARGET, str(built.root)).partition(" ")
    left = datetime.strptime(end, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC) - datetime.now(UTC)
    assert word == "good"
    assert 4 <= left.days <= 5


PAGES = {  # https /, /config.js, /janus/info, http /
    "jitsi": ("200", "200", "404", f"301 https://{at.TARGET}/"),
    "janus": ("200", "404", "200", f"301 https://{at.TARGET}/"),
    "plain": ("200", "404", "404", f"301 https://{at.TARGET}/"),
    "down": ("silent", "silent", "silent", "silent"),
    "refused": ("ConnectionRefusedError",) * 4,
    "http-only": ("ConnectionRefusedError",) * 3 + ("200",),
}


@pytest.mark.parametrize("state", PAGES)
def test_pages(state: str) -> None:
    urls = [f"https://{at.TARGET}{path}" for path in ("/", "/config.js", "/janus/info")] + [f"http://{at.TARGET}/"]
    with lab(case(web=Web(state=state))) as built:  # type: ignore[arg-type]
        heard = [look(built, "get", url, str(built.root)) for url in urls]
    for told, expected in zip(heard, PAGES[state], strict=True):
        assert told.startswith(expected)


MEDIA_PORTS = {
    "nothing-runs": (Peer(), "ECONNREFUSED", "ECONNREFUSED"),
    "drop": (Peer(udp="drop", tcp="drop"), "silent", "silent"),
    "reject": (Peer(udp="reject"), "EHOSTUNREACH", "ECONNREFUSED"),
    "refused": (Peer(udp="refused", tcp="refused"), "ECONNREFUSED", "ECONNREFUSED"),
}


@pytest.mark.parametrize("name", MEDIA_PORTS)
def test_firewall_before_the_media_ports(name: str) -> None:
    peer, udp, tcp = MEDIA_PORTS[name]
    with lab(case(peer=peer)) as built:
        assert ask(built, "udp", at.WEB, str(at.MEDIA_UDP)) == udp
        assert ask(built, "tcp", at.WEB, str(at.MEDIA_TCP)) == tcp


KILLED = """
from tests.netns.lab import lab
from tests.netns.test_lab import case
with lab(case()) as built:
    print(built.network["stun1"].namespace, flush=True)
    input()
"""


def test_what_a_killed_run_left_goes() -> None:
    """Its servers die with it; its namespaces go when the next run sweeps."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=pipe, stdout=pipe, text=True, cwd=HERE.parents[1]
    ) as run:
        assert run.stdout
        namespace = run.stdout.readline().strip()
        assert (kernel.NAMESPACES / namespace).exists()
        os.kill(run.pid, signal.SIGKILL)
    end = time.monotonic() + 3
    while (left := kernel.processes(namespace)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left
    kernel.sweep()
    assert not (kernel.NAMESPACES / namespace).exists()
