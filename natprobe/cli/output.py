"""Where the report goes: formats paired with files, a terminal or a pipe. Planned before anything is measured."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from natprobe.cli.errors import UsageError, warn
from natprobe.model import Report

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
        if path.is_dir() or not path.parent.is_dir():
            raise UsageError(f"cannot write {str(path)!r}: it is a folder, or its folder does not exist")
    stdout = left[0] if left else None if files else "text"
    return Plan(stdout=stdout, files=tuple(files), quiet=quiet, verbose=verbose, no_color=no_color)


def write(report: Report, to: Plan) -> bool:
    """Every output; False when a file could not be written: stdout then gets it, so that nothing is lost."""
    lost = [name for name, path in to.files if not _to_file(report, name, path)]
    for name in ([to.stdout] if to.stdout else []) + lost[:1]:
        _to_stdout(report, name, to)
    if to.files and not to.stdout and not to.quiet and not lost:
        warn(f"{report.verdict.status}: {report.verdict.summary}. Written to {', '.join(str(p) for _, p in to.files)}")
    return not lost


def _known(formats: Sequence[str]) -> None:
    from natprobe.render import formats as all_formats

    for name in formats:
        if name not in all_formats():
            raise UsageError(f"there is no format {name!a}; there are {', '.join(all_formats())}")


def _by_ending(path: Path) -> str:
    return _BY_ENDING.get(path.suffix.lower(), "text")


def _to_file(report: Report, name: str, path: Path) -> bool:
    from natprobe.render import renderer

    try:
        path.write_text(renderer(name).render(report), encoding="utf-8")
    except OSError as exc:
        warn(f"cannot write {str(path)!r}: {exc.strerror}")
        return False
    return True


def _to_stdout(report: Report, name: str, to: Plan) -> None:
    from natprobe.render import renderer

    try:
        if name == "text":
            _text(report, to)
        else:
            sys.stdout.write(renderer(name).render(report))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read has seen enough; the interpreter must not complain at its exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text(report: Report, to: Plan) -> None:
    from natprobe.render.text import lines

    shown = lines(report, verbose=to.verbose)
    if not colourful(sys.stdout, to.no_color):
        sys.stdout.write("\n".join(line.text for line in shown) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in shown:
        console.print(Text(line.text, style=_STYLES.get(line.style, "")))


def colourful(stream: TextIO, no_color: bool) -> bool:
    """Colours only for a terminal that can, and nobody who said no (no-color.org)."""
    return stream.isatty() and not no_color and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
