"""The responder on real sockets: opens them, answers until it is told to stop, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from natprobe.addresses import address_class
from natprobe.host.api import Host
from natprobe.model import Data
from natprobe.net import listen
from natprobe.net.api import Datagram, Net, Udp
from natprobe.pairing import IceCredentials
from natprobe.serve.counting import Counts
from natprobe.serve.opening import Endpoint, Refused, Sockets, close, open_alternates, pairs
from natprobe.serve.responder import Answer, Responder
from natprobe.serve.streams import Heard, Streams
from natprobe.wire.counts import Proto

FOR_SECONDS = 1800.0
# How many different peers are told of; forged sources could make it any number.
CONTACTS_MAX = 100


class ServeConfig(Data, frozen=True, kw_only=True):
    """What to listen on. Without addresses: all of this machine's. Port 0: any free one, the same on each.
    Two addresses of a family make an RFC 5780 server. `beside`: it goes on without ports that it can't have, as long as
    one UDP port is left; `spare`: any free one, where none is.
    """

    credentials: IceCredentials
    udp: tuple[int, ...] = (10000,)
    tcp: tuple[int, ...] = (4443,)
    addresses: tuple[str, ...] = ()
    for_seconds: float = FOR_SECONDS
    beside: bool = False
    spare: bool = False


class Listening(Data, frozen=True, kw_only=True):
    """What is open, in the order asked for, then RFC 5780's alternates; and what could not be had. `discovery`:
    what of it answers CHANGE-REQUEST.
    """

    udp: tuple[Endpoint, ...]
    tcp: tuple[Endpoint, ...]
    discovery: tuple[Endpoint, ...]
    refused: tuple[Refused, ...]


class Contact(Data, frozen=True, kw_only=True):
    """A peer was answered for the first time. `verified`: it has the token."""

    proto: str
    address: str
    verified: bool


Report = Callable[[Listening | Contact], None]


class CannotListen(Exception):
    """A port could be had on no address; its words say why, in one sentence for people."""

    def __init__(self, refused: tuple[Refused, ...]) -> None:
        super().__init__("; ".join(each.sentence() for each in refused))
        self.refused = refused


async def serve(config: ServeConfig, net: Net, host: Host, report: Report, counts: Counts | None = None) -> None:
    """Answers until cancelled or for `for_seconds`. Reports first what it listens on. Raises CannotListen."""
    async with running(config, net, host, report, counts) as listening:
        report(listening)
        await net.sleep(config.for_seconds)


@contextlib.asynccontextmanager
async def running(
    config: ServeConfig, net: Net, host: Host, report: Report | None = None, counts: Counts | None = None
) -> AsyncIterator[Listening]:
    """Answers for as long as the context lasts; the real ports are in what it gives. What comes goes into `counts`.
    Raises CannotListen.
    """
    counts = Counts(net.now()) if counts is None else counts
    udp, tcp = Sockets("UDP", listen.udp), Sockets("TCP", listen.TcpListener)
    tasks: list[asyncio.Task[None]] = []
    try:
        others = _open(config, config.addresses or own_addresses(host), udp, tcp)
        responder, heard = Responder(config.credentials, others, counted=counts), _first_contacts(report)
        counts.ports = (*_numbers("udp", udp), *_numbers("tcp", tcp))
        sockets = {each.local: each for each in udp}
        tasks += [asyncio.create_task(_respond(each, sockets, responder, net, heard)) for each in udp]
        streams = Streams(responder, net.now, heard)
        for listener in tcp:
            await listener.start(streams.serve)
        refused = (*udp.refused, *tcp.refused)
        yield Listening(udp=udp.locals(), tcp=tcp.locals(), discovery=tuple(others), refused=refused)
    finally:
        close([*udp, *tcp])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *(each.closed() for each in tcp), return_exceptions=True)


def own_addresses(host: Host) -> tuple[str, ...]:
    """Every address that a peer may use; link-local ones mean something on one link only."""
    found = dict.fromkeys(each.address for each in host.addresses() if each.up)
    return tuple(address for address in found if address_class(address) != "link-local")


def _open(
    config: ServeConfig, addresses: tuple[str, ...], udp: Sockets[Udp], tcp: Sockets[listen.TcpListener]
) -> dict[Endpoint, Endpoint]:
    """Opens everything and gives RFC 5780's endpoints. Alternates come after the ports asked for."""
    had = _ports(udp, config.udp, addresses, config.beside)
    _ports(tcp, config.tcp, addresses, config.beside)
    if not had and not config.spare:
        raise CannotListen(tuple(udp.refused))
    had = had or _ports(udp, (0,), addresses, False)
    others: dict[Endpoint, Endpoint] = {}
    for pair in pairs(config.addresses):
        for asked, port in had.items():
            if (pair[0], port) not in others:
                others |= open_alternates(udp, pair, port, asked)
    return others


def _ports(
    sockets: Sockets[Udp] | Sockets[listen.TcpListener],
    asked: tuple[int, ...],
    addresses: tuple[str, ...],
    beside: bool,
) -> dict[int, int]:
    """What was asked for, and which number it became. Raises CannotListen where one can't be had and has to be."""
    had: dict[int, int] = {}
    for port in asked:
        opened = sockets.open(port, addresses)
        if opened is not None:
            had[port] = opened
        elif not beside:
            raise CannotListen(tuple(each for each in sockets.refused if each.port == port))
    return had


def _numbers(proto: Proto, sockets: Sockets[Udp] | Sockets[listen.TcpListener]) -> tuple[tuple[Proto, int], ...]:
    return tuple((proto, port) for port in dict.fromkeys(port for _, port in sockets.locals()))


async def _respond(udp: Udp, sockets: Mapping[Endpoint, Udp], responder: Responder, net: Net, heard: Heard) -> None:
    """Answers what comes to one socket, from that one or, where CHANGE-REQUEST says so, from another."""
    while True:
        event = await udp.receive()
        if not isinstance(event, Datagram):
            continue
        held = max(net.now() - event.at, 0.0)
        answer = responder.answer(event.data, udp.local, event.source, event.at, tos=event.tos, held=held)
        if answer is not None:
            with contextlib.suppress(OSError):  # no way back, or no room: a lost packet, as on any network
                sockets[answer.local].send(answer.data, answer.to)
                responder.sent(answer)
                heard("UDP", event.source, answer)


def _first_contacts(report: Report | None) -> Heard:
    seen: set[Contact] = set()

    def heard(proto: str, source: Endpoint, answer: Answer) -> None:
        contact = Contact(proto=proto, address=source[0], verified=answer.verified)
        if report is not None and contact not in seen and len(seen) < CONTACTS_MAX:
            seen.add(contact)
            report(contact)

    return heard
