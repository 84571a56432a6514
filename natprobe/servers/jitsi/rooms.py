"""Rooms as Jitsi's client names them in XMPP: what stands in a meeting's link, made fit for a JID."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote

ROOM_MAX = 500
# jitsi-meet drops these from a room's name; some of them no JID may hold (RFC 7622 section 3.3.1).
_DROPPED = re.compile(r"[:?#\[\]@!$&'()*+,;=></\"\s\x00-\x1f\x7f]")


def room_name(text: str) -> str:
    """Lower case, escaped as JavaScript's encodeURIComponent does it, the escapes too in lower case."""
    plain = unicodedata.normalize("NFKC", unquote(text)).lower()
    return quote(_DROPPED.sub("", plain)[:ROOM_MAX], safe="-_.~").lower()
