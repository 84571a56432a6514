"""`natprobe diff`: two saved or pasted reports, and what is different in the later one."""

from __future__ import annotations

from pathlib import Path

from natprobe.cli.errors import FINDINGS, OK, USAGE, UsageError
from natprobe.cli.gate import threshold
from natprobe.cli.language import ENGLISH, spoken
from natprobe.cli.output import emit, saved
from natprobe.cli.reading import reports
from natprobe.codec import BadReport, merge
from natprobe.diagnose import diagnose
from natprobe.differing import Difference, compare
from natprobe.model import GRAVITY, Report, Severity
from natprobe.policy import FailOn
from natprobe.render._difference import as_json, as_text

FORMATS = {"text": as_text, "json": as_json}


def run(old: str, new: str, *, form: str, output: Path | None, fail_on: str, quiet: bool, language: str) -> int:
    """The exit code. Raises UsageError."""
    if form not in FORMATS:
        raise UsageError(f"diff has no format {form[:40]!a}; there are {', '.join(FORMATS)}")
    wanted = threshold(fail_on)
    if old == new == "-":
        raise UsageError("- stands for stdin, which can be read once only")
    difference = compare(_report(old, quiet), _report(new, quiet))
    with spoken(language if form == "text" else ENGLISH):
        text = FORMATS[form](difference)
    written = _written(text, form, output)
    return (FINDINGS if _fails(difference, wanted) else OK) if written else USAGE


def _report(word: str, quiet: bool) -> Report:
    try:
        read = merge(reports([word], quiet))
    except BadReport as exc:
        raise UsageError(str(exc)) from None
    return diagnose(read.target, read.observations, read.sources)


def _fails(difference: Difference, wanted: FailOn | None) -> bool:
    """A worse verdict is as grave as any finding."""
    if wanted is None or wanted == "never":
        return False
    worst = difference.new_worst
    return difference.worse or (worst is not None and GRAVITY[worst] <= GRAVITY[Severity(wanted)])


def _written(text: str, form: str, output: Path | None) -> bool:
    if output is None:
        return emit(text, utf8=form == "json")
    return saved(text, output)
