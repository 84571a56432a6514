"""STUN messages (RFC 8489) on aioice's codec, read strictly.

The codec leaves gaps that a diagnosis can't afford, and this file closes them: the magic cookie is checked, the first
of two equal attributes counts (section 14), comprehension-required attributes that nobody knows are
listed, and only StunError ever leaves `decode`, whatever the bytes.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from aioice import stun
from aioice.stun import Class, Message, Method

from natprobe.wire.text import clean

HEADER = 20
_COOKIE = struct.pack("!I", stun.COOKIE)
_SIGNATURES = (0x0008, 0x001C)
_CHECKED = (0x0008, 0x8028)  # the codec itself keeps the first, and checks with it
# Sends at 0, 250, 750, 1250 and 1750 ms and gives up at 2250: RFC 8489 section 6.2.1 with RTO 250 ms, except that the
# interval stops growing at 500 ms, so that silence is five tries and not three in the time a person will wait.
SEND_TIMES = (0.0, 0.25, 0.75, 1.25, 1.75)
GIVE_UP = 2.25

# RFC 8445 section 16.1 and libwebrtc: the priority of a peer-reflexive UDP candidate with local preference 65535.
PRIORITY = (110 << 24) + (65535 << 8) + 255

PADDING = "PADDING"
RESPONSE_PORT = "RESPONSE-PORT"
UNKNOWN_ATTRIBUTES = "UNKNOWN-ATTRIBUTES"
# A comprehension-optional attribute that no RFC uses, to fill a check up to full size: the server must ignore it.
FILLER = "X-FILLER"
# Another such: a check asks `natprobe serve` with it for what arrived, and the answer carries that (wire/counts.py).
COUNTS, COUNTS_TYPE = "X-COUNTS", 0xC0DF
# Another: what `natprobe serve` saw of this very check, be it one of a train (wire/seen.py).
SEEN, SEEN_TYPE = "X-SEEN", 0xC0E0


class StunError(ValueError):
    """These bytes are not a STUN message. Its words say why."""


class Packet(NamedTuple):
    """A decoded message; `unknown` lists comprehension-required attribute types that nobody here understands."""

    message: Message
    unknown: tuple[int, ...]


def _unpack_types(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2])


def _pack_types(value: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(value)}H", *value)


def _text(data: bytes) -> str:
    return clean(data.decode("utf-8", "replace"))


def _error(data: bytes) -> tuple[int, str]:
    if len(data) < 4:
        raise ValueError("ERROR-CODE is shorter than 4 bytes")
    return (data[2] & 7) * 100 + data[3], _text(data[4:])


def _pack_error(value: tuple[int, str]) -> bytes:
    return struct.pack("!HBB", 0, value[0] // 100, value[0] % 100) + value[1].encode()


def _utf8(value: str) -> bytes:
    """What was decoded with surrogateescape goes back as it came: a realm has to, in whatever encoding it is."""
    return value.encode("utf-8", "surrogateescape")


def _pack_family(value: int) -> bytes:
    return struct.pack("!B3x", value)


def _family(data: bytes) -> int:
    return data[0]


def _pack_icmp(value: tuple[int, int]) -> bytes:
    return struct.pack("!2xH4x", value[0] << 9 | value[1])


def _icmp(data: bytes) -> tuple[int, int]:
    """Type and code (RFC 8656 section 18.13)."""
    (both,) = struct.unpack_from("!H", data, 2)
    return both >> 9, both & 0x1FF


# Attributes that aioice lacks (RFC 5780, RFC 7635, RFC 8016, RFC 8489, RFC 8656), and those whose text it would refuse
# a whole message for. What nobody here reads stays bytes: it is known, and cannot be malformed.
_MORE: tuple[tuple[int, str, Callable[..., bytes], Callable[..., Any]], ...] = (
    (0x000A, UNKNOWN_ATTRIBUTES, _pack_types, _unpack_types),
    (0x0026, PADDING, bytes, bytes),
    (0x0027, RESPONSE_PORT, stun.pack_unsigned_short, stun.unpack_unsigned_short),
    (0xC0DE, FILLER, bytes, bytes),
    (COUNTS_TYPE, COUNTS, bytes, bytes),
    (SEEN_TYPE, SEEN, bytes, bytes),
    (0x0009, "ERROR-CODE", _pack_error, _error),
    (0x0014, "REALM", _utf8, _text),
    (0x8022, "SOFTWARE", _utf8, _text),
    (0x0017, "REQUESTED-ADDRESS-FAMILY", _pack_family, _family),
    (0x0018, "EVEN-PORT", bytes, bytes),
    (0x001A, "DONT-FRAGMENT", stun.pack_none, stun.unpack_none),
    (0x001B, "ACCESS-TOKEN", bytes, bytes),
    (0x001C, "MESSAGE-INTEGRITY-SHA256", bytes, bytes),
    (0x001D, "PASSWORD-ALGORITHM", bytes, bytes),
    (0x001E, "USERHASH", bytes, bytes),
    (0x0022, "RESERVATION-TOKEN", bytes, bytes),
    (0x8000, "ADDITIONAL-ADDRESS-FAMILY", bytes, bytes),
    (0x8001, "ADDRESS-ERROR-CODE", bytes, bytes),
    (0x8002, "PASSWORD-ALGORITHMS", bytes, bytes),
    (0x8003, "ALTERNATE-DOMAIN", _utf8, _text),
    (0x8004, "ICMP", _pack_icmp, _icmp),
    (0x8023, "ALTERNATE-SERVER", stun.pack_address, stun.unpack_address),
    (0x802E, "THIRD-PARTY-AUTHORIZATION", _utf8, _text),
    (0x8030, "MOBILITY-TICKET", bytes, bytes),
)
for _entry in _MORE:
    stun.ATTRIBUTES_BY_TYPE[_entry[0]] = _entry
    stun.ATTRIBUTES_BY_NAME[_entry[1]] = _entry


def decode(data: bytes) -> Packet:
    """The message in these bytes. Raises StunError, and nothing else."""
    if len(data) < HEADER:
        raise StunError("shorter than a STUN header")
    if data[0] >> 6 or data[4:8] != _COOKIE:
        raise StunError("no STUN header with the magic cookie")
    raw = attributes_of(data)
    first = _first(raw)
    try:
        message = stun.parse_message(data)
        for kind, times in Counter(kind for kind, _ in raw).items():
            if kind in stun.ATTRIBUTES_BY_TYPE and kind not in _CHECKED and (times > 1 or kind not in first):
                _set(message, kind, first.get(kind))
    except (ValueError, struct.error, IndexError, KeyError) as exc:
        raise StunError(str(exc)) from None
    unknown = {kind for kind in first if kind < 0x8000 and kind not in stun.ATTRIBUTES_BY_TYPE}
    return Packet(message, tuple(sorted(unknown)))


def _set(message: Message, kind: int, value: bytes | None) -> None:
    """The attribute with this value instead of aioice's, which is the last one, or without it."""
    _, name, _, unpack = stun.ATTRIBUTES_BY_TYPE[kind]
    message.attributes.pop(name, None)
    if value is not None:
        xor = unpack is stun.unpack_xor_address
        message.attributes[name] = unpack(value, message.transaction_id) if xor else unpack(value)


