"""Where media may go, as signalling writes it (RFC 8839, RFC 6544, XEP-0176): values that may be contacted, or None."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal, NamedTuple

from natprobe.addresses import address_class

# A media server offers two or three; libwebrtc's own bound is not much higher.
CANDIDATES_MAX = 24
TRANSPORTS = ("udp", "tcp", "ssltcp")
TYPES = ("host", "srflx", "prflx", "relay")
# RFC 8445 section 5.3 allows fewer characters; what no attribute of STUN or SDP could carry is refused.
ICE_TEXT = re.compile(r"[!-9;-~]{1,256}")
FINGERPRINT = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15,63}")
_NO_UNICAST = ("unspecified", "multicast")

Transport = Literal["udp", "tcp", "ssltcp"]
CandidateType = Literal["host", "srflx", "prflx", "relay"]


class BridgeCandidate(NamedTuple):
    """Where a media server may be reached: an address that can be sent to, not a name."""

    address: str
    port: int
    transport: Transport
    type: CandidateType = "host"
    priority: int | None = None
    related: tuple[str, int] | None = None


def endpoint(address: str | None, port: str | None) -> tuple[str, int] | None:
    """A unicast address as RFC 5952 writes it, and a port. A zone means nothing here; names are not looked up."""
    at = number(port, 65535)
    if not address or not at or "%" in address or len(address) > 45:
        return None
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    # RFC 8445 section 5.1.1.1: IPv4-mapped and site-local addresses are no candidates.
    mapped = isinstance(found, ipaddress.IPv6Address) and (found.ipv4_mapped is not None or found.is_site_local)
    return None if mapped or address_class(str(found)) in _NO_UNICAST else (str(found), at)


def number(text: str | None, highest: int) -> int | None:
    """A decimal number up to the highest."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > highest:
        return None
    return int(text)
