"""Janus's videoroom without I/O: what its answers and events say, and packets that it tells one from the other.

An audio level (RFC 6464) is the only thing of a packet that it tells anybody: with a room's `audio_active_packets` at 1
every packet is judged by its own, louder than `audio_level_average` or not, and each change is told with the level. So
packets that are loud and quiet in turn, each at a level of its own, are told one by one (measured with 1.1.2).
"""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

import msgspec

from natprobe.wire.janus import Id, JanusError
from natprobe.wire.text import clean

PLUGIN = "janus.plugin.videoroom"
# Its own error code for what has the wrong form or type.
INVALID = 430
# Who forwards a publisher numbers its streams so (REMOTE_PUBLISHER_BASE_SSRC and its step in videoroom's source).
BASE_SSRC, SSRC_STEP = 1000, 10
# RFC 6464 section 3: so many levels there are; those below the middle are louder.
LEVELS = 128
MIDDLE = LEVELS // 2
# The extension's number on the wire, and its name.
LEVEL_ID = 1
LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


class Said(NamedTuple):
    """Of an answer or event. `word` is its `videoroom`; `port`, `rtcp_port` and `ip`: what was bound; `level`: of the
    packet that made the stream `mindex` of the publisher `id` loud or quiet. `leaving`: who has left the room.
    """

    word: str = ""
    room: Id | None = None
    id: Id | None = None
    port: int | None = None
    rtcp_port: int | None = None
    ip: str | None = None
    mindex: int | None = None
    level: int | None = None
    leaving: Id | None = None


class _Words(msgspec.Struct):
    videoroom: str = ""
    room: int | str | None = None
    id: int | str | None = None
    port: int | None = None
    rtcp_port: int | None = None
    ip: str | None = None
    mindex: int | None = None
    leaving: int | str | None = None
    level: float | None = msgspec.field(name="audio-level-dBov-avg", default=None)


def read(words: bytes) -> Said:
    """Raises JanusError."""
    try:
        found = msgspec.json.decode(words, type=_Words | None) or _Words()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise JanusError("not what a videoroom says") from None
    level = found.level
    return Said(
        word=clean(found.videoroom, 60),
        room=found.room,
        id=found.id,
        port=_port(found.port),
        rtcp_port=_port(found.rtcp_port),
        ip=_address(found.ip),
        mindex=found.mindex,
        leaving=found.leaving,
        level=round(level) if level is not None and 0 <= level < LEVELS else None,
    )


def _address(found: str | None) -> str | None:
    try:
        return None if found is None else str(ipaddress.ip_address(found.partition("%")[0]))
    except ValueError:
        return None


def _port(found: int | None) -> int | None:
    return found if found is not None and 0 < found < 65536 else None


def level(number: int) -> int:
    """Of the packet of this number, from 0 to 127: loud and quiet in turn, each by itself."""
    return number // 2 + MIDDLE * (number % 2)


def stream(mindex: int) -> dict[str, Any]:
    """Audio with the levels, as a remote publisher's description has it."""
    return {"type": "audio", "codec": "opus", "mid": str(mindex), "mindex": mindex, "audiolevel_ext_id": LEVEL_ID}


def missing(told: set[int], sent: int) -> int:
    """How many were lost, by the levels that were told: after a lost one the next makes no change, and nobody hears
    of it. So of each gap the half counts as lost, rounded up.
    """
    lost = gap = 0
    for number in [*range(sent), None]:
        if number is not None and level(number) not in told:
            gap += 1
            continue
        lost, gap = lost + (gap + 1) // 2, 0
    return lost
