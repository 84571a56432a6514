"""The routers nearest to us in the lab, with loss, silence and lies: what is not so is never said."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import pytest

from natprobe.asking.trace import trace
from natprobe.context import Context, Options
from natprobe.facts import Facts, Hop, Opening, RouterAnswer
from natprobe.model import Failure, split
from natprobe.net.api import Datagram, Net
from natprobe.net.natpmp import outside_address
from natprobe.rules import CouldNotTell, rules
from natprobe.target import parse
from natprobe.wire import natpmp, stun
from tests.case import Case, Expect, Network
from tests.lab.build import Lab, build
from tests.lab.check import observed
from tests.lab.client import lab_of
from tests.lab.nat import Nat, trim
from tests.lab.network import Icmp, Packet
from tests.netns import addresses as at

PROBES = ("interfaces", "names", "mapping", "hops")
HOME, CARRIER, CORE = "192.168.1.1", "100.64.0.1", "203.0.113.1"


class Script:
    """A net with one socket, to which answers come from wherever `sources` say."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.sources = answer, list[tuple[str, int]]()

    def udp(self, *_: object) -> Any:
        return self

    def send(self, *_: object) -> None:
        pass

    async def receive(self) -> Datagram:
        if not self.sources:
            await asyncio.sleep(3600)
        return Datagram(self.answer, self.sources.pop(), 0.0)

    def close(self) -> None:
        pass


def measured(lab: Lab, **options: Any) -> Facts:
    return Facts(parse(at.TARGET).target, observed(lab, probes=PROBES, **options))


def seen(facts: Facts) -> list[tuple[str | None, bool]]:
    return [(each.address, each.reached) for each in facts.of(Hop)]


def judged(facts: Facts, cause: str) -> Any:
    return next(each.module.check(facts) for each in rules() if each.cause.name == cause)


@pytest.mark.parametrize(
    ("network", "routers"),
    [
        (Network(), [HOME, CORE]),
        (Network(second="nat"), [HOME, at.SECOND_ROUTER, CORE]),
        (Network(second="routed"), [HOME, at.SECOND_ROUTER, CORE]),
        (Network(carrier=True), [HOME, CARRIER, CORE]),
        (Network(second="nat", carrier=True), [HOME, at.SECOND_ROUTER, CARRIER, CORE]),
        (Network(mapping="none", carrier=True), ["100.64.0.3", CARRIER, CORE]),
    ],
)
def test_every_router_is_named_in_order_and_nothing_beyond_the_server(network: Network, routers: list[str]) -> None:
    facts = measured(lab_of(network=network))
    (server,) = {each.towards for each in facts.of(Hop)}
    assert seen(facts) == [*((each, False) for each in routers), (split(server)[0], True)]
    assert all(each.icmp == "11/0" and each.tries == 1 for each in facts.of(Hop) if not each.reached)


@pytest.mark.parametrize("network", [Network(mapping="none"), Network(tunnel="all"), Network(local="udp-refused")])
def test_where_there_is_no_nat_to_look_for_nothing_is_sent(network: Network) -> None:
    """A public address, a tunnel; and where this machine would not send there is nothing to say."""
    assert measured(lab_of(network=network)).of(Hop) == []


def test_systems_that_hear_nothing_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_of(network=Network(second="nat"))
    monkeypatch.setattr(lab.client, "system", lambda: "darwin")
    assert measured(lab).of(Hop) == []


def test_silent_routers_are_facts_and_signs_of_nothing() -> None:
    facts = measured(lab_of(network=Network(second="nat", carrier=True, silent_routers=True, router_tells=True)))
    assert [each.failure for each in facts.of(Hop)] == [Failure.TIMEOUT] * 4 + [None]
    assert all(each.tries == 2 and each.address is None for each in facts.of(Hop)[:4])
    assert facts.of(RouterAnswer) == []


@pytest.mark.parametrize("network", [Network(), Network(filtering="endpoint-independent"), Network(mapping="none")])
def test_where_the_hops_leave_no_question_the_router_is_not_asked(network: Network) -> None:
    lab = lab_of(network=network)
    measured(lab)
    assert [each for each in lab.network.log if each.packet.destination[1] == natpmp.PORT] == []


@pytest.mark.parametrize("tells", [False, True])
def test_only_our_own_router_is_asked_and_once(tells: bool) -> None:
    lab = lab_of(network=Network(second="nat", router_tells=tells))
    facts = measured(lab)
    asked = [each for each in lab.network.log if each.fate == "sent" and each.packet.destination[1] == natpmp.PORT]
    assert [each.packet.destination[0] for each in asked] == [HOME]
    (answer,) = facts.of(RouterAnswer)
    assert answer.outside == (at.SECOND_OUTSIDE if tells else None)
    assert answer.failure is (None if tells else Failure.PORT_UNREACHABLE)


def test_a_healthy_run_does_not_wait_for_it() -> None:
    """Silence costs a quarter of a second, less than what filtering waits beside it."""
    for network in (Network(), Network(silent_routers=True), Network(second="nat", router_tells=True)):
        lab = lab_of(network=network)
        began = lab.clock.now
        observed(lab, probes=("interfaces", "names", "hops"))
        assert lab.clock.now - began < 0.33


@pytest.mark.parametrize("network", [Network(loss=0.15), Network(second="routed", loss=0.15)])
def test_loss_makes_no_second_nat(network: Network) -> None:
    for seed in range(40):
        facts = measured(lab_of(seed, network=network))
        assert {each.address for each in facts.ok(Hop)} <= {HOME, at.SECOND_ROUTER, CORE, at.STUN1, at.STUN2}
        assert not isinstance(judged(facts, "double-nat"), list)
        assert not isinstance(judged(facts, "carrier-nat"), list)


