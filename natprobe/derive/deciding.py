"""One cause for every endpoint that a client fails at, from what several vantages know of it together. Pure.

A client alone can't tell a dropped packet from a dropped answer, nor where either was lost. Each function of `_ORDER`
knows one set of causes and answers None where it has nothing to say; the first answer counts, so that no endpoint has
two causes. What stays open is said with what is no longer possible left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from natprobe.derive.advertised import offered, outside_addresses
from natprobe.derive.joint import Asked, failing, name_of
from natprobe.derive.listening import Holder, covers, near_only
from natprobe.derive.needs import needs
from natprobe.derive.own_port import (
    choosing,
    entries,
    inner,
    lets_in,
    own_addresses,
    seat,
    seated_by,
    shutting,
)
from natprobe.derive.passing import of_container
from natprobe.derive.programs import is_program, passes_on
from natprobe.facts import Facts, Listening, LocalAddress, Sockets, server_kind
from natprobe.model import Observation, family, split
from natprobe.wording import listed, phrase

# Who is to have the media port, by what the target is.
_PROGRAMS: dict[str, str] = {"jitsi": "jvb", "janus": "janus", "natprobe": "natprobe"}
_NONE: Mapping[str, object] = MappingProxyType({})


class Decided(NamedTuple):
    """The cause. `words`: which of the rule's sentences; `left`: the causes that stay possible beside it."""

    asked: Asked
    cause: str
    words: str
    args: dict[str, object]
    evidence: tuple[int, ...]
    left: tuple[str, ...] = ()


def decided(vantages: Sequence[Facts], cause: str) -> list[Decided]:
    """Where this is the cause."""
    return [found for asked in failing(vantages) if (found := _decide(asked)) and found.cause == cause]


def _decide(asked: Asked) -> Decided | None:
    for judge in _ORDER:
        if (found := judge(asked)) is not None:
            return found
    return None


def _said(
    asked: Asked,
    cause: str,
    words: str,
    evidence: Sequence[int] = (),
    left: tuple[str, ...] = (),
    also: Mapping[str, object] = _NONE,
) -> Decided:
    """With what all sentences may say."""
    args = {
        "endpoint": asked.endpoint,
        "address": asked.address,
        "port": asked.port,
        "tries": sum(each.tries for each in asked.checks),
        "others": _names(asked.passing),
        "clients": _names(asked.failing),
    }
    ids = {*(each.id for each in asked.checks), *evidence}
    return Decided(asked, cause, words, {**args, **also}, tuple(sorted(ids)), left)


def _names(vantages: Sequence[Facts]) -> str:
    return listed(sorted({name_of(each) for each in vantages}))


def _another_gets_through(asked: Asked) -> Decided | None:
    """The port is open to somebody: it is the way from here, be it that the server lets in some only."""
    if not asked.passing:
        return None
    proof = tuple(each.id for each in asked.proof)
    if asked.inside and len(asked.inside) == len(asked.failing):
        return _said(asked, "hairpin-missing", "proven", proof)
    chosen = choosing(asked.passages)
    if chosen:
        rule = {"rule": chosen[0].rule, "chain": chosen[0].chain}
        return _said(asked, "firewall-closed", "sources", (*proof, *(each.id for each in chosen)), also=rule)
    arrived = [each for found in asked.arrivals() for each in found.here]
    left: tuple[str, ...] = () if arrived else _at_the_server(asked)
    seen = tuple(each.id for each in arrived)
    return _said(asked, "media-port-blocked-here", "back" if arrived else "out", (*proof, *seen), left=left)


def _at_the_server(asked: Asked) -> tuple[str, ...]:
    """What may let in some and not others there."""
    return ("cloud-firewall",) if lets_in(asked.passages) else ("firewall-closed", "cloud-firewall")


def _other_server(asked: Asked) -> Decided | None:
    """What clients ask is an address that this server has nothing to do with."""
    if not asked.servers or seat(asked.servers, asked.address) != "nowhere":
        return None
    if any(found.here for found in asked.arrivals()):
        return None
    own, evidence = listed(own_addresses(asked.servers)), seated_by(asked.servers)
    advertised = any(each.endpoint == asked.endpoint for client in asked.failing for each in offered(client))
    if advertised and asked.holders != []:  # a page's host without a bridge tells of other machines
        return _said(asked, "advertised-not-public", "asked", evidence, also={"own": own})
    return _said(asked, "vantages-disagree", "address", evidence, also={"own": own})


