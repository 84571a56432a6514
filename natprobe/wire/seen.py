"""What `natprobe serve` saw of one check that has the token: an attribute of its signed answer.

Version (8 bits); the field that was TOS, now DS field and ECN (8, RFC 2474 section 3, RFC 3168 section 5); whether that
is known (8, 0 or 1); 8 bits of zero; for how long its answer was held, in microseconds (32); when it arrived, in
microseconds since the watch began (64).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_VERSION = 1
_FORM = struct.Struct("!BBBxIQ")


class Seen(NamedTuple):
    """`at`: seconds on the server's clock, since it began; `held`: until its answer was made, so that a busy server is
    no late packet. `tos`: None where its system does not tell.
    """

    at: float
    tos: int | None = None
    held: float = 0.0


def pack(seen: Seen) -> bytes:
    """The attribute's value."""
    at, held = _microseconds(seen.at, 64), _microseconds(seen.held, 32)
    return _FORM.pack(_VERSION, (seen.tos or 0) & 0xFF, seen.tos is not None, held, at)


def _microseconds(seconds: float, bits: int) -> int:
    return min(max(round(seconds * 1_000_000), 0), (1 << bits) - 1)


def unpack(data: bytes) -> Seen:
    """Raises ValueError, and nothing else."""
    try:
        version, tos, known, held, at = _FORM.unpack(data)
    except struct.error as exc:
        raise ValueError(f"not what a check was seen as: {exc}") from None
    if version != _VERSION:
        raise ValueError("what a check was seen as, of another version")
    return Seen(at / 1_000_000, tos if known else None, held / 1_000_000)
