"""Which ports `natprobe serve` takes: single ones, ranges, and those of the servers that it stands in for. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

# Of one protocol, in all: each is a socket on every address.
PORTS_MAX = 64
_WORD = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)


class BadPorts(ValueError):
    """What was asked for is no port, no range, or too many. Its words say so in one sentence."""


class Ports(NamedTuple):
    """What a server of some kind listens on. `tcp` first of all where clients fall back to."""

    udp: tuple[int, ...]
    tcp: tuple[int, ...]


USUAL = Ports((10000,), (4443,))
# By the word of --like. The bridge's own, old ones took ICE over TCP; coturn's; Janus's, with the first of a range that
# a tenth of all guides names (its own default is 10000 to 60000).
LIKE: dict[str, Ports] = {
    "jitsi": Ports((10000,), (4443, 443)),
    "janus": Ports(tuple(range(20000, 20011)), (8188, 8989, 8088, 8089)),
    "turn": Ports((3478, 443), (3478, 5349, 443)),
}
ALL = "all"


def like(word: str) -> Ports:
    """Raises BadPorts."""
    chosen = list(LIKE.values()) if word == ALL else [LIKE[word]] if word in LIKE else []
    if not chosen:
        raise BadPorts(f"--like wants {', '.join(LIKE)} or {ALL}, not {word[:40]!a}")
    udp = [port for each in chosen for port in each.udp]
    return Ports(tuple(dict.fromkeys(udp)), tuple(dict.fromkeys(port for each in chosen for port in each.tcp)))


def numbers(option: str, words: Iterable[str]) -> tuple[int, ...]:
    """`10000`, `20000-20010`, or 0 for any free one; each once. Raises BadPorts."""
    found: dict[int, None] = {}
    for word in words:
        match = _WORD.fullmatch(word.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 0 <= first <= last <= 65535 or (last != first and not first):
            raise BadPorts(f"{option} wants a port from 1 to 65535, a range, or 0 for any free one, not {word[:40]!a}")
        if last - first >= PORTS_MAX:
            raise BadPorts(f"{option} takes at most {PORTS_MAX} ports, not {word[:40]!a}")
        found.update(dict.fromkeys(range(first, last + 1)))
    if len(found) > PORTS_MAX:
        raise BadPorts(f"{option} takes at most {PORTS_MAX} ports in all")
    return tuple(found)
