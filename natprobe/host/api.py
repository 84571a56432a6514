"""What a Host is: addresses, routes, resolvers and proxy settings of the machine that natprobe runs on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from natprobe.model import Family

# The longest PAC file that browsers take, in bytes.
PAC_MAX = 1 << 20


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


class ProxySettings(NamedTuple):
    """What one source of proxy settings says, raw: URLs may have passwords in them, so its repr says nothing.

    `name`: the variable or key, as its owner would look it up. `proxies`: by the scheme of the page; `all` is for every
    scheme, `socks` for those that have none of their own. `pac`: URL or path of a script; `detect`: WPAD.
    `bypass`: hosts to be reached without, of which `suffix` says that they are ends of names, `reverse` that they
    alone go through the proxy. `counts`: browsers on this machine go by this source.
    """

    by: Literal["environment", "desktop", "windows", "macos"]
    name: str
    proxies: Mapping[str, str] = MappingProxyType({})
    pac: str = ""
    detect: bool = False
    bypass: tuple[str, ...] = ()
    suffix: bool = False
    reverse: bool = False
    counts: bool = False

    def __repr__(self) -> str:
        return f"ProxySettings({self.by!r}, {self.name!r})"


class Sandbox(Protocol):
    """A process of its own that runs one PAC file (natprobe/host/pac_child.py), without I/O and bounded."""

    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """One run of the file; what was said in an earlier request stands. The time is bounded for all runs together.

        Raises TimeoutError, EOFError when the process came to its end, OSError and ImportError when it can't begin.
        """

    def close(self) -> None:
        """At once. Idempotent."""


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

    def proxy_settings(self) -> list[ProxySettings]:
        """What its settings say of proxies; at most one of them counts. Empty: nothing is set."""

    def sandbox(self) -> Sandbox:
        """For one PAC file and one URL."""

    def pac_file(self, path: str) -> bytes:
        """A PAC file that this machine's settings name, at most PAC_MAX + 1 bytes of it. Raises OSError."""

    def search_domains(self) -> list[str]:
        """What the resolver appends to short names, in its order."""

    async def dhcp_pac_urls(self, unix_time: float) -> list[tuple[str, str]]:
        """Where the networks' DHCP servers say that a PAC file is (option 252): the lease's interface or file, and the
        URL. Empty where no lease can be read.
        """
