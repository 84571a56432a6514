"""The smallest session-accept (XEP-0166) that a bridge starts ICE and DTLS for: one kind of media and no source."""

from __future__ import annotations

from typing import NamedTuple

from natprobe.pairing import IceCredentials
from natprobe.wire import xmpp
from natprobe.wire.jingle import DTLS, ICE, JINGLE, Offer

_RTP = "urn:xmpp:jingle:apps:rtp:1"
# RFC 8445 section 5.1.2.1, of host candidates with the highest local preference.
_PRIORITY = (126 << 24) + (65535 << 8) + 255


class Ours(NamedTuple):
    """What the bridge is told of us. `hosts`: the endpoints of our sockets."""

    jid: str
    credentials: IceCredentials
    fingerprint: str
    hosts: tuple[tuple[str, int], ...]


def session_accept(stanza_id: str, offer: Offer, ours: Ours) -> str:
    """`setup` active: the bridge waits for our handshake (RFC 8842 section 5)."""
    opus = xmpp.tag("payload-type", {"id": "111", "name": "opus", "clockrate": "48000", "channels": "2"})
    description = xmpp.tag("description", {"xmlns": _RTP, "media": "audio"}, opus)
    named = {"creator": offer.creator, "name": offer.content, "senders": "both"}
    content = xmpp.tag("content", named, description + _transport(ours))
    attributes = {
        "xmlns": JINGLE,
        "action": "session-accept",
        "initiator": offer.initiator,
        "responder": ours.jid,
        "sid": offer.sid,
    }
    return xmpp.iq("set", stanza_id, xmpp.tag("jingle", attributes, content), offer.sender)


def _transport(ours: Ours) -> str:
    digest = {"xmlns": DTLS, "hash": "sha-256", "setup": "active"}
    candidates = "".join(_candidate(number, *each) for number, each in enumerate(ours.hosts, 1))
    credentials = {"xmlns": ICE, "ufrag": ours.credentials.ufrag, "pwd": ours.credentials.password}
    return xmpp.tag(
        "transport",
        credentials,
        xmpp.tag("rtcp-mux", {}) + xmpp.tag("fingerprint", digest, ours.fingerprint) + candidates,
    )


def _candidate(number: int, address: str, port: int) -> str:
    named = {"component": "1", "foundation": str(number), "generation": "0", "id": f"h{number}", "network": "0"}
    where = {"ip": address, "port": str(port), "priority": str(_PRIORITY), "protocol": "udp", "type": "host"}
    return xmpp.tag("candidate", named | where)
