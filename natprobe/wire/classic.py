"""STUN as RFC 3489 had it, before there was a magic cookie: 16 bytes of transaction id, and MAPPED-ADDRESS.

No more of it than a control needs: UDP that a STUN server answers, and that an inspection which looks for
the cookie (RFC 8489 section 5) doesn't take for STUN.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from aioice.stun import ATTRIBUTES_BY_NAME, COOKIE

from natprobe.wire.stun import HEADER, StunError, attributes_of

ID_BYTES = 16
_REQUEST, _SUCCESS = 0x0001, 0x0101
_MAPPED_ADDRESS, _, _PACK, _UNPACK = ATTRIBUTES_BY_NAME["MAPPED-ADDRESS"]
_COOKIE = struct.pack("!I", COOKIE)

Endpoint = tuple[str, int]


class Answer(NamedTuple):
    """A success answer: to which request, and the address that it was seen from."""

    transaction_id: bytes
    mapped: Endpoint


def request(transaction_id: bytes) -> bytes:
    """A Binding request without attributes (RFC 3489 section 9.3)."""
    return struct.pack("!HH", _REQUEST, 0) + transaction_id


def is_request(data: bytes) -> bool:
    """Whether this is such a request; one with attributes (RESPONSE-ADDRESS: answer to a third party) is none."""
    return len(data) == HEADER and data[:4] == struct.pack("!HH", _REQUEST, 0) and data[4:8] != _COOKIE


def response(asked: bytes, mapped: Endpoint) -> bytes:
    """The success answer to this request, with MAPPED-ADDRESS alone."""
    value = _PACK(mapped)
    return struct.pack("!HH", _SUCCESS, 4 + len(value)) + asked[4:HEADER] + _attribute(value)


def _attribute(value: bytes) -> bytes:
    return struct.pack("!HH", _MAPPED_ADDRESS, len(value)) + value


def decode(data: bytes) -> Answer:
    """The success answer in these bytes. Raises StunError, and nothing else."""
    if len(data) < HEADER or data[:2] != struct.pack("!H", _SUCCESS) or data[4:8] == _COOKIE:
        raise StunError("no success answer without the magic cookie")
    value = next((value for kind, value in attributes_of(data) if kind == _MAPPED_ADDRESS), None)
    if value is None:
        raise StunError("no MAPPED-ADDRESS")
    try:
        return Answer(data[4:HEADER], _UNPACK(value))
    except (ValueError, struct.error) as exc:
        raise StunError(str(exc)) from None
