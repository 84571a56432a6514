"""A media server's end as Janus's echo test is: controlled, passive in DTLS, and it sends back what media it gets."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from aioice.stun import Class, Message, Method, parse_message
from OpenSSL import SSL
from pylibsrtp import Error, Policy, Session

from natprobe.asking.association import Sides
from natprobe.pairing import IceCredentials
from natprobe.wire.identity import new_identity
from natprobe.wire.srtp import Rtp
from tests.jitsi.dtls import certified, datagrams
from tests.probes.loopback import LOOPBACK, NOW

Address = tuple[str, int]
OURS = IceCredentials(ufrag="natprobe", password="a password of twenty-two")
PROFILE = "SRTP_AES128_CM_SHA1_80"
SSRC = 0x0000CAFE
_KINDS = {PROFILE: Policy.SRTP_PROFILE_AES128_CM_SHA1_80, "SRTP_AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM}
_SALTS = {PROFILE: 14, "SRTP_AEAD_AES_128_GCM": 12}


@dataclass
class Manners:
    """`lite`: it never checks; `role` that it has in the beginning, `tie_breaker` beside it. `profile` None: no SRTP.

    `echo`: how it sends media back: as a plugin does, only `small` ones, from `elsewhere`, the very same bytes
    (`reflect`), or not at all (`no`).
    """

    lite: bool = False
    role: str = "controlled"
    tie_breaker: int = 1
    profile: str | None = PROFILE
    echo: str = "plugin"


class Dtls:
    """The passive end, which has media's keys when it is done."""

    def __init__(self, profile: str | None) -> None:
        context = SSL.Context(SSL.DTLS_SERVER_METHOD)
        self.fingerprint, self._profile = certified(context), profile
        context.set_options(SSL.OP_NO_QUERY_MTU)
        if profile is not None:
            context.set_tlsext_use_srtp(profile.encode())
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        self._tls = SSL.Connection(context, None)
        self._tls.set_ciphertext_mtu(1200)
        self._tls.set_accept_state()
        self.keys: tuple[Session, Session] | None = None
        self.closed = False

    def received(self, data: bytes) -> Iterator[bytes]:
        self._tls.bio_write(data)
        with contextlib.suppress(SSL.Error):
            self._tls.do_handshake()
            if self.keys is None and self._profile is not None:
                self.keys = self._exported(self._profile)
            self._heard()
        with contextlib.suppress(SSL.WantReadError):
            yield from datagrams(self._tls.bio_read(65536))

    def _heard(self) -> None:
        try:
            self._tls.recv(4096)
        except SSL.ZeroReturnError:
            self.closed = True

    def _exported(self, profile: str) -> tuple[Session, Session]:
        """RFC 5764 section 4.2."""
        salt = _SALTS[profile]
        material = self._tls.export_keying_material(b"EXTRACTOR-dtls_srtp", 32 + 2 * salt)
        client, own = material[:16] + material[32 : 32 + salt], material[16:32] + material[32 + salt :]
        kind = _KINDS[profile]
        inward = Session(Policy(key=client, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=kind))
        return inward, Session(Policy(key=own, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=kind))


