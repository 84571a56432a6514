"""What people paste: every form of a target, everything malformed, and nothing secret in what is kept."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from natprobe.model import Kind, Target
from natprobe.target import BadTarget, parse, stun_server, stun_transports

TOKEN = "AbCdEfGhIjKlMnOpQrStUv"


def kept(target: Target) -> Target:
    """The target after a report was saved and read again."""
    return msgspec.json.decode(msgspec.json.encode(target), type=Target)


@pytest.mark.parametrize(
    ("text", "shown", "host", "port", "kind", "scheme"),
    [
        ("meet.example.com", "meet.example.com", "meet.example.com", 443, "auto", "https"),
        ("  MEET.Example.COM.\n", "meet.example.com", "meet.example.com", 443, "auto", "https"),
        ("meet.example.com:8443", "meet.example.com:8443", "meet.example.com", 8443, "auto", "https"),
        ("localhost:8443/room", "localhost:8443", "localhost", 8443, "auto", "https"),
        ("meet.example.com/Tenant/Room", "meet.example.com", "meet.example.com", 443, "auto", "https"),
        ("foo.xxx", "foo.xxx", "foo.xxx", 443, "auto", "https"),
        ("_meet.example.com", "_meet.example.com", "_meet.example.com", 443, "auto", "https"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", 443, "auto", "https"),
        ("192.0.2.7:4443", "192.0.2.7:4443", "192.0.2.7", 4443, "auto", "https"),
        ("2001:DB8:0::1", "[2001:db8::1]", "2001:db8::1", 443, "auto", "https"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443", "2001:db8::1", 8443, "auto", "https"),
        ("fe80::1%eth0", "[fe80::1%eth0]", "fe80::1%eth0", 443, "auto", "https"),
        ("fe80::1%2", "[fe80::1%2]", "fe80::1%2", 443, "auto", "https"),
        ("https://[fe80::1%25br-1.7]:8443/", "https://[fe80::1%br-1.7]:8443", "fe80::1%br-1.7", 8443, "auto", "https"),
        ("https://meet.example.com/Room", "https://meet.example.com", "meet.example.com", 443, "auto", "https"),
        ("HTTP://meet.example.com", "http://meet.example.com", "meet.example.com", 80, "auto", "http"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example", 443, "auto", "https"),
        ("БЕСЕДА.пример", "xn--80abjda5e.xn--e1afmkfd", "xn--80abjda5e.xn--e1afmkfd", 443, "auto", "https"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", "xn--r8jz45g.xn--zckzah", 443, "auto", "https"),
        ("stun:stun.example.com", "stun:stun.example.com", "stun.example.com", 3478, "stun", "stun"),
        ("stun://stun.example.com:19302", "stun:stun.example.com:19302", "stun.example.com", 19302, "stun", "stun"),
        ("stuns:stun.example.com", "stuns:stun.example.com", "stun.example.com", 5349, "stun", "stuns"),
        ("turn:[2001:db8::1]:80", "turn:[2001:db8::1]:80", "2001:db8::1", 80, "turn", "turn"),
        ("turns:t.example.com", "turns:t.example.com", "t.example.com", 5349, "turn", "turns"),
        ("janus+https://j.example/janus?a", "janus+https://j.example/janus", "j.example", 443, "janus", "janus+https"),
        ("janus+wss://j.example:8989", "janus+wss://j.example:8989", "j.example", 8989, "janus", "janus+wss"),
        (f"natprobe://192.0.2.7:1#{TOKEN}", "natprobe://192.0.2.7:1", "192.0.2.7", 1, "natprobe", "natprobe"),
        ("https://a.example/?" + "a=1&" * 900, "https://a.example", "a.example", 443, "auto", "https"),
    ],
)  # fmt: skip
def test_forms(text: str, shown: str, host: str, port: int, kind: Kind, scheme: str) -> None:
    target = parse(text).target
    assert (target.input, target.host, target.port, target.kind, target.scheme) == (shown, host, port, kind, scheme)
    assert kept(target) == target
    again = parse(target.input + (f"#{TOKEN}" if kind == "natprobe" else "")).target
    assert again == target  # what is shown can be pasted again


@pytest.mark.parametrize(
    ("text", "transport"),
    [
        ("turn:t.example.com", "udp"),
        ("turn:t.example.com?transport=TCP", "tcp"),
        ("turns:t.example.com", "tcp"),
        ("turns:t.example.com?transport=udp", "udp"),
        ("stuns:t.example.com", None),
        ("stuns:t.example.com?transport=tcp", "tcp"),
        ("stuns:t.example.com?transport=udp", "udp"),
        ("https://t.example.com?transport=sctp", None),
    ],
)
def test_transports(text: str, transport: str | None) -> None:
    assert parse(text).target.transport == transport


@pytest.mark.parametrize(
    ("text", "jwt", "room"),
    [
        ("https://meet.example.com/Room", None, "Room"),
        ("https://meet.example.com/Tenant/My%20Room/?jwt=a.b.c&x=1#config.x=true", "a.b.c", "My Room"),
        ("meet.example.com/Room#jwt=no", None, "Room"),
        ("https://meet.example.com/", None, None),
        ("https://meet.example.com?jwt=%ff", "�", None),
        ("https://meet.example.com?jwt=", None, None),
    ],
)  # fmt: skip
def test_rooms_and_tokens_go_aside(text: str, jwt: str | None, room: str | None) -> None:
    pasted = parse(text)
    assert (pasted.jwt, pasted.room) == (jwt, room)
    assert pasted.target.input.endswith("meet.example.com")


@pytest.mark.parametrize(
    ("text", "tenant"),
    [
        ("meet.example.com", ""),
        ("https://meet.example.com/Room", ""),
        ("https://meet.example.com/Tenant/Room?jwt=x", "Tenant"),
        ("https://meet.example.com//a%20b/c//Room/", "a%20b/c"),
    ],
)
def test_what_stands_before_the_room_is_the_tenant(text: str, tenant: str) -> None:
    assert parse(text).tenant == parse(text, "jitsi").tenant == tenant


@pytest.mark.parametrize(
    ("query", "port"), [("", None), ("?tcp=4443", 4443), ("?tcp=", None), ("?tcp=1&tcp=2", 1), ("?x=1", None)]
)
def test_peers(query: str, port: int | None) -> None:
    pasted = parse(f"natprobe://h.example{query}#{TOKEN}")
    assert (pasted.token, pasted.target.fallback_port, pasted.target.port) == (TOKEN, port, 10000)
    assert TOKEN not in repr(pasted)
    assert TOKEN not in repr(pasted.target)


@pytest.mark.parametrize(
    ("text", "kind", "scheme", "port"),
    [
        ("h.example", "jitsi", "https", 443),
        ("h.example", "janus", "https", 443),
        ("http://h.example", "jitsi", "http", 80),
        ("h.example", "stun", "stun", 3478),
        ("h.example:443", "turn", "turn", 443),
        ("https://h.example", "turn", "turn", 3478),
        ("https://h.example:5349", "turn", "turn", 5349),
        ("2001:db8::1", "stun", "stun", 3478),
        ("[2001:db8::1]:99", "stun", "stun", 99),
        ("stun:h.example", "stun", "stun", 3478),
        ("janus+wss://h.example", "auto", "janus+wss", 443),
    ],
)
def test_kinds(text: str, kind: str, scheme: str, port: int) -> None:
    target = parse(text, kind).target
    assert (target.scheme, target.port) == (scheme, port)
    assert kind in ("auto", target.kind)
    assert kept(target) == target


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("h.example", "zoom"),
        ("h.example", "natprobe"),
        ("stun:h.example", "turn"),
        ("turns:h.example", "jitsi"),
        ("janus+https://h.example", "jitsi"),
        (f"natprobe://h.example#{TOKEN}", "stun"),
    ],
)
def test_kinds_that_do_not_fit(text: str, kind: str) -> None:
    with pytest.raises(BadTarget, match="--kind"):
        parse(text, kind)


MALFORMED = [
    ("", "empty"),
    (" \t\n", "empty"),
    ("a" * 5000, "5000 characters"),
    ("meet example com", "spaces or control"),
    ("meet\x1b[31m.example", "spaces or control"),
    ("meet.example\x7f", "spaces or control"),
    ("ftp://meet.example", "scheme 'ftp'"),
    ("javascript:alert(1)", "scheme 'javascript'"),
    ("\x00", "spaces or control"),
    ("meet\udc80.example", "not UTF-8"),
    ("janus+wss://https://\udc80", "not UTF-8"),
    ("https:meet.example", "two slashes"),
    ("https:/meet.example", "two slashes"),
    ("natprobe:meet.example", "two slashes"),
    ("https://", "no host name"),
    ("https:///Room", "no host name"),
    ("stun:", "no host name"),
    (":8443", "no host name"),
    ("https://user@meet.example", "user name or password"),
    ("https://user:secret@meet.example", "user name or password"),
    ("https://@meet.example", "user name or password"),
    ("https://a\\@meet.example", "user name or password"),
    ("turn:user@turn.example", "user name or password"),
    ("meet.example:0", "port 0"),
    ("meet.example:65536", "port is not a number"),
    ("meet.example:-1", "port is not a number"),
    ("meet.example:" + "9" * 4000, "port is not a number"),
    ("https://meet.example:https", "port is not a number"),
    ("meet.example:４４３", "not a number"),
    ("stun:::1", "brackets"),
    ("https://[::1", "neither a name nor an address"),
    ("https://[meet.example]", "neither a name nor an address"),
    ("https://exa℀mple.com", "neither a name nor an address"),
    ("192.0.2", "neither a host name nor a whole address"),
    ("192.0.2.256", "neither a host name nor a whole address"),
    ("1", "neither a host name nor a whole address"),
    ("0x7f000001", "neither a host name nor a whole address"),
    ("192.0.2.0x7", "neither a host name nor a whole address"),
    ("１２７.0.0.１x.1", "neither a host name nor a whole address"),
    ("192.0.2.7%eth0", "name of an interface"),
    ("fe80::1%eth0;reboot", "name of an interface"),
    ("fe80::1%ü", "name of an interface"),
    ("fe80::1%" + "z" * 70, "name of an interface"),
    ("-meet.example", "not a host name"),
    ("meet..example", "not a host name"),
    ("meet.example..", "not a host name"),
    ("...", "not a host name"),
    ("meet*.example", "not a host name"),
    ("x" * 64 + ".example", "not a host name"),
    ("x." * 127 + "example", "DNS allows 253"),
    ("\xfc" * 64 + ".example", "not a host name that DNS"),
    ("\udcff.example", "not UTF-8"),
    ("‮.example", "not a host name"),
    ("turn:t.example?transport=sctp", "transport='sctp'"),
    ("natprobe://h.example:10000", "#token"),
    ("natprobe://h.example:10000#short", "#token"),
    (f"natprobe://h.example:10000#{TOKEN}!", "#token"),
    (f"natprobe://h.example?tcp=0#{TOKEN}", "tcp= wants"),
    (f"natprobe://h.example?tcp=65536#{TOKEN}", "tcp= wants"),
    (f"natprobe://h.example?tcp=４４３#{TOKEN}", "tcp= wants"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), MALFORMED, ids=[ascii(text)[:40] for text, _ in MALFORMED])
def test_malformed(text: str, words: str) -> None:
    with pytest.raises(BadTarget) as caught:
        parse(text)
    said = str(caught.value)
    assert words in said
    assert said.isprintable()
    assert said.isascii()
    assert len(said) < 350
    assert "secret" not in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("stun:s.example", "s.example", 3478),
        ("s.example:19302", "s.example", 19302),
        ("s.example", "s.example", 3478),
        ("192.0.2.7", "192.0.2.7", 3478),
        ("2001:db8::1", "2001:db8::1", 3478),
        (" fe80::1%eth0 ", "fe80::1%eth0", 3478),
        ("[2001:db8::1]:99", "2001:db8::1", 99),
    ],
)
def test_stun_servers(text: str, host: str, port: int) -> None:
    target = stun_server(text)
    assert (target.host, target.port, target.kind, target.scheme) == (host, port, "stun", "stun")


def test_stun_servers_over_tls() -> None:
    target = stun_server("stuns:s.example")
    assert (target.host, target.port, target.kind, target.scheme) == ("s.example", 5349, "stun", "stuns")


@pytest.mark.parametrize(
    ("text", "over"),
    [
        ("stun:t.example.com", ("udp",)),
        ("stun:t.example.com?transport=tcp", ("tcp",)),
        ("stuns:t.example.com", ("tls", "dtls")),
        ("stuns:t.example.com?transport=tcp", ("tls",)),
        ("stuns:t.example.com?transport=udp", ("dtls",)),
        (f"natprobe://203.0.113.10:10000#{TOKEN}", ("udp",)),
    ],
)
def test_what_stun_goes_over(text: str, over: tuple[str, ...]) -> None:
    assert stun_transports(parse(text).target) == over


@pytest.mark.parametrize("text", ["", "turns:s.example", "turn:s.example", "https://s.example", "s.example:x", "::1::"])
def test_stun_servers_that_are_none(text: str) -> None:
    with pytest.raises(BadTarget):
        stun_server(text)


PIECES = st.sampled_from(
    ["https://", "http:", "stun:", "turns:", "janus+wss://", "natprobe://", "//", "/", "?", "#", "@", ":", "[", "]",
     "%", "%25", ".", "::", "fe80::1", "192.0.2.7",
     "meet.example", "ü", "xn--", "443", "0", "99999", "tcp=", "transport=",
     "jwt=", "&", TOKEN, "SeCrEt", "\\", "eth0", "0x", "℀", "\udc80", "　", "\u202e", "-", "_"]
)  # fmt: skip
ANYTHING = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=9).map("".join))
KINDS = st.sampled_from(["auto", "jitsi", "janus", "turn", "stun", "natprobe", "x"])


@settings(max_examples=2000, deadline=None)
@given(ANYTHING, KINDS)
def test_any_text_is_a_target_or_told_why_not(text: str, kind: str) -> None:
    with contextlib.suppress(BadTarget):
        target = parse(text, kind).target
        assert kept(target) == target


@settings(max_examples=500, deadline=None)
@given(ANYTHING)
def test_any_text_is_a_stun_server_or_told_why_not(text: str) -> None:
    with contextlib.suppress(BadTarget):
        target = stun_server(text)
        assert kept(target) == target


@pytest.mark.parametrize(
    ("text", "shown", "path"),
    [
        ("janus+https://j.example", "janus+https://j.example", ""),
        ("janus+https://j.example/", "janus+https://j.example", ""),
        ("janus+https://j.example/a/janus/", "janus+https://j.example/a/janus", "/a/janus"),
        ("janus+wss://j.example:8989/ws;x=1?token=2", "janus+wss://j.example:8989/ws", "/ws"),
        ("janus+https://j.example/ä b".replace(" ", "%20"), "janus+https://j.example/%C3%A4%20b", "/%C3%A4%20b"),
        ("https://meet.example.com/Room", "https://meet.example.com", ""),
    ],
)
def test_paths_are_those_of_an_api(text: str, shown: str, path: str) -> None:
    pasted = parse(text)
    assert (pasted.target.input, pasted.target.path) == (shown, path)
    assert parse(shown).target == pasted.target
    assert (pasted.room is None) is (pasted.target.kind == "janus")


def test_a_path_has_a_bound() -> None:
    with pytest.raises(BadTarget, match="300"):
        parse("janus+https://j.example/" + "a" * 300)


SECRET = st.text(st.sampled_from("SECRT"), min_size=6, max_size=12)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(["", "https://", "janus+https://"]),
    SECRET,
    st.sampled_from(["/{}", "/a/{}", "?jwt={}", "#{}", "/b?{}=1#{}", "/b;id={}"]),
)
def test_nothing_secret_stays(scheme: str, secret: str, form: str) -> None:
    """Of a meeting link the path is a room's; of an API it is where that is."""
    assume(not (scheme.startswith("janus") and form.endswith("/{}")))
    pasted = parse(f"{scheme}meet.example{form.format(secret, secret)}")
    assert secret.lower() not in repr((pasted, pasted.target)).lower()
