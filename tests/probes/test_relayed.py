"""The media server through relays: permitted or not, reached or not, and what the client would make of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from natprobe.asking.seats import seat
from natprobe.context import Context, Keep, Options
from natprobe.facts import Allocation, IceCheck, Permission
from natprobe.model import Failure, Report
from natprobe.pairing import IceCredentials
from natprobe.proxy import Proxy
from natprobe.target import turn_server
from tests.case import Network, Peer, Relay
from tests.lab import check
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.proxies import HttpProxy
from tests.netns import addresses as at
from tests.probes.bridging import bridge_at, facts_of, fate, invited, offered, path, report
from tests.probes.relaying import ALICE, HEALTHY, TARGETS, but
from tests.probes.seen import of, seen

HERE = (at.WEB, at.MEDIA_UDP)
PROBES = ("interfaces", "names", "turn", "media", "relayed", "tcp")
BRIDGE = offered()
UDP_SHUT = Network(udp="drop", udp_open=(at.TURN_PORT, at.TURNS_PORT))


def made(lab: Lab, transport: str = "tcp", candidates: Any = (BRIDGE,), **options: Any) -> Report:
    """Of a session, with this relay named by the user; its bridge answers on UDP 10000."""
    _, keys = bridge_at(lab.servers["web"], HERE)
    return report(lab, keys, candidates, PROBES, access=ALICE, turn=(turn_server(TARGETS[transport]),), **options)


@pytest.mark.parametrize("transport", TARGETS)
def test_the_bridge_answers_through_the_relay(transport: str) -> None:
    found = made(lab_of(relay=HEALTHY, network=UDP_SHUT), transport)
    assert fate(found)[:2] == ("blocked", "silence")
    assert fate(found, f"turn-{transport}") == ("open", None, "ice")
    (way,) = path(found, f"turn-{transport}").attempts
    assert (way.endpoint, way.large_up, way.family) == (f"{at.WEB}:{at.MEDIA_UDP}", True, 4)
    assert way.server is not None
    assert way.server.startswith("turn.example.test ")
    assert way.rtt_ms is not None
    (allocation,) = facts_of(found, Allocation)
    (permission,) = facts_of(found, Permission, "relayed")
    checks = facts_of(found, IceCheck, "relayed")
    assert {(each.server, each.leg, each.relayed) for each in checks} == {
        (allocation.server, transport, allocation.relayed)
    }
    assert {each.flow for each in (*checks, permission)} == {allocation.flow}
    assert {split_host(each.mapped) for each in checks} == {at.RELAY}


def split_host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0]


class TestWhatFails:
    def test_a_relay_that_forbids_the_bridge(self) -> None:
        found = made(lab_of(relay=but(state="denies")))
        assert fate(found, "turn-tcp") == ("blocked", "relay-forbids-media-server", None)
        (permission,) = facts_of(found, Permission, "relayed")
        assert permission.error_code == 403
        assert facts_of(found, IceCheck, "relayed") == []

    def test_a_bridge_that_is_silent_to_the_relay(self) -> None:
        found = made(lab_of(relay=HEALTHY, peer=Peer(udp="drop")))
        assert fate(found, "turn-tcp")[:2] == ("blocked", "media-server-silent")
        assert {each.tries for each in facts_of(found, IceCheck, "relayed")} == {9}

    @pytest.mark.parametrize("relay", [but(udp="drop", tcp="drop"), but(state="full"), but(tcp="refused")])
    def test_without_an_allocation_there_is_nothing_to_ask(self, relay: Relay) -> None:
        found = made(lab_of(relay=relay))
        assert facts_of(found, Permission, "relayed") == facts_of(found, IceCheck, "relayed") == []
        assert fate(found, "turn-tcp")[0] == "blocked"
        assert fate(found)[0] == "open"

    def test_the_wrong_password_of_the_session(self) -> None:
        lab = lab_of(relay=HEALTHY)
        _, keys = bridge_at(lab.servers["web"], HERE)
        other = keys.__class__(ufrag=keys.ufrag, password="x" * 26)
        found = report(lab, other, probes=PROBES, access=ALICE, turn=(turn_server(TARGETS["tcp"]),))
        assert fate(found, "turn-tcp")[:2] == ("blocked", "check-refused")
        checks = facts_of(found, IceCheck, "relayed")
        assert {(each.failure, each.error_code) for each in checks} == {(Failure.UNAUTHORIZED, 401)}


class TestWhatIsAsked:
    def test_four_advertised_addresses_of_its_own_family_public_ones_first(self) -> None:
        inner = [offered(f"10.99.0.{number}:10000") for number in range(1, 4)]
        outer = [offered(f"203.0.113.{number}:10000") for number in (120, 121)]
        six = offered("[2001:db8:f::10]:10000")
        forced = offered("203.0.113.130:10000", advertised=False)
        found = made(lab_of(relay=HEALTHY), candidates=[*inner, forced, six, *outer, offered()])
        asked = [split_host(each.peer) for each in facts_of(found, Permission, "relayed")]
        assert len(asked) == 4
        assert {"203.0.113.120", "203.0.113.121", at.WEB} < set(asked)
        assert "203.0.113.130" not in asked
        assert fate(found, "turn-tcp") == ("open", None, "ice")

    def test_an_allocation_is_given_back_afterwards(self) -> None:
        lab = lab_of(relay=HEALTHY)
        made(lab)
        assert lab.relay is not None
        assert lab.relay.allocations == []

    def test_a_serve_peer_through_a_relay_too(self) -> None:
        lab = lab_of(relay=HEALTHY, peer=Peer(runs=True), network=UDP_SHUT)
        found = seen(
            lab,
            lab.peer_target,
            ("interfaces", "names", "peer", "turn", "media", "relayed"),
            stun=(),
            access=ALICE,
            turn=(turn_server(TARGETS["tls"]),),
        )
        checks = of(found, IceCheck, "relayed")
        assert [each.verified for each in checks] == [True, True]


class TestAParticipantForEachLeg:
    """With --deep."""

    def found(self, good: str, address: str) -> Report:
        """Only the credentials of `good` are right, and the leg's own participant is offered this address."""
        lab = lab_of(relay=HEALTHY)
        _, keys = bridge_at(lab.servers["web"], HERE)
        wrong = IceCredentials(ufrag="stranger9", password="x" * 26)
        own, first = (keys, wrong) if good == "own" else (wrong, keys)
        offered_to = {f"waiting/{number}": invited(own, address) for number in (3, 4, 5)}
        kept = offered_to | {f"media/{number}": own for number in (3, 4, 5)}
        turn = tuple(turn_server(each) for each in TARGETS.values())
        return report(lab, first, (BRIDGE,), PROBES, access=ALICE, turn=turn, deep=True, kept=kept)

    @pytest.mark.parametrize("leg", ["udp", "tcp", "tls"])
    def test_its_own_credentials_where_its_offer_names_the_address(self, leg: str) -> None:
        assert fate(self.found("own", at.WEB), f"turn-{leg}") == ("open", None, "ice")

    @pytest.mark.parametrize("leg", ["udp", "tcp", "tls"])
    def test_the_first_ones_where_the_focus_chose_another_bridge(self, leg: str) -> None:
        assert fate(self.found("first", at.STUN2), f"turn-{leg}") == ("open", None, "ice")


