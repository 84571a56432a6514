"""STUN over a Net: many transactions on one UDP socket, and one over a TCP stream.

Retransmission, matching by transaction id and by responder, ICMP errors, and an account of everything that came and was
no proper answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from aioice.stun import Class

from natprobe.model import Failure
from natprobe.net.api import DATAGRAM_MAX, Datagram, IcmpError, Net, Stream, Udp, same_peer
from natprobe.net.failure import failure_of
from natprobe.net.reading import UdpReader
from natprobe.wire import stun
from natprobe.wire.stun import Packet, StunError

if TYPE_CHECKING:
    from natprobe.net.dtls import DtlsSession

Fault = Literal[
    "garbage", "wrong-transaction", "wrong-sender", "duplicate", "too-large", "unknown-attributes", "altered"
]
# How many different senders and faults are told apart; a flood beyond that counts for nothing more.
STRAYS_MAX = 50


class Outcome(NamedTuple):
    """How a transaction ended. `rtt`: seconds, None when it took more than one try (Karn). `mtu`: IcmpError's."""

    packet: Packet | None
    failure: Failure | None
    detail: str
    tries: int
    rtt: float | None = None
    responder: tuple[str, int] | None = None
    icmp: str | None = None
    reported_by: str | None = None
    mtu: int | None = None

    @property
    def rtt_ms(self) -> float | None:
        """As facts have it."""
        return None if self.rtt is None else round(self.rtt * 1000, 2)


class _Pending:
    """A request that waits for its answer."""

    def __init__(
        self, to: tuple[str, int], responder: tuple[str, int], done: asyncio.Future[Datagram | IcmpError | OSError]
    ) -> None:
        self.to, self.responder, self.done = to, responder, done
        self.wrong_sender: tuple[str, int] | None = None
        self.unknown: tuple[int, ...] = ()
        self.altered = ""
        self.too_big: IcmpError | None = None


class StunSocket(UdpReader):
    """A UDP socket that asks.

    `claims` are asked about every datagram that is no STUN message: one may be what somebody beside waits for.
    """

    def __init__(self, net: Net, udp: Udp) -> None:
        super().__init__(udp)
        self._net = net
        self._pending: dict[bytes, _Pending] = {}
        self._answered: set[bytes] = set()
        self._expected: dict[bytes, asyncio.Future[Datagram]] = {}
        self.strays: dict[tuple[tuple[str, int], Fault], int] = {}
        self.claims: list[Callable[[Datagram], bool]] = []

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """Whatever it is, once. Raises OSError."""
        self._udp.send(data, to, ttl)

    async def ask(
        self,
        request: bytes,
        to: tuple[str, int],
        *,
        responder: tuple[str, int] | None = None,
        send_times: Sequence[float] = stun.SEND_TIMES,
        give_up: float = stun.GIVE_UP,
        ttl: int | None = None,
        by: StunSocket | None = None,
    ) -> Outcome:
        """One transaction: sends at `send_times` (seconds from now) until something decides, for `give_up` seconds.

        `ttl` as api.Udp.send takes it; the router that ends such a packet ends the transaction, by ICMP.

        The answer has to come from `responder`, which is `to` unless CHANGE-REQUEST asks for another (RFC 5780).
        `by`: another socket that sends, where RESPONSE-PORT asks for an answer to this one (RFC 5780 section 7.5).
        """
        transaction_id = request[8:20]
        done: asyncio.Future[Datagram | IcmpError | OSError] = asyncio.get_running_loop().create_future()
        pending = self._pending[transaction_id] = _Pending(to, responder or to, done)
        began, tries = self._net.now(), 0
        try:
            for number, at in enumerate([*send_times, give_up]):
                await self._wait(done, began + at)
                if done.done() or number == len(send_times):
                    break
                tries += 1
                (by or self)._udp.send(request, to, ttl)
        except OSError as exc:
            failure, detail = failure_of(exc)
            return Outcome(None, failure, detail, tries)
        finally:
            del self._pending[transaction_id]
        if not done.done():
            return _silence(pending, tries)
        self._answered.add(transaction_id)
        return _outcome(done.result(), tries, began)

    def expect(self, transaction_id: bytes) -> asyncio.Future[Datagram]:
        """The request with this id, once it has come here from another socket of ours; its copies count for nothing."""
        return self._expected.setdefault(transaction_id, asyncio.get_running_loop().create_future())

    async def _wait(self, done: asyncio.Future[Datagram | IcmpError | OSError], until: float) -> None:
        left = until - self._net.now()
        if left > 0:
            await asyncio.wait([done], timeout=left)

    def _icmp(self, error: IcmpError) -> None:
        for pending in self._pending.values():
            if not error.destination or not same_peer(pending.to, error.destination) or pending.done.done():
                continue
            if error.failure is Failure.TOO_BIG:
                # Of which of several requests it is said nobody tells, and the kernel fragments from now on: the
                # tries that are left decide.
                pending.too_big = error
            else:
                pending.done.set_result(error)

    def _datagram(self, datagram: Datagram) -> None:
        try:
            if len(datagram.data) > DATAGRAM_MAX:
                return self._stray(datagram.source, "too-large")
            packet = stun.decode(datagram.data)
        except StunError as exc:
            return self._broken(datagram, str(exc))
        transaction_id = packet.message.transaction_id
        expected = self._expected.get(transaction_id)
        if expected is not None and packet.message.message_class is Class.REQUEST:
            return None if expected.done() else expected.set_result(datagram)
        pending = self._pending.get(transaction_id)
        if pending is None and _is_check(packet):
            return None
        if pending is None or not stun.answers(packet, transaction_id) or pending.done.done():
            known = transaction_id in self._answered or (pending is not None and pending.done.done())
            return self._stray(datagram.source, "duplicate" if known else "wrong-transaction")
        if not same_peer(datagram.source, pending.responder) and not _refusal(packet, datagram, pending):
            pending.wrong_sender = datagram.source
            return self._stray(datagram.source, "wrong-sender")
        if packet.unknown:
            # RFC 8489 section 6.3.3: an answer with attributes that must be understood and aren't is dropped.
            pending.unknown = packet.unknown
            return self._stray(datagram.source, "unknown-attributes")
        pending.done.set_result(datagram)
        return None

    def _broken(self, datagram: Datagram, why: str) -> None:
        """No message, or no longer one. A proper answer may follow what was altered: nobody ends the wait this way."""
        if any(claim(datagram) for claim in self.claims):
            return
        pending = self._pending.get(stun.answered_id(datagram.data) or b"")
        if pending is None or not same_peer(datagram.source, pending.responder):
            self._stray(datagram.source, "garbage")
            return
        pending.altered = why
        self._stray(datagram.source, "altered")

    def _stray(self, sender: tuple[str, int], fault: Fault) -> None:
        key = (sender, fault)
        if key in self.strays or len(self.strays) < STRAYS_MAX:
            self.strays[key] = self.strays.get(key, 0) + 1


