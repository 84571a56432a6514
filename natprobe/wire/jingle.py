"""What a Jitsi client says and hears between signing in and media: the focus, the room (XEP-0045), Jingle (XEP-0166).

Stanzas out as text, stanzas in as values: strict, bounded, and nothing of a stranger's is believed to be an address.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from natprobe.model import Data
from natprobe.pairing import IceCredentials
from natprobe.wire import xmpp
from natprobe.wire.candidates import (
    CANDIDATES_MAX,
    FINGERPRINT,
    ICE_TEXT,
    TRANSPORTS,
    TYPES,
    BridgeCandidate,
    CandidateType,
    Transport,
    endpoint,
    number,
)
from natprobe.wire.text import clean
from natprobe.wire.urls import bare_url
from natprobe.wire.xmpp import XmppError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

FOCUS = "http://jitsi.org/protocol/focus"
MUC = "http://jabber.org/protocol/muc"
MUC_USER = "http://jabber.org/protocol/muc#user"
NICK = "http://jabber.org/protocol/nick"
DISCO = "http://jabber.org/protocol/disco#info"
JINGLE = "urn:xmpp:jingle:1"
ICE = "urn:xmpp:jingle:transports:ice-udp:1"
DTLS = "urn:xmpp:jingle:apps:dtls:0"
COLIBRI = "http://jitsi.org/protocol/colibri"
JITMEET = "http://jitsi.org/jitmeet"

# What we say we can do: with one kind of media the focus has something to hang a transport on, and the offer is small.
FEATURES = (JINGLE, "urn:xmpp:jingle:apps:rtp:1", ICE, DTLS, "urn:xmpp:jingle:apps:rtp:audio")
JSON_MAX = 64 * 1024
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


# --- the focus


# Our word for a conference that makes everybody wait until its hosts begin it; it is no error.
NOT_LIVE = "not-live"


class Conference(NamedTuple):
    """The focus' answer: `ready` None where it refuses, for `condition`, in these words (`text`, as they came).

    `visitors`: where it sends visitors to.
    """

    ready: bool | None
    focus: str = ""
    authentication: bool | None = None
    visitors: str | None = None
    condition: str | None = None
    text: str = ""


def conference_request(stanza_id: str, focus: str, room: str, machine: str, token: str | None = None) -> str:
    """Asks for a conference. Without `visitors-version` nobody is sent to another node or made to wait for hosts."""
    content = xmpp.tag("property", {"name": "rtcstatsEnabled", "value": "false"})
    attributes = {"xmlns": FOCUS, "room": room, "machine-uid": machine, "token": token}
    return xmpp.iq("set", stanza_id, xmpp.tag("conference", attributes, content), focus)


def conference_json(room: str, machine: str) -> bytes:
    """The same for a focus that is asked over HTTP."""
    return msgspec.json.encode({"room": room, "machineUid": machine, "properties": {"rtcstatsEnabled": "false"}})


def read_conference(answer: Element) -> Conference:
    """The result or error that came. Raises XmppError where it is neither."""
    if answer.get("type") == "error":
        return Conference(None, condition=refusal(answer), text=xmpp.error_text(answer))
    found = xmpp.child(answer, "conference", FOCUS)
    if found is None:
        raise XmppError("an answer without a conference")
    properties = {each.get("name"): each.get("value") for each in found.findall(f"{{{FOCUS}}}property")}
    return _conference(found.get("ready") == "true", found.get("focusjid"), found.get("vnode"), properties)


class _Json(msgspec.Struct, rename="camel"):
    ready: bool = False
    focus_jid: str | None = None
    vnode: str | None = None
    properties: dict[str, Any] = {}


def read_conference_json(body: bytes) -> Conference:
    """The same over HTTP. Raises XmppError where it is no such answer."""
    found = _decoded(body, _Json)
    return _conference(found.ready, found.focus_jid, found.vnode, cast("dict[str | None, Any]", found.properties))


def _conference(ready: bool, focus: str | None, vnode: str | None, properties: dict[str | None, Any]) -> Conference:
    live = str(properties.get("live")).lower() != "false"
    says = {"true": True, "false": False}.get(str(properties.get("authentication")).lower())
    node, condition = clean(vnode, 60) if vnode else None, None if live else NOT_LIVE
    return Conference(ready and live, (focus or "")[:1023], says, node, condition)


def refusal(stanza: Element) -> str:
    """Why it was refused: the focus' own word where it has one, else RFC 6120's condition."""
    error = next((each for each in stanza if xmpp.local(each) == "error"), None)
    for each in () if error is None else error:
        if xmpp.namespace(each) == FOCUS and _WORD.fullmatch(xmpp.local(each)):
            return xmpp.local(each)
    return xmpp.condition(stanza)


# --- the room


def enter(occupant: str) -> str:
    """Presence to `room@muc/nick` (XEP-0045 section 7.2), with a name, so that an administrator knows who this was."""
    name = xmpp.tag("stats-id", {}, "natprobe") + xmpp.tag("nick", {"xmlns": NICK}, "natprobe")
    return xmpp.tag("presence", {"xmlns": xmpp.CLIENT, "to": occupant}, xmpp.tag("x", {"xmlns": MUC}) + name)


class Presence(NamedTuple):
    """Somebody in a room. `own`: it is about us (status 110). `refused`: the condition that keeps us out.

    `jid`: the occupant's real one, where the room shows it. `no_bridge`: the focus' word. `text`: the refusal's, as it
    came.
    """

    nick: str
    here: bool
    own: bool = False
    jid: str = ""
    refused: str | None = None
    no_bridge: bool = False
    text: str = ""


def read_presence(stanza: Element, room: str) -> Presence | None:
    """A presence from this room, None for all else."""
    bare, _, nick = (stanza.get("from") or "").partition("/")
    if stanza.tag != f"{{{xmpp.CLIENT}}}presence" or bare != room:
        return None
    if stanza.get("type") == "error":
        return Presence(nick, here=False, refused=refusal(stanza), text=xmpp.error_text(stanza))
    user = f"{{{MUC_USER}}}"
    item = stanza.find(f"{user}x/{user}item")
    return Presence(
        nick=nick,
        here=stanza.get("type") is None,
        own=any(each.get("code") == "110" for each in stanza.iterfind(f"{user}x/{user}status")),
        jid="" if item is None else item.get("jid") or "",
        no_bridge=xmpp.child(stanza, "bridgeNotAvailable", FOCUS) is not None,
    )


def read_metadata(stanza: Element, domain: str) -> str | None:
    """The JSON of a room's metadata. Only a component of this domain sends it; an occupant could say anything."""
    sender = stanza.get("from") or ""
    if stanza.tag != f"{{{xmpp.CLIENT}}}message" or not sender.endswith(f".{domain}") or set(sender) & set("@/"):
        return None
    text = stanza.findtext(f"{{{JITMEET}}}json-message")
    return text if text and len(text) <= JSON_MAX else None


