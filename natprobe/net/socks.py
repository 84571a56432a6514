"""UDP through a SOCKS5 proxy (RFC 1928 section 7): a socket like any other, alive as long as its TCP connection."""

from __future__ import annotations

import ipaddress

from natprobe.addresses import address_class
from natprobe.model import family
from natprobe.net.api import Datagram, IcmpError, Net, Stream, Udp, same_peer
from natprobe.net.tunnel import TunnelClosed, TunnelError, Tunnelled, socks5
from natprobe.wire import socks
from natprobe.wire.socks import Reply, SocksError

# "Any", where the client does not know yet what it will send from (section 4).
_ANY = ("0.0.0.0", 0)


class ProxiedUdp:
    """A UDP socket at the proxy, for one peer, which may be a name: its answers come from `peer` then.

    `relay` is where the proxy takes datagrams from us. It owns the socket and the connection.
    """

    def __init__(self, control: Tunnelled, udp: Udp, relay: tuple[str, int], peer: tuple[str, int]) -> None:
        self._control, self._udp, self._peer = control, udp, peer
        self.relay, self.local = relay, udp.local

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        """See api.Udp. Raises OSError."""
        self._udp.send(socks.wrap(*to, data), self.relay, ttl)

    async def receive(self) -> Datagram | IcmpError:
        """See api.Udp. What is not from the relay, or not of the peer's port, is not ours."""
        while True:
            event = await self._udp.receive()
            if isinstance(event, IcmpError):
                return event._replace(destination=self._peer)
            if same_peer(event.source, self.relay) and (source := self._source(socks.unwrap(event.data))) is not None:
                return Datagram(source[0], source[1], event.at)

    def close(self) -> None:
        """See api.Udp."""
        self._udp.close()
        self._control.close()

    def _source(self, wrapped: socks.Wrapped | None) -> tuple[bytes, tuple[str, int]] | None:
        if wrapped is None or wrapped.port != self._peer[1]:
            return None
        named = (wrapped.host, wrapped.port)
        return wrapped.data, named if _is_address(self._peer[0]) else self._peer


async def associated(net: Net, stream: Stream, peer: tuple[str, int]) -> ProxiedUdp:
    """Over a stream that is connected to the proxy, which stays the caller's to close where this fails.

    Raises tunnel.Denied, TunnelError, TunnelClosed, OSError. The deadline is the caller's.
    """
    try:
        control, reply = await socks5(stream, socks.request(socks.UDP_ASSOCIATE, *_ANY))
    except EOFError:
        raise TunnelClosed from None
    except SocksError as exc:
        raise TunnelError(str(exc)) from None
    if not reply.port:
        raise TunnelError("the proxy names no port for datagrams")
    relay = (_relay_address(reply, stream.remote[0]), reply.port)
    return ProxiedUdp(control, net.udp(family(relay[0]), _local(stream, relay[0])), relay, peer)


def _relay_address(reply: Reply, proxy: str) -> str:
    """As the proxy says, where that is an address like its own; the others are its own business, and it is there."""
    if not _is_address(reply.host) or family(reply.host) != family(proxy):
        return proxy
    return reply.host if address_class(reply.host) == address_class(proxy) else proxy


def _local(stream: Stream, relay: str) -> str | None:
    """The end that the proxy knows us by: others' datagrams it drops."""
    return stream.local[0] if family(stream.local[0]) == family(relay) else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
