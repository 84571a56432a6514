"""Where packets are lost, told by a check through a chain of real routers, beside where they really are."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import pytest

from natprobe import codec
from natprobe.derive.place import Place, place
from natprobe.facts import Facts, Trail
from natprobe.model import Family, Where
from tests.netns.chain import VERSIONS, Chain, Drop, Hook, Icmp, Running, What, running

# The bars: what following the way may cost more, in packets and seconds.
PACKETS_MAX, SECONDS_MAX = 150, 2.5
# Twenty times, so many at once.
REPETITIONS, LIMITED = [VERSIONS * 5] * 2, [VERSIONS] * 10
HOOKS: tuple[Hook, ...] = ("prerouting", "forward", "postrouting")
EVERYWHERE: tuple[tuple[str, Hook], ...] = (
    *((f"r{number}", hook) for number in range(1, 7) for hook in HOOKS),
    *(("server", "prerouting"), ("server", "input")),
)
LESS: tuple[Icmp, ...] = ("limited", "off")
SILENT: tuple[dict[str, Icmp], ...] = ({}, {"r4": "off"}, {"r4b": "off"}, {"r4b": "limited", "r5": "limited"})
REJECTS: dict[Family, tuple[str, ...]] = {
    4: tuple(
        f"icmp type {each}" for each in ("port-unreachable", "admin-prohibited", "host-prohibited", "host-unreachable")
    ),
    6: tuple(
        f"icmpv6 type {each}" for each in ("port-unreachable", "admin-prohibited", "no-route", "addr-unreachable")
    ),
}


class Truth(NamedTuple):
    """Packets come as far as the host at this position, and not to the next one; `back`: only answers are lost."""

    position: int
    back: bool


@dataclass(frozen=True)
class Told:
    """What a check says of the place, and what it says it by."""

    report: dict[str, Any]
    place: Place | None
    trails: tuple[Trail, ...]


def truth(chain: Chain) -> Truth:
    """Of the first drop. A packet is counted as come where it could be told that it has lived too long."""
    drop = chain.drops[0]
    if drop.what in ("answers", "page") or drop.at in ("b1", "b2"):
        return Truth(len(chain.names) - 1, back=True)
    position = chain.position(drop.at)
    return Truth(position if drop.hook in ("forward", "output", "postrouting") else position - 1, back=False)


def told(chain: Running, *words: str, version: Family = 4, ordinary: bool = False) -> Told:
    return judged(chain.check(*words, version=version, ordinary=ordinary))


def judged(report: dict[str, Any]) -> Told:
    saved = codec.load(json.dumps(report))
    facts = Facts(saved.target, saved.observations)
    trails = tuple(facts.of(Trail))
    return Told(report, place(facts, trails[0].subject, trails[0].transport) if trails else None, trails)


def faults(chain: Chain, found: Place | None) -> list[str]:
    """What is wrong of a place that was told; nothing is wrong with telling none."""
    if found is None:
        return []
    real, last, after = truth(chain), _position(chain, found.last), _position(chain, found.next)
    wrong = []
    if (last or 0) > real.position:
        wrong.append("they do not come to the last one")
    if after is not None and (real.back or after <= real.position):
        wrong.append("they do come to the next one")
    if found.where is not Where.UNKNOWN and found.where not in _whose(chain):
        wrong.append(f"it is not {found.where}'s")
    return wrong


def _position(chain: Chain, address: str | None) -> int | None:
    return None if address is None else chain.position(chain.of(address))


def _whose(chain: Chain) -> set[Where]:
    """Of the two between which it is lost: that the first one did it or the second one, no packet tells."""
    real = truth(chain)
    return set() if real.back else {_network(chain, real.position), _network(chain, real.position + 1)}


def _network(chain: Chain, position: int) -> Where:
    if position < 2:
        return Where.LOCAL_NETWORK
    return Where.SERVER_EDGE if position >= chain.routers else Where.PROVIDER


def exact(chain: Chain, found: Place | None, *, counted: bool = True) -> list[str]:
    """What is wrong or missing where everybody tells of packets that end. `counted`: the server says what came there;
    else nobody knows whether it is answers that are lost behind the last router.
    """
    real = truth(chain)
    if real.back and counted:
        return [] if found is None else ["a place, though they are lost nowhere on the way there"]
    if found is None:
        return [] if real.back else ["no place at all"]
    wrong = faults(chain, found)
    if (_position(chain, found.last) or 0) != min(real.position, chain.routers):
        wrong.append("the last one is not the last")
    if _position(chain, found.next) != real.position + 1 and (counted or not found.edge):
        wrong.append("the next one is not the next")
    return wrong


def said(chain: Chain, found: Told) -> str:
    """For whoever reads why a test failed."""
    lines = [f"{chain.drops} {chain.icmp} {dict(chain.icmp_at)}: {found.place}"]
    for trail in found.trails:
        hops = [f"{each.ttl}:{each.answered}/{each.sent}={each.address}{each.icmp or ''}" for each in trail.hops]
        lines.append(f"{trail.control} {trail.payload} {trail.towards} {' '.join(hops)}")
    return "\n".join(lines)


def checked(chain: Chain, *rounds: Sequence[Family]) -> None:
    """Exact where everybody tells of packets that end and all go one way, else never wrong; and the findings agree.
    Of many at once the server may leave some without its counts.
    """
    everybody = chain.icmp == "on" and not chain.icmp_at and not chain.twin
    with running(chain) as built:
        for alone, report in ((len(each) == 1, report) for each in rounds for report in built.abreast(each)):
            found = judged(report)
            wrong = exact(chain, found.place, counted=alone) if everybody else faults(chain, found.place)
            assert wrong == [], said(chain, found)
            assert not (alone and _cut(found)), said(chain, found)
            _agrees(chain, found)


def _cut(found: Told) -> bool:
    """Whether following took longer than it may."""
    ended = [each for each in found.report["observations"] if each["kind"] == "Probed" and each["probe"] == "path"]
    return any(each["status"] == "cut" for each in ended)


def _agrees(chain: Chain, found: Told) -> None:
    """What people read, and programs; not what the run says of itself."""
    for each in (each for each in found.report["findings"] if not each["code"].startswith("NP9")):
        assert each["where"] in ("unknown", *_whose(chain)), each
        last, behind = each["args"].get("last"), each["args"].get("next")
        assert {last, behind} <= {None, found.place and found.place.last, found.place and found.place.next}, each


def told_of_page(chain: Chain, found: Told) -> None:
    """The finding about the web server names the place, and following did not take long. Whose it is, is its own guess
    where the place does not tell.
    """
    assert not _cut(found), said(chain, found)
    (finding,) = (each for each in found.report["findings"] if each["code"] == "NP401")
    at = found.place
    assert (finding["args"].get("last"), finding["args"].get("next")) == ((at.last, at.next) if at else (None, None))
    assert finding["where"] in _whose(chain) or not (at and at.before_server), finding


@pytest.mark.parametrize(
    ("chain", "version"),
    [
        (Chain(drops=(Drop(at="r3", hook="prerouting"),)), 6),
        (Chain(drops=(Drop(at="server", hook="input"),)), 4),
        (Chain(drops=(Drop(at="r1"),)), 6),
        (Chain(drops=(Drop(at="r4", what="cookie"),)), 4),
        (Chain(carrier=True, drops=(Drop(at="r2"),)), 4),
        (Chain(back=True, drops=(Drop(at="b1", what="answers"),)), 4),
        (Chain(icmp="limited", drops=(Drop(at="r4"),)), 4),
        (Chain(icmp_at={"r3": "limited", "r4": "off"}, drops=(Drop(at="r3"),)), 6),
        (Chain(twin=4, drops=(Drop(at="r5", hook="prerouting"),)), 6),
    ],
    ids=lambda each: str(each) if isinstance(each, int) else named(each),
)
def test_the_place(chain: Chain, version: Family) -> None:
    checked(chain, [version])


def named(chain: Chain) -> str:
    """Short, for a test's name."""
    drop = chain.drops[0]
    more = [name for name in ("carrier", "back", "twin") if getattr(chain, name)]
    return "-".join([drop.at, drop.hook, drop.what, chain.icmp, *chain.icmp_at, *more])


