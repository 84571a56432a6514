"""What a Machine is: the server that `natprobe inspect` looks at: sockets, files, packet filters. It is only read."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Proto = Literal["udp", "tcp"]


class Socket(NamedTuple):
    """Sockets of one kind that wait for others: see facts.Listening, whose fields these are."""

    proto: Proto
    address: str
    port: int
    v6only: bool | None = None
    process: str | None = None
    pid: int | None = None
    user: str = ""
    container: str = ""
    interface: str = ""
    sockets: int = 1


class Forwarding(NamedTuple):
    """A docker-proxy by its command line: what it takes on the host, and where it leads."""

    proto: Proto
    address: str
    port: int
    to: tuple[str, int]


class SocketTable(NamedTuple):
    """All of them. `hidden`: how many belong to processes that we may not look at."""

    sockets: tuple[Socket, ...]
    forwardings: tuple[Forwarding, ...] = ()
    hidden: int = 0


class FileState(NamedTuple):
    """What a file is to those who read it: owner, group, mode (st_mode's permission bits), size in bytes."""

    uid: int
    gid: int
    mode: int
    size: int


class FilterText(NamedTuple):
    """What a packet filter's own program printed, raw; `manager`: one of the names in natprobe.host.filters.texts.
    failure: why it could not be read, in the errno's name.
    """

    manager: str
    text: str = ""
    failure: str | None = None


class Machine(Protocol):
    """This server. Nothing is written and nothing restarted."""

    def sockets(self) -> SocketTable:
        """What waits for others. Raises OSError where the kernel can't be asked."""

    def read(self, path: str, limit: int) -> bytes:
        """At most `limit` + 1 bytes of a regular file. Raises OSError."""

    def listing(self, path: str) -> list[str]:
        """The names in a folder, sorted, at most 10,000. Raises OSError."""

    def state(self, path: str) -> FileState:
        """Of a file, behind its links. Raises OSError."""

    def real(self, path: str) -> str:
        """The absolute path without links; what isn't there stays as it is named."""

    def reads_as(self, path: str, user: str) -> bool | None:
        """Whether this user could open the file for reading: by its mode and those of the folders above it. None: could
        not be told.
        """

    def filters(self) -> list[FilterText]:
        """The packet filters' rules in force, and what their managers say of themselves."""