def _not_bound(asked: Asked) -> Decided | None:
    """Nobody has the port, or not at the address that packets come to."""
    found = asked.holders
    if found is None or not asked.lasting:
        return None
    tables = [each.id for facts in asked.servers for each in facts.ok(Sockets)]
    if not found:
        return _said(asked, "not-listening", "nobody", tables, left=() if _is_here(asked) else ("vantages-disagree",))
    entry = entries(asked.servers, asked.address)
    if not entry or any(covers(each, address) for each in found for address in entry):
        return None
    words = {"there": listed(sorted({each.address or "" for each in found})), "program": _holder(found[0])}
    loopback = all(near_only(each) for each in found)
    cause = "loopback-only" if loopback else "listening-on-other-address"
    return _said(asked, cause, "together", _ids(found), also=words)


def _is_here(asked: Asked) -> bool:
    """Whether the media server is surely to be on this very machine: behind one router there may be several."""
    told = [each for facts in asked.servers for each in needs(facts) if (each.proto, each.role) == ("udp", "media")]
    if any(each.port <= asked.port <= each.port_end for each in told):
        return True
    return seat(asked.servers, asked.address) in ("interface", "cloud") or any(e.here for e in asked.arrivals())


def _ids(observed: Sequence[Observation]) -> list[int]:
    return [each.id for each in observed]


def _holder(holder: Holder) -> str:
    """Who it is, in a sentence."""
    return (holder.process if isinstance(holder, Listening) else phrase("a container")) or phrase(
        "a process that is hidden from us"
    )


def _wrong_program(asked: Asked) -> Decided | None:
    """The port is taken by what is no media server."""
    program = _PROGRAMS.get(server_kind(asked.failing[0]))
    found = asked.holders
    if not program or not found or any(_may_be(each, program) for each in found):
        return None
    return _said(asked, "port-held-by-other", "together", _ids(found), also={"program": _holder(found[0])})


def _may_be(holder: Holder, program: str) -> bool:
    """Whether it is this program, or hides what it is."""
    return not isinstance(holder, Listening) or passes_on(holder) or is_program(holder, program) is not False


def _own_filter(asked: Asked) -> Decided | None:
    """The host's own packet filter shuts it, and nothing shows that packets don't even come so far."""
    shut = shutting(asked.passages)
    lost_before = any(found.known is False and found.on_wire for found in asked.arrivals())
    if not shut or lost_before:
        return None
    rule = {"rule": shut[0].rule or shut[0].outcome, "chain": shut[0].chain or "policy"}
    arrived = [each.id for found in asked.arrivals() for each in found.here]
    led = any(of_container(facts, each) for facts in asked.servers for each in shut)
    cause = "firewall-conflicts-with-docker" if led else "firewall-closed"
    return _said(asked, cause, "together", [*_ids(shut), *arrived], also=rule)


def _arrives(asked: Asked) -> Decided | None:
    """Packets come to the host, past its filter, and nothing comes back to the client."""
    found = [each for each in asked.arrivals() if each.here]
    if not found:
        return None
    seen = [each for arrived in found for each in arrived.here]
    answers, evidence = sum(each.answered for each in seen), [each.id for each in seen]
    came = {"sender": seen[0].sender, "packets": sum(each.packets for each in seen), "answers": answers}
    if answers:
        return _said(asked, "egress-closed", "answered", evidence, left=("media-port-blocked-here",), also=came)
    if any(not isinstance(each, Listening) or passes_on(each) for each in asked.holders or []):
        return _said(asked, "not-listening", "container", evidence, also=came)
    if not any(each.by == "interface" for each in seen):
        return _said(asked, "egress-closed", "unsent", evidence, also=came)
    left = () if lets_in(asked.passages) else ("firewall-closed",)
    if asked.holders:
        return _said(asked, "egress-closed", "unanswered", evidence, left=(*left, "media-refuses-check"), also=came)
    return _said(asked, "not-listening", "arrived", evidence, left=(*left, "egress-closed"), also=came)


def _goes_elsewhere(asked: Asked) -> Decided | None:
    """The client's packets come to another port, or by another protocol."""
    other = [each for found in asked.arrivals() if not found.here for each in found.other]
    moved = [each for each in other if each.proto == "udp"]
    if moved:
        return _said(asked, "forwarded-elsewhere", "port", [each.id for each in moved], also={"there": moved[0].local})
    return None


def _upstream(asked: Asked) -> Decided | None:
    """Nothing of it arrives: it is lost before the host, by whoever stands there."""
    found = asked.arrivals()
    if not found or any(each.known is not False for each in found):
        return None
    if lets_in(asked.passages) is None and not all(each.on_wire for each in found):
        return None  # our own socket sees nothing of what the host's filter drops
    watched = [each.id for one in found for each in one.watched]
    evidence = [*watched, *seated_by(asked.servers), *(each.id for each in asked.passages)]
    strangers = [each for one in found for each in one.strangers]
    if len(asked.inside) == len(asked.failing):
        proof = [*evidence, *(each.id for each in strangers)]
        inside: tuple[str, ...] = () if strangers else ("port-not-forwarded",)
        return _said(asked, "hairpin-missing", "watched", proof, left=inside)
    if strangers:
        proof = [*evidence, *(each.id for each in strangers)]
        return _said(asked, "media-port-blocked-here", "strangers", proof, left=("cloud-firewall",))
    if asked.how == "refused":
        return _said(asked, "forwarded-elsewhere", "refused", evidence, left=_before(asked))
    if asked.how == "unreached":
        return _said(asked, "forwarded-elsewhere", "unreached", evidence)
    return _before_host(asked, evidence)


