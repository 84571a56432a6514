"""A TURN server without I/O that answers like coturn 4.6.1 does (measured): codes, phrases padded with NULs, and which
answers are signed. One client, one relayed address (tests/lab/relays.py has a whole relay made of it); what cannot be
had from coturn is an option of it too.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from typing import Any

from aioice import stun as codec
from aioice.stun import Class, Message, Method

from natprobe.wire import stun

Endpoint = tuple[str, int]

CLIENT, RELAYED = ("198.51.100.7", 40000), {4: ("203.0.113.20", 50000), 6: ("2001:db8:f::20", 50000)}
_REALM = 0x0014  # the codec cleans texts: what came is compared
SOFTWARE = "Coturn-4.6.1 'Gorst'"


class RefusalError(Exception):
    """An error answer. `challenge`: with realm and nonce. `signed`: coturn signs it, when the request was."""

    def __init__(self, code: int, reason: str, *, signed: bool = True, challenge: bool = False, **more: Any) -> None:
        super().__init__(code, reason)
        self.code, self.reason, self.signed, self.challenge, self.more = code, reason, signed, challenge, more


@dataclass
class TurnServer:
    users: dict[str, str] | None = field(default_factory=lambda: {"alice": "secret"})  # None: an open relay
    realm: str = "example.org"
    nonce: bytes = b"nonce-1"
    algorithms: bytes = b""  # RFC 8489's PASSWORD-ALGORITHMS; `nonce` has to say that it is there
    denied: tuple[str, ...] = ("127.0.0.1",)
    denies: bool = False  # everybody
    stalled: bool = False  # only Binding is answered
    client: Endpoint = CLIENT
    relays: dict[int, Endpoint] = field(default_factory=lambda: dict(RELAYED))  # the relayed address by family
    families: tuple[int, ...] = (4,)
    udp_relay: bool = True
    refuses: tuple[int, str] | None = None  # every Allocate with credentials: 486, 508 …
    redirect: Endpoint | None = None  # to which coturn sends everybody, before it asks who that is
    redirects_known: bool = False  # only those that it knows
    lifetime: int = 600
    allocation: int | None = None  # the family of what is relayed
    granted: dict[bytes, bytes] = field(default_factory=dict)  # sent again, its request is answered again
    permitted: set[str] = field(default_factory=set)
    channels: dict[int, Endpoint] = field(default_factory=dict)
    relayed: list[tuple[Endpoint, bytes]] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)

    def receive(self, data: bytes) -> bytes | None:
        """The answer, when there is one; what is for a peer goes to `relayed`."""
        if data[0] >> 6 == 1:
            number, length = struct.unpack_from("!HH", data)
            self.relayed.append((self.channels[number], data[4 : 4 + length]))
            return None
        request = stun.decode(data).message
        self.seen.append(request)
        if request.message_method is Method.BINDING:
            return self._binding(request)
        if self.stalled:
            return None
        if request.message_class is Class.INDICATION:
            peer = request.attributes["XOR-PEER-ADDRESS"]
            if peer[0] in self.permitted:
                self.relayed.append((peer, request.attributes["DATA"]))
            return None
        return self._answer(request, data)

    def _binding(self, request: Message) -> bytes:
        """For anybody, and never signed."""
        if "CHANGE-REQUEST" in request.attributes:
            return stun.error(request, 420, "Unknown attribute: TURN server was configured without RFC 5780 support")
        return bytes(message(request, Class.RESPONSE, XOR_MAPPED_ADDRESS=self.client, SOFTWARE=SOFTWARE))

    def from_peer(self, peer: Endpoint, payload: bytes, *, stream: bool = False) -> bytes:
        """How the client gets what a peer sends to the relayed address."""
        for number, bound in self.channels.items():
            if bound == peer:
                padding = bytes(-len(payload) % 4 if stream else 0)
                return struct.pack("!HH", number, len(payload)) + payload + padding
        return indication(XOR_PEER_ADDRESS=peer, DATA=payload)

    def _answer(self, request: Message, data: bytes) -> bytes:
        key = None
        if self.redirect is not None and not self.redirects_known and request.message_method is Method.ALLOCATE:
            more = {"ALTERNATE_SERVER": self.redirect, "ALTERNATE_DOMAIN": "other.example", "SOFTWARE": SOFTWARE}
            return bytes(message(request, Class.ERROR, ERROR_CODE=(300, "Try Alternate"), **more))
        if self.allocation is not None and request.transaction_id in self.granted:
            return self.granted[request.transaction_id]
        try:
            key = self._authenticate(request, data)
            done = message(request, Class.RESPONSE, **self._do(request), SOFTWARE=SOFTWARE)
            sent = signed(done, key, self.sha256)
            if request.message_method is Method.ALLOCATE:
                self.granted = {request.transaction_id: sent}
            return sent
        except RefusalError as refusal:
            more = {"REALM": self.realm, "NONCE": self.nonce} if refusal.challenge else {}
            if refusal.challenge and self.algorithms:
                more["PASSWORD_ALGORITHMS"] = self.algorithms
            reason = refusal.reason + "\0" * (-len(refusal.reason) % 4)
            answer = message(
                request, Class.ERROR, ERROR_CODE=(refusal.code, reason), **more, **refusal.more, SOFTWARE=SOFTWARE
            )
            return signed(answer, key if refusal.signed else None, self.sha256)

    @property
    def sha256(self) -> bool:
        return bool(self.algorithms)

    def _authenticate(self, request: Message, data: bytes) -> bytes | None:
        if request.message_method is Method.ALLOCATE and self.allocation is not None:  # before it asks who that is
            raise RefusalError(437, "Mismatched allocation: wrong transaction ID", signed=False)
        if self.users is None:
            return None
        given = request.attributes
        if not {"MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY-SHA256"} & given.keys():
            raise RefusalError(401, "Unauthorized", challenge=True)
        if stun.first_values(data)[_REALM].decode() != self.realm:
            reason = "Allocation mismatch: wrong credentials: the realm value is incorrect"
            raise RefusalError(437, reason, signed=False)
        if given["NONCE"] != self.nonce:
            reason = "Wrong nonce" if self.allocation is None else "Stale nonce"
            raise RefusalError(438, reason, signed=False, challenge=True)
        for user, password in self.users.items():
            key = self.key(user, password, given)
            if self._known(user, given) and verifies(request, data, key, self.sha256):
                return key
        raise RefusalError(401, "Unauthorized", signed=False, challenge=True)

    def _known(self, user: str, given: dict[str, Any]) -> bool:
        digest = hashlib.sha256(f"{user}:{self.realm}".encode()).digest()
        return given.get("USERNAME") == user or given.get("USERHASH") == digest

    def key(self, user: str, password: str, given: dict[str, Any]) -> bytes:
        number = int.from_bytes(given.get("PASSWORD-ALGORITHM", b"\0\1")[:2], "big")
        if given.get("PASSWORD-ALGORITHMS", b"") != self.algorithms:
            raise RefusalError(400, "Bad Request")
        return hashlib.new({1: "md5", 2: "sha256"}[number], f"{user}:{self.realm}:{password}".encode()).digest()

    def _do(self, request: Message) -> dict[str, Any]:
        given = request.attributes
        if request.message_method is Method.ALLOCATE:
            return self._allocate(given)
        if request.message_method is Method.REFRESH:
            return self._refresh(given)
        if self.allocation is None:
            raise RefusalError(400, "Bad Request")
        peer = given["XOR-PEER-ADDRESS"]
        if (":" in peer[0]) != (self.allocation == 6):
            raise RefusalError(443, "Peer Address Family Mismatch (4)")
        if self.denies or peer[0] in self.denied:
            raise RefusalError(403, "Forbidden IP")
        binds = request.message_method is Method.CHANNEL_BIND
        if binds and self.channels.setdefault(given["CHANNEL-NUMBER"], peer) != peer:
            raise RefusalError(400, "You cannot use the same channel number with two different peers")
        self.permitted.add(peer[0])
        return {}

    def _allocate(self, given: dict[str, Any]) -> dict[str, Any]:
        family = 6 if given.get("REQUESTED-ADDRESS-FAMILY") == 2 else 4
        if self.redirect is not None:
            raise RefusalError(300, "Try Alternate", ALTERNATE_SERVER=self.redirect, ALTERNATE_DOMAIN="other.example")
        if self.refuses is not None:
            raise RefusalError(*self.refuses)
        if given["REQUESTED-TRANSPORT"] >> 24 != 17 or not self.udp_relay:
            raise RefusalError(442, "UDP Transport is not allowed by the TURN Server configuration")
        if family not in self.families:
            raise RefusalError(440, "Unsupported address family")
        self.allocation = family
        lifetime = given.get("LIFETIME", self.lifetime)
        return {"XOR_RELAYED_ADDRESS": self.relays[family], "XOR_MAPPED_ADDRESS": self.client, "LIFETIME": lifetime}

    def _refresh(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.allocation is None:
            raise RefusalError(437, "Invalid allocation")
        if given["LIFETIME"] == 0:
            self.allocation = None
        return {"LIFETIME": given["LIFETIME"]}


def message(request: Message, kind: Class, **attributes: Any) -> Message:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return Message(request.message_method, kind, request.transaction_id, named)


def indication(method: Method = Method.DATA, **attributes: Any) -> bytes:
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    return bytes(Message(method, Class.INDICATION, bytes(12), named))


def signed(answer: Message, key: bytes | None, sha256: bool = False) -> bytes:
    if key is not None and not sha256:
        answer.add_message_integrity(key)
    data = bytes(answer)
    if key is not None and sha256:
        data = codec.set_body_length(data, len(data) - 20 + 36)
        data += struct.pack("!HH", 0x001C, 32) + hmac.digest(key, data, "sha256")
    return data


def verifies(request: Message, data: bytes, key: bytes, sha256: bool) -> bool:
    """FINGERPRINT, of 8 bytes, stands last in what our client signs."""
    if not sha256:
        return request.check_message_integrity(key)
    body = data[: -8 - 36]
    wanted = hmac.digest(key, codec.set_body_length(body, len(body) - 20 + 36), "sha256")
    return request.attributes.get("MESSAGE-INTEGRITY-SHA256") == wanted
