"""PAC files over the network: got as browsers get them, asked with names that are looked up here, and WPAD."""

from __future__ import annotations

import asyncio
import base64
import random
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import pytest

from natprobe.asking.pac import Answered, PacError, answered, browser_url, fetched, own_addresses
from natprobe.asking.wpad import wpad_names, wpad_urls
from natprobe.context import Context, Options
from natprobe.host.api import PAC_MAX
from natprobe.model import Failure
from natprobe.target import parse
from tests.lab.build import Lab
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.seen import Talk, hangs, says

T = TypeVar("T")
DIRECT = "function FindProxyForURL(url, host) { return 'DIRECT'; }"
PAC = "pac.example.test"


def given(lab: Lab) -> Context:
    options = Options(ca_pem=lab.ca_pem)
    client = lab.client
    return Context(
        target=parse(at.TARGET).target,
        options=options,
        net=client,
        host=client,
        random=random.Random(0),
        unix_time=1_795_300_215.0,
    )


def run(lab: Lab, main: Coroutine[Any, Any, T]) -> T:
    return lab.clock.run(main)


def ask(script: str, lab: Lab | None = None, host: str = "meet.example.com", port: int = 443) -> Answered:
    lab = lab or lab_of()
    return run(lab, answered(given(lab), script, host, port))


def resolving(lab: Lab, lookup: Callable[[str, int], Awaitable[list[str]]]) -> list[tuple[str, int]]:
    """The client's resolver is this; what it was asked."""
    asked: list[tuple[str, int]] = []

    async def system_addresses(name: str, version: int) -> list[str]:
        asked.append((name, version))
        return await lookup(name, version)

    vars(lab.client)["system_addresses"] = system_addresses
    return asked


async def nothing(name: str, version: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def failing(main: Callable[[], object]) -> tuple[Failure, str]:
    with pytest.raises(PacError) as caught:
        main()
    assert str(caught.value) == caught.value.words
    return caught.value.failure, caught.value.words


# --- asked


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("meet.example.com", 443, "https://meet.example.com/"),
        ("meet.example.com", 8443, "https://meet.example.com:8443/"),
        ("2001:db8::1", 443, "https://[2001:db8::1]/"),
        ("fe80::1%eth0", 5349, "https://[fe80::1]:5349/"),
    ],
)
def test_a_file_is_told_what_browsers_tell(host: str, port: int, url: str) -> None:
    assert browser_url(host, port) == url
    assert ask("function FindProxyForURL(url, host) { return url + ' ' + host; }", None, host, port).answer == (
        f"{url} {host}"
    )


def test_names_are_looked_up_one_after_the_other_as_the_file_needs_them() -> None:
    async def lookup(name: str, version: int) -> list[str]:
        await asyncio.sleep(0.02)
        return {("a.test", 4): ["192.0.2.1", "192.0.2.2"], ("b.test", 6): ["2001:db8::2"]}.get((name, version), [])

    lab = lab_of()
    asked = resolving(lab, lookup)
    script = "function FindProxyForURL() { return dnsResolve('a.test') + ' ' + dnsResolveEx('b.test'); }"
    found = ask(script, lab)
    assert (found.answer, found.lookups) == ("192.0.2.1 2001:db8::2", 2)
    assert asked == [("a.test", 4), ("b.test", 6), ("b.test", 4)]


def test_a_name_that_is_not_found_is_none() -> None:
    lab = lab_of()
    resolving(lab, nothing)
    script = "function FindProxyForURL(u, h) { return isResolvable(h) ? 'DIRECT' : 'PROXY p:1'; }"
    assert ask(script, lab).answer == "PROXY p:1"


def test_sixteen_names_are_looked_up_and_the_rest_is_not_found() -> None:
    async def lookup(name: str, version: int) -> list[str]:
        return ["192.0.2.1"]

    lab = lab_of()
    asked = resolving(lab, lookup)
    script = "function FindProxyForURL() { var n = 0; while (dnsResolve('n' + n)) n++; return '' + n; }"
    found = ask(script, lab)
    assert (found.answer, found.lookups, len(asked)) == ("16", 16, 16)


def test_names_of_chance_come_to_an_end() -> None:
    lab = lab_of()
    resolving(lab, nothing)
    assert ask("function FindProxyForURL() { return '' + dnsResolve('n' + Math.random()); }", lab).answer == "null"


