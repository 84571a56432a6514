"""What a rule about media has to know of the server that it judges: how its settings are called, and where they stand.

The one table from what a server is to what mends it. Of whatever is no Janus, Jitsi's are the best guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from natprobe.model import Address, Allow, Do, Fix, Forward, Kind
from natprobe.servers import janus
from natprobe.servers.jitsi import media as jitsi

System = Literal["docker", "package"]


class MediaServer(Protocol):
    """A module of fixes. `NAME` in a sentence, `LOG` how to read it, `SETTINGS` where its addresses are set."""

    NAME: str
    LOG: str
    SETTINGS: str

    def advertise(
        self,
        outside: tuple[Address, ...],
        inside: Address | None,
        system: System | None,
        port: int | None = None,
        own: int | None = None,
    ) -> tuple[Fix, ...]:
        """The addresses that clients have to be told; `port` where the outside one is another than its `own`."""

    def advertise_inner(self, outside: Address, inside: Address, system: System | None) -> tuple[Fix, ...]:
        """Both addresses, for clients outside and inside."""

    def hide_inner(self, system: System | None, addresses: Sequence[Address]) -> tuple[Fix, ...]:
        """Advertise none of these."""

    def old_address(self, addresses: str) -> Do:
        """A public address that is advertised and is nobody's any more."""

    def ports(self, seen: Sequence[int]) -> tuple[str, ...]:
        """Media's ports as a firewall's administrator has to be told them."""

    def port_open(self, address: Address, seen: Sequence[int]) -> Allow:
        """The media ports, in whatever filters before the server."""

    def forwarded(self, outside: Address, inside: Address, seen: Sequence[int]) -> Forward:
        """Where the server is behind a router."""

    def published(self, port: int) -> str:
        """How to see whether its container's port is."""

    def running(self) -> Do:
        """See that it runs, and what it says."""

    def restarted(self) -> Do:
        """Where the public address is asked for and not set."""


_SERVERS: dict[Kind, MediaServer] = {"janus": janus}


def media_server(kind: Kind) -> MediaServer:
    """The fixes for a server of this kind."""
    return _SERVERS.get(kind, jitsi)
