"""The rules about the server's ports (NP501-NP505, NP508), on sockets and needs made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import (
    Expected,
    Listening,
    OwnExchange,
    PacketFilter,
    Passage,
    PortTry,
    Resolved,
    Sockets,
    SourceAddress,
)
from natprobe.model import Do, Failure, Observation, Set, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell
from tests.made import found, judged, words
from tests.made_server import CONTAINER, INNER, PUBLIC, PUBLIC_OTHER, expected, file, listening, own, program, published
from tests.made_server import setting as said

TREE = Sockets(listening=3)
PUBLIC6 = "2001:db8:f::222"
HOST = (own(), own(PUBLIC_OTHER), own(PUBLIC6), own("127.0.0.1", "lo"), TREE)
RULES = (
    "not-listening",
    "listening-on-other-address",
    "loopback-only",
    "port-held-by-other",
    "wildcard-answers-from-other-address",
    "port-not-published",
)
WEB_SERVICE = (
    said("compose", "image", "jitsi/web:stable-10532", section="services web", line=18),
    said("compose", "ports", "8000:80", section="services web", line=20),
)


def tcp(address: str = "0.0.0.0", port: int = 443, process: str | None = "janus", **more: Any) -> Listening:
    return listening("tcp", address, port, process, **more)


def causes(*observations: Observation) -> set[str]:
    """Those that find something, of these rules: one thing has one cause."""
    return {cause for cause in RULES if isinstance(judged(cause, *HOST, *observations), list)}


def docker(inner: str = "10000") -> tuple[Observation, ...]:
    """docker-jitsi-meet's files, with the bridge's port published as is."""
    return (
        file("docker"),
        file("compose"),
        said("docker", "JVB_PORT", inner, line=7),
        said("compose", "image", "jitsi/jvb:stable-10532", section="services jvb", line=3),
        said("compose", "JVB_PORT", "${JVB_PORT}", section="services jvb environment", line=5),
        said("compose", "ports", "${JVB_PORT}:${JVB_PORT}/udp", section="services jvb", line=9),
    )


@pytest.mark.parametrize("cause", RULES)
def test_nothing_is_asked_of_nobody(cause: str) -> None:
    assert judged(cause) is NOT_APPLICABLE
    assert judged(cause, *HOST, tcp()) is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (tcp(), expected(program="janus")),
        (tcp(), expected(address=PUBLIC)),
        (tcp(), expected(address="0.0.0.0")),
        (tcp("::", v6only=False), expected(address=PUBLIC)),
        (tcp("::", v6only=False), expected(address="0.0.0.0", program="janus")),
        (tcp("::", v6only=True), expected(address=PUBLIC6)),
        (tcp("::", v6only=None), expected(address=PUBLIC)),
        (tcp(f"::ffff:{PUBLIC}"), expected(address=PUBLIC)),
        (tcp("::ffff:0.0.0.0", v6only=False), expected(address=PUBLIC)),
        (tcp("127.0.0.1"), expected(address="127.0.0.1")),
        (tcp(interface="eth0"), expected(address=PUBLIC)),
        (tcp(process="docker-proxy"), expected(program="nginx")),
        (tcp(process="systemd"), expected(program="nginx")),
        (tcp(process="jvb"), expected(program="java")),
        (tcp(process="lua5.4"), expected(program="prosody")),
        (tcp(process="a-name-that-is-"), expected(program="a-name-that-is-cut-by-the-kernel")),
        (tcp(process=None, user="janus"), expected(program="janus")),
        (tcp(process=None, user="root"), expected()),
    ],
)
def test_what_is_there_is_quiet(there: Listening, wanted: Expected) -> None:
    assert causes(there, wanted) == set()
    assert judged("not-listening", *HOST, there, wanted) is CLEAR


@pytest.mark.parametrize(
    ("there", "wanted", "cause"),
    [
        ((), expected(address=PUBLIC), "not-listening"),
        ((tcp(port=444),), expected(), "not-listening"),
        ((listening("udp", port=443),), expected(), "not-listening"),
        ((tcp(PUBLIC_OTHER, process="nginx"),), expected(address=PUBLIC, program="janus"), "not-listening"),
        ((tcp(PUBLIC_OTHER),), expected(address=PUBLIC, program="janus"), "listening-on-other-address"),
        ((tcp(PUBLIC_OTHER),), expected(address=PUBLIC), "listening-on-other-address"),
        ((tcp(PUBLIC),), expected(address="0.0.0.0"), "listening-on-other-address"),
        ((tcp(),), expected(address=PUBLIC6), "listening-on-other-address"),
        ((tcp("::", v6only=True),), expected(address=PUBLIC), "listening-on-other-address"),
        ((tcp("127.0.0.1"),), expected(), "loopback-only"),
        ((tcp("::1"), tcp("127.0.0.1")), expected(address=PUBLIC, program="janus"), "loopback-only"),
        ((tcp(interface="lo"),), expected(), "loopback-only"),
        ((tcp(interface="eth1"),), expected(address=PUBLIC), "listening-on-other-address"),
        ((tcp(process="nginx"),), expected(program="janus"), "port-held-by-other"),
        ((tcp(PUBLIC, process="nginx"), tcp()), expected(address=PUBLIC, program="janus"), "port-held-by-other"),
        ((tcp("127.0.0.1", process="nginx"),), expected(program="janus"), "port-held-by-other"),
    ],
)
def test_each_fault_has_one_cause(there: tuple[Listening, ...], wanted: Expected, cause: str) -> None:
    assert causes(*there, wanted) == {cause}
    assert found(cause, *HOST, *there, wanted).fixes


def test_the_most_exact_socket_gets_the_packets() -> None:
    """nginx on every address and Janus on its own: each has what it is to have."""
    both = (tcp(process="nginx"), tcp(PUBLIC_OTHER))
    assert causes(*both, expected(address=PUBLIC_OTHER, program="janus")) == set()
    assert causes(*both, expected(address=PUBLIC, program="nginx")) == set()
    assert causes(*both, expected(address=PUBLIC_OTHER, program="nginx")) == {"port-held-by-other"}


def test_it_names_who_holds_it_and_where_it_was_asked_for() -> None:
    there = tcp(process="nginx", pid=812, container="0123456789ab")
    wanted = expected(address=PUBLIC, program="janus", file="ports.txt", line=4)
    only = found("port-held-by-other", *HOST, there, wanted)
    assert (only.file, only.line) == ("ports.txt", 4)
    text = words("port-held-by-other", *HOST, there, wanted)
    assert f"{PUBLIC}:443/tcp is held by nginx (pid 812 in container 0123456789ab)" in text
    assert "ports.txt:4 wants janus" in text


def test_a_hidden_owner_is_no_finding_and_no_all_clear() -> None:
    hidden = (tcp(process=None, pid=None, user="root"), expected(program="janus"))
    assert judged("port-held-by-other", *HOST, *hidden) == CouldNotTell(
        reason="owners-hidden", ask="sudo natprobe inspect"
    )
    assert causes(*hidden) == set()


def test_unread_sockets_are_said_once() -> None:
    unread = (own(), Sockets(failure=Failure.PERMISSION_DENIED), expected())
    assert isinstance(judged("not-listening", *unread), CouldNotTell)
    assert {judged(cause, *unread) for cause in RULES[1:]} == {NOT_APPLICABLE}


def test_a_stopped_service_is_one_finding_and_half_of_one_is_each() -> None:
    wanted = [expected(port=port, program="coturn", proto=proto) for proto in ("tcp", "udp") for port in (3478, 5349)]
    only = found("not-listening", *HOST, *wanted)
    assert "port 3478/tcp, port 5349/tcp, port 3478/udp, port 5349/udp" in only.args["where"]
    assert any("journalctl -u coturn" in each.text for each in only.fixes if isinstance(each, Do))
    half = judged("not-listening", *HOST, *wanted, tcp(port=3478, process="turnserver"))
    assert isinstance(half, list)
    assert len(half) == 3


def test_ranges_are_told_as_ranges() -> None:
    wanted = expected("udp", port=20000, port_end=20100)
    assert "port 20000-20100/udp" in words("not-listening", *HOST, wanted)
    there = [listening(port=port) for port in (20000, 20001, 20050)]
    assert found("not-listening", *HOST, wanted, *there).args["where"] == "port 20002-20049, 20051-20100/udp"


def test_an_address_that_is_not_here_is_said() -> None:
    wanted = expected(address="198.51.100.9")
    refused = PortTry(proto="tcp", endpoint="198.51.100.9:443", failure=Failure.ADDRESS_NOT_LOCAL)
    assert "this host does not have that address" in words("not-listening", *HOST, wanted, refused)
    assert "does not have" not in words("not-listening", *HOST, expected(address=PUBLIC), refused)


def test_janus_of_an_affected_version_is_told_to_update() -> None:
    wrong = (tcp(PUBLIC_OTHER, 8188), expected(address=PUBLIC, port=8188, program="janus"))
    old = found("listening-on-other-address", *HOST, *wrong, program("janus", "1.1.2"))
    new = found("listening-on-other-address", *HOST, *wrong, program("janus", "1.3.1"))
    assert any("Update Janus" in each.text for each in old.fixes if isinstance(each, Do))
    assert [each.key for each in new.fixes if isinstance(each, Set)] == ["ws_ip"]
    assert not any(isinstance(each, Do) for each in new.fixes)


def janus_files(ip: str) -> tuple[Observation, ...]:
    websockets = "/etc/janus/janus.transport.websockets.jcfg"
    lines = (("ws", "true"), ("ws_port", "8188"), ("ws_ip", ip))
    return tuple(
        said("janus", key, value, line=line, file=websockets, section="general")
        for line, (key, value) in enumerate(lines, 4)
    )


def test_by_its_files_the_very_line_is_named() -> None:
    seen = (*janus_files(PUBLIC), tcp(PUBLIC_OTHER, 8188), program("janus", "1.3.2-1"))
    assert causes(*seen) == {"listening-on-other-address"}
    only = found("listening-on-other-address", *HOST, *seen)
    (fix,) = only.fixes
    assert isinstance(fix, Set)
    assert (fix.op, fix.key, fix.line, only.line) == ("remove", "ws_ip", 6, 6)
    assert causes(*janus_files(PUBLIC), tcp(PUBLIC, 8188)) == set()


def test_janus_takes_every_address_where_its_own_is_not_here() -> None:
    seen = (*janus_files("10.5.5.5"), tcp("0.0.0.0", 8188))
    assert causes(*seen) == {"listening-on-other-address"}
    assert "does not listen at 10.5.5.5:8188/tcp" in words("listening-on-other-address", *HOST, *seen)
    assert causes(tcp("0.0.0.0", 8188), expected(address="10.5.5.5", port=8188)) == set()
    assert causes(*janus_files("10.5.5.5"), tcp("10.5.5.5", 8188)) == set()  # ip_nonlocal_bind


def test_janus_over_http_is_bound_as_it_is_told() -> None:
    http = "/etc/janus/janus.transport.http.jcfg"
    lines = (("http", "true"), ("port", "8088"), ("ip", PUBLIC))
    files = [said("janus", *each, file=http, section="general") for each in lines]
    only = found("listening-on-other-address", *HOST, *files, tcp(PUBLIC_OTHER, 8088))
    assert not any("ws_ip" in str(each) for each in only.fixes)


def test_a_name_with_ipv6_wants_a_program_that_takes_it() -> None:
    """Of what configuration says; with --expect somebody may mean IPv4."""
    aaaa = Resolved(name="meet.example.test", family=6, by="dns", addresses=(PUBLIC6,))
    files = (*janus_files("")[:2], aaaa)
    only = found("listening-on-other-address", *HOST, *files, tcp(port=8188))
    assert only.severity is Severity.WARNING
    assert judged("listening-on-other-address", *HOST, *files, tcp("::", 8188, v6only=False)) is CLEAR
    elsewhere = Resolved(name="meet.example.test", family=6, by="dns", addresses=("2001:db8:e::1",))
    assert judged("listening-on-other-address", *HOST, *files[:2], elsewhere, tcp(port=8188)) is CLEAR
    assert judged("listening-on-other-address", *HOST, tcp(), expected(), aaaa) is CLEAR


# --- answers


def exchange(asked: str, answered: str | None, **more: Any) -> OwnExchange:
    return OwnExchange(proto="udp", endpoint=asked, local=f"{PUBLIC}:50000", answered_from=answered, **more)


SOURCE = SourceAddress(towards="192.0.2.1", local=PUBLIC)


def test_an_answer_from_another_address() -> None:
    there = (listening(port=3478, process="turnserver"), expected("udp", port=3478), SOURCE)
    files = (file("coturn", lines=12), said("coturn", "realm", "example.test"))
    wrong = exchange(f"{PUBLIC_OTHER}:3478", f"{PUBLIC}:3478", failure=Failure.WRONG_SENDER)
    only = found("wildcard-answers-from-other-address", *HOST, *there, *files, wrong)
    assert [(each.text, each.line) for each in only.fixes if isinstance(each, Set)] == [
        (f"listening-ip={each}", 12) for each in (PUBLIC, PUBLIC_OTHER, PUBLIC6)
    ]


@pytest.mark.parametrize(
    "seen",
    [
        exchange(f"{PUBLIC_OTHER}:3478", f"{PUBLIC_OTHER}:3478"),
        exchange(f"{PUBLIC_OTHER}:3478", None, failure=Failure.TIMEOUT),
        exchange(f"{PUBLIC}:3478", f"{PUBLIC_OTHER}:3478"),
        exchange(f"{INNER}:3478", f"{PUBLIC}:3478"),
    ],
    ids=["right", "silent", "what strangers hear from anyway", "an inner address of another interface"],
)
def test_an_answer_that_strangers_take(seen: OwnExchange) -> None:
    there = (own(INNER, "eth1"), listening(port=3478), expected("udp", port=3478), SOURCE)
    assert judged("wildcard-answers-from-other-address", *HOST, *there, seen) is CLEAR


# --- containers


def test_a_published_port_is_there() -> None:
    assert causes(published(), expected("udp", port=10000, program="jvb")) == set()
    assert causes(*docker(), published()) == set()


def test_a_dead_container_takes_no_connection() -> None:
    dead = published("tcp", 8443, f"{CONTAINER}:443", answers=False)
    wanted = expected(port=8443, program="nginx")
    assert causes(dead, wanted) == {"not-listening"}
    assert f"{CONTAINER}:443 is closed" in words("not-listening", *HOST, dead, wanted)


def test_a_stack_that_is_stopped_is_one_finding() -> None:
    assert causes(*docker()) == {"not-listening"}


def test_a_port_that_is_published_under_another_number() -> None:
    others = published("tcp", 8000, f"{CONTAINER}:80")
    seen = (*docker(), *WEB_SERVICE, others)
    otherwise = published(port=20000, to=f"{CONTAINER}:10000")
    assert causes(*seen) == {"port-not-published"}
    assert "published as 0.0.0.0:20000, and not as port 10000/udp" in words(
        "port-not-published", *HOST, *seen, otherwise
    )
    down = words("port-not-published", *HOST, *seen)  # the compose file has it: there is nothing to write into it
    assert "is in ports of docker-compose.yml, and nothing on this host leads there" in down
    mended = str(found("port-not-published", *HOST, *seen).fixes)
    assert "docker compose up -d" in mended
    assert "Publish it" not in mended


def test_a_media_port_that_leads_to_another_number() -> None:
    crossed = published(port=12000, to=f"{CONTAINER}:10000")
    assert causes(*docker("12000"), crossed) == {"port-not-published"}


def test_published_for_this_host_alone() -> None:
    near = published(address="127.0.0.1")
    assert causes(*docker(), near) == {"loopback-only"}


def test_without_a_userland_proxy_the_packet_filter_passes_it_on() -> None:
    led = Passage(
        proto="udp", port=10000, port_end=10000, address=PUBLIC, family=4, outcome="accept", to=f"{CONTAINER}:10000"
    )
    assert causes(*docker(), led) == set()
    hidden = PacketFilter(manager="nftables", failure=Failure.PERMISSION_DENIED)
    assert causes(*docker(), *WEB_SERVICE, hidden) == set()
    assert isinstance(judged("port-not-published", *HOST, *docker(), hidden), CouldNotTell)
