"""Media over TCP through the browser's proxy: asked for by its address, and only its signature counts."""

from __future__ import annotations

from typing import Any

import pytest

from natprobe.diagnose import diagnose
from natprobe.facts import IceCheck, Tunnel
from natprobe.model import Failure, Path, Report
from natprobe.proxy import Proxy
from natprobe.target import parse
from tests.case import Network, Peer
from tests.lab import check
from tests.lab.build import Lab
from tests.lab.client import lab_of
from tests.lab.proxies import HttpProxy
from tests.netns import addresses as at
from tests.probes.seen import Talk, hangs, of, says, seen

HOST = at.STUN2
VIA = f"http://{HOST}:3128"
HTTP = Proxy(scheme="http", host=HOST, port=3128)
TOKEN = "AbCdEfGhIjKlMnOpQrStUv"
TARGET = f"natprobe://{at.WEB}:{at.MEDIA_UDP}?tcp={at.MEDIA_TCP}#{TOKEN}"
PROBES = ("interfaces", "proxies", "names", "peer", "media", "tcp")
# Nothing gets out but to the proxy.
SHUT = Network(udp="drop", tcp="drop", tcp_open=(3128,))


def behind(network: Network, **proxy: Any) -> tuple[Lab, HttpProxy, str]:
    """A `serve` of ours, and a proxy beside it."""
    lab = lab_of(network=network, peer=Peer(runs=True))
    there = HttpProxy(net=lab.servers["stun2"], **{"ports": None} | proxy)
    there.listen()
    return lab, there, lab.peer_target.replace(at.TARGET, at.WEB)


def reported(lab: Lab, target: str, **options: Any) -> Report:
    session = check.session(lab, target, proxy=HTTP, **options)
    return diagnose(parse(target).target, session.observations, [session.source])


def path(report: Report, name: str) -> Path:
    return next(each for each in report.paths if each.name == name)


def test_both_ways_are_tried() -> None:
    lab, proxy, target = behind(Network())
    found = seen(lab, target, PROBES, proxy=HTTP)
    checks = [each for each in of(found, IceCheck) if each.transport == "tcp"]
    assert {(each.via, each.verified, each.failure) for each in checks} == {(None, True, None), (VIA, True, None)}
    (tunnel,) = of(found, Tunnel)
    (led,) = [each for each in checks if each.via]
    assert (led.endpoint, led.flow, led.local) == (f"{at.WEB}:{at.MEDIA_TCP}", tunnel.flow, tunnel.local)
    assert (tunnel.host, tunnel.port, tunnel.purpose) == (at.WEB, at.MEDIA_TCP, "port")
    assert proxy.seen == [(at.WEB, at.MEDIA_TCP)]


def test_where_nothing_else_gets_out_it_is_the_way() -> None:
    lab, _, target = behind(SHUT)
    report = reported(lab, target)
    best, straight = path(report, "direct-tcp-proxy"), path(report, "direct-tcp")
    assert (best.status, best.proof, best.attempts[0].via) == ("open", "ice", VIA)
    assert (straight.status, straight.usable) == ("blocked", False)
    assert (report.verdict.status, report.verdict.media) == ("degraded", "direct-tcp-proxy")


def test_where_no_proxy_is_set_nothing_is_asked() -> None:
    lab, proxy, target = behind(Network())
    found = seen(lab, target, PROBES, proxy="none")
    assert {each.via for each in of(found, IceCheck)} == {None}
    assert (of(found, Tunnel), proxy.seen) == ([], [])


@pytest.mark.parametrize(
    ("proxy", "status", "failure"),
    [
        ({"ports": {443}}, 403, Failure.HTTP_STATUS),
        ({"users": {"a": "b"}}, 407, Failure.HTTP_STATUS),
        ({"mood": "hangs"}, None, Failure.TIMEOUT),
        ({"mood": "closes"}, None, Failure.CLOSED),
    ],
)
def test_a_proxy_that_says_no(proxy: dict[str, Any], status: int | None, failure: Failure) -> None:
    lab, _, target = behind(SHUT, **proxy)
    found = seen(lab, target, PROBES, proxy=HTTP)
    (tunnel,) = of(found, Tunnel)
    (led,) = [each for each in of(found, IceCheck) if each.via]
    assert (tunnel.status, led.failure, led.verified) == (status, failure, False)


@pytest.mark.parametrize("talk", [says(b"\x00\x02hi"), says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), hangs])
def test_a_stranger_behind_it_proves_nothing(talk: Talk) -> None:
    lab = lab_of(network=SHUT)
    HttpProxy(net=lab.servers["stun2"], ports=None).listen()
    lab.servers["web"].listen(at.MEDIA_TCP, talk)
    found = seen(lab, TARGET, PROBES, proxy=HTTP)
    (led,) = [each for each in of(found, IceCheck) if each.via]
    assert not led.verified
    assert led.failure is not None
