"""Web fronts on bad days, over plain HTTP and TLS; and nothing of a pasted link or a redirect that may be secret."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from natprobe.facts import Certificate, Connected, HttpReply, TlsSession
from natprobe.model import Failure
from natprobe.net.api import Stream
from tests.case import Network, Web
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.seen import Talk, floods, hangs, of, says, seen, shuts

PROBES = ("interfaces", "names", "web")
HTTP = f"http://{at.TARGET}:8080/SecretRoom?jwt=SecretToken#SecretFragment"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def pages(talk: Talk | None) -> list[HttpReply]:
    """What the front says on a port of its own, without TLS."""
    lab = lab_of()
    if talk is not None:
        lab.servers["web"].listen(8080, talk)
    found = seen(lab, HTTP, PROBES, stun=())
    assert "Secret" not in repr(found)
    return of(found, HttpReply)


@pytest.mark.parametrize(
    ("talk", "failure", "detail"),
    [
        (says(b"\x00" * 100), Failure.PROTOCOL, ""),
        (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), Failure.PROTOCOL, ""),
        (says(OK[:10]), Failure.PROTOCOL, ""),
        (says(b"HTTP/1.1 9999 What\r\n\r\n"), Failure.PROTOCOL, ""),
        (says(OK + b"a\x00b: c\r\n\r\n"), Failure.PROTOCOL, ""),
        (says(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), Failure.PROTOCOL, ""),
        (says(OK + b"Content-Length: 99\r\n\r\nshort"), Failure.PROTOCOL, ""),
        (says(OK + CHUNKED + b"ZZ\r\n"), Failure.PROTOCOL, ""),
        (says(OK + CHUNKED + b"F" * 21 + b"\r\n"), Failure.PROTOCOL, ""),
        (says(OK + b"Transfer-Encoding: gzip\r\n\r\n"), Failure.PROTOCOL, ""),
        (says(OK, floods(b"X-More: header\r\n" * 100)), Failure.PROTOCOL, ""),
        (says(OK + b"X-Long: ", floods(b"x" * 4096)), Failure.PROTOCOL, ""),
        (floods(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), Failure.TIMEOUT, ""),
        (says(OK + b"Content-Length: 100\r\n\r\n", floods(b"x", every=0.5)), Failure.TIMEOUT, ""),
        (says(OK, hangs), Failure.TIMEOUT, ""),
        (hangs, Failure.TIMEOUT, ""),
        (shuts, Failure.CLOSED, ""),
        (says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), Failure.HTTP_STATUS, ""),
    ],
)  # fmt: skip
def test_bad_fronts(talk: Talk, failure: Failure, detail: str) -> None:
    first, *_ = pages(talk)
    assert first.failure is failure
    assert detail in first.detail
    assert first.url == f"http://{at.TARGET}:8080/"


@pytest.mark.parametrize(
    "talk",
    [
        says(OK + b"\r\nlib-jitsi-meet", floods(b"x" * 65536)),
        says(OK + b"Content-Length: 2000000\r\n\r\nlib-jitsi-meet", floods(b"x" * 65536)),
        says(OK + CHUNKED + b"e\r\nlib-jitsi-meet\r\n", floods(b"1000\r\n" + b"x" * 4096 + b"\r\n")),
    ],
)
def test_a_page_without_end_is_a_page(talk: Talk) -> None:
    (page,) = pages(talk)
    assert (page.status, page.failure, page.says) == (200, None, ("jitsi",))


def slowly(seconds: float) -> Talk:
    """Every answer takes this long."""

    async def talk(stream: Stream) -> None:
        while await stream.read():
            await asyncio.sleep(seconds)
            await stream.write(OK + b"Content-Length: 0\r\n\r\n")

    return talk


@pytest.mark.parametrize(
    ("seconds", "failures"),
    [(2.5, [None, None]), (3.4, [None, None]), (4.5, [None, Failure.TIMEOUT]), (6.5, [Failure.TIMEOUT])],
)
def test_a_slow_page_is_a_page(seconds: float, failures: list[Failure | None]) -> None:
    assert [page.failure for page in pages(slowly(seconds))] == failures


def test_a_page_that_wants_its_cookie_first() -> None:
    asked: list[bytes] = []

    async def talk(stream: Stream) -> None:
        while data := await stream.read():
            asked.append(data)
            if b"\r\nCookie: sid=SecretCookie\r\n" in data:
                await stream.write(OK + b"Content-Length: 14\r\n\r\nlib-jitsi-meet")
            else:
                head = b"Set-Cookie: sid=SecretCookie; Path=/; HttpOnly\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
                await stream.write(b"HTTP/1.1 302 Found\r\n" + head)

    first, second = pages(talk)
    assert (first.status, second.status, second.says, len(asked)) == (302, 200, ("jitsi",), 2)


def test_parameters_of_a_path_are_not_reported() -> None:
    talk, asked = redirecting(b"/a;jsessionid=SecretSession/b;v=SecretToo?x=SecretQuery", b"/c%3BSecretEscaped")
    first, second, third = pages(talk)
    assert asked[1].startswith(b"/a;jsessionid=SecretSession/b;v=")
    assert (first.location, second.location) == ("/a/b", "/c")
    assert second.url.endswith(":8080/a/b")
    assert third.url.endswith(":8080/c")


def redirecting(*locations: bytes) -> tuple[Talk, list[bytes]]:
    """A front that sends everybody on, from each location to the next one, and what it was asked for."""
    asked: list[bytes] = []

    async def talk(stream: Stream) -> None:
        while data := await stream.read():
            line = data.partition(b"\r\n")[0]
            asked.append(line.split(b" ")[1])
            if len(asked) > len(locations):
                await stream.write(OK + b"Content-Length: 14\r\n\r\nlib-jitsi-meet")
            else:
                where = locations[len(asked) - 1]
                await stream.write(b"HTTP/1.1 302 Found\r\nLocation: " + where + b"\r\nContent-Length: 0\r\n\r\n")

    return talk, asked


HERE = b"http://" + at.TARGET.encode() + b":8080"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (b"/meet/", b"/meet/"),
        (b"meet", b"/meet"),
        (b"?lang=de&x=SecretQuery", b"/?lang=de&x=SecretQuery"),
        (b"/a?jwt=SecretQuery#SecretFragment", b"/a?jwt=SecretQuery"),
        (HERE, b"/"),
        (HERE.upper().replace(b"HTTP", b"http") + b"/b", b"/b"),
        (b"/with space/\xe9\xff", b"/with%20space/%E9%FF"),
        (b"/already%20quoted", b"/already%20quoted"),
        (b'/"<>^`{|}\\', b"/%22%3C%3E%5E%60%7B%7C%7D%5C"),
        (b"//" + at.TARGET.encode() + b":8080/c", b"/c"),
    ],
)
def test_redirects_on_this_host_are_followed(location: bytes, path: bytes) -> None:
    talk, asked = redirecting(location)
    first, second = pages(talk)
    assert asked == [b"/", path]
    assert (first.status, first.failure, second.says) == (302, None, ("jitsi",))
    assert "Secret" not in first.url + second.url + (first.location or "")


@pytest.mark.parametrize(
    "location",
    [
        b"https://elsewhere.test/",
        b"https://" + at.TARGET.encode() + b":8080/",
        b"http://" + at.TARGET.encode() + b"/",
        b"//elsewhere.test:8080/",
        b"http://user:SecretPassword@elsewhere.test/SecretlessPath".replace(b"Secretless", b"a"),
        b"javascript:alert(1)",
        b"http://[",
        b"http://[::1",
        b"http://a:99999/",
        b"http://exa\xe2\x84\x80mple.com/",
        b"\xff\xfe",
    ],
)
def test_redirects_elsewhere_are_noted_only(location: bytes) -> None:
    talk, asked = redirecting(location, location)
    first, *more = pages(talk)
    assert first.status == 302
    assert all(path in (b"/", b"/janus/info", b"/%FF%FE") for path in asked)
    assert b"/" not in asked[1:]
    assert "Secret" not in repr(more)


def test_a_ring_ends() -> None:
    talk, asked = redirecting(*[b"/a", b"/b"] * 20)
    *_, last, _ = pages(talk)
    assert asked == [b"/", *[b"/a", b"/b"] * 3, b"/a", b"/janus/info"]
    assert last.failure is Failure.REDIRECT_LIMIT


def test_free_text_is_cleaned_and_short() -> None:
    head = OK + b"Server: evil\x9b31m\xad" + b"x" * 5000 + b"\r\nContent-Type: " + b"y" * 5000 + b"\r\n"
    first, *_ = pages(says(head + b"Location: /" + b"z" * 5000 + b"\r\nContent-Length: 0\r\n\r\n"))
    for text in (first.server, first.content_type, first.location):
        assert text
        assert text.isprintable()
        assert len(text) <= 600


def test_a_page_full_of_beginnings_is_read_in_no_time() -> None:
    body = b"config " * 9000
    kind = b"Content-Type: application/javascript\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert pages(says(OK + kind + body))[0].says == ()


# --- TLS


@pytest.mark.parametrize(
    ("kind", "failure", "words"),
    [
        ("good", None, ""),
        ("expiring", None, ""),
        ("expired", Failure.TLS_CERTIFICATE, "expired"),
        ("self-signed", Failure.TLS_CERTIFICATE, "self-signed"),
        ("wrong-name", Failure.TLS_CERTIFICATE, "ostname mismatch"),
        ("incomplete", Failure.TLS_CERTIFICATE, "issuer"),
    ],
)
def test_certificates(kind: str, failure: Failure | None, words: str) -> None:
    lab = lab_of(web=Web(certificate=kind))  # type: ignore[arg-type]  # a word of Web's
    found = seen(lab, at.TARGET, PROBES, stun=())
    first, *again = of(found, TlsSession)
    assert (first.failure, first.verified) == (failure, failure is None)
    assert words in first.detail
    assert [(each.failure, each.verified) for each in again] == ([(None, False)] if failure else [])
    (leaf,) = of(found, Certificate)
    assert leaf.matches is (kind != "wrong-name")
    secure = [each for each in of(found, HttpReply) if each.url.startswith("https:")]
    assert bool(secure) is (failure is None)  # nothing is sent to a server that was not verified


def test_insecure_goes_on_and_the_failure_stays() -> None:
    lab = lab_of(web=Web(certificate="expired"))
    found = seen(lab, at.TARGET, (*PROBES, "config"), stun=(), insecure=True)
    assert of(found, TlsSession)[0].failure is Failure.TLS_CERTIFICATE
    assert any("jitsi" in each.says for each in of(found, HttpReply))


def tls_server(change: Callable[[ssl.SSLContext], None]) -> Talk:
    """A front with something wrong in its settings."""
    server_context.cache_clear()
    context = server_context("good", at.TARGET)
    server_context.cache_clear()  # nobody else may get this one
    change(context)

    async def talk(stream: Stream) -> None:
        tls = ServerTls(stream, context)
        await tls.handshake()
        await tls.write(OK + b"Content-Length: 0\r\n\r\n")

    return talk


def wants_a_client_certificate(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED


def shares_no_cipher(context: ssl.SSLContext) -> None:
    """For RSA keys only, and its own is none."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.parametrize(
    ("talk", "failures"),
    [
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {Failure.TLS_OTHER}),
        (says(b"\x15\x03\x03\x00\x02\x02\x28"), {Failure.TLS_ALERT}),
        (says(b"\x15\x03\x03\x00\x02\x02\x70"), {Failure.TLS_ALERT}),
        (says(b"\x16\x03\x03\xff\xff" + b"\xff" * 65535, hangs), {Failure.TLS_OTHER}),
        (says(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff", floods(b"\0" * 4096)), {Failure.TLS_OTHER}),
        (says(b"\x00" * 5), {Failure.TLS_OTHER, Failure.CLOSED}),
        (hangs, {Failure.TIMEOUT}),
        (shuts, {Failure.CLOSED}),
        (tls_server(shares_no_cipher), {Failure.TLS_ALERT}),
        (tls_server(wants_a_client_certificate), {Failure.TLS_ALERT}),
    ],
)
def test_bad_handshakes(talk: Talk, failures: set[Failure | None]) -> None:
    lab = lab_of()
    lab.servers["web"].listen(443, talk)
    found = seen(lab, at.TARGET, PROBES, stun=())
    (session,) = of(found, TlsSession)
    assert session.failure in failures


