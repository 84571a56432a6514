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
from natprobe.render._figures import clauses, explained, listed, states
from natprobe.render._spoken import why
from natprobe.wording import mark, say

_LOCAL = {
    True: mark("{iface} is one of its own addresses"),
    False: mark("{iface} is none of its own addresses ({own}), which iface has to be"),
    None: mark("whether {iface} is one of its own addresses is not known"),
}


class Told(NamedTuple):
    """A line; `copied`: it is there to be copied."""

    text: str
    copied: bool = False


def cascade(facts: Facts) -> Iterator[Told]:
    """Nothing where it was not asked for."""
    for relay in asked(facts):
        version = f"Janus {relay.version_string}" if relay.version_string else ""
        yield Told(explained(clauses(say("To {url}", url=relay.url), version), states(_state(facts, relay))))
        for each in relay.requests:
            yield Told(each, copied=True)


def _state(facts: Facts, relay: CascadeRelay) -> Iterator[str]:
    if relay.rooms is False:
        yield say("its plugin videoroom is not loaded")
    elif relay.version is not None and relay.version < PLUGIN_SINCE:
        yield say("its videoroom has no remote publishers, which came with 1.1.0")
    elif relay.failure is not None:
        yield say("its API could not be asked ({reason})", reason=relay.detail or why(relay.failure))
    if relay.iface is not None:
        own = listed(own_addresses(relay)) or say("not told")
        yield say(_LOCAL[iface_local(facts, relay)], iface=relay.iface, own=own)
    elif own_addresses(relay):
        yield say("its own addresses are {addresses}", addresses=listed(own_addresses(relay)))
    yield from (_refusal(each) for each in refusals(facts, relay))
    yield from (_flow(each) for each in arrivals(facts, relay))
    yield from _kept(facts, relay)


def _refusal(each: CascadeRequest) -> str:
    reason = each.detail or why(each.failure)
    told = reason if each.error_code is None else clauses(str(each.error_code), reason)
    what = say("{request} failed at {url} ({reason})", request=each.request, url=each.url, reason=told)
    hint = say("its admin_key goes into --janus-admin-key-file") if each.error_code in KEY_WANTED else ""
    return states([what, hint] if hint else [what])


def _kept(facts: Facts, relay: CascadeRelay) -> Iterator[str]:
    """What this version does not give back."""
    request = bound(facts, relay)
    got = any(each.arrived for each in arrivals(facts, relay))
    if request is not None and got and (relay.version or 0) < PORTS_FREED_SINCE:
        yield say(
            "this version keeps the ports {port} and {rtcp_port} until it is restarted (as of 1.2.2 no more)",
            port=request.port,
            rtcp_port=request.rtcp_port,
        )


def _flow(each: CascadeFlow) -> str:
    if each.by == "here":
        return say(
            "{arrived} of {sent} packets sent to {endpoint} from here arrived",
            arrived=each.arrived,
            sent=each.sent,
            endpoint=each.endpoint,
        )
    if not each.passed:
        return say("no publisher of natprobe's own could be forwarded from the target")
    what = say(
        "{arrived} of {passed} packets forwarded by the target arrived", arrived=each.arrived, passed=each.passed
    )
    late = say("about {ms:.0f} ms on the way", ms=each.delay_ms) if each.delay_ms is not None else ""
    fit = suits(each)
    if fit is False:
        return explained(clauses(what, late), say("too poor for a good call"))
    return clauses(what, late, say("which suits a call") if fit else "")
