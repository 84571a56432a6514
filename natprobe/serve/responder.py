"""What `natprobe serve` answers: a request in, at most one answer out. No I/O, no state but the rate limits.

Answers STUN Binding requests (RFC 8489), also as they were without the magic cookie (RFC 3489), those of NAT behaviour
discovery where there are two addresses (RFC 5780), and ICE checks that are signed with our password (RFC 8445 section
7.3). All else gets silence.

It is no reflector: an answer goes to the address that asked and is no larger than the request, except that a
short request gets the at most ANSWER_MAX bytes that the RFCs ask for, and one that is signed with our password what was
counted of its session where it asks for that (wire/counts.py); and sources are rate-limited. Whoever has signed may
send more: beyond the usual limit only what is signed is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aioice.stun import Message

from natprobe.net.api import DATAGRAM_MAX
from natprobe.pairing import IceCredentials
from natprobe.serve.counting import Counts, Sent
from natprobe.serve.limits import Limits
from natprobe.wire import classic, counts, payloads, seen, stun
from natprobe.wire.stun import Packet, StunError

Endpoint = tuple[str, int]

SOFTWARE = "natprobe"
# Header; MAPPED-ADDRESS, XOR-MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS with IPv6; SOFTWARE; FINGERPRINT.
ANSWER_MAX = 20 + 4 * 24 + 12 + 8

_BINDING_REQUEST = b"\x00\x01"
_CHANGE_REQUEST = 0x0003
_CHANGE_IP, _CHANGE_PORT = 0x4, 0x2  # RFC 5780 section 7.2
_ROLES = {"ICE-CONTROLLING", "ICE-CONTROLLED"}


class Answer(NamedTuple):
    """What to send, from which of our endpoints, to whom. `verified`: our password signed the request. `counted`: what
    the request was counted as; None: it was not.
    """

    data: bytes
    local: Endpoint
    to: Endpoint
    verified: bool
    counted: Sent | None = None


class _Came(NamedTuple):
    """What came, to which of our endpoints, from whom, when; the rest as Responder.answer has it."""

    data: bytes
    local: Endpoint
    source: Endpoint
    now: float
    stream: bool
    tos: int | None
    held: float


class _Fault(NamedTuple):
    """Why a request gets an error answer."""

    code: int
    reason: str
    unknown: tuple[int, ...] = ()


_BAD_REQUEST = _Fault(400, "Bad Request")
_UNAUTHENTICATED = _Fault(401, "Unauthenticated")
_ROLE_CONFLICT = _Fault(487, "Role Conflict")


class Responder:
    """`others` maps each endpoint of an RFC 5780 server to that with the other address and the other port. `counts`:
    where everything that comes is counted; whoever sends an answer tells it (`sent`), since sending may fail.
    """

    def __init__(
        self,
        credentials: IceCredentials,
        others: Mapping[Endpoint, Endpoint] | None = None,
        limits: Limits | None = None,
        counted: Counts | None = None,
    ) -> None:
        self._credentials = credentials
        self._others = others or {}
        self._limits = limits or Limits()
        self._counts = Counts(0.0) if counted is None else counted

    def answer(
        self,
        data: bytes,
        local: Endpoint,
        source: Endpoint,
        now: float,
        *,
        stream: bool = False,
        tos: int | None = None,
        held: float = 0.0,
    ) -> Answer | None:
        """The answer to what came from `source` to `local` at `now`, over UDP or a stream; None is silence. `tos`: how
        it was marked, where the system tells that; `held`: for how many seconds it waited to be answered.
        """
        answer = self._answer(_Came(data, local, source, now, stream, tos, held))
        verified = answer is not None and answer.verified
        asked = stun.first_values(data).keys() if verified else ()
        if stun.COUNTS_TYPE in asked:
            return answer
        what, fragment = payloads.of_stream(data) if stream else payloads.of_datagram(data)
        proto: counts.Proto = "tcp" if stream else "udp"
        sent = Sent(proto, local, source, what, verified, fragment if verified else "")
        self._counts.arrived(sent, len(data), now, data[8:20] if stun.SEEN_TYPE in asked else b"")
        return None if answer is None else answer._replace(counted=sent)

    def came(self, data: bytes, local: Endpoint, source: Endpoint, now: float) -> None:
        """A connection, which is answered by being taken, or the first bytes of one that are no STUN."""
        sent = Sent("tcp", local, source, payloads.of_stream(data).what)
        self._counts.arrived(sent, len(data), now)
        if not data:
            self._counts.answered(sent)

    def sent(self, answer: Answer) -> None:
        """The answer has left."""
        if answer.counted is not None:
            self._counts.answered(answer.counted)

    def _answer(self, came: _Came) -> Answer | None:
        data, local, source, now, stream = came[:5]
        if classic.is_request(data) and not stream:
            return self._classic(data, local, source, now)
        usual = self._limits.allow(source[0], now) if _is_request(came) else False
        packet = _read(came) if usual or self._beyond(came) else None
        if packet is None:
            return None
        message = packet.message
        key, fault = self._authenticate(message)
        if key is not None:
            self._limits.holds(source)
        elif not usual:
            return None
        # RFC 8489 section 6.3.1: authentication comes before everything that the attributes ask for.
        fault = fault or _unknown(packet) or _role(message, key) or self._usage(message, local, stream)
        if fault is not None:
            return Answer(_error(message, fault, key), local, source, key is not None)
        to = (source[0], message.attributes.get(stun.RESPONSE_PORT, source[1]))
        if to != source and not self._limits.allow_elsewhere(source[0], now):
            return None
        sender = self._sender(message, local)
        found: dict[str, Any] = {"XOR_MAPPED_ADDRESS": source}
        if key is None:
            found |= {"MAPPED_ADDRESS": source, "RESPONSE_ORIGIN": sender} | self._other(local, stream)
        else:
            found |= self._told(message, came)
        return Answer(_success(message, key, len(data), found), sender, to, key is not None)

    def _told(self, message: Message, came: _Came) -> dict[str, bytes]:
        """What is for the token's holders alone."""
        found = {}
        if stun.SEEN in message.attributes:
            found["X_SEEN"] = seen.pack(seen.Seen(came.now - self._counts.began, came.tos, came.held))
        if stun.COUNTS in message.attributes:
            user: str = message.attributes["USERNAME"]
            found["X_COUNTS"] = counts.pack(self._counts.told(user.partition(":")[2], came.now))
        return found

    def _beyond(self, came: _Came) -> bool:
        return _is_request(came) and self._limits.allow_holder(came.source, came.now)

    def _classic(self, data: bytes, local: Endpoint, source: Endpoint, now: float) -> Answer | None:
        """At most 44 bytes (IPv6) for 20. The SOURCE-ADDRESS and CHANGED-ADDRESS of RFC 3489 would tell nobody more."""
        if source[1] == 0 or not self._limits.allow(source[0], now):
            return None
        return Answer(classic.response(data, source), local, source, False)

    def _authenticate(self, message: Message) -> tuple[bytes | None, _Fault | None]:
        """The key to sign with, or why not (RFC 8489 section 9.1.3); neither without any credentials."""
        user, signed = message.attributes.get("USERNAME"), "MESSAGE-INTEGRITY" in message.attributes
        if user is None and not signed:
            return None, None
        if user is None or not signed:
            return None, _BAD_REQUEST
        key = self._credentials.password.encode()
        if not user.startswith(f"{self._credentials.ufrag}:") or not message.check_message_integrity(key):
            return None, _UNAUTHENTICATED
        return key, None

    def _usage(self, message: Message, local: Endpoint, stream: bool) -> _Fault | None:
        """What is wrong with the attributes of RFC 5780 (section 6.1)."""
        attributes = message.attributes
        asks_change, asks_port = "CHANGE-REQUEST" in attributes, stun.RESPONSE_PORT in attributes
        if stream and (asks_change or asks_port):  # there is nowhere else to answer on a connection
            return _BAD_REQUEST
        if asks_change and local not in self._others:
            return _Fault(420, "Unknown Attribute", (_CHANGE_REQUEST,))
        if asks_port and (stun.PADDING in attributes or not attributes[stun.RESPONSE_PORT]):
            return _BAD_REQUEST
        return None

    def _sender(self, message: Message, local: Endpoint) -> Endpoint:
        """Where the answer leaves from (RFC 5780 section 6.1, table 1)."""
        change = message.attributes.get("CHANGE-REQUEST", 0)
        other = self._others.get(local, local)
        return (
            other[0] if change & _CHANGE_IP else local[0],
            other[1] if change & _CHANGE_PORT else local[1],
        )

    def _other(self, local: Endpoint, stream: bool) -> dict[str, Endpoint]:
        """OTHER-ADDRESS promises that CHANGE-REQUEST works there; over a stream it doesn't."""
        return {"OTHER_ADDRESS": self._others[local]} if local in self._others and not stream else {}


