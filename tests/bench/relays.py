"""natprobe and coturn's own client at the same relay: how soon the first byte is relayed, and how soon either gives up.

What the relay sends to a peer is seen on the relay's own wire, so that neither tool's word is taken for it.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests import access
from tests.bench.figures import Figure
from tests.case import Case, Expect, Relay
from tests.netns import addresses as at
from tests.netns.lab import Lab, lab

ROUNDS, PATIENCE = 5, 20.0
OTHER = "turnutils_uclient"
WAITS = {"natprobe": 3, OTHER: 1}
TRANSPORTS = {
    "UDP": ("turn:turn.example.test", ()),
    "TCP": ("turn:turn.example.test?transport=tcp", ("-t",)),
    "TLS": ("turns:turn.example.test", ("-t", "-S")),
    "DTLS": ("turns:turn.example.test?transport=udp", ("-S",)),
}
OWN_PORTS = (at.TURN_PORT, at.TURNS_PORT)
RELAYED = range(49152, 65536)
TREE = Path(__file__).parents[2]


class Seen(NamedTuple):
    """Seconds to the first byte that the relay sent on: since the tool was started, and since its first packet."""

    since_start: float
    since_packet: float


def figures() -> Iterator[Figure]:
    """First bytes per transport, then silence; without coturn's client only natprobe's, beside nothing."""
    tools = ("natprobe", OTHER) if shutil.which(OTHER) else ("natprobe",)
    with lab(_case(Relay(runs=True, tls="good"))) as built:
        for name, (target, flags) in TRANSPORTS.items():
            argv = {tool: _argv(built, tool, target, flags) for tool in tools}
            rounds = [{tool: first_byte(built, argv[tool]) for tool in tools} for _ in range(ROUNDS)]
            yield from _compared(
                f"relayed over {name}", [{t: e.since_start for t, e in each.items()} for each in rounds]
            )
            yield Figure("… since its first packet", tuple(each["natprobe"].since_packet for each in rounds), "s")
    with lab(_case(Relay(runs=True, udp="drop", tcp="drop"))) as built:
        waited = {
            tool: [gives_up(built, _argv(built, tool, *TRANSPORTS["UDP"])) for _ in range(WAITS[tool])]
            for tool in tools
        }
    yield from _compared("silence given up", [{tool: min(each) for tool, each in waited.items()}])
    yield Figure("… in seconds", tuple(waited["natprobe"]), "s", 3.5)


def _compared(name: str, rounds: list[dict[str, float]]) -> Iterator[Figure]:
    """In turn, so that a busy minute falls on both: the other's seconds, and natprobe's as a multiple of them."""
    ours = tuple(each["natprobe"] for each in rounds)
    if OTHER not in rounds[0]:
        yield Figure(f"{name}, natprobe", ours, "s")
        return
    others = tuple(each[OTHER] for each in rounds)
    yield Figure(f"{name}, {OTHER}", others, "s")
    yield Figure("… natprobe", ours, "x", 1.0, others)


def _case(relay: Relay) -> Case:
    return Case(title="a bar", expect=Expect(verdict="good", exit=0), relay=relay)


def _argv(built: Lab, tool: str, target: str, flags: tuple[str, ...]) -> list[str]:
    if tool == "natprobe":
        case = _case(Relay(runs=True))
        given = (*access.options(case, built.network.folder), "--ca-file", str(built.root))
        words = ("--stun", "stun:stun2.example.test", "--only", "names", "--only", "turn")
        return [sys.executable, "-m", "natprobe", "check", target, *words, *given]
    port = at.TURNS_PORT if "-S" in flags else at.TURN_PORT
    who = ("-u", access.USER, "-w", access.PASSWORD)
    return [tool, *flags, "-c", "-n", "1", "-p", str(port), "-e", at.STUN2, "-r", str(at.STUN_PORT), *who, at.RELAY]


def first_byte(built: Lab, argv: list[str]) -> Seen:
    """One run, ended as soon as the byte is seen. Raises RuntimeError where none comes."""
    with watching(built) as watch:
        began = time.monotonic()
        quiet = subprocess.DEVNULL
        child = subprocess.Popen(built.client.inside(argv), stdin=quiet, stdout=quiet, stderr=quiet, cwd=TREE)
        try:
            said, _ = watch.communicate(timeout=PATIENCE)
        finally:
            child.terminate()
            child.wait(10)
    if not said:
        raise RuntimeError(f"nothing was relayed: {argv[0]}")
    packet, byte = json.loads(said)
    return Seen(byte - began, byte - packet)


def gives_up(built: Lab, argv: list[str]) -> float:
    """How long it takes to end by itself; PATIENCE where it doesn't."""
    began = time.monotonic()
    try:
        built.client.run(argv, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return PATIENCE
    return time.monotonic() - began


@contextmanager
def watching(built: Lab) -> Iterator[subprocess.Popen[str]]:
    """Whoever reads the relay's wire, once it does."""
    argv = built.network["relay"].inside([sys.executable, "-m", "tests.bench.relays"])
    watch = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TREE)
    assert watch.stderr is not None
    try:
        assert watch.stderr.readline() == "ready\n"
        yield watch
    finally:
        watch.kill()
        watch.wait()


def watch_wire() -> None:
    """Prints when the first packet to the relay came, and when the first one left from a relayed address."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))  # ETH_P_ALL
    wire.bind(("eth0", 0))
    print("ready", file=sys.stderr, flush=True)
    relay, came = socket.inet_aton(at.RELAY), 0.0
    while True:
        data = wire.recv(65536)
        if data[:1] != b"\x45" or data[9] not in (6, 17):  # IPv4 without options: TCP or UDP
            continue
        source, target = (int.from_bytes(data[n : n + 2], "big") for n in (20, 22))
        if not came and data[16:20] == relay and target in OWN_PORTS:
            came = time.monotonic()
        elif came and data[9] == 17 and data[12:16] == relay and source in RELAYED:
            print(json.dumps([came, time.monotonic()]))
            return


if __name__ == "__main__":
    watch_wire()
