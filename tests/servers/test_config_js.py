"""config.js as people have it and as nobody should: read as data, within bounds, and never run."""

from __future__ import annotations

import itertools
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from natprobe.servers.jitsi import config_js, javascript
from natprobe.servers.jitsi.config_js import Settings, Unreadable

PAGE = "https://meet.example.com/"
SSI = 'var subdir = \'<!--# echo var="subdir" default="" -->\';\n'
SSI += 'var subdomain = "<!--# echo var="subdomain" default="" -->";\n'
JOIN = (
    "if (subdomain) { subdomain = subdomain.substr(0, subdomain.length - 1).split('.').join('_').toLowerCase() + '.'; }"
)
MENDED = "if (subdir.startsWith('<!--')) { subdir = ''; }\n"

DEBIAN = f"""\
/* eslint-disable comma-dangle, no-var */
{SSI}
{JOIN}

// In case of no ssi provided by the webserver, use empty strings
{MENDED}
var enableJaaS = false;
var config = {{
    // Connection
    hosts: {{
        // XMPP domain.
        domain: 'meet.example.com',
        // anonymousdomain: 'guest.example.com',
        muc: 'conference.' + subdomain + 'meet.example.com',
    }},
    bosh: 'https://meet.example.com/' + subdir + 'http-bind',
    websocket: 'wss://meet.example.com/' + subdir + 'xmpp-websocket',
    // useTurnUdp: true,
    testing: {{ mobileXmppWsThreshold: 10, assumeBandwidth: true }},
    p2p: {{
        enabled: true,
        stunServers: [
            // {{ urls: 'stun:old.example.com:443' }},
            {{ urls: 'stun:meet-jit-si-turnrelay.jitsi.net:443' }},
        ],
    }},
    makeJsonParserHappy: 'even if last key had a trailing comma'
}};
"""

DOCKER = f"""\
// Jitsi Meet configuration.
var config = {{}};
if (!config.hasOwnProperty('hosts')) config.hosts = {{}};
config.hosts.domain = 'meet.jitsi';
config.focusUserJid = 'focus@auth.meet.jitsi';
{SSI}{MENDED}{JOIN}
config.hosts.muc = 'muc.' + subdomain + 'meet.jitsi';
config.hosts.anonymousdomain = 'guest.meet.jitsi';
config.hosts['authdomain'] = 'meet.jitsi';
config.bosh = '/' + subdir + 'http-bind';
config.websocket = 'wss://localhost:8443/' + subdir + 'xmpp-websocket';
config.bridgeChannel = {{ preferSctp: true }};
config.p2p = {{ enabled: false }};
config.p2p.stunServers = 'a.example:443,b.example:443'.split(',').map(url => ({{ urls: `stun:${{url}}` }}));
config.deploymentInfo = {{}};
config.deploymentInfo.shard = "s1";
config.useTurnUdp = true;
"""


def read(text: str, page: str = PAGE) -> Settings:
    return config_js.read(text, page, time.monotonic)


def of(statements: str, page: str = PAGE) -> Settings:
    return read("var config = { hosts: { domain: 'd' } };\n" + statements, page)


def test_as_the_packages_write_it() -> None:
    assert read(DEBIAN) == Settings(
        domain="meet.example.com",
        muc="conference.meet.example.com",
        bosh="https://meet.example.com/http-bind",
        websocket="wss://meet.example.com/xmpp-websocket",
        p2p_stun=("meet-jit-si-turnrelay.jitsi.net:443",),
    )


def test_as_docker_writes_it() -> None:
    assert read(DOCKER) == Settings(
        domain="meet.jitsi",
        muc="muc.meet.jitsi",
        anonymous_domain="guest.meet.jitsi",
        bosh="https://meet.example.com/http-bind",
        websocket="wss://localhost:8443/xmpp-websocket",
        use_turn_udp=True,
        p2p=False,
        shard="s1",
    )


@pytest.mark.parametrize("text", [DEBIAN, DOCKER])
def test_a_tenant_that_the_server_sets_in(text: str) -> None:
    for name, value in (("subdir", "Foo/"), ("subdomain", "Foo.Bar.")):
        text = text.replace(f'<!--# echo var="{name}" default="" -->', value)
    found = read(text)
    assert (found.bosh or "").endswith("//meet.example.com/Foo/http-bind")
    assert found.muc in ("conference.foo_bar.meet.example.com", "muc.foo_bar.meet.jitsi")