def test_loss_seldom_hides_one() -> None:
    network = Network(second="nat", router_tells=True, loss=0.15)
    found = [judged(measured(lab_of(seed, network=network)), "double-nat") for seed in range(40)]
    assert sum(isinstance(each, list) for each in found) >= 25


def test_a_routed_network_and_two_nats_look_the_same() -> None:
    """Why the router's own word is asked for: everything else is equal, to the last field but ports and times."""
    one, other = (measured(lab_of(network=Network(second=second))) for second in ("nat", "routed"))
    assert seen(one) == seen(other)
    assert type(judged(one, "double-nat")) is type(judged(other, "double-nat"))


@pytest.mark.parametrize(
    "lie",
    [b"", b"\x00\x80", bytes(12), b"\x02\x80" + bytes(10), natpmp.encode(at.SECOND_OUTSIDE) + b"x", bytes(5000)],
)
def test_a_router_that_talks_nonsense_proves_nothing(lie: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.lab.router.natpmp.encode", lambda _outside: lie)
    facts = measured(lab_of(network=Network(second="nat", router_tells=True)))
    assert [each.outside for each in facts.of(RouterAnswer)] == [None]
    assert not isinstance(judged(facts, "double-nat"), list)


def test_only_the_routers_own_answer_counts() -> None:
    """Somebody else's, sent in time to the very socket, is none."""
    lab = lab_of()
    strangers, port = Script(natpmp.encode("10.1.2.3")), natpmp.PORT
    for source, outside in (((HOME, port), "10.1.2.3"), ((HOME, 1900), None), (("192.168.1.66", port), None)):
        strangers.sources = [source]
        told = lab.clock.run(outside_address(cast("Net", strangers), at.LAN_CLIENT, HOME))
        assert told.address == outside


def test_the_sender_serves_any_request_and_any_hops() -> None:
    """What a later question may use it for: another payload, some hops only."""
    lab = lab_of(network=Network(second="nat"))
    ctx = Context(
        target=parse(at.TARGET).target,
        options=Options(),
        net=lab.client,
        host=lab.client,
        random=random.Random(0),
        unix_time=0.0,
    )

    def large() -> bytes:
        return stun.binding_request(ctx.transaction_id(), X_FILLER=bytes(800))

    found = lab.clock.run(trace(ctx, at.LAN_CLIENT, (at.STUN1, at.STUN_PORT), large, (2, 9)))
    assert [(each.ttl, each.address, each.reached) for each in found] == [
        (2, at.SECOND_ROUTER, False),
        (9, at.STUN1, True),
    ]


FILTERS = ("address-dependent", "address-and-port-dependent")


@pytest.mark.parametrize("home", ["endpoint-independent", *FILTERS])
@pytest.mark.parametrize("carrier", FILTERS)
@pytest.mark.parametrize("second", ["none", "nat", "routed"])
def test_a_providers_nat_that_filters_is_shown(home: Any, carrier: Any, second: Any) -> None:
    network = Network(filtering=home, carrier=True, carrier_filtering=carrier, second=second)
    facts = measured(lab_of(network=network))
    assert isinstance(judged(facts, "carrier-nat"), list)
    assert {each.ttl for each in facts.of(Opening)} == {2 if second == "none" else 3}


@pytest.mark.parametrize("home", ["endpoint-independent", *FILTERS])
@pytest.mark.parametrize("second", ["none", "nat", "routed"])
def test_one_that_lets_anybody_in_is_not(home: Any, second: Any) -> None:
    """As a router of the provider's that only has such a number."""
    facts = measured(lab_of(network=Network(filtering=home, carrier=True, second=second)))
    assert isinstance(judged(facts, "carrier-nat"), CouldNotTell)


@pytest.mark.parametrize("mapping", FILTERS)
def test_where_every_destination_sees_another_port_nothing_can_be_opened(mapping: Any) -> None:
    network = Network(mapping=mapping, carrier=True, carrier_filtering="address-and-port-dependent")
    assert isinstance(judged(measured(lab_of(network=network)), "carrier-nat"), CouldNotTell)


def test_loss_shows_no_providers_nat() -> None:
    for seed in range(60):
        facts = measured(lab_of(seed, network=Network(carrier=True, loss=0.15)))
        assert not isinstance(judged(facts, "carrier-nat"), list)


@pytest.mark.parametrize("delay", [0.001, 0.002, 0.004, 0.005, 0.007, 0.011, 0.016, 0.025])
def test_a_router_that_an_icmp_error_makes_forget_shows_none(delay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 4787 REQ-12 forbids it: such a router keeps out what the short-lived packets opened, sooner or later."""
    kept = Nat._icmp_inward

    def forgets(self: Nat, packet: Packet, icmp: Icmp) -> Packet | None:
        inside = kept(self, packet, icmp)
        for mapping in self._by_outside.values():
            mapping.permitted.discard(trim(icmp.quoted.destination, self._filtering))
        return inside

    monkeypatch.setattr(Nat, "_icmp_inward", forgets)
    case = Case(title="", expect=Expect(verdict="good", exit=0), network=Network(carrier=True))
    facts = measured(build(case, delay=delay))
    assert len({each.failure for each in facts.of(Opening)}) == 1
    assert isinstance(judged(facts, "carrier-nat"), CouldNotTell)


@pytest.mark.parametrize("network", [Network(), Network(second="nat"), Network(second="routed")])
def test_nothing_is_opened_where_no_provider_shows(network: Network) -> None:
    assert measured(lab_of(network=network)).of(Opening) == []