def is_stun(data: bytes) -> bool:
    """Whether this looks like STUN and not DTLS, RTP or channel data (RFC 7983 section 7)."""
    return len(data) >= HEADER and data[0] < 4 and data[4:8] == _COOKIE


def answered_id(data: bytes) -> bytes | None:
    """The transaction id of what begins like an answer, success or error, be the rest of it broken."""
    return data[8:HEADER] if is_stun(data) and int.from_bytes(data[:2], "big") & Class.RESPONSE else None


def attributes_of(data: bytes) -> list[tuple[int, bytes]]:
    """Type and value of every attribute that follows the header; the lengths must add up (section 14)."""
    (length,) = struct.unpack_from("!H", data, 2)
    if length % 4 or len(data) != HEADER + length:
        raise StunError("the length in the header is not the message's")
    found, position = [], HEADER
    while position < len(data):
        kind, size = struct.unpack_from("!HH", data, position)
        end = position + 4 + size
        if end > len(data):
            raise StunError("an attribute reaches beyond the message")
        found.append((kind, data[position + 4 : end]))
        position = end + stun.padding_length(size)
    return found


def first_values(data: bytes) -> dict[int, bytes]:
    """The bytes of every attribute of a message that counts, as they came. Raises StunError."""
    return _first(attributes_of(data))


def _first(raw: list[tuple[int, bytes]]) -> dict[int, bytes]:
    """The first of equals (section 14) before and with the signature; nothing after it counts (14.5, 14.6)."""
    ends = (number for number, (kind, _) in enumerate(raw, 1) if kind in _SIGNATURES)
    return dict(reversed(raw[: next(ends, len(raw))]))


def binding_request(transaction_id: bytes, *, fingerprint: bool = False, **attributes: Any) -> bytes:
    """A Binding request; attribute names with underscores for hyphens. Servers answer a FINGERPRINT with theirs."""
    return _finish(_message(Class.REQUEST, transaction_id, attributes), None, fingerprint)