def test_a_resolver_that_is_silent_holds_a_file_up_for_a_second_and_a_half() -> None:
    async def lookup(name: str, version: int) -> list[str]:
        await asyncio.sleep(60)
        return ["192.0.2.1"]

    lab = lab_of()
    asked, began = resolving(lab, lookup), lab.clock.now
    script = "function FindProxyForURL() { return [1, 2, 3].map(function (n) { return dnsResolve('n' + n); }).join(); }"
    assert ask(script, lab).answer == ",,"
    assert lab.clock.now - began == pytest.approx(1.5)
    assert asked == [("n1", 4)]


def test_its_own_address_is_that_of_the_way_out() -> None:
    lab = lab_of()
    own = lab.client.source_address("8.8.8.8")
    assert own_addresses(given(lab))[0] == own
    assert ask("function FindProxyForURL() { return myIpAddress(); }", lab).answer == own


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("<html>", Failure.PROTOCOL),
        ("function FindProxyForURL() { throw {}; }", Failure.PROTOCOL),
        ("function FindProxyForURL() { return FindProxyForURL(); }", Failure.LIMIT),
        ("x" * (PAC_MAX + 1), Failure.LIMIT),
    ],
)
def test_what_gives_no_answer_is_named(script: str, failure: Failure) -> None:
    found, words = failing(lambda: ask(script))
    assert found is failure
    assert words


def test_what_never_ends_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.lab.host._TimelessSandbox.SECONDS", 0.3)
    assert failing(lambda: ask("while (true);"))[0] is Failure.TIMEOUT


def test_words_of_a_file_are_fit_for_a_report() -> None:
    _, words = failing(lambda: ask(r"throw new Error('\u001b[31mred\u202e' + 'x'.repeat(5000));"))
    assert "\x1b" not in words
    assert "\u202e" not in words
    assert len(words) <= 200


def test_a_machine_without_the_engine_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert failing(lambda: ask(DIRECT))[0] is Failure.UNSUPPORTED


# --- got


def got(talk: Talk, url: str = f"http://{PAC}/proxy.pac", port: int = 80) -> str:
    lab = lab_of()
    vars(lab.client)["_hosts"] = {PAC: [at.WEB], "other.example.test": [at.WEB]}
    lab.servers["web"].listen(port, talk)
    return run(lab, fetched(given(lab), url))


def reply(body: bytes, head: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_file_comes_whole() -> None:
    assert got(says(reply(DIRECT.encode()))) == DIRECT


def test_what_is_asked_for_names_the_host_and_no_user() -> None:
    heard: list[bytes] = []

    async def talk(stream: Any) -> None:
        heard.append(await stream.read())
        await stream.write(reply(b"x"))

    assert got(talk, f"http://user:tops3cret@{PAC}:8080/a b/p.pac?x=1#frag", 8080) == "x"
    assert heard[0].startswith(b"GET /a%20b/p.pac?x=1 HTTP/1.1\r\nHost: pac.example.test:8080\r\n")
    assert b"tops3cret" not in heard[0]
    assert b"Authorization" not in heard[0]


def test_over_tls_the_certificate_counts() -> None:
    async def talk(stream: Any) -> None:
        tls = ServerTls(stream, server_context("good", PAC))
        await tls.handshake()
        await says(reply(b"x"))(tls)

    assert got(talk, f"https://{PAC}/", 443) == "x"
    assert failing(lambda: got(talk, "https://other.example.test/", 443))[0] is Failure.TLS_CERTIFICATE


def test_texts_of_other_times_are_read() -> None:
    assert got(says(reply(b"// \xe9"))) == "// é"
    assert got(says(reply(b"\xef\xbb\xbfx"))) == "x"


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (says(reply(b"", "404 Not Found")), Failure.HTTP_STATUS),
        (says(reply(b"", "204 No Content")), Failure.HTTP_STATUS),
        (says(reply(b"x", "407 Proxy Authentication Required")), Failure.HTTP_STATUS),
        (says(b"what?\r\n\r\n"), Failure.PROTOCOL),
        (says(b""), Failure.CLOSED),
        (hangs, Failure.TIMEOUT),
        (says(reply(b"x" * (PAC_MAX + 1))), Failure.LIMIT),
        (says(reply(b"", "302 Found\r\nLocation: /again")), Failure.REDIRECT_LIMIT),
        (says(reply(b"", "302 Found\r\nLocation: file:///etc/passwd")), Failure.UNSUPPORTED),
        (says(reply(b"", "302 Found\r\nLocation: http://[")), Failure.PROTOCOL),
        (says(reply(b"", "302 Found")), Failure.HTTP_STATUS),
    ],
)
def test_servers_on_bad_days(talk: Talk, failure: Failure) -> None:
    assert failing(lambda: got(talk))[0] is failure


