"""Which of two versions is the older one, of the kinds that Jitsi's and others' parts have. Pure."""

from __future__ import annotations

import re

# `stable-8138-1` of docker-jitsi-meet, `jitsi-meet_9646` of the source, `2.0.9646-1` of the package: one count.
# Only docker-jitsi-meet counts releases of one build; what follows a package's `-` is its own business.
_JITSI = re.compile(r"(?:stable-(\d{4,6})(?:-(\d{1,2}))?|(?:jitsi-meet_|2\.0\.)(\d{4,6}))(?!\d)")
_DOTTED = re.compile(r"(?:\d+:)?v?(\d+(?:\.\d+){0,4})")


def older(version: str, than: str) -> bool | None:
    """Whether `version` comes before the other one; None where that can't be told: two kinds can't be compared."""
    (kind, first), (other, second) = _numbers(version), _numbers(than)
    return first < second if kind == other and kind else None


def _numbers(version: str) -> tuple[str, tuple[int, ...]]:
    if (found := _JITSI.match(version)) is not None:
        return "jitsi", (int(found[1] or found[3]), int(found[2] or 0))
    dotted = _DOTTED.match(version)
    return ("dotted", tuple(map(int, dotted[1].split(".")))) if dotted else ("", ())