def test_the_same_to_an_ordinary_user_and_in_few_packets() -> None:
    chain = Chain(drops=(Drop(at="r4"),))
    with running(chain) as built:
        told(built, "--skip", "path")
        without = built.sent()
        roots = told(built)
        assert built.sent() - without <= PACKETS_MAX
        ordinary = told(built, ordinary=True)
    assert exact(chain, roots.place) == exact(chain, ordinary.place) == []
    assert _spoken(roots) == _spoken(ordinary)


def _spoken(found: Told) -> list[object]:
    causes = [(each["cause"], each["where"], each["message"]) for each in found.report["findings"]]
    return [found.report["verdict"]["status"], *causes]


def test_nothing_is_followed_where_nothing_failed() -> None:
    with running(Chain(routers=2)) as built:
        assert told(built).trails == ()
        built.sent()
        traced = told(built, "--trace")
    assert traced.report["verdict"]["status"] == "good"
    assert traced.place is None
    own = traced.trails[0]
    assert [each.address for each in own.hops if each.answered and not each.reached] == ["192.168.1.1", "203.0.113.2"]


def test_who_rejects_is_named() -> None:
    """Its own word is the place: nothing is followed."""
    _rejected(Drop(at="r4", rejects=REJECTS[4][1]), 4)
    _rejected(Drop(at="r1", rejects=REJECTS[6][1]), 6)