def test_a_default_that_is_not_empty() -> None:
    found = read("""config = {hosts: {muc: 'conference.<!--#echo var="subdomain" default="x." -->d'}, bosh: '/b'}""")
    assert found.muc == "conference.x.d"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("var config = {bosh: '/b'}", "https://meet.example.com/b"),
        ("config = {bosh: '/b'}", "https://meet.example.com/b"),
        ("let config = {'bosh': \"/b\",};", "https://meet.example.com/b"),
        ("window.config = {['bo' + 'sh']: `/b`}", "https://meet.example.com/b"),
        ("window['config'] = {}; window.config['bosh'] = '/b'", "https://meet.example.com/b"),
        ("var config = config || {}; config.bosh = '/b'", "https://meet.example.com/b"),
        ("var other = {bosh: '/b'}; var config = other", "https://meet.example.com/b"),
        ("var bosh = '/b'; var config = {bosh}", "https://meet.example.com/b"),
        ("var base = {bosh: '/b'}; var config = {...base}", "https://meet.example.com/b"),
        ("var config = {bosh: '/a', bosh: '/b'}", "https://meet.example.com/b"),
        ("config = {bosh: '\\x2fb\\u0063\\\nd'}", "https://meet.example.com/bcd"),
        ("config = {bosh: '/\\ud83d\\ude00'}", "https://meet.example.com/\U0001f600"),
        ("config = {bosh: '/\\ud83d.'}", "https://meet.example.com/\ufffd."),
        ("var p = '/b'; config = {bosh: `${p}/c`}", "https://meet.example.com/b/c"),
        ("var p = 5280; config = {bosh: 'http://h.example:' + p + '/b'}", "http://h.example:5280/b"),
        ("config = {bosh: '/a'}; config.bosh += '/c'", "https://meet.example.com/a/c"),
        ("config = {bosh: true ? '/b' : '/c'}", "https://meet.example.com/b"),
        ("config = {bosh: '//other.example/b'}", "https://other.example/b"),
        ("config = {bosh: ' /b '}", "https://meet.example.com/b"),
        ("config = {bosh: 'http-bind'}", "https://meet.example.com/http-bind"),
        ("config = {bosh: '//' + window.location.host + '/b'}", "https://meet.example.com/b"),
        ("config = {bosh: location.origin + '/b'}", "https://meet.example.com/b"),
        ("config = {bosh: 'https://user:SecretPassword@h.example/b;s=Secret?token=Secret#Secret'}", "https://h.example/b"),
        ("config = {bosh: 'https://http://localhost:28451/b'}", "https://http://localhost:28451/b"),
        ("%%% oops(\nvar config = {bosh: '/b'};\nfoo bar baz", "https://meet.example.com/b"),
        ("var config = {a: 1,, bosh: '/b',}", "https://meet.example.com/b"),
        ("var config = {a: function() { while (true) {} }, bosh: '/b'}", "https://meet.example.com/b"),
        ("while (true) { x = 1 }\nfor (;;) {}\nvar config = {bosh: '/b'}", "https://meet.example.com/b"),
        ("var config = {a: /[/'\"]{/, bosh: '/b'} // '", "https://meet.example.com/b"),
        ("var config = {bosh: alert('x')}", None),
        ("var config = {bosh: nobody + '/b'}", None),
        ("var config = {bosh: null}", None),
        ("var config = {bosh: ''}", None),
        ("var config = {bosh: 5}", None),
        ("var config = {bosh: 'https://[bad/'}", None),
        ("var config = {bosh: '/b'}; config.bosh = f()", None),
        ("var config = {bosh: '/b'}; delete config.bosh; config.websocket = null", None),
        ("function f() { config.bosh = '/c' }\nvar config = {bosh: null}", None),
    ],
)  # fmt: skip
def test_ways_to_write_it(text: str, url: str | None) -> None:
    found = read(text)
    assert found.bosh == url
    assert "Secret" not in repr(found)


@pytest.mark.parametrize(
    ("condition", "url"),
    [
        ("true", "/yes"),
        ("false", "/no"),
        ("''", "/no"),
        ("known", "/yes"),
        ("!known", "/no"),
        ("known === 'x'", "/yes"),
        ("known.includes('y')", "/no"),
        ("config.missing", "/no"),
        ("{}", "/yes"),
        ("nobody", None),
        ("f()", None),
        ("nobody || known", None),
        ("known && nobody", None),
        ("0 || known", "/yes"),
    ],
)
def test_what_a_condition_decides(condition: str, url: str | None) -> None:
    found = of(
        f"var known = 'x'; config.bosh = '/was'; if ({condition}) {{ config.bosh = '/yes' }} else config.bosh = '/no'"
    )
    assert found.bosh == (None if url is None else f"https://meet.example.com{url}")


def test_an_object_made_in_case_that_it_is_missing_loses_nothing() -> None:
    assert of("config.bosh = '/b'; if (nobody) config.p2p = {}; if (nobody) { config.hosts = {} }").bosh is not None


def test_relays_for_two_are_counted_and_their_credentials_never_shown() -> None:
    servers = (
        "[{urls: 'stun:a.example'}, {url: 'stuns:[2001:db8::1]:443'}, {urls: ['turn:t.example', 'turns:t.example']"
    )
    found = of(
        f"config.p2p = {{stunServers: {servers}, username: 'SecretUser', credential: 'SecretWord'}}, 'x', 5, null]}}"
    )
    assert found.p2p_stun == ("a.example:3478", "[2001:db8::1]:443")
    assert (found.p2p_relays, found.p2p_secrets) == (2, True)
    assert "Secret" not in repr(found)


