"""A TURN client on the network: what wire/turn makes is sent over UDP, DTLS, TCP or TLS, again where it may be lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from natprobe.model import Failure
from natprobe.net.api import DATAGRAM_MAX, Datagram, Net, Reported, Stream, Udp, same_peer
from natprobe.net.failure import failure_of
from natprobe.wire import stun
from natprobe.wire.stun import StunError
from natprobe.wire.turn import (
    Allocation,
    Challenged,
    Data,
    Event,
    PeerIcmp,
    Redirected,
    Refused,
    Request,
    Splitter,
    Stray,
    Suspicious,
)

if TYPE_CHECKING:
    from natprobe.net.dtls import DtlsSession

# How many packets from peers may wait for their reader; a flood beyond it is dropped, as a full buffer would.
_BACKLOG = 512
# Saying goodbye: the last Refresh is sent so often, so far apart (seconds), and waited for a little.
_GOODBYES, _GOODBYE_INTERVAL = 3, 0.15


class Carrier(Protocol):
    """The client's leg: it carries whole messages to one server. `stream`: nothing is lost on it without its end."""

    stream: bool

    @property
    def local(self) -> tuple[str, int]:
        """Our end."""

    async def send(self, data: bytes) -> None:
        """Raises OSError."""

    async def receive(self) -> list[bytes]:
        """What came next. Raises OSError (api.Reported for ICMP errors), EOFError, StunError."""

    def close(self) -> None:
        """Idempotent."""


class DatagramCarrier:
    """UDP. Owns the socket; hears the server only."""

    stream = False

    def __init__(self, udp: Udp, server: tuple[str, int]) -> None:
        self._udp, self._server = udp, server

    @property
    def local(self) -> tuple[str, int]:
        """See Carrier."""
        return self._udp.local

    async def send(self, data: bytes) -> None:
        """See Carrier."""
        self._udp.send(data, self._server)

    async def receive(self) -> list[bytes]:
        """See Carrier."""
        while True:
            event = await self._udp.receive()
            if isinstance(event, Datagram):
                if same_peer(event.source, self._server) and len(event.data) <= DATAGRAM_MAX:
                    return [event.data]
            elif event.ends(self._server):
                raise Reported(event)

    def close(self) -> None:
        """See Carrier."""
        self._udp.close()


class DtlsCarrier:
    """DTLS over UDP (RFC 7350). Owns the session."""

    stream = False

    def __init__(self, session: DtlsSession) -> None:
        self._session = session

    @property
    def local(self) -> tuple[str, int]:
        """See Carrier."""
        return self._session.local

    async def send(self, data: bytes) -> None:
        """See Carrier."""
        self._session.send(data)

    async def receive(self) -> list[bytes]:
        """See Carrier."""
        return [await self._session.receive()]

    def close(self) -> None:
        """See Carrier."""
        self._session.close()


class StreamCarrier:
    """TCP or TLS (RFC 8656 section 12.5). Owns the stream."""

    stream = True

    def __init__(self, stream: Stream, allocation: Allocation) -> None:
        self._stream, self._splitter = stream, Splitter(allocation.expects)

    @property
    def local(self) -> tuple[str, int]:
        """See Carrier."""
        return self._stream.local

    async def send(self, data: bytes) -> None:
        """See Carrier."""
        await self._stream.write(data)

    async def receive(self) -> list[bytes]:
        """See Carrier."""
        while True:
            data = await self._stream.read(DATAGRAM_MAX)
            if not data:
                raise EOFError("the server closed the connection")
            if messages := self._splitter.feed(data):
                return messages

    def close(self) -> None:
        """See Carrier."""
        self._stream.close()


class Ended(NamedTuple):
    """How a request ended: with `event`, or by a failure. `rtt` (seconds) is the last answer's, None after a retry.

    `challenge` is the code and the realm of the last challenge that was answered; `suspicious` what was wrong with an
    answer that was not accepted.
    """

    event: Event | None
    failure: Failure | None
    detail: str
    tries: int
    rtt: float | None = None
    challenge: tuple[int, str] | None = None
    suspicious: str = ""
    icmp: str | None = None
    reported_by: str | None = None