def _is_request(came: _Came) -> bool:
    """As far as it costs nothing to say."""
    looks = stun.is_stun(came.data) and came.data[:2] == _BINDING_REQUEST and len(came.data) <= DATAGRAM_MAX
    return looks and came.source[1] != 0


def _read(came: _Came) -> Packet | None:
    """What costs time, and so is done only within the limits."""
    try:
        return stun.decode(came.data)
    except StunError:
        return None


def _unknown(packet: Packet) -> _Fault | None:
    return _Fault(420, "Unknown Attribute", packet.unknown) if packet.unknown else None


def _role(message: Message, key: bytes | None) -> _Fault | None:
    """In an ICE check we are the controlled agent, and stay it whatever the tie-breakers say (RFC 8445
    section 7.3.1.1).
    """
    if key is None:
        return None
    roles = _ROLES & message.attributes.keys()
    if roles == _ROLES or "PRIORITY" not in message.attributes:  # section 7.1: one role, and a priority
        return _BAD_REQUEST
    return _ROLE_CONFLICT if "ICE-CONTROLLED" in roles else None


def _error(message: Message, fault: _Fault, key: bytes | None) -> bytes:
    more = {"UNKNOWN_ATTRIBUTES": fault.unknown or None}
    return stun.error(message, fault.code, fault.reason, key=key, SOFTWARE=SOFTWARE, **more)


def _success(message: Message, key: bytes | None, size: int, found: Mapping[str, Any]) -> bytes:
    """The success answer. PADDING is answered with PADDING (RFC 5780 section 6.1), just up to the size of
    the request: one as large as the interface's MTU, as the RFC wants, would make forged requests pay.
    """

    def made(**more: bytes) -> bytes:
        fingerprint = "FINGERPRINT" in message.attributes
        return stun.response(message, key=key, fingerprint=fingerprint, **found, SOFTWARE=SOFTWARE, **more)

    plain = made()
    room = size - len(plain) - 4
    if stun.PADDING not in message.attributes or room < 0:
        return plain
    return made(PADDING=bytes(room // 4 * 4))
