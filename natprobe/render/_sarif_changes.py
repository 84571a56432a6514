"""A finding's fixes as changes of lines, which programs apply by themselves: only what is exact to the last blank."""

from __future__ import annotations

from typing import Any

from natprobe.facts import ConfigFile, Setting
from natprobe.model import Finding, Report, Set
from natprobe.servers.files.writing import PLACEHOLDER
from natprobe.wire.text import clean

# In these files blanks before a line have no meaning, and how far in the old line was is not known here.
_FORMS = ("env", "hocon", "properties", "lua", "flat", "libconfig", "nginx", "javascript")


def changes(report: Report, finding: Finding) -> dict[str, Any] | None:
    """One fix that makes all of the changes (section 3.55); None where one of them is not exact."""
    from natprobe.render.sarif import artifact

    wanted = [each for each in finding.fixes if isinstance(each, Set)]
    files = {each.path: each for each in report.observations if isinstance(each, ConfigFile)}
    secret = {(each.file, each.line) for each in report.observations if isinstance(each, Setting) and each.secret}
    if not wanted or any((each.file, each.line) in secret or not _exact(each, files) for each in wanted):
        return None
    by_file: dict[str, list[Set]] = {}
    for each in wanted:
        by_file.setdefault(each.file, []).append(each)
    if any(len({each.line for each in same}) < len(same) for same in by_file.values()):
        return None
    changed = [
        {"artifactLocation": artifact(path), "replacements": [_replacement(each) for each in same]}
        for path, same in by_file.items()
    ]
    return {"artifactChanges": changed}


def _exact(fix: Set, files: dict[str, ConfigFile]) -> bool:
    """What is added or goes needs a line behind it, so that the file's last newline is no matter."""
    file = files.get(fix.file)
    if file is None or file.failure is not None or file.generated or file.form not in _FORMS:
        return False
    if not fix.line or fix.line > file.lines - (fix.op != "set"):
        return False
    plain = clean(fix.text, len(fix.text) + 1) == fix.text.strip() and not PLACEHOLDER.search(fix.text)
    return plain and bool(fix.text or fix.op == "remove")


def _replacement(fix: Set) -> dict[str, Any]:
    line = fix.line or 1
    if fix.op == "set":
        return {"deletedRegion": {"startLine": line}, "insertedContent": {"text": fix.text}}
    if fix.op == "remove":
        return {"deletedRegion": {"startLine": line, "startColumn": 1, "endLine": line + 1, "endColumn": 1}}
    behind = {"startLine": line + 1, "startColumn": 1, "endLine": line + 1, "endColumn": 1}
    return {"deletedRegion": behind, "insertedContent": {"text": f"{fix.text}\n"}}
