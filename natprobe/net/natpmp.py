"""NAT-PMP over a Net: asks a router for its outside address, in two packets at most."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from natprobe.model import Failure
from natprobe.net.api import Datagram, IcmpError, Net, Udp
from natprobe.net.failure import failure_of
from natprobe.wire import natpmp

# RFC 6886 section 3.1 begins with 250 ms; the router is a millisecond away, and a guest does not insist.
TRIES, INTERVAL = 2, 0.1


class Told(NamedTuple):
    """What the router said. `result` is its own code, 0 with an address."""

    failure: Failure | None
    tries: int = 0
    result: int | None = None
    address: str | None = None
    detail: str = ""


async def outside_address(net: Net, local: str, gateway: str) -> Told:
    """The answer, or how it failed to come. Only the router's own counts."""
    try:
        udp = net.udp(4, local)
    except OSError as exc:
        return Told(*_own(exc))
    try:
        for tries in range(1, TRIES + 1):
            udp.send(natpmp.REQUEST, (gateway, natpmp.PORT))
            if (told := await _within(udp, gateway, tries)) is not None:
                return told
        return Told(Failure.TIMEOUT, TRIES)
    except OSError as exc:
        return Told(*_own(exc))
    finally:
        udp.close()


def _own(exc: OSError) -> tuple[Failure, int, None, None, str]:
    failure, detail = failure_of(exc)
    return failure, 0, None, None, detail


async def _within(udp: Udp, gateway: str, tries: int) -> Told | None:
    try:
        async with asyncio.timeout(INTERVAL):
            while True:
                if (told := _told(await udp.receive(), gateway, tries)) is not None:
                    return told
    except TimeoutError:
        return None


def _told(event: Datagram | IcmpError, gateway: str, tries: int) -> Told | None:
    if isinstance(event, IcmpError):
        return Told(event.failure, tries)
    if event.source != (gateway, natpmp.PORT) or (answer := natpmp.decode(event.data)) is None:
        return None
    failure = Failure.ERROR_RESPONSE if answer.result else None
    return Told(failure, tries, answer.result, answer.address)
