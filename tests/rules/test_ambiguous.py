"""What one client cannot tell apart, group by group, and which facts of other vantages decide.

The groups are those of common reports: silence from everywhere (1, 9, 12), this network or the server's choice (2),
what is advertised (3, 4), no bridge (5), a relay that refuses (6, 7) or loses (8), large packets (10), translated
senders (11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from natprobe.facts import Candidate, Sockets
from natprobe.model import Alternative, Finding, Observation, Target
from tests.configured import observed
from tests.made import PAGE, RELAY_HOST, TURN, WEB, named, refused, relay, saw, silent
from tests.made_server import SERVER, expected, own
from tests.made_states import (
    CLOSED,
    INNER,
    OPEN,
    READY,
    STATES,
    STRANGER,
    Given,
    came,
    client,
    good,
    held,
    inspect,
    routed,
    together,
    watch,
)

BY_NAME = {each.name: each for each in STATES}
JITSI = Target(input=PAGE.input, host=PAGE.host, port=443, kind="jitsi")


class Row(NamedTuple):
    """A member of a group: its reports, and the cause that stands first."""

    group: int
    given: Sequence[Given]
    cause: str


def of(state: str, group: int, cause: str) -> Row:
    return Row(group, BY_NAME[state].given, cause)


ROWS = (
    # 1: silent UDP from everywhere
    of("cloud", 1, "cloud-firewall"),
    of("one-to-one-closed", 1, "cloud-firewall"),
    of("input-drop", 1, "firewall-closed"),
    of("not-forwarded", 1, "port-not-forwarded"),
    of("wrong-target-dead", 1, "forwarded-elsewhere"),
    of("wrong-protocol", 1, "port-not-forwarded"),  # a balancer of TCP alone
    of("closed-silent", 1, "not-listening"),
    # 2: this network shuts the port, or the server lets in some
    of("blocked-here-watched", 2, "media-port-blocked-here"),
    of("some-sources", 2, "firewall-closed"),
    of("answers-blocked-here", 2, "media-port-blocked-here"),
    # 9: from inside alone
    of("hairpin", 9, "hairpin-missing"),
    of("hairpin-watched", 9, "hairpin-missing"),
    Row(9, (client(outside=f"{WEB}:41000"), routed(), watch()), "not-listening"),
    # 12: the wrong target
    of("wrong-target-refuses", 12, "forwarded-elsewhere"),
    of("wrong-port", 12, "forwarded-elsewhere"),
    Row(12, (client(CLOSED), inspect(*READY)), "cloud-firewall"),
    # 11: whom the server sees: a sender that it was translated to is nobody's proof of anything
    Row(11, (client(), inspect(held(), OPEN), watch(came("172.18.0.1:5000", answered=9))), "media-port-silent"),
    Row(11, (client(), inspect(held(), OPEN), watch(came(STRANGER, answered=9))), "media-port-blocked-here"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.group}-{row.cause}")
def test_the_group_is_told_apart(row: Row) -> None:
    assert together(row.given).findings[0].cause == row.cause


def test_without_the_server_the_whole_group_looks_the_same() -> None:
    silent_ones = [each for each in ROWS if each.group == 1 and each.given[0].facts == client().facts]
    told = [together(each.given[:1]).findings[0] for each in silent_ones]
    assert len(silent_ones) >= 5
    assert len({(each.cause, each.message, each.alternatives) for each in told}) == 1


# --- where the server's own finding says which


def narrowed(cause: str, *given: Given) -> tuple[Finding, list[str]]:
    """The client's finding, and the causes that it leaves open."""
    (found,) = [each for each in together(given).findings if each.cause == cause]
    return found, [each.cause for each in found.alternatives]


def report(target: Target, *seen: Observation) -> Given:
    return Given("check", "client", seen, target)


REFUSED = report(TURN, named("203.0.113.40", name=RELAY_HOST), relay(), saw(), refused(401, realm=RELAY_HOST))
PRIVATE = report(
    JITSI,
    named(WEB),
    saw(),
    Candidate(endpoint=f"{INNER}:10000", transport="udp"),
    silent(f"{INNER}:10000"),
)
JVB, COTURN = "/etc/jitsi/videobridge/jvb.conf", "/etc/turnserver.conf"
PROSODY = "/etc/prosody/conf.d/meet.cfg.lua"
EQUAL = {
    JVB: f"""ice4j.harvest.mapping.static-mappings = [
  {{ local-address = "{INNER}", public-address = "{INNER}" }}
]
"""
}
SIGNS = f"""VirtualHost "meet.example.test"
external_service_secret = "ours"
external_services = {{ {{ type = "turn", host = "{RELAY_HOST}", port = 3478, transport = "udp", secret = true }} }}
"""
SECRETS = {COTURN: f"use-auth-secret\nstatic-auth-secret=theirs\nrealm={RELAY_HOST}\n", PROSODY: SIGNS}
MODES = {COTURN: f"lt-cred-mech\nuser=webrtcuser:word\nrealm={RELAY_HOST}\n", PROSODY: SIGNS}


@pytest.mark.parametrize(
    ("group", "cause", "asked", "server", "left"),
    [
        (3, "private-address-advertised", PRIVATE, EQUAL, "mapping-local-equals-public"),
        (6, "turn-unauthorized", REFUSED, SECRETS, "turn-secret-mismatch"),
        (6, "turn-unauthorized", REFUSED, MODES, "turn-auth-mode-conflict"),
    ],
)
def test_the_servers_word_leaves_one(
    group: int, cause: str, asked: Given, server: dict[str, str | bytes | int], left: str
) -> None:
    alone, many = narrowed(cause, asked)
    assert len(many) > 1
    assert left in many
    files = tuple(observed(server, ("files",)))
    found, few = narrowed(cause, asked, Given("inspect", "server", (own(INNER), *files), SERVER))
    assert few == [left]
    assert isinstance(found.alternatives[0], Alternative)
    assert found.alternatives[0].ask.startswith("the server's own report says so: ")
    assert set(found.evidence) > set(alone.evidence)


def test_what_is_asked_of_another_port_decides_nothing() -> None:
    """The server's own finding is about its web port, and the client fails at the media port."""
    web = (expected(port=443), Sockets(listening=3), held(), OPEN)
    report = together((client(), inspect(*web, sockets=False)))
    silence = next(each for each in report.findings if each.cause == "media-port-silent")
    assert "media-port-blocked-here" in {each.cause for each in silence.alternatives}
    assert "not-listening" in {each.cause for each in report.findings}


def test_a_healthy_call_is_not_made_worse_by_what_the_server_could_not_see() -> None:
    given = (good(), inspect(held(), sockets=False))
    assert together(given).verdict.status == "good"
