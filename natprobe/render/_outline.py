"""What is told to people, before any ink: text, HTML and Markdown write the same outline.

All words in it are in the language spoken and cleaned of control characters; escaping is the ink's.
"""

from __future__ import annotations

from typing import Literal

from natprobe.model import Data, Severity, Status, VerdictStatus

LegState = Literal["open", "blocked", "unknown", "none"]
Stop = Literal["proxy", "relay", "router", "server", "peer"]


class Leg(Data, frozen=True, kw_only=True):
    """One stretch of a way for media, from the stop before it to `to`. `none`: what comes behind the break."""

    proto: str  # UDP, TCP, TLS, DTLS
    to: str  # who is there: `proxy 10.0.0.1:3128`, `relay turn.example.com:443`, `media server 203.0.113.10:10000`
    state: LegState
    stop: Stop  # the same for pictures
    who: str  # the same without its address
    at: str  # its address alone
    word: str  # the state in words


class Way(Data, frozen=True, kw_only=True):
    """One of the ten ways for media, or several that share their fate: who is on it, where it breaks, how fast.

    `legs` are those of the attempt that decides; none where nothing was tried. `others`: what became of the further
    addresses, a line for each fate.
    """

    names: tuple[str, ...]  # of the contract: direct-udp …
    status: Status
    state: str  # the status in words
    legs: tuple[Leg, ...]
    words: str  # proof, round trip, loss, or the reason
    usable: bool
    chosen: bool  # the one that a browser ends on
    rtt: str = ""  # the round trip, if it was measured
    others: tuple[str, ...] = ()


class Advice(Data, frozen=True, kw_only=True):
    """One fix: what to do, the lines to copy for it, and what comes after."""

    words: str
    why: str
    copy: tuple[Copy, ...]
    after: str


class Copy(Data, frozen=True, kw_only=True):
    """Lines to copy as they stand, and for what they are (`ufw`, `/etc/turnserver.conf`); one way of several."""

    label: str
    lines: tuple[str, ...]


class Todo(Data, frozen=True, kw_only=True):
    """All that one audience can do, equal fixes once; `codes`: the findings that each mends."""

    audience: Literal["user", "network", "server"]
    title: str
    advice: tuple[tuple[tuple[str, ...], Advice], ...]


class Seen(Data, frozen=True, kw_only=True):
    """An observation in one line. `at`: seconds from the start."""

    number: int
    words: str
    at: float = 0.0
    probe: str = ""


class Card(Data, frozen=True, kw_only=True):
    """One finding."""

    code: str
    cause: str
    severity: Severity
    rank: str  # the severity in words
    place: str
    message: str  # one sentence or more, ended by its mark
    file: str  # with its line, or empty
    seen: tuple[Seen, ...]  # the telling ones
    more: int  # how many more observations it rests on
    others: tuple[str, ...]  # what else it may be, and how to decide


SectionName = Literal["bitrate", "compare", "quality", "trace", "cascade", "network", "host", "tried", "gate"]


class Row(Data, frozen=True, kw_only=True):
    """One line of a section; `copied`: it is there to be copied, and stays whole."""

    text: str
    copied: bool = False


class Section(Data, frozen=True, kw_only=True):
    """A title and what stands under it. The rows of `compare` are a table made of spaces."""

    name: SectionName
    title: str
    rows: tuple[Row, ...]


class Open(Data, frozen=True, kw_only=True):
    """A question that the evidence does not decide, and how to find out."""

    code: str
    cause: str
    reason: str
    ask: str


class Outline(Data, frozen=True, kw_only=True):
    """The whole report. `on_server`: natprobe was run on the server itself only, so that there are no ways."""

    answer: str  # the one sentence
    status: VerdictStatus
    on_server: bool
    facts: tuple[str, ...]  # verdict, target, stages
    ways: tuple[Way, ...]
    findings: tuple[Card, ...]
    todo: tuple[Todo, ...]
    unknown: tuple[Open, ...]
    sections: tuple[Section, ...]
    exchanges: tuple[Seen, ...]  # every observation; told with -v, folded in HTML
