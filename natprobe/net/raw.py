"""Raw sockets: packets as we make them, and their quotes and answers as they come, before the host's packet filters.

Linux alone, with CAP_NET_RAW (packet(7), raw(7)). scapy makes and reads the packets, and is loaded with the first raw
socket that this user may have; our own sockets carry them, since the kernel knows the next hop and scapy would ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from typing import Any, NamedTuple

from natprobe.host.homeless import homeless
from natprobe.model import family
from natprobe.net.crafted import MARK_AT, MARKED, MARKS_MAX, Crafted, Heard, Proto, Quoted
from natprobe.net.sniff import packets
from natprobe.net.system import bound, socket_address
from natprobe.wire.capture import program

_AF = {4: socket.AF_INET, 6: socket.AF_INET6}
_READ_MAX = 2048
# A flood beyond it is dropped, as a kernel's full buffer would.
_BACKLOG = 512
# So many packets, each of which takes scapy up to a millisecond (measured), and then the loop's other work.
_AT_ONCE = 32
_PACKET_HOST = 0
# Bytes of an IP header.
_SHORTEST = {4: 20, 6: 40}
# As clients' SYNs have them: a firewall may look.
_OPTIONS = [("MSS", 1440), ("SAckOK", b""), ("NOP", None), ("WScale", 7)]
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
# Types of errors, which quote a packet (RFC 792, RFC 4443 section 2.1).
_ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}


class Layers(NamedTuple):
    """What we take of scapy: its classes of headers, and of those that ICMP errors quote."""

    ip4: Any
    ip6: Any
    tcp: Any
    udp: Any
    quoted_ip: tuple[Any, Any]
    quoted_tcp: Any
    quoted_udp: Any


async def open_raw(local: str, number: int, udp_port: int = 0) -> LinuxRaw:
    """See api.Net.raw. The privilege is looked at first: without it nothing is loaded."""
    with contextlib.ExitStack() as opened:
        sends = opened.enter_context(socket.socket(_AF[family(local)], socket.SOCK_RAW, socket.IPPROTO_RAW))
        sends.setblocking(False)
        kept: dict[Proto, socket.socket] = {
            "udp": opened.enter_context(_kept(socket.SOCK_DGRAM, local, udp_port)),
            "tcp": opened.enter_context(_kept(socket.SOCK_STREAM, local, 0)),
        }
        ports: dict[Proto, int] = {proto: sock.getsockname()[1] for proto, sock in kept.items()}
        hears = opened.enter_context(packets(program(set(ports.values()), icmp=True)))
        layers = await asyncio.get_running_loop().run_in_executor(None, _scapy)
        return LinuxRaw(local, ports, number, sends, hears, layers, opened.pop_all())


def _kept(kind: socket.SocketKind, local: str, port: int) -> socket.socket:
    """A port that is nobody else's meanwhile. TCP's doesn't listen: the kernel resets what answers our SYNs."""
    try:
        return bound(kind, family(local), local, port)
    except OSError:
        if not port:
            raise
        return bound(kind, family(local), local, 0)


def _scapy() -> Layers:
    """In a thread: it takes a fifth of a second (measured), in which others want to be heard."""
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    with homeless():
        from scapy.layers.inet import IP, TCP, UDP, IPerror, TCPerror, UDPerror
        from scapy.layers.inet6 import IPerror6, IPv6
    return Layers(IP, IPv6, TCP, UDP, (IPerror, IPerror6), TCPerror, UDPerror)