def _rejected(drop: Drop, version: Family) -> None:
    chain = Chain(drops=(drop,))
    with running(chain) as built:
        found = told(built, version=version)
    (finding,) = found.report["findings"]
    assert found.trails == ()
    assert finding["where"] in ("unknown", _network(chain, chain.position(drop.at)), "server-host"), finding
    checks = [
        each for each in found.report["observations"] if each["kind"] == "IceCheck" and each["transport"] == "udp"
    ]
    assert {each["reported_by"] for each in checks} == {chain.address(drop.at, version)}


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("at", range(1, 8))
def test_every_kind_of_refusal_at_every_hop(at: int, version: Family) -> None:
    hooks: tuple[Hook, ...] = ("prerouting", "forward") if at < 7 else ("input",)
    for hook, kind in product(hooks, REJECTS[version]):
        _rejected(Drop(at=f"r{at}" if at < 7 else "server", hook=hook, rejects=kind), version)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("icmp", ["on", "limited", "off"])
@pytest.mark.parametrize("what", ["port", "cookie", "udp"])
@pytest.mark.parametrize(("at", "hook"), EVERYWHERE)
def test_every_place(at: str, hook: Hook, what: What, icmp: Icmp) -> None:
    """Twenty times; once in each family where only the rule differs. Many at once leave a limited router no answers."""
    rounds = (LIMITED if icmp == "limited" else REPETITIONS) if what == "port" else [VERSIONS]
    checked(Chain(drops=(Drop(at=at, hook=hook, what=what),), icmp=icmp), *rounds)


def ways() -> Iterator[Chain]:
    """What else a way may be like."""
    kinds: tuple[What, ...] = ("answers", "udp", "port")
    for what, at in product(kinds, ("b1", "b2", "r1", "r4", "r6")):
        if what == "answers" or (what == "port") is (at[0] == "r"):
            yield Chain(back=True, drops=(Drop(at=at, what=what),))
    yield Chain(drops=(Drop(at="server", hook="output", what="answers"),))
    for at in ("r1", "r4", "r6"):
        yield Chain(drops=(Drop(at=at, hook="prerouting", what="answers"),))
    for at, hook in (*EVERYWHERE[6:13], ("r4b", "forward"), ("r5", "forward")):
        for silent in SILENT:
            yield Chain(twin=4, drops=(Drop(at=at, hook=hook),), icmp_at=silent)
    for at, silent_at in product(("r3", "r6"), ("r2", "r3", "r4", "r6", "server")):
        for icmp in LESS:
            yield Chain(drops=(Drop(at=at),), icmp_at={silent_at: icmp})
    for at, hook in EVERYWHERE[:9]:
        yield Chain(carrier=True, drops=(Drop(at=at, hook=hook),))
    for routers, (at, hook) in product((1, 2, 3), (*EVERYWHERE[:3], *EVERYWHERE[-2:])):
        yield Chain(routers=routers, drops=(Drop(at=at, hook=hook),))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("chain", [*ways()], ids=lambda chain: f"{chain.routers}-{named(chain)}")
def test_every_kind_of_way(chain: Chain) -> None:
    checked(chain, *(LIMITED if "limited" in chain.icmp_at.values() else REPETITIONS))


@pytest.mark.long
def test_it_does_not_take_long() -> None:
    """Beside what the check takes without it, at its slowest: nothing but TCP is answered, and nobody at all."""
    for chain in (
        Chain(drops=(Drop(at="r1", hook="prerouting", what="udp"),)),
        Chain(drops=(Drop(at="r4"),), icmp="off"),
        Chain(drops=(Drop(at="server", hook="input"),)),
    ):
        with running(chain) as built:
            times = []
            for words in (("--skip", "path"), ()):
                began = time.monotonic()
                told(built, *words)
                times.append(time.monotonic() - began)
        assert times[1] - times[0] <= SECONDS_MAX
