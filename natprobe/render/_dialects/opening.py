"""What a firewall is to let through, or a router to lead on, with every value checked: parts of lines to copy.

What stands in a line is only what no shell and no rule's syntax makes anything of; what is not so gets no line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from natprobe.facts import Resolved, StunServer, TurnServer
from natprobe.model import Allow, Family, Forward, Observation, family, split
from natprobe.target import is_address

# To this host, out of it, or through a router or firewall between others.
Way = Literal["in", "out", "through"]

_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_NAME = re.compile(r"(?!-)[0-9A-Za-z.-]{1,253}")
_PORT = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
_ENDPOINT = re.compile(r"(?:[0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")
# As rules write several ports of one router: `203.0.113.9, the ports 5000 and 5001`.
_SEVERAL = re.compile(r"(\S+), the ports ([0-9][0-9 and-]*)")
_SAME = "the same ports of "
# So many addresses stand in a line: a name that has more is written as a name.
_ADDRESSES_MAX = 4


class Opening(NamedTuple):
    """`ports`: `10000` or `20000-20049`. `own`: they are the sender's, whoever it sends to. `name`: whom it goes to,
    where no `addresses` of that name are known; neither: to anybody.
    """

    proto: str
    ports: tuple[str, ...]
    way: Way
    addresses: tuple[str, ...]
    name: str
    own: bool
    families: tuple[Family, ...]

    def of(self, version: Family) -> tuple[str, ...]:
        """The addresses of this family, or the name; empty: anybody's."""
        return tuple(each for each in self.addresses if family(each) == version) or ((self.name,) if self.name else ())


class Forwarding(NamedTuple):
    """Of each port the outside and the inside one."""

    proto: str
    outside: str
    inside: str
    ports: tuple[tuple[str, str], ...]


def opening(fix: Allow, known: Sequence[Observation]) -> Opening | None:
    """None: something of it can't be written, as ports that are told in words."""
    ports = _ports(fix.ports)
    way: Way = "in" if fix.direction == "in" else "through" if fix.audience == "network" else "out"
    own = way != "in" and fix.to == "any" and _address(fix.from_)
    if not ports or not (fix.from_ == "any" or own):
        return None
    if way == "in" or fix.to == "any":
        return Opening(fix.proto, ports, way, (), "", own, (fix.family,) if fix.family else (4, 6))
    if not (_address(fix.to) or _NAME.fullmatch(fix.to)):
        return None
    found = _addresses(fix.to, known)
    families = tuple(dict.fromkeys(map(family, found))) or (4, 6)
    return Opening(fix.proto, ports, way, found, "" if found else fix.to, own, families)


def forwarding(fix: Forward) -> Forwarding | None:
    """None: as above."""
    if _ENDPOINT.fullmatch(fix.outside) and _ENDPOINT.fullmatch(fix.inside):
        (outside, outer), (inside, inner) = split(fix.outside), split(fix.inside)
        pairs: tuple[tuple[str, str], ...] = ((str(outer), str(inner)),)
    else:
        several = _SEVERAL.fullmatch(fix.outside)
        if several is None or not fix.inside.startswith(_SAME):
            return None
        outside, inside = several[1], fix.inside.removeprefix(_SAME)
        pairs = tuple((each, each) for each in _ports((several[2],)))
    if not pairs or not all(_port(each) for pair in pairs for each in pair):
        return None
    alike = _address(outside) and _address(inside) and family(outside) == family(inside)
    return Forwarding(fix.proto, outside, inside, pairs) if alike else None


def _ports(words: Sequence[str]) -> tuple[str, ...]:
    """Empty where one of them is no port, and no two joined by `and`."""
    each = [port for word in words for port in word.split(" and ")]
    return tuple(dict.fromkeys(each)) if all(map(_port, each)) else ()


def _port(word: str) -> bool:
    found = _PORT.fullmatch(word)
    return found is not None and int(found[1]) <= int(found[2] or found[1]) <= 65535


def _address(word: str) -> bool:
    """Of the wide world: a zone is anybody's text."""
    return _ADDRESS.fullmatch(word) is not None and is_address(word)


def _addresses(name: str, known: Sequence[Observation]) -> tuple[str, ...]:
    """Those that the run has seen of it; none of a name that has very many."""
    if _address(name):
        return (name,)
    found: dict[str, None] = {}
    for each in known:
        if isinstance(each, Resolved) and each.name == name:
            found |= dict.fromkeys(each.addresses)
        elif isinstance(each, (StunServer, TurnServer)) and each.host == name and each.address:
            found[each.address] = None
    plain = tuple(filter(_address, found))
    return plain if len(plain) <= _ADDRESSES_MAX else ()
