"""`natprobe inspect --diff`: the fixes that change a line of a configuration file, as a unified diff.

Nothing is written. Without context lines, since what stands beside a setting may be a secret. Paths are absolute, so
that `patch -d / -p1` takes it.
"""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Iterable, Iterator

from natprobe.facts import Setting
from natprobe.host.machine import Machine
from natprobe.model import Report, Set
from natprobe.servers.files.rewriting import rewritten
from natprobe.servers.files.writing import PLACEHOLDER
from natprobe.wire.secrecy import may_tell
from natprobe.wire.text import clean

# What natprobe reads of a configuration file, in bytes.
_FILE_MAX = 1 << 20


def diff(report: Report, machine: Machine) -> str:
    """All such fixes; what can't be shown as a diff is said in lines that begin with #."""
    secret = {(each.file, each.line) for each in report.observations if isinstance(each, Setting) and each.secret}
    by_file: dict[str, list[Set]] = {}
    said: list[str] = []
    for fix in _exact(report):
        place = (fix.file, fix.line)
        taken = [each for each in by_file.get(fix.file, []) if each.line == fix.line and each.op != "add"]
        if place in secret:
            said.append(f"# {fix.file}:{fix.line} holds a secret, so that it is not shown here: {fix.op} {fix.key}\n")
        elif taken and fix.op != "add":
            said.append(f"# {fix.file}:{fix.line} is changed once: after that look again for {fix.key}\n")
        else:
            by_file.setdefault(fix.file, []).append(fix)
    return "".join([*said, *(part for path, fixes in by_file.items() for part in _of_file(path, fixes, machine))])


def _exact(report: Report) -> Iterator[Set]:
    """Those that name a line of a file, the gravest finding's first. What a graver one has added is there already; one
    finding may add a key several times (coturn's denied-peer-ip).
    """
    yielded: set[Set] = set()
    for finding in report.findings:
        there = {(each.file, _key(each)) for each in yielded if each.op == "add"}
        for fix in finding.fixes:
            if not isinstance(fix, Set) or fix.line is None or not (fix.text or fix.op != "add") or fix in yielded:
                continue
            if fix.op != "add" or (fix.file, _key(fix)) not in there:
                yielded.add(fix)
                yield fix


def _key(fix: Set) -> str:
    """What a line that is added sets; a line that sets nothing by itself is its own."""
    return fix.text.partition("=")[0]


def _of_file(path: str, fixes: list[Set], machine: Machine) -> Iterator[str]:
    absolute = os.path.abspath(path)
    try:
        text = machine.read(path, _FILE_MAX).decode("utf-8", "surrogateescape")
    except OSError as exc:
        yield f"# {absolute} can't be read: {exc.strerror}\n"
        return
    # Lines as editors and parsers count them: only a newline ends one.
    old = list(io.StringIO(text, newline="\n"))
    telling = [each for each in fixes if _tells(old, each)]
    for each in telling:
        yield f"# {absolute}:{each.line} may hold a secret, so that it is not shown here: {each.op} {each.key}\n"
    new = _changed(old, [each for each in fixes if each not in telling])
    if any(clean(line, len(line)).strip() != line.strip() for line in {*old, *new} - ({*old} & {*new})):
        yield f"# {absolute} has control characters in a line to be changed, which are not shown here\n"
        return
    for line in difflib.unified_diff(old, new, f"a{absolute}", f"b{absolute}", n=0):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _tells(old: list[str], fix: Set) -> bool:
    """Whether the line that would be shown has more than its setting: what is added behind a line shows that one only
    where its end is missing.
    """
    at = min(fix.line or 0, len(old))
    shown = old[at - 1] if at and (fix.op != "add" or not old[at - 1].endswith("\n")) else ""
    return may_tell(shown)


def _changed(old: list[str], fixes: Iterable[Set]) -> list[str]:
    """From the last line to the first, so that the numbers stay right."""
    new = list(old)
    ending = "\r\n" if old and old[0].endswith("\r\n") else "\n"
    ordered = sorted(enumerate(fixes), key=lambda each: (each[1].line or 0, each[0]), reverse=True)
    for _, fix in ordered:
        at = min(fix.line or 0, len(old))
        if fix.op == "add":
            if at and not new[at - 1].endswith("\n"):
                new[at - 1] += ending
            new.insert(at, fix.text + ending)
        elif at:
            new[at - 1 : at] = _replaced(fix, old[at - 1], ending)
    return new


def _replaced(fix: Set, old: str, ending: str) -> list[str]:
    """Nothing for a line that goes; the old one where the new one can't be written exactly."""
    if fix.op == "remove":
        return []
    if fix.text:
        return [_indented(fix.text, old) + ending]
    return [rewritten(old, fix.key, fix.value) or old] if not PLACEHOLDER.search(fix.value) else [old]


def _indented(text: str, old: str) -> str:
    """As far in as the line was: a list's entry in YAML has to be as far in as the others."""
    return text if text[:1].isspace() else old[: len(old) - len(old.lstrip(" \t"))] + text
