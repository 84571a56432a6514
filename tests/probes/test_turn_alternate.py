"""300 Try Alternate: followed as browsers follow it, twice at most, and to no inner door."""

from __future__ import annotations

import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import Allocation, Relayed, TlsSession
from natprobe.model import Failure, Report
from natprobe.target import parse
from tests.lab import check
from tests.lab.build import Lab
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.turn_server import TurnServer as Double
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.relaying import ALICE, HEALTHY, NAME, TARGETS, answering, asked, but, odd, took
from tests.probes.seen import of

INNER = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "100.64.0.1", "::1", "fd00::1"]


def redirecting(lab: Lab, port: int, to: tuple[str, int], *, known: bool = False) -> str:
    """The target of a server on this port of stun1 that sends its clients there."""
    users = {"alice": "not hers"} if not known else {ALICE.username: ALICE.password}
    return odd(lab, answering(Double(users=users, redirect=to, redirects_known=known)), port)


def reported(lab: Lab, target: str) -> Report:
    session = check.session(lab, target, access=ALICE)
    return diagnose(parse(target).target, session.observations, [session.source])


@pytest.mark.parametrize("known", [False, True], ids=["everybody", "who is known"])
def test_it_is_followed_and_used(known: bool) -> None:
    lab = lab_of(relay=HEALTHY)
    target = redirecting(lab, 5000, (at.RELAY, at.TURN_PORT), known=known)
    seen, seconds = took(lab, target)
    first, second = of(seen, Allocation)
    assert (first.error_code, first.alternate) == (300, f"{at.RELAY}:{at.TURN_PORT}")
    assert (second.server, second.host, second.failure) == (first.alternate, first.host, None)
    assert {each.failure for each in of(seen, Relayed)} == {None}
    assert {each.flow for each in of(seen, Relayed)} == {second.flow}
    assert seconds < 0.6
    assert lab.relay is not None
    assert lab.relay.allocations == []


def test_the_path_is_that_of_where_it_ends() -> None:
    lab = lab_of(relay=HEALTHY)
    report = reported(lab, redirecting(lab, 5000, (at.RELAY, at.TURN_PORT)))
    (path,) = [each for each in report.paths if each.name == "turn-udp"]
    assert (path.status, len(path.attempts), report.findings) == ("open", 1, ())
    assert report.verdict.status == "good"


def test_what_is_wrong_there_is_told() -> None:
    lab = lab_of(relay=but(state="full"))
    report = reported(lab, redirecting(lab, 5000, (at.RELAY, at.TURN_PORT)))
    assert [each.cause for each in report.findings] == ["turn-capacity"]
    assert [each.status for each in report.paths if each.name == "turn-udp"] == ["blocked"]


def test_two_hops_and_no_third() -> None:
    lab = lab_of()
    target = redirecting(lab, 5000, (at.STUN1, 5001))
    for port in (5001, 5002, 5003):
        redirecting(lab, port, (at.STUN1, port + 1))
    servers = [each.server for each in of(asked(lab, target), Allocation)]
    assert servers == [f"{at.STUN1}:{port}" for port in (5000, 5001, 5002)]
    path = next(each for each in reported(lab, target).paths if each.name == "turn-udp")
    assert (path.status, path.reason) == ("unknown", "relay-redirects")


@pytest.mark.parametrize("there", [(at.STUN1, 5000), (at.STUN2, 5000)], ids=["itself", "each other"])
def test_a_ring_is_walked_once(there: tuple[str, int]) -> None:
    lab = lab_of()
    target = redirecting(lab, 5000, there)
    if there[0] != at.STUN1:
        double = answering(Double(users={}, redirect=(at.STUN1, 5000)))

        def arrived(udp: object, datagram: object) -> None:
            for each in double(datagram.data, datagram.source):  # type: ignore[attr-defined]
                udp.send(each, datagram.source)  # type: ignore[attr-defined]

        lab.servers["stun2"].serve_udp(at.STUN2, 5000, arrived)
    servers = [each.server for each in of(asked(lab, target), Allocation)]
    assert servers == list(dict.fromkeys([f"{at.STUN1}:5000", f"{there[0]}:5000"]))
    path = next(each for each in reported(lab, target).paths if each.name == "turn-udp")
    assert (path.status, path.reason) == ("blocked", "relay-redirects-in-ring")


@pytest.mark.parametrize("address", INNER)
def test_no_inner_door_is_knocked_at(address: str) -> None:
    lab = lab_of()
    target = redirecting(lab, 5000, (address, 3478))
    (one,) = of(asked(lab, target), Allocation)
    assert one.alternate is not None
    sent = [each.packet.destination[0] for each in lab.network.log if each.node == "client"]
    assert address not in sent


def test_no_port_is_no_server() -> None:
    lab = lab_of()
    assert len(of(asked(lab, redirecting(lab, 5000, (at.STUN2, 0))), Allocation)) == 1


def test_over_tls_the_name_of_the_uri_counts() -> None:
    """Where a 300 sends to has to show a certificate for whom the user named."""
    lab = lab_of(relay=HEALTHY)
    double = Double(users={}, redirect=(at.RELAY, at.TURNS_PORT))

    async def front(stream: object) -> None:
        inside = ServerTls(stream, server_context("good", "stun1.example.test"))  # type: ignore[arg-type]
        await inside.handshake()
        while data := await inside.read():
            if answer := double.receive(data):
                await inside.write(answer)

    lab.servers["stun1"].listen(5000, front)
    seen = asked(lab, "turns:stun1.example.test:5000")
    first, second = [each for each in of(seen, Allocation) if not each.offered]
    assert (first.error_code, second.failure) == (300, Failure.TLS_CERTIFICATE)
    assert {each.name for each in of(seen, TlsSession)} == {"stun1.example.test"}
    assert NAME not in {each.name for each in of(seen, TlsSession)}
    assert lab.relay is not None
    assert [each for each in lab.relay.clients.values() if each.server.seen] == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_whoever_breaks_off_leaves_nothing(transport: str) -> None:
    from tests.probes.test_turn import interrupted

    for after in (0.05, 0.1, 0.15, 0.2, 0.3):
        lab = lab_of(relay=but(state="redirects", range="closed"))
        assert interrupted(lab, TARGETS[transport], after) < 1.0
        assert lab.relay is not None
        assert [each for each in lab.relay.allocations if each.socket] == []
