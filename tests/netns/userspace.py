"""A home router in user space: the NAT of the memory ring on real packets, and a wire that takes its time.

    python -m tests.netns.userspace CONFIG.json

The kernel sends what comes from `lan` and `wan` into a TUN device; here it is translated, waits, and goes back, to
leave by the main routing table. It is one hop: what the kernel takes of a packet's life the second time is given back.
IPv4 is translated, all but fragments, which stop here (RFC 4787 section 11); IPv6 only waits.
"""

from __future__ import annotations

import fcntl
import heapq
import ipaddress
import os
import random
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, cast

import msgspec

from tests.lab.nat import Behaviour, Mapped, Nat, Ports
from tests.lab.network import Endpoint, Icmp, Packet, Proto

DEVICE = "utun"
READY = "carries packets"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_PACKET_MAX, _BATCH = 65535, 64
_SOURCE, _DESTINATION = 12, 16  # where the IPv4 header has them
_ICMP, _TCP, _UDP = 1, 6, 17
_ECHOES, _ERRORS = (0, 8), (3, 11, 12)


class Rough(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What befalls IPv4's UDP in one direction besides: so much is lost, late by up to so many seconds, sent twice."""

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    copies: float = 0.0


SMOOTH = Rough()


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`inside` is the network that packets go out from. `up`, `down`: what befalls packets from there, and to there;
    `record`: the file that has the fate of each of UDP's in a line. The rest is tests/case.py's.
    """

    inside: str
    outside: str
    mapping: Mapped
    filtering: Behaviour
    ports: Ports
    pool: tuple[str, ...] = ()
    hairpin: bool = False
    lifetime: float = 0.0
    rewrite: Literal["none", "plain", "broken"] = "none"
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    up: Rough = SMOOTH
    down: Rough = SMOOTH
    record: str = ""


class _Kind(NamedTuple):
    """A protocol's name for the NAT, where its header has checksum and ports, and whether that sum covers addresses.

    An echo's identifier is the port of the end inside (RFC 5508 section 3.1).
    """

    name: str
    checksum: int
    ports: tuple[int, int]
    pseudo: bool = True


_KINDS = {_TCP: _Kind("tcp", 16, (0, 2)), _UDP: _Kind("udp", 6, (0, 2)), _ICMP: _Kind("echo", 2, (4, 4), pseudo=False)}


class Router:
    """Packets in, translated packets out; `changed` is what is made of the payload of UDP that comes in."""

    def __init__(self, nat: Nat, inside: str, changed: Callable[[bytes, Endpoint], bytes] | None = None) -> None:
        self._nat, self._changed = nat, changed
        network = ipaddress.IPv4Network(inside)
        self._network, self._mask = int(network.network_address), int(network.netmask)

    def outward(self, raw: bytearray) -> bool:
        """Whether it comes from inside (IPv4)."""
        (source,) = struct.unpack_from("!I", raw, _SOURCE)
        return raw[0] >> 4 == 4 and source & self._mask == self._network

    def through(self, raw: bytearray) -> bytearray | None:
        """The packet as it goes on, or None: it doesn't."""
        if raw[0] >> 4 == 6:
            raw[7] = min(raw[7] + 1, 255)
            return None if raw[24] == 0xFF else raw  # multicast stays on its link
        _put(raw, 8, bytes((min(raw[8] + 1, 255), raw[9])), (10,))
        packet = _packet(raw)
        if packet is None:
            return None
        (source,) = struct.unpack_from("!I", raw, _SOURCE)
        return self._outward(raw, packet) if source & self._mask == self._network else self._inward(raw, packet)

    def _outward(self, raw: bytearray, packet: Packet) -> bytearray | None:
        if raw[9] == _ICMP:
            packet = packet._replace(destination=(packet.destination[0], 0))
        translated = self._nat.outward(packet)
        if translated is None:
            return None
        _readdress(raw, _SOURCE, translated.source)
        return self._inward(raw, translated) if self._nat.owns(translated.destination[0]) else raw

    def _inward(self, raw: bytearray, packet: Packet) -> bytearray | None:
        if raw[9] == _ICMP:
            packet = packet._replace(source=(packet.source[0], 0))
        translated = self._nat.inward(packet)
        if translated is None:
            return None
        if translated.icmp is not None:
            return _error(raw, translated, translated.icmp)
        _readdress(raw, _DESTINATION, translated.destination)
        if self._changed is not None and raw[9] == _UDP:
            start = _header(raw) + 8
            raw[start:] = self._changed(bytes(raw[start:]), translated.destination)
            _sum_udp(raw)
        return raw


class Wire:
    """Packets on their way: each takes `delay` seconds. UDP takes up to `jitter` more; `reorder` of it doesn't wait."""

    def __init__(self, config: Config, chance: random.Random) -> None:
        self._delay, self._jitter, self._reorder, self._chance = config.delay, config.jitter, config.reorder, chance
        self._rough = {True: config.up, False: config.down}
        self._on_the_way: list[tuple[float, int, bytearray]] = []
        self._count = 0
        self._record = config.record
        self._noted: dict[int, dict[str, object]] = {}

    def put(self, raw: bytearray, now: float, outward: bool = True) -> None:
        """One more; those that are due at one instant keep their order."""
        rough = self._rough[outward] if _is_udp(raw) else SMOOTH
        lost = self._chance.random() < rough.loss if rough.loss else False
        times = 0 if lost else 2 if rough.copies and self._chance.random() < rough.copies else 1
        for _ in range(times):
            self._count += 1
            late = rough.delay + self._chance.random() * rough.jitter if rough.delay or rough.jitter else 0.0
            heapq.heappush(self._on_the_way, (now + self._time(raw) + late, self._count, raw))
            self._note(raw, outward, self._count, now)
        if lost:
            self._note(raw, outward, 0, now)

    def wait(self, now: float) -> float | None:
        """Seconds until the next is due; None: there is none."""
        return max(0.0, self._on_the_way[0][0] - now) if self._on_the_way else None

    def due(self, now: float) -> Iterator[bytearray]:
        """Those that have arrived."""
        while self._on_the_way and self._on_the_way[0][0] <= now:
            _, number, raw = heapq.heappop(self._on_the_way)
            if (noted := self._noted.pop(number, None)) is not None:
                self._write({**noted, "left": time.monotonic()})
            yield raw

    def _note(self, raw: bytearray, outward: bool, number: int, now: float) -> None:
        """What is lost is written down at once, all else when it leaves."""
        if not self._record or not _is_udp(raw) or raw[0] >> 4 != 4:
            return
        payload = bytes(raw[_header(raw) + 8 :]).hex()
        noted: dict[str, object] = {"up": outward, "came": now, "payload": payload, "tos": raw[1]}
        if number:
            self._noted[number] = noted
        else:
            self._write({**noted, "left": None})

    def _write(self, noted: dict[str, object]) -> None:
        with Path(self._record).open("ab") as record:
            record.write(msgspec.json.encode(noted) + b"\n")

    def _time(self, raw: bytearray) -> float:
        if not _is_udp(raw) or not (self._jitter or self._reorder):
            return self._delay
        return 0.0 if self._chance.random() < self._reorder else self._delay + self._chance.random() * self._jitter


def _is_udp(raw: bytearray) -> bool:
    return raw[6 if raw[0] >> 4 == 6 else 9] == _UDP


def _packet(raw: bytearray, at: int = 0) -> Packet | None:
    """What the NAT has to know of the packet whose IPv4 header begins here; None: it can't be translated."""
    head = _header(raw, at)
    kind = _KINDS.get(raw[at + 9])
    if kind is None or len(raw) < head + 8 or (raw[at + 6] << 8 | raw[at + 7]) & 0x3FFF:
        return None
    if kind.name == "echo" and raw[head] not in _ECHOES:
        return _reported(raw, head) if at == 0 and raw[head] in _ERRORS else None
    addresses = (socket.inet_ntoa(raw[at + side : at + side + 4]) for side in (_SOURCE, _DESTINATION))
    ports = (int.from_bytes(raw[head + port : head + port + 2]) for port in kind.ports)
    source, destination = zip(addresses, ports, strict=True)
    return Packet(cast(Proto, kind.name), source, destination)


def _reported(raw: bytearray, head: int) -> Packet | None:
    """An ICMP error, and the packet that it quotes."""
    quoted = _packet(raw, head + 8) if len(raw) >= head + 28 else None
    if quoted is None:
        return None
    source, destination = (socket.inet_ntoa(raw[side : side + 4]) for side in (_SOURCE, _DESTINATION))
    return Packet("icmp", (source, 0), (destination, 0), icmp=Icmp(raw[head], raw[head + 1], quoted))


def _error(raw: bytearray, packet: Packet, icmp: Icmp) -> bytearray:
    """RFC 5508 section 4.2: where it goes, and the packet that it quotes, as the inside host sent it."""
    head = _header(raw)
    _readdress(raw, _SOURCE, icmp.quoted.source, head + 8)
    _put(raw, _DESTINATION, socket.inet_aton(packet.destination[0]), (10,))
    raw[head + 2 : head + 4] = b"\0\0"
    struct.pack_into("!H", raw, head + 2, _checksum(raw[head:]))
    return raw


def _readdress(raw: bytearray, side: int, endpoint: Endpoint, at: int = 0) -> None:
    """Another source or destination for the packet whose IPv4 header begins here."""
    head, kind = _header(raw, at), _KINDS[raw[at + 9]]
    check = head + kind.checksum
    summed = len(raw) >= check + 2 and (raw[at + 9] != _UDP or raw[check : check + 2] != b"\0\0")  # RFC 768: none
    sums = (check,) if summed else ()
    _put(raw, at + side, socket.inet_aton(endpoint[0]), (at + 10, *(sums if kind.pseudo else ())))
    _put(raw, head + kind.ports[side == _DESTINATION], endpoint[1].to_bytes(2), sums)


def _put(raw: bytearray, at: int, new: bytes, sums: tuple[int, ...]) -> None:
    """Writes whole words and corrects these checksums for them (RFC 1624 section 3, equation 3)."""
    change = sum(struct.unpack(f"!{len(new) // 2}H", new)) - sum(struct.unpack_from(f"!{len(new) // 2}H", raw, at))
    raw[at : at + len(new)] = new
    for check in sums:
        raw[check : check + 2] = _complement(change - int.from_bytes(raw[check : check + 2])).to_bytes(2)


def _sum_udp(raw: bytearray) -> None:
    """Again, for a payload that was changed in its place."""
    head = _header(raw)
    raw[head + 6 : head + 8] = b"\0\0"
    pseudo = bytes(raw[_SOURCE : _SOURCE + 8]) + struct.pack("!HH", _UDP, len(raw) - head)
    struct.pack_into("!H", raw, head + 6, _checksum(pseudo + raw[head:]))


def _checksum(data: bytes | bytearray) -> int:
    """RFC 1071."""
    words = bytes(data) + b"\0" * (len(data) % 2)
    return _complement(sum(struct.unpack(f"!{len(words) // 2}H", words)))


def _complement(total: int) -> int:
    """Of a one's complement sum, as the zero that isn't UDP's word for none (RFC 768)."""
    return 0xFFFF - total % 0xFFFF


def _header(raw: bytearray, at: int = 0) -> int:
    """Where the IPv4 header that begins here ends."""
    return at + (raw[at] & 15) * 4


def alg(rewrite: str) -> Callable[[bytes, Endpoint], bytes] | None:
    """The memory ring's application layer gateway; what it needs takes time to load."""
    if rewrite == "none":
        return None
    from tests.lab.router import mended, rewritten

    return rewritten if rewrite == "broken" else lambda payload, inside: mended(rewritten(payload, inside))


def _open() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _read(device: int) -> Iterator[bytearray]:
    """What waits, but not so much that what is due waits for it."""
    for _ in range(_BATCH):
        try:
            yield bytearray(os.read(device, _PACKET_MAX))
        except BlockingIOError:
            return


def carry(device: int, router: Router, wire: Wire) -> None:
    """For ever."""
    while True:
        select.select([device], [], [], wire.wait(time.monotonic()))
        for raw in _read(device):
            outward = router.outward(raw)
            if (passed := router.through(raw)) is not None:
                # The clock of each: one that came while its batch was read must not leave early.
                wire.put(passed, time.monotonic(), outward)
        for raw in wire.due(time.monotonic()):
            os.write(device, raw)


def main(path: Path) -> None:
    config = msgspec.json.decode(path.read_bytes(), type=Config)
    chance = random.Random(1)
    nat = Nat(
        config.outside,
        config.mapping,
        config.filtering,
        chance,
        ports=config.ports,
        pool=config.pool,
        hairpin=config.hairpin,
        lifetime=config.lifetime,
        now=time.monotonic,
    )
    device = _open()
    print(READY, flush=True)
    carry(device, Router(nat, config.inside, alg(config.rewrite)), Wire(config, chance))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
