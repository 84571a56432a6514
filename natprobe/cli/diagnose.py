"""`natprobe diagnose`: saved or pasted reports, judged again with today's rules."""

from __future__ import annotations

import os
import re
import sys

from natprobe.cli.errors import USAGE, UsageError
from natprobe.cli.gate import Demands, judged
from natprobe.cli.output import Plan, write
from natprobe.codec import TEXT_MAX, BadReport, Saved, load, merge
from natprobe.diagnose import diagnose

_FILES_MAX = 50
# A label has nothing of a link or path in it: what follows a link's last = may be its token.
_LABELLED = re.compile(r"([^:/?#]+)=(.+)", re.DOTALL)


def run(files: list[str], output: Plan, demands: Demands) -> int:
    """The exit code. Raises UsageError."""
    if len(files) > _FILES_MAX:
        raise UsageError(f"at most {_FILES_MAX} reports are merged")
    if files.count("-") > 1:
        raise UsageError("- stands for stdin, which can be read once only")
    try:
        saved = merge([_saved(each) for each in files])
    except BadReport as exc:
        raise UsageError(str(exc)) from None
    report = diagnose(saved.target, saved.observations, saved.sources)
    gate = judged(report, demands)
    return gate.code if write(report, output, gate) else USAGE


def _saved(word: str) -> tuple[str, Saved]:
    """`LABEL=FILE`, unless a file of that whole name is there."""
    match = None if os.path.exists(word) else _LABELLED.fullmatch(word)
    label, name = match.groups() if match else ("", word)
    try:
        return label, load(_text(name))
    except BadReport as exc:
        raise UsageError(f"{name}: {exc}") from None


def _text(name: str) -> str:
    """The file's text, bounded, in whatever encoding a helpdesk's tools left it in."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(TEXT_MAX + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(TEXT_MAX + 1)
    except OSError as exc:
        raise UsageError(f"cannot read {name!a}: {exc.strerror}") from None
    if len(data) > TEXT_MAX:
        raise BadReport(f"it is larger than {TEXT_MAX >> 20} MiB, which no report of natprobe is")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, "replace").replace("\r\n", "\n")
