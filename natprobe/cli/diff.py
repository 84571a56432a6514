"""`natprobe diff`: two saved or pasted reports, and what is different in the later one."""

from __future__ import annotations

from pathlib import Path

from natprobe.cli.errors import FINDINGS, OK, USAGE, UsageError, warn
from natprobe.cli.language import ENGLISH, spoken
from natprobe.cli.output import emit
from natprobe.cli.reading import reports
from natprobe.codec import BadReport, merge
from natprobe.diagnose import diagnose
from natprobe.differing import Difference, compare
from natprobe.model import Report, Severity
from natprobe.render._difference import as_json, as_text

FORMATS = {"text": as_text, "json": as_json}
_FAIL_ON = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE, "never": None}
_RANK = (Severity.NOTE, Severity.WARNING, Severity.ERROR)


def run(old: str, new: str, *, form: str, output: Path | None, fail_on: str, quiet: bool, language: str) -> int:
    """The exit code. Raises UsageError."""
    if form not in FORMATS:
        raise UsageError(f"diff has no format {form[:40]!a}; there are {', '.join(FORMATS)}")
    if fail_on not in _FAIL_ON:
        raise UsageError(f"--fail-on is one of {', '.join(_FAIL_ON)}, not {fail_on[:40]!a}")
    if old == new == "-":
        raise UsageError("- stands for stdin, which can be read once only")
    difference = compare(_report(old, quiet), _report(new, quiet))
    with spoken(language if form == "text" else ENGLISH):
        text = FORMATS[form](difference)
    written = _written(text, form, output)
    return (FINDINGS if _fails(difference, _FAIL_ON[fail_on]) else OK) if written else USAGE


def _report(word: str, quiet: bool) -> Report:
    try:
        saved = merge(reports([word], quiet))
    except BadReport as exc:
        raise UsageError(str(exc)) from None
    return diagnose(saved.target, saved.observations, saved.sources)


def _fails(difference: Difference, threshold: Severity | None) -> bool:
    """A worse verdict is as grave as any finding."""
    if threshold is None:
        return False
    worst = difference.new_worst
    return difference.worse or (worst is not None and _RANK.index(worst) >= _RANK.index(threshold))


def _written(text: str, form: str, output: Path | None) -> bool:
    if output is None:
        return emit(text, utf8=form == "json")
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as exc:
        warn(f"cannot write {str(output)!r}: {exc.strerror}")
        return False
    return True