def test_three_seconds_are_the_end_of_waiting() -> None:
    lab = lab_of()
    vars(lab.client)["_hosts"] = {PAC: [at.WEB]}
    lab.servers["web"].listen(80, hangs)
    began = lab.clock.now
    failing(lambda: run(lab, fetched(given(lab), f"http://{PAC}/")))
    assert lab.clock.now - began == pytest.approx(3.0)


def test_redirects_lead_to_other_hosts() -> None:
    async def talk(stream: Any) -> None:
        there = b"other.example.test" in await stream.read()
        moved = "301 Moved\r\nLocation: http://other.example.test/x"
        await stream.write(reply(b"there") if there else reply(b"", moved))

    assert got(talk) == "there"


@pytest.mark.parametrize(
    "url",
    [
        "data:,function%20x",
        "data:application/x-ns-proxy-autoconfig;base64," + base64.b64encode(b"function x").decode(),
        "DATA:text/javascript;charset=utf-8,function x",
        "file:///etc/proxy.pac",
        "file://localhost/etc/proxy%2epac",
        "/etc/proxy.pac",
    ],
)
def test_files_of_this_machine_and_of_the_setting_itself(url: str) -> None:
    lab = lab_of()
    lab.client.files = {"/etc/proxy.pac": b"function x"}
    assert run(lab, fetched(given(lab), url)) == "function x"


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("file:///etc/nothing", Failure.NO_DATA),
        ("file://elsewhere/etc/proxy.pac", Failure.UNSUPPORTED),
        ("file:///etc/a%00b", Failure.UNSUPPORTED),
        ("ftp://pac.example.test/", Failure.UNSUPPORTED),
        ("proxy.pac", Failure.UNSUPPORTED),
        ("", Failure.UNSUPPORTED),
        ("data:nothing", Failure.PROTOCOL),
        ("data:;base64,a", Failure.PROTOCOL),
        ("http://", Failure.PROTOCOL),
        ("http://a b/", Failure.PROTOCOL),
        ("http://[::1", Failure.PROTOCOL),
        ("http://pac.example.test:99999/", Failure.PROTOCOL),
        ("http://nowhere.example.test/", Failure.NXDOMAIN),
    ],
)
def test_where_no_file_can_be(url: str, failure: Failure) -> None:
    lab = lab_of()
    assert failing(lambda: run(lab, fetched(given(lab), url)))[0] is failure


# --- WPAD


@pytest.mark.parametrize(
    ("domains", "names"),
    [
        ([], ["wpad"]),
        (["corp.example.com"], ["wpad.corp.example.com", "wpad.example.com"]),
        (["a.b.example.com"], ["wpad.a.b.example.com", "wpad.b.example.com", "wpad.example.com"]),
        (["example.com"], ["wpad.example.com"]),
        (["com"], []),
        (["local"], []),
        (["example.co.uk"], ["wpad.example.co.uk"]),
        (["a.example.co.uk"], ["wpad.a.example.co.uk", "wpad.example.co.uk"]),
        (["shop.com.au"], ["wpad.shop.com.au"]),
        (["firma.de"], ["wpad.firma.de"]),
        (["co.uk"], []),
        (["2.0.192.in-addr.arpa"], []),
        (["x.example.com", "y.example.com"], ["wpad.x.example.com", "wpad.y.example.com", "wpad.example.com"]),
        (["a.b.c.d.e.f.g.example.com"], [f"wpad.{'abcdefg'[n]}" for n in range(6)]),
    ],
)
def test_wpad_goes_no_higher_than_what_somebody_owns(domains: list[str], names: list[str]) -> None:
    found = wpad_names(domains)
    assert [each[: len(name)] for each, name in zip(found, names, strict=True)] == names


def test_leases_go_before_names_and_only_names_that_are_known() -> None:
    lab = lab_of()
    lab.client.domains = ["corp.example.com"]
    lab.client.leases = [("eth0", "http://pac/"), ("eth1", "file:///etc/passwd"), ("eth2", "http://["), ("eth3", "")]
    vars(lab.client)["_hosts"] = {"wpad.example.com": ["192.0.2.9"]}
    assert run(lab, wpad_urls(given(lab))) == [
        ("eth0", "http://pac/"),
        ("wpad.example.com", "http://wpad.example.com/wpad.dat"),
    ]


def test_a_resolver_that_is_silent_holds_wpad_up_for_a_second() -> None:
    async def lookup(name: str, version: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    lab = lab_of()
    resolving(lab, lookup)
    lab.client.domains = ["a.example.com"]
    began = lab.clock.now
    assert run(lab, wpad_urls(given(lab))) == []
    assert lab.clock.now - began == pytest.approx(1.0)
