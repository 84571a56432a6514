"""Media ports of a session: in the right role, to what is advertised and to what is not, each proven by a signature."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.facts import IceCheck, Stray
from natprobe.model import Failure
from natprobe.net.api import Datagram
from natprobe.pairing import IceCredentials
from natprobe.probes import media
from natprobe.wire import stun
from tests.case import Network
from tests.lab import misbehaving
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.sockets import Handler, LabUdp
from tests.netns import addresses as at
from tests.probes.bridging import DIRECT, bridge_at, facts_of, fate, offered, over_tcp, path, report
from tests.probes.seen import floods, hangs, says, shuts

HERE, PORT = (at.WEB, at.MEDIA_UDP), at.MEDIA_UDP
KEYS = IceCredentials(ufrag="k7f0qz9d", password="a password of the bridge's")
KEY = KEYS.password.encode()


def plain_lab() -> Lab:
    return lab_of(network=Network(mapping="none", filtering="endpoint-independent"))


def refusing(code: int, *, signed: bool = False) -> Handler:
    def handler(udp: LabUdp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        udp.send(stun.error(request, code, "No", key=KEY if signed else None), datagram.source)

    return handler


def wanting(role: str) -> Handler:
    """487 for whoever has another role."""

    def handler(udp: LabUdp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        if role in request.attributes:
            udp.send(stun.response(request, key=KEY, XOR_MAPPED_ADDRESS=datagram.source), datagram.source)
        else:
            udp.send(stun.error(request, 487, "Role Conflict", key=KEY), datagram.source)

    return handler


class TestRoles:
    def test_a_bridge_is_controlling_and_its_role_is_left_to_it(self) -> None:
        lab = plain_lab()
        bridge, keys = bridge_at(lab.servers["web"], HERE)
        made = report(lab, keys)
        assert fate(made) == ("open", None, "ice")
        assert {each.tries for each in facts_of(made, IceCheck)} == {1}
        assert {agent.controlling for agent in bridge.agents.values()} == {True}

    @pytest.mark.parametrize("role", ["ICE-CONTROLLED", "ICE-CONTROLLING"])
    def test_487_is_answered_once_in_the_other_role(self, role: str) -> None:
        lab = plain_lab()
        lab.servers["web"].serve_udp(*HERE, misbehaving.modern(wanting(role)))
        made = report(lab, KEYS)
        assert fate(made) == ("open", None, "ice")
        assert [each.error_code for each in facts_of(made, IceCheck)] == [None, None]

    def test_whoever_conflicts_with_both_refuses(self) -> None:
        lab, seen = plain_lab(), []

        def never(udp: LabUdp, datagram: Datagram) -> None:
            seen.append(stun.decode(datagram.data).message)
            refusing(487)(udp, datagram)

        lab.servers["web"].serve_udp(*HERE, misbehaving.modern(never))
        made = report(lab, KEYS)
        assert fate(made) == ("blocked", "check-refused", None)
        assert {each.error_code for each in facts_of(made, IceCheck)} == {487}
        assert len(seen) == 4


def checking(role: str) -> Handler:
    """Whoever is asked asks back, as a media server does whose session knows our credentials."""
    answer = wanting(role)

    def handler(udp: LabUdp, datagram: Datagram) -> None:
        before, after = (
            stun.ice_check(bytes([number] * 12), user="ours:theirs", password="of nobody's", tie_breaker=1)
            for number in (1, 2)
        )
        udp.send(before, datagram.source)
        answer(udp, datagram)
        udp.send(after, datagram.source)

    return handler


def test_the_media_servers_own_checks_are_no_strays() -> None:
    lab = plain_lab()
    keys = msgspec.structs.replace(KEYS, controls=False)
    lab.servers["web"].serve_udp(*HERE, misbehaving.modern(checking("ICE-CONTROLLING")))
    made = report(lab, keys)
    assert fate(made) == ("open", None, "ice")
    assert {each.tries for each in facts_of(made, IceCheck)} == {1}
    assert facts_of(made, Stray) == []


@pytest.mark.parametrize("code", [400, 401, 403, 420, 500])
@pytest.mark.parametrize("signed", [False, True])
def test_an_error_is_a_fact_and_no_proof(code: int, signed: bool) -> None:
    lab = plain_lab()
    lab.servers["web"].serve_udp(*HERE, misbehaving.modern(refusing(code, signed=signed)))
    made = report(lab, KEYS)
    assert fate(made) == ("blocked", "check-refused", None)
    expected = Failure.UNAUTHORIZED if code == 401 else Failure.ERROR_RESPONSE
    assert {(each.failure, each.error_code, each.verified) for each in facts_of(made, IceCheck)} == {
        (expected, code, False)
    }


class TestCandidates:
    def test_what_is_forced_counts_for_nothing_and_stands_as_evidence(self) -> None:
        lab = plain_lab()
        _, keys = bridge_at(lab.servers["web"], HERE)
        wrong = f"{at.STUN2}:{PORT}"  # its host says that the port is closed
        made = report(lab, keys, [offered(wrong), offered(advertised=False)])
        assert fate(made)[0] == "blocked"
        assert [each.endpoint for each in path(made).attempts] == [wrong]
        forced = [each for each in facts_of(made, IceCheck) if not each.advertised]
        assert {(each.endpoint, each.verified) for each in forced} == {(f"{at.WEB}:{PORT}", True)}

    def test_silent_inner_addresses_are_missed_only_where_nothing_else_is_offered(self) -> None:
        lab = plain_lab()
        _, keys = bridge_at(lab.servers["web"], HERE)
        inner = offered("10.99.0.5:10000")
        beside = report(lab, keys, [inner, offered()])
        assert fate(beside) == ("open", None, "ice")
        assert {each.endpoint: each.status for each in path(beside).attempts} == {
            "10.99.0.5:10000": "blocked",
            f"{at.WEB}:{PORT}": "open",
        }
        alone = report(plain_lab(), keys, [inner])
        assert fate(alone) == ("blocked", "no-reachable-candidate", None)

    def test_each_endpoint_once_by_the_first_session(self) -> None:
        lab = plain_lab()
        _, keys = bridge_at(lab.servers["web"], HERE)
        again = offered().__class__(endpoint=offered().endpoint, transport="udp", session="media/2")
        made = report(lab, keys, [again, offered(), offered(advertised=False)])
        assert [(each.verified, each.advertised) for each in facts_of(made, IceCheck)] == [(True, True)] * 2

    def test_a_guest_sends_few_packets(self) -> None:
        lab = plain_lab()
        many = [offered(f"203.0.113.{number}:10000") for number in range(100, 200)]
        checks = facts_of(report(lab, KEYS, many), IceCheck)
        assert len({each.endpoint for each in checks}) == media.PAIRS_MAX == 24

    def test_a_session_without_tcp_offers_none(self) -> None:
        lab = plain_lab()
        _, keys = bridge_at(lab.servers["web"], HERE)
        assert fate(report(lab, keys), "direct-tcp") == ("not-offered", "no-tcp-candidates", None)


class TestTcp:
    @pytest.mark.parametrize("transport", ["tcp", "ssltcp"])
    def test_an_old_bridge(self, transport: str) -> None:
        lab = plain_lab()
        web = lab.servers["web"]
        bridge, keys = bridge_at(web, HERE)
        web.listen(at.MEDIA_TCP, over_tcp(bridge, (at.WEB, at.MEDIA_TCP)))
        made = report(lab, keys, [offered(f"{at.WEB}:{at.MEDIA_TCP}", transport)])
        assert fate(made, "direct-tcp") == ("open", None, "ice")
        assert fate(made)[:2] == ("not-offered", "no-udp-candidates")

    @pytest.mark.parametrize(
        ("talk", "failure"),
        [
            (says(b"\x15\x03\x01\x00\x02\x02\x28"), Failure.PROTOCOL),
            (says(b"\x16\x03\x01\x00\x4a" + bytes(74)), Failure.PROTOCOL),
            (floods(bytes(3000)), Failure.PROTOCOL),
            (hangs, Failure.TIMEOUT),
            (shuts, Failure.CLOSED),
            (None, Failure.REFUSED),
        ],
    )
    def test_what_is_no_pseudo_tls(self, talk: object, failure: Failure) -> None:
        lab = plain_lab()
        if talk is not None:
            lab.servers["web"].listen(at.MEDIA_TCP, talk)  # type: ignore[arg-type]  # a Talk
        made = report(lab, KEYS, [offered(f"{at.WEB}:{at.MEDIA_TCP}", "ssltcp")], ("names", "tcp"))
        (check,) = facts_of(made, IceCheck)
        assert (check.failure, check.verified) == (failure, False)


@pytest.mark.parametrize("seed", range(50))
def test_loss_never_makes_an_open_port_blocked(seed: int) -> None:
    """15 % each way."""
    lab = lab_of(seed, network=Network(loss=0.15))
    _, keys = bridge_at(lab.servers["web"], HERE)
    assert path(report(lab, keys)).status != "blocked"


def test_it_takes_a_round_trip() -> None:
    lab = plain_lab()
    _, keys = bridge_at(lab.servers["web"], HERE)
    made = report(lab, keys, probes=DIRECT)
    began = max(each.at for each in made.observations if each.probe == "interfaces")
    ended = max(each.at for each in made.observations if each.probe == "media")
    rtt = max(each.rtt_ms for each in facts_of(made, IceCheck)) / 1000
    assert ended - began <= 1.1 * rtt + 0.001
