"""The report as JSON (schema natprobe-report/1): for tickets, programs and `natprobe diagnose`."""

from __future__ import annotations

import json
import re

from natprobe.codec import dump
from natprobe.model import Report
from natprobe.render._manner import PLAINLY, Manner

_BEYOND = re.compile(r"[^ -~\n]|#(?=#)")


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """The same observations give the same bytes."""
    return _BEYOND.sub(_shown, dump(report))


def _shown(found: re.Match[str]) -> str:
    """As it is, where it can be seen; escaped what a terminal obeys or hides, and what begins `##[command]`, which CI
    looks for wherever it stands in a line of its log. All of it stands within strings.
    """
    sign = found[0]
    if sign == "#":
        return "\\u0023"
    return sign if sign.isprintable() else json.dumps(sign)[1:-1]
