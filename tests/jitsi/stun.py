"""STUN messages as ice4j writes them: SOFTWARE in all, MESSAGE-INTEGRITY where there is a key, FINGERPRINT last."""

from __future__ import annotations

import struct

from aioice.stun import (
    COOKIE,
    HEADER_LENGTH,
    Class,
    Message,
    Method,
    message_fingerprint,
    message_integrity,
    pack_error_code,
    pack_xor_address,
    padding_length,
    parse_message,
)

Address = tuple[str, int]
SOFTWARE = "ice4j.org"
USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES = 0x0006, 0x0008, 0x0009, 0x000A
XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE = 0x0020, 0x0024, 0x0025
SOFTWARE_TYPE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x8022, 0x8028, 0x8029, 0x802A
# RFC 8489 section 14: what a receiver must understand.
_REQUIRED = 0x8000
_KNOWN = frozenset({0x0001, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015})
_UNDERSTOOD = _KNOWN | {XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE}
Attributes = list[tuple[int, bytes]]


def parse(data: bytes) -> Message | None:
    """A Binding message, or None where it is no STUN or damaged."""
    if len(data) < HEADER_LENGTH or data[0] > 3 or data[4:8] != COOKIE.to_bytes(4, "big"):
        return None
    try:
        message = parse_message(data)
    except (ValueError, IndexError, struct.error):
        return None
    return message if message.message_method is Method.BINDING else None


def unknown_attributes(data: bytes) -> list[int]:
    """Types that have to be understood and are not (RFC 8489 section 6.3.1)."""
    found, position = [], HEADER_LENGTH
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("!HH", data, position)
        if kind < _REQUIRED and kind not in _UNDERSTOOD:
            found.append(kind)
        position += 4 + length + padding_length(length)
    return found


def request(transaction: bytes, attributes: Attributes, key: bytes) -> bytes:
    return _encode(Class.REQUEST, transaction, attributes, key)


def success(asked: Message, source: Address, username: str, key: bytes) -> bytes:
    mapped = (XOR_MAPPED_ADDRESS, pack_xor_address(source, asked.transaction_id))
    return _encode(Class.RESPONSE, asked.transaction_id, [mapped, (USERNAME, username.encode())], key)


def error(asked: Message, code: int, reason: str, more: Attributes = [], key: bytes | None = None) -> bytes:  # noqa: B006  # never changed
    """Without a key it bears no MESSAGE-INTEGRITY, as ice4j's 400, 401, 420 and 500."""
    return _encode(Class.ERROR, asked.transaction_id, [(ERROR_CODE, pack_error_code((code, reason))), *more], key)


def _encode(kind: Class, transaction: bytes, attributes: Attributes, key: bytes | None) -> bytes:
    body = b"".join(_attribute(*each) for each in [*attributes, (SOFTWARE_TYPE, SOFTWARE.encode())])
    data = struct.pack("!HHI", Method.BINDING | kind, len(body), COOKIE) + transaction + body
    if key is not None:
        data = _with(data, MESSAGE_INTEGRITY, message_integrity(data, key))
    return _with(data, FINGERPRINT, message_fingerprint(data).to_bytes(4, "big"))


def _with(data: bytes, kind: int, value: bytes) -> bytes:
    longer = data + _attribute(kind, value)
    return longer[:2] + struct.pack("!H", len(longer) - HEADER_LENGTH) + longer[4:]


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(padding_length(len(value)))
