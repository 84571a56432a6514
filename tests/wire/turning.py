"""A TURN client's machine driven by hand, and answers that no honest server gives."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from typing import Any

from aioice.stun import Class, Message

from natprobe.wire.turn import Allocated, Allocation, Challenged, Credentials, Event, Request
from tests.lab.turn_server import TurnServer, signed

ALICE = Credentials("alice", "secret")
PEER, PEER6 = ("192.0.2.9", 7000), ("2001:db8::9", 7000)


def ids() -> Callable[[], bytes]:
    numbers = itertools.count(1)
    return lambda: next(numbers).to_bytes(12, "big")


def allocation(credentials: Credentials | None = ALICE, **options: Any) -> Allocation:
    return Allocation(ids(), credentials, **options)


def steps(machine: Allocation, server: TurnServer, request: Request | None, now: float = 0.0) -> Iterator[Event]:
    """Every event until no request follows."""
    while request is not None:
        answer = server.receive(request.data)
        assert answer is not None
        event = machine.receive(answer, now)
        assert getattr(event, "transaction_id", None) == request.transaction_id
        yield event
        request = event.request if isinstance(event, Challenged) else None


def done(machine: Allocation, server: TurnServer, request: Request | None, now: float = 0.0) -> Event:
    return list(steps(machine, server, request, now))[-1]


def ready(server: TurnServer, credentials: Credentials | None = ALICE, **options: Any) -> Allocation:
    machine = allocation(credentials, **options)
    assert isinstance(done(machine, server, machine.allocate()), Allocated)
    return machine


def answered(server: TurnServer, request: Request) -> bytes:
    answer = server.receive(request.data)
    assert answer is not None
    return answer


def error(request: Request, code: int, **attributes: Any) -> bytes:
    message = Message(request.method, Class.ERROR, request.transaction_id, {"ERROR-CODE": (code, "Reason")})
    message.attributes |= attributes
    return bytes(message)


def success(request: Request, key: bytes | None, **attributes: Any) -> bytes:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return signed(Message(request.method, Class.RESPONSE, request.transaction_id, named), key)


def lengthened(data: bytes, attribute: bytes) -> bytes:
    return data[:2] + struct.pack("!H", len(data) - 20 + len(attribute)) + data[4:] + attribute
