"""SDP (RFC 8866) as far as an offer of one audio stream and its answer need it: RFC 8829, RFC 8839, RFC 6544, RFC 8122.

The answer is read tolerantly: what is not understood is passed over, and nothing in it is believed to be an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import cast

from natprobe.model import Data
from natprobe.pairing import IceCredentials
from natprobe.wire.candidates import (
    CANDIDATES_MAX,
    FINGERPRINT,
    ICE_TEXT,
    TYPES,
    BridgeCandidate,
    CandidateType,
    Transport,
    endpoint,
    number,
)

SDP_MAX = 64 * 1024
LINES_MAX = 2000
# The identification of our only stream (RFC 9143).
MID = "0"
# The payload type that natprobe sends as (RFC 7587).
OPUS = 111
_HASH = re.compile(r"[A-Za-z0-9-]{1,20}")
_FINGERPRINTS_MAX = 4
# RFC 8445 section 5.1.2.1, of host candidates with the highest local preference.
_PRIORITY = (126 << 24) + (65535 << 8) + 255


class SdpError(ValueError):
    """What came is no description that a session could be built on."""


def offer(
    ours: IceCredentials, fingerprint: str, session: int, ssrc: int, extension: tuple[int, str] | None = None
) -> str:
    """One stream of audio, both ways, candidates to follow.

    `setup` active: the other side waits for our handshake (RFC 8842 section 5.1 allows it in an offer). `ssrc` is named
    (RFC 5576), since Janus drops what it doesn't know. No header extensions, so that an echo keeps its size, but the
    one that is wanted: its number and name (RFC 8285).
    """
    extensions = () if extension is None else (f"a=extmap:{extension[0]} {extension[1]}",)
    lines = (
        "v=0",
        f"o=- {session} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {MID}",
        f"m=audio 9 UDP/TLS/RTP/SAVPF {OPUS}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{MID}",
        "a=sendrecv",
        "a=rtcp-mux",
        f"a=rtpmap:{OPUS} opus/48000/2",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {fingerprint}",
        "a=setup:active",
        "a=msid:natprobe audio",
        f"a=ssrc:{ssrc} cname:natprobe",
        *extensions,
    )
    return "".join(f"{each}\r\n" for each in lines)


def host_candidate(rank: int, address: str, port: int) -> str:
    """A candidate of ours (RFC 8839 section 5.1); `rank` counts from 1."""
    return f"candidate:{rank} 1 udp {_PRIORITY - (rank << 8)} {address} {port} typ host"


class Answer(Data, frozen=True, kw_only=True):
    """The other side's transport. Has secrets in it; its repr is empty.

    `announced`: (hash function, fingerprint) of its certificate (RFC 8122). `ended`: no candidates follow. `refused`:
    the stream was turned down (port 0, RFC 3264 section 6).
    """

    credentials: IceCredentials
    announced: tuple[tuple[str, str], ...] = ()
    setup: str | None = None
    lines: tuple[str, ...] = ()
    lite: bool = False
    ended: bool = False
    refused: bool = False

    def __repr__(self) -> str:
        return "Answer()"


def read_answer(text: str, *, controls: bool = False) -> Answer:
    """An answer. Raises SdpError where no usable ICE credentials are in it."""
    if len(text) > SDP_MAX:
        raise SdpError(f"a description longer than {SDP_MAX >> 10} KiB")
    lines = [each.strip() for each in text.split("\n", LINES_MAX)][:LINES_MAX]
    values = _attributes(lines)
    ufrag, password = (next(iter(values.get(each, [])), "") for each in ("ice-ufrag", "ice-pwd"))
    if not ICE_TEXT.fullmatch(ufrag) or not ICE_TEXT.fullmatch(password):
        raise SdpError("a description without usable ICE credentials")
    setup = next(iter(values.get("setup", [])), "")
    return Answer(
        credentials=IceCredentials(ufrag=ufrag, password=password, controls=controls),
        announced=_announced(values.get("fingerprint", [])),
        setup=setup if setup in ("active", "passive", "actpass", "holdconn") else None,
        lines=tuple(f"candidate:{each}" for each in values.get("candidate", [])),
        lite="ice-lite" in values,
        ended="end-of-candidates" in values,
        refused=any(re.match(r"m=\S+ 0 ", each) for each in lines),
    )


def _attributes(lines: Iterable[str]) -> dict[str, list[str]]:
    """All values of each attribute, of the session and of its only stream alike."""
    found: dict[str, list[str]] = {}
    for each in lines:
        if each.startswith("a="):
            name, _, value = each[2:].partition(":")
            found.setdefault(name, []).append(value.strip())
    return found


def _announced(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = [each.split() for each in values[:_FINGERPRINTS_MAX]]
    return tuple(
        (each[0].lower(), each[1].upper())
        for each in found
        if len(each) == 2 and _HASH.fullmatch(each[0]) and FINGERPRINT.fullmatch(each[1])
    )


class Candidates:
    """Those of one session, from its answer and from messages of their own: the distinct ones, and how many others."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], BridgeCandidate] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._found)

    @property
    def found(self) -> tuple[BridgeCandidate, ...]:
        """In the order in which they came."""
        return tuple(self._found.values())

    def add(self, lines: Iterable[str]) -> None:
        """More of them; what can't be contacted, and what is beyond the bound, is only counted."""
        for line in lines:
            each = candidate(line)
            if each is None or (each[:3] not in self._found and len(self._found) >= CANDIDATES_MAX):
                self.dropped += 1
            else:
                self._found.setdefault(each[:3], each)


def candidate(line: str) -> BridgeCandidate | None:
    """RFC 8839 section 5.1, with or without `a=`. None: no unicast address and port that a client could send to."""
    words = line.strip().removeprefix("a=").removeprefix("candidate:").split()[:40]
    if len(words) < 8 or words[1] != "1" or words[6] != "typ":  # component 2: RTCP's own, gone with rtcp-mux
        return None
    at, transport, kind = endpoint(words[4], words[5]), words[2].lower(), words[7].lower()
    rest = dict(zip(words[8::2], words[9::2], strict=False))
    # RFC 6544 section 4.5: an active one connects, nobody can to it.
    passive = transport == "udp" or rest.get("tcptype") == "passive"
    if at is None or transport not in ("udp", "tcp") or kind not in TYPES or not passive:
        return None
    return BridgeCandidate(
        *at,
        cast("Transport", transport),
        cast("CandidateType", kind),
        number(words[3], 2**32 - 1),
        endpoint(rest.get("raddr"), rest.get("rport")),
    )
