"""What a packet is by its first bytes: STUN, TURN, DTLS, RTP, TLS or HTTP. It may be cut short. No I/O."""

from __future__ import annotations

import re
import struct
from typing import Literal, NamedTuple

from natprobe.wire import classic, stun

What = Literal["check", "stun", "turn", "dtls", "tls", "http", "rtp", "connection", "other"]
# The media of a meeting comes in packets of so many bytes and more.
FULL_SIZE = 1200

_BINDING, _TURN = 0x001, range(0x003, 0x00E)  # RFC 8489 section 18.2, RFC 8656 section 17, RFC 6062
_USERNAME = 0x0006
# RFC 8839 section 5.4; a browser's has 4 to 32 of them.
_FRAGMENT = re.compile(r"[A-Za-z0-9+/]{4,32}", re.ASCII)
_METHODS = tuple(f"{each} ".encode() for each in ("GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PRI", "DELETE"))


class Payload(NamedTuple):
    """`fragment`: of an ICE check, the user fragment of whoever sent it (RFC 8445 section 7.2.2); nothing proves it."""

    what: What
    fragment: str = ""


def of_datagram(data: bytes) -> Payload:
    """RFC 7983 section 7, a little stricter: what merely begins so is `other`."""
    first = data[0] if data else 255
    if stun.is_stun(data):
        return _of_stun(data)
    if classic.is_request(data):
        return Payload("stun")
    if 20 <= first <= 63 and len(data) >= 13 and data[1] == 0xFE:
        return Payload("dtls")
    if 64 <= first <= 79 and len(data) >= 4:  # ChannelData
        return Payload("turn")
    return Payload("rtp" if 128 <= first <= 191 and len(data) >= 8 else "other")


def of_stream(data: bytes) -> Payload:
    """The first bytes of a connection; without any it is no more than that."""
    if not data:
        return Payload("connection")
    if data[:2] == b"\x16\x03":
        return Payload("tls")
    if data.startswith(_METHODS):
        return Payload("http")
    for message in (data, data[2:]):  # as it is, or in RFC 4571's frame
        if stun.is_stun(message):
            return _of_stun(message)
    return Payload("other")


def _of_stun(data: bytes) -> Payload:
    """RFC 8489 section 5: the method's twelve bits stand apart."""
    kind = int.from_bytes(data[:2], "big")
    method = kind & 0xF | (kind & 0xE0) >> 1 | (kind & 0x3E00) >> 2
    if method != _BINDING:
        return Payload("turn" if method in _TURN else "stun")
    user = _username(data)
    return Payload("stun") if user is None else Payload("check", _fragment(user))


def _username(data: bytes) -> bytes | None:
    """As far as there are bytes."""
    position = stun.HEADER
    while position + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, position)
        if kind == _USERNAME:
            return data[position + 4 : position + 4 + size]
        position += 4 + (size + 3) // 4 * 4
    return None


def _fragment(user: bytes) -> str:
    own = user.partition(b":")[2].decode("ascii", "replace")
    return own if _FRAGMENT.fullmatch(own) else ""
