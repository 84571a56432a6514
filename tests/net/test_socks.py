"""SOCKS over loopback, both versions."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.model import Failure
from natprobe.net.api import Datagram, IcmpError
from natprobe.net.failure import failure_of
from natprobe.net.socks import ProxiedUdp
from natprobe.net.system import SystemNet
from natprobe.net.tunnel import Denied, Said, Tunnelled
from natprobe.proxy import Scheme
from natprobe.wire import socks
from tests.lab.proxies import SocksProxy, loopback
from tests.tunnelling import ANN, NAMES, USERS, Canned, led, proxy, speaking, through


@pytest.mark.parametrize("scheme", ["socks5", "socks4"])
async def test_socks_leads_by_name(scheme: Scheme) -> None:
    lab = SocksProxy(net=SystemNet(), names=NAMES)
    async with speaking() as there, loopback(lab) as port:
        fact = await led(port, there, scheme, ANN)
    assert (fact.failure, fact.reply, fact.status) == (None, 0 if scheme == "socks5" else 90, None)
    assert not fact.authenticated  # nobody asked
    assert lab.seen == [("meet.test", there)]


@pytest.mark.parametrize(
    ("options", "to", "reply", "failure"),
    [
        ({"ports": {443}}, 9, 2, Failure.PROHIBITED),
        ({}, 9, 5, Failure.REFUSED),
        ({"names": {}}, 443, 4, Failure.UNREACHABLE_HOST),
        ({"users": USERS}, 443, 255, Failure.UNAUTHORIZED),
    ],
)
async def test_what_socks_refuses(options: dict[str, Any], to: int, reply: int, failure: Failure) -> None:
    async with loopback(SocksProxy(net=SystemNet(), **{"names": NAMES} | options)) as port:
        fact = await led(port, to, "socks5")
    assert (fact.reply, fact.failure) == (reply, failure)


async def test_version_4_has_one_word_for_every_refusal() -> None:
    async with loopback(SocksProxy(net=SystemNet(), names=NAMES)) as port:
        fact = await led(port, 9, "socks4")
    assert (fact.reply, fact.failure) == (91, Failure.ERROR_RESPONSE)


async def test_no_password_goes_to_a_socks_proxy() -> None:
    lab = SocksProxy(net=SystemNet(), names=NAMES, users=USERS)
    async with speaking() as there, loopback(lab) as port:
        fact = await led(port, there, "socks5", ANN)
    assert (fact.reply, fact.authenticated, fact.failure) == (255, False, Failure.UNAUTHORIZED)


async def test_bytes_behind_a_reply_are_the_server_s() -> None:
    made = await through(Canned(bytes.fromhex("050005000001c00002071f90") + b"hello"), proxy=proxy("socks5"))
    assert await made.read() == b"hello"
    made = await through(Canned(bytes.fromhex("005a") + bytes(6) + b"hello"), proxy=proxy("socks4"))
    assert await made.read() == b"hello"


class Udp:
    """A socket to which all this came."""

    local = ("192.0.2.1", 4000)

    def __init__(self, *events: Datagram | IcmpError) -> None:
        self._events = list(events)
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def send(self, data: bytes, to: tuple[str, int], ttl: int | None = None) -> None:
        self.sent.append((data, to))

    async def receive(self) -> Datagram | IcmpError:
        return self._events.pop(0)

    def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("host", ["203.0.113.20", "stun.test"])
async def test_only_the_relay_brings_datagrams_of_the_peer(host: str) -> None:
    relay, good = ("192.0.2.2", 5000), socks.wrap("203.0.113.20", 3478, b"good")
    udp = Udp(
        Datagram(socks.wrap("203.0.113.20", 3478, b"forged"), ("192.0.2.9", 5000), 1.0),
        Datagram(socks.wrap("203.0.113.20", 3479, b"other"), relay, 1.0),
        Datagram(b"plain", relay, 1.0),
        Datagram(good, relay, 2.0),
        IcmpError(relay, Failure.PORT_UNREACHABLE, "3/3", "192.0.2.2", 3.0),
    )
    proxied = ProxiedUdp(Tunnelled(Canned(), Said(), b""), udp, relay, (host, 3478))
    proxied.send(b"ask", (host, 3478))
    assert udp.sent == [(socks.wrap(host, 3478, b"ask"), relay)]
    assert await proxied.receive() == Datagram(b"good", (host, 3478), 2.0)
    error = await proxied.receive()
    assert isinstance(error, IcmpError)
    assert error.destination == (host, 3478)


@pytest.mark.parametrize("reply", range(1, 256))
async def test_every_reply_has_a_failure(reply: int) -> None:
    assert failure_of(Denied(Said(reply=reply)))[0] is not Failure.INTERNAL
