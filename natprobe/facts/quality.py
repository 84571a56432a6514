"""What a `natprobe serve` at the other end helps to measure: rates of each direction, and marks that survive."""

from __future__ import annotations

from typing import Literal

from natprobe.model import Count, Endpoint, Milliseconds, Observation


class PathRate(Observation, frozen=True, kw_only=True):
    """A train of full-size ICE checks directly to `natprobe serve` over UDP (--bitrate), at `bitrate` bits of payload a
    second; `received`: how many a second arrived.

    `direction` up: the checks, which are answered by small packets. `down`: the answers, as large as the checks, since
    a server that answers with more than it was sent would be a weapon; so that the line up has to carry as much.
    `halfway`: how many checks got there, None: it was not told; `arrived`: how many answers came back.
    """

    endpoint: Endpoint
    local: Endpoint | None = None
    direction: Literal["up", "down"]
    bitrate: Count
    size: Count
    interval_ms: Milliseconds
    sent: Count = 0
    halfway: Count | None = None
    arrived: Count = 0
    received: Count | None = None


class Marked(Observation, frozen=True, kw_only=True):
    """Small ICE checks with a mark and without, in turn and from the same socket, to `natprobe serve` (--compare,
    --trace).

    `tos`: the mark, as IPv4's type of service or IPv6's traffic class: DSCP in the upper six bits. `seen`: what was
    left of it there, None: its system doesn't tell, or none arrived. `sent` and `answered` count the marked ones,
    `plain` and `plain_answered` the others.
    """

    endpoint: Endpoint
    local: Endpoint | None = None
    tos: Count
    seen: Count | None = None
    sent: Count = 0
    answered: Count = 0
    plain: Count = 0
    plain_answered: Count = 0
