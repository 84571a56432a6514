"""The sockets that wait for others: on Linux from the kernel by netlink, elsewhere by psutil; with their owners."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from natprobe.host.machine import Forwarding, Socket, SocketTable
from natprobe.host.processes import Processes, processes, user_name
from natprobe.model import Family
from natprobe.wire import diag

_PROTOS: tuple[Literal["udp", "tcp"], ...] = ("tcp", "udp")
_FAMILIES: tuple[Family, ...] = (4, 6)
# The kernel answers with 32 KiB at most. It answers at once, or something is very wrong (seconds).
_ANSWER_MAX, _PATIENCE = 1 << 16, 2.0
# What a kernel says that has no such list, or may not give it: IPv6 is off, a module is not there, a sandbox.
_WITHOUT = (errno.ENOENT, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EPERM, errno.EACCES)


def table() -> SocketTable:
    """See machine.Machine.sockets. Raises OSError where nobody tells."""
    seen = processes() if sys.platform == "linux" else None
    if seen is None:
        return _from_psutil()
    try:
        found = [each for proto in _PROTOS for family in _FAMILIES for each in _asked(proto, family)]
    except OSError as exc:
        if exc.errno not in _WITHOUT:
            raise
        return _from_psutil(seen)
    sockets = [_owned(each, seen) for each in found]
    hidden = sum(each.process is None for each in sockets) if seen.blind else 0
    return SocketTable(_merged(sockets), _forwardings(sockets, seen), hidden)


def _asked(proto: Literal["udp", "tcp"], family: Family) -> Iterator[diag.KernelSocket]:
    """A kernel without one of the families has none of its sockets."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, diag.NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.sendto(diag.request(proto, family), (0, 0))
        while True:
            said = diag.answer(kernel.recv(_ANSWER_MAX), proto)
            if said.errno and not (family == 6 and said.errno in (errno.ENOENT, errno.EAFNOSUPPORT)):
                raise OSError(said.errno, os.strerror(said.errno))
            yield from said.sockets
            if said.done:
                return


def _owned(found: diag.KernelSocket, seen: Processes) -> Socket:
    interface = _interface(found.interface)
    owner = seen.owner(found.inode)
    zone = f"%{interface}" if interface and found.address.startswith("fe80:") else ""
    return Socket(
        proto=found.proto,
        address=found.address + zone,
        port=found.port,
        v6only=found.v6only,
        process=owner.name if owner else None,
        pid=owner.pid if owner else None,
        user=user_name(found.uid),
        container=owner.container if owner else "",
        interface=interface,
    )


def _interface(index: int) -> str:
    try:
        return socket.if_indextoname(index) if index else ""
    except OSError:
        return ""


def _merged(sockets: list[Socket]) -> tuple[Socket, ...]:
    """Alike ones once, with their number and the first one's process: those of SO_REUSEPORT, each a worker's."""
    alike = Counter(each._replace(pid=None) for each in sockets)
    first: dict[Socket, int | None] = {}
    for each in sorted(sockets, key=lambda each: each.pid or 0):
        first.setdefault(each._replace(pid=None), each.pid)
    found = [each._replace(pid=first[each], sockets=count) for each, count in alike.items()]
    return tuple(sorted(found, key=lambda each: (each.proto, each.port, each.address, each.process or "")))


def _forwardings(sockets: list[Socket], seen: Processes) -> tuple[Forwarding, ...]:
    """Those whose socket is here: a docker-proxy may stand in another network namespace, too."""
    here = {(each.proto, each.address, each.port) for each in sockets}
    return tuple(sorted(each for each in seen.forwardings if (each.proto, each.address, each.port) in here))


# --- where there is no such list


def _from_psutil(seen: Processes | None = None) -> SocketTable:
    import psutil

    try:
        found = psutil.net_connections(kind="inet")
    except psutil.AccessDenied as exc:  # macOS tells root alone
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM)) from exc
    except psutil.Error as exc:
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from exc
    names: dict[int | None, str | None] = {None: None}
    waiting = [each for each in found if each.laddr and not each.raddr and each.status in ("LISTEN", "NONE")]
    sockets = [_plain(each, names) for each in waiting]
    hidden = sum(each.pid is None for each in sockets)
    return SocketTable(_merged(sockets), _forwardings(sockets, seen) if seen else (), hidden)


def _plain(found: object, names: dict[int | None, str | None]) -> Socket:
    address, port = found.laddr[:2]  # type: ignore[attr-defined]  # psutil's sconn
    pid = found.pid  # type: ignore[attr-defined]
    if pid not in names:
        names[pid] = _name(pid)
    proto: Literal["udp", "tcp"] = "tcp" if found.type == socket.SOCK_STREAM else "udp"  # type: ignore[attr-defined]
    return Socket(proto=proto, address=address, port=port, process=names[pid], pid=pid)


def _name(pid: int) -> str | None:
    import psutil

    try:
        return str(psutil.Process(pid).name())
    except (psutil.Error, OSError):
        return None