@pytest.mark.parametrize("seconds", [0.2, 60.0])
def test_no_connection_outlives_a_silent_handshake(seconds: float) -> None:
    lab = lab_of()
    lab.servers["web"].listen(443, hangs)
    seen(lab, at.TARGET, PROBES, stun=(), timeout=seconds)
    assert [local for local, _ in lab.client._streams] == []


def test_a_front_that_is_slow_to_everything() -> None:
    async def slow(stream: Stream) -> None:
        await asyncio.sleep(2.9)
        await says(OK + b"Content-Length: 0\r\n\r\n", slow)(stream)

    assert len(pages(slow)) <= 3


@pytest.mark.parametrize(
    ("case", "failure"),
    [
        ({"web": Web(state="down")}, Failure.TIMEOUT),
        ({"web": Web(state="refused")}, Failure.REFUSED),
        ({"network": Network(tcp="reject")}, Failure.UNREACHABLE_HOST),
    ],
)
def test_no_connection(case: dict[str, Any], failure: Failure) -> None:
    found = seen(lab_of(**case), at.TARGET, PROBES, stun=())
    assert {each.failure for each in of(found, Connected)} == {failure}
    assert not of(found, TlsSession)
    assert not of(found, HttpReply)


@pytest.mark.parametrize(
    ("sent", "date"),
    [
        (b"Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        (b"Sunday, 06-Nov-94 08:49:37 GMT", None),
        (b"\x9b31m" + b"x" * 5000, None),
    ],
)
def test_the_servers_clock_is_read_in_one_form(sent: bytes, date: str | None) -> None:
    first = pages(says(OK + b"Date: " + sent + b"\r\nContent-Length: 0\r\n\r\n"))[0]
    assert first.date == date
