"""The media port answers nobody

Authenticated checks were sent to the media port, which must answer them, and nothing came back, not even an
error.

How it shows: the meeting opens and stays without sound and picture, for everybody who comes by this way.

What it can be, and seen from the client alone it looks the same: the server's firewall or its cloud's
security group drops the port; the router in front does not forward it; nothing listens behind a dropping
firewall; or a firewall in *this* network drops that port. A second vantage, or the server itself, tells them
apart.

Of a Jitsi, only addresses that a client could reach are judged, and only in a session: without one its bridge answers
nobody, open or not (`nc -u` and every bare STUN packet are met with silence). Where the advertised address is not one
of the server's name, it may be that address that is wrong.

A Janus has a port of its own for every client, out of `rtp_port_range` (janus.jcfg, section media), which it tells
nobody: the range that stands there has to be the one that is let in (janus-ports-outside-range).

Several reports together narrow it down: `natprobe diagnose here.json outside.json server.json`, where server.json is
of `natprobe inspect` or `natprobe serve --watch` on the server. What they decide has a finding of its own in this
one's place.

Where the other end is a `natprobe serve` that the check can ask over TCP, the two halves tell the direction: what never
arrived there was lost on its way to the server's own socket; what arrived and was answered was lost on the way back, by
a firewall that keeps in the server's answers, or by one here that lets none of them in.

Where routers on the way answer packets with few hops to live, the report says how far the lost ones come. Are they
answered by the last router before the server, this network lets them out: then the server's side drops them, or its
answers are lost on their way back. Are they lost before, that is media-port-blocked-here.

What to do: run the check from another network; then open and forward the port on the server's side, or open it in
this network's firewall. On the server, `sudo natprobe serve --watch --udp 10000` while the check runs tells which:
packets that do not arrive are lost before the server, those that arrive and stay without answer in its own firewall.

Sources: RFC 8445 section 7.2.5, measured: a firewall that drops and a closed port behind it are both silent.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from natprobe.derive import anything_back, arrival, media_checks, silent, target_addresses, udp_works
from natprobe.derive.advertised import accused, inner_address, offered
from natprobe.derive.cookie import stun_dropped
from natprobe.derive.deciding import Decided
from natprobe.derive.place import lost_before
from natprobe.derive.proxies import reached
from natprobe.derive.unproxied import no_way_for_udp
from natprobe.facts import (
    Arrived,
    Binding,
    Candidate,
    Facts,
    HopName,
    IceCheck,
    OtherPayload,
    PoolCheck,
    Resolved,
    Run,
    Trail,
    Watched,
    ids,
    server_kind,
)
from natprobe.fixes import media_server, more_servers
from natprobe.model import Address, Allow, Alternative, Do, Endpoint, Family, Fix, Where, family, split
from natprobe.rules import CLEAR, NOT_APPLICABLE, Found, Judgement, alternative
from natprobe.rules._candidates import checks_to, places
from natprobe.rules._place import first, placed
from natprobe.rules._together import WATCH, judged, server_of
from natprobe.wording import listed, mark, phrase

READS = (IceCheck, Binding, OtherPayload, Run, Candidate, Resolved, PoolCheck, Arrived, Watched, Trail, HopName)

_ONE = mark("UDP port {endpoint} never answered: {tries} authenticated checks got nothing back")
_SEVERAL = mark("UDP to {endpoint} was never answered: {tries} authenticated checks got nothing back")
_ELSEWHERE = mark(
    "Run the same check from another network, such as a phone's hotspot: if it works there, UDP port {ports} is shut in"
    " this network's firewall, if not, at the server"
)
_ELSEWHERE_SEVERAL = mark(
    "Run the same check from another network, such as a phone's hotspot: if it works there, UDP ports {ports} are shut"
    " in this network's firewall, if not, at the server"
)
_TOGETHER = {
    "networks": mark(
        "UDP port {endpoint} answers none of several networks: {tries} authenticated checks got nothing back"
    ),
    "narrowed": mark(
        "UDP port {endpoint} never answered {clients}: {tries} authenticated checks got nothing back, and"
        " what the"
        " server says rules out some causes only"
    ),
}


def check_together(vantages: Sequence[Facts]) -> Judgement:
    """What stays open when the others' words have ruled out what they can."""
    return judged(vantages, "media-port-silent", _TOGETHER, _open_it)


