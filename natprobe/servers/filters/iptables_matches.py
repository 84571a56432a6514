"""The conditions of one of iptables' rules. What it doesn't know may hold."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from natprobe.servers.filters import Atom
from natprobe.servers.filters.ranges import PORT_MAX, Range, network

# Options of matches that change nothing: comments, names, what belongs to another option.
_NOTHING: dict[str, int] = {
    "--comment": 1,
    "--limit-burst": 1,
    "--hashlimit-burst": 1,
    "--hashlimit-mode": 1,
    "--hashlimit-name": 1,
    "--hashlimit-srcmask": 1,
    "--hashlimit-dstmask": 1,
    "--hashlimit-htable-size": 1,
    "--hashlimit-htable-max": 1,
    "--hashlimit-htable-expire": 1,
    "--hashlimit-htable-gcinterval": 1,
    "--connlimit-mask": 1,
    "--connlimit-saddr": 0,
    "--connlimit-daddr": 0,
    "--name": 1,
    "--mask": 1,
    "--rsource": 0,
    "--rdest": 0,
    "--seconds": 1,
    "--hitcount": 1,
    "--reap": 0,
    "--rttl": 0,
    "--set": 0,
    "--return-nomatch": 0,
    "--loose": 0,
    "--validmark": 0,
    "--accept-local": 0,
    "--dir": 1,
    "--strict": 0,
}
# Matches whose options, all in these tables, say what they ask. Of any other one a part may be left unsaid.
_HEADERS = ("tcp", "udp", "udplite", "icmp", "icmp6", "icmpv6", "multiport", "addrtype", "iprange", "pkttype")
_STATES = ("conntrack", "state", "mark", "connmark", "set", "recent", "rpfilter", "policy", "comment")
_MODULES = frozenset((*_HEADERS, *_STATES, "limit", "hashlimit", "connlimit"))
_PROTOS = {"6": "tcp", "17": "udp"}
# Headers that a plain first packet doesn't have.
_ABSENT = ("rt", "frag", "hbh", "dst", "ah", "esp", "mh", "srh", "sctp", "dccp")


class Parsed(NamedTuple):
    """`target`: behind -j or -g (`goto`), with its own `options`."""

    atoms: tuple[Atom, ...]
    target: str = ""
    goto: bool = False
    options: Mapping[str, str] = {}


def atoms(words: list[str], version: int) -> Parsed:
    """Of the words behind the chain's name."""
    found: list[Atom] = [Atom("family", (version,))]
    place, negated = 0, False
    while place < len(words):
        word = words[place]
        place += 1
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            return Parsed(tuple(found), _at(words, place), word == "-g", _options(words[place + 1 :]))
        if word == "-m":
            module = _at(words, place)
            found += [] if module in _MODULES else [Atom("no" if module in _ABSENT else "maybe")]
            place += 1
        elif word in _ONE:
            found.append(_made(word, _at(words, place), version, negated))
            place += 1
        elif word in _NONE:
            found.append(_NONE[word]._replace(negated=_NONE[word].negated is not negated))
        elif word in _TWO:
            found.append(_TWO[word](_at(words, place), _at(words, place + 1))._replace(negated=negated))
            place += 2
        elif word in _NOTHING:
            place += _NOTHING[word]
        else:
            found.append(Atom("maybe"))
            while place < len(words) and not words[place].startswith(("-", "!")):
                place += 1
        negated = False
    return Parsed(tuple(found))


def _at(words: list[str], place: int) -> str:
    return words[place] if place < len(words) else ""


def _options(words: list[str]) -> dict[str, str]:
    return {word: _at(words, place + 1) for place, word in enumerate(words) if word.startswith("-")}


@lru_cache(maxsize=4096)
def _made(word: str, value: str, version: int, negated: bool) -> Atom:
    try:
        made = _ONE[word](value, version)
    except ValueError:
        return Atom("maybe")
    return made._replace(negated=made.negated is not negated)


def _ports(value: str, _version: int = 4) -> tuple[Range, ...]:
    """`80`, `1000:2000`, `:1024`, `80,443,1000:2000`."""
    return tuple(_port_range(each) for each in value.split(","))


def _port_range(word: str) -> Range:
    low, colon, high = word.partition(":")
    first = int(low) if low else 0
    last = (int(high) if high else PORT_MAX) if colon else first
    if not 0 <= first <= last <= PORT_MAX:
        raise ValueError(word)
    return first, last


def _addresses(value: str, version: int) -> tuple[Range, ...]:
    """One network. Raises ValueError, as for a mask with holes."""
    found = network(value)
    if (":" in value) is not (version == 6):
        raise ValueError(value)
    return (found,)