class LinuxRaw:
    """See crafted.Raw."""

    def __init__(
        self,
        local: str,
        ports: dict[Proto, int],
        number: int,
        sends: socket.socket,
        hears: socket.socket,
        layers: Layers,
        opened: contextlib.ExitStack,
    ) -> None:
        self._local, self._version, self._ports, self._number = local, family(local), ports, number
        self._sends, self._hears, self._layers, self._opened = sends, hears, layers, opened
        self._heard: asyncio.Queue[Heard] = asyncio.Queue(_BACKLOG)
        loop = asyncio.get_running_loop()
        loop.add_reader(hears.fileno(), self._readable)
        opened.callback(loop.remove_reader, hears.fileno())

    def port(self, proto: Proto) -> int:
        """See crafted.Raw."""
        return self._ports[proto]

    def send(self, packet: Crafted) -> int:
        """See crafted.Raw."""
        made = bytes(self._ip(packet) / self._transport(packet))
        self._sends.sendto(made, socket_address(packet.to[0], 0))
        return len(made)

    def _ip(self, packet: Crafted) -> Any:
        source, to = (each.partition("%")[0] for each in (self._local, packet.to[0]))
        ttl = 64 if packet.ttl is None else packet.ttl
        if self._version == 6:
            return self._layers.ip6(src=source, dst=to, hlim=ttl, tc=packet.tos)
        return self._layers.ip4(src=source, dst=to, ttl=ttl, tos=packet.tos, id=MARKED + packet.mark, flags="DF")

    def _transport(self, packet: Crafted) -> Any:
        ends = {"sport": self._ports[packet.proto], "dport": packet.to[1]}
        if packet.proto == "udp":
            return self._layers.udp(**ends) / packet.payload
        if packet.acknowledged is not None:
            return self._layers.tcp(**ends, flags="R", seq=packet.acknowledged, window=0)
        return self._layers.tcp(**ends, flags="S", seq=self._number, window=MARKED + packet.mark, options=_OPTIONS)

    async def receive(self) -> Heard:
        """See crafted.Raw."""
        return await self._heard.get()

    def close(self) -> None:
        """See crafted.Raw."""
        self._opened.close()

    # --- what comes

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, (_, _, kind, _, _) = self._hears.recvfrom(_READ_MAX)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an interface went down (ENETDOWN): the others go on
                return
            heard = self._read(data) if kind == _PACKET_HOST else None
            if heard is not None:
                with contextlib.suppress(asyncio.QueueFull):
                    self._heard.put_nowait(heard)

    def _read(self, data: bytes) -> Heard | None:
        """None: it is not for us, or cut short."""
        if not data or data[0] >> 4 != self._version or len(data) < _SHORTEST[self._version]:
            return None
        ip = (self._layers.ip4 if self._version == 4 else self._layers.ip6)(data)
        if not _same(ip.dst, self._local):
            return None
        return self._answer(ip) if isinstance(ip.payload, (self._layers.tcp, self._layers.udp)) else self._error(ip)

    def _answer(self, ip: Any) -> Heard | None:
        """A datagram to our port, or a segment that acknowledges our SYN: who sends that has seen it (RFC 9293 section
        3.10.7.3).
        """
        over = ip.payload
        proto: Proto = "tcp" if isinstance(over, self._layers.tcp) else "udp"
        if over.dport != self._ports[proto]:
            return None
        heard = Heard(str(ip.src), over.sport, self._ttl(ip), proto)
        if proto == "udp":
            return heard
        flags = int(over.flags)
        if not flags & (_SYN | _RST) or not flags & _ACK or over.ack != (self._number + 1) % (1 << 32):
            return None
        return heard._replace(says="rst" if flags & _RST else "syn-ack", acknowledged=over.ack)

    def _error(self, ip: Any) -> Heard | None:
        """An ICMP error about one of our packets."""
        told, inner = ip.payload, ip.payload.payload
        if not isinstance(inner, self._layers.quoted_ip) or told.type not in _ERRORS[self._version]:
            return None
        quoted = self._quoted(inner)
        if quoted is None:
            return None
        return Heard(str(ip.src), 0, self._ttl(ip), "icmp", icmp=f"{told.type}/{told.code}", quoted=quoted)

    def _quoted(self, inner: Any) -> Quoted | None:
        """None: it is not one of ours. A NAT may have left it with other ports, so that only marks tell."""
        over = inner.payload
        if not isinstance(over, (self._layers.quoted_tcp, self._layers.quoted_udp)):
            return None
        proto: Proto = "tcp" if isinstance(over, self._layers.quoted_tcp) else "udp"
        four = self._version == 4
        ident = int(inner.id) if four else None
        mark = self._mark(over, proto, ident)
        if mark is None:
            return None
        source, to = (str(inner.src), over.sport), (str(inner.dst), over.dport)
        tos, size = (inner.tos, inner.len) if four else (inner.tc, inner.plen + _SHORTEST[6])
        return Quoted(proto, source, to, self._ttl(inner), int(tos), int(size), ident, mark)

    def _mark(self, over: Any, proto: Proto, ident: int | None) -> int | None:
        """By what is quoted of the packet itself, else by IPv4's identification. A field that is not quoted has
        scapy's default, which says nothing.
        """
        if proto == "tcp":
            number = over.fields.get("window", ident) if over.fields.get("seq") == self._number else None
        else:
            payload = bytes(over.payload)[MARK_AT:][:2]
            number = int.from_bytes(payload, "big") if len(payload) == 2 else ident
        mark = (number or 0) - MARKED
        return mark if 0 < mark <= MARKS_MAX else None

    def _ttl(self, ip: Any) -> int:
        return int(ip.ttl if self._version == 4 else ip.hlim)


def _same(one: str, other: str) -> bool:
    """Whether these are one address, be it written in two ways."""
    return ipaddress.ip_address(one) == ipaddress.ip_address(other.partition("%")[0])
