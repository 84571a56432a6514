"""STUN over TLS and DTLS on one port, and the server's end of DTLS by itself, for any datagrams."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from natprobe.net.api import Datagram, Stream
from natprobe.wire import stun
from tests.lab.certificates import server_context, server_pem
from tests.lab.host import LabHost
from tests.lab.servers import binding_request
from tests.lab.sockets import LabUdp
from tests.lab.web import ServerTls

Endpoint = tuple[str, int]
Answer = Callable[[bytes, Endpoint], bytes | None]
ALPN = b"stun.nat-discovery"


class DtlsServer:
    """A session for every client; `answer` is asked about each record's content, `send` takes datagrams."""

    def __init__(self, context: SSL.Context, answer: Answer, send: Callable[[bytes, Endpoint], None]) -> None:
        self._context, self._answer, self._send = context, answer, send
        self.sessions: dict[Endpoint, SSL.Connection] = {}
        self.closed: set[Endpoint] = set()

    def received(self, data: bytes, client: Endpoint) -> None:
        """A datagram, from the handshake to close_notify."""
        session = self.sessions.get(client) or self._begin(client)
        session.bio_write(data)
        with contextlib.suppress(SSL.Error):
            self._served(session, client)
        self.flush(client)

    def flush(self, client: Endpoint) -> None:
        """Sends what OpenSSL has for this client. No flight of this server's is longer than a datagram's 64 KB."""
        with contextlib.suppress(SSL.WantReadError):
            self._send(self.sessions[client].bio_read(65536), client)

    def _begin(self, client: Endpoint) -> SSL.Connection:
        session = self.sessions[client] = SSL.Connection(self._context, None)
        session.set_ciphertext_mtu(1200)
        session.set_accept_state()
        return session

    def _served(self, session: SSL.Connection, client: Endpoint) -> None:
        session.do_handshake()
        while True:
            try:
                content = session.recv(4096)
            except SSL.ZeroReturnError:
                self.closed.add(client)
                return
            if (reply := self._answer(content, client)) is not None:
                session.send(reply)


@lru_cache
def dtls_context(kind: str, name: str) -> SSL.Context:
    """A server side that shows a certificate of this kind for `name`."""
    pem = server_pem(kind, name)
    context = SSL.Context(SSL.DTLS_SERVER_METHOD)
    key = load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    leaf, *rest = x509.load_pem_x509_certificates(pem)
    context.use_privatekey(key)
    context.use_certificate(leaf)
    for each in rest:
        context.add_extra_chain_cert(each)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    context.set_alpn_select_callback(lambda _, offered: ALPN if ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    return context


def serve(host: LabHost, addresses: Sequence[str], port: int, kind: str, name: str) -> None:
    """Answers Binding requests inside both, as coturn does: without CHANGE-REQUEST's other addresses."""
    tls = server_context(kind, name)

    async def connected(stream: Stream) -> None:
        inside = ServerTls(stream, tls)
        await inside.handshake()
        splitter = stun.Splitter()
        while data := await inside.read():
            for message in splitter.feed(data):
                if (reply := answered(message, stream.remote)) is not None:
                    await inside.write(reply)

    def asked(server: DtlsServer, udp: LabUdp, datagram: Datagram) -> None:
        server.received(datagram.data, datagram.source)

    host.listen(port, connected)
    for address in addresses:
        sockets: list[LabUdp] = []
        server = DtlsServer(dtls_context(kind, name), answered, partial(_send, sockets))
        sockets.append(host.serve_udp(address, port, partial(asked, server)))


def _send(sockets: list[LabUdp], data: bytes, client: Endpoint) -> None:
    sockets[0].send(data, client)


def answered(message: bytes, client: Endpoint) -> bytes | None:
    """The answer to a Binding request."""
    request = binding_request(message)
    if request is None:
        return None
    return stun.response(request, XOR_MAPPED_ADDRESS=client, MAPPED_ADDRESS=client, SOFTWARE="lab")