def by_metadata(stanza: Element) -> bool:
    """Whether a domain says of itself (XEP-0030) that it hands out what is to be known of a room with the room."""
    query = xmpp.child(stanza, "query", DISCO)
    found = () if query is None else query.findall(f"{{{DISCO}}}identity")
    return any((each.get("category"), each.get("type")) == ("component", "room_metadata") for each in found)


def disco_question(stanza_id: str, domain: str) -> str:
    """What this domain says of itself."""
    return xmpp.iq("get", stanza_id, xmpp.tag("query", {"xmlns": DISCO}), domain)


def disco_answer(request: Element) -> str:
    """What we can do (XEP-0030), for the node that was asked for."""
    query = xmpp.child(request, "query", DISCO)
    features = "".join(xmpp.tag("feature", {"var": each}) for each in FEATURES)
    identity = xmpp.tag("identity", {"category": "client", "type": "pc", "name": "natprobe"})
    node = None if query is None else query.get("node")
    return _result(request, xmpp.tag("query", {"xmlns": DISCO, "node": node}, identity + features))


def acknowledged(request: Element) -> str:
    """The empty result that every Jingle stanza wants (XEP-0166 section 6.3)."""
    return _result(request, "")


def _result(request: Element, content: str) -> str:
    return xmpp.iq("result", request.get("id") or "", content, request.get("from"))


# --- Jingle


class Offer(Data, frozen=True, kw_only=True):
    """A session-initiate: the bridge's transport, and what an answer has to repeat. Has secrets; its repr is empty.

    `dropped` counts candidates that name no address to contact, and those beyond the bound. `channel`: the whole URL
    of the bridge's own WebSocket.
    """

    sid: str
    initiator: str
    sender: str
    content: str
    creator: str
    credentials: IceCredentials
    fingerprint: str | None = None
    hash: str | None = None
    setup: str | None = None
    candidates: tuple[BridgeCandidate, ...] = ()
    dropped: int = 0
    channel: str | None = None

    def __repr__(self) -> str:
        return "Offer()"

    @property
    def shown_channel(self) -> str | None:
        """The channel's URL without its query, in which the secret stands."""
        return None if self.channel is None else _without_secrets(self.channel)


def action(stanza: Element) -> str | None:
    """What a Jingle stanza wants, None where it is none."""
    found = xmpp.child(stanza, "jingle", JINGLE)
    if stanza.tag != f"{{{xmpp.CLIENT}}}iq" or stanza.get("type") != "set" or found is None:
        return None
    return found.get("action") or ""


