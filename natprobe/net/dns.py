"""One DNS question to one server, over UDP and, where the answer is cut, over TCP. dnspython is the codec."""

from __future__ import annotations

import asyncio
import contextlib

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from natprobe.model import Failure
from natprobe.net.api import Datagram, IcmpError, Net, Stream, Udp, same_peer
from natprobe.net.failure import failure_of

# Sent again after these seconds; the caller's deadline ends it.
_SEND_TIMES = (0.0, 0.4, 1.0)
# RFC 9715: what fits unfragmented nearly everywhere.
_PAYLOAD = 1232
_BY_RCODE = {dns.rcode.NXDOMAIN: Failure.NXDOMAIN, dns.rcode.REFUSED: Failure.REFUSED}


class DnsError(Exception):
    """The question has no answer: `failure` says in which way."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(detail)
        self.failure, self.detail = failure, detail


async def ask(net: Net, server: tuple[str, int], name: str, kind: str, seconds: float) -> dns.message.Message:
    """The answer, checked to be one to this question. Raises DnsError, for every way of having none."""
    try:
        query = dns.message.make_query(name, kind, use_edns=0, payload=_PAYLOAD)
        async with asyncio.timeout(seconds):
            answer = await _over_udp(net, server, query)
            if answer.flags & dns.flags.TC:
                answer = await _over_tcp(net, server, query)
    except TimeoutError:
        raise DnsError(Failure.TIMEOUT) from None
    except (OSError, EOFError) as exc:
        raise DnsError(*failure_of(exc)) from None
    except (dns.exception.DNSException, ValueError) as exc:
        raise DnsError(Failure.PROTOCOL, type(exc).__name__) from None
    return _settled(answer, kind)


def _settled(answer: dns.message.Message, kind: str) -> dns.message.Message:
    rcode = answer.rcode()
    if rcode != dns.rcode.NOERROR:
        raise DnsError(_BY_RCODE.get(rcode, Failure.SERVFAIL), dns.rcode.to_text(rcode))
    wanted = dns.rdatatype.from_text(kind)
    answer.answer = [rrset for rrset in answer.answer if rrset.rdclass == dns.rdataclass.IN]
    if not any(rrset.rdtype == wanted for rrset in answer.answer):
        raise DnsError(Failure.NO_DATA)
    return answer


async def _over_udp(net: Net, server: tuple[str, int], query: dns.message.Message) -> dns.message.Message:
    udp = net.udp(6 if ":" in server[0] else 4)
    resender = asyncio.create_task(_send(net, udp, query.to_wire(), server))
    received: asyncio.Task[Datagram | IcmpError] | None = None
    try:
        while True:
            received = asyncio.create_task(udp.receive())
            await asyncio.wait({received, resender}, return_when=asyncio.FIRST_COMPLETED)
            if resender.done() and resender.exception() is not None:
                resender.result()
            event = await received
            if isinstance(event, IcmpError):
                raise DnsError(event.failure, f"ICMP {event.icmp}" if event.icmp else "")
            if (answer := _matching(event, server, query)) is not None:
                return answer
    finally:
        for task in (resender, received):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await task
        udp.close()


async def _send(net: Net, udp: Udp, wire: bytes, server: tuple[str, int]) -> None:
    began = net.now()
    for at in _SEND_TIMES:
        await net.sleep(max(0.0, began + at - net.now()))
        udp.send(wire, server)


def _matching(event: Datagram, server: tuple[str, int], query: dns.message.Message) -> dns.message.Message | None:
    """RFC 5452 section 9: the right sender, id and question; anything else is ignored."""
    if not same_peer(event.source, server):
        return None
    try:
        answer = dns.message.from_wire(event.data, ignore_trailing=True, raise_on_truncation=False)
    except (dns.exception.DNSException, ValueError):
        return None
    return answer if query.is_response(answer) else None


async def _over_tcp(net: Net, server: tuple[str, int], query: dns.message.Message) -> dns.message.Message:
    stream = await net.tcp(server)
    try:
        wire = query.to_wire()
        await stream.write(len(wire).to_bytes(2, "big") + wire)
        length = int.from_bytes(await _exactly(stream, 2), "big")
        answer = dns.message.from_wire(await _exactly(stream, length), ignore_trailing=True)
    finally:
        stream.close()
    if not query.is_response(answer):
        raise DnsError(Failure.PROTOCOL, "an answer to another question")
    return answer


async def _exactly(stream: Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.read(count - len(data))
        if not more:
            raise EOFError("the resolver closed the connection")
        data += more
    return data
