"""Whether what is needed is there: each needed port against the host's sockets and its containers' ports. Pure.

Each port has one standing, and each standing one rule, so that nothing is told twice.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from natprobe.derive.needs import Need, needs
from natprobe.derive.programs import CONTAINED, is_program, passes_on
from natprobe.facts import (
    Facts,
    Listening,
    LocalAddress,
    PacketFilter,
    Passage,
    Published,
    Resolved,
    Sockets,
)
from natprobe.model import Address, Failure, family, split

Holder = Listening | Published | Passage
# `held`: as it should be. `hidden`: by a process that we may not see. `other`: by another program. `dead`: by what
# passes it on, with nobody behind. `elsewhere`: the program has the port at other addresses, `loopback`: at that only.
# `unpublished`: a container's port that this host doesn't pass on. `absent`: nobody has it.
State = Literal["held", "hidden", "other", "dead", "elsewhere", "loopback", "unpublished", "absent"]

_EVERY = {"0.0.0.0": 4, "::": 6}


class Standing(NamedTuple):
    """How some ports of a need stand, `runs` of them from one to another; and who holds the first, or has it at other
    addresses. `missing`: the first of the addresses that is without; None: the need names none.
    """

    need: Need
    runs: tuple[tuple[int, int], ...]
    state: State
    holders: tuple[Holder, ...] = ()
    missing: Address | None = None

    @property
    def port(self) -> int:
        """The first one."""
        return self.runs[0][0]


def told(facts: Facts) -> bool | None:
    """Whether all sockets are known. None: nobody asked."""
    asked = facts.of(Sockets)
    return all(each.failure is None for each in asked) if asked else None


def standings(facts: Facts) -> list[Standing]:
    """Of every need that has to be met on this very host all the time: what files say, then what somebody expects."""
    return facts.once(_standings)


def _standings(facts: Facts) -> list[Standing]:
    there = _Index(facts)
    due = sorted(filter(_due, needs(facts)), key=lambda each: each.by == "--expect")
    return list(_once_each([each for need in due for each in _alike(there, need)]))


def _once_each(every: list[Standing]) -> Iterator[Standing]:
    """Without those of which an earlier need says the same of the same ports: one of the files' and one of --expect."""
    said: dict[tuple[object, ...], set[str]] = {}
    for each in every:
        need = each.need
        programs = said.setdefault((need.proto, need.address, each.runs, each.state), set())
        if not programs or (need.program and need.program not in programs):
            yield each
        programs.add(need.program)


def _due(need: Need) -> bool:
    """An administration's port need not be there."""
    return need.lasting and need.role != "admin"


def wanted(facts: Facts, need: Need) -> list[Address]:
    """The addresses that a need names: of a wildcard all that the host has of that family. None are named: empty."""
    return _Index(facts).wanted(need)


def own_addresses(facts: Facts) -> list[Address]:
    """This host's, as others may know it by, in the order of its interfaces."""
    far = facts.of(LocalAddress, lambda each: each.up and each.scope not in ("loopback", "link-local", "container"))
    return list(dict.fromkeys(plain(each.address) for each in far))


@lru_cache(maxsize=4096)
def plain(address: str) -> Address:
    """Without a zone, and an IPv4 address as such where it is mapped into IPv6."""
    bare = address.partition("%")[0]
    found = ipaddress.ip_address(bare)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


@lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    """Whether only this host reaches it."""
    return ipaddress.ip_address(plain(address)).is_loopback


def covers(holder: Holder, address: Address, interface: str | None = None) -> bool:
    """Whether what comes to this address is the holder's. `interface`: the one that has the address, if known."""
    if isinstance(holder, Passage):
        return holder.family == family(address)
    if isinstance(holder, Listening) and holder.interface and interface not in (None, holder.interface):
        return False
    own = plain(holder.address)
    if own == "::":
        both = isinstance(holder, Listening) and holder.v6only is not True
        return both or family(address) == 6
    return family(address) == 4 if own == "0.0.0.0" else own == address


def near_only(holder: Holder) -> bool:
    """Whether nobody else reaches it, by its address or its interface."""
    if isinstance(holder, Passage) or holder.address is None:
        return False
    return is_loopback(holder.address) or (isinstance(holder, Listening) and holder.interface == "lo")


def families(holders: Sequence[Holder]) -> set[int]:
    """Those that they take packets of."""
    return {version for each in holders for version, some in ANY.items() if _takes(each, version, some)}


# Any address of the family, to ask a wildcard with.
ANY: dict[int, Address] = {4: "192.0.2.1", 6: "2001:db8::1"}


def _takes(holder: Holder, version: int, some: Address) -> bool:
    if isinstance(holder, Passage):
        return holder.family == version
    return family(plain(holder.address)) == version or covers(holder, some)


