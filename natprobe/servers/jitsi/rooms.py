"""Rooms as Jitsi's client names them in XMPP: what stands in a meeting's link, made fit for a JID, and their hosts."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple
from urllib.parse import quote, unquote

from natprobe.facts import JitsiConfig

ROOM_MAX = 500
# jitsi-meet drops these from a room's name; some of them no JID may hold (RFC 7622 section 3.3.1).
_DROPPED = re.compile(r"[:?#\[\]@!$&'()*+,;=></\"\s\x00-\x1f\x7f]")


class Hosts(NamedTuple):
    """XMPP domains: the main one, that of the rooms, the focus' own."""

    domain: str
    muc: str
    focus: str


def hosts_of(config: JitsiConfig | None, signed_in: str) -> Hosts:
    """As config.js names them; what it leaves out is below the main domain, else below the one that we are in."""
    domain = (config and config.domain) or signed_in
    muc, focus = (config.muc, config.focus) if config is not None else (None, None)
    return Hosts(domain, muc or f"conference.{domain}", focus or f"focus.{domain}")


def room_name(text: str) -> str:
    """Lower case, escaped as JavaScript's encodeURIComponent does it, the escapes too in lower case."""
    plain = unicodedata.normalize("NFKC", unquote(text)).lower()
    return quote(_DROPPED.sub("", plain)[:ROOM_MAX], safe="-_.~").lower()