def _address_range(value: str) -> tuple[Range, ...]:
    low, _, high = value.partition("-")
    return ((int(ipaddress.ip_address(low)), int(ipaddress.ip_address(high or low))),)


def _proto(value: str, _version: int) -> Atom:
    name = _PROTOS.get(value, value).lower()
    return Atom("yes") if name in ("all", "0") else Atom("proto", (name,))


def _interface(value: str) -> tuple[str, ...]:
    return (value[:-1] + "*" if value.endswith("+") else value,)


def _words_of(value: str) -> tuple[str, ...]:
    return tuple(value.lower().split(","))


def _marked(value: str, _version: int) -> Atom:
    """Whether a packet without a mark fits: `0x4000/0x4000`."""
    return Atom("mark", (int(value.partition("/")[0], 0) == 0,))


def _flags(mask: str, wanted: str) -> Atom:
    every = frozenset(("syn", "ack", "rst", "fin", "urg", "psh"))
    one, other = (_flag_set(each, every) for each in (mask, wanted))
    return Atom("flags", (one, other))


def _flag_set(word: str, every: frozenset[str]) -> frozenset[str]:
    return every if word == "ALL" else frozenset() if word == "NONE" else frozenset(word.lower().split(","))


def _match_set(name: str, directions: str) -> Atom:
    """Its members are not in the rules: as a set of senders it is for some of them."""
    return Atom("sources", (f"set {name}",)) if directions == "src" else Atom("maybe")


_ONE: dict[str, Callable[[str, int], Atom]] = {
    "-p": _proto,
    "-s": lambda value, version: Atom("saddr", _addresses(value, version)),
    "-d": lambda value, version: Atom("daddr", _addresses(value, version)),
    "-i": lambda value, _: Atom("iif", _interface(value)),
    "-o": lambda value, _: Atom("oif", _interface(value)),
    "--dport": lambda value, _: Atom("dport", _ports(value)),
    "--sport": lambda value, _: Atom("sport", _ports(value)),
    "--dports": lambda value, _: Atom("dport", _ports(value)),
    "--sports": lambda value, _: Atom("sport", _ports(value)),
    "--ports": lambda value, _: Atom("any", ((Atom("dport", _ports(value)),), (Atom("sport", _ports(value)),))),
    "--ctstate": lambda value, _: Atom("state", _words_of(value)),
    "--state": lambda value, _: Atom("state", _words_of(value)),
    "--ctstatus": lambda value, _: Atom("status", _words_of(value)),
    "--ctdir": lambda value, _: Atom("yes" if value.upper() == "ORIGINAL" else "no"),
    "--ctproto": _proto,
    "--ctorigdstport": lambda value, _: Atom("first-port", _ports(value)),
    "--ctorigdst": lambda value, version: Atom("first-address", _addresses(value, version)),
    "--ctorigsrc": lambda value, version: Atom("saddr", _addresses(value, version)),
    "--dst-type": lambda value, _: Atom("daddr-type", _words_of(value)),
    "--src-type": lambda value, _: Atom("saddr-type", _words_of(value)),
    "--src-range": lambda value, _: Atom("saddr", _address_range(value)),
    "--dst-range": lambda value, _: Atom("daddr", _address_range(value)),
    "--mark": _marked,
    "--pkt-type": lambda value, _: Atom("yes" if value.lower() in ("unicast", "host") else "no"),
    "--limit": lambda _value, _: Atom("maybe"),
    "--hashlimit": lambda _value, _: Atom("maybe"),
    "--hashlimit-upto": lambda _value, _: Atom("maybe"),
    # The first packet of somebody is over no bound of his own, and over a bound for all only in a flood.
    "--hashlimit-above": lambda _value, _: Atom("no"),
    "--connlimit-above": lambda _value, _: Atom("no"),
    "--connlimit-upto": lambda _value, _: Atom("yes"),
    "--pol": lambda value, _: Atom("yes" if value == "none" else "no"),
    "--icmp-type": lambda _value, _: Atom("no"),
    "--icmpv6-type": lambda _value, _: Atom("no"),
}
_NONE: dict[str, Atom] = {
    "--syn": _flags("SYN,RST,ACK,FIN", "SYN"),
    # `recent` knows nobody who comes for the first time.
    "--rcheck": Atom("no"),
    "--update": Atom("no"),
    "--remove": Atom("no"),
    # rpfilter fits who comes by the way that leads back to him, or with --invert whoever does not.
    "--invert": Atom("no"),
}
_TWO: dict[str, Callable[[str, str], Atom]] = {"--tcp-flags": _flags, "--match-set": _match_set}