# What a socket at every address is, bound to an interface at the most.
_EVERYWHERE = Listening(proto="udp", address="::", port=0, interface="any")


class _Index:
    """The holders by protocol and port, and the host's addresses."""

    def __init__(self, facts: Facts) -> None:
        self._single: dict[tuple[str, int], list[Holder]] = {}
        self._ranges: list[Holder] = []
        holders: list[Holder] = [*facts.of(Listening), *facts.of(Published)]
        self._passages = facts.of(Passage)
        holders += [each for each in self._passages if each.to is not None]
        for each in holders:
            if isinstance(each, Listening) or each.port == each.port_end:
                self._single.setdefault((each.proto, each.port), []).append(each)
            else:
                self._ranges.append(each)
        self.interfaces = {
            plain(each.address): each.interface
            for each in facts.of(LocalAddress, lambda each: each.up and each.scope != "link-local")
        }
        self._far = own_addresses(facts)

    def at(self, proto: str, port: int) -> list[Holder]:
        """Whoever has the port, at whatever address."""
        wide = [each for each in self._ranges if each.proto == proto and _within(each, port)]
        return [*self._single.get((proto, port), []), *wide]

    def taken(self, need: Need) -> list[int]:
        """The need's ports that anybody has."""
        wide = [each for each in self._ranges if each.proto == need.proto]
        ports = range(need.port, need.port_end + 1)
        single = [port for port in ports if (need.proto, port) in self._single]
        return single if not wide else [port for port in ports if self.at(need.proto, port)]

    def covering(self, address: Address, holders: Sequence[Holder]) -> list[Holder]:
        """Those that get what comes to this address: the most exact ones, as the kernel chooses."""
        found = [each for each in holders if covers(each, address, self.interfaces.get(address))]
        found = [each for each in found if not isinstance(each, Passage) or self._led(each, address)]
        best = max(map(_exactness, found), default=0)
        return [each for each in found if _exactness(each) == best]

    def _led(self, passage: Passage, address: Address) -> bool:
        """Whether DNAT takes what comes to this address too: of an address that was looked at by itself not."""
        beside = [each for each in self._passages if each.address == address and each.proto == passage.proto]
        own = any(each.port <= passage.port <= each.port_end for each in beside)
        return passage.address in (None, address) or not own

    def has(self, address: Address, need: Need) -> bool:
        """Whether the address is this host's. Janus takes every address where it does not find the one that it is
        told; what somebody expects may be an address that comes and goes (VRRP).
        """
        known = bool(self.interfaces) and need.by != "--expect" and not is_loopback(address)
        return not known or address in self.interfaces or address in ANY.values()

    def wanted(self, need: Need) -> list[Address]:
        """The addresses that it names: of a wildcard all that the host has of that family."""
        if need.address is None or not _is_address(need.address):
            return []
        address = plain(need.address)
        if address not in _EVERY:
            return [address]
        here = [each for each in self._far if family(each) == _EVERY[address]]
        return here or [ANY[_EVERY[address]]]


def _within(holder: Holder, port: int) -> bool:
    return holder.port <= port <= (holder.port if isinstance(holder, Listening) else holder.port_end)


def _exactness(holder: Holder) -> int:
    if isinstance(holder, Passage):
        return 4  # DNAT comes before any socket
    exact = plain(holder.address) not in _EVERY
    return 2 * exact + bool(isinstance(holder, Listening) and holder.interface) + 1


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _alike(there: _Index, need: Need) -> list[Standing]:
    """One standing for all of a need's ports that fare alike."""
    found: dict[tuple[object, ...], Standing] = {}
    for each in _each(there, need):
        key = (each.state, each.missing, *map(_face, each.holders))
        same = found.get(key)
        found[key] = each if same is None else same._replace(runs=_joined(same.runs, each.runs[0]))
    return list(found.values())


