"""Every mixture of a few conditions behind a proxy: what is judged is what the network would let through."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import msgspec
import pytest

from natprobe.facts import Allocation, IceCheck, ProxyChoice
from natprobe.model import Failure, Observation, Report, Severity
from tests.made import (
    MEDIA,
    RELAY_HOST,
    STUN1,
    STUN2,
    TIMEOUT,
    WEB,
    allocated,
    certificate,
    connected,
    named,
    page,
    permitted,
    relay,
    report,
    saw,
    session,
    silent,
    through,
    unallocated,
    unheard,
)
from tests.made_jitsi import JITSI, JOINED, PASSES, config, services, socket
from tests.made_proxy import (
    CONTROL,
    FRONT,
    PROXY,
    RELAY_443,
    RELAY_5349,
    SHUT,
    SIGNED,
    UNHEARD,
    choice,
    led,
    relayed,
    tunnel,
)

ANSWERS: dict[str, tuple[int | None, Failure | None]] = {
    "yes": (200, None),
    "no": (403, None),
    "who": (407, None),
    "far": (503, None),
    "hangs": (None, TIMEOUT),
    "closes": (None, Failure.CLOSED),
}
# What explains that the page, or the relay, does not come through the proxy.
PAGE_CAUSE = {"no": "proxy-refuses-port", "who": "proxy-authentication"} | dict.fromkeys(
    ("far", "hangs", "closes"), "web-unreachable"
)
RELAY_CAUSE = PAGE_CAUSE | dict.fromkeys(("far", "hangs", "closes"), "turn-unreachable")


class World(NamedTuple):
    """`page`, `relay`: what the proxy answers. `straight`: TCP past it. `by_proxy`: which of them browsers ask it for.
    `port` of the relay over TLS, 0: there is none.
    """

    by_proxy: tuple[str, ...]
    page: str
    relay: str
    straight: bool
    udp: bool
    named: bool
    port: int

    @property
    def page_opens(self) -> bool:
        return self.page == "yes" if "page" in self.by_proxy else self.straight and self.named

    @property
    def relay_opens(self) -> bool:
        if not self.port:
            return False
        return self.relay == "yes" if "relay" in self.by_proxy else self.straight

    @property
    def verdict(self) -> str:
        if not self.page_opens:
            return "broken"
        return "good" if self.udp else "degraded" if self.relay_opens else "broken"


def worlds() -> Iterator[World]:
    settings = ((), ("page", "relay"), ("page",), ("relay",))
    for by, web, turn, tcp, udp, name, port in product(
        settings, ANSWERS, ANSWERS, (True, False), (True, False), (True, False), (443, 5349, 0)
    ):
        doubled = ("page" not in by and web != "yes") or (("relay" not in by or not port) and turn != "yes")
        if not doubled and (name or not tcp):
            yield World(by, web, turn, tcp, udp, name, port)


def facts(world: World) -> list[Observation]:
    """What the probes would see there."""
    seen: list[Observation] = [_choice(world), named(WEB) if world.named else named(failure=Failure.NXDOMAIN)]
    tcp = saw(STUN1, transport="tcp") if world.straight else unheard(STUN1, transport="tcp", tries=1)
    seen += [saw(STUN1), saw(STUN2)] if world.udp else [unheard(STUN1), unheard(STUN2)]
    seen += [tcp, *_straight(world)]
    if "page" in world.by_proxy:
        seen += [*(FRONT if world.page == "yes" else _refused(world)), CONTROL]
    if world.page_opens:
        seen += _meeting(world)
    return seen


def _choice(world: World) -> ProxyChoice:
    return choice(PROXY if "page" in world.by_proxy else None)


def _straight(world: World) -> tuple[Observation, ...]:
    if not world.named:
        return ()
    return (connected(), session(), certificate(), page(says=("jitsi",))) if world.straight else SHUT


def _refused(world: World) -> tuple[Observation, ...]:
    status, failure = ANSWERS[world.page]
    asked = tunnel(status=status, failure=failure)
    return (asked, *led(connected(failure=asked.failure)))


def _meeting(world: World) -> list[Observation]:
    given = {0: (), 443: (RELAY_443,), 5349: (RELAY_5349,)}[world.port]
    signed = SIGNED if "page" in world.by_proxy else (config(), socket())
    return [*signed, services(*given), *JOINED, *(PASSES if world.udp else UNHEARD), *_relay(world)]


def _relay(world: World) -> list[Observation]:
    """Straight always, and through the proxy where a browser goes that way."""
    if not world.port:
        return []
    at, there = f"203.0.113.40:{world.port}", relay("tls", f"203.0.113.40:{world.port}")
    dead = unallocated(TIMEOUT, "tls", at)
    straight = _to_media(allocated("tls", at)) if world.straight else [dead]
    if "relay" not in world.by_proxy:
        return [there, *straight]
    status, failure = ANSWERS[world.relay]
    asked = tunnel(RELAY_HOST, world.port, "relay", status, failure)
    through_it = relayed(world.port)[1:] if world.relay == "yes" else (asked, CONTROL)
    return [there, *through_it, *straight]


def _to_media(on: Allocation) -> list[Observation]:
    check = msgspec.structs.replace(silent(MEDIA), failure=None, verified=True, tries=1)
    over: IceCheck = msgspec.structs.replace(check, server=on.server, leg="tls", relayed=on.relayed, flow=on.flow)
    permission = msgspec.structs.replace(permitted(MEDIA, on), probe="relayed")
    return [on, through(leg=on), permission, over, msgspec.structs.replace(over, size=1200)]


def expected(world: World) -> set[str]:
    """The errors: one for the page, or else one for each of the two ways of media."""
    if world.verdict != "broken":
        return set()
    if not world.page_opens:
        if "page" in world.by_proxy:
            return {PAGE_CAUSE[world.page]}
        return {"web-unreachable" if world.named else "name-unresolved"}
    ways = {"proxy-ignores-media" if "page" in world.by_proxy else "udp-blocked"}
    if not world.port:
        return ways
    if "relay" not in world.by_proxy:
        return ways | {"turn-unreachable"}
    # What only the proxy's owner decides is told instead of what he would have to open beside it.
    owners = world.relay in ("no", "who") and "page" in world.by_proxy
    return {RELAY_CAUSE[world.relay]} | (set() if owners else ways)


@pytest.mark.parametrize("by", [(), ("page", "relay"), ("page",), ("relay",)], ids=lambda by: "+".join(by) or "none")
def test_every_world_is_told_as_it_is(by: tuple[str, ...]) -> None:
    wrong = []
    for world in (each for each in worlds() if each.by_proxy == by):
        got = report(*facts(world), target=JITSI)
        errors = {each.cause for each in got.findings if each.severity is Severity.ERROR}
        if (got.verdict.status, errors) != (world.verdict, expected(world)) or _flaws(got):
            wrong.append(f"{world}: {got.verdict.status} {sorted(errors)}, not {sorted(expected(world))}{_flaws(got)}")
    assert not wrong, "\n".join([f"{len(wrong)} of them", *wrong[:20]])


def _flaws(got: Report) -> str:
    """What no report may have, whatever was seen."""
    told = [each for each in got.findings if not each.evidence or not each.fixes or "None" in each.message]
    bare = got.verdict.status == "broken" and got.verdict.summary.endswith("from here")
    return "".join(f" {each.code} has no evidence, fix or words" for each in told) + (" bare" if bare else "")


def test_the_worlds_are_many_and_differ() -> None:
    every = list(worlds())
    assert len(every) > 200
    assert {each.verdict for each in every} == {"good", "degraded", "broken"}
