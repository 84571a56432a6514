"""The router in user space: its packets are right to the last bit, it translates by RFC 4787, and it takes its time."""

from __future__ import annotations

import binascii
import json
import random
import socket
import statistics
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from natprobe.derive.behaviour import address_pooling, hairpinning
from tests.case import Case, Expect, Network
from tests.lab.nat import Nat
from tests.netns import addresses as at
from tests.netns import kernel
from tests.netns.lab import Lab, lab
from tests.netns.test_assignment import measured
from tests.netns.test_hops import CARRIER, CORE, HOME, hops, reported
from tests.netns.test_lab import ask
from tests.netns.topology import LANS
from tests.netns.userspace import Config, Router, Wire, alg

End = tuple[str, int]
ANY, ADDRESS, BOTH = "endpoint-independent", "address-dependent", "address-and-port-dependent"
INSIDE, OUTSIDE, SERVER = ("192.168.1.2", 5000), ("198.51.100.7", 5000), ("203.0.113.20", 3478)
UDP, TCP, ICMP = 17, 6, 1
# Packets reach the process with a hop taken and leave it with that given back.
CAME, LEFT = 63, 64
SHORT = 0.0005  # a delay that changes nothing but the choice of the router


# --- packets in, packets out


def checksum(data: bytes) -> bytes:
    """RFC 1071, the long way; never UDP's zero."""
    total = 0
    for high, low in zip(*[iter(data + b"\0" * (len(data) % 2))] * 2, strict=True):
        total += high << 8 | low
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF or 0xFFFF).to_bytes(2)


def ip(protocol: int, source: str, destination: str, body: bytes, ttl: int) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0x4000, ttl, protocol, 0) + ends
    return head[:10] + checksum(head) + head[12:] + body


def packet(protocol: int, source: End, destination: End, payload: bytes = b"", ttl: int = CAME) -> bytes:
    if protocol == ICMP:
        body, where, pseudo = struct.pack("!BBHHH", 8, 0, 0, source[1], 1) + payload, 2, b""
    else:
        shape, where = {UDP: ("!HHHH", 6), TCP: ("!HHIIHHHH", 16)}[protocol]
        rest = (8 + len(payload), 0) if protocol == UDP else (1, 2, 0x5010, 500, 0, 0)
        body = struct.pack(shape, source[1], destination[1], *rest) + payload
        ends = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
        pseudo = ends + struct.pack("!HH", protocol, len(body))
    summed = body[:where] + checksum(pseudo + body) + body[where + 2 :]
    return ip(protocol, source[0], destination[0], summed, ttl)


def error(reporter: str, to: str, quoted: bytes, ttl: int = CAME) -> bytes:
    """Port unreachable."""
    body = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    return ip(ICMP, reporter, to, body[:2] + checksum(body) + body[4:], ttl)


def router(filtering: Any = BOTH, rewrite: str = "none", **nat: Any) -> Router:
    return Router(Nat(OUTSIDE[0], "endpoint-independent", filtering, random.Random(1), **nat), LANS, alg(rewrite))


def through(made: Router, raw: bytes) -> bytes | None:
    passed = made.through(bytearray(raw))
    return None if passed is None else bytes(passed)


@pytest.mark.parametrize("protocol", [UDP, TCP])
def test_packets_are_as_the_ends_would_have_made_them(protocol: int) -> None:
    chance = random.Random(2)
    for _ in range(300):
        made, payload = router(ports="random"), chance.randbytes(chance.randrange(60))
        inside, server = (INSIDE[0], chance.randrange(1, 1 << 16)), (SERVER[0], chance.randrange(1, 1 << 16))
        gone = through(made, packet(protocol, inside, server, payload))
        outside = (OUTSIDE[0], int.from_bytes(gone[20:22]) if gone else 0)
        assert gone == packet(protocol, outside, server, payload, LEFT)
        came = through(made, packet(protocol, server, outside, payload))
        assert came == packet(protocol, server, inside, payload, LEFT)


def test_echo_is_told_by_its_identifier() -> None:
    made = router(ports="random")
    gone = through(made, packet(ICMP, (INSIDE[0], 77), SERVER, b"odd"))
    identifier = int.from_bytes(gone[24:26]) if gone else 0
    assert identifier != 77
    assert gone == packet(ICMP, (OUTSIDE[0], identifier), SERVER, b"odd", LEFT)
    reply = bytearray(packet(ICMP, (SERVER[0], identifier), OUTSIDE, b"odd"))
    reply[20:24] = b"\0\0" + checksum(b"\0\0\0\0" + reply[24:])
    came = through(made, bytes(reply))
    assert came
    assert (came[16:20], came[24:26], checksum(came[20:])) == (socket.inet_aton(INSIDE[0]), b"\0M", b"\xff\xff")


