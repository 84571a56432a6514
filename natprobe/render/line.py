"""One line: the verdict, the target, every way's status, the findings' codes, and the answer. For monitors and chats.

What a monitor draws (Nagios's performance data) follows a bar, as its plugins have it.
"""

from __future__ import annotations

from collections.abc import Iterator

from natprobe.model import Report
from natprobe.render._manner import PLAINLY, Manner
from natprobe.render._tame import told

_CODES_MAX = 12
# Nagios reads 4 KB of a line; the figures after the bar take a few hundred.
_WORDS_MAX = 3000
# A forecast about other clients.
_FORECAST = "p2p"


def render(report: Report, manner: Manner = PLAINLY) -> str:
    """The fields always stand in this order; the ways in the report's, the codes gravest first. What was asked on the
    server alone has no ways to tell of.
    """
    by_client = any(each.vantage == "client" for each in report.sources)
    ways = [f"{each.name}={each.status}" for each in report.paths if by_client and each.name != _FORECAST]
    codes = list(dict.fromkeys(each.code for each in report.findings))
    some = ",".join(codes[:_CODES_MAX]) + (",…" if len(codes) > _CODES_MAX else "")
    head = ["natprobe", report.verdict.status, report.target.host, *ways, some or "-"]
    words = told(f"{' '.join(head)}: {report.verdict.summary}".replace("|", "/"), _WORDS_MAX)
    return f"{words} | {' '.join(_measured(report))}\n"


def _measured(report: Report) -> Iterator[str]:
    """Label, value and unit; loss in per cent."""
    yield f"time={report.duration:.3f}s"
    yield from (f"{each.name}={each.rtt_ms:.1f}ms" for each in report.paths if each.rtt_ms is not None)
    yield from (f"{each.name}-loss={each.loss * 100:.1f}%" for each in report.paths if each.loss is not None)
