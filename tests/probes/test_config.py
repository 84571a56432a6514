"""The probe for config.js in the lab: how soon, from where, and what it makes of fronts on bad days."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from natprobe.asking.together import NEXT_SECONDS
from natprobe.facts import HttpReply, JitsiConfig, Probed
from natprobe.model import Failure, Observation
from natprobe.net.api import Stream
from natprobe.target import parse
from tests.case import Dns, Network, Web
from tests.lab.build import Lab
from tests.lab.check import ended, usual
from tests.lab.client import RTT, lab_of
from tests.netns import addresses as at
from tests.probes.seen import Talk, floods, hangs, of, says, seen, shuts

PROBES = ("interfaces", "names", "config")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/javascript\r\n"
CONFIG = "var config = { hosts: { domain: 'meet.example.test' }, bosh: '/http-bind' };"
HTTP = f"http://{at.TARGET}:8080/"


def served(**files: str) -> tuple[Talk, list[str]]:
    """A front with these files (`config`: /config.js, `tenant`: /tenant/config.js), and the paths that it was asked."""
    asked: list[str] = []
    paths = {"/config.js": files.get("config"), "/tenant/config.js": files.get("tenant")}

    async def talk(stream: Stream) -> None:
        while data := await stream.read():
            asked.append(data.split(b" ")[1].decode())
            body = (paths.get(asked[-1]) or "").encode()
            head = OK if body else b"HTTP/1.1 404 Not Found\r\n"
            await stream.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    return talk, asked


def visited(talk: Talk, kind: str = "auto", target: str = HTTP, **options: Any) -> list[Observation]:
    """What is seen of a front on a port of its own, without TLS."""
    lab = lab_of()
    lab.servers["web"].listen(8080, talk)
    pasted = parse(target, kind)
    found = ended(lab, pasted, usual(lab, stun=(), tenant=pasted.tenant, **options), PROBES)
    assert [each.status for each in of(found.observations, Probed)] == ["complete"] * 3
    assert "Secret" not in repr(found.observations)
    return list(found.observations)


def config(found: list[Observation]) -> JitsiConfig:
    (only,) = of(found, JitsiConfig)
    return only


def test_it_takes_three_round_trips_from_the_addresses_on() -> None:
    found = seen(lab_of(), at.TARGET, (*PROBES[:2], "web", "config"), stun=())
    names = next(each for each in of(found, Probed) if each.probe == "names")
    assert config(found).at - names.at == pytest.approx(3 * RTT, abs=0.001)
    (reply,) = of(found, HttpReply, "config")
    assert (reply.says, reply.url) == (("jitsi",), f"https://{at.TARGET}/config.js")
    assert [each.url for each in of(found, HttpReply, "web") if each.url.endswith("config.js")] == []


def test_of_the_page_and_where_it_was_found() -> None:
    talk, asked = served(config=CONFIG)
    only = config(visited(talk))
    assert asked == ["/config.js"]
    assert (only.url, only.endpoint) == (f"http://{at.TARGET}:8080/config.js", f"{at.WEB}:8080")
    assert (only.failure, only.domain, only.bosh) == (None, at.TARGET, f"http://{at.TARGET}:8080/http-bind")


@pytest.mark.parametrize(
    ("files", "paths", "bosh"),
    [
        ({"tenant": CONFIG, "config": CONFIG}, ["/tenant/config.js"], "/http-bind"),
        ({"tenant": CONFIG.replace("'/", "'"), "config": CONFIG}, ["/tenant/config.js"], "/tenant/http-bind"),
        ({"config": CONFIG}, ["/tenant/config.js", "/config.js"], "/http-bind"),
        ({"tenant": "<html>", "config": CONFIG}, ["/tenant/config.js", "/config.js"], "/http-bind"),
    ],
)
def test_the_tenants_file_comes_first(files: dict[str, str], paths: list[str], bosh: str) -> None:
    talk, asked = served(**files)
    only = config(visited(talk, target=f"{HTTP}tenant/SecretRoom?jwt=SecretToken"))
    assert (asked, only.bosh) == (paths, f"http://{at.TARGET}:8080{bosh}")


def body(data: bytes, then: Talk | None = None) -> Talk:
    return says(OK + b"\r\n" + data, then)


LONG = b"var config = { hosts: {} };" + b"/" * 65536
RING = b"HTTP/1.1 302 Found\r\nLocation: /config.js\r\nContent-Length: 0\r\n\r\n"


async def in_a_ring(stream: Stream) -> None:
    while await stream.read():
        await stream.write(RING)


BAD: list[tuple[Talk, Failure, str]] = [
    (body(LONG, floods(b"/" * 65536)), Failure.PROTOCOL, "longer than 1 MiB"),
    (says(OK + b"Content-Length: 104857600\r\n\r\n", floods(b" " * 65536)), Failure.PROTOCOL, "longer than 1 MiB"),
    (body(b"var config = {", floods(b" ", every=0.1)), Failure.TIMEOUT, ""),
    (body(b"var config", hangs), Failure.TIMEOUT, ""),
    (body(b"\x00\x01\x02" * 1000), Failure.PROTOCOL, "no text"),
    (body(b"<!DOCTYPE html><html></html>"), Failure.PROTOCOL, "HTML"),
    (body(b"while (true) {}"), Failure.PROTOCOL, "no settings"),
    (body(b"var config = (function () { while (true) {} })();"), Failure.PROTOCOL, "no settings"),
    (body(b"config = {a:" + b"{a:" * 300_000), Failure.PROTOCOL, "reasonable time"),
    (body(b""), Failure.PROTOCOL, "no settings"),
    (in_a_ring, Failure.REDIRECT_LIMIT, ""),
    (says(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), Failure.HTTP_STATUS, "404"),
    (says(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), Failure.HTTP_STATUS, "502"),
    (says(b"HTTP/1.1 302 Found\r\nLocation: https://o.test/\r\nContent-Length: 0\r\n\r\n"), Failure.HTTP_STATUS, "302"),
    (says(b"SSH-2.0-OpenSSH\r\n"), Failure.PROTOCOL, ""),
    (hangs, Failure.TIMEOUT, ""),
    (shuts, Failure.CLOSED, ""),
]  # fmt: skip


@pytest.mark.parametrize(("talk", "failure", "words"), BAD)
def test_what_is_wrong_is_told_where_it_is_to_be_a_jitsi(talk: Talk, failure: Failure, words: str) -> None:
    only = config(visited(talk, "jitsi"))
    assert (only.failure, only.domain, only.bosh) == (failure, None, None)
    assert words in only.detail


@pytest.mark.parametrize("talk", [each for each, _, words in BAD if words != "longer than 1 MiB"])
def test_where_nothing_speaks_of_jitsi_there_is_no_config(talk: Talk) -> None:
    found = visited(talk)
    assert of(found, JitsiConfig) == []
    assert not any(each.says for each in of(found, HttpReply))


def test_no_more_than_a_mebibyte_is_taken() -> None:
    taken = 0

    async def talk(stream: Stream) -> None:
        nonlocal taken
        await stream.read()
        await stream.write(OK + b"\r\n")
        while True:
            await stream.write(b"/" * 65536)
            taken += 65536
            await asyncio.sleep(0.05)

    visited(talk, "jitsi")
    assert 1 << 20 < taken < (1 << 20) + 5 * 65536


def test_a_jitsi_whose_file_is_broken_says_so_by_itself() -> None:
    only = config(visited(body(b"var config = { hosts: { domain: 'd' }, bosh: '/b' }; \n\n)")))
    assert (only.failure, only.domain) == (None, "d")
    assert "line 3" in only.detail
    assert config(visited(body(b"config = broken({ hosts: {} }, "))).failure is Failure.PROTOCOL


@pytest.mark.parametrize("scheme", ["janus+https://", "stun:", "turn:"])
def test_other_servers_are_not_asked(scheme: str) -> None:
    talk, asked = served(config=CONFIG)
    assert of(visited(talk, target=f"{scheme}{at.TARGET}:8080"), HttpReply) == []
    assert asked == []


# --- addresses and TLS


def test_an_http_link_that_leads_to_the_secure_page() -> None:
    found = seen(lab_of(), f"http://{at.TARGET}/", PROBES, stun=())
    assert config(found).url == f"https://{at.TARGET}/config.js"
    assert [each.status for each in of(found, HttpReply)] == [301, 200]


@pytest.mark.parametrize(("state", "lost"), [("works", 0.0), ("refused", RTT), ("down", NEXT_SECONDS)])
def test_an_address_that_is_dead_costs_a_quarter_of_a_second(state: str, lost: float) -> None:
    """IPv6 is tried first, as browsers do."""
    web = Web(ipv6=state)  # type: ignore[arg-type]  # a word of it
    found = seen(lab_of(network=Network(ipv6="works"), dns=Dns(ipv6=True), web=web), at.TARGET, PROBES, stun=())
    names = next(each for each in of(found, Probed) if each.probe == "names")
    only = config(found)
    assert only.endpoint == (f"[{at.WEB6}]:443" if state == "works" else f"{at.WEB}:443")
    assert only.at - names.at == pytest.approx(3 * RTT + lost, abs=0.011)


@pytest.mark.parametrize(("insecure", "failure"), [(False, Failure.TLS_CERTIFICATE), (True, None)])
def test_a_bad_certificate(insecure: bool, failure: Failure | None) -> None:
    lab = lab_of(web=Web(certificate="expired"))
    pasted = parse(at.TARGET, "jitsi")
    found = ended(lab, pasted, usual(lab, stun=(), insecure=insecure), PROBES)
    assert config(list(found.observations)).failure is failure
    assert bool(of(found.observations, HttpReply)) is insecure  # nothing is sent to a server that was not verified


@pytest.mark.parametrize(("state", "failure"), [("down", Failure.TIMEOUT), ("refused", Failure.REFUSED)])
def test_no_connection(state: str, failure: Failure) -> None:
    lab: Lab = lab_of(web=Web(state=state))  # type: ignore[arg-type]  # a word of it
    found = ended(lab, parse(at.TARGET, "jitsi"), usual(lab, stun=()), PROBES)
    assert config(list(found.observations)).failure is failure


def test_tls_that_hangs_ends() -> None:
    lab = lab_of()
    lab.servers["web"].listen(443, hangs)
    found = ended(lab, parse(at.TARGET, "jitsi"), usual(lab, stun=()), PROBES)
    assert config(list(found.observations)).failure is Failure.TIMEOUT
    assert [local for local, _ in lab.client._streams] == []


def test_the_shard_of_the_proxy() -> None:
    shard = b"X-Jitsi-Shard: s7\xad" + b"x" * 900 + b"\r\n\r\n"
    told = config(visited(says(OK + shard + CONFIG.encode()))).shard
    assert told is not None
    assert (told[:2], told.isprintable(), len(told)) == ("s7", True, 200)
