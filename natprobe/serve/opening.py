"""Which sockets a server opens: each port on each address, RFC 5780's alternates, and what was refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from natprobe.model import Data, Failure, family
from natprobe.net.failure import failure_of

Endpoint = tuple[str, int]
# How often a free port is looked for that is free on every address.
_TRIES = 10


class Opened(Protocol):
    """A bound socket of either kind."""

    @property
    def local(self) -> Endpoint:
        """The bound address and port."""

    def close(self) -> None:
        """Idempotent."""


S = TypeVar("S", bound=Opened)


class Refused(Data, frozen=True, kw_only=True):
    """A port that could not be had, and on which addresses. `detail` is the system's own word, `holder` who has it."""

    proto: str
    port: int
    addresses: tuple[str, ...]
    failure: Failure
    detail: str
    holder: str = ""

    def sentence(self) -> str:
        """For people."""
        where = listed(self.addresses)
        if self.failure is Failure.ADDRESS_IN_USE:
            return f"{self.proto} port {self.port} is in use by {self.holder or 'another program'} on {where}"
        if self.failure is Failure.ADDRESS_NOT_LOCAL:
            return f"no address of this machine: {where}"
        if self.failure is Failure.PERMISSION_DENIED:
            return (
                f"{self.proto} port {self.port} needs privileges that natprobe doesn't have on {where}: "
                "take a port above 1023, or run it as root"
            )
        return f"{self.proto} port {self.port} can't be had on {where}: {self.detail}"


class Sockets(list[S]):
    """Open sockets by endpoint, and what was refused."""

    def __init__(self, proto: str, make: Callable[[str, int], S]) -> None:
        super().__init__()
        self._proto, self._make = proto, make
        self.refused: list[Refused] = []

    def open(self, port: int, addresses: Iterable[str]) -> int | None:
        """Opens the port on every address that lets it, and tells its number (for port 0 the same free one on
        all of them), or None when no address lets it.
        """
        wanted = list(addresses)
        for left in reversed(range(_TRIES if port == 0 else 1)):
            opened, refused = self._attempt(port, wanted)
            if not left or not any(each.failure is Failure.ADDRESS_IN_USE for each in refused):
                break
            close(opened)
        self.extend(opened)
        self.refused += self._merged(refused)
        return opened[0].local[1] if opened else None

    def _attempt(self, port: int, addresses: list[str]) -> tuple[list[S], list[Refused]]:
        opened: list[S] = []
        refused: list[Refused] = []
        for address in addresses:
            try:
                opened.append(self._make(address, port))
            except OSError as exc:
                failure, detail = failure_of(exc)
                refused.append(self._refusal(port, (address,), failure, detail))
            else:
                port = opened[0].local[1]
        return opened, refused

    def _refusal(self, port: int, addresses: tuple[str, ...], failure: Failure, detail: str) -> Refused:
        return Refused(proto=self._proto, port=port, addresses=addresses, failure=failure, detail=detail)

    def _merged(self, refused: list[Refused]) -> list[Refused]:
        """One refusal for all addresses that refuse the same port alike."""
        alike: dict[tuple[int, Failure, str], list[str]] = {}
        for each in refused:
            alike.setdefault((each.port, each.failure, each.detail), []).extend(each.addresses)
        return [
            self._refusal(port, tuple(addresses), failure, detail)
            for (port, failure, detail), addresses in alike.items()
        ]

    def locals(self) -> tuple[Endpoint, ...]:
        """Where they listen."""
        return tuple(each.local for each in self)


def pairs(addresses: Iterable[str]) -> list[tuple[str, str]]:
    """The two addresses of each family that has just two: those that RFC 5780 section 3 wants."""
    by_family: dict[int, list[str]] = {}
    for address in addresses:
        by_family.setdefault(family(address), []).append(address)
    return [(found[0], found[1]) for found in by_family.values() if len(found) == 2]


def open_alternates(udp: Sockets[S], pair: tuple[str, str], port: int, asked: int) -> dict[Endpoint, Endpoint]:
    """RFC 5780's second port on both addresses: the next number or, where any was asked for, any. Tells which
    endpoint is which one's other; empty when the four can't be had.
    """
    have = set(udp.locals())
    beside = port + 1 if port < 65535 else port - 1
    if not {(address, beside) for address in pair} <= have:
        beside = udp.open(beside if asked else 0, pair) or 0
    have = set(udp.locals())
    here, there = pair
    others: dict[Endpoint, Endpoint] = {}
    for first, second in (((here, port), (there, beside)), ((here, beside), (there, port))):
        others |= {first: second, second: first}
    return others if others.keys() <= have else {}


def close(sockets: Iterable[Opened]) -> None:
    """All of them."""
    for each in sockets:
        each.close()


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
