"""Where connections end that nobody answers, in the lab: with loss, and ways of equal cost. Nothing wrong is said."""

from __future__ import annotations

import msgspec
import pytest

from natprobe.derive.place import Place, place
from natprobe.facts import Facts, Trail
from natprobe.model import Failure, Where
from natprobe.target import parse
from tests.case import Case, Expect, Network, Web
from tests.lab.build import build
from tests.lab.check import observed
from tests.lab.network import Proto
from tests.lab.router import TWIN
from tests.netns import addresses as at

PROBES = ("interfaces", "names", "web", "path")
HOME, CARRIER, CORE = "192.168.1.1", "100.64.0.1", "203.0.113.1"
PAGE = f"{at.WEB}:443"
DOWN, UP = Web(state="down"), Web()
# The page's port alone, and all TCP, at the home router.
PORT_SHUT, TCP_SHUT = Network(tcp="drop", tcp_open=(80,)), Network(tcp="drop")
EVERYTHING: frozenset[Proto] = frozenset({"udp", "tcp", "icmp"})
PACKETS_MAX, SECONDS_MAX = 150, 2.5


def seen(
    network: Network,
    web: Web = UP,
    seed: int = 0,
    *,
    loses: frozenset[Proto] | None = None,
    twin: frozenset[int] | None = None,
    system: str = "linux",
    trace: bool = True,
) -> tuple[Facts, Place | None]:
    lab = build(Case(title="", expect=Expect(verdict="good", exit=0), network=network, web=web), seed)
    lab.network.loses, lab.network.twin = loses or lab.network.loses, twin
    lab.client.system = lambda: system  # type: ignore[method-assign]
    facts = Facts(parse(at.TARGET).target, observed(lab, probes=PROBES, trace=trace))
    return facts, place(facts, PAGE, "tcp")


@pytest.mark.parametrize(
    ("network", "web", "pair", "where", "control"),
    [
        (PORT_SHUT, UP, (HOME, CORE), Where.LOCAL_NETWORK, "port"),
        (TCP_SHUT, UP, (HOME, CORE), Where.LOCAL_NETWORK, "udp"),
        (msgspec.structs.replace(PORT_SHUT, carrier=True), UP, (HOME, CARRIER), Where.LOCAL_NETWORK, "port"),
        (Network(), DOWN, (CORE, None), Where.UNKNOWN, ""),
        (Network(second="nat", carrier=True), DOWN, (CORE, None), Where.UNKNOWN, ""),
    ],
)
def test_the_place(network: Network, web: Web, pair: tuple[str, str | None], where: Where, control: str) -> None:
    """Within a guest's packets, and in time."""
    facts, found = seen(network, web)
    assert found is not None
    assert (found.last, found.next, found.where, found.control) == (*pair, where, control)
    assert found.edge is (web is DOWN)
    trails = facts.of(Trail)
    assert {(each.subject, each.transport) for each in trails if each.control == "none"} == {(PAGE, "tcp")}
    assert _sent(trails) <= PACKETS_MAX
    assert max(each.at for each in trails) - min(each.at for each in trails) <= SECONDS_MAX


def _sent(trails: list[Trail]) -> int:
    """With what a connection that stands costs beside its SYN."""
    hops = [(each, hop) for each in trails for hop in each.hops]
    return sum(hop.sent + 3 * (hop.reached and each.transport == "tcp") * hop.answered for each, hop in hops)


@pytest.mark.parametrize("network", [PORT_SHUT, TCP_SHUT])
def test_what_says_nothing_at_all_is_followed_only_where_that_is_asked_for(network: Network) -> None:
    """Port 80 answers, or nothing does."""
    facts, _ = seen(network, trace=False)
    assert bool(facts.of(Trail)) is bool(network.tcp_open)


@pytest.mark.parametrize("web", [UP, Web(state="refused"), Web(state="plain", other="down")])
def test_nothing_is_sent_where_no_address_is_silent_or_one_lives(web: Web) -> None:
    facts, _ = seen(Network(), web)
    assert not facts.of(Trail)


@pytest.mark.parametrize("network", [Network(tcp="reject"), Network(portal=True)])
def test_nor_where_somebody_says_no(network: Network) -> None:
    facts, _ = seen(network)
    assert not facts.of(Trail)


def test_silent_routers_hide_the_place() -> None:
    facts, found = seen(Network(silent_routers=True), DOWN)
    assert found is None
    assert facts.of(Trail) != []


def test_of_ways_of_equal_cost_nobody_knows_which_one_loses() -> None:
    """Any of several routers may be the last one; what is behind them is not told."""
    for seed in range(10):
        _, found = seen(Network(), DOWN, seed, twin=frozenset())
        assert found is not None
        assert found.last in (CORE, TWIN[4])
        assert (found.next, found.where) == (None, Where.UNKNOWN)
    _, found = seen(PORT_SHUT, twin=frozenset())  # those behind the drop
    assert found is not None
    assert (found.last, found.next, found.where) == (HOME, None, Where.UNKNOWN)


@pytest.mark.parametrize("seeds", [range(20), pytest.param(range(20, 400), marks=pytest.mark.long)], ids=len)
def test_where_one_way_of_two_is_shut_it_is_no_place(seeds: range) -> None:
    """Three connections meet it by chance; then some SYNs arrive, or none of many: the drop is at the core all the
    same.
    """
    places = [seen(Network(), seed=seed, twin=frozenset({443}))[1] for seed in seeds]
    told = [each for each in places if each is not None]
    assert all(each.next is None and not each.edge for each in told)


# Where they are lost, and who they never come to: any router behind it.
RIGHT: dict[str, tuple[Network, Web, str, tuple[str, ...]]] = {
    "port": (PORT_SHUT, UP, HOME, (CORE,)),
    "tcp": (TCP_SHUT, UP, HOME, (CORE,)),
    "carrier": (msgspec.structs.replace(TCP_SHUT, carrier=True), UP, HOME, (CARRIER, CORE)),
    "server": (Network(), DOWN, CORE, ()),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("loss", [0.05, 0.15, 0.3])
@pytest.mark.parametrize("seeds", [range(5), pytest.param(range(5, 300), marks=pytest.mark.long)], ids=len)
def test_loss_makes_no_other_place(name: str, loss: float, seeds: range) -> None:
    """Of SYNs, of their answers and of what routers say. It may hide the place, or make the last router seem nearer."""
    network, web, last, behind = RIGHT[name]
    lossy = msgspec.structs.replace(network, loss=loss)
    for found in (seen(lossy, web, seed, loses=EVERYTHING)[1] for seed in seeds):
        assert found is None or (found.last == last and found.next in behind) or _less(found, last, web)


def _less(found: Place, last: str, web: Web) -> bool:
    known = {HOME, last} if web is DOWN else {last}
    return found.last in known and found.next is None and not (found.edge and found.last != CORE)


def test_systems_that_hear_nothing_say_so() -> None:
    facts, found = seen(Network(), DOWN, system="darwin")
    (trail,) = facts.of(Trail)
    assert (trail.failure, trail.transport, trail.hops, found) == (Failure.UNSUPPORTED, "tcp", (), None)