def _open_it(found: Decided) -> tuple[Fix, ...]:
    look = Do(
        text=phrase("First find out which it is: {look}", look=phrase(WATCH, **found.args)),
        audience="server",
    )
    return (look, *_at_the_server(server_of(found), found.asked.address, [found.asked.port]))


def check(facts: Facts) -> Judgement:
    """Not where UDP comes back from nowhere, or all of it but STUN: that is this network's doing, and udp-blocked,
    proxy-ignores-media or stun-filtered says it.
    """
    checks = media_checks(facts)
    if no_way_for_udp(facts):
        return CLEAR
    filtered = {each.endpoint for version in (4, 6) for each in stun_dropped(facts, version)}
    judged = accused(facts)
    mute = {each.endpoint for each in judged if silent(judged, each.endpoint)} - filtered
    mute -= set(lost_before(facts, mute))  # media-port-blocked-here's
    shut = [each for each in sorted(mute) if _testable(facts, family(split(each)[0]))]
    if shut:
        return [_found(facts, list(group)) for _, group in groupby(shut, key=lambda each: split(each)[0])]
    if mute and not any(each.failure is None for each in checks) and not _online(facts):
        return [_offline(facts, sorted(mute))]
    return CLEAR if checks else NOT_APPLICABLE


def _testable(facts: Facts, version: Family) -> bool:
    """In a family where nothing else comes back either, the port is not what is to blame."""
    return udp_works(facts, version) is not False and anything_back(facts, version)


def _online(facts: Facts) -> bool:
    return anything_back(facts, 4) or anything_back(facts, 6)


def _offline(facts: Facts, mute: list[str]) -> Found:
    return Found(
        message="Nothing answers over {protocols}, neither {endpoint} nor anything else that was tried: this machine is"
        " offline there, or its network lets nothing out but through a proxy",
        args={"endpoint": mute[0], "protocols": _tried(facts)},
        evidence=ids(media_checks(facts), facts.of(Binding)),
        where=Where.UNKNOWN,
        fixes=(
            Do(
                text="See whether this machine's browser opens any page: if none, it is offline; if it does, it goes"
                " through a proxy, and the network's administrator has to let media out",
                audience="user",
            ),
        ),
    )


def _tried(facts: Facts) -> str:
    families = sorted({family(split(each.endpoint)[0]) for each in media_checks(facts)})
    return listed(f"IPv{each}" for each in families)


def _found(facts: Facts, endpoints: list[Endpoint]) -> Found:
    """Of one address, the port; of a Janus those of all our handles."""
    address, seen = split(endpoints[0])[0], [split(each)[1] for each in endpoints]
    works, ports = udp_works(facts, family(address)), listed(map(str, seen))
    checks, told = checks_to(facts, endpoints), _counted(facts, endpoints)
    at = first(facts, endpoints)
    out = at is not None and at.edge and works is True and (told is None or told.message == _COUNTED["up"])
    alternatives = told.alternatives if told else _alternatives(facts, endpoints[0], works)
    found = Found(
        message=told.message if told else _SEVERAL if len(seen) > 1 else _ONE,
        args={"endpoint": places(endpoints), "tries": sum(each.tries for each in checks)} | (told.args if told else {}),
        evidence=ids(checks, told.seen if told else ()),
        where=Where.UNKNOWN if (told and not out) or works is None else None,
        alternatives=tuple(sorted(alternatives, key=lambda each: out and each.cause in _NEAR)),
        fixes=(
            Do(
                text=phrase(_ELSEWHERE_SEVERAL if len(seen) > 1 else _ELSEWHERE, ports=ports),
                audience="user",
            ),
            *_at_the_server(facts, address, seen),
        ),
    )
    return placed(facts, at, found)


# Where packets come to the last router before the server, and UDP comes back from others, these are possible only if
# the answers are lost on their way back: told last.
_NEAR = ("media-port-blocked-here", "udp-blocked")


class _Counted(NamedTuple):
    """What the server's own counts make of it: the direction."""

    message: str
    args: dict[str, int]
    alternatives: tuple[Alternative, ...]
    seen: tuple[Arrived | Watched, ...]


