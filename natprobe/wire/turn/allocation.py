"""One allocation on one TURN server (RFC 8656), from the first request to the last.

Its methods return what to send. Whoever has the socket sends it, again if need be, and hands in what arrives from the
server. The event of an answer has the id of its request; Challenged brings the request to go on with.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Literal, NamedTuple

from aioice.stun import Class, Message, Method

from natprobe.wire import stun
from natprobe.wire.stun import Packet, StunError
from natprobe.wire.turn.credentials import Credentials, Login, login
from natprobe.wire.turn.events import (
    Allocated,
    Bound,
    Challenged,
    Data,
    Endpoint,
    Event,
    PeerIcmp,
    Permitted,
    Redirected,
    Refreshed,
    Refused,
    Request,
    Stray,
    Suspicious,
)
from natprobe.wire.turn.framing import CHANNELS, channel_data, is_channel_data, read_channel_data

# idle: no allocation is asked for, or it was refused. closing: the last request is out; its refusal changes nothing.
State = Literal["idle", "allocating", "allocated", "closing", "closed"]

PERMISSION_LIFETIME = 300.0  # seconds (section 9)
# A server with a clock of its own idea of nonces could send us round for ever.
STALE_NONCES_MAX = 3
# How many answered requests are remembered, so that the answers to their retransmissions are known for what they are.
_ANSWERED_MAX = 64

_UDP = 17 << 24  # REQUESTED-TRANSPORT is a protocol number and three reserved bytes (section 18.8)
_IPV6 = 0x02
_TRY_ALTERNATE, _UNAUTHENTICATED, _MISMATCH, _STALE_NONCE = 300, 401, 437, 438


class NotAllocatedError(RuntimeError):
    """This was asked of an allocation that is not in the state for it: a fault of ours, never the server's."""


class _Pending(NamedTuple):
    """A request whose answer has not come: what was asked, as whom, and how many nonces it went through."""

    method: Method
    attributes: dict[str, Any]
    login: Login | None
    stale: int = 0

    @property
    def peer(self) -> Endpoint | None:
        return self.attributes.get("XOR-PEER-ADDRESS")


