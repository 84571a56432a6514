"""Raw sockets on loopback: what is sent comes back, nothing stays half-open, no file is left in a home folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from natprobe.host.homeless import homeless
from natprobe.model import Failure, family
from natprobe.net.crafted import MARKED, Crafted, Heard, NotHere, Raw
from natprobe.net.failure import failure_of
from natprobe.net.system import SystemNet
from natprobe.wire import stun

NUMBER = 0xFFFFFFFF  # what acknowledges it is 0: it wraps around
BOTH = pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
ORDINARY = ("setpriv", "--reuid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all")
TREE = Path(__file__).parents[2]


def privileged() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
    except (OSError, AttributeError):
        return False
    return sys.platform == "linux"


root = pytest.mark.skipif(not privileged(), reason="raw sockets take privileges on Linux")


@contextlib.contextmanager
def taken(kind: socket.SocketKind, address: str, *, listens: bool = False) -> Iterator[int]:
    """A port of ours."""
    with socket.socket(socket.AF_INET6 if family(address) == 6 else socket.AF_INET, kind) as sock:
        sock.bind((address, 0))
        if listens:
            sock.listen()
        yield sock.getsockname()[1]


@contextlib.asynccontextmanager
async def opened(address: str) -> Any:
    raw = await SystemNet().raw(address, NUMBER)
    try:
        yield raw
    finally:
        raw.close()


async def heard(raw: Raw) -> Heard:
    async with asyncio.timeout(5):
        return await raw.receive()


def request(mark: int) -> bytes:
    return stun.binding_request(bytes(10) + (MARKED + mark).to_bytes(2, "big"))


@root
@BOTH
async def test_a_connection_is_answered_and_never_stands(address: str) -> None:
    with taken(socket.SOCK_STREAM, address, listens=True) as port:
        async with opened(address) as raw:
            raw.send(Crafted("tcp", (address, port), 1))
            answer = await heard(raw)
            assert (answer.source, answer.port, answer.proto, answer.says) == (address, port, "tcp", "syn-ack")
            assert answer.acknowledged == 0
            raw.send(Crafted("tcp", (address, port), 2, acknowledged=answer.acknowledged))
            await asyncio.sleep(0.05)
            assert half_open(port) == []


def half_open(port: int) -> list[str]:
    """What a listener has beside itself."""
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path("/proc/net", name).read_text().splitlines()[1:]]
    return [row[3] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] != "0A"]


@root
@BOTH
async def test_a_refusal(address: str) -> None:
    with taken(socket.SOCK_STREAM, address) as port:  # bound, and listens not
        async with opened(address) as raw:
            raw.send(Crafted("tcp", (address, port), 1))
            answer = await heard(raw)
    assert (answer.port, answer.says, answer.quoted) == (port, "rst", None)


@root
@BOTH
async def test_an_error_quotes_what_was_sent(address: str) -> None:
    with taken(socket.SOCK_DGRAM, address) as closed:
        pass
    async with opened(address) as raw:
        size = raw.send(Crafted("udp", (address, closed), 9, ttl=7, tos=184, payload=request(9)))
        answer = await heard(raw)
        assert (answer.source, answer.proto) == (address, "icmp")
        assert answer.icmp == ("1/4" if ":" in address else "3/3")
        quoted = answer.quoted
        assert quoted is not None
        assert (quoted.source, quoted.to) == ((address, raw.port("udp")), (address, closed))
        assert (quoted.mark, quoted.ttl, quoted.tos, quoted.size, quoted.proto) == (9, 7, 184, size, "udp")


@root
async def test_who_was_not_asked_is_not_heard() -> None:
    """A segment that acknowledges another number, packets to other ports."""
    async with opened("127.0.0.1") as raw, opened("127.0.0.1") as other:
        reset = Crafted("tcp", ("127.0.0.1", raw.port("tcp")), 1, acknowledged=77)
        other.send(reset)  # it acknowledges nothing
        other.send(Crafted("udp", ("127.0.0.1", other.port("udp")), 1, payload=request(1)))
        raw.send(Crafted("udp", ("127.0.0.1", raw.port("udp")), 2, payload=request(2)))
        assert (await heard(raw)).port == raw.port("udp")


@root
async def test_a_port_that_is_kept_where_it_is_free() -> None:
    with taken(socket.SOCK_DGRAM, "127.0.0.1") as port:
        raw = await SystemNet().raw("127.0.0.1", NUMBER, port)
        assert raw.port("udp") != port
        raw.close()
    raw = await SystemNet().raw("127.0.0.1", NUMBER, port)
    assert raw.port("udp") == port
    raw.close()
    raw.close()


# --- quotes as routers have them


@pytest.fixture(scope="module")
def reader() -> Any:
    """Reads packets to 192.0.2.7, and to 2001:db8::7, without a socket of its own."""
    from natprobe.net import raw

    class Reader(raw.LinuxRaw):
        def __init__(self, address: str) -> None:
            self._local, self._version, self._number = address, family(address), NUMBER
            self._ports, self._layers = {"udp": 4000, "tcp": 4001}, raw._scapy()

        def read(self, data: bytes) -> Heard | None:
            return self._read(data)

    return Reader


def error(sent: bytes, cut: int | None = None, kind: int = 11) -> bytes:
    from scapy.layers.inet import ICMP, IP

    return bytes(IP(src="198.51.100.9", dst="192.0.2.7", ttl=60) / ICMP(type=kind) / sent[:cut])


def syn(mark: int = 3, seq: int = NUMBER, **fields: Any) -> bytes:
    from scapy.layers.inet import IP, TCP

    ip = IP(src="192.0.2.7", dst="203.0.113.1", id=MARKED + mark, ttl=1, **fields)
    return bytes(ip / TCP(sport=4001, dport=443, seq=seq, window=MARKED + mark))


def test_eight_bytes_are_enough(reader: Any) -> None:
    """RFC 792 promises no more behind the header; then the identification tells which it was."""
    found = reader("192.0.2.7").read(error(syn(), 28))
    assert found.quoted.mark == 3
    assert found.quoted.source == ("192.0.2.7", 4001)
    assert (found.source, found.ttl, found.icmp) == ("198.51.100.9", 60, "11/0")


def test_a_whole_quote_tells_by_itself(reader: Any) -> None:
    """Where the identification was rewritten on the way."""
    renumbered = bytearray(syn())
    renumbered[4:6] = b"\x12\x34"
    found = reader("192.0.2.7").read(error(bytes(renumbered)))
    assert (found.quoted.mark, found.quoted.ident) == (3, 0x1234)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x45",
        bytes(20),
        error(syn(seq=5)),  # another's
        error(syn(mark=0)),
        error(syn(mark=300)),
        error(syn(), 27),
        error(syn(), 20),
        error(syn(), 3),
        error(syn(), kind=8),  # no error at all
        error(b""),
        b"\x60" + bytes(50),
    ],
)
def test_what_is_no_quote_of_ours(reader: Any, data: bytes) -> None:
    assert reader("192.0.2.7").read(data) is None


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7"])
def test_garbage_ends_nothing(reader: Any, address: str) -> None:
    """Every cut, and every byte changed, of an error and of an answer."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import ICMPv6TimeExceeded, IPv6

    if address == "192.0.2.7":
        whole = [error(syn()), bytes(IP(src="203.0.113.1", dst=address) / TCP(sport=443, dport=4001, flags="SA"))]
    else:
        sent = IPv6(src=address, dst="2001:db8::1") / TCP(sport=4001, dport=443, seq=NUMBER, window=MARKED + 4)
        whole = [bytes(IPv6(src="2001:db8::9", dst=address) / ICMPv6TimeExceeded() / sent)]
    for data in whole:
        read = reader(address).read
        assert read(data) is not None
        for place in range(len(data)):
            read(data[:place])
            for value in (0, 0x7F, 0xFF):
                read(data[:place] + bytes([value]) + data[place + 1 :])