class TurnClient:
    """One allocation over one carrier. It owns the carrier; `aclose` gives the relay back, whatever has happened.

    Use as an async context manager, or lay it into the run's drawer, which closes it.
    """

    def __init__(self, net: Net, carrier: Carrier, allocation: Allocation) -> None:
        self._net, self._carrier, self.allocation = net, carrier, allocation
        self._answers: dict[bytes, asyncio.Future[Event]] = {}
        self._suspicious: dict[bytes, str] = {}
        self._from_peers: deque[tuple[Data | PeerIcmp, float]] = deque(maxlen=_BACKLOG)
        self._some = asyncio.Event()
        self._heard = False
        self._broken: OSError | EOFError | StunError | None = None
        self._reader: asyncio.Task[None] | None = asyncio.create_task(self._read())

    @property
    def local(self) -> tuple[str, int]:
        """Our end of the leg to the server."""
        return self._carrier.local

    async def __aenter__(self) -> TurnClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def ask(
        self, request: Request, send_times: Sequence[float] = stun.SEND_TIMES, give_up: float = stun.GIVE_UP
    ) -> Ended:
        """One request with all its challenges; each time it is sent at `send_times` until `give_up` (seconds).

        Over a stream it is sent once (RFC 8489 section 6.2.2).
        """
        times = send_times[:1] if self._carrier.stream else send_times
        challenge, tries = None, 0
        while True:
            ended = await self._once(request, times, give_up)
            tries += ended.tries
            ended = ended._replace(tries=tries, challenge=challenge)
            if not isinstance(ended.event, Challenged):
                return ended
            challenge = ended.event.code, ended.event.realm
            request = ended.event.request

    async def send(self, payload: bytes, peer: tuple[str, int]) -> None:
        """Towards the peer, which must be permitted to be heard. Raises OSError, and what ended the leg."""
        if self._broken is not None:
            raise self._broken
        await self._carrier.send(self.allocation.send(payload, peer))

    async def receive(self) -> tuple[Data | PeerIcmp, float]:
        """What a peer sent next, or what the server heard of it, and when. Raises what ended the leg."""
        while not self._from_peers:
            if self._broken is not None:
                raise self._broken
            self._some.clear()
            await self._some.wait()
        return self._from_peers.popleft()

    async def aclose(self) -> None:
        """Gives the relay back and closes the leg. Over UDP the last request may be lost: it is sent until answered."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        try:
            with contextlib.suppress(OSError, EOFError, StunError):
                await self._goodbye()
        finally:
            reader.cancel()
            self._carrier.close()

    async def _goodbye(self) -> None:
        for _ in range(_GOODBYES):  # an allocation that was on its way may come between: then once more
            request = self.allocation.close() if self._broken is None else None
            if request is None:
                return
            if not self._heard:  # nobody is there, as far as we know: nobody is waited for
                await self._carrier.send(request.data)
                return
            ended = await self._once(request, (0.0,), _GOODBYE_INTERVAL)
            if isinstance(ended.event, Challenged):
                await self._once(ended.event.request, (0.0,), _GOODBYE_INTERVAL)
            if self.allocation.state == "closed":
                return

    async def _once(self, request: Request, times: Sequence[float], give_up: float) -> Ended:
        done: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._answers[request.transaction_id] = done
        began, tries = self._net.now(), 0
        try:
            for at in [*times[1:], give_up]:
                if self._broken is not None:
                    raise self._broken
                await self._carrier.send(request.data)
                tries += 1
                left = began + at - self._net.now()
                await asyncio.wait([done], timeout=max(left, 0))
                if done.done():
                    rtt = self._net.now() - began if tries == 1 else None
                    return self._ended(done.result(), tries, rtt, request)
        except (OSError, EOFError, StunError) as exc:
            return _broke(exc, tries)
        finally:
            del self._answers[request.transaction_id]
            if not done.cancel():  # what ended the leg may have come with the last of the time: it is in `_broken`
                done.exception()
        faulty = self._suspicious.get(request.transaction_id, "")
        return Ended(None, Failure.PROTOCOL if faulty else Failure.TIMEOUT, faulty, tries, suspicious=faulty)

    def _ended(self, event: Event, tries: int, rtt: float | None, request: Request) -> Ended:
        faulty = self._suspicious.get(request.transaction_id, "")
        if isinstance(event, Refused):
            failure = Failure.UNAUTHORIZED if event.code == 401 else Failure.ERROR_RESPONSE
            return Ended(event, failure, f"{event.code} {event.reason}".strip(), tries, rtt, suspicious=faulty)
        if isinstance(event, Redirected):
            return Ended(event, Failure.ERROR_RESPONSE, "300 Try Alternate", tries, rtt, suspicious=faulty)
        return Ended(event, None, "", tries, rtt, suspicious=faulty)

    async def _read(self) -> None:
        try:
            while True:
                messages = await self._carrier.receive()
                self._heard = True
                for message in messages:
                    self._take(self.allocation.receive(message, self._net.now()))
        except (OSError, EOFError, StunError) as exc:
            self._broken = exc
            self._some.set()
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_exception(exc)

    def _take(self, event: Event) -> None:
        if isinstance(event, Data | PeerIcmp):
            self._from_peers.append((event, self._net.now()))
            self._some.set()
        elif isinstance(event, Suspicious):
            self._suspicious[event.transaction_id] = event.fault
        elif not isinstance(event, Stray):
            waiting = self._answers.get(event.transaction_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(event)


def _broke(exc: OSError | EOFError | StunError, tries: int) -> Ended:
    failure, detail = failure_of(exc)
    if isinstance(exc, Reported):
        return Ended(None, failure, "", tries, icmp=exc.error.icmp or None, reported_by=exc.error.reported_by)
    return Ended(None, failure, detail, tries)