def _is_check(packet: Packet) -> bool:
    """The other side's own (RFC 8445 section 7.3), which nobody here answers: nothing is wrong with it."""
    return packet.message.message_class is Class.REQUEST and "PRIORITY" in packet.message.attributes


def _refusal(packet: Packet, datagram: Datagram, pending: _Pending) -> bool:
    """An error comes from where the request went to, whatever CHANGE-REQUEST asked for (RFC 5780 section 6.1)."""
    return packet.message.message_class is Class.ERROR and same_peer(datagram.source, pending.to)


def _silence(pending: _Pending, tries: int) -> Outcome:
    if pending.altered:
        words = f"an answer came, but not whole: {pending.altered}"
        return Outcome(None, Failure.PROTOCOL, words, tries, responder=pending.responder)
    if pending.wrong_sender is not None:
        words = "an answer came, but from another address"
        return Outcome(None, Failure.WRONG_SENDER, words, tries, responder=pending.wrong_sender)
    if pending.unknown:
        words = "an answer came with attributes that must be understood and are not"
        return Outcome(None, Failure.UNSUPPORTED, words, tries)
    if pending.too_big is not None:
        icmp, reporter = pending.too_big.icmp or None, pending.too_big.reported_by
        return Outcome(None, Failure.TOO_BIG, "", tries, icmp=icmp, reported_by=reporter, mtu=pending.too_big.mtu)
    return Outcome(None, Failure.TIMEOUT, "", tries)


def _outcome(event: Datagram | IcmpError | OSError, tries: int, began: float) -> Outcome:
    if isinstance(event, IcmpError):
        return Outcome(None, event.failure, "", tries, icmp=event.icmp or None, reported_by=event.reported_by)
    assert isinstance(event, Datagram)
    packet = stun.decode(event.data)
    rtt = max(event.at - began, 0.0) if tries == 1 else None
    return answer(packet, tries, rtt, event.source)


def answer(packet: Packet, tries: int, rtt: float | None, responder: tuple[str, int]) -> Outcome:
    """The outcome of an answer that is ours: success, or the error that it carries."""
    code, reason = packet.message.attributes.get("ERROR-CODE", (0, ""))
    if packet.message.message_class is not Class.ERROR:
        return Outcome(packet, None, "", tries, rtt, responder)
    failure = Failure.UNAUTHORIZED if code == 401 else Failure.ERROR_RESPONSE
    return Outcome(packet, failure, f"{code} {reason}".strip(), tries, rtt, responder)


async def ask_session(net: Net, session: DtlsSession, request: bytes) -> Outcome:
    """One transaction over DTLS, sent again as over UDP (RFC 8489 section 6.2.1). What is no answer to it is passed
    over. Raises OSError, and EOFError when the server closes.
    """
    began, tries = net.now(), 0
    for until in (*stun.SEND_TIMES[1:], stun.GIVE_UP):
        session.send(request)
        tries += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(began + until - net.now()):
                packet = await _answer_in(session, request[8:20])
            return answer(packet, tries, net.now() - began if tries == 1 else None, session.remote)
    return Outcome(None, Failure.TIMEOUT, "", tries)


async def _answer_in(session: DtlsSession, transaction_id: bytes) -> Packet:
    while True:
        with contextlib.suppress(StunError):
            packet = stun.decode(await session.receive())
            if stun.answers(packet, transaction_id) and not packet.unknown:
                return packet


async def ask_stream(net: Net, stream: Stream, request: bytes, *, framed: bool = False) -> Outcome:
    """One transaction over a connected stream: sent once (RFC 8489 section 6.2.2), waits until cancelled."""
    began = net.now()
    await stream.write(stun.frame(request) if framed else request)
    splitter = stun.Splitter()
    while True:
        data = await stream.read(DATAGRAM_MAX)
        if not data:
            raise EOFError("the server closed the connection without an answer")
        for message in splitter.feed(data):
            packet = stun.decode(message)
            if stun.answers(packet, request[8:20]):
                return answer(packet, 1, net.now() - began, stream.remote)
