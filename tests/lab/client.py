"""A small client that knows nothing of the lab but the Net: it measures what the lab claims to be."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from natprobe.net.api import Datagram, IcmpError, Net, Stream, Udp
from natprobe.net.http import Client
from natprobe.net.tls import TlsStream, verified_context
from natprobe.wire import stun
from tests.case import Case, Expect
from tests.lab.build import Lab, build
from tests.netns import addresses as at

T = TypeVar("T")

BEHAVIOURS = ("endpoint-independent", "address-dependent", "address-and-port-dependent")
SERVER = (at.STUN1, at.STUN_PORT)
# Three links of 5 ms each way lie between the client and a server behind one NAT.
RTT = 0.030


def lab_of(seed: int = 0, **parts: Any) -> Lab:
    return build(Case(title="", expect=Expect(verdict="good", exit=0), **parts), seed)


def within(lab: Lab, main: Coroutine[Any, Any, T]) -> T:
    return lab.clock.run(main)


async def heard(udp: Udp, seconds: float = 1.0) -> Datagram | IcmpError | None:
    try:
        async with asyncio.timeout(seconds):
            return await udp.receive()
    except TimeoutError:
        return None


async def asked(udp: Udp, to: tuple[str, int], change: int | None = None) -> dict[str, Any] | IcmpError | None:
    """The attributes of the answer, whoever sent it."""
    udp.send(stun.binding_request(bytes(12), CHANGE_REQUEST=change), to)
    event = await heard(udp)
    return stun.decode(event.data).message.attributes if isinstance(event, Datagram) else event


async def mapped(udp: Udp, to: tuple[str, int]) -> tuple[str, int]:
    attributes = await asked(udp, to)
    assert isinstance(attributes, dict)
    return attributes["XOR-MAPPED-ADDRESS"]  # type: ignore[no-any-return]  # the codec is untyped here


async def measured_mapping(net: Net) -> str:
    """RFC 5780 section 4.3."""
    udp = net.udp(4)
    first = await mapped(udp, SERVER)
    other_port, other_address = await mapped(udp, (at.STUN1, 3479)), await mapped(udp, (at.STUN1_OTHER, 3478))
    if first == other_address:
        return BEHAVIOURS[0]
    return BEHAVIOURS[1] if first == other_port else BEHAVIOURS[2]


async def measured_filtering(net: Net) -> str:
    """RFC 5780 section 4.4; a new socket each time, since what was sent to opens the filter."""
    if await asked(net.udp(4), SERVER, change=6) is not None:
        return BEHAVIOURS[0]
    return BEHAVIOURS[1] if await asked(net.udp(4), SERVER, change=2) is not None else BEHAVIOURS[2]


async def visited(lab: Lab, path: str, port: int = 443) -> tuple[int, dict[str, str], bytes]:
    stream: Stream = await lab.client.tcp((at.WEB, port))
    if port == 443:
        tls = TlsStream(stream, verified_context(lab.ca_pem, ("http/1.1",)), at.TARGET)
        await tls.handshake()
        stream = tls
    client = Client(stream, at.TARGET)
    await client.get("/")
    return await client.get(path)