def test_other_switches() -> None:
    found = of("config.preferBosh = true; config.forceTurnRelay = !0; config.tokenAuthUrl = 'https://login.example/?x';"
               "config.conferenceRequestUrl = '/conference-request/v1'; config.hosts.focus = 'focus.d'")  # fmt: skip
    assert (found.prefer_bosh, found.force_relay, found.token_login, found.focus) == (True, True, True, "focus.d")
    assert found.conference_request == "https://meet.example.com/conference-request/v1"


def test_the_page_decides_what_an_address_means() -> None:
    found = of("config.bosh = '//h/b'; config.websocket = 'x'", "http://meet.example.com:8000/tenant/")
    assert (found.bosh, found.websocket) == ("http://h/b", "http://meet.example.com:8000/tenant/x")


def test_text_is_cleaned_and_short() -> None:
    found = of("config.hosts.domain = 'evil\\x1b[31m\\u202e' + 'x'.concat; config.hosts.muc = 'm\\u0000\\x9b31m';"
               f"config.bosh = '/{'z' * 900}'; config.websocket = 'wss://h/{'z' * 1100}'")  # fmt: skip
    assert (found.domain, found.muc, found.websocket) == (None, "m  31m", None)
    assert len(found.bosh or "") == 600


def test_the_line_that_stops_a_browser_is_told() -> None:
    assert of("config.bosh = '/b';\n\n)").error_line == 4
    assert of("config.bosh = '/b';").error_line is None


# --- what is no config.js

MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no settings"),
        ("<!DOCTYPE html><html><body>config = {bosh: 1}", "HTML"),
        ("\n <html>", "HTML"),
        ("\x00\x01", "no text"),
        ("MZ\x90\x00\x03", "no text"),
        ("%PDF-1.4 config", "no settings"),
        ('{"hosts": {}}', "no settings"),
        ("var config = 5", "no settings"),
        ("var config = f()", "no settings"),
        ("var config = {api: '/v1', theme: 'dark'}", "not Jitsi's"),
        ("export default { bosh: '/b' }", "no settings"),
        ("var config = {bosh: '/b'}" + " " * MIB, "1 MiB"),
    ],
)
def test_what_is_none_says_so(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(text)


NASTY = {
    "braces": "{" * MIB,
    "parentheses": "(" * MIB,
    "quotes": "'" * MIB,
    "objects": "config={a:" + "{a:" * 300_000,
    "well-formed objects": "config=" + "{a:" * 150_000 + "1" + "}" * 150_000,
    "arrays": "config=" + "[" * 300_000 + "]" * 300_000,
    "sums": "config={bosh:'a'" + "+'a'" * 200_000 + "}",
    "members": "config" + ".a" * 200_000 + "='x'",
    "conditions": "config={bosh:" + "a?b:" * 200_000 + "1}",
    "nested ifs": "config={hosts:{}};" + "if(1){" * 100_000,
    "else ifs": "config={hosts:{}};" + "if(0){}else " * 80_000 + "{}",
    "keywords": "let yield await of get set static " * 30_000,
    "templates": "`${" * 300_000,
    "assignments": "config.a.b='x';\n" * 60_000,
    "doubling": "var s='a';config={};" + "s+=s;config.x=s;" * 60_000,
    "comments": "// x\n" * 200_000,
    "calls": "f(" * 400_000,
    "not": "config=" + "!" * MIB,
    "markup": "config={a:" + "<a b=" * 200_000,
    "expressions that end nowhere": "/[" * (MIB // 2),
    "copies": "var o={" + "".join(f"k{n}:1," for n in range(4000)) + "};" + "p={...o};" * 6000,
}


@pytest.mark.parametrize("name", NASTY)
def test_no_script_holds_us_up(name: str) -> None:
    """The bound is a quarter of a second of parsing; loaded machines get more, since this is no benchmark."""
    javascript.load()
    began = time.process_time()
    with suppress(Unreadable):
        read(NASTY[name][:MIB])
    assert time.process_time() - began < 1.5


def test_a_slow_clock_ends_the_parsing() -> None:
    ticks = itertools.count(0.0, 0.6)
    with pytest.raises(Unreadable, match="reasonable time"):
        config_js.read("config = {bosh: '/b'};\n" * 1000, PAGE, lambda: next(ticks))
    assert read("config = {bosh: '/b'}").bosh  # the parser is as good as new


TOKENS = "config = { } hosts : 'x' , ; . bosh ( ) [ ] if else + var ` ${ window ' \" // /* */ \\ => ! ? <!--# -->"
WORDS = st.sampled_from([*TOKENS.split(), "\n", "1"])


def checked(text: str) -> None:
    try:
        found: Any = read(text)
    except Unreadable:
        return
    assert isinstance(found, Settings)
    for each in (found.domain, found.muc, found.bosh, found.websocket, *found.p2p_stun):
        assert each is None or (len(each) <= 600 and each.isprintable())


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=60).map(" ".join))
def test_any_words(text: str) -> None:
    checked(text)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    checked(data.decode(errors="replace"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(DOCKER)), st.text(max_size=3), st.integers(0, 40))
@example(126, "\xa0", 0)
def test_a_real_one_with_something_wrong(place: int, more: str, less: int) -> None:
    checked(DOCKER[:place] + more + DOCKER[place + less :])