def _counted(facts: Facts, endpoints: list[Endpoint]) -> _Counted | None:
    """Where one endpoint was tried, as with any `natprobe serve`, and it could be asked."""
    way = arrival.lost(facts, endpoints[0]) if len(endpoints) == 1 else None
    if way is None:
        return None
    came = arrival.arrivals(facts, endpoints[0]) or []
    return _Counted(
        _COUNTED[way],
        {
            "sent": arrival.tries(facts, endpoints[0]),
            "arrived": sum(each.packets for each in came),
            "answered": sum(each.answered for each in came),
        },
        tuple(alternative(*each) for each in _LOST[way]),
        (*came, *facts.of(Watched, lambda each: each.proto == "udp")),
    )


_COUNTED = {
    "up": mark(
        "Not one of the {sent} checks to UDP port {endpoint} arrived at the server, where natprobe waits for them:"
        " they are lost on the way there"
    ),
    "down": mark(
        "{arrived} of the {sent} checks to UDP port {endpoint} arrived at the server, which answered {answered} of"
        " them, and no answer arrived here: the answers are lost on the way back"
    ),
    "unanswered": mark(
        "{arrived} of the {sent} checks to UDP port {endpoint} arrived at the server, and none of its answers"
        " could leave it"
    ),
}
_LOST = {
    "up": (
        ("media-port-blocked-here", "run the same check from another network"),
        ("firewall-closed", phrase("on the server: does `sudo natprobe serve --watch` see them arrive?")),
        ("cloud-firewall", "in the provider's console: is the port open in the security group?"),
        ("port-not-forwarded", "on the router in front of the server: is the port forwarded?"),
    ),
    "down": (
        ("egress-closed", phrase("on the server, its router and its cloud: may UDP leave from this port to anywhere?")),
        (
            "udp-blocked",
            phrase("run the same check from another network: if it works there, this one lets no answers in"),
        ),
        ("replies-from-other-address", phrase("on the server: do its answers leave by the address that was asked?")),
    ),
    "unanswered": (
        ("egress-closed", phrase("on the server: does its own firewall keep in what leaves from this port?")),
    ),
}


def _alternatives(facts: Facts, endpoint: Endpoint, works: bool | None) -> tuple[Alternative, ...]:
    """Of an address that is none of the name's, the address itself too; of a Janus, its range of ports."""
    port = split(endpoint)[1]
    found = [
        alternative("media-port-blocked-here", "run the same check from another network"),
        alternative("firewall-closed", "on the server: is the port open in its firewall?"),
        alternative("cloud-firewall", "in the provider's console: is the port open in the security group?"),
        alternative("port-not-forwarded", "on the router in front of the server: is the port forwarded?"),
        alternative("not-listening", phrase("on the server: ss -ulpn | grep {port}", port=port)),
    ]
    if server_kind(facts) == "janus":
        # A port is there while its session lives, so that looking for it later decides nothing.
        found[-1] = alternative("janus-ports-outside-range", _RANGE)
    if offered(facts) and split(endpoint)[0] not in target_addresses(facts):
        found.append(
            alternative(
                "wrong-address-advertised",
                phrase("on the server: is {address} its address?", address=split(endpoint)[0]),
            )
        )
    if works is None:
        found.insert(0, alternative("proxy-ignores-media" if reached(facts) else "udp-blocked", more_servers(facts)))
    return tuple(found)


_RANGE = phrase(
    "on the server: is rtp_port_range in janus.jcfg (section media) the very range that the firewall lets in?"
)


def _at_the_server(facts: Facts, address: Address, seen: list[int]) -> tuple[Fix, ...]:
    """Open the port; of a session's server that is behind a router, forward it as well."""
    inner = inner_address(facts) if offered(facts) else None
    if offered(facts):
        server = media_server(facts)
        forward = (server.forwarded(address, inner, seen),) if inner and inner != address else ()
        return (server.port_open(address, seen), *forward)
    return (
        Allow(
            proto="udp",
            ports=tuple(map(str, seen)),
            direction="in",
            to=address,
            at="the server's firewall and its cloud's security group",
            audience="server",
            why="media arrives over UDP on this port",
        ),
    )
