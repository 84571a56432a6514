"""What else stands open at a Jitsi server: told in two seconds, and only where it answered."""

from __future__ import annotations

import pytest

from natprobe.facts import HttpReply, PseudoTls
from natprobe.model import Failure
from natprobe.net.api import Stream
from natprobe.probes import doors
from tests.case import Network, Peer, Web
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.netns import addresses as at
from tests.probes.bridging import bridge_at, over_tcp
from tests.probes.seen import Talk, floods, hangs, of, says, seen, shuts

PROBES = ("names", "web", "config", "doors")


def http(*answers: bytes) -> Talk:
    """These heads and bodies, one after the other."""

    async def talk(stream: Stream) -> None:
        for each in answers:
            await stream.read()
            await stream.write(each)
        await hangs(stream)

    return talk


def reply(head: str = "", body: bytes = b"", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


HEALTH, VERSION = reply("Content-Type: application/json\r\n"), reply(body=b'{"name":"JVB","version":"2.3.0"}')
JETTY = reply("Server: Jetty(9.4.53)\r\n")


def lab_with(port: int, talk: Talk | None) -> Lab:
    lab = lab_of(web=Web(state="jitsi"))
    if talk is not None:
        lab.servers["web"].listen(port, talk)
    return lab


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        (http(HEALTH, VERSION), ("jvb",)),
        (http(JETTY), ("jvb",)),
        (http(reply(body=b"{}"), VERSION), ("jvb",)),
        (http(HEALTH, reply(body=b'{"name":"other"}')), ()),
        (http(HEALTH, reply(body=b"[" * 4000)), ()),
        (http(reply(body=b"<html>")), ()),
        (http(reply(status="404 Not Found")), ()),
        (http(reply("Server: Jetty(9.4)\r\n", status="500 Server Error")), ()),
    ],
)
def test_private_api(talk: Talk, says: tuple[str, ...]) -> None:
    found = seen(lab_with(doors.PRIVATE_PORT, talk), at.TARGET, PROBES)
    (answer,) = of(found, HttpReply, "doors")
    assert answer.says == says
    assert answer.endpoint == f"{at.WEB}:8080"


@pytest.mark.parametrize(
    "talk", [None, hangs, shuts, floods(b"x" * 1000), says(b"SSH-2.0\r\n"), http(HEALTH, b"nonsense")]
)
def test_what_is_no_web_server_is_nothing(talk: Talk | None) -> None:
    assert of(seen(lab_with(doors.PRIVATE_PORT, talk), at.TARGET, PROBES), HttpReply, "doors") == []


def test_an_old_bridge_answers_the_hello_without_a_session() -> None:
    lab = lab_of(web=Web(state="jitsi"))
    bridge, _ = bridge_at(lab.servers["web"], (at.WEB, at.MEDIA_UDP))
    lab.servers["web"].listen(doors.OLD_PORT, over_tcp(bridge, (at.WEB, doors.OLD_PORT)))
    (hello,) = of(seen(lab, at.TARGET, PROBES), PseudoTls)
    assert (hello.failure, hello.endpoint) == (None, f"{at.WEB}:4443")
    assert hello.rtt_ms is not None


@pytest.mark.parametrize(
    ("talk", "failure"),
    [
        (hangs, Failure.TIMEOUT),
        (shuts, Failure.CLOSED),
        (says(b"\x15\x03\x03\x00\x02\x02\x46"), Failure.PROTOCOL),
        (floods(bytes(4000)), Failure.PROTOCOL),
    ],
)
def test_what_is_no_old_bridge(talk: Talk, failure: Failure) -> None:
    (hello,) = of(seen(lab_with(doors.OLD_PORT, talk), at.TARGET, PROBES), PseudoTls)
    assert hello.failure is failure


def test_closed_ports_and_other_systems_say_nothing() -> None:
    assert of(seen(lab_of(web=Web(state="jitsi"), peer=Peer(tcp="drop")), at.TARGET, PROBES), PseudoTls) == []
    lab = lab_of(web=Web(state="janus"))
    lab.servers["web"].listen(doors.PRIVATE_PORT, http(HEALTH, VERSION))
    found = seen(lab, at.TARGET, PROBES)
    assert [*of(found, HttpReply, "doors"), *of(found, PseudoTls)] == []


def test_nobody_waits_longer_than_a_second_for_a_server_that_drops() -> None:
    lab = lab_of(web=Web(state="jitsi"), peer=Peer(tcp="drop"))
    found = seen(lab, at.TARGET, PROBES)
    ended = {name: max(each.at for each in found if each.probe == name) for name in ("config", "doors")}
    assert ended["doors"] - ended["config"] <= 1.1


def test_a_page_port_that_drops_is_not_waited_for() -> None:
    """443 has answered long before 80 is given up."""
    lab = lab_of(web=Web(state="jitsi"), network=Network(tcp="drop", tcp_open=(443,)))
    found = seen(lab, at.TARGET, PROBES)
    ended = {name: max(each.at for each in found if each.probe == name) for name in ("web", "doors")}
    assert ended["doors"] < 1.5 < 3.0 < ended["web"]