def _joined(runs: tuple[tuple[int, int], ...], more: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    first, last = runs[-1]
    return (*runs[:-1], (first, more[1])) if last + 1 == more[0] else (*runs, more)


def _face(holder: Holder) -> tuple[object, ...]:
    """What of a holder does not go by the port."""
    if isinstance(holder, Listening):
        return (holder.address, holder.process, holder.pid, holder.v6only, holder.interface)
    return (holder.address, type(holder))


def _each(there: _Index, need: Need) -> Iterator[Standing]:
    port = need.port
    nobody: State = "unpublished" if need.by in CONTAINED else "absent"
    missing = next(iter(there.wanted(need)), None)
    for taken in there.taken(need):
        if taken > port:
            yield Standing(need, ((port, taken - 1),), nobody, missing=missing)
        yield _standing(there, need, taken)
        port = taken + 1
    if port <= need.port_end:
        yield Standing(need, ((port, need.port_end),), nobody, missing=missing)


def _standing(there: _Index, need: Need, port: int) -> Standing:
    holders = there.at(need.proto, port)
    for address in there.wanted(need):
        state, by = _at(there, need, holders, address)
        if state != "held":
            return Standing(need, ((port, port),), state, tuple(by), address)
    return (
        Standing(need, ((port, port),), "held", tuple(holders))
        if there.wanted(need)
        else _anywhere(need, holders, port)
    )


def _at(there: _Index, need: Need, holders: list[Holder], address: Address) -> tuple[State, list[Holder]]:
    """Of one address that has to be held."""
    covering = there.covering(address, holders)
    if covering and (there.has(address, need) or _exactness(covering[0]) > _exactness(_EVERYWHERE)):
        return _by_whom(need, covering)
    mine = [each for each in holders if _mine(need, each) is not False]
    if not mine:
        return ("unpublished" if need.by in CONTAINED else "absent"), []
    near = all(map(near_only, mine)) and not is_loopback(address)
    return ("loopback" if near else "elsewhere"), mine


def _anywhere(need: Need, holders: list[Holder], port: int) -> Standing:
    """Where no address is named any will do, but for loopback where strangers are to come."""
    far = [each for each in holders if not (need.outside and near_only(each))]
    state, by = _by_whom(need, far or holders)
    if state == "held" and not far:
        state = "loopback"
    return Standing(need, ((port, port),), state, tuple(by))


def _by_whom(need: Need, holders: list[Holder]) -> tuple[State, list[Holder]]:
    mine = [each for each in holders if _mine(need, each)]
    if mine:
        dead = [each for each in mine if isinstance(each, Published) and each.answers is False]
        return ("dead", [*dead]) if dead else ("held", mine)
    unseen = [each for each in holders if _mine(need, each) is None]
    return ("hidden", unseen) if unseen else ("other", holders)


def _mine(need: Need, holder: Holder) -> bool | None:
    """Whether this is who is to have it. None: it hides who it is."""
    if not isinstance(holder, Listening) or passes_on(holder):
        return True
    return True if not need.program else is_program(holder, need.program)


# --- services


def services(facts: Facts) -> list[list[Standing]]:
    """The standings of each program; all containers of one folder count as one, and what names nobody as its own."""
    found: dict[tuple[object, ...], list[Standing]] = {}
    for each in standings(facts):
        found.setdefault(_service(each.need), []).append(each)
    return list(found.values())


def _service(need: Need) -> tuple[object, ...]:
    if need.by in CONTAINED:
        return (need.by, need.file.rpartition("/")[0])
    return (need.program,) if need.program else (need.proto, need.address, need.port)


def stopped(facts: Facts) -> list[list[Standing]]:
    """The services of which nothing at all is there."""
    return [each for each in services(facts) if all(one.state in ("absent", "unpublished") for one in each)]


def led_unseen(facts: Facts) -> bool:
    """Whether containers' ports may be passed on by rules that only root sees, and by nothing else (Docker without its
    userland proxy).
    """
    hidden = any(each.failure is Failure.PERMISSION_DENIED for each in facts.of(PacketFilter))
    contained = any(each.need.by in CONTAINED for each in standings(facts))
    return hidden and contained and not facts.of(Published)


def unpublished(facts: Facts) -> list[Standing]:
    """Ports of containers that this host does not pass on, though it does others."""
    down = [one for each in stopped(facts) for one in each]
    return [each for each in standings(facts) if each.state == "unpublished" and each not in down]


def crossed(facts: Facts) -> list[tuple[Standing, Published]]:
    """Media ports that lead to another port in the container: a bridge advertises the port that it has there, unless
    it is told another, and then what is published says what is needed.
    """
    media = [each for each in standings(facts) if each.need.key == "JVB_PORT" and each.state == "held"]
    pairs = [(each, one) for each in media for one in each.holders if isinstance(one, Published)]
    return [(each, one) for each, one in pairs if split(one.to)[1] != one.port]


def named_in_ipv6(facts: Facts) -> list[tuple[Standing, Resolved, Address]]:
    """Ports for strangers, at no certain address, that take IPv4 alone, where a name leads to this host by IPv6. Of
    media only the addresses that are advertised count.
    """
    here = {plain(each.address) for each in facts.of(LocalAddress)}
    named = [
        (each, address)
        for each in facts.ok(Resolved)
        for address in each.addresses
        if family(address) == 6 and plain(address) in here
    ]
    if not named:
        return []
    open_ = [
        each for each in standings(facts) if each.state == "held" and each.need.role in ("web", "signalling", "turn")
    ]
    alone = [each for each in open_ if each.need.address is None and families(each.holders) == {4}]
    return [(each, *named[0]) for each in alone]


def at_endpoint(facts: Facts, proto: str, endpoint: str) -> list[Holder]:
    """Who gets what comes to this endpoint."""
    address, port = split(endpoint)
    there = _Index(facts)
    return there.covering(address, there.at(proto, port))
