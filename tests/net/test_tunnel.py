"""CONNECT over loopback: through proxies that lead, refuse, ask for a password, or say whatever they like."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from natprobe import __version__
from natprobe.model import Failure
from natprobe.net.api import Stream
from natprobe.net.failure import failure_of
from natprobe.net.system import SystemNet
from natprobe.net.tunnel import BODY_MAX, HEAD_MAX, Denied, Said, TunnelClosed, TunnelError
from natprobe.pairing import ProxyAccess
from natprobe.proxy import Proxy, Scheme
from tests.lab.certificates import root_pem, server_context
from tests.lab.proxies import HttpProxy, Mood, SocksProxy, loopback
from tests.lab.web import ServerTls
from tests.probes.loopback import LOOPBACK
from tests.tunnelling import ANN, NAMES, USERS, Canned, known, led, led_in, outcome, proxy, speaking, through


async def test_the_request_asks_for_the_name() -> None:
    stream = Canned(b"HTTP/1.1 200 Connection established\r\n\r\n")
    made = await through(stream)
    assert made.said == Said(status=200)
    assert stream.written.decode().split("\r\n") == [
        "CONNECT meet.test:443 HTTP/1.1",
        "Host: meet.test:443",
        "Proxy-Connection: keep-alive",
        f"User-Agent: natprobe/{__version__}",
        "",
        "",
    ]


@pytest.mark.parametrize("host", ["2001:db8::7", "2001:db8::7%eth0"])
async def test_addresses_of_ipv6_have_brackets_and_no_zone(host: str) -> None:
    stream = Canned(b"HTTP/1.1 200 OK\r\n\r\n")
    await through(stream, host=host)
    assert stream.written.startswith(b"CONNECT [2001:db8::7]:443 HTTP/1.1\r\nHost: [2001:db8::7]:443\r\n")


@pytest.mark.parametrize("cut", range(1, 40, 3))
async def test_first_bytes_behind_the_head_are_the_server_s(cut: int) -> None:
    said = b"HTTP/1.1 200 OK\r\nVia: 1.1 lab\r\n\r\nhello"
    made = await through(Canned(said[:cut], said[cut:], b" world"))
    heard = b""
    while data := await made.read(3):
        heard += data
    assert heard == b"hello world"
    assert made.said.software == "1.1 lab"


async def test_a_length_in_a_tunnel_s_head_means_nothing() -> None:
    """RFC 9110 section 9.3.6: a client ignores it."""
    made = await through(
        Canned(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello world")
    )
    assert await made.read() == b"hello world"


async def test_both_ways_through_a_real_proxy() -> None:
    lab = HttpProxy(net=SystemNet(), ports=None, names=NAMES)
    async with speaking() as there, loopback(lab) as port:
        fact = await led(port, there)
    assert (fact.status, fact.failure, fact.via) == (200, None, f"http://127.0.0.1:{port}")
    assert fact.rtt_ms is not None
    assert lab.seen == [("meet.test", there)]


@pytest.mark.parametrize(
    ("options", "to", "status", "error", "failure"),
    [
        ({"ports": {443}}, 5349, 403, "ERR_ACCESS_DENIED 0", Failure.HTTP_STATUS),
        ({"mood": "denies"}, 443, 403, "ERR_ACCESS_DENIED 0", Failure.HTTP_STATUS),
        ({"ports": None}, 9, 503, "ERR_CONNECT_FAIL 111", Failure.HTTP_STATUS),
        ({"names": {}}, 443, 503, "ERR_DNS_FAIL 0", Failure.HTTP_STATUS),
        ({"users": USERS}, 443, 407, "ERR_CACHE_ACCESS_DENIED 0", Failure.UNAUTHORIZED),
    ],
)
async def test_refusals_say_why(options: dict[str, Any], to: int, status: int, error: str, failure: Failure) -> None:
    async with loopback(HttpProxy(net=SystemNet(), **{"names": NAMES} | options)) as port:
        fact = await led(port, to)
    assert (fact.status, fact.error, fact.failure) == (status, error, failure)
    assert fact.software == "squid/lab"
    assert fact.schemes == (("Basic",) if status == 407 else ())
    assert not fact.authenticated


@pytest.mark.parametrize("closes", [False, True])
async def test_a_password_goes_to_who_asks_for_basic(closes: bool) -> None:
    """On the same connection where it stays, else on another."""
    lab = HttpProxy(net=SystemNet(), ports=None, names=NAMES, users=USERS, closes_at_407=closes)
    async with speaking() as there, loopback(lab) as port:
        fact = await led(port, there, access=ANN)
    assert (fact.status, fact.authenticated) == (200, True)
    assert lab.authorizations == ["Basic " + base64.b64encode(b"ann:s3cret:word").decode()]
    assert (len(lab.seen), lab.connections) == (2, 2 if closes else 1)


async def test_a_password_that_is_refused_on_the_second_connection_goes_there_once() -> None:
    no = b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
    stream = Canned(no, no)
    said, failure = await outcome(through(stream, ANN, asked=True))
    assert (said.authenticated, failure) == (True, Failure.UNAUTHORIZED)
    assert stream.written.count(b"Proxy-Authorization") == 1


@pytest.mark.parametrize("closes", [False, True])
async def test_a_wrong_password_is_given_once_in_a_run(closes: bool) -> None:
    """Accounts get locked."""
    wrong = ProxyAccess(user="ann", password="wrong")
    lab = HttpProxy(net=SystemNet(), names=NAMES, users=USERS, closes_at_407=closes)
    async with loopback(lab) as port:
        ctx = known(wrong)
        facts = [await led_in(ctx, port, 443) for _ in range(3)]
    assert [each.failure for each in facts] == [Failure.UNAUTHORIZED] * 3
    assert [each.authenticated for each in facts] == [True, False, False]
    assert len(lab.authorizations) == 1


@pytest.mark.parametrize(
    ("schemes", "told"),
    [
        (["NTLM", "Negotiate"], ("NTLM", "Negotiate")),
        (['Digest realm="Basic x", nonce="a, Basic b"'], ("Digest",)),
        (['Digest realm="a" , qop = "auth"  ,Kerberos'], ("Digest", "Kerberos")),
        ([], ()),
        (["Negotiate abc=="], ("Negotiate",)),
        (['"Basic'], ()),
    ],
)
async def test_no_password_goes_where_basic_is_not_offered(schemes: Sequence[str], told: tuple[str, ...]) -> None:
    lab = HttpProxy(net=SystemNet(), names=NAMES, users=USERS, schemes=tuple(schemes))
    async with loopback(lab) as port:
        fact = await led(port, 443, access=ANN)
    assert (fact.schemes, fact.authenticated, lab.authorizations) == (told, False, [])


async def test_basic_among_others_is_taken() -> None:
    schemes = ("Negotiate", "NTLM", 'Digest realm="x", nonce="y", BASIC realm="z"')
    lab = HttpProxy(net=SystemNet(), names=NAMES, users={"ann": "else"}, schemes=schemes)
    async with loopback(lab) as port:
        fact = await led(port, 443, access=ANN)
    assert (fact.schemes, fact.authenticated) == (("Negotiate", "NTLM", "Digest", "BASIC"), True)


async def test_a_user_with_a_colon_has_no_form_in_basic() -> None:
    stream = Canned(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
    with pytest.raises(Denied) as caught:
        await through(stream, ProxyAccess(user="a:b", password="c"))
    assert b"Authorization" not in stream.written
    assert not caught.value.reconnect


async def test_a_page_too_long_to_be_read_costs_a_new_connection() -> None:
    head = f'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: {10 * BODY_MAX}\r\n\r\n'
    stream = Canned(head.encode(), b"x" * 10 * BODY_MAX)
    with pytest.raises(Denied) as caught:
        await through(stream, ANN)
    assert caught.value.reconnect
    assert stream.taken < BODY_MAX + HEAD_MAX


@pytest.mark.parametrize(
    ("head", "error", "software"),
    [
        (b"403 Filtered by policy\r\nServer: tiny\x80proxy", "Filtered by policy", "tiny proxy"),
        (b"403 forbidden\r\nVia: 1.1 a", "", "1.1 a"),
        (b"502 Bad Gateway\r\nProxy-Status: lab; error=connection_refused", "lab; error=connection_refused", ""),
        (b"511 Network Authentication Required", "", ""),
        (b"403 " + b"x" * 3000, "x" * 199 + "…", ""),
    ],
)
async def test_words_of_a_refusal_are_made_fit(head: bytes, error: str, software: str) -> None:
    with pytest.raises(Denied) as caught:
        await through(Canned(b"HTTP/1.1 " + head + b"\r\nContent-Length: 0\r\n\r\n"))
    assert (caught.value.said.error, caught.value.said.software) == (error, software)
    assert failure_of(caught.value)[0] is Failure.HTTP_STATUS


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_a_proxy_that_closes(said: bytes) -> None:
    with pytest.raises((TunnelClosed, TunnelError)):
        await through(Canned(said))
    assert failure_of(TunnelClosed()) == (Failure.CLOSED, "the proxy closed the connection without an answer")


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 300,
        b"SSH-2.0-lab\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-More: of this\r\n" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000,
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"\x05\x00",
    ],
    ids=lambda each: repr(each[:20]),
)
async def test_what_is_no_answer_is_given_up_soon(said: bytes) -> None:
    stream = Canned(said)
    with pytest.raises(TunnelError) as caught:
        await through(stream)
    assert failure_of(caught.value)[0] is Failure.PROTOCOL
    assert stream.taken <= 2 * HEAD_MAX


@pytest.mark.parametrize(
    ("mood", "failures"),
    [
        ("hangs", {Failure.TIMEOUT}),
        ("closes", {Failure.CLOSED, Failure.RESET}),
        ("garbage", {Failure.PROTOCOL}),
        ("endless", {Failure.PROTOCOL}),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks4"])
async def test_moods(scheme: Scheme, mood: Mood, failures: set[Failure]) -> None:
    lab = (HttpProxy if scheme == "http" else SocksProxy)(net=SystemNet(), names=NAMES, mood=mood)
    async with loopback(lab) as port:
        fact = await led(port, 443, scheme, seconds=0.2 if mood == "hangs" else 5.0)
    assert fact.failure in failures


async def test_a_proxy_that_is_not_there() -> None:
    async with loopback(HttpProxy(net=SystemNet())) as port:
        pass
    fact = await led(port, 443)
    assert (fact.failure, fact.status, fact.local) == (Failure.REFUSED, None, None)


def test_the_password_is_in_no_words() -> None:
    assert "s3cret" not in repr(ANN) + str(Denied(Said(status=407, authenticated=True)))


@pytest.mark.parametrize("head", ["Server: {0}", "X-Squid-Error: ERR {0}", "Via: 1.1 {0}\r\nProxy-Authenticate: {1}"])
async def test_a_password_that_the_proxy_says_back_is_in_no_fact(head: str) -> None:
    encoded = base64.b64encode(f"{ANN.user}:{ANN.password}".encode()).decode()
    asks = b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
    said = f"HTTP/1.1 407 {ANN.password}\r\n{head.format(ANN.password, encoded)}\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Denied) as caught:
        await through(Canned(asks, said.encode()), ANN)
    assert caught.value.said.authenticated
    assert "…" in repr(caught.value.said)
    assert ANN.password not in repr(caught.value.said)
    assert encoded.rstrip("=") not in repr(caught.value.said)


@given(st.binary(max_size=400), st.integers(0, 400), st.booleans())
@example(b'407 x\r\nProxy-Authenticate: Basic realm="\\', 5, True)
@example(b"407 x\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 5, True)
@example(b"407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 x\r\n\r\n", 9, True)
async def test_nothing_but_its_own_errors(data: bytes, cut: int, known_here: bool) -> None:
    for said in (data, b"HTTP/1.1 " + data, b"HTTP/1.0 407 x\r\nProxy-Authenticate: " + data + b"\r\n\r\n"):
        for scheme in ("http", "socks5", "socks4"):
            stream = Canned(*(each for each in (said[:cut], said[cut:]) if each))
            told, failure = await outcome(through(stream, ANN if known_here else None, proxy=proxy(scheme)))
            assert failure is not Failure.INTERNAL
            assert all(len(each) <= 200 for each in (told.error, told.software, *told.schemes))


@pytest.mark.parametrize(("kind", "failure"), [("valid", None), ("self-signed", Failure.TLS_CERTIFICATE)])
async def test_tls_to_the_proxy_itself(kind: str, failure: Failure | None) -> None:
    lab = HttpProxy(net=SystemNet(), ports=None, names=NAMES)
    served = server_context(kind, "proxy.test")

    class Over(HttpProxy):
        async def serve(self, stream: Stream) -> None:
            tls = ServerTls(stream, served)
            await tls.handshake()
            await lab.serve(tls)

    async with speaking() as there, loopback(Over(net=SystemNet())) as port:
        stream = await SystemNet().tcp((LOOPBACK, port))
        at = Proxy(scheme="https", host="proxy.test", port=port)
        _, failed = await outcome(through(stream, proxy=at, port=there, ca_pem=root_pem()))
        stream.close()
    assert failed is failure
    assert len(lab.seen) == (failure is None)


@pytest.mark.parametrize(
    ("said", "failure"),
    [((), Failure.CLOSED), ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), Failure.TLS_OTHER)],
    ids=["closes", "plain"],
)
async def test_an_https_proxy_that_closes_or_speaks_no_tls(said: tuple[bytes, ...], failure: Failure) -> None:
    _, failed = await outcome(through(Canned(*said), proxy=proxy("https"), ca_pem=root_pem()))
    assert failed is failure