@dataclass
class Server(asyncio.DatagramProtocol):
    """One handle. `client`: our credentials. `came` counts media's packets, by their size."""

    manners: Manners
    client: IceCredentials
    own: IceCredentials = field(
        default_factory=lambda: IceCredentials(ufrag="Janu", password=secrets.token_hex(11), controls=False)
    )
    came: dict[int, int] = field(default_factory=dict)
    at: Address = (LOOPBACK, 0)

    def __post_init__(self) -> None:
        self.dtls, self._role = Dtls(self.manners.profile), self.manners.role

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._udp = cast(asyncio.DatagramTransport, transport)
        self.at = self._udp.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        match data[0]:
            case first if first < 4:
                self._stun(data, addr)
            case first if 20 <= first < 64:
                for each in self.dtls.received(data):
                    self._udp.sendto(each, addr)
            case first if 128 <= first < 192:
                self._media(data, addr)

    # --- ICE

    def check(self, to: Address, *, use: bool = False) -> None:
        """One of its own."""
        asked = Message(Method.BINDING, Class.REQUEST, secrets.token_bytes(12))
        asked.attributes["USERNAME"] = f"{self.client.ufrag}:{self.own.ufrag}"
        asked.attributes["PRIORITY"] = 1 << 24
        asked.attributes[f"ICE-{self._role.upper()}"] = self.manners.tie_breaker
        if use:
            asked.attributes["USE-CANDIDATE"] = None
        self._send(asked, self.client.password, to)

    def _stun(self, data: bytes, source: Address) -> None:
        message = parse_message(data)
        if message.message_class is not Class.REQUEST:
            return None
        assert message.check_message_integrity(self.own.password.encode())
        assert message.attributes["USERNAME"].startswith(f"{self.own.ufrag}:")
        if f"ICE-{self._role.upper()}" in message.attributes:
            return self._conflict(message, source)
        answer = Message(message.message_method, Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = source
        self._send(answer, self.own.password, source)
        if not self.manners.lite:
            self.check(source, use=self._role == "controlling")
        return None

    def _conflict(self, message: Message, source: Address) -> None:
        """RFC 8445 section 7.3.1.1, with the greater tie-breaker."""
        answer = Message(message.message_method, Class.ERROR, message.transaction_id)
        answer.attributes["ERROR-CODE"] = (487, "Role Conflict")
        self._send(answer, self.own.password, source)

    def _send(self, message: Message, password: str, to: Address) -> None:
        message.add_message_integrity(password.encode())
        message.add_fingerprint()
        self._udp.sendto(bytes(message), to)

    # --- media

    def _media(self, data: bytes, source: Address) -> None:
        self.came[len(data)] = self.came.get(len(data), 0) + 1
        if self.manners.echo == "reflect":
            self._udp.sendto(data, source)
        if self.manners.echo not in ("plugin", "small", "elsewhere") or self.dtls.keys is None:
            return
        inward, outward = self.dtls.keys
        with contextlib.suppress(Error):
            plain = inward.unprotect(data)
            back = outward.protect(plain[:8] + SSRC.to_bytes(4, "big") + plain[12:])
            if self.manners.echo != "small" or len(data) < 1000:
                self._echoed(back, source)

    def _echoed(self, back: bytes, to: Address) -> None:
        if self.manners.echo != "elsewhere":
            return self._udp.sendto(back, to)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(back, to)
        return None


class _Connection(asyncio.DatagramTransport):
    """One that the server may send to as if it were a socket: every packet after its length (RFC 4571), in pieces."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._writer = writer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._writer.get_extra_info(name, default)

    def sendto(self, data: object, addr: object = None) -> None:
        assert isinstance(data, bytes)
        framed = len(data).to_bytes(2, "big") + data
        for piece in (framed[:1], framed[1:7], framed[7:]):
            self._writer.write(piece)


@asynccontextmanager
async def serving_tcp(manners: Manners, client: IceCredentials) -> AsyncIterator[Server]:
    """The same on connections (RFC 6544)."""
    server = Server(manners, client)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connection_made(_Connection(writer))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await reader.readexactly(2), "big")
                server.datagram_received(await reader.readexactly(length), writer.get_extra_info("peername"))
        writer.close()

    listening = await asyncio.start_server(talk, LOOPBACK, 0)
    server.at = listening.sockets[0].getsockname()
    async with listening:
        yield server


@asynccontextmanager
async def serving(manners: Manners, client: IceCredentials) -> AsyncIterator[Server]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Server(manners, client), local_addr=(LOOPBACK, 0))
    try:
        yield server
    finally:
        transport.close()


def sides(server: Server) -> Sides:
    return Sides(
        session="janus/2",
        ours=OURS,
        theirs=server.own,
        identity=new_identity(NOW),
        announced=(("sha-256", server.dtls.fingerprint),),
        controlling=True,
        echo=Rtp(payload_type=111, ssrc=0xFEED),
    )
