"""A relay that never stops talking, over real sockets: the whole process stays small, and ends in time."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import child
from tests.lab.turn_server import indication

TREE = Path(__file__).parents[2]
MEGABYTES, SECONDS = 120, 19.0  # of the whole process, on a busy machine: less than the run is allowed by itself
FLOODS = {
    "data of peers": indication(XOR_PEER_ADDRESS=("192.0.2.9", 9), DATA=bytes(1200)),
    "64 KiB of it": indication(XOR_PEER_ADDRESS=("192.0.2.9", 9), DATA=bytes(65000)),
    "answers to nothing": b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
    "an attribute of 64 KiB": b"\x01\x13\xff\xfc\x21\x12\xa4\x42" + bytes(12) + b"\x80\x22\xff\xf8" + bytes(65528),
}


@contextlib.contextmanager
def flooding(data: bytes) -> Iterator[int]:
    """The port of a server that sends this to whoever has said something, as fast as it goes."""
    many = data * max(1, 65536 // len(data))

    def serve(stream: socket.socket) -> None:
        with stream, contextlib.suppress(OSError):
            stream.recv(65536)
            while True:
                stream.sendall(many)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("what", FLOODS)
def test_it_is_bounded(what: str) -> None:
    with flooding(FLOODS[what]) as port:
        target = f"turn:127.0.0.1:{port}?transport=tcp"
        words = ("check", target, "--stun", "none", "--only", "names", "--only", "turn", "--json")
        argv = [sys.executable, "-m", "natprobe", *words]
        done = subprocess.run(
            [sys.executable, child.__file__, "1"],
            input=json.dumps({"check": argv}),
            capture_output=True,
            text=True,
            cwd=TREE,
            check=True,
            timeout=60,
        )
    ((seconds, megabytes, code),) = json.loads(done.stdout)["check"]
    assert code in (0, 1, 3)
    assert seconds < SECONDS
    assert megabytes < MEGABYTES
