"""The bridge's own WebSocket: opened or not, and its secret told to nobody."""

from __future__ import annotations

import base64
import hashlib

import msgspec
import pytest

from natprobe.codec import dump
from natprobe.diagnose import diagnose
from natprobe.facts import BridgeChannel, JitsiConfig, SessionOffer
from natprobe.model import Failure
from natprobe.net.api import Stream
from natprobe.pairing import IceCredentials
from natprobe.target import parse
from natprobe.wire.jingle import Offer
from tests.case import Web
from tests.lab import check
from tests.lab.certificates import server_context
from tests.lab.client import lab_of
from tests.lab.web import ServerTls
from tests.netns import addresses as at
from tests.probes.seen import Talk, floods, hangs, of, says, shuts

SECRET = "pwd=s3cr3t-of-the-channel"
CHANNEL = f"wss://{at.TARGET}/colibri-ws/default-id/c0nf/e4d?{SECRET}"
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


async def upgrades(stream: Stream) -> None:
    head = await stream.read()
    key = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split(b": ")[1]
    assert head.startswith(f"GET /colibri-ws/default-id/c0nf/e4d?{SECRET} ".encode())
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())
    await stream.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    await hangs(stream)


def secured(talk: Talk, kind: str = "good") -> Talk:
    async def over_tls(stream: Stream) -> None:
        tls = ServerTls(stream, server_context(kind, at.TARGET))
        await tls.handshake()
        await talk(tls)

    return over_tls


def asked(talk: Talk | None, channel: str | None = CHANNEL) -> list[BridgeChannel]:
    lab = lab_of(web=Web(state="refused"))
    if talk is not None:
        lab.servers["web"].listen(8443, talk)
    pasted = parse(at.TARGET)
    run = check.prepared(lab, pasted, check.usual(lab, stun=()))
    url = channel.replace(f"//{at.TARGET}/", f"//{at.TARGET}:8443/") if channel else None
    keys = IceCredentials(ufrag="u", password="p")
    offer = Offer(sid="s", initiator="i", sender="f", content="audio", creator="initiator", credentials=keys)
    run._context.keep.put("offer/1", msgspec.structs.replace(offer, channel=url))
    run._stamp("config", JitsiConfig(url=f"https://{at.TARGET}/config.js", endpoint=f"{at.WEB}:443"))
    run._stamp("join", SessionOffer(participant=1))
    began = lab.clock.now
    lab.clock.run(run.go(("names", "channel")))
    assert lab.clock.now - began < 5
    assert SECRET not in dump(diagnose(pasted.target, run.observations, [run.source]))
    return of(run.observations, BridgeChannel)


def http(status: str) -> Talk:
    return says(f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno".encode())


def test_it_opens() -> None:
    (channel,) = asked(secured(upgrades))
    assert (channel.failure, channel.status, channel.endpoint) == (None, 101, f"{at.WEB}:8443")


@pytest.mark.parametrize(
    ("talk", "failure", "status"),
    [
        (secured(http("200 OK")), Failure.HTTP_STATUS, 200),
        (secured(http("403 Forbidden")), Failure.HTTP_STATUS, 403),
        (secured(http("404 Not Found")), Failure.HTTP_STATUS, 404),
        (secured(http("502 Bad Gateway")), Failure.HTTP_STATUS, 502),
        (secured(says(b"SSH-2.0\r\n")), Failure.PROTOCOL, None),
        (secured(hangs), Failure.TIMEOUT, None),
        (secured(shuts), Failure.CLOSED, None),
        (secured(floods(b"x" * 5000)), Failure.PROTOCOL, None),
        (secured(upgrades, "expired"), Failure.TLS_CERTIFICATE, None),
        (hangs, Failure.TIMEOUT, None),
        (None, Failure.REFUSED, None),
    ],
)
def test_it_does_not(talk: Talk | None, failure: Failure, status: int | None) -> None:
    (channel,) = asked(talk)
    assert (channel.failure, channel.status) == (failure, status)


@pytest.mark.parametrize("url", [None, "ws://meet.example.test/x", "https:///", "wss://[", "http://192.0.2.1/"])
def test_without_one_nothing_is_asked(url: str | None) -> None:
    assert asked(secured(upgrades), url) == []
