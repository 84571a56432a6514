"""What Linux tells of ICMP errors about a socket's packets: IP_RECVERR and the error queue (ip(7), ipv6(7))."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import time

from natprobe.model import Failure, Family
from natprobe.net.api import IcmpError
from natprobe.net.failure import failure_of, of_icmp
from natprobe.net.system import plain_address

# linux/in.h, linux/in6.h, linux/errqueue.h; the socket module doesn't name them.
_RECVERR: dict[Family, tuple[int, int]] = {4: (socket.IPPROTO_IP, 11), 6: (socket.IPPROTO_IPV6, 25)}
_MSG_ERRQUEUE = 0x2000
_ORIGIN_ICMP: dict[int, Family] = {2: 4, 3: 6}  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
# How much is kept of the packet that an error quotes: a STUN header and more.
_QUOTED_MAX = 256


def tell_errors(sock: socket.socket, family: Family) -> None:
    """From now on the socket's error queue has them; an error that nobody takes out keeps it readable."""
    sock.setsockopt(*_RECVERR[family], 1)


def next_error(sock: socket.socket) -> IcmpError | None:
    """The next one in the queue, if there is one."""
    while True:
        try:
            quoted, ancillary, _, destination = sock.recvmsg(_QUOTED_MAX, 512, _MSG_ERRQUEUE)
        except OSError:
            return None
        for level, kind, data in ancillary:
            if (level, kind) in _RECVERR.values():
                return _error(data, destination, quoted)


def _error(data: bytes, destination: tuple[str, int], quoted: bytes) -> IcmpError:
    number, origin, icmp_type, code, _, info, _ = _EXTENDED_ERROR.unpack_from(data)
    to = (plain_address(destination), destination[1]) if destination else None
    family = _ORIGIN_ICMP.get(origin)
    if family is None:  # the kernel's own refusal, not a router's
        return IcmpError(to, failure_of(OSError(number, ""))[0], "", None, time.monotonic())
    reporter = _offender(data[_EXTENDED_ERROR.size :])
    icmp = f"{icmp_type}/{code}"
    failure = of_icmp(family, icmp_type, code)
    mtu = info if failure is Failure.TOO_BIG and info else None
    return IcmpError(to, failure, icmp, reporter, time.monotonic(), quoted, mtu)


def _offender(sockaddr: bytes) -> str | None:
    if len(sockaddr) < 2:
        return None
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return str(ipaddress.IPv4Address(sockaddr[4:8]))
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return str(ipaddress.IPv6Address(sockaddr[8:24]))
    return None
