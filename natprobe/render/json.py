"""The report as JSON (schema natprobe-report/1): for tickets, programs and `natprobe diagnose`."""

from __future__ import annotations

from natprobe.codec import dump
from natprobe.model import Report
from natprobe.render._manner import PLAINLY, Manner


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """The same observations give the same bytes."""
    return dump(report)
