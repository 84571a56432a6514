"""RTP (RFC 3550) as SRTP (RFC 3711, RFC 7714) with the keys of a DTLS handshake (RFC 5764): packets without I/O."""

from __future__ import annotations

import struct
from typing import NamedTuple

# RFC 5764 section 4.2: what the keys are exported for.
LABEL = b"EXTRACTOR-dtls_srtp"
_KEY, _SALT, _SALT_GCM = 16, 14, 12
_TAG, _TAG_GCM = 10, 16
_GCM = "SRTP_AEAD_AES_128_GCM"
# OpenSSL's names of the profiles that browsers and we offer: how long salt and authentication tag are.
PROFILES = {"SRTP_AES128_CM_SHA1_80": (_SALT, _TAG), _GCM: (_SALT_GCM, _TAG_GCM)}
_HEADER = struct.Struct("!BBHII")
_VERSION, _EXTENDED = 2 << 6, 1 << 4
_SHORT_FORM = 0xBEDE
# Of the clock of 48 kHz that goes with Opus (RFC 7587 section 4.1), 20 ms.
_TICKS = 960


class Rtp(NamedTuple):
    """What our packets are sent as: the payload type and the source (SSRC) that signalling named."""

    payload_type: int
    ssrc: int


def material_size(profile: str) -> int:
    """How many bytes are to be exported for both directions. Raises KeyError for a profile that we don't have."""
    return 2 * (_KEY + PROFILES[profile][0])


class Srtp:
    """Both directions, the DTLS client's end. `first`: the number of the first packet, below 2**15 (RFC 3711 3.3.1)."""

    def __init__(self, profile: str, material: bytes, rtp: Rtp, first: int) -> None:
        from pylibsrtp import Error, Policy, Session

        self._fault = Error
        self._rtp, self._number, self._overhead = rtp, first, _HEADER.size + PROFILES[profile][1]
        kind = Policy.SRTP_PROFILE_AEAD_AES_128_GCM if profile == _GCM else Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        ours, theirs = _split(material, PROFILES[profile][0])
        self._out = Session(Policy(key=ours, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=kind))
        self._in = Session(Policy(key=theirs, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=kind))

    def packet(self, mark: bytes, size: int) -> bytes:
        """The next one of ours, `size` bytes long, that begins with `mark`."""
        content = mark.ljust(size - self._overhead, b"\0")
        self._number += 1
        return self._out.protect(plain(self._rtp, self._number - 1, content))

    def protected(self, packet: bytes) -> bytes:
        """One that somebody else has written. Its number is higher than those before."""
        return self._out.protect(packet)

    def content(self, data: bytes) -> bytes | None:
        """What somebody who has the keys sent; None for anything else, and for what came before (RFC 3711 3.3.2)."""
        try:
            plain = self._in.unprotect(data)
        except (self._fault, ValueError):  # the latter: longer than any packet
            return None
        return plain[_HEADER.size :] if len(plain) >= _HEADER.size else None


def plain(rtp: Rtp, number: int, content: bytes, level: tuple[int, int] | None = None) -> bytes:
    """A packet as it is before SRTP. `level`: the number of the extension for audio levels, and this packet's: one
    byte (RFC 6464) in the short form of header extensions (RFC 8285 section 4.2).
    """
    extended = b"" if level is None else struct.pack("!HHBBxx", _SHORT_FORM, 1, level[0] << 4, level[1])
    first = _VERSION | (_EXTENDED if extended else 0)
    return (
        _HEADER.pack(first, rtp.payload_type, number & 0xFFFF, number * _TICKS & 0xFFFFFFFF, rtp.ssrc)
        + extended
        + content
    )


def _split(material: bytes, salt: int) -> tuple[bytes, bytes]:
    """RFC 5764 section 4.2: both keys, then both salts, the client's first."""
    keys, salts = material[: 2 * _KEY], material[2 * _KEY :]
    return keys[:_KEY] + salts[:salt], keys[_KEY:] + salts[salt:]