def _before(asked: Asked) -> tuple[str, ...]:
    return ("cloud-firewall",) if seat(asked.servers, asked.address) in ("interface", "cloud") else _ROUTER[:1]


_ROUTER = ("port-not-forwarded", "forwarded-elsewhere")


def _before_host(asked: Asked, evidence: Sequence[int], certain: bool = True) -> Decided | None:
    """By where the public address is: with the provider, or at a router that should forward."""
    place = seat(asked.servers, asked.address)
    only = () if len(asked.failing) > 1 or not certain else ("media-port-blocked-here",)
    if place in ("interface", "cloud"):
        return _said(asked, "cloud-firewall", place, evidence, left=only)
    over_tcp = [each for one in asked.arrivals() for each in one.other if each.proto == "tcp"]
    same_port = [each for each in over_tcp if split(each.local)[1] == asked.port]
    there = {"inner": inner(asked.servers, family(asked.address)) or ""}
    if same_port:
        return _said(asked, "port-not-forwarded", "protocol", [*evidence, *(each.id for each in same_port)], also=there)
    return _said(asked, "port-not-forwarded", "together", evidence, left=("forwarded-elsewhere", *only), also=there)


def _refused_by_another(asked: Asked) -> Decided | None:
    """The server has the port, lets strangers in, and yet "closed" comes back from its address."""
    if asked.how != "refused" or not asked.holders or shutting(asked.passages):
        return None
    evidence = [*_ids(asked.holders), *_ids(asked.passages)]
    place = seat(asked.servers, asked.address)
    left = _before(asked) if lets_in(asked.passages) else (*_before(asked), "firewall-closed")
    if place == "interface":
        return _said(asked, "cloud-firewall", "refused", evidence, left=left[1:])
    return _said(asked, "forwarded-elsewhere", "refused", [*evidence, *seated_by(asked.servers)], left=left)


def _by_two_networks(asked: Asked) -> Decided | None:
    """From several networks, past a server that is ready: it is lost between."""
    networks = {frozenset(_network(each)) for each in asked.failing} - {frozenset()}
    if len(networks) < 2 or asked.how != "silent":
        return None
    if asked.holders and lets_in(asked.passages):
        evidence = [*_ids(asked.holders), *_ids(asked.passages)]
        return _before_host(asked, [*evidence, *seated_by(asked.servers)], certain=False)
    return _said(asked, "media-port-silent", "networks", (), left=_possible(asked, ("media-port-blocked-here",)))


def _network(client: Facts) -> set[str]:
    """By which addresses it is known outside."""
    return outside_addresses(client) | {each.address for each in client.ok(LocalAddress) if each.scope == "public"}


def _narrowed(asked: Asked) -> Decided | None:
    """Nothing decides, but the server's word rules some causes out."""
    if not asked.servers or asked.how != "silent":
        return None
    left = _possible(asked, ())
    if set(left) >= set(_EDGE):
        return None
    evidence = [*_ids(asked.holders or []), *_ids(asked.passages)]
    if len(asked.inside) == len(asked.failing):
        return _said(asked, "hairpin-missing", "narrowed", evidence, left=tuple(e for e in left if e not in _HERE))
    return _said(asked, "media-port-silent", "narrowed", [*evidence, *seated_by(asked.servers)], left=left)


_HERE = ("media-port-blocked-here",)
_EDGE = ("media-port-blocked-here", "firewall-closed", "cloud-firewall", "port-not-forwarded", "not-listening")


def _possible(asked: Asked, out: tuple[str, ...]) -> tuple[str, ...]:
    """What a silent port may still be."""
    ruled_out = set(out)
    place = seat(asked.servers, asked.address) if asked.servers else None
    if asked.holders:
        ruled_out.add("not-listening")
    if lets_in(asked.passages):
        ruled_out.add("firewall-closed")
    if place == "interface":
        ruled_out.add("port-not-forwarded")
    if place == "router":
        ruled_out.add("cloud-firewall")
    return tuple(each for each in _EDGE if each not in ruled_out)


_ORDER: tuple[Callable[[Asked], Decided | None], ...] = (
    _another_gets_through,
    _other_server,
    _not_bound,
    _wrong_program,
    _own_filter,
    _arrives,
    _goes_elsewhere,
    _upstream,
    _refused_by_another,
    _by_two_networks,
    _narrowed,
)
