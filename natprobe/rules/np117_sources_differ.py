"""This machine's addresses fare differently

The machine has several ways out (cable and wireless, two providers), or several addresses, and what works from one of
them does not work from another: nothing that is sent over UDP from there is answered, or nothing can be sent from there
at all.

How it shows: a browser tries every address, so most calls work, some of them late. A program that takes the one
address, or a machine that prefers it after the next start, is silent. It looks as if the fault came and went.

What to do: for calls use the interface that works: switch the other one off, or give the good one the smaller routing
metric. Where the other one is to be used too, its router has to let UDP out. An address that nothing can be sent from
is mostly one of IPv6 that another device has as well (duplicate address detection), or that has just gone.

Sources: RFC 8445 section 5.1.1.1 (candidates from every address), RFC 8828 section 5.2, RFC 4862 section 5.4.
"""

from natprobe.derive import SILENT_TRIES, WAY_OUT, bindings, came_back
from natprobe.derive.per_source import PerSource, back, per_source, to
from natprobe.facts import Binding, DefaultRoute, Facts, IceCheck, LocalAddress, Run, SourceAddress, ids
from natprobe.fixes import more_servers
from natprobe.model import Do, Endpoint, Failure, Family, Fix, Severity
from natprobe.rules import CLEAR, NOT_APPLICABLE, CouldNotTell, Found, Judgement
from natprobe.wording import mark, phrase

READS = (Binding, IceCheck, LocalAddress, DefaultRoute, SourceAddress, Run)

_WORDS = {
    True: mark(
        "UDP from {address} ({interface}) gets no answer, though TCP from there does and UDP from {other}"
        " ({other_interface}) works"
    ),
    False: mark(
        "Nothing sent from {address} ({interface}) is answered, over UDP or TCP, while {other} ({other_interface})"
        " works"
    ),
    None: mark("UDP from {address} ({interface}) gets no answer, while {other} ({other_interface}) works"),
}


def check(facts: Facts) -> Judgement:
    """Tunnels are vpn-splits-path's business; a whole family without answers is udp-blocked's or ipv6-broken's."""
    families: tuple[Family, ...] = (4, 6)
    asked = {version: per_source(facts, version) for version in families}
    ghosts = [each for several in asked.values() for each in several if each.refused is Failure.ADDRESS_NOT_LOCAL]
    found, doubts = [_unusable(each) for each in ghosts], False
    for version, several in asked.items():
        outward = [each for each in several if each.scope in WAY_OUT[version] and each.scope != "tunnel"]
        for each, other in _compared(outward):
            silent = _silent(facts, version, each, other)
            found += [_found(facts, version, each, other)] if silent else []
            doubts = doubts or silent is None
    if found:
        return found
    if doubts:
        return CouldNotTell(reason="few-servers", ask=more_servers(facts))
    return CLEAR if any(len(several) > 1 for several in asked.values()) else NOT_APPLICABLE


def _compared(outward: list[PerSource]) -> list[tuple[PerSource, PerSource]]:
    """Each address of an interface where nothing was heard, beside one that hears: an interface with a second address
    that leads nowhere (a cloud's inner one, an old prefix) loses nothing by it.
    """
    works = [each for each in outward if each.answered]
    alive = {each.interface for each in works}
    return [(each, works[0]) for each in outward if works and each.interface not in alive and not each.refused]


def _silent(facts: Facts, version: Family, each: PerSource, other: PerSource) -> bool | None:
    """Never from few tries; and never of an address that nobody said leads out."""
    routed = facts.ok(DefaultRoute, lambda route: route.family == version and route.interface == each.interface)
    if not routed and not each.tcp_works(()):
        return False
    tries, rejected = each.unheard(to(answered) for answered in other.udp if back(answered))
    return True if rejected or tries >= SILENT_TRIES else None


def _found(facts: Facts, version: Family, each: PerSource, other: PerSource) -> Found:
    tcp = each.tcp_works(_answering_tcp(facts))
    first = _preferred(facts, version, each)
    return Found(
        message=_WORDS[tcp],
        args={
            "address": each.address,
            "interface": each.interface,
            "other": other.address,
            "other_interface": other.interface,
        },
        evidence=ids(list(each.udp), each.tcp, next(answered for answered in other.udp if back(answered))),
        severity=None if first else Severity.NOTE,
        fixes=_fixes(each.interface, other.interface, first, tcp),
    )


def _answering_tcp(facts: Facts) -> list[Endpoint]:
    return [each.server for each in bindings(facts, "tcp") if came_back(each)]


def _preferred(facts: Facts, version: Family, each: PerSource) -> bool:
    """Whether the system itself takes this address, or its interface, where nobody chooses."""
    taken = facts.ok(SourceAddress, lambda source: source.local == each.address)
    routes = facts.ok(DefaultRoute, lambda route: route.family == version)
    return bool(taken) or bool(routes and routes[0].interface == each.interface)


def _fixes(interface: str, other: str, first: bool, tcp: bool | None) -> tuple[Fix, ...]:
    if first:
        words = phrase(
            "For calls use {other}: switch {interface} off, or give {other} the smaller routing metric",
            other=other,
            interface=interface,
        )
    else:
        words = phrase(
            "Leave {other} the smaller routing metric; where calls still start late, switch {interface} off",
            other=other,
            interface=interface,
        )
    prefer = Do(text=words, audience="user")
    if tcp is False:
        return (prefer,)
    return prefer, Do(
        text=phrase("Let UDP out at the router behind {interface} too", interface=interface), audience="network"
    )


def _unusable(each: PerSource) -> Found:
    return Found(
        message="This machine lists {address} ({interface}) among its addresses and lets nothing be sent from it",
        args={"address": each.address, "interface": each.interface},
        evidence=ids(list(each.udp)),
        severity=Severity.NOTE,
        fixes=(
            Do(
                text=phrase(
                    "Connect {interface} again; where {address} stays unusable, see whether another device has"
                    " the same address",
                    interface=each.interface,
                    address=each.address,
                ),
                audience="user",
            ),
        ),
    )
