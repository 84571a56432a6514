"""A stranger's first packet, and whether a condition holds for it: no, for some senders only, perhaps, or yes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

from natprobe.servers.filters import Atom
from natprobe.servers.filters.ranges import PORT_MAX, Range, covers, public_share

# Ports that systems send from (RFC 6056 section 3.2, IANA's range and Linux's together), and what lies beyond doubt.
_SENT_FROM, _MOSTLY_FROM = (1024, PORT_MAX), (32768, 60999)


class Fit(IntEnum):
    """How a condition fits. Of several that have to hold the least counts, of several that may the greatest.

    SOME: for certain senders only, of whom the stranger is none.
    """

    NO = 0
    SOME = 1
    MAYBE = 2
    YES = 3


@dataclass
class Packet:
    """Where it is, and what has become of it. `until`: up to which port all that was asked so far has the same answer.

    `address` as a number; `own`: this host's addresses. `outgoing`: the interface that it is forwarded to, None: not
    known. `marked`: some rule may have marked it; `tracked`: connection tracking has seen it; `led`: DNAT has changed
    its destination.
    """

    family: Literal[4, 6]
    proto: str
    port: int
    address: int
    interface: str
    own: frozenset[int]
    outgoing: str | None = None
    until: int = PORT_MAX
    marked: bool = False
    tracked: bool = True
    led: bool = False
    untracked: Fit = Fit.NO
    first_address: int = 0
    first_port: int = 0

    def __post_init__(self) -> None:
        self.first_address, self.first_port = self.address, self.port

    def at(self, ports: tuple[Range, ...]) -> bool:
        """Whether its port is one of these. Notes up to which port the answer stays the same, which behind DNAT to
        another port is no matter.
        """
        port = self.port
        for low, high in ports:
            if low <= port <= high:
                if high < self.until and port == self.first_port:
                    self.until = high
                return True
            if port < low <= self.until and port == self.first_port:
                self.until = low - 1
        return False


def fits(atoms: tuple[Atom, ...], packet: Packet) -> Fit:
    """All of them together."""
    least = Fit.YES
    for atom in atoms:
        ask: Callable[[Any, Packet], Fit] = _FIELDS.get(atom.field, _maybe)
        found = ask(atom.values, packet)
        if atom.negated:
            found = _NEGATED[found]
        if found is Fit.NO:
            return found
        if found < least:
            least = found
    return least


# Whoever is named among those that are left out is no stranger.
_NEGATED = {Fit.NO: Fit.YES, Fit.SOME: Fit.YES, Fit.MAYBE: Fit.MAYBE, Fit.YES: Fit.NO}


def _sure(holds: bool) -> Fit:
    return Fit.YES if holds else Fit.NO


def _maybe(_values: tuple[Any, ...], _packet: Packet) -> Fit:
    return Fit.MAYBE


def _any(values: tuple[tuple[Atom, ...], ...], packet: Packet) -> Fit:
    """Alternatives: the elements of a set of several fields."""
    best = Fit.NO
    for atoms in values:
        best = max(best, fits(atoms, packet))
        if best is Fit.YES:
            break
    return best


def _family(values: tuple[int, ...], packet: Packet) -> Fit:
    return _sure(packet.family in values)


def _proto(values: tuple[str, ...], packet: Packet) -> Fit:
    return _sure(packet.proto in values)


def _dport(values: tuple[Range, ...], packet: Packet) -> Fit:
    return _sure(packet.at(values))


def _first_port(values: tuple[Range, ...], packet: Packet) -> Fit:
    packet.until = packet.first_port
    return _sure(covers(values, packet.first_port))


def _sport(values: tuple[Range, ...], _packet: Packet) -> Fit:
    if any(low <= _MOSTLY_FROM[0] and high >= _MOSTLY_FROM[1] for low, high in values):
        return Fit.YES
    return Fit.MAYBE if any(high >= _SENT_FROM[0] for _, high in values) else Fit.NO


def _saddr(values: tuple[Range, ...], packet: Packet) -> Fit:
    return (Fit.NO, Fit.SOME, Fit.YES)[public_share(values, packet.family)]


def _daddr(values: tuple[Range, ...], packet: Packet) -> Fit:
    return _sure(covers(values, packet.address))


def _first_address(values: tuple[Range, ...], packet: Packet) -> Fit:
    return _sure(covers(values, packet.first_address))


def _named(values: tuple[str, ...], name: str) -> Fit:
    return _sure(any(name == each or (each[-1:] == "*" and name.startswith(each[:-1])) for each in values))


def _iif(values: tuple[str, ...], packet: Packet) -> Fit:
    return _named(values, packet.interface)


def _oif(values: tuple[str, ...], packet: Packet) -> Fit:
    return Fit.MAYBE if packet.outgoing is None else _named(values, packet.outgoing)


def _state(values: tuple[str, ...], packet: Packet) -> Fit:
    """Connection tracking's words: what nobody has seen before is new, unless a rule keeps it from being tracked.
    Before tracking itself everything is invalid.
    """
    if not packet.tracked:
        return _sure("invalid" in values)
    if packet.led and "dnat" in values:
        return Fit.YES
    if packet.untracked is Fit.MAYBE:
        return Fit.MAYBE if {"new", "untracked"} & set(values) else Fit.NO
    return _sure(("untracked" if packet.untracked is Fit.YES else "new") in values)


def _status(values: tuple[str, ...], packet: Packet) -> Fit:
    if "dnat" in values:
        return _sure(packet.led)
    return Fit.NO if set(values) <= {"expected", "seen-reply", "assured", "confirmed", "snat", "dying"} else Fit.MAYBE


def _daddr_type(values: tuple[str, ...], packet: Packet) -> Fit:
    here = packet.address in packet.own
    return _sure(("local" if here else "unicast") in values)


def _saddr_type(values: tuple[str, ...], _packet: Packet) -> Fit:
    return _sure("unicast" in values)


def _mark(values: tuple[bool, ...], packet: Packet) -> Fit:
    """`values`: whether a packet without a mark fits, as a new one is until a rule marks it."""
    return Fit.MAYBE if packet.marked else _sure(values[0])


def _flags(values: tuple[frozenset[str], frozenset[str]], packet: Packet) -> Fit:
    """TCP's flags under a mask: the first packet has SYN alone (RFC 9293 section 3.5)."""
    mask, wanted = values
    return _sure(packet.proto == "tcp" and ({"syn"} & mask if mask else {"syn"}) == wanted)


_FIELDS: dict[str, Callable[[Any, Packet], Fit]] = {
    "any": _any,
    "family": _family,
    "proto": _proto,
    "dport": _dport,
    "first-port": _first_port,
    "sport": _sport,
    "saddr": _saddr,
    "daddr": _daddr,
    "first-address": _first_address,
    "iif": _iif,
    "oif": _oif,
    "state": _state,
    "status": _status,
    "daddr-type": _daddr_type,
    "saddr-type": _saddr_type,
    "mark": _mark,
    "flags": _flags,
    "sources": lambda _values, _packet: Fit.SOME,
    "yes": lambda _values, _packet: Fit.YES,
    "no": lambda _values, _packet: Fit.NO,
    "maybe": _maybe,
}