class Allocation:
    """A client's side of one 5-tuple. `chance` gives 12 random bytes a time; `stream` says that ours is TCP or TLS."""

    def __init__(
        self, chance: Callable[[], bytes], credentials: Credentials | None = None, *, stream: bool = False
    ) -> None:
        self._chance, self._credentials, self._stream = chance, credentials, stream
        self._login: Login | None = None
        self._dont_fragment = False
        self._pending: dict[bytes, _Pending] = {}
        self._answered: deque[bytes] = deque(maxlen=_ANSWERED_MAX)
        self._permitted: dict[str, float] = {}  # address → until when
        self._channels: dict[int, Endpoint] = {}  # asked for
        self._bound: dict[Endpoint, int] = {}
        self.state: State = "idle"
        self.relayed: Endpoint | None = None
        self.expires = 0.0

    def allocate(self, *, family: int = 4, lifetime: int | None = None, dont_fragment: bool = False) -> Request:
        """Asks for a relayed UDP address. `lifetime` in seconds, None: the server's own.

        `dont_fragment` has the bit set on what Send indications relay; a server that can't refuses with 420.
        """
        self._in("idle")
        self.state, self._dont_fragment = "allocating", dont_fragment
        wanted = {"REQUESTED-TRANSPORT": _UDP} | ({"LIFETIME": lifetime} if lifetime is not None else {})
        if family == 6:  # without it the server gives IPv4, over IPv6 too (section 7.1)
            wanted["REQUESTED-ADDRESS-FAMILY"] = _IPV6
        return self._request(Method.ALLOCATE, wanted | ({"DONT-FRAGMENT": None} if dont_fragment else {}))

    def permit(self, peer: Endpoint) -> Request:
        """Asks to let this peer's address through: one at a time, so that a refusal says whose."""
        self._in("allocated")
        return self._request(Method.CREATE_PERMISSION, {"XOR-PEER-ADDRESS": _canonical(peer)})

    def bind(self, number: int, peer: Endpoint) -> Request:
        """Asks for a channel (one of CHANNELS) to this peer, which also permits it."""
        self._in("allocated")
        if number not in CHANNELS:
            raise ValueError(f"{number:#x} is no channel number")
        self._channels.setdefault(number, _canonical(peer))
        attributes = {"CHANNEL-NUMBER": number, "XOR-PEER-ADDRESS": _canonical(peer)}
        return self._request(Method.CHANNEL_BIND, attributes)

    def refresh(self, lifetime: int) -> Request:
        """Asks for that many seconds from now on."""
        self._in("allocated")
        return self._request(Method.REFRESH, {"LIFETIME": lifetime})

    def close(self) -> Request | None:
        """Gives the relay back, also one that may just be on its way; None when the server can't hold any.

        To be sent whatever happens. Should an Allocated come after it, the allocation has to be closed again.
        """
        if self.state in ("idle", "closed"):
            return None
        self.state = "closing"
        return self._request(Method.REFRESH, {"LIFETIME": 0})

    def send(self, payload: bytes, peer: Endpoint) -> bytes:
        """What carries this payload to the peer: channel data where a channel is bound, else a Send indication."""
        self._in("allocated")
        peer = _canonical(peer)
        if peer in self._bound:
            return channel_data(self._bound[peer], payload, padded=self._stream)
        attributes: dict[str, Any] = {"XOR-PEER-ADDRESS": peer}
        if self._dont_fragment:
            attributes["DONT-FRAGMENT"] = None
        attributes["DATA"] = payload
        return bytes(Message(Method.SEND, Class.INDICATION, self._chance(), attributes))

    def expects(self, number: int) -> bool:
        """Whether data may come on this channel: it is bound, or the answer that says so is under way."""
        return number in self._channels

    def receive(self, data: bytes, now: float) -> Event:
        """What this datagram, or this part of a stream, means. `now` in seconds on the caller's clock."""
        try:
            if is_channel_data(data):
                return self._on_channel(*read_channel_data(data))
            packet = stun.decode(data)
        except StunError:
            return Stray("garbage")
        if packet.message.message_class is Class.REQUEST:
            return Stray("unexpected")
        if packet.message.message_class is Class.INDICATION:
            return self._indication(packet, now)
        return self._answer(packet, data, now)

    # --- what is asked

    def _in(self, state: State) -> None:
        if self.state != state:
            raise NotAllocatedError(f"the allocation is {self.state}, not {state}")

    def _request(self, method: Method, attributes: dict[str, Any], stale: int = 0) -> Request:
        message = Message(method, Class.REQUEST, self._chance(), dict(attributes))
        data = self._login.sign(message) if self._login else bytes(message)
        self._pending[message.transaction_id] = _Pending(method, attributes, self._login, stale)
        return Request(method, message.transaction_id, data)

    # --- what peers send

    def _on_channel(self, number: int, payload: bytes) -> Event:
        peer = self._channels.get(number)
        return Stray("unbound-channel") if peer is None else Data(peer, payload, number)

    def _indication(self, packet: Packet, now: float) -> Event:
        attributes = packet.message.attributes
        if packet.message.message_method is not Method.DATA or "XOR-PEER-ADDRESS" not in attributes:
            return Stray("unexpected")
        if packet.unknown:
            return Stray("unknown-attributes")
        peer = attributes["XOR-PEER-ADDRESS"]
        if self._permitted.get(peer[0], -inf) < now:
            return Stray("no-permission")
        if "ICMP" in attributes:
            return PeerIcmp(peer, *attributes["ICMP"])
        return Data(peer, attributes["DATA"], None) if "DATA" in attributes else Stray("unexpected")

    # --- what the server answers

    def _answer(self, packet: Packet, data: bytes, now: float) -> Event:
        message = packet.message
        transaction_id = message.transaction_id
        pending = self._pending.get(transaction_id)
        if pending is None or pending.method is not message.message_method:
            return Stray("duplicate" if transaction_id in self._answered else "wrong-transaction")
        if packet.unknown:  # RFC 8489 sections 6.3.3 and 6.3.4: as if it had not come
            return Stray("unknown-attributes")
        signed = pending.login is not None and pending.login.verifies(message, data)
        if message.message_class is Class.ERROR:
            event = self._error(pending, message, data, signed)
        elif pending.login is not None and not signed:
            there = {"MESSAGE-INTEGRITY", "MESSAGE-INTEGRITY-SHA256"} & message.attributes.keys()
            event = Suspicious(transaction_id, pending.method, "wrong-signature" if there else "unsigned")
        else:
            event = self._success(pending, message, now)
        if not isinstance(event, Suspicious):
            del self._pending[transaction_id]
            self._answered.append(transaction_id)
        return event

    def _success(self, pending: _Pending, message: Message, now: float) -> Event:
        transaction_id, peer = message.transaction_id, pending.peer
        if pending.method is Method.ALLOCATE:
            return self._allocated(pending, message, now)
        if pending.method is Method.REFRESH:
            return self._refreshed(pending, message, now)
        assert peer is not None
        self._permitted[peer[0]] = now + PERMISSION_LIFETIME
        if pending.method is Method.CREATE_PERMISSION:
            return Permitted(transaction_id, peer)
        number = pending.attributes["CHANNEL-NUMBER"]
        self._channels[number] = peer
        self._bound[peer] = number
        return Bound(transaction_id, number, peer)

    def _allocated(self, pending: _Pending, message: Message, now: float) -> Event:
        attributes, transaction_id = message.attributes, message.transaction_id
        relayed, lifetime = attributes.get("XOR-RELAYED-ADDRESS"), attributes.get("LIFETIME")
        if relayed is None or lifetime is None:
            return Suspicious(transaction_id, Method.ALLOCATE, "incomplete")
        self.state, self.relayed, self.expires = "allocated", relayed, now + lifetime
        mapped, software = attributes.get("XOR-MAPPED-ADDRESS"), attributes.get("SOFTWARE", "")
        return Allocated(transaction_id, relayed, mapped, lifetime, pending.login is not None, software)

    def _refreshed(self, pending: _Pending, message: Message, now: float) -> Event:
        lifetime = 0 if pending.attributes["LIFETIME"] == 0 else message.attributes.get("LIFETIME")
        if lifetime is None:
            return Suspicious(message.transaction_id, Method.REFRESH, "incomplete")
        self.expires = now + lifetime
        if lifetime == 0:
            self.state = "closed"
        return Refreshed(message.transaction_id, lifetime)

    def _error(self, pending: _Pending, message: Message, data: bytes, signed: bool) -> Event:
        attributes = message.attributes
        if "ERROR-CODE" not in attributes:
            return Suspicious(message.transaction_id, pending.method, "incomplete")
        code, reason = attributes["ERROR-CODE"]
        if (again := self._again(pending, code, data)) is not None:
            return Challenged(message.transaction_id, code, attributes.get("REALM", ""), again)
        self._end(pending, code)
        if code == _TRY_ALTERNATE and "ALTERNATE-SERVER" in attributes:
            domain = attributes.get("ALTERNATE-DOMAIN", "")
            return Redirected(message.transaction_id, attributes["ALTERNATE-SERVER"], domain, signed)
        return Refused(
            transaction_id=message.transaction_id,
            method=pending.method,
            code=code,
            reason=reason,
            realm=attributes.get("REALM"),
            authenticated=pending.login is not None,
            signed=signed,
            third_party=attributes.get("THIRD-PARTY-AUTHORIZATION", ""),
            software=attributes.get("SOFTWARE", ""),
            peer=pending.peer,
        )

    def _again(self, pending: _Pending, code: int, data: bytes) -> Request | None:
        """The same request with what the server asks for: credentials once, as browsers do, and a few newer nonces."""
        wanted = pending.login is None if code == _UNAUTHENTICATED else pending.stale < STALE_NONCES_MAX
        if code not in (_UNAUTHENTICATED, _STALE_NONCE) or not wanted or self._credentials is None:
            return None
        if pending.method is Method.ALLOCATE and self.state != "allocating":
            return None  # closed meanwhile: this would make the allocation that nobody wants any more
        known = pending.login.realm if pending.login else None
        found = login(self._credentials, stun.first_values(data), known)
        if found is None:
            return None
        self._login = found
        return self._request(pending.method, pending.attributes, pending.stale + (code == _STALE_NONCE))

    def _end(self, pending: _Pending, code: int) -> None:
        """What a refusal changes."""
        if pending.method is Method.ALLOCATE and self.state == "allocating":
            self.state = "idle"
        elif pending.method is Method.REFRESH and code == _MISMATCH:  # there is no allocation, or none any more
            self.state = "closed"
        elif pending.method is Method.CHANNEL_BIND:
            number = pending.attributes["CHANNEL-NUMBER"]
            if number not in self._bound.values():
                self._channels.pop(number, None)


def _canonical(peer: Endpoint) -> Endpoint:
    """As the codec gives addresses back: compressed, without a zone, which is nobody else's (RFC 4007)."""
    return str(ipaddress.ip_address(peer[0].partition("%")[0])), peer[1]
