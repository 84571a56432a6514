"""What the rules say of the place where packets are lost (derive/place.py)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from natprobe.derive.arrival import Carrier
from natprobe.derive.place import Place, name_of, place
from natprobe.facts import Facts
from natprobe.fixes import BORDER
from natprobe.model import Address, Endpoint, Where
from natprobe.rules import Found
from natprobe.wording import mark, phrase

_PLACED = mark("{finding}; {place}")
_EDGE = mark("packets get as far as {last}, the last router before the server")
_BETWEEN = mark("packets come to {last} and no further, while {control} comes to {next} behind it")
_NEVER = mark("packets do not even come to {next}, the first router that answers, while {control} does")
_AS_FAR = mark("packets get as far as {last} at least")
_BEHIND = mark("the firewall at {last}, or at {next} right behind it")
# By what is lost, and what comes further.
_CONTROLS = {
    ("udp", "port"): phrase("UDP to another port of the same server"),
    ("udp", "payload"): phrase("UDP that is no STUN of today"),
    ("udp", "tcp"): phrase("TCP"),
    ("tcp", "port"): phrase("TCP to another port of the same server"),
    ("tcp", "udp"): phrase("UDP"),
}


def first(facts: Facts, endpoints: Iterable[Endpoint], transport: Carrier = "udp") -> Place | None:
    """Of the first of these that was followed."""
    return next((found for each in endpoints if (found := place(facts, each, transport))), None)


def placed(facts: Facts, at: Place | None, found: Found) -> Found:
    """With the place behind the sentence, where it is known, and what it tells programs. Where packets are lost before
    the server's network, it says whose the cause is; how near they come says nothing of the answers' way back.
    """
    if at is None:
        return found
    known = at.before_server and at.where is not Where.UNKNOWN
    return msgspec.structs.replace(
        found,
        message=phrase(_PLACED, finding=phrase(found.message, **found.args), place=words(facts, at)),
        args=found.args | {"last": at.last, "next": at.next},
        evidence=tuple(sorted({*found.evidence, *at.evidence})),
        where=at.where if known else found.where,
    )


def words(facts: Facts, found: Place) -> str:
    """How far they come."""
    last, behind = (router(facts, each) if each else "" for each in (found.last, found.next))
    template = _EDGE if found.edge else _AS_FAR if not behind else _BETWEEN if last else _NEVER
    return phrase(template, last=last, next=behind, control=_CONTROLS.get((found.transport, found.control), ""))


def firewall(facts: Facts, found: Place | None) -> str:
    """Which one loses them: at one of two routers, where both are known, and in the networks before the server's."""
    if found is None or found.next is None or not found.before_server:
        return BORDER
    behind = router(facts, found.next)
    return phrase(_BEHIND, last=router(facts, found.last), next=behind) if found.last else behind


def router(facts: Facts, address: Address) -> str:
    """With its name, where it has one."""
    name = name_of(facts, address)
    return phrase("{address} ({name})", address=address, name=name) if name else address
