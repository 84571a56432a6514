"""How long relays may take: a multiple of the round trip where they answer, a bound where they don't."""

from __future__ import annotations

import pytest

from natprobe.facts import Allocation, Permission, Relayed
from natprobe.model import Failure, Observation
from natprobe.target import turn_server
from tests.case import Case, Expect, Network
from tests.lab.build import Lab, build
from tests.lab.client import lab_of
from tests.probes.relaying import ALICE, HEALTHY, TARGETS, but
from tests.probes.seen import of, seen

ALL = tuple(map(turn_server, TARGETS.values()))


def legs(lab: Lab) -> list[Observation]:
    """What was seen of the relay over all its transports at once."""
    return seen(lab, TARGETS["udp"], ("interfaces", "names", "turn"), access=ALICE, turn=ALL)


def began(found: list[Observation]) -> float:
    """When the first leg set out: before its Allocate was answered by as long as that took."""
    return min(each.at - (each.duration_ms or 0) / 1000 for each in of(found, Allocation))


@pytest.mark.parametrize("far", [0.0, 0.02, 0.05, 0.09], ids="its peers {} nearer".format)
@pytest.mark.parametrize("delay", [0.001, 0.005, 0.01])
def test_all_transports_in_five_round_trips_and_150_ms(delay: float, far: float) -> None:
    """Of the slowest round trip, that of data through the relay to its peer and back. With all of the delay before the
    relay it is no longer than a round trip to the relay itself: TCP, TLS, challenge, allocation, data.
    """
    case = Case(title="", expect=Expect(verdict="good", exit=0), relay=HEALTHY, network=Network(delay=far))
    found = legs(build(case, delay=delay))
    proven = [each for each in of(found, Relayed) if each.failure is None]
    first = {t: min(each.at for each in proven if each.transport == t) for t in TARGETS}
    slowest = max(each.rtt_ms / 1000 for each in proven if each.rtt_ms is not None)
    assert max(first.values()) - began(found) <= 5 * slowest + 0.150


def test_data_goes_right_behind_what_permits_its_peer() -> None:
    """No round trip lies between them; what a peer that is refused was sent tells nothing."""
    network = Network(delay=0.1)
    found = legs(
        build(Case(title="", expect=Expect(verdict="good", exit=0), relay=HEALTHY, network=network), delay=0.001)
    )
    for transport in TARGETS:
        ours = [each for each in of(found, Relayed) if (each.transport, each.by) == (transport, "stun")]
        permitted = min(each.at for each in of(found, Permission) if each.transport == transport)
        assert min(each.at for each in ours) - permitted < 0.02
        assert {each.tries for each in ours} == {1}
    found = legs(lab_of(relay=but(state="denies")))
    assert {each.error_code for each in of(found, Permission)} == {403}
    assert of(found, Relayed) == []


def test_a_black_hole_costs_three_seconds_in_all() -> None:
    found = legs(lab_of(relay=but(udp="drop", tcp="drop")))
    told = of(found, Allocation)
    assert {each.failure for each in told} == {Failure.TIMEOUT}
    assert max(each.at for each in told) - began(found) <= 3.0


def test_a_refusal_costs_fifty_milliseconds() -> None:
    found = legs(lab_of(relay=but(udp="refused", tcp="refused")))
    told = of(found, Allocation)
    assert {each.failure for each in told} <= {Failure.REFUSED, Failure.PORT_UNREACHABLE}
    assert max(each.at for each in told) - began(found) <= 0.050


def test_of_one_user_too_many_only_the_allocate_is_told() -> None:
    found = legs(lab_of(relay=but(state="user-quota")))
    assert {each.error_code for each in of(found, Allocation)} == {486}
    assert of(found, Permission) == []


def test_behind_a_loss_of_packets_it_stays_bounded() -> None:
    found = legs(lab_of(3, relay=HEALTHY, network=Network(loss=0.1)))
    assert max(each.at for each in of(found, Allocation)) - began(found) <= 3.0
