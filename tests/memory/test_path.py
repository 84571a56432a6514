"""Where packets end, in the lab: with loss, silence, and routers that give nothing back. Nothing wrong is ever said."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.derive.place import Place, place
from natprobe.facts import Facts, HopName, Trail
from natprobe.model import Failure, Where
from natprobe.target import parse
from tests.case import Case, Expect, Network, Peer
from tests.lab.build import build
from tests.lab.check import observed
from tests.netns import addresses as at

PROBES = ("interfaces", "names", "peer", "mapping", "media", "path")
HOME, CARRIER, CORE, SERVER = "192.168.1.1", "100.64.0.1", "203.0.113.1", at.WEB
MEDIA = f"{SERVER}:10000"


def seen(
    network: Network, udp: str = "drop", seed: int = 0, quotes: bool = True, system: str = "linux"
) -> tuple[Facts, Place | None]:
    case = Case(title="", expect=Expect(verdict="good", exit=0), network=network, peer=Peer(runs=True, udp=udp))  # type: ignore[arg-type]
    lab = build(case, seed)
    lab.network.quotes = quotes
    lab.client.system = lambda: system  # type: ignore[method-assign]
    facts = Facts(parse(lab.peer_target).target, observed(lab, lab.peer_target, probes=PROBES))
    return facts, place(facts, MEDIA)


SHUT_HERE = Network(udp="drop", udp_open=(3478,))


@pytest.mark.parametrize(
    ("network", "udp", "pair", "where"),
    [
        (SHUT_HERE, "pass", (HOME, CORE), Where.LOCAL_NETWORK),
        (msgspec.structs.replace(SHUT_HERE, carrier=True), "pass", (HOME, CARRIER), Where.LOCAL_NETWORK),
        (Network(), "drop", (CORE, None), Where.UNKNOWN),
        (Network(second="nat", carrier=True), "drop", (CORE, None), Where.UNKNOWN),
    ],
)
@pytest.mark.parametrize("quotes", [True, False])
def test_the_place(network: Network, udp: str, pair: tuple[str, str | None], where: Where, quotes: bool) -> None:
    """Also where routers give back the headers alone."""
    facts, found = seen(network, udp, quotes=quotes)
    assert found is not None
    assert (found.last, found.next, found.where) == (*pair, where)
    assert sum(hop.sent for each in facts.of(Trail) for hop in each.hops) <= 120


def test_nothing_is_sent_where_nothing_fails() -> None:
    facts, _ = seen(Network(), "pass")
    assert not facts.of(Trail)
    assert not facts.of(HopName)


def test_silent_routers_hide_the_place() -> None:
    facts, found = seen(Network(silent_routers=True), "drop")
    assert found is None
    assert facts.of(Trail) != []


@pytest.mark.parametrize("quotes", [True, False])
@pytest.mark.parametrize(
    ("network", "udp", "before"),
    [(msgspec.structs.replace(SHUT_HERE, loss=0.15), "pass", True), (Network(loss=0.15), "drop", False)],
)
def test_loss_makes_no_other_place(network: Network, udp: str, before: bool, quotes: bool) -> None:
    """At 15 % each way it may hide the place; it never is a wrong one."""
    right = {(HOME, CORE), (HOME, SERVER), (HOME, None)} if before else {(CORE, SERVER), (CORE, None)}
    places = [seen(network, udp, seed, quotes)[1] for seed in range(25)]
    told = [each for each in places if each is not None]
    assert all((each.last, each.next) in right or _less(each, before) for each in told)
    assert all(each.before_server is before for each in told if each.next not in (None, SERVER))


def _less(found: Place, before: bool) -> bool:
    """A lost answer makes the last router seem nearer, and then nothing is said of what is behind it."""
    return found.next is None and not found.before_server


def test_systems_that_hear_nothing_say_so() -> None:
    facts, found = seen(Network(), "drop", system="darwin")
    (trail,) = facts.of(Trail)
    assert (trail.failure, trail.hops, found) == (Failure.UNSUPPORTED, (), None)
