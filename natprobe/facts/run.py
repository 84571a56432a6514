"""The run itself: what was asked for, and how each probe ended."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Family, Observation, Seconds, Text, Time


class Run(Observation, frozen=True, kw_only=True):
    """The first observation of every report: which natprobe, when, with which options that matter. No secrets.

    `bitrate`: bits per second (--bitrate), 0: none was asked for. `packets`: how many a train has, where
    there is one. `hold`: seconds (--hold), 0: not asked for.
    `room`: the user named one to enter, by --room or in a link. `cascade`: how many other Janus servers were named;
    `apply`: rooms might be made. `session`: a random word by which `natprobe serve` knows this run's packets.
    `proxy`: `auto`, by this machine's settings, `none`, or the one that was given.
    """

    version: Text
    started: Time
    system: Text = ""
    timeout: Seconds = 0.0
    families: tuple[Family, ...] = (4, 6)
    sources: tuple[Text, ...] = ()
    only: tuple[Text, ...] = ()
    skip: tuple[Text, ...] = ()
    stun: tuple[Text, ...] = ()
    idle: Seconds = 0.0
    bitrate: Count = 0
    compare: bool = False
    packets: Count = 20
    trace: bool = False
    audit_relay: bool = False
    shallow: bool = False
    deep: bool = False
    hold: Seconds = 0.0
    sessions: Count = 1
    room: bool = False
    cascade: Count = 0
    apply: bool = False
    insecure: bool = False
    proxy: Text = "auto"
    guess_proxy: bool = False
    session: Text = ""


# How `Probed.detail` begins where a probe was cut from outside: by the user, or by the run's bound (--timeout).
INTERRUPTED = "interrupted"
RUN_LIMIT = "the run's time limit"
# And where nobody knows how it ended, since that part of the report was lost on its way here.
TORN = "the report breaks off here"


class Probed(Observation, frozen=True, kw_only=True):
    """The last observation of every probe: did it run to its end, and why not. `detail` has the reason."""

    status: Literal["complete", "skipped", "cut", "crashed"]
