"""The text report's part about --cascade: what each server is, the two requests, and what came of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from natprobe.derive.cascade import (
    KEY_WANTED,
    PLUGIN_SINCE,
    PORTS_FREED_SINCE,
    arrivals,
    asked,
    bound,
    iface_local,
    own_addresses,
    refusals,
    suits,
)
from natprobe.facts import CascadeFlow, CascadeRelay, CascadeRequest, Facts
from natprobe.reasons import sentence

_LOCAL = {
    True: "{iface} is one of its own addresses",
    False: "{iface} is none of its own addresses ({own}), which iface has to be",
    None: "whether {iface} is one of its own addresses is not known",
}


class Told(NamedTuple):
    """A line; `copied`: it is there to be copied."""

    text: str
    copied: bool = False


def cascade(facts: Facts) -> Iterator[Told]:
    """Nothing where it was not asked for."""
    for relay in asked(facts):
        version = f", Janus {relay.version_string}" if relay.version_string else ""
        yield Told(f"To {relay.url}{version}: " + "; ".join(_state(facts, relay)))
        for each in relay.requests:
            yield Told(each, copied=True)


def _state(facts: Facts, relay: CascadeRelay) -> Iterator[str]:
    if relay.rooms is False:
        yield "its plugin videoroom is not loaded"
    elif relay.version is not None and relay.version < PLUGIN_SINCE:
        yield "its videoroom has no remote publishers, which came with 1.1.0"
    elif relay.failure is not None:
        yield f"its API could not be asked ({relay.detail or sentence(str(relay.failure))})"
    if relay.iface is not None:
        own = ", ".join(own_addresses(relay)) or "not told"
        yield _LOCAL[iface_local(facts, relay)].format(iface=relay.iface, own=own)
    elif own_addresses(relay):
        yield f"its own addresses are {', '.join(own_addresses(relay))}"
    yield from (_refusal(each) for each in refusals(facts, relay))
    yield from (_flow(each) for each in arrivals(facts, relay))
    yield from _kept(facts, relay)


def _refusal(each: CascadeRequest) -> str:
    code = f"{each.error_code}, " if each.error_code is not None else ""
    hint = "; its admin_key goes into --janus-admin-key-file" if each.error_code in KEY_WANTED else ""
    return f"{each.request} failed at {each.url} ({code}{each.detail or sentence(str(each.failure))}){hint}"


def _kept(facts: Facts, relay: CascadeRelay) -> Iterator[str]:
    """What this version does not give back."""
    request = bound(facts, relay)
    got = any(each.arrived for each in arrivals(facts, relay))
    if request is not None and got and (relay.version or 0) < PORTS_FREED_SINCE:
        yield (
            f"this version keeps the ports {request.port} and {request.rtcp_port} until it is restarted (as of 1.2.2"
            " no more)"
        )


def _flow(each: CascadeFlow) -> str:
    if each.by == "here":
        return f"{each.arrived} of {each.sent} packets sent to {each.endpoint} from here arrived"
    if not each.passed:
        return "no publisher of natprobe's own could be forwarded from the target"
    late = f", about {each.delay_ms:.0f} ms on the way" if each.delay_ms is not None else ""
    fit = {True: ", which suits a call", False: ": too poor for a good call", None: ""}[suits(each)]
    return f"{each.arrived} of {each.passed} packets forwarded by the target arrived{late}{fit}"
