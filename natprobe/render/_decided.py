"""What decided the exit code, for the formats that CI reads: which findings and ways count, and which are waived."""

from __future__ import annotations

import datetime

from natprobe.model import Report
from natprobe.render._manner import Gate, Manner


def gate(report: Report, manner: Manner) -> Gate:
    """The gate that judged the report; where nobody asked for one, what every report is judged by."""
    if manner.gate is not None:
        return manner.gate
    from natprobe.gate import judge
    from natprobe.policy import WITHOUT

    return judge(report, WITHOUT, datetime.date.min)  # without waivers no day counts


def decisive(judged: Gate) -> frozenset[int]:
    """The places of the findings that made the report fail."""
    return frozenset(number for each in judged.held if each.status == "broken" for number in each.findings)


def waived(judged: Gate) -> dict[int, str]:
    """The places of the findings that a policy waives, and why."""
    return {number: each.why for each in judged.held if each.status == "waived" for number in each.findings}


def missed(judged: Gate) -> dict[str, str]:
    """The ways for media that made the report fail, and why."""
    return {name: each.why for each in judged.held if each.status == "broken" for name in each.ways}