def padded_request(transaction_id: bytes, size: int) -> bytes:
    """A Binding request filled up to `size` bytes, when that is more, with an attribute that servers must ignore."""
    room = (size - HEADER - 4) // 4 * 4
    more = {FILLER: bytes(room)} if room > 0 else {}
    return bytes(Message(Method.BINDING, Class.REQUEST, transaction_id, more))


def ice_check(
    transaction_id: bytes,
    *,
    user: str,
    password: str,
    tie_breaker: int,
    controlling: bool = True,
    use_candidate: bool = False,
    size: int = 0,
    both_ways: bool = False,
    counts: bool = False,
    seen: bool = False,
) -> bytes:
    """A connectivity check (RFC 8445 section 7.2.2), filled up to `size` bytes when that is more.

    `user` is `REMOTE:LOCAL`, `password` the remote one; `use_candidate` nominates (section 7.1.2). What only
    `natprobe serve` understands: `both_ways`, an answer as large as the check (PADDING, RFC 5780 section 7.6);
    `counts`, what arrived of this session; `seen`, when this check arrived, and how it was marked.
    """
    role = "ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"
    message = Message(
        Method.BINDING,
        Class.REQUEST,
        transaction_id,
        {"USERNAME": user, "PRIORITY": PRIORITY, role: tie_breaker},
    )
    if use_candidate:
        message.attributes["USE-CANDIDATE"] = None
    message.attributes |= {COUNTS: b""} if counts else {}
    message.attributes |= {SEEN: b""} if seen else {}
    signed = len(bytes(message)) + stun.INTEGRITY_LENGTH + stun.FINGERPRINT_LENGTH
    if size > signed + 4:
        message.attributes[PADDING if both_ways else FILLER] = bytes((size - signed - 4) // 4 * 4)
    message.add_message_integrity(password.encode())
    return bytes(message)


def response(request: Message, *, key: bytes | None = None, fingerprint: bool = True, **attributes: Any) -> bytes:
    """A success answer, signed with `key` when there is one (RFC 8489 section 9.1.4)."""
    return _finish(_message(Class.RESPONSE, request.transaction_id, attributes), key, fingerprint)


def error(request: Message, code: int, reason: str, *, key: bytes | None = None, **attributes: Any) -> bytes:
    """An error answer (RFC 8489 section 6.3.1.1)."""
    attributes = {"ERROR_CODE": (code, reason)} | attributes
    return _finish(_message(Class.ERROR, request.transaction_id, attributes), key, True)


def _finish(message: Message, key: bytes | None, fingerprint: bool) -> bytes:
    if key is not None:
        message.add_message_integrity(key)
    elif fingerprint:
        message.add_fingerprint()
    return bytes(message)


def _message(kind: Class, transaction_id: bytes, attributes: dict[str, Any]) -> Message:
    named = {name.replace("_", "-"): value for name, value in attributes.items() if value is not None}
    return Message(Method.BINDING, kind, transaction_id, named)


def answers(packet: Packet, transaction_id: bytes) -> bool:
    """Whether this is an answer, success or error, to that request."""
    message = packet.message
    return message.message_class in (Class.RESPONSE, Class.ERROR) and message.transaction_id == transaction_id


class Splitter:
    """Messages out of a TCP byte stream: plain (RFC 8489 section 6.2.2) or framed by length (RFC 4571).

    Which of the two it is shows in the first bytes: a magic cookie at offset 4 or at offset 6. Where it is known to be
    `framed`, what is in the frames may be anything.
    """

    def __init__(self, *, framed: bool | None = None) -> None:
        self._buffer = bytearray()
        self.framed = framed

    @property
    def waiting(self) -> int:
        """Bytes of a message that is not complete. A reader of strangers' streams puts a bound on them."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The complete messages so far. Raises StunError when this can be neither."""
        self._buffer += data
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> bytes | None:
        if self.framed is None and len(self._buffer) >= 10:
            self.framed = self._is_framed()
        if self.framed is None:
            return None
        skip = 2 if self.framed else 0
        if len(self._buffer) < skip + 4:
            return None
        length = int.from_bytes(self._buffer[0:2] if self.framed else self._buffer[2:4], "big")
        end = skip + length if self.framed else HEADER + length
        if len(self._buffer) < end:
            return None
        message = bytes(self._buffer[skip:end])
        del self._buffer[:end]
        return message

    def _is_framed(self) -> bool:
        if self._buffer[4:8] == _COOKIE:
            return False
        if self._buffer[6:10] == _COOKIE:
            return True
        raise StunError("neither STUN nor framed STUN")


def frame(message: bytes) -> bytes:
    """The message with RFC 4571's length before it, as ICE over TCP wants it (RFC 6544 section 3)."""
    return len(message).to_bytes(2, "big") + message
