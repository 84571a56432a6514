"""The gate's options and policy file, and what it says on stderr. The judging is `natprobe.gate`."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from natprobe.cli.errors import UsageError, warn
from natprobe.cli.files import content
from natprobe.cli.language import spoken
from natprobe.cli.output import Plan
from natprobe.gate import judge
from natprobe.model import Report
from natprobe.policy import FAIL_ON, SIZE_MAX, WITHOUT, BadPolicy, Demands, FailOn, Policy, read, wanted
from natprobe.render._manner import Gate
from natprobe.wording import say

__all__ = ["WITHOUT", "Demands", "complain", "demands", "judged"]


def demands(fail_on: str | None, require: Sequence[str] | None, policy: Path | None = None) -> Demands:
    """Raises UsageError."""
    for each in require or ():
        try:
            wanted(each)
        except BadPolicy as exc:
            raise UsageError(f"--require {exc}") from None
    return Demands(fail_on=threshold(fail_on), require=tuple(require or ()), policy=_policy(policy))


def threshold(word: str | None) -> FailOn | None:
    """Of --fail-on. Raises UsageError."""
    for each in FAIL_ON:
        if word == each:
            return each
    if word is not None:
        raise UsageError(f"--fail-on is one of {', '.join(FAIL_ON)}, not {word[:40]!a}")
    return None


def _policy(path: Path | None) -> Policy | None:
    if path is None:
        return None
    what = f"--policy {str(path)!a}"
    try:
        return read(content(what, path, SIZE_MAX).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{what} is no UTF-8 text") from None
    except BadPolicy as exc:
        raise UsageError(f"{what}: {exc}") from None


def judged(report: Report, asked: Demands) -> Gate:
    """Whether the report passes, and what each demand came to, today."""
    return judge(report, asked, datetime.datetime.now(datetime.UTC).date())


def complain(gate: Gate, asked: Demands, output: Plan) -> None:
    """A line for each demand that is not kept, where anybody asked for more than the report itself answers."""
    if not gate.code or not asked.anything or output.quiet:
        return
    with spoken(output.language):
        for each in gate.held:
            if each.status in ("broken", "unknown"):
                warn(say("gate: {why}", why=each.why))
