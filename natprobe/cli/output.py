"""Where the report goes: formats paired with files, a terminal or a pipe. Planned before anything is measured."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from natprobe.cli.errors import UsageError, silence, warn
from natprobe.model import Report
from natprobe.render._manner import Gate, Manner

_BY_ENDING = {".json": "json", ".txt": "text", ".log": "text"}
_STYLES = {
    "good": "bold green",
    "open": "green",
    "degraded": "bold yellow",
    "warning": "bold yellow",
    "broken": "bold red",
    "blocked": "red",
    "error": "bold red",
    "unknown": "bold magenta",
    "title": "bold",
    "fix": "cyan",
    "dim": "dim",
    "note": "bold blue",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is written where. `stdout` None: everything goes to files."""

    stdout: str | None
    files: tuple[tuple[str, Path], ...]
    quiet: bool
    verbose: bool
    no_color: bool


def plan(
    formats: Sequence[str] | None,
    outputs: Sequence[Path] | None,
    as_json: bool,
    *,
    quiet: bool = False,
    verbose: bool = False,
    no_color: bool = False,
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
    return Plan(stdout=stdout, files=tuple(files), quiet=quiet, verbose=verbose, no_color=no_color)


def write(report: Report, to: Plan, gate: Gate | None = None) -> bool:
    """Every output; False when a file could not be written: stdout then gets it, so that nothing is lost."""
    manner = Manner(verbose=to.verbose, gate=gate)
    lost = [name for name, path in to.files if not _to_file(report, name, path, manner)]
    shown = [_to_stdout(report, name, to, manner) for name in ([to.stdout] if to.stdout else []) + lost[:1]]
    if to.files and not to.stdout and not to.quiet and not lost:
        warn(f"{report.verdict.status}: {report.verdict.summary}. Written to {', '.join(str(p) for _, p in to.files)}")
    return not lost and all(shown)


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


def _by_ending(path: Path) -> str:
    return _BY_ENDING.get(path.suffix.lower(), "text")


def _to_file(report: Report, name: str, path: Path, manner: Manner) -> bool:
    from natprobe.render import renderer

    text = renderer(name).render(report, manner)
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

    if name == "text" and colourful(sys.stdout, to.no_color):
        return _coloured(report, manner)
    return emit(renderer(name).render(report, manner), utf8=name != "text")


def _coloured(report: Report, manner: Manner) -> bool:
    from rich.console import Console
    from rich.text import Text

    from natprobe.render.text import lines

    console = Console(highlight=False, soft_wrap=True)
    for line in lines(report, manner):
        console.print(Text(line.text, style=_STYLES.get(line.style, "")))
    return True


def colourful(stream: TextIO, no_color: bool) -> bool:
    """Colours only for a terminal that can, and nobody who said no (no-color.org)."""
    return stream.isatty() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
