"""`natprobe diagnose`: saved or pasted reports, judged again with today's rules."""

from __future__ import annotations

from natprobe.cli.errors import USAGE, UsageError
from natprobe.cli.gate import Demands, complain, judged
from natprobe.cli.output import Plan, write
from natprobe.cli.reading import reports
from natprobe.cli.redaction import discreet
from natprobe.codec import BadReport, merge
from natprobe.diagnose import diagnose


def run(files: list[str], output: Plan, demands: Demands) -> int:
    """The exit code. Raises UsageError."""
    try:
        saved = merge(reports(files, output.quiet))
    except BadReport as exc:
        raise UsageError(str(exc)) from None
    report = diagnose(saved.target, saved.observations, saved.sources)
    gate = judged(report, demands)
    written = write(report, output, gate)
    complain(discreet(gate, report, output.redact), demands, output)
    return gate.code if written else USAGE
