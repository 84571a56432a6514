"""The lab proves itself: TCP, DNS, the web front with its certificates, and servers on bad days."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Coroutine
from typing import Any

import pytest
from aioice import stun as codec

from natprobe.net.api import Datagram, IcmpError, Net, NoRoute, Prohibited, Stream
from natprobe.wire import classic, stun
from tests.case import Dns, Network, Web
from tests.lab import misbehaving
from tests.lab.client import RTT, heard, lab_of, visited, within
from tests.lab.sockets import Handler
from tests.netns import addresses as at


async def failing(connecting: Coroutine[Any, Any, Stream], net: Net, seconds: float = 10.0) -> tuple[OSError, float]:
    began = net.now()
    try:
        async with asyncio.timeout(seconds):
            await connecting
    except OSError as exc:
        return exc, net.now() - began
    pytest.fail("it connected")


# --- TCP


@pytest.mark.parametrize(
    ("parts", "address", "kind", "number", "seconds"),
    [
        ({"web": Web(state="down")}, at.WEB, TimeoutError, None, 10.0),
        ({"network": Network(tcp="drop")}, at.WEB, TimeoutError, None, 10.0),
        ({"web": Web(state="refused")}, at.WEB, ConnectionRefusedError, errno.ECONNREFUSED, RTT),
        ({"network": Network(tcp="reject")}, at.WEB, OSError, errno.EHOSTUNREACH, 0.010),
        ({"network": Network(tcp="reject", ipv6="works")}, at.WEB6, Prohibited, errno.EACCES, 0.010),
        ({}, "192.0.2.1", OSError, errno.ENETUNREACH, 0.020),
        ({}, at.WEB6, NoRoute, errno.ENETUNREACH, 0.0),
        ({}, "0.0.0.0", ConnectionRefusedError, errno.ECONNREFUSED, 0.0),
    ],
)
def test_tcp_that_fails(
    parts: dict[str, Any], address: str, kind: type[OSError], number: int | None, seconds: float
) -> None:
    lab = lab_of(**parts)
    error, took = within(lab, failing(lab.client.tcp((address, 443)), lab.client))
    assert isinstance(error, kind)
    assert error.errno == number
    assert took == pytest.approx(seconds)


def test_a_stream_is_ordered_and_ends_and_a_reset_is_told() -> None:
    lab = lab_of()

    async def counts(stream: Stream) -> None:
        for number in range(100):
            await stream.write(bytes([number]))

    lab.servers["web"].listen(7000, counts)

    async def main() -> None:
        stream = await lab.client.tcp((at.WEB, 7000), at.LAN_CLIENT)
        assert stream.local[0] == at.LAN_CLIENT
        assert stream.remote == (at.WEB, 7000)
        data = b""
        while more := await stream.read(7):
            data += more
        assert data == bytes(range(100))
        await stream.write(b"too late")
        await asyncio.sleep(1)
        with pytest.raises(ConnectionResetError):
            await stream.write(b"nobody there")

    within(lab, main())


# --- DNS


@pytest.mark.parametrize(
    ("answer", "code", "seconds"),
    [
        ("nxdomain", socket.EAI_NONAME, RTT),
        ("servfail", socket.EAI_AGAIN, 2 * RTT),
        ("silent", socket.EAI_AGAIN, 10.0),
        ("empty", -5, RTT),
    ],
)
def test_getaddrinfo_that_fails(answer: str, code: int, seconds: float) -> None:
    lab = lab_of(dns=Dns(answer=answer))  # type: ignore[arg-type]

    async def main() -> None:
        began = lab.client.now()
        with pytest.raises(socket.gaierror) as caught:
            await lab.client.system_addresses(at.TARGET, 4)
        assert caught.value.errno == code
        assert lab.client.now() - began == pytest.approx(seconds)
        assert await lab.client.system_addresses("stun1.example.test", 4) == [at.STUN1]

    within(lab, main())


def test_getaddrinfo_that_works() -> None:
    lab = lab_of(dns=Dns(ipv6=True), network=Network(ipv6="works"))
    assert within(lab, lab.client.system_addresses(at.TARGET, 4)) == [at.WEB]
    assert within(lab, lab.client.system_addresses(at.TARGET, 6)) == [at.WEB6]
    assert within(lab, lab_of(dns=Dns(answer="sinkhole")).client.system_addresses(at.WEB, 4)) == [at.WEB]


def test_a_sinkhole() -> None:
    lab = lab_of(dns=Dns(answer="sinkhole", ipv6=True), network=Network(ipv6="works"))
    assert within(lab, lab.client.system_addresses(at.TARGET, 4)) == ["0.0.0.0"]
    assert within(lab, lab.client.system_addresses(at.TARGET, 6)) == ["::"]


def test_a_family_without_an_address_is_never_asked_for() -> None:
    lab = lab_of(dns=Dns(ipv6=True))
    with pytest.raises(socket.gaierror) as caught:
        within(lab, lab.client.system_addresses(at.TARGET, 6))
    assert caught.value.errno == socket.EAI_NONAME
    assert not lab.network.log


# --- web


@pytest.mark.parametrize(
    ("state", "path", "status", "found"),
    [
        ("jitsi", "/config.js", 200, b"muc: 'conference.meet.example.test'"),
        ("jitsi", "/janus/info", 404, b""),
        ("janus", "/janus/info", 200, b'"janus": "server_info"'),
        ("plain", "/config.js", 404, b""),
    ],
)
def test_pages_over_tls(state: str, path: str, status: int, found: bytes) -> None:
    lab = lab_of(web=Web(state=state))  # type: ignore[arg-type]
    seen, _, body = within(lab, visited(lab, path))
    assert seen == status
    assert found in body


def test_port_80_redirects_unless_it_is_all_there_is() -> None:
    lab = lab_of()
    status, headers, _ = within(lab, visited(lab, "/Room", 80))
    assert (status, headers["location"]) == (301, "https://meet.example.test/Room")
    plain = lab_of(web=Web(state="http-only"))
    assert within(plain, visited(plain, "/config.js", 80))[0] == 200
    with pytest.raises(ConnectionRefusedError):
        within(plain, visited(plain, "/"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("good", None),
        ("expiring", None),
        ("expired", "expired"),
        ("self-signed", "self-signed"),
        ("wrong-name", "Hostname mismatch"),
        ("incomplete", "unable to get local issuer"),
    ],
)
def test_certificates(kind: str, words: str | None) -> None:
    lab = lab_of(web=Web(certificate=kind))  # type: ignore[arg-type]
    if words is None:
        assert within(lab, visited(lab, "/"))[0] == 200
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            within(lab, visited(lab, "/"))


# --- STUN without the magic cookie


@pytest.mark.parametrize(
    ("server", "others"),
    [
        (at.STUN1, {4: (at.STUN1, 3478), 5: (at.STUN1_OTHER, 3479)}),
        (at.STUN2, {4: (at.STUN2, 3478)}),
    ],
)
def test_a_stun_server_answers_the_old_kind_as_coturn_does(server: str, others: dict[int, tuple[str, int]]) -> None:
    lab = lab_of()

    async def main() -> Datagram | IcmpError | None:
        udp = lab.client.udp(4)
        udp.send(classic.request(bytes(range(16))), (server, at.STUN_PORT))
        return await heard(udp)

    came = within(lab, main())
    assert isinstance(came, Datagram)
    assert classic.decode(came.data).mapped[0] == "198.51.100.7"
    found = dict(stun.attributes_of(came.data))
    assert {kind: codec.unpack_address(value) for kind, value in found.items() if kind != 1} == others


@pytest.mark.parametrize(("rewrite", "whole"), [("plain", True), ("broken", False)])
def test_an_alg_mends_the_fingerprint_or_not(rewrite: Any, whole: bool) -> None:
    lab = lab_of(network=Network(rewrite=rewrite))

    async def main() -> Datagram | IcmpError | None:
        udp = lab.client.udp(4, at.LAN_CLIENT)
        udp.send(stun.binding_request(bytes(12), fingerprint=True), (at.STUN1, at.STUN_PORT))
        return await heard(udp)

    came = within(lab, main())
    assert isinstance(came, Datagram)
    if whole:
        assert stun.decode(came.data).message.attributes["MAPPED-ADDRESS"][0] == at.LAN_CLIENT
        return
    with pytest.raises(stun.StunError, match="fingerprint"):
        stun.decode(came.data)


# --- servers on bad days


@pytest.mark.parametrize(
    ("handler", "size"),
    [
        (misbehaving.garbage, 40),
        (misbehaving.truncated, None),
        (misbehaving.falsified, None),
        (misbehaving.wrong_transaction, None),
        (misbehaving.unknown_attribute, None),
        (misbehaving.refusing, None),
        (misbehaving.huge, 4097),
    ],
)
def test_misbehaving_servers_answer(handler: Handler, size: int | None) -> None:
    lab = lab_of()
    lab.servers["web"].serve_udp(at.WEB, 7000, handler)

    async def main() -> Datagram | IcmpError | None:
        udp = lab.client.udp(4)
        udp.send(stun.binding_request(b"t" * 12), (at.WEB, 7000))
        return await heard(udp)

    event = within(lab, main())
    assert isinstance(event, Datagram)
    assert size in (None, len(event.data))


def test_each_misbehaviour_is_the_one_it_says() -> None:
    lab = lab_of(network=Network(mapping="none", filtering="endpoint-independent"))
    web = lab.servers["web"]
    handlers = (misbehaving.wrong_transaction, misbehaving.unknown_attribute, misbehaving.refusing)
    for port, handler in enumerate(handlers, 7000):
        web.serve_udp(at.WEB, port, handler)
    web.serve_udp(at.WEB, 7003, misbehaving.from_elsewhere(web, (at.WEB, 7004)))
    web.serve_udp(at.WEB, 7005, misbehaving.twice)

    async def answers(port: int) -> list[Datagram]:
        udp = lab.client.udp(4)
        udp.send(stun.binding_request(b"t" * 12), (at.WEB, port))
        return [event for event in (await heard(udp), await heard(udp)) if isinstance(event, Datagram)]

    wrong, unknown, refused, elsewhere, twice = (within(lab, answers(port)) for port in (7000, 7001, 7002, 7003, 7005))
    assert stun.decode(wrong[0].data).message.transaction_id == bytes(12)
    assert stun.decode(unknown[0].data).unknown == (0x7F00,)
    assert stun.decode(refused[0].data).message.message_class is codec.Class.ERROR
    assert elsewhere[0].source == (at.WEB, 7004)
    assert len(twice) == 2


def test_an_endless_stream_never_ends() -> None:
    lab = lab_of()
    lab.servers["web"].listen(7000, misbehaving.endless)

    async def main() -> int:
        stream, total = await lab.client.tcp((at.WEB, 7000)), 0
        while total < 1 << 20:
            total += len(await stream.read())
        stream.close()
        return total

    assert within(lab, main()) >= 1 << 20
