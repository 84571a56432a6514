"""Where connections that nobody answers are lost, told through a chain of real routers, beside where they are lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from natprobe.model import Family
from tests.netns.chain import VERSIONS, Chain, Drop, Hook, Icmp, running
from tests.netns.test_places import (
    EVERYWHERE,
    LESS,
    PACKETS_MAX,
    SILENT,
    exact,
    faults,
    judged,
    named,
    said,
    told_of_page,
)


def checked(chain: Chain, *rounds: Sequence[Family]) -> None:
    """Exact where everybody tells of packets that end and all go one way, else never wrong; the findings agree."""
    mute = ("--trace",) if any(each.what == "tcp" for each in chain.drops) else ()
    everybody = chain.icmp == "on" and not chain.icmp_at and not chain.twin
    with running(chain) as built:
        for report in (report for each in rounds for report in built.abreast(each, *mute, page=True)):
            found = judged(report)
            wrong = exact(chain, found.place, counted=False) if everybody else faults(chain, found.place)
            assert wrong == [], said(chain, found)
            told_of_page(chain, found)


@pytest.mark.parametrize(
    "chain",
    [
        Chain(drops=(Drop(at="r4", what="web"),)),
        Chain(drops=(Drop(at="r3", hook="prerouting", what="web"),)),
        pytest.param(Chain(drops=(Drop(at="server", hook="input", what="web"),)), marks=pytest.mark.long),
    ],
    ids=named,
)
def test_the_place(chain: Chain) -> None:
    checked(chain, VERSIONS)


def test_the_same_to_an_ordinary_user_and_in_few_packets() -> None:
    """All of a check that finds no page."""
    chain = Chain(routers=3, drops=(Drop(at="r1", what="web"),))
    with running(chain) as built:
        built.sent()
        found = judged(built.check(page=True, ordinary=True))
        assert built.sent() <= PACKETS_MAX
    assert exact(chain, found.place, counted=False) == []
    told_of_page(chain, found)


@pytest.mark.parametrize("words", [("--insecure",), ()], ids=["the page comes", "nobody is at home"])
def test_nothing_is_followed_unasked(words: tuple[str, ...]) -> None:
    drops = () if words else (Drop(at="r1", what="tcp"),)
    with running(Chain(routers=1, drops=drops)) as built:
        assert judged(built.check(*words, page=True)).trails == ()


def ways() -> list[Chain]:
    """What else a way may be like."""
    found = [Chain(drops=(Drop(at="r4", what="tcp"),)), Chain(carrier=True, drops=(Drop(at="r2", what="web"),))]
    found += [Chain(back=True, drops=(Drop(at=at, what="page"),)) for at in ("b1", "b2")]
    found += [Chain(back=True, drops=(Drop(at=at, what="web"),)) for at in ("r1", "r4", "r6")]
    places: tuple[tuple[str, Hook], ...] = (*EVERYWHERE[6:13], ("r4b", "forward"), ("r5", "forward"))
    for at, hook in places:
        found += [Chain(twin=4, drops=(Drop(at=at, hook=hook, what="web"),), icmp_at=silent) for silent in SILENT]
    for icmp in LESS:
        drops = (Drop(at="r3", what="web"),)
        found += [Chain(drops=drops, icmp_at={silent: icmp}) for silent in ("r2", "r3", "r4", "r6", "server")]
    return found


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("icmp", ["on", "limited", "off"])
@pytest.mark.parametrize(("at", "hook"), EVERYWHERE)
def test_every_place(at: str, hook: Hook, icmp: Icmp) -> None:
    """Ten times, two at once."""
    checked(Chain(drops=(Drop(at=at, hook=hook, what="web"),), icmp=icmp), *[VERSIONS] * 5)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("chain", ways(), ids=named)
def test_every_kind_of_way(chain: Chain) -> None:
    checked(chain, *[VERSIONS] * 5)
