"""STUN servers that do what real ones do on bad days, one function each: `host.serve_udp(address, port, garbage)`."""

from __future__ import annotations

import asyncio

from natprobe.net.api import Datagram, Stream
from natprobe.wire import stun
from tests.lab.host import LabHost
from tests.lab.sockets import Handler, LabUdp

# An attribute type below 0x8000 that nobody has registered: comprehension-required (RFC 8489 section 14).
_UNREGISTERED = 0x7F00


def modern(handler: Handler) -> Handler:
    """Deaf to everything but STUN with the magic cookie, as servers are that know no RFC 3489."""
    return lambda udp, datagram: handler(udp, datagram) if stun.is_stun(datagram.data) else None


def garbage(udp: LabUdp, datagram: Datagram) -> None:
    """Bytes that are no STUN."""
    udp.send(b"\xff" * 40, datagram.source)


def truncated(udp: LabUdp, datagram: Datagram) -> None:
    """A proper answer that ends in the middle."""
    udp.send(_answer(datagram)[:-5], datagram.source)


def falsified(udp: LabUdp, datagram: Datagram) -> None:
    """A proper answer with one bit changed, so that its FINGERPRINT does not fit any more."""
    answer = stun.response(stun.decode(datagram.data).message, XOR_MAPPED_ADDRESS=datagram.source)
    udp.send(answer[:27] + bytes([answer[27] ^ 1]) + answer[28:], datagram.source)


def falsified_first(udp: LabUdp, datagram: Datagram) -> None:
    """The altered answer, and then the proper one."""
    falsified(udp, datagram)
    udp.send(_answer(datagram), datagram.source)


def wrong_transaction(udp: LabUdp, datagram: Datagram) -> None:
    """An answer to a request that was never made."""
    answer = _answer(datagram)
    udp.send(answer[:8] + bytes(12) + answer[20:], datagram.source)


def twice(udp: LabUdp, datagram: Datagram) -> None:
    """The same answer two times."""
    udp.send(_answer(datagram), datagram.source)
    udp.send(_answer(datagram), datagram.source)


def huge(udp: LabUdp, datagram: Datagram) -> None:
    """60 kB, well-formed."""
    request = stun.decode(datagram.data).message
    udp.send(stun.response(request, XOR_MAPPED_ADDRESS=datagram.source, PADDING=bytes(60000)), datagram.source)


def unknown_attribute(udp: LabUdp, datagram: Datagram) -> None:
    """An answer that must be understood to be used (RFC 8489 section 6.3.3)."""
    answer = _answer(datagram)
    length = int.from_bytes(answer[2:4], "big") + 8
    more = _UNREGISTERED.to_bytes(2, "big") + (4).to_bytes(2, "big") + bytes(4)
    udp.send(answer[:2] + length.to_bytes(2, "big") + answer[4:] + more, datagram.source)


def refusing(udp: LabUdp, datagram: Datagram) -> None:
    """An error answer."""
    udp.send(stun.error(stun.decode(datagram.data).message, 500, "Server Error"), datagram.source)


def from_elsewhere(host: LabHost, other: tuple[str, int]) -> Handler:
    """Answers from another endpoint of this host than was asked."""
    elsewhere = host.serve_udp(*other, lambda udp, datagram: None)
    return lambda udp, datagram: elsewhere.send(_answer(datagram), datagram.source)


async def endless(stream: Stream) -> None:
    """A TCP stream that starts like an answer and never ends."""
    await stream.write(b"\x01\x01\xff\xfc\x21\x12\xa4\x42")
    while True:
        await stream.write(b"\x00" * 65536)
        await asyncio.sleep(0.01)


def _answer(datagram: Datagram) -> bytes:
    request = stun.decode(datagram.data).message
    return stun.response(request, fingerprint=False, XOR_MAPPED_ADDRESS=datagram.source)