# --- without the privilege, and without a trace


async def test_elsewhere_than_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    from natprobe.net import sniff

    monkeypatch.setattr("natprobe.net.sniff.sys.platform", "darwin")
    with pytest.raises(NotHere) as told:
        sniff.packets(b"")
    assert failure_of(told.value) == (Failure.UNSUPPORTED, "only Linux has packet sockets")


def child(script: str, *before: str, home: Path | None = None) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    env |= {"PYTHONDONTWRITEBYTECODE": "1"} | ({"HOME": str(home)} if home else {})
    argv = [*before, sys.executable, "-c", script]
    return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=TREE, env=env).stdout.strip()


OPENS = """
import asyncio, os, sys
from natprobe.net.system import SystemNet
before = dict(os.environ)
async def go():
    try:
        (await SystemNet().raw("127.0.0.1", 1)).close()
    except PermissionError:
        print("denied", end=" ")
asyncio.run(go())
print("loaded" if any(name.startswith("scapy") for name in sys.modules) else "light", os.environ == before)
"""


@root
def test_no_file_is_left_in_the_home_folder(tmp_path: Path) -> None:
    assert child(OPENS, home=tmp_path) == "loaded True"
    assert list(tmp_path.rglob("*")) == []


@root
def test_without_the_privilege_nothing_is_loaded(tmp_path: Path) -> None:
    assert child(OPENS, *ORDINARY, home=tmp_path) == "denied light True"


def test_nobody_loads_scapy_by_the_way() -> None:
    code = "import sys, natprobe.net.raw, natprobe.probes.raw; print([n for n in sys.modules if n.startswith('scapy')])"
    assert child(code) == "[]"


def test_what_says_where_files_lie_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    before = dict(os.environ)
    with contextlib.suppress(OSError), homeless():
        assert os.environ["XDG_CACHE_HOME"] == os.environ["XDG_DATA_HOME"] == os.devnull
        raise OSError
    assert dict(os.environ) == before
