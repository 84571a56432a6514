"""XML from strangers: what is read, what is not, and what is built from words of theirs."""

from __future__ import annotations

import time
from xml.etree.ElementTree import Element

import pytest

from natprobe.wire import xmpp
from natprobe.wire.xmpp import StreamError, XmppError, parse

ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
BOMB = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>" + "".join(
    f"<!ENTITY c{n} '{f'&c{n - 1};' * 10 if n else '&b;' * 10}'>" for n in range(9)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "words",
        "<a",
        "<a><b></a>",
        "<a/><b/>",
        "<a b='1' b='2'/>",
        "<a:b/>",
        "<a>&nbsp;</a>",
        "<a>\x00</a>",
        "<a>&#0;</a>",
        "\ufeff\ufeff<a/>",
        "<html><br></html>",
        "<!DOCTYPE html><html/>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1/'> %p;]><a/>",
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
        BOMB + "]><a>&c8;</a>",
        "<a><!-- words --></a>",
        "<a><?php words ?></a>",
        "<?xml version='1.0' encoding='utf-16'?><a>",
    ],
)
def test_what_is_no_stanza(text: str) -> None:
    with pytest.raises(XmppError) as caught:
        parse(text)
    assert "passwd" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "<a>" + "x" * xmpp.STANZA_MAX + "</a>",
        "<a>" + "ä" * (xmpp.STANZA_MAX // 2) + "</a>",
        "<a>" + "x" * 10_000_000 + "</a>",
        "<a>" * (xmpp.DEPTH_MAX + 1) + "</a>" * (xmpp.DEPTH_MAX + 1),
        "<a>" * 60_000,
        "<a>" + "<b/>" * xmpp.ELEMENTS_MAX + "</a>",
    ],
    ids=["long", "long-in-bytes", "10-MB", "deep", "very-deep", "many"],
)
def test_what_is_too_much(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(XmppError):
        parse(text)
    assert time.monotonic() - began < 1.0


def test_what_just_fits() -> None:
    assert parse("<a>" * xmpp.DEPTH_MAX + "</a>" * xmpp.DEPTH_MAX).tag == "a"
    assert len(parse("<a>" + "<b/>" * (xmpp.ELEMENTS_MAX - 1) + "</a>")) == xmpp.ELEMENTS_MAX - 1
    assert parse("<a>" + "x" * (xmpp.STANZA_MAX - 7) + "</a>").text == "x" * (xmpp.STANZA_MAX - 7)
    assert parse("<?xml version='1.0'?><a xmlns='b'>&lt;&#10;</a>").tag == "{b}a"


HOSTILE = "<>&'\"\t\n\x00\x1b]]> \ud800\ufffe é😀"


def test_words_stay_words() -> None:
    built = parse(xmpp.tag("a", {"b": HOSTILE, "c": None}, xmpp.escape(HOSTILE)))
    clean = "<>&'\"\t\n]]>  é😀"
    assert (built.get("b"), built.text, built.get("c")) == (clean, clean, None)


@pytest.mark.parametrize(
    ("built", "name"),
    [
        (xmpp.open_stream("a.test"), f"{{{xmpp.FRAMING}}}open"),
        (xmpp.close_stream(), f"{{{xmpp.FRAMING}}}close"),
        (xmpp.auth("PLAIN", "AGE="), f"{{{xmpp.SASL}}}auth"),
        (xmpp.auth_response("="), f"{{{xmpp.SASL}}}response"),
        (xmpp.bind("1"), f"{{{xmpp.CLIENT}}}iq"),
        (xmpp.session("1"), f"{{{xmpp.CLIENT}}}iq"),
        (xmpp.unavailable("a@b/c"), f"{{{xmpp.CLIENT}}}presence"),
    ],
)
def test_what_is_built_can_be_read(built: str, name: str) -> None:
    assert parse(built).tag == name


def stanza(inside: str) -> Element:
    return parse(f"<iq xmlns='jabber:client' type='error'>{inside}</iq>")


@pytest.mark.parametrize(
    ("element", "condition", "text"),
    [
        (
            stanza(f"<error type='auth'><forbidden xmlns='{ERRORS}'/><text xmlns='{ERRORS}'>no</text></error>"),
            "forbidden",
            "no",
        ),
        (stanza(f"<error><text xmlns='{ERRORS}'>no</text><gone xmlns='{ERRORS}'/></error>"), "gone", "no"),
        (stanza("<error><reservation-error xmlns='urn:other'/></error>"), "undefined-condition", ""),
        (stanza(f"<error><Evil_Name xmlns='{ERRORS}'/></error>"), "undefined-condition", ""),
        (stanza("<error/>"), "undefined-condition", ""),
        (stanza(""), "undefined-condition", ""),
        (
            parse(f"<failure xmlns='{xmpp.SASL}'><not-allowed/><text>token required</text></failure>"),
            "not-allowed",
            "token required",
        ),
    ],
)
def test_conditions(element: Element, condition: str, text: str) -> None:
    assert (xmpp.condition(element), xmpp.error_text(element)) == (condition, text)


def test_a_stream_error_is_raised() -> None:
    space = "urn:ietf:params:xml:ns:xmpp-streams"
    words = f"<host-unknown xmlns='{space}'/><text xmlns='{space}'>nohost.test</text>"
    with pytest.raises(StreamError) as caught:
        xmpp.raise_stream_error(parse(f"<s:error xmlns:s='{xmpp.STREAMS}'>{words}</s:error>"))
    assert (caught.value.condition, caught.value.text) == ("host-unknown", "nohost.test")
    assert "nohost" not in str(caught.value)
    xmpp.raise_stream_error(parse("<error/>"))


@pytest.mark.parametrize(
    ("jid", "good"),
    [("a@b.test/c", True), ("b.test", False), ("a@b.test", False), ("@b/c", False), ("a@b/" + "c" * 4000, False)],
)
def test_a_bound_address(jid: str, good: bool) -> None:
    result = parse(f"<iq xmlns='jabber:client'><bind xmlns='{xmpp.BIND}'><jid>{jid}</jid></bind></iq>")
    assert xmpp.bound_jid(result) == (jid if good else None)


def test_features() -> None:
    offered = "".join(f"<mechanism>M-{number}</mechanism>" for number in range(50))
    features = parse(f"<a><mechanisms xmlns='{xmpp.SASL}'>{offered}</mechanisms><session xmlns='{xmpp.SESSION}'/></a>")
    assert xmpp.mechanisms(features)[:2] == ("M-0", "M-1")
    assert len(xmpp.mechanisms(features)) == 20
    assert xmpp.wants_session(features)
    assert not xmpp.wants_session(parse(f"<a><session xmlns='{xmpp.SESSION}'><optional/></session></a>"))


def test_what_nobody_takes_is_answered() -> None:
    ping = parse("<iq xmlns='jabber:client' type='get' id='&lt;1' from='a@b/c'><ping xmlns='urn:xmpp:ping'/></iq>")
    pong = parse(xmpp.answer(ping))
    assert (pong.get("type"), pong.get("id"), pong.get("to"), len(pong)) == ("result", "<1", "a@b/c", 0)
    other = parse(xmpp.answer(parse("<iq xmlns='jabber:client' type='set' id='2'><x xmlns='y'/></iq>")))
    assert (other.get("type"), other.get("to"), xmpp.condition(other)) == ("error", None, "service-unavailable")
