"""Media ports on bad days: nothing but a signed answer is proof."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.facts import Candidate, IceCheck, Stray
from natprobe.model import Failure
from natprobe.net.api import Datagram, Stream
from natprobe.pairing import credentials
from natprobe.wire import stun
from tests.case import Network, Peer
from tests.lab import misbehaving
from tests.lab.client import lab_of
from tests.lab.sockets import Handler, LabUdp
from tests.netns import addresses as at
from tests.probes.seen import Talk, floods, hangs, of, says, seen, shuts

TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
KEY = credentials(TOKEN).password.encode()
TARGET = f"natprobe://{at.WEB}:{at.MEDIA_UDP}?tcp={at.MEDIA_TCP}#{TOKEN}"
PROBES = ("interfaces", "names", "peer", "media", "tcp")


def checks(udp: Handler | None = None, tcp: Talk | None = None, **case: Any) -> dict[str, list[IceCheck]]:
    lab = lab_of(network=Network(mapping="none", filtering="endpoint-independent"), **case)
    if udp is not None:
        lab.servers["web"].serve_udp(at.WEB, at.MEDIA_UDP, misbehaving.modern(udp))
    if tcp is not None:
        lab.servers["web"].listen(at.MEDIA_TCP, tcp)
    found = seen(lab, TARGET, PROBES, stun=())
    assert len(of(found, Candidate)) == 2
    assert len(of(found, Stray)) < 10
    return {word: [each for each in of(found, IceCheck) if each.transport == word] for word in ("udp", "tcp")}


def answering(key: bytes | None) -> Handler:
    """Success answers, signed with this or not at all."""

    def handler(udp: LabUdp, datagram: Datagram) -> None:
        request = stun.decode(datagram.data).message
        udp.send(stun.response(request, key=key, XOR_MAPPED_ADDRESS=datagram.source), datagram.source)

    return handler


def small_only(udp: LabUdp, datagram: Datagram) -> None:
    if len(datagram.data) < 1000:
        answering(KEY)(udp, datagram)


@pytest.mark.parametrize(
    ("handler", "small", "large"),
    [
        (answering(KEY), None, None),
        (answering(None), Failure.UNAUTHORIZED, Failure.UNAUTHORIZED),
        (answering(b"guess"), Failure.UNAUTHORIZED, Failure.UNAUTHORIZED),
        (small_only, None, Failure.TIMEOUT),
        (misbehaving.refusing, Failure.ERROR_RESPONSE, Failure.ERROR_RESPONSE),
        (misbehaving.garbage, Failure.TIMEOUT, Failure.TIMEOUT),
        (misbehaving.wrong_transaction, Failure.TIMEOUT, Failure.TIMEOUT),
        (misbehaving.falsified, Failure.PROTOCOL, Failure.PROTOCOL),
        (misbehaving.huge, Failure.TIMEOUT, Failure.TIMEOUT),
        (misbehaving.unknown_attribute, Failure.UNSUPPORTED, Failure.UNSUPPORTED),
        (misbehaving.twice, Failure.UNAUTHORIZED, Failure.UNAUTHORIZED),
        (None, Failure.PORT_UNREACHABLE, Failure.PORT_UNREACHABLE),
    ],
)
def test_udp(handler: Handler | None, small: Failure | None, large: Failure | None) -> None:
    """The second full-size one asks for an answer as large: a short one is no proof of that."""
    first, *full = sorted(checks(handler)["udp"], key=lambda each: each.size)
    assert (first.failure, [each.failure for each in full]) == (small, [large, large])
    assert (first.size < 200, [each.size for each in full]) == (True, [1200, 1200])
    for each in (first, *full):
        assert each.verified is (each.failure is None)
    assert [each.both_ways for each in (first, *full) if each.verified] == [False] * (small is None) + [False] * 2 * (
        large is None
    )


def test_nine_tries_before_silence_is_a_fact() -> None:
    assert {each.tries for each in checks(misbehaving.garbage)["udp"]} == {9}


def test_a_reply_from_another_address() -> None:
    lab = lab_of(network=Network(mapping="none", filtering="endpoint-independent"))
    web = lab.servers["web"]
    web.serve_udp(at.WEB, at.MEDIA_UDP, misbehaving.modern(misbehaving.from_elsewhere(web, (at.WEB, 7001))))
    found = seen(lab, TARGET, PROBES, stun=())
    udp = [each for each in of(found, IceCheck) if each.transport == "udp"]
    assert {(each.failure, each.verified, each.responder) for each in udp} == {
        (Failure.WRONG_SENDER, False, f"{at.WEB}:7001")
    }


async def signed(stream: Stream) -> None:
    """The media server's own answer."""
    (message,) = stun.Splitter().feed(await stream.read())
    request = stun.decode(message).message
    await stream.write(stun.frame(stun.response(request, key=KEY, XOR_MAPPED_ADDRESS=stream.remote)))


async def unsigned(stream: Stream) -> None:
    """Somebody else's."""
    (message,) = stun.Splitter().feed(await stream.read())
    await stream.write(stun.frame(stun.response(stun.decode(message).message, XOR_MAPPED_ADDRESS=stream.remote)))


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (signed, None),
        (unsigned, Failure.UNAUTHORIZED),
        (misbehaving.endless, Failure.PROTOCOL),
        (floods(b"\0\0" * 100), Failure.PROTOCOL),
        (floods(stun.frame(stun.binding_request(bytes(12))) * 100), Failure.TIMEOUT),
        (says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), Failure.PROTOCOL),
        (hangs, Failure.TIMEOUT),
        (shuts, Failure.CLOSED),
        (None, Failure.REFUSED),
    ],
)
def test_tcp(talk: Talk | None, failure: Failure | None) -> None:
    (check,) = checks(tcp=talk)["tcp"]
    assert check.failure is failure
    assert check.verified is (failure is None)


def test_a_real_peer_behind_every_fault_of_the_network() -> None:
    for network, failures in (
        (Network(), {None}),
        (Network(udp="drop"), {None, Failure.TIMEOUT}),
        (Network(udp="reject"), {None, Failure.PROHIBITED}),
        (Network(udp="reject", tcp="reject"), {Failure.PROHIBITED, Failure.UNREACHABLE_HOST}),
        (Network(local="udp-refused"), {None, Failure.PERMISSION_DENIED}),
    ):
        lab = lab_of(network=network, peer=Peer(runs=True))
        found = seen(lab, lab.peer_target, PROBES, stun=())
        assert {each.failure for each in of(found, IceCheck)} == failures