def is_disco(stanza: Element) -> bool:
    """Whether it asks what we can do."""
    is_get = stanza.tag == f"{{{xmpp.CLIENT}}}iq" and stanza.get("type") == "get"
    return is_get and xmpp.child(stanza, "query", DISCO) is not None


def read_offer(stanza: Element) -> Offer:
    """A session-initiate. Raises XmppError where no transport with usable credentials is in it."""
    jingle = xmpp.child(stanza, "jingle", JINGLE)
    for content in () if jingle is None else jingle.findall(f"{{{JINGLE}}}content"):
        transport = xmpp.child(content, "transport", ICE)
        if jingle is not None and transport is not None and transport.get("ufrag"):
            return _offer(stanza, jingle, content, transport)
    raise XmppError("an offer without a transport")


def _offer(stanza: Element, jingle: Element, content: Element, transport: Element) -> Offer:
    ufrag, password = transport.get("ufrag") or "", transport.get("pwd") or ""
    if not ICE_TEXT.fullmatch(ufrag) or not ICE_TEXT.fullmatch(password):
        raise XmppError("an offer with unusable ICE credentials")
    candidates, dropped = _candidates(transport)
    digest, algorithm, setup = _fingerprint(transport)
    socket = xmpp.child(transport, "web-socket", COLIBRI)
    channel = None if socket is None else socket.get("url")
    return Offer(
        sid=(jingle.get("sid") or "")[:256],
        initiator=(jingle.get("initiator") or "")[:3071],
        sender=(stanza.get("from") or "")[:3071],
        content=(content.get("name") or "")[:256],
        creator=(content.get("creator") or "initiator")[:16],
        credentials=IceCredentials(ufrag=ufrag, password=password),
        fingerprint=digest,
        hash=algorithm,
        setup=setup,
        candidates=candidates,
        dropped=dropped,
        channel=channel if channel and _without_secrets(channel) else None,
    )


def _fingerprint(transport: Element) -> tuple[str | None, str | None, str | None]:
    found = xmpp.child(transport, "fingerprint", DTLS)
    digest = "" if found is None else (found.text or "").strip()
    if found is None or not FINGERPRINT.fullmatch(digest):
        return None, None, None
    algorithm, setup = (found.get("hash") or "").lower(), found.get("setup") or ""
    return digest.upper(), algorithm if _WORD.fullmatch(algorithm) else None, setup if _WORD.fullmatch(setup) else None


def _candidates(transport: Element) -> tuple[tuple[BridgeCandidate, ...], int]:
    """The distinct ones, in the bridge's order, and how many others there were."""
    found: dict[tuple[str, int, str], BridgeCandidate] = {}
    dropped = 0
    for each in transport.findall(f"{{{ICE}}}candidate"):
        candidate = _candidate(each)
        if candidate is None or (candidate[:3] not in found and len(found) >= CANDIDATES_MAX):
            dropped += 1
        else:
            found.setdefault(candidate[:3], candidate)
    return tuple(found.values()), dropped


def _candidate(element: Element) -> BridgeCandidate | None:
    """None: no unicast address and port that a client could send to (RFC 8839 section 5.1)."""
    at = endpoint(element.get("ip"), element.get("port"))
    transport = (element.get("protocol") or "").lower()
    kind = (element.get("type") or "host").lower()
    active = element.get("tcptype", "passive") != "passive"  # RFC 6544 section 4.5: it connects, nobody can to it
    if at is None or transport not in TRANSPORTS or kind not in TYPES or (transport != "udp" and active):
        return None
    if element.get("component", "1") != "1":  # RTCP's own, of which nothing is left with rtcp-mux
        return None
    return BridgeCandidate(
        *at,
        cast("Transport", transport),
        cast("CandidateType", kind),
        number(element.get("priority"), 2**32 - 1),
        endpoint(element.get("rel-addr"), element.get("rel-port")),
    )


def reason(stanza: Element) -> str:
    """Why a session was ended (XEP-0166 section 7.4)."""
    jingle = xmpp.child(stanza, "jingle", JINGLE)
    why = None if jingle is None else xmpp.child(jingle, "reason", JINGLE)
    words = [] if why is None else [xmpp.local(each) for each in why]
    return next((each for each in words if each != "text" and _WORD.fullmatch(each)), "no-reason")


def _without_secrets(url: str) -> str | None:
    """A WebSocket's URL without user, query and fragment; None where it is none."""
    shown = bare_url(url)
    return shown if shown is not None and shown.startswith(("ws://", "wss://")) else None


def _decoded(body: bytes, kind: type[_Json]) -> _Json:
    if len(body) > JSON_MAX:
        raise XmppError(f"JSON of more than {JSON_MAX} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise XmppError("no such JSON") from None