@pytest.mark.parametrize(
    ("let_in", "seats"),
    [
        (5, {"tls": 3, "tcp": 4, "udp": 5}),
        (4, {"tls": 3, "tcp": 4, "udp": 1}),
        (3, {"tls": 3, "tcp": 1, "udp": 5}),
        (2, {"tls": 1, "tcp": 4, "udp": 5}),
    ],
)
def test_the_first_participant_stands_in_for_one(let_in: int, seats: dict[str, int]) -> None:
    """One session has one path: behind the first kind of leg without a participant the others have none."""
    keys, keep = IceCredentials(ufrag="a", password="b"), Keep()
    for number in range(1, let_in + 1):
        keep.put(f"waiting/{number}", invited(keys, at.WEB))
    ctx = cast(Context, SimpleNamespace(keep=keep, options=Options(deep=True)))
    assert {leg: seat(ctx, leg) for leg in seats} == seats
    assert (seat(ctx, None), seat(ctx, "dtls")) == (2, 1)


@pytest.mark.parametrize("transport", ["udp", "tls"])
@pytest.mark.parametrize("seed", range(50))
def test_loss_never_makes_an_open_way_blocked(seed: int, transport: str) -> None:
    """15 % each way on the client's side."""
    found = made(lab_of(seed, relay=HEALTHY, network=Network(loss=0.15)), transport)
    for name in ("direct-udp", f"turn-{transport}"):
        assert path(found, name).status != "blocked", path(found, name)


@pytest.mark.parametrize("transport", TARGETS)
def test_it_takes_two_round_trips(transport: str) -> None:
    """A permission, and the check through the relay, which has its own way to the bridge."""
    found = made(lab_of(relay=HEALTHY), transport)
    ended = {name: max(each.at for each in found.observations if each.probe == name) for name in ("turn", "relayed")}
    permission = max(each.rtt_ms for each in facts_of(found, Permission, "relayed")) / 1000
    through = max(each.rtt_ms for each in facts_of(found, IceCheck, "relayed")) / 1000
    assert ended["relayed"] - ended["turn"] <= 1.1 * (permission + through) + 0.001


def test_nobody() -> None:
    """Without a relay there is nothing to do."""
    lab = lab_of()
    _, keys = bridge_at(lab.servers["web"], HERE)
    found = report(lab, keys, probes=PROBES, access=check.NOBODY)
    assert facts_of(found, Permission) == []


class TestThroughAProxy:
    PROBES = ("interfaces", "proxies", "names", "turn", "media", "relayed", "tcp")

    @pytest.mark.parametrize("transport", ["tcp", "tls"])
    def test_the_bridge_answers_through_the_relay_behind_it(self, transport: str) -> None:
        """Two legs to one relay: each with the checks that went through it."""
        lab = lab_of(relay=HEALTHY, network=UDP_SHUT)
        HttpProxy(net=lab.servers["stun2"], ports=None).listen()
        _, keys = bridge_at(lab.servers["web"], HERE)
        turn = (turn_server(TARGETS[transport]),)
        proxy = Proxy(scheme="http", host=at.STUN2, port=3128)
        found = report(lab, keys, (BRIDGE,), self.PROBES, access=ALICE, turn=turn, proxy=proxy)
        assert fate(found, f"turn-{transport}-proxy") == ("open", None, "ice")
        (way,) = path(found, f"turn-{transport}-proxy").attempts
        assert (way.via, way.endpoint, way.large_up) == (proxy.shown, f"{at.WEB}:{at.MEDIA_UDP}", True)
        straight = path(found, f"turn-{transport}")
        assert (straight.status, straight.usable, straight.reason) == ("open", False, "browser-uses-proxy")
        flows = {each.relayed: each.flow for each in facts_of(found, Allocation)}
        checks = facts_of(found, IceCheck, "relayed")
        assert {(each.relayed, each.flow) for each in checks} == set(flows.items())
        assert len(flows) == 2
