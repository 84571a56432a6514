"""Where the report goes: formats paired with files, a terminal or a pipe. Planned before anything is measured."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from natprobe.cli.errors import UsageError, silence, warn
from natprobe.cli.language import ENGLISH, language, spoken
from natprobe.cli.redaction import hidden
from natprobe.model import Report
from natprobe.render._manner import Gate, Manner

_BY_ENDING = {
    ".json": "json",
    ".txt": "text",
    ".log": "text",
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".xml": "junit",
    ".sarif": "sarif",
    ".prom": "prometheus",
}
_FOR_PEOPLE = ("text", "html", "markdown")
# Such as can be read on dark and on light: no yellow, no cyan, no blue.
_STYLES = {
    "good": "bold green",
    "open": "green",
    "degraded": "bold magenta",
    "warning": "bold magenta",
    "broken": "bold red",
    "blocked": "red",
    "error": "bold red",
    "unknown": "bold",
    "note": "bold",
    "title": "bold",
    "copy": "bold",
    "dim": "dim",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is written where. `stdout` None: everything goes to files. `redact`: the key of the stand-ins, None: none.
    `language`: of what people read.
    """

    stdout: str | None
    files: tuple[tuple[str, Path], ...]
    quiet: bool
    verbose: bool
    no_color: bool
    dialects: tuple[str, ...] = ()
    redact: bytes | None = field(default=None, repr=False)
    language: str = ENGLISH


def plan(
    formats: Sequence[str] | None,
    outputs: Sequence[Path] | None,
    as_json: bool,
    *,
    quiet: bool = False,
    verbose: bool = False,
    no_color: bool = False,
    dialects: Sequence[str] | None = None,
    redact: bytes | None = None,
    lang: str | None = None,
) -> Plan:
    """The nth -o takes the nth -f, else the file's ending. Raises UsageError."""
    wanted = [*(formats or ()), *(["json"] if as_json else [])]
    _known(wanted)
    files = [(wanted[n] if n < len(wanted) else _by_ending(path), path) for n, path in enumerate(outputs or ())]
    left = wanted[len(files) :]
    if len(left) > 1:
        raise UsageError(f"only one format can go to stdout, not {' and '.join(left)}: give the others a file with -o")
    for _, path in files:
        _try_out(path)
    stdout = left[0] if left else None if files else "text"
    return Plan(
        stdout=stdout,
        files=tuple(files),
        quiet=quiet,
        verbose=verbose,
        no_color=no_color,
        dialects=_spoken(dialects),
        redact=redact,
        language=language(lang),
    )


def write(report: Report, to: Plan, gate: Gate | None = None, *, judged: bool = True) -> bool:
    """Every output; False when a file could not be written: stdout then gets it, so that nothing is lost. `judged`
    False: the report was not, and is not for stand-ins either.
    """
    report, gate = hidden(report, gate, to.redact, judged=judged)
    manner = Manner(verbose=to.verbose, dialects=to.dialects, gate=gate)
    lost, shown = [], []
    for name, path in to.files:
        with _in_language(name, to):
            lost += [] if _to_file(report, name, path, manner) else [name]
    for name in ([to.stdout] if to.stdout else []) + lost[:1]:
        with _in_language(name, to):
            shown.append(_to_stdout(report, name, to, manner))
    if to.files and not to.stdout and not to.quiet and not lost:
        warn(f"{report.verdict.status}: {report.verdict.summary}. Written to {', '.join(str(p) for _, p in to.files)}")
    return not lost and all(shown)


def _in_language(name: str, to: Plan) -> AbstractContextManager[None]:
    """What programs read is English everywhere."""
    return spoken(to.language if name in _FOR_PEOPLE else ENGLISH)


def _try_out(path: Path) -> None:
    """Whether it can be written, told before anything is measured. Raises UsageError."""
    if os.path.isdir(path):
        raise UsageError(f"cannot write {str(path)!r}: it is a folder")
    there = os.path.lexists(path)
    if there and not os.path.isfile(path):
        return  # a device, or a pipe that would wait for its reader
    try:
        with path.open("ab"):
            pass
        if not there:
            path.unlink()
    except OSError as exc:
        raise UsageError(f"cannot write {str(path)!r}: {exc.strerror}") from None


def _known(formats: Sequence[str]) -> None:
    from natprobe.render import formats as all_formats

    for name in formats:
        if name not in all_formats():
            raise UsageError(f"there is no format {name!a}; there are {', '.join(all_formats())}")


def _spoken(dialects: Sequence[str] | None) -> tuple[str, ...]:
    """Each once, in the order of the list. Raises UsageError."""
    if not dialects:
        return ()
    from natprobe.render._dialects import NAMES

    for each in dialects:
        if each not in (*NAMES, "all"):
            raise UsageError(f"there is no dialect {each!a}; there are {', '.join(NAMES)}, and all")
    return tuple(each for each in NAMES if each in dialects or "all" in dialects)


def _by_ending(path: Path) -> str:
    return _BY_ENDING.get(path.suffix.lower(), "text")


def _to_file(report: Report, name: str, path: Path, manner: Manner) -> bool:
    from natprobe.render import renderer

    return saved(renderer(name).render(report, manner), path)


def saved(text: str, path: Path) -> bool:
    """Whether it could be written to that file; why not is said."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        warn(f"cannot write {str(path)!r}: {exc.strerror}")
        return False
    return True


def emit(text: str, *, utf8: bool = False) -> bool:
    """On stdout; False when it could not be written. Whoever closed the pipe has seen enough: that is no failure.

    `utf8`: whatever the terminal's encoding, since programs will read it.
    """
    if utf8 and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as exc:
        silence(sys.stdout)
        if not isinstance(exc, BrokenPipeError):
            warn(f"cannot write to stdout: {exc.strerror}")
            return False
    return True


def _to_stdout(report: Report, name: str, to: Plan, manner: Manner) -> bool:
    from natprobe.render import renderer

    if name == "text" and sys.stdout.isatty():
        return _to_terminal(report, manner, colours=colourful(sys.stdout, to.no_color))
    return emit(renderer(name).render(report, manner), utf8=name != "text")


def _to_terminal(report: Report, manner: Manner, *, colours: bool) -> bool:
    """As wide as the terminal is, which a pipe or a file is not."""
    from natprobe.render.text import lines

    shown = lines(report, manner, width=shutil.get_terminal_size().columns)
    if not colours:
        return emit("".join(f"{line.text}\n" for line in shown))
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in shown:
        console.print(Text(line.text, style=_STYLES.get(line.style, "")))
    return True


def colourful(stream: TextIO, no_color: bool) -> bool:
    """Colours only for a terminal that can, and nobody who said no (no-color.org)."""
    return stream.isatty() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