@pytest.mark.parametrize("quoted_bytes", [28, 48, 100])
def test_an_error_quotes_what_was_sent(quoted_bytes: int) -> None:
    """RFC 5508 section 4.2; with as little of the packet as RFC 792 has, and with all of it."""
    made, payload = router(ports="random"), bytes(range(72))
    gone = through(made, packet(UDP, INSIDE, SERVER, payload))
    assert gone
    sent = packet(UDP, INSIDE, SERVER, payload, LEFT)
    came = through(made, error(CORE, OUTSIDE[0], gone[:quoted_bytes]))
    assert came == error(CORE, INSIDE[0], sent[:quoted_bytes], LEFT)


def test_an_error_about_nothing_of_ours_stops_here() -> None:
    assert through(router(), error(CORE, OUTSIDE[0], packet(UDP, OUTSIDE, SERVER))) is None
    assert through(router(), error(CORE, OUTSIDE[0], b"short")) is None


def test_no_checksum_stays_none() -> None:
    bare = bytearray(packet(UDP, INSIDE, SERVER, b"payload"))
    bare[26:28] = b"\0\0"
    gone = through(router(), bytes(bare))
    assert gone is not None
    assert gone[26:28] == b"\0\0"


@pytest.mark.parametrize("rewrite", ["broken", "plain"])
def test_a_gateway_changes_stun_answers(rewrite: str) -> None:
    made = router(rewrite=rewrite, ports="random")
    gone = through(made, packet(UDP, INSIDE, SERVER))
    outside = (OUTSIDE[0], int.from_bytes(gone[20:22]) if gone else 0)
    was, becomes = answer(outside), answer(INSIDE)
    came = through(made, packet(UDP, SERVER, outside, was))
    expected = becomes if rewrite == "plain" else becomes[:-4] + was[-4:]
    assert came == packet(UDP, SERVER, INSIDE, expected, LEFT)
    assert becomes[-4:] != was[-4:]


def answer(seen: End) -> bytes:
    """MAPPED-ADDRESS and FINGERPRINT (RFC 8489 sections 14.1 and 14.7)."""
    mapped = struct.pack("!HHHH4s", 1, 8, 1, seen[1], socket.inet_aton(seen[0]))
    message = struct.pack("!HHI12s", 0x0101, 20, 0x2112A442, b"transaction!") + mapped
    return message + struct.pack("!HHI", 0x8028, 4, binascii.crc32(message) ^ 0x5354554E)


def test_strangers_and_fragments_stop_here() -> None:
    made = router()
    assert through(made, packet(UDP, SERVER, OUTSIDE)) is None
    for flags in (b"\x20\0", b"\0\x05"):
        raw = packet(UDP, INSIDE, SERVER)
        assert through(made, raw[:6] + flags + raw[8:]) is None


def test_hairpinned_packets_are_translated_at_both_ends() -> None:
    made, other = router(hairpin=True, filtering=ANY), ("192.168.1.3", 6000)
    through(made, packet(UDP, INSIDE, SERVER))
    turned = through(made, packet(UDP, other, OUTSIDE, b"x"))
    assert turned == packet(UDP, (OUTSIDE[0], other[1]), INSIDE, b"x", LEFT)


# --- the wire


def config(**parts: Any) -> Config:
    return Config(inside=LANS, outside=OUTSIDE[0], mapping="none", filtering="endpoint-independent", **parts)


def test_the_wire_waits_and_keeps_the_order_of_all_but_udp() -> None:
    wire = Wire(config(ports="preserved", delay=1.0, jitter=0.5, reorder=0.25), random.Random(3))
    for number in range(400):
        wire.put(bytearray(packet(TCP if number % 2 else UDP, INSIDE, SERVER, number.to_bytes(2))), 0.0)
    assert wire.wait(0.0) == 0.0
    early = list(wire.due(0.9))
    assert {raw[9] for raw in early} == {UDP}
    assert 30 < len(early) < 75  # 50 of 200
    assert wire.wait(0.9) == pytest.approx(0.1, abs=0.02)
    rest = [(raw[9], int.from_bytes(raw[-2:])) for raw in wire.due(1.5)]
    streamed = [number for protocol, number in rest if protocol == TCP]
    jittered = [number for protocol, number in rest if protocol == UDP]
    assert streamed == sorted(streamed)
    assert jittered != sorted(jittered)
    assert len(early) + len(rest) == 400
    assert wire.wait(9.9) is None


