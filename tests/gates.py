"""The exit code of a report, for tests in which no waiver runs out."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from natprobe.gate import judge
from natprobe.model import Report
from natprobe.policy import Demands, FailOn

TODAY = datetime.date(2026, 11, 22)


def exit_code(report: Report, fail_on: FailOn | None = None, require: Sequence[str] | None = None) -> int:
    """As the command would end with these options."""
    return judge(report, Demands(fail_on=fail_on, require=tuple(require or ())), TODAY).code
