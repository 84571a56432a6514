"""XMPP's stanzas (RFC 6120) as they stand in one WebSocket message (RFC 7395): strict and bounded reading, building.

Element is ElementTree's, with names in Clark's notation: `{jabber:client}iq`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, TreeBuilder

CLIENT = "jabber:client"
STREAMS = "http://etherx.jabber.org/streams"
FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SESSION = "urn:ietf:params:xml:ns:xmpp-session"
PING = "urn:xmpp:ping"
_STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
_STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
# Where RFC 6120 has its defined conditions: sections 4.9.3, 6.5 and 8.3.3.
_CONDITIONS = (_STANZA_ERRORS, _STREAM_ERRORS, SASL)

# No stanza of a conference comes near to these: bytes of one, how deep and how many its elements are.
STANZA_MAX = 256 * 1024
DEPTH_MAX = 32
ELEMENTS_MAX = 10_000

_CONDITION = re.compile(r"[a-z][a-z-]{0,60}")
# What XML 1.0 section 2.2 has no place for, and the five that markup is made of.
_ESCAPES: dict[int, str | None] = dict.fromkeys([*range(0x20), 0x7F, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)]) | {
    ord(character): reference
    for character, reference in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("'", "&apos;"),
        ('"', "&quot;"),
        ("\t", "&#9;"),
        ("\n", "&#10;"),
        ("\r", "&#13;"),
    )
}


class XmppError(ValueError):
    """What came is no XMPP, or more than is read. Its words quote nothing of it."""


class StreamError(XmppError):
    """The server ended the stream and said why (RFC 6120 section 4.9): `condition`, `text`."""

    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(f"stream error {condition}")
        self.condition, self.text = condition, text


class _Bounded(TreeBuilder):
    """Builds what fits, and neither comments nor processing instructions (RFC 6120 section 11.1)."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth, self._count = self._depth + 1, self._count + 1
        if self._depth > DEPTH_MAX or self._count > ELEMENTS_MAX:
            raise XmppError("XML with too many elements, or too deep")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)

    def comment(self, _text: str | None) -> Element:
        raise XmppError("XML with a comment")

    def pi(self, _target: str, _text: str | None = None) -> Element:
        raise XmppError("XML with a processing instruction")


def parse(text: str) -> Element:
    """One element and nothing around it. Raises XmppError: not well-formed, a DTD, entities, too large or too deep."""
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    if len(text) > STANZA_MAX or len(data := text.encode(errors="replace")) > STANZA_MAX:
        raise XmppError(f"a stanza of more than {STANZA_MAX} bytes")
    parser = DefusedXMLParser(target=_Bounded(), encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(data)
        found = parser.close()
    except XmppError:
        raise
    except (ParseError, ValueError):  # defusedxml's own are ValueErrors; their words quote what came
        raise XmppError("no well-formed XML, or with a DTD") from None
    if not isinstance(found, Element):
        raise XmppError("no XML element")
    return found


# --- reading


def local(element: Element) -> str:
    """The name without its namespace."""
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    """The namespace, empty for none."""
    return element.tag[1:].partition("}")[0] if element.tag.startswith("{") else ""


def child(element: Element, name: str, space: str) -> Element | None:
    """The first child of this name in this namespace."""
    return element.find(f"{{{space}}}{name}")


def condition(element: Element) -> str:
    """The defined condition of a stanza with an error, of an error, of a stream error or of a SASL failure."""
    for each in (element, *(each for each in element if local(each) == "error")):
        for inner in each:
            if namespace(inner) in _CONDITIONS and local(inner) != "text" and _CONDITION.fullmatch(local(inner)):
                return local(inner)
    return "undefined-condition"


def error_text(element: Element) -> str:
    """The words beside a condition, as they came: they are cleaned by whoever shows them."""
    for each in (element, *(each for each in element if local(each) == "error")):
        for inner in each:
            if namespace(inner) in _CONDITIONS and local(inner) == "text":
                return inner.text or ""
    return ""


def raise_stream_error(element: Element) -> None:
    """Raises StreamError where this element is one."""
    if element.tag == f"{{{STREAMS}}}error":
        raise StreamError(condition(element), error_text(element))


def mechanisms(features: Element) -> tuple[str, ...]:
    """The SASL mechanisms offered, in the server's order."""
    offered = child(features, "mechanisms", SASL)
    found = [] if offered is None else offered.findall(f"{{{SASL}}}mechanism")
    return tuple((each.text or "").strip() for each in found[:20])


def wants_session(features: Element) -> bool:
    """Whether a session is to be asked for: RFC 3921's, which today's servers call optional or leave out."""
    found = child(features, "session", SESSION)
    return found is not None and child(found, "optional", SESSION) is None


def bound_jid(result: Element) -> str | None:
    """The full JID in the answer to a binding (RFC 6120 section 7.6), if it looks like one."""
    found = result.findtext(f"{{{BIND}}}bind/{{{BIND}}}jid") or ""
    node, at, rest = found.strip().partition("@")
    return found.strip() if at and node and "/" in rest and len(found) <= 3071 else None


# --- building


def escape(text: str) -> str:
    """Text for an element's content or between quotes, without what XML can't carry."""
    return text.translate(_ESCAPES)


def tag(name: str, attributes: Mapping[str, str | None], content: str = "") -> str:
    """An element, its attributes escaped, those that are None left out; `content` is XML already."""
    inside = "".join(f" {key}='{escape(value)}'" for key, value in attributes.items() if value is not None)
    return f"<{name}{inside}>{content}</{name}>" if content else f"<{name}{inside}/>"


def open_stream(domain: str) -> str:
    """RFC 7395 section 3.4; after a login the stream is opened anew with the same."""
    return tag("open", {"xmlns": FRAMING, "to": domain, "version": "1.0"})


def close_stream() -> str:
    """RFC 7395 section 3.6."""
    return tag("close", {"xmlns": FRAMING})


def auth(mechanism: str, initial: str) -> str:
    """RFC 6120 section 6.4.2. `initial` is base64 already, `=` for an initial response of length zero."""
    return tag("auth", {"xmlns": SASL, "mechanism": mechanism}, initial)


def auth_response(answer: str) -> str:
    """RFC 6120 section 6.4.3."""
    return tag("response", {"xmlns": SASL}, answer)


def iq(kind: str, stanza_id: str, payload: str = "", to: str | None = None) -> str:
    """An info/query stanza: get, set, result or error."""
    return tag("iq", {"xmlns": CLIENT, "type": kind, "id": stanza_id, "to": to}, payload)


def bind(stanza_id: str) -> str:
    """Asks for a resource of the server's choice."""
    return iq("set", stanza_id, tag("bind", {"xmlns": BIND}))


def session(stanza_id: str) -> str:
    """RFC 3921 section 3."""
    return iq("set", stanza_id, tag("session", {"xmlns": SESSION}))


def unavailable(to: str | None = None) -> str:
    """Presence on the way out."""
    return tag("presence", {"xmlns": CLIENT, "type": "unavailable", "to": to})


def answer(request: Element) -> str:
    """The answer to a get or set that nobody took: a ping's result (XEP-0199), else service-unavailable."""
    stanza_id, to = request.get("id") or "", request.get("from")
    if request.get("type") == "get" and child(request, "ping", PING) is not None:
        return iq("result", stanza_id, to=to)
    why = tag("service-unavailable", {"xmlns": _STANZA_ERRORS})
    return iq("error", stanza_id, tag("error", {"type": "cancel"}, why), to)