# --- real packets


@contextmanager
def path(**network: Any) -> Iterator[Lab]:
    """A network with an echo server on the web's addresses."""
    case = Case(title="", expect=Expect(verdict="good", exit=0), network=Network(**network))
    with lab(case) as built:
        built.network["web"].start([*TRAFFIC, "serve", PORT], log="echo.log").listens(udp=[9000], tcp=[9000])
        yield built


PORT = "9000"
TRAFFIC = [sys.executable, "-m", "tests.netns.traffic"]


def asked(built: Lab, *question: str) -> Any:
    return json.loads(built.client.run([*TRAFFIC, *question], timeout=60).stdout)


def test_streams_echoes_and_refusals_pass() -> None:
    with path(delay=0.005, mapping=ADDRESS, filtering=ADDRESS, ipv6="works") as built:
        assert asked(built, "tcp", at.WEB, PORT, "100000")
        assert asked(built, "ping", at.WEB)
        for web in (at.WEB, at.WEB6):
            times = [seconds for _, seconds in asked(built, "udp", web, PORT, "20", "0.002")]
            assert len(times) == 20
            assert min(times) >= 0.01
        assert ask(built, "udp", at.WEB, "9999") == "ECONNREFUSED"


def test_netfilter_comes_before_it() -> None:
    with path(delay=SHORT, udp="reject", udp_open=(3478,), tcp="drop", mtu=1000) as built:
        assert ask(built, "udp", at.WEB, PORT) == "EHOSTUNREACH"
        assert ask(built, "udp", at.STUN1).startswith(OUTSIDE[0])
        assert ask(built, "tcp", at.STUN1) == "silent"
        assert ask(built, "large", at.STUN1, "900").startswith(OUTSIDE[0])
        assert ask(built, "large", at.STUN1, "1000") == "silent"


def test_the_delay_is_exact() -> None:
    with path(delay=0.05) as built:
        times = [seconds for _, seconds in asked(built, "udp", at.WEB, PORT, "40", "0.005")]
    assert len(times) == 40
    assert 0.1 <= min(times) < 0.105  # the quickest: what is busy beside it makes others late


def test_jitter_and_reordering_are_as_large_as_told() -> None:
    with path(delay=0.04, jitter=0.02, reorder=0.2) as built:
        back = asked(built, "udp", at.WEB, PORT, "200", "0.002")
    numbers, times = [number for number, _ in back], [seconds for _, seconds in back]
    assert sorted(numbers) == list(range(200))
    assert numbers != sorted(numbers)
    assert 40 < sum(seconds < 0.078 for seconds in times) < 105  # 36 % overtook once or twice; five deviations
    assert 0.09 < statistics.quantiles(times, n=10)[-1] < 0.125


def test_it_carries_thousands_of_packets_a_second() -> None:
    with path(delay=SHORT) as built:
        per_second, lost = asked(built, "flood", at.WEB, PORT, "4000", "1100")
    print(f"{per_second:.0f} packets of 1100 bytes a second, {lost} lost")
    assert per_second > 2000, "an idle machine has ten times that"
    assert lost == 0


@pytest.mark.parametrize("carrier", [False, True])
def test_it_is_one_hop(carrier: bool) -> None:
    routers = [HOME, CARRIER, CORE] if carrier else [HOME, CORE]
    report = reported(delay=SHORT, carrier=carrier, mapping=BOTH, filtering=ADDRESS)
    assert hops(report) == [*((each, False) for each in routers), (at.STUN1, True)]


@pytest.mark.parametrize("hairpin", [True, False])
def test_hairpinning(hairpin: bool) -> None:
    assert hairpinning(measured(delay=SHORT, filtering=ADDRESS, hairpin=hairpin)) is hairpin


def test_pooling() -> None:
    assert address_pooling(measured(delay=SHORT, pool=4, ports="random")) is True


def test_without_tun_devices_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NATPROBE_REQUIRE_NETNS", raising=False)
    monkeypatch.setattr(kernel, "TUN", Path("/dev/net/none"))
    with pytest.raises(pytest.skip.Exception, match="no TUN devices here"), path(delay=SHORT):
        pass
    with path():
        pass
