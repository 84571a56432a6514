"""What a Host is: addresses, routes and resolvers of the machine that natprobe runs on."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from natprobe.model import Family


class InterfaceAddress(NamedTuple):
    """An address on an interface. `tunnel`, `container`: what the interface is, by kind or name."""

    address: str
    prefix: int
    interface: str
    up: bool
    tunnel: bool
    container: bool


class Route(NamedTuple):
    """A default route; `gateway` None: straight onto the link."""

    family: Family
    interface: str
    gateway: str | None


class Host(Protocol):
    """A machine to look at."""

    def system(self) -> str:
        """`linux`, `darwin`, `win32` …"""

    def addresses(self) -> list[InterfaceAddress]:
        """Every address of every interface."""

    def default_routes(self) -> list[Route]:
        """The default routes of each family, the best first; empty where the system can't be asked."""

    def knows_routes(self) -> bool:
        """Whether default_routes can be believed when it is empty."""

    def nameservers(self) -> list[tuple[str, int]]:
        """The DNS servers that the system is set to, in order."""
