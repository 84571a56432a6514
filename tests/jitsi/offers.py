"""The Jingle texts of the focus: the offer with the bridge's transport, and what the client's acceptance says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import msgspec

from tests.jitsi.agent import Candidate, Remote
from tests.jitsi.bridge import Allocated

JINGLE, ICE = "urn:xmpp:jingle:1", "urn:xmpp:jingle:transports:ice-udp:1"
RTP, DTLS = "urn:xmpp:jingle:apps:rtp:1", "urn:xmpp:jingle:apps:dtls:0"
FOCUS, COLIBRI = "http://jitsi.org/protocol/focus", "http://jitsi.org/protocol/colibri"
# What jicofo takes a client for that does not answer.
DEFAULT_FEATURES = frozenset({"urn:xmpp:jingle:apps:rtp:audio", "urn:xmpp:jingle:apps:rtp:video"})
SCTP = "urn:xmpp:jingle:transports:dtls-sctp:1"
_CODECS = {
    "audio": (
        "<payload-type id='111' name='opus' clockrate='48000' channels='2'>"
        "<parameter name='minptime' value='10'/><parameter name='useinbandfec' value='1'/></payload-type>"
    ),
    "video": "<payload-type id='100' name='VP8' clockrate='90000'><rtcp-fb type='nack' "
    "xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/></payload-type>",
}
# RFC 8445 section 5.1.2.1, with local preference 65535 and component 1.
_PRIORITIES = {"host": 2130706431, "srflx": 1694498815}


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate of the bridge. `base`: the local address that a reflexive one belongs to."""

    ip: str
    port: int
    type: Literal["host", "srflx"] = "host"
    protocol: Literal["udp", "tcp", "ssltcp"] = "udp"
    base: str = ""


def candidate(given: Offered, number: int) -> str:
    """As CandidatePacketExtension writes it."""
    values = {
        "component": 1,
        "foundation": number,
        "generation": 0,
        "id": f"{number:08x}{hash(given) & 0xFFFFFFFF:08x}",
        "network": 0,
        "priority": _PRIORITIES[given.type],
        "protocol": given.protocol,
        "type": given.type,
        "ip": given.ip,
        "port": given.port,
    }
    if given.base:
        values |= {"rel-addr": given.base, "rel-port": given.port}
    if given.protocol != "udp":
        values |= {"tcptype": "passive"}
    return f"<candidate {attributes(values)}/>"


def attributes(values: dict[str, object]) -> str:
    return " ".join(f"{name}={quoteattr(str(value))}" for name, value in values.items())


def transport(allocated: Allocated, candidates: Sequence[Offered], channel: str) -> str:
    socket = f"<web-socket xmlns='{COLIBRI}' url={quoteattr(channel)}/>" if channel else ""
    listed = "".join(candidate(each, number) for number, each in enumerate(candidates, 1))
    return (
        f"<transport xmlns='{ICE}' ufrag='{allocated.ufrag}' pwd='{allocated.pwd}'><rtcp-mux/>"
        f"<fingerprint xmlns='{DTLS}' hash='sha-256' required='false' setup='actpass'>{allocated.fingerprint}"
        f"</fingerprint>{socket}{listed}</transport>"
    )


def contents(features: Collection[str], inner: str) -> str:
    """One content for each kind of media that the client has, all with the same transport; none is no content."""
    found = [kind for kind in ("audio", "video") if f"urn:xmpp:jingle:apps:rtp:{kind}" in features]
    described = {
        kind: f"<description xmlns='{RTP}' media='{kind}' maxptime='60'>{_CODECS[kind]}<rtcp-mux/></description>"
        for kind in found
    }
    if SCTP in features:
        found.append("data")
        channel = f"<sctpmap xmlns='{SCTP}' number='5000' protocol='webrtc-datachannel' streams='1024'/></transport>"
    parts = []
    for kind in found:
        own = inner if kind != "data" else inner.removesuffix("</transport>") + channel
        parts.append(
            f"<content creator='initiator' name='{kind}' senders='both'>{described.get(kind, '')}{own}</content>"
        )
    names = "".join(f"<content name='{kind}'/>" for kind in found)
    group = f"<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='BUNDLE'>{names}</group>"
    return "".join(parts) + group


def initiate(sid: str, initiator: str, body: str, session: str) -> str:
    return (
        f"<jingle xmlns='{JINGLE}' action='session-initiate' initiator={quoteattr(initiator)} sid='{sid}'>{body}"
        f"<bridge-session xmlns='{FOCUS}' id='{session}' region='region1'/></jingle>"
    )


def terminate(sid: str) -> str:
    return (
        f"<jingle xmlns='{JINGLE}' action='session-terminate' sid='{sid}'>"
        "<reason><expired/><text>Idle session timeout</text></reason></jingle>"
    )


def accepted(jingle: Element) -> Remote | None:
    """The transport of the first content, or None where it has no credentials."""
    found = jingle.find(f"{{{JINGLE}}}content/{{{ICE}}}transport")
    if found is None or not found.get("ufrag") or not found.get("pwd"):
        return None
    fingerprint = found.findtext(f"{{{DTLS}}}fingerprint") or ""
    return Remote(found.get("ufrag", ""), found.get("pwd", ""), fingerprint.strip(), candidates(found))


def candidates(found: Element) -> tuple[Candidate, ...]:
    return tuple(
        Candidate((each.get("ip", ""), int(each.get("port", "0"))), each.get("type", "host"))
        for each in found.iterfind(f"{{{ICE}}}candidate")
        if each.get("protocol", "").lower() == "udp"
    )
