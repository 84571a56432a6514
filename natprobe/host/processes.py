"""Who holds which socket: one pass over /proc (Linux). Command lines are looked at for a few words, and never kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Literal, NamedTuple

from natprobe.host.machine import Forwarding

# A bound for what is read of /proc/PID/…: a command line may be megabytes.
_READ_MAX = 1 << 14
_SOCKET = re.compile(r"socket:\[(\d+)\]")
# Interpreters say little by their name: a word of the command line that tells which program runs in it.
_RUNS_IN = (
    ("java", "org.jitsi.videobridge.", "jvb"),
    ("java", "org.jitsi.jicofo.", "jicofo"),
    ("java", "org.jitsi.jigasi.", "jigasi"),
    ("lua", "/prosody", "prosody"),
)
# How containers' makers name their cgroups: a long id, or, of LXC, a name of their owner's.
_CONTAINER = re.compile(r"(?:docker|libpod|crio|containerd|kubepods)[^\n]*?[/-]([0-9a-f]{64})(?:\.scope)?(?:/|$)", re.M)
_LXC = re.compile(r"/lxc(?:\.payload[./]|/)([A-Za-z0-9_.-]{1,64})(?:/|$)", re.M)
_SHORT = 12
_PROXY = "docker-proxy"


class Owner(NamedTuple):
    """A process: see facts.Listening."""

    pid: int
    name: str
    container: str


class Processes(NamedTuple):
    """All that could be looked at. `blind`: some could not."""

    holders: Mapping[int, int] = MappingProxyType({})
    forwardings: tuple[Forwarding, ...] = ()
    blind: bool = False

    def owner(self, inode: int) -> Owner | None:
        """Whose socket it is. None: nobody's that we may see."""
        pid = self.holders.get(inode)
        return None if pid is None else _owner(pid)


def processes() -> Processes | None:
    """A pass over /proc. None: there is none to be read."""
    try:
        pids = sorted(int(each) for each in os.listdir("/proc") if each.isdecimal())
    except OSError:
        return None
    _owner.cache_clear()
    holders: dict[int, int] = {}
    blind = False
    for pid in (*pids[1:], *pids[:1]):  # the first, init, holds sockets for those that it starts
        try:
            for inode in _sockets(pid):
                holders.setdefault(inode, pid)
        except PermissionError:
            blind = True
        except OSError:  # it has ended meanwhile
            continue
    return Processes(holders, tuple(_forwardings(pids)), blind)


def _sockets(pid: int) -> Iterator[int]:
    folder = f"/proc/{pid}/fd"
    for each in os.listdir(folder):
        try:
            found = _SOCKET.match(os.readlink(f"{folder}/{each}"))
        except FileNotFoundError:  # closed meanwhile
            continue
        if found:
            yield int(found[1])


@cache
def _owner(pid: int) -> Owner:
    name = _read(pid, "comm").rstrip("\n")
    return Owner(pid, _program(name, pid), _container(_read(pid, "cgroup")))


def _program(name: str, pid: int) -> str:
    mine = [(word, program) for start, word, program in _RUNS_IN if name.startswith(start)]
    if not mine:
        return name
    words = _read(pid, "cmdline")
    return next((program for word, program in mine if word in words), name)


def _container(groups: str) -> str:
    found = _CONTAINER.search(groups)
    if found:
        return found[1][:_SHORT]
    lxc = _LXC.search(groups)
    return lxc[1] if lxc else ""


def _read(pid: int, what: str) -> str:
    try:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return file.read(_READ_MAX).decode("utf-8", "replace")
    except OSError:
        return ""


def _forwardings(pids: Sequence[int]) -> Iterator[Forwarding]:
    for pid in pids:
        if _read(pid, "comm").rstrip("\n") == _PROXY:
            found = forwarding(_read(pid, "cmdline").split("\0"))
            if found is not None:
                yield found


def forwarding(words: Sequence[str]) -> Forwarding | None:
    """What a docker-proxy with this command line passes on. None: it makes no sense."""
    told = {words[at].lstrip("-"): words[at + 1] for at in range(1, len(words) - 1) if words[at].startswith("-")}
    proto: Literal["udp", "tcp"] | None = {"udp": "udp", "tcp": "tcp"}.get(told.get("proto", ""))  # type: ignore[assignment]
    ports = [told.get("host-port", ""), told.get("container-port", "")]
    if proto is None or not all(each.isascii() and each.isdecimal() and 0 < int(each) < 65536 for each in ports):
        return None
    address, inner = told.get("host-ip", ""), told.get("container-ip", "")
    if not _is_address(address) or not _is_address(inner):
        return None
    return Forwarding(proto, address, int(ports[0]), (inner, int(ports[1])))


def _is_address(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@cache
def user_name(uid: int) -> str:
    """As the system's list of users has it, or its number."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
